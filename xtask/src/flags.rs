//! Every command of `cargo x` and its flags.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Scheck(Scheck),
    Inspect(Inspect),
    /// `book …`, passed on to the book's own builder.
    Book(Vec<OsString>),
    /// `starter …` and `stages …`, verb included, passed on to the generator.
    Staging(Vec<OsString>),
    /// `torture …`, passed on to the trials.
    Torture(Vec<OsString>),
    /// `bench …`, passed on to the benchmark.
    Bench(Vec<OsString>),
    Ci(Ci),
}

/// `scheck [--solution] [--day N] [--task K]`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scheck {
    pub solution: bool,
    pub day: Option<u32>,
    pub task: Option<u32>,
}

/// `inspect [--all] FILE`
#[derive(Debug, PartialEq, Eq)]
pub struct Inspect {
    pub file: PathBuf,
    /// Every entry and record, however many there are.
    pub all: bool,
}

/// `ci [--list] [--only STEP]`
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ci {
    pub list: bool,
    pub only: Option<String>,
}

/// What was typed makes no command: one line, and where to look.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake(String);

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<lexopt::Error> for Mistake {
    fn from(error: lexopt::Error) -> Self {
        Mistake(format!("{error} (see `cargo x help`)"))
    }
}

const VERBS: &[&str] = &[
    "scheck", "inspect", "book", "starter", "stages", "torture", "bench", "ci", "help",
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
        "inspect" => inspect(rest),
        "book" => Ok(Command::Book(rest)),
        "starter" | "stages" => Ok(Command::Staging([vec![verb.into()], rest].concat())),
        "torture" => Ok(Command::Torture(rest)),
        "bench" => Ok(Command::Bench(rest)),
        "ci" => ci(rest),
        _ => Err(unknown("command", &verb, VERBS, "cargo x help")),
    }
}

fn scheck(args: Vec<OsString>) -> Result<Command, Mistake> {
    const FLAGS: &[&str] = &["--solution", "--day", "--task", "--help"];
    let mut ask = Scheck::default();
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("solution") => ask.solution = true,
            Arg::Long("day") => ask.day = Some(number(&mut parser, "--day")?),
            Arg::Long("task") => ask.task = Some(number(&mut parser, "--task")?),
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            other => return Err(unexpected("scheck", &other, FLAGS)),
        }
    }
    if ask.task.is_some() && ask.day.is_none() {
        return Err(Mistake(
            "--task K goes with --day N: the tasks are numbered within their day".into(),
        ));
    }
    Ok(Command::Scheck(ask))
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

/// `no such <what>: <typed>; did you mean …?`, or where the list stands when nothing is near.
pub(crate) fn unknown(what: &str, typed: &str, known: &[&str], list: &str) -> Mistake {
    let near = known
        .iter()
        .map(|word| (distance(typed, word), word))
        .min()
        .filter(|(steps, word)| *steps <= word.len().div_ceil(3));
    Mistake(match near {
        Some((_, word)) => format!("no such {what}: `{typed}`; did you mean `{word}`?"),
        None => format!("no such {what}: `{typed}`; `{list}` lists them"),
    })
}

/// How many letters have to be typed, dropped or changed to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let changed = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

pub const HELP: &str = "\
cargo x: the tools of Mini-LSM

for learners
  scheck [--day N] [--task K]      grade mini-lsm-starter: the board of the days, and the first failure explained
  inspect [--all] FILE             names on the bytes of a block, table, log or manifest, and what is damaged
  book [build|serve]               build the book, or serve it
  bench [--engines A,B] [--quick]  the engine beside its peers; `bench --help` has the rest

for instructors
  scheck --solution [--day N]      grade the reference, mini-lsm

for maintainers
  starter [--check] [--force]      derive mini-lsm-starter from mini-lsm, or check that it is up to date
  stages                           prove that every stage of the course holds what it promises
  torture [TRIAL] [--hours H]      crashes, kills, faults, bad bytes and many threads, on the reference
  ci [--list] [--only STEP]        everything that a change has to pass

Exit codes: 0 all that was asked for passes, 1 it does not yet, 2 the command could not be carried out.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|mistake| mistake.to_string())
    }

    #[test]
    fn commands_and_flags_are_read() {
        assert_eq!(parsed(""), Ok(Command::Help));
        let ask = Scheck {
            solution: true,
            day: Some(3),
            task: Some(2),
        };
        assert_eq!(
            parsed("scheck --solution --day 3 --task=2"),
            Ok(Command::Scheck(ask))
        );
        let ask = Inspect {
            file: "a/000007.sst".into(),
            all: true,
        };
        assert_eq!(
            parsed("inspect a/000007.sst --all"),
            Ok(Command::Inspect(ask))
        );
        let args = ["starter", "--check"].map(OsString::from).to_vec();
        assert_eq!(parsed("starter --check"), Ok(Command::Staging(args)));
    }

    #[test]
    fn a_mistake_gets_one_line_and_the_nearest_word() {
        for (line, message) in [
            (
                "shceck",
                "no such command: `shceck`; did you mean `scheck`?",
            ),
            ("zzz", "no such command: `zzz`; `cargo x help` lists them"),
            (
                "scheck --dya 1",
                "no such flag of `cargo x scheck`: `--dya`; did you mean `--day`?",
            ),
            ("scheck --day one", "--day needs a number, not `one`"),
            ("scheck --day", "--day needs a number, as in `--day 1`"),
            (
                "inspect --al x",
                "no such flag of `cargo x inspect`: `--al`; did you mean `--all`?",
            ),
            (
                "inspect a b",
                "inspect takes one file, as in `cargo x inspect DIR/000007.sst`",
            ),
            (
                "inspect",
                "inspect takes one file, as in `cargo x inspect DIR/000007.sst`",
            ),
            (
                "scheck --task 1",
                "--task K goes with --day N: the tasks are numbered within their day",
            ),
        ] {
            assert_eq!(parsed(line), Err(message.to_string()), "{line}");
        }
    }
}
