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
        Self {
            table,
            fill,
            block_index: 0,
            block: None,
            error: None,
        }
    }

    /// Stands before the first entry of block `index`, or past the end if there is no such block.
    fn open_block(&mut self, index: usize) -> Result<()> {
        self.block = None;
        self.error = None;
        self.block_index = index;
        if index == self.table.block_count() {
            return Ok(());
        }
        match self.table.block(index, self.fill) {
            Ok(block) => {
                self.block = Some(BlockIterator::new(block));
                Ok(())
            }
            Err(error) => {
                self.error = Some(error.clone());
                Err(error)
            }
        }
    }

    fn seek_to_first_of(&mut self, block_index: usize) -> Result<()> {
        self.open_block(block_index)?;
        self.block
            .as_mut()
            .map_or(Ok(()), BlockIterator::seek_to_first)
    }

    fn current(&self) -> &BlockIterator {
        self.block.as_ref().expect("allowed only on an entry")
    }
}

impl StorageIterator for SsTableIterator {
    /// A block that is held always stands on an entry: there is no empty block.
    #[inline]
    fn is_valid(&self) -> bool {
        self.block.as_ref().is_some_and(BlockIterator::is_valid)
    }

    #[inline]
    fn key(&self) -> &[u8] {
        self.current().key()
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        self.current().value()
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let Some(block) = &mut self.block else {
            return Ok(());
        };
        block.next()?;
        match block.is_valid() {
            true => Ok(()),
            false => self.seek_to_first_of(self.block_index + 1),
        }
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.seek_to_first_of(0)
    }

    /// Finds the block in the index, so that one block is read at most.
    fn seek(&mut self, target: &[u8]) -> Result<()> {
        self.open_block(self.table.index().find(target))?;
        self.block
            .as_mut()
            .map_or(Ok(()), |block| block.seek(target))
    }
}
