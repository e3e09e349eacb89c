//! One life of a store: from `open` to its end, with eight threads at work.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use mini_lsm::fs::{CrashPlan, MemFs};
use mini_lsm::{Durability, Error, LsmIterator, LsmOptions, LsmStorage};

use super::board::{Board, Versions, View, ensure_not_below};
use super::observer::{Entry, Observer, read_on, view_of};
use super::script::{Key, Stamp, WRITERS, batch};
use crate::tally::Tally;

/// Where the store is, in a file system in memory.
pub const MEM_DIR: &str = "/store";

/// Iterators that a scanner holds at a time, into the next life of the store too.
const HELD: usize = 3;

/// What is common to the threads of a life.
pub struct Life<'a> {
    pub board: &'a Board,
    pub options: &'a LsmOptions,
    /// The file system, where it is one that power cuts can be tried on.
    pub mem: Option<&'a MemFs>,
    pub seed: u64,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By `close`, in the middle of everything.
    Close,
    /// Whoever is the last to let go of it drops it, while iterators live.
    Drop,
}

/// A scan that has begun and is held for a while. It shows one state, that of its beginning,
/// whatever happens to the store meanwhile.
pub struct HeldScan {
    scan: LsmIterator,
    entries: Vec<Entry>,
    /// What had returned before it began, and what had begun when it had.
    bounds: (Versions, Versions),
}

impl HeldScan {
    /// Reads the rest of it.
    pub fn finish(mut self) -> Result<View> {
        read_on(&mut self.scan, usize::MAX, &mut self.entries)?;
        let view = view_of(&self.entries).context("a scan that was held")?;
        let (least, begun) = self.bounds;
        ensure_not_below(&view.versions, &least, "as was returned before the scan")?;
        ensure_not_below(&begun, &view.versions, "or the scan shows what came later")?;
        Ok(view)
    }
}

/// One thread's work, told what it may use and what becomes of its answers.
struct Worker<'a> {
    life: &'a Life<'a>,
    /// `None` once it has let go.
    store: Option<Arc<LsmStorage>>,
    rng: Rng,
    tally: Tally,
}

type Work = fn(&mut Worker<'_>) -> Result<()>;

impl<'a> Life<'a> {
    /// Lets the threads work on `store` for `time`, and ends it. What they have seen is on the
    /// board; scans that are not finished come back in `held`.
    pub fn run(
        &'a self,
        store: LsmStorage,
        end: End,
        time: Duration,
        held: &Mutex<Vec<HeldScan>>,
    ) -> Result<Tally> {
        let store = Arc::new(store);
        let scan = |worker: &mut Worker<'_>| worker.scan(held);
        thread::scope(|scope| {
            let workers: [(&str, Box<dyn FnOnce(&mut Worker<'_>) -> Result<()> + Send>); 7] = [
                ("writer 0", Box::new(|worker| worker.write(0))),
                ("writer 1", Box::new(|worker| worker.write(1))),
                ("reader 0", Box::new(Worker::read)),
                ("reader 1", Box::new(Worker::read)),
                ("scanner", Box::new(scan)),
                ("flusher", Box::new(Worker::flush)),
                ("compactor", Box::new(Worker::compact)),
            ];
            let threads: Vec<_> = (self.seed..)
                .zip(workers)
                .map(|(seed, (name, work))| {
                    let store = Arc::clone(&store);
                    scope.spawn(move || self.work(name, seed, store, work))
                })
                .collect();
            let ended = self.end(store, end, time);
            let mut tally = Tally::new();
            for thread in threads {
                tally.add(&thread.join().expect("panics are caught")?);
            }
            ended.map(|()| tally)
        })
    }
}
