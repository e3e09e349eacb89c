//! Day 1 · Task 3 · The block iterator: a cursor over one block. Its steps cannot fail, since the block has been checked.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Block;
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
}

impl BlockIterator {
    /// A cursor before its first seek.
    pub fn new(block: Arc<Block>) -> Self {
        Self {
            block,
            index: None,
            key: Vec::new(),
        }
    }

    /// Stands on entry `index`, or past the end if there is no such entry.
    fn stand_on(&mut self, index: usize) {
        if index >= self.block.entry_count() {
            self.index = None;
            return;
        }
        let entry = self.block.entry(index);
        self.key.clear();
        self.key
            .extend_from_slice(&self.block.entry(0).suffix[..entry.shared]);
        self.key.extend_from_slice(entry.suffix);
        self.index = Some(index);
    }
}

impl StorageIterator for BlockIterator {
    fn is_valid(&self) -> bool {
        self.index.is_some()
    }

    fn key(&self) -> &[u8] {
        &self.key
    }

    fn value(&self) -> Option<&[u8]> {
        let index = self.index.expect("value() is allowed only on an entry");
        self.block.entry(index).value
    }

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
