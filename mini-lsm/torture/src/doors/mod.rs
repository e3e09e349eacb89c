//! Every way into a store, and out of it again: who is let in, who is not, and that a refusal changes nothing.
//!
//! The store is on disk, not in memory, since locks, links and permissions are the system's. Each
//! round makes a store from its seed, and each door gets a copy of it. A refusal must be one clear
//! line that names the file or the directory; the bytes, the names and the times of everything in
//! the folder are the same afterwards; and no file stays open. `check` goes through every door too.

mod broken;
mod child;
#[cfg(unix)]
mod permissions;
mod world;

pub use child::as_child;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use mini_lsm::{LsmOptions, LsmStorage};

use crate::history::read_all;
use crate::scale::Scale;
use crate::tally::Tally;
use child::Opener;
use world::{World, is_clear, options};

/// A way in.
type Door = fn(&World, &mut Tally) -> Result<()>;

/// All of them.
const DOORS: &[(&str, Door)] = &[
    ("a second opener", second_opener),
    ("a second process", second_process),
    ("names of one directory", many_names),
    ("odd names", odd_names),
    ("a missing directory", missing_directory),
    ("a file for a directory", file_for_directory),
    ("options that make no sense", wrong_options),
    ("a foreign directory", broken::foreign),
    ("a newer format", broken::newer_format),
    ("a broken manifest", broken::manifest),
    ("missing files", broken::missing_files),
    ("what a crash leaves", broken::left_by_a_crash),
    #[cfg(unix)]
    ("no permission", permissions::denied),
];

/// The trial.
pub fn run(scale: &Scale) -> Result<Tally> {
    let mut tally = Tally::new();
    let mut rounds = 0;
    for seed in scale.seeds(3) {
        round(seed, &mut tally)
            .with_context(|| format!("seed {seed} (--seed {seed} --rounds 1)"))?;
        rounds += 1;
    }
    tally.count("rounds", rounds);
    tally.require("refusals", rounds * 60)?;
    tally.require("owners in other processes", rounds)?;
    Ok(tally)
}

fn round(seed: u64, tally: &mut Tally) -> Result<()> {
    let world = World::new(seed)?;
    for (name, door) in DOORS {
        door(&world, tally).with_context(|| (*name).to_owned())?;
    }
    Ok(())
}

/// In one process: refused as long as the first lives, and after that no longer.
fn second_opener(world: &World, tally: &mut Tally) -> Result<()> {
    let path = world.copy("twice")?;
    let first = LsmStorage::open(&path, options())?;
    world.has_owner(&path)?;
    ensure!(
        read_all(&first)? == world.map,
        "the first opener lost something"
    );
    first.close()?;
    // Closed, and still there.
    world.is_sound(&path)?;
    drop(first);
    world.is_sound(&path)?;
    tally.count("refusals", 2);
    Ok(())
}

/// The same between processes, and a kill of the owner opens the door.
fn second_process(world: &World, tally: &mut Tally) -> Result<()> {
    let path = world.copy("processes")?;
    let owner = Opener::start(&path)?;
    ensure!(
        owner.refusal().is_none(),
        "a child is refused: {:?}",
        owner.refusal()
    );
    world.has_owner(&path)?;
    tally.count("owners in other processes", 1);
    drop(owner);
    world
        .is_sound(&path)
        .context("after a kill of the process that had it open")?;

    let owner = LsmStorage::open(&path, options())?;
    let before = world.picture()?;
    let late = Opener::start(&path)?;
    match late.refusal() {
        None => anyhow::bail!("another process is let in"),
        Some(message) => is_clear(message, &["open already", "processes"])?,
    }
    world.unchanged_since(&before)?;
    drop(owner);
    world.is_sound(&path)?;
    tally.count("refusals", 3);
    Ok(())
}

/// Two names of a directory are not two stores.
fn many_names(world: &World, tally: &mut Tally) -> Result<()> {
    let path = world.copy("named")?;
    let mut names = vec![
        path.join("."),
        path.join("..").join("named"),
        Path::new(&format!("{}/", path.display())).to_owned(),
    ];
    #[cfg(unix)]
    {
        let link = world.path("link");
        std::os::unix::fs::symlink(&path, &link)?;
        let link_to_link = world.path("link to link");
        std::os::unix::fs::symlink("link", &link_to_link)?;
        names.extend([link, link_to_link]);
    }
    for name in &names {
        for (first, second) in [(&path, name), (name, &path)] {
            let owner = LsmStorage::open(first, options())?;
            world
                .has_owner(second)
                .with_context(|| format!("{} and {}", first.display(), second.display()))?;
            drop(owner);
            tally.count("refusals", 2);
        }
        world.is_sound(name)?;
    }
    Ok(())
}

/// A path is bytes, not text.
fn odd_names(world: &World, tally: &mut Tally) -> Result<()> {
    let mut names: Vec<std::ffi::OsString> = vec![
        "with spaces in it".into(),
        "-dash".into(),
        "größe ß 🍎".into(),
    ];
    #[cfg(unix)]
    names.push("x".repeat(200).into());
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::ffi::OsStringExt;
        names.push(std::ffi::OsString::from_vec(b"\xff\xfe not text".to_vec()));
        names.push(std::ffi::OsString::from_vec(b"two\nlines".to_vec()));
    }
    for name in names {
        let path = world.path(".").join(&name);
        world.copy_to(path.clone())?;
        world.is_sound(&path).with_context(|| format!("{name:?}"))?;
        let fresh = path.join("inner");
        drop(LsmStorage::open(&fresh, options())?);
        tally.count("odd names", 1);
    }
    Ok(())
}

/// `open` creates it with its parents; `check` does not.
fn missing_directory(world: &World, tally: &mut Tally) -> Result<()> {
    let path = world.path("no").join("such").join("directory");
    let before = world.picture()?;
    let checked = mini_lsm::check(std::sync::Arc::new(mini_lsm::fs::DiskFs), &path);
    let error = checked.err().context("check of what is not there")?;
    is_clear(&error.to_string(), &["directory"])?;
    world.unchanged_since(&before)?;
    let store = LsmStorage::open(&path, options())?;
    store.put(b"a", b"1")?;
    drop(store);
    ensure!(
        LsmStorage::open(&path, options())?.get(b"a")?.is_some(),
        "a store in a new directory has lost its first write"
    );
    tally.count("refusals", 1);
    Ok(())
}

/// A file, and a path that goes through one.
fn file_for_directory(world: &World, tally: &mut Tally) -> Result<()> {
    let file = world.path("file");
    std::fs::write(&file, b"text")?;
    world.is_refused(&file, &["file", "directory"])?;
    world.is_refused(&file.join("store"), &["file", "irectory"])?;
    tally.count("refusals", 2);
    #[cfg(unix)]
    {
        let link = world.path("dangling");
        std::os::unix::fs::symlink("nowhere", &link)?;
        world.is_refused(&link, &["dangling"])?;
        let round = world.path("round");
        std::os::unix::fs::symlink("round", &round)?;
        world.is_refused(&round, &["round"])?;
        tally.count("refusals", 2);
    }
    Ok(())
}

/// Told before anything is touched, whether the directory is there or not.
fn wrong_options(world: &World, tally: &mut Tally) -> Result<()> {
    type Mistake = fn(&mut LsmOptions);
    let mistakes: [(&str, Mistake); 10] = [
        ("block_size", |o| o.block_size = 0),
        ("table_size", |o| o.table_size = 0),
        ("memtable_size", |o| o.memtable_size = 0),
        ("max_frozen_memtables", |o| o.max_frozen_memtables = 0),
        ("level_count", |o| o.level_count = 0),
        ("level_count", |o| o.level_count = 65),
        ("l0_compaction_trigger", |o| o.l0_compaction_trigger = 0),
        ("l0_stop_trigger", |o| o.l0_stop_trigger = 1),
        ("level_base_size", |o| o.level_base_size = 0),
        ("level_size_multiplier", |o| o.level_size_multiplier = 0),
    ];
    let path = world.copy("options")?;
    let missing = world.path("still missing");
    for (name, mistake) in mistakes {
        let mut options = options();
        mistake(&mut options);
        world.is_refused_with(&path, options.clone(), &[name])?;
        world.is_refused_with(&missing, options, &[name])?;
        tally.count("refusals", 2);
    }
    world.is_sound(&path)
}
