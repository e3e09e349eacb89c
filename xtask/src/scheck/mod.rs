//! `cargo x scheck`: grades the starter, or with `--solution` the reference.
//!
//! 1. The catalogue of the day tests says what there is to pass, the stubs in the sources how far the work has come.
//! 2. The days up to there are compiled in one go, each for itself: see [`build`].
//! 3. Every test runs in a process of its own: see [`trial`]. Beside all this the formatter and the linter look at the crate: [`tidy`].
//! 4. The board and the first failure are shown: [`board`], [`explain`].
//!
//! 5. What was seen is remembered in the progress file, and the run before it compared: [`seen`].
//!
//! Nothing in the graded crate is written.

mod alike;
pub mod board;
pub mod build;
mod changes;
pub mod evidence;
pub mod explain;
pub mod grade;
pub mod kind;
mod own;
pub mod problems;
pub mod repeat;
pub mod report;
mod rows;
pub mod seen;
mod subject;
pub mod tidy;
pub mod trial;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::flags;
use crate::process;
use crate::screen::Screen;
use crate::workspace::Workspace;
pub use grade::grade;
use report::Grade;
pub use subject::{Ask, Subject};

/// Grades what `ask` names, shows the outcome, and says by the exit code whether all that was asked for passes.
pub fn run(workspace: &Workspace, ask: &flags::Scheck) -> Result<ExitCode> {
    if ask.watch {
        let plain = ask.plain.then(|| OsString::from("--plain"));
        return workspace.run_watch(&Vec::from_iter(plain));
    }
    process::kill_all_when_interrupted();
    let subject = match ask.solution {
        true => Subject::reference(workspace),
        false => Subject::starter(workspace),
    };
    let screen = Screen::detect_or_words(ask.plain);
    let grade = show_on(&subject, &ask.ask, &screen)?;
    if ask.problems {
        let lines = problems::lines(&grade);
        lines.iter().for_each(|line| println!("{line}"));
    }
    Ok(match passed(&grade) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Grades the subject and prints the outcome. True if all that was asked for passes.
pub fn show(subject: &Subject, ask: &Ask) -> Result<bool> {
    Ok(passed(&show_on(subject, ask, &Screen::detect())?))
}

fn show_on(subject: &Subject, ask: &Ask, screen: &Screen) -> Result<Grade> {
    let grade = grade(subject, ask, screen);
    screen.clear_status();
    let grade = grade?;
    let seen = seen::remember(subject, &grade);
    print!("{}", screen.fit(&board::render(&grade, &seen, screen)));
    Ok(grade)
}

/// All that was asked for passes.
fn passed(grade: &Grade) -> bool {
    matches!(grade, Grade::Report(report) if report.all_passed())
}
