//! `cargo x bench`: one `match` over what was asked for.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use mini_lsm_bench::args::{self, Command, Output};
use mini_lsm_bench::engines::Name;
use mini_lsm_bench::report::{Record, markdown, svg, table};
use mini_lsm_bench::{rounds, work, workloads};

/// 1 is kept for "it ran, and something was wrong".
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    match args::parse(std::env::args_os().skip(1)).and_then(run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn run(command: Command) -> Result<bool> {
    match command {
        Command::Help => print!("{}", args::HELP),
        Command::List => list(),
        Command::Child(task) => {
            let answer = work::run(&serde_json::from_str(&task)?)?;
            println!("{}", serde_json::to_string(&answer)?);
        }
        Command::Bench(ask) => {
            let record = rounds::run(&ask)?;
            report(&record, &ask.output)?;
            return Ok(record.is_good());
        }
        Command::From { record, output } => {
            let text = fs::read_to_string(&record);
            let text = text.with_context(|| format!("cannot read {}", record.display()))?;
            let record = Record::from_json(&text)
                .with_context(|| format!("{} is no record of a run", record.display()))?;
            report(&record, &output)?;
        }
    }
    Ok(true)
}

fn report(record: &Record, output: &Output) -> Result<()> {
    print!("{}", table::of(record));
    if let Some(file) = &output.json {
        write(file, &record.to_json()?)?;
    }
    if let Some(file) = &output.svg {
        write(file, &svg::of(record))?;
    }
    if let Some(file) = &output.markdown {
        write(file, &markdown::of(record))?;
    }
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn list() {
    println!("engines");
    for engine in Name::ALL {
        println!("  {:<18} {engine}", engine.word());
    }
    println!("workloads");
    for workload in workloads::ALL {
        println!("  {:<18} {}", workload.name, workload.what);
    }
}
