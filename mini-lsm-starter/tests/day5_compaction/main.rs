//! Day 5 · Leveled compaction: tables are merged, level by level, and nobody who reads or writes notices anything but the speed.

#[path = "../common/mod.rs"]
mod common;
mod task_1;
mod task_2;
mod task_3;
mod task_4;
mod task_5;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::rng::Rng;
use common::{Entry, entries, key, mem_fs, options, rest, show, show_value, value, wait_until};
use mini_lsm_starter::compact::{Compaction, LevelsDesc, TableDesc, pick};
use mini_lsm_starter::fs::{FaultFs, FileSystem, MemFs, OpKind, OpLog, Operation, Verdict};
use mini_lsm_starter::table::{CacheFill, SsTable, SsTableIterator, TableId};
use mini_lsm_starter::table_store::TableStore;
use mini_lsm_starter::{Error, Event, EventListener, LsmOptions, LsmStorage, Metrics};

/// How long a test waits before it gives up. Only a hung engine ever waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A pure picture of levels: `"L0: c-f a-d | L1: a-b*60 e-h | L2:"`. Tables stand as in their level, L0 newest first; each has its first and last key and,
/// behind `*`, its size in bytes, 10 if that is left out.
fn tree(text: &str) -> LevelsDesc {
    let mut id = 100;
    let mut table = |word: &str| {
        let (range, size) = word.split_once('*').unwrap_or((word, "10"));
        let (first, last) = range.split_once('-').expect("a table is first-last");
        id -= 1;
        TableDesc {
            id: TableId(id),
            first_key: Bytes::copy_from_slice(first.as_bytes()),
            last_key: Bytes::copy_from_slice(last.as_bytes()),
            size: size.parse().expect("a size is a number"),
        }
    };
    let mut level = |(number, text): (usize, &str)| {
        let tables = text.trim().strip_prefix(&format!("L{number}:"));
        let words = tables.expect("levels stand in order").split_whitespace();
        words.map(&mut table).collect()
    };
    LevelsDesc {
        levels: text.split('|').enumerate().map(&mut level).collect(),
    }
}

/// A compaction in the words of [`tree`]: `"L0: c-f a-d | L1: a-b => L1"`, and `", moved"` behind it if it is a trivial move.
fn tell(levels: &LevelsDesc, compaction: Option<&Compaction>) -> String {
    let Some(compaction) = compaction else {
        return "nothing".to_owned();
    };
    let mut text = String::new();
    let mut last_level = None;
    for &(level, id) in &compaction.inputs {
        let table = levels.levels[level].iter().find(|table| table.id == id);
        let table = table
            .unwrap_or_else(|| panic!("the compaction has an input on L{level} that is not there"));
        if last_level != Some(level) {
            let bar = if text.is_empty() { "" } else { " | " };
            text += &format!("{bar}L{level}:");
        }
        last_level = Some(level);
        let name = |key: &Bytes| String::from_utf8_lossy(key).into_owned();
        text += &format!(" {}-{}", name(&table.first_key), name(&table.last_key));
    }
    let moved = if compaction.is_trivial_move {
        ", moved"
    } else {
        ""
    };
    format!("{text} => L{}{moved}", compaction.target_level)
}

/// Four tables are enough in L0, 100 bytes in L1, 1000 in L2, and so on.
fn picker_options(levels: &LevelsDesc) -> LsmOptions {
    LsmOptions {
        level_count: levels.levels.len() - 1,
        l0_compaction_trigger: 4,
        level_base_size: 100,
        level_size_multiplier: 10,
        ..options(&mem_fs())
    }
}

/// Of the levels in `text`, with these cursors, `pick` must take what `expected` says.
#[track_caller]
fn assert_picks(text: &str, cursors: &[&str], expected: &str) {
    let levels = tree(text);
    let cursors: Vec<Bytes> = cursors
        .iter()
        .map(|cursor| Bytes::copy_from_slice(cursor.as_bytes()))
        .collect();
    let picked = pick(&levels, &cursors, &picker_options(&levels));
    let got = tell(&levels, picked.as_ref());
    assert!(
        got == expected,
        "of {text} with cursors {cursors:?} the compaction should be {expected}, but it is {got}"
    );
}

/// A place for tables of small blocks.
fn tables_on(fs: Arc<dyn FileSystem>) -> Arc<TableStore> {
    let dir = std::path::Path::new(common::DIR);
    fs.create_dir_all(dir).expect("the directory can be made");
    let options = LsmOptions {
        block_size: 64,
        ..LsmOptions::for_test(fs)
    };
    Arc::new(TableStore::new(dir, &options, None, 1))
}

/// A table with these entries, which ascend.
#[track_caller]
fn table(store: &Arc<TableStore>, entries: &[Entry]) -> Arc<SsTable> {
    let mut table = store.begin().expect("a table can be begun");
    for (key, value) in entries {
        let added = table.builder().add(key, value.as_deref());
        added.expect("an entry can be added to a table");
    }
    table.finish().expect("a table can be finished")
}

/// A level of tables from texts: `level(&store, &["a=1 b", "c=3"])`.
#[track_caller]
fn level(store: &Arc<TableStore>, texts: &[&str]) -> Arc<[Arc<SsTable>]> {
    texts
        .iter()
        .map(|text| table(store, &entries(text)))
        .collect()
}

/// All entries of tables, one table after the other.
#[track_caller]
fn entries_of(tables: &[Arc<SsTable>]) -> Vec<Entry> {
    let mut all = Vec::new();
    for table in tables {
        let mut cursor = SsTableIterator::new(Arc::clone(table), CacheFill::No);
        mini_lsm_starter::StorageIterator::seek_to_first(&mut cursor)
            .expect("a finished table can be read");
        all.extend(rest(&mut cursor));
    }
    all
}

/// Entries in words, for messages.
fn show_entries(entries: &[Entry]) -> String {
    let words = entries
        .iter()
        .map(|(key, value)| format!("{} = {}", show(key), show_value(value.as_deref())));
    format!("[{}]", words.collect::<Vec<_>>().join(", "))
}

/// Whether the operation reads from a table file.
fn is_table_read(op: &Operation) -> bool {
    op.kind == OpKind::Read && op.has_extension("sst")
}

/// The names of the table files in the store's directory.
fn table_files(fs: &MemFs) -> BTreeSet<String> {
    let names = fs.file_names(common::DIR).into_iter();
    names.filter(|name| name.ends_with(".sst")).collect()
}

/// The names that the files of these tables have.
fn names_of(metrics: &Metrics) -> BTreeSet<String> {
    let tables = metrics.levels.iter().flatten();
    tables
        .map(|table| format!("{:06}.sst", table.id.0))
        .collect()
}

/// Small tables and small levels, so that a little data reaches far down.
fn small(fs: &Arc<MemFs>) -> LsmOptions {
    LsmOptions {
        block_size: 256,
        table_size: 2 << 10,
        level_base_size: 4 << 10,
        level_size_multiplier: 4,
        ..options(fs)
    }
}

/// Puts `keys` with values of this `round`, and flushes them to one table.
#[track_caller]
fn put_table(store: &LsmStorage, keys: impl IntoIterator<Item = usize>, round: usize) {
    for i in keys {
        store
            .put(&key(i), &value(1000 * round + i))
            .expect("put failed");
    }
    store.flush().expect("flush failed");
}

/// From L1 on tables ascend and do not overlap. Every table has its first key at or before its last.
#[track_caller]
fn check_levels(metrics: &Metrics, when: &str) {
    for (number, tables) in metrics.levels.iter().enumerate() {
        for table in tables {
            assert!(
                table.first_key <= table.last_key && table.entry_count > 0,
                "{when}, a table of L{number} has {} entries, from {} to {}",
                table.entry_count,
                show(&table.first_key),
                show(&table.last_key)
            );
        }
        for pair in tables.windows(2).filter(|_| number > 0) {
            assert!(
                pair[0].last_key < pair[1].first_key,
                "{when}, L{number} has a table that ends at {} before one that begins at {}: from L1 on tables ascend and do not overlap",
                show(&pair[0].last_key),
                show(&pair[1].first_key)
            );
        }
    }
}

/// The numbers of the levels that hold tables.
fn used_levels(metrics: &Metrics) -> Vec<usize> {
    let levels = metrics.levels.iter().enumerate();
    levels
        .filter(|(_, tables)| !tables.is_empty())
        .map(|(level, _)| level)
        .collect()
}

/// How many tables each level has, for messages.
fn shape(metrics: &Metrics) -> Vec<usize> {
    metrics.levels.iter().map(Vec::len).collect()
}

/// What the test hears while it holds a compaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// The compaction has begun, and is held.
    Begun,
    /// A writer waits.
    Stalled,
    /// The call that the test made in another thread is over.
    Returned,
}

/// A listener that keeps every event, and holds a compaction when it is asked to.
#[derive(Debug, Default)]
struct Watch {
    events: Mutex<Vec<Event>>,
    /// The levels as they were at each `CompactionBegun`, once it knows the store.
    levels_at_begin: Mutex<Vec<LevelsDesc>>,
    store: OnceLock<Weak<LsmStorage>>,
    moments: Mutex<Option<Sender<Moment>>>,
    hold: Mutex<Option<Receiver<()>>>,
}

impl EventListener for Watch {
    fn on_event(&self, event: &Event) {
        let told = self.moments.lock().unwrap().clone();
        // A test that has ended hears nothing any more.
        let say = |moment| told.map(|test| test.send(moment));
        match event {
            Event::CompactionBegun { .. } => {
                if let Some(store) = self.store.get().and_then(Weak::upgrade) {
                    self.levels_at_begin
                        .lock()
                        .unwrap()
                        .push(describe(&store.metrics()));
                }
                self.events.lock().unwrap().push(event.clone());
                let hold = self.hold.lock().unwrap().take();
                if let Some(hold) = hold {
                    let _ = say(Moment::Begun);
                    // An error means that the test has let go, too.
                    let _ = hold.recv();
                }
                return;
            }
            Event::WriteStalled => drop(say(Moment::Stalled)),
            _ => {}
        }
        self.events.lock().unwrap().push(event.clone());
    }
}

impl Watch {
    /// The next compaction that begins is held there, until the gate says `release` or is dropped.
    fn hold(&self) -> Gate {
        let (say, moments) = channel();
        let (release, hold) = channel();
        *self.moments.lock().unwrap() = Some(say.clone());
        *self.hold.lock().unwrap() = Some(hold);
        Gate {
            moments,
            say,
            release: Some(release),
        }
    }

    fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events
            .lock()
            .unwrap()
            .iter()
            .filter(|event| matches(event))
            .count()
    }

    /// Whether every compaction that began is installed, too.
    fn is_idle(&self) -> bool {
        let begun = self.count(|event| matches!(event, Event::CompactionBegun { .. }));
        begun == self.count(|event| matches!(event, Event::CompactionInstalled { .. }))
    }

    fn clear(&self) {
        self.events.lock().unwrap().clear();
        self.levels_at_begin.lock().unwrap().clear();
    }
}

/// A held compaction. Dropping it lets the compaction go on, so that no failing test hangs.
struct Gate {
    moments: Receiver<Moment>,
    say: Sender<Moment>,
    release: Option<Sender<()>>,
}

impl Gate {
    /// Waits for the next moment, which must be this one.
    #[track_caller]
    fn expect(&self, moment: Moment, claim: &str) {
        match self.moments.recv_timeout(PATIENCE) {
            Ok(got) => assert!(
                got == moment,
                "{claim}: expected {moment:?}, but next came {got:?}"
            ),
            Err(RecvTimeoutError::Timeout) => panic!("{claim}: waited in vain for {moment:?}"),
            Err(RecvTimeoutError::Disconnected) => unreachable!("the gate has a sender itself"),
        }
    }

    /// Says `Returned` when it is dropped: for a thread, whatever becomes of it.
    fn on_return(&self) -> impl Drop + Send + use<> {
        struct OnReturn(Sender<Moment>);
        impl Drop for OnReturn {
            fn drop(&mut self) {
                let _ = self.0.send(Moment::Returned);
            }
        }
        OnReturn(self.say.clone())
    }

    fn release(&mut self) {
        self.release = None;
    }
}

/// The levels that `metrics` shows, as `pick` wants them.
fn describe(metrics: &Metrics) -> LevelsDesc {
    let describe = |table: &mini_lsm_starter::lsm_storage::TableMetrics| TableDesc {
        id: table.id,
        first_key: table.first_key.clone(),
        last_key: table.last_key.clone(),
        size: table.size,
    };
    let levels = metrics.levels.iter();
    LevelsDesc {
        levels: levels
            .map(|tables| tables.iter().map(describe).collect())
            .collect(),
    }
}

/// `compact()` in a thread of its own, held where it begins; meanwhile `meanwhile` happens. Gives what `compact()` returned.
#[track_caller]
fn compact_held(
    store: &LsmStorage,
    watch: &Watch,
    meanwhile: impl FnOnce(),
) -> mini_lsm_starter::Result<()> {
    let mut gate = watch.hold();
    std::thread::scope(move |scope| {
        let returned = gate.on_return();
        let compacting = scope.spawn(move || {
            let _returned = returned;
            store.compact()
        });
        gate.expect(
            Moment::Begun,
            "compact() tells Event::CompactionBegun before it merges",
        );
        meanwhile();
        gate.release();
        compacting.join().expect("compact() panicked")
    })
}

/// Waits until every call of the store is `Closed`.
#[track_caller]
fn wait_until_closed(store: &LsmStorage) {
    let deadline = Instant::now() + PATIENCE;
    while !matches!(store.get(b"a"), Err(Error::Closed)) {
        assert!(
            Instant::now() < deadline,
            "close() was called, but get() does not become Closed"
        );
        std::thread::yield_now();
    }
}
