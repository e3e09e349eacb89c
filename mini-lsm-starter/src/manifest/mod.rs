//! Day 6 · Task 3 · The manifest: which files belong to the store.
//!
//! A [`log`](crate::log) with id 0, whose payloads are version edits as JSON. The first is a
//! *snapshot*: an edit from nothing to the version as it stood when the file was made. Each edit is
//! synced before anyone relies on it, and marked as synced, so that a damaged one is never taken
//! for a torn one.
//!
//! The file is replaced as a whole at each open, and when its edits outgrow the snapshot: write
//! `MANIFEST.tmp`, sync it, rename it over `MANIFEST`, sync the directory. A crash leaves the old
//! one or the new one. So `MANIFEST` always holds at least a snapshot, and an empty one is damaged.

pub mod version;

pub use version::{FormatOnly, SealedLog, TableRecord, Version, VersionEdit};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::byte_reader::Origin;
use crate::error::{Error, Result};
use crate::files::{MANIFEST, MANIFEST_TMP};
use crate::fs::FileSystem;
use crate::ids::NUMBERS_END;
use crate::log::{LogWriter, read_log};
use crate::options::MAX_LEVEL_COUNT;

/// The id of the manifest as a log. Memtables have ids from 1 on.
pub const MANIFEST_LOG_ID: u64 = 0;
/// The manifest is replaced when it is larger than this, in bytes, and several times larger than
/// its snapshot.
const REPLACE_SIZE: u64 = 64 << 10;
/// How many times larger.
const REPLACE_FACTOR: u64 = 4;

/// The open manifest, and the version that it describes.
#[derive(Debug)]
pub struct Manifest {
    fs: Arc<dyn FileSystem>,
    dir: PathBuf,
    version: Version,
    /// `None` after a replacement that failed: nobody knows what is on disk.
    log: Option<LogWriter>,
    snapshot_len: u64,
}

impl Manifest {
    /// Reads the manifest of `dir`. `NewerFormat` if its first edit says a format above
    /// [`FORMAT_VERSION`](version::FORMAT_VERSION), whatever else is in it; `Corruption` if it is
    /// damaged, has no edit, or says any other format, or none.
    pub fn load(fs: &dyn FileSystem, dir: &Path) -> Result<Version> {
        unimplemented!("day 6, task 3: Manifest::load")
    }

    /// Writes a new manifest with a snapshot of `version` and puts it in the place of the old one,
    /// if there is one. It survives a power cut when this returns.
    ///
    /// Requires that the files it names do so already.
    pub fn create(fs: Arc<dyn FileSystem>, dir: &Path, version: Version) -> Result<Self> {
        unimplemented!("day 6, task 3: Manifest::create")
    }

    /// Adds an edit. It survives a power cut when this returns. Replaces the file when it has grown
    /// too large.
    ///
    /// After an error nobody knows whether the edit is on disk: nothing more may be done to the
    /// store.
    pub fn append(&mut self, edit: &VersionEdit) -> Result<()> {
        unimplemented!("day 6, task 3: Manifest::append")
    }

    /// What the manifest describes.
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl Version {
    /// Takes one step. An error, and no change that counts, if the edit does not fit: it adds a
    /// table that is there, removes one or seals a log that is not, or holds a number that cannot be.
    pub fn apply(&mut self, edit: &VersionEdit) -> std::result::Result<(), String> {
        unimplemented!("day 6, task 3: Version::apply")
    }

    /// The edit from nothing to this version.
    pub fn snapshot(&self) -> VersionEdit {
        unimplemented!("day 6, task 3: Version::snapshot")
    }
}
