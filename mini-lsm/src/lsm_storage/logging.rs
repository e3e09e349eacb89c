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
        self.logs.as_ref().map_or(Ok(()), |logs| {
            self.or_fail(|| logs.current().append(first_seq, ops))
        })
    }

    /// Makes the batches up to `commit.last_seq` visible, at once or, with [`Durability::Sync`],
    /// when they are synced. Gives the commit lock free before it waits.
    pub fn publish_when_durable(&self, commit: MutexGuard<'_, Commit>) -> Result<()> {
        let seq = commit.last_seq;
        match (&self.logs, self.options.durability) {
            (Some(logs), Durability::Sync) => {
                drop(commit);
                // That the store is being closed meanwhile is no reason to give up: only a failure
                // is.
                logs.wait_for_sync(seq, || self.health.check_failure(), || self.lead_sync(logs))
            }
            _ => {
                self.publish(seq);
                Ok(())
            }
        }
    }

    /// Gives the next memtable, `id`, a log: a new file, its name synced, then named in the
    /// manifest, before anything is written to it. The caller holds the commit lock.
    ///
    /// With [`Durability::Sync`] the old log is synced first, so that all in the memtable is
    /// visible when that is frozen, and the two logs reach the disk in order.
    pub fn rotate_log(&self, id: u64, commit: &Commit) -> Result<()> {
        let Some(logs) = &self.logs else {
            return Ok(());
        };
        if self.options.durability == Durability::Sync {
            self.or_fail(|| logs.sync_all())?;
            self.synced_up_to(logs, commit.last_seq);
        }
        let log = self.or_fail(|| logs.create(id))?;
        let edit = VersionEdit {
            new_logs: vec![id],
            next_id: Some(id + 1),
            ..VersionEdit::default()
        };
        let mut manifest = self.manifest.lock();
        // A flush may have failed at it while we waited: nothing may follow that.
        self.health.check_failure()?;
        self.record(&mut manifest, &edit)?;
        logs.push(log);
        Ok(())
    }

    /// Adds `edit` to the manifest, if there is one. After an error the store takes no more writes.
    pub fn record(&self, manifest: &mut Option<Manifest>, edit: &VersionEdit) -> Result<()> {
        manifest
            .as_mut()
            .map_or(Ok(()), |manifest| self.or_fail(|| manifest.append(edit)))
    }

    /// Removes the logs up to that of `memtable`, whose batches are in tables now.
    pub fn retire_logs(&self, memtable: u64) {
        let retired = self
            .logs
            .as_ref()
            .map_or(Vec::new(), |logs| logs.retire(memtable));
        retired.iter().for_each(|path| self.tables.remove(path));
    }

    /// Syncs all logs, as [`LsmStorage::sync`](super::LsmStorage::sync) promises, and marks them.
    pub fn sync(&self) -> Result<()> {
        self.health.check()?;
        self.logs
            .as_ref()
            .map_or(Ok(()), |logs| self.or_fail(|| logs.sync_and_mark_all()))
    }

    /// The last step of closing: seals the logs, unless something had failed before, closes the
    /// manifest, and gives the directory free, whatever came of the rest.
    pub fn close_files(&self) -> Result<()> {
        let _commit = self.commit.lock();
        let sealed = match (&self.logs, self.health.error()) {
            (Some(logs), None) => self.seal(logs),
            _ => Ok(()),
        };
        *self.manifest.lock() = None;
        *self.lock.lock() = None;
        sealed
    }

    /// Syncs and marks the logs, and has the manifest keep how long they are.
    fn seal(&self, logs: &Logs) -> Result<()> {
        let sealed_logs = self.or_fail(|| logs.seal())?;
        if sealed_logs.is_empty() {
            return Ok(());
        }
        let edit = VersionEdit {
            sealed_logs,
            ..VersionEdit::default()
        };
        self.record(&mut self.manifest.lock(), &edit)
    }

    /// Syncs all that has been logged so far, and makes it visible.
    fn lead_sync(&self, logs: &Logs) -> Result<()> {
        // Together, under the commit lock: everything up to this number is in the logs up to this
        // one, and those before it were synced when they were rotated.
        let (seq, log) = {
            let commit = self.commit.lock();
            (commit.last_seq, logs.current())
        };
        self.or_fail(|| {
            log.reserve()?;
            log.sync()
        })?;
        self.synced_up_to(logs, seq);
        Ok(())
    }

    fn synced_up_to(&self, logs: &Logs, seq: Seq) {
        self.publish(seq);
        logs.synced_up_to(seq);
    }

    /// An error of a log or the manifest ends all writing, and so does a panic, which leaves them
    /// just as uncertain. The panic goes on.
    fn or_fail<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let outcome = catch_unwind(AssertUnwindSafe(work));
        let error = match &outcome {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.clone()),
            Err(panic) => Some(Error::panicked("writing", &**panic)),
        };
        if let Some(error) = error {
            self.health.fail(error);
            self.progress.notify();
        }
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}
