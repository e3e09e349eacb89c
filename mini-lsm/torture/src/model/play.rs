//! One script, and the shortest one that proptest finds where it fails.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, bail};
use proptest::strategy::Strategy;
use proptest::test_runner::{
    Config, RngAlgorithm, TestCaseError, TestCaseResult, TestRng, TestRunner,
};

use super::script::Script;
use crate::rounds::caught;
use crate::tally::Tally;
use crate::watchdog::watch;

/// How a script is tried again, while it shrinks, if threads make each run a little different. What
/// fails when all is calm fails every time, and so shrinks best.
const TRIES: [Pace; 4] = [Pace::Calm, Pace::Free, Pace::Free, Pace::Free];
/// A script takes milliseconds, some of them a second.
const LIMIT: Duration = Duration::from_secs(120);

/// What proptest is told of a failure: the rest is kept beside it.
const KEPT: &str = "it fails";

/// Performs a script.
pub type Play = fn(&Script, &Run) -> Result<Tally>;

/// Whether actions wait for the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// They do not.
    Free,
    /// Each waits until the background has nothing to do.
    Calm,
}

/// One run of a script.
#[derive(Clone, Debug)]
pub struct Run {
    /// How fast it goes.
    pub pace: Pace,
    action_count: Arc<AtomicUsize>,
}

impl Run {
    fn new(pace: Pace) -> Self {
        let action_count = Arc::default();
        Self { pace, action_count }
    }

    /// The next action begins.
    pub fn step(&self) {
        self.action_count.fetch_add(1, Relaxed);
    }

    /// How many have begun.
    fn action_count(&self) -> usize {
        self.action_count.load(Relaxed)
    }

    /// The script as far as it went, and what came of it.
    fn tell(&self, script: &Script, end: &str) -> String {
        let pace = match self.pace {
            Pace::Free => "",
            Pace::Calm => "  (after each step all wait for the background)\n",
        };
        format!("{}{pace}    -> {end}", script.tell(self.action_count()))
    }
}

/// A script that failed.
struct Failure {
    script: Script,
    /// It failed at the last of so many actions.
    action_count: usize,
    /// The script, and how it failed.
    told: String,
}

/// Plays the one of `scripts` that `seed` gives. If it fails, the error tells a script as short as
/// could be found.
pub fn play_seed(seed: u64, scripts: &impl Strategy<Value = Script>, play: Play) -> Result<Tally> {
    let search = Search {
        play,
        tally: RefCell::default(),
        first_len: Cell::new(0),
        shortest: RefCell::default(),
    };
    let outcome = runner(seed).run(scripts, |script| search.judge(&script));
    if let Some(failure) = search.shortest.into_inner() {
        let (first, last) = (search.first_len.get(), failure.action_count);
        bail!(
            "it fails at step {first} of its script. A shorter script, which fails at step {last}:\n{}",
            failure.told
        );
    }
    outcome?;
    Ok(search.tally.into_inner())
}

/// The first script and, if it fails, shorter and shorter ones.
struct Search {
    play: Play,
    tally: RefCell<Tally>,
    /// At which action the first script failed.
    first_len: Cell<usize>,
    shortest: RefCell<Option<Failure>>,
}

impl Search {
    fn judge(&self, script: &Script) -> TestCaseResult {
        let known = self.shortest.borrow().as_ref().map(|f| f.script == *script);
        let paces = match known {
            // Proptest has undone a step. If the script passed this time, it would give up.
            Some(true) => return Err(TestCaseError::fail(KEPT)),
            Some(false) if script.has_threads() => &TRIES[..],
            _ => &[Pace::Free],
        };
        for &pace in paces {
            match attempt(script, pace, self.play) {
                Ok(tally) => drop(self.tally.replace(tally)),
                Err(failure) => {
                    if known.is_none() {
                        self.first_len.set(failure.action_count);
                    }
                    self.shortest.replace(Some(failure));
                    return Err(TestCaseError::fail(KEPT));
                }
            }
        }
        Ok(())
    }
}

fn runner(seed: u64) -> TestRunner {
    let config = Config {
        cases: 1,
        failure_persistence: None,
        max_shrink_iters: 100_000,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn attempt(script: &Script, pace: Pace, play: Play) -> std::result::Result<Tally, Failure> {
    let run = Run::new(pace);
    let (watched, its_run) = (script.clone(), run.clone());
    let _watch = watch(LIMIT, move || {
        format!("\n{}", its_run.tell(&watched, "hangs"))
    });
    let outcome = caught(|| play(script, &run));
    outcome.map_err(|error| Failure {
        script: script.clone(),
        action_count: run.action_count(),
        told: run.tell(script, &format!("{error:#}")),
    })
}
