//! Cursors made of cursors: [`mod@merge`] for sources that overlap, [`mod@concat`] for tables that do not, [`mod@source`] for what is merged.

pub mod concat;
pub mod merge;
pub mod source;

pub use concat::ConcatIterator;
pub use merge::MergeIterator;
pub use source::Source;
