//! Day 6 · Recovery: a log whose damage is told from its end, a manifest that is replaced as a whole, and a store that comes back from every crash with all it had promised.

#[path = "../common/mod.rs"]
mod common;
mod task_1;
mod task_2;
mod task_3;
mod task_4;
mod task_5;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mini_lsm::byte_reader::Origin;
use mini_lsm::files::{LOCK, MANIFEST, MANIFEST_TMP, log_path, table_path};
use mini_lsm::fs::{CrashPlan, FaultFs, FileSystem, MemFs, OpKind, OpLog, Operation, Verdict};
use mini_lsm::log::{LogContents, LogWriter, RECORD_HEADER_LEN, read_log};
use mini_lsm::manifest::{MANIFEST_LOG_ID, Manifest, SealedLog, TableRecord, Version, VersionEdit};
use mini_lsm::table::TableId;
use mini_lsm::wal::{LoggedBatch, Wal, WalContents, decode_batch, encode_batch};
use mini_lsm::{Durability, Error, LsmOptions, LsmStorage, Result, WriteBatch};

use common::crash::{Map, Workload, scan_all};
use common::golden::check_fields;
use common::model::Model;
use common::rng::Rng;
use common::{DIR, assert_get, entries, key, mem_fs, open, options, path, wait_until};

/// How long a thread waits for another one that is sure to come if the engine is right.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a thread waits for another one that must not come, if the engine is right. A right
/// engine passes however slow the machine is.
const MOMENT: Duration = Duration::from_millis(150);

/// The directory of the store.
fn dir() -> &'static Path {
    Path::new(DIR)
}

/// A file system in memory with the directory of a store, which is empty.
fn mem_with_dir() -> Arc<MemFs> {
    let mem = mem_fs();
    mem.create_dir_all(dir()).expect("an empty directory");
    mem
}

/// A file system around `mem`, whose operations go through `hook`.
fn hooked(
    mem: &Arc<MemFs>,
    hook: impl Fn(&Operation) -> Verdict + Send + Sync + 'static,
) -> Arc<dyn FileSystem> {
    Arc::new(FaultFs::new(Arc::clone(mem) as Arc<dyn FileSystem>, hook))
}

/// Whether the operation is on the manifest, or on its next edition (a handle keeps the name under
/// which the file was made).
fn is_manifest(op: &Operation) -> bool {
    let name = op.path.file_name();
    name.is_some_and(|name| name == MANIFEST || name == MANIFEST_TMP)
}

fn is_wal(op: &Operation, kind: OpKind) -> bool {
    op.kind == kind && op.has_extension("wal")
}

/// What a power cut leaves.
fn power_cut(mem: &MemFs) -> Arc<MemFs> {
    Arc::new(mem.crash_clone(&CrashPlan::Lose))
}

/// What a kill of the process leaves.
fn kill(mem: &MemFs) -> Arc<MemFs> {
    Arc::new(mem.crash_clone(&CrashPlan::Keep))
}

/// All files of the store with their bytes.
fn files(mem: &MemFs) -> Vec<(String, Vec<u8>)> {
    let names = mem.file_names(DIR);
    names
        .into_iter()
        .map(|name| (name.clone(), mem.read(path(&name))))
        .collect()
}

/// The names of the files that the manifest on disk asks for.
fn files_of_manifest(mem: &MemFs) -> Vec<String> {
    let version = Manifest::load(mem, dir()).expect("the manifest loads");
    let tables = version.tables.keys().map(|id| format!("{:06}.sst", id.0));
    let logs = version.logs.iter().map(|id| format!("{id:06}.wal"));
    tables.chain(logs).collect()
}

/// The file with one bit flipped.
fn flipped(bytes: &[u8], byte: usize, bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[byte] ^= 1 << bit;
    bytes
}

/// A batch from text: `"b=2 c= a"` puts b, gives c an empty value and deletes a.
fn batch(text: &str) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for (key, value) in entries(text) {
        match value {
            Some(value) => batch.put(&key, &value),
            None => batch.delete(&key),
        };
    }
    batch
}

/// The other way round, each batch after its first sequence number: `"1: a=1 b | 3: c=3"`.
fn show_batches(batches: &[LoggedBatch]) -> String {
    let show_batch = |logged: &LoggedBatch| {
        let show_op = |op: &mini_lsm::write_batch::WriteOp<'_>| {
            let key = String::from_utf8_lossy(op.key).into_owned();
            match op.value {
                Some(value) => format!(" {key}={}", String::from_utf8_lossy(value)),
                None => format!(" {key}"),
            }
        };
        let ops: String = logged.batch.ops().iter().map(show_op).collect();
        format!("{}:{ops}", logged.first_seq)
    };
    let batches: Vec<String> = batches.iter().map(show_batch).collect();
    batches.join(" | ")
}

/// What log `id` of the store holds.
#[track_caller]
fn read_wal(mem: &MemFs, id: u64) -> WalContents {
    Wal::read(mem, dir(), id).unwrap_or_else(|error| panic!("log {id} cannot be read: {error}"))
}

/// Log `id` must hold these batches.
#[track_caller]
fn assert_logged(mem: &MemFs, id: u64, expected: &str, when: &str) {
    let got = show_batches(&read_wal(mem, id).batches);
    assert!(
        got == expected,
        "{when}, log {id} should hold [{expected}], but it holds [{got}]"
    );
}

/// A version in one line: `"tables 3@L0 5@L1, logs 4 6, flushed to 9, ids from 12"`.
fn show_version(version: &Version) -> String {
    let tables = version.tables.iter();
    let tables: String = tables
        .map(|(id, level)| format!(" {}@L{level}", id.0))
        .collect();
    let show_log = |id: &u64| match version.sealed_logs.get(id) {
        Some(len) => format!(" {id}({len} bytes)"),
        None => format!(" {id}"),
    };
    let logs: String = version.logs.iter().map(show_log).collect();
    let (seq, next_id) = (version.last_flushed_seq, version.next_id);
    format!("tables{tables}, logs{logs}, flushed to {seq}, ids from {next_id}")
}

/// The version that the manifest describes, in one line.
#[track_caller]
fn load(mem: &MemFs) -> String {
    let version = Manifest::load(mem, dir());
    show_version(&version.unwrap_or_else(|error| panic!("the manifest does not load: {error}")))
}

/// An error, and of this variant.
#[track_caller]
fn assert_corruption<T>(result: Result<T>, what: &str) {
    match result {
        Ok(_) => panic!("{what} was taken as sound: expected Corruption"),
        Err(Error::Corruption { .. }) => {}
        Err(error) => panic!("{what} should be Corruption, but it is: {error:?}"),
    }
}

/// A refusal of a store that takes no more writes.
#[track_caller]
fn assert_background<T>(result: Result<T>, what: &str) {
    match result {
        Ok(_) => panic!("{what} succeeded, though a log or the manifest had failed before"),
        Err(Error::Background(_)) => {}
        Err(error) => panic!("{what} should be Background, but it is: {error:?}"),
    }
}

#[track_caller]
fn put(store: &LsmStorage, key: &str, value: &str) {
    store
        .put(key.as_bytes(), value.as_bytes())
        .unwrap_or_else(|error| panic!("put({key}, {value}) failed: {error}"));
}

/// What the store holds, as text: `"a=1 b=2"`.
#[track_caller]
fn contents(store: &LsmStorage, told: &str) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let entries: Vec<String> = scan_all(store, told)
        .iter()
        .map(|(key, value)| format!("{}={}", text(key), text(value)))
        .collect();
    entries.join(" ")
}

/// The store must hold exactly this.
#[track_caller]
fn assert_contents(store: &LsmStorage, expected: &str, when: &str) {
    let got = contents(store, when);
    assert!(
        got == expected,
        "{when}, the store should hold [{expected}], but it holds [{got}]"
    );
}

/// Opens the store in `mem`, as it was left there.
#[track_caller]
fn reopen(mem: &Arc<MemFs>, when: &str) -> LsmStorage {
    LsmStorage::open(DIR, options(mem))
        .unwrap_or_else(|error| panic!("{when}, the store does not open: {error}"))
}

/// The store in `mem`, once opened, must hold exactly this.
#[track_caller]
fn assert_reopens(mem: &Arc<MemFs>, expected: &str, when: &str) {
    assert_contents(&reopen(mem, when), expected, when);
}

/// Options that sync each write.
fn sync_options(fs: Arc<dyn FileSystem>) -> LsmOptions {
    LsmOptions {
        durability: Durability::Sync,
        ..LsmOptions::for_test(fs)
    }
}

/// Options whose memtables are full after a few writes.
fn small_memtables(fs: Arc<dyn FileSystem>) -> LsmOptions {
    LsmOptions {
        memtable_size: 200,
        ..LsmOptions::for_test(fs)
    }
}

/// Whether `run` comes to its end without a panic.
fn panics_not(run: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_ok()
}

/// Something that happens once, and that threads wait for, though never for ever.
#[derive(Debug, Default)]
struct Signal {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn give(&self) {
        *self.given.lock().expect("no holder panics") = true;
        self.changed.notify_all();
    }

    /// Whether it came within this time.
    fn wait(&self, limit: Duration) -> bool {
        let given = self.given.lock().expect("no holder panics");
        let (given, _) = self
            .changed
            .wait_timeout_while(given, limit, |given| !*given)
            .expect("no holder panics");
        *given
    }
}

/// A look at a store from within its own hooks.
#[derive(Debug, Default)]
struct Peek(OnceLock<Weak<LsmStorage>>);

impl Peek {
    fn at(&self, store: &Arc<LsmStorage>) {
        self.0
            .set(Arc::downgrade(store))
            .expect("there is one store");
    }

    /// `None` until the store is open.
    fn store(&self) -> Option<Arc<LsmStorage>> {
        self.0.get()?.upgrade()
    }

    /// Waits until the memtable has so many entries; false if that does not happen.
    fn wait_for_entries(&self, count: usize) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let store = self.store().expect("the store is open");
            if store.metrics().memtable.entry_count >= count {
                return true;
            }
            thread::yield_now();
        }
        false
    }
}
