//! What a store takes from the machine, and whether it gives it back: handles, files, threads, memory.
//!
//! | part         | what must hold                                                                     |
//! |--------------|------------------------------------------------------------------------------------|
//! | `handles`    | open: the live tables, the manifest, the logs, the lock; no other file is there. A scan keeps its tables open, and right, until it is dropped |
//! | `endings`    | after `close` or a drop no thread is left; a drop loses nothing that was acknowledged |
//! | `exhaustion` | too few handles: a clear error, reads go on, nothing is lost, and with more it works again |
//! | `reopenings` | a thousand of them leave no more files and no longer ones than a few                 |
//! | `memory`     | at most cache, memtables, indexes and filters, and buffers; nothing after the end    |
//!
//! One part at a time, in this process: what the system and the allocator tell is told of all of it.

mod endings;
mod exhaustion;
mod handles;
mod memory;
mod place;
mod reopenings;

use anyhow::{Context, Result};

use crate::scale::Scale;
use crate::tally::Tally;

/// How many rounds there are usually. The longer parts have their turn in the first of so many.
const ROUNDS: u64 = 3;

/// A part of the trial.
type Part = fn(u64, &mut Tally) -> Result<()>;

const EACH_ROUND: [(&str, Part); 3] = [
    ("handles", handles::run),
    ("endings", endings::run),
    ("exhaustion", exhaustion::run),
];

const SOME_ROUNDS: [(&str, Part); 2] = [("reopenings", reopenings::run), ("memory", memory::run)];

/// The trial.
pub fn run(scale: &Scale) -> Result<Tally> {
    let mut tally = Tally::new();
    let mut rounds = 0;
    for seed in scale.seeds(ROUNDS) {
        let more = SOME_ROUNDS.iter().filter(|_| rounds % ROUNDS == 0);
        for (name, part) in EACH_ROUND.iter().chain(more) {
            part(seed, &mut tally)
                .with_context(|| format!("{name}, seed {seed} (--seed {seed} --rounds 1)"))?;
        }
        rounds += 1;
    }
    tally.count("rounds", rounds);
    tally.require("scans held over compactions", rounds)?;
    tally.require("files kept for a scan", rounds)?;
    tally.require("tables compacted away", rounds * 10)?;
    tally.require("reopenings", rounds * 10)?;
    Ok(tally)
}
