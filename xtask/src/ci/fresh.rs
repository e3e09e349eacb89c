//! What a learner of the first day types, on the starter as it is handed out: nothing is broken, and what fails says why.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::markdown::words;
use super::steps::{Act, cargo, own};
use crate::scheck::report::Grade;
use crate::scheck::seen::Seen;
use crate::scheck::{Ask, Subject, board, grade};
use crate::screen::Screen;
use crate::workspace::{self, Workspace};

/// Most of these exit with 1, as they should.
pub fn acts() -> Vec<Act> {
    vec![
        own("cargo x scheck", |workspace| {
            is_fresh(workspace, None, None)
        }),
        own("cargo x scheck --day 1", |workspace| {
            is_fresh(workspace, Some(1), None)
        }),
        own("cargo x scheck --day 1 --task 1", |workspace| {
            is_fresh(workspace, Some(1), Some(1))
        }),
        cargo("x status"),
        // Only read: what changes files is tried in small courses by its own tests.
        cargo("x diff --day 1 --yes"),
        own(ONE_TEST, |workspace| meets_a_stub(workspace, ONE_TEST)),
        own(NO_ANSWER, |workspace| meets_a_stub(workspace, NO_ANSWER)),
        cargo(FOR_DEBUGGERS),
    ]
}

// As the book's page on debugging has them.
const ONE_TEST: &str = "RUST_BACKTRACE=1 cargo test --package mini-lsm-starter --no-default-features --test day1_blocks seek_past_the_last_key -- --nocapture";
const NO_ANSWER: &str = "cargo test --package mini-lsm-starter --no-default-features --test day3_engine a_full_memtable_is_frozen -- --nocapture";
const FOR_DEBUGGERS: &str = "test --config profile.test.package.mini-lsm-starter.debug=true --config profile.test.package.mini-lsm-starter.opt-level=0 --package mini-lsm-starter --no-default-features --test day1_blocks --no-run";

/// The board of a fresh clone, as the book's page on the setup shows it.
const FIRST_BOARD: &str = "book/src/samples/first-board.txt";

fn is_fresh(workspace: &Workspace, day: Option<u32>, task: Option<u32>) -> Result<bool> {
    let ask = Ask {
        day,
        task,
        ..Ask::default()
    };
    match grade(&Subject::starter(workspace), &ask, &Screen::PLAIN)? {
        Grade::Report(report) if report.is_fresh() => match day {
            None => is_as_in_the_book(workspace, &Grade::Report(report)),
            Some(_) => Ok(true),
        },
        other => {
            let board = board::render(&other, &Seen::default(), &Screen::PLAIN);
            bail!(
                "this should say that nothing is broken and that day 1, task 1 is where to begin:\n{board}"
            )
        }
    }
}

fn is_as_in_the_book(workspace: &Workspace, grade: &Grade) -> Result<bool> {
    // A learner's first run is remembered, so hints can be asked for.
    let seen = Seen {
        hints: Some(0),
        ..Seen::default()
    };
    // As wide as the book's page.
    let screen = Screen {
        width: 80,
        ..Screen::PLAIN
    };
    let board = screen.fit(&board::render(grade, &seen, &screen));
    let expected = format!("```text\n{}\n```\n", board.trim_end());
    let path = workspace.root().join(FIRST_BOARD);
    if std::env::var_os("SAMPLES").is_some_and(|word| word == "write") {
        fs::write(&path, &expected).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let is_same = fs::read_to_string(&path).is_ok_and(|shown| shown == expected);
    if !is_same {
        println!(
            "{FIRST_BOARD} is not what the grader says; with SAMPLES=write this step writes it anew. It says\n{board}"
        );
    }
    Ok(is_same)
}

/// One test is there, runs, and ends at a function that is still to be written.
fn meets_a_stub(workspace: &Workspace, line: &str) -> Result<bool> {
    let (status, said) = run(workspace, line)?;
    let is_one = said.contains("0 passed; 1 failed;") && said.contains("not implemented: day ");
    if !is_one || status != Some(CARGO_TEST_FAILED) {
        bail!("this should run one test, and end at a stub:\n{said}");
    }
    Ok(true)
}

const CARGO_TEST_FAILED: i32 = 101;

/// A fresh clone has no tests of the learner's own; that is told before anything is compiled.
pub fn tests_of_tests(workspace: &Workspace) -> Result<bool> {
    let (status, said) = run(workspace, "cargo x scheck --tests-of-tests --day 3")?;
    if status != Some(2) || !said.contains("there is no test of yours") {
        bail!("this should say that there is no test of one's own yet:\n{said}");
    }
    Ok(true)
}

/// Runs `[NAME=VALUE] cargo …` in the repository: its exit code, and what it printed.
fn run(workspace: &Workspace, line: &str) -> Result<(Option<i32>, String)> {
    let mut command = workspace::cargo();
    command.current_dir(workspace.root()).stdin(Stdio::null());
    for word in words(line) {
        match word.split_once('=') {
            Some((name, value)) if !name.starts_with('-') => command.env(name, value),
            _ if word == "cargo" => &mut command,
            _ => command.arg(word),
        };
    }
    let output = command.output().context("cannot start cargo")?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.code(), String::from_utf8_lossy(&said).into()))
}
