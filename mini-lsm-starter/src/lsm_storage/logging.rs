//! Day 6 · Task 4 · Logging: a batch is in a log before it is in the memtable, and on disk before it is visible, where the options ask for that.
//!
//! # Group commit
//!
//! With [`Durability::Sync`] a writer, having logged its batch and left the commit lock, waits until that is synced. The first that waits becomes the *leader*: it syncs all that has been
//! logged by then, its own batch and those of others. Meanwhile more writers log their batches and wait; the next leader syncs all of those at once. So the price of a sync is shared by as many as came
//! while the last one ran.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::core::{Commit, Core};
use crate::error::Result;
use crate::files::log_path;
use crate::fs::FileSystem;
use crate::manifest::{Manifest, VersionEdit};
use crate::mem_table::Seq;
use crate::options::Durability;
use crate::wal::Wal;
use crate::write_batch::WriteBatch;

/// The logs of the memtables that are not in tables yet.
#[derive(Debug)]
pub struct Logs {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    /// Oldest first; the last takes the writes. Never empty.
    live: Mutex<Vec<Arc<Wal>>>,
    group: Mutex<Group>,
    group_changed: Condvar,
}

/// Who syncs, and how far.
#[derive(Debug, Default)]
struct Group {
    has_leader: bool,
    /// The sequence number up to which everything is synced.
    synced_seq: Seq,
}

impl Logs {
    /// The logs of a store that has just been opened: one, which is empty.
    pub fn new(fs: Arc<dyn FileSystem>, dir: PathBuf, first: Wal) -> Self {
        unimplemented!("day 6, task 4: Logs::new")
    }
}

impl Core {
    /// Appends `batch` to the current log. After an error the store takes no more writes. The caller holds the commit lock.
    pub fn log_batch(&self, first_seq: Seq, batch: &WriteBatch) -> Result<()> {
        unimplemented!("day 6, task 4: Core::log_batch")
    }

    /// Makes the batches up to `commit.last_seq` visible, at once or, with [`Durability::Sync`], when they are synced. Gives the commit lock free before it waits.
    pub fn publish_when_durable(&self, commit: MutexGuard<'_, Commit>) -> Result<()> {
        unimplemented!("day 6, task 4: Core::publish_when_durable")
    }

    /// Gives the next memtable, `id`, a log: a new file, its name synced, then named in the manifest, before anything is written to it. The caller holds the commit lock.
    ///
    /// With [`Durability::Sync`] the old log is synced first, so that all in the memtable is visible when that is frozen, and the two logs reach the disk in order.
    pub fn rotate_log(&self, id: u64, commit: &mut Commit) -> Result<()> {
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

    /// The last step of closing: syncs and marks the logs, unless something had failed before, closes the manifest, and gives the directory free.
    pub fn close_files(&self) -> Result<()> {
        unimplemented!("day 6, task 4: Core::close_files")
    }
}
