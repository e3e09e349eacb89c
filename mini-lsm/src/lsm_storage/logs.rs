//! Day 6 · Task 4 · The logs of the memtables that are not in tables yet, and who syncs them.
//!
//! # Group commit
//!
//! With [`Durability::Sync`](crate::Durability::Sync) a writer, having logged its batch and left
//! the commit lock, waits until that is synced. The first that waits becomes the *leader*: it syncs
//! all that has been logged by then, its own batch and those of others. Meanwhile more writers log
//! their batches and wait; the next leader syncs all of those at once. So the price of a sync is
//! shared by as many as came while the last one ran.
//!
//! Those whom a sync sets free are likely to come again at once. If the next one began without
//! them they would have to wait for the one after that: two groups would take turns, and each sync
//! would serve half of the writers. So a group gathers for a moment before its sync: until as many
//! wait as at the end of the last one, or the moment is over. (MySQL has the same two limits, as
//! `binlog_group_commit_sync_delay` and `binlog_group_commit_sync_no_delay_count`.)

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::files::log_path;
use crate::fs::FileSystem;
use crate::ids::Seq;
use crate::manifest::SealedLog;
use crate::sync::{Condvar, Mutex, MutexGuard, thread};
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

/// For how long a group gathers: less than a sync takes on most disks.
const GATHERING_TIME: Duration = Duration::from_micros(100);

/// Who waits, who syncs, and how far.
#[derive(Debug, Default)]
pub struct Group {
    stage: Stage,
    /// How many writers are in [`Logs::wait_for_sync`].
    waiting: usize,
    /// How many there were when the last sync ended.
    expected: usize,
    /// The sequence number up to which everything is synced.
    synced_seq: Seq,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nobody waits but those who have just been woken.
    #[default]
    Idle,
    /// One waits for the moment to be over, the others for him.
    Gathering,
    /// The leader syncs.
    Syncing,
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

    /// Returns when everything up to `seq` is synced. Somebody leads, perhaps the caller, by `lead`,
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
        group.waiting += 1;
        let outcome = self.wait_or_lead(&mut group, seq, check, lead);
        group.waiting -= 1;
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn wait_or_lead(
        &self,
        group: &mut MutexGuard<'_, Group>,
        seq: Seq,
        check: impl Fn() -> Result<()>,
        lead: impl Fn() -> Result<()>,
    ) -> thread::Result<Result<()>> {
        while group.synced_seq < seq {
            if let Err(error) = check() {
                return Ok(Err(error));
            }
            let is_complete = group.waiting >= group.expected;
            let stage = group.stage;
            let leads = match stage {
                Stage::Idle => is_complete || self.gather(group),
                Stage::Gathering => is_complete,
                Stage::Syncing => false,
            };
            if leads {
                group.stage = Stage::Syncing;
                // A leader that panics must not leave the others waiting for it.
                let outcome = MutexGuard::unlocked(group, || catch_unwind(AssertUnwindSafe(&lead)));
                group.stage = Stage::Idle;
                group.expected = group.waiting;
                self.group_changed.notify_all();
                if !matches!(outcome, Ok(Ok(()))) {
                    return outcome;
                }
            } else if stage != Stage::Idle {
                self.group_changed.wait(group);
            }
        }
        Ok(Ok(()))
    }

    /// Waits until the moment of gathering is over, or somebody has completed the group. True if
    /// the caller is to lead it.
    fn gather(&self, group: &mut MutexGuard<'_, Group>) -> bool {
        group.stage = Stage::Gathering;
        let end = Instant::now() + GATHERING_TIME;
        while group.stage == Stage::Gathering {
            if self.group_changed.wait_until(group, end).timed_out() {
                return group.stage == Stage::Gathering;
            }
        }
        false
    }
}
