//! Memory: a load many times what it may take, with scans, gets and compactions; then nothing.

use std::sync::Arc;

use anyhow::{Result, ensure};
use fastrand::Rng;
use mini_lsm::fs::DiskFs;
use mini_lsm::{LsmOptions, LsmStorage};

use super::place::Place;
use crate::alloc::{Meter, is_installed};
use crate::tally::Tally;

const MIB: usize = 1 << 20;
/// How much is put, in bytes of values.
const LOAD: usize = 200 * MIB;
const VALUE_LEN: usize = 1000;
/// So many keys are put again and again.
const KEY_COUNT: u32 = 50_000;
/// What is left when everything was dropped: what the system's library and the crates below keep for
/// the next time. Measured.
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

/// What the options allow, in bytes.
///
/// Memtables count their entries with a constant beside, so the sum of their sizes is the memory
/// they take, give or take a sixth. Of indexes and filters those of tables that were compacted away
/// are held while somebody reads them. Buffers: two builders with up to half a MiB, a block for each
/// cursor of a merge, the hashes of the keys of two tables, the log's record.
fn allowance(options: &LsmOptions, entries: u64) -> isize {
    let memtables = (1 + options.max_frozen_memtables) * options.memtable_size;
    let blocks = entries * (VALUE_LEN as u64 + 20) / options.block_size as u64;
    let of_tables = blocks * 64 + entries * options.filter_bits_per_key as u64 / 8;
    let cache = options.block_cache_size as usize;
    (memtables + memtables / 6 + cache + cache / 6 + 2 * of_tables as usize + 3 * MIB) as isize
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
    let options = options();
    for life in ["a load", "a second load, after a drop"] {
        meter.reset_peak();
        let store = place.open(&options)?;
        load(&store, &mut rng, LOAD / 2)?;
        let peak = meter.usage().peak;
        within(peak, allowance(&options, entries_of(&store)), life)?;
        tally.count("KiB at most in a load", peak as u64 >> 10);
        if life == "a load" {
            continue;
        }
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
        if count % 30_000 == 0 {
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
