//! Tests in which threads race, run many times: `--repeat R`.
//!
//! Every round has a seed of its own, which the tests' generator of random numbers mixes into its own ([`SEED`]); the rounds of
//! all tests share the cores, so that threads meet in other orders. A test that fails in some rounds and passes in others fails.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::report::{Trial, Verdict};
use super::trial;
use super::{Ask, Subject};
use crate::catalogue::Test;

/// The variable in which a test finds its seed.
pub const SEED: &str = "MINI_LSM_SEED";

/// How often tests in which threads race are run, and with which seeds.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    count: u32,
    first_seed: u64,
}

impl Rounds {
    /// Seeds are new in every run, unless one is asked for.
    pub fn new(ask: &Ask) -> Rounds {
        // Small, so that a person can type it.
        let fresh = || RandomState::new().hash_one(0) % 1_000_000;
        Rounds {
            count: ask.repeat.unwrap_or(1),
            first_seed: ask.seed.unwrap_or_else(fresh),
        }
    }

    /// One for each round; none for the usual random numbers.
    fn seeds(&self, test: &Test) -> Vec<Option<u64>> {
        match test.concurrent && self.count > 1 {
            true => (0..u64::from(self.count))
                .map(|round| Some(self.first_seed.wrapping_add(round)))
                .collect(),
            false => vec![None],
        }
    }
}

/// One test and its rounds, as far as they have been run.
pub struct Several {
    test: Test,
    pub seeds: Vec<Option<u64>>,
    ended: Mutex<Vec<(Option<u64>, Trial)>>,
}

impl Several {
    pub fn new(test: Test, rounds: &Rounds) -> Several {
        Several {
            seeds: rounds.seeds(&test),
            test,
            ended: Mutex::default(),
        }
    }

    /// Runs a round, unless an earlier one has hung: the others would, for a minute each. Whether this one has.
    pub fn run(&self, subject: &Subject, binary: &Path, seed: Option<u64>) -> bool {
        let hung = |trial: &Trial| matches!(trial.verdict, Verdict::TimedOut(_));
        if self.ended().iter().any(|(_, trial)| hung(trial)) {
            return false;
        }
        let trial = trial::run(subject, binary, &self.test, seed);
        let has_hung = hung(&trial);
        self.ended().push((seed, trial));
        has_hung
    }

    /// The verdict over all rounds, with the words of the first that failed. `None` if none was run.
    pub fn end(self) -> Option<Trial> {
        let mut ended = self
            .ended
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        ended.sort_by_key(|(seed, _)| *seed);
        let of = ended.len();
        let failed = ended.iter().filter(|(_, trial)| !trial.passed()).count();
        let first = ended.iter().position(|(_, trial)| !trial.passed());
        let (seed, trial) = ended.into_iter().nth(first.unwrap_or(0))?;
        let sometimes = seed.filter(|_| 0 < failed && failed < of);
        Some(match sometimes {
            Some(seed) => Trial {
                verdict: Verdict::NowAndThen {
                    failed,
                    of,
                    seed,
                    first: Box::new(trial.verdict),
                },
                ..trial
            },
            None => trial,
        })
    }

    fn ended(&self) -> MutexGuard<'_, Vec<(Option<u64>, Trial)>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
