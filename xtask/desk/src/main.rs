//! The program behind `cargo x catch-up`, `reset`, `borrow`, `repay`, `diff` and `update`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use desk::course::Course;
use desk::{borrow, catch_up, diff, reset, update};

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
    let root = workspace()?;
    let course = Course::open(&root, &target_dir(&root))?;
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

/// This crate lies two folders deep in its workspace. `cargo run` says where it is now; the place where it was compiled
/// is second best, for a binary started by hand.
fn workspace() -> Result<PathBuf> {
    let package =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&package).ancestors().nth(2);
    root.map(Path::to_path_buf)
        .context("the workspace of the course was not found; run this by `cargo x`")
}

fn target_dir(root: &Path) -> PathBuf {
    // A relative path is meant from where the command was started, as cargo means it.
    let set = std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
    let set = set.and_then(|dir| std::path::absolute(dir).ok());
    set.unwrap_or_else(|| root.join("target"))
}
