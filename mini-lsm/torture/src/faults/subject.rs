//! A store on trial: every call is made through here, and judged.

mod judge;

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use mini_lsm::fs::{CrashPlan, FaultFs, FileSystem, MemFs};
use mini_lsm::{Durability, Error, LsmIterator, LsmOptions, LsmStorage};

use super::injector::{Hit, Injector};
use super::script::{Settings, Step};
use crate::history::{History, Map, Op, read_all, show};
use crate::tally::Tally;

const DIR: &str = "db";

/// What became of a call.
pub enum Outcome<T> {
    /// It returned a value.
    Done(T),
    /// It returned an error that a fault explains.
    Failed,
    /// It panicked, as a fault asked it to.
    Panicked,
}

/// A store, what it must hold, and what has happened to it.
pub struct Subject {
    settings: Settings,
    options: LsmOptions,
    mem: MemFs,
    injector: Arc<Injector>,
    /// `None` while it does not open.
    store: Option<LsmStorage>,
    /// A scan that was begun, and what it must still give.
    held: Option<(LsmIterator, Map)>,
    /// The states since the last `open`. The last write may be one that failed.
    history: History,
    /// The number of writes that returned.
    acked: usize,
    /// The number of writes that a power cut must leave.
    durable: usize,
    /// The number of hits before the last `open` that succeeded.
    hits_at_open: usize,
    /// The number of hits before the store was last known to hold what it must.
    hits_at_settling: usize,
    /// After so many more hits crashes are not tried any more until the end.
    crash_checks_left: usize,
    /// What ended the writing, since the last `open`.
    ended: Option<String>,
    /// What was seen.
    pub tally: Tally,
}

impl Subject {
    /// One that is not open, on an empty disk.
    pub fn new(settings: &Settings, mem: &MemFs, injector: Arc<Injector>) -> Self {
        let hook = Arc::clone(&injector);
        let fs = FaultFs::new(Arc::new(mem.clone()), move |op| hook.judge(op));
        Self {
            settings: settings.clone(),
            options: settings.options(Arc::new(fs)),
            mem: mem.clone(),
            injector,
            store: None,
            held: None,
            history: History::new(),
            acked: 0,
            durable: 0,
            hits_at_open: 0,
            hits_at_settling: 0,
            crash_checks_left: 2,
            ended: None,
            tally: Tally::new(),
        }
    }

    /// Does a step, and after a fault looks at all there is.
    pub fn step(&mut self, step: &Step) -> Result<()> {
        if self.store.is_none() {
            return Ok(());
        }
        let hits = self.injector.hit_count();
        match step {
            Step::Write(ops) => self.write(ops)?,
            Step::Get(key) => self.get(key)?,
            Step::Scan => self.look_at_all()?,
            Step::Hold => self.hold()?,
            Step::Sync => self.now_durable_if_done("sync", LsmStorage::sync)?,
            Step::Flush => self.now_durable_if_done("flush", LsmStorage::flush)?,
            Step::Compact => self.now_durable_if_done("compact", LsmStorage::compact)?,
            Step::Reopen { close } => self.reopen(*close)?,
        }
        if self.injector.hit_count() > hits {
            self.look_at_all().context("afterwards")?;
            self.check_crashes()?;
        }
        Ok(())
    }

    /// Opens the store; while a fault is to blame for the failure, a few times.
    pub fn open(&mut self) -> Result<()> {
        for _ in 0..4 {
            let hits = self.injector.hit_count();
            self.injector.forget_failures();
            let (outcome, own) = self.judged("open", |subject| {
                LsmStorage::open(DIR, subject.options.clone())
            })?;
            match outcome {
                Outcome::Done(store) => {
                    self.store = Some(store);
                    self.ended = None;
                    self.hits_at_open = hits;
                    if let Some(map) = self.read_everything()? {
                        return self.settle(&map);
                    }
                    self.drop_store()?;
                }
                Outcome::Failed | Outcome::Panicked => {
                    ensure!(!own.is_empty(), "open failed, though nothing was wrong");
                    self.tally.count("failed opens", 1);
                }
            }
            self.check_crashes()?;
        }
        Ok(())
    }

    /// The end: all goes well from now on, and the store is as good as ever.
    pub fn finish(mut self) -> Result<Tally> {
        self.injector.disarm();
        self.check_crashes().context("at the end")?;
        self.drop_store()?;
        self.open().context("at the end, without faults")?;
        ensure!(
            self.store.is_some(),
            "the store does not open, though nothing is wrong any more"
        );
        self.write(&[(b"the end".to_vec(), Some(b"is near".to_vec()))])?;
        self.reopen(true)?;
        self.look_at_all().context("after the end")?;
        Ok(self.tally)
    }

    fn write(&mut self, ops: &[Op]) -> Result<()> {
        let had_ended = self.ended.is_some();
        // Refused, as it must be: not even a crash brings it, so history knows nothing of it.
        let before = self.settings.has_threads.then(|| self.history.clone());
        let batch = match had_ended {
            true => History::new().write(ops),
            false => self.history.write(ops),
        };
        let outcome = self.call("write", |store| store.write(batch))?;
        let is_done = matches!(outcome, Outcome::Done(()));
        if had_ended {
            ensure!(!is_done, "write gives Ok, though the writing had ended");
        } else if is_done {
            self.acked += 1;
            if self.settings.durability == Durability::Sync {
                self.durable = self.acked;
            }
        } else if self.ended.is_none() {
            // It froze the memtable, and with the old state went the last reader of a table that a
            // compaction in another thread had replaced: it was to remove the file.
            let panicked = matches!(outcome, Outcome::Panicked);
            ensure!(panicked, "a write failed, and the store takes more");
            self.history = before.context("a write panicked, and the store takes more")?;
        }
        Ok(())
    }

    fn get(&mut self, key: &[u8]) -> Result<()> {
        if let Outcome::Done(value) = self.call("get", |store| store.get(key))? {
            let expected = self.history.state(self.acked).get(key);
            ensure!(
                value.as_deref() == expected.map(Vec::as_slice),
                "get({}) gives {}, expected {}",
                show(key),
                value.map_or_else(|| "nothing".to_owned(), |value| show(&value)),
                expected.map_or_else(|| "nothing".to_owned(), |value| show(value)),
            );
        }
        Ok(())
    }

    /// Everything that is published, and nothing else.
    fn look_at_all(&mut self) -> Result<()> {
        if self.store.is_none() {
            return Ok(());
        }
        if let Some(map) = self.read_everything()? {
            self.history.locate(&map, self.acked, self.acked)?;
        }
        Ok(())
    }

    /// `None` if a fault is in the way for good.
    fn read_everything(&mut self) -> Result<Option<Map>> {
        for _ in 0..3 {
            let outcome = self.call("scan and get", |store| {
                read_all(store).map_err(|error| match error.downcast::<Error>() {
                    Ok(error) => error,
                    // Not an error of the store, but a wrong answer.
                    Err(wrong) => Error::InvalidArgument(format!("{wrong:#}")),
                })
            })?;
            if let Outcome::Done(map) = outcome {
                return Ok(Some(map));
            }
        }
        Ok(None)
    }

    fn hold(&mut self) -> Result<()> {
        self.let_go()?;
        if let Outcome::Done(scan) = self.call("scan", |store| store.scan(..))? {
            self.held = Some((scan, self.history.state(self.acked).clone()));
        }
        Ok(())
    }

    /// Reads a scan that was begun to its end: it gives what was there when it began.
    fn let_go(&mut self) -> Result<()> {
        let Some((mut scan, mut expected)) = self.held.take() else {
            return Ok(());
        };
        while scan.is_valid() {
            let entry = (scan.key().to_vec(), scan.value().to_vec());
            ensure!(
                expected.pop_first().as_ref() == Some(&entry),
                "a scan that was begun earlier gives {}, which is not next in its snapshot",
                show(&entry.0)
            );
            match self.call("next", |_| scan.next())? {
                Outcome::Done(()) => {}
                Outcome::Failed => {
                    ensure!(
                        !scan.is_valid() && scan.next().is_err(),
                        "after an error a scan goes on"
                    );
                    return self.drop_scan(scan);
                }
                Outcome::Panicked => return self.drop_scan(scan),
            }
        }
        ensure!(
            expected.is_empty(),
            "a scan that was begun earlier ends too soon: {} keys are missing",
            expected.len()
        );
        self.drop_scan(scan)
    }

    /// It may be the last reader of tables, whose files are then removed.
    fn drop_scan(&mut self, scan: LsmIterator) -> Result<()> {
        let run = |_: &LsmStorage| {
            drop(scan);
            Ok(())
        };
        self.call("drop of a scan", run)?;
        Ok(())
    }

    fn now_durable_if_done(
        &mut self,
        what: &'static str,
        run: impl FnOnce(&LsmStorage) -> mini_lsm::Result<()>,
    ) -> Result<()> {
        let had_ended = self.ended.is_some();
        if let Outcome::Done(()) = self.call(what, run)? {
            ensure!(!had_ended, "{what} gives Ok, though the writing had ended");
            self.durable = self.acked;
        }
        Ok(())
    }

    fn reopen(&mut self, close: bool) -> Result<()> {
        self.let_go()?;
        if close {
            let outcome = self.call("close", LsmStorage::close)?;
            // What the threads met they have told by now.
            self.check_threads_told()?;
            if matches!(outcome, Outcome::Done(())) && self.ended.is_none() {
                self.durable = self.acked;
            }
        }
        self.drop_store()?;
        self.open()
    }

    fn drop_store(&mut self) -> Result<()> {
        self.let_go()?;
        let store = self.store.take();
        let run = |_: &Self| {
            drop(store);
            Ok(())
        };
        self.judged("drop", run)?;
        Ok(())
    }

    /// The store has been opened and holds `map`: so it stays.
    fn settle(&mut self, map: &Map) -> Result<()> {
        self.history
            .locate(map, self.kill_floor(), self.history.len())
            .context("after reopening")?;
        let put = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), Some(value.clone()));
        let ops: Vec<Op> = map.iter().map(put).collect();
        self.history = History::new();
        self.history.write(&ops);
        self.acked = 1;
        // Recovery has put all of it into tables.
        self.durable = 1;
        self.hits_at_settling = self.injector.hit_count();
        self.tally.count("reopenings", 1);
        Ok(())
    }

    /// The number of writes that must be there after a kill: all that returned, unless a failed
    /// sync has made the system forget some.
    fn kill_floor(&self) -> usize {
        let hits = self.injector.hits(self.hits_at_settling);
        match hits.iter().any(Hit::lost_log_data) {
            true => self.durable,
            false => self.acked,
        }
    }

    /// A power cut or a kill at this moment leaves a store that opens and keeps the contract, and
    /// opens again with the same.
    fn check_crashes(&mut self) -> Result<()> {
        if self.crash_checks_left == 0 && self.injector.is_armed() {
            return Ok(());
        }
        self.crash_checks_left = self.crash_checks_left.saturating_sub(1);
        let seed = self.injector.hit_count() as u64;
        let plans = [
            (CrashPlan::Lose, self.durable),
            (CrashPlan::Keep, self.kill_floor()),
            (CrashPlan::Random { seed }, self.durable),
        ];
        for (plan, floor) in plans {
            let image = self.mem.crash_clone(&plan);
            let check = || -> Result<()> {
                let (map, image) = self.contents_of(image)?;
                self.history.locate(&map, floor, self.history.len())?;
                let (again, _) = self.contents_of(image)?;
                ensure!(again == map, "a second recovery gives another state");
                Ok(())
            };
            check().with_context(|| format!("after a crash, {plan:?} of what was not synced"))?;
            self.tally.count("crash images", 1);
        }
        Ok(())
    }

    /// What a store holds, and what a power cut leaves after it was opened.
    fn contents_of(&self, image: MemFs) -> Result<(Map, MemFs)> {
        let fs: Arc<dyn FileSystem> = Arc::new(image.clone());
        let store = LsmStorage::open(DIR, self.settings.options(fs)).context("open failed")?;
        let map = read_all(&store)?;
        Ok((map, image.crash_clone(&CrashPlan::Lose)))
    }
}
