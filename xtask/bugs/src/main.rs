//! The command behind `cargo x bugs`. It is a program of its own because it needs parsers, which learners should not have
//! to compile.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use bugs::choose;
use bugs::edit;
use bugs::hunt::{Failures, Ground, Hunt};
use bugs::record::{Entry, Record};
use bugs::report::{self, Sum, counted};
use bugs::scratch::Scratch;
use bugs::verdict;
use bugs::yours;
use bugs::zoo::{self, Bug};
use clap::Parser;
use staging::tree::Tree;
use xtask::catalogue::{self, Day, Test};
use xtask::flags::unknown;
use xtask::process;
use xtask::screen::Screen;
use xtask::workspace::Workspace;

/// Plants classic mistakes in copies of the reference, one at a time, and requires that a test of their own day catches
/// each. Without arguments: those whose files have changed since they were recorded, eight at most, and a tenth of the
/// others.
#[derive(Parser)]
#[command(name = "cargo x bugs", bin_name = "cargo x bugs")]
struct Ask {
    /// These bugs, and all that is known of them
    names: Vec<String>,
    /// All bugs of one day
    #[arg(long)]
    day: Option<u32>,
    /// All bugs
    #[arg(long, conflicts_with = "day")]
    all: bool,
    /// Run nothing: name, task and claim of each
    #[arg(long)]
    list: bool,
    /// Your own tests, those of mini-lsm-starter that are not the course's, in the place of ours; the day you have reached,
    /// if you name none
    #[arg(long, conflicts_with_all = ["list", "record", "names"])]
    yours: bool,
    /// Write what fails into the record instead of comparing
    #[arg(long)]
    record: bool,
}

/// What was typed, or what is in the zoo, is wrong; 1 is kept for "a bug was not caught as it should be".
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

/// What every run looks at.
struct Park {
    workspace: Workspace,
    days: Vec<Day>,
    zoo: Vec<Bug>,
    reference: Tree,
    screen: Screen,
}

impl Ask {
    /// Nobody said which bugs: a run that has to be short.
    fn is_quick(&self) -> bool {
        !self.all && self.day.is_none() && self.names.is_empty()
    }
}

fn run(ask: &Ask) -> Result<bool> {
    process::kill_all_when_interrupted();
    let workspace = Workspace::find()?;
    let days = catalogue::read(&workspace.reference())?;
    let park = Park {
        zoo: zoo::read(workspace.root(), &days)?,
        reference: Tree::read(&workspace.reference())?,
        screen: Screen::detect(),
        days,
        workspace,
    };
    let bugs = park.chosen(ask)?;
    if ask.list {
        let text = report::list(&bugs, &park.days, &park.screen);
        print!("{}", park.screen.fit(&text));
        return Ok(true);
    }
    // All of them, before the first is compiled: an edit that fits no more is a mistake of the zoo.
    for bug in &bugs {
        edit::plant(&park.reference, bug)?;
    }
    let _taken = Scratch::of(&park.workspace).take("bugs")?;
    if ask.yours {
        return park.yours(&bugs);
    }
    match ask.record {
        true => park.record(&bugs),
        false => park.compare(&bugs, ask),
    }
}

impl Park {
    fn chosen(&self, ask: &Ask) -> Result<Vec<&Bug>> {
        if let Some(day) = ask.day
            && !self.days.iter().any(|known| known.number == day)
        {
            bail!(
                "there is no day {day}: the days are 1 to {}",
                self.days.len()
            );
        }
        if !ask.names.is_empty() {
            let names: Vec<&str> = self.zoo.iter().map(|bug| bug.name.as_str()).collect();
            let find = |name: &String| {
                let found = self.zoo.iter().find(|bug| bug.name == *name);
                found.with_context(|| {
                    unknown("bug", name, &names, "cargo x bugs --list").to_string()
                })
            };
            return ask.names.iter().map(find).collect();
        }
        if ask.all || ask.day.is_some() || ask.list || ask.yours {
            let reached = || yours::day_reached(&self.workspace, &self.days);
            let day = match (ask.day, ask.yours && !ask.all) {
                (None, true) => Some(reached()),
                (day, _) => day,
            };
            let wanted = |bug: &&Bug| day.is_none_or(|day| day == bug.day);
            return Ok(self.zoo.iter().filter(wanted).collect());
        }
        let record = Record::read(self.workspace.root())?;
        let choice = choose::choose(&self.zoo, &record, &self.days, &self.reference);
        let mut text = format!(
            "{}: {} of {} whose files have changed since they were recorded, {} of the others",
            counted(choice.bugs.len(), "bug"),
            choice.changed - choice.left_out,
            choice.changed,
            choice.drawn
        );
        if choice.left_out > 0 {
            text += &format!(
                "\n{} with changed files are left out here: `cargo x bugs --all` runs them",
                choice.left_out
            );
        }
        println!("{text}");
        Ok(choice.bugs)
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            scratch: Scratch::of(&self.workspace),
            reference: self.reference.clone(),
            days: &self.days,
            screen: &Screen::PLAIN,
        }
    }

    fn yours(&self, bugs: &[&Bug]) -> Result<bool> {
        let ground = Ground {
            scratch: Scratch::of(&self.workspace).aside("yours"),
            reference: yours::tree(&self.workspace, &self.reference)?,
            ..self.ground()
        };
        yours::run(&self.workspace, &ground, bugs, &self.screen)
    }

    /// Hunts the bugs and holds what comes of it against the record: all tests, or those up to the first that fails.
    fn compare(&self, bugs: &[&Bug], ask: &Ask) -> Result<bool> {
        let record = Record::read(self.workspace.root())?;
        let ground = self.ground();
        let mut sum = Sum::default();
        let hunt = |bug: &Bug, copy: &str| {
            let all = &ground.day(bug)?.tests;
            let Some(entry) = record.of(bug) else {
                return Ok((ground.hunt(bug, copy, all, &Failures::new())?, None));
            };
            let tests = match ask.is_quick() {
                true => entry.up_to_the_first(all),
                false => all.clone(),
            };
            let entry = entry.of_tests(&tests);
            let mut hunt = ground.hunt(bug, copy, &tests, &entry.failures())?;
            if let Hunt::Ran(ran) = &mut hunt {
                ground.look_again(bug, copy, ran, &entry)?;
            }
            Ok((hunt, Some(entry)))
        };
        ground.hunt_all(bugs, hunt, |bug, (hunt, entry)| {
            let problems = verdict::problems(bug, &hunt, entry.as_ref());
            sum.add(bug, problems.is_empty());
            let mut text = report::line(bug, &hunt, &problems, &self.screen);
            if !ask.names.is_empty() {
                text += &report::in_full(bug, &hunt);
            }
            print!("{}", self.screen.fit(&text));
        })?;
        print!("{}", self.screen.fit(&sum.line()));
        Ok(sum.all_good())
    }

    /// Hunts the bugs, runs what fails a second time, and writes it down.
    fn record(&self, bugs: &[&Bug]) -> Result<bool> {
        let mut record = Record::read(self.workspace.root())?;
        let before = record.clone();
        let ground = self.ground();
        let mut written = Ok(());
        let mut sum = Sum::default();
        let hunt = |bug: &Bug, copy: &str| {
            let tests = &ground.day(bug)?.tests;
            // Those that hung before are not waited for so long.
            let known = before.of(bug).map(Entry::failures).unwrap_or_default();
            let first = ground.hunt(bug, copy, tests, &known)?;
            let Hunt::Ran(ran) = &first else {
                return Ok((first, Vec::new()));
            };
            let known = ran.failures();
            let failed = tests.iter().filter(|test| known.contains_key(&test.path()));
            let failed: Vec<Test> = failed.cloned().collect();
            let second = ground.again(bug, copy, &failed, &known)?;
            let runs = vec![ran.failures(), second.failures()];
            Ok((first, runs))
        };
        ground.hunt_all(bugs, hunt, |bug, (hunt, runs)| {
            let files = choose::fingerprint(bug, &self.days, &self.reference);
            let mut entry = Entry::new(bug, files, &runs, record.of(bug));
            if let Hunt::Ran(ran) = &hunt {
                entry.keep_words(ran.failed());
            }
            let problems = verdict::problems(bug, &hunt, Some(&entry));
            sum.add(bug, problems.is_empty());
            let text = report::line(bug, &hunt, &problems, &self.screen);
            print!("{}", self.screen.fit(&text));
            // At once: a run that is interrupted has not been for nothing.
            record.update(&self.zoo, vec![entry]);
            if written.is_ok() {
                written = record.write(self.workspace.root());
            }
        })?;
        written?;
        print!("{}", self.screen.fit(&sum.line()));
        Ok(sum.all_good())
    }
}
