//! Where a store lives, and which files are there and open.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use mini_lsm::files::{LOCK, MANIFEST};
use mini_lsm::fs::{DiskFs, FileSystem, MemFs};
use mini_lsm::manifest::Manifest;
use mini_lsm::{LsmOptions, LsmStorage};
use tempfile::TempDir;

use crate::own_process;

/// Names of files.
pub type Names = BTreeSet<String>;

/// A directory on disk or in memory.
pub enum Place {
    /// On disk: the system tells which files are open.
    Disk(TempDir),
    /// In memory: only their number is known.
    Mem(MemFs),
}

impl Place {
    /// A new one on disk.
    pub fn disk() -> Result<Self> {
        tempfile::tempdir()
            .map(Self::Disk)
            .context("a temporary directory")
    }

    /// A new one in memory.
    pub fn mem() -> Self {
        Self::Mem(MemFs::new())
    }

    /// A copy of a place on disk, and of the store in it, which nobody has open.
    pub fn copy(&self) -> Result<Self> {
        let copy = Self::disk()?;
        std::fs::create_dir(copy.dir())?;
        for name in self.files()? {
            std::fs::copy(self.dir().join(&name), copy.dir().join(&name))?;
        }
        Ok(copy)
    }

    /// The directory of the store.
    pub fn dir(&self) -> PathBuf {
        match self {
            Self::Disk(dir) => dir.path().join("store"),
            Self::Mem(_) => PathBuf::from("/store"),
        }
    }

    /// The file system.
    pub fn fs(&self) -> Arc<dyn FileSystem> {
        match self {
            Self::Disk(_) => Arc::new(DiskFs),
            Self::Mem(mem) => Arc::new(mem.clone()),
        }
    }

    /// Opens the store.
    pub fn open(&self, options: &LsmOptions) -> mini_lsm::Result<LsmStorage> {
        let fs = self.fs();
        LsmStorage::open(
            self.dir(),
            LsmOptions {
                fs,
                ..options.clone()
            },
        )
    }

    /// The files that are there.
    pub fn files(&self) -> Result<Names> {
        Ok(self.fs().list(&self.dir())?.into_iter().collect())
    }

    /// The lengths of all files whose names end so, added up.
    pub fn size_of(&self, suffix: &str) -> Result<u64> {
        let fs = self.fs();
        let mut size = 0;
        for name in self.files()?.iter().filter(|name| name.ends_with(suffix)) {
            size += fs.open(&self.dir().join(name))?.len()?;
        }
        Ok(size)
    }

    /// An error unless all of `least` is open, and nothing but what `most` allows: each set its
    /// files once, since stores and scans of different lives have handles of their own.
    pub fn expect_open(&self, least: &Names, most: &[Names]) -> Result<()> {
        match self {
            Self::Disk(_) => {
                let Some(open) = own_process::open_files(&self.dir()) else {
                    return Ok(());
                };
                // What a reopening removed, and a scan from before it still reads.
                let open = open.iter().map(|name| name.trim_end_matches(" (deleted)"));
                let open: Vec<String> = open.map(str::to_owned).collect();
                let names: Names = open.iter().cloned().collect();
                between(
                    "open",
                    &names,
                    least,
                    &most.iter().flatten().cloned().collect(),
                )?;
                for name in names {
                    let times = open.iter().filter(|other| **other == name).count();
                    let allowed = most.iter().filter(|set| set.contains(&name)).count();
                    ensure!(
                        times <= allowed,
                        "{name} is open {times} times, expected {allowed} at most"
                    );
                }
            }
            Self::Mem(mem) => {
                // The lock is no handle here.
                let handles = |names: &Names| names.iter().filter(|name| *name != LOCK).count();
                let most = most.iter().map(handles).sum();
                let (open, least) = (mem.open_handles(), handles(least));
                ensure!(
                    (least..=most).contains(&open),
                    "{open} handles are open, expected {least} to {most}"
                );
            }
        }
        Ok(())
    }

    /// An error unless the directory holds these files, and no other.
    pub fn expect_files(&self, expected: &Names) -> Result<()> {
        between("there", &self.files()?, expected, expected)
    }
}

/// The files that `store` needs, each open once as long as it is open.
pub fn live_files(store: &LsmStorage) -> Names {
    let metrics = store.metrics();
    let memtables = metrics.frozen.iter().chain([&metrics.memtable]);
    let logs = memtables.map(|memtable| format!("{:06}.wal", memtable.id));
    let fixed = [LOCK, MANIFEST].map(str::to_owned);
    tables_of(store)
        .into_iter()
        .chain(logs)
        .chain(fixed)
        .collect()
}

/// The files of its tables.
pub fn tables_of(store: &LsmStorage) -> Names {
    let metrics = store.metrics();
    let tables = metrics.levels.iter().flatten();
    tables
        .map(|table| format!("{:06}.sst", table.id.0))
        .collect()
}

fn between(what: &str, found: &Names, least: &Names, most: &Names) -> Result<()> {
    if let Some(missing) = least.difference(found).next() {
        bail!("{missing} is not {what}, only {found:?}");
    }
    if let Some(extra) = found.difference(most).next() {
        bail!("{extra} is {what}, and nobody needs it; expected {most:?}");
    }
    Ok(())
}

/// What the manifest of a store names must be there; returns what is there and not named.
pub fn strays(fs: &dyn FileSystem, dir: &Path) -> Result<Names> {
    let version = Manifest::load(fs, dir)?;
    let tables = version.tables.keys().map(|id| format!("{:06}.sst", id.0));
    let logs = version.logs.iter().map(|id| format!("{id:06}.wal"));
    let fixed = [LOCK, MANIFEST].map(str::to_owned);
    let named: Names = tables.chain(logs).chain(fixed).collect();
    let found: Names = fs.list(dir)?.into_iter().collect();
    if let Some(missing) = named.difference(&found).next() {
        bail!("the manifest names {missing}, and it is not there");
    }
    Ok(found.difference(&named).cloned().collect())
}
