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
        let live = Mutex::new(vec![Arc::new(first)]);
        Self {
            fs,
            dir,
            live,
            group: Mutex::default(),
            group_changed: Condvar::new(),
        }
    }

    fn current(&self) -> Arc<Wal> {
        Arc::clone(self.live.lock().last().expect("there is always a log"))
    }

    /// Syncs every live log, oldest first: a log must never be on disk while part of an older one is not.
    fn sync_all(&self) -> Result<()> {
        let live = self.live.lock().clone();
        live.iter().try_for_each(|log| log.sync())
    }

    /// Gets into each log how much of it has been synced.
    fn mark_all(&self) -> Result<()> {
        let live = self.live.lock().clone();
        live.iter().try_for_each(|log| log.mark())
    }
}

impl Core {
    /// Appends `batch` to the current log. After an error the store takes no more writes. The caller holds the commit lock.
    pub fn log_batch(&self, first_seq: Seq, batch: &WriteBatch) -> Result<()> {
        self.logs.as_ref().map_or(Ok(()), |logs| {
            self.or_fail(logs.current().append(first_seq, batch))
        })
    }

    /// Makes the batches up to `commit.last_seq` visible, at once or, with [`Durability::Sync`], when they are synced. Gives the commit lock free before it waits.
    pub fn publish_when_durable(&self, commit: MutexGuard<'_, Commit>) -> Result<()> {
        let seq = commit.last_seq;
        match (&self.logs, self.options.durability) {
            (Some(logs), Durability::Sync) => {
                drop(commit);
                self.wait_for_sync(logs, seq)
            }
            _ => {
                self.publish(seq);
                Ok(())
            }
        }
    }

    /// Gives the next memtable, `id`, a log: a new file, its name synced, then named in the manifest, before anything is written to it. The caller holds the commit lock.
    ///
    /// With [`Durability::Sync`] the old log is synced first, so that all in the memtable is visible when that is frozen, and the two logs reach the disk in order.
    pub fn rotate_log(&self, id: u64, commit: &mut Commit) -> Result<()> {
        let Some(logs) = &self.logs else {
            return Ok(());
        };
        if self.options.durability == Durability::Sync {
            self.or_fail(logs.sync_all())?;
            self.synced_up_to(logs, commit.last_seq);
        }
        let log = self.or_fail(Wal::create(&*logs.fs, &logs.dir, id))?;
        let edit = VersionEdit {
            new_logs: vec![id],
            next_id: Some(id + 1),
            ..VersionEdit::default()
        };
        self.record(&mut self.manifest.lock(), &edit)?;
        logs.live.lock().push(Arc::new(log));
        Ok(())
    }

    /// Adds `edit` to the manifest, if there is one. After an error the store takes no more writes.
    pub fn record(&self, manifest: &mut Option<Manifest>, edit: &VersionEdit) -> Result<()> {
        manifest
            .as_mut()
            .map_or(Ok(()), |manifest| self.or_fail(manifest.append(edit)))
    }

    /// Removes the logs up to that of `memtable`, whose batches are in tables now.
    pub fn retire_logs(&self, memtable: u64) {
        let Some(logs) = &self.logs else {
            return;
        };
        let retired: Vec<Arc<Wal>> = logs
            .live
            .lock()
            .extract_if(.., |log| log.id() <= memtable)
            .collect();
        for log in retired {
            let path = log_path(&logs.dir, log.id());
            drop(log);
            self.tables.remove(&path);
        }
    }

    /// Syncs all logs, as [`LsmStorage::sync`](super::LsmStorage::sync) promises, and marks them.
    pub fn sync(&self) -> Result<()> {
        self.health.check()?;
        match &self.logs {
            Some(logs) => self.or_fail(logs.sync_all().and_then(|()| logs.mark_all())),
            None => Ok(()),
        }
    }

    /// The last step of closing: syncs and marks the logs, unless something had failed before, closes the manifest, and gives the directory free.
    pub fn close_files(&self) -> Result<()> {
        let _commit = self.commit.lock();
        let synced = match (&self.logs, self.health.error()) {
            (Some(logs), None) => self.or_fail(logs.sync_all().and_then(|()| logs.mark_all())),
            _ => Ok(()),
        };
        *self.manifest.lock() = None;
        *self.lock.lock() = None;
        synced
    }

    /// Waits until all up to `seq` is synced, or syncs it as a leader.
    fn wait_for_sync(&self, logs: &Logs, seq: Seq) -> Result<()> {
        let mut group = logs.group.lock();
        while group.synced_seq < seq {
            // A sync that failed is not tried again: nobody knows what it left on disk. That the store is being closed is no reason to give up.
            self.health.check_failure()?;
            if group.has_leader {
                logs.group_changed.wait(&mut group);
                continue;
            }
            group.has_leader = true;
            let outcome = MutexGuard::unlocked(&mut group, || self.lead_sync(logs));
            group.has_leader = false;
            logs.group_changed.notify_all();
            outcome?;
        }
        Ok(())
    }

    /// Syncs all that has been logged so far, and makes it visible.
    fn lead_sync(&self, logs: &Logs) -> Result<()> {
        // Together, under the commit lock: everything up to this number is in the logs up to this one, and those before it were synced when they were rotated.
        let (seq, log) = {
            let commit = self.commit.lock();
            (commit.last_seq, logs.current())
        };
        self.or_fail(log.sync())?;
        self.synced_up_to(logs, seq);
        Ok(())
    }

    fn synced_up_to(&self, logs: &Logs, seq: Seq) {
        self.publish(seq);
        let mut group = logs.group.lock();
        group.synced_seq = group.synced_seq.max(seq);
        logs.group_changed.notify_all();
    }

    /// An error of a log or the manifest ends all writing.
    fn or_fail<T>(&self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            self.health.fail(error.clone());
            self.progress.notify();
        }
        outcome
    }
}
