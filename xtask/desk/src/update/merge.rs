//! A merge of git's that is under way: the learner's side of files in conflict.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use staging::edition;
use staging::names::PACKAGE;
use staging::tree::Tree;

use crate::mine::{Mine, text};

/// What git says of the merge. Empty where there is none, or no git.
#[derive(Debug, Default)]
pub struct Merge {
    /// By path in the crate.
    conflicts: BTreeMap<String, Sides>,
    /// The edition as the learner's side of the merge has it.
    edition: Option<Vec<u8>>,
}

/// A file in conflict. A side that removed it is `None`.
#[derive(Debug, Default)]
struct Sides {
    ours: Option<Vec<u8>>,
    theirs: Option<Vec<u8>>,
}

impl Merge {
    pub fn under_way(root: &Path) -> Merge {
        if git(root, &["rev-parse", "--verify", "--quiet", "MERGE_HEAD"]).is_none() {
            return Merge::default();
        }
        // The listing is relative to the folder that git is started in, which is the workspace.
        let unmerged = git(root, &["ls-files", "-u", "-z", "--", PACKAGE]).unwrap_or_default();
        let mut conflicts: BTreeMap<String, Sides> = BTreeMap::new();
        for line in unmerged.split(|byte| *byte == 0) {
            let line = String::from_utf8_lossy(line);
            let Some((about, path)) = line.split_once('\t') else {
                continue;
            };
            let Some(path) = path.strip_prefix(&format!("{PACKAGE}/")) else {
                continue;
            };
            let mut about = about.split(' ').skip(1);
            let id = about.next().unwrap_or_default();
            let sides = conflicts.entry(path.to_string()).or_default();
            match about.next() {
                Some("2") => sides.ours = git(root, &["cat-file", "blob", id]),
                Some("3") => sides.theirs = git(root, &["cat-file", "blob", id]),
                _ => {}
            }
        }
        let ours = format!("HEAD:./{PACKAGE}/{}", edition::PATH);
        Merge {
            conflicts,
            edition: git(root, &["cat-file", "blob", &ours]),
        }
    }

    pub fn has_conflicts(&self) -> bool {
        !self.conflicts.is_empty()
    }

    /// What is on disk, with the learner's side in the place of files that still hold both sides. Only where the other side
    /// is the course's: between two branches of their own, learners decide themselves.
    pub fn ours(&self, disk: &Mine, new: &Tree) -> Mine {
        let mut ours = disk.clone();
        for (path, sides) in &self.conflicts {
            let is_open = |text: String| text.lines().any(|line| line.starts_with("<<<<<<< "));
            let settled = disk.files.contains_key(path) && !disk.text(path).is_some_and(is_open);
            let handed_out = new.get(path).map(|bytes| text(bytes));
            if settled || sides.theirs.as_deref().map(text) != handed_out {
                continue;
            }
            match &sides.ours {
                Some(bytes) => ours.files.insert(path.clone(), bytes.clone()),
                None => ours.files.remove(path),
            };
        }
        if let Some(edition) = &self.edition {
            ours.files
                .insert(edition::PATH.to_string(), edition.clone());
        }
        ours
    }
}

fn git(root: &Path, args: &[&str]) -> Option<Vec<u8>> {
    let mut command = Command::new("git");
    command
        .args(args)
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command.env("GIT_OPTIONAL_LOCKS", "0");
    let output = command.output().ok()?;
    output.status.success().then_some(output.stdout)
}
