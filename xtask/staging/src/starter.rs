//! `cargo x starter`: writes stage 0 into the learners' crate, or checks that what is committed is stage 0.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::edition::{self, Edition};
use crate::names::PACKAGE;
use crate::stage::{Reference, Stage};
use crate::tree::{Difference, Tree};

const MEND: &str = "mend it with `cargo x starter` and commit the result";

/// Fails with the first difference between the learners' crate and stage 0.
pub fn check(root: &Path) -> Result<()> {
    check_against(&Reference::read(&root.join("mini-lsm"))?, root)
}

/// As [`check`], for a reference that has been read.
pub fn check_against(reference: &Reference, root: &Path) -> Result<()> {
    compare(&stage_0(reference)?, &Tree::read(&root.join(PACKAGE))?)
}

/// The learners' crate as it is handed out: stage 0, and which edition it is.
pub fn stage_0(reference: &Reference) -> Result<Tree> {
    let mut stage = reference.stage(Stage::day(0))?;
    let edition = Edition::of(&stage).text();
    stage.insert(edition::PATH.to_string(), edition.into_bytes());
    Ok(stage)
}

/// Fails with the first difference, file and line, and the command that mends it.
pub fn compare(stage: &Tree, there: &Tree) -> Result<()> {
    match stage.first_difference(there) {
        None => Ok(()),
        Some(Difference::Line(path, line)) => bail!(
            "{PACKAGE}/{path}:{line}: this is not what the reference gives at stage 0; {MEND}"
        ),
        Some(Difference::Missing(path)) => {
            bail!("{PACKAGE}/{path}: this file of stage 0 is missing; {MEND}")
        }
        Some(Difference::Extra(path)) => {
            bail!("{PACKAGE}/{path}: stage 0 has no such file; {MEND}")
        }
    }
}

/// Writes stage 0 over the learners' crate and gives back how many files changed. Work that git does not have is not
/// overwritten without `force`; what this command itself wrote last may be.
pub fn write(root: &Path, target: &Path, force: bool) -> Result<usize> {
    let stage = stage_0(&Reference::read(&root.join("mini-lsm"))?)?;
    let dir = root.join(PACKAGE);
    let there = Tree::read(&dir)?;
    let stamp = target.join("stages").join("starter.stamp");
    let written_by_us = fs::read_to_string(&stamp).is_ok_and(|last| last == hash(&there));
    if !force && !written_by_us && there != stage {
        refuse_to_lose_work(root)?;
    }
    let changed = stage.write_to(&dir)?;
    fs::create_dir_all(target.join("stages"))
        .with_context(|| format!("cannot make {}", target.join("stages").display()))?;
    fs::write(&stamp, hash(&stage)).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(changed)
}

/// Where there is no git, or no repository, nothing is known to be lost.
fn refuse_to_lose_work(root: &Path) -> Result<()> {
    let status = Command::new("git")
        .args(["status", "--porcelain", "--", PACKAGE])
        .current_dir(root)
        .output();
    let Ok(status) = status else { return Ok(()) };
    let said = String::from_utf8_lossy(&status.stdout);
    // The edition is generated: it is nobody's work.
    let mut changed = said.lines().filter(|line| !line.ends_with(edition::PATH));
    let Some(first) = changed.next().filter(|_| status.status.success()) else {
        return Ok(());
    };
    bail!(
        "{PACKAGE} has changes that git does not have ({}); commit them, or overwrite them with `cargo x starter --force`",
        first.get(3..).unwrap_or(first)
    )
}

fn hash(tree: &Tree) -> String {
    let mut hasher = DefaultHasher::new();
    tree.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
