//! The command behind `cargo x mutants`. It stands beside the zoo because it needs the same copies of the reference.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use bugs::mutants::outcomes::{self, Fate};
use bugs::mutants::owner::owners;
use bugs::mutants::tally::{AT_LEAST_PERCENT, Tally};
use bugs::mutants::tool::{self, COPY, Mutant, Tool};
use bugs::report::counted;
use bugs::scratch::Scratch;
use clap::Parser;
use staging::marker::Task;
use staging::tree::Tree;
use xtask::catalogue::{self, Day};
use xtask::screen::Screen;
use xtask::workspace::Workspace;

/// Runs cargo-mutants over the reference, each mutant under the tests of the day whose code it changes. It takes hours for
/// all days, on two cores.
#[derive(Parser)]
#[command(name = "cargo x mutants", bin_name = "cargo x mutants")]
struct Ask {
    /// One day; all, if you name none
    #[arg(long)]
    day: Option<u32>,
    /// Run nothing: how many there are, and with --day which
    #[arg(long)]
    list: bool,
    /// Only the first of every K: a sample
    #[arg(long, value_name = "K", conflicts_with_all = ["list", "last"])]
    every: Option<NonZeroUsize>,
    /// Only those that the runs over their day have missed so far
    #[arg(long, conflicts_with = "list")]
    survivors: bool,
    /// Only those that hung, with more time: on a busy machine one that is only slow may look so
    #[arg(long, conflicts_with_all = ["list", "survivors", "rest", "last"])]
    hanging: bool,
    /// Only those that no run has come to yet
    #[arg(long, conflicts_with_all = ["list", "survivors"])]
    rest: bool,
    /// Run nothing: what the runs over each day have found so far
    #[arg(long, conflicts_with_all = ["list", "survivors", "rest"])]
    last: bool,
}

/// What was typed is wrong, or cargo-mutants is missing; 1 is kept for "too many were missed".
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    match run(&Ask::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn run(ask: &Ask) -> Result<bool> {
    let workspace = Workspace::find()?;
    let days = catalogue::read(&workspace.reference())?;
    let chosen: Vec<&Day> = days
        .iter()
        .filter(|day| ask.day.is_none_or(|number| number == day.number))
        .collect();
    if chosen.is_empty() {
        let day = ask.day.unwrap_or_default();
        bail!("there is no day {day}: the days are 1 to {}", days.len());
    }
    let scratch = Scratch::of(&workspace);
    let mut tool = Tool::find(&scratch)?;
    if ask.hanging {
        tool.least_time = tool::SECONDS_TO_PROVE;
    }
    let _taken = scratch.take("mutants")?;
    let reference = Tree::read(&workspace.reference())?;
    scratch.lay_out(COPY, &reference)?;
    let all = owners(&reference, tool.list()?)?;
    let of_day = |day: &Day| -> Vec<&(Task, Mutant)> {
        let mine = all.iter().filter(|(task, _)| task.day == day.number);
        mine.collect()
    };
    if ask.list {
        for day in &chosen {
            print!("{}", listed(day, &of_day(day), ask.day.is_some()));
        }
        return Ok(true);
    }
    let mut tallies = Vec::new();
    for day in &chosen {
        let mutants: Vec<&Mutant> = of_day(day).iter().map(|(_, mutant)| mutant).collect();
        let output = scratch.target().join(format!("mutants-day{}", day.number));
        let wanted = wanted(ask, &mutants, &output)?;
        if !wanted.is_empty() {
            tool.run(&reference, &day.binary(), &wanted, &output)?;
        }
        let found = found(&mutants, &output)?;
        tallies.push((day.number, Tally::of(mutants.len(), found)));
    }
    let screen = Screen::detect();
    for (day, tally) in &tallies {
        print!("{}", screen.fit(&tally.lines(*day, &screen)));
    }
    println!("asked for: {AT_LEAST_PERCENT} % on every day");
    Ok(tallies.iter().all(|(_, tally)| tally.is_enough()))
}

/// Which of a day's mutants this run takes.
fn wanted<'a>(ask: &Ask, mutants: &[&'a Mutant], output: &Path) -> Result<Vec<&'a Mutant>> {
    if ask.last {
        return Ok(Vec::new());
    }
    let found = found(mutants, output)?;
    let fate = |mutant: &Mutant| {
        let of_mutant = found.iter().find(|(other, _)| other.name == mutant.name);
        of_mutant.map(|(_, fate)| *fate)
    };
    let step = ask.every.map_or(1, NonZeroUsize::get);
    let all = mutants.iter().copied().step_by(step);
    let again = match (ask.survivors, ask.hanging, ask.rest) {
        (true, ..) => Some(Some(Fate::Missed)),
        (_, true, _) => Some(Some(Fate::TimedOut)),
        (.., true) => Some(None),
        _ => None,
    };
    if let Some(again) = again {
        return Ok(all.filter(|mutant| fate(mutant) == again).collect());
    }
    if output.exists() {
        fs::remove_dir_all(output)
            .with_context(|| format!("cannot remove {}", output.display()))?;
    }
    Ok(all.collect())
}

/// What the runs so far say of those that are still there.
fn found(mutants: &[&Mutant], output: &Path) -> Result<Vec<(Mutant, Fate)>> {
    let mut found = outcomes::read(output)?;
    found.retain(|(other, _)| mutants.iter().any(|mutant| mutant.name == other.name));
    Ok(found)
}

fn listed(day: &Day, mutants: &[&(Task, Mutant)], by_name: bool) -> String {
    let mut text = format!(
        "day {} · {}: {}\n",
        day.number,
        day.title,
        counted(mutants.len(), "mutant")
    );
    for (task, mutant) in mutants.iter().filter(|_| by_name) {
        text += &format!("  task {}  {}\n", task.task, mutant.name);
    }
    text
}
