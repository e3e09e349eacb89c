//! Day 2 · Task 5 · The table iterator: a cursor over a whole table, which holds one block at a time.

use std::sync::Arc;

use super::{CacheFill, SsTable};
use crate::block::BlockIterator;
use crate::cursor::StorageIterator;
use crate::error::{Error, Result};

/// A cursor over a table; it follows the table in [`cursor`](crate::cursor).
#[derive(Debug)]
pub struct SsTableIterator {
    table: Arc<SsTable>,
    fill: CacheFill,
    /// The number of the block that `block` walks.
    block_index: usize,
    /// `None` before the first seek, past the end, and after an error.
    block: Option<BlockIterator>,
    /// What every step answers since a read failed.
    error: Option<Error>,
}

impl SsTableIterator {
    /// A cursor before its first seek. Reads nothing yet.
    pub fn new(table: Arc<SsTable>, fill: CacheFill) -> Self {
        unimplemented!("day 2, task 5: SsTableIterator::new")
    }
}

impl StorageIterator for SsTableIterator {
    /// A block that is held always stands on an entry: there is no empty block.
    #[inline]
    fn is_valid(&self) -> bool {
        unimplemented!("day 2, task 5: SsTableIterator::is_valid")
    }

    #[inline]
    fn key(&self) -> &[u8] {
        unimplemented!("day 2, task 5: SsTableIterator::key")
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        unimplemented!("day 2, task 5: SsTableIterator::value")
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        unimplemented!("day 2, task 5: SsTableIterator::next")
    }

    fn seek_to_first(&mut self) -> Result<()> {
        unimplemented!("day 2, task 5: SsTableIterator::seek_to_first")
    }

    /// Finds the block in the index, so that one block is read at most.
    fn seek(&mut self, target: &[u8]) -> Result<()> {
        unimplemented!("day 2, task 5: SsTableIterator::seek")
    }
}
