//! What a function taken from one file needs in another: helpers and imports that are not there.
//!
//! A name is needed if it occurs as a word; that may bring a helper too many, and never misses one that is called.

use std::collections::BTreeSet;

use staging::outline::{Block, Entry, Import, Outline, Piece};

/// What has to come along, by key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Pieces, and blocks as a whole.
    pub items: BTreeSet<String>,
    pub imports: Vec<Import>,
}

/// What `codes`, functions out of `from`, need that `into` has not.
pub fn needs(codes: &[&str], from: &Outline, into: &Outline) -> Needs {
    let mut found = Needs::default();
    let mut used: BTreeSet<String> = codes.iter().flat_map(|code| words(code)).collect();
    let there: BTreeSet<&str> = keys(into).collect();
    loop {
        let before = found.items.len();
        for entry in &from.entries {
            match entry {
                Entry::Piece(piece) => take(piece, &there, &mut used, &mut found),
                // A whole block comes only with the type that it is of.
                Entry::Block(block) if !has_scope(into, &block.scope) => {
                    if !is_callable(block)
                        && used.contains(&subject(block))
                        && found.items.insert(block.key.clone())
                    {
                        used.extend(block.members.iter().flat_map(|member| words(&member.text)));
                    }
                }
                Entry::Block(block) => {
                    for member in &block.members {
                        take(member, &there, &mut used, &mut found);
                    }
                }
            }
        }
        if found.items.len() == before {
            break;
        }
    }
    found.imports = missing_imports(from, into, |import| {
        used.contains(&import.name) || import.name == "_"
    });
    found
}

/// The imports of `from` that `wanted` accepts and whose names mean nothing in `into` yet.
pub fn missing_imports(
    from: &Outline,
    into: &Outline,
    wanted: impl Fn(&Import) -> bool,
) -> Vec<Import> {
    let there: Vec<&Import> = into.imports().collect();
    let defined: BTreeSet<String> = into.pieces().filter_map(name).collect();
    let known = |import: &Import| {
        there.iter().any(|other| {
            other.path == import.path || (other.name == import.name && import.name != "_")
        }) || defined.contains(&import.name)
    };
    let missing = from
        .imports()
        .filter(|import| wanted(import) && !known(import));
    missing.cloned().collect()
}

fn take(piece: &Piece, there: &BTreeSet<&str>, used: &mut BTreeSet<String>, found: &mut Needs) {
    // What others can call is of the course, or own work, and never a mere helper.
    let helper = piece.function().is_none_or(|function| !function.callable);
    let named = name(piece).is_some_and(|name| used.contains(&name));
    if helper
        && named
        && !there.contains(piece.key.as_str())
        && found.items.insert(piece.key.clone())
    {
        used.extend(words(&piece.text));
    }
}

fn has_scope(outline: &Outline, scope: &str) -> bool {
    let mut entries = outline.entries.iter();
    entries.any(|entry| matches!(entry, Entry::Block(block) if block.scope == scope))
}

fn is_callable(block: &Block) -> bool {
    let of_trait = block.scope.contains(" for ");
    let mut functions = block.members.iter().filter_map(Piece::function);
    !of_trait && functions.any(|function| function.callable)
}

/// The type that a block is of.
fn subject(block: &Block) -> String {
    let ty = block.scope.rsplit(' ').next().unwrap_or_default();
    ty.split('<').next().unwrap_or_default().to_string()
}

/// Every key of a file, of blocks too.
pub fn keys(outline: &Outline) -> impl Iterator<Item = &str> {
    outline.entries.iter().flat_map(|entry| {
        let (own, members) = match entry {
            Entry::Piece(piece) => (piece.key.as_str(), [].as_slice()),
            Entry::Block(block) => (block.key.as_str(), block.members.as_slice()),
        };
        std::iter::once(own).chain(members.iter().map(|member| member.key.as_str()))
    })
}

/// The name by which code speaks of a piece; none of what has no name of its own.
pub fn name(piece: &Piece) -> Option<String> {
    const NAMED: [&str; 9] = [
        "fn", "const", "enum", "mod", "static", "struct", "trait", "type", "union",
    ];
    let key = piece.key.rsplit(": ").next().unwrap_or_default();
    let mut parts = key.split_whitespace();
    let kind = parts.next()?;
    NAMED.contains(&kind).then(|| {
        parts
            .next()
            .unwrap_or_default()
            .trim_end_matches(':')
            .to_string()
    })
}

/// The words of code, without those of remarks and docs.
pub fn words(code: &str) -> BTreeSet<String> {
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let words = lines.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect()
}
