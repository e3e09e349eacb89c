//! The outcome of grading, before anybody has put it into words.

use std::path::PathBuf;
use std::time::Duration;

use crate::catalogue::Test;
use crate::stubs::{Loan, Stub};

/// Either the tests could run or the crate itself does not compile.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one in a whole run")]
pub enum Grade {
    Report(Report),
    Broken(Broken),
}

/// The graded crate does not compile, so there is nothing to run.
#[derive(Debug)]
pub struct Broken {
    pub subject: String,
    pub error: CompileError,
    pub again: String,
}

/// The first error of a target, and how many there are.
#[derive(Debug, Clone)]
pub struct CompileError {
    /// As rustc shows it.
    pub rendered: String,
    /// `file:line:column`, if the error has a place.
    pub place: Option<String>,
    pub count: usize,
}

#[derive(Debug)]
pub struct Report {
    /// The package's folder.
    pub subject: String,
    /// The command that gave this report.
    pub command: String,
    /// One day alone was asked for.
    pub only_day: Option<u32>,
    pub only_task: Option<u32>,
    /// How often tests with several threads were run.
    pub repeat: Option<u32>,
    /// The reference was graded, not somebody's work.
    pub is_reference: bool,
    pub days: Vec<DayReport>,
    /// The functions that are the reference's for the time being.
    pub borrowed: Vec<Loan>,
    /// The tests that the learner has added.
    pub own: Own,
    pub tidy: Vec<Note>,
    /// What is known of the first failure beyond its panic.
    pub evidence: Option<Evidence>,
}

/// Tests beside those of the course: run and shown, never counted in the days.
#[derive(Debug, Default)]
pub struct Own {
    /// Their day and task are 0.
    pub trials: Vec<Trial>,
    /// Files that do not compile, from the repository's root.
    pub broken: Vec<(String, CompileError)>,
}

/// Where a failure was, and where its cause may be.
#[derive(Debug, PartialEq, Eq)]
pub struct Evidence {
    /// In the learner's own code, if it was there, or else in the test.
    pub at: Option<Place>,
    /// The files in which the task is written, where `at` is not in the learner's code.
    pub files: Vec<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As it is shown, from the repository's root: `file:line:column`, or a file alone.
    pub shown: String,
    /// Absolute.
    pub file: PathBuf,
    pub line: usize,
    pub column: usize,
    /// The line itself.
    pub text: Option<String>,
}

#[derive(Debug)]
pub struct DayReport {
    pub number: u32,
    pub title: String,
    /// From the repository's root.
    pub file: String,
    /// The chapter of the book, from the repository's root.
    pub chapter: Option<String>,
    /// The number of its last task.
    pub last_task: u32,
    /// The task of each function of the day that is borrowed.
    pub loans: Vec<u32>,
    pub state: DayState,
}

#[derive(Debug)]
pub enum DayState {
    /// Another day was asked for. The number of its tests.
    NotAsked(usize),
    /// An earlier day is not full yet. The number of its tests.
    NotStarted(usize),
    /// In the order of the file.
    Graded(Vec<Trial>),
    /// Its tests do not compile against the crate.
    NotCompiled(Vec<Test>, CompileError),
}

impl DayReport {
    /// Where a test stands: `file:line`, from the repository's root.
    pub fn place_of(&self, test: &Test) -> String {
        let folder = self.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{}:{}", test.file, test.line)
    }
}

/// One test, run.
#[derive(Debug)]
pub struct Trial {
    pub test: Test,
    pub verdict: Verdict,
    /// In the order in which they came; the test's own is not always the first.
    pub panics: Vec<Panic>,
    /// The end of what it printed to stderr, for ends that no panic explains.
    pub last_words: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// The test, or a thread it waited for, panicked.
    Failed,
    /// Of `of` runs, each with a seed of its own, `failed` did; the first of these with `seed`, and it ended so.
    NowAndThen {
        failed: usize,
        of: usize,
        seed: u64,
        first: Box<Verdict>,
    },
    TimedOut(Duration),
    Flooded,
    /// The whole process went down: a signal on Unix, an exception on Windows.
    Crashed(String),
    /// The process ended in good order, but before the test did.
    LeftEarly(i32),
    /// The binary, or the file, has no such test.
    Vanished,
    NotStartable(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    pub thread: String,
    pub place: String,
    pub message: String,
}

/// What the formatter or the linter says.
#[derive(Debug, PartialEq, Eq)]
pub struct Note {
    /// `format` or `lints`
    pub what: &'static str,
    pub finding: Finding,
    /// The command that shows, or mends, all of it.
    pub command: String,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    Clean,
    Places {
        count: usize,
        first: String,
    },
    /// The tool is not there; how to get it.
    Missing(&'static str),
    /// The tool did not do its work; its own first line.
    Failed(String),
}

impl Trial {
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// The panic that ended the test, or else the first one.
    pub fn main_panic(&self) -> Option<&Panic> {
        let path = self.test.path();
        let own = self.panics.iter().rfind(|panic| panic.thread == path);
        own.or(self.panics.first())
    }

    /// The stub that was hit, in whatever thread, and its place.
    pub fn stub(&self) -> Option<(Stub, &str)> {
        self.panics
            .iter()
            .find_map(|panic| Some((Stub::from_panic(&panic.message)?, panic.place.as_str())))
    }
}

impl DayReport {
    /// How its tests ended; none if it was not graded.
    pub fn trials(&self) -> &[Trial] {
        match &self.state {
            DayState::Graded(trials) => trials,
            _ => &[],
        }
    }

    /// Passed and total; a day that was not graded has passed none.
    pub fn score(&self) -> (usize, usize) {
        match &self.state {
            DayState::NotAsked(total) | DayState::NotStarted(total) => (0, *total),
            DayState::NotCompiled(tests, _) => (0, tests.len()),
            DayState::Graded(trials) => (
                trials.iter().filter(|trial| trial.passed()).count(),
                trials.len(),
            ),
        }
    }

    /// How many functions of a task are borrowed.
    pub fn loans_of(&self, task: u32) -> usize {
        self.loans.iter().filter(|loan| **loan == task).count()
    }

    pub fn is_full(&self) -> bool {
        let (passed, total) = self.score();
        passed == total && total > 0
    }
}

impl Report {
    /// The days that the exit code speaks of.
    pub fn asked(&self) -> impl Iterator<Item = &DayReport> {
        self.days
            .iter()
            .filter(|day| !matches!(day.state, DayState::NotAsked(_)))
    }

    /// The first test that does not pass, among those that ran.
    pub fn first_failure(&self) -> Option<&Trial> {
        self.failures().next()
    }

    pub fn all_passed(&self) -> bool {
        self.asked().all(DayReport::is_full)
    }

    /// Every failing test that ran, in order.
    pub fn failures(&self) -> impl Iterator<Item = &Trial> {
        self.days
            .iter()
            .flat_map(DayReport::trials)
            .filter(|trial| !trial.passed())
    }

    /// Nothing has been written yet: all of day 1 was asked for and every test of it ends at a stub.
    pub fn is_fresh(&self) -> bool {
        let mut asked = self.asked();
        let Some(DayState::Graded(trials)) = asked.next().map(|day| &day.state) else {
            return false;
        };
        let unwritten = |trial: &Trial| !trial.passed() && trial.stub().is_some();
        trials.first().is_some_and(|trial| trial.test.day == 1)
            && trials.iter().all(unwritten)
            && asked.all(|day| matches!(day.state, DayState::NotStarted(_)))
    }
}
