//! Cuts a parsed file into its pieces, from its first byte to its last.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Block, Entry, Function, Import, Kind, Outline, Piece};
use crate::items;
use crate::source::Source;

pub struct Cutter<'s, 'a> {
    source: &'s Source<'a>,
    module: String,
    /// Where the next piece begins.
    from: usize,
    /// How often each key was given.
    keys: BTreeMap<String, u32>,
}

impl<'s, 'a> Cutter<'s, 'a> {
    pub fn new(source: &'s Source<'a>) -> Self {
        Cutter {
            source,
            module: items::module_name(source.path),
            from: 0,
            keys: BTreeMap::new(),
        }
    }
}

impl Cutter<'_, '_> {
    pub fn file(mut self) -> Outline {
        let mut entries = Vec::new();
        let inner = self.source.file.attrs.iter();
        if let Some(end) = inner.map(|attr| self.source.range(attr).end).max() {
            entries.push(Entry::Piece(self.other("the file's docs", end)));
        }
        for item in &self.source.file.items {
            let entry = self.item(item);
            entries.push(entry);
        }
        let end = self.source.text.len();
        if self.from < end {
            entries.push(Entry::Piece(Piece {
                key: self.key("the file's end"),
                text: self.source.text[self.from..].to_string(),
                kind: Kind::Other,
            }));
        }
        Outline { entries }
    }

    fn item(&mut self, item: &syn::Item) -> Entry {
        let range = self.source.range(item);
        match item {
            syn::Item::Fn(f) => {
                let name = items::within(&self.module, &f.sig.ident);
                let key = format!("fn {}", f.sig.ident);
                Entry::Piece(self.function(&key, &range, &f.attrs, &f.block, |function| {
                    function.name = name;
                    function.callable = items::is_visible(&f.vis);
                }))
            }
            syn::Item::Impl(imp) if !imp.items.is_empty() => self.implementation(imp, &range),
            syn::Item::Trait(tr) if !tr.items.is_empty() => self.definition(tr, &range),
            syn::Item::Use(import) => {
                let mut imports = Vec::new();
                let prefix = match &import.vis {
                    syn::Visibility::Inherited => String::new(),
                    vis => self.words(&self.source.range(vis)) + " ",
                };
                leaves(&import.tree, &prefix, &mut imports);
                let key = format!("use {}", self.words(&self.source.range(&import.tree)));
                let mut piece = self.other(&key, range.end);
                piece.kind = Kind::Imports(imports);
                Entry::Piece(piece)
            }
            other => {
                let key = self.item_key(other, &range);
                Entry::Piece(self.other(&key, range.end))
            }
        }
    }

    fn implementation(&mut self, imp: &syn::ItemImpl, range: &Range<usize>) -> Entry {
        let of_trait = imp.trait_.as_ref().map(|(path, _)| path);
        let of_trait = of_trait.map(|path| self.words(&self.source.range(path)));
        let ty = self.words(&self.source.range(&*imp.self_ty));
        let scope = match &of_trait {
            Some(of_trait) => format!("impl {of_trait} for {ty}"),
            None => format!("impl {ty}"),
        };
        let short = items::type_name(&imp.self_ty);
        self.block(scope, range, &imp.brace_token, |cutter, scope| {
            let members = imp.items.iter().map(|item| {
                let range = cutter.source.range(item);
                let syn::ImplItem::Fn(f) = item else {
                    let key = format!("{scope}: {}", cutter.first_words(&range));
                    return cutter.other(&key, range.end);
                };
                let key = format!("{scope}: fn {}", f.sig.ident);
                cutter.function(&key, &range, &f.attrs, &f.block, |function| {
                    function.name = format!("{short}::{}", f.sig.ident);
                    function.callable = of_trait.is_some() || items::is_visible(&f.vis);
                    function.stub |=
                        of_trait.as_deref() == Some("Drop") && f.block.stmts.is_empty();
                    function.of_trait = of_trait.clone();
                })
            });
            members.collect()
        })
    }

    fn definition(&mut self, tr: &syn::ItemTrait, range: &Range<usize>) -> Entry {
        let scope = format!("trait {}", tr.ident);
        self.block(scope, range, &tr.brace_token, |cutter, scope| {
            let members = tr.items.iter().map(|item| {
                let range = cutter.source.range(item);
                let syn::TraitItem::Fn(f) = item else {
                    let key = format!("{scope}: {}", cutter.first_words(&range));
                    return cutter.other(&key, range.end);
                };
                let key = format!("{scope}: fn {}", f.sig.ident);
                let Some(body) = &f.default else {
                    return cutter.other(&key, range.end);
                };
                cutter.function(&key, &range, &f.attrs, body, |function| {
                    function.name = format!("{}::{}", tr.ident, f.sig.ident);
                    function.callable = true;
                })
            });
            members.collect()
        })
    }

    fn block(
        &mut self,
        scope: String,
        range: &Range<usize>,
        braces: &syn::token::Brace,
        members: impl FnOnce(&mut Self, &str) -> Vec<Piece>,
    ) -> Entry {
        let key = self.key(&scope);
        let open = self.cut(braces.span.open().byte_range().end);
        let members = members(self, &scope);
        let close = self.cut(range.end);
        Entry::Block(Block {
            scope,
            key,
            open,
            members,
            close,
        })
    }

    fn function(
        &mut self,
        key: &str,
        range: &Range<usize>,
        attrs: &[syn::Attribute],
        body: &syn::Block,
        fill: impl FnOnce(&mut Function),
    ) -> Piece {
        let outer = attrs
            .iter()
            .filter(|attr| matches!(attr.style, syn::AttrStyle::Outer));
        let docs_end = outer.map(|attr| self.source.range(attr).end).max();
        let start = docs_end.map_or(range.start, |end| self.source.token_start_from(end));
        let from = self.from;
        let within = |range: Range<usize>| range.start - from..range.end - from;
        let mut function = Function {
            name: String::new(),
            of_trait: None,
            callable: false,
            stub: is_stub(body),
            code: within(start..range.end),
            body: within(self.source.range(body)),
        };
        fill(&mut function);
        Piece {
            kind: Kind::Function(function),
            ..self.other(key, range.end)
        }
    }

    fn other(&mut self, key: &str, end: usize) -> Piece {
        Piece {
            key: self.key(key),
            text: self.cut(end),
            kind: Kind::Other,
        }
    }

    /// The text up to `end`, and to the end of its line where no code follows on it.
    fn cut(&mut self, end: usize) -> String {
        let line_end = self.source.line_end(end.saturating_sub(1));
        let alone = self.source.token_start_from(end) >= line_end;
        let end = if alone { line_end.max(end) } else { end };
        let text = self.source.text[self.from..end].to_string();
        self.from = end;
        text
    }

    fn key(&mut self, key: &str) -> String {
        let count = self.keys.entry(key.to_string()).or_insert(0);
        *count += 1;
        match *count {
            1 => key.to_string(),
            many => format!("{key} #{many}"),
        }
    }

    fn item_key(&self, item: &syn::Item, range: &Range<usize>) -> String {
        match item {
            syn::Item::Const(i) => format!("const {}", i.ident),
            syn::Item::Enum(i) => format!("enum {}", i.ident),
            syn::Item::Mod(i) => format!("mod {}", i.ident),
            syn::Item::Static(i) => format!("static {}", i.ident),
            syn::Item::Struct(i) => format!("struct {}", i.ident),
            syn::Item::Trait(i) => format!("trait {}", i.ident),
            syn::Item::Type(i) => format!("type {}", i.ident),
            syn::Item::Union(i) => format!("union {}", i.ident),
            syn::Item::Impl(i) => {
                let start = self.source.range(&i.impl_token).start;
                self.words(&(start..range.end))
            }
            _ => self.first_words(range),
        }
    }

    /// The tokens of a range, one blank between them where there was any.
    fn words(&self, range: &Range<usize>) -> String {
        let text = &self.source.text[range.clone()];
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The first line of code of an item without a name that is known here.
    fn first_words(&self, range: &Range<usize>) -> String {
        let text = &self.source.text[range.clone()];
        let mut lines = text.lines().map(str::trim);
        let code =
            |line: &&str| !line.is_empty() && !line.starts_with("//") && !line.starts_with('#');
        lines.find(code).unwrap_or_default().to_string()
    }
}

fn is_stub(body: &syn::Block) -> bool {
    let mac = match body.stmts.as_slice() {
        [syn::Stmt::Macro(statement)] => &statement.mac,
        [syn::Stmt::Expr(syn::Expr::Macro(expression), _)] => &expression.mac,
        _ => return false,
    };
    mac.path.is_ident("unimplemented") || mac.path.is_ident("todo")
}

fn leaves(tree: &syn::UseTree, prefix: &str, into: &mut Vec<Import>) {
    let mut leaf = |path: String, name: String| into.push(Import { path, name });
    match tree {
        syn::UseTree::Path(path) => {
            leaves(&path.tree, &format!("{prefix}{}::", path.ident), into);
        }
        syn::UseTree::Name(name) if name.ident == "self" => {
            let path = prefix.trim_end_matches("::").to_string();
            let name = path
                .rsplit([':', ' '])
                .next()
                .unwrap_or_default()
                .to_string();
            leaf(path, name);
        }
        syn::UseTree::Name(name) => leaf(format!("{prefix}{}", name.ident), name.ident.to_string()),
        syn::UseTree::Rename(rename) => leaf(
            format!("{prefix}{} as {}", rename.ident, rename.rename),
            rename.rename.to_string(),
        ),
        syn::UseTree::Glob(_) => leaf(format!("{prefix}*"), format!("{prefix}*")),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                leaves(tree, prefix, into);
            }
        }
    }
}
