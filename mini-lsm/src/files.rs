//! The names of a store's files, in one place.
//!
//! | name         | what it is                                                            |
//! |--------------|-----------------------------------------------------------------------|
//! | `000007.sst` | table 7                                                               |
//! | `000008.wal` | the write-ahead log of memtable 8                                     |
//! | `MANIFEST`   | the log of version edits: which of the others belong to the store     |
//! | `MANIFEST.tmp` | its next edition, before it is renamed                              |
//! | `LOCK`       | held by the owner; never read, renamed or removed                     |
//!
//! Tables, memtables and logs take their ids from one counter, and an id is never used twice.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs::FileSystem;
use crate::ids::{NUMBERS_END, TableId};

/// The name of the manifest.
pub const MANIFEST: &str = "MANIFEST";
/// The name of the manifest's next edition.
pub const MANIFEST_TMP: &str = "MANIFEST.tmp";
/// The name of the lock file.
pub const LOCK: &str = "LOCK";

/// What a file name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A table.
    Table(TableId),
    /// The log of the memtable with this id.
    Log(u64),
    /// The manifest.
    Manifest,
    /// The manifest's next edition.
    ManifestTmp,
    /// The lock.
    Lock,
}

impl FileKind {
    /// What `name` stands for; `None` if it is not one of our names.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            MANIFEST => Some(Self::Manifest),
            MANIFEST_TMP => Some(Self::ManifestTmp),
            LOCK => Some(Self::Lock),
            _ => {
                let (digits, extension) = name.split_once('.')?;
                let id = parse_id(digits)?;
                match extension {
                    "sst" => Some(Self::Table(TableId(id))),
                    "wal" => Some(Self::Log(id)),
                    _ => None,
                }
            }
        }
    }

    /// The id in the name, if it has one.
    pub fn id(self) -> Option<u64> {
        match self {
            Self::Table(TableId(id)) | Self::Log(id) => Some(id),
            _ => None,
        }
    }
}

/// The path of table `id` in `dir`.
pub fn table_path(dir: &Path, id: TableId) -> PathBuf {
    dir.join(format!("{:06}.sst", id.0))
}

/// The path of the log of memtable `id` in `dir`.
pub fn log_path(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id:06}.wal"))
}

/// Creates the directory of a new store, unless it is there and empty. `InvalidArgument`, and
/// nothing is touched, if something is in it: before day 6 a store has no memory.
pub fn require_fresh(fs: &dyn FileSystem, dir: &Path) -> Result<()> {
    if !fs.dir_exists(dir)? {
        return fs.create_dir_all(dir);
    }
    match fs.list(dir)?.first() {
        None => Ok(()),
        Some(name) => Err(Error::InvalidArgument(format!(
            "{} is not empty (it holds {name}): until day 6 a store can only be opened in a new directory",
            dir.display()
        ))),
    }
}

/// An id as we write it: at least six digits, and no zero more than those need.
fn parse_id(digits: &str) -> Option<u64> {
    let id = digits.parse().ok()?;
    (id < NUMBERS_END && format!("{id:06}") == digits).then_some(id)
}
