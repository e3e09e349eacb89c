//! `diff`: own code beside the reference of the same stage, function by function.
//!
//! Both sides are formatted and without remarks, so that only code differs. Helpers, which everyone cuts in their own way, are
//! matched by name or else by likeness. A day that is not passed is shown only to who insists.

mod html;
mod pairs;
mod rows;
mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use staging::marker::LAST_DAY;
use staging::names::PACKAGE;
use staging::stage::Stage;
use xtask::flags::unknown;
use xtask::last_grade::{self, Verdict};
use xtask::screen::Screen;

use crate::course::{self, Course, Function};
use crate::mine::Mine;
use pairs::{Compared, compare};

#[derive(Debug, Default, clap::Args)]
pub struct Ask {
    /// Functions (Type::function) or files; the whole day without them
    #[arg(value_name = "FUNCTION|FILE")]
    pub names: Vec<String>,
    /// The functions of this day; without it, of the last day that is written
    #[arg(long, value_name = "N")]
    pub day: Option<u32>,
    /// Write a page for a browser instead, complete in itself
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Show the reference of days that are not passed yet without asking
    #[arg(long)]
    pub yes: bool,
}

pub fn run(course: &Course, ask: &Ask) -> Result<()> {
    let mine = Mine::read(&course.root)?;
    let chosen = choose(course, &mine, ask)?;
    if !ask.yes && !agreed(course, &mine, &chosen)? {
        println!("nothing was shown");
        return Ok(());
    }
    let mut groups: BTreeMap<(&str, Stage), Vec<&Function>> = BTreeMap::new();
    for (function, stage) in &chosen {
        groups
            .entry((&function.path, *stage))
            .or_default()
            .push(function);
    }
    let files = groups
        .into_iter()
        .map(|((path, stage), functions)| compare(course, &mine, path, stage, &functions))
        .collect::<Result<Vec<Compared>>>()?;
    match &ask.html {
        None => {
            let screen = Screen::detect();
            print!(
                "{}",
                screen.fit(&terminal::render(&screen, terminal::width(), &files))
            );
        }
        Some(path) => {
            fs::write(path, html::render(&files))
                .with_context(|| format!("cannot write {}", path.display()))?;
            println!(
                "{} shows {}; open it in a browser",
                path.display(),
                counted(&files)
            );
        }
    }
    Ok(())
}

fn counted(files: &[Compared]) -> String {
    let (same, differ): (usize, usize) = (
        files.iter().map(|file| file.same.len()).sum(),
        files.iter().map(|file| file.pairs.len()).sum(),
    );
    format!("{differ} that differ, and {same} that are the same")
}

type Chosen<'a> = Vec<(&'a Function, Stage)>;

fn choose<'a>(course: &'a Course, mine: &Mine, ask: &Ask) -> Result<Chosen<'a>> {
    if let Some(day) = ask.day {
        course::require_day(day)?;
    }
    if !ask.names.is_empty() {
        let mut chosen = Vec::new();
        for name in &ask.names {
            chosen.extend(named(course, mine, name, ask.day)?);
        }
        return Ok(chosen);
    }
    let day = ask.day.unwrap_or_else(|| course.written(mine));
    if day == 0 {
        bail!(
            "no day is written yet, so there is nothing to compare; `cargo x diff --day 1` shows day 1 all the same"
        );
    }
    let mut chosen = Vec::new();
    for (path, functions) in course::by_file(course.functions.iter().filter(|f| f.task.day <= day))
    {
        let (before, after) = (
            course.outline(path, Stage::day(day - 1))?,
            course.outline(path, Stage::day(day))?,
        );
        let of_the_day = |f: &&&Function| before.piece(&f.key) != after.piece(&f.key);
        chosen.extend(
            functions
                .iter()
                .filter(of_the_day)
                .map(|f| (*f, Stage::day(day))),
        );
    }
    Ok(chosen)
}

/// A function, or those of a file that the learner has come to.
fn named<'a>(course: &'a Course, mine: &Mine, name: &str, day: Option<u32>) -> Result<Chosen<'a>> {
    let stage = |function: &Function| match day {
        Some(day) => Stage::day(day.max(function.task.day)),
        None => course.stage_for(function, mine),
    };
    let path = name.replace('\\', "/");
    let path = path
        .trim_start_matches("./")
        .trim_start_matches(&format!("{PACKAGE}/"));
    if !path.ends_with(".rs") {
        let function = course.function(name)?;
        return Ok(vec![(function, stage(function))]);
    }
    let files = course::by_file(&course.functions);
    let found = files
        .iter()
        .find(|(known, _)| **known == path || known.strip_prefix("src/") == Some(path));
    let Some((_, functions)) = found else {
        let known: Vec<&str> = files.keys().copied().collect();
        bail!(
            "{}",
            unknown(
                "file with work of yours",
                path,
                &known,
                "cargo x status --all"
            )
        );
    };
    let last = day.unwrap_or_else(|| course.written(mine).max(1));
    let reached = functions.iter().filter(|f| f.task.day <= last);
    Ok(reached.map(|f| (*f, stage(f))).collect())
}

/// Whether the learner wants to see what is still to be written, or has nothing to lose.
fn agreed(course: &Course, mine: &Mine, chosen: &Chosen) -> Result<bool> {
    let mut left: BTreeMap<u32, usize> = BTreeMap::new();
    for stub in course.stubs(mine) {
        *left.entry(stub.task.day).or_default() += 1;
    }
    let shown = |day: &u32| {
        chosen.iter().any(|(function, stage)| {
            let own = function.task.day == *day;
            // What a later day changes in an earlier function is shown at the stage of that day.
            own || (stage.is_whole_day() && stage.day == *day)
        })
    };
    let not_passed = |day: &u32| match (left.get(day), last_grade::of_day(&course.root, *day)) {
        (Some(1), _) => Some("1 stub is left".to_string()),
        (Some(many), _) => Some(format!("{many} stubs are left")),
        (None, Verdict::Open(1)) => Some("1 test has not passed".to_string()),
        (None, Verdict::Open(many)) => Some(format!("{many} tests have not passed")),
        (None, Verdict::Passed | Verdict::Unknown) => None,
    };
    let mut days = (1..=LAST_DAY).filter(shown);
    let Some((day, why)) = days.find_map(|day| Some((day, not_passed(&day)?))) else {
        return Ok(true);
    };
    let why = format!("day {day} is not passed yet: {why}");
    if !std::io::stdin().is_terminal() {
        bail!("{why}; add `--yes` to see its reference all the same");
    }
    print!("{why}. Show its reference all the same? [y/N] ");
    std::io::stdout().flush().ok();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
