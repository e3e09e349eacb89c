//! A listener that counts what happens inside a store.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mini_lsm::{Event, EventListener};

use crate::tally::Tally;

/// The counts.
#[derive(Debug, Default)]
pub struct Seen {
    flushes: AtomicU64,
    trivial_moves: AtomicU64,
    l0_compactions: AtomicU64,
    deeper_compactions: AtomicU64,
    full_compactions: AtomicU64,
    stalls: AtomicU64,
    /// The smallest level that gives inputs to the compaction that runs: there is one at a time.
    source_level: AtomicU64,
}

impl Seen {
    /// Adds the counts to `tally`.
    pub fn tell(&self, tally: &mut Tally) {
        tally.count("flushes", self.flushes.load(Relaxed));
        tally.count("trivial moves", self.trivial_moves.load(Relaxed));
        tally.count("compactions L0 → L1", self.l0_compactions.load(Relaxed));
        tally.count(
            "compactions Ln → Ln+1",
            self.deeper_compactions.load(Relaxed),
        );
        tally.count(
            "compactions of everything",
            self.full_compactions.load(Relaxed),
        );
        tally.count("stalls", self.stalls.load(Relaxed));
    }

    fn compaction(&self, is_trivial: bool) {
        let counter = if std::thread::current().name() != Some("mini-lsm compaction") {
            &self.full_compactions
        } else if is_trivial {
            &self.trivial_moves
        } else if self.source_level.load(Relaxed) == 0 {
            &self.l0_compactions
        } else {
            &self.deeper_compactions
        };
        counter.fetch_add(1, Relaxed);
    }
}

impl EventListener for Seen {
    fn on_event(&self, event: &Event) {
        match event {
            Event::FlushInstalled { table: Some(_), .. } => {
                self.flushes.fetch_add(1, Relaxed);
            }
            Event::CompactionBegun { inputs, .. } => {
                let level = inputs.iter().map(|&(level, _)| level).min();
                self.source_level.store(level.unwrap_or(0) as u64, Relaxed);
            }
            Event::CompactionInstalled { trivial_move, .. } => self.compaction(*trivial_move),
            Event::WriteStalled => {
                self.stalls.fetch_add(1, Relaxed);
            }
            _ => {}
        }
    }
}
