//! The faults of one run, and the hook that makes them happen.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread::{self, ThreadId};
use std::time::Duration;

use fastrand::Rng;
use mini_lsm::fs::{FileSystem, MemFs, OpKind, Operation, Verdict};

/// What is said by a panic that was asked for: [`FaultFs`](mini_lsm::fs::FaultFs) does so.
pub const PANIC_MARK: &str = "a test asked for a panic";

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Not done: EIO. A sync loses what was not synced.
    Eio,
    /// Not done: ENOSPC.
    Full,
    /// An append that writes only so many in a hundred of its bytes; all of them, too.
    Short(u8),
    /// A change of a name that is done, and reported as failed all the same.
    DoneAndFailed,
    /// The thread panics. Where it does so already, [`Eio`](Self::Eio) instead: a destructor is at
    /// work, and a second panic would end the process, whatever the engine does.
    Panic,
}

impl What {
    /// What can be done in this thread at this moment.
    fn here(self) -> Self {
        match self {
            Self::Panic if thread::panicking() => Self::Eio,
            what => what,
        }
    }
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// This operation only.
    Once,
    /// All of its kind from then on.
    SameKind,
    /// All from then on; of a full disk, all that take space.
    All,
}

/// A fault, planned.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The number of the operation.
    pub at: u64,
    /// What becomes of it.
    pub what: What,
    /// For how long.
    pub lasts: Lasts,
}

/// A fault that struck.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The operation.
    pub op: Operation,
    /// What became of it.
    pub what: What,
    /// In which thread.
    pub thread: ThreadId,
    /// The operation before it, of any thread.
    previous: Option<(OpKind, PathBuf)>,
}

/// Decides on every operation of a run.
#[derive(Debug)]
pub struct Injector {
    mem: MemFs,
    plan: Vec<Fault>,
    is_armed: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    hits: Vec<Hit>,
    /// By fault: the kind of operation at which it began.
    begun: Vec<Option<OpKind>>,
    previous: Option<(OpKind, PathBuf)>,
    /// Of a run without faults.
    operations: Vec<Operation>,
    /// Logs and manifests of which an append or a sync has failed, since the last `open`.
    failed: Vec<PathBuf>,
    /// An append to one of these, or another sync.
    retried: Option<Operation>,
}

impl Fault {
    /// All faults that one operation is tried with.
    pub fn all_for(op: &Operation, rng: &mut Rng) -> Vec<Self> {
        let at = op.index;
        let fault = |what, lasts| Self { at, what, lasts };
        let mut faults = vec![
            fault(What::Eio, Lasts::Once),
            fault(What::Eio, Lasts::SameKind),
            fault(What::Eio, Lasts::All),
            fault(What::Panic, Lasts::Once),
        ];
        if op.kind.is_change() && op.kind != OpKind::Lock {
            faults.push(fault(What::Full, Lasts::Once));
            faults.push(fault(What::Full, Lasts::All));
        }
        if op.kind == OpKind::Append {
            faults.push(fault(What::Short(rng.u8(1..100)), Lasts::Once));
            faults.push(fault(What::Short(100), Lasts::Once));
        }
        if can_be_done(op.kind) {
            faults.push(fault(What::DoneAndFailed, Lasts::Once));
        }
        faults
    }

    /// One of them.
    pub fn random_for(op: &Operation, rng: &mut Rng) -> Self {
        let faults = Self::all_for(op, rng);
        faults[rng.usize(..faults.len())]
    }

    fn strikes(&self, op: &Operation, begun: &mut Option<OpKind>) -> bool {
        if op.index == self.at {
            *begun = Some(op.kind);
            return true;
        }
        match (self.lasts, *begun) {
            (Lasts::SameKind, Some(kind)) => kind == op.kind,
            (Lasts::All, Some(_)) => self.what != What::Full || takes_space(op.kind),
            _ => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}, {:?}", self.what, self.at, self.lasts)
    }
}

impl Hit {
    /// Whether the engine may go on as if nothing had happened: a file that nobody needs is still
    /// there.
    pub fn may_be_silent(&self) -> bool {
        self.op.kind == OpKind::Remove
    }

    /// Whether a log or the manifest was being written, outside `open`: that ends all writing.
    ///
    /// `None` where that cannot be told, because threads run side by side.
    pub fn ends_writing(&self, has_threads: bool) -> Option<bool> {
        match self.op.kind {
            OpKind::Read | OpKind::Len | OpKind::Open => Some(false),
            OpKind::SyncDir if has_threads => None,
            // Of the file that was created, synced or renamed just before.
            OpKind::SyncDir => Some(self.previous.as_ref().is_some_and(|(_, path)| is_log(path))),
            // Before the manifest is replaced; nobody else lists.
            OpKind::List => Some(true),
            // Only the leftover of a manifest is in the way of anything.
            OpKind::Remove => Some(self.op.has_extension("tmp")),
            _ => Some(is_log(&self.op.path)),
        }
    }

    /// Whether a log lost what was not synced.
    pub fn lost_log_data(&self) -> bool {
        self.op.kind == OpKind::Sync && self.what != What::Panic && self.op.has_extension("wal")
    }

    /// The error kind with which the operation failed.
    pub fn error_kind(&self) -> ErrorKind {
        match self.what {
            What::Full | What::Short(_) => ErrorKind::StorageFull,
            What::Eio | What::DoneAndFailed | What::Panic => ErrorKind::Other,
        }
    }

    /// The name under which it is counted.
    pub fn counted_as(&self) -> &'static str {
        match (self.what, self.op.kind) {
            (What::Panic, _) => "panics hit",
            (What::Short(_), _) => "short writes hit",
            (What::DoneAndFailed, _) => "done-but-failed changes hit",
            (_, OpKind::Sync) => "failed fsyncs hit",
            (_, OpKind::SyncDir) => "failed directory syncs hit",
            (_, OpKind::Rename) => "failed renames hit",
            (_, OpKind::Lock | OpKind::List | OpKind::DirExists) => "failed lists and locks hit",
            (What::Full, _) => "ENOSPC hit",
            (What::Eio, OpKind::Read | OpKind::Open | OpKind::Len) => "failed reads hit",
            (What::Eio, _) => "other EIO hit",
        }
    }
}

impl Injector {
    /// These faults, over `mem`.
    pub fn new(mem: &MemFs, plan: &[Fault]) -> Self {
        let inner = Inner {
            begun: vec![None; plan.len()],
            ..Inner::default()
        };
        Self {
            mem: mem.clone(),
            plan: plan.to_vec(),
            is_armed: AtomicBool::new(true),
            inner: Mutex::new(inner),
        }
    }

    /// From now on all goes well.
    pub fn disarm(&self) {
        self.is_armed.store(false, Ordering::SeqCst);
    }

    /// The store is opened again: logs and manifest are new.
    pub fn forget_failures(&self) {
        self.lock().failed.clear();
    }

    /// A log or manifest that was written or synced after it had failed.
    pub fn retried(&self) -> Option<Operation> {
        self.lock().retried.clone()
    }

    /// Whether a fault may still strike.
    pub fn is_armed(&self) -> bool {
        self.is_armed.load(Ordering::SeqCst)
    }

    /// The faults that struck, from number `first` on.
    pub fn hits(&self, first: usize) -> Vec<Hit> {
        self.lock().hits[first..].to_vec()
    }

    /// How many struck.
    pub fn hit_count(&self) -> usize {
        self.lock().hits.len()
    }

    /// All operations so far, if there are no faults.
    pub fn operations(&self) -> Vec<Operation> {
        self.lock().operations.clone()
    }

    /// The hook.
    pub fn judge(&self, op: &Operation) -> Verdict {
        let mut inner = self.lock();
        let previous = inner.previous.replace((op.kind, op.path.clone()));
        if self.plan.is_empty() {
            inner.operations.push(op.clone());
        }
        if !self.is_armed() {
            return Verdict::Proceed;
        }
        let is_write = matches!(op.kind, OpKind::Append | OpKind::Sync) && is_log(&op.path);
        if is_write && inner.failed.contains(&op.path) {
            inner.retried = Some(op.clone());
        }
        let Inner {
            begun,
            hits,
            failed,
            ..
        } = &mut *inner;
        let mut struck = None;
        for (fault, begun) in self.plan.iter().zip(begun) {
            if fault.strikes(op, begun) {
                struck = struck.or(Some(fault.what));
            }
        }
        let Some(what) = struck.map(What::here) else {
            return Verdict::Proceed;
        };
        if is_write && what != What::Panic {
            failed.push(op.path.clone());
        }
        hits.push(Hit {
            op: op.clone(),
            what,
            thread: thread::current().id(),
            previous,
        });
        let error_kind = hits.last().map_or(ErrorKind::Other, Hit::error_kind);
        let is_early = hits.len() < 3;
        drop(inner);
        if is_write && is_early {
            // Time for another thread to come where it must not go on.
            thread::sleep(Duration::from_micros(200));
        }
        match what {
            What::Eio | What::Full => Verdict::Fail(error_kind),
            What::Short(percent) => Verdict::Short(op.len as usize * usize::from(percent) / 100),
            What::DoneAndFailed => {
                self.do_it(op);
                Verdict::Fail(error_kind)
            }
            What::Panic => Verdict::Panic,
        }
    }

    /// Does a change of a name; that it may fail by itself is as good.
    fn do_it(&self, op: &Operation) {
        let _ = match (op.kind, &op.to) {
            (OpKind::Create, _) => self.mem.create(&op.path).map(drop),
            (OpKind::Rename, Some(to)) => self.mem.rename(&op.path, to),
            (OpKind::Remove, _) => self.mem.remove(&op.path),
            (OpKind::SyncDir, _) => self.mem.sync_dir(&op.path),
            (OpKind::CreateDir, _) => self.mem.create_dir_all(&op.path),
            _ => Ok(()),
        };
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic while it is held")
    }
}

fn is_log(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.ends_with(".wal") || name.starts_with("MANIFEST"))
}

fn can_be_done(kind: OpKind) -> bool {
    use OpKind::{Create, CreateDir, Remove, Rename, SyncDir};
    matches!(kind, Create | CreateDir | Remove | Rename | SyncDir)
}

fn takes_space(kind: OpKind) -> bool {
    use OpKind::{Append, Create, CreateDir, Preallocate, Rename};
    matches!(kind, Append | Create | CreateDir | Preallocate | Rename)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::*;

    fn removal(index: u64) -> Operation {
        Operation {
            index,
            kind: OpKind::Remove,
            path: "file".into(),
            to: None,
            len: 0,
            offset: 0,
        }
    }

    /// Removes its file when it goes, as a table does.
    struct Guard<'a>(&'a Injector, &'a Mutex<Vec<Verdict>>);

    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            let verdict = self.0.judge(&removal(1));
            self.1.lock().expect("no panic").push(verdict);
        }
    }

    #[test]
    fn in_a_thread_that_panics_a_panic_becomes_an_error() {
        let panic_at = |at| Fault {
            at,
            what: What::Panic,
            lasts: Lasts::Once,
        };
        let injector = Injector::new(&MemFs::new(), &[panic_at(0), panic_at(1)]);
        let verdicts = Mutex::default();
        assert_eq!(injector.judge(&removal(0)), Verdict::Panic);
        let unwind = || {
            let _guard = Guard(&injector, &verdicts);
            resume_unwind(Box::new(()));
        };
        let unwound = catch_unwind(AssertUnwindSafe(unwind));
        assert!(unwound.is_err());
        let verdicts = verdicts.into_inner().expect("no panic");
        assert_eq!(verdicts, [Verdict::Fail(ErrorKind::Other)]);
        let whats: Vec<_> = injector.hits(0).iter().map(|hit| hit.what).collect();
        assert_eq!(whats, [What::Panic, What::Eio]);
    }
}
