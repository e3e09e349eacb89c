//! A program in a jail: what it may read, write and use up, and nothing else.
//!
//! The grader starts itself once more ([`DOOR`]), and that process locks itself in and becomes the program. So the grader
//! needs no privileges, and no code runs between a fork and an exec of a program with many threads.
//! What a system cannot enforce is not silently left out: [`Walls`] says what stands, and every report repeats it.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "other.rs")]
mod system;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

pub use system::{enter, filters, tasks, walls};

/// The first argument of a grader that is to become a jailed program.
pub const DOOR: &str = "--jail";
/// The first argument of a grader that is to do nothing, and to end well: with it a jail is tried out.
pub const NOTHING: &str = "--nothing";
/// What the jail says on the private pipe once it stands, before the program begins.
pub const READY: &str = "ready\n";
/// How the jail tells there of a program that a signal ended, where it can.
pub const ENDED_BY: &str = "ended by signal ";
/// What the jail says there when the program could not be started; a program itself has no way to say it.
pub const NOT_STARTED: &str = "not started\n";
/// The exit code of a jail that could not be built.
pub const NO_JAIL: i32 = 96;

/// A program and its limits. Handed over as JSON in the command line: there is nothing secret in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Jail {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// All of its environment.
    pub env: Vec<(String, String)>,
    /// Where it starts.
    pub dir: PathBuf,
    /// Files and folders that it may read, with all below them.
    pub read: Vec<PathBuf>,
    /// Folders in which it may write.
    pub write: Vec<PathBuf>,
    /// Bytes of the folder where it starts, if that is to be in memory and gone with it: nothing can be left in it, and no disk
    /// be filled. Where namespaces are missing the folder stays as it is.
    pub scratch: Option<u64>,
    /// Whether it is to see no processes, itself included. A compiler finds its parts through `/proc/self/exe`.
    pub hides_processes: bool,
    pub limits: Limits,
    pub walls: Walls,
}

/// What the system itself ends a program for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Seconds of processor time, of all threads together.
    pub cpu: u64,
    /// Bytes of memory of its own.
    pub memory: u64,
    /// Bytes in one file.
    pub file: u64,
}

/// What this system can enforce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// Namespaces of users, processes, mounts and the network.
    pub namespaces: bool,
    /// Landlock: files, TCP, signals.
    pub landlock: bool,
    /// Seccomp: no new programs, no sockets.
    pub seccomp: bool,
    /// Limits of processor time, memory and file sizes.
    pub limits: bool,
}

impl Walls {
    /// What a report says of them, one line for each.
    pub fn told(self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut tell = |stands: bool, wall: &str, hole: &str| match stands {
            true => lines.push(wall.to_string()),
            false => lines.push(format!("not on this system: {hole}")),
        };
        tell(
            self.namespaces,
            "every test in namespaces of its own: processes, network, mounts; its scratch folder is in memory",
            "namespaces of processes, network and mounts; a test can fill the disk as long as its time lasts",
        );
        tell(
            self.landlock,
            "files outside its scratch folder closed (Landlock)",
            "files outside the scratch folder closed (Landlock); a submission can read and write what you can",
        );
        tell(
            self.seccomp,
            "no new programs and no sockets (seccomp)",
            "no new programs and no sockets (seccomp)",
        );
        tell(
            self.limits,
            "processor time, memory and file sizes limited",
            "limits of processor time, memory and file sizes; wall-clock time and output are limited",
        );
        lines
    }
}

impl Jail {
    /// The command that becomes this program.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(grader()?);
        let order = serde_json::to_string(self)
            .context("a path is no UTF-8; move the repository to a folder with a plain name")?;
        command.arg(DOOR).arg(order).env_clear();
        Ok(command)
    }
}

/// The program of the grader: this one, unless a test says where it is.
fn grader() -> Result<OsString> {
    static GRADER: OnceLock<Option<OsString>> = OnceLock::new();
    let found = GRADER.get_or_init(|| {
        let own = || std::env::current_exe().ok().map(PathBuf::into_os_string);
        std::env::var_os("MINI_LSM_GRADER").or_else(own)
    });
    found
        .clone()
        .context("this program does not know its own path")
}
