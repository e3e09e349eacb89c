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
        let path = dir.join(MANIFEST);
        let contents = read_log(fs, &path, MANIFEST_LOG_ID)?;
        let mut version = Version::default();
        if contents.payloads.is_empty() {
            return Err(Error::corruption(&path, 0, "a manifest without a snapshot"));
        }
        for (index, (offset, payload)) in contents.payloads.iter().enumerate() {
            let origin = Origin::new(&path, *offset);
            let expected_format = (index == 0).then_some(version::FORMAT_VERSION);
            let edit = decode_edit(payload, expected_format, origin)?;
            version
                .apply(&edit)
                .map_err(|reason| origin.corruption(0, reason))?;
        }
        Ok(version)
    }

    /// Writes a new manifest with a snapshot of `version` and puts it in the place of the old one,
    /// if there is one. It survives a power cut when this returns.
    ///
    /// Requires that the files it names do so already.
    pub fn create(fs: Arc<dyn FileSystem>, dir: &Path, version: Version) -> Result<Self> {
        let log = write_snapshot(&*fs, dir, &version)?;
        let snapshot_len = log.len();
        Ok(Self {
            fs,
            dir: dir.to_owned(),
            version,
            log: Some(log),
            snapshot_len,
        })
    }

    /// Adds an edit. It survives a power cut when this returns. Replaces the file when it has grown
    /// too large.
    ///
    /// After an error nobody knows whether the edit is on disk: nothing more may be done to the
    /// store.
    pub fn append(&mut self, edit: &VersionEdit) -> Result<()> {
        let Some(log) = &self.log else {
            return Err(Error::corruption(
                &self.dir.join(MANIFEST),
                0,
                "an earlier replacement failed",
            ));
        };
        let mut version = self.version.clone();
        let path = self.dir.join(MANIFEST);
        version
            .apply(edit)
            .map_err(|reason| Error::corruption(&path, log.len(), reason))?;
        append_synced(log, edit).map_err(|error| error.told_of(&path))?;
        self.version = version;
        if log.len() > REPLACE_SIZE.max(REPLACE_FACTOR * self.snapshot_len) {
            // Closed first: Windows does not rename over an open file.
            self.log = None;
            let log = write_snapshot(&*self.fs, &self.dir, &self.version)?;
            self.snapshot_len = log.len();
            self.log = Some(log);
        }
        Ok(())
    }

    /// What the manifest describes.
    // given
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl Version {
    /// Takes one step. An error, and no change that counts, if the edit does not fit: it adds a
    /// table that is there, removes one or seals a log that is not, or holds a number that cannot be.
    pub fn apply(&mut self, edit: &VersionEdit) -> std::result::Result<(), String> {
        let ids = edit.added.iter().map(|record| record.id.0);
        let numbers = ids
            .chain(edit.new_logs.iter().copied())
            .chain(edit.sealed_logs.iter().map(|log| log.len))
            .chain(edit.oldest_log)
            .chain(edit.last_flushed_seq)
            .chain(edit.next_id);
        for number in numbers {
            if number >= NUMBERS_END {
                return Err(format!("no id or sequence number is as great as {number}"));
            }
        }
        for id in &edit.removed {
            self.tables
                .remove(id)
                .ok_or_else(|| format!("table {} is removed, but was never added", id.0))?;
        }
        for record in &edit.added {
            if record.level > MAX_LEVEL_COUNT {
                return Err(format!("no store has a level {}", record.level));
            }
            if self.tables.insert(record.id, record.level).is_some() {
                return Err(format!("table {} is added twice", record.id.0));
            }
        }
        self.logs.extend(&edit.new_logs);
        for log in &edit.sealed_logs {
            if !self.logs.contains(&log.id) {
                return Err(format!("log {} is sealed, but was never added", log.id));
            }
            self.sealed_logs.insert(log.id, log.len);
        }
        if let Some(oldest) = edit.oldest_log {
            self.logs.retain(|&log| log >= oldest);
            self.sealed_logs.retain(|&log, _| log >= oldest);
        }
        self.last_flushed_seq = edit.last_flushed_seq.unwrap_or(self.last_flushed_seq);
        self.next_id = self.next_id.max(edit.next_id.unwrap_or(0));
        Ok(())
    }

    /// The edit from nothing to this version.
    pub fn snapshot(&self) -> VersionEdit {
        VersionEdit {
            format: Some(version::FORMAT_VERSION),
            added: self
                .tables
                .iter()
                .map(|(&id, &level)| TableRecord { id, level })
                .collect(),
            removed: Vec::new(),
            new_logs: self.logs.iter().copied().collect(),
            sealed_logs: self
                .sealed_logs
                .iter()
                .map(|(&id, &len)| SealedLog { id, len })
                .collect(),
            oldest_log: None,
            last_flushed_seq: Some(self.last_flushed_seq),
            next_id: Some(self.next_id),
        }
    }
}

/// Reads an edit. Its format is looked at first: one of a later format may have fields that this
/// engine does not know, and the user is to hear of the format, not of them.
fn decode_edit(payload: &[u8], expected: Option<u32>, origin: Origin<'_>) -> Result<VersionEdit> {
    let not_an_edit =
        |error: serde_json::Error| origin.corruption(0, format!("not a version edit: {error}"));
    let FormatOnly { format } = serde_json::from_slice(payload).map_err(not_an_edit)?;
    let reason = match (expected, format) {
        (Some(known), Some(found)) if found > known => {
            return Err(Error::newer_format(origin.file, found, known));
        }
        (Some(known), Some(found)) if found < known => {
            format!("no store has format {found}: the first was {known}")
        }
        (Some(_), None) => "the first edit says no format".to_owned(),
        (None, Some(_)) => "a format in an edit that is not the first".to_owned(),
        _ => return serde_json::from_slice(payload).map_err(not_an_edit),
    };
    Err(origin.corruption(0, reason))
}

fn write_snapshot(fs: &dyn FileSystem, dir: &Path, version: &Version) -> Result<LogWriter> {
    let tmp = dir.join(MANIFEST_TMP);
    if fs.list(dir)?.iter().any(|name| name == MANIFEST_TMP) {
        fs.remove(&tmp)?;
    }
    let log = LogWriter::new(MANIFEST_LOG_ID, fs.create(&tmp)?);
    append_synced(&log, &version.snapshot())?;
    // The mark too: from now on a manifest without one that is whole is damaged.
    log.sync()?;
    fs.rename(&tmp, &dir.join(MANIFEST))?;
    fs.sync_dir(dir)?;
    Ok(log)
}

fn append_synced(log: &LogWriter, edit: &VersionEdit) -> Result<()> {
    append_edit(log, edit)?;
    log.sync()?;
    log.mark()
}

fn append_edit(log: &LogWriter, edit: &VersionEdit) -> Result<()> {
    let json = serde_json::to_vec(edit).expect("a version edit is plain data");
    log.append(|payload| payload.extend_from_slice(&json))
}
