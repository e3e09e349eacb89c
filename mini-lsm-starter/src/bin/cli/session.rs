//! A session: a line at a time, from a terminal with prompt and history, or from a pipe with neither.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use mini_lsm_starter::LsmStorage;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::trouble::{Trouble, guarded};
use crate::verbs::Verb;
use crate::words::split;

// Not a doc comment: that would be the first line of `help`.
// A line, as `clap` reads it.
#[derive(Parser)]
#[command(
    multicall = true,
    about = "One verb a line. Quotes keep a word with spaces together; \\xNN is a byte.",
    subcommand_value_name = "VERB",
    subcommand_help_heading = "Verbs"
)]
struct Line {
    #[command(subcommand)]
    verb: LineVerb,
}

#[derive(Subcommand)]
enum LineVerb {
    #[command(flatten)]
    Verb(Verb),
    /// Close the store and end (as the end of the input does)
    #[command(alias = "exit")]
    Quit,
}

/// Whether a session goes on.
enum Next {
    GoOn,
    End,
}

/// Does what the lines say until `quit` or their end. Gives the worst exit code of them; 0 on a terminal, where somebody has read what happened.
pub fn run(store: &LsmStorage, path: &Path) -> Result<u8, Trouble> {
    match io::stdin().is_terminal() && io::stdout().is_terminal() {
        true => on_terminal(store, path),
        false => from_pipe(store),
    }
}

fn on_terminal(store: &LsmStorage, path: &Path) -> Result<u8, Trouble> {
    let mut out = io::stdout();
    writeln!(
        out,
        "a store in {}; `help` shows the verbs, `quit` or Ctrl-D ends",
        path.display()
    )?;
    let failed = |error: ReadlineError| Trouble::Error(format!("cannot read a line: {error}"));
    let mut editor = DefaultEditor::new().map_err(failed)?;
    loop {
        let line = match editor.readline("> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(0),
            Err(error) => return Err(failed(error)),
        };
        if !line.trim().is_empty() {
            editor.add_history_entry(&line).map_err(failed)?;
        }
        match do_line(store, &line, &mut out) {
            Ok(Next::GoOn) => {}
            Ok(Next::End) => return Ok(0),
            Err(Trouble::NobodyListens) => return Err(Trouble::NobodyListens),
            Err(trouble) => trouble.tell(""),
        }
    }
}

fn from_pipe(store: &LsmStorage) -> Result<u8, Trouble> {
    let mut input = io::stdin().lock();
    let mut out = io::stdout().lock();
    let mut worst = 0;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let outcome = match std::str::from_utf8(&line) {
            Ok(line) => do_line(store, line, &mut out),
            Err(_) => Err(Trouble::Error(
                "not UTF-8; other bytes are written as \\xNN".to_owned(),
            )),
        };
        match outcome {
            Ok(Next::GoOn) => {}
            Ok(Next::End) => break,
            Err(Trouble::NobodyListens) => return Err(Trouble::NobodyListens),
            Err(trouble) => {
                trouble.tell(&format!("line {number}: "));
                worst = worst.max(trouble.code());
            }
        }
    }
    Ok(worst)
}

fn do_line(store: &LsmStorage, line: &str, out: &mut dyn Write) -> Result<Next, Trouble> {
    let mut words = split(line).map_err(Trouble::Error)?;
    let Some(verb) = words.first().filter(|word| !word.starts_with('#')) else {
        return Ok(Next::GoOn);
    };
    // A key or a value may begin with a dash.
    if matches!(verb.as_str(), "put" | "get" | "del" | "scan") {
        words.insert(1, "--".to_owned());
    }
    match Line::try_parse_from(words) {
        Ok(line) => match line.verb {
            LineVerb::Quit => Ok(Next::End),
            LineVerb::Verb(verb) => guarded(|| verb.run(store, out)).map(|()| Next::GoOn),
        },
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            write!(out, "{error}")?;
            Ok(Next::GoOn)
        }
        Err(error) => Err(Trouble::Error(in_one_line(&error.to_string()))),
    }
}

/// What `clap` has to say, without the usage and the tips that it puts behind an empty line.
fn in_one_line(text: &str) -> String {
    let words = text
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .flat_map(str::split_whitespace);
    let text = words.collect::<Vec<_>>().join(" ");
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    format!("{text} (`help` shows the verbs)")
}
