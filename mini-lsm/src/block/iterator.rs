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
        Self {
            block,
            index: None,
            key: Vec::with_capacity(USUAL_KEY_LEN),
            shared: 0,
            value: None,
        }
    }

    /// Stands on entry `index`, or past the end if there is no such entry.
    fn stand_on(&mut self, index: usize) {
        if index >= self.block.entry_count() {
            self.index = None;
            return;
        }
        let offset = self.block.offset(index);
        let entry = self.block.entry_at(offset);
        self.key.truncate(self.shared.min(entry.shared));
        if self.key.len() < entry.shared {
            let first_key = self.block.entry_at(0).suffix;
            self.key
                .extend_from_slice(&first_key[self.key.len()..entry.shared]);
        }
        self.key.extend_from_slice(entry.suffix);
        self.shared = entry.shared;
        let value_at = offset + ENTRY_HEADER_LEN + entry.suffix.len();
        self.value = entry.value.map(|value| value_at..value_at + value.len());
        self.index = Some(index);
    }
}

impl StorageIterator for BlockIterator {
    #[inline]
    fn is_valid(&self) -> bool {
        self.index.is_some()
    }

    #[inline]
    fn key(&self) -> &[u8] {
        &self.key
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        self.value.clone().map(|value| &self.block.data[value])
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        if let Some(index) = self.index {
            self.stand_on(index + 1);
        }
        Ok(())
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.stand_on(0);
        Ok(())
    }

    // day 1 task 4
    fn seek(&mut self, target: &[u8]) -> Result<()> {
        let (Ok(index) | Err(index)) = self.block.search(target);
        self.stand_on(index);
        Ok(())
    }
}

impl Block {
    /// The number of the entry whose key is `target`; where none is, `Err` with the number of the
    /// first entry with a greater key, which may be the entry count. (As
    /// [`slice::binary_search`].)
    // day 1 task 4
    pub fn search(&self, target: &[u8]) -> std::result::Result<usize, usize> {
        let first_key = self.entry(0).suffix;
        let [mut low, mut high] = [0, self.entry_count()];
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.entry(middle);
            match compare(&first_key[..entry.shared], entry.suffix, target) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }
}

/// Compares the key `prefix + suffix` with `target`, without putting it together.
fn compare(prefix: &[u8], suffix: &[u8], target: &[u8]) -> Ordering {
    match target.split_at_checked(prefix.len()) {
        Some((head, tail)) => prefix.cmp(head).then_with(|| suffix.cmp(tail)),
        None => prefix.cmp(target),
    }
}
