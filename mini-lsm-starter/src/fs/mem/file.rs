//! A file of [`MemFs`](super::MemFs): its content, and the handles through which it is read and written.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::MemFs;
use crate::error::{Error, Result};
use crate::fs::{FileSystem, ReadableFile, WritableFile, parent_of};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, RwLock};

/// A file, whatever its name is at the moment. It lives as long as a name or a handle refers to it.
#[derive(Debug, Default)]
pub(super) struct Inode {
    pub(super) content: RwLock<Content>,
}

impl Inode {
    pub(super) fn new(content: Content) -> Self {
        Self {
            content: RwLock::new(content),
        }
    }
}

/// The bytes of a file, and how much of them is synced. A prefix says it all, because a file only
/// grows.
///
/// Invariants: `synced_bytes <= bytes.len() <= len` and `synced_bytes <= synced_len <= len`.
#[derive(Clone, Default)]
pub(super) struct Content {
    /// What was appended. Crash clones share it until somebody appends.
    pub(super) bytes: Arc<Vec<u8>>,
    /// The length of the file; what lies past `bytes` was preallocated, and reads as zeros.
    pub(super) len: u64,
    /// How many of `bytes` survive a power cut for certain.
    pub(super) synced_bytes: usize,
    /// The length that the file has at least after a power cut.
    pub(super) synced_len: u64,
}

impl Content {
    /// Bytes that are synced.
    pub(super) fn synced(bytes: Vec<u8>) -> Self {
        let len = bytes.len() as u64;
        Self::new(Arc::new(bytes), len)
    }

    /// Bytes and zeros after them, all synced.
    pub(super) fn new(bytes: Arc<Vec<u8>>, len: u64) -> Self {
        Self {
            synced_bytes: bytes.len(),
            synced_len: len,
            bytes,
            len,
        }
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        bytes.resize(self.len as usize, 0);
        bytes
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64);
        if end.is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let start = self.bytes.len().min(offset as usize);
        let count = buf.len().min(self.bytes.len() - start);
        buf[..count].copy_from_slice(&self.bytes[start..start + count]);
        buf[count..].fill(0);
        Ok(())
    }

    /// Writes past what is there; a gap (what a failed sync has discarded) becomes zeros.
    fn write_at(&mut self, data: &[u8], offset: u64) {
        let offset = offset as usize;
        let bytes = Arc::make_mut(&mut self.bytes);
        bytes.resize(offset, 0);
        bytes.extend_from_slice(data);
        self.len = self.len.max(bytes.len() as u64);
        // Only after `write_raw` there was something there.
        self.synced_bytes = self.synced_bytes.min(offset);
    }

    fn sync(&mut self) {
        self.synced_bytes = self.bytes.len();
        self.synced_len = self.len;
    }

    fn discard_unsynced(&mut self) {
        Arc::make_mut(&mut self.bytes).truncate(self.synced_bytes);
        self.len = self.synced_len;
    }
}

/// The lengths, not the bytes: what holds a file prints it too.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes, {} of them synced",
            self.len, self.synced_bytes
        )
    }
}

/// Counts one open handle as long as it lives.
#[derive(Debug)]
pub(super) struct HandleCount {
    handles: Arc<AtomicUsize>,
}

impl HandleCount {
    pub(super) fn new(handles: &Arc<AtomicUsize>) -> Self {
        handles.fetch_add(1, Ordering::SeqCst);
        Self {
            handles: Arc::clone(handles),
        }
    }
}

impl Drop for HandleCount {
    fn drop(&mut self) {
        self.handles.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A file open for reading.
#[derive(Debug)]
pub(super) struct MemReader {
    path: PathBuf,
    inode: Arc<Inode>,
    _handle: HandleCount,
}

impl MemReader {
    pub(super) fn new(path: PathBuf, inode: Arc<Inode>, handle: HandleCount) -> Self {
        Self {
            path,
            inode,
            _handle: handle,
        }
    }
}

impl ReadableFile for MemReader {
    fn len(&self) -> Result<u64> {
        Ok(self.inode.content.read().len)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        let content = self.inode.content.read();
        content
            .read_at(buf, offset)
            .map_err(|e| Error::io("read", &self.path, e))
    }
}

/// A file that grows.
#[derive(Debug)]
pub(super) struct MemWriter {
    fs: MemFs,
    path: PathBuf,
    inode: Arc<Inode>,
    /// Where the next append begins: the writer's count, which a discard does not turn back.
    appended: Mutex<u64>,
    _handle: HandleCount,
}

impl MemWriter {
    pub(super) fn new(fs: MemFs, path: PathBuf, inode: Arc<Inode>) -> Self {
        let handle = HandleCount::new(&fs.shared.handles);
        Self {
            fs,
            path,
            inode,
            appended: Mutex::new(0),
            _handle: handle,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        let _one_instant = self.fs.shared.tree.read();
        change(&mut self.inode.content.write());
    }
}

impl WritableFile for MemWriter {
    fn append(&self, data: &[u8]) -> Result<()> {
        self.change(|content| {
            let mut appended = self.appended.lock();
            content.write_at(data, *appended);
            *appended += data.len() as u64;
        });
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        self.change(Content::sync);
        Ok(())
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        self.change(|content| content.len = content.len.max(len));
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        self.sync()?;
        self.fs.sync_dir(parent_of(&self.path))
    }

    fn discard_unsynced(&self) {
        self.change(Content::discard_unsynced);
    }
}
