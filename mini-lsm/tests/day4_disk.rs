//! Day 4 · The way to disk: memory becomes tables while reads and writes go on.

mod common;

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
        self.changed.wait_while_for(&mut state, is_held, PATIENCE);
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

mod task_1 {
    use super::*;

    /// A file system, what it did, and a table with a block each for `values`, whose blocks go through a cache.
    struct Fixture {
        log: OpLog,
        cache: Arc<BlockCache>,
        table: Arc<SsTable>,
        values: Vec<Vec<u8>>,
    }

    impl Fixture {
        fn new(block_count: usize, value_len: usize, capacity: u64) -> Self {
            let (fs, log) = (mem_fs(), OpLog::default());
            let value = |i: usize| format!("{i:0value_len$}").into_bytes();
            let values: Vec<Vec<u8>> = (0..block_count).map(value).collect();
            let entries = values.iter().enumerate();
            build_table(
                &fs,
                TableId(1),
                entries.map(|(i, value)| (key(i), Some(value.clone()))),
            );
            let cache = Arc::new(BlockCache::new(capacity));
            let table = open_table(logged(&fs, &log), TableId(1), Some(Arc::clone(&cache)));
            log.clear();
            Self {
                log,
                cache,
                table,
                values,
            }
        }

        /// Asks for block `index`, and checks that it is the right one.
        #[track_caller]
        fn block(&self, index: usize, fill: CacheFill) {
            let block = self.table.block(index, fill);
            let block = block.unwrap_or_else(|error| panic!("reading block {index}: {error}"));
            let value = first_value(&block);
            assert!(
                value == self.values[index],
                "block {index} came back with the value {}, expected {}",
                show(&value),
                show(&self.values[index])
            );
        }

        /// How often the file was read since the table was opened.
        fn reads(&self) -> usize {
            self.log.count(is_table_read)
        }
    }

    fn first_value(block: &Block) -> Vec<u8> {
        let value = block.entry(0).value;
        value.expect("the test wrote no tombstone").to_vec()
    }

    /// A block that is asked for twice is read from the file once.
    ///
    /// A read of a disk takes a hundred thousand times as long as one of memory, and most reads of a store ask for the same few blocks.
    ///
    /// # Hints
    /// - Does `SsTable::block` ask the cache before it reads?
    /// - Does what was read get into the cache, under the table's id and the block's number?
    /// - moka's `get` and `insert` would do for this test; read the task once more before you settle for them.
    #[test]
    fn a_block_read_twice_costs_one_read() {
        let f = Fixture::new(5, 100, 1 << 20);
        f.block(3, CacheFill::Yes);
        f.block(3, CacheFill::Yes);
        let reads = f.reads();
        assert!(
            reads == 1,
            "block 3 was asked for twice, and the file was read {reads} times, expected once"
        );
    }

    /// A second walk over a table reads nothing, and shows the same.
    ///
    /// Blocks must not take each other's places: a key made of the table alone would make all of a table's blocks one.
    ///
    /// # Hints
    /// - What is a block's key in the cache?
    /// - `BlockKey` has two parts, and both are needed.
    #[test]
    fn a_second_walk_over_a_table_reads_nothing() {
        let f = Fixture::new(12, 100, 1 << 20);
        for walk in ["first", "second"] {
            let mut cursor = SsTableIterator::new(Arc::clone(&f.table), CacheFill::Yes);
            cursor.seek_to_first().expect("seek_to_first() failed");
            let values: Vec<Vec<u8>> = rest(&mut cursor)
                .into_iter()
                .map(|(_, value)| value.expect("the test wrote no tombstone"))
                .collect();
            assert!(
                values == f.values,
                "the {walk} walk over the table shows other values than were written"
            );
            let reads = f.reads();
            assert!(
                reads == 12,
                "after the {walk} walk over 12 blocks the file was read {reads} times, expected 12"
            );
        }
    }

    /// Blocks of two tables that have the same number are different blocks.
    ///
    /// One cache serves all tables of a store, and each of them has a block 0.
    ///
    /// # Hints
    /// - Which table does the block come from that you find under this key?
    /// - The table's id belongs into the key.
    #[test]
    fn two_tables_with_equal_block_numbers_do_not_mix() {
        let fs = mem_fs();
        let cache = Arc::new(BlockCache::new(1 << 20));
        let values = [(TableId(1), "one"), (TableId(2), "two")];
        for (id, value) in values {
            build_table(&fs, id, entries(&format!("a={value}")));
        }
        for (id, value) in values.into_iter().chain(values) {
            let fs = Arc::clone(&fs) as Arc<dyn FileSystem>;
            let table = open_table(fs, id, Some(Arc::clone(&cache)));
            let block = table.block(0, CacheFill::Yes).expect("block(0) failed");
            let got = first_value(&block);
            assert!(
                got == value.as_bytes(),
                "block 0 of table {} holds {}, expected {}: tables share a cache, not their blocks",
                id.0,
                show(&got),
                show(value.as_bytes())
            );
        }
    }

    /// Eight threads that miss the same block at the same time cause one read, and all get the block.
    ///
    /// When a block that everybody wants drops out of the cache, a store without this rule asks the disk for it as often as it has readers, just when it is slow anyway.
    ///
    /// # Hints
    /// - What does a second thread find between the first one's look into the cache and its insert?
    /// - Look, read and insert must be one step for a key. moka has a call that does so.
    /// - `try_get_with` takes a closure that may fail.
    #[test]
    fn threads_that_miss_the_same_block_read_it_once() {
        const THREADS: usize = 8;
        const ROUNDS: usize = 10;
        let fs = mem_fs();
        let all = (0..ROUNDS).map(|i| (key(i), Some(key(i))));
        build_table(&fs, TableId(1), all);
        let [begun, awaited, reads] = [const { AtomicUsize::new(0) }; 3].map(Arc::new);
        let hook = {
            let [begun, awaited, reads] = [&begun, &awaited, &reads].map(Arc::clone);
            move |op: &Operation| {
                if is_table_read(op) {
                    let read = reads.fetch_add(1, Ordering::SeqCst) + 1;
                    // Until all are about to ask, and then some: whoever would read, too, gets the time to.
                    wait_for("all threads run", || {
                        begun.load(Ordering::SeqCst) >= awaited.load(Ordering::SeqCst)
                    });
                    if awaited.load(Ordering::SeqCst) > 0 && read == 1 {
                        let_others_run();
                    }
                }
                Verdict::Proceed
            }
        };
        let cache = Arc::new(BlockCache::new(1 << 20));
        let table = open_table(hooked(&fs, hook), TableId(1), Some(Arc::clone(&cache)));
        for index in 0..ROUNDS {
            reads.store(0, Ordering::SeqCst);
            awaited.store((index + 1) * THREADS, Ordering::SeqCst);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        begun.fetch_add(1, Ordering::SeqCst);
                        let block = table.block(index, CacheFill::Yes).expect("block() failed");
                        let value = first_value(&block);
                        assert!(
                            value == key(index),
                            "a thread that waited for block {index} got the one with {}",
                            show(&value)
                        );
                    });
                }
            });
            let reads = reads.load(Ordering::SeqCst);
            assert!(
                reads == 1,
                "{THREADS} threads missed block {index} at the same time, and the file was read {reads} times, expected once"
            );
        }
        let (hits, misses) = (cache.hits(), cache.misses());
        assert!(
            (hits, misses) == ((ROUNDS * (THREADS - 1)) as u64, ROUNDS as u64),
            "{ROUNDS} blocks were asked for by {THREADS} threads each and read once: the cache counts {hits} hits and {misses} misses, \
             but a call that got the block from another call's read is a hit"
        );
    }

    /// While one block is being read, others can be had.
    ///
    /// A lock around the whole cache would also make every block be read once. But then the slowest read holds up all readers of the store.
    ///
    /// # Hints
    /// - What do you hold while `read` runs?
    /// - The threads that want *the same* block wait; everybody else goes on. moka does both.
    #[test]
    fn a_slow_read_of_one_block_holds_up_no_other() {
        let fs = mem_fs();
        build_table(&fs, TableId(1), entries("a=1 b=2 c=3"));
        let (gate, is_armed) = (Gate::new(), Arc::new(AtomicBool::new(false)));
        let hook = {
            let (gate, is_armed) = (Arc::clone(&gate), Arc::clone(&is_armed));
            move |op: &Operation| {
                if is_table_read(op) && is_armed.swap(false, Ordering::SeqCst) {
                    gate.pass();
                }
                Verdict::Proceed
            }
        };
        let cache = Arc::new(BlockCache::new(1 << 20));
        let table = open_table(hooked(&fs, hook), TableId(1), Some(cache));
        let _open = gate.open_at_the_end();
        let read = |what, index: usize| {
            let table = Arc::clone(&table);
            call(what, move || {
                let block = table.block(index, CacheFill::Yes);
                first_value(&block.expect("block() failed"))
            })
        };
        is_armed.store(true, Ordering::SeqCst);
        let slow = read("block(0)", 0).comes_to(&gate, 1);
        let other = read("block(1), while the file is asked for block 0,", 1).answer();
        assert!(other == b"2", "block 1 holds {}, expected 2", show(&other));
        gate.open();
        let slow = slow.answer();
        assert!(slow == b"1", "block 0 holds {}, expected 1", show(&slow));
    }

    /// The capacity is bytes: sixteen blocks of 4 KiB fill a cache of 64 KiB, and a seventeenth drives one out.
    ///
    /// Who runs the store gives it so much memory and no more. Blocks are of any size, so their number says nothing.
    ///
    /// # Hints
    /// - What does moka count if nobody tells it what an entry weighs?
    /// - `Cache::builder().weigher(…)`: an entry's weight is its block's length in bytes, and a little for the entry itself.
    #[test]
    fn the_capacity_is_counted_in_bytes() {
        const CAPACITY: u64 = 64 << 10;
        let f = Fixture::new(64, 4096, CAPACITY);
        for i in 0..64 {
            f.block(i, CacheFill::Yes);
        }
        let size = f.cache.size();
        assert!(
            size <= CAPACITY,
            "the cache holds {size} bytes, but its capacity is {CAPACITY}"
        );
        assert!(
            size >= CAPACITY / 2,
            "256 KiB of blocks went by, and the cache holds {size} bytes: its capacity of {CAPACITY} is not used"
        );
        f.log.clear();
        for i in 0..64 {
            f.block(i, CacheFill::Yes);
        }
        let kept = 64 - f.reads();
        assert!(
            kept <= 16,
            "{kept} blocks of 4 KiB came out of a cache of 64 KiB: the capacity is counted in bytes, not in blocks"
        );
    }

    /// Of small blocks more fit in: a hundred of 100 bytes are all kept in 64 KiB.
    ///
    /// The other side of counting bytes: nothing is thrown out while there is room.
    ///
    /// # Hints
    /// - What does a block weigh in your cache? It should be about its own length, not that of a full block.
    /// - `Block::size` is the length.
    #[test]
    fn small_blocks_weigh_little() {
        let f = Fixture::new(100, 100, 64 << 10);
        for i in (0..100).chain(0..100) {
            f.block(i, CacheFill::Yes);
        }
        let reads = f.reads();
        assert!(
            reads == 100,
            "100 blocks of some 100 bytes were asked for twice, with a cache of 64 KiB: {reads} reads, expected 100"
        );
        let size = f.cache.size();
        assert!(
            size >= 100 * 100,
            "the cache holds 100 blocks of more than 100 bytes and says that it holds {size} bytes"
        );
    }

    /// A block that is larger than the whole cache is read and handed out all the same.
    ///
    /// A value may have 256 MB, and lies in one block. The cache must neither refuse nor keep it.
    ///
    /// # Hints
    /// - Who returns the block if the cache does not take it?
    /// - `try_get_with` gives you what the closure gave, kept or not.
    #[test]
    fn a_block_larger_than_the_cache_is_read_all_the_same() {
        let f = Fixture::new(2, 5000, 1000);
        for i in [0, 1, 0, 1] {
            f.block(i, CacheFill::Yes);
        }
        let size = f.cache.size();
        assert!(
            size <= 1000,
            "the cache holds {size} bytes, but its capacity is 1000"
        );
    }

    /// A read that failed is tried again the next time.
    ///
    /// A disk may stumble once. If the cache kept the failure, the block would be gone until the store is opened anew.
    ///
    /// # Hints
    /// - What is in the cache after `read` gave an error?
    /// - Nothing should be: only blocks are kept. `try_get_with` does that.
    #[test]
    fn a_failed_read_is_not_remembered() {
        let (fs, trap) = (mem_fs(), Trap::default());
        build_table(&fs, TableId(1), entries("a=1"));
        let cache = Arc::new(BlockCache::new(1 << 20));
        let table = open_table(trap.around(&fs), TableId(1), Some(cache));
        trap.set(OpKind::Read, Verdict::Fail(std::io::ErrorKind::Other));
        let failed = table.block(0, CacheFill::Yes);
        assert!(
            matches!(failed, Err(Error::Io { .. })),
            "the file cannot be read, and block(0) did not say so with Error::Io"
        );
        let value = first_value(&table.block(0, CacheFill::Yes).unwrap_or_else(|error| {
            panic!("the file can be read again, but block(0) still fails: {error}")
        }));
        assert!(value == b"1", "block 0 holds {}, expected 1", show(&value));
    }

    /// A damaged block is `Corruption`, through the cache as without one, and is read anew when the damage is mended.
    ///
    /// Whoever operates the store must be told which file is damaged and where, and not that "a read failed".
    ///
    /// # Hints
    /// - moka hands errors out in an `Arc`. What does your caller get?
    /// - `Error` can be cloned: it was made for this place.
    #[test]
    fn damage_comes_through_the_cache_as_corruption() {
        let fs = mem_fs();
        build_table(&fs, TableId(1), entries("a=1"));
        let cache = Arc::new(BlockCache::new(1 << 20));
        let shared = Arc::clone(&fs) as Arc<dyn FileSystem>;
        let table = open_table(shared, TableId(1), Some(cache));
        let sound = fs.read(table.path());
        let mut damaged = sound.clone();
        damaged[4] ^= 1;
        fs.write_raw(table.path(), &damaged);
        for _ in 0..2 {
            let got = table.block(0, CacheFill::Yes);
            assert!(
                matches!(got, Err(Error::Corruption { .. })),
                "a bit of block 0 is flipped, and block(0) did not say so with Error::Corruption"
            );
        }
        fs.write_raw(table.path(), &sound);
        let value = first_value(&table.block(0, CacheFill::Yes).unwrap_or_else(|error| {
            panic!("the file is mended, but block(0) still fails: {error}")
        }));
        assert!(value == b"1", "block 0 holds {}, expected 1", show(&value));
    }

    /// A reader that asks not to fill the cache leaves nothing in it.
    ///
    /// A compaction reads every block of its tables once. If it filled the cache, it would drive out all that others need.
    ///
    /// # Hints
    /// - Which way do you go on a miss with `CacheFill::No`?
    /// - Call `read` yourself, and hand its block out without showing it to the cache.
    /// - Does `SsTable::block` pass on the `fill` that it was given?
    #[test]
    fn who_does_not_fill_leaves_nothing_behind() {
        let f = Fixture::new(3, 100, 1 << 20);
        for i in [0, 1, 2] {
            f.block(i, CacheFill::No);
        }
        let size = f.cache.size();
        assert!(
            size == 0,
            "three blocks were read with CacheFill::No, and the cache holds {size} bytes, expected none"
        );
        f.log.clear();
        f.block(1, CacheFill::Yes);
        f.block(1, CacheFill::Yes);
        let reads = f.reads();
        assert!(
            reads == 1,
            "after a read with CacheFill::No, two with CacheFill::Yes cost {reads} reads of the file, expected 1"
        );
    }

    /// A reader that asks not to fill the cache still uses what is there.
    ///
    /// What is in memory need not be read, whoever asks.
    ///
    /// # Hints
    /// - `CacheFill::No` is about what is put in, not about what is taken out.
    /// - Look into the cache first, in both cases.
    #[test]
    fn who_does_not_fill_uses_what_is_there() {
        let f = Fixture::new(3, 100, 1 << 20);
        f.block(1, CacheFill::Yes);
        f.log.clear();
        f.block(1, CacheFill::No);
        let reads = f.reads();
        assert!(
            reads == 0,
            "block 1 is in the cache, and a read with CacheFill::No went to the file {reads} times"
        );
    }

    /// Each call counts once: as a miss if it read from the file itself, otherwise as a hit.
    ///
    /// Hits and misses are how one sees whether a cache is large enough.
    ///
    /// # Hints
    /// - How do you know whether the closure ran?
    /// - Let the closure note it in a variable outside, and count after the block is there.
    /// - Reads with `CacheFill::No` count like others.
    #[test]
    fn hits_and_misses_are_counted() {
        let f = Fixture::new(3, 100, 1 << 20);
        let steps = [
            (0, CacheFill::Yes, (0, 1)),
            (0, CacheFill::Yes, (1, 1)),
            (1, CacheFill::No, (1, 2)),
            (1, CacheFill::No, (1, 3)),
            (0, CacheFill::No, (2, 3)),
            (1, CacheFill::Yes, (2, 4)),
            (1, CacheFill::No, (3, 4)),
        ];
        for (number, (index, fill, expected)) in steps.into_iter().enumerate() {
            f.block(index, fill);
            let got = (f.cache.hits(), f.cache.misses());
            assert!(
                got == expected,
                "after call {number}, for block {index}, there are (hits, misses) = {got:?}, expected {expected:?}"
            );
        }
    }
}

mod task_2 {
    use mini_lsm::fs::CrashPlan;

    use super::*;

    /// Every write gets a memtable of its own: the one before is frozen first.
    fn one_write_a_memtable(options: LsmOptions) -> LsmOptions {
        LsmOptions {
            memtable_size: 1,
            ..options
        }
    }

    /// `flush` writes what is in memory to a table in L0, in the order of the keys.
    ///
    /// This is what memory is traded for: a file that is sorted, and will never change.
    ///
    /// # Hints
    /// - `flush` freezes the memtable and hands the frozen ones, one by one, to `flush_oldest`.
    /// - A cursor over the memtable gives the entries in the order that a table wants them in.
    /// - At which sequence number must one look to see everything? There is a constant for that.
    #[test]
    fn flush_writes_the_memtable_to_a_table() {
        let fs = mem_fs();
        let store = open(options(&fs));
        write(&store, "plum=3 apple=1 quince=4 fig=2");
        flush(&store);
        assert_l0(
            &fs,
            &store,
            &["apple=1 fig=2 plum=3 quince=4"],
            "after four puts and a flush",
        );
    }

    /// Afterwards the memory is empty.
    ///
    /// If the memtable stayed, memory would grow for ever; if it stayed among the frozen ones, it would be flushed again and again.
    ///
    /// # Hints
    /// - Two things change in one step: the table comes, the memtable goes. Which function makes that successor?
    /// - `with_flushed` knows the memtable by its id.
    #[test]
    fn after_a_flush_the_memory_is_empty() {
        let fs = mem_fs();
        let store = open(options(&fs));
        write(&store, "a=1 b=2");
        flush(&store);
        let metrics = store.metrics();
        assert!(
            metrics.memtable.entry_count == 0 && metrics.frozen.is_empty(),
            "after a flush the memtable has {} entries and {} memtables are frozen, expected none",
            metrics.memtable.entry_count,
            metrics.frozen.len()
        );
        let tables = metrics.levels[0].len();
        assert!(
            tables == 1,
            "after a flush of one memtable L0 has {tables} tables"
        );
        let count = metrics.levels[0][0].entry_count;
        assert!(count == 2, "a table of two keys has {count} entries");
    }

    /// Of a key that was written three times, the table has the last version alone.
    ///
    /// The memtable keeps versions for readers that began earlier. Those readers hold the memtable; nobody will ask the table for an old version.
    ///
    /// # Hints
    /// - The memtable's cursor shows each key once, and in its newest version, if it is made with the right sequence number.
    /// - `Seq::MAX` sees all.
    #[test]
    fn only_the_newest_version_reaches_the_table() {
        let fs = mem_fs();
        let store = open(options(&fs));
        write(&store, "a=1 b=1 a=2 c b=2 a=3 c=3 d=4 d");
        flush(&store);
        assert_l0(
            &fs,
            &store,
            &["a=3 b=2 c=3 d"],
            "after several writes of the same keys and a flush",
        );
    }

    /// Tombstones are written to the table, also where nothing else is.
    ///
    /// An older table may still hold the key. Without its tombstone it would be back.
    ///
    /// # Hints
    /// - `SsTableBuilder::add` takes `None` for a tombstone: what the cursor shows can be passed on.
    /// - A memtable that holds nothing but tombstones is not an empty one.
    #[test]
    fn tombstones_reach_the_table() {
        let fs = mem_fs();
        let store = open(options(&fs));
        write(&store, "b=1 a c");
        flush(&store);
        write(&store, "b");
        flush(&store);
        assert_l0(
            &fs,
            &store,
            &["b", "a b=1 c"],
            "after a flush of {b put; a, c deleted} and one of {b deleted}",
        );
    }

    /// An empty value is not a tombstone, in the table either.
    ///
    /// `put(k, b"")` stores an empty value, which reads back as one.
    ///
    /// # Hints
    /// - `Some(b"")` and `None` are different things: which of them do you pass to the builder?
    #[test]
    fn an_empty_value_is_not_flushed_as_a_tombstone() {
        let fs = mem_fs();
        let store = open(options(&fs));
        write(&store, "a= b");
        flush(&store);
        assert_l0(
            &fs,
            &store,
            &["a= b"],
            "after put(a, empty), delete(b) and a flush",
        );
    }

    /// A flush of an empty store makes no table and no file.
    ///
    /// There is no empty table, so nothing may try to write one.
    ///
    /// # Hints
    /// - Where does your flush ask whether there is anything to write?
    /// - An empty memtable need not even be frozen.
    #[test]
    fn an_empty_memtable_gives_no_table() {
        let (fs, watcher) = (mem_fs(), Watcher::silent());
        let store = open(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..options(&fs)
        });
        flush(&store);
        flush(&store);
        let files = table_files(&fs);
        assert!(
            store.metrics().levels[0].is_empty() && files.is_empty(),
            "a flush of an empty store wrote a table: the files {files:?}"
        );
        write(&store, "a=1");
        flush(&store);
        flush(&store);
        flush(&store);
        assert_l0(
            &fs,
            &store,
            &["a=1"],
            "after one put and three flushes, of which two had nothing to do",
        );
        let installed = watcher.installed();
        let tables = installed
            .iter()
            .filter(|(_, table)| table.is_some())
            .count();
        assert!(
            tables == 1,
            "one memtable was written, and FlushInstalled told of {tables} tables"
        );
    }

    /// `flush` returns when all that was frozen is in tables; they were written oldest first, and the newest is in front.
    ///
    /// Readers go through L0 from the front and stop at the first table that knows a key: the order of the tables is the order of their age, or old values come back.
    ///
    /// # Hints
    /// - The newest frozen memtable is at the front of `State::frozen`. Where is the oldest?
    /// - Flush from the oldest on until the newest is done, and put each table before those that are there.
    /// - After one turn of the loop there may be more to do.
    #[test]
    fn all_frozen_memtables_are_flushed_oldest_first() {
        let (fs, watcher) = (mem_fs(), Watcher::silent());
        let store = open(one_write_a_memtable(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..options(&fs)
        }));
        write(&store, "a=1 b=2 c=3 d=4");
        let frozen = store.metrics().frozen.len();
        assert!(
            frozen == 3,
            "after four writes, with a memtable for each, {frozen} are frozen, expected 3"
        );
        flush(&store);
        assert_l0(
            &fs,
            &store,
            &["d=4", "c=3", "b=2", "a=1"],
            "after a flush of four memtables",
        );
        let [frozen, begun] = [watcher.frozen(), watcher.begun()];
        assert!(
            frozen.len() == 4 && begun == frozen,
            "memtables were frozen in the order {frozen:?} and flushed in the order {begun:?}, expected oldest first, each once"
        );
        let left = store.metrics().frozen.len();
        assert!(
            left == 0,
            "flush() returned while {left} memtables are frozen"
        );
    }

    /// The table of a later flush comes before that of an earlier one.
    ///
    /// The same rule over many flushes as within one.
    ///
    /// # Hints
    /// - At which end of `levels[0]` does `with_flushed` put the table?
    #[test]
    fn the_newest_table_is_at_the_front_of_l0() {
        let fs = mem_fs();
        let store = open(options(&fs));
        for round in ["a=1 z=1", "b=2", "a=3"] {
            write(&store, round);
            flush(&store);
        }
        assert_l0(
            &fs,
            &store,
            &["a=3", "b=2", "a=1 z=1"],
            "after three flushes",
        );
    }

    /// A memtable of a thousand keys arrives whole, over many blocks.
    ///
    /// The cursor over a memtable fetches entries in portions, and the builder cuts blocks: both have seams where an entry can be lost.
    ///
    /// # Hints
    /// - Does the loop end when the cursor does, and not earlier?
    /// - Add, then `next`, as long as the cursor is valid.
    #[test]
    fn a_large_memtable_arrives_whole() {
        let fs = mem_fs();
        let store = open(LsmOptions {
            memtable_size: 1 << 20,
            ..options(&fs)
        });
        let mut expected = Vec::new();
        for i in 0..1000 {
            let value = (i % 7 != 0).then(|| common::value(i));
            match &value {
                Some(value) => store.put(&key(i), value).expect("put failed"),
                None => store.delete(&key(i)).expect("delete failed"),
            }
            expected.push((key(i), value));
        }
        flush(&store);
        let metrics = store.metrics();
        let table = metrics.levels[0].first().expect("the flush made no table");
        let got = read_table(&fs, table.id);
        let wrong = (0..1000).find(|&i| got.get(i) != expected.get(i));
        assert!(
            wrong.is_none() && got.len() == 1000,
            "1000 keys were flushed; the table has {} entries, and the first that is wrong or missing is {}",
            got.len(),
            wrong.map_or("none".to_owned(), |i| show(&key(i)))
        );
    }

    /// The listener hears when a flush begins, while the memtable is still there for readers, and when its table has taken its place.
    ///
    /// These two moments are where tests and tools can look, and hold the engine: all the tests of races below rest on them.
    ///
    /// # Hints
    /// - `FlushBegun` comes before anything is written, `FlushInstalled` after the state has been replaced.
    /// - The ids in the second one are the memtable's and the new table's.
    #[test]
    fn the_listener_hears_when_a_flush_begins_and_ends() {
        let fs = mem_fs();
        let files_at_begin = Arc::new(Mutex::new(Vec::new()));
        let watcher = Watcher::new({
            let (fs, files) = (Arc::clone(&fs), Arc::clone(&files_at_begin));
            move |event| {
                if matches!(event, Event::FlushBegun { .. }) {
                    files.lock().push(table_files(&fs).len());
                }
            }
        });
        let store = open(one_write_a_memtable(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..options(&fs)
        }));
        write(&store, "a=1 b=2");
        flush(&store);
        let tables: Vec<_> = store.metrics().levels[0].iter().map(|t| t.id).collect();
        let frozen = watcher.frozen();
        assert!(
            frozen.len() == 2 && tables.len() == 2,
            "two memtables gave {} MemtableFrozen events and {} tables",
            frozen.len(),
            tables.len()
        );
        let expected = vec![(frozen[0], Some(tables[1])), (frozen[1], Some(tables[0]))];
        let installed = watcher.installed();
        assert!(
            installed == expected,
            "FlushInstalled told of (memtable, table) = {installed:?}, expected {expected:?}"
        );
        let order: Vec<&str> = watcher.pick(|event| match event {
            Event::FlushBegun { .. } => Some("begun"),
            Event::FlushInstalled { .. } => Some("installed"),
            _ => None,
        });
        assert!(
            order == ["begun", "installed", "begun", "installed"],
            "two flushes told of {order:?}"
        );
        let files = files_at_begin.lock().clone();
        assert!(
            files == [0, 1],
            "at the two FlushBegun events there were {files:?} table files, expected 0 and 1: nothing is written before"
        );
    }

    /// When readers are given the table, its file survives a power cut: bytes and name.
    ///
    /// From that moment nobody has the memtable any more, and from day 6 on its log goes.
    ///
    /// # Hints
    /// - Write, sync, install: in this order.
    /// - `NewTable::finish` syncs bytes and name. Is it called before the state is replaced?
    #[test]
    fn an_installed_table_survives_a_power_cut() {
        let fs = mem_fs();
        let remains = Arc::new(Mutex::new(Vec::new()));
        let watcher = Watcher::new({
            let (fs, remains) = (Arc::clone(&fs), Arc::clone(&remains));
            move |event| {
                if let Event::FlushInstalled { table: Some(_), .. } = event {
                    remains.lock().push(fs.crash_clone(&CrashPlan::Lose));
                }
            }
        });
        let store = open(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..options(&fs)
        });
        write(&store, "a=1 b=2");
        flush(&store);
        let installed = watcher.installed();
        let id = match installed[..] {
            [(_, Some(id))] => id,
            _ => panic!("one flush told of the installed tables {installed:?}"),
        };
        let file = table_path(Path::new(DIR), id);
        let remains = &remains.lock()[0];
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        assert!(
            table_files(remains).contains(&name.into_owned()),
            "the power was cut when table {} had been installed, and its file is gone",
            id.0
        );
        assert!(
            remains.read(&file) == fs.read(&file),
            "the power was cut when table {} had been installed, and its file has lost bytes",
            id.0
        );
    }

    /// While a table is being written, its memtable stays where readers find it.
    ///
    /// Writing takes as long as the disk wants. If the memtable went first, its keys would be gone for that time.
    ///
    /// # Hints
    /// - Take the oldest frozen memtable *without* taking it out.
    /// - It goes in the same step in which the table comes: `install`.
    #[test]
    fn the_memtable_stays_readable_while_its_table_is_written() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let hook = {
            let gate = Arc::clone(&gate);
            move |op: &Operation| {
                if op.has_extension("sst") {
                    gate.pass();
                }
                Verdict::Proceed
            }
        };
        let store = open(LsmOptions::for_test(hooked(&fs, hook)));
        let _open = gate.open_at_the_end();
        write(&store, "a=1 b=2");
        let flushing = begin_flush("flush()", &store);
        let mut held = 0;
        while !flushing.has_returned() {
            if gate.arrived() == held {
                thread::yield_now();
                continue;
            }
            held += 1;
            assert_get(
                &store,
                b"a",
                Some(b"1"),
                &format!("before operation {held} on the new table's file"),
            );
            gate.let_one_through();
        }
        flushing.answer().expect("flush() failed");
        assert!(held > 0, "the flush wrote no table");
    }

    /// What is written while a flush runs stays: the flush puts its table into the state as it is *then*.
    ///
    /// Between the beginning of a flush and its end the memtable may have been frozen and replaced. A state made of an old copy would throw the new ones away, with acknowledged writes in them.
    ///
    /// # Hints
    /// - Which state is the successor made from: the one you read when you began, or the one that is current?
    /// - `replace_state` gives your closure the current one. Copy nothing from an older one.
    /// - The flush needs no lock that a writer needs, except for the moment of freezing.
    #[test]
    fn what_is_written_during_a_flush_stays() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let store = open(one_write_a_memtable(LsmOptions {
            listener: Watcher::holding_flushes(&gate),
            ..options(&fs)
        }));
        let _open = gate.open_at_the_end();
        write(&store, "a=1");
        let flushing = begin_flush("flush()", &store).comes_to(&gate, 1);
        let writing = call("put(), while a flush runs,", {
            let store = Arc::clone(&store);
            move || write(&store, "b=2 c=3 d=4")
        });
        writing.answer();
        gate.open();
        flushing.answer().expect("flush() failed");
        let count = entry_count(&store);
        assert!(
            count == 4,
            "three keys were written while the flush of a first one ran; afterwards memtables and tables hold {count} entries, expected 4"
        );
        write(&store, "e=5");
        flush(&store);
        assert_l0(
            &fs,
            &store,
            &["e=5", "d=4", "c=3", "b=2", "a=1"],
            "after writes during a flush, one more, and a second flush",
        );
    }

    /// Two flushes at the same time: each memtable is written once, and both return when their data is on disk.
    ///
    /// "The oldest frozen memtable" may be done, and gone, by the time one gets to it. Whoever looked before it got its turn writes it twice, or falls over an empty list.
    ///
    /// # Hints
    /// - What has happened between your look at the oldest memtable and the moment you hold the flush lock?
    /// - Look again (or only) when you hold it; nothing to do is no error.
    /// - Is the lock held until the table is installed?
    #[test]
    fn two_flushes_at_once_write_each_memtable_once() {
        for _ in 0..10 {
            let (fs, gate) = (mem_fs(), Gate::new());
            let watcher = Watcher::holding_flushes(&gate);
            let store = open(one_write_a_memtable(LsmOptions {
                listener: Arc::clone(&watcher) as _,
                ..options(&fs)
            }));
            let _open = gate.open_at_the_end();
            write(&store, "a=1 b=2");
            let first = begin_flush("the first flush()", &store).comes_to(&gate, 1);
            write(&store, "c=3");
            let others = [
                begin_flush("the second flush()", &store),
                begin_flush("the third flush()", &store),
                begin_flush("the fourth flush()", &store),
            ];
            let_others_run();
            gate.open();
            first.answer().expect("the first flush() failed");
            for other in others {
                other.answer().expect("a flush() beside another one failed");
            }
            assert_l0(
                &fs,
                &store,
                &["c=3", "b=2", "a=1"],
                "after four flushes at once, of three memtables,",
            );
            let begun = watcher.begun();
            let distinct: BTreeSet<_> = begun.iter().collect();
            assert!(
                begun.len() == distinct.len(),
                "four flushes at once wrote the memtables {begun:?}: some of them twice"
            );
        }
    }

    /// A flush that goes wrong says so, and what was to be flushed is still in memory.
    ///
    /// A full disk is no reason to forget what was written. Each step of writing a table can fail.
    ///
    /// # Hints
    /// - Do you pass every error on, that of `finish` too?
    /// - The memtable goes when its table is in place, and not before.
    #[test]
    fn a_failed_flush_says_so_and_loses_nothing() {
        for (what, kind, verdict) in table_failures() {
            let (fs, trap) = (mem_fs(), Trap::default());
            let store = open(LsmOptions::for_test(trap.around(&fs)));
            write(&store, "a=1 b=2");
            trap.set(kind, verdict);
            let flushed = store.flush();
            assert!(flushed.is_err(), "{what}, and flush() returned Ok");
            let when = format!("after a flush in which {what}");
            assert_get(&store, b"a", Some(b"1"), &when);
            assert_get(&store, b"b", Some(b"2"), &when);
            let tables = store.metrics().levels[0].len();
            assert!(tables == 0, "{when}, L0 has {tables} tables, expected none");
        }
    }

    /// The half-written file of a failed flush is removed.
    ///
    /// If the disk is full, the last thing one wants is a file that nobody needs.
    ///
    /// # Hints
    /// - A `NewTable` that is dropped before `finish` has returned removes its file. Does yours live that long?
    #[test]
    fn a_failed_flush_leaves_no_file() {
        for (what, kind, verdict) in table_failures() {
            let (fs, trap) = (mem_fs(), Trap::default());
            let store = open(LsmOptions::for_test(trap.around(&fs)));
            write(&store, "a=1 b=2");
            trap.set(kind, verdict);
            assert!(store.flush().is_err(), "{what}, and flush() returned Ok");
            let files = table_files(&fs);
            assert!(
                files.is_empty(),
                "after a flush in which {what}, there still are the files {files:?}"
            );
        }
    }

    /// After a failed flush the store works on: writes are taken, and the next flush writes what the first could not.
    ///
    /// Somebody has made room on the disk. The memtable was kept for this moment.
    ///
    /// # Hints
    /// - A memtable whose flush failed is still the oldest frozen one.
    /// - `flush` flushes all that is frozen, not only what it has frozen itself.
    #[test]
    fn a_failed_flush_can_be_tried_again() {
        for (what, kind, verdict) in table_failures() {
            let (fs, trap) = (mem_fs(), Trap::default());
            let store = open(LsmOptions::for_test(trap.around(&fs)));
            write(&store, "a=1 b=2");
            trap.set(kind, verdict);
            assert!(store.flush().is_err(), "{what}, and flush() returned Ok");
            flush(&store);
            let when = format!("after a flush in which {what}, and a second one");
            assert_l0(&fs, &store, &["a=1 b=2"], &when);
            write(&store, "c=3");
            flush(&store);
            assert_l0(&fs, &store, &["c=3", "a=1 b=2"], &when);
        }
    }

    /// If the flush of a memtable fails, no newer one overtakes it.
    ///
    /// Its table would come to lie behind the other's, and when the older is written at last, it would hide newer values.
    ///
    /// # Hints
    /// - What does `flush` do after `flush_oldest` gave an error?
    /// - It returns. The next try begins with the oldest again.
    #[test]
    fn a_failed_flush_is_not_overtaken_by_a_newer_one() {
        let (fs, trap) = (mem_fs(), Trap::default());
        let store = open(one_write_a_memtable(LsmOptions::for_test(trap.around(&fs))));
        write(&store, "a=1 a=2 a=3");
        trap.set(OpKind::Sync, Verdict::Fail(std::io::ErrorKind::StorageFull));
        assert!(
            store.flush().is_err(),
            "syncing a table failed, and flush() returned Ok"
        );
        flush(&store);
        assert_l0(
            &fs,
            &store,
            &["a=3", "a=2", "a=1"],
            "after a flush that failed at the oldest of three memtables, and a second one,",
        );
    }
}

mod task_3 {
    use std::ops::Bound;

    use common::model::Model;
    use common::rng::Rng;
    use mini_lsm::cursor::Lookup;

    use super::*;

    /// A store whose data lies in three tables, two frozen memtables and the memtable. In each there is something that hides something older.
    fn layered(fs: &Arc<MemFs>) -> Arc<LsmStorage> {
        let store = open(LsmOptions {
            memtable_size: 1,
            block_size: 1,
            ..options(fs)
        });
        let batch = |text: &str| {
            let mut batch = WriteBatch::new();
            for (key, value) in entries(text) {
                match value {
                    Some(value) => batch.put(&key, &value),
                    None => batch.delete(&key),
                };
            }
            store.write(batch).expect("write(batch) failed");
        };
        for table in ["a=1 b=1 c=1 d=1 e=1 f=1 g=1", "b=2 c=2 d h=2", "c=3 d=3 i"] {
            batch(table);
            flush(&store);
        }
        batch("e=4 f i=4");
        batch("f=5 g j=5");
        batch("g=6 k=6 a");
        let metrics = store.metrics();
        assert!(
            metrics.levels[0].len() == 3 && metrics.frozen.len() == 2,
            "three flushes and three more writes, with a memtable for each, gave {} tables and {} frozen memtables",
            metrics.levels[0].len(),
            metrics.frozen.len()
        );
        store
    }

    /// What `layered` holds.
    const LAYERED: &str = "b=2 c=3 d=3 e=4 f=5 g=6 h=2 i=4 j=5 k=6";

    fn show_lookup(lookup: &Lookup) -> String {
        match lookup {
            Lookup::Value(value) => show(value),
            Lookup::Deleted => "Deleted".to_owned(),
            Lookup::Unknown => "Unknown".to_owned(),
        }
    }

    /// What was flushed can still be read, by `get` and by `scan`.
    ///
    /// A flush changes where a key lies, and nothing that a reader sees.
    ///
    /// # Hints
    /// - `get` goes on to the tables when no memtable knows the key: `get_from_tables`.
    /// - A scan merges the tables with the memtables: `table_sources`.
    #[test]
    fn flushed_keys_can_be_read() {
        let fs = mem_fs();
        let store = open(options(&fs));
        write(&store, "plum=3 apple=1 fig=2");
        flush(&store);
        for (key, value) in entries("apple=1 fig=2 plum=3") {
            assert_get(&store, &key, value.as_deref(), "after a flush");
        }
        assert_scan(&store, "apple=1 fig=2 plum=3", "after a flush");
    }

    /// An empty value that was flushed reads back as one, and a tombstone as nothing.
    ///
    /// In a table, a value of no bytes and a tombstone both store none. A store that mixes them up loses flags,
    /// markers and empty files.
    ///
    /// # Hints
    /// - `Lookup::found` makes the difference: `Some(b"")` is a value.
    #[test]
    fn an_empty_value_in_a_table_is_a_value() {
        let fs = mem_fs();
        let store = open(options(&fs));
        write(&store, "a= b");
        flush(&store);
        assert_get(&store, b"a", Some(b""), "after put(a, empty) and a flush");
        assert_get(&store, b"b", None, "after delete(b) and a flush");
        assert_scan(&store, "a=", "after put(a, empty), delete(b) and a flush");
    }

    /// A table knows of a key its value, that it was deleted, or nothing; and it is not misled by neighbours.
    ///
    /// A seek stands on the first key *at or past* the target, so what it finds need not be what was asked for.
    ///
    /// # Hints
    /// - After the seek, is the cursor on this very key?
    /// - Which block may hold the key? `BlockIndex::find` says; it may answer "none".
    /// - A tombstone is an answer (`Deleted`), a key that is not there is none (`Unknown`).
    #[test]
    fn a_table_tells_a_value_a_deletion_and_nothing_apart() {
        let fs = mem_fs();
        let written = entries("b=1 d f=2 fa= h j=3");
        build_table(&fs, TableId(1), written.clone());
        let table = open_table(Arc::clone(&fs) as Arc<dyn FileSystem>, TableId(1), None);
        for (key, value) in &written {
            let got = table.get(key).expect("get on a sound table failed");
            let is_right = match (&got, value) {
                (Lookup::Value(got), Some(value)) => got == value,
                (Lookup::Deleted, None) => true,
                _ => false,
            };
            assert!(
                is_right,
                "the table holds {} = {}, and its get says {}",
                show(key),
                common::show_value(value.as_deref()),
                show_lookup(&got)
            );
        }
        for key in ["a", "c", "e", "f\0", "g", "i", "k", "ja", "B", "\u{7f}"] {
            let got = table
                .get(key.as_bytes())
                .expect("get on a sound table failed");
            assert!(
                matches!(got, Lookup::Unknown),
                "the table does not hold {}, and its get says {}",
                show(key.as_bytes()),
                show_lookup(&got)
            );
        }
    }

    /// A get in a table reads one block at most, wherever the key is.
    ///
    /// The index is in memory so that one need not search on disk.
    ///
    /// # Hints
    /// - How many blocks can hold a given key? The index names the one.
    /// - Walking the table from its first block also finds the key, and reads all that lies before it.
    #[test]
    fn a_get_in_a_table_reads_one_block_at_most() {
        let (fs, log) = (mem_fs(), OpLog::default());
        build_table(&fs, TableId(1), (0..50).map(|i| (key(2 * i), Some(key(i)))));
        let table = open_table(logged(&fs, &log), TableId(1), None);
        for i in 0..101 {
            log.clear();
            let got = table.get(&key(i)).expect("get on a sound table failed");
            let is_right = match &got {
                Lookup::Value(value) => i % 2 == 0 && i < 100 && *value == key(i / 2),
                Lookup::Deleted => false,
                Lookup::Unknown => i % 2 == 1 || i >= 100,
            };
            assert!(
                is_right,
                "get({}) in a table of even keys says {}",
                show(&key(i)),
                show_lookup(&got)
            );
            let reads = log.count(is_table_read);
            assert!(
                reads <= 1,
                "get({}) read the table's file {reads} times, expected once at most",
                show(&key(i))
            );
        }
    }

    /// Of tables, frozen memtables and the memtable, the newest that knows a key decides, be it with a value or with a tombstone.
    ///
    /// All of LSM rests on this: old data is not changed, it is hidden.
    ///
    /// # Hints
    /// - In which order does the state hold its parts, and in which do you ask them?
    /// - `Deleted` ends the search as a value does.
    /// - `levels[0]` is newest first.
    #[test]
    fn the_newest_source_decides_a_get() {
        let fs = mem_fs();
        let store = layered(&fs);
        let held = entries(LAYERED);
        for key in "abcdefghijkl".bytes().map(|byte| vec![byte]) {
            let value = held.iter().find(|entry| entry.0 == key);
            let value = value.and_then(|entry| entry.1.as_deref());
            assert_get(&store, &key, value, "over three tables and three memtables");
        }
    }

    /// A scan merges them by the same rule.
    ///
    /// A scan that takes the older of two versions shows data that was overwritten, and nothing tells that it is
    /// old.
    ///
    /// # Hints
    /// - The merge takes its sources newest first: memtable, frozen ones, tables of L0.
    /// - Does it get *all* of them? And tombstones must take part: what they hide is in other sources.
    #[test]
    fn the_newest_source_decides_in_a_scan() {
        let fs = mem_fs();
        let store = layered(&fs);
        assert_scan(&store, LAYERED, "over three tables and three memtables");
        flush(&store);
        assert_scan(&store, LAYERED, "over six tables");
    }

    /// A key that was deleted and put again, with a flush after each step, is what the last step made it.
    ///
    /// After a few flushes the same key lies in several tables: only their order says which version is right.
    ///
    /// # Hints
    /// - Write down L0 after each step, and walk it from the front.
    /// - Does your search stop at the first table that knows the key, or does it let later ones overrule it?
    #[test]
    fn each_flush_overrules_those_before() {
        let fs = mem_fs();
        let store = open(options(&fs));
        for (step, expected) in [
            ("k=1", Some("1")),
            ("k", None),
            ("k=2", Some("2")),
            ("k=3", Some("3")),
            ("k", None),
        ] {
            write(&store, step);
            flush(&store);
            let when = format!("after the step \"{step}\" and a flush");
            assert_get(&store, b"k", expected.map(str::as_bytes), &when);
            let all = expected.map_or(String::new(), |value| format!("k={value}"));
            assert_scan(&store, &all, &when);
        }
    }

    /// Tables that hold nothing but tombstones are as good as empty.
    ///
    /// Deleting a range and flushing is not rare, and a scan then meets a source of which it shows nothing.
    ///
    /// # Hints
    /// - How far does the scan skip, and what if there is nothing left?
    #[test]
    fn a_table_of_tombstones_shows_nothing() {
        let fs = mem_fs();
        let store = open(options(&fs));
        write(&store, "a b c");
        flush(&store);
        assert_scan(&store, "", "with one table, which holds three tombstones,");
        assert_get(&store, b"b", None, "with one table of tombstones");
        write(&store, "aa=1 bb=2");
        flush(&store);
        write(&store, "bb");
        flush(&store);
        assert_scan(
            &store,
            "aa=1",
            "with two tables of tombstones around one of values",
        );
    }

    /// A scan of a flushed store ends at its bound.
    ///
    /// In the course from which this one learned, a scan whose data lay in tables ran past its end, and all tests of the day were green.
    ///
    /// # Hints
    /// - Where is the end of the range looked at: only when the scan begins, or at each step?
    /// - `LsmIterator` knows the end, the sources need not.
    #[test]
    fn a_scan_of_tables_ends_at_its_bound() {
        let fs = mem_fs();
        let store = open(LsmOptions {
            block_size: 1,
            ..options(&fs)
        });
        write(&store, "a=1 b=2 c=3 d=4 e=5");
        flush(&store);
        let ranges = [
            (Bound::Included("b"), Bound::Excluded("d"), "b=2 c=3"),
            (Bound::Included("b"), Bound::Included("d"), "b=2 c=3 d=4"),
            (Bound::Excluded("b"), Bound::Included("c"), "c=3"),
            (Bound::Excluded("b"), Bound::Excluded("c"), ""),
            (Bound::Unbounded, Bound::Included("bb"), "a=1 b=2"),
            (Bound::Included("cc"), Bound::Unbounded, "d=4 e=5"),
        ];
        for (start, end, expected) in ranges {
            let told = format!("scan from {start:?} to {end:?} of a flushed a, b, c, d, e");
            let bounds = (start.map(str::as_bytes), end.map(str::as_bytes));
            let mut scan = store
                .scan(bounds)
                .unwrap_or_else(|error| panic!("{told} failed: {error}"));
            let got = text_of_pairs(&rest_of_scan(&mut scan));
            assert!(
                got == expected,
                "a {told} gave [{got}], expected [{expected}]"
            );
            for _ in 0..2 {
                scan.next().expect("next() past the end of a scan failed");
                assert!(
                    !scan.is_valid(),
                    "a {told} was at its end, and next() brought it back to life"
                );
            }
        }
    }

    /// Ranges of every kind (empty, crossed, in a gap, on a key, beyond all keys) give the same from tables as from memory.
    ///
    /// A bound may fall between two blocks, before the first or behind the last key of a table, and differently in every source.
    ///
    /// # Hints
    /// - `seek` to the start stands on the first key at or past it; an excluded start that is there must be skipped, in whichever source it is.
    /// - Crossed bounds are an empty range and no panic.
    #[test]
    fn every_range_gives_the_same_from_tables() {
        const KEYS: usize = 24;
        let fs = mem_fs();
        let store = open(LsmOptions {
            block_size: 64,
            ..options(&fs)
        });
        let mut model = Model::default();
        for i in 0..KEYS {
            model.put(&store, &key(2 * i), format!("first {i}").as_bytes());
        }
        flush(&store);
        model.check_ranges(&store, KEYS, "with everything in one table");
        for i in (0..KEYS).step_by(3) {
            model.put(&store, &key(2 * i), b"second");
            model.delete(&store, &key(2 * ((i + 4) % KEYS)));
        }
        flush(&store);
        model.check_ranges(&store, KEYS, "with everything in two tables");
        for i in (0..KEYS).step_by(4) {
            model.put(&store, &key(2 * i), b"third");
            model.delete(&store, &key(2 * ((i + 2) % KEYS)));
        }
        model.check_ranges(&store, KEYS, "with two tables and a memtable");
    }

    /// After any sequence of writes and flushes the store holds what a sorted map would.
    ///
    /// The cases that nobody thought of.
    ///
    /// # Hints
    /// - Find the key that the message names, and follow it through its writes: in which source is the version that was expected, and which source answered?
    #[test]
    fn random_writes_and_flushes_agree_with_a_map() {
        const KEYS: usize = 40;
        for seed in 0..6 {
            let (fs, mut rng) = (mem_fs(), Rng::new(seed));
            let store = open(LsmOptions {
                memtable_size: 2 << 10,
                block_size: 128,
                block_cache_size: 1 << 10,
                ..options(&fs)
            });
            let mut model = Model::default();
            for step in 0..400 {
                if rng.chance(3) {
                    flush(&store);
                }
                model.random_write(&store, &mut rng, KEYS);
                if step % 100 == 99 {
                    model.check_all(&store, KEYS, &format!("seed {seed}, step {step}"));
                }
            }
            model.check_ranges(&store, KEYS, &format!("seed {seed}, at the end"));
            flush(&store);
            model.check_all(&store, KEYS, &format!("seed {seed}, after a last flush"));
        }
    }

    /// An open scan shows what was there when it began, however often the store is flushed meanwhile.
    ///
    /// A scan may take minutes, and its memtables and tables must not be taken from under it.
    ///
    /// # Hints
    /// - The scan's cursors own what they read: an `Arc` of each memtable and table of *one* state.
    /// - A memtable's cursor reads at the sequence number of the scan's beginning, so that later versions do not show.
    #[test]
    fn an_open_scan_keeps_its_view_while_flushes_go_on() {
        let fs = mem_fs();
        let store = open(LsmOptions {
            block_size: 1,
            ..options(&fs)
        });
        write(&store, "a=1 b=1 c=1 d=1");
        flush(&store);
        write(&store, "b=2 c e=2");
        let expected = "a=1 b=2 d=1 e=2";
        let mut untouched = store.scan(..).expect("scan(..) failed");
        let mut begun = store.scan(..).expect("scan(..) failed");
        begun.next().expect("next() of a scan failed");
        for round in 3..6 {
            write(
                &store,
                &format!("a={round} b c={round} d={round} e f={round}"),
            );
            flush(&store);
        }
        let got = text_of_pairs(&rest_of_scan(&mut untouched));
        assert!(
            got == expected,
            "a scan that began before three flushes gave [{got}], expected [{expected}]"
        );
        let got = format!("a=1 {}", text_of_pairs(&rest_of_scan(&mut begun)));
        assert!(
            got == expected,
            "a scan that had shown one key before three flushes gave [{got}] in all, expected [{expected}]"
        );
        assert_scan(&store, "a=5 c=5 d=5 f=5", "a new scan after three flushes:");
    }

    /// Before, while and after a flush runs, readers see the same.
    ///
    /// The flush is held once before anything of it is written, and once when its table has just been put in place.
    ///
    /// # Hints
    /// - The table comes and the memtable goes in *one* new state. If it were two, which of them would a reader miss?
    /// - A key that is in both for a moment does no harm. A key in neither is lost to whoever looks then.
    #[test]
    fn a_flush_shows_in_no_read() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let watcher = Watcher::new({
            let gate = Arc::clone(&gate);
            move |event| {
                if matches!(
                    event,
                    Event::FlushBegun { .. } | Event::FlushInstalled { .. }
                ) {
                    gate.pass();
                }
            }
        });
        let store = open(LsmOptions {
            listener: watcher,
            ..options(&fs)
        });
        let _open = gate.open_at_the_end();
        gate.open();
        write(&store, "a=1 b=1 c=1");
        flush(&store);
        gate.shut();

        write(&store, "b=2 c d=2");
        let check = |when: &str| {
            for (key, value) in entries("a=1 b=2 c d=2") {
                assert_get(&store, &key, value.as_deref(), when);
            }
            assert_scan(&store, "a=1 b=2 d=2", when);
        };
        check("before a second flush");
        let mut scan = store.scan(..).expect("scan(..) failed");
        let flushing = begin_flush("the second flush()", &store).comes_to(&gate, 3);
        check("while a flush is held before it writes");
        gate.let_one_through();
        let flushing = flushing.comes_to(&gate, 4);
        check("while a flush is held just after it was installed");
        gate.open();
        flushing.answer().expect("the second flush() failed");
        check("after the second flush");
        let got = text_of_pairs(&rest_of_scan(&mut scan));
        assert!(
            got == "a=1 b=2 d=2",
            "a scan that began before the flush gave [{got}], expected [a=1 b=2 d=2]"
        );
    }

    /// Keys that are always there are seen by every reader, always whole, and never older than before, while the store is written and flushed.
    ///
    /// Two readers ask again and again, while a writer overwrites all keys as one batch and flushes.
    ///
    /// # Hints
    /// - How often does a read take the state? Once: memtables and tables must be of one moment.
    /// - First the state, then the visible sequence number.
    #[test]
    fn no_key_vanishes_while_the_store_is_flushed() {
        const ROUNDS: usize = 60;
        let fs = mem_fs();
        let store = open(options(&fs));
        let write_round = |round: usize| {
            let mut batch = WriteBatch::new();
            for i in 0..5 {
                batch.put(&key(i), format!("{round:04}").as_bytes());
            }
            store.write(batch).expect("write(batch) failed");
        };
        write_round(0);
        flush(&store);
        assert_get(&store, &key(0), Some(b"0000"), "after a flush");
        let is_done = AtomicBool::new(false);
        let looks = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    // A reader that fails counts as having looked often enough.
                    let _enough = SetAtTheEnd(&is_done);
                    let mut last = Bytes::from_static(b"0000");
                    while !is_done.load(Ordering::SeqCst) {
                        for i in 0..5 {
                            let got = store.get(&key(i)).expect("get failed");
                            let got = got.unwrap_or_else(|| {
                                panic!("get({}) found nothing beside a flush", show(&key(i)))
                            });
                            assert!(
                                got >= last,
                                "get({}) gave {}, after {} had been seen",
                                show(&key(i)),
                                show(&got),
                                show(&last)
                            );
                            last = got;
                        }
                        let mut scan = store.scan(..).expect("scan(..) failed");
                        let seen = rest_of_scan(&mut scan);
                        let values: BTreeSet<_> = seen.iter().map(|entry| &entry.1).collect();
                        assert!(
                            seen.len() == 5 && values.len() == 1,
                            "a scan beside a flush gave [{}], expected five keys of one batch",
                            text_of_pairs(&seen)
                        );
                        looks.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            let _done = SetAtTheEnd(&is_done);
            for round in 1..=ROUNDS {
                write_round(round);
                flush(&store);
                // Some looks a round, so that all is not over before the readers run.
                wait_for("readers have looked", || {
                    looks.load(Ordering::SeqCst) >= 3 * round || is_done.load(Ordering::SeqCst)
                });
            }
        });
    }

    /// A reader that waits for the disk holds up nobody: writes and flushes go on.
    ///
    /// A lock held during a read of a file makes the slowest disk the speed of the store.
    ///
    /// # Hints
    /// - How long do you hold the lock of the state when you read?
    /// - Clone the `Arc`, let go of the lock, then read. `snapshot` does so.
    #[test]
    fn a_reader_that_waits_for_the_disk_holds_up_nobody() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let is_armed = Arc::new(AtomicBool::new(false));
        let hook = {
            let (gate, is_armed) = (Arc::clone(&gate), Arc::clone(&is_armed));
            move |op: &Operation| {
                if is_table_read(op) && is_armed.swap(false, Ordering::SeqCst) {
                    gate.pass();
                }
                Verdict::Proceed
            }
        };
        let store = open(LsmOptions {
            block_size: 1,
            ..LsmOptions::for_test(hooked(&fs, hook))
        });
        let _open = gate.open_at_the_end();
        write(&store, "a=1 b=2");
        flush(&store);
        is_armed.store(true, Ordering::SeqCst);
        let reading = call("get(a)", {
            let store = Arc::clone(&store);
            move || store.get(b"a").expect("get(a) failed")
        })
        .comes_to(&gate, 1);
        let others = call(
            "put, flush and get, while another get waits for the disk,",
            {
                let store = Arc::clone(&store);
                move || {
                    write(&store, "c=3");
                    flush(&store);
                    store.get(b"b").expect("get(b) failed")
                }
            },
        );
        let got = others.answer();
        assert!(
            got.as_deref() == Some(b"2"),
            "while another get waits for the disk, get(b) did not give 2"
        );
        gate.open();
        let got = reading.answer();
        assert!(
            got.as_deref() == Some(b"1"),
            "a get that had waited for the disk did not give a's value, 1"
        );
    }

    /// A table that cannot be read, or is damaged, makes `get` an error, never "not there".
    ///
    /// An older table might hold the key, too, with a value that was overwritten long ago.
    ///
    /// # Hints
    /// - Is every `Result` on the way passed on?
    /// - "I could not look" is not `Lookup::Unknown`.
    #[test]
    fn an_unreadable_table_makes_get_an_error() {
        let (fs, trap) = (mem_fs(), Trap::default());
        let store = open(LsmOptions::for_test(trap.around(&fs)));
        write(&store, "k=old");
        flush(&store);
        write(&store, "k=new");
        flush(&store);
        trap.set(OpKind::Read, Verdict::Fail(std::io::ErrorKind::Other));
        let got = store.get(b"k");
        assert!(
            matches!(got, Err(Error::Io { .. })),
            "the newest table cannot be read, and get(k) gave {:?}, expected Error::Io",
            got.map(|value| value.map(|value| show(&value)))
        );
        assert_get(&store, b"k", Some(b"new"), "when the disk works again");

        let newest = store.metrics().levels[0][0].id;
        let path = table_path(Path::new(DIR), newest);
        let mut bytes = fs.read(&path);
        bytes[2] ^= 0x10;
        fs.write_raw(&path, &bytes);
        // Without the store's cache, which holds the block as it was.
        let table = open_table(Arc::clone(&fs) as Arc<dyn FileSystem>, newest, None);
        assert!(
            matches!(table.get(b"k"), Err(Error::Corruption { .. })),
            "a bit of the table's block is flipped, and its get did not say so with Error::Corruption"
        );
    }

    /// A table that cannot be read makes a scan an error, and the scan does not go on as if the rest were the end.
    ///
    /// A backup that copies what a scan shows, and ends early without a word, is worse than none.
    ///
    /// # Hints
    /// - The merge passes its sources' errors on, and is invalid afterwards.
    /// - After an error `next` gives it again.
    #[test]
    fn an_unreadable_table_makes_a_scan_an_error() {
        let (fs, trap) = (mem_fs(), Trap::default());
        let store = open(LsmOptions {
            block_size: 1,
            ..LsmOptions::for_test(trap.around(&fs))
        });
        write(&store, "a=1 b=2 c=3");
        flush(&store);
        let full = Verdict::Fail(std::io::ErrorKind::Other);
        trap.set(OpKind::Read, full);
        assert!(
            store.scan(..).is_err(),
            "the first block cannot be read, and scan(..) gave Ok"
        );
        let mut scan = store
            .scan(..)
            .expect("the disk works again, and scan(..) failed");
        assert!(
            scan.is_valid() && scan.key() == b"a",
            "a scan of a, b, c does not begin with a"
        );
        trap.set(OpKind::Read, full);
        assert!(
            scan.next().is_err(),
            "the next block cannot be read, and next() of the scan gave Ok"
        );
        for _ in 0..2 {
            assert!(!scan.is_valid(), "a scan is valid after an error");
            assert!(
                scan.next().is_err(),
                "next() of a scan after an error gave Ok: the error is forgotten"
            );
        }
    }

    /// The store's tables share its block cache: the second `get` of a key reads no file, and `metrics` counts it.
    ///
    /// That is what the cache is for: a read from memory costs about a hundredth of one from a disk.
    ///
    /// # Hints
    /// - `Core::open` makes the cache and gives it to the tables.
    /// - `SsTable::get` asks for its block with `block`, not with `read_block`, and fills the cache.
    #[test]
    fn a_second_get_reads_no_file() {
        let (fs, log) = (mem_fs(), OpLog::default());
        let store = open(LsmOptions {
            block_size: 1,
            ..LsmOptions::for_test(logged(&fs, &log))
        });
        write(&store, "a=1 b=2 c=3");
        flush(&store);
        let before = store.metrics();
        for (time, expected) in [("first", 1), ("second", 1), ("third", 1)] {
            if time == "first" {
                log.clear();
            }
            assert_get(&store, b"b", Some(b"2"), "after a flush");
            let reads = log.count(is_table_read);
            assert!(
                reads == expected,
                "after the {time} get(b) table files were read {reads} times, expected {expected}"
            );
        }
        let after = store.metrics();
        let misses = after.cache_misses - before.cache_misses;
        let hits = after.cache_hits - before.cache_hits;
        assert!(
            (hits, misses) == (2, 1),
            "three gets of one key in a table count as {hits} hits and {misses} misses, expected 2 and 1"
        );
        assert!(after.cache_size > 0, "the cache's size is 0 after a get");
    }

    /// The cache of a store is as large as `block_cache_size` says, over all its tables.
    ///
    /// Who gives a store 64 MiB counts on the rest of the machine's memory.
    ///
    /// # Hints
    /// - One cache for the whole store: each table with one of its own would take as many times the memory.
    /// - The capacity comes from the options.
    #[test]
    fn the_cache_of_a_store_has_the_size_that_was_asked_for() {
        const CAPACITY: usize = 16 << 10;
        let (fs, log) = (mem_fs(), OpLog::default());
        let store = open(LsmOptions {
            block_size: 1,
            block_cache_size: CAPACITY as u64,
            ..LsmOptions::for_test(logged(&fs, &log))
        });
        let value = vec![b'v'; 1000];
        for i in 0..60 {
            store.put(&key(i), &value).expect("put failed");
            if i % 10 == 9 {
                flush(&store);
            }
        }
        for _ in 0..2 {
            log.clear();
            for i in 0..60 {
                assert_get(&store, &key(i), Some(&value), "after six flushes");
            }
            let size = store.metrics().cache_size;
            assert!(
                size > 0 && size <= CAPACITY as u64,
                "the cache of the store holds {size} bytes, expected some, and {CAPACITY} at most"
            );
        }
        let kept = 60 - log.count(is_table_read).min(60);
        assert!(
            kept * 1000 <= CAPACITY,
            "of 60 blocks of 1000 bytes in six tables {kept} were not read again, with a cache of {CAPACITY} bytes in all"
        );
    }
}

mod task_4 {
    use super::*;

    /// A flush thread, and a memtable for each write.
    fn background(fs: Arc<dyn FileSystem>) -> LsmOptions {
        LsmOptions {
            background_flush: true,
            memtable_size: 1,
            ..LsmOptions::for_test(fs)
        }
    }

    fn in_memory(fs: &Arc<MemFs>) -> Arc<dyn FileSystem> {
        Arc::clone(fs) as Arc<dyn FileSystem>
    }

    /// Writes keys 0, 1, … below `count` in a thread of its own, until all are written or one gives an error; counts those that are.
    fn write_keys(
        store: &Arc<LsmStorage>,
        count: usize,
        written: &Arc<AtomicUsize>,
    ) -> Call<Result<()>> {
        let (store, written) = (Arc::clone(store), Arc::clone(written));
        call("a writer", move || {
            for i in 0..count {
                store.put(&key(i), &key(i))?;
                written.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        })
    }

    #[track_caller]
    fn assert_keys(store: &LsmStorage, count: usize, when: &str) {
        for i in 0..count {
            assert_get(store, &key(i), Some(&key(i)), when);
        }
    }

    /// Waits until a writer has been told to wait, and fails if it came to its end first.
    #[track_caller]
    fn wait_for_stall(watcher: &Watcher, writer: &Call<Result<()>>) {
        wait_for("the writer waits, or is done", || {
            watcher.stalls() > 0 || writer.has_returned()
        });
        assert!(
            watcher.stalls() > 0,
            "the writer wrote all it had and was never made to wait (no WriteStalled), though the background flushed nothing"
        );
    }

    /// Frozen memtables become tables without anybody calling `flush`.
    ///
    /// Whoever writes should not have to think of it.
    ///
    /// # Hints
    /// - Is the flush thread started when the store is opened with `background_flush`?
    /// - It waits until a memtable is frozen, flushes it, and waits again. `Progress` is for the waiting.
    #[test]
    fn frozen_memtables_are_flushed_without_being_asked() {
        let fs = mem_fs();
        let store = open(background(in_memory(&fs)));
        let writer = write_keys(&store, 12, &Arc::default());
        let has_flushed = || !store.metrics().levels[0].is_empty();
        wait_for("something is flushed, or the writer is done", || {
            has_flushed() || writer.has_returned()
        });
        let_others_run();
        assert!(
            has_flushed(),
            "twelve writes, with a memtable for each, and nothing was flushed in the background"
        );
        writer.answer().expect("a put failed");
        // And the thread does not end with the first.
        wait_for_flush_thread(&store, "all frozen memtables are in tables", || {
            store.metrics().frozen.is_empty()
        });
        let (tables, count) = (store.metrics().levels[0].len(), entry_count(&store));
        assert!(
            tables == 11 && count == 12,
            "after twelve writes, with a memtable for each, and all flushes there are {tables} tables and {count} entries in all, expected 11 and 12"
        );
        assert_keys(&store, 12, "when the flush thread is done");
    }

    /// The memtable that still takes writes is left alone by the flush thread.
    ///
    /// Tables of a key each would be the death of every read.
    ///
    /// # Hints
    /// - The flush thread flushes what *is frozen*; it freezes nothing itself.
    #[test]
    fn the_flush_thread_leaves_the_current_memtable_alone() {
        let (fs, watcher) = (mem_fs(), Watcher::silent());
        let store = open(LsmOptions {
            memtable_size: 64 << 10,
            listener: Arc::clone(&watcher) as _,
            ..background(in_memory(&fs))
        });
        for i in 0..10 {
            write(&store, &format!("k{i}={i}"));
            thread::yield_now();
        }
        let_others_run();
        store.close().expect("close() failed");
        let frozen = watcher.frozen().len();
        assert!(
            frozen == 0 && store.metrics().memtable.entry_count == 10,
            "ten small writes into a memtable of 64 KiB, and it was frozen {frozen} times"
        );
    }

    /// When `max_frozen_memtables` wait for their flush, the next writer that needs a new memtable waits, too, and the listener is told.
    ///
    /// Memory is limited. If writes come faster than the disk takes them, somebody must wait, or the memory runs out.
    ///
    /// # Hints
    /// - Before the memtable is frozen: how many are frozen already?
    /// - With 2 allowed, two may wait. The writer that would make it three waits.
    /// - Tell the listener `WriteStalled` before you wait, not after.
    #[test]
    fn writers_wait_when_too_many_memtables_are_frozen() {
        for max in [1, 2, 4] {
            let (fs, gate) = (mem_fs(), Gate::new());
            let watcher = Watcher::holding_flushes(&gate);
            let store = open(LsmOptions {
                max_frozen_memtables: max,
                listener: Arc::clone(&watcher) as _,
                ..background(in_memory(&fs))
            });
            let _open = gate.open_at_the_end();
            let written = Arc::default();
            let writer = write_keys(&store, 10, &written);
            wait_for_stall(&watcher, &writer);
            let_others_run();
            let frozen = store.metrics().frozen.len();
            assert!(
                frozen == max,
                "a writer waits while {frozen} memtables are frozen, with max_frozen_memtables = {max}"
            );
            let count = written.load(Ordering::SeqCst);
            assert!(
                count == max + 1,
                "with a memtable for each write, {max} frozen ones allowed and no flush, {count} writes returned, expected {}",
                max + 1
            );
        }
    }

    /// A waiting writer goes on as soon as there is room, and nothing is lost.
    ///
    /// Room that nobody is told of is no room: the program would stand still with an idle disk.
    ///
    /// # Hints
    /// - What does the writer wait for, and who tells it that this has changed?
    /// - `replace_state` wakes those who wait in `Progress`; the condition is looked at again.
    #[test]
    fn a_waiting_writer_goes_on_when_a_memtable_was_flushed() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let watcher = Watcher::holding_flushes(&gate);
        let store = open(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..background(in_memory(&fs))
        });
        let _open = gate.open_at_the_end();
        let written = Arc::default();
        let writer = write_keys(&store, 20, &written);
        wait_for_stall(&watcher, &writer);
        gate.let_one_through();
        wait_for_flush_thread(&store, "one more write has returned", || {
            written.load(Ordering::SeqCst) == 4
        });
        gate.open();
        writer
            .answer()
            .expect("a writer that had waited for room got an error");
        assert_keys(&store, 20, "after a writer had to wait");
        let frozen = watcher.frozen();
        let begun = watcher.begun();
        assert!(
            frozen.starts_with(&begun),
            "memtables were frozen in the order {frozen:?} and flushed in the order {begun:?}"
        );
    }

    /// While a writer waits, readers do not.
    ///
    /// A store that loads data in the night is asked for it at the same time.
    ///
    /// # Hints
    /// - Which locks does the waiting writer hold? The commit lock is for writers alone.
    /// - The lock of the state is held for moments only, and never while one waits.
    #[test]
    fn reads_go_on_while_a_writer_waits() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let watcher = Watcher::holding_flushes(&gate);
        let store = open(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..background(in_memory(&fs))
        });
        let _open = gate.open_at_the_end();
        let writer = write_keys(&store, 10, &Arc::default());
        wait_for_stall(&watcher, &writer);
        let reading = call("get and scan, while a writer waits,", {
            let store = Arc::clone(&store);
            move || {
                assert_keys(&store, 3, "while a writer waits");
                let mut scan = store.scan(..).expect("scan(..) failed");
                rest_of_scan(&mut scan).len()
            }
        });
        let count = reading.answer();
        assert!(
            count == 3,
            "while the fourth write waits, a scan gave {count} keys, expected 3"
        );
    }

    /// Without a flush thread no writer waits: nobody would end the wait.
    ///
    /// Tests, and programs that flush by hand, would wait for ever.
    ///
    /// # Hints
    /// - `max_frozen_memtables` holds only with `background_flush`.
    #[test]
    fn without_a_flush_thread_nobody_waits() {
        let (fs, watcher) = (mem_fs(), Watcher::silent());
        let store = open(LsmOptions {
            background_flush: false,
            max_frozen_memtables: 1,
            listener: Arc::clone(&watcher) as _,
            ..background(in_memory(&fs))
        });
        let writer = write_keys(&store, 8, &Arc::default());
        writer
            .answer()
            .expect("a write into a store without a flush thread failed");
        store.close().expect("close() failed");
        let frozen = store.metrics().frozen.len();
        let (stalls, begun) = (watcher.stalls(), watcher.begun().len());
        assert!(
            (frozen, stalls, begun) == (7, 0, 0),
            "eight writes with a memtable each and no flush thread: {frozen} frozen memtables, {stalls} stalls, {begun} flushes; expected 7, 0, 0"
        );
    }

    /// `flush` beside the flush thread: each memtable is written once, nobody falls over a memtable that the other has done.
    ///
    /// The course from which this one learned panicked here once in a while: "no imm memtables!".
    ///
    /// # Hints
    /// - Both want the oldest frozen memtable. Which of them gets it, and what does the other find then?
    /// - Look for the oldest when you hold the flush lock. None is a fine answer.
    /// - `flush` waits for memtables that somebody else is flushing, too.
    #[test]
    fn a_flush_beside_the_flush_thread_writes_nothing_twice() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let watcher = Watcher::holding_flushes(&gate);
        let store = open(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..background(in_memory(&fs))
        });
        let _open = gate.open_at_the_end();
        // There is a flush thread, and it can be held.
        let writer = write_keys(&store, 4, &Arc::default());
        wait_for_stall(&watcher, &writer);
        gate.open();
        writer.answer().expect("a put failed");
        flush(&store);
        gate.shut();
        for round in 0..10 {
            let before = gate.arrived();
            write(&store, &format!("a={round} b={round}"));
            wait_for_flush_thread(&store, "the flush thread begins", || {
                gate.arrived() > before
            });
            let callers =
                [(); 3].map(|()| begin_flush("flush(), beside the flush thread,", &store));
            let_others_run();
            gate.open();
            for caller in callers {
                caller
                    .answer()
                    .expect("flush() beside the flush thread failed");
            }
            let count = entry_count(&store);
            let tables = store.metrics().levels[0].len();
            assert!(
                count == 4 + 2 * (round + 1) && tables == count,
                "after {} writes, with a memtable for each, and flushes that returned, there are {tables} tables, and {count} entries in all",
                4 + 2 * (round + 1)
            );
            gate.shut();
        }
        let begun = watcher.begun();
        let distinct: BTreeSet<_> = begun.iter().collect();
        assert!(
            begun.len() == distinct.len(),
            "the memtables {begun:?} were flushed: some of them twice"
        );
        assert_get(
            &store,
            b"a",
            Some(b"9"),
            "after ten rounds of racing flushes",
        );
    }

    /// Writers and readers in several threads, over a small memory: every write is there for its writer at once, and for all in the end.
    ///
    /// Races show up where everything happens at once, and in a user's program it does.
    ///
    /// # Hints
    /// - Which of the tests above fail? Begin with those; this one is the sum of them.
    /// - The flush thread makes its state from the current one, not from the one it began with.
    #[test]
    fn writers_readers_and_the_flush_thread_get_along() {
        const COUNT: usize = 300;
        let fs = mem_fs();
        let store = open(LsmOptions {
            memtable_size: 2 << 10,
            block_size: 256,
            ..background(in_memory(&fs))
        });
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let store = &store;
            scope.spawn(|| {
                while !is_done.load(Ordering::SeqCst) {
                    let mut scan = store.scan(..).expect("scan(..) failed");
                    let seen = rest_of_scan(&mut scan);
                    let ascends = seen.windows(2).all(|pair| pair[0].0 < pair[1].0);
                    assert!(ascends, "a scan beside two writers does not ascend");
                }
            });
            let writers = [0, 1].map(|writer| {
                scope.spawn(move || {
                    for i in 0..COUNT {
                        let name = key(2 * i + writer);
                        store.put(&name, &name).expect("put failed");
                        assert_get(store, &name, Some(&name), "right after its put");
                    }
                })
            });
            let _done = SetAtTheEnd(&is_done);
            for writer in writers {
                if let Err(panic) = writer.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
        assert_keys(&store, 2 * COUNT, "when both writers are done");
        let metrics = store.metrics();
        assert!(
            metrics.frozen.len() <= 2 && !metrics.levels[0].is_empty(),
            "at the end {} memtables are frozen, with 2 allowed, and there are {} tables",
            metrics.frozen.len(),
            metrics.levels[0].len()
        );
        let count = entry_count(&store);
        assert!(
            count == 2 * COUNT,
            "600 keys were written once each, and memtables and tables hold {count} entries"
        );
        store.close().expect("close() failed");
    }

    /// A closed store refuses every call with `Closed`, but for `metrics` and `close` itself.
    ///
    /// Its directory may belong to somebody else by now.
    ///
    /// # Hints
    /// - `Health::stop` is remembered; `check` and `check_open` ask for it.
    /// - Does every path begin with one of the two?
    #[test]
    fn a_closed_store_refuses_calls() {
        for background_flush in [false, true] {
            let fs = mem_fs();
            let store = open(LsmOptions {
                background_flush,
                ..options(&fs)
            });
            write(&store, "a=1 b=2");
            flush(&store);
            write(&store, "c=3");
            store.close().expect("close() failed");
            let mut batch = WriteBatch::new();
            batch.put(b"d", b"4");
            let calls = [
                ("put", store.put(b"d", b"4")),
                ("delete", store.delete(b"a")),
                ("write", store.write(batch)),
                ("get of a key in memory", store.get(b"c").map(drop)),
                ("get of a key in a table", store.get(b"a").map(drop)),
                ("scan", store.scan(..).map(drop)),
                ("flush", store.flush()),
            ];
            for (name, answer) in calls {
                assert!(
                    matches!(answer, Err(Error::Closed)),
                    "after close(), {name} gave {answer:?}, expected Error::Closed"
                );
            }
            let metrics = store.metrics();
            assert!(
                metrics.levels[0].len() == 1 && metrics.background_error.is_none(),
                "after close(), metrics() shows {} tables and the error {:?}, expected 1 and none",
                metrics.levels[0].len(),
                metrics.background_error
            );
        }
    }

    /// A second `close` does nothing, and is no error.
    ///
    /// A program closes in its error path, and again at its end.
    ///
    /// # Hints
    /// - `Health::stop` tells whether it was called before.
    #[test]
    fn a_second_close_does_nothing() {
        let fs = mem_fs();
        let store = open(background(in_memory(&fs)));
        write(&store, "a=1 b=2");
        for time in ["first", "second", "third"] {
            let closed = store.close();
            assert!(closed.is_ok(), "the {time} close() gave {closed:?}");
        }
    }

    /// A scan that is open when the store is closed can be read to its end.
    ///
    /// It owns what it reads.
    ///
    /// # Hints
    /// - `close` ends threads; it takes no table from anybody.
    /// - The cursor does not ask the store's health: `get` and `scan` do, when they begin.
    #[test]
    fn an_open_scan_outlives_the_store() {
        let fs = mem_fs();
        let store = open(LsmOptions {
            block_size: 1,
            ..options(&fs)
        });
        write(&store, "a=1 b=2 c=3");
        flush(&store);
        write(&store, "b d=4");
        let mut scan = store.scan(..).expect("scan(..) failed");
        store.close().expect("close() failed");
        drop(store);
        let got = text_of_pairs(&rest_of_scan(&mut scan));
        assert!(
            got == "a=1 c=3 d=4",
            "a scan that was open when the store was closed gave [{got}], expected [a=1 c=3 d=4]"
        );
    }

    /// `close` returns when the flush thread has ended, and not while it still writes.
    ///
    /// Who closes a store may remove its directory in the next line.
    ///
    /// # Hints
    /// - Tell the thread to end, then wait for it: `Workers::stop` does both.
    #[test]
    fn close_waits_for_the_flush_thread() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let log = OpLog::default();
        let watcher = Watcher::holding_flushes(&gate);
        let store = open(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..background(logged(&fs, &log))
        });
        let _open = gate.open_at_the_end();
        let writer = write_keys(&store, 10, &Arc::default());
        wait_for_stall(&watcher, &writer);
        wait_for_flush_thread(&store, "the flush thread begins", || gate.arrived() == 1);
        let closing = begin_close("close()", &store);
        let_others_run();
        assert!(
            !closing.has_returned(),
            "close() returned while the flush thread was in the middle of a flush"
        );
        gate.open();
        closing.answer().expect("close() failed");
        // Whether room or the end came first for the writer is a matter of chance.
        let _ = writer.answer();
        let count = || (log.operations().len(), watcher.pick(|_| Some(())).len());
        let before = count();
        let_others_run();
        let after = count();
        assert!(
            before == after,
            "after close() the flush thread went on: from {before:?} (operations, events) to {after:?}"
        );
    }

    /// `close` waits for a `flush` that another thread has called, too.
    ///
    /// Such a flush writes files like any other, and the directory is to be free.
    ///
    /// # Hints
    /// - Whoever flushes holds the flush lock. Who holds it after all have ended?
    /// - Take it in `close`, once nobody can begin a new flush.
    #[test]
    fn close_waits_for_a_flush_of_another_thread() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let log = OpLog::default();
        let store = open(LsmOptions {
            listener: Watcher::holding_flushes(&gate),
            ..LsmOptions::for_test(logged(&fs, &log))
        });
        let _open = gate.open_at_the_end();
        write(&store, "a=1");
        let flushing = begin_flush("flush()", &store).comes_to(&gate, 1);
        let closing = begin_close("close()", &store);
        let_others_run();
        assert!(
            !closing.has_returned(),
            "close() returned while another thread was in the middle of a flush()"
        );
        gate.open();
        closing.answer().expect("close() failed");
        let before = log.operations().len();
        // Whether it was finished or given up is the engine's choice.
        let _ = flushing.answer();
        let after = log.operations().len();
        assert!(
            before == after,
            "after close() a flush() of another thread did {} more operations on files",
            after - before
        );
        let count = entry_count(&store);
        assert!(
            count == 1,
            "the store was closed during a flush of one entry; memtables and tables hold {count}"
        );
    }

    /// A writer that waits for room gives up with `Closed` when the store is closed, though no flush comes to an end.
    ///
    /// Otherwise a thread would wait for ever, for a flush that will never be.
    ///
    /// # Hints
    /// - The writer's wait has two ends: room, or no point in waiting (`Health::is_over`).
    /// - After the wait, ask for the health again: it may be the reason why the wait is over.
    /// - `close` must not need a lock that the waiting writer holds, before the writer has been told.
    #[test]
    fn close_releases_a_waiting_writer() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let watcher = Watcher::holding_flushes(&gate);
        let store = open(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..background(in_memory(&fs))
        });
        let _open = gate.open_at_the_end();
        let writer = write_keys(&store, 10, &Arc::default());
        wait_for_stall(&watcher, &writer);
        let closing = begin_close("close()", &store);
        let outcome = writer.answer();
        assert!(
            matches!(outcome, Err(Error::Closed)),
            "a writer waited for room when the store was closed; its put gave {outcome:?}, expected Error::Closed"
        );
        gate.open();
        closing.answer().expect("close() failed");
    }

    /// Closed in the middle of a flush, the store leaves only sound files, and everything is still in a memtable or a table.
    ///
    /// Whether the flush is finished or given up is the engine's choice. From day 6 on the logs hold what it gave up.
    ///
    /// # Hints
    /// - A flush that is given up changes nothing: its memtable stays.
    /// - A table that is half-written must go: `NewTable` sees to it when it is dropped.
    #[test]
    fn closed_in_the_middle_of_a_flush_the_files_are_sound() {
        for kind in [OpKind::Create, OpKind::Append, OpKind::Sync] {
            let (fs, gate) = (mem_fs(), Gate::new());
            let hook = {
                let gate = Arc::clone(&gate);
                move |op: &Operation| {
                    if op.has_extension("sst") && op.kind == kind {
                        gate.pass();
                    }
                    Verdict::Proceed
                }
            };
            let watcher = Watcher::silent();
            let store = open(LsmOptions {
                listener: Arc::clone(&watcher) as _,
                ..background(hooked(&fs, hook))
            });
            let _open = gate.open_at_the_end();
            let written = Arc::default();
            let writer = write_keys(&store, 10, &written);
            wait_for_stall(&watcher, &writer);
            wait_for_flush_thread(&store, "the flush thread writes", || gate.arrived() == 1);
            let closing = begin_close("close()", &store);
            let_others_run();
            gate.open();
            closing.answer().expect("close() failed");
            // How many of its writes are in does not matter here: it waited when the store was closed.
            let _ = writer.answer();
            for name in table_files(&fs) {
                let id = TableId(name[..6].parse().expect("a table's file has six digits"));
                let table = SsTable::open(in_memory(&fs), &path(&name), id, None);
                let verified = table.and_then(|table| table.verify());
                assert!(
                    verified.is_ok(),
                    "the store was closed during {kind:?} of a table, and {name} is damaged: {verified:?}"
                );
            }
            let [count, written] = [entry_count(&store), written.load(Ordering::SeqCst)];
            assert!(
                count == written,
                "the store was closed during {kind:?} of a table; memtables and tables hold {count} entries, but {written} puts returned Ok"
            );
        }
    }

    /// When the flush thread fails, every later write is refused with `Background`, `metrics` shows why, and reads go on.
    ///
    /// An error in the background has no caller that could get it. If it is swallowed, the store takes writes until the memory is full, and none of them reaches the disk.
    ///
    /// # Hints
    /// - Return errors from the thread's function: the given `Workers` keeps them.
    /// - Who writes asks `Health::check`; who reads asks only whether the store is closed.
    #[test]
    fn an_error_of_the_flush_thread_stops_the_writes() {
        for (what, kind, verdict) in table_failures() {
            let error = fail_in_background(kind, verdict, what);
            assert!(
                matches!(error, Some(Error::Io { .. })),
                "{what} in the flush thread, and metrics() shows {error:?} as the background error, expected Error::Io"
            );
        }
    }

    /// A panic of the flush thread is an error like others.
    ///
    /// A thread that dies without a word looks like one that has nothing to do.
    ///
    /// # Hints
    /// - Start the thread through `Workers::start`, which catches panics.
    #[test]
    fn a_panic_of_the_flush_thread_stops_the_writes() {
        let error = fail_in_background(OpKind::Create, Verdict::Panic, "the flush thread panics");
        assert!(
            matches!(error, Some(Error::Panicked { .. })),
            "the flush thread panicked, and metrics() shows {error:?} as the background error, expected Error::Panicked"
        );
    }

    /// Writes to a store whose first flush in the background goes wrong, checks what all failures have in common, and returns the error that `metrics` shows.
    #[track_caller]
    fn fail_in_background(kind: OpKind, verdict: Verdict, what: &str) -> Option<Error> {
        let (fs, trap) = (mem_fs(), Trap::default());
        let store = open(background(trap.around(&fs)));
        trap.set(kind, verdict);
        let written = Arc::default();
        let outcome = write_keys(&store, 20, &written).answer();
        assert!(
            matches!(outcome, Err(Error::Background(_))),
            "{what} in the background, while somebody writes and may have 2 frozen memtables; \
             one of the first puts should give Error::Background, but 20 puts gave {outcome:?}"
        );
        for time in 0..3 {
            let calls = [
                ("put", store.put(b"c", b"3")),
                ("delete", store.delete(&key(0))),
                ("flush", store.flush()),
            ];
            for (name, answer) in calls {
                assert!(
                    matches!(answer, Err(Error::Background(_))),
                    "{what} in the background, and {name} number {time} after that gave {answer:?}, expected Error::Background"
                );
            }
        }
        let when = format!("after the background has failed ({what})");
        let count = written.load(Ordering::SeqCst);
        assert_keys(&store, count, &when);
        let mut scan = store
            .scan(..)
            .unwrap_or_else(|error| panic!("{when}, scan(..) failed: {error}"));
        let seen = rest_of_scan(&mut scan).len();
        assert!(
            seen == count,
            "{when}, a scan gave {seen} keys, expected the {count} whose put returned Ok"
        );
        let files = table_files(&fs);
        assert!(
            files.is_empty(),
            "{when}, there are the files {files:?} of tables that nobody has"
        );
        store.metrics().background_error
    }

    /// Writers that wait for room are told when the flush thread fails.
    ///
    /// The thread that would have made room is dead, and the wait would never end.
    ///
    /// # Hints
    /// - The same two ends of the wait as with `close`: room, or `Health::is_over`.
    #[test]
    fn a_failure_releases_waiting_writers() {
        let (fs, gate) = (mem_fs(), Gate::new());
        let hook = {
            let gate = Arc::clone(&gate);
            move |op: &Operation| {
                if op.has_extension("sst") {
                    gate.pass();
                    return Verdict::Fail(std::io::ErrorKind::StorageFull);
                }
                Verdict::Proceed
            }
        };
        let watcher = Watcher::silent();
        let store = open(LsmOptions {
            listener: Arc::clone(&watcher) as _,
            ..background(hooked(&fs, hook))
        });
        let _open = gate.open_at_the_end();
        let first = write_keys(&store, 10, &Arc::default());
        wait_for_stall(&watcher, &first);
        let second = write_keys(&store, 10, &Arc::default());
        let_others_run();
        gate.open();
        for writer in [first, second] {
            let outcome = writer.answer();
            assert!(
                matches!(outcome, Err(Error::Background(_))),
                "a writer waited for room when the flush thread failed; its put gave {outcome:?}, expected Error::Background"
            );
        }
        // It returns; what it says is not the point here.
        let _ = begin_close("close(), after the flush thread has failed,", &store).answer();
    }
}
