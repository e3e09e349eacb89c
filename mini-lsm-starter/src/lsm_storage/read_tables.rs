//! Day 4 · Task 3 · The read path through tables.

use std::sync::Arc;

use bytes::Bytes;

use super::state::State;
use crate::cursor::Lookup;
use crate::error::Result;
use crate::iterators::{ConcatIterator, Source};
use crate::table::{CacheFill, SsTable, SsTableIterator};

impl State {
    /// The value of `key` in the tables, from the newest table to the oldest until one knows it: L0
    /// (day 4), then level by level (day 5), where at most one table can hold it.
    pub fn get_from_tables(&self, key: &[u8]) -> Result<Option<Bytes>> {
        unimplemented!("day 4, task 3: State::get_from_tables")
    }

    /// The cursors that a scan merges, newest first: one for each table of L0 (day 4), one for each
    /// level below (day 5). The blocks that they read go into the cache, for the next scan.
    pub fn table_sources(&self) -> Vec<Source> {
        unimplemented!("day 4, task 3: State::table_sources")
    }
}

/// The table of a level from L1 on that may hold `key`, if one does.
pub fn table_for<'a>(level: &'a [Arc<SsTable>], key: &[u8]) -> Option<&'a Arc<SsTable>> {
    unimplemented!("day 5, task 4: read_tables::table_for")
}
