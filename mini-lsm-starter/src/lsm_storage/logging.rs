//! Day 6 · Task 4 · Logging: a batch is in a log before it is in the memtable, and on disk before it is visible, where the options ask for that.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::core::{Commit, Core};
use super::logs::Logs;
use crate::error::{Error, Result};
use crate::ids::Seq;
use crate::manifest::{Manifest, VersionEdit};
use crate::options::Durability;
use crate::sync::MutexGuard;
use crate::write_batch::WriteOp;

impl Core {
    /// Appends a batch of `ops` to the current log. After an error the store takes no more writes. The
    /// caller holds the commit lock.
    pub fn log_batch(&self, first_seq: Seq, ops: &[WriteOp<'_>]) -> Result<()> {
        unimplemented!("day 6, task 4: Core::log_batch")
    }

    /// Makes the batches up to `commit.last_seq` visible, at once or, with [`Durability::Sync`],
    /// when they are synced. Gives the commit lock free before it waits.
    pub fn publish_when_durable(&self, commit: MutexGuard<'_, Commit>) -> Result<()> {
        unimplemented!("day 6, task 4: Core::publish_when_durable")
    }

    /// Gives the next memtable, `id`, a log: a new file, its name synced, then named in the
    /// manifest, before anything is written to it. The caller holds the commit lock.
    ///
    /// With [`Durability::Sync`] the old log is synced first, so that all in the memtable is
    /// visible when that is frozen, and the two logs reach the disk in order.
    pub fn rotate_log(&self, id: u64, commit: &Commit) -> Result<()> {
        unimplemented!("day 6, task 4: Core::rotate_log")
    }

    /// Adds `edit` to the manifest, if there is one. After an error the store takes no more writes.
    pub fn record(&self, manifest: &mut Option<Manifest>, edit: &VersionEdit) -> Result<()> {
        unimplemented!("day 6, task 4: Core::record")
    }

    /// Removes the logs up to that of `memtable`, whose batches are in tables now.
    pub fn retire_logs(&self, memtable: u64) {
        unimplemented!("day 6, task 4: Core::retire_logs")
    }

    /// Syncs all logs, as [`LsmStorage::sync`](super::LsmStorage::sync) promises, and marks them.
    pub fn sync(&self) -> Result<()> {
        unimplemented!("day 6, task 4: Core::sync")
    }

    /// The last step of closing: seals the logs, unless something had failed before, closes the
    /// manifest, and gives the directory free, whatever came of the rest.
    pub fn close_files(&self) -> Result<()> {
        unimplemented!("day 6, task 4: Core::close_files")
    }
}
