//! Handles and files, after every step of a random life.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use mini_lsm::fs::DiskFs;
use mini_lsm::{LsmIterator, LsmOptions, LsmStorage};

use super::place::{Names, Place, live_files, tables_of};
use crate::history::{History, Map, random_ops};
use crate::own_process;
use crate::tally::Tally;

/// Steps of a life. In memory one costs next to nothing.
const DISK_STEPS: usize = 60;
const MEM_STEPS: usize = 600;

/// A scan that is held, what it must give, and the tables that it may keep.
struct Held {
    scan: LsmIterator,
    rest: Map,
    tables: Names,
    /// The number of the opening that it came from.
    opening: usize,
    /// Whether a compaction took one of its tables away.
    outlived: bool,
}

/// A store that is written, read and reopened, and the scans that are held meanwhile.
struct Life<'a> {
    place: &'a Place,
    rng: Rng,
    history: History,
    held: Vec<Held>,
    opening: usize,
}

/// A life on disk, and one in memory.
pub fn run(seed: u64, tally: &mut Tally) -> Result<()> {
    let handles = own_process::handle_count();
    for (place, steps, name) in [
        (Place::disk()?, DISK_STEPS, "on disk"),
        (Place::mem(), MEM_STEPS, "in memory"),
    ] {
        live(&place, steps, seed, tally).context(name)?;
    }
    let after = own_process::handle_count();
    ensure!(
        handles == after,
        "{handles:?} handles before, {after:?} after everything was dropped"
    );
    tally.count("handles counted on this system", u64::from(after.is_some()));
    Ok(())
}

fn options() -> LsmOptions {
    LsmOptions {
        memtable_size: 16 << 10,
        table_size: 2 << 10,
        block_size: 512,
        level_base_size: 4 << 10,
        filter_bits_per_key: 10,
        ..LsmOptions::for_test(Arc::new(DiskFs))
    }
}

fn live(place: &Place, steps: usize, seed: u64, tally: &mut Tally) -> Result<()> {
    let mut life = Life {
        place,
        rng: Rng::with_seed(seed),
        history: History::new(),
        held: Vec::new(),
        opening: 0,
    };
    let mut store = place.open(&options())?;
    for step in 0..steps {
        let before = tables_of(&store);
        let what;
        (store, what) = life.step(store, tally)?;
        life.note_outlived(&store, &before, tally);
        life.check(&store)
            .with_context(|| format!("step {step}, after {what}"))?;
    }
    drop(store);
    life.check_without_store()
        .context("scans that outlive the store")?;
    while let Some(held) = life.held.pop() {
        let_go(held, tally)?;
    }
    life.check_without_store()
}

impl Life<'_> {
    /// Does something, and says what.
    fn step(&mut self, store: LsmStorage, tally: &mut Tally) -> Result<(LsmStorage, &'static str)> {
        let what = match self.rng.u8(..10) {
            0..4 => {
                for _ in 0..20 {
                    let ops = random_ops(&mut self.rng, 60, 80);
                    store.write(self.history.write(&ops))?;
                }
                "writes"
            }
            4 | 5 => {
                store.flush()?;
                "a flush"
            }
            6 => {
                store.compact()?;
                "a compaction"
            }
            7 => {
                self.hold(&store)?;
                "a new scan"
            }
            8 if !self.held.is_empty() => {
                let index = self.rng.usize(..self.held.len());
                let_go(self.held.swap_remove(index), tally)?;
                "the end of a scan"
            }
            _ => {
                tally.count("reopenings", 1);
                return Ok((self.reopen(store)?, "a reopening"));
            }
        };
        Ok((store, what))
    }

    /// Open and there: what the store needs, and what scans keep.
    fn check(&self, store: &LsmStorage) -> Result<()> {
        let live = live_files(store);
        self.place.expect_open(&live, &self.with_held(&live))?;
        // What a scan from before a reopening keeps has no name any more, if the store has no use
        // for it.
        let of_now = self.held.iter().filter(|held| held.opening == self.opening);
        let kept = of_now.flat_map(|held| &held.tables);
        let files: Names = live.iter().chain(kept).cloned().collect();
        self.place.expect_files(&files)
    }

    /// No store: nothing is open but what scans keep.
    fn check_without_store(&self) -> Result<()> {
        let none = Names::new();
        self.place.expect_open(&none, &self.with_held(&none))
    }

    /// Closed or dropped, and opened again. Scans go on, and keep what they keep.
    fn reopen(&mut self, store: LsmStorage) -> Result<LsmStorage> {
        if self.rng.bool() {
            store.close()?;
            // Tables and logs stay open for those who hold the store; manifest and lock do not.
            let mut files = live_files(&store);
            files.retain(|name| name.contains('.'));
            self.place
                .expect_open(&Names::new(), &self.with_held(&files))
                .context("after close")?;
        }
        drop(store);
        self.check_without_store().context("after a drop")?;
        self.opening += 1;
        Ok(self.place.open(&options())?)
    }

    /// `live`, and what scans keep, by openings.
    fn with_held(&self, live: &Names) -> Vec<Names> {
        let mut sets = vec![Names::new(); self.opening + 1];
        sets[self.opening].extend(live.iter().cloned());
        for held in &self.held {
            sets[held.opening].extend(held.tables.iter().cloned());
        }
        sets
    }

    /// A new scan of everything, a few entries in.
    fn hold(&mut self, store: &LsmStorage) -> Result<()> {
        let mut scan = store.scan(..)?;
        let mut rest = self.history.last().clone();
        for _ in 0..3 {
            step(&mut scan, &mut rest)?;
        }
        self.held.push(Held {
            scan,
            rest,
            tables: tables_of(store),
            opening: self.opening,
            outlived: false,
        });
        Ok(())
    }

    fn note_outlived(&mut self, store: &LsmStorage, before: &Names, tally: &mut Tally) {
        let now = tables_of(store);
        let gone: Names = before.difference(&now).cloned().collect();
        tally.count("tables compacted away", gone.len() as u64);
        for held in &mut self.held {
            let kept = held.tables.intersection(&gone).count();
            held.outlived |= kept > 0;
            tally.count("files kept for a scan", kept as u64);
        }
    }
}

/// The rest of a scan is what it was when it began, whatever happened since.
fn let_go(mut held: Held, tally: &mut Tally) -> Result<()> {
    while !held.rest.is_empty() {
        step(&mut held.scan, &mut held.rest)?;
    }
    ensure!(!held.scan.is_valid(), "a held scan gives more than it held");
    tally.count("scans held", 1);
    tally.count("scans held over compactions", u64::from(held.outlived));
    Ok(())
}

fn step(scan: &mut LsmIterator, rest: &mut Map) -> Result<()> {
    let Some((key, value)) = rest.pop_first() else {
        return Ok(());
    };
    ensure!(
        scan.is_valid() && scan.key() == key && scan.value() == value,
        "a held scan gives something else than it held"
    );
    scan.next().context("next() of a held scan")
}
