//! A Rust file cut into named pieces whose texts, end to end, are the file again: what lets two versions of a file be told
//! apart, and put together, item by item.
//!
//! A piece owns what stands above it since the piece before: blank lines, remarks, docs. Methods are pieces of their own,
//! between the opening and the closing line of their block.

mod cutter;

use std::ops::Range;

use crate::problem::Problem;
use crate::source::Source;
use cutter::Cutter;

/// A file as a list of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    pub entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Piece(Piece),
    Block(Block),
}

/// An `impl` or a `trait` with its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Two blocks of the same scope have keys of their own, and members are known by the scope, so that one may move from
    /// the first to the second.
    pub scope: String,
    pub key: String,
    pub open: String,
    pub members: Vec<Piece>,
    pub close: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Like no other in the file.
    pub key: String,
    pub text: String,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Function(Function),
    Imports(Vec<Import>),
    /// A type, a constant, a module, the file's own docs, what stands at its end.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// `Type::function` or `module::function`, as its stub says.
    pub name: String,
    /// `Trait` of `impl Trait for Type`.
    pub of_trait: Option<String>,
    /// Others can call it.
    pub callable: bool,
    /// Nothing but `unimplemented!(…)` or `todo!(…)`; of a `drop`, nothing.
    pub stub: bool,
    /// From the visibility to the end of the body, in the piece's text.
    pub code: Range<usize>,
    /// The braces and what is between them, in the piece's text.
    pub body: Range<usize>,
}

/// One name that a `use` brings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// `pub ` or nothing, then the path: `std::sync::Arc`, `std::fmt::Write as _`.
    pub path: String,
    /// The name by which it is known here.
    pub name: String,
}

impl Piece {
    pub fn function(&self) -> Option<&Function> {
        match &self.kind {
            Kind::Function(function) => Some(function),
            _ => None,
        }
    }

    /// The function without its docs and remarks.
    pub fn code(&self) -> &str {
        self.function().map_or("", |f| &self.text[f.code.clone()])
    }
}

impl Outline {
    /// `path` is for messages, and for the names of functions outside a type. Fails with the line where the text is no Rust.
    pub fn parse(path: &str, text: &str) -> Result<Outline, Problem> {
        let source = Source::parse(path, text)?;
        Ok(Cutter::new(&source).file())
    }

    /// The file again.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            match entry {
                Entry::Piece(piece) => text += &piece.text,
                Entry::Block(block) => {
                    text += &block.open;
                    text.extend(block.members.iter().map(|member| member.text.as_str()));
                    text += &block.close;
                }
            }
        }
        text
    }

    /// All pieces, members of blocks among them, in the order of the file.
    pub fn pieces(&self) -> impl Iterator<Item = &Piece> {
        self.entries.iter().flat_map(|entry| match entry {
            Entry::Piece(piece) => std::slice::from_ref(piece).iter(),
            Entry::Block(block) => block.members.iter(),
        })
    }

    pub fn pieces_mut(&mut self) -> impl Iterator<Item = &mut Piece> {
        self.entries.iter_mut().flat_map(|entry| match entry {
            Entry::Piece(piece) => std::slice::from_mut(piece).iter_mut(),
            Entry::Block(block) => block.members.iter_mut(),
        })
    }

    pub fn piece(&self, key: &str) -> Option<&Piece> {
        self.pieces().find(|piece| piece.key == key)
    }

    pub fn imports(&self) -> impl Iterator<Item = &Import> {
        self.pieces().flat_map(|piece| match &piece.kind {
            Kind::Imports(imports) => imports.as_slice(),
            _ => &[],
        })
    }
}
