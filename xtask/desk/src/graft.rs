//! Puts pieces of one version of a file into another.

use std::collections::BTreeSet;

use staging::outline::{Block, Entry, Import, Kind, Outline, Piece};

use crate::needs::Needs;

/// Puts the text of `piece` in the place of the piece with the same key.
pub fn replace(into: &mut Outline, piece: &Piece) {
    if let Some(there) = into.pieces_mut().find(|there| there.key == piece.key) {
        let text = with_gap_of(&there.text, &piece.text);
        *there = Piece {
            text,
            ..piece.clone()
        };
    }
}

/// A function with other code under what stands above it.
pub fn with_code(own: &Piece, code: &str) -> Piece {
    let at = own
        .function()
        .map_or(0..0, |function| function.code.clone());
    Piece {
        text: format!("{}{code}{}", &own.text[..at.start], &own.text[at.end..]),
        ..own.clone()
    }
}

/// Brings the pieces, blocks and imports that `needs` names out of `from`.
pub fn bring(into: &mut Outline, from: &Outline, needs: &Needs) {
    insert(into, from, &needs.items);
    import(into, &needs.imports);
}

/// Inserts what `keys` name, each behind what it stands behind in `from`, or as near to that as there is.
pub fn insert(into: &mut Outline, from: &Outline, keys: &BTreeSet<String>) {
    for (at, entry) in from.entries.iter().enumerate() {
        match entry {
            Entry::Piece(piece) if keys.contains(&piece.key) => {
                let place = place(into, &from.entries[..at]);
                let mut piece = piece.clone();
                piece.text = apart(&piece.text, place > 0);
                into.entries.insert(place, Entry::Piece(piece));
            }
            Entry::Piece(_) => {}
            Entry::Block(block) if keys.contains(&block.key) => {
                let place = place(into, &from.entries[..at]);
                let mut block = block.clone();
                block.open = apart(&block.open, place > 0);
                into.entries.insert(place, Entry::Block(block));
            }
            Entry::Block(block) => {
                for (at, member) in block.members.iter().enumerate() {
                    if keys.contains(&member.key) {
                        insert_member(into, block, &block.members[..at], member);
                    }
                }
            }
        }
    }
}

fn insert_member(into: &mut Outline, block: &Block, before: &[Piece], member: &Piece) {
    let mut blocks: Vec<&mut Block> = into
        .entries
        .iter_mut()
        .filter_map(|entry| match entry {
            Entry::Block(there) if there.scope == block.scope => Some(there),
            _ => None,
        })
        .collect();
    let neighbour = before.iter().rev().find_map(|before| {
        blocks.iter().enumerate().find_map(|(number, there)| {
            let at = there
                .members
                .iter()
                .position(|there| there.key == before.key)?;
            Some((number, at + 1))
        })
    });
    let same = blocks.iter().position(|there| there.key == block.key);
    let (number, at) = neighbour.unwrap_or((same.unwrap_or(0), 0));
    let mut member = member.clone();
    let Some(there) = blocks.get_mut(number) else {
        // No block of that scope is there: it comes with this member alone.
        let open = apart(&block.open, true);
        member.text = apart(&member.text, false);
        into.entries.push(Entry::Block(Block {
            open,
            members: vec![member],
            ..block.clone()
        }));
        return;
    };
    member.text = apart(&member.text, at > 0);
    there.members.insert(at, member);
    if at == 0
        && let Some(next) = there.members.get_mut(1)
    {
        next.text = apart(&next.text, true);
    }
}

/// Where an entry goes that stands behind `before` in its own file.
fn place(into: &Outline, before: &[Entry]) -> usize {
    let behind = before.iter().rev().find_map(|before| {
        let same = |there: &Entry| key(there) == key(before);
        into.entries.iter().position(same).map(|at| at + 1)
    });
    behind.unwrap_or_else(|| head(into))
}

/// Just behind the file's own docs.
fn head(outline: &Outline) -> usize {
    let docs = |entry: &Entry| key(entry) == "the file's docs";
    usize::from(outline.entries.first().is_some_and(docs))
}

pub fn key(entry: &Entry) -> &str {
    match entry {
        Entry::Piece(piece) => &piece.key,
        Entry::Block(block) => &block.key,
    }
}

/// Adds a line for each import, behind the last one that is there.
pub fn import(into: &mut Outline, imports: &[Import]) {
    if imports.is_empty() {
        return;
    }
    let is_import = |entry: &Entry| matches!(entry, Entry::Piece(piece) if matches!(piece.kind, Kind::Imports(_)));
    let last = into.entries.iter().rposition(is_import);
    let at = last.map_or_else(|| head(into), |last| last + 1);
    let mut text = match last {
        Some(_) => String::new(),
        None => "\n".to_string(),
    };
    for import in imports {
        text += &match import.path.strip_prefix("pub ") {
            Some(path) => format!("pub use {path};\n"),
            None => format!("use {};\n", import.path),
        };
    }
    let piece = Piece {
        key: "use of what came along".to_string(),
        text,
        kind: Kind::Imports(imports.to_vec()),
    };
    into.entries.insert(at, Entry::Piece(piece));
}

/// The text with one blank line above it, or none.
fn apart(text: &str, gap: bool) -> String {
    let text = text.trim_start_matches('\n');
    let text = match text.ends_with('\n') {
        true => text.to_string(),
        false => format!("{text}\n"),
    };
    match gap {
        true => format!("\n{text}"),
        false => text,
    }
}

/// `text`, with the blank lines above it that `old` has.
fn with_gap_of(old: &str, text: &str) -> String {
    let gap = old.len() - old.trim_start_matches('\n').len();
    format!("{}{}", &old[..gap], text.trim_start_matches('\n'))
}

/// Takes a piece out, and its block too if it was the last member.
pub fn remove(from: &mut Outline, key: &str) {
    from.entries.retain_mut(|entry| match entry {
        Entry::Piece(piece) => piece.key != key,
        Entry::Block(block) => {
            let first = block
                .members
                .first()
                .is_some_and(|member| member.key == key);
            let before = block.members.len();
            block.members.retain(|member| member.key != key);
            if first && let Some(next) = block.members.first_mut() {
                next.text = next.text.trim_start_matches('\n').to_string();
            }
            before == block.members.len() || !block.members.is_empty()
        }
    });
}
