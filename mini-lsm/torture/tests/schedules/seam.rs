//! The file system below the worlds: in memory, and read in one piece.

use std::path::Path;
use std::sync::Arc;

use mini_lsm::Result;
use mini_lsm::fs::{FileLock, FileSystem, ReadableFile, WritableFile};

/// A file system whose files are read as a whole when they are opened; afterwards a read takes no
/// lock.
///
/// The block cache reads while quick_cache makes others wait in a way of its own, which shuttle
/// does not know of. If shuttle went on with another thread in the middle of that, and that one
/// asked the cache too, it would wait for ever. The engine opens only files that are finished, so
/// what was read is all there is.
#[derive(Debug)]
pub struct ReadAtOnce<F>(F);

impl<F> ReadAtOnce<F> {
    /// The same files, read at once.
    pub fn new(fs: F) -> Self {
        Self(fs)
    }
}

impl<F: FileSystem> FileSystem for ReadAtOnce<F> {
    fn create(&self, path: &Path) -> Result<Arc<dyn WritableFile>> {
        self.0.create(path)
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ReadableFile>> {
        let file = self.0.open(path)?;
        let mut bytes = vec![0; file.len()? as usize];
        file.read_at(&mut bytes, 0)?;
        Ok(Arc::new(OpenFile { file, bytes }))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.0.list(dir)
    }

    fn dir_exists(&self, path: &Path) -> Result<bool> {
        self.0.dir_exists(path)
    }

    fn create_dir_all(&self, path: &Path) -> Result<()> {
        self.0.create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.0.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.0.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn FileLock>> {
        self.0.lock(path)
    }
}

#[derive(Debug)]
struct OpenFile {
    /// Kept open, as a file is that is read from.
    file: Arc<dyn ReadableFile>,
    bytes: Vec<u8>,
}

impl ReadableFile for OpenFile {
    fn len(&self) -> Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        let start = offset as usize;
        match self.bytes.get(start..start + buf.len()) {
            Some(bytes) => buf.copy_from_slice(bytes),
            // Past the end: the file's own error.
            None => self.file.read_at(buf, offset)?,
        }
        Ok(())
    }
}
