//! Day 4 · The way to disk: memory becomes tables while reads and writes go on.

#[path = "../common/mod.rs"]
mod common;
mod task_1;
mod task_2;
mod task_3;
mod task_4;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use common::{
    DIR, Entry, assert_get, entries, key, mem_fs, options, path, rest, rest_of_scan, show,
};
use mini_lsm::block::Block;
use mini_lsm::block_cache::BlockCache;
use mini_lsm::files::table_path;
use mini_lsm::fs::{FaultFs, FileSystem, MemFs, OpKind, OpLog, Operation, Verdict};
use mini_lsm::table::{CacheFill, SsTable, SsTableBuilder, SsTableIterator, TableId};
use mini_lsm::{
    Error, Event, EventListener, LsmOptions, LsmStorage, Result, StorageIterator, WriteBatch,
};

/// How long a test waits for another thread. Only a hung engine ever waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// A listener that keeps what it is told, and then does what the test wants.
struct Watcher {
    events: Mutex<Vec<Event>>,
    then: Box<dyn Fn(&Event) + Send + Sync>,
}

impl Watcher {
    fn new(then: impl Fn(&Event) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            events: Mutex::default(),
            then: Box::new(then),
        })
    }

    fn silent() -> Arc<Self> {
        Self::new(|_| {})
    }

    /// Holds every flush at its beginning, at the gate.
    fn holding_flushes(gate: &Arc<Gate>) -> Arc<Self> {
        let gate = Arc::clone(gate);
        Self::new(move |event| {
            if matches!(event, Event::FlushBegun { .. }) {
                gate.pass();
            }
        })
    }

    /// The memtables whose flush began, in order.
    fn begun(&self) -> Vec<u64> {
        self.pick(|event| match event {
            Event::FlushBegun { memtable } => Some(*memtable),
            _ => None,
        })
    }

    /// The memtables whose flush was installed, with their tables, in order.
    fn installed(&self) -> Vec<(u64, Option<TableId>)> {
        self.pick(|event| match event {
            Event::FlushInstalled { memtable, table } => Some((*memtable, *table)),
            _ => None,
        })
    }

    /// The memtables that were frozen, in order.
    fn frozen(&self) -> Vec<u64> {
        self.pick(|event| match event {
            Event::MemtableFrozen { id } => Some(*id),
            _ => None,
        })
    }

    /// How often a writer had to wait.
    fn stalls(&self) -> usize {
        self.pick(|event| matches!(event, Event::WriteStalled).then_some(()))
            .len()
    }

    fn pick<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.events.lock().iter().filter_map(pick).collect()
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

impl EventListener for Watcher {
    fn on_event(&self, event: &Event) {
        self.events.lock().push(event.clone());
        (self.then)(event);
    }
}

/// Where a test holds threads of the engine. Shut at first.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    is_open: bool,
    arrived: usize,
    let_through: usize,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Waits until it is this thread's turn to go through.
    fn pass(&self) {
        let mut state = self.state.lock();
        state.arrived += 1;
        let turn = state.arrived;
        let is_held = |state: &mut GateState| !state.is_open && state.let_through < turn;
        // Longer than anybody waits for a call: one that hangs because of us must be seen to hang.
        let limit = 3 * PATIENCE;
        self.changed.wait_while_for(&mut state, is_held, limit);
    }

    /// How many threads have come here so far.
    fn arrived(&self) -> usize {
        self.state.lock().arrived
    }

    fn let_one_through(&self) {
        self.state.lock().let_through += 1;
        self.changed.notify_all();
    }

    fn open(&self) {
        self.state.lock().is_open = true;
        self.changed.notify_all();
    }

    fn shut(&self) {
        let mut state = self.state.lock();
        state.is_open = false;
        state.let_through = state.arrived;
    }

    /// Opens the gate when the test is over, also if it fails: nobody stays behind. To be made after the store.
    fn open_at_the_end(self: &Arc<Self>) -> OpenAtTheEnd {
        OpenAtTheEnd(Arc::clone(self))
    }
}

/// Sets a flag when it is dropped, so that threads that run until then end also if the test fails.
struct SetAtTheEnd<'a>(&'a AtomicBool);

impl Drop for SetAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct OpenAtTheEnd(Arc<Gate>);

impl Drop for OpenAtTheEnd {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// A call in a thread of its own, which a test can see waiting, and which cannot hang the test.
struct Call<T> {
    what: &'static str,
    answer: Receiver<T>,
    thread: JoinHandle<()>,
}

fn call<T: Send + 'static>(
    what: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Call<T> {
    let (sender, answer) = channel();
    let thread = thread::spawn(move || {
        // Nobody listens if the test has failed meanwhile.
        let _ = sender.send(body());
    });
    Call {
        what,
        answer,
        thread,
    }
}

impl<T> Call<T> {
    fn has_returned(&self) -> bool {
        self.thread.is_finished()
    }

    #[track_caller]
    fn answer(self) -> T {
        match self.answer.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => panic!("{} hangs", self.what),
            // It panicked, and has said why: let the test end with that.
            Err(RecvTimeoutError::Disconnected) => match self.thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => unreachable!("the thread sends its answer unless it panics"),
            },
        }
    }

    /// Waits until the call has brought `count` threads to the gate. Fails if it returns before.
    #[track_caller]
    fn comes_to(self, gate: &Gate, count: usize) -> Self {
        let what = format!("{} comes to where it is to be held", self.what);
        wait_for(&what, || gate.arrived() >= count || self.has_returned());
        if gate.arrived() < count {
            let what = self.what;
            self.answer();
            panic!("{what} returned, and never came to where it was to be held");
        }
        self
    }
}

/// Waits until `condition` holds.
#[track_caller]
fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::yield_now();
    }
}

/// Waits until `condition` holds, which the flush thread brings about, if it does not fail.
#[track_caller]
fn wait_for_flush_thread(store: &LsmStorage, what: &str, condition: impl Fn() -> bool) {
    wait_for(what, || {
        if let Some(error) = store.metrics().background_error {
            panic!("waiting until {what}, but the flush thread failed: {error}");
        }
        condition()
    });
}

/// Lets other threads run for a moment. What a test finds afterwards must be right however far they
/// came: a wrong engine gets its chance to show it, a right one loses next to no time.
fn let_others_run() {
    let end = Instant::now() + Duration::from_millis(5);
    for _ in 0..500 {
        if Instant::now() >= end {
            break;
        }
        thread::yield_now();
    }
}

/// Writes what the text says, one batch a word: `"b=2 a"` puts b, then deletes a.
#[track_caller]
fn write(store: &LsmStorage, text: &str) {
    for (key, value) in entries(text) {
        let written = match value {
            Some(value) => store.put(&key, &value),
            None => store.delete(&key),
        };
        written.unwrap_or_else(|error| panic!("writing {} failed: {error}", show(&key)));
    }
}

/// A store that threads can share.
#[track_caller]
fn open(options: LsmOptions) -> Arc<LsmStorage> {
    Arc::new(common::open(options))
}

/// Calls `flush` in a thread of its own.
fn begin_flush(what: &'static str, store: &Arc<LsmStorage>) -> Call<Result<()>> {
    let store = Arc::clone(store);
    call(what, move || store.flush())
}

/// Likewise `close`.
fn begin_close(what: &'static str, store: &Arc<LsmStorage>) -> Call<Result<()>> {
    let store = Arc::clone(store);
    call(what, move || store.close())
}

/// A flush that must succeed. One that never ends is told from one that fails.
#[track_caller]
fn flush(store: &Arc<LsmStorage>) {
    begin_flush("flush()", store)
        .answer()
        .unwrap_or_else(|error| panic!("flush() failed: {error}"));
}

/// Entries as a text that `entries` understands.
fn text_of(entries: &[Entry]) -> String {
    let word = |(key, value): &Entry| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match value {
            Some(value) => format!("{}={}", text(key), text(value)),
            None => text(key),
        }
    };
    entries.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// What is in the file of table `id`.
#[track_caller]
fn read_table(fs: &Arc<MemFs>, id: TableId) -> Vec<Entry> {
    let table = open_table(Arc::clone(fs) as Arc<dyn FileSystem>, id, None);
    let mut cursor = SsTableIterator::new(table, CacheFill::No);
    cursor.seek_to_first().expect("cannot read a flushed table");
    rest(&mut cursor)
}

/// The tables of L0, newest first, must hold this.
#[track_caller]
fn assert_l0(fs: &Arc<MemFs>, store: &LsmStorage, expected: &[&str], when: &str) {
    let tables: Vec<String> = store.metrics().levels[0]
        .iter()
        .map(|table| text_of(&read_table(fs, table.id)))
        .collect();
    assert!(
        tables == expected,
        "{when}, L0 (newest table first) holds {tables:?}, expected {expected:?}"
    );
}

/// What a scan of everything must give, as a text.
#[track_caller]
fn assert_scan(store: &LsmStorage, expected: &str, when: &str) {
    let mut scan = store
        .scan(..)
        .unwrap_or_else(|error| panic!("{when}, scan(..) failed: {error}"));
    let got = text_of_pairs(&rest_of_scan(&mut scan));
    assert!(
        got == expected,
        "{when}, scan(..) gave [{got}], expected [{expected}]"
    );
}

fn text_of_pairs(pairs: &[(Vec<u8>, Vec<u8>)]) -> String {
    let entries: Vec<Entry> = pairs
        .iter()
        .map(|(key, value)| (key.clone(), Some(value.clone())))
        .collect();
    text_of(&entries)
}

/// The names of the table files in the store's directory.
fn table_files(fs: &MemFs) -> Vec<String> {
    let mut names = fs.file_names(DIR);
    names.retain(|name| name.ends_with(".sst"));
    names
}

/// How many entries are in memtables and tables together.
fn entry_count(store: &LsmStorage) -> usize {
    let metrics = store.metrics();
    let frozen: usize = metrics.frozen.iter().map(|table| table.entry_count).sum();
    let tables = metrics.levels.iter().flatten();
    let tables: u64 = tables.map(|table| table.entry_count).sum();
    metrics.memtable.entry_count + frozen + tables as usize
}

fn is_table_read(op: &Operation) -> bool {
    op.kind == OpKind::Read && op.has_extension("sst")
}

/// A file system that shows every operation to `hook` first.
fn hooked(
    fs: &Arc<MemFs>,
    hook: impl Fn(&Operation) -> Verdict + Send + Sync + 'static,
) -> Arc<dyn FileSystem> {
    Arc::new(FaultFs::new(Arc::clone(fs) as Arc<dyn FileSystem>, hook))
}

/// A file system that logs every operation.
fn logged(fs: &Arc<MemFs>, log: &OpLog) -> Arc<dyn FileSystem> {
    Arc::new(FaultFs::logged(Arc::clone(fs) as Arc<dyn FileSystem>, log))
}

/// Makes one operation on a table's file go wrong, once the test has set it.
#[derive(Clone, Debug, Default)]
struct Trap(Arc<Mutex<TrapState>>);

#[derive(Debug, Default)]
struct TrapState {
    set: Option<(OpKind, Verdict)>,
    has_synced_table: bool,
}

impl Trap {
    fn around(&self, fs: &Arc<MemFs>) -> Arc<dyn FileSystem> {
        let trap = self.clone();
        hooked(fs, move |op| trap.judge(op))
    }

    fn set(&self, kind: OpKind, verdict: Verdict) {
        self.0.lock().set = Some((kind, verdict));
    }

    fn judge(&self, op: &Operation) -> Verdict {
        let mut state = self.0.lock();
        // A directory's sync is a table's if it follows the sync of a table's bytes.
        let is_tables = match op.kind {
            OpKind::SyncDir => std::mem::take(&mut state.has_synced_table),
            _ => op.has_extension("sst"),
        };
        state.has_synced_table |= op.kind == OpKind::Sync && is_tables;
        match state.set {
            Some((kind, verdict)) if kind == op.kind && is_tables => {
                state.set = None;
                verdict
            }
            _ => Verdict::Proceed,
        }
    }
}

/// What can go wrong while a table is written.
fn table_failures() -> [(&'static str, OpKind, Verdict); 5] {
    let full = Verdict::Fail(std::io::ErrorKind::StorageFull);
    [
        ("creating the table's file fails", OpKind::Create, full),
        ("an append fails", OpKind::Append, full),
        ("an append is cut short", OpKind::Append, Verdict::Short(10)),
        ("syncing the file fails", OpKind::Sync, full),
        ("syncing its name fails", OpKind::SyncDir, full),
    ]
}

/// Writes table `id` with one block for each of these entries.
#[track_caller]
fn build_table(fs: &Arc<MemFs>, id: TableId, entries: impl IntoIterator<Item = Entry>) {
    let options = LsmOptions {
        block_size: 1,
        ..options(fs)
    };
    fs.create_dir_all(Path::new(DIR))
        .expect("cannot create the directory");
    let file = fs
        .create(&table_path(Path::new(DIR), id))
        .expect("cannot create the table's file");
    let mut builder = SsTableBuilder::new(id, file, &options);
    for (key, value) in entries {
        builder
            .add(&key, value.as_deref())
            .expect("SsTableBuilder::add failed");
    }
    builder.finish().expect("SsTableBuilder::finish failed");
}

#[track_caller]
fn open_table(
    fs: Arc<dyn FileSystem>,
    id: TableId,
    cache: Option<Arc<BlockCache>>,
) -> Arc<SsTable> {
    let path = table_path(Path::new(DIR), id);
    let table = SsTable::open(fs, &path, id, cache);
    Arc::new(table.unwrap_or_else(|error| panic!("cannot open a table: {error}")))
}
