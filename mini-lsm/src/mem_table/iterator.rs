//! Day 3 · Task 2 · The memtable's iterator: a cursor that owns its memtable, and takes entries from it some at a time.
//!
//! An iterator of the skip list borrows the skip list; a cursor that held both would refer to
//! itself. So this one holds the memtable, a small buffer of entries, which are cheap to clone,
//! and looks up the key to go on from when the buffer is used up.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

use super::{InlineKey, InlineValue, MemTable, Seq, VersionedKey};
use crate::cursor::StorageIterator;
use crate::error::Result;

/// How many entries the first look into the skip list after a seek fetches. Each further look takes
/// twice as many: a scan of ten entries does not pay for sixty-four, and a long one seldom looks.
const FIRST_FETCH: usize = 4;
/// How many it takes at most.
const LARGEST_FETCH: usize = 64;

/// A cursor over a memtable as it was at one sequence number: each key once, with its newest
/// version at or below that number. It follows the table in [`cursor`](crate::cursor), and never
/// fails. Writes that go on meanwhile do not disturb it.
#[derive(Debug)]
pub struct MemTableIterator {
    memtable: Arc<MemTable>,
    seq: Seq,
    /// The current entry, and those after it that have been fetched already. Empty before the first
    /// seek and past the end.
    buffer: VecDeque<(InlineKey, Option<InlineValue>)>,
    /// How many entries the next look takes.
    fetch_len: usize,
}

impl MemTableIterator {
    /// A cursor over `memtable` at `seq`, before its first seek.
    pub fn new(memtable: Arc<MemTable>, seq: Seq) -> Self {
        Self {
            memtable,
            seq,
            buffer: VecDeque::new(),
            fetch_len: FIRST_FETCH,
        }
    }

    /// Fetches the next entries from `start` on.
    fn fill(&mut self, start: Bound<&VersionedKey>) {
        self.buffer.clear();
        for entry in self.memtable.entries.range((start, Bound::Unbounded)) {
            let VersionedKey {
                key,
                seq: Reverse(seq),
            } = entry.key();
            // Within a key versions come newest first: the first that may be seen is the one, and
            // older ones are skipped.
            let is_older = self.buffer.back().is_some_and(|(last, _)| last == key);
            if *seq > self.seq || is_older {
                continue;
            }
            if self.buffer.len() == self.fetch_len {
                break;
            }
            self.buffer.push_back((key.clone(), entry.value().clone()));
        }
        self.fetch_len = LARGEST_FETCH.min(2 * self.fetch_len);
    }
}

impl StorageIterator for MemTableIterator {
    fn is_valid(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn key(&self) -> &[u8] {
        &self.buffer[0].0
    }

    fn value(&self) -> Option<&[u8]> {
        self.buffer[0].1.as_deref()
    }

    fn next(&mut self) -> Result<()> {
        if let Some((key, _)) = self.buffer.pop_front()
            && self.buffer.is_empty()
        {
            // Sequence number 0 is never given: this is past all versions of the key.
            self.fill(Bound::Excluded(&VersionedKey::new(&key, 0)));
        }
        Ok(())
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.fetch_len = FIRST_FETCH;
        self.fill(Bound::Unbounded);
        Ok(())
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        self.fetch_len = FIRST_FETCH;
        self.fill(Bound::Included(&VersionedKey::new(target, self.seq)));
        Ok(())
    }
}
