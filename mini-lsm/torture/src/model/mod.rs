//! Random scripts of calls, on a store and on a `BTreeMap` at once: the answers must be the same.
//!
//! | file | what is in it |
//! |---|---|
//! | [`script`] | what proptest draws and shrinks, and the actions it stands for |
//! | [`words`] | keys, values and ranges |
//! | [`settings`] | options of a store |
//! | [`action`] | one call or a few, and how it is printed |
//! | [`subject`] | a store, on which actions are performed |
//! | `reference` | the map, and what a power cut may have taken |
//! | [`inside`] | what must hold of the levels |
//! | [`seen`] | what was seen to happen |
//! | [`play`] | one script, and the shortest one that fails |
//!
//! A round is one script, of 1 to 2,048 steps. All of it follows from the seed, but for what the
//! background threads of half of the stores do when.

pub mod action;
pub mod inside;
pub mod play;
pub mod reference;
pub mod script;
pub mod seen;
pub mod settings;
pub mod subject;
pub mod words;

use anyhow::Result;

use self::action::{Action, End};
use self::play::{Run, play_seed};
use self::reference::Reference;
use self::script::{Script, scripts};
use self::subject::Subject;
use crate::rounds::side_by_side;
use crate::scale::Scale;
use crate::tally::Tally;

/// Rounds at the scale of CI.
const USUAL: u64 = 2_400;
/// A script has at most so many passages.
const PASSAGES: usize = 128;

/// What must be seen at the scale of CI; in longer runs there is more.
const LEAST: &[(&str, u64)] = &[
    ("operations", 1_000_000),
    ("flushes", 10_000),
    ("trivial moves", 1_000),
    ("compactions L0 → L1", 1_000),
    ("compactions Ln → Ln+1", 1_000),
    ("compactions of everything", 1_000),
    ("stores emptied by deletes", 500),
    ("level targets shrunk", 500),
    ("level targets grown", 500),
    ("recoveries with replayed logs", 1_000),
    ("lost tails", 100),
    ("power cuts", 1_000),
    ("writes lost by power cuts", 1_000),
    ("stalls", 100),
    ("empty values", 1_000),
    ("entries larger than a block", 10_000),
    ("keys of 65,535 bytes", 500),
    ("values of MiB", 50),
    ("cursors held across a reopening", 1_000),
    ("writes refused", 1_000),
];

/// Runs the trial.
pub fn run(scale: &Scale) -> Result<Tally> {
    let round = |seed| play_seed(seed, &scripts(PASSAGES, false), play);
    let tally = side_by_side(scale, USUAL, round)?;
    require(&tally, USUAL, LEAST)?;
    Ok(tally)
}

/// Fewer rounds than usual need show nothing: a single one is how a failure is repeated.
pub fn require(tally: &Tally, usual: u64, least: &[(&'static str, u64)]) -> Result<()> {
    if tally.of("rounds") < usual {
        return Ok(());
    }
    least
        .iter()
        .try_for_each(|&(what, least)| tally.require(what, least))
}

/// Performs the script on both, and compares the answers.
fn play(script: &Script, run: &Run) -> Result<Tally> {
    let mut subject = Subject::new(script.choice(0), run.pace)?;
    let mut reference = Reference::default();
    for action in script.actions() {
        run.step();
        let answer = subject.perform(&action)?;
        match action {
            Action::Reopen {
                how: End::Cut(plan),
                ..
            } => {
                let lost = reference.after_power_cut(plan, &answer)?;
                subject.tally.count("writes lost by power cuts", lost);
            }
            _ => reference.perform(&action).check(&answer)?,
        }
        if subject.has_durable_writes() {
            reference.now_durable();
        }
    }
    subject.finish()
}
