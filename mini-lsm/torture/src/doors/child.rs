//! Another process at the door, and where there is one, another user.
//!
//! The child is this binary again, told by a variable what to do: it opens the store, says what came
//! of it in one line, and if it is open, holds it until its input ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use mini_lsm::LsmStorage;

use super::world::options;

/// Holds the path of the store, in a child.
const STORE: &str = "MINI_LSM_TORTURE_STORE";

/// What a child says first, if the store is open.
const OPEN: &str = "open";

/// Whose processes have no rights to speak of: `nobody`, on every Unix that we know.
#[cfg(unix)]
const NOBODY: u32 = 65534;

/// In a child, what it was started for; `None` in any other process. To be asked first of all.
pub fn as_child() -> Option<ExitCode> {
    let path = std::env::var_os(STORE)?;
    let opened = LsmStorage::open(path, options());
    let answer = match &opened {
        Ok(_) => OPEN.to_owned(),
        Err(error) => error.to_string().replace('\n', "\\n"),
    };
    let mut out = std::io::stdout();
    if writeln!(out, "{answer}").is_err() || out.flush().is_err() {
        return Some(ExitCode::FAILURE);
    }
    if opened.is_ok() {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    }
    Some(ExitCode::SUCCESS)
}

/// A process that has been to the door. It is killed when this is dropped.
pub struct Opener {
    child: Child,
    answer: String,
}

impl Opener {
    /// One that opens the store at `path`.
    pub fn start(path: &Path) -> Result<Self> {
        Self::spawn(&mut command(path)?)
    }

    /// One of a user without rights. `None` where there is no such user to be had: where we are one
    /// ourselves, nothing is said of it.
    #[cfg(unix)]
    pub fn start_as_nobody(path: &Path) -> Result<Option<Self>> {
        use std::os::unix::process::CommandExt;
        let mut command = command(path)?;
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
            // The binary may lie where nobody else may look.
            return Ok(Self::spawn(&mut command).ok());
        }
        Self::spawn(&mut command).map(Some)
    }

    /// What it answered: [`None`] if it has the store open, otherwise its error.
    pub fn refusal(&self) -> Option<&str> {
        (self.answer != OPEN).then_some(&self.answer)
    }

    fn spawn(command: &mut Command) -> Result<Self> {
        let mut child = command.spawn().context("a child cannot be started")?;
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut answer = String::new();
        out.read_line(&mut answer).context("what a child says")?;
        let answer = answer.trim_end().to_owned();
        let opener = Self { child, answer };
        match opener.answer.is_empty() {
            true => bail!("a child at the door said nothing"),
            false => Ok(opener),
        }
    }
}

impl Drop for Opener {
    /// By a signal that it cannot see coming.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether permissions do not bind us.
#[cfg(unix)]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn command(path: &Path) -> Result<Command> {
    let binary = std::env::current_exe().context("where this binary is")?;
    let mut command = Command::new(binary);
    command.env(STORE, OsStr::new(path));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(command)
}
