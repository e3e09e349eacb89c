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
//!
//! Each who waits sleeps on its own, and whoever wakes it says that it is covered, so that it goes
//! on without the lock. One condition variable for all is simpler, and right; but then each has to
//! get the lock before it can look, one after the other, and with sixteen writers a tenth of the
//! time goes there.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::files::log_path;
use crate::fs::FileSystem;
use crate::ids::Seq;
use crate::manifest::SealedLog;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::thread::{self, Thread};
use crate::sync::{Mutex, MutexGuard};
use crate::wal::Wal;

/// The live logs of a store.
#[derive(Debug)]
pub struct Logs {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    /// Oldest first; the last takes the writes. Never empty.
    live: Mutex<Vec<Arc<Wal>>>,
    group: Mutex<Group>,
}

/// For how long a group gathers: less than a sync takes on most disks.
const GATHERING_TIME: Duration = Duration::from_micros(100);

/// Who waits, who syncs, and how far.
#[derive(Debug, Default)]
pub struct Group {
    stage: Stage,
    /// Those who wait and have not been woken, in the order in which they came.
    sleepers: Vec<Sleeper>,
    /// How many there were when the last sync ended, with its leader.
    expected: usize,
    /// The sequence number up to which everything is synced.
    synced_seq: Seq,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nobody waits but one who has just been woken to lead.
    #[default]
    Idle,
    /// The writer of this sequence number sleeps for a moment, and then leads, unless another has
    /// completed the group.
    Gathering(Seq),
    /// The leader syncs.
    Syncing,
}

/// A writer that sleeps.
#[derive(Clone, Debug)]
struct Sleeper {
    seq: Seq,
    thread: Thread,
    woken: Arc<AtomicU8>,
}

/// What has not been said yet to a sleeper.
const ASLEEP: u8 = 0;
/// What it waits for is synced.
const COVERED: u8 = 1;
/// It is to look again: to lead, or to learn that a sync has failed.
const ROUSED: u8 = 2;

impl Logs {
    /// The logs of a store that has just been opened: one, which is empty.
    pub fn new(fs: Arc<dyn FileSystem>, dir: &Path, first: Wal) -> Self {
        unimplemented!("day 6, task 4: Logs::new")
    }

    /// The log that takes the writes.
    pub fn current(&self) -> Arc<Wal> {
        unimplemented!("day 6, task 4: Logs::current")
    }

    /// Creates log `id`, whose name survives a power cut when this returns. It does not take writes
    /// yet.
    pub fn create(&self, id: u64) -> Result<Wal> {
        unimplemented!("day 6, task 4: Logs::create")
    }

    /// From now on `log` takes the writes.
    pub fn push(&self, log: Wal) {
        unimplemented!("day 6, task 4: Logs::push")
    }

    /// Takes the logs with ids up to `id` out and returns the paths of their files, which are
    /// closed, so that they can be removed.
    pub fn retire(&self, id: u64) -> Vec<PathBuf> {
        unimplemented!("day 6, task 4: Logs::retire")
    }

    /// Syncs every live log, oldest first: a log must never be on disk while part of an older one
    /// is not.
    pub fn sync_all(&self) -> Result<()> {
        unimplemented!("day 6, task 4: Logs::sync_all")
    }

    /// Syncs every live log, then gets into each how much of it has been synced.
    pub fn sync_and_mark_all(&self) -> Result<()> {
        unimplemented!("day 6, task 4: Logs::sync_and_mark_all")
    }

    /// Syncs every live log, then seals each, so that none is touched any more, and returns those
    /// that are not empty, each with its length.
    pub fn seal(&self) -> Result<Vec<SealedLog>> {
        unimplemented!("day 6, task 4: Logs::seal")
    }

    /// Everything up to `seq` is synced: those who wait for that go on.
    pub fn synced_up_to(&self, seq: Seq) {
        unimplemented!("day 6, task 4: Logs::synced_up_to")
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
        unimplemented!("day 6, task 4: Logs::wait_for_sync")
    }
}
