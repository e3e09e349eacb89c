//! `cargo x bugs --yours`: a learner's own tests over the planted bugs of a day. Which of them would have been noticed?
//!
//! A learner's tests are the test targets of `mini-lsm-starter` that are not the course's. They are compiled against the
//! reference, under the starter's names, and have to pass there first: a test that fails on a sound engine catches
//! nothing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use staging::stages::run;
use staging::tree::Tree;
use xtask::catalogue::Day;
use xtask::process::{self, End};
use xtask::scheck::Subject;
use xtask::scheck::build::{self, Outcome};
use xtask::scheck::report::CompileError;
use xtask::screen::{Screen, Style};
use xtask::stubs;
use xtask::workspace::Workspace;

use crate::edit;
use crate::hunt::Ground;
use crate::report::counted;
use crate::zoo::Bug;

const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A test target of the learner's.
type Target = Day;

/// A test by its target and its name in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Own {
    target: String,
    name: String,
}

/// The last day without stubs in the starter; day 1 if that has some.
pub fn day_reached(workspace: &Workspace, days: &[Day]) -> u32 {
    let stubs = stubs::in_sources(&workspace.starter().join("src"));
    let open = stubs.iter().map(|stub| stub.day).min();
    let full = days
        .iter()
        .filter(|day| open.is_none_or(|open| day.number < open));
    full.map(|day| day.number).max().unwrap_or(1)
}

/// The reference as the starter, with the starter's manifest and tests.
pub fn tree(workspace: &Workspace, reference: &Tree) -> Result<Tree> {
    let mut tree = Tree::read(&workspace.starter())?;
    tree.retain(|file, _| !file.starts_with("src/"));
    let sources = reference
        .iter()
        .filter(|(file, _)| file.starts_with("src/"));
    tree.extend(sources.map(|(file, text)| (file.clone(), text.clone())));
    Ok(tree)
}

/// Runs the learner's tests over the bugs, and says what they notice. True if that is all of them.
pub fn run(
    workspace: &Workspace,
    ground: &Ground<'_>,
    bugs: &[&Bug],
    screen: &Screen,
) -> Result<bool> {
    let targets = targets(&workspace.starter(), ground.days)?;
    if targets.is_empty() {
        bail!(
            "there is no test of yours: put one into a file of its own, as mini-lsm-starter/tests/mine.rs"
        );
    }
    screen.begin("your tests on a sound engine first: compiling");
    let tests = sound(ground, &targets);
    screen.clear_status();
    let tests = tests?;
    let (count, pass) = match tests.len() {
        1 => (counted(1, "test"), "it passes"),
        many => (counted(many, "test"), "all of them pass"),
    };
    println!(
        "{count} of yours; {pass} on a sound engine. Now {}, one at a time:",
        counted(bugs.len(), "bug")
    );
    let mut missed = Vec::new();
    let hunt = |bug: &Bug, copy: &str| {
        ground
            .scratch
            .lay_out(copy, &edit::plant(&ground.reference, bug)?)?;
        let subject = ground.scratch.subject(copy, TIME_LIMIT);
        catches(&subject, &targets, &tests)
    };
    ground.hunt_all(bugs, hunt, |bug, caught| {
        let mut text = format!("day {} · {:<34} ", bug.day, bug.name);
        match caught {
            Some(Own { target, name }) => {
                let _ = writeln!(
                    text,
                    "{} by {target}: {name}",
                    screen.paint(Style::Good, "caught")
                );
            }
            None => {
                text += &screen.paint(Style::Bad, "not caught\n");
                missed.push(bug.claim.clone());
            }
        }
        print!("{}", screen.fit(&text));
    })?;
    print!("{}", screen.fit(&sum(tests.len(), &planted(bugs), &missed)));
    Ok(missed.is_empty())
}

/// How many bugs there are, and of which day, if it is one.
fn planted(bugs: &[&Bug]) -> (usize, Option<u32>) {
    let day = bugs.first().map(|bug| bug.day);
    let one = day.filter(|day| bugs.iter().all(|bug| bug.day == *day));
    (bugs.len(), one)
}

fn sum(tests: usize, (bugs, day): &(usize, Option<u32>), missed: &[String]) -> String {
    let mut text = format!(
        "your {} {} {} of {bugs} bugs",
        counted(tests, "test"),
        if tests == 1 { "catches" } else { "catch" },
        bugs - missed.len()
    );
    if let Some(day) = day {
        let _ = write!(text, " of day {day}");
    }
    match missed {
        [] => text += "\n",
        [claim] => {
            let _ = writeln!(text, "; none notices this one: {claim}");
        }
        many => {
            text += "; none notices these:\n";
            for claim in many {
                let _ = writeln!(text, "  - {claim}");
            }
        }
    }
    text
}

/// The test targets that are not the course's, as days without tests.
fn targets(starter: &Path, days: &[Day]) -> Result<Vec<Target>> {
    let dir = starter.join("tests");
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let file = if path.is_dir() {
            path.join("main.rs")
        } else {
            path
        };
        if file.is_file() && file.extension().is_some_and(|extension| extension == "rs") {
            files.push(file);
        }
    }
    files.sort();
    let targets = files.into_iter().map(|file| Day {
        number: 0,
        title: String::new(),
        file,
        tests: Vec::new(),
        strays: Vec::new(),
    });
    let is_own = |target: &Target| !days.iter().any(|day| day.binary() == target.binary());
    Ok(targets.filter(is_own).collect())
}

/// The learner's tests, every one of which passes without a bug; otherwise an error that names one.
fn sound(ground: &Ground<'_>, targets: &[Target]) -> Result<Vec<Own>> {
    const COPY: &str = "copy-0";
    ground.scratch.lay_out(COPY, &ground.reference)?;
    let subject = ground.scratch.subject(COPY, TIME_LIMIT);
    let binaries = match build(&subject, targets)? {
        Ok(binaries) => binaries,
        Err(error) => bail!("your tests do not compile:\n{error}"),
    };
    let mut tests = Vec::new();
    for (target, binary) in &binaries {
        for name in run::list(binary)? {
            let own = Own {
                target: target.clone(),
                name,
            };
            if let Some(words) = failure(&subject, binary, &own.name)? {
                bail!(
                    "{target}: {} fails on a sound engine, and so says nothing about a bug:\n{words}",
                    own.name
                );
            }
            tests.push(own);
        }
    }
    if tests.is_empty() {
        bail!("your test files hold no test: a test is a function below `#[test]`");
    }
    Ok(tests)
}

/// The first test that fails with the bug that is in the copy. One that does not compile any more has noticed it too.
fn catches(subject: &Subject, targets: &[Target], tests: &[Own]) -> Result<Option<Own>> {
    let binaries = match build(subject, targets)? {
        Ok(binaries) => binaries,
        Err(_) => return Ok(tests.first().cloned()),
    };
    for own in tests {
        let binary = binaries.get(&own.target).context("it was compiled")?;
        if failure(subject, binary, &own.name)?.is_some() {
            return Ok(Some(own.clone()));
        }
    }
    Ok(None)
}

/// The binaries by their targets, or the first error of the compiler.
fn build(
    subject: &Subject,
    targets: &[Target],
) -> Result<std::result::Result<BTreeMap<String, PathBuf>, String>> {
    let all: Vec<String> = targets.iter().map(|target| target.binary()).collect();
    let built = match build::build(subject, &all, &Screen::PLAIN)? {
        Outcome::Built(built) => built,
        Outcome::CrateBroken(error) => return Ok(Err(error.rendered)),
    };
    let binary = |target: &Target| Ok((target.binary(), built.binary(&target.binary())?));
    let binaries: std::result::Result<_, CompileError> = targets.iter().map(binary).collect();
    Ok(binaries.map_err(|error| error.rendered))
}

/// What a test says when it fails; `None` if it passes.
fn failure(subject: &Subject, binary: &Path, test: &str) -> Result<Option<String>> {
    let mut command = Command::new(binary);
    command
        .args([test, "--exact", "--nocapture", "--color=never"])
        .current_dir(&subject.dir)
        .env("CARGO_MANIFEST_DIR", &subject.dir)
        .env("RUST_BACKTRACE", "0");
    let finished = process::run(&mut command, subject.limits)
        .with_context(|| format!("cannot start {}", binary.display()))?;
    Ok(match finished.end {
        End::Exited(status) if status.success() => None,
        End::TimedOut => Some(format!("it did not end within {} s", TIME_LIMIT.as_secs())),
        _ => Some(said(&finished.stderr)),
    })
}

/// What a test printed, without what the runtime adds for those who look for a backtrace.
fn said(stderr: &str) -> String {
    let lines = stderr
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("note: run with `RUST_BACKTRACE"));
    let lines: Vec<String> = lines.map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_names_what_nobody_notices() {
        let day_2 = (9, Some(2));
        assert_eq!(
            sum(1, &day_2, &[]),
            "your 1 test catches 9 of 9 bugs of day 2\n"
        );
        let missed = ["A byte is lost.", "An empty range ends the scan."].map(str::to_string);
        assert_eq!(
            sum(3, &day_2, &missed),
            "your 3 tests catch 7 of 9 bugs of day 2; none notices these:\n  \
             - A byte is lost.\n  - An empty range ends the scan.\n"
        );
        assert_eq!(
            sum(3, &(70, None), &missed[..1]),
            "your 3 tests catch 69 of 70 bugs; none notices this one: A byte is lost.\n"
        );
    }

    #[test]
    fn the_targets_of_the_course_are_not_the_learners() {
        let dir = tempfile::tempdir().expect("a folder");
        let tests = dir.path().join("tests");
        for folder in ["common", "day1_a", "mine"] {
            fs::create_dir_all(tests.join(folder)).expect("folders in it");
        }
        for file in [
            "common/mod.rs",
            "day1_a/main.rs",
            "mine/main.rs",
            "b.rs",
            "notes.md",
        ] {
            fs::write(tests.join(file), "//! Day 1 · A day.\n").expect("files in them");
        }
        let days = xtask::catalogue::read(dir.path()).expect("a course of one day");
        let targets = targets(dir.path(), &days).expect("they can be read");
        let names: Vec<String> = targets.iter().map(Target::binary).collect();
        assert_eq!(names, ["b", "mine"]);
    }
}
