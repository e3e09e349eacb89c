//! The command behind `cargo x starter` and `cargo x stages`. It is a program of its own because it needs a Rust parser,
//! which learners should not have to compile.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use staging::{stages, starter};

#[derive(Parser)]
#[command(
    name = "staging",
    about = "Derives every stage of the course from the annotated reference, and proves that they hold"
)]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Write stage 0 of the reference into mini-lsm-starter
    Starter {
        /// Change nothing; fail with the first difference
        #[arg(long)]
        check: bool,
        /// Overwrite changes that git does not have
        #[arg(long, conflicts_with = "check")]
        force: bool,
    },
    /// Prove that every stage compiles, passes what it must and fails what it must
    Stages {
        /// Only this day: its tasks, its evening and the evening before
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=7))]
        day: Option<u32>,
        /// All days (as without an option)
        #[arg(long, conflicts_with = "day")]
        all: bool,
        /// Seconds that a test which must pass may take
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<bool> {
    let root = workspace()?;
    let target = target_dir(&root);
    match cli.command {
        Verb::Starter { check: true, .. } => {
            starter::check(&root)?;
            println!("mini-lsm-starter is stage 0 of the reference");
            Ok(true)
        }
        Verb::Starter { force, .. } => {
            let changed = starter::write(&root, &target, force)?;
            println!("mini-lsm-starter is stage 0 of the reference; files changed: {changed}");
            Ok(true)
        }
        Verb::Stages { day, all: _, limit } => {
            let settings = stages::Settings {
                root,
                target,
                day,
                limit: Duration::from_secs(limit),
            };
            stages::prove(&settings, &mut std::io::stdout().lock())
        }
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
    let set = std::env::var_os("CARGO_TARGET_DIR")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from);
    let set = set.and_then(|dir| std::path::absolute(dir).ok());
    set.unwrap_or_else(|| root.join("target"))
}
