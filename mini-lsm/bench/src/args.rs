//! The command line of `cargo x bench`.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use lexopt::{Arg, Parser, ValueExt};

use crate::engines::Name;
use crate::workloads::{self, Workload};

#[derive(Debug)]
pub enum Command {
    Help,
    List,
    Bench(Ask),
    /// A report from the JSON file of an earlier run.
    From {
        record: PathBuf,
        output: Output,
    },
    /// A task, as JSON: this process is a child.
    Child(String),
}

#[derive(Debug)]
pub struct Ask {
    pub n: u64,
    pub rounds: u32,
    pub engines: Vec<Name>,
    pub workloads: Vec<&'static Workload>,
    pub quick: bool,
    /// Where a temporary directory for the stores is made.
    pub dir: PathBuf,
    pub output: Output,
}

/// Where the report goes beside stdout.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub json: Option<PathBuf>,
    pub svg: Option<PathBuf>,
    pub markdown: Option<PathBuf>,
}

/// The verb of a child.
pub const CHILD: &str = "child";

const DEFAULT_N: u64 = 1_000_000;
const DEFAULT_ROUNDS: u32 = 5;
const QUICK_N: u64 = 10_000;
/// Below it a percent of the data is no cache, and there are too few writes for sixteen writers.
const LEAST_N: u64 = 2_000;

/// Reads what stands after `cargo x bench`.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let mut typed = Typed::default();
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("n") => typed.n = Some(number(&mut parser, "--n")?),
            Arg::Long("rounds") => typed.rounds = Some(number(&mut parser, "--rounds")?),
            Arg::Long("engines") => typed.engines = Some(words(&mut parser)?),
            Arg::Long("workloads") => typed.workloads = Some(words(&mut parser)?),
            Arg::Long("quick") => typed.quick = true,
            Arg::Long("dir") => typed.dir = Some(parser.value()?.into()),
            Arg::Long("json") => typed.output.json = Some(parser.value()?.into()),
            Arg::Long("svg") => typed.output.svg = Some(parser.value()?.into()),
            Arg::Long("markdown") => typed.output.markdown = Some(parser.value()?.into()),
            Arg::Long("from") => typed.from = Some(parser.value()?.into()),
            Arg::Long("list") => return Ok(Command::List),
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Value(verb) if verb == CHILD => {
                return Ok(Command::Child(parser.value()?.string()?));
            }
            other => bail!("{} (see `cargo x bench --help`)", other.unexpected()),
        }
    }
    typed.command()
}

#[derive(Default)]
struct Typed {
    n: Option<u64>,
    rounds: Option<u64>,
    engines: Option<Vec<String>>,
    workloads: Option<Vec<String>>,
    quick: bool,
    dir: Option<PathBuf>,
    from: Option<PathBuf>,
    output: Output,
}

impl Typed {
    fn command(self) -> Result<Command> {
        if let Some(record) = self.from {
            let output = self.output;
            return Ok(Command::From { record, output });
        }
        let (n, rounds) = match self.quick {
            true => (QUICK_N, 1),
            false => (DEFAULT_N, DEFAULT_ROUNDS),
        };
        let n = self.n.unwrap_or(n);
        if !(LEAST_N..=u64::from(u32::MAX) / 4).contains(&n) {
            bail!("--n must be at least {LEAST_N}, and at most a billion");
        }
        let rounds = u32::try_from(self.rounds.unwrap_or(rounds.into()))?;
        if rounds == 0 {
            bail!("--rounds must be at least 1");
        }
        Ok(Command::Bench(Ask {
            n,
            rounds,
            engines: engines(self.engines.as_deref())?,
            workloads: chosen(self.workloads.as_deref())?,
            quick: self.quick,
            dir: match self.dir {
                Some(dir) => dir,
                None => default_dir()?,
            },
            output: self.output,
        }))
    }
}

/// Those that were asked for, or all: ours is always among them, since all ratios are to it.
fn engines(words: Option<&[String]>) -> Result<Vec<Name>> {
    let Some(words) = words else {
        return Ok(Name::ALL.to_vec());
    };
    let mut engines = vec![Name::Ours];
    for word in words {
        let name = Name::parse(word).with_context(|| {
            let known = Name::ALL.map(Name::word).join(", ");
            format!("no such engine: `{word}`; there are {known}")
        })?;
        engines.push(name);
    }
    engines.sort_unstable();
    engines.dedup();
    Ok(engines)
}

/// In the order of the list. A word takes all workloads that begin with it.
fn chosen(words: Option<&[String]>) -> Result<Vec<&'static Workload>> {
    let Some(words) = words else {
        return Ok(workloads::ALL.iter().collect());
    };
    for word in words {
        if !workloads::ALL.iter().any(|workload| takes(word, workload)) {
            bail!("no such workload: `{word}` (`cargo x bench --list` shows them)");
        }
    }
    let chosen = workloads::ALL.iter();
    Ok(chosen
        .filter(|workload| words.iter().any(|word| takes(word, workload)))
        .collect())
}

fn takes(word: &str, workload: &Workload) -> bool {
    match Workload::find(word) {
        Some(exact) => exact.name == workload.name,
        None => workload.name.starts_with(word),
    }
}

/// Beside the program: in the build directory, and so on the disk of the repository. The system's own place for
/// temporary files is in memory on many machines.
fn default_dir() -> Result<PathBuf> {
    let program = std::env::current_exe().context("where is this program?")?;
    let target = program
        .ancestors()
        .nth(2)
        .context("this program stands in no directory")?;
    Ok(target.join("bench-data"))
}

fn words(parser: &mut Parser) -> Result<Vec<String>> {
    let list = parser.value()?.string()?;
    let words = list
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty());
    Ok(words.map(str::to_owned).collect())
}

/// A number; `_` may stand between its digits, and `k` or `M` after them.
fn number(parser: &mut Parser, flag: &str) -> Result<u64> {
    let text = parser
        .value()
        .with_context(|| format!("{flag} needs a number"))?
        .string()?;
    let plain = text.replace('_', "");
    let (digits, unit) = match plain.strip_suffix(['k', 'M']) {
        Some(digits) if plain.ends_with('k') => (digits, 1_000),
        Some(digits) => (digits, 1_000_000),
        None => (plain.as_str(), 1),
    };
    let number = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit));
    number.with_context(|| format!("{flag} needs a number, not `{text}`"))
}

pub const HELP: &str = "\
cargo x bench: the engine beside its peers, on the same work, with the same settings, in one run

  --n N              how many keys and operations (1M; quick: 10k); 200_000 and 200k are the same
  --rounds R         how often each engine has its turn (5; quick: 1)
  --engines A,B      only these, and ours; others are not even built
  --workloads A,B    only these; `fill` takes all that begin so
  --quick            two minutes in all: proves that everything runs, and no figure
  --list             the engines and the workloads
  --json FILE        every run and the summary
  --svg FILE         the picture
  --markdown FILE    the tables, for a page
  --from FILE        no run: the report of an earlier run's JSON file
  --dir DIR          where the stores are, for the time of the run (default: in the build directory)
  --micro [FILTER]   the micro-benchmarks of the engine's parts instead

RocksDB is built from source (10 minutes or more, once): it needs a C++ compiler and libclang. LevelDB is the system's
(Debian: libleveldb-dev).
Exit codes: 0 everything ran and every read was right, 1 something did not, 2 the command could not be carried out.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let args = line.split_whitespace().map(OsString::from);
        parse(args).map_err(|error| format!("{error:#}"))
    }

    fn asked(line: &str) -> Ask {
        match parsed(line) {
            Ok(Command::Bench(ask)) => ask,
            other => panic!("{line} gave {other:?}"),
        }
    }

    fn names(ask: &Ask) -> Vec<&str> {
        ask.workloads.iter().map(|workload| workload.name).collect()
    }

    #[test]
    fn without_a_word_everything_is_run() {
        let ask = asked("");
        assert_eq!((ask.n, ask.rounds, ask.quick), (1_000_000, 5, false));
        assert_eq!(ask.engines, Name::ALL);
        assert_eq!(ask.workloads.len(), workloads::ALL.len());
    }

    #[test]
    fn quick_is_small_unless_told_otherwise() {
        let ask = asked("--quick");
        assert_eq!((ask.n, ask.rounds, ask.quick), (10_000, 1, true));
        let ask = asked("--quick --n 20_000 --rounds 2");
        assert_eq!((ask.n, ask.rounds), (20_000, 2));
        assert_eq!(asked("--n 10M").n, 10_000_000);
    }

    #[test]
    fn ours_is_always_among_the_engines() {
        assert_eq!(
            asked("--engines redb,rocksdb,redb").engines,
            [Name::Ours, Name::RocksDb, Name::Redb]
        );
    }

    #[test]
    fn a_workload_is_taken_by_its_name_or_its_beginning() {
        assert_eq!(names(&asked("--workloads readseq")), ["readseq"]);
        let synced = ["fillsync1", "fillsync4", "fillsync16"];
        assert_eq!(names(&asked("--workloads fillsync")), synced);
        assert_eq!(names(&asked("--workloads fillsync1")), ["fillsync1"]);
        assert_eq!(
            names(&asked("--workloads ycsb-a,fillseq")),
            ["fillseq", "ycsb-a"]
        );
    }

    #[test]
    fn a_report_can_be_made_again() {
        let Ok(Command::From { record, output }) = parsed("--from a.json --svg b.svg") else {
            panic!("--from is a command of its own");
        };
        assert_eq!(record, PathBuf::from("a.json"));
        assert_eq!(output.svg, Some("b.svg".into()));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            ("--n x", "--n needs a number, not `x`"),
            ("--n 5", "at least 2000"),
            ("--n 99999999999", "at most"),
            ("--rounds 0", "at least 1"),
            ("--engines rockdb", "no such engine: `rockdb`"),
            ("--workloads write", "no such workload: `write`"),
            ("--wat", "--wat"),
            ("word", "word"),
        ] {
            let message = parsed(line).unwrap_err();
            assert!(message.contains(part), "{line}: {message}");
        }
    }
}
