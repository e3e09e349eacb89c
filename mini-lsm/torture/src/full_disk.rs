//! A disk that is really full, under [`DiskFs`](mini_lsm::fs::DiskFs): the system's own errors, not ours.
//!
//! A round runs in a process of its own, which the trial starts by its own executable, in a
//! directory that has little room:
//!
//! | way           | where                                   | what is full                                |
//! |---------------|-----------------------------------------|---------------------------------------------|
//! | `tmpfs`       | Linux, where `unshare` may mount        | a file system of a few megabytes: ENOSPC    |
//! | `ulimit -f`   | any Unix                                | each file, with SIGXFSZ ignored: EFBIG      |
//! | skipped       | elsewhere                               |                                             |
//!
//! The mount is seen by the child alone, and gone with it, whatever becomes of it. A child ends with
//! its parent, and where a store writes more than a full disk explains, its round fails.
//!
//! What must hold: the error names file and operation and says that there is no room; reads go on;
//! a store that is reopened, with or without room, has lost nothing that it acknowledged, and with
//! room it takes writes again.

#[cfg(unix)]
mod child;
#[cfg(unix)]
mod parent;

use anyhow::Result;

#[cfg(unix)]
use crate::child::end_with_parent;
use crate::scale::Scale;
use crate::tally::Tally;

/// Runs the trial.
#[cfg(not(unix))]
pub fn run(_scale: &Scale) -> Result<Tally> {
    let mut tally = Tally::new();
    tally.count("rounds (skipped: not on this system)", 0);
    Ok(tally)
}

/// Runs the trial, or is the child that does one round.
#[cfg(unix)]
pub fn run(scale: &Scale) -> Result<Tally> {
    match child::Room::from_env()? {
        Some(room) => {
            end_with_parent();
            child::round(scale.seed, &room)
        }
        None => parent::run(scale),
    }
}

/// Names under which the child counts, and the parent knows them.
#[cfg(unix)]
const COUNTED: [&str; 8] = [
    "writes",
    "refused writes",
    "refused flushes",
    "refused compactions",
    "background errors",
    "opens refused for want of room",
    "reopenings without room",
    "reopenings with room",
];
