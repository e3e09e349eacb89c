//! Day 3 · Task 4 · The read path: what a key is worth, and what a range holds.
//!
//! A reader takes the state first and the visible sequence number second, so that it sees just what
//! the number says. The other way round, a flush in between may have put newer versions into the
//! place of those that it asks for.

use std::ops::Bound;

use bytes::Bytes;

use super::core::Core;
use crate::cursor::Lookup;
use crate::error::Result;
use crate::iterators::{MergeIterator, Source};
use crate::lsm_iterator::LsmIterator;

impl Core {
    /// The newest visible value of `key`, looked for from the newest source to the oldest until one
    /// knows it.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.health.check_open()?;
        let state = self.snapshot();
        let seq = self.visible_seq();
        for memtable in state.memtables() {
            match memtable.get(key, seq) {
                Lookup::Value(value) => return Ok(Some(value)),
                Lookup::Deleted => return Ok(None),
                Lookup::Unknown => {}
            }
        }
        // until day 4 task 3: Ok(None)
        state.get_from_tables(key) // day 4 task 3
    }

    /// A cursor over the entries between two bounds, as they are now.
    // day 3 task 5
    pub fn scan(&self, start: Bound<&[u8]>, end: Bound<&[u8]>) -> Result<LsmIterator> {
        self.health.check_open()?;
        let state = self.snapshot();
        let seq = self.visible_seq();
        let mut sources: Vec<Source> = state
            .memtables()
            .map(|memtable| Source::MemTable(memtable.iter(seq)))
            .collect();
        sources.extend(state.table_sources()); // day 4 task 3
        LsmIterator::new(MergeIterator::new(sources), start, end)
    }
}
