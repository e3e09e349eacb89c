//! The command behind `cargo x mutants`. It stands beside the zoo because it needs the same copies of the reference.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use bugs::home;
use bugs::mutants::owner::owners;
use bugs::mutants::tally::{AT_LEAST_PERCENT, Tally};
use bugs::mutants::tool::{self, COPY, Fate, Mutant, Tool};
use bugs::report::counted;
use bugs::scratch::Scratch;
use clap::Parser;
use staging::marker::Task;
use staging::tree::Tree;
use xtask::catalogue::{self, Day};
use xtask::screen::Screen;

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
    /// Only those that the last run over their day missed
    #[arg(long, conflicts_with = "list")]
    survivors: bool,
    /// Run nothing: what the last run over each day found
    #[arg(long, conflicts_with_all = ["list", "survivors"])]
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
    let workspace = home::workspace()?;
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
    let tool = Tool::find(&scratch)?;
    let _taken = scratch.take()?;
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
    let mut runs = Vec::new();
    for day in &chosen {
        let mutants: Vec<&Mutant> = of_day(day).iter().map(|(_, mutant)| mutant).collect();
        let run = if ask.last {
            last(&scratch, day, &mutants)?
        } else if ask.survivors {
            again(&tool, &scratch, day, &mutants)?
        } else {
            tool.run(&day.binary(), &mutants, &output(&scratch, day))?
        };
        runs.push((day.number, Tally::of(run)));
    }
    let screen = Screen::detect();
    for (day, tally) in &runs {
        print!("{}", screen.fit(&tally.lines(*day, &screen)));
    }
    Ok(match ask.survivors {
        true => runs.iter().all(|(_, tally)| tally.missed.is_empty()),
        false => {
            println!("asked for: {AT_LEAST_PERCENT} % on every day");
            runs.iter().all(|(_, tally)| tally.is_enough())
        }
    })
}

/// Where the logs of a day's last run are.
fn output(scratch: &Scratch, day: &Day) -> PathBuf {
    scratch.target().join(format!("mutants-day{}", day.number))
}

/// What the last run found of those that are still there.
fn last(scratch: &Scratch, day: &Day, mutants: &[&Mutant]) -> Result<Vec<(Mutant, Fate)>> {
    let mut found = tool::read(&output(scratch, day))?;
    found.retain(|(other, _)| mutants.iter().any(|mutant| mutant.name == other.name));
    Ok(found)
}

/// Those that the last run missed and that are still there, in another folder, so that they can be run again and again.
fn again(
    tool: &Tool<'_>,
    scratch: &Scratch,
    day: &Day,
    mutants: &[&Mutant],
) -> Result<Vec<(Mutant, Fate)>> {
    let mut found = last(scratch, day, mutants)?;
    found.retain(|(_, fate)| *fate == Fate::Missed);
    let missed: Vec<&Mutant> = found.iter().map(|(mutant, _)| mutant).collect();
    if missed.is_empty() {
        println!(
            "day {}: the last run missed none that is still there",
            day.number
        );
        return Ok(Vec::new());
    }
    let folder = format!("mutants-day{}-again", day.number);
    tool.run(&day.binary(), &missed, &scratch.target().join(folder))
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
