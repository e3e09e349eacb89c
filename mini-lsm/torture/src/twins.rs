//! The same script on stores with different options: all must give the same answers.
//!
//! | store | its options | its steps |
//! |---|---|---|
//! | 0 | all at their defaults | those of the script |
//! | 1 | drawn at random, others at each reopening | the same |
//! | 2 | others, drawn at random | the same, and between them flushes, compactions and reopenings of its own |
//!
//! No model is needed for that: what is flushed, compacted, cached or reopened where must not show.
//! A power cut comes after a `sync` here, so that nothing may be lost.

use anyhow::{Context, Result};

use crate::model::action::{Action, Answer};
use crate::model::play::{Run, play_seed};
use crate::model::require;
use crate::model::script::{Script, scripts};
use crate::model::settings::Choice;
use crate::model::subject::Subject;
use crate::rounds::side_by_side;
use crate::scale::Scale;
use crate::tally::Tally;

/// Rounds at the scale of CI.
const USUAL: u64 = 400;
/// A script has at most so many passages.
const PASSAGES: usize = 128;

/// What must be seen at the scale of CI; in longer runs there is more.
const LEAST: &[(&str, u64)] = &[
    ("answers compared", 300_000),
    ("steps of its own", 10_000),
    ("flushes", 10_000),
    ("trivial moves", 1_000),
    ("compactions L0 → L1", 500),
    ("compactions Ln → Ln+1", 500),
    ("compactions of everything", 1_000),
    ("recoveries with replayed logs", 1_000),
    ("cursors held across a reopening", 1_000),
];

/// Runs the trial.
pub fn run(scale: &Scale) -> Result<Tally> {
    let round = |seed| play_seed(seed, &scripts(PASSAGES, true), play);
    let tally = side_by_side(scale, USUAL, round)?;
    require(&tally, USUAL, LEAST)?;
    Ok(tally)
}

/// Performs the script on all three, side by side, and compares the answers.
fn play(script: &Script, run: &Run) -> Result<Tally> {
    let mut tally = Tally::new();
    let mut plain = Subject::new(Choice::Defaults, run.pace)?;
    let mut other = Subject::new(script.choice(0), run.pace)?;
    let mut busy = Subject::new(script.choice(1), run.pace)?;
    for (action, extra) in script.actions().zip(script.extras()) {
        run.step();
        if let Some(extra) = extra {
            busy.perform(&extra)
                .context("what store 2 does before it")?;
            tally.count("steps of its own", 1);
        }
        let expected = perform(&mut plain, &action).context("store 0")?;
        for (store, subject) in [(1, &mut other), (2, &mut busy)] {
            let told = || format!("store {store}, beside store 0");
            let answer = perform(subject, &action).with_context(told)?;
            expected.check(&answer).with_context(told)?;
            tally.count("answers compared", 1);
        }
    }
    run.step();
    for subject in [plain, other, busy] {
        tally.add(&subject.finish()?);
    }
    Ok(tally)
}

/// Performs `action` such that nothing may be lost.
fn perform(subject: &mut Subject, action: &Action) -> Result<Answer> {
    if action.is_power_cut() {
        subject.perform(&Action::Sync)?;
    }
    subject.perform(action)
}
