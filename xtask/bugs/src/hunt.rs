//! Which tests of its day a planted bug fails, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use staging::tree::Tree;
use xtask::catalogue::{Day, Test};
use xtask::scheck::Ask;
use xtask::scheck::build::{self, Outcome};
use xtask::scheck::kind::Kind;
use xtask::scheck::repeat::Rounds;
use xtask::scheck::report::Trial;
use xtask::scheck::trial;
use xtask::screen::Screen;

use crate::edit;
use crate::record::Entry;
use crate::scratch::{COPIES, Scratch};
use crate::verdict::differing;
use crate::zoo::Bug;

/// A test has this long. The slowest of the reference needs a small part of it on a slow machine.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// One that is known to hang has this long.
const LIMIT_TO_HANG: Duration = Duration::from_secs(5);

/// The tests that fail, by their paths, and how.
pub type Failures = BTreeMap<String, Kind>;

/// What came of planting a bug.
#[derive(Debug)]
pub enum Hunt {
    /// The first error of the compiler, as it shows it.
    NotCompiled(String),
    Ran(Ran),
}

/// What the tests of its day said.
#[derive(Debug, Default)]
pub struct Ran {
    /// The trials that failed, in the order of the day.
    pub failed: Vec<Trial>,
}

/// The reference, and where bugs are planted in copies of it.
pub struct Ground<'a> {
    pub scratch: Scratch,
    pub reference: Tree,
    pub days: &'a [Day],
    pub screen: &'a Screen,
}

impl Ground<'_> {
    /// Hunts all the bugs, as many at a time as there are copies, by `hunt`, which is given a copy's name. The outcomes
    /// come to `told` in the order of the bugs, each as soon as all before it are there.
    pub fn hunt_all<T: Send>(
        &self,
        bugs: &[&Bug],
        hunt: impl Fn(&Bug, &str) -> Result<T> + Sync,
        told: impl FnMut(&Bug, T) + Send,
    ) -> Result<()> {
        let order = Mutex::new(Order::of(bugs));
        let in_order = Mutex::new(InOrder {
            shown: 0,
            waiting: BTreeMap::new(),
            told,
        });
        let work = |name: &str| -> Result<()> {
            let mut day = None;
            while let Some(index) = locked(&order).next(&mut day) {
                let bug = bugs[index];
                let outcome = hunt(bug, name).inspect_err(|_| {
                    // The others end with their bug at hand.
                    locked(&order).stop();
                })?;
                locked(&in_order).push(bugs, index, outcome);
            }
            Ok(())
        };
        thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> = (0..COPIES)
                .map(|copy| scope.spawn(move || work(&format!("copy-{copy}"))))
                .collect();
            threads.into_iter().try_for_each(|thread| {
                let end = thread.join();
                end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }

    /// Plants the bug in copy `name` and runs these tests of its day. `known` are failures that were seen before.
    pub fn hunt(&self, bug: &Bug, name: &str, tests: &[Test], known: &Failures) -> Result<Hunt> {
        let day = self.day(bug)?;
        self.scratch
            .lay_out(name, &edit::plant(&self.reference, bug)?)?;
        let subject = self.scratch.subject(name, TIME_LIMIT);
        let built = match build::build(&subject, &[day.binary()], self.screen)? {
            Outcome::Built(built) => built,
            Outcome::CrateBroken(error) => return Ok(Hunt::NotCompiled(error.rendered)),
        };
        match built.binary(&day.binary()) {
            Ok(_) => Ok(Hunt::Ran(self.run(bug, name, tests, known, &built)?)),
            Err(error) => Ok(Hunt::NotCompiled(error.rendered)),
        }
    }

    /// Runs those tests once more that do not fail as recorded: chance, and a busy machine, get a second look.
    pub fn look_again(&self, bug: &Bug, name: &str, ran: &mut Ran, entry: &Entry) -> Result<()> {
        let differing = differing(&ran.failures(), entry);
        let tests = &self.day(bug)?.tests;
        let tests: Vec<Test> = tests
            .iter()
            .filter(|test| differing.contains(&test.path()))
            .cloned()
            .collect();
        if tests.is_empty() {
            return Ok(());
        }
        let mut again = self.again(bug, name, &tests, &entry.failures())?;
        ran.failed
            .retain(|trial| !differing.contains(&trial.test.path()));
        ran.failed.append(&mut again.failed);
        ran.sort(self.day(bug)?);
        Ok(())
    }

    /// Runs some tests of the bug that has just been hunted in this copy.
    pub fn again(&self, bug: &Bug, name: &str, tests: &[Test], known: &Failures) -> Result<Ran> {
        let subject = self.scratch.subject(name, TIME_LIMIT);
        match build::build(&subject, &[self.day(bug)?.binary()], self.screen)? {
            Outcome::Built(built) => self.run(bug, name, tests, known, &built),
            Outcome::CrateBroken(error) => anyhow::bail!("{}", error.rendered),
        }
    }

    fn run(
        &self,
        bug: &Bug,
        name: &str,
        tests: &[Test],
        known: &Failures,
        built: &build::Built,
    ) -> Result<Ran> {
        let day = self.day(bug)?;
        let binary = built
            .binary(&day.binary())
            .map_err(|error| anyhow::anyhow!("{}", error.rendered))?;
        let hangs = |test: &&Test| known.get(&test.path()) == Some(&Kind::Timeout);
        let (hanging, others): (Vec<&Test>, Vec<&Test>) = tests.iter().partition(hangs);
        let once = Rounds::new(&Ask::default());
        let mut trials = Vec::new();
        for (chosen, time) in [(others, TIME_LIMIT), (hanging, LIMIT_TO_HANG)] {
            let subject = self.scratch.subject(name, time);
            let chosen = chosen.into_iter().cloned().collect();
            trials.extend(trial::run_all(&subject, &binary, chosen, &once, &|_, _| ()));
        }
        trials.retain(|trial| !trial.passed());
        let mut ran = Ran { failed: trials };
        ran.sort(day);
        Ok(ran)
    }

    pub fn day(&self, bug: &Bug) -> Result<&Day> {
        let day = self.days.iter().find(|day| day.number == bug.day);
        day.with_context(|| format!("bug {} is of day {}, which is none", bug.name, bug.day))
    }
}

/// Which bug comes next. A copy that has compiled the tests of a day stays with that day: for another one, its tests have
/// to be compiled anew.
struct Order {
    /// By day, the indexes of the bugs that are left, the last one first.
    left: BTreeMap<u32, Vec<usize>>,
    /// Days that a copy is at.
    taken: BTreeSet<u32>,
}

impl Order {
    fn of(bugs: &[&Bug]) -> Order {
        let mut left: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (index, bug) in bugs.iter().enumerate().rev() {
            left.entry(bug.day).or_default().push(index);
        }
        Order {
            left,
            taken: BTreeSet::new(),
        }
    }

    /// For a copy that is at `day`. When that is done: a day that no copy is at; at last, what another one has left.
    fn next(&mut self, day: &mut Option<u32>) -> Option<usize> {
        if !day.is_some_and(|day| self.left.contains_key(&day)) {
            let free = self.left.keys().find(|day| !self.taken.contains(day));
            let other = *free.or(self.left.keys().next())?;
            self.taken.insert(other);
            *day = Some(other);
        }
        let number = (*day)?;
        let of_day = self.left.get_mut(&number)?;
        let next = of_day.pop();
        if of_day.is_empty() {
            self.left.remove(&number);
        }
        next
    }

    fn stop(&mut self) {
        self.left.clear();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes outcomes on in the order of the bugs, in whatever order they come.
struct InOrder<T, F> {
    shown: usize,
    waiting: BTreeMap<usize, T>,
    told: F,
}

impl<T, F: FnMut(&Bug, T)> InOrder<T, F> {
    fn push(&mut self, bugs: &[&Bug], index: usize, outcome: T) {
        self.waiting.insert(index, outcome);
        while let Some(outcome) = self.waiting.remove(&self.shown) {
            (self.told)(bugs[self.shown], outcome);
            self.shown += 1;
        }
    }
}

impl Ran {
    pub fn failures(&self) -> Failures {
        let fails = |trial: &Trial| Some((trial.test.path(), Kind::of(trial)?));
        self.failed.iter().filter_map(fails).collect()
    }

    /// Those that failed, in the order of the files.
    pub fn failed(&self) -> &[Trial] {
        &self.failed
    }

    /// The first that failed.
    pub fn first(&self) -> Option<&Trial> {
        self.failed.first()
    }

    fn sort(&mut self, day: &Day) {
        self.failed
            .sort_by_key(|trial| day.tests.iter().position(|test| *test == trial.test));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_with_its_day_and_takes_the_next_one_that_is_free() {
        let bug = |day| Bug {
            name: "a-bug".into(),
            day,
            task: 1,
            claim: String::new(),
            question: String::new(),
            met: false,
            caught_by: Vec::new(),
            edits: Vec::new(),
        };
        let bugs = [1, 1, 1, 2, 2, 3].map(bug);
        let bugs: Vec<&Bug> = bugs.iter().collect();
        let mut order = Order::of(&bugs);
        let (mut one, mut other) = (None, None);
        let firsts = [&mut one, &mut other].map(|day| order.next(day));
        assert_eq!(firsts, [Some(0), Some(3)]);
        let of_other = [(); 3].map(|()| order.next(&mut other));
        assert_eq!(of_other, [Some(4), Some(5), Some(1)], "the end of a day");
        assert_eq!(order.next(&mut one), Some(2));
        assert_eq!(order.next(&mut one), None);
    }
}
