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
        let candidates = self.levels[0].iter();
        let below = self.levels[1..].iter(); // day 5 task 4
        let candidates = candidates.chain(below.filter_map(|level| table_for(level, key))); // day 5 task 4
        for table in candidates {
            match table.get(key)? {
                Lookup::Value(value) => return Ok(Some(value)),
                Lookup::Deleted => return Ok(None),
                Lookup::Unknown => {}
            }
        }
        Ok(None)
    }

    /// The cursors that a scan merges, newest first: one for each table of L0 (day 4), one for each
    /// level below (day 5). The blocks that they read go into the cache, for the next scan.
    pub fn table_sources(&self) -> Vec<Source> {
        let table_source = |table: &Arc<SsTable>| {
            Source::Table(SsTableIterator::new(Arc::clone(table), CacheFill::Yes))
        };
        let mut sources: Vec<Source> = self.levels[0].iter().map(table_source).collect();
        let levels = self.levels[1..].iter().filter(|level| !level.is_empty()); // day 5 task 4
        sources
            .extend(levels.map(|level| {
                Source::Level(ConcatIterator::new(Arc::clone(level), CacheFill::Yes))
            })); // day 5 task 4
        sources
    }
}

/// The table of a level from L1 on that may hold `key`, if one does.
// day 5 task 4
pub fn table_for<'a>(level: &'a [Arc<SsTable>], key: &[u8]) -> Option<&'a Arc<SsTable>> {
    let index = level.partition_point(|table| table.last_key() < key);
    level.get(index).filter(|table| table.first_key() <= key)
}
