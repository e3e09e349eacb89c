//! What the threads do to the store until its end.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use mini_lsm::fs::{CrashPlan, MemFs};
use mini_lsm::{Durability, Error, LsmOptions, LsmStorage};

use super::board::{View, ensure_not_below};
use super::life::{HeldScan, Life};
use super::observer::{Observer, read_on, view_of};
use super::script::{Key, Stamp, batch};
use crate::tally::Tally;

/// So many scans are held at a time.
const HELD: usize = 4;

/// Of so many reads one looks at what a power cut would leave.
const READS_A_CUT: u32 = 200;

/// One thread.
pub struct Worker<'a> {
    life: &'a Life<'a>,
    store: Arc<LsmStorage>,
    observer: Observer<'a>,
    rng: Rng,
    /// What it has seen to happen.
    pub tally: Tally,
}

impl<'a> Worker<'a> {
    pub fn new(life: &'a Life<'a>, store: Arc<LsmStorage>, seed: u64) -> Self {
        Self {
            life,
            store,
            observer: Observer::new(life.board),
            rng: Rng::with_seed(seed),
            tally: Tally::new(),
        }
    }

    /// Whether the thread is to go on.
    fn goes_on(&self) -> bool {
        !self.life.board.must_leave.load(SeqCst)
    }

    /// A call of the store. `None` if that was closed: it may say so only once it is closing, and
    /// must once it is closed.
    fn call<T>(
        &mut self,
        name: &'static str,
        call: impl FnOnce(&LsmStorage) -> mini_lsm::Result<T>,
    ) -> Result<Option<T>> {
        let board = self.life.board;
        let was_closed = board.is_closed.load(SeqCst);
        match call(&self.store) {
            Ok(_) if was_closed => bail!("{name} succeeds although the store is closed"),
            Ok(answer) => Ok(Some(answer)),
            Err(Error::Closed) if board.is_closing.load(SeqCst) => {
                self.tally.count("calls that came too late", 1);
                Ok(None)
            }
            Err(error) => Err(error).context(name),
        }
    }

    /// A pause now and then, so that a thread is not always there.
    fn pause(&mut self, most: u64) {
        thread::sleep(Duration::from_micros(self.rng.u64(..most)));
    }
}

/// Batches of one writer, one after the other.
pub fn write(worker: &mut Worker<'_>, writer: usize) -> Result<()> {
    let board = worker.life.board;
    let first = board.begun.get()[writer] + 1;
    for version in first.. {
        let stamp = Stamp { writer, version };
        if !worker.goes_on() {
            break;
        }
        board.begun.raise_one(stamp);
        let Some(()) = worker.call("write", |store| store.write(batch(stamp)))? else {
            break;
        };
        board.returned.raise_one(stamp);
        if worker.life.options.durability == Durability::Sync {
            board.durable.raise_one(stamp);
        }
        worker.tally.count("batches", 1);
        if worker.rng.u8(..32) == 0 {
            worker.pause(2000);
        }
    }
    Ok(())
}

/// Gets, and now and then a look at what a power cut would leave.
pub fn read(worker: &mut Worker<'_>) -> Result<()> {
    while worker.goes_on() {
        if let Some(mem) = worker.life.mem
            && worker.rng.u32(..READS_A_CUT) == 0
        {
            read_what_lasts(worker, mem)?;
            continue;
        }
        let key = Key::random(&mut worker.rng);
        let least = worker.observer.expect();
        let Some(value) = worker.call("get", |store| store.get(&key.bytes()))? else {
            break;
        };
        worker.observer.got(key, value.as_deref(), least)?;
        worker.tally.count("gets", 1);
    }
    Ok(())
}

/// With `Durability::Sync` nobody sees what a power cut would still undo; with either, what was
/// synced is there.
fn read_what_lasts(worker: &mut Worker<'_>, mem: &MemFs) -> Result<()> {
    let life = worker.life;
    let durable = life.board.durable.get();
    let Some(seen) = scan_all(worker)? else {
        return Ok(());
    };
    let clone = mem.crash_clone(&CrashPlan::Lose);
    let options = LsmOptions::for_test(Arc::new(clone));
    let store = LsmStorage::open(life.dir, options).context("open after a power cut")?;
    let mut entries = Vec::new();
    read_on(&mut store.scan(..)?, usize::MAX, &mut entries)?;
    let left = view_of(&entries).context("after a power cut")?;
    ensure_not_below(
        &left.versions,
        &durable,
        "which were synced before a power cut",
    )?;
    if life.options.durability == Durability::Sync {
        ensure_not_below(
            &left.versions,
            &seen.versions,
            "which were read before a power cut",
        )?;
    }
    life.board.note(left);
    worker.tally.count("power cuts beside the threads", 1);
    Ok(())
}

/// A scan of everything; `None` if the store is closed.
fn scan_all(worker: &mut Worker<'_>) -> Result<Option<View>> {
    let least = worker.observer.expect();
    let Some(mut scan) = worker.call("scan", |store| store.scan(..))? else {
        return Ok(None);
    };
    let begun = worker.life.board.begun.get();
    let mut entries = Vec::new();
    read_on(&mut scan, usize::MAX, &mut entries)?;
    worker.tally.count("scans", 1);
    worker.observer.scanned(&entries, least, begun).map(Some)
}

/// Scans, of which some are held for a while, and some beyond the end of the store.
pub fn scan(worker: &mut Worker<'_>) -> Result<()> {
    while worker.goes_on() {
        if worker.rng.u8(..4) > 0 {
            if scan_all(worker)?.is_none() {
                break;
            }
            continue;
        }
        let mut held = std::mem::take(&mut *worker.life.held.lock().expect("no panic"));
        if held.len() == HELD {
            let scan = held.swap_remove(worker.rng.usize(..HELD));
            scan.finish()?;
            worker.tally.count("scans that were held", 1);
        }
        let begun = begin_scan(worker)?;
        let is_closed = begun.is_none();
        held.extend(begun);
        *worker.life.held.lock().expect("no panic") = held;
        if is_closed {
            break;
        }
    }
    Ok(())
}

/// A scan of which the first few entries are read.
fn begin_scan(worker: &mut Worker<'_>) -> Result<Option<HeldScan>> {
    let least = worker.observer.expect();
    let Some(mut scan) = worker.call("scan", |store| store.scan(..))? else {
        return Ok(None);
    };
    let begun = worker.life.board.begun.get();
    let mut entries = Vec::new();
    read_on(&mut scan, worker.rng.usize(..40), &mut entries)?;
    Ok(Some(HeldScan::new(scan, entries, least, begun)))
}

/// Flushes and syncs.
pub fn flush(worker: &mut Worker<'_>) -> Result<()> {
    while worker.goes_on() {
        let returned = worker.life.board.returned.get();
        let outcome = match worker.rng.u8(..3) {
            0 => worker.call("flush", LsmStorage::flush)?,
            1 => worker.call("sync", LsmStorage::sync)?,
            _ => {
                worker.store.metrics();
                worker.pause(3000);
                continue;
            }
        };
        match outcome {
            Some(()) => worker.life.board.durable.raise(returned),
            None => break,
        }
    }
    Ok(())
}

/// Merges everything, now and then.
pub fn compact(worker: &mut Worker<'_>) -> Result<()> {
    while worker.goes_on() {
        if worker.call("compact", LsmStorage::compact)?.is_none() {
            break;
        }
        worker.tally.count("compactions of everything", 1);
        worker.pause(10_000);
    }
    Ok(())
}
