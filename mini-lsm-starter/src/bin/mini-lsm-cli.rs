//! The command-line tool: a store to play with, by hand, from a script, or verb by verb.
//!
//! | file        | what is in it                                                        |
//! |-------------|----------------------------------------------------------------------|
//! | `verbs`     | what can be asked, as `clap` reads it, and the doing of it           |
//! | `session`   | a line at a time, from a terminal or a pipe                          |
//! | `words`     | keys and values as they are typed and shown                          |
//! | `stats`     | the drawing of memtables and levels                                  |
//! | `check`     | what a check of a whole store has found                              |
//! | `files`     | one block or one table, built from arguments                         |
//! | `trouble`   | what can go wrong, as one line and an exit code; panics among it     |
//!
//! Answers go to stdout and everything else to stderr, so that a script gets what it asked for and nothing more.

#[path = "cli/check.rs"]
mod check;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/session.rs"]
mod session;
#[path = "cli/stats.rs"]
mod stats;
#[path = "cli/trouble.rs"]
mod trouble;
#[path = "cli/verbs.rs"]
mod verbs;
#[path = "cli/words.rs"]
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use mini_lsm_starter::{LsmOptions, LsmStorage};

use crate::trouble::{Trouble, guarded};
use crate::verbs::Verb;

/// A small LSM-tree key-value store, from the command line.
///
/// Without a verb it reads verbs from the terminal, or from a pipe.
#[derive(Parser)]
#[command(name = env!("CARGO_BIN_NAME"), after_help = AFTER_HELP)]
struct Cli {
    /// The directory of the store; without it a temporary one, which is removed at the end
    #[arg(long, value_name = "DIR", global = true)]
    path: Option<PathBuf>,

    /// Small memtables, tables and levels: a few thousand keys show what otherwise takes millions
    #[arg(long, global = true)]
    small: bool,

    #[command(subcommand)]
    verb: Option<Verb>,
}

const AFTER_HELP: &str = r#"Keys and values are words. Other bytes are written as escapes: \xNN, \n, \r, \t, \", \', \\.
In a session, quotes keep a word with spaces together: put greeting "hello there".
What is not printable is shown with the same escapes.

Exit codes: 0 all went well; 1 get found no value; 2 an error, which is told on stderr;
3 a part of the engine is still to be written; 101 the engine panicked.
A session that is piped in goes on after an error, and ends with the greatest code of its lines."#;

fn main() -> ExitCode {
    trouble::record_panics();
    match run(Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(trouble) => {
            trouble.tell("");
            ExitCode::from(trouble.code())
        }
    }
}

/// The exit code of a session, which has told its troubles itself.
fn run(cli: Cli) -> Result<u8, Trouble> {
    if let Some(verb) = &cli.verb
        && !verb.needs_store()
    {
        let outcome = guarded(|| verb.run_without_store(&mut std::io::stdout().lock()));
        return outcome.map(|()| 0);
    }
    let place = Place::new(cli.path)?;
    let store = guarded(|| open(place.path(), cli.small))?;
    let outcome = match &cli.verb {
        Some(verb) => guarded(|| verb.run(&store, &mut std::io::stdout().lock())).map(|()| 0),
        None => session::run(&store, place.path()),
    };
    // Also after an error: what was put before it is to survive more than the end of this process.
    let closed = close(&store);
    match outcome {
        Ok(code) => closed.map(|()| code),
        Err(Trouble::NobodyListens) => closed.map(|()| 0),
        Err(trouble) => Err(trouble),
    }
}

/// Where the store lives.
enum Place {
    Told(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Place {
    fn new(told: Option<PathBuf>) -> Result<Self, Trouble> {
        if let Some(path) = told {
            return Ok(Self::Told(path));
        }
        let dir = tempfile::Builder::new().prefix("mini-lsm-").tempdir();
        let dir = dir.map_err(|error| {
            Trouble::Error(format!("cannot create a temporary directory: {error}"))
        })?;
        let path = dir.path().display();
        // Not `eprintln!`, here and elsewhere: it panics when nobody reads stderr.
        let note = "note: no --path, so the store lives in";
        let _ = writeln!(std::io::stderr(), "{note} {path} and is removed at the end");
        Ok(Self::Temporary(dir))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Told(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

fn open(path: &Path, is_small: bool) -> Result<LsmStorage, Trouble> {
    let defaults = LsmOptions::default();
    let options = match is_small {
        false => defaults,
        true => LsmOptions {
            memtable_size: 64 << 10,
            table_size: 64 << 10,
            level_base_size: 256 << 10,
            level_size_multiplier: 4,
            block_cache_size: 1 << 20,
            ..defaults
        },
    };
    let store = LsmStorage::open(path, options).map_err(|error| match error.is_corruption() {
        true => Trouble::Error(format!("{error}; `check` tells all that is wrong")),
        false => error.into(),
    })?;
    for tail in store.metrics().recovery.lost_tails {
        let (file, len, offset) = (tail.file.display(), tail.len, tail.offset);
        let _ = writeln!(
            std::io::stderr(),
            "note: {file} ends at byte {offset}; {len} bytes behind that were never synced, and are lost"
        );
    }
    Ok(store)
}

/// A store that cannot be closed yet, because that is work of a later day, has nothing to lose either.
fn close(store: &LsmStorage) -> Result<(), Trouble> {
    match guarded(|| Ok(store.close()?)) {
        Err(Trouble::Unwritten(_)) => Ok(()),
        outcome => outcome,
    }
}
