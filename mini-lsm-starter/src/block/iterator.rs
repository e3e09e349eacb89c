//! Day 1 · Task 3 · The block iterator: a cursor over one block. Its steps cannot fail, since the block has been checked.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use super::{Block, ENTRY_HEADER_LEN};
use crate::cursor::StorageIterator;
use crate::error::Result;

/// A cursor over the entries of one block; it follows the table in [`cursor`](crate::cursor).
#[derive(Debug)]
pub struct BlockIterator {
    block: Arc<Block>,
    /// The current entry; `None` before the first seek and past the end.
    index: Option<usize>,
    /// The current entry's key, put together from the first key's bytes and its own.
    key: Vec<u8>,
    /// How many bytes of `key` are the first key's: the next entry needs only what it shares beyond
    /// them.
    shared: usize,
    /// Where the current entry's value lies in the block; `None` for a tombstone.
    value: Option<Range<usize>>,
}

/// Room for a key that need not grow.
const USUAL_KEY_LEN: usize = 64;

impl BlockIterator {
    /// A cursor before its first seek.
    pub fn new(block: Arc<Block>) -> Self {
        unimplemented!("day 1, task 3: BlockIterator::new")
    }
}

impl StorageIterator for BlockIterator {
    #[inline]
    fn is_valid(&self) -> bool {
        unimplemented!("day 1, task 3: BlockIterator::is_valid")
    }

    #[inline]
    fn key(&self) -> &[u8] {
        unimplemented!("day 1, task 3: BlockIterator::key")
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        unimplemented!("day 1, task 3: BlockIterator::value")
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        unimplemented!("day 1, task 3: BlockIterator::next")
    }

    fn seek_to_first(&mut self) -> Result<()> {
        unimplemented!("day 1, task 3: BlockIterator::seek_to_first")
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        unimplemented!("day 1, task 4: BlockIterator::seek")
    }
}

impl Block {
    /// The number of the entry whose key is `target`; where none is, `Err` with the number of the
    /// first entry with a greater key, which may be the entry count. (As
    /// [`slice::binary_search`].)
    pub fn search(&self, target: &[u8]) -> std::result::Result<usize, usize> {
        unimplemented!("day 1, task 4: Block::search")
    }
}
