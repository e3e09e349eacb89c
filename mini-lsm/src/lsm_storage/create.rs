//! Day 6 · Task 4 · A store that lasts: the directory gets an owner, a manifest, and a log for its memtable.

use std::path::Path;
use std::sync::Arc;

use super::core::Parts;
use super::logs::Logs;
use super::recover::recover;
use crate::block_cache::BlockCache;
use crate::error::{Error, Result};
use crate::files::{FileKind, LOCK, MANIFEST};
use crate::fs::{FileLock, FileSystem};
use crate::manifest::{Manifest, Version, VersionEdit};
use crate::options::LsmOptions;
use crate::wal::Wal;

/// Takes the lock of the store in `dir`, and creates the store (task 4) or recovers it (task 5).
///
/// What is no store is refused, and not touched: a directory that has no manifest but holds
/// something, or one with a manifest that cannot be read and without a lock file. A missing
/// directory is created. `AlreadyOpen` if the store has an owner.
pub fn create_or_recover(
    dir: &Path,
    options: &LsmOptions,
    cache: Option<Arc<BlockCache>>,
) -> Result<Parts> {
    let fs = &*options.fs;
    let lock = lock_store(fs, dir)?;
    let mut parts = match has_manifest(fs, dir)? {
        true => {
            // Whoever created it may have been killed before its name was on disk.
            fs.sync_dir(dir)?;
            recover(dir, options, cache)?
        }
        false => create(dir, options, cache)?,
    };
    parts.lock = Some(lock);
    Ok(parts)
}

/// The parts of a new store in `dir`, which exists and whose lock the caller holds.
///
/// First of all an empty manifest becomes durable: the directory's own name, file, name. From then
/// on the directory is a store, whatever a crash leaves of the rest.
pub fn create(dir: &Path, options: &LsmOptions, cache: Option<Arc<BlockCache>>) -> Result<Parts> {
    let fs = &options.fs;
    let version = Version {
        next_id: 1,
        ..Version::default()
    };
    // Before there is a manifest, after which nobody would do it. An earlier process may have
    // created the directory, and been killed before its name was on disk. (`Path::parent` of `fruit`
    // is the empty path, and of `.` too.)
    fs.sync_dir(&dir.join(".."))?;
    let mut manifest = Manifest::create(Arc::clone(fs), dir, version)?;
    let mut parts = Parts::empty(dir, options, cache, 1);
    let log = Wal::create(&**fs, dir, parts.state.memtable.id())?;
    let next_id = Some(parts.tables.next_id());
    manifest.append(&VersionEdit {
        new_logs: vec![log.id()],
        next_id,
        ..VersionEdit::default()
    })?;
    parts.logs = Some(Logs::new(Arc::clone(fs), dir, log));
    parts.manifest = Some(manifest);
    Ok(parts)
}

/// Locks the directory, once it is certain that it is a store or may become one.
fn lock_store(fs: &dyn FileSystem, dir: &Path) -> Result<Box<dyn FileLock>> {
    match fs.dir_exists(dir)? {
        true => check_is_store(fs, dir)?,
        false => fs.create_dir_all(dir)?,
    }
    let lock = fs.lock(&dir.join(LOCK))?;
    // Looked at again: another process may have been there before us.
    check_is_store(fs, dir)?;
    Ok(lock)
}

/// Refuses a directory that has no manifest but holds something: a foreign one, or a store that has
/// lost its manifest. A crash in the first moments of a store leaves no more than its lock and a
/// manifest that was not renamed yet.
fn check_is_store(fs: &dyn FileSystem, dir: &Path) -> Result<()> {
    let names = fs.list(dir)?;
    let has = |wanted| names.iter().any(|name| name == wanted);
    if has(MANIFEST) {
        return match has(LOCK) {
            true => Ok(()),
            // A foreign directory may have a file of that name, and is not to get a lock file.
            false => Manifest::load(fs, dir).map(drop),
        };
    }
    for name in &names {
        match FileKind::parse(name) {
            Some(FileKind::Lock | FileKind::ManifestTmp) => {}
            Some(_) => {
                let reason = format!(
                    "the manifest is missing, but there is {name}: no store, or one that has lost it"
                );
                return Err(Error::corruption(&dir.join(MANIFEST), 0, reason));
            }
            None => {
                let dir = dir.display();
                return Err(Error::InvalidArgument(format!(
                    "{dir} is no store, and not empty: it holds {name}; a new store needs a directory that is empty or missing"
                )));
            }
        }
    }
    Ok(())
}

fn has_manifest(fs: &dyn FileSystem, dir: &Path) -> Result<bool> {
    Ok(fs.list(dir)?.iter().any(|name| name == MANIFEST))
}
