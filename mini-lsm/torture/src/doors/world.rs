//! A folder with a store in it, and a picture of both, so that whatever a refusal changed is seen.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use mini_lsm::files::LOCK;
use mini_lsm::fs::DiskFs;
use mini_lsm::{Error, LsmOptions, LsmStorage, check};
use tempfile::TempDir;

use crate::history::{History, Map, random_ops, read_all};
use crate::own_process;

/// A folder with a closed store, made from a seed, of which each door gets a copy.
pub struct World {
    root: TempDir,
    /// What the store holds.
    pub map: Map,
}

/// All that is below a folder: what may not change.
pub type Picture = BTreeMap<PathBuf, Seen>;

/// A file, a directory or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    kind: &'static str,
    modified: Option<SystemTime>,
    permissions: fs::Permissions,
    /// Of a file, its bytes; of a link, where it leads.
    content: Vec<u8>,
}

/// Nothing in the background, so that nothing changes by itself.
pub fn options() -> LsmOptions {
    LsmOptions {
        memtable_size: 4 << 10,
        block_size: 512,
        filter_bits_per_key: 10,
        ..LsmOptions::for_test(Arc::new(DiskFs))
    }
}

impl World {
    /// A store with tables and a log, closed or dropped.
    pub fn new(seed: u64) -> Result<Self> {
        let root = tempfile::tempdir().context("a temporary directory")?;
        let mut rng = Rng::with_seed(seed);
        let store = LsmStorage::open(root.path().join("store"), options())?;
        let mut history = History::new();
        for _ in 0..rng.usize(60..200) {
            store.write(history.write(&random_ops(&mut rng, 50, 60)))?;
        }
        store.flush()?;
        if rng.bool() {
            store.compact()?;
        }
        for _ in 0..rng.usize(5..30) {
            store.write(history.write(&random_ops(&mut rng, 50, 60)))?;
        }
        if rng.bool() {
            store.close()?;
        }
        drop(store);
        let map = history.last().clone();
        Ok(Self { root, map })
    }

    /// The folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A copy of the store, under this name.
    pub fn copy(&self, name: &str) -> Result<PathBuf> {
        self.copy_to(self.path(name))
    }

    /// The same, to anywhere.
    pub fn copy_to(&self, to: PathBuf) -> Result<PathBuf> {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(self.path("store"))? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(to)
    }

    /// A new folder with these files and these bytes in them.
    pub fn folder(&self, name: &str, files: &[(&str, &[u8])]) -> Result<PathBuf> {
        let dir = self.path(name);
        for (file, bytes) in files {
            let path = dir.join(file);
            fs::create_dir_all(path.parent().unwrap_or(&dir))?;
            fs::write(path, bytes)?;
        }
        Ok(dir)
    }

    /// Everything in the folder.
    pub fn picture(&self) -> Result<Picture> {
        let mut picture = Picture::new();
        look(self.root.path(), &mut picture)?;
        Ok(picture)
    }

    /// An error, naming what is different, unless the folder is as it was.
    pub fn unchanged_since(&self, before: &Picture) -> Result<()> {
        let after = self.picture()?;
        let mut paths = before.keys().chain(after.keys());
        match paths.find(|path| before.get(*path) != after.get(*path)) {
            None => Ok(()),
            Some(path) => bail!(
                "it has changed {}: before {:?}, after {:?}",
                path.display(),
                before.get(path).map(short),
                after.get(path).map(short)
            ),
        }
    }

    /// A store at `path` is refused with an error that has these words in it. Nothing changes, and
    /// no handle stays. A check changes nothing either; it finds nothing to check, or problems.
    pub fn is_refused(&self, path: &Path, words: &[&str]) -> Result<()> {
        self.is_refused_with(path, options(), words)?;
        let before = self.picture()?;
        let checked = check(Arc::new(DiskFs), path);
        self.unchanged_since(&before).context("check")?;
        ensure!(
            !checked.is_ok_and(|report| report.is_sound()),
            "open refuses {}, and check finds no problem",
            path.display()
        );
        self.no_handle_stays()
    }

    /// The same, with other options and without the check.
    pub fn is_refused_with(&self, path: &Path, options: LsmOptions, words: &[&str]) -> Result<()> {
        let before = self.picture()?;
        match LsmStorage::open(path, options) {
            Ok(_) => bail!("{} was opened", path.display()),
            Err(error) => is_clear(&error.to_string(), words)?,
        }
        self.unchanged_since(&before).context("open")?;
        self.no_handle_stays()
    }

    fn no_handle_stays(&self) -> Result<()> {
        let files = own_process::open_files(self.root.path()).unwrap_or_default();
        ensure!(files.is_empty(), "a refusal leaves files open: {files:?}");
        Ok(())
    }

    /// The store at `path` opens, sound, with all it holds, and takes writes. A check, which comes
    /// first, changes nothing.
    pub fn is_sound(&self, path: &Path) -> Result<()> {
        let before = self.picture()?;
        let report = check(Arc::new(DiskFs), path)?;
        self.unchanged_since(&before).context("check")?;
        ensure!(report.is_sound(), "check finds {:?}", report.problems);
        let store = LsmStorage::open(path, options())?;
        ensure!(read_all(&store)? == self.map, "it holds something else");
        store.put(b"after", b"all")?;
        store.delete(b"after")?;
        Ok(())
    }

    /// `AlreadyOpen`, from open and from check, and nothing changes.
    pub fn has_owner(&self, path: &Path) -> Result<()> {
        let before = self.picture()?;
        for (what, error) in [
            ("open", LsmStorage::open(path, options()).err()),
            ("check", check(Arc::new(DiskFs), path).err()),
        ] {
            match error {
                Some(error @ Error::AlreadyOpen(_)) => is_clear(&error.to_string(), &["open"])?,
                other => bail!("{what} of a store with an owner: {other:?}, not AlreadyOpen"),
            }
            self.unchanged_since(&before).context(what)?;
        }
        Ok(())
    }
}

/// One line of reasonable length, with these words in it.
pub fn is_clear(message: &str, words: &[&str]) -> Result<()> {
    ensure!(
        message.lines().count() == 1 && (20..400).contains(&message.len()),
        "not one clear line: {message:?}"
    );
    for word in words {
        ensure!(message.contains(word), "{word:?} is not in {message:?}");
    }
    Ok(())
}

fn look(path: &Path, picture: &mut Picture) -> Result<()> {
    let metadata = fs::symlink_metadata(path).with_context(|| path.display().to_string())?;
    let (kind, content) = match metadata.file_type() {
        kind if kind.is_dir() => ("directory", Vec::new()),
        kind if kind.is_symlink() => {
            let target = fs::read_link(path)?;
            ("link", target.as_os_str().as_encoded_bytes().to_vec())
        }
        // Never read, and on Windows it cannot be while it is locked.
        _ if path.ends_with(LOCK) => ("lock file", Vec::new()),
        _ => ("file", fs::read(path)?),
    };
    picture.insert(path.to_owned(), seen(kind, &metadata, content));
    if kind == "directory" {
        for entry in fs::read_dir(path)? {
            look(&entry?.path(), picture)?;
        }
    }
    Ok(())
}

fn seen(kind: &'static str, metadata: &Metadata, content: Vec<u8>) -> Seen {
    Seen {
        kind,
        modified: metadata.modified().ok(),
        permissions: metadata.permissions(),
        content,
    }
}

fn short(seen: &Seen) -> String {
    let (kind, len, time) = (seen.kind, seen.content.len(), seen.modified);
    format!("a {kind} of {len} bytes, changed at {time:?}")
}
