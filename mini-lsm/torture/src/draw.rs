//! What a round draws: the options of a small store in which much happens, and a listener that counts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use mini_lsm::fs::FileSystem;
use mini_lsm::{Durability, Event, EventListener, LsmOptions};

use crate::tally::Tally;

/// Options for a store that flushes every few writes and whose levels are full after a few flushes.
/// With `background`, threads flush or compact, or both.
pub fn small_options(rng: &mut Rng, fs: Arc<dyn FileSystem>, background: bool) -> LsmOptions {
    let l0_compaction_trigger = rng.usize(1..4);
    let l0_stop_trigger = l0_compaction_trigger + rng.usize(1..4);
    let threads = rng.u8(..8);
    // A memtable, and so a table, for every write: only now and then.
    let memtable_size = match rng.u8(..16) {
        0 => 1,
        _ => pick(rng, &[150, 400, 400, 1500, 6000]),
    };
    LsmOptions {
        block_size: pick(rng, &[1, 64, 200, 4096]),
        table_size: pick(rng, &[200, 500, 2000, 64 << 10]),
        memtable_size,
        max_frozen_memtables: rng.usize(1..4),
        block_cache_size: pick(rng, &[0, 1 << 10, 1 << 20]),
        background_flush: background && threads > 0,
        background_compaction: background && threads != 1,
        level_count: rng.usize(1..5),
        l0_compaction_trigger,
        // A delay of a millisecond only now and then: it is not what is tried here.
        l0_slowdown_trigger: l0_stop_trigger - usize::from(rng.u8(..8) == 0),
        l0_stop_trigger,
        level_base_size: pick(rng, &[1, 300, 1000, 4000]),
        level_size_multiplier: rng.u64(1..5),
        durability: pick(rng, &[Durability::Buffered, Durability::Sync]),
        filter_bits_per_key: pick(rng, &[0, 1, 10]),
        ..LsmOptions::for_test(fs)
    }
}

/// One of `items`.
pub fn pick<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.usize(..items.len())]
}

/// Counts what happens inside a store.
#[derive(Debug, Default)]
pub struct Events {
    flushes: AtomicU64,
    compactions: AtomicU64,
    moves: AtomicU64,
    stalls: AtomicU64,
}

impl Events {
    /// Adds what was counted to `tally`.
    pub fn tell(&self, tally: &mut Tally) {
        tally.count("flushes", self.flushes.load(Ordering::Relaxed));
        tally.count("compactions", self.compactions.load(Ordering::Relaxed));
        tally.count("moves of tables", self.moves.load(Ordering::Relaxed));
        tally.count("stalls", self.stalls.load(Ordering::Relaxed));
    }
}

impl EventListener for Events {
    fn on_event(&self, event: &Event) {
        let counter = match event {
            Event::FlushInstalled { .. } => &self.flushes,
            Event::CompactionInstalled {
                trivial_move: true, ..
            } => &self.moves,
            Event::CompactionInstalled { .. } => &self.compactions,
            Event::WriteStalled => &self.stalls,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
