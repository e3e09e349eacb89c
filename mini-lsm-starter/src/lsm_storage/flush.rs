//! Day 4 · Task 2 · Flush: a frozen memtable becomes a table of L0.

use std::sync::Arc;

use super::core::Core;
use super::state::State;
use crate::cursor::StorageIterator;
use crate::error::Result;
use crate::listener::Event;
use crate::manifest::{TableRecord, VersionEdit};
use crate::mem_table::{MemTable, Seq};
use crate::table::{SsTable, TableId};
use crate::table_store::TableStore;

impl Core {
    /// Freezes the memtable, then flushes all that were frozen by then.
    pub fn flush(&self) -> Result<()> {
        unimplemented!("day 4, task 2: Core::flush")
    }

    /// Writes the oldest frozen memtable to a table, and puts that in its place. Does nothing if
    /// none is frozen.
    ///
    /// One thread at a time, under the flush lock, so that L0 gets its tables in the order of their
    /// age.
    pub fn flush_oldest(&self) -> Result<()> {
        unimplemented!("day 4, task 2: Core::flush_oldest")
    }

    /// The frozen memtable that has waited longest.
    pub fn oldest_frozen(&self) -> Option<Arc<MemTable>> {
        self.state.read().frozen.last().cloned()
    }

    /// A change of the store: recorded in the manifest (day 6), then visible. The state may have
    /// changed since `edit` was made up: the successor is made of the current one.
    pub fn install(
        &self,
        edit: &VersionEdit,
        successor: impl FnOnce(&State) -> State,
    ) -> Result<()> {
        unimplemented!("day 4, task 2: Core::install")
    }

    /// What a flush changes, for the manifest: the new table, and that the logs up to this
    /// memtable's are not needed any more.
    pub fn flush_edit(&self, memtable: &MemTable, table: Option<TableId>) -> VersionEdit {
        VersionEdit {
            added: table
                .into_iter()
                .map(|id| TableRecord { id, level: 0 })
                .collect(),
            oldest_log: Some(memtable.id() + 1),
            last_flushed_seq: Some(memtable.last_seq()),
            next_id: Some(self.tables.next_id()),
            ..VersionEdit::default()
        }
    }
}

/// Writes the newest version of each key of `memtable` to a new table. No table if the memtable is
/// empty.
///
/// Requires that nothing is written to it any more.
pub fn write_memtable(
    memtable: &Arc<MemTable>,
    tables: &Arc<TableStore>,
) -> Result<Option<Arc<SsTable>>> {
    unimplemented!("day 4, task 2: flush::write_memtable")
}
