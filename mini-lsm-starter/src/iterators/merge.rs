//! Day 3 · Task 3 · The merge iterator: many sorted sources as one, in which the newest source wins.
//!
//! The sources that stand on an entry form a binary heap of their numbers, ordered by (key,
//! number): at its root is the smallest key, and of equal keys the one from the newest source. The
//! heap holds numbers and not cursors, so that mending it moves a few bytes.

use crate::cursor::StorageIterator;
use crate::error::{Error, Result};

/// A cursor over the union of its sources; it follows the table in [`cursor`](crate::cursor).
///
/// Sources are given newest first. Of a key that several of them hold, the entry of the newest is
/// shown, be it a value or a tombstone, and the others are skipped. When a source fails, the error
/// is returned, and the cursor is invalid until the next seek.
#[derive(Debug)]
pub struct MergeIterator<I> {
    sources: Vec<I>,
    /// Numbers of the sources that are valid, as a heap. Empty after an error.
    heap: Vec<usize>,
    error: Option<Error>,
}

impl<I: StorageIterator> MergeIterator<I> {
    /// A cursor over `sources`, newest first, before its first seek. There may be none.
    pub fn new(sources: Vec<I>) -> Self {
        unimplemented!("day 3, task 3: MergeIterator::new")
    }
}

impl<I: StorageIterator> StorageIterator for MergeIterator<I> {
    fn is_valid(&self) -> bool {
        unimplemented!("day 3, task 3: MergeIterator::is_valid")
    }

    fn key(&self) -> &[u8] {
        unimplemented!("day 3, task 3: MergeIterator::key")
    }

    fn value(&self) -> Option<&[u8]> {
        unimplemented!("day 3, task 3: MergeIterator::value")
    }

    /// Older entries of the same key are skipped first, while the root still lends its key: they
    /// are always next to the root.
    fn next(&mut self) -> Result<()> {
        unimplemented!("day 3, task 3: MergeIterator::next")
    }

    fn seek_to_first(&mut self) -> Result<()> {
        unimplemented!("day 3, task 3: MergeIterator::seek_to_first")
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        unimplemented!("day 3, task 3: MergeIterator::seek")
    }
}
