//! Doors that the system holds shut.
//!
//! Permissions do not bind root, so root sends a child of a user who has none. Where there is no such
//! user to be had (the binary lies where only root may look), this says so.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::child::{Opener, is_root};
use super::world::{World, is_clear};
use crate::tally::Tally;

/// What is not allowed, by the modes of the directory and of the files in it.
struct Case {
    name: &'static str,
    dir: u32,
    files: u32,
    words: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "nothing may be written",
        dir: 0o555,
        files: 0o444,
        words: &["cannot lock", "LOCK", "ermission"],
    },
    Case {
        name: "no file may be created",
        dir: 0o555,
        files: 0o666,
        words: &["cannot create", "ermission"],
    },
    Case {
        name: "nothing may be listed",
        dir: 0o333,
        files: 0o666,
        words: &["cannot list", "ermission"],
    },
    Case {
        name: "nothing may be looked up",
        dir: 0o666,
        files: 0o666,
        words: &["cannot lock", "ermission"],
    },
    Case {
        name: "nothing may be read",
        dir: 0o777,
        files: 0o222,
        words: &["ermission"],
    },
];

/// A store that somebody else may not open.
pub fn denied(world: &World, tally: &mut Tally) -> Result<()> {
    let root = world.path(".");
    set(&root, 0o755)?;
    if !has_nobody(world)? {
        tally.count("permissions that could not be tried", 1);
        return Ok(());
    }
    for case in CASES {
        let dir = world.copy(case.name)?;
        let files = names(&dir)?;
        for file in &files {
            set(file, case.files)?;
        }
        let message = closed(world, &dir, case.dir).context(case.name)?;
        is_clear(&message, case.words)?;
        ensure!(message.contains(case.name), "no directory in {message:?}");
        for file in &files {
            set(file, 0o644)?;
        }
        world.is_sound(&dir).context(case.name)?;
        tally.count("refusals", 1);
    }
    // No store, and none can come into being.
    let empty = world.path("empty");
    fs::create_dir(&empty)?;
    for path in [empty.clone(), empty.join("below")] {
        let message = refused(world, &path, &empty, 0o555)?;
        is_clear(&message, &["empty", "ermission"])?;
        tally.count("refusals", 1);
    }
    Ok(())
}

/// Whether there is a user without rights, who can open what he may.
fn has_nobody(world: &World) -> Result<bool> {
    let dir = world.path("open to all");
    fs::create_dir(&dir)?;
    set(&dir, 0o777)?;
    let opener = Opener::start_as_nobody(&dir.join("store"))?;
    match opener.as_ref().map(Opener::refusal) {
        Some(None) => Ok(true),
        // Not allowed even this: what lies above is shut.
        _ if is_root() => Ok(false),
        other => bail!("we may not open a store in a directory of our own: {other:?}"),
    }
}

fn closed(world: &World, dir: &Path, mode: u32) -> Result<String> {
    refused(world, dir, dir, mode)
}

/// What the user without rights is told at `path`, while `shut` has this mode.
fn refused(world: &World, path: &Path, shut: &Path, mode: u32) -> Result<String> {
    set(shut, 0o755)?;
    let before = world.picture()?;
    set(shut, mode)?;
    let opener = Opener::start_as_nobody(path);
    set(shut, 0o755)?;
    let opener = opener?.context("the user is gone")?;
    let message = opener.refusal().context("it was opened")?.to_owned();
    drop(opener);
    world.unchanged_since(&before)?;
    Ok(message)
}

fn set(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .with_context(|| format!("the mode of {}", path.display()))
}

fn names(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)?;
    entries.map(|entry| Ok(entry?.path())).collect()
}
