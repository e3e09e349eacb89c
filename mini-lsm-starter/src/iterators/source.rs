//! What a merge merges, as an enum: one `match` a call instead of a virtual call, and one type instead of a tower of generics.

use super::concat::ConcatIterator;
use crate::cursor::StorageIterator;
use crate::error::Result;
use crate::mem_table::MemTableIterator;
use crate::table::SsTableIterator;

/// One source of entries of a store.
#[derive(Debug)]
pub enum Source {
    /// A memtable, the current one or a frozen one.
    MemTable(MemTableIterator),
    /// A table of L0.
    Table(SsTableIterator),
    /// The tables of a level from L1 on.
    Level(ConcatIterator),
}

/// Calls the same method on whatever source it is.
macro_rules! forward {
    ($source:expr, $cursor:ident => $call:expr) => {
        match $source {
            Source::MemTable($cursor) => $call,
            Source::Table($cursor) => $call,
            Source::Level($cursor) => $call,
        }
    };
}

impl StorageIterator for Source {
    #[inline]
    fn is_valid(&self) -> bool {
        forward!(self, cursor => cursor.is_valid())
    }

    #[inline]
    fn key(&self) -> &[u8] {
        forward!(self, cursor => cursor.key())
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        forward!(self, cursor => cursor.value())
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        forward!(self, cursor => cursor.next())
    }

    fn seek_to_first(&mut self) -> Result<()> {
        forward!(self, cursor => cursor.seek_to_first())
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        forward!(self, cursor => cursor.seek(target))
    }
}
