//! The real file system, through `std::fs`.
//!
//! Reads and writes name their offset, so that any number of threads read through one handle, and a
//! preallocated file is written from its start although it is longer already.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FileLock, FileSystem, ReadableFile, WritableFile, parent_of};
use crate::error::{Error, Result};
use crate::sync::Mutex;

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskFs;

impl FileSystem for DiskFs {
    fn create(&self, path: &Path) -> Result<Arc<dyn WritableFile>> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).open(path);
        let file = file.map_err(|e| Error::io("create", path, e))?;
        let extent = Mutex::new(Extent {
            appended: 0,
            len: 0,
        });
        Ok(Arc::new(DiskWriter {
            file,
            path: path.to_owned(),
            extent,
        }))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ReadableFile>> {
        let fail = |e| Error::io("open", path, e);
        let file = File::open(path).map_err(fail)?;
        // Unix opens a directory without complaint.
        if file.metadata().map_err(fail)?.is_dir() {
            return Err(fail(io::ErrorKind::IsADirectory.into()));
        }
        Ok(Arc::new(DiskReader {
            file,
            path: path.to_owned(),
        }))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        let fail = |e| Error::io("list", dir, e);
        let mut names = Vec::new();
        for entry in fs::read_dir(dir).map_err(fail)? {
            // A name that is not Unicode is none of ours: what stands for it here matches no
            // pattern of ours either.
            names.push(
                entry
                    .map_err(fail)?
                    .file_name()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
        names.sort_unstable();
        Ok(names)
    }

    fn dir_exists(&self, path: &Path) -> Result<bool> {
        let fail = |e| Error::io("look up", path, e);
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(true),
            Ok(_) => Err(fail(io::ErrorKind::NotADirectory.into())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(fail(e)),
        }
    }

    fn create_dir_all(&self, path: &Path) -> Result<()> {
        let mut missing = Vec::new();
        let mut dir = path;
        while !self.dir_exists(dir)? {
            missing.push(dir);
            dir = parent_of(dir);
        }
        for dir in missing.into_iter().rev() {
            let created = fs::create_dir(dir);
            // Somebody else may have been quicker; that is as good.
            if let Err(e) = created
                && !(e.kind() == io::ErrorKind::AlreadyExists && self.dir_exists(dir)?)
            {
                return Err(Error::io("create the directory", dir, e));
            }
            self.sync_dir(parent_of(dir))?;
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to).map_err(|e| Error::io("rename", from, e))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        fs::remove_file(path).map_err(|e| Error::io("remove", path, e))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        sync_names(dir).map_err(|e| Error::io("sync the directory", dir, e))
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn FileLock>> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let file = file.map_err(|e| Error::io("lock", path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(DiskLock { _file: file })),
            Err(TryLockError::WouldBlock) => Err(Error::AlreadyOpen(parent_of(path).to_owned())),
            Err(TryLockError::Error(e)) => Err(Error::io("lock", path, e)),
        }
    }
}

/// A file open for reading.
#[derive(Debug)]
struct DiskReader {
    file: File,
    path: PathBuf,
}

impl ReadableFile for DiskReader {
    fn len(&self) -> Result<u64> {
        let metadata = self.file.metadata();
        Ok(metadata
            .map_err(|e| Error::io("read the length of", &self.path, e))?
            .len())
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        read_exact_at(&self.file, buf, offset).map_err(|e| Error::io("read", &self.path, e))
    }
}

/// A file that grows.
#[derive(Debug)]
struct DiskWriter {
    file: File,
    path: PathBuf,
    /// Not held by `sync`, so that a slow sync does not stop the appends.
    extent: Mutex<Extent>,
}

#[derive(Debug)]
struct Extent {
    /// Where the next append begins.
    appended: u64,
    /// The length of the file: more than `appended` after `preallocate`.
    len: u64,
}

impl WritableFile for DiskWriter {
    fn append(&self, data: &[u8]) -> Result<()> {
        let mut extent = self.extent.lock();
        write_all_at(&self.file, data, extent.appended)
            .map_err(|e| Error::io("append to", &self.path, e))?;
        extent.appended += data.len() as u64;
        extent.len = extent.len.max(extent.appended);
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        // fdatasync: leaves out the times of the file, but not its length.
        self.file
            .sync_data()
            .map_err(|e| Error::io("sync", &self.path, e))
    }

    /// Writes zeros. That doubles the writing, but a sync of what is later put in their place has
    /// nothing else to write: neither the length nor where the blocks are. To set the length alone
    /// would leave a hole, in which every block has to be given its place when it is first written.
    fn preallocate(&self, len: u64) -> Result<()> {
        let mut extent = self.extent.lock();
        if len > extent.len {
            let zeros = vec![0; (len - extent.len) as usize];
            write_all_at(&self.file, &zeros, extent.len)
                .map_err(|e| Error::io("preallocate", &self.path, e))?;
            extent.len = len;
        }
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        self.file
            .sync_all()
            .map_err(|e| Error::io("sync", &self.path, e))?;
        DiskFs.sync_dir(parent_of(&self.path))
    }
}

/// The kernel's lock on an open file: gone when the file is closed, by us or by the end of the
/// process.
#[derive(Debug)]
struct DiskLock {
    _file: File,
}

impl FileLock for DiskLock {}

#[cfg(unix)]
fn sync_names(dir: &Path) -> io::Result<()> {
    match File::open(dir)?.sync_all() {
        // EINVAL says that this file system cannot sync a directory (some network mounts), not that
        // it tried and failed.
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

#[cfg(not(unix))]
fn sync_names(_dir: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn read_exact_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buf, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !buf.is_empty() {
        match file.seek_read(buf, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buf = &mut buf[read..];
                offset += read as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn write_all_at(file: &File, data: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, data, offset)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut data: &[u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !data.is_empty() {
        match file.seek_write(data, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                data = &data[written..];
                offset += written as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
