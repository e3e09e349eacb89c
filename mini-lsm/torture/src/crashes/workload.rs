//! What the store does while it is watched.

use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use mini_lsm::fs::{CrashPlan, MemFs};
use mini_lsm::{Durability, LsmStorage};

use super::DIR;
use super::model::{KEY_COUNT, Model};
use super::watch::Watch;
use crate::draw::{Events, small_options};
use crate::history::{difference, random_ops, read_all};
use crate::tally::Tally;

/// The longest value.
const VALUE_LEN: usize = 60;

/// A store, and all that led to its state.
pub struct Workload {
    rng: Rng,
    model: Arc<Mutex<Model>>,
    watch: Arc<Watch>,
    background: bool,
    cut_one_in: u32,
    store: Option<LsmStorage>,
    durability: Durability,
    events: Arc<Events>,
    tally: Tally,
}

/// How a store's life ends, before the next begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By `close`.
    Close,
    /// It is dropped.
    Drop,
    /// By a crash.
    Crash,
}

impl Workload {
    /// A new store for so many writers. With `background`, it has threads of its own, now and then.
    pub fn new(seed: u64, lanes: usize, background: bool, cut_one_in: u32) -> Result<Self> {
        let model = Arc::new(Mutex::new(Model::new(lanes)));
        let watch = Watch::new(MemFs::new(), &model, seed, background, cut_one_in);
        let mut workload = Self {
            rng: Rng::with_seed(seed),
            model,
            watch,
            background,
            cut_one_in,
            store: None,
            durability: Durability::Buffered,
            events: Arc::default(),
            tally: Tally::new(),
        };
        workload.open()?;
        Ok(workload)
    }

    /// So many random steps, one after the other.
    pub fn steps(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            match self.rng.u8(..100) {
                0..2 => self.reopen(End::Close)?,
                2..4 => self.reopen(End::Drop)?,
                4..7 => self.reopen(End::Crash)?,
                _ => {
                    let rng = &mut self.rng.fork();
                    self.writer(0).step(rng)?;
                }
            }
            self.watch.outcome()?;
        }
        Ok(())
    }

    /// So many random steps of each writer, side by side.
    pub fn steps_side_by_side(&mut self, lanes: usize, count: usize) -> Result<()> {
        let rngs: Vec<Rng> = (0..lanes).map(|_| self.rng.fork()).collect();
        let work = |lane: usize, mut rng: Rng| -> Result<()> {
            let writer = self.writer(lane);
            (0..count).try_for_each(|_| writer.step(&mut rng))
        };
        let work = &work;
        thread::scope(|scope| {
            let start = |(lane, rng)| scope.spawn(move || work(lane, rng));
            let threads: Vec<_> = rngs.into_iter().enumerate().map(start).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("errors are returned"))
        })?;
        self.watch.outcome()?;
        let metrics = self.store().metrics();
        match metrics.background_error {
            Some(error) => Err(error).context("in the background"),
            None => Ok(()),
        }
    }

    /// Ends the store's life and opens it again. All that had been written must be there, except
    /// after a crash, which leaves what it leaves.
    pub fn reopen(&mut self, end: End) -> Result<()> {
        let before = read_all(self.store())?;
        let store = self.store.take().expect("the store is open");
        if end == End::Close {
            store.close().context("close")?;
            let mut model = self.model.lock().expect("no panic");
            let returned = model.returned();
            model.now_durable(&returned);
        }
        drop(store);
        if end == End::Crash {
            self.tally.count("crashes lived through", 1);
            self.crash();
            return self.open();
        }
        self.tally.count("reopenings", 1);
        self.open()?;
        let after = read_all(self.store())?;
        ensure!(
            before == after,
            "reopened, the store holds something else: {}",
            difference(&before, &after)
        );
        let lost = self.store().metrics().recovery.lost_tails;
        ensure!(lost.is_empty(), "there was no crash, but {lost:?}");
        self.watch.outcome()
    }

    /// The last life's end, and what was seen.
    pub fn finish(mut self) -> Result<Tally> {
        self.reopen(End::Close)?;
        self.store = None;
        self.watch.outcome()?;
        self.tally.add(&self.watch.tally());
        self.events.tell(&mut self.tally);
        Ok(self.tally)
    }

    /// The store.
    pub fn store(&self) -> &LsmStorage {
        self.store.as_ref().expect("the store is open")
    }

    /// What watches it.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// One of those who write to it.
    pub fn writer(&self, lane: usize) -> Writer<'_> {
        Writer {
            workload: self,
            lane,
        }
    }

    fn open(&mut self) -> Result<()> {
        let background = self.background && self.rng.u8(..8) > 0;
        let mut options = small_options(&mut self.rng, self.watch.fs(), background);
        options.listener = Arc::clone(&self.events) as _;
        self.durability = options.durability;
        let store =
            LsmStorage::open(DIR, options).context("open, in the middle of the workload")?;
        self.store = Some(store);
        self.watch.is_recovered();
        // What recovery shows it has put into tables.
        let mut model = self.model.lock().expect("no panic");
        let returned = model.returned();
        model.now_durable(&returned);
        Ok(())
    }

    /// Goes on from what a crash leaves: one of the crashes of this life, or one at its end.
    fn crash(&mut self) {
        let mut model = self.model.lock().expect("no panic");
        let mem = match self.watch.kept() {
            Some((mem, counts)) => {
                model.go_on_from(&counts);
                mem
            }
            None => {
                // Which of the writes that were not synced are left is not known here: all are.
                let returned = model.returned();
                model.now_durable(&returned);
                self.watch.mem.crash_clone(&CrashPlan::Keep)
            }
        };
        drop(model);
        self.tally.add(&self.watch.tally());
        let seed = self.rng.u64(..);
        self.watch = Watch::new(mem, &self.model, seed, self.background, self.cut_one_in);
    }
}

/// One thread's part of the workload.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    workload: &'a Workload,
    lane: usize,
}

impl Writer<'_> {
    /// One random step that needs no other thread's consent.
    fn step(&self, rng: &mut Rng) -> Result<()> {
        let Workload { model, .. } = self.workload;
        let store = self.workload.store();
        let returned = model.lock().expect("no panic").returned();
        // A flush makes durable what it flushes: the manifest must not name a table before that is.
        match rng.u8(..100) {
            0..7 => store.sync().context("sync")?,
            7..11 => store.flush().context("flush")?,
            11..13 => store.compact().context("compact")?,
            _ => return self.write(rng),
        }
        model.lock().expect("no panic").now_durable(&returned);
        Ok(())
    }

    /// One write.
    pub fn write(&self, rng: &mut Rng) -> Result<()> {
        let Workload { model, .. } = self.workload;
        let ops = random_ops(rng, KEY_COUNT, VALUE_LEN);
        let batch = model.lock().expect("no panic").begin(self.lane, &ops);
        self.workload.store().write(batch).context("a write")?;
        let is_durable = self.workload.durability == Durability::Sync;
        model.lock().expect("no panic").end(self.lane, is_durable);
        Ok(())
    }
}
