//! The two programs of a console, and how a session with one of them is told apart into lines and answers.

use std::cell::OnceCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::{Answer, Ask};
use crate::expand::directive;

const ENGINE: &str = "cargo run -q --bin mini-lsm-cli";
const X: &str = "cargo x ";
/// Typed behind each line of a session: what it prints tells where the answer to that line ends. It looks at no store.
const MARK: &str = "help";
/// A session in which `get` found no value ends with this.
const NO_VALUE: i32 = 1;

/// The two programs, built when the first command asks.
pub struct Console {
    root: PathBuf,
    programs: OnceCell<Result<Programs, String>>,
}

struct Programs {
    engine: PathBuf,
    x: PathBuf,
    /// What [`MARK`] prints.
    mark: String,
}

/// The folder of a page.
#[derive(Default)]
pub struct Room(Option<TempDir>);

impl Console {
    pub fn new(root: &Path) -> Console {
        Console {
            root: root.to_path_buf(),
            programs: OnceCell::new(),
        }
    }

    pub(super) fn answer(&self, room: &mut Room, ask: &Ask) -> Result<Answer> {
        let built = || Programs::build(&self.root).map_err(|error| format!("{error:#}"));
        let programs = match self.programs.get_or_init(built) {
            Ok(programs) => programs,
            Err(error) => bail!("{error}"),
        };
        let command = ask.command.as_str();
        let (program, args) = match (command.strip_prefix(ENGINE), command.strip_prefix(X)) {
            (Some(args), _) => (
                &programs.engine,
                args.trim_start().strip_prefix("--").unwrap_or_default(),
            ),
            (None, Some(args)) => (&programs.x, args),
            (None, None) => {
                bail!("a console of the book runs `{ENGINE} -- …` and `{X}…`, not `{command}`")
            }
        };
        let args = directive::words(args).map_err(anyhow::Error::msg)?;
        let mut command = Command::new(program);
        command.args(args).current_dir(room.make()?);
        command
            .env("NO_COLOR", "1")
            .env("CARGO_MANIFEST_DIR", self.root.join("xtask"));
        let lines: Vec<&str> = ask
            .typed
            .iter()
            .flat_map(|line| [line.as_str(), MARK])
            .collect();
        let output = run(&mut command, &lines)?;
        let is_session = !ask.typed.is_empty();
        let is_success =
            output.status.success() || (is_session && output.status.code() == Some(NO_VALUE));
        let [out, err] = [output.stdout, output.stderr].map(|bytes| plain(&bytes));
        let text = match is_session {
            true => session(&ask.typed, &out, &err, &programs.mark),
            false => out + &err,
        };
        Ok(Answer { text, is_success })
    }
}

impl Programs {
    fn build(root: &Path) -> Result<Programs> {
        let engine = build(
            root,
            &["--package", "mini-lsm", "--bin", "mini-lsm-cli-ref"],
        )?;
        // One by one: together they could share features, and `cargo x` would be built anew while it runs.
        let x = build(root, &["--package", "xtask", "--bin", "xtask"])?;
        let mark = run(&mut Command::new(&engine), &[MARK])?;
        let mark = plain(&mark.stdout);
        Ok(Programs { engine, x, mark })
    }
}

/// What was typed, each line with what it printed. On stderr a script is told the number of the line, which counts the marks too.
fn session(typed: &[String], out: &str, err: &str, mark: &str) -> String {
    let mut answers = out.split(mark);
    let mut text = String::new();
    for (line, index) in typed.iter().zip(0..) {
        text += &format!("> {line}\n{}", answers.next().unwrap_or_default());
        let place = format!("line {}: ", 2 * index + 1);
        for trouble in err.lines().filter_map(|line| line.strip_prefix(&place)) {
            text += &format!("{trouble}\n");
        }
    }
    // What the end of the session prints.
    text.extend(answers);
    let others = err.lines().filter(|line| !line.starts_with("line "));
    text.extend(others.map(|line| format!("{line}\n")));
    text
}

fn run(command: &mut Command, lines: &[&str]) -> Result<Output> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    let mut input = child.stdin.take().context("its input is a pipe")?;
    for line in lines {
        // One that has ended early does not read on.
        let _ = writeln!(input, "{line}");
    }
    drop(input);
    Ok(child.wait_with_output()?)
}

/// Text as a learner sees it: their program has a name of its own, and where a temporary store was is nobody's business.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text
        .replace("\r\n", "\n")
        .replace("mini-lsm-cli-ref", "mini-lsm-cli");
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("note: no --path"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn build(root: &Path, what: &[&str]) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(what)
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "the commands of the text need {}, which does not compile",
            what.join(" ")
        );
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    executables
        .next_back()
        .context("cargo did not say where the program is")
}

impl Room {
    /// Where the files of the page are, if a command has run.
    pub fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(TempDir::path)
    }

    fn make(&mut self) -> Result<&Path> {
        if self.0.is_none() {
            self.0 = Some(
                tempfile::tempdir().context("cannot make a folder for the commands of a page")?,
            );
        }
        self.path().context("it was made")
    }
}
