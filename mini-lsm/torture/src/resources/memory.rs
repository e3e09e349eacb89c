//! Memory: a load many times what it may take, with scans, gets and compactions; then nothing.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use fastrand::Rng;
use mini_lsm::fs::DiskFs;
use mini_lsm::{Event, EventListener, LsmOptions, LsmStorage};

use super::place::Place;
use crate::alloc::{Meter, is_installed};
use crate::tally::Tally;

const MIB: usize = 1 << 20;
/// How much is put, in bytes of values.
const LOAD: usize = 200 * MIB;
const VALUE_LEN: usize = 1000;
/// So many keys are put again and again.
const KEY_COUNT: u32 = 50_000;
/// What may be left when everything was dropped, since the allocator's users below us keep something
/// for the next time: some 10 KiB were measured.
const RESIDUE: isize = 512 << 10;

fn options() -> LsmOptions {
    LsmOptions {
        memtable_size: 4 * MIB,
        max_frozen_memtables: 2,
        table_size: 4 * MIB,
        block_cache_size: 8 * MIB as u64,
        level_base_size: 16 * MIB as u64,
        level_size_multiplier: 4,
        background_flush: true,
        background_compaction: true,
        filter_bits_per_key: 10,
        ..LsmOptions::for_test(Arc::new(DiskFs))
    }
}

/// Lets the first flush wait until a writer has to, as if the disk were slow: whoever lets memtables
/// pile up does it then.
#[derive(Debug, Default)]
struct SlowFlush {
    /// How often a writer had to wait.
    stalls: Mutex<u64>,
    stalled: Condvar,
}

/// A writer that need not wait has put everything by then.
const PATIENCE: Duration = Duration::from_secs(20);

impl EventListener for SlowFlush {
    fn on_event(&self, event: &Event) {
        let mut stalls = self.stalls.lock().expect("no panic");
        match event {
            Event::WriteStalled => {
                *stalls += 1;
                self.stalled.notify_all();
            }
            Event::FlushBegun { .. } => {
                let is_early = |stalls: &mut u64| *stalls == 0;
                let waited = self.stalled.wait_timeout_while(stalls, PATIENCE, is_early);
                drop(waited.expect("no panic"));
            }
            _ => {}
        }
    }
}

/// What the cache throws out is freed when no thread can be looking at it any more, and a thread that
/// has to wait for a processor holds that up. Measured at up to 16 MiB where ten threads wait for
/// each processor, and next to nothing elsewhere.
const FREED_LATE: usize = 24 * MIB;

/// What the options allow, in bytes.
///
/// Memtables (the one that takes writes, the frozen ones, and one that has just been flushed) count
/// their entries with a constant beside, which is right to a few in a hundred, and so does the
/// cache. Of indexes and filters those of tables that were compacted away are held while somebody
/// reads them. Buffers: half a MiB each for the table of a flush and that of a compaction, a block
/// for each cursor of a merge, the log's record.
fn allowance(options: &LsmOptions, entries: u64) -> isize {
    let memtables = (2 + options.max_frozen_memtables) * options.memtable_size;
    let blocks = entries * (VALUE_LEN as u64 + 20) / options.block_size as u64;
    let of_tables = blocks * 64 + entries * options.filter_bits_per_key as u64 / 8;
    let budgets = memtables + options.block_cache_size as usize;
    (budgets + budgets / 10 + 2 * of_tables as usize + 2 * MIB + FREED_LATE) as isize
}

/// The load, and what is measured.
pub fn run(seed: u64, tally: &mut Tally) -> Result<()> {
    if !is_installed() {
        tally.count("measurements without a counting allocator", 1);
        return Ok(());
    }
    let mut rng = Rng::with_seed(seed);
    let place = Place::disk()?;
    let meter = Meter::start();
    for life in ["a load", "a second load, after a drop"] {
        let slow_flush = Arc::new(SlowFlush::default());
        let options = LsmOptions {
            listener: Arc::clone(&slow_flush) as Arc<dyn EventListener>,
            ..options()
        };
        meter.reset_peak();
        let store = place.open(&options)?;
        load(&store, &mut rng, LOAD / 2)?;
        let peak = meter.usage().peak;
        within(peak, allowance(&options, entries_of(&store)), life)?;
        let stalls = *slow_flush.stalls.lock().expect("no panic");
        ensure!(stalls > 0, "no writer had to wait for a flush that did");
        if life == "a load" {
            continue;
        }
        tally.count("KiB at most in a load", peak as u64 >> 10);
        meter.reset_peak();
        store.compact()?;
        within(
            meter.usage().peak,
            allowance(&options, entries_of(&store)),
            "a compaction",
        )?;
        let seen = scan(&store)?;
        ensure!(seen > 0, "nothing was loaded");
        within(meter.usage().peak, allowance(&options, seen), "a scan")?;
        store.close()?;
    }
    let left = meter.usage().current;
    ensure!(
        left <= RESIDUE,
        "{left} bytes are in use after the store was closed and dropped, expected {RESIDUE} at most"
    );
    tally.count("KiB after the end", left.max(0) as u64 >> 10);
    tally.count("MiB loaded", (LOAD / MIB) as u64);
    Ok(())
}

fn load(store: &LsmStorage, rng: &mut Rng, bytes: usize) -> Result<()> {
    let mut value = vec![0; VALUE_LEN];
    for count in 1..=bytes / VALUE_LEN {
        value[..8].copy_from_slice(&rng.u64(..).to_le_bytes());
        store.put(key(rng).as_bytes(), &value)?;
        if count % 10 == 0 {
            store.get(key(rng).as_bytes())?;
        }
        if count % 40_000 == 0 {
            scan(store)?;
        }
    }
    Ok(())
}

fn key(rng: &mut Rng) -> String {
    format!("key{:013}", rng.u32(..KEY_COUNT))
}

fn scan(store: &LsmStorage) -> Result<u64> {
    let mut scan = store.scan(..)?;
    let mut count = 0;
    while scan.is_valid() {
        count += 1;
        scan.next()?;
    }
    Ok(count)
}

fn entries_of(store: &LsmStorage) -> u64 {
    let levels = store.metrics().levels;
    levels.iter().flatten().map(|table| table.entry_count).sum()
}

fn within(peak: isize, most: isize, when: &str) -> Result<()> {
    ensure!(
        peak <= most,
        "{} KiB were in use during {when}, expected {} at most",
        peak >> 10,
        most >> 10
    );
    Ok(())
}
