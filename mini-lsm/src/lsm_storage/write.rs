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
        check_limits(ops)?;
        let mut commit = self.commit.lock();
        self.health.check()?;
        if ops.is_empty() {
            return Ok(());
        }
        self.wait_for_l0()?; // day 5 task 5
        let memtable = self.make_room(&mut commit)?;
        let first_seq = commit.last_seq + 1;
        self.log_batch(first_seq, ops)?; // day 6 task 4
        for (seq, op) in (first_seq..).zip(ops) {
            memtable.insert(op.key, seq, op.value);
        }
        commit.last_seq += ops.len() as u64;
        // until day 6 task 4: self.publish(commit.last_seq);
        self.publish_when_durable(commit)?; // day 6 task 4
        Ok(())
    }

    /// The memtable that takes the next batch. If the current one is full it is frozen, which is
    /// told to the listener before and after ([`Event::MemtableFull`], [`Event::MemtableFrozen`]),
    /// and its successor is returned.
    pub fn make_room(&self, commit: &mut Commit) -> Result<Arc<MemTable>> {
        let memtable = Arc::clone(&self.state.read().memtable);
        if memtable.size() < self.options.memtable_size {
            return Ok(memtable);
        }
        self.tell(Event::MemtableFull { id: memtable.id() });
        self.wait_for_room()?; // day 4 task 4
        self.freeze(commit)?;
        Ok(Arc::clone(&self.state.read().memtable))
    }

    /// Freezes the memtable, unless it is empty, and puts a new one in its place. Between batches:
    /// the caller holds the commit lock.
    pub fn freeze(&self, commit: &mut Commit) -> Result<()> {
        let full = Arc::clone(&self.state.read().memtable);
        if full.is_empty() {
            return Ok(());
        }
        let id = self.tables.allocate_id();
        self.rotate_log(id, commit)?; // day 6 task 4
        self.replace_state(|state| state.with_memtable(Arc::new(MemTable::new(id))));
        self.tell(Event::MemtableFrozen { id: full.id() });
        Ok(())
    }
}
