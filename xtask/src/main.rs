//! The command line of `cargo x`: one `match` over the verbs.

use std::process::ExitCode;

use xtask::flags::{self, Command};
use xtask::workspace::Workspace;
use xtask::{ci, hint, inspect, scheck, status};

/// A mistake in what was typed, or a broken environment; 1 is kept for "graded, and not everything passes".
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    match flags::parse(std::env::args_os().skip(1)) {
        Ok(command) => run(command).unwrap_or_else(|error| refuse(&format!("{error:#}"))),
        Err(mistake) => refuse(&mistake.to_string()),
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match command {
        Command::Help => {
            print!("{}", flags::HELP);
            Ok(ExitCode::SUCCESS)
        }
        Command::Scheck(ask) => scheck::run(&workspace, &ask),
        Command::Hint(ask) => hint::run(&workspace, &ask),
        Command::Watch(args) => workspace.run_watch(&args),
        Command::Inspect(ask) => inspect::run(&ask),
        Command::Status(ask) => status::run(&workspace, &ask),
        Command::Desk(args) => workspace.run_desk(&args),
        Command::Book(args) => workspace.run_book(&args),
        Command::Staging(args) => workspace.run_staging(&args),
        Command::Grade(args) => workspace.run_grade(&args),
        Command::Bugs(args) => workspace.run_bugs(&args),
        Command::Mutants(args) => workspace.run_mutants(&args),
        Command::Torture(args) => workspace.run_torture(&args),
        Command::Bench(args) => workspace.run_bench(&args),
        Command::Ci(ask) => ci::run(&workspace, &ask),
    }
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(EXIT_USAGE)
}
