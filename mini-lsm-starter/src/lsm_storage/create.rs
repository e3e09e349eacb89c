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
    unimplemented!("day 6, task 4: create::create_or_recover")
}

/// The parts of a new store in `dir`, which exists and whose lock the caller holds.
///
/// First of all an empty manifest becomes durable: the directory's own name, file, name. From then
/// on the directory is a store, whatever a crash leaves of the rest.
pub fn create(dir: &Path, options: &LsmOptions, cache: Option<Arc<BlockCache>>) -> Result<Parts> {
    unimplemented!("day 6, task 4: create::create")
}
