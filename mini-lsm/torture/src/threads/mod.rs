//! Many threads: eight of them use a store at once, and the store is closed or dropped in the middle of it.
//!
//! Two writers, whose batches overwrite the same keys and some of their own; two readers; a scanner,
//! some of whose scans are held for long; a flusher, a compactor, and a closer, beside the two
//! threads of the store itself. Memtables and levels are tiny, so that freezing, flushing, merging
//! and stalling happen all the time. At a random moment the store is closed, or dropped by whoever
//! holds it last, and opened again, sometimes after a power cut, with other options. Most rounds are
//! in memory, every fourth is on disk.
//!
//! What must hold (the values tell which batch they are from: see [`script`]):
//! - nobody goes back in time: a reader sees no batch undone that it has seen, and none that had
//!   returned before it began to read ([`observer`]);
//! - a scan shows one state: each batch as a whole, nothing from later, keys in order; and all scans
//!   together show the states of one history ([`board`]);
//! - with [`Durability::Sync`](mini_lsm::Durability::Sync) nobody sees what a power cut would undo;
//!   with both, what was synced or flushed is there after one;
//! - a call beside `close` gives its answer or `Closed`, one after it only `Closed`; scans that have
//!   begun go on beyond the end;
//! - nothing hangs: where a life has no end in time, the process is ended.
//!
//! The options and the threads' choices follow from the seed; in which order the threads run is the
//! machine's affair, so a failure may take a few more rounds to show again. The orders themselves
//! are tried one by one, on smaller worlds, by `tests/schedules`.
//!
//! # ThreadSanitizer
//!
//! The engine has no `unsafe`; the sanitizer is for what it builds on: skip list, cache, locks. It
//! needs a nightly toolchain with the component `rust-src`, and does not know of fences, which
//! crossbeam goes without if it is told.
//!
//! ```text
//! RUSTFLAGS="-Zsanitizer=thread --cfg crossbeam_sanitize_thread" \
//!     cargo +nightly run -Zbuild-std --target x86_64-unknown-linux-gnu --profile torture \
//!     --package mini-lsm-torture -- threads --rounds 200
//! ```
//!
//! # Miri
//!
//! It is too slow for a store with threads; what it runs are single tests of blocks, tables, logs
//! and memtables (components `miri` and `rust-src`). The skip list breaks its rules of aliasing,
//! hence the second flag; the rest goes without it.
//!
//! ```text
//! MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-disable-stacked-borrows" \
//!     cargo +nightly miri test --package mini-lsm --no-default-features --test day3_engine task_1
//! ```

pub mod board;
pub mod life;
pub mod observer;
pub mod round;
pub mod script;
pub mod workers;

use anyhow::{Context, Result};

use self::round::Round;
use crate::scale::Scale;
use crate::tally::Tally;

const ROUNDS: u64 = 20;

/// Runs the trial.
pub fn run(scale: &Scale) -> Result<Tally> {
    let mut tally = Tally::new();
    for seed in scale.seeds(ROUNDS) {
        let round = Round::new(seed).and_then(Round::run);
        tally.add(&round.with_context(|| format!("threads, seed {seed}"))?);
        tally.count("rounds", 1);
    }
    let rounds = tally.of("rounds");
    for what in ["lives", "flushes", "compactions", "scans that were held"] {
        tally.require(what, rounds)?;
    }
    for what in ["stalls", "moves of tables", "closes", "drops"] {
        tally.require(what, rounds / 2)?;
    }
    tally.require("power cuts", rounds / 4)?;
    tally.require("power cuts beside the threads", rounds / 4)?;
    tally.require("calls that came too late", rounds / 4)?;
    Ok(tally)
}
