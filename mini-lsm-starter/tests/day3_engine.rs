//! Day 3 · The engine in memory: versions in a skip list, many cursors merged into one, and a store whose readers see whole batches.

mod common;

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
use mini_lsm_starter::cursor::Lookup;
use mini_lsm_starter::fs::FileSystem;
use mini_lsm_starter::mem_table::{MemTable, Seq};
use mini_lsm_starter::table::{SsTable, SsTableBuilder, TableId};
use mini_lsm_starter::{
    Error, Event, EventListener, LsmOptions, LsmStorage, Metrics, StorageIterator,
};
use mini_lsm_starter::{Result, WriteBatch};

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
        memtable.insert(key.into(), seq, value.map(Bytes::from));
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
        let bytes = value.clone().map(Bytes::from);
        self.memtable.insert(key.clone().into(), seq, bytes);
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

/// Task 1: the memtable.
mod task_1 {
    use super::*;

    /// A new memtable is empty: it knows no key, and its greatest sequence number is 0.
    ///
    /// A store is opened with one, and freezing asks it whether there is anything to freeze.
    ///
    /// # Hints
    /// - `Unknown` is the answer "ask somebody older"; `Deleted` would hide what older memtables and tables hold.
    /// - `is_empty` turns false with the first insert, be it a tombstone.
    #[test]
    fn a_new_memtable_is_empty() {
        let memtable = MemTable::new(7);
        assert!(
            memtable.id() == 7,
            "MemTable::new(7) has the id {}",
            memtable.id()
        );
        assert!(
            memtable.is_empty(),
            "is_empty() is false, but nothing was inserted"
        );
        assert!(
            memtable.last_seq() == 0,
            "last_seq() of an empty memtable is {}, expected 0",
            memtable.last_seq()
        );
        assert_known(&memtable, "apple", NOW, Known::Nothing);

        memtable.insert("apple".into(), 1, None);
        assert!(
            !memtable.is_empty(),
            "is_empty() is true after a tombstone was inserted"
        );
    }

    /// A reader at a sequence number gets the newest version that is not newer than that number.
    ///
    /// This is how a scan, or a reader beside a writer, sees the store as it was at one moment although writing goes on.
    ///
    /// # Hints
    /// - The skip list is sorted by key and, within a key, newest first. Where does the version that you want stand from (key, your number)?
    /// - The first entry at or behind (key, Reverse(seq)) is it, if it has the right key.
    /// - An insert must never replace or remove the versions that are there.
    #[test]
    fn get_finds_the_newest_version_at_or_below_the_sequence_number() {
        let memtable = MemTable::new(1);
        memtable.insert("apple".into(), 3, Some("green".into()));
        memtable.insert("apple".into(), 7, Some("red".into()));
        memtable.insert("apple".into(), 9, None);
        memtable.insert("apple".into(), 12, Some("brown".into()));
        for seq in 0..15 {
            let expected = match seq {
                0..3 => Known::Nothing,
                3..7 => Known::Value("green"),
                7..9 => Known::Value("red"),
                9..12 => Known::Deleted,
                _ => Known::Value("brown"),
            };
            assert_known(&memtable, "apple", seq, expected);
        }
        assert_known(&memtable, "apple", NOW, Known::Value("brown"));
    }

    /// A key is only answered for by its own versions, not by those of the next key.
    ///
    /// A search in a sorted structure always stands *somewhere*; what stands there may be another key.
    ///
    /// # Hints
    /// - Look up `ap`, which is a prefix of `apple`: where does your search end?
    /// - A key of which all versions are too new leads to the next key, too.
    /// - Compare the key of the entry that you found with the key that was asked for.
    #[test]
    fn a_key_is_not_answered_for_by_its_neighbour() {
        let memtable = memtable("apple=red plum=blue");
        for absent in ["a", "ap", "apple0", "b", "plum0", "z"] {
            assert_known(&memtable, absent, NOW, Known::Nothing);
        }
        memtable.insert("fig".into(), 10, Some("green".into()));
        assert_known(&memtable, "fig", 9, Known::Nothing);
        assert_known(&memtable, "plum", 9, Known::Value("blue"));
    }

    /// A tombstone and an empty value are two things.
    ///
    /// `put(key, b"")` is a write like any other, and reads back as an empty value; an engine that takes it for a deletion loses data.
    ///
    /// # Hints
    /// - A value is `Some`, of whatever length; a tombstone is `None`.
    /// - `Deleted` is not `Unknown`: the memtable does know something of that key.
    #[test]
    fn a_tombstone_is_not_an_empty_value() {
        let memtable = memtable("empty= gone=x gone");
        assert_known(&memtable, "empty", NOW, Known::Value(""));
        assert_known(&memtable, "gone", NOW, Known::Deleted);
        assert_known(&memtable, "never", NOW, Known::Nothing);
    }

    /// The size grows with every version, by its key, its value and a constant.
    ///
    /// The size decides when the memtable is frozen. An overwrite takes as much memory as a first write, since the old version stays; and a million tiny entries or tombstones take a lot.
    ///
    /// # Hints
    /// - Versions stay, so an insert never makes the memtable smaller.
    /// - A tombstone has a key, and takes a node of the skip list like any other.
    /// - The constant is for the node and the two `Bytes`: some hundred bytes, not some thousand.
    #[test]
    fn the_size_counts_every_version() {
        let memtable = MemTable::new(1);
        let writes = [
            ("apple", Some(500)),
            ("apple", Some(500)),
            ("apple", Some(20)),
            ("apple", None),
            ("plum", Some(0)),
            ("plum", None),
        ];
        for ((key, value_len), seq) in writes.into_iter().zip(1..) {
            let before = memtable.size();
            let value = value_len.map(|len| Bytes::from(vec![b'x'; len]));
            memtable.insert(key.into(), seq, value);
            let payload = key.len() + value_len.unwrap_or(0);
            let grown = memtable.size().saturating_sub(before);
            assert!(
                grown > payload && grown <= payload + 1024,
                "write {seq} ({key}, {payload} bytes of key and value) made the size grow by {grown}, expected {payload} and a constant"
            );
        }
    }

    /// `last_seq` is the greatest sequence number in the memtable, in whatever order the entries came.
    ///
    /// A flush tells the manifest by this number up to where the tables go; too small a number, and a recovery would write the same twice.
    ///
    /// # Hints
    /// - The greatest, not the latest: keep the maximum.
    /// - An atomic has a `fetch_max`.
    #[test]
    fn last_seq_is_the_greatest_sequence_number() {
        let memtable = MemTable::new(1);
        for (seq, expected) in [(5, 5), (9, 9), (7, 9), (1, 9), (10, 10)] {
            memtable.insert("apple".into(), seq, None);
            let got = memtable.last_seq();
            assert!(
                got == expected,
                "after an insert with number {seq}, last_seq() is {got}, expected {expected}"
            );
        }
    }

    /// A reader beside the writer always finds a key that is being overwritten, and never an older version than before.
    ///
    /// Readers take no lock. `insert` over an existing key of this skip list removes the old entry before the new one is there: that is why a write adds a version.
    ///
    /// # Hints
    /// - The sequence number is part of the skip list's key, so that no insert meets an entry that is there already.
    /// - Nothing is ever removed from a memtable.
    #[test]
    fn a_reader_beside_the_writer_always_finds_the_key() {
        let memtable = MemTable::new(1);
        let insert = |seq| memtable.insert("apple".into(), seq, Some(number(seq as usize).into()));
        insert(1);
        read_beside(
            2,
            || (2..=20_000).for_each(insert),
            |seen| match memtable.get(b"apple", NOW) {
                Lookup::Value(value) => {
                    let got = as_number(&value);
                    assert!(
                        got >= *seen,
                        "a reader found version {got} after it had found version {seen}"
                    );
                    *seen = got;
                }
                _ => panic!("a reader did not find the key, which was there all the time"),
            },
        );
    }
}

/// Task 2: the memtable's iterator.
mod task_2 {
    use super::common::conformance::check_cursor;
    use super::common::key;
    use super::common::rng::Rng;
    use super::*;

    /// The memtable's iterator follows the table of the cursor contract.
    ///
    /// Everything above it, from the merge to the flush, relies on that table, and has no other source on this day.
    ///
    /// # Hints
    /// - The table is in the documentation of `cursor`. Before the first seek and past the end, `next` is `Ok` and does nothing.
    /// - A tombstone is an entry here: `value()` is `None`. Whoever does not want to see it skips it.
    /// - A seek looks for (target, your sequence number), and throws away what was fetched before.
    #[test]
    fn the_iterator_follows_the_cursor_contract() {
        for text in ["", "fig=1", "a=1 c= d bb=2 e=5", "b=2 b=3 a=1 b=4 a c c=9"] {
            let memtable = memtable(text);
            let mut expected = BTreeMap::new();
            expected.extend(entries(text));
            let expected: Vec<Entry> = expected.into_iter().collect();
            let name = format!("the iterator over the memtable [{text}]");
            check_cursor(&name, memtable.iter(NOW), &expected);
        }
    }

    /// Each key is shown once, with its newest version at or below the iterator's sequence number.
    ///
    /// Older versions of a key are in the same memtable, right behind the newest. A merge that is shown two of them cannot know that they are one key's.
    ///
    /// # Hints
    /// - Within a key the newest comes first. Skip those that are too new, take one, skip the rest.
    /// - At number 0 nothing is visible: numbers begin at 1.
    #[test]
    fn each_key_is_shown_once_with_its_newest_visible_version() {
        let mut versions = Versions::new();
        for (text, seq) in ["a=1", "c=2", "a=3", "b=4", "b", "a=6", "c=7", "b=8"]
            .into_iter()
            .zip(1..)
        {
            for (key, value) in entries(text) {
                versions.add(key, seq, value);
            }
        }
        for seq in 0..=9 {
            let name = format!("the iterator at sequence number {seq}");
            check_cursor(&name, versions.memtable.iter(seq), &versions.visible(seq));
        }
    }

    /// An iterator over many more entries than it fetches at a time shows all of them, and none twice.
    ///
    /// Where one portion ends and the next begins is the place for mistakes: the versions of a key that was shown already come right behind it.
    ///
    /// # Hints
    /// - From where does the next portion start? From behind the last key, not from behind its last version.
    /// - (key, Reverse(0)) is behind all versions of a key.
    /// - The last entry of a portion is still to be shown when the portion is used up but for it.
    #[test]
    fn an_iterator_over_many_portions_shows_each_key_once() {
        let mut versions = Versions::new();
        let mut rng = Rng::new(0x3_2_1);
        let mut keys: Vec<usize> = (0..2500).map(|i| i % 500).collect();
        rng.shuffle(&mut keys);
        for (i, seq) in keys.into_iter().zip(1..) {
            match rng.chance(20) {
                true => versions.add(key(i), seq, None),
                false => versions.add_number(key(i), seq),
            }
        }
        for seq in [1, 100, 1000, 2500] {
            let name = format!("the iterator over 500 keys at sequence number {seq}");
            check_cursor(&name, versions.memtable.iter(seq), &versions.visible(seq));
        }
    }

    /// Keys and versions that are too new are passed over, however many come in a row.
    ///
    /// A long scan beside a busy writer walks over thousands of them; an iterator that gives up after one portion of them ends too early.
    ///
    /// # Hints
    /// - Does your portion end after so many entries *looked at*, or so many that are to be shown?
    /// - A portion without an entry means the end, so it must be the end.
    #[test]
    fn entries_that_are_too_new_are_passed_over_however_many() {
        let mut versions = Versions::new();
        let old = [0, 1, 400, 401, 900];
        for (i, seq) in old.into_iter().zip(1..) {
            versions.add_number(key(i), seq);
        }
        for (i, seq) in (0..1000).filter(|i| !old.contains(i)).zip(10..) {
            versions.add_number(key(i), seq);
        }
        for seq in 2000..2300 {
            versions.add_number(key(400), seq);
        }
        for seq in [5, 9, 15, 1500, 2150] {
            let name = format!("the iterator at sequence number {seq}");
            check_cursor(&name, versions.memtable.iter(seq), &versions.visible(seq));
        }
    }

    /// Writes that come while the iterator walks do not change what it shows.
    ///
    /// A scan shows the store as it was when the scan began, even if it takes an hour.
    ///
    /// # Hints
    /// - What is written later has a greater sequence number than the iterator's: pass it over.
    /// - Every portion is fetched at the iterator's own number, never at the memtable's last.
    #[test]
    fn writes_while_the_iterator_walks_do_not_show() {
        let mut versions = Versions::new();
        for i in 0..300 {
            versions.add_number(key(2 * i), i as Seq + 1);
        }
        let expected = versions.visible(300);
        let mut cursor = versions.memtable.iter(300);
        cursor
            .seek_to_first()
            .expect("seek_to_first() of a memtable's iterator failed");
        let mut got = Vec::new();
        let mut seq = 300;
        while cursor.is_valid() {
            got.push((cursor.key().to_vec(), cursor.value().map(<[u8]>::to_vec)));
            // Overwrites, deletes, and a new key: just behind the cursor, and far behind it.
            let here = 2 * got.len();
            for (i, value) in [
                (here, Some("late".into())),
                (here + 1, Some("late".into())),
                (here + 200, None),
            ] {
                seq += 1;
                versions.memtable.insert(key(i).into(), seq, value);
            }
            cursor
                .next()
                .expect("next() of a memtable's iterator failed");
            assert!(got.len() <= 300, "the iterator shows keys that came later");
        }
        let what = "the iterator, while others wrote";
        assert_entries(what, &got, &expected);
    }

    /// An iterator walks on undisturbed while another thread writes.
    ///
    /// Readers take no lock: a scan in one thread and a writer in another go on side by side.
    ///
    /// # Hints
    /// - The versions that the iterator shows are never removed, only joined by newer ones.
    /// - An `Entry` of the skip list stays good beside writers; still, show copies (`Bytes` are cheap to clone).
    #[test]
    fn an_iterator_walks_on_beside_a_writing_thread() {
        let mut versions = Versions::new();
        for i in 0..400 {
            versions.add_number(key(i), i as Seq + 1);
        }
        let expected = versions.visible(400);
        let memtable = &versions.memtable;
        let write = || {
            for seq in 401..12_000 {
                let i = (seq as usize * 7) % 500;
                memtable.insert(key(i).into(), seq, Some("late".into()));
            }
        };
        read_beside(1, write, |_| {
            let mut cursor = memtable.iter(400);
            cursor
                .seek_to_first()
                .expect("seek_to_first() of a memtable's iterator failed");
            let got = common::rest(&mut cursor);
            assert_entries("the iterator beside a writing thread", &got, &expected);
        });
    }
}

/// Task 3: the merge iterator.
mod task_3 {
    use mini_lsm_starter::iterators::MergeIterator;

    use super::common::conformance::{check_after_error, check_cursor};
    use super::common::key;
    use super::common::rng::Rng;
    use super::*;

    /// A merge of no, one, two or many sources follows the table of the cursor contract.
    ///
    /// A store that was just opened has one memtable; one that has been written to for a while has dozens of sources, some of them empty.
    ///
    /// # Hints
    /// - No source at all is a merge that is always past its end.
    /// - Only sources that stand on an entry belong into the heap: the others have no key to compare.
    /// - A new seek moves *every* source, also those that were at their end.
    #[test]
    fn a_merge_of_any_number_of_sources_follows_the_cursor_contract() {
        let mut worlds: Vec<Vec<&str>> = vec![
            vec![],
            vec![""],
            vec!["a=1 b c="],
            vec!["", "", ""],
            vec!["a=1 c=1 e=1", "b=2 d=2 f=2"],
            vec!["d=1 e=1", "a=2 b=2"],
            vec!["", "a=2", "", "a=4 b=4"],
        ];
        let seventeen = "a=1 b=2 c d=4 e=5 f g=7 h=8 i j=10 k=11 l m=13 n=14 o p=16 q=17";
        worlds.push(seventeen.split(' ').collect());
        for world in worlds {
            let expected = merged(&sources(&world));
            let name = format!("the merge of {world:?}");
            check_cursor(&name, MergeIterator::new(sources(&world)), &expected);
        }
    }

    /// Of a key that several sources hold, the newest source's entry is shown, and the key only once.
    ///
    /// Sources are given newest first. An overwritten value that comes back is the worst that a store can do to its users.
    ///
    /// # Hints
    /// - With equal keys, the order of the heap is decided by the number of the source.
    /// - When the cursor moves on, *all* sources that stand on the old key move on, not only the one that was shown.
    /// - With seventeen sources on one key it takes sixteen of them to be skipped.
    #[test]
    fn of_equal_keys_the_newest_source_wins() {
        for count in [2, 3, 4, 8, 17] {
            let value = |number: usize, key: &str| format!("{key}={number} ");
            let same: Vec<String> = (0..count)
                .map(|n| value(n, "a") + &value(n, "b") + &value(n, "c"))
                .collect();
            let same: Vec<&str> = same.iter().map(String::as_str).collect();
            let name = format!("the merge of {count} sources with the same keys");
            check_cursor(
                &name,
                MergeIterator::new(sources(&same)),
                &entries("a=0 b=0 c=0"),
            );
        }
        let staggered = ["e=0", "d=1 e=1", "c=2 d=2 e=2", "b=3 c=3 d=3 e=3"];
        check_cursor(
            &format!("the merge of {staggered:?}"),
            MergeIterator::new(sources(&staggered)),
            &entries("b=3 c=2 d=1 e=0"),
        );
    }

    /// A tombstone is shown like any entry, hides what older sources hold, and is hidden by newer ones.
    ///
    /// The merge serves compactions too, which must write tombstones down again. Whoever leaves them out here brings deleted keys back.
    ///
    /// # Hints
    /// - The merge never looks at values: who wins is a matter of keys and of the age of the sources.
    /// - Hiding tombstones from users is the work of `LsmIterator`, one floor up.
    #[test]
    fn a_tombstone_wins_and_loses_like_a_value() {
        let world = ["a c=new", "a=old b c d=", "b=old c=old d e"];
        check_cursor(
            &format!("the merge of {world:?}"),
            MergeIterator::new(sources(&world)),
            &entries("a b c=new d= e"),
        );
    }

    /// Whatever the sources hold and however long they are, the merge shows what a sorted map of the newest entries would.
    ///
    /// Sources that end early leave holes in the heap, and long ones come up from its bottom: only a heap that is mended every time stays sorted.
    ///
    /// # Hints
    /// - After the root has moved, let it sink until neither child is smaller.
    /// - When a source ends, another takes its place: that one must sink, too.
    /// - Look at *both* children, and mind that the second may not exist.
    #[test]
    fn random_sources_merge_as_a_sorted_map_does() {
        for seed in 0..30 {
            let mut rng = Rng::new(seed);
            let source_count = rng.below(18);
            let mut all = Vec::new();
            for number in 0..source_count {
                let mut map = BTreeMap::new();
                for _ in 0..rng.below(30) {
                    let i = rng.below(40);
                    let value = (!rng.chance(30)).then(|| format!("{i} of {number}").into_bytes());
                    map.insert(key(i), value);
                }
                all.push(map.into_iter().collect::<Vec<Entry>>());
            }
            let sources = || {
                let source =
                    |(number, list): (usize, &Vec<Entry>)| ListCursor::new(number, list.clone());
                all.iter().enumerate().map(source).collect::<Vec<_>>()
            };
            let expected = merged(&sources());
            let name = format!("the merge of {source_count} random sources (seed {seed})");
            check_cursor(&name, MergeIterator::new(sources()), &expected);
        }
    }

    /// A merge over the iterators of memtables shows the newest of all their versions.
    ///
    /// This is what a scan of the store is on this day: the memtable and the frozen ones, newest first, all read at one sequence number.
    ///
    /// # Hints
    /// - Each memtable's iterator shows a key once; the merge has to choose between memtables, not between versions.
    /// - If this fails and the other tests of the task pass, look at the seeks of your memtable's iterator.
    #[test]
    fn memtables_merge_from_the_newest_to_the_oldest() {
        let mut rng = Rng::new(33);
        let mut map = BTreeMap::new();
        let mut memtables = Vec::new();
        let mut seq = 0;
        for id in 0..5 {
            let memtable = Arc::new(MemTable::new(id));
            for _ in 0..100 * id + 10 {
                seq += 1;
                let key = key(rng.below(300));
                let value = (!rng.chance(25)).then(|| number(seq as usize));
                memtable.insert(key.clone().into(), seq, value.clone().map(Bytes::from));
                map.insert(key, value);
            }
            memtables.insert(0, memtable);
        }
        let expected: Vec<Entry> = map.into_iter().collect();
        let cursors = memtables
            .iter()
            .map(|memtable| memtable.iter(seq))
            .collect();
        check_cursor(
            "the merge of five memtables",
            MergeIterator::new(cursors),
            &expected,
        );
    }

    /// Whichever source fails at whichever step, its error comes out, nothing wrong is shown before it, and the merge is invalid from then on.
    ///
    /// A merge that drops a source which failed goes on without it, and older values and deleted keys come back.
    ///
    /// # Hints
    /// - A source that failed is not valid. So is one that has ended: tell them apart by the `Result`, before you ask `is_valid`.
    /// - After an error `is_valid()` is false and `next()` gives the same error again: keep a copy, and empty the heap.
    /// - The sources that are skipped because they hold the same key can fail as well as the one that was shown.
    #[test]
    fn an_error_of_any_source_at_any_step_comes_out() {
        let world = [
            "a=0 c=0 e=0 g=0",
            "b=1 c=1 d g=1 h=1",
            "a=2 e h=2 i=2",
            "c=3 i",
        ];
        let expected = merged(&sources(&world));
        for failing in 0..world.len() {
            let own = entries(world[failing]);
            // Step 0 is the seek; step n leads away from entry n - 1.
            for step in 0..=own.len() {
                let when = format!("source {failing} of {world:?} fails at step {step}");
                let sources = sources(&world);
                sources[failing].switch().set(Some(step));
                let mut merge = MergeIterator::new(sources);
                let mut shown = Vec::new();
                let mut outcome = merge.seek_to_first();
                while outcome.is_ok() && merge.is_valid() {
                    shown.push((merge.key().to_vec(), merge.value().map(<[u8]>::to_vec)));
                    outcome = merge.next();
                }
                let Err(error) = &outcome else {
                    panic!("{when}: the merge came to its end without an error");
                };
                assert_error_of(failing, error, &when);
                let known = step.checked_sub(1).map(|last| &own[last].0);
                for (i, entry) in shown.iter().enumerate() {
                    assert!(
                        Some(entry) == expected.get(i) && Some(&entry.0) <= known,
                        "{when}: the merge showed {} = {}, which it could not know",
                        show(&entry.0),
                        show_value(entry.1.as_deref())
                    );
                }
                check_after_error(&when, &mut merge, outcome);
                let again = merge
                    .next()
                    .expect_err("check_after_error has seen an error");
                assert_error_of(failing, &again, &when);
                // The contract: a seek tries again. This time the source does not fail.
                merge
                    .seek_to_first()
                    .unwrap_or_else(|e| panic!("{when}: the next seek does not try again: {e}"));
                let name = format!("{when}; the merge after the next seek");
                assert_entries(&name, &common::rest(&mut merge), &expected);
            }
        }
    }

    /// A seek that fails leaves the merge invalid, wherever it stood before, and a later seek tries again.
    ///
    /// After the failure some sources have moved and others have not: what the heap says is worth nothing.
    ///
    /// # Hints
    /// - Empty the heap before the sources move, not after all of them have.
    /// - The error belongs to the past as soon as the next seek begins: forget it there.
    #[test]
    fn a_failed_seek_leaves_the_merge_invalid_until_the_next_one() {
        let world = ["a=0 d=0", "b=1 d=1", "c=2 d=2"];
        for failing in 0..world.len() {
            let sources = sources(&world);
            let switch = sources[failing].switch();
            let mut merge = MergeIterator::new(sources);
            merge
                .seek_to_first()
                .expect("seek_to_first() over sound sources failed");
            assert!(
                merge.is_valid(),
                "seek_to_first() over three sources leaves the merge invalid"
            );
            switch.set(Some(0));
            let when = format!("source {failing} of {world:?} fails at seek(\"b\")");
            let outcome = merge.seek(b"b");
            match &outcome {
                Err(error) => assert_error_of(failing, error, &when),
                Ok(()) => panic!("{when}: the seek of the merge is Ok"),
            }
            check_after_error(&when, &mut merge, outcome);
            merge
                .seek(b"b")
                .unwrap_or_else(|e| panic!("{when}: the next seek does not try again: {e}"));
            let name = format!("{when}; the merge after the next seek");
            assert_entries(&name, &common::rest(&mut merge), &entries("b=1 c=2 d=0"));
        }
    }
}

/// Task 4: the write path, get, and freezing.
mod task_4 {
    use mini_lsm_starter::write_batch::{MAX_KEY_LEN, MAX_VALUE_LEN};

    use super::common::model::Model;
    use super::common::rng::Rng;
    use super::common::{assert_get, key};
    use super::*;

    /// `get` gives what was put last, and nothing for a key that is absent or deleted; an empty value is a value.
    ///
    /// This is the whole promise of a store, in one line.
    ///
    /// # Hints
    /// - A write gets the next sequence number, goes into the memtable, and is published; a reader reads at the published number.
    /// - Not published, it is there and nobody sees it.
    /// - A tombstone ends the search, with nothing found.
    #[test]
    fn get_gives_what_was_put_last() {
        let store = store();
        assert_get(&store, b"apple", None, "in an empty store");
        write_all(&store, "apple=green plum=blue apple=red empty= fig=1 fig");
        let when = "after some puts and a delete";
        assert_get(&store, b"apple", Some(b"red"), when);
        assert_get(&store, b"plum", Some(b"blue"), when);
        assert_get(&store, b"empty", Some(b""), when);
        assert_get(&store, b"fig", None, when);
        assert_get(&store, b"app", None, when);
        write_all(&store, "fig=2 plum never");
        let when = "after the next writes";
        assert_get(&store, b"fig", Some(b"2"), when);
        assert_get(&store, b"plum", None, when);
        assert_get(&store, b"never", None, when);
        assert_get(&store, b"apple", Some(b"red"), when);
    }

    /// `open` creates a directory that is missing, with its parents, and takes one that is there and empty.
    ///
    /// The first start of a program should need no `mkdir` before it.
    ///
    /// # Hints
    /// - The options carry the file system: ask it, not `std::fs`.
    /// - There is a given function that does all of this; look at the documentation of `Core::open`.
    #[test]
    fn open_creates_a_missing_directory_and_takes_an_empty_one() {
        let fs = common::mem_fs();
        let dir = Path::new("/deep/down/store");
        let store = LsmStorage::open(dir, common::options(&fs))
            .expect("open of a directory that is missing failed");
        assert!(
            fs.dir_exists(dir).is_ok_and(|exists| exists),
            "open gave a store, but there is no directory {}",
            dir.display()
        );
        write_all(&store, "a=1");
        assert_get(&store, b"a", Some(b"1"), "in a new store");

        let fs = common::mem_fs();
        fs.create_dir_all(dir)
            .expect("MemFs creates any directory once");
        let store = LsmStorage::open(dir, common::options(&fs))
            .expect("open of a directory that is there and empty failed");
        write_all(&store, "a=1");
        assert_get(&store, b"a", Some(b"1"), "in an empty directory");
    }

    /// `open` refuses a directory in which somebody else's files are, and touches nothing.
    ///
    /// A mistyped path must not turn a folder of photographs into a database.
    ///
    /// # Hints
    /// - Look at what is in the directory before you create anything.
    /// - The error is `InvalidArgument`. There is a given function that does all of this.
    #[test]
    fn open_refuses_a_directory_with_foreign_files() {
        let fs = common::mem_fs();
        let file = common::path("photograph.jpg");
        fs.write_raw(&file, b"a cat");
        match LsmStorage::open(common::DIR, common::options(&fs)) {
            Err(Error::InvalidArgument(_)) => {}
            Err(error) => panic!("open gave the wrong kind of error, not InvalidArgument: {error}"),
            Ok(_) => panic!("open took a directory that holds photograph.jpg"),
        }
        let names = fs.file_names(common::DIR);
        assert!(
            names == ["photograph.jpg"] && fs.read(&file) == b"a cat",
            "open refused the directory, but left {names:?} there"
        );
    }

    /// The operations of a batch count in their order: of two on one key the later wins, and each is a version of its own.
    ///
    /// Programs build batches from loops and rely on it. And the next batch must not be older than the last one.
    ///
    /// # Hints
    /// - Every *operation* gets the next sequence number, not every batch.
    /// - After a batch of three, the next batch begins three numbers further on.
    /// - What you publish is the number of the last operation.
    #[test]
    fn of_two_operations_on_one_key_the_later_wins() {
        let store = store();
        write_batch(&store, "a=1 b=1 a=2 b c=1 c c=3");
        let when = "after the batch [a=1 b=1 a=2 b c=1 c c=3]";
        assert_get(&store, b"a", Some(b"2"), when);
        assert_get(&store, b"b", None, when);
        assert_get(&store, b"c", Some(b"3"), when);
        let versions = store.metrics().memtable.entry_count;
        assert!(
            versions == 7,
            "{when} the memtable holds {versions} versions, expected 7: one for each operation"
        );

        for (batch, expected) in [("c=4", "4"), ("a=5 c=5 c=6", "6"), ("c=7 d=1", "7")] {
            write_batch(&store, batch);
            let when = format!("after the later batch [{batch}]");
            assert_get(&store, b"c", Some(expected.as_bytes()), &when);
        }
        assert_get(&store, b"a", Some(b"5"), "after all batches");
        assert_get(&store, b"d", Some(b"1"), "after all batches");
    }

    /// A key that is empty or longer than 65,535 bytes is refused, and of its batch nothing is written.
    ///
    /// Lengths of keys are stored in two bytes. A limit that is noticed only in the middle of a batch, or by the flush an hour later, comes too late.
    ///
    /// # Hints
    /// - Check the whole batch before the first operation is applied.
    /// - `WriteBatch` has a given method that checks all limits.
    /// - A delete has a key as well.
    #[test]
    fn keys_out_of_bounds_are_refused_and_nothing_is_written() {
        let store = store();
        let long = vec![b'k'; MAX_KEY_LEN + 1];
        for bad in [b"".as_slice(), &long] {
            let batch = |ops: [(&[u8], bool); 2]| {
                let mut batch = WriteBatch::new();
                for (key, is_put) in ops {
                    match is_put {
                        true => batch.put(key, b"1"),
                        false => batch.delete(key),
                    };
                }
                store.write(batch)
            };
            let refused = [
                ("put", store.put(bad, b"1")),
                ("delete", store.delete(bad)),
                (
                    "a batch whose second put",
                    batch([(b"a", true), (bad, true)]),
                ),
                (
                    "a batch whose first delete",
                    batch([(bad, false), (b"a", true)]),
                ),
            ];
            for (what, outcome) in refused {
                assert!(
                    matches!(outcome, Err(Error::InvalidArgument(_))),
                    "{what} has a key of {} bytes and gave {outcome:?}, expected InvalidArgument",
                    bad.len()
                );
            }
        }
        assert_get(&store, b"a", None, "after batches that were refused");
        let versions = version_count(&store.metrics());
        assert!(
            versions == 0,
            "all writes were refused, but {versions} versions were written"
        );
        let longest = &long[..MAX_KEY_LEN];
        put(&store, longest, b"long");
        put(&store, b"k", b"short");
        assert_get(&store, longest, Some(b"long"), "after a put at the limit");
        assert_get(&store, b"k", Some(b"short"), "after a put at the limit");
    }

    /// A value or a batch that is too long is refused, and nothing of it is written.
    ///
    /// The log of a later day could not hold it: what the store takes it must be able to keep.
    ///
    /// # Hints
    /// - `WriteBatch` has a given method that checks all limits.
    /// - Check before anything is changed, the sequence number included.
    #[test]
    fn values_and_batches_that_are_too_long_are_refused() {
        let store = store();
        write_all(&store, "a=1");
        // Zeros that nobody looks at take no memory, and clones of `Bytes` share them.
        let zeros = Bytes::from(vec![0; MAX_VALUE_LEN + 1]);
        let mut long_value = WriteBatch::new();
        long_value
            .put(b"a", b"2")
            .push("b".into(), Some(zeros.clone()));
        let mut long_batch = WriteBatch::new();
        for key in ["a", "b", "c", "d", "e"] {
            long_batch.push(key.into(), Some(zeros.slice(..MAX_VALUE_LEN)));
        }
        for (what, batch) in [
            ("a value above the limit", long_value),
            ("values that are too much together", long_batch),
        ] {
            let outcome = store.write(batch);
            assert!(
                matches!(outcome, Err(Error::InvalidArgument(_))),
                "a batch with {what} gave {outcome:?}, expected InvalidArgument"
            );
        }
        let when = "after batches that were refused";
        assert_get(&store, b"a", Some(b"1"), when);
        assert_get(&store, b"b", None, when);
        write_all(&store, "a=3");
        assert_get(&store, b"a", Some(b"3"), "after the next write");
        let versions = version_count(&store.metrics());
        assert!(
            versions == 2,
            "a was put twice, but there are {versions} versions"
        );
    }

    /// An empty batch is no error and changes nothing, not even a memtable that is full.
    ///
    /// Programs that collect batches in a loop write empty ones now and then.
    ///
    /// # Hints
    /// - There is no operation, so there is no sequence number to give, nothing to publish, and nothing to make room for.
    #[test]
    fn an_empty_batch_changes_nothing() {
        let memtable_size = 4 << 10;
        let store = store_with(memtable_size);
        let write_nothing = || {
            store
                .write(WriteBatch::new())
                .expect("the write of an empty batch failed");
            let metrics = store.metrics();
            (metrics.frozen.len(), version_count(&metrics))
        };
        let nothing = write_nothing();
        assert!(
            nothing == (0, 0),
            "an empty batch in an empty store left (frozen memtables, versions) = {nothing:?}"
        );
        let filled = fill(&store, memtable_size);
        let full = write_nothing();
        assert!(
            full == (0, filled),
            "an empty batch, with {filled} versions in a full memtable, left (frozen memtables, versions) = {full:?}"
        );
        write_all(&store, "a=1");
        assert_get(&store, b"a", Some(b"1"), "after an empty batch");
    }

    /// A memtable that has reached `memtable_size` is frozen before the next batch, and the listener is told before and after.
    ///
    /// Memory is what the option says; and a frozen memtable can be written to a table in peace, since nobody writes to it any more.
    ///
    /// # Hints
    /// - The size that counts is `MemTable::size`, and the limit is that of the options.
    /// - Freezing is a new state: the memtable goes to the front of the frozen ones, and a new one takes its place.
    /// - `MemtableFull` comes first, then `MemtableFrozen`, both with the id of the memtable that was full.
    #[test]
    fn a_full_memtable_is_frozen() {
        let memtable_size = 4 << 10;
        let recorder = Arc::new(Recorder::default());
        let store = store_with_listener(memtable_size, recorder.clone());
        put(&store, &key(0), &[b'v'; 1000]);
        let frozen = store.metrics().frozen.len();
        assert!(
            frozen == 0,
            "1000 bytes are written and memtable_size is {memtable_size}, but a memtable was frozen"
        );
        for i in 1..24 {
            put(&store, &key(i), &[b'v'; 1000]);
        }
        let metrics = store.metrics();
        check_frozen(&metrics, memtable_size);
        assert!(
            version_count(&metrics) == 24,
            "24 puts left {} versions in all memtables",
            version_count(&metrics)
        );
        for memtable in metrics.frozen.iter().chain([&metrics.memtable]) {
            let count = memtable.entry_count;
            assert!(
                (1..=5).contains(&count),
                "memtable {} holds {count} values of 1000 bytes, but memtable_size is {memtable_size}",
                memtable.id
            );
        }
        let expected: Vec<Event> = (metrics.frozen.iter().rev())
            .flat_map(|memtable| {
                let id = memtable.id;
                [Event::MemtableFull { id }, Event::MemtableFrozen { id }]
            })
            .collect();
        let events = recorder.events();
        assert!(
            events == expected,
            "the listener was told {events:?}, expected {expected:?}"
        );
    }

    /// The batch that finds the memtable full goes into the next one, and the frozen one does not change any more.
    ///
    /// A frozen memtable is written to a table and thrown away: what comes into it after that is lost.
    ///
    /// # Hints
    /// - In which memtable do you insert: the one that you looked at before the freeze, or the one that is there after it?
    /// - Make room first; then look up the memtable that takes the writes.
    #[test]
    fn the_batch_that_finds_the_memtable_full_goes_into_the_next_one() {
        let memtable_size = 4 << 10;
        let store = store_with(memtable_size);
        for round in 1..=3 {
            let filled = fill(&store, memtable_size);
            let before = store.metrics();
            assert!(
                before.frozen.len() == round - 1,
                "{} memtables are frozen before batch {round} to a full memtable, expected {}",
                before.frozen.len(),
                round - 1
            );
            write_batch(&store, "a=1 b=2");
            let after = store.metrics();
            let counts = |metrics: &Metrics| -> Vec<usize> {
                let frozen = metrics.frozen.iter();
                let all = [&metrics.memtable].into_iter().chain(frozen);
                all.map(|memtable| memtable.entry_count).collect()
            };
            let mut expected = counts(&before);
            expected.insert(0, 2);
            assert!(
                counts(&after) == expected,
                "a batch of two was written to a memtable that {filled} values had filled: the memtables, newest first, have {:?} entries, expected {expected:?}",
                counts(&after)
            );
        }
    }

    /// `get` looks through the frozen memtables, from the newest to the oldest.
    ///
    /// An older value that shows through, or a deleted key that comes back, is a wrong answer; and frozen data is still the store's.
    ///
    /// # Hints
    /// - Ask one memtable after the other and stop at the first that knows the key, be it a tombstone.
    /// - The memtable that was frozen last belongs at the *front* of the frozen ones.
    #[test]
    fn get_looks_through_frozen_memtables_from_the_newest() {
        let memtable_size = 2 << 10;
        let store = store_with(memtable_size);
        let worlds = [
            "first=1 always=1 gone=1 back=1",
            "always=2 gone back",
            "always=3 back=3 empty=x",
            "always=4 empty=",
        ];
        for (generation, world) in worlds.iter().enumerate() {
            write_all(&store, world);
            freeze(&store, memtable_size);
            let always = number(generation + 1);
            let when = format!("with {} frozen memtables", generation + 1);
            assert_get(&store, b"always", Some(&always), &when);
        }
        let metrics = store.metrics();
        assert!(
            metrics.frozen.len() == worlds.len(),
            "{} memtables are frozen, expected {}",
            metrics.frozen.len(),
            worlds.len()
        );
        let when = "with four frozen memtables";
        assert_get(&store, b"first", Some(b"1"), when);
        assert_get(&store, b"gone", None, when);
        assert_get(&store, b"back", Some(b"3"), when);
        assert_get(&store, b"empty", Some(b""), when);
        write_all(&store, "always first=new");
        let when = "with a newer version in the memtable";
        assert_get(&store, b"always", None, when);
        assert_get(&store, b"first", Some(b"new"), when);
    }

    /// A batch is never half in one memtable and half in the next.
    ///
    /// Memtables are flushed, and their logs removed, one at a time: of a batch in two of them a crash could leave one half.
    ///
    /// # Hints
    /// - Look at the size once, before the batch, and not between its operations.
    /// - A batch that is larger than `memtable_size` goes into one memtable, too.
    #[test]
    fn a_batch_is_never_split_over_two_memtables() {
        let store = store_with(2 << 10);
        let write = |len: usize| {
            let mut batch = WriteBatch::new();
            for i in 0..len {
                batch.put(&key(i), &[b'v'; 100]);
            }
            store.write(batch).expect("write(batch) failed");
        };
        for _ in 0..30 {
            write(7);
        }
        write(140);
        write(7);
        let metrics = store.metrics();
        assert!(
            metrics.frozen.len() >= 8,
            "{} memtables are frozen after 35,700 bytes of values with memtable_size 2048, expected more",
            metrics.frozen.len()
        );
        for memtable in metrics.frozen.iter().chain([&metrics.memtable]) {
            assert!(
                memtable.entry_count % 7 == 0,
                "memtable {} holds {} entries, but all batches have 7 or 140: one is split",
                memtable.id,
                memtable.entry_count
            );
        }
        let versions = version_count(&metrics);
        assert!(
            versions == 30 * 7 + 147,
            "{versions} versions are in all memtables, expected 357"
        );
    }

    /// Holds the first writer that finds the memtable full until another one has found the same, or obviously will not.
    #[derive(Debug, Default)]
    struct Rendezvous {
        is_armed: AtomicBool,
        /// How many writers are about to write.
        begun: AtomicUsize,
        /// How many have found the memtable full.
        arrived: AtomicUsize,
    }

    impl EventListener for Rendezvous {
        fn on_event(&self, event: &Event) {
            let is_full = matches!(event, Event::MemtableFull { .. });
            if !is_full || !self.is_armed.load(Ordering::SeqCst) {
                return;
            }
            if self.arrived.fetch_add(1, Ordering::SeqCst) > 0 {
                return;
            }
            // The other thread comes this far in every engine …
            while self.begun.load(Ordering::SeqCst) < 2 {
                yield_now();
            }
            // … but here only where this one holds no lock that it needs.
            for _ in 0..PATIENT_YIELDS {
                if self.arrived.load(Ordering::SeqCst) > 1 {
                    break;
                }
                yield_now();
            }
        }
    }

    /// Two writers that find the memtable full at the same time freeze it once.
    ///
    /// If both do, the second freezes the new memtable, which holds next to nothing: the store fills up with tiny memtables, and later with tiny tables.
    ///
    /// # Hints
    /// - Between looking at the size and freezing, somebody else may have frozen: the look counts only under the lock.
    /// - Take the commit lock first, for the whole write. Or look again once you hold it.
    #[test]
    fn two_writers_at_a_full_memtable_freeze_it_once() {
        let memtable_size = 8 << 10;
        let rendezvous = Arc::new(Rendezvous::default());
        let store = store_with_listener(memtable_size, rendezvous.clone());
        let filled = fill(&store, memtable_size);
        rendezvous.is_armed.store(true, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let write = |name: &'static str| {
                rendezvous.begun.fetch_add(1, Ordering::SeqCst);
                put(&store, name.as_bytes(), b"1");
            };
            let handles = ["ann", "bob"].map(|name| scope.spawn(move || write(name)));
            join_all(handles.into());
        });
        let metrics = store.metrics();
        assert!(
            metrics.frozen.len() == 1,
            "one memtable was full, but {} are frozen, with {:?} entries",
            metrics.frozen.len(),
            metrics
                .frozen
                .iter()
                .map(|memtable| memtable.entry_count)
                .collect::<Vec<_>>()
        );
        check_frozen(&metrics, memtable_size);
        let versions = version_count(&metrics);
        assert!(
            versions == filled + 2,
            "{versions} versions are in all memtables, expected {}",
            filled + 2
        );
        for name in [b"ann", b"bob"] {
            assert_get(
                &store,
                name,
                Some(b"1"),
                "after two writers met at a full memtable",
            );
        }
    }

    /// Holds the writer at a full memtable until it is let go.
    #[derive(Debug, Default)]
    struct Hold {
        is_held: AtomicBool,
        may_go: AtomicBool,
        has_waited_in_vain: AtomicBool,
    }

    impl EventListener for Hold {
        fn on_event(&self, event: &Event) {
            if !matches!(event, Event::MemtableFull { .. }) {
                return;
            }
            self.is_held.store(true, Ordering::SeqCst);
            let deadline = Instant::now() + PATIENCE;
            while !self.may_go.load(Ordering::SeqCst) {
                if Instant::now() > deadline {
                    self.has_waited_in_vain.store(true, Ordering::SeqCst);
                    return;
                }
                yield_now();
            }
        }
    }

    /// Readers do not wait for a writer that is about to freeze the memtable.
    ///
    /// Freezing writes to disk from day 6 on, and waits for a flush from day 4 on. Whoever reads has nothing to do with that.
    ///
    /// # Hints
    /// - The writer holds the commit lock, which readers never take.
    /// - The lock of the state is taken only to clone or to swap the pointer: tell the listener outside.
    #[test]
    fn readers_do_not_wait_for_a_writer_that_freezes() {
        let memtable_size = 4 << 10;
        let hold = Arc::new(Hold::default());
        let store = store_with_listener(memtable_size, hold.clone());
        write_all(&store, "a=1 b=1 b");
        fill(&store, memtable_size);
        let is_written = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let _end = SetAtEnd(&is_written);
                put(&store, b"a", b"2");
            });
            while !hold.is_held.load(Ordering::SeqCst) && !is_written.load(Ordering::SeqCst) {
                yield_now();
            }
            let reader = scope.spawn(|| {
                let _end = SetAtEnd(&hold.may_go);
                let when = "while a writer is about to freeze the memtable";
                assert_get(&store, b"a", Some(b"1"), when);
                assert_get(&store, b"b", None, when);
            });
            join_all(vec![reader, writer]);
        });
        assert!(
            hold.is_held.load(Ordering::SeqCst),
            "a batch was written to a full memtable, but the listener was not told MemtableFull"
        );
        assert!(
            !hold.has_waited_in_vain.load(Ordering::SeqCst),
            "a get did not return as long as a writer was about to freeze the memtable"
        );
        assert_get(&store, b"a", Some(b"2"), "after the writer went on");
    }

    /// A key that is overwritten all the time never vanishes for a reader, and never goes back to an older value, while memtables are frozen under way.
    ///
    /// Readers take no lock: every step of a write, and of a freeze, must leave something that a reader may see.
    ///
    /// # Hints
    /// - A write adds a version; the reader's sequence number decides which one it sees.
    /// - Publish a number when *all* up to it is in the memtable, not before.
    /// - The frozen memtable and the new one change places in one step: one new state, one swap.
    #[test]
    fn a_key_that_is_overwritten_never_vanishes() {
        let store = store_with(16 << 10);
        let keys: Vec<Vec<u8>> = (0..4).map(key).collect();
        keys.iter().for_each(|key| put(&store, key, b"0"));
        let write = || {
            for n in 1..=20_000 {
                put(&store, &keys[n % keys.len()], &number(n));
            }
        };
        read_beside(2, write, |seen| {
            // The keys get their numbers in turn, so none is more than a round behind what was seen before.
            for key in &keys {
                let got = get_number(&store, key);
                assert!(
                    got + keys.len() > *seen,
                    "get({}) gave {got}, an old value: another key had {seen} before that",
                    show(key)
                );
                *seen = got.max(*seen);
            }
        });
        let frozen = store.metrics().frozen.len();
        assert!(
            frozen > 3,
            "only {frozen} memtables were frozen on the way, expected more"
        );
    }

    /// A batch becomes visible as a whole: who has seen one of its operations sees all of them.
    ///
    /// Money that has left one account and not yet reached the other must not be seen by anybody.
    ///
    /// # Hints
    /// - Publish once, when the last operation of the batch is in the memtable.
    /// - `get` reads at the published number, not at the newest version there is.
    #[test]
    fn a_batch_becomes_visible_as_a_whole() {
        const LEN: usize = 40;
        let store = store_with(256 << 10);
        let write = |n: usize| {
            let mut batch = WriteBatch::new();
            for i in 0..LEN {
                batch.put(&key(i), &number(n));
            }
            store.write(batch).expect("write(batch) failed");
        };
        write(0);
        read_beside(
            2,
            || (1..=1000).for_each(write),
            |_| {
                for (first, second) in [(0, LEN - 1), (LEN - 1, 0), (0, LEN / 2), (LEN / 2, 1)] {
                    let seen = get_number(&store, &key(first));
                    let got = get_number(&store, &key(second));
                    assert!(
                        got >= seen,
                        "get({}) gave {seen}, and after that get({}) gave {got}: half of batch {seen} was visible",
                        show(&key(first)),
                        show(&key(second))
                    );
                }
            },
        );
    }

    /// Many writers at the same time lose nothing, and each sees its own write as soon as it has returned.
    ///
    /// Two writes with one sequence number, or one that goes into a memtable which was frozen a moment ago, would be gone sooner or later.
    ///
    /// # Hints
    /// - Number, insert and publish under the commit lock.
    /// - Look up the current memtable once you hold the lock, and after the freeze, not before.
    #[test]
    fn many_writers_lose_nothing() {
        let (writer_count, put_count) = (4, 600);
        let memtable_size = 8 << 10;
        let store = store_with(memtable_size);
        let own_key = |writer: usize, i: usize| format!("writer{writer}-{i:04}").into_bytes();
        std::thread::scope(|scope| {
            let store = &store;
            let write = move |writer: usize| {
                for i in 0..put_count {
                    put(store, &own_key(writer, i), &number(i));
                    put(store, b"shared", &number(i));
                    let got = get_number(store, &own_key(writer, i));
                    assert!(got == i, "a writer put {i} and then got {got}");
                }
            };
            let spawn = |writer| scope.spawn(move || write(writer));
            join_all((0..writer_count).map(spawn).collect());
        });
        for writer in 0..writer_count {
            for i in 0..put_count {
                let when = "after all writers have ended";
                assert_get(&store, &own_key(writer, i), Some(&number(i)), when);
            }
        }
        let last = get_number(&store, b"shared");
        assert!(
            last == put_count - 1,
            "the last write of every writer put {} under \"shared\", but get gave {last}",
            put_count - 1
        );
        let metrics = store.metrics();
        check_frozen(&metrics, memtable_size);
        let versions = version_count(&metrics);
        assert!(
            versions == 2 * writer_count * put_count,
            "{versions} versions are in all memtables, expected one for each of {} writes",
            2 * writer_count * put_count
        );
    }

    /// After any sequence of writes, `get` gives what a sorted map would.
    ///
    /// Random writes find what nobody thought of: a delete in a batch behind a put in a frozen memtable, and the like.
    ///
    /// # Hints
    /// - The message says after how many writes it went wrong; the same seed gives the same writes again.
    /// - Take the smallest test of this task that fails first.
    #[test]
    fn random_writes_read_back_as_from_a_sorted_map() {
        let key_count = 40;
        let mut rng = Rng::new(34);
        let store = store_with(4 << 10);
        let mut model = Model::default();
        for count in 1..=1500 {
            model.random_write(&store, &mut rng, key_count);
            if count % 50 != 0 {
                continue;
            }
            for i in 0..2 * key_count {
                let expected = model.map.get(&key(i)).map(Vec::as_slice);
                assert_get(
                    &store,
                    &key(i),
                    expected,
                    &format!("after {count} random writes"),
                );
            }
        }
    }
}

/// Task 5: scan.
mod task_5 {
    use mini_lsm_starter::LsmIterator;
    use mini_lsm_starter::iterators::{MergeIterator, Source};
    use mini_lsm_starter::table::{CacheFill, SsTableIterator};

    use super::common::model::Model;
    use super::common::rng::Rng;
    use super::common::{key, rest_of_scan, value};
    use super::*;

    /// The keys and values of a range, as text: `"a=1 c=3"`.
    #[track_caller]
    fn scan(store: &LsmStorage, start: Bound<&str>, end: Bound<&str>) -> String {
        let bounds = (start.map(str::as_bytes), end.map(str::as_bytes));
        let mut scan = store
            .scan(bounds)
            .unwrap_or_else(|error| panic!("scan from {start:?} to {end:?} failed: {error}"));
        as_text(&rest_of_scan(&mut scan))
    }

    fn as_text(entries: &[(Vec<u8>, Vec<u8>)]) -> String {
        let entry = |(key, value): &(Vec<u8>, Vec<u8>)| {
            format!(
                "{}={}",
                String::from_utf8_lossy(key),
                String::from_utf8_lossy(value)
            )
        };
        entries.iter().map(entry).collect::<Vec<_>>().join(" ")
    }

    /// A scan of everything shows every key once, in ascending order, with its newest value.
    ///
    /// It does not matter in which order, how often, or in which memtable a key was written.
    ///
    /// # Hints
    /// - The sources are the memtable and the frozen ones, newest first, all at the published sequence number.
    /// - The iterator stands on the first entry when `scan` returns: whoever gets it does not have to call `next` first.
    #[test]
    fn a_scan_shows_every_key_once_in_order() {
        let memtable_size = 2 << 10;
        let store = store_with(memtable_size);
        let got = scan(&store, Bound::Unbounded, Bound::Unbounded);
        assert!(got.is_empty(), "a scan of an empty store showed {got}");
        write_all(&store, "plum=1 fig=1 apple=1 fig=2 kiwi= date=1 date");
        let expected = "apple=1 fig=2 kiwi= plum=1";
        let got = scan(&store, Bound::Unbounded, Bound::Unbounded);
        assert!(got == expected, "a scan showed {got}, expected {expected}");

        freeze(&store, memtable_size);
        write_all(&store, "apple plum=3 ~filler date=3");
        freeze(&store, memtable_size);
        write_all(&store, "banana=4 kiwi=4 ~filler");
        let expected = "banana=4 date=3 fig=2 kiwi=4 plum=3";
        let got = scan(&store, Bound::Unbounded, Bound::Unbounded);
        assert!(
            got == expected,
            "a scan over two frozen memtables and a third one showed {got}, expected {expected}"
        );
    }

    /// Each bound counts as it says: included, excluded, or none, on a key or in a gap.
    ///
    /// The bounds of a range are where engines of learners most often go wrong, each in another place.
    ///
    /// # Hints
    /// - An excluded start: seek to it, and if you stand on it, take one step.
    /// - The end has to be looked at on the *first* entry too, not only in `next`.
    /// - An end that is no key ends the range just as well: compare for order, not for equality.
    #[test]
    fn bounds_are_included_or_excluded_as_they_say() {
        use Bound::{Excluded, Included, Unbounded};
        let store = store();
        write_all(&store, "b=2 d=4 f=6 h=8");
        let table: [(Bound<&str>, Bound<&str>, &str); 16] = [
            (Included("b"), Included("h"), "b=2 d=4 f=6 h=8"),
            (Excluded("b"), Excluded("h"), "d=4 f=6"),
            (Included("d"), Excluded("f"), "d=4"),
            (Excluded("d"), Included("f"), "f=6"),
            (Included("d"), Included("d"), "d=4"),
            (Included("d"), Excluded("d"), ""),
            (Excluded("d"), Included("d"), ""),
            (Excluded("d"), Excluded("d"), ""),
            (Excluded("d"), Excluded("f"), ""),
            (Included("e"), Excluded("e1"), ""),
            (Excluded("c"), Excluded("g"), "d=4 f=6"),
            (Unbounded, Excluded("d"), "b=2"),
            (Unbounded, Included("a"), ""),
            (Excluded("f"), Unbounded, "h=8"),
            (Included("i"), Unbounded, ""),
            (Included("h"), Excluded("b"), ""),
        ];
        for (start, end, expected) in table {
            let got = scan(&store, start, end);
            assert!(
                got == expected,
                "over [b d f h], a scan from {start:?} to {end:?} showed [{got}], expected [{expected}]"
            );
        }
    }

    /// Every kind of range gives what a sorted map would, in one memtable and over many.
    ///
    /// Empty, inverted, in a gap, on a key, on a deleted key, without an end: the same ranges are asked of tables and levels on later days.
    ///
    /// # Hints
    /// - A range whose bounds cross is empty, and no error; take care that nothing below panics on it.
    /// - If it fails only with frozen memtables, ask the merge iterator's tests first.
    #[test]
    fn every_range_gives_what_a_sorted_map_would() {
        let key_count = 24;
        for memtable_size in [64 << 20, 1 << 10] {
            let store = store_with(memtable_size);
            let mut model = Model::default();
            let when = format!("with memtables of {memtable_size} bytes");
            model.check_ranges(&store, key_count, &format!("{when}, without a key"));
            for i in 0..2 * key_count {
                let i = (i * 7) % key_count;
                model.put(&store, &key(2 * i), &value(i));
            }
            model.check_ranges(&store, key_count, &when);
            // The first and the last key, and some of the bounds.
            for i in [0, 2, key_count, 2 * key_count - 2] {
                model.delete(&store, &key(i));
            }
            let when = format!("{when}, after some deletes");
            model.check_ranges(&store, key_count, &when);
        }
    }

    /// Deleted keys are not shown: not at the start of a range, not at its end, and not if they are all there is.
    ///
    /// Tombstones are entries for the merge below, and nothing at all for users.
    ///
    /// # Hints
    /// - Skip tombstones after every step, and once when the iterator is made.
    /// - There may be several in a row.
    /// - The skipping has to stop at the end of the range.
    #[test]
    fn deleted_keys_are_not_shown() {
        use Bound::{Excluded, Included, Unbounded};
        let store = store();
        write_all(&store, "a=1 b=2 c=3 d=4 e=5 f=6 g=7 a b d e g");
        let table: [(Bound<&str>, Bound<&str>, &str); 8] = [
            (Unbounded, Unbounded, "c=3 f=6"),
            (Included("a"), Included("e"), "c=3"),
            (Included("b"), Included("b"), ""),
            (Included("d"), Included("e"), ""),
            (Excluded("a"), Excluded("c"), ""),
            (Included("d"), Excluded("f"), ""),
            (Excluded("c"), Included("g"), "f=6"),
            (Excluded("f"), Unbounded, ""),
        ];
        for (start, end, expected) in table {
            let got = scan(&store, start, end);
            assert!(
                got == expected,
                "with c and f left of a to g, a scan from {start:?} to {end:?} showed [{got}], expected [{expected}]"
            );
        }
        write_all(&store, "c f");
        let got = scan(&store, Unbounded, Unbounded);
        assert!(
            got.is_empty(),
            "all keys are deleted, but a scan showed [{got}]"
        );
    }

    /// Past its end a scan stays there, however often it is asked for the next entry.
    ///
    /// The keys beyond the end are still there below; an iterator that runs on shows them sooner or later.
    ///
    /// # Hints
    /// - If the cursor below stands on a key beyond the end, there is nothing more to do: do not move it.
    /// - `next` past the end is `Ok`.
    #[test]
    fn past_its_end_a_scan_stays_there() {
        use Bound::{Excluded, Included, Unbounded};
        let store = store();
        write_all(&store, "a=1 b=2 c=3 d=4 e=5 f=6 d");
        let table: [(Bound<&str>, usize); 6] = [
            (Included("b"), 2),
            (Excluded("c"), 2),
            (Excluded("e"), 3),
            (Included("d"), 3),
            (Excluded("a"), 0),
            (Unbounded, 5),
        ];
        for (end, expected) in table {
            let bounds = (Unbounded, end.map(str::as_bytes));
            let mut cursor = store
                .scan(bounds)
                .unwrap_or_else(|error| panic!("scan to {end:?} failed: {error}"));
            let count = rest_of_scan(&mut cursor).len();
            assert!(
                count == expected,
                "a scan to {end:?} showed {count} entries, expected {expected}"
            );
            for _ in 0..8 {
                cursor.next().unwrap_or_else(|error| {
                    panic!("next() past the end of a scan to {end:?} failed: {error}")
                });
                assert!(
                    !cursor.is_valid(),
                    "a scan to {end:?} is valid again after its end, on {}",
                    show(cursor.key())
                );
            }
        }
    }

    /// A scan shows the store as it was when it began, whatever is written and frozen after that.
    ///
    /// A report that takes an hour must not mix figures of different minutes.
    ///
    /// # Hints
    /// - Read the published sequence number once, when the scan begins, and give it to every source.
    /// - The newest version there is, is not the newest that this scan may see.
    /// - The iterator holds on to the memtables of its state.
    #[test]
    fn a_scan_shows_the_store_as_it_was_when_it_began() {
        // In one memtable, and with memtables frozen before and after.
        for memtable_size in [1 << 20, 8 << 10] {
            check_that_writes_do_not_show(memtable_size);
        }
    }

    fn check_that_writes_do_not_show(memtable_size: usize) {
        let store = store_with(memtable_size);
        let mut expected = Vec::new();
        for i in 0..200 {
            put(&store, &key(2 * i), &number(i));
            expected.push((key(2 * i), number(i)));
        }
        let mut early = store.scan(..).expect("scan(..) failed");
        let mut late = store.scan(..).expect("scan(..) failed");
        for _ in 0..20 {
            early.next().expect("next() of a scan failed");
        }
        for i in 0..200 {
            match i % 3 {
                0 => put(&store, &key(2 * i), b"overwritten"),
                1 => store.delete(&key(2 * i)).expect("delete failed"),
                _ => put(&store, &key(2 * i + 1), b"new"),
            }
        }
        freeze(&store, memtable_size);
        for (cursor, skipped) in [(&mut early, 20), (&mut late, 0)] {
            let what = format!("a scan that had taken {skipped} steps when others wrote");
            assert_same(&what, &rest_of_scan(cursor), &expected[skipped..]);
        }
    }

    /// Compares entry by entry, so that the message names the first that is wrong.
    #[track_caller]
    fn assert_same(what: &str, got: &[(Vec<u8>, Vec<u8>)], expected: &[(Vec<u8>, Vec<u8>)]) {
        let entry = |(key, value): &(Vec<u8>, Vec<u8>)| (key.clone(), Some(value.clone()));
        let entries = |list: &[_]| list.iter().map(entry).collect::<Vec<Entry>>();
        assert_entries(what, &entries(got), &entries(expected));
    }

    /// While batches are written, every scan sees each of them as a whole or not at all.
    ///
    /// Each batch gives all keys the same number and moves a token from one key to another: a scan with two numbers, two tokens or none has seen half a batch.
    ///
    /// # Hints
    /// - Publish a batch when its last operation is in the memtable, and give every source of a scan the published number.
    /// - Ask for the number once: between two looks the writer goes on.
    /// - The state first, the number second.
    #[test]
    fn every_scan_sees_whole_batches() {
        const LEN: usize = 16;
        let store = store_with(64 << 10);
        let token = |n: usize| format!("token{}", n % 5).into_bytes();
        let write = |n: usize| {
            let mut batch = WriteBatch::new();
            if n > 0 {
                batch.delete(&token(n - 1));
            }
            for i in 0..LEN {
                batch.put(&key(i), &number(n));
            }
            batch.put(&token(n), &number(n));
            store.write(batch).expect("write(batch) failed");
        };
        write(0);
        read_beside(
            2,
            || (1..=1200).for_each(write),
            |seen| {
                let got = rest_of_scan(&mut store.scan(..).expect("scan(..) failed"));
                let n = got.first().map_or(0, |(_, value)| as_number(value));
                for (key, value) in &got {
                    assert!(
                        as_number(value) == n,
                        "one scan shows batch {n} and, under {}, batch {}",
                        show(key),
                        show(value)
                    );
                }
                let last = got.last().map(|(key, _)| key.as_slice());
                assert!(
                    got.len() == LEN + 1 && last == Some(&token(n)),
                    "a scan that shows batch {n} has {} entries and ends with {}, expected {} and {}",
                    got.len(),
                    show(last.unwrap_or_default()),
                    LEN + 1,
                    show(&token(n))
                );
                assert!(n >= *seen, "a scan shows batch {n}, an earlier one {seen}");
                let later = get_number(&store, &key(LEN / 2));
                assert!(
                    later >= n,
                    "a scan shows batch {n}, and a get after it batch {later}"
                );
                *seen = n;
            },
        );
    }

    /// A `for` loop over a scan yields the entries that are left, from where the cursor stands.
    ///
    /// The cursor lends its entries; the loop hands out copies, for those who want it simple.
    ///
    /// # Hints
    /// - The loop is given; it relies on `is_valid`, `key`, `value` and `next` of your iterator.
    /// - Its first item is the entry on which the cursor stands.
    #[test]
    fn a_for_loop_yields_the_entries_that_are_left() {
        let store = store();
        write_all(&store, "a=1 b=2 b c=3 d= e=5");
        for skipped in 0..=4 {
            let mut cursor = store.scan(..).expect("scan(..) failed");
            for _ in 0..skipped {
                cursor.next().expect("next() of a scan failed");
            }
            let mut got = Vec::new();
            for entry in cursor {
                let (key, value) = entry.expect("an item of a scan is an error");
                got.push((key.to_vec(), value.to_vec()));
            }
            let expected = ["a=1", "c=3", "d=", "e=5"][skipped..].join(" ");
            let got = as_text(&got);
            assert!(
                got == expected,
                "after {skipped} steps, a loop over the scan of [a=1 c=3 d= e=5] yielded [{got}], expected [{expected}]"
            );
        }
    }

    /// A scan that is open goes on when the store is gone.
    ///
    /// It reads what it holds, not what the store holds: nothing that it needs may be thrown away under it.
    ///
    /// # Hints
    /// - The sources of a scan own their memtables, through an `Arc`.
    #[test]
    fn an_open_scan_outlives_its_store() {
        let memtable_size = 2 << 10;
        let store = store_with(memtable_size);
        write_all(&store, "a=1 b=2");
        freeze(&store, memtable_size);
        write_all(&store, "c=3 a=4 ~filler");
        let mut cursor = store.scan(..).expect("scan(..) failed");
        drop(store);
        let got = as_text(&rest_of_scan(&mut cursor));
        assert!(
            got == "a=4 b=2 c=3",
            "a scan of a store that was dropped shows [{got}], expected [a=4 b=2 c=3]"
        );
    }

    /// An error below comes out of a scan, which is invalid from then on and gives the error again.
    ///
    /// Memtables do not fail, but tables do, from the next day on. A scan that ends quietly at a damaged block has lost half of the data without a word.
    ///
    /// # Hints
    /// - Every `?` counts: when the iterator is made, in `next`, and while tombstones are skipped.
    /// - Ask the cursor below for its next entry even if it is invalid: it may be past its end, or it may have an error to tell.
    #[test]
    fn an_error_below_comes_out_of_a_scan() {
        let table = damaged_table(100, |i| Some(value(i)));
        // Two keys before the table's, one of them deleted, and one of the table's deleted.
        let memtable = memtable("a=1 b=2 b key000000");
        let cursor = |start: Bound<&[u8]>| {
            let sources = vec![
                Source::MemTable(memtable.iter(NOW)),
                Source::Table(SsTableIterator::new(Arc::clone(&table), CacheFill::No)),
            ];
            LsmIterator::new(MergeIterator::new(sources), start, Bound::Unbounded)
        };
        let mut expected = vec![(b"a".to_vec(), b"1".to_vec())];
        expected.extend((1..100).map(|i| (key(i), value(i))));

        let mut scan = cursor(Bound::Unbounded).expect("the first block is sound");
        let mut shown = 0;
        let error = loop {
            assert!(
                scan.is_valid(),
                "a scan over a table with a damaged block ended after {shown} entries without an error"
            );
            assert!(
                (scan.key(), scan.value()) == (&*expected[shown].0, &*expected[shown].1),
                "entry {shown} of a scan is {}, expected {}",
                show(scan.key()),
                show(&expected[shown].0)
            );
            shown += 1;
            if let Err(error) = scan.next() {
                break error;
            }
        };
        assert!(
            error.is_corruption(),
            "a damaged block gave another error than Corruption: {error}"
        );
        for _ in 0..2 {
            assert!(!scan.is_valid(), "a scan is valid after an error");
            assert!(
                scan.next().is_err_and(|error| error.is_corruption()),
                "next() of a scan after an error does not give the error again"
            );
        }

        let items: Vec<_> = cursor(Bound::Unbounded)
            .expect("the first block is sound")
            .into_iter()
            .take(200)
            .collect();
        let errors = items.iter().filter(|item| item.is_err()).count();
        assert!(
            items.len() == shown + 1 && errors == 1 && items[shown].is_err(),
            "a loop over the scan yielded {} items with {errors} errors, expected {shown} entries and one error",
            items.len()
        );

        // Into the damaged block, at once and by a step.
        for start in [
            Bound::Included(&*expected[shown].0),
            Bound::Excluded(&*expected[shown - 1].0),
        ] {
            assert!(
                cursor(start).is_err_and(|error| error.is_corruption()),
                "a scan that begins in a damaged block gave no error"
            );
        }
    }

    /// A scan does not look beyond the end of its range, whatever lies there.
    ///
    /// Behind the end there may be a million tombstones, to be read from disk for nothing; and damage there is not this scan's business.
    ///
    /// # Hints
    /// - The skipping of tombstones stops where the range does.
    /// - `next` past the end does not move the cursor below.
    #[test]
    fn a_scan_does_not_look_beyond_the_end_of_its_range() {
        let table = damaged_table(100, |i| (i < 5).then(|| value(i)));
        for end in [Bound::Included(key(4)), Bound::Excluded(key(5))] {
            let told = format!(
                "a scan to {:?} in front of many tombstones",
                end.as_ref().map(|end| show(end))
            );
            let source = SsTableIterator::new(Arc::clone(&table), CacheFill::No);
            let merge = MergeIterator::new(vec![Source::Table(source)]);
            let end = end.as_ref().map(Vec::as_slice);
            let mut scan = LsmIterator::new(merge, Bound::Unbounded, end)
                .unwrap_or_else(|error| panic!("{told} failed: {error}"));
            for i in 0..5 {
                assert!(
                    scan.is_valid() && scan.key() == key(i),
                    "{told} does not show {}",
                    show(&key(i))
                );
                scan.next().unwrap_or_else(|error| {
                    panic!("{told} ran into the damage far beyond its end: {error}")
                });
            }
            for _ in 0..100 {
                assert!(!scan.is_valid(), "{told} is valid past its end");
                scan.next().unwrap_or_else(|error| {
                    panic!("{told} was asked for more, and ran into the damage far beyond its end: {error}")
                });
            }
        }
    }

    /// A table of keys 0 to `count`, of which one block in the middle is damaged.
    fn damaged_table(count: usize, value: impl Fn(usize) -> Option<Vec<u8>>) -> Arc<SsTable> {
        let fs = common::mem_fs();
        let options = LsmOptions {
            block_size: 128,
            ..common::options(&fs)
        };
        let path = common::path("000001.sst");
        fs.create_dir_all(Path::new(common::DIR))
            .expect("MemFs creates any directory once");
        let file = fs.create(&path).expect("MemFs creates any file once");
        let mut builder = SsTableBuilder::new(TableId(1), file, &options);
        for i in 0..count {
            builder
                .add(&key(i), value(i).as_deref())
                .expect("add() to a table failed (day 2)");
        }
        builder
            .finish()
            .expect("finish() of a table failed (day 2)");
        let mut bytes = fs.read(&path);
        // Blocks come first in the file.
        let middle = bytes.len() / 3;
        bytes[middle] ^= 0xff;
        fs.write_raw(&path, &bytes);
        let table = SsTable::open(options.fs, &path, TableId(1), None);
        Arc::new(table.expect("open() of a table whose index is sound failed (day 2)"))
    }

    /// After any sequence of writes, scans and gets give what a sorted map would, over many frozen memtables.
    ///
    /// Random writes and random ranges find what nobody thought of.
    ///
    /// # Hints
    /// - The message names the range and the first wrong entry; the same seed gives the same writes again.
    /// - Take the smallest test of this task that fails first.
    #[test]
    fn random_writes_scan_as_from_a_sorted_map() {
        let key_count = 60;
        let mut rng = Rng::new(35);
        let store = store_with(8 << 10);
        let mut model = Model::default();
        for count in 1..=1500 {
            model.random_write(&store, &mut rng, key_count);
            let when = format!("after {count} random writes");
            if count % 10 == 0 {
                let mut bound = || {
                    let key = key(rng.below(2 * key_count));
                    match rng.below(5) {
                        0 => Bound::Unbounded,
                        1 | 2 => Bound::Included(key),
                        _ => Bound::Excluded(key),
                    }
                };
                model.check_scan(&store, &(bound(), bound()), &when);
            }
            if count % 250 == 0 {
                model.check_all(&store, key_count, &when);
            }
        }
        let frozen = store.metrics().frozen.len();
        assert!(
            frozen > 3,
            "only {frozen} memtables were frozen on the way, expected more"
        );
    }
}
