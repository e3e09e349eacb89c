//! Day 3 · The engine in memory: versions in a skip list, many cursors merged into one, and a store whose readers see whole batches.

#[path = "../common/mod.rs"]
mod common;
mod task_1;
mod task_2;
mod task_3;
mod task_4;
mod task_5;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::resume_unwind;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{ScopedJoinHandle, yield_now};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Entry, entries, show, show_value};
use mini_lsm::cursor::Lookup;
use mini_lsm::fs::FileSystem;
use mini_lsm::mem_table::{MemTable, Seq};
use mini_lsm::table::{SsTable, SsTableBuilder, TableId};
use mini_lsm::{Error, Event, EventListener, LsmOptions, LsmStorage, Metrics, StorageIterator};
use mini_lsm::{Result, WriteBatch};

/// How long a thread waits for another one that a right engine does not hold up. Only a hung engine ever waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a thread steps aside for another one that a right engine *does* hold up.
const PATIENT_YIELDS: usize = 50_000;

/// The sequence number of a reader that sees everything.
const NOW: Seq = Seq::MAX;

// ---- memtables ----

/// A memtable from text: `"b=2 a=1 a"` puts b, puts a and deletes a, with sequence numbers 1, 2, 3.
fn memtable(text: &str) -> Arc<MemTable> {
    let memtable = MemTable::new(1);
    for ((key, value), seq) in entries(text).into_iter().zip(1..) {
        memtable.insert(&key, seq, value.as_deref());
    }
    Arc::new(memtable)
}

/// What a memtable must know of a key.
#[derive(Clone, Copy)]
enum Known<'a> {
    Value(&'a str),
    Deleted,
    Nothing,
}

#[track_caller]
fn assert_known(memtable: &MemTable, key: &str, seq: Seq, expected: Known) {
    let expected = match expected {
        Known::Value(value) => format!("the value {}", show(value.as_bytes())),
        Known::Deleted => "a tombstone".to_owned(),
        Known::Nothing => "nothing".to_owned(),
    };
    let got = match memtable.get(key.as_bytes(), seq) {
        Lookup::Value(value) => format!("the value {}", show(&value)),
        Lookup::Deleted => "a tombstone".to_owned(),
        Lookup::Unknown => "nothing".to_owned(),
    };
    let reader = match seq {
        NOW => "a reader that sees everything".to_owned(),
        seq => format!("a reader at sequence number {seq}"),
    };
    assert!(
        got == expected,
        "for {reader}, get({key:?}) of the memtable found {got}, expected {expected}"
    );
}

/// Versions in a memtable, and the same as a plain list.
struct Versions {
    memtable: Arc<MemTable>,
    list: Vec<(Vec<u8>, Seq, Option<Vec<u8>>)>,
}

impl Versions {
    fn new() -> Self {
        let memtable = Arc::new(MemTable::new(1));
        let list = Vec::new();
        Self { memtable, list }
    }

    fn add(&mut self, key: Vec<u8>, seq: Seq, value: Option<Vec<u8>>) {
        self.memtable.insert(&key, seq, value.as_deref());
        self.list.push((key, seq, value));
    }

    /// A version whose value tells its sequence number.
    fn add_number(&mut self, key: Vec<u8>, seq: Seq) {
        self.add(key, seq, Some(format!("v{seq}").into_bytes()));
    }

    /// What a reader at `seq` must see: each key once, with its newest version at or below `seq`.
    fn visible(&self, seq: Seq) -> Vec<Entry> {
        let mut newest: BTreeMap<&Vec<u8>, (Seq, &Option<Vec<u8>>)> = BTreeMap::new();
        for (key, of, value) in &self.list {
            if *of <= seq && newest.get(key).is_none_or(|(best, _)| best < of) {
                newest.insert(key, (*of, value));
            }
        }
        let entry =
            |(key, (_, value)): (&Vec<u8>, (Seq, &Option<Vec<u8>>))| (key.clone(), value.clone());
        newest.into_iter().map(entry).collect()
    }
}

/// Compares entry by entry, so that the message names the first that is wrong.
#[track_caller]
fn assert_entries(what: &str, got: &[Entry], expected: &[Entry]) {
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            got == expected,
            "{what}: entry {i} is {} = {}, expected {} = {}",
            show(&got.0),
            show_value(got.1.as_deref()),
            show(&expected.0),
            show_value(expected.1.as_deref())
        );
    }
    assert!(
        got.len() == expected.len(),
        "{what}: {} entries, expected {}",
        got.len(),
        expected.len()
    );
}

// ---- small sources for the merge ----

/// A cursor over a list, strict about what it is asked, which fails at the step it is told to.
struct ListCursor {
    number: usize,
    entries: Vec<Entry>,
    /// `None` before the first seek; `entries.len()` past the end.
    position: Option<usize>,
    /// How many more steps (seeks, nexts) go well before one fails; `None`: all.
    good_steps: Rc<Cell<Option<usize>>>,
    error: Option<Error>,
}

impl ListCursor {
    fn new(number: usize, entries: Vec<Entry>) -> Self {
        Self {
            number,
            entries,
            position: None,
            good_steps: Rc::default(),
            error: None,
        }
    }

    /// The switch by which this cursor is made to fail, once.
    fn switch(&self) -> Rc<Cell<Option<usize>>> {
        Rc::clone(&self.good_steps)
    }

    fn step(&mut self) -> Result<()> {
        match self.good_steps.get() {
            Some(0) => {
                self.good_steps.set(None);
                self.position = None;
                let source = std::io::Error::other("made to fail");
                let error = Error::io("read", Path::new(&source_name(self.number)), source);
                self.error = Some(error.clone());
                Err(error)
            }
            steps => {
                self.good_steps.set(steps.map(|steps| steps - 1));
                Ok(())
            }
        }
    }

    fn current(&self) -> &Entry {
        let entry = self.position.and_then(|i| self.entries.get(i));
        entry.unwrap_or_else(|| {
            panic!(
                "the merge asked source {} for its key or value, but that source stands on no entry",
                self.number
            )
        })
    }
}

impl StorageIterator for ListCursor {
    fn is_valid(&self) -> bool {
        self.position.is_some_and(|i| i < self.entries.len())
    }

    fn key(&self) -> &[u8] {
        &self.current().0
    }

    fn value(&self) -> Option<&[u8]> {
        self.current().1.as_deref()
    }

    fn next(&mut self) -> Result<()> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if self.is_valid() {
            self.step()?;
            self.position = self.position.map(|i| i + 1);
        }
        Ok(())
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.seek(b"")
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        self.error = None;
        self.step()?;
        let first = self
            .entries
            .partition_point(|(key, _)| key.as_slice() < target);
        self.position = Some(first);
        Ok(())
    }
}

fn source_name(number: usize) -> String {
    format!("source {number}")
}

/// The error must be the one that source `number` gave.
#[track_caller]
fn assert_error_of(number: usize, error: &Error, when: &str) {
    let is_its_own =
        matches!(error, Error::Io { path, .. } if *path == Path::new(&source_name(number)));
    assert!(
        is_its_own,
        "{when}: source {number} failed, but the merge gave another error: {error}"
    );
}

/// Sources from texts, newest first.
fn sources(texts: &[&str]) -> Vec<ListCursor> {
    let source = |(number, text): (usize, &&str)| ListCursor::new(number, entries(text));
    texts.iter().enumerate().map(source).collect()
}

/// What a merge of `sources`, newest first, must show.
fn merged(sources: &[ListCursor]) -> Vec<Entry> {
    let mut map = BTreeMap::new();
    for source in sources.iter().rev() {
        map.extend(source.entries.iter().cloned());
    }
    map.into_iter().collect()
}

// ---- stores ----

/// An empty store whose memtables are frozen at `memtable_size`.
fn store_with(memtable_size: usize) -> LsmStorage {
    common::open(LsmOptions {
        memtable_size,
        ..common::options(&common::mem_fs())
    })
}

/// An empty store that never freezes a memtable in a small test.
fn store() -> LsmStorage {
    store_with(64 << 20)
}

fn store_with_listener(memtable_size: usize, listener: Arc<dyn EventListener>) -> LsmStorage {
    common::open(LsmOptions {
        memtable_size,
        listener,
        ..common::options(&common::mem_fs())
    })
}

#[track_caller]
fn put(store: &LsmStorage, key: &[u8], value: &[u8]) {
    store
        .put(key, value)
        .unwrap_or_else(|error| panic!("put({}) failed: {error}", show(key)));
}

/// Writes from text, one after the other: `"b=2 a=1 a"` puts b, puts a and deletes a.
#[track_caller]
fn write_all(store: &LsmStorage, text: &str) {
    for (key, value) in entries(text) {
        match value {
            Some(value) => put(store, &key, &value),
            None => store
                .delete(&key)
                .unwrap_or_else(|error| panic!("delete({}) failed: {error}", show(&key))),
        }
    }
}

/// Writes one batch from text.
#[track_caller]
fn write_batch(store: &LsmStorage, text: &str) {
    let mut batch = WriteBatch::new();
    for (key, value) in entries(text) {
        batch.push(key.into(), value.map(Bytes::from));
    }
    store
        .write(batch)
        .unwrap_or_else(|error| panic!("write(batch of {text:?}) failed: {error}"));
}

/// The key that [`freeze`] and [`fill`] write.
const FILLER: &[u8] = b"~filler";

/// Writes a filler until the memtable has reached `memtable_size`, which leaves it to the next write to freeze it. Returns how many writes it took.
#[track_caller]
fn fill(store: &LsmStorage, memtable_size: usize) -> usize {
    let mut count = 0;
    while store.metrics().memtable.size < memtable_size {
        assert!(
            count <= memtable_size / 100,
            "{count} values of 100 bytes are written, but the memtable does not reach {memtable_size} bytes: its size does not grow, or it is frozen before it is full"
        );
        put(store, FILLER, &[b'f'; 100]);
        count += 1;
    }
    count
}

/// Writes a filler until one more memtable is frozen. `memtable_size` is the store's.
#[track_caller]
fn freeze(store: &LsmStorage, memtable_size: usize) {
    let frozen = store.metrics().frozen.len();
    for _ in 0..memtable_size / 100 + 2 {
        if store.metrics().frozen.len() > frozen {
            return;
        }
        put(store, FILLER, &[b'f'; 100]);
    }
    assert!(
        store.metrics().frozen.len() > frozen,
        "values of more than {memtable_size} bytes are written, but no memtable was frozen"
    );
}

/// All versions in all memtables.
fn version_count(metrics: &Metrics) -> usize {
    let frozen = metrics.frozen.iter();
    metrics.memtable.entry_count + frozen.map(|memtable| memtable.entry_count).sum::<usize>()
}

/// No frozen memtable was frozen before it was full, and no id was given twice.
#[track_caller]
fn check_frozen(metrics: &Metrics, memtable_size: usize) {
    let mut ids = vec![metrics.memtable.id];
    for memtable in &metrics.frozen {
        assert!(
            memtable.size >= memtable_size,
            "frozen memtable {} has {} bytes in {} entries: it was frozen before it reached memtable_size, which is {memtable_size}",
            memtable.id,
            memtable.size,
            memtable.entry_count
        );
        assert!(
            !ids.contains(&memtable.id),
            "two memtables have the id {}",
            memtable.id
        );
        ids.push(memtable.id);
    }
}

/// A number as a value.
fn number(n: usize) -> Vec<u8> {
    n.to_string().into_bytes()
}

/// A value as a number.
#[track_caller]
fn as_number(value: &[u8]) -> usize {
    let text = std::str::from_utf8(value).ok();
    text.and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("a value was read that nobody wrote: {}", show(value)))
}

/// The number that `key` has, which has had one all the time.
#[track_caller]
fn get_number(store: &LsmStorage, key: &[u8]) -> usize {
    let value = store
        .get(key)
        .unwrap_or_else(|error| panic!("get({}) failed: {error}", show(key)));
    match value {
        Some(value) => as_number(&value),
        None => panic!(
            "get({}) found nothing, although the key was there all the time",
            show(key)
        ),
    }
}

// ---- threads and listeners ----

/// Is set when a thread ends, in whatever way.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Waits for all, then fails as the first that failed did.
fn join_all(handles: Vec<ScopedJoinHandle<'_, ()>>) {
    let outcomes: Vec<_> = handles.into_iter().map(ScopedJoinHandle::join).collect();
    for outcome in outcomes {
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    }
}

/// Runs `write` in one thread, and `read` again and again in `reader_count` others until it is done. `read` gets a number of its own in each thread to remember something in.
fn read_beside(
    reader_count: usize,
    write: impl FnOnce() + Send,
    read: impl Fn(&mut usize) + Send + Sync,
) {
    let is_done = AtomicBool::new(false);
    let start = std::sync::Barrier::new(reader_count + 1);
    std::thread::scope(|scope| {
        let mut handles = Vec::new();
        for _ in 0..reader_count {
            handles.push(scope.spawn(|| {
                start.wait();
                let mut seen = 0;
                while !is_done.load(Ordering::Acquire) {
                    read(&mut seen);
                }
                read(&mut seen);
            }));
        }
        handles.push(scope.spawn(|| {
            let _end = SetAtEnd(&is_done);
            start.wait();
            write();
        }));
        join_all(handles);
    });
}

/// Keeps the events that it is told.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    fn events(&self) -> Vec<Event> {
        self.0.lock().expect("no listener panics").clone()
    }
}

impl EventListener for Recorder {
    fn on_event(&self, event: &Event) {
        self.0
            .lock()
            .expect("no listener panics")
            .push(event.clone());
    }
}
