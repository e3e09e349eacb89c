//! Day 5 · Task 3 · Running a compaction: merges tables into new ones.

use std::sync::Arc;

use crate::cursor::StorageIterator;
use crate::error::Result;
use crate::iterators::{MergeIterator, Source};
use crate::table::SsTable;
use crate::table_store::{NewTable, TableStore};

/// Knows which tombstones must be kept: those that still hide something.
///
/// A tombstone may go when no level below the output's holds its key: all that is newer is above,
/// and what it hid on the way is merged with it.
#[derive(Debug)]
pub struct Tombstones {
    /// The levels below the output's, each sorted and without overlaps.
    below: Vec<Arc<[Arc<SsTable>]>>,
}

impl Tombstones {
    /// For an output with these levels below it.
    pub fn new(below: Vec<Arc<[Arc<SsTable>]>>) -> Self {
        Self { below }
    }

    /// Whether a tombstone for `key` must stay: some table below covers the key. No table is read.
    pub fn must_keep(&self, key: &[u8]) -> bool {
        self.below.iter().any(|level| {
            let candidate = level.partition_point(|table| table.last_key() < key);
            level
                .get(candidate)
                .is_some_and(|table| table.first_key() <= key)
        })
    }
}

/// Writes what `inputs` gives from its first entry on into new tables, in key order, and returns
/// them; none if nothing is left.
///
/// A table is finished by the first entry that brings its [estimated
/// size](crate::table::SsTableBuilder::estimated_size) to `table_size` or more. Tombstones that
/// need not be kept are left out. `None` if `should_stop` says so, which is asked now and then. On
/// an error or a stop the new files are removed.
pub fn merge_tables(
    mut inputs: MergeIterator<Source>,
    tombstones: &Tombstones,
    store: &Arc<TableStore>,
    table_size: u64,
    should_stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<Arc<SsTable>>>> {
    let mut outputs = Outputs {
        store,
        table_size,
        current: None,
        finished: Vec::new(),
        is_wanted: false,
    };
    inputs.seek_to_first()?;
    let mut entry_count = 0_u64;
    while inputs.is_valid() {
        if entry_count.is_multiple_of(STOP_CHECK_INTERVAL) && should_stop() {
            return Ok(None);
        }
        entry_count += 1;
        let (key, value) = (inputs.key(), inputs.value());
        if value.is_some() || tombstones.must_keep(key) {
            outputs.add(key, value)?;
        }
        inputs.next()?;
    }
    outputs.finish().map(Some)
}

/// After how many entries the question whether to stop is asked again.
const STOP_CHECK_INTERVAL: u64 = 1024;

/// The tables being written: they alone know when one is full.
struct Outputs<'a> {
    store: &'a Arc<TableStore>,
    table_size: u64,
    current: Option<NewTable>,
    finished: Vec<Arc<SsTable>>,
    /// Whether the finished tables have been handed over; otherwise their files go.
    is_wanted: bool,
}

impl Outputs<'_> {
    fn add(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        let current = match &mut self.current {
            Some(current) => current,
            None => self.current.insert(self.store.begin()?),
        };
        current.builder().add(key, value)?;
        match current.builder().estimated_size() >= self.table_size {
            true => self.finish_current(),
            false => Ok(()),
        }
    }

    fn finish_current(&mut self) -> Result<()> {
        if let Some(table) = self.current.take() {
            self.finished.push(table.finish()?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Arc<SsTable>>> {
        self.finish_current()?;
        self.is_wanted = true;
        Ok(std::mem::take(&mut self.finished))
    }
}

// given
impl Drop for Outputs<'_> {
    fn drop(&mut self) {
        if !self.is_wanted {
            self.finished
                .iter()
                .for_each(|table| self.store.retire(table));
        }
    }
}
