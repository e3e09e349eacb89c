//! Day 1 · Task 3 · The block iterator: a cursor over one block. Its steps cannot fail, since the block has been checked.

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

    /// How many entries have a key below `target`: the binary search.
    fn count_below(&self, target: &[u8]) -> usize {
        let first_key = self.block.entry(0).suffix;
        let [mut low, mut high] = [0, self.block.entry_count()];
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.block.entry(middle);
            if is_below(&first_key[..entry.shared], entry.suffix, target) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
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

    /// A binary search over the offsets.
    // day 1 task 4
    fn seek(&mut self, target: &[u8]) -> Result<()> {
        self.stand_on(self.count_below(target));
        Ok(())
    }
}

/// Whether the key `prefix + suffix` is below `target`, without putting it together.
fn is_below(prefix: &[u8], suffix: &[u8], target: &[u8]) -> bool {
    match target.get(..prefix.len()) {
        Some(head) => (prefix, suffix) < (head, &target[prefix.len()..]),
        None => prefix < target,
    }
}
