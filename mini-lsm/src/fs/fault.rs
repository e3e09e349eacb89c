//! A file system around another one, for tests: a hook sees every operation before it happens and decides what becomes of it.
//!
//! The hook may block (a barrier), call the file system below, or clone it as a power cut would
//! leave it: nothing is locked while it runs. Operations are numbered as they arrive, so "fail at
//! operation 17" is `|op| if op.index == 17 { Fail(..) } else { Proceed }`, and "from 17 on" is
//! `>=`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FileLock, FileSystem, ReadableFile, WritableFile, parent_of};
use crate::error::{Error, Result};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// What is about to be done.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The number of this operation, counted from 0 over all files and threads.
    pub index: u64,
    /// What kind of operation.
    pub kind: OpKind,
    /// The file or directory; of a rename, the old name.
    pub path: PathBuf,
    /// The new name, of a rename.
    pub to: Option<PathBuf>,
    /// Bytes to read, to append or to preallocate in all; otherwise 0.
    pub len: u64,
    /// Where a read or an append begins; otherwise 0.
    pub offset: u64,
}

impl Operation {
    /// Whether the path ends with `.extension`: `op.has_extension("sst")` picks the tables.
    pub fn has_extension(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|e| e == extension)
    }
}

/// The kinds of operations. [`WritableFile::finish`] shows as its two parts, `Sync` of the file and
/// `SyncDir` of its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpKind {
    /// [`FileSystem::create`]
    Create,
    /// [`FileSystem::open`]
    Open,
    /// [`FileSystem::list`]
    List,
    /// [`FileSystem::dir_exists`]
    DirExists,
    /// [`FileSystem::create_dir_all`]
    CreateDir,
    /// [`FileSystem::rename`]
    Rename,
    /// [`FileSystem::remove`]
    Remove,
    /// [`FileSystem::sync_dir`]
    SyncDir,
    /// [`FileSystem::lock`]
    Lock,
    /// [`ReadableFile::len`]
    Len,
    /// [`ReadableFile::read_at`]
    Read,
    /// [`WritableFile::append`]
    Append,
    /// [`WritableFile::sync`]
    Sync,
    /// [`WritableFile::preallocate`]
    Preallocate,
}

impl OpKind {
    /// Whether it changes what a crash would leave behind. Crash enumeration may skip the others.
    pub fn is_change(self) -> bool {
        !matches!(
            self,
            Self::Open | Self::List | Self::DirExists | Self::Len | Self::Read
        )
    }

    /// The words that the other file systems use in their errors.
    fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Open => "open",
            Self::List => "list",
            Self::DirExists => "look up",
            Self::CreateDir => "create the directory",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::SyncDir => "sync the directory",
            Self::Lock => "lock",
            Self::Len => "read the length of",
            Self::Read => "read",
            Self::Append => "append to",
            Self::Sync => "sync",
            Self::Preallocate => "preallocate",
        }
    }
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Proceed,
    /// It is not done, and an error of this kind is returned. A failed `Sync` also makes a
    /// [`MemFs`](super::MemFs) below forget the bytes of that file that were not synced.
    Fail(io::ErrorKind),
    /// An append writes only so many bytes and returns an error of the kind `StorageFull`. Any
    /// other operation: `Fail(StorageFull)`.
    Short(usize),
    /// The thread panics, and the operation is not done.
    Panic,
}

/// The file system around another one.
#[derive(Clone)]
pub struct FaultFs {
    inner: Arc<dyn FileSystem>,
    gate: Arc<Gate>,
}

impl FaultFs {
    /// Puts `hook` before every operation of `inner`.
    pub fn new(
        inner: Arc<dyn FileSystem>,
        hook: impl Fn(&Operation) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        let gate = Gate {
            hook: Box::new(hook),
            next_index: AtomicU64::new(0),
        };
        Self {
            inner,
            gate: Arc::new(gate),
        }
    }

    /// Lets everything pass and records it in `log`.
    pub fn logged(inner: Arc<dyn FileSystem>, log: &OpLog) -> Self {
        let log = log.clone();
        Self::new(inner, move |op| {
            log.record(op);
            Verdict::Proceed
        })
    }
}

impl fmt::Debug for FaultFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultFs")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl FileSystem for FaultFs {
    fn create(&self, path: &Path) -> Result<Arc<dyn WritableFile>> {
        self.gate.pass(OpKind::Create, path)?;
        Ok(Arc::new(FaultWriter {
            file: self.inner.create(path)?,
            fs: self.clone(),
            path: path.to_owned(),
            appended: AtomicU64::new(0),
        }))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ReadableFile>> {
        self.gate.pass(OpKind::Open, path)?;
        let file = self.inner.open(path)?;
        let gate = Arc::clone(&self.gate);
        Ok(Arc::new(FaultReader {
            file,
            gate,
            path: path.to_owned(),
        }))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.gate.pass(OpKind::List, dir)?;
        self.inner.list(dir)
    }

    fn dir_exists(&self, path: &Path) -> Result<bool> {
        self.gate.pass(OpKind::DirExists, path)?;
        self.inner.dir_exists(path)
    }

    fn create_dir_all(&self, path: &Path) -> Result<()> {
        self.gate.pass(OpKind::CreateDir, path)?;
        self.inner.create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.gate.ask(Request {
            to: Some(to),
            ..Request::new(OpKind::Rename, from)
        })?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.gate.pass(OpKind::Remove, path)?;
        self.inner.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.gate.pass(OpKind::SyncDir, dir)?;
        self.inner.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn FileLock>> {
        self.gate.pass(OpKind::Lock, path)?;
        self.inner.lock(path)
    }
}

/// Collects the operations that a [`FaultFs`] saw. Clones share one collection.
#[derive(Clone, Debug, Default)]
pub struct OpLog {
    operations: Arc<Mutex<Vec<Operation>>>,
}

impl OpLog {
    /// Adds an operation: for a hook that decides and counts.
    pub fn record(&self, op: &Operation) {
        self.operations.lock().push(op.clone());
    }

    /// How many operations recorded so far `matches`. As in `log.count(|op| op.kind == OpKind::Read
    /// && op.has_extension("sst"))`.
    pub fn count(&self, matches: impl Fn(&Operation) -> bool) -> usize {
        self.operations
            .lock()
            .iter()
            .filter(|op| matches(op))
            .count()
    }

    /// A copy of what was recorded so far.
    pub fn operations(&self) -> Vec<Operation> {
        self.operations.lock().clone()
    }

    /// Forgets what was recorded so far.
    pub fn clear(&self) {
        self.operations.lock().clear();
    }
}

#[derive(Debug)]
struct FaultReader {
    file: Arc<dyn ReadableFile>,
    gate: Arc<Gate>,
    path: PathBuf,
}

impl ReadableFile for FaultReader {
    fn len(&self) -> Result<u64> {
        self.gate.pass(OpKind::Len, &self.path)?;
        self.file.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> Result<()> {
        let len = buf.len() as u64;
        self.gate.ask(Request {
            len,
            offset,
            ..Request::new(OpKind::Read, &self.path)
        })?;
        self.file.read_at(buf, offset)
    }
}

#[derive(Debug)]
struct FaultWriter {
    file: Arc<dyn WritableFile>,
    fs: FaultFs,
    path: PathBuf,
    appended: AtomicU64,
}

impl WritableFile for FaultWriter {
    fn append(&self, data: &[u8]) -> Result<()> {
        let len = data.len() as u64;
        let offset = self.appended.load(Ordering::Relaxed);
        let request = Request {
            len,
            offset,
            ..Request::new(OpKind::Append, &self.path)
        };
        let (data, refusal) = match self.fs.gate.ask(request) {
            Ok(()) => (data, None),
            Err(Refusal {
                short: Some(short),
                error,
            }) => (&data[..short.min(data.len())], Some(error)),
            Err(refusal) => return Err(refusal.error),
        };
        self.file.append(data)?;
        self.appended
            .fetch_add(data.len() as u64, Ordering::Relaxed);
        refusal.map_or(Ok(()), Err)
    }

    fn sync(&self) -> Result<()> {
        if let Err(refusal) = self.fs.gate.ask(Request::new(OpKind::Sync, &self.path)) {
            self.file.discard_unsynced();
            return Err(refusal.error);
        }
        self.file.sync()
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        self.fs.gate.ask(Request {
            len,
            ..Request::new(OpKind::Preallocate, &self.path)
        })?;
        self.file.preallocate(len)
    }

    /// In two operations, so that a test can strike between them.
    fn finish(&self) -> Result<()> {
        self.sync()?;
        self.fs.sync_dir(parent_of(&self.path))
    }

    fn discard_unsynced(&self) {
        self.file.discard_unsynced();
    }
}

/// The hook and the counter, shared by the file system and its files.
struct Gate {
    hook: Box<dyn Fn(&Operation) -> Verdict + Send + Sync>,
    next_index: AtomicU64,
}

impl Gate {
    fn pass(&self, kind: OpKind, path: &Path) -> Result<()> {
        Ok(self.ask(Request::new(kind, path))?)
    }

    /// Numbers the operation and asks the hook.
    fn ask(&self, request: Request<'_>) -> std::result::Result<(), Refusal> {
        let Request {
            kind,
            path,
            to,
            len,
            offset,
        } = request;
        let index = self.next_index.fetch_add(1, Ordering::Relaxed);
        let (path, to) = (path.to_owned(), to.map(Path::to_owned));
        let op = Operation {
            index,
            kind,
            path,
            to,
            len,
            offset,
        };
        let (error_kind, short) = match (self.hook)(&op) {
            Verdict::Proceed => return Ok(()),
            Verdict::Fail(error_kind) => (error_kind, None),
            Verdict::Short(short) => (io::ErrorKind::StorageFull, Some(short)),
            Verdict::Panic => panic!("a test asked for a panic in place of {op:?}"),
        };
        let source = io::Error::new(error_kind, format!("{error_kind} (a test asked for it)"));
        Err(Refusal {
            error: Error::io(kind.verb(), &op.path, source),
            short,
        })
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("next_index", &self.next_index)
            .finish_non_exhaustive()
    }
}

/// An operation before it has its number.
struct Request<'a> {
    kind: OpKind,
    path: &'a Path,
    to: Option<&'a Path>,
    len: u64,
    offset: u64,
}

impl<'a> Request<'a> {
    fn new(kind: OpKind, path: &'a Path) -> Self {
        Self {
            kind,
            path,
            to: None,
            len: 0,
            offset: 0,
        }
    }
}

/// The hook said no.
struct Refusal {
    error: Error,
    /// How much of an append is to be written all the same.
    short: Option<usize>,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}
