//! Day 6 · Task 4 · The logs of the memtables that are not in tables yet, and who syncs them.
//!
//! # Group commit
//!
//! With [`Durability::Sync`](crate::Durability::Sync) a writer, having logged its batch and left
//! the commit lock, waits until that is synced. The first that waits becomes the *leader*: it syncs
//! all that has been logged by then, its own batch and those of others. Meanwhile more writers log
//! their batches and wait; the next leader syncs all of those at once. So the price of a sync is
//! shared by as many as came while the last one ran.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::files::log_path;
use crate::fs::FileSystem;
use crate::ids::Seq;
use crate::manifest::SealedLog;
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::wal::Wal;

/// The live logs of a store.
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
pub struct Group {
    has_leader: bool,
    /// The sequence number up to which everything is synced.
    synced_seq: Seq,
}

impl Logs {
    /// The logs of a store that has just been opened: one, which is empty.
    pub fn new(fs: Arc<dyn FileSystem>, dir: &Path, first: Wal) -> Self {
        let live = Mutex::new(vec![Arc::new(first)]);
        Self {
            fs,
            dir: dir.to_owned(),
            live,
            group: Mutex::default(),
            group_changed: Condvar::new(),
        }
    }

    /// The log that takes the writes.
    pub fn current(&self) -> Arc<Wal> {
        Arc::clone(self.live.lock().last().expect("there is always a log"))
    }

    /// Creates log `id`, whose name survives a power cut when this returns. It does not take writes
    /// yet.
    pub fn create(&self, id: u64) -> Result<Wal> {
        Wal::create(&*self.fs, &self.dir, id)
    }

    /// From now on `log` takes the writes.
    pub fn push(&self, log: Wal) {
        self.live.lock().push(Arc::new(log));
    }

    /// Takes the logs with ids up to `id` out and returns the paths of their files, which are
    /// closed, so that they can be removed.
    pub fn retire(&self, id: u64) -> Vec<PathBuf> {
        let mut live = self.live.lock();
        live.extract_if(.., |log| log.id() <= id)
            .map(|log| log_path(&self.dir, log.id()))
            .collect()
    }

    /// Syncs every live log, oldest first: a log must never be on disk while part of an older one
    /// is not.
    pub fn sync_all(&self) -> Result<()> {
        let live = self.live.lock().clone();
        live.iter().try_for_each(|log| log.sync())
    }

    /// Syncs every live log, then gets into each how much of it has been synced.
    pub fn sync_and_mark_all(&self) -> Result<()> {
        self.sync_all()?;
        let live = self.live.lock().clone();
        live.iter().try_for_each(|log| log.mark())
    }

    /// Syncs and marks every live log for the last time, and returns those that are not empty, each
    /// with its length.
    pub fn seal(&self) -> Result<Vec<SealedLog>> {
        self.sync_and_mark_all()?;
        let live = self.live.lock();
        let sealed = live.iter().map(|log| SealedLog {
            id: log.id(),
            len: log.synced_len(),
        });
        Ok(sealed.filter(|log| log.len > 0).collect())
    }

    /// Everything up to `seq` is synced.
    pub fn synced_up_to(&self, seq: Seq) {
        let mut group = self.group.lock();
        group.synced_seq = group.synced_seq.max(seq);
        self.group_changed.notify_all();
    }

    /// Returns when everything up to `seq` is synced. If nobody leads, the caller does, by `lead`,
    /// which syncs what has been logged and tells [`synced_up_to`](Self::synced_up_to); no lock is
    /// held meanwhile. `check` is asked before each attempt: a sync that failed is not tried again,
    /// since nobody knows what it left on disk.
    pub fn wait_for_sync(
        &self,
        seq: Seq,
        check: impl Fn() -> Result<()>,
        lead: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let mut group = self.group.lock();
        while group.synced_seq < seq {
            check()?;
            if group.has_leader {
                self.group_changed.wait(&mut group);
                continue;
            }
            group.has_leader = true;
            // A leader that panics must not leave the others waiting for it.
            let lead = || catch_unwind(AssertUnwindSafe(&lead));
            let outcome = MutexGuard::unlocked(&mut group, lead);
            group.has_leader = false;
            self.group_changed.notify_all();
            outcome.unwrap_or_else(|panic| resume_unwind(panic))?;
        }
        Ok(())
    }
}
