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
        unimplemented!("day 3, task 2: MemTableIterator::new")
    }
}

impl StorageIterator for MemTableIterator {
    fn is_valid(&self) -> bool {
        unimplemented!("day 3, task 2: MemTableIterator::is_valid")
    }

    fn key(&self) -> &[u8] {
        unimplemented!("day 3, task 2: MemTableIterator::key")
    }

    fn value(&self) -> Option<&[u8]> {
        unimplemented!("day 3, task 2: MemTableIterator::value")
    }

    fn next(&mut self) -> Result<()> {
        unimplemented!("day 3, task 2: MemTableIterator::next")
    }

    fn seek_to_first(&mut self) -> Result<()> {
        unimplemented!("day 3, task 2: MemTableIterator::seek_to_first")
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        unimplemented!("day 3, task 2: MemTableIterator::seek")
    }
}
