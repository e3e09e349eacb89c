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
        let mut commit = self.commit.lock();
        self.health.check()?;
        self.freeze(&mut commit)?;
        let newest = self
            .state
            .read()
            .frozen
            .first()
            .map(|memtable| memtable.id());
        drop(commit);
        while let Some(newest) = newest
            && self
                .oldest_frozen()
                .is_some_and(|memtable| memtable.id() <= newest)
        {
            self.flush_oldest()?;
        }
        Ok(())
    }

    /// Writes the oldest frozen memtable to a table, and puts that in its place. Does nothing if
    /// none is frozen.
    ///
    /// One thread at a time, under the flush lock, so that L0 gets its tables in the order of their
    /// age.
    pub fn flush_oldest(&self) -> Result<()> {
        let _guard = self.flush_lock.lock();
        self.health.check()?;
        // Looked at under the lock: another thread may just have flushed the one that was the
        // oldest.
        let Some(memtable) = self.oldest_frozen() else {
            return Ok(());
        };
        self.tell(Event::FlushBegun {
            memtable: memtable.id(),
        });
        let table = write_memtable(&memtable, &self.tables)?;
        let id = table.as_ref().map(|table| table.id());
        let edit = self.flush_edit(&memtable, id);
        self.install(&edit, |state| state.with_flushed(memtable.id(), table))?;
        self.tell(Event::FlushInstalled {
            memtable: memtable.id(),
            table: id,
        });
        self.retire_logs(memtable.id()); // day 6 task 4
        Ok(())
    }

    /// The frozen memtable that has waited longest.
    // given
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
        // Held until the state is swapped, so that manifest and state change in the same order.
        let mut manifest = self.manifest.lock();
        self.health.check()?;
        self.record(&mut manifest, edit)?; // day 6 task 4
        self.replace_state(successor);
        Ok(())
    }

    /// What a flush changes, for the manifest: the new table, and that the logs up to this
    /// memtable's are not needed any more.
    // given
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
    let mut cursor = memtable.iter(Seq::MAX);
    cursor.seek_to_first()?;
    if !cursor.is_valid() {
        return Ok(None);
    }
    let mut table = tables.begin()?;
    while cursor.is_valid() {
        table.builder().add(cursor.key(), cursor.value())?;
        cursor.next()?;
    }
    table.finish().map(Some)
}
