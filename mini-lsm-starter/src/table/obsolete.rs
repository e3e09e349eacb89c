//! The end of a table's file: it is removed when nobody reads it any more.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;

use crate::fs::{FileSystem, ReadableFile};
use crate::sync::atomic::{AtomicU64, Ordering};

/// Counts files that could not be removed. They are strays, which the next `open` tries to remove
/// again.
#[derive(Debug, Default)]
pub struct Removals {
    failed: AtomicU64,
}

impl Removals {
    /// How many removals failed.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Removes `path`, or counts the failure.
    pub fn remove(&self, fs: &dyn FileSystem, path: &Path) {
        if fs.remove(path).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// An open file that can be told to remove itself when it is dropped.
#[derive(Debug)]
pub struct FileGuard {
    fs: Arc<dyn FileSystem>,
    path: PathBuf,
    /// `None` only while it is being dropped: Windows does not remove an open file.
    handle: Option<Arc<dyn ReadableFile>>,
    removals: OnceLock<Arc<Removals>>,
}

impl FileGuard {
    /// Guards `handle`, which is open on `path`.
    pub fn new(fs: Arc<dyn FileSystem>, path: &Path, handle: Arc<dyn ReadableFile>) -> Self {
        Self {
            fs,
            path: path.to_owned(),
            handle: Some(handle),
            removals: OnceLock::new(),
        }
    }

    /// The open file.
    pub fn handle(&self) -> &dyn ReadableFile {
        self.handle
            .as_deref()
            .expect("the handle is there until the guard is dropped")
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on the file is removed when the guard is dropped; failures are counted in
    /// `removals`.
    pub fn remove_on_drop(&self, removals: Arc<Removals>) {
        // A second call changes nothing: the first has said it all.
        let _ = self.removals.set(removals);
    }
}

impl Drop for FileGuard {
    fn drop(&mut self) {
        if let Some(removals) = self.removals.get() {
            self.handle = None;
            removals.remove(&*self.fs, &self.path);
        }
    }
}
