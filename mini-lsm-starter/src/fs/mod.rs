//! The file system as the engine sees it: a seam, so that tests can cut the power, fill the disk and count reads.
//!
//! | implementation | what it is for                                                                        |
//! |----------------|---------------------------------------------------------------------------------------|
//! | [`DiskFs`]     | the real one                                                                          |
//! | [`MemFs`]      | in memory; knows what has been synced, so it can be cloned as a power cut would leave it |
//! | [`FaultFs`]    | around another one; a hook sees every operation before it happens, and may count it, delay it, or make it fail |
//!
//! # What survives a power cut
//!
//! Only what was synced, and there are two things to sync: a file's *bytes*
//! ([`WritableFile::sync`]) and its *name* in the directory ([`FileSystem::sync_dir`], also after a
//! rename or a removal). [`WritableFile::finish`] does both.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use crate::error::Result;

mod disk;
mod fault;
mod mem;

pub use disk::DiskFs;
pub use fault::{FaultFs, OpKind, OpLog, Operation, Verdict};
pub use mem::{CrashPlan, MemFs};

/// Files and directories. Every error names the operation and the path.
pub trait FileSystem: Debug + Send + Sync {
    /// Creates an empty file for writing. An error if the name is taken.
    fn create(&self, path: &Path) -> Result<Arc<dyn WritableFile>>;

    /// Opens an existing file for reading.
    fn open(&self, path: &Path) -> Result<Arc<dyn ReadableFile>>;

    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> Result<Vec<String>>;

    /// Whether there is a directory at `path`; an error if there is something else.
    fn dir_exists(&self, path: &Path) -> Result<bool>;

    /// Creates a directory and the parents that are missing, and syncs the names of all it created.
    fn create_dir_all(&self, path: &Path) -> Result<()>;

    /// Renames a file; a file that has the new name is replaced, in one step.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> Result<()>;

    /// Makes the names in a directory (created, renamed, removed) survive a power cut. Does nothing
    /// on Windows, which offers no such call.
    fn sync_dir(&self, dir: &Path) -> Result<()>;

    /// Takes the lock file `path`, which is created if it is missing, and holds it until the guard
    /// is dropped or the process dies. `AlreadyOpen`, naming the directory of `path`, if somebody
    /// holds it.
    fn lock(&self, path: &Path) -> Result<Box<dyn FileLock>>;
}

/// A file open for reading at any offset, by many threads.
pub trait ReadableFile: Debug + Send + Sync {
    /// The length in bytes.
    fn len(&self) -> Result<u64>;

    /// Whether the file holds no byte.
    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `buf` from `offset` on. An error if the file ends before.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<()>;
}

/// A new file that grows at its end.
///
/// `append` is for one thread at a time; `sync` may run beside it, and covers what had been
/// appended when it was called.
pub trait WritableFile: Debug + Send + Sync {
    /// Writes `data` at the end. It has reached the operating system when this returns: it survives
    /// a kill of the process. After an error an unknown part of `data` may have been written.
    fn append(&self, data: &[u8]) -> Result<()>;

    /// Makes all that was appended so far survive a power cut (the bytes, not the name). After an
    /// error nothing is known of what was not synced before, and a second try proves nothing.
    fn sync(&self) -> Result<()>;

    /// Reserves space up to `len` bytes in all, which read as zeros until they are appended over.
    /// Only a hint for speed: a file system may do nothing.
    fn preallocate(&self, len: u64) -> Result<()>;

    /// The last call on a file: syncs its bytes, then its name in the directory.
    fn finish(&self) -> Result<()>;

    /// Forgets the bytes that were not synced, as a kernel may after a failed sync. For
    /// [`FaultFs`]; only [`MemFs`] does anything.
    fn discard_unsynced(&self) {}
}

/// Holds a lock until it is dropped.
pub trait FileLock: Debug + Send + Sync {}

/// The directory in which the name `path` stands.
fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
