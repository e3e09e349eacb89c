//! From a crate to its grade: which days are asked for, which of them are compiled and run.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Result, bail};

use super::build::{self, Built, Outcome};
use super::own::Split;
use super::repeat::Rounds;
use super::report::{
    Broken, CompileError, DayReport, DayState, Evidence, Grade, Note, Own, Report, Trial, Verdict,
};
use super::subject::check_ask;
use super::{Ask, Subject, evidence, own, tidy, trial};
use crate::catalogue::{self, Day, Test};
use crate::screen::Screen;
use crate::stubs;
use crate::workspace::shown;

/// Grades the subject. An `Err` means that it could not be graded at all, and says what to do.
pub fn grade(subject: &Subject, ask: &Ask, screen: &Screen) -> Result<Grade> {
    if !subject.manifest().is_file() {
        let dir = shown(&subject.root, &subject.dir);
        bail!("there is no {dir} here; `cargo x starter` makes mini-lsm-starter from mini-lsm");
    }
    let Split {
        days,
        vanished,
        own,
    } = own::split(subject, catalogue::read(&subject.dir)?)?;
    check_ask(ask, &days, subject)?;
    let course = Course {
        subject,
        ask,
        screen,
        rounds: Rounds::new(ask),
        vanished,
        own: match ask.task {
            Some(_) => Vec::new(),
            None => own,
        },
        unwritten: stubs::in_sources(&subject.dir.join("src"))
            .iter()
            .map(|stub| stub.day)
            .collect(),
    };
    match course.walk(&days)? {
        Walk::Done(done) => Ok(Grade::Report(course.report(days, done))),
        Walk::Broken(error) => Ok(Grade::Broken(Broken {
            subject: subject.name(),
            error,
            again: ask.command(subject.command),
        })),
    }
}

/// How a day that was looked at ended.
type Walked = (u32, DayState);

enum Walk {
    Done(Done),
    /// The crate itself does not compile.
    Broken(CompileError),
}

/// What a walk has found.
#[derive(Default)]
struct Done {
    days: Vec<Walked>,
    own: Own,
    tidy: Vec<Note>,
    evidence: Option<Evidence>,
}

/// One walk through the days.
struct Course<'a> {
    subject: &'a Subject,
    ask: &'a Ask,
    screen: &'a Screen,
    rounds: Rounds,
    vanished: Vec<Test>,
    /// The test binaries that the learner has added.
    own: Vec<String>,
    /// The days that still have stubs.
    unwritten: BTreeSet<u32>,
}

impl Course<'_> {
    /// Compiles and runs the days asked for, in order, and has format and lints looked at beside that.
    fn walk(&self, days: &[Day]) -> Result<Walk> {
        let open: Vec<&Day> = days
            .iter()
            .filter(|day| self.ask.day.is_none_or(|number| number == day.number))
            .collect();
        // A lint about code that is not there yet helps nobody.
        let last = open.last().map_or(0, |day| day.number);
        let linted = !self.unwritten.iter().any(|day| *day <= last);
        thread::scope(|scope| {
            let looks = self.subject.tidy;
            let tidy = looks.then(|| scope.spawn(|| tidy::look(self.subject, linted)));
            let mut walk = self.walk_days(open)?;
            if let (Walk::Done(done), Some(tidy)) = (&mut walk, tidy) {
                self.screen.status("format and lints");
                done.tidy = tidy.join().unwrap_or_default();
            }
            Ok(walk)
        })
    }

    fn walk_days(&self, mut open: Vec<&Day>) -> Result<Walk> {
        let mut reached = self.first_batch(&open);
        let mut done = Done::default();
        let mut first = true;
        while !open.is_empty() {
            let batch: Vec<&Day> = open.drain(..reached).collect();
            let mut names: Vec<String> = batch.iter().map(|day| day.binary()).collect();
            names.extend(self.own.iter().filter(|_| first).cloned());
            let built = match build::build(self.subject, &names, self.screen)? {
                Outcome::Built(built) => built,
                Outcome::CrateBroken(error) => return Ok(Walk::Broken(error)),
            };
            let full = self.run_batch(&batch, &built, &mut done);
            if first {
                self.run_own(&built, &mut done.own);
            }
            self.subject.stop.check()?;
            if self.subject.day_by_day && !full {
                break;
            }
            (first, reached) = (false, 1);
        }
        Ok(Walk::Done(done))
    }

    /// How many days to compile at once: up to the first that still holds stubs, which is where most runs end.
    fn first_batch(&self, days: &[&Day]) -> usize {
        let open = days
            .iter()
            .position(|day| self.unwritten.contains(&day.number));
        match open {
            Some(index) if self.subject.day_by_day => index + 1,
            _ => days.len(),
        }
    }

    /// True if every day of the batch that was reached is full.
    fn run_batch(&self, batch: &[&Day], built: &Built, done: &mut Done) -> bool {
        for day in batch {
            let tests = self.tests_of(day);
            let state = match built.binary(&day.binary()) {
                Ok(binary) => self.run_day(day, &binary, tests, done),
                Err(error) => DayState::NotCompiled(tests, error),
            };
            let full = match &state {
                DayState::Graded(trials) => trials.iter().all(Trial::passed),
                _ => false,
            };
            done.days.push((day.number, state));
            if self.subject.day_by_day && !full {
                return false;
            }
        }
        true
    }

    fn run_day(&self, day: &Day, binary: &Path, tests: Vec<Test>, done: &mut Done) -> DayState {
        let count = tests.len();
        let words = if count == 1 { "test" } else { "tests" };
        self.screen
            .begin(&format!("day {}: running {count} {words}", day.number));
        let told = format!("day {}", day.number);
        let mut trials = self.run_tests(&told, binary, tests);
        let gone = self.vanished.iter().filter(|test| test.day == day.number);
        trials.extend(gone.filter(|test| self.wants(test)).map(|test| Trial {
            test: test.clone(),
            verdict: Verdict::Vanished,
            panics: Vec::new(),
            last_words: Vec::new(),
        }));
        let failure = trials.iter().find(|trial| !trial.passed());
        if let Some(trial) = failure.filter(|_| done.evidence.is_none()) {
            done.evidence = Some(evidence::of(self.subject, binary, trial));
        }
        if self.subject.pristine.is_some() && self.ask.task.is_none() {
            let own = own::in_day(self.subject, day, binary);
            done.own
                .trials
                .extend(self.run_tests("your own tests", binary, own));
        }
        DayState::Graded(trials)
    }

    /// Runs what the learner has added beside the days.
    fn run_own(&self, built: &Built, own: &mut Own) {
        for name in &self.own {
            match built.binary(name) {
                Ok(binary) => {
                    let tests = own::in_binary(self.subject, name, &binary);
                    own.trials
                        .extend(self.run_tests("your own tests", &binary, tests));
                }
                Err(error) => {
                    own.broken
                        .push((own::shown_file(self.subject, name), error));
                }
            }
        }
    }

    fn run_tests(&self, what: &str, binary: &Path, tests: Vec<Test>) -> Vec<Trial> {
        trial::run_all(self.subject, binary, tests, &self.rounds, &|done, total| {
            self.screen
                .status(&format!("{what}: {done} of {total} tests"));
        })
    }

    fn tests_of(&self, day: &Day) -> Vec<Test> {
        let tests = day.tests.iter().filter(|test| self.wants(test));
        tests.cloned().collect()
    }

    fn wants(&self, test: &Test) -> bool {
        self.ask.task.is_none_or(|task| task == test.task)
    }

    fn report(&self, days: Vec<Day>, done: Done) -> Report {
        let mut walked = done.days;
        let borrowed = stubs::borrowed_in_sources(&self.subject.dir.join("src"));
        let tasks = || borrowed.iter().filter_map(|loan| loan.task);
        let reports = days.into_iter().map(|day| {
            let found = walked.iter().position(|(number, _)| *number == day.number);
            let state = match found {
                Some(index) => walked.swap_remove(index).1,
                None if self.ask.day.is_some() => DayState::NotAsked(day.tests.len()),
                None => DayState::NotStarted(day.tests.len()),
            };
            DayReport {
                number: day.number,
                title: day.title,
                file: shown(&self.subject.root, &day.file),
                chapter: chapter(&self.subject.root, day.number),
                last_task: day
                    .tests
                    .iter()
                    .map(|test| test.task)
                    .max()
                    .unwrap_or_default(),
                loans: tasks()
                    .filter(|(of, _)| *of == day.number)
                    .map(|(_, task)| task)
                    .collect(),
                state,
            }
        });
        let days = reports.collect();
        Report {
            subject: self.subject.name(),
            command: self.subject.command.to_string(),
            only_day: self.ask.day,
            only_task: self.ask.task,
            repeat: self.ask.repeat,
            is_reference: !self.subject.day_by_day,
            days,
            borrowed,
            own: done.own,
            tidy: done.tidy,
            evidence: done.evidence,
        }
    }
}

/// `book/src/dayN-….md`, from the root.
pub fn chapter(root: &Path, day: u32) -> Option<String> {
    let prefix = format!("day{day}");
    let mut pages: Vec<PathBuf> = fs::read_dir(root.join("book").join("src"))
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(OsStr::new("md")))
        .filter(|path| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let rest = stem.strip_prefix(&prefix);
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
        })
        .collect();
    pages.sort();
    pages.first().map(|path| shown(root, path))
}
