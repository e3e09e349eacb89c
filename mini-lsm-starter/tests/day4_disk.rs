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
    DIR, Entry, assert_get, entries, key, mem_fs, open, options, path, rest, rest_of_scan, show,
};
use mini_lsm_starter::block::Block;
use mini_lsm_starter::block_cache::BlockCache;
use mini_lsm_starter::files::table_path;
use mini_lsm_starter::fs::{FaultFs, FileSystem, MemFs, OpKind, OpLog, Operation, Verdict};
use mini_lsm_starter::table::{CacheFill, SsTable, SsTableBuilder, SsTableIterator, TableId};
use mini_lsm_starter::{
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
            Err(RecvTimeoutError::Disconnected) => panic!("{} panicked", self.what),
        }
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

/// Lets other threads run for a while. What a test finds afterwards must be right however far they came.
fn let_others_run() {
    for _ in 0..500 {
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

#[track_caller]
fn flush(store: &LsmStorage) {
    store
        .flush()
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
        let slow = read("block(0)", 0);
        wait_for("block 0 is being read", || gate.arrived() == 1);
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
        for fill in [CacheFill::Yes, CacheFill::No] {
            trap.set(OpKind::Read, Verdict::Fail(std::io::ErrorKind::Other));
            if fill == CacheFill::Yes {
                let failed = table.block(0, fill);
                assert!(
                    matches!(failed, Err(Error::Io { .. })),
                    "the file cannot be read, and block(0) did not say so with Error::Io"
                );
            }
            let value = first_value(&table.block(0, fill).unwrap_or_else(|error| {
                panic!("the file can be read again, but block(0) still fails: {error}")
            }));
            assert!(value == b"1", "block 0 holds {}, expected 1", show(&value));
        }
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
    use mini_lsm_starter::fs::CrashPlan;

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

    /// A flush of an empty store does nothing: no table, no file, no event.
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
        let begun = watcher.begun().len();
        assert!(begun == 1, "one memtable was flushed {begun} times");
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
        let store = Arc::new(open(LsmOptions::for_test(hooked(&fs, hook))));
        let _open = gate.open_at_the_end();
        write(&store, "a=1 b=2");
        let flushing = call("flush()", {
            let store = Arc::clone(&store);
            move || store.flush()
        });
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
        let store = Arc::new(open(one_write_a_memtable(LsmOptions {
            listener: Watcher::holding_flushes(&gate),
            ..options(&fs)
        })));
        let _open = gate.open_at_the_end();
        write(&store, "a=1");
        let flushing = call("flush()", {
            let store = Arc::clone(&store);
            move || store.flush()
        });
        wait_for("the flush begins", || gate.arrived() == 1);
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
            let store = Arc::new(open(one_write_a_memtable(LsmOptions {
                listener: Arc::clone(&watcher) as _,
                ..options(&fs)
            })));
            let _open = gate.open_at_the_end();
            write(&store, "a=1 b=2");
            let flush = |what| {
                let store = Arc::clone(&store);
                call(what, move || store.flush())
            };
            let first = flush("the first flush()");
            wait_for("the first flush begins", || gate.arrived() == 1);
            write(&store, "c=3");
            let others = [
                flush("the second flush()"),
                flush("the third flush()"),
                flush("the fourth flush()"),
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
