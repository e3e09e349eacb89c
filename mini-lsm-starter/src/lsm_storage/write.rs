//! Day 3 · Task 4 · The write path: a batch gets its sequence numbers, goes into the log (day 6) and the memtable, and becomes visible.
//!
//! The commit lock is held all the way, so that log and memtable have the same order, and a batch
//! never is half in one memtable and half in the next.

use std::sync::Arc;

use super::core::{Commit, Core};
use crate::error::Result;
use crate::listener::Event;
use crate::mem_table::MemTable;
use crate::write_batch::{WriteOp, check_limits};

impl Core {
    /// Applies `ops` as one batch, as [`LsmStorage::write`](super::LsmStorage::write) promises.
    ///
    /// If the memtable has reached `memtable_size` it is frozen *before* the batch, which goes into
    /// the next one as a whole.
    pub fn write(&self, ops: &[WriteOp<'_>]) -> Result<()> {
        unimplemented!("day 3, task 4: Core::write")
    }

    /// The memtable that takes the next batch. If the current one is full it is frozen, which is
    /// told to the listener before and after ([`Event::MemtableFull`], [`Event::MemtableFrozen`]),
    /// and its successor is returned.
    pub fn make_room(&self, commit: &mut Commit) -> Result<Arc<MemTable>> {
        unimplemented!("day 3, task 4: Core::make_room")
    }

    /// Freezes the memtable, unless it is empty, and puts a new one in its place. Between batches:
    /// the caller holds the commit lock.
    pub fn freeze(&self, commit: &mut Commit) -> Result<()> {
        unimplemented!("day 3, task 4: Core::freeze")
    }
}
