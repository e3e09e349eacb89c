//! One round: a store and its lives, with other options each time, and a power cut now and then.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use fastrand::Rng;
use mini_lsm::fs::{CrashPlan, DiskFs, FileSystem, MemFs};
use mini_lsm::{Durability, EventListener, LsmOptions, LsmStorage};

use super::board::{Board, View, ensure_not_below};
use super::life::{End, HeldScan, Life};
use super::observer::{read_on, view_of};
use crate::draw::Events;
use crate::tally::Tally;
use crate::watchdog::watch;

const LIVES: u64 = 15;

/// A life takes less than a second: so long takes none, on no machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A store and its lives.
pub struct Round {
    seed: u64,
    rng: Rng,
    dir: PathBuf,
    /// `None` on disk.
    mem: Option<MemFs>,
    /// On disk: removes the directory at the end.
    _temp: Option<tempfile::TempDir>,
    events: Arc<Events>,
    tally: Tally,
}

impl Round {
    /// An empty one.
    pub fn new(seed: u64) -> Result<Self> {
        let temp = match seed.is_multiple_of(4) {
            true => Some(tempfile::tempdir().context("cannot create a directory")?),
            false => None,
        };
        Ok(Self {
            seed,
            rng: Rng::with_seed(seed),
            dir: temp
                .as_ref()
                .map_or("/".into(), |temp| temp.path().to_owned())
                .join("store"),
            mem: temp.is_none().then(MemFs::new),
            _temp: temp,
            events: Arc::default(),
            tally: Tally::new(),
        })
    }

    /// Lives through it.
    pub fn run(mut self) -> Result<Tally> {
        let held = Mutex::default();
        let mut past: Option<Board> = None;
        for life in 0..LIVES {
            let seed = self.seed;
            let _watch = watch(LIMIT, move || format!("threads, seed {seed}: life {life}"));
            let board = self.live(past.take(), &held);
            past = Some(board.with_context(|| format!("life {life}"))?);
        }
        for scan in held.into_inner().expect("no panic") {
            scan.finish()?;
        }
        self.events.tell(&mut self.tally);
        Ok(self.tally)
    }

    /// Opens the store, checks it against its past, and lets the threads at it. Gives what must be
    /// there the next time.
    fn live(&mut self, past: Option<Board>, held: &Mutex<Vec<HeldScan>>) -> Result<Board> {
        let options = self.options();
        let store = LsmStorage::open(&self.dir, options.clone()).context("open")?;
        let view = view_of_all(&store).context("the store, opened again")?;
        if let Some(past) = past {
            ensure_not_below(&view.versions, &past.durable.get(), "which had to survive")?;
            ensure_not_below(&past.begun.get(), &view.versions, "since they are there")?;
            past.note(view);
            self.tally.count("states seen", past.check_history()?);
        }
        let board = Board::starting_with(view);
        let life = Life {
            board: &board,
            dir: &self.dir,
            options: &options,
            mem: self.mem.as_ref(),
            held,
            seed: self.rng.u64(..),
        };
        let end = if self.rng.bool() {
            End::Close
        } else {
            End::Drop
        };
        let time = Duration::from_millis(self.rng.u64(5..80));
        self.tally.add(&life.run(store, end, time)?);
        self.tally
            .count(if end == End::Close { "closes" } else { "drops" }, 1);
        self.tally.count("lives", 1);
        self.after(end, &board)?;
        Ok(board)
    }

    /// The store is gone: nobody takes anything with it but a power cut, which may follow.
    fn after(&mut self, end: End, board: &Board) -> Result<()> {
        let cuts = self.mem.is_some() && self.rng.u8(..3) == 0;
        if !cuts || end == End::Close {
            board.durable.raise(board.returned.get());
        }
        if cuts && let Some(mem) = &self.mem {
            let plan = match self.rng.u8(..3) {
                0 => CrashPlan::Lose,
                1 => CrashPlan::TornAt {
                    percent: self.rng.u8(..=100),
                },
                _ => CrashPlan::Random {
                    seed: self.rng.u64(..),
                },
            };
            self.mem = Some(mem.crash_clone(&plan));
            self.tally.count("power cuts", 1);
        }
        Ok(())
    }

    /// Other ones each time: options may change between lives.
    fn options(&mut self) -> LsmOptions {
        let fs: Arc<dyn FileSystem> = match &self.mem {
            Some(mem) => Arc::new(mem.clone()),
            None => Arc::new(DiskFs),
        };
        let rng = &mut self.rng;
        let l0_compaction_trigger = rng.usize(1..4);
        let l0_stop_trigger = l0_compaction_trigger + rng.usize(..3);
        LsmOptions {
            block_size: pick(rng, &[100, 500, 4096]),
            table_size: pick(rng, &[1000, 5000, 50_000]),
            memtable_size: pick(rng, &[1, 5000, 20_000]),
            max_frozen_memtables: rng.usize(1..4),
            block_cache_size: pick(rng, &[0, 4 << 10, 1 << 20]),
            background_flush: rng.u8(..8) > 0,
            background_compaction: rng.u8(..8) > 0,
            level_count: rng.usize(1..5),
            l0_compaction_trigger,
            l0_slowdown_trigger: l0_stop_trigger - usize::from(rng.u8(..8) == 0),
            l0_stop_trigger,
            level_base_size: pick(rng, &[1, 5000, 20_000]),
            level_size_multiplier: rng.u64(1..5),
            durability: pick(rng, &[Durability::Buffered, Durability::Sync]),
            filter_bits_per_key: pick(rng, &[0, 10]),
            listener: Arc::clone(&self.events) as Arc<dyn EventListener>,
            ..LsmOptions::for_test(fs)
        }
    }
}

/// One of `items`.
fn pick<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.usize(..items.len())]
}

/// The state that the store is in.
fn view_of_all(store: &LsmStorage) -> Result<View> {
    let mut entries = Vec::new();
    read_on(&mut store.scan(..)?, usize::MAX, &mut entries)?;
    view_of(&entries)
}
