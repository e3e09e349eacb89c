//! Cursors made of cursors: [`merge`] for sources that overlap, [`concat`] for tables that do not, [`source`] for what is merged.

pub mod concat;
pub mod merge;
pub mod source;

pub use concat::ConcatIterator;
pub use merge::MergeIterator;
pub use source::Source;
