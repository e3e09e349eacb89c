//! Own work is kept before it is changed: in a commit on a branch of its own, or, where there is no git, in a dated folder.
//!
//! What is kept is what is on disk in `Cargo.toml`, `edition.txt`, `src` and `tests` of the learner's crate, committed,
//! staged, untracked or ignored, byte for byte. What is only staged, and differs from the disk, stays in the index, which no command
//! here touches, as none touches `HEAD` or a merge that is under way.

mod folder;
mod git;

use std::fmt;
use std::path::Path;

use anyhow::Result;

use crate::mine::Mine;

/// Where own work is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// A branch made for it, or an older commit that has the very same bytes.
    Commit { name: String, place: String },
    /// Relative to the workspace.
    Folder { path: String, why: String },
}

impl Kept {
    /// A command that brings it back, from any folder of the workspace.
    pub fn way_back(&self) -> String {
        match self {
            Kept::Commit { name, place } => {
                format!("git restore --source={name} --worktree -- :/{place}")
            }
            Kept::Folder { path, .. } => format!("cargo x reset --to {path}"),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kept::Commit { name, .. } => writeln!(
                f,
                "your work as it was is kept in git, as {name}; this brings it back:"
            )?,
            Kept::Folder { path, why } => writeln!(
                f,
                "your work as it was is kept in {path} ({why}); this brings it back:"
            )?,
        }
        write!(f, "  {}", self.way_back())
    }
}

/// Keeps `mine`. `what` says in a few words what is about to happen to it.
pub fn keep(root: &Path, mine: &Mine, what: &str) -> Result<Kept> {
    let name = jiff::Zoned::now().strftime("%Y-%m-%d-%H%M").to_string();
    let why = match git::Repository::of(root) {
        Ok(repository) => match repository.keep(mine, &format!("saved-{name}"), what) {
            Ok(kept) => return Ok(kept),
            Err(error) => format!("git could not take it: {error:#}"),
        },
        Err(why) => why,
    };
    let path = folder::keep(root, mine, &name)?;
    Ok(Kept::Folder { path, why })
}
