//! A run that nobody waits for any more: how another thread ends it.

use std::fmt;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Clones are one flag, which is set once.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

/// The error of a run that was stopped.
#[derive(Debug)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was stopped")
    }
}

impl std::error::Error for Stopped {}

impl Stop {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error once it is set.
    pub fn check(&self) -> Result<(), Stopped> {
        match self.is_set() {
            true => Err(Stopped),
            false => Ok(()),
        }
    }

    /// Kills the child when this is set; returns then, or when the other end of `ended` is dropped.
    pub fn end_when_set(&self, child: &mut Child, ended: Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LOOK) {
            if self.is_set() {
                // An error means that it has ended.
                child.kill().ok();
                return;
            }
        }
    }
}

/// How often a thread that waits for something else looks whether it should stop.
const LOOK: Duration = Duration::from_millis(50);
