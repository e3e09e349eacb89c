//! The end of a store: no thread stays, and a drop loses nothing that was acknowledged.

use std::sync::Arc;

use anyhow::{Result, ensure};
use fastrand::Rng;
use mini_lsm::fs::DiskFs;
use mini_lsm::{LsmOptions, LsmStorage};

use super::place::Place;
use crate::history::{History, random_ops, read_all};
use crate::own_process;
use crate::tally::Tally;

/// Lives of one store.
const DISK_LIVES: usize = 8;
const MEM_LIVES: usize = 60;

/// Everything is small and in the background, so that a drop finds threads at work.
fn options() -> LsmOptions {
    LsmOptions {
        memtable_size: 2 << 10,
        table_size: 2 << 10,
        block_size: 512,
        level_base_size: 4 << 10,
        background_flush: true,
        background_compaction: true,
        filter_bits_per_key: 10,
        ..LsmOptions::for_test(Arc::new(DiskFs))
    }
}

/// Lives on disk and in memory.
pub fn run(seed: u64, tally: &mut Tally) -> Result<()> {
    live_again_and_again(&Place::disk()?, DISK_LIVES, seed, tally)?;
    live_again_and_again(&Place::mem(), MEM_LIVES, seed, tally)
}

fn live_again_and_again(place: &Place, lives: usize, seed: u64, tally: &mut Tally) -> Result<()> {
    let mut rng = Rng::with_seed(seed);
    let mut history = History::new();
    for life in 0..lives {
        let store = place.open(&options())?;
        ensure!(
            own_process::engine_threads_become(2),
            "not the two threads of a store: {:?}",
            own_process::threads()
        );
        let found = read_all(&store)?;
        ensure!(
            found == *history.last(),
            "life {life}: the store does not hold what was acknowledged before it was dropped: {}",
            crate::history::difference(history.last(), &found)
        );
        for _ in 0..rng.usize(..150) {
            store.write(history.write(&random_ops(&mut rng, 80, 60)))?;
        }
        end(store, &mut rng)?;
        tally.count("reopenings", 1);
    }
    Ok(())
}

/// By a close or a drop; a scan that is held keeps no thread.
fn end(store: LsmStorage, rng: &mut Rng) -> Result<()> {
    let scan = if rng.bool() {
        Some(store.scan(..)?)
    } else {
        None
    };
    let how = match rng.u8(..4) {
        0 => {
            store.close()?;
            ensure!(
                own_process::engine_threads_become(0),
                "threads outlive close: {:?}",
                own_process::threads()
            );
            drop(store);
            "a close and a drop"
        }
        1 => {
            // The last reference goes in another thread.
            let store = Arc::new(store);
            let other = Arc::clone(&store);
            std::thread::scope(|scope| {
                scope.spawn(move || drop(other));
                drop(store);
            });
            "a drop in one of two threads"
        }
        _ => {
            drop(store);
            "a drop"
        }
    };
    ensure!(
        own_process::engine_threads_become(0),
        "threads outlive {how}: {:?}",
        own_process::threads()
    );
    drop(scan);
    Ok(())
}
