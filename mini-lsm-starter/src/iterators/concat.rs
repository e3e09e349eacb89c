//! Day 5 · Task 1 · The concat iterator: the tables of one level, one after the other.
//!
//! From L1 on the tables of a level are sorted and do not overlap, so that a level is one long
//! sorted run cut into files. It needs no merge, and only one of its tables is open for reading at
//! a time.

use std::sync::Arc;

use crate::cursor::StorageIterator;
use crate::error::{Error, Result};
use crate::table::{CacheFill, SsTable, SsTableIterator};

/// A cursor over tables that ascend and do not overlap; it follows the table in
/// [`cursor`](crate::cursor).
///
/// Reads one block for a seek, none for tables it only passes by.
#[derive(Debug)]
pub struct ConcatIterator {
    /// In key order: the last key of each is below the first key of the next. The caller (a level)
    /// guarantees it.
    tables: Arc<[Arc<SsTable>]>,
    fill: CacheFill,
    /// The number of the table that `cursor` walks.
    table_index: usize,
    /// `None` before the first seek and past the end.
    cursor: Option<SsTableIterator>,
    error: Option<Error>,
}

impl ConcatIterator {
    /// A cursor over `tables`, which ascend and do not overlap, before its first seek. There may be
    /// none.
    pub fn new(tables: Arc<[Arc<SsTable>]>, fill: CacheFill) -> Self {
        unimplemented!("day 5, task 1: ConcatIterator::new")
    }
}

impl StorageIterator for ConcatIterator {
    #[inline]
    fn is_valid(&self) -> bool {
        unimplemented!("day 5, task 1: ConcatIterator::is_valid")
    }

    #[inline]
    fn key(&self) -> &[u8] {
        unimplemented!("day 5, task 1: ConcatIterator::key")
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        unimplemented!("day 5, task 1: ConcatIterator::value")
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        unimplemented!("day 5, task 1: ConcatIterator::next")
    }

    fn seek_to_first(&mut self) -> Result<()> {
        unimplemented!("day 5, task 1: ConcatIterator::seek_to_first")
    }

    /// The first table whose last key is at or past `target` holds the entry, if there is one: no
    /// other is opened.
    fn seek(&mut self, target: &[u8]) -> Result<()> {
        unimplemented!("day 5, task 1: ConcatIterator::seek")
    }
}
