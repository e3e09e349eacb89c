//! A program and its descendants on Unix: a process group.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The groups that run now. They do not get the terminal's Ctrl-C, so it has to be passed on.
static LIVE: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The exit code of a program that Ctrl-C ended, as shells give it.
const INTERRUPTED: i32 = 130;

pub struct Group {
    child: Child,
}

/// Starts the command as the leader of a new group.
pub fn spawn(command: &mut Command) -> io::Result<Group> {
    // Held over the spawn, so that an interrupt cannot come between start and registration.
    let mut live = live();
    let child = command.process_group(0).spawn()?;
    live.insert(child.id());
    Ok(Group { child })
}

impl Group {
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Ends all that is left of the group.
    pub fn kill(&mut self) {
        kill(self.child.id());
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        live().remove(&self.child.id());
    }
}

/// From now on Ctrl-C, a hang-up and a termination kill every group before they end this process.
pub fn kill_all_when_interrupted() {
    let handler = || {
        live().iter().copied().for_each(kill);
        std::process::exit(INTERRUPTED);
    };
    // Without a handler an interrupted run leaves a hanging test behind; that is no reason not to grade.
    ctrlc::set_handler(handler).ok();
}

fn kill(leader: u32) {
    if let Ok(group) = i32::try_from(leader) {
        // An error means that there is nobody left.
        killpg(Pid::from_raw(group), Signal::SIGKILL).ok();
    }
}

fn live() -> MutexGuard<'static, BTreeSet<u32>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}
