//! `cargo x scheck`: grades the starter, or with `--solution` the reference.
//!
//! 1. The catalogue of the day tests says what there is to pass, the stubs in the sources how far the work has come.
//! 2. The days up to there are compiled in one go, each for itself: see [`build`].
//! 3. Every test runs in a process of its own: see [`trial`]. Beside the tests the formatter and the linter look at the crate: [`tidy`].
//! 4. The board and the first failure are shown: [`board`], [`explain`].
//!
//! Nothing in the graded crate is written.

pub mod board;
pub mod build;
pub mod explain;
pub mod grade;
pub mod report;
pub mod tidy;
pub mod trial;

use std::process::ExitCode;

use anyhow::Result;

use crate::flags;
use crate::process;
use crate::screen::Screen;
use crate::workspace::Workspace;
pub use grade::{Ask, Subject, grade};
use report::Grade;

/// Grades what `ask` names, shows the outcome, and says by the exit code whether all that was asked for passes.
pub fn run(workspace: &Workspace, ask: &flags::Scheck) -> Result<ExitCode> {
    process::kill_all_when_interrupted();
    let subject = match ask.solution {
        true => Subject::reference(workspace),
        false => Subject::starter(workspace),
    };
    let ask = Ask {
        day: ask.day,
        task: ask.task,
    };
    let passed = show(&subject, &ask)?;
    Ok(match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Grades the subject and prints the outcome. True if all that was asked for passes.
pub fn show(subject: &Subject, ask: &Ask) -> Result<bool> {
    let screen = Screen::detect();
    let grade = grade(subject, ask, &screen)?;
    screen.clear_status();
    print!("{}", screen.fit(&board::render(&grade, &screen)));
    Ok(matches!(grade, Grade::Report(report) if report.all_passed()))
}
