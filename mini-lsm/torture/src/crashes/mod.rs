//! Crash enumeration: the power is cut at every operation that changes the file system, in every way.
//!
//! A round is a store and its writers over a [`MemFs`](mini_lsm::fs::MemFs), with options drawn
//! anew at every open: puts, deletes, batches, syncs, flushes, compactions, reopenings after
//! `close`, after a drop and after a crash. A hook before every operation makes the file systems
//! that a crash just then would leave (all that was not synced lost, kept, zeroed, torn at some
//! byte, or each file and name left to chance) and has each checked on the spot:
//!
//! - it opens without an error;
//! - all that was promised to survive is there, and it is a prefix of the commit order, in whole
//!   batches (`model`);
//! - recovery reports the logs it read and what was torn, and nothing more;
//! - in the directory is what the manifest names, and nothing else;
//! - what recovery shows survives the next crash, and so does what is written then;
//! - a recovery that is itself cut at any operation leaves what recovers to the same.
//!
//! | rounds with a seed        | writers                                             |
//! |---------------------------|-----------------------------------------------------|
//! | that is odd               | one, nothing in the background: repeats to the byte |
//! | that is even              | one to three, with flushes and compactions in the background: the order differs from run to run |
//! | that is a multiple of 12  | also a store that grows, if it should not (`growth`) |

mod growth;
mod model;
pub(crate) mod verify;
mod watch;
mod workload;

use anyhow::Result;
use fastrand::Rng;

use self::workload::{End, Workload};
use crate::rounds::side_by_side;
use crate::scale::Scale;
use crate::tally::Tally;

/// Where the store is.
const DIR: &str = "/store";

/// So many rounds make the scale of CI.
const USUAL_ROUNDS: u64 = 12;

/// The recovery of one image in so many is cut too.
const CUT_ONE_IN: u32 = 36;

/// Runs the trial.
pub fn run(scale: &Scale) -> Result<Tally> {
    let tally = side_by_side(scale, USUAL_ROUNDS, round)?;
    if tally.of("rounds") >= USUAL_ROUNDS {
        require_enough(&tally)?;
    }
    Ok(tally)
}

fn require_enough(tally: &Tally) -> Result<()> {
    let least = [
        ("operations cut", 2_000),
        ("images", 2_000),
        ("images with a choice", 500),
        ("recoveries cut", 100),
        ("images of cut recoveries", 2_000),
        ("flushes", 100),
        ("compactions", 30),
        ("moves of tables", 1),
        ("reopenings", 50),
        ("crashes lived through", 5),
        ("lost tails", 1_000),
        ("zero-filled tails", 100),
        ("logs not named yet", 50),
        ("replays of several logs", 100),
        ("manifests replaced", 2),
    ];
    least
        .into_iter()
        .try_for_each(|(what, least)| tally.require(what, least))
}

fn round(seed: u64) -> Result<Tally> {
    let mut tally = match seed % 2 {
        1 => quiet_round(seed)?,
        _ => busy_round(seed)?,
    };
    if seed.is_multiple_of(12) {
        tally.add(&growth::round(seed)?);
    }
    Ok(tally)
}

fn quiet_round(seed: u64) -> Result<Tally> {
    // The recovery of a sample of the images is cut too; now and then, in a shorter round, that of
    // every one.
    let (steps, cut_one_in) = match seed % 32 {
        // Beyond the usual rounds.
        21 => (15, 1),
        _ => (50, CUT_ONE_IN),
    };
    let mut workload = Workload::new(seed, 1, false, cut_one_in)?;
    workload.steps(steps)?;
    workload.finish()
}

fn busy_round(seed: u64) -> Result<Tally> {
    let mut rng = Rng::with_seed(!seed);
    let lanes = rng.usize(1..4);
    let mut workload = Workload::new(seed, lanes, true, CUT_ONE_IN)?;
    for _ in 0..2 {
        workload.steps_side_by_side(lanes, 24 / lanes)?;
        workload.reopen(match rng.u8(..3) {
            0 => End::Close,
            1 => End::Drop,
            _ => End::Crash,
        })?;
    }
    workload.finish()
}
