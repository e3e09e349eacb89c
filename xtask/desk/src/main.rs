//! The program behind `cargo x catch-up`, `reset`, `borrow`, `repay`, `diff` and `update`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use desk::course::Course;
use desk::{borrow, catch_up, diff, reset, update};
use xtask::workspace::Workspace;

#[derive(Parser)]
#[command(
    name = "cargo x",
    bin_name = "cargo x",
    about = "Reads and changes your work in mini-lsm-starter, and keeps what it changes"
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Make the days up to N the reference's, and keep your later work where it compiles with them
    CatchUp {
        #[arg(long, value_name = "N")]
        day: u32,
    },
    /// The untouched starter again, or the stubs of one day
    Reset {
        /// Only this day's functions
        #[arg(long, value_name = "N")]
        day: Option<u32>,
        /// What an earlier command kept in this folder instead
        #[arg(long, value_name = "FOLDER", conflicts_with = "day")]
        to: Option<PathBuf>,
    },
    /// Bring the reference's body of one function
    Borrow {
        /// As its stub says: Type::function or module::function
        function: String,
    },
    /// Make what was borrowed a stub again
    Repay {
        /// As its stub says; all that was borrowed without it
        function: Option<String>,
    },
    /// Your code beside the reference of the same stage, function by function
    Diff(diff::Ask),
    /// Bring the edition of the course that this checkout has into your starter, and keep your work
    Update,
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    let workspace = Workspace::find()?;
    let course = Course::open(workspace.root(), &workspace.target_dir())?;
    match verb {
        Verb::CatchUp { day } => catch_up::run(&course, day),
        Verb::Reset { to: Some(to), .. } => reset::to(&course, &to),
        Verb::Reset { day: Some(day), .. } => reset::day(&course, day),
        Verb::Reset { .. } => reset::all(&course),
        Verb::Borrow { function } => borrow::borrow(&course, &function),
        Verb::Repay { function } => borrow::repay(&course, function.as_deref()),
        Verb::Diff(ask) => diff::run(&course, &ask),
        Verb::Update => update::run(&course),
    }
}
