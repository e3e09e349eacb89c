//! Every command of `cargo x` and its flags.

mod mistake;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::scheck::Ask;
pub use mistake::{Mistake, unknown};

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Scheck(Scheck),
    Hint(Hint),
    /// `watch …`, passed on to the watcher.
    Watch(Vec<OsString>),
    Inspect(Inspect),
    Status(Status),
    /// `catch-up …`, `reset …`, `borrow …`, `repay …`, `diff …` and `update`, verb included, passed on to the desk.
    Desk(Vec<OsString>),
    /// `book …`, passed on to the book's own builder.
    Book(Vec<OsString>),
    /// `starter …` and `stages …`, verb included, passed on to the generator.
    Staging(Vec<OsString>),
    /// `torture …`, passed on to the trials.
    Torture(Vec<OsString>),
    /// `grade …` and `gradescope-zip …` (verb included), passed on to the grader of submissions.
    Grade(Vec<OsString>),
    /// `bugs …`, passed on to the bug zoo.
    Bugs(Vec<OsString>),
    /// `mutants …`, passed on to the same package.
    Mutants(Vec<OsString>),
    /// `bench …`, passed on to the benchmark.
    Bench(Vec<OsString>),
    Ci(Ci),
}

/// `scheck [--solution] [--day N] [--task K] [--repeat R] [--seed S] [--plain] [--problems] [--watch]`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scheck {
    pub solution: bool,
    pub ask: Ask,
    pub plain: bool,
    /// A line for each failure, for editors.
    pub problems: bool,
    pub watch: bool,
}

/// `hint [TEST] [--day N --task K] [--all] [--plain]`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// A test's name, or a part of it.
    pub test: Option<String>,
    /// Day and task, whose first failing test is meant.
    pub task: Option<(u32, u32)>,
    pub all: bool,
    pub plain: bool,
}

/// `inspect [--all] FILE`
#[derive(Debug, PartialEq, Eq)]
pub struct Inspect {
    pub file: PathBuf,
    /// Every entry and record, however many there are.
    pub all: bool,
}

/// `status [--all]`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The stubs of every day by name, not only of the day at hand.
    pub all: bool,
}

/// `ci [--list] [--only STEP]`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ci {
    pub list: bool,
    pub only: Option<String>,
}

const VERBS: &[&str] = &[
    "scheck",
    "hint",
    "watch",
    "status",
    "catch-up",
    "reset",
    "borrow",
    "repay",
    "diff",
    "update",
    "inspect",
    "grade",
    "gradescope-zip",
    "book",
    "starter",
    "stages",
    "bugs",
    "mutants",
    "torture",
    "bench",
    "ci",
    "help",
];

/// Reads the arguments that stand after `cargo x`.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Mistake> {
    let mut args = args.into_iter();
    let Some(verb) = args.next() else {
        return Ok(Command::Help);
    };
    let verb = verb.to_string_lossy().into_owned();
    let rest: Vec<OsString> = args.collect();
    match verb.as_str() {
        "help" | "-h" | "--help" => Ok(Command::Help),
        "scheck" => scheck(rest),
        "hint" => hint(rest),
        "watch" => Ok(Command::Watch(rest)),
        "inspect" => inspect(rest),
        "status" => status(rest),
        "catch-up" | "reset" | "borrow" | "repay" | "diff" | "update" => {
            Ok(Command::Desk([vec![verb.into()], rest].concat()))
        }
        "book" => Ok(Command::Book(rest)),
        "starter" | "stages" => Ok(Command::Staging([vec![verb.into()], rest].concat())),
        "grade" => Ok(Command::Grade(rest)),
        "gradescope-zip" => Ok(Command::Grade([vec![verb.into()], rest].concat())),
        "bugs" => Ok(Command::Bugs(rest)),
        "mutants" => Ok(Command::Mutants(rest)),
        "torture" => Ok(Command::Torture(rest)),
        "bench" => Ok(Command::Bench(rest)),
        "ci" => ci(rest),
        _ => Err(unknown("command", &verb, VERBS, "cargo x help")),
    }
}

fn scheck(args: Vec<OsString>) -> Result<Command, Mistake> {
    const FLAGS: &[&str] = &[
        "--solution",
        "--day",
        "--task",
        "--repeat",
        "--seed",
        "--plain",
        "--problems",
        "--watch",
        "--tests-of-tests",
        "--help",
    ];
    let mut asked = Scheck::default();
    let ask = &mut asked.ask;
    let mut tests_of_tests = false;
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("solution") => asked.solution = true,
            Arg::Long("day") => ask.day = Some(number(&mut parser, "--day")?),
            Arg::Long("task") => ask.task = Some(number(&mut parser, "--task")?),
            Arg::Long("repeat") => ask.repeat = Some(number(&mut parser, "--repeat")?),
            Arg::Long("seed") => ask.seed = Some(number(&mut parser, "--seed")?.into()),
            Arg::Long("plain") => asked.plain = true,
            Arg::Long("problems") => asked.problems = true,
            Arg::Long("watch") => asked.watch = true,
            Arg::Long("tests-of-tests") => tests_of_tests = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            other => return Err(unexpected("scheck", &other, FLAGS)),
        }
    }
    if tests_of_tests {
        return own_tests(&asked);
    }
    task_within_day(asked.ask.day, asked.ask.task)?;
    match &asked {
        Scheck {
            ask:
                Ask {
                    seed: Some(_),
                    repeat: None,
                    ..
                },
            ..
        } => Err(Mistake(
            "--seed S goes with --repeat R: it is the seed of the first of the R runs".into(),
        )),
        Scheck {
            ask: Ask {
                repeat: Some(0 | 1),
                ..
            },
            ..
        } => Err(Mistake(
            "--repeat needs 2 or more, as in `--repeat 20`".into(),
        )),
        Scheck {
            watch: true,
            solution,
            ask,
            problems,
            ..
        } if *solution || *problems || *ask != Ask::default() => Err(Mistake(
            "--watch takes no flag but --plain: what was saved says which part is graded".into(),
        )),
        _ => Ok(Command::Scheck(asked)),
    }
}

fn task_within_day(day: Option<u32>, task: Option<u32>) -> Result<(), Mistake> {
    match (day, task) {
        (None, Some(_)) => Err(Mistake(
            "--task K goes with --day N: the tasks are numbered within their day".into(),
        )),
        _ => Ok(()),
    }
}

fn hint(args: Vec<OsString>) -> Result<Command, Mistake> {
    const FLAGS: &[&str] = &["--day", "--task", "--all", "--plain", "--help"];
    let mut asked = Hint::default();
    let (mut day, mut task) = (None, None);
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("day") => day = Some(number(&mut parser, "--day")?),
            Arg::Long("task") => task = Some(number(&mut parser, "--task")?),
            Arg::Long("all") => asked.all = true,
            Arg::Long("plain") => asked.plain = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Value(test) if asked.test.is_none() => asked.test = Some(test.string()?),
            other => return Err(unexpected("hint", &other, FLAGS)),
        }
    }
    task_within_day(day, task)?;
    asked.task = day.zip(task);
    match asked {
        Hint { task: None, .. } if day.is_some() => Err(Mistake(
            "hint takes a task of a day, as in `cargo x hint --day 1 --task 2`, or a test, or nothing".into(),
        )),
        Hint { test: Some(_), task: Some(_), .. } => {
            Err(Mistake("hint takes a test or a task, not both".into()))
        }
        asked => Ok(Command::Hint(asked)),
    }
}

/// `scheck --tests-of-tests [--day N]`: the learner's own tests over the bug zoo.
fn own_tests(asked: &Scheck) -> Result<Command, Mistake> {
    let day = asked.ask.day;
    let alone = Scheck {
        ask: Ask {
            day,
            ..Ask::default()
        },
        ..Scheck::default()
    };
    if *asked != alone {
        return Err(Mistake(
            "--tests-of-tests goes with --day N alone: it runs your own tests over the bugs of a day"
                .into(),
        ));
    }
    let mut args = vec!["--yours".to_string()];
    args.extend(day.iter().map(|day| format!("--day={day}")));
    Ok(Command::Bugs(
        args.into_iter().map(OsString::from).collect(),
    ))
}

fn inspect(args: Vec<OsString>) -> Result<Command, Mistake> {
    const FLAGS: &[&str] = &["--all", "--help"];
    let mut files = Vec::new();
    let mut all = false;
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("all") => all = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Value(file) => files.push(PathBuf::from(file)),
            other => return Err(unexpected("inspect", &other, FLAGS)),
        }
    }
    match <[PathBuf; 1]>::try_from(files) {
        Ok([file]) => Ok(Command::Inspect(Inspect { file, all })),
        Err(_) => Err(Mistake(
            "inspect takes one file, as in `cargo x inspect DIR/000007.sst`".into(),
        )),
    }
}

fn status(args: Vec<OsString>) -> Result<Command, Mistake> {
    const FLAGS: &[&str] = &["--all", "--help"];
    let mut ask = Status::default();
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("all") => ask.all = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            other => return Err(unexpected("status", &other, FLAGS)),
        }
    }
    Ok(Command::Status(ask))
}

fn ci(args: Vec<OsString>) -> Result<Command, Mistake> {
    const FLAGS: &[&str] = &["--list", "--only", "--help"];
    let mut ask = Ci::default();
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("list") => ask.list = true,
            Arg::Long("only") => ask.only = Some(parser.value()?.string()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            other => return Err(unexpected("ci", &other, FLAGS)),
        }
    }
    Ok(Command::Ci(ask))
}

fn number(parser: &mut Parser, flag: &str) -> Result<u32, Mistake> {
    let value = parser
        .value()
        .map_err(|_| Mistake(format!("{flag} needs a number, as in `{flag} 1`")))?;
    let text = value.to_string_lossy();
    text.parse()
        .map_err(|_| Mistake(format!("{flag} needs a number, not `{text}`")))
}

fn unexpected(verb: &str, arg: &Arg<'_>, flags: &[&str]) -> Mistake {
    let (kind, text) = match arg {
        Arg::Long(name) => ("flag", format!("--{name}")),
        Arg::Short(letter) => ("flag", format!("-{letter}")),
        Arg::Value(value) => ("argument", value.to_string_lossy().into_owned()),
    };
    unknown(
        &format!("{kind} of `cargo x {verb}`"),
        &text,
        flags,
        "cargo x help",
    )
}

pub const HELP: &str = "\
cargo x: the tools of Mini-LSM

for learners
  scheck [--day N] [--task K]      grade mini-lsm-starter: the board of the days, and the first failure explained
      --repeat R [--seed S]        run the tests in which threads race R times, each with another seed
      --plain                      words and single lines, for screen readers (also for hint and watch)
      --problems                   a line for each failure as well, for editors
  hint [TEST | --day N --task K]   one more hint for the first failing test, or for another; --all for all of them
  watch                            grade again whenever a file is saved (also `scheck --watch`)
  status [--all]                   what is left to be written, what is borrowed, the next step
  catch-up --day N                 make days 1 to N the reference's; later work stays where it compiles
  reset [--day N] [--to FOLDER]    stubs again: all, or those of day N; or what was kept in FOLDER
  borrow Type::function            the reference's body of one function, marked as borrowed
  repay [Type::function]           what was borrowed becomes a stub again
  diff [--day N] [FUNCTION|FILE]   your code beside the reference's, function by function; `diff --help` has the rest
  update                           bring a newer edition of the course into your starter
                                   (each of these keeps your work first, and says how to get it back)
  scheck --tests-of-tests          your own tests, over bugs that are planted in a sound engine
  inspect [--all] FILE             names on the bytes of a block, table, log or manifest, and what is damaged
  book [build|serve|check]         build the book, serve it, or try all that can be tried
  bench [--engines A,B] [--quick]  the engine beside its peers; `bench --help` has the rest

for instructors
  scheck --solution [--day N]      grade the reference, mini-lsm
  grade DIR... [--json F] [...]    grade submissions, folders or archives, each test isolated; `grade --help` has the rest
  gradescope-zip [--out F]         the course as an autograder for Gradescope

for maintainers
  starter [--check] [--force]      derive mini-lsm-starter from mini-lsm, or check that it is up to date
  stages                           prove that every stage of the course holds what it promises
  bugs [--all] [--day N] [NAME]    plant classic mistakes in the reference, and see that the tests catch them
  mutants [--day N] [--list]       cargo-mutants over the reference, each mutant under the tests of its day
  torture [TRIAL] [--hours H]      crashes, kills, faults, bad bytes and many threads, on the reference
  ci [--list] [--only STEP]        everything that a change has to pass

Exit codes: 0 all that was asked for passes, 1 it does not yet, 2 the command could not be carried out.
";
