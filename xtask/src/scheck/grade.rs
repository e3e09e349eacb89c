//! From a crate to its grade: which days are asked for, which of them are compiled and run.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use super::build::{self, Built, Outcome};
use super::report::{
    Broken, CompileError, DayReport, DayState, Grade, Note, Report, Trial, Verdict,
};
use super::{tidy, trial};
use crate::catalogue::{self, Day, Test};
use crate::process::Limits;
use crate::screen::Screen;
use crate::stubs;
use crate::workspace::{Workspace, shown};

/// What is graded, and how.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Paths are shown from here.
    pub root: PathBuf,
    /// The crate.
    pub dir: PathBuf,
    /// The crate whose day tests say which tests there have to be, where that is another one.
    pub pristine: Option<PathBuf>,
    /// The command that grades this subject.
    pub command: &'static str,
    /// Stop after the first day that is not full: what comes later has not been started.
    pub day_by_day: bool,
    /// Where cargo builds, if not where it always does.
    pub target_dir: Option<PathBuf>,
    pub limits: Limits,
}

/// The part that is asked for; all of it by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask {
    pub day: Option<u32>,
    pub task: Option<u32>,
}

/// A test has this long. The slowest of the reference needs a fraction of it on a slow machine.
const TIME_LIMIT: Duration = Duration::from_secs(60);
const OUTPUT_LIMIT: u64 = 16 << 20;

impl Subject {
    pub fn starter(workspace: &Workspace) -> Subject {
        Subject {
            pristine: Some(workspace.reference()),
            command: "cargo x scheck",
            day_by_day: true,
            ..Subject::reference(workspace).at(workspace.starter())
        }
    }

    pub fn reference(workspace: &Workspace) -> Subject {
        Subject {
            root: workspace.root().to_path_buf(),
            dir: workspace.reference(),
            pristine: None,
            command: "cargo x scheck --solution",
            day_by_day: false,
            target_dir: None,
            limits: Limits {
                time: TIME_LIMIT,
                output: OUTPUT_LIMIT,
            },
        }
    }

    fn at(self, dir: PathBuf) -> Subject {
        Subject { dir, ..self }
    }

    pub fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    pub fn manifest(&self) -> PathBuf {
        self.dir.join("Cargo.toml")
    }
}

/// Grades the subject. An `Err` means that it could not be graded at all, and says what to do.
pub fn grade(subject: &Subject, ask: &Ask, screen: &Screen) -> Result<Grade> {
    if !subject.manifest().is_file() {
        let dir = shown(&subject.root, &subject.dir);
        bail!("there is no {dir} here; `cargo x starter` makes mini-lsm-starter from mini-lsm");
    }
    let days = catalogue::read(&subject.dir)?;
    let vanished = vanished_tests(subject, &days)?;
    check_ask(ask, &days, subject)?;
    let course = Course {
        subject,
        ask,
        screen,
        vanished,
        unwritten: stubs::in_sources(&subject.dir.join("src"))
            .iter()
            .map(|stub| stub.day)
            .collect(),
    };
    match course.walk(&days)? {
        Walk::Done(trials, tidy) => Ok(Grade::Report(course.report(days, trials, tidy))),
        Walk::Broken(error) => Ok(Grade::Broken(Broken {
            subject: subject.name(),
            error,
            again: course.command(),
        })),
    }
}

/// A day that does not exist gets a message that names those that do; a task likewise.
fn check_ask(ask: &Ask, days: &[Day], subject: &Subject) -> Result<()> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        bail!(
            "{} has no day tests",
            shown(&subject.root, &subject.dir.join("tests"))
        );
    };
    let Some(number) = ask.day else {
        return Ok(());
    };
    let Some(day) = days.iter().find(|day| day.number == number) else {
        bail!(
            "there is no day {number}: the days are {} to {}",
            first.number,
            last.number
        );
    };
    let tasks = day.tasks();
    match (ask.task, tasks.last()) {
        (Some(task), Some(last)) if !tasks.contains(&task) => {
            bail!("day {number} has no task {task}: its tasks are 1 to {last}")
        }
        _ => Ok(()),
    }
}

/// The tests that the pristine crate has and this one has not.
fn vanished_tests(subject: &Subject, days: &[Day]) -> Result<Vec<Test>> {
    let Some(root) = &subject.pristine else {
        return Ok(Vec::new());
    };
    let pristine = catalogue::read(root)?;
    for day in &pristine {
        if !days.iter().any(|own| own.number == day.number) {
            let file = day.file.strip_prefix(root).unwrap_or(&day.file);
            let file = shown(&subject.root, &subject.dir.join(file));
            bail!("{file} is gone; `git restore {file}` brings it back");
        }
    }
    let present: BTreeSet<_> = days
        .iter()
        .flat_map(|day| &day.tests)
        .map(|test| (test.day, test.path()))
        .collect();
    let tests = pristine.into_iter().flat_map(|day| day.tests);
    Ok(tests
        .filter(|test| !present.contains(&(test.day, test.path())))
        .collect())
}

/// How a day that was looked at ended.
type Walked = (u32, DayState);

enum Walk {
    Done(Vec<Walked>, Vec<Note>),
    /// The crate itself does not compile.
    Broken(CompileError),
}

/// One walk through the days.
struct Course<'a> {
    subject: &'a Subject,
    ask: &'a Ask,
    screen: &'a Screen,
    vanished: Vec<Test>,
    /// The days that still have stubs.
    unwritten: BTreeSet<u32>,
}

impl Course<'_> {
    /// Compiles and runs the days asked for, in order.
    fn walk(&self, days: &[Day]) -> Result<Walk> {
        let mut open: Vec<&Day> = days
            .iter()
            .filter(|day| self.ask.day.is_none_or(|number| number == day.number))
            .collect();
        let mut reached = self.first_batch(&open);
        // A lint about code that is not there yet helps nobody.
        let last = open.last().map_or(0, |day| day.number);
        let linted = !self.unwritten.iter().any(|day| *day <= last);
        let mut walked = Vec::new();
        let mut notes = Vec::new();
        while !open.is_empty() {
            let batch: Vec<&Day> = open.drain(..reached).collect();
            let built = match build::build(self.subject, &batch, self.screen)? {
                Outcome::Built(built) => built,
                Outcome::CrateBroken(error) => return Ok(Walk::Broken(error)),
            };
            let first = notes.is_empty();
            let full = thread::scope(|scope| {
                let tidy = first.then(|| scope.spawn(|| tidy::look(self.subject, linted)));
                let full = self.run_batch(&batch, &built, &mut walked);
                if let Some(tidy) = tidy {
                    self.screen.status("format and lints");
                    notes = tidy.join().unwrap_or_default();
                }
                full
            });
            if self.subject.day_by_day && !full {
                break;
            }
            reached = 1;
        }
        Ok(Walk::Done(walked, notes))
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
    fn run_batch(&self, batch: &[&Day], built: &Built, walked: &mut Vec<Walked>) -> bool {
        for day in batch {
            let tests = self.tests_of(day);
            let state = match built.binary(day) {
                Ok(binary) => DayState::Graded(self.run_day(day, &binary, tests)),
                Err(error) => DayState::NotCompiled(tests, error),
            };
            let full = match &state {
                DayState::Graded(trials) => trials.iter().all(Trial::passed),
                _ => false,
            };
            walked.push((day.number, state));
            if self.subject.day_by_day && !full {
                return false;
            }
        }
        true
    }

    fn run_day(&self, day: &Day, binary: &Path, tests: Vec<Test>) -> Vec<Trial> {
        let mut trials = trial::run_all(self.subject, binary, tests, &|done, total| {
            let status = format!("day {}: {done} of {total} tests", day.number);
            self.screen.status(&status);
        });
        let gone = self.vanished.iter().filter(|test| test.day == day.number);
        trials.extend(gone.filter(|test| self.wants(test)).map(|test| Trial {
            test: test.clone(),
            verdict: Verdict::Vanished,
            panics: Vec::new(),
            last_words: Vec::new(),
        }));
        trials
    }

    fn tests_of(&self, day: &Day) -> Vec<Test> {
        let tests = day.tests.iter().filter(|test| self.wants(test));
        tests.cloned().collect()
    }

    fn wants(&self, test: &Test) -> bool {
        self.ask.task.is_none_or(|task| task == test.task)
    }

    fn command(&self) -> String {
        let mut command = self.subject.command.to_string();
        for (flag, value) in [("--day", self.ask.day), ("--task", self.ask.task)] {
            if let Some(value) = value {
                command += &format!(" {flag} {value}");
            }
        }
        command
    }

    fn report(&self, days: Vec<Day>, mut walked: Vec<Walked>, tidy: Vec<Note>) -> Report {
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
                state,
            }
        });
        Report {
            subject: self.subject.name(),
            command: self.subject.command.to_string(),
            only_day: self.ask.day,
            only_task: self.ask.task,
            is_reference: !self.subject.day_by_day,
            days: reports.collect(),
            tidy,
        }
    }
}

/// `book/src/dayN-….md`, from the root.
fn chapter(root: &Path, day: u32) -> Option<String> {
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
