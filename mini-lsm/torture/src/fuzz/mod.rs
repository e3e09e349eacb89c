//! Fuzz targets: what is done with bytes that anybody may have written.
//!
//! | target       | the bytes are                          | what must hold                                                  |
//! |--------------|----------------------------------------|-----------------------------------------------------------------|
//! | [`block()`]    | a block                                | `Corruption`, or entries that make the same bytes again         |
//! | [`filter()`]   | a filter, and hashes                   | `Corruption`, or the answers of a second reader                 |
//! | [`sst()`]      | a table, as it is or with checksums mended | a refusal, or one reading, whichever way it is read         |
//! | [`log()`]      | a log, likewise                        | what a second, simpler reader says                              |
//! | [`manifest()`] | a manifest, likewise, or its edits as text | a refusal, or a version that reads back the same, and opens |
//! | [`script()`]   | options and operations on a store      | what a map says, over reopenings and power cuts                 |
//!
//! A refusal is `Corruption`, or `NewerFormat` where the bytes say a greater version than ours.
//!
//! A target panics if it does not hold, and says otherwise whether the bytes were what they should be,
//! so that there was something to look at. `mini-lsm/fuzz` gives them to libFuzzer; the trial here does
//! without it, on the stable toolchain: it replays the inputs in `mini-lsm/fuzz/seeds` and then
//! changes them at random.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use mini_lsm::Error;

mod blocks;
mod logs;
mod manifests;
mod mutator;
mod script;
mod script_input;
pub mod seeds;
mod tables;

pub use blocks::{block, filter};
pub use logs::log;
pub use manifests::manifest;
pub use script::script;
pub use tables::sst;

use crate::alloc;
use crate::rounds::{caught, side_by_side};
use crate::scale::Scale;
use crate::tally::Tally;
use mutator::mutate;

/// Whether a table or a manifest of any bytes may be refused with this error.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::NewerFormat { found, known, .. } => found > known,
        _ => error.is_corruption(),
    }
}

/// A fuzz target.
pub struct Target {
    /// Its name, which is that of its inputs' folder.
    pub name: &'static str,
    run: fn(&[u8]) -> bool,
    /// Inputs a round, so that all rounds take about as long.
    inputs: u64,
    /// In the tally: all inputs, and those that were what they should be.
    counted: [&'static str; 2],
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    target("block", block, 8_000, ["blocks", "sound blocks"]),
    target("filter", filter, 8_000, ["filters", "sound filters"]),
    target("sst", sst, 1_500, ["tables", "sound tables"]),
    target("log", log, 4_000, ["logs", "logs with batches"]),
    target(
        "manifest",
        manifest,
        1_000,
        ["manifests", "sound manifests"],
    ),
    target(
        "script",
        script,
        150,
        ["scripts", "scripts with reopenings"],
    ),
];

const fn target(
    name: &'static str,
    run: fn(&[u8]) -> bool,
    inputs: u64,
    counted: [&'static str; 2],
) -> Target {
    Target {
        name,
        run,
        inputs,
        counted,
    }
}

/// Rounds in CI.
const ROUNDS: u64 = 600;
/// No input of the trial is longer.
const MAX_LEN: usize = 4 << 10;
/// What a target may ask for at once beside a multiple of its input: what an open store needs. A log
/// that is synced often has 64 KiB reserved, and is read as a whole.
const EXTRA_REQUEST: usize = 128 << 10;

/// Runs the trial.
pub fn run(scale: &Scale) -> Result<Tally> {
    ensure!(
        alloc::is_installed(),
        "the allocator of this binary does not count"
    );
    let mut seeds = Vec::new();
    let mut tally = Tally::new();
    for target in &TARGETS {
        let inputs = read_seeds(target)?;
        for (path, input) in &inputs {
            try_input(target, input).with_context(|| path.display().to_string())?;
            tally.count("seeds", 1);
        }
        let inputs = inputs.into_iter().map(|(_, input)| input);
        seeds.push(inputs.collect::<Vec<_>>());
    }
    tally.require("seeds", 60)?;
    let rounds = side_by_side(scale, ROUNDS, |seed| {
        let number = (seed % TARGETS.len() as u64) as usize;
        run_round(seed, &TARGETS[number], &seeds[number])
    })?;
    // A share of the inputs at least gets past the first checks.
    for target in &TARGETS {
        let [all, taken] = target.counted;
        rounds.require(taken, rounds.of(all) / 20)?;
    }
    tally.add(&rounds);
    Ok(tally)
}

fn run_round(seed: u64, target: &Target, seeds: &[Vec<u8>]) -> Result<Tally> {
    let mut rng = Rng::with_seed(seed);
    let mut tally = Tally::new();
    for _ in 0..target.inputs {
        let input = mutate(&mut rng, seeds, MAX_LEN);
        let is_taken = match try_input(target, &input) {
            Ok(is_taken) => is_taken,
            Err(error) => {
                let path = keep(target, seed, &input)?;
                return Err(error.context(format!("{} on {}", target.name, path.display())));
            }
        };
        tally.count(target.counted[0], 1);
        tally.count(target.counted[1], u64::from(is_taken));
    }
    Ok(tally)
}

/// A panic of the target as an error. The target must not ask for much more memory than its input
/// has bytes, either, whatever lengths those bytes claim.
fn try_input(target: &Target, input: &[u8]) -> Result<bool> {
    let run = || caught(|| Ok((target.run)(input)));
    let (outcome, usage) = alloc::of_thread(run);
    let is_taken = outcome?;
    let most = 16 * input.len() + EXTRA_REQUEST;
    if usage.greatest > most {
        bail!(
            "{} bytes were asked for at once, for an input of {}",
            usage.greatest,
            input.len()
        );
    }
    Ok(is_taken)
}

/// The folder of the fuzz targets.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn read_seeds(target: &Target) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = folder().join("seeds").join(target.name);
    let told = || folder.display().to_string();
    let mut seeds = Vec::new();
    for entry in fs::read_dir(&folder).with_context(told)? {
        let path = entry.with_context(told)?.path();
        let input = fs::read(&path).with_context(|| path.display().to_string())?;
        seeds.push((path, input));
    }
    // The same everywhere, so that a seed gives the same inputs.
    seeds.sort();
    Ok(seeds)
}

/// Writes the input to a file, where cargo-fuzz puts such, too.
fn keep(target: &Target, seed: u64, input: &[u8]) -> Result<PathBuf> {
    let folder = folder().join("artifacts").join(target.name);
    let path = folder.join(format!("trial-{seed}"));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input));
    written.with_context(|| format!("cannot keep the input as {}", path.display()))?;
    Ok(path)
}
