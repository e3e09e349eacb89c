//! Day 5 · Leveled compaction: tables are merged, level by level, and nobody who reads or writes notices anything but the speed.

mod common;

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

mod task_1 {
    use super::*;
    use common::conformance::{check_after_error, check_cursor};
    use mini_lsm_starter::StorageIterator;
    use mini_lsm_starter::block_cache::BlockCache;
    use mini_lsm_starter::iterators::ConcatIterator;

    /// Three tables of many blocks each, with gaps between them: key(0) to key(60), key(100) to key(160), key(200) to key(260).
    fn three_tables(store: &Arc<TableStore>) -> Arc<[Arc<SsTable>]> {
        let entry = |i: usize| (key(i), (!i.is_multiple_of(7)).then(|| value(i)));
        let tables = [0, 100, 200].map(|from| {
            let entries: Vec<Entry> = (from..=from + 60).step_by(2).map(entry).collect();
            table(store, &entries)
        });
        tables.into()
    }

    /// Three tables, one after the other, follow the cursor contract.
    ///
    /// A scan does not want to know where one file of a level ends and the next begins: it sees one sorted run, tombstones among it.
    ///
    /// # Hints
    /// - Past the last entry of a table, the next entry is the first of the next table.
    /// - A seek may go to an earlier table than the current one: it has to choose the table anew each time.
    /// - Before the first seek there is no current table; `next()` then is `Ok` and changes nothing.
    #[test]
    fn three_tables_are_walked_as_one_sorted_run() {
        let store = tables_on(mem_fs());
        let tables = three_tables(&store);
        let expected = entries_of(&tables);
        let cursor = ConcatIterator::new(tables, CacheFill::No);
        check_cursor("a concat iterator over 3 tables", cursor, &expected);
    }

    /// No table at all, or one, follows the cursor contract, too.
    ///
    /// Most levels of a young store are empty. They must cost a scan nothing, and no panic.
    ///
    /// # Hints
    /// - Which table would `seek_to_first` open if there is none?
    /// - The number of a table that does not exist is the end, not an error.
    #[test]
    fn no_table_and_one_table_follow_the_contract() {
        let store = tables_on(mem_fs());
        let none = ConcatIterator::new(level(&store, &[]), CacheFill::No);
        check_cursor("a concat iterator over no table", none, &[]);
        let one = ConcatIterator::new(level(&store, &["b=1 d e="]), CacheFill::No);
        check_cursor("a concat iterator over 1 table", one, &entries("b=1 d e="));
    }

    /// A seek to a key between two tables stands on the first entry of the second.
    ///
    /// The key is past all of the first table, and before all of the second. Whoever looks for the table that *covers* the key finds none, and ends the scan too early.
    ///
    /// # Hints
    /// - Which of its two end keys tells whether a table may still hold something at or past the target?
    /// - Take the first table whose last key is at or past the target.
    #[test]
    fn a_seek_between_two_tables_stands_on_the_second() {
        let store = tables_on(mem_fs());
        let tables = level(&store, &["b=1 c=2", "f=3 g=4"]);
        let mut cursor = ConcatIterator::new(tables, CacheFill::No);
        for target in ["d", "c\0", "f"] {
            cursor.seek(target.as_bytes()).expect("seek failed");
            assert!(
                cursor.is_valid() && cursor.key() == b"f",
                "seek({target}) over the tables b-c and f-g should stand on \"f\""
            );
        }
        cursor.seek(b"h").expect("seek failed");
        assert!(
            !cursor.is_valid(),
            "seek(h) over the tables b-c and f-g should be past the end"
        );
    }

    /// A seek reads one block, and none where no entry is left. Making the cursor reads none.
    ///
    /// The end keys of every table are in memory. A level may have a thousand tables: to read a block of each of them to find one key would be slower than L0 ever is.
    ///
    /// # Hints
    /// - `first_key()` and `last_key()` of a table read nothing.
    /// - Find the one table by binary search, and make a table iterator for that one only.
    #[test]
    fn a_seek_reads_one_block_of_one_table() {
        let log = OpLog::default();
        let store = tables_on(Arc::new(FaultFs::logged(mem_fs(), &log)));
        let tables = three_tables(&store);
        log.clear();
        let mut cursor = ConcatIterator::new(tables, CacheFill::No);
        let reads = || log.count(is_table_read);
        assert_eq!(
            reads(),
            0,
            "a new cursor should read nothing before its first seek"
        );
        for (target, expected) in [(0, 1), (130, 1), (80, 1), (260, 1), (30, 1), (261, 0)] {
            log.clear();
            cursor.seek(&key(target)).expect("seek failed");
            assert_eq!(
                reads(),
                expected,
                "how many blocks seek({}) over 3 tables read",
                show(&key(target))
            );
        }
        log.clear();
        cursor.seek_to_first().expect("seek_to_first failed");
        assert_eq!(
            reads(),
            1,
            "how many blocks seek_to_first() over 3 tables read"
        );
    }

    /// A walk from the first to the last entry reads every block once.
    ///
    /// It opens a table when it gets there, not before, and does not go back to one that is done.
    ///
    /// # Hints
    /// - One table iterator at a time is enough.
    /// - Only when the current one has become invalid is there a reason to make the next.
    #[test]
    fn a_walk_reads_every_block_once() {
        let log = OpLog::default();
        let store = tables_on(Arc::new(FaultFs::logged(mem_fs(), &log)));
        let tables = three_tables(&store);
        let blocks: usize = tables.iter().map(|table| table.block_count()).sum();
        log.clear();
        let mut cursor = ConcatIterator::new(Arc::clone(&tables), CacheFill::No);
        cursor.seek_to_first().expect("seek_to_first failed");
        let first_table = tables[0].entry_count();
        for _ in 1..first_table {
            cursor.next().expect("next failed");
        }
        assert_eq!(
            log.count(is_table_read),
            tables[0].block_count(),
            "on the last entry of the first table, only blocks of that table should have been read"
        );
        rest(&mut cursor);
        assert_eq!(
            log.count(is_table_read),
            blocks,
            "how many reads a walk over {blocks} blocks takes"
        );
    }

    /// A table that cannot be read ends the walk with an error, again and again; a new seek tries again.
    ///
    /// If the error were taken for the end of that table, the scan would go on with the next one, and the keys between would be missing without a word.
    ///
    /// # Hints
    /// - What does `is_valid` say when the step into the next table failed? The old table's cursor is at its end, but is it still there?
    /// - Keep the error, and let `next` give it until the next seek.
    #[test]
    fn a_table_that_cannot_be_read_is_an_error_until_the_next_seek() {
        let is_broken = Arc::new(AtomicBool::new(false));
        let hook = {
            let is_broken = Arc::clone(&is_broken);
            move |op: &Operation| match is_table_read(op)
                && op.path.ends_with("000002.sst")
                && is_broken.load(Ordering::SeqCst)
            {
                true => Verdict::Fail(std::io::ErrorKind::Other),
                false => Verdict::Proceed,
            }
        };
        let store = tables_on(Arc::new(FaultFs::new(mem_fs(), hook)));
        let tables = level(&store, &["b=1 c=2", "f=3 g=4", "j=5"]);
        assert_eq!(tables[1].id().0, 2, "the second table has id 2");
        let mut cursor = ConcatIterator::new(tables, CacheFill::No);
        is_broken.store(true, Ordering::SeqCst);

        cursor.seek(b"c").expect("the first table can be read");
        let step = cursor.next();
        check_after_error(
            "a concat iterator that walked into an unreadable table",
            &mut cursor,
            step,
        );
        let step = cursor.seek(b"g");
        check_after_error(
            "a concat iterator that sought in an unreadable table",
            &mut cursor,
            step,
        );

        cursor.seek(b"h").expect("the third table can be read");
        assert_eq!(
            rest(&mut cursor),
            entries("j=5"),
            "what is left after seek(h), past the unreadable table"
        );
        is_broken.store(false, Ordering::SeqCst);
        cursor
            .seek(b"d")
            .expect("the second table can be read again");
        assert_eq!(
            rest(&mut cursor),
            entries("f=3 g=4 j=5"),
            "what is left after seek(d), now that all can be read"
        );
    }

    /// Blocks go into the cache only if the cursor was told so.
    ///
    /// A compaction reads each block once and then removes the file: with `CacheFill::No` it does not drive out what the readers need.
    ///
    /// # Hints
    /// - The concat iterator makes the table iterators: what does it tell them about the cache?
    #[test]
    fn blocks_are_cached_only_if_the_cursor_may_fill_the_cache() {
        let fs = mem_fs();
        let cache = Arc::new(BlockCache::new(1 << 20));
        let store = tables_on(Arc::clone(&fs) as Arc<dyn FileSystem>);
        let open = |table: &Arc<SsTable>| {
            let fs = Arc::clone(&fs) as Arc<dyn FileSystem>;
            let table = SsTable::open(fs, table.path(), table.id(), Some(Arc::clone(&cache)));
            Arc::new(table.expect("a finished table can be opened"))
        };
        let tables: Arc<[_]> = three_tables(&store).iter().map(open).collect();
        for (fill, is_filled) in [(CacheFill::No, false), (CacheFill::Yes, true)] {
            let mut cursor = ConcatIterator::new(Arc::clone(&tables), fill);
            cursor.seek_to_first().expect("seek_to_first failed");
            rest(&mut cursor);
            assert_eq!(
                cache.size() > 0,
                is_filled,
                "whether the cache holds something after a walk with {fill:?}"
            );
        }
    }
}

mod task_2 {
    use super::*;
    use mini_lsm_starter::compact::pick::score;
    use mini_lsm_starter::compact::pick_everything;

    /// Ranges that share a single key overlap.
    ///
    /// A table that ends at `c` and one that begins at `c` hold two versions of the same key. If a compaction took only the upper one of them, the level below would have the key twice.
    ///
    /// # Hints
    /// - Both ends of both ranges belong to them.
    /// - Two ranges overlap unless one ends before the other begins: is it `<` or `<=`?
    #[test]
    fn ranges_that_touch_at_one_key_overlap() {
        let table = &tree("L0: c-f").levels[0][0];
        for (first, last, expected) in [
            ("a", "b", false),
            ("a", "c", true),
            ("a", "z", true),
            ("d", "e", true),
            ("d", "d", true),
            ("f", "z", true),
            ("g", "z", false),
            ("c", "c", true),
            ("a", "bzz", false),
            ("f\0", "z", false),
        ] {
            assert_eq!(
                table.overlaps(first.as_bytes(), last.as_bytes()),
                expected,
                "whether the table c-f and the range {first}-{last} have a key in common"
            );
        }
    }

    /// L0 counts tables, the levels below count bytes, and the last level needs nothing.
    ///
    /// In L0 every table costs a read, however small it is. Below, a level costs one read at most; what counts there is how much a compaction from above has to rewrite.
    ///
    /// # Hints
    /// - `LsmOptions` has the two figures to divide by: `l0_compaction_trigger` and `level_target(level)`.
    /// - Divide as floating-point numbers: 50 of 100 bytes are 0.5, not 0.
    #[test]
    fn a_score_counts_tables_in_l0_and_bytes_below() {
        let levels = tree("L0: a-b*900 a-c*900 | L1: a-b*20 c-d*30 | L2: a-z*2500 | L3: a-z*99999");
        for (level, expected) in [(0, 0.5), (1, 0.5), (2, 2.5), (3, 0.0)] {
            let got = score(&levels, level, &picker_options(&levels));
            assert!(
                (got - expected).abs() < 1e-9,
                "L{level} should have the score {expected}, but has {got} (4 tables in L0, 100 bytes in L1, 1000 in L2 are 1.0)"
            );
        }
    }

    /// A level needs a compaction when its score is exactly 1.0; below that it does not.
    ///
    /// Triggers are promises: with a trigger of 4 the fourth table calls for a compaction, not the fifth.
    ///
    /// # Hints
    /// - `>=` or `>`?
    #[test]
    fn a_level_needs_a_compaction_from_a_score_of_one_on() {
        assert_picks("L0: a-b a-b a-b | L1: | L2:", &[], "nothing");
        assert_picks(
            "L0: a-b a-b a-b a-b | L1: | L2:",
            &[],
            "L0: a-b a-b a-b a-b => L1",
        );
        assert_picks("L0: | L1: a-b*99 | L2: a-b", &[], "nothing");
        assert_picks(
            "L0: | L1: a-b*100 | L2: a-b",
            &[],
            "L1: a-b | L2: a-b => L2",
        );
        assert_picks("L0: | L1: | L2:", &[], "nothing");
    }

    /// The level with the greatest score goes first; of equal ones the smaller.
    ///
    /// Levels above are read more often, so theirs is the first turn when both need it as much.
    ///
    /// # Hints
    /// - Look at the score of every level, not only at the first that has reached 1.0.
    /// - `Iterator::max_by` gives the *last* of several equal ones.
    #[test]
    fn the_level_in_greatest_need_goes_first() {
        assert_picks(
            "L0: | L1: a-b*150 | L2: a-c*2500 | L3: a-a",
            &[],
            "L2: a-c | L3: a-a => L3",
        );
        assert_picks(
            "L0: | L1: a-b*350 | L2: a-c*2500 | L3: a-a",
            &[],
            "L1: a-b | L2: a-c => L2",
        );
        assert_picks(
            "L0: | L1: a-b*250 | L2: a-c*2500 | L3: a-a",
            &[],
            "L1: a-b | L2: a-c => L2",
        );
        assert_picks(
            "L0: b-c b-c b-c b-c | L1: a-b*100 | L2: a-c*1000 | L3:",
            &[],
            "L0: b-c b-c b-c b-c | L1: a-b => L1",
        );
    }

    /// Enough tables in L0 call for a compaction, whatever the levels below look like.
    ///
    /// L0 is what slows every read down. A rule that compares L0 with the level below first (its size, say) may never let it have its turn.
    ///
    /// # Hints
    /// - Nothing but the number of its tables decides about L0.
    /// - An empty L1 is no reason to leave L0 alone, and a huge last level is none either.
    #[test]
    fn the_trigger_of_l0_is_not_hidden_by_other_levels() {
        let four = "L0: a-b*1 a-b*1 a-b*1 a-b*1";
        for below in [
            "L1: | L2:",
            "L1: | L2: c-d*900 | L3:",
            "L1: c-d*99 | L2: c-d*999 | L3:",
            "L1: | L2: | L3: c-d*99999",
            "L1: c-d*99999",
        ] {
            assert_picks(
                &format!("{four} | {below}"),
                &[],
                "L0: a-b a-b a-b a-b => L1",
            );
        }
    }

    /// All tables of L0 go together, newest first, with all tables of L1 that their range overlaps, and no others.
    ///
    /// L0's tables overlap. If a newer one went down and an older one stayed, the older version of a key would lie above the newer one, and readers would find it first.
    ///
    /// # Hints
    /// - The range goes from the smallest first key of all tables of L0 to the greatest last key, and these may belong to any of them.
    /// - A table of L1 inside a gap of L0 is within the range, too.
    /// - The order of inputs says who is newer: L0 as it stands in the level, then L1 by key.
    #[test]
    fn l0_goes_down_as_a_whole_with_what_it_overlaps() {
        assert_picks(
            "L0: h-j e-f k-m d-e | L1: a-b c-d f-g h-h m-n o-p | L2: a-z",
            &[],
            "L0: h-j e-f k-m d-e | L1: c-d f-g h-h m-n => L1",
        );
        assert_picks(
            "L0: b-y a-c w-z c-d | L1: a-a z-z | L2:",
            &[],
            "L0: b-y a-c w-z c-d | L1: a-a z-z => L1",
        );
        assert_picks(
            "L0: h-j e-f a-b h-m | L1: c-d | L2:",
            &[],
            "L0: h-j e-f a-b h-m | L1: c-d => L1",
        );
    }

    /// From another level one table goes, with the tables of the next level that it overlaps, be it at one key only.
    ///
    /// A small step costs little, and the writers never have to wait for a whole level to be rewritten.
    ///
    /// # Hints
    /// - Without a cursor, the first table of the level is the one.
    /// - `TableDesc::overlaps` says which tables of the next level belong to it.
    #[test]
    fn one_table_of_a_deeper_level_goes_with_what_it_overlaps() {
        assert_picks(
            "L0: a-z | L1: d-f*60 g-k*60 | L2: a-c b-d e-e f-g h-i | L3: a-z",
            &[],
            "L1: d-f | L2: b-d e-e f-g => L2",
        );
        assert_picks(
            "L0: | L1: a-z*10 | L2: d-f*600 g-k*600 | L3: a-b f-g i-j | L4:",
            &[],
            "L2: d-f | L3: f-g => L3",
        );
    }

    /// Compactions of a level go round: each begins behind the greatest key that the last one took, and after the last table comes the first.
    ///
    /// If the first table always went, the tables below the beginning of the key space would be rewritten again and again, and the rest of the level would only grow.
    ///
    /// # Hints
    /// - `cursors` is indexed by the level that gives the table, not by the one that takes it. It may be too short, or hold an empty key: then start at the first table.
    /// - The table behind the cursor is the first whose *first* key is greater than it.
    /// - If no table is behind the cursor, begin anew.
    #[test]
    fn a_level_gives_its_tables_in_turn() {
        let level = "L0: | L1: a-c*40 d-f*40 g-i*40 | L2:";
        for (cursor, expected) in [
            ("", "a-c"),
            ("a", "d-f"),
            ("c", "d-f"),
            ("cc", "d-f"),
            ("d", "g-i"),
            ("f", "g-i"),
            ("g", "a-c"),
            ("i", "a-c"),
            ("zz", "a-c"),
        ] {
            assert_picks(
                level,
                &["z", cursor],
                &format!("L1: {expected} => L2, moved"),
            );
        }
        assert_picks(level, &[], "L1: a-c => L2, moved");
        assert_picks(level, &["e"], "L1: a-c => L2, moved");
        assert_picks(
            "L0: | L1: | L2: a-c*600 d-f*600 | L3:",
            &["", "", "c"],
            "L2: d-f => L3, moved",
        );
        assert_picks(
            "L0: | L1: | L2: a-c*600 d-f*600 | L3:",
            &["c", "c", "", "c"],
            "L2: a-c => L3, moved",
        );
    }

    /// A compaction names the level that called for it, and as the place where that level goes on, the greatest key of that level's inputs.
    ///
    /// The next compaction of the level begins there. A key of the *target* level would skip tables, or take one twice.
    ///
    /// # Hints
    /// - In L0 the greatest key may be that of any table.
    /// - The inputs of the target level have no say in it.
    #[test]
    fn a_compaction_says_where_its_level_goes_on() {
        for (text, source, cursor) in [
            ("L0: a-c b-x e-f c-d | L1: w-z | L2:", 0, "x"),
            ("L0: | L1: d-f*60 g-k*60 | L2: a-c e-z", 1, "f"),
            ("L0: | L1: | L2: d-f*1000 | L3: a-c f-z", 2, "f"),
        ] {
            let levels = tree(text);
            let picked = pick(&levels, &[], &picker_options(&levels))
                .unwrap_or_else(|| panic!("{text} needs a compaction"));
            assert_eq!(
                picked.source_level, source,
                "which level called for the compaction of {text}"
            );
            assert_eq!(
                picked.target_level,
                source + 1,
                "where the compaction of {text} puts its output"
            );
            assert!(
                picked.cursor == cursor.as_bytes(),
                "after the compaction of {text} L{source} should go on behind {cursor:?}, but it is {}",
                show(&picked.cursor)
            );
        }
    }

    /// The last level is never picked, however large it is.
    ///
    /// There is no level below it: it is the one that may grow.
    ///
    /// # Hints
    /// - How many levels are there? `levels.levels.len()` counts L0, too.
    /// - What would be `levels[target_level]` for the last one?
    #[test]
    fn the_last_level_is_never_picked() {
        assert_picks("L0: a-b | L1: a-b*99999", &[], "nothing");
        assert_picks("L0: | L1: | L2: a-b*99999 c-d*99999", &[], "nothing");
        assert_picks(
            "L0: | L1: a-a*100 | L2: a-b*99999",
            &[],
            "L1: a-a | L2: a-b => L2",
        );
    }

    /// Tables are moved as they are only if none overlaps another, neither among themselves nor on the target level.
    ///
    /// A move costs no byte of writing. But two tables of L0 that overlap would break the order of L1 if they were moved.
    ///
    /// # Hints
    /// - Is there an input from the target level? Then there is something to merge.
    /// - L0 is ordered by age: sort its tables by key before you compare neighbours.
    /// - Tables that touch at one key overlap.
    #[test]
    fn a_move_is_trivial_only_where_nothing_overlaps() {
        assert_picks(
            "L0: g-h a-b e-f c-d | L1: i-j | L2:",
            &[],
            "L0: g-h a-b e-f c-d => L1, moved",
        );
        assert_picks(
            "L0: g-h a-b e-f b-d | L1: i-j | L2:",
            &[],
            "L0: g-h a-b e-f b-d => L1",
        );
        assert_picks(
            "L0: a-z c-d e-f g-h | L1: | L2:",
            &[],
            "L0: a-z c-d e-f g-h => L1",
        );
        assert_picks(
            "L0: g-h a-b e-f c-d | L1: h-j | L2:",
            &[],
            "L0: g-h a-b e-f c-d | L1: h-j => L1",
        );
        assert_picks(
            "L0: | L1: c-d*100 | L2: a-b e-f",
            &[],
            "L1: c-d => L2, moved",
        );
        assert_picks(
            "L0: | L1: c-d*100 | L2: a-c",
            &[],
            "L1: c-d | L2: a-c => L2",
        );
    }

    #[track_caller]
    fn assert_everything(text: &str, expected: &str) {
        let levels = tree(text);
        let picked = pick_everything(&levels, &picker_options(&levels));
        let got = tell(&levels, picked.as_ref());
        assert!(
            got == expected,
            "the compaction of everything in {text} should be {expected}, but it is {got}"
        );
    }

    /// The compaction of everything takes every table, newest first, and never just moves them.
    ///
    /// Whoever asks for it wants what is deleted and overwritten to be gone: also from a single table, which a move would leave as it is.
    ///
    /// # Hints
    /// - Level by level is newest first, and each level stands in the right order already.
    /// - Without any table there is nothing to do.
    #[test]
    fn everything_is_every_table_newest_first() {
        assert_everything(
            "L0: e-f a-z | L1: c-d f-g | L2: | L3: b-c | L4:",
            "L0: e-f a-z | L1: c-d f-g | L3: b-c => L3",
        );
        assert_everything("L0: a-b | L1: | L2:", "L0: a-b => L1");
        assert_everything("L0: | L1: a-b c-d | L2:", "L1: a-b c-d => L1");
        assert_everything("L0: | L1: | L2:", "nothing");
    }

    /// Everything goes to the first level whose target has room for it, but to none above the deepest that is used.
    ///
    /// A level that is too small would call for the next compaction at once. And a table must not rise: the levels below its new place are supposed to be older.
    ///
    /// # Hints
    /// - Add up the sizes of all tables of all levels.
    /// - A target that is reached exactly is room enough.
    /// - If no target has room, the last level takes it: it has none.
    #[test]
    fn everything_goes_to_the_first_level_with_room_for_it() {
        assert_everything(
            "L0: a-b*50 | L1: c-d*50 | L2: | L3:",
            "L0: a-b | L1: c-d => L1",
        );
        assert_everything(
            "L0: a-b*50 | L1: c-d*51 | L2: | L3:",
            "L0: a-b | L1: c-d => L2",
        );
        assert_everything(
            "L0: a-b*1000 a-c*1 | L1: | L2: | L3: | L4:",
            "L0: a-b a-c => L3",
        );
        assert_everything("L0: a-b*99999 | L1: | L2: | L3:", "L0: a-b => L3");
        assert_everything("L0: a-b*99999 | L1:", "L0: a-b => L1");
        assert_everything(
            "L0: a-b*1 | L1: | L2: c-d*1 | L3:",
            "L0: a-b | L2: c-d => L2",
        );
        assert_everything(
            "L0: | L1: a-b*1 | L2: | L3: c-d*1",
            "L1: a-b | L3: c-d => L3",
        );
    }
}

mod task_3 {
    use super::*;
    use mini_lsm_starter::compact::{Tombstones, merge_tables};
    use mini_lsm_starter::iterators::{ConcatIterator, MergeIterator, Source};
    use mini_lsm_starter::table::SsTableBuilder;

    /// A source for each table, newest first.
    fn sources(tables: &[Arc<SsTable>]) -> MergeIterator<Source> {
        let source = |table: &Arc<SsTable>| {
            Source::Table(SsTableIterator::new(Arc::clone(table), CacheFill::No))
        };
        MergeIterator::new(tables.iter().map(source).collect())
    }

    fn nothing_below() -> Tombstones {
        Tombstones::new(Vec::new())
    }

    /// Merges tables, newest first, into one.
    #[track_caller]
    fn merged(
        store: &Arc<TableStore>,
        tables: &[Arc<SsTable>],
        tombstones: &Tombstones,
    ) -> Vec<Entry> {
        let outputs = merge_tables(sources(tables), tombstones, store, 1 << 20, &|| false);
        let outputs = outputs
            .expect("merge_tables failed")
            .expect("merge_tables stopped though nobody said so");
        entries_of(&outputs)
    }

    /// Tables with `count` entries in all, `key(0)` to `key(count - 1)`, dealt to two tables that overlap.
    fn two_large_tables(store: &Arc<TableStore>, count: usize) -> Vec<Arc<SsTable>> {
        let deal = |parity| {
            let entries: Vec<Entry> = (parity..count)
                .step_by(2)
                .map(|i| (key(i), Some(value(i))))
                .collect();
            table(store, &entries)
        };
        vec![deal(0), deal(1)]
    }

    /// A tombstone must stay exactly while some table below covers its key.
    ///
    /// What a tombstone hides may lie in any deeper level, not only in the next. If it goes too early, the deleted value is back; if it never goes, the store fills with the dead.
    ///
    /// # Hints
    /// - A table covers the keys from its first to its last, both included; whether the key is really there nobody looks.
    /// - Each level is sorted: which is the only table of it that may cover the key?
    /// - All levels below have a say, not just the first of them.
    #[test]
    fn a_tombstone_must_stay_while_a_table_below_covers_its_key() {
        let store = tables_on(mem_fs());
        let below = vec![
            level(&store, &["d=1 f=1", "j=1 l=1"]),
            level(&store, &[]),
            level(&store, &["b=1 c=1", "k=1 p=1"]),
        ];
        let tombstones = Tombstones::new(below);
        for (key, expected) in [
            ("a", false),
            ("b", true),
            ("c", true),
            ("cc", false),
            ("d", true),
            ("e", true),
            ("f", true),
            ("g", false),
            ("j", true),
            ("m", true),
            ("p", true),
            ("q", false),
        ] {
            assert_eq!(
                tombstones.must_keep(key.as_bytes()),
                expected,
                "whether a tombstone for {key} must stay above the levels [d-f j-l], [] and [b-c k-p]"
            );
        }
        assert!(
            !nothing_below().must_keep(b"a"),
            "without a level below, no tombstone must stay"
        );
    }

    /// Whether a tombstone must stay is decided without reading a table.
    ///
    /// The question comes for every tombstone of a compaction. A read for each would cost more than the tombstones that it saves.
    ///
    /// # Hints
    /// - The first and the last key of an open table are in memory.
    #[test]
    fn no_table_is_read_to_judge_a_tombstone() {
        let log = OpLog::default();
        let store = tables_on(Arc::new(FaultFs::logged(mem_fs(), &log)));
        let below = vec![level(&store, &["b=1 d=1 f=1", "j=1 l=1"])];
        log.clear();
        let tombstones = Tombstones::new(below);
        for key in ["a", "b", "c", "d", "f", "g", "k", "z"] {
            tombstones.must_keep(key.as_bytes());
        }
        assert_eq!(
            log.count(is_table_read),
            0,
            "how many reads must_keep() of 8 keys took"
        );
    }

    /// Of each key only the newest version is written; a tombstone that hides nothing any more is not, and neither is what it hid.
    ///
    /// This is where space comes back: until now, deleting a key made the store larger.
    ///
    /// # Hints
    /// - The merge iterator shows each key once, its newest version, and skips the others.
    /// - An empty value is a value.
    #[test]
    fn the_newest_version_of_each_key_is_written() {
        let store = tables_on(mem_fs());
        let tables = level(
            &store,
            &["b=3 c e=", "a=2 c=2 d", "a=1 b=1 c=1 d=1 e=1 f=1"],
        );
        let got = merged(&store, &tables, &nothing_below());
        let expected = entries("a=2 b=3 e= f=1");
        assert!(
            got == expected,
            "[b=3 c-deleted e=] over [a=2 c=2 d-deleted] over [a=1 b=1 c=1 d=1 e=1 f=1] should give {}, but gave {}",
            show_entries(&expected),
            show_entries(&got)
        );
    }

    /// A tombstone that something below may need is written, as a tombstone.
    ///
    /// The value that it hides is on a deeper level, which this compaction does not touch.
    ///
    /// # Hints
    /// - Every entry whose value is `None` is a question for `Tombstones::must_keep`.
    /// - What it hides among the inputs goes in any case.
    #[test]
    fn a_tombstone_that_hides_something_below_is_written() {
        let store = tables_on(mem_fs());
        let tombstones = Tombstones::new(vec![level(&store, &["c=0 e=0"])]);
        let tables = level(&store, &["b d g", "b=1 c=1 d=1 g=1"]);
        let got = merged(&store, &tables, &tombstones);
        let expected = entries("c=1 d");
        assert!(
            got == expected,
            "[b, d, g deleted] over [b=1 c=1 d=1 g=1], above a level with c-e, should give {}, but gave {}",
            show_entries(&expected),
            show_entries(&got)
        );
    }

    /// Where nothing is left, no table is written.
    ///
    /// There is no empty table: it would have no first key. When everything was deleted, an engine that begins its output too early fails in `finish`.
    ///
    /// # Hints
    /// - Begin a table when there is an entry to put into it, not before.
    /// - Is there an open table at all when the inputs end?
    #[test]
    fn no_table_is_written_where_nothing_is_left() {
        let fs = mem_fs();
        let store = tables_on(Arc::clone(&fs) as Arc<dyn FileSystem>);
        let tables = level(&store, &["a b c", "a=1 b=1"]);
        let before = table_files(&fs);
        for (tables, what) in [(&tables[..], "nothing but deleted keys"), (&[], "no input")] {
            let outputs = merge_tables(sources(tables), &nothing_below(), &store, 1000, &|| false);
            let outputs = outputs
                .expect("merge_tables failed")
                .expect("merge_tables stopped though nobody said so");
            assert_eq!(outputs.len(), 0, "how many tables {what} give");
            assert_eq!(
                table_files(&fs),
                before,
                "the table files after a merge of {what}"
            );
        }
    }

    /// A table ends with the entry that brings it to the wanted size, and not before.
    ///
    /// The size of its tables says how finely a level can be compacted. All tables but the last should have it.
    ///
    /// # Hints
    /// - Ask `estimated_size()` of the builder after each entry that was added.
    /// - At the wanted size or past it, finish the table. The next entry begins another one.
    #[test]
    fn a_table_ends_with_the_entry_that_fills_it() {
        let fs = mem_fs();
        let store = tables_on(Arc::clone(&fs) as Arc<dyn FileSystem>);
        let tables = two_large_tables(&store, 1000);
        let table_size = 1000;
        let outputs = merge_tables(
            sources(&tables),
            &nothing_below(),
            &store,
            table_size,
            &|| false,
        );
        let outputs = outputs
            .expect("merge_tables failed")
            .expect("merge_tables stopped though nobody said so");
        assert!(
            outputs.len() >= 10,
            "1000 entries in tables of {table_size} bytes make more than {} tables",
            outputs.len()
        );
        let (last, full) = outputs.split_last().expect("there are ten");
        assert!(last.entry_count() > 0, "the last table has an entry");
        let options = LsmOptions {
            block_size: 64,
            ..options(&fs)
        };
        for (number, output) in full.iter().enumerate() {
            // The same entries again, to see when they reach the size.
            let file = fs
                .create(&common::path(&format!("again{number}")))
                .expect("a file can be created");
            let mut again = SsTableBuilder::new(output.id(), file, &options);
            let entries = entries_of(std::slice::from_ref(output));
            for (i, (key, value)) in entries.iter().enumerate() {
                let size = again.estimated_size();
                assert!(
                    size < table_size,
                    "table {number} should end with its entry {}: there it had {size} of {table_size} bytes, but it has {} entries",
                    i - 1,
                    entries.len()
                );
                again
                    .add(key, value.as_deref())
                    .expect("an entry can be added");
            }
            let size = again.estimated_size();
            assert!(
                size >= table_size,
                "table {number} was finished with {size} of {table_size} bytes"
            );
        }
    }

    /// The outputs are all that should be left, in order, and no two of them overlap.
    ///
    /// They become a part of a level, which is read as one sorted run.
    ///
    /// # Hints
    /// - The inputs come in order already. Is anything lost or written twice where one table ends and the next begins?
    /// - Do not lose the table that is still open when the inputs end.
    #[test]
    fn the_outputs_are_one_sorted_run_of_what_is_left() {
        let mut rng = Rng::new(5);
        let store = tables_on(mem_fs());
        let (mut left, mut newest_first) = (BTreeMap::new(), Vec::new());
        let random = |i: usize, rng: &mut Rng| (key(i), (!rng.chance(30)).then(|| rng.bytes(20)));
        let lowest: Vec<Entry> = (0..400).map(|i| random(i, &mut rng)).collect();
        let level: Arc<[Arc<SsTable>]> = lowest
            .chunks(50)
            .map(|chunk| table(&store, chunk))
            .collect();
        left.extend(lowest);
        for _ in 0..4 {
            let mut entries: Vec<Entry> = (0..500).map(|i| random(i, &mut rng)).collect();
            entries.retain(|_| rng.chance(40));
            newest_first.insert(0, table(&store, &entries));
            left.extend(entries);
        }
        let mut all: Vec<Source> = Vec::new();
        for table in &newest_first {
            all.push(Source::Table(SsTableIterator::new(
                Arc::clone(table),
                CacheFill::No,
            )));
        }
        all.push(Source::Level(ConcatIterator::new(level, CacheFill::No)));
        let outputs = merge_tables(
            MergeIterator::new(all),
            &nothing_below(),
            &store,
            800,
            &|| false,
        );
        let outputs = outputs
            .expect("merge_tables failed")
            .expect("merge_tables stopped though nobody said so");

        let expected: Vec<Entry> = left
            .into_iter()
            .filter(|(_, value)| value.is_some())
            .collect();
        let got = entries_of(&outputs);
        for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert!(
                got == expected,
                "entry {i} of the outputs should be {}, but it is {}",
                show(&expected.0),
                show(&got.0)
            );
        }
        assert_eq!(
            got.len(),
            expected.len(),
            "how many entries all outputs have"
        );
        for pair in outputs.windows(2) {
            assert!(
                pair[0].last_key() < pair[1].first_key(),
                "an output ends at {}, and the next begins at {}",
                show(pair[0].last_key()),
                show(pair[1].first_key())
            );
        }
        for output in &outputs {
            output.verify().expect("an output is damaged");
            assert!(
                output.id() > newest_first[0].id(),
                "an output has id {}, which was taken before",
                output.id().0
            );
        }
    }

    /// When it is told to stop, the merge gives `None`, and the files that it wrote are gone.
    ///
    /// A store that is closed does not wait for hours until a large compaction is done. And what is half done is of use to nobody.
    ///
    /// # Hints
    /// - Ask `should_stop` every thousand entries or so: not once at the beginning, and not so often that it costs.
    /// - There are two kinds of files to get rid of: the tables that are finished, and the one that is not. Who removes the latter when it is dropped? (`NewTable`)
    #[test]
    fn a_merge_that_is_stopped_leaves_no_file() {
        let fs = mem_fs();
        let store = tables_on(Arc::clone(&fs) as Arc<dyn FileSystem>);
        let tables = two_large_tables(&store, 20_000);
        let before = table_files(&fs);
        let should_stop = || table_files(&fs).len() >= before.len() + 3;
        let outputs = merge_tables(
            sources(&tables),
            &nothing_below(),
            &store,
            10_000,
            &should_stop,
        );
        let outputs = outputs.expect("a merge that is stopped is not an error");
        assert!(
            outputs.is_none(),
            "should_stop() said yes from the third output on, but the merge of 20000 entries went on to its end"
        );
        assert_eq!(
            table_files(&fs),
            before,
            "the table files after a merge that was stopped: only the inputs"
        );
    }

    /// On an error the files that were written are gone, and the error comes out.
    ///
    /// A full disk is the likeliest error of a compaction: to leave half of the output there would make it worse.
    ///
    /// # Hints
    /// - `?` leaves the function at once: who removes the finished tables then? Something that is dropped can.
    /// - An input that cannot be read is an error, too, and not the end of that input.
    #[test]
    fn a_merge_that_fails_leaves_no_file() {
        let fs = mem_fs();
        let tables_begun = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let is_over = |op: &Operation, begun: usize| begun >= 5 && op.has_extension("sst");
        for (kind, what) in [
            (OpKind::Append, "write"),
            (OpKind::Sync, "sync"),
            (OpKind::Create, "create"),
            (OpKind::Read, "read"),
        ] {
            let begun = Arc::clone(&tables_begun);
            begun.store(0, Ordering::SeqCst);
            let hook = move |op: &Operation| {
                if op.kind == OpKind::Create {
                    begun.fetch_add(1, Ordering::SeqCst);
                }
                match op.kind == kind && is_over(op, begun.load(Ordering::SeqCst)) {
                    true => Verdict::Fail(std::io::ErrorKind::StorageFull),
                    false => Verdict::Proceed,
                }
            };
            let fs = Arc::new(fs.crash_clone(&mini_lsm_starter::fs::CrashPlan::Lose));
            let store = tables_on(Arc::new(FaultFs::new(
                Arc::clone(&fs) as Arc<dyn FileSystem>,
                hook,
            )));
            // Two tables are begun here, so that the third output fails.
            let tables = two_large_tables(&store, 2000);
            let before = table_files(&fs);
            let outputs = merge_tables(sources(&tables), &nothing_below(), &store, 4000, &|| false);
            assert!(
                matches!(outputs, Err(Error::Io { .. })),
                "a merge that cannot {what} should be Error::Io, but gave {:?}",
                outputs.map(|outputs| outputs.map(|tables| tables.len()))
            );
            assert_eq!(
                table_files(&fs),
                before,
                "the table files after a merge that could not {what}: only the inputs"
            );
        }
    }
}

mod task_4 {
    use super::*;
    use common::model::Model;
    use common::{assert_get, open, rest_of_scan};

    fn open_watched(options: LsmOptions) -> (LsmStorage, Arc<Watch>) {
        let watch = Arc::new(Watch::default());
        let listener = Arc::clone(&watch) as Arc<dyn EventListener>;
        (
            open(LsmOptions {
                listener,
                ..options
            }),
            watch,
        )
    }

    #[track_caller]
    fn compact(store: &LsmStorage) {
        store.compact().expect("compact() failed");
    }

    /// After `compact()` one level is left, with each living key once, and nothing deleted or overwritten.
    ///
    /// The same reads give the same answers before and after: all that changes is the room that the store takes.
    ///
    /// # Hints
    /// - Nothing lies below the deepest level that is used, so no tombstone has to stay.
    /// - Which levels do you hand to `Tombstones`? Only those *below* the target level.
    /// - The outputs take the inputs' place: no input may be left in the state.
    #[test]
    fn compact_leaves_every_living_key_once_on_one_level() {
        let fs = mem_fs();
        let store = open(small(&fs));
        let mut model = Model::default();
        for round in 0..3 {
            for i in (0..400).filter(|i| i % 3 == round || i % 5 == 0) {
                model.put(&store, &key(2 * i), &value(round * 1000 + i));
            }
            for i in (round..400).step_by(4) {
                model.delete(&store, &key(2 * i));
            }
            store.flush().expect("flush failed");
        }
        compact(&store);
        let metrics = store.metrics();
        let levels = used_levels(&metrics);
        assert!(
            levels.len() == 1 && levels[0] > 0,
            "after compact() one level below L0 should hold tables, but these do: {levels:?}"
        );
        let count: u64 = metrics
            .levels
            .iter()
            .flatten()
            .map(|table| table.entry_count)
            .sum();
        assert_eq!(
            count,
            model.map.len() as u64,
            "how many entries all tables have after compact(), with {} keys alive",
            model.map.len()
        );
        assert!(
            shape(&metrics)[levels[0]] > 1,
            "so many keys should be cut into more than one table"
        );
        check_levels(&metrics, "after compact()");
        model.check_all(&store, 400, "after compact()");
    }

    /// `compact()` takes what is in memory, too.
    ///
    /// It promises that nothing deleted is left on disk. A tombstone that is still in the memtable has its say before that.
    ///
    /// # Hints
    /// - Flush first.
    #[test]
    fn compact_begins_with_a_flush() {
        let fs = mem_fs();
        let store = open(options(&fs));
        put_table(&store, 0..10, 0);
        store.delete(&key(3)).expect("delete failed");
        store.put(&key(20), b"new").expect("put failed");
        compact(&store);
        let metrics = store.metrics();
        assert_eq!(
            metrics.memtable.entry_count, 0,
            "how many entries are in the memtable after compact()"
        );
        assert_eq!(
            metrics.frozen.len(),
            0,
            "how many memtables are frozen after compact()"
        );
        let count: u64 = metrics.levels[1..]
            .iter()
            .flatten()
            .map(|table| table.entry_count)
            .sum();
        assert_eq!(
            count, 10,
            "how many entries are below L0 after compact(): 10 were flushed, 1 deleted, 1 added"
        );
        assert_get(&store, &key(3), None, "after a delete and compact()");
        assert_get(&store, &key(20), Some(b"new"), "after a put and compact()");
    }

    /// When `compact()` returns, the files of its inputs are gone, unless someone reads them.
    ///
    /// The files on disk are then those that the store needs: `metrics()` has one table for each.
    ///
    /// # Hints
    /// - `TableStore::retire` has the file of a table removed when its last reader is gone.
    /// - Is the last reader of the old tables perhaps you? The old state and the list of inputs both hold them.
    #[test]
    fn the_inputs_files_are_gone_when_compact_returns() {
        let fs = mem_fs();
        let store = open(small(&fs));
        for round in 0..3 {
            put_table(&store, 0..100, round);
        }
        let inputs = table_files(&fs);
        for when in ["the first compact()", "the second compact()"] {
            compact(&store);
            assert_eq!(
                table_files(&fs),
                names_of(&store.metrics()),
                "the table files after {when}: those of the tables, and no others"
            );
        }
        let left: Vec<_> = table_files(&fs).intersection(&inputs).cloned().collect();
        assert!(
            left.is_empty(),
            "{left:?} were merged, but their files are still there"
        );
    }

    /// A scan keeps the files that it reads until it is dropped, and shows the store as it was when it began.
    ///
    /// On Unix a removed file can still be read by whoever has it open; on Windows it cannot be removed. An engine that waits for the last reader does right on both.
    ///
    /// # Hints
    /// - A scan holds `Arc`s of its tables. Removing a file is nobody's business but the last `Arc`'s: `retire` does it so.
    #[test]
    fn a_scan_keeps_the_files_that_it_reads() {
        let fs = mem_fs();
        let store = open(small(&fs));
        put_table(&store, 0..300, 0);
        put_table(&store, 0..150, 1);
        let inputs = table_files(&fs);
        let mut scan = store.scan(..).expect("scan failed");
        for i in 0..150 {
            store.delete(&key(i)).expect("delete failed");
        }
        compact(&store);
        assert!(
            inputs.is_subset(&table_files(&fs)),
            "while a scan reads them, the files of merged tables must stay"
        );
        let seen = rest_of_scan(&mut scan);
        let expected: Vec<_> = (0..300)
            .map(|i| (key(i), value(if i < 150 { 1000 + i } else { i })))
            .collect();
        assert!(
            seen == expected,
            "a scan that began before the deletes and compact() should see all 300 keys as they were; it saw {}",
            seen.len()
        );
        drop(scan);
        assert_eq!(
            table_files(&fs),
            names_of(&store.metrics()),
            "the table files when the scan is dropped"
        );
        assert_get(&store, &key(0), None, "after the scan");
        assert_get(&store, &key(299), Some(&value(299)), "after the scan");
    }

    /// A store in which everything was deleted has no table after `compact()`.
    ///
    /// The merge gives no output, and the inputs go all the same. The store can be used on.
    ///
    /// # Hints
    /// - No output is not "nothing to do": the inputs have still to leave the state.
    /// - A level without tables needs no first key. Does your code ask for one?
    #[test]
    fn a_store_of_deleted_keys_becomes_empty() {
        let fs = mem_fs();
        let store = open(options(&fs));
        compact(&store);
        put_table(&store, 0..50, 0);
        compact(&store);
        for i in 0..50 {
            store.delete(&key(i)).expect("delete failed");
        }
        compact(&store);
        assert_eq!(
            used_levels(&store.metrics()),
            [0; 0],
            "the levels that hold tables when all keys are deleted"
        );
        assert_eq!(
            table_files(&fs),
            BTreeSet::new(),
            "the table files when all keys are deleted"
        );
        let mut scan = store.scan(..).expect("scan failed");
        assert_eq!(
            rest_of_scan(&mut scan),
            [],
            "a scan of a store whose keys are all deleted"
        );
        compact(&store);
        put_table(&store, 7..8, 1);
        compact(&store);
        assert_get(&store, &key(7), Some(&value(1007)), "after a new beginning");
    }

    /// A table that comes to L0 while a compaction runs is kept.
    ///
    /// The compaction was picked when the table was not there. If its result is installed over the whole of L0, a flushed table, whose memtable is gone, is lost.
    ///
    /// # Hints
    /// - Take out of each level the tables that were inputs, by their ids; leave the rest.
    /// - Make the new state out of the state as it is when you install, not as it was when you picked.
    /// - The new table is newer than what was merged: it belongs above it.
    #[test]
    fn a_table_that_arrives_during_a_compaction_is_kept() {
        let fs = mem_fs();
        let (store, watch) = open_watched(options(&fs));
        put_table(&store, 0..20, 0);
        put_table(&store, 10..30, 1);
        let compacted = compact_held(&store, &watch, || {
            put_table(&store, 15..16, 2);
            put_table(&store, 40..41, 2);
            store.put(&key(50), &value(2050)).expect("put failed");
        });
        compacted.expect("compact() failed");
        let metrics = store.metrics();
        assert_eq!(
            metrics.levels[0].len(),
            2,
            "how many tables are in L0: two were flushed while compact() ran"
        );
        for (i, round) in [(5, 0), (12, 1), (15, 2), (40, 2), (50, 2)] {
            assert_get(
                &store,
                &key(i),
                Some(&value(1000 * round + i)),
                "after writes during compact()",
            );
        }
        let mut scan = store.scan(..).expect("scan failed");
        assert_eq!(
            rest_of_scan(&mut scan).len(),
            32,
            "how many keys a scan shows after writes during compact()"
        );
        assert_eq!(
            table_files(&fs),
            names_of(&metrics),
            "the table files after writes during compact()"
        );
    }

    /// L0 is newer than the level below it: for `get` and for scans of all kinds of ranges.
    ///
    /// The ranges are those that everybody forgets: bounds in a gap, on a key, excluded, crossing, past everything.
    ///
    /// # Hints
    /// - `get` asks L0 from the newest table on, then one table of each level.
    /// - A tombstone in L0 ends the search: what the level below holds is not asked any more.
    /// - For a scan, L0's tables come before the level's concat iterator.
    #[test]
    fn l0_hides_what_lies_below() {
        let fs = mem_fs();
        let store = open(LsmOptions {
            table_size: 600,
            ..small(&fs)
        });
        let mut model = Model::default();
        for i in 0..60 {
            model.put(&store, &key(2 * i), &value(i));
        }
        compact(&store);
        model.check_ranges(&store, 60, "with all keys below L0");
        for i in (0..60).step_by(3) {
            model.put(&store, &key(2 * i), b"newer");
            model.delete(&store, &key(2 * i + 2));
        }
        store.flush().expect("flush failed");
        let metrics = store.metrics();
        assert!(
            metrics.levels[0].len() == 1 && used_levels(&metrics).len() == 2,
            "tables should be in L0 and on one level, but a level has so many: {:?}",
            shape(&metrics)
        );
        model.check_all(&store, 60, "with newer keys in L0");
        model.check_ranges(&store, 60, "with newer keys in L0");
    }

    /// Of a level, a `get` opens one table at most, and a scan that begins in it reads one block.
    ///
    /// A level has as many tables as it likes: that is why it is kept sorted.
    ///
    /// # Hints
    /// - The first table whose last key is at or past the key is the only one that may have it. Is its first key past the key? Then none has.
    /// - For a scan, one concat iterator for the whole level, not one table iterator for each table.
    #[test]
    fn a_level_costs_a_read_one_block() {
        let (fs, log) = (mem_fs(), OpLog::default());
        let store = open(LsmOptions {
            fs: Arc::new(FaultFs::logged(
                Arc::clone(&fs) as Arc<dyn FileSystem>,
                &log,
            )),
            ..small(&fs)
        });
        put_table(&store, (0..400).step_by(2), 0);
        compact(&store);
        let metrics = store.metrics();
        let level = &metrics.levels[used_levels(&metrics)[0]];
        assert!(
            level.len() >= 4,
            "200 keys in tables of 2 KiB should make four tables, but there are {}",
            level.len()
        );
        for i in [0, 77, 150, 201, 398, 399] {
            log.clear();
            let expected = (i % 2 == 0).then(|| value(i));
            assert_get(&store, &key(i), expected.as_deref(), "after compact()");
            let reads = log.count(is_table_read);
            assert!(
                reads <= 1,
                "get({}) read {reads} blocks of a level of {} tables",
                show(&key(i)),
                level.len()
            );
        }
        let gap = [&level[1].last_key[..], b"\0"].concat();
        log.clear();
        assert_get(&store, &gap, None, "in the gap between two tables");
        assert_eq!(
            log.count(is_table_read),
            0,
            "how many blocks a get() between two tables of a level read"
        );
        log.clear();
        let scan = store
            .scan((
                std::ops::Bound::Included(&key(250)[..]),
                std::ops::Bound::Unbounded,
            ))
            .expect("scan failed");
        let reads = log.count(is_table_read);
        assert!(
            reads <= 1,
            "the first entry of scan({}..) took {reads} blocks of a level of {} tables",
            show(&key(250)),
            level.len()
        );
        drop(scan);
    }

    /// Random writes, flushes and compactions agree with a map at every step.
    ///
    /// `compact()` comes on stores of all shapes: with one level used or none, with tables in L0 or none, with much deleted or nothing.
    ///
    /// # Hints
    /// - The first message that fails says when it was. Look for the smallest test above that fails, too: it is easier to read.
    /// - Do newer tables stay above older ones in everything that you build?
    #[test]
    fn random_writes_flushes_and_compactions_agree_with_a_map() {
        for seed in 0..4 {
            let mut rng = Rng::new(seed);
            let fs = mem_fs();
            let store = open(small(&fs));
            let mut model = Model::default();
            for step in 0..8 {
                for _ in 0..rng.below(250) {
                    model.random_write(&store, &mut rng, 150);
                }
                let when = format!("after step {step}");
                match rng.chance(40) {
                    true => compact(&store),
                    false => store.flush().expect("flush failed"),
                }
                model.check_all(&store, 150, &when);
                check_levels(&store.metrics(), &when);
            }
            compact(&store);
            model.check_ranges(&store, 150, "after the last compact()");
            let count: u64 = store
                .metrics()
                .levels
                .iter()
                .flatten()
                .map(|table| table.entry_count)
                .sum();
            assert_eq!(
                count,
                model.map.len() as u64,
                "how many entries the tables have after the last compact()"
            );
            assert_eq!(
                table_files(&fs),
                names_of(&store.metrics()),
                "the table files after the last compact()"
            );
        }
    }

    /// The events of a compaction name all inputs, newest first, and then the outputs, which readers see from that moment on.
    ///
    /// Tools that show what the store does rely on them, and so do the tests that hold a compaction.
    ///
    /// # Hints
    /// - `CompactionBegun` is told before anything is merged, with the inputs as they were picked.
    /// - `CompactionInstalled` is told after the new state is in place.
    #[test]
    fn the_events_tell_the_inputs_and_the_outputs() {
        let fs = mem_fs();
        let (store, watch) = open_watched(small(&fs));
        put_table(&store, 0..200, 0);
        compact(&store);
        put_table(&store, 0..10, 1);
        put_table(&store, 5..15, 2);
        let before = store.metrics();
        watch.clear();
        compact(&store);
        let expected: Vec<_> = before
            .levels
            .iter()
            .enumerate()
            .flat_map(|(level, tables)| tables.iter().map(move |table| (level, table.id)))
            .collect();
        let events = watch.events();
        let told: Vec<_> = events
            .iter()
            .filter(|event| {
                matches!(
                    event,
                    Event::CompactionBegun { .. } | Event::CompactionInstalled { .. }
                )
            })
            .collect();
        let [
            Event::CompactionBegun {
                inputs,
                target_level: begun_for,
            },
            Event::CompactionInstalled {
                target_level,
                outputs,
                trivial_move,
            },
        ] = &told[..]
        else {
            panic!(
                "compact() should tell CompactionBegun and CompactionInstalled, once each; it told {told:?}"
            );
        };
        assert_eq!(
            inputs, &expected,
            "the inputs of CompactionBegun: all tables with their levels, newest first"
        );
        assert_eq!(
            target_level, begun_for,
            "the target level of CompactionInstalled is that of CompactionBegun"
        );
        assert!(!trivial_move, "compact() never moves tables as they are");
        let after = store.metrics();
        let ids: Vec<_> = after.levels[*target_level]
            .iter()
            .map(|table| table.id)
            .collect();
        assert_eq!(
            outputs, &ids,
            "the outputs of CompactionInstalled: the tables of L{target_level}, by key"
        );
    }

    /// A compaction does not fill the block cache.
    ///
    /// It reads every block of its inputs once, and then their files go. In the cache they would take the place of what readers need.
    ///
    /// # Hints
    /// - The cursors of a merge are made with a `CacheFill`. Which one?
    #[test]
    fn a_compaction_leaves_the_block_cache_alone() {
        let fs = mem_fs();
        let store = open(small(&fs));
        put_table(&store, 0..200, 0);
        compact(&store);
        put_table(&store, 0..100, 1);
        put_table(&store, 50..150, 2);
        compact(&store);
        assert_eq!(
            store.metrics().cache_size,
            0,
            "how many bytes are in the block cache when nobody has read anything yet"
        );
    }

    /// When a compaction fails, the error comes out, and nothing has changed; the next one may succeed.
    ///
    /// The inputs are there until the outputs have taken their place. So a full disk costs time, and no data.
    ///
    /// # Hints
    /// - What is done first, retiring the inputs or installing the outputs?
    /// - `?` on the merge is all it takes, if nothing was changed before it.
    #[test]
    fn a_compaction_that_fails_changes_nothing() {
        let (fs, is_full) = (mem_fs(), Arc::new(AtomicBool::new(false)));
        let (inner, full) = (Arc::clone(&fs) as Arc<dyn FileSystem>, Arc::clone(&is_full));
        let hook = move |op: &Operation| match op.kind == OpKind::Append
            && op.has_extension("sst")
            && full.load(Ordering::SeqCst)
        {
            true => Verdict::Fail(std::io::ErrorKind::StorageFull),
            false => Verdict::Proceed,
        };
        let store = open(LsmOptions {
            fs: Arc::new(FaultFs::new(inner, hook)),
            ..small(&fs)
        });
        let mut model = Model::default();
        for round in 0..3 {
            for i in round..100 {
                model.put(&store, &key(2 * i), &value(1000 * round + i));
            }
            store.flush().expect("flush failed");
        }
        let before = table_files(&fs);
        is_full.store(true, Ordering::SeqCst);
        let failed = store.compact();
        assert!(
            matches!(failed, Err(Error::Io { .. })),
            "compact() on a full disk should be Error::Io, but gave {failed:?}"
        );
        assert_eq!(
            table_files(&fs),
            before,
            "the table files after a compaction that failed"
        );
        assert_eq!(
            names_of(&store.metrics()),
            before,
            "the tables after a compaction that failed"
        );
        model.check_all(&store, 100, "after a compaction that failed");
        is_full.store(false, Ordering::SeqCst);
        compact(&store);
        model.check_all(&store, 100, "after the disk had room again, and compact()");
        assert_eq!(
            used_levels(&store.metrics()).len(),
            1,
            "how many levels are used after the disk had room again, and compact()"
        );
    }

    /// A compaction ends when the store is closed: `compact()` is `Closed`, and nothing has changed.
    ///
    /// Whoever closes a store should not have to wait until gigabytes are merged.
    ///
    /// # Hints
    /// - `merge_tables` asks `should_stop`: what does the store's health say?
    /// - Where the merge says `None`, the health knows why.
    #[test]
    fn compact_is_closed_when_the_store_is() {
        let fs = mem_fs();
        let (store, watch) = open_watched(small(&fs));
        put_table(&store, 0..200, 0);
        put_table(&store, 0..200, 1);
        let before = names_of(&store.metrics());
        let outcome = std::thread::scope(|scope| {
            let mut closing = None;
            let outcome = compact_held(&store, &watch, || {
                closing = Some(scope.spawn(|| store.close()));
                wait_until_closed(&store);
            });
            let closed = closing.expect("close() was called").join();
            closed.expect("close() panicked").expect("close() failed");
            outcome
        });
        assert!(
            matches!(outcome, Err(Error::Closed)),
            "compact() of a store that is closed meanwhile should be Error::Closed, but gave {outcome:?}"
        );
        assert_eq!(
            names_of(&store.metrics()),
            before,
            "the tables after compact() of a store that was closed meanwhile"
        );
        assert_eq!(
            table_files(&fs),
            before,
            "the table files after compact() of a store that was closed meanwhile"
        );
    }
}

mod task_5 {
    use super::*;
    use common::model::Model;
    use common::{assert_get, open, rest_of_scan};

    /// Levels of 4 KiB, 16 KiB and so on, where two tables in L0 are enough and four too many.
    fn busy(fs: &Arc<MemFs>) -> LsmOptions {
        LsmOptions {
            background_compaction: true,
            l0_compaction_trigger: 2,
            l0_slowdown_trigger: 3,
            l0_stop_trigger: 4,
            ..small(fs)
        }
    }

    /// A store whose compaction thread has been seen at work. Now it is idle, and there is no table.
    #[track_caller]
    fn open_busy(options: LsmOptions) -> (Arc<LsmStorage>, Arc<Watch>) {
        let watch = Arc::new(Watch::default());
        let listener = Arc::clone(&watch) as Arc<dyn EventListener>;
        let stop = options.l0_stop_trigger;
        let store = Arc::new(open(LsmOptions {
            listener,
            ..options.clone()
        }));
        for _ in 0..stop {
            store.delete(b"!").expect("delete failed");
            store.flush().expect("flush failed");
        }
        store.delete(b"!").expect("delete failed");
        let l0 = store.metrics().levels[0].len();
        assert!(
            l0 < stop,
            "L0 has {l0} tables and a write returned, though l0_stop_trigger is {stop}: no thread compacts L0, or the write did not wait for it"
        );
        settle(&store, &watch, &options);
        // What is left depends on when the thread came by. With one table more there is enough for a compaction, and nothing is left.
        while !names_of(&store.metrics()).is_empty() {
            store.delete(b"!").expect("delete failed");
            store.flush().expect("flush failed");
            settle(&store, &watch, &options);
        }
        watch.store.set(Arc::downgrade(&store)).expect("set once");
        watch.clear();
        (store, watch)
    }

    /// Waits until no level needs a compaction and none runs.
    #[track_caller]
    fn settle(store: &LsmStorage, watch: &Watch, options: &LsmOptions) {
        let what = "every level is within its target, and no compaction runs";
        wait_until(store, what, |metrics| {
            is_within_targets(metrics, options) && watch.is_idle()
        });
    }

    fn is_within_targets(metrics: &Metrics, options: &LsmOptions) -> bool {
        let last = metrics.levels.len() - 1;
        let size = |level: usize| {
            metrics.levels[level]
                .iter()
                .map(|table| table.size)
                .sum::<u64>()
        };
        metrics.levels[0].len() < options.l0_compaction_trigger
            && (1..last).all(|level| size(level) < options.level_target(level))
    }

    /// Four tables in L0, which is where writers stop; the compaction of the first two is held by the gate.
    #[track_caller]
    fn fill_l0(store: &LsmStorage, watch: &Watch) -> Gate {
        let gate = watch.hold();
        put_table(store, 0..20, 0);
        put_table(store, 10..30, 1);
        gate.expect(Moment::Begun, "two tables in L0 call for a compaction");
        put_table(store, 20..40, 2);
        put_table(store, 30..50, 3);
        assert_eq!(
            store.metrics().levels[0].len(),
            4,
            "how many tables L0 has while its compaction is held"
        );
        gate
    }

    /// What [`fill_l0`] wrote must be there.
    #[track_caller]
    fn check_filled(store: &LsmStorage, when: &str) {
        for (i, round) in [(0, 0), (10, 1), (20, 2), (30, 3), (49, 3)] {
            assert_get(store, &key(i), Some(&value(1000 * round + i)), when);
        }
        let mut scan = store.scan(..).expect("scan failed");
        assert_eq!(
            rest_of_scan(&mut scan).len(),
            50,
            "{when}, how many keys a scan shows"
        );
    }

    /// L0 is compacted when it has as many tables as its trigger says: nobody has to ask.
    ///
    /// Without it a store slows down with every flush, until someone calls `compact()`.
    ///
    /// # Hints
    /// - The thread waits on `progress` until `needs_compaction` holds, or the store's health is over.
    /// - A flush changes the state, and that wakes all who wait.
    /// - Not before the trigger: the first compaction finds as many tables in L0 as it says.
    #[test]
    fn l0_is_compacted_when_it_reaches_its_trigger() {
        let (fs, watch) = (mem_fs(), Arc::new(Watch::default()));
        let listener = Arc::clone(&watch) as Arc<dyn EventListener>;
        let store = open(LsmOptions {
            listener,
            l0_compaction_trigger: 3,
            ..busy(&fs)
        });
        for round in 0..3 {
            put_table(&store, 0..20, round);
        }
        wait_until(
            &store,
            "three tables in L0, with a trigger of 3, are compacted",
            |metrics| metrics.levels[0].is_empty(),
        );
        let metrics = store.metrics();
        assert_eq!(
            used_levels(&metrics),
            [1],
            "the levels that hold tables after the compaction of L0"
        );
        let inputs = watch.events().into_iter().find_map(|event| match event {
            Event::CompactionBegun { inputs, .. } => Some(inputs.len()),
            _ => None,
        });
        assert_eq!(
            inputs,
            Some(3),
            "how many tables the first compaction took, with a trigger of 3"
        );
        assert_get(
            &store,
            &key(7),
            Some(&value(2007)),
            "after the compaction of L0",
        );
    }

    /// Every level gets within its target by itself, and what does not fit goes deeper.
    ///
    /// The thread goes on until no level needs a compaction: an L0 compaction may fill L1, and that L2.
    ///
    /// # Hints
    /// - After a compaction, look again.
    /// - `needs_compaction` has to look at every level, not at L0 only.
    #[test]
    fn every_level_gets_within_its_target() {
        let fs = mem_fs();
        let options = busy(&fs);
        let (store, watch) = open_busy(options.clone());
        for round in 0..10 {
            put_table(&store, (round..1000).step_by(10), 0);
        }
        settle(&store, &watch, &options);
        let metrics = store.metrics();
        check_levels(&metrics, "when every level is within its target");
        assert!(
            used_levels(&metrics).len() >= 2,
            "1000 keys should not fit into one level, but a level has so many tables: {:?}",
            shape(&metrics)
        );
        for i in 0..1000 {
            assert_get(
                &store,
                &key(i),
                Some(&value(i)),
                "when every level is within its target",
            );
        }
    }

    /// Every compaction of the thread is the one that `pick` asks for, with a cursor for each level that goes on behind the last one.
    ///
    /// A cursor that stays where it is, or that of another level, is not seen in any answer of the store: only in what it rewrites again and again.
    ///
    /// # Hints
    /// - The cursors live under the compaction lock. After a compaction, that of its *source* level moves to `compaction.cursor`.
    /// - They begin empty, and the list may have to grow.
    /// - Is what `pick` calls a trivial move told as one, and done as one?
    #[test]
    fn each_compaction_is_the_one_that_pick_asks_for() {
        let fs = mem_fs();
        let options = busy(&fs);
        let (store, watch) = open_busy(options.clone());
        let mut rng = Rng::new(55);
        for round in 0..30 {
            let keys: BTreeSet<usize> = (0..60).map(|_| rng.below(1500)).collect();
            put_table(&store, keys, round);
            // Nobody changes L0 while the thread is at work, so that the levels it tells are those it picked from.
            settle(&store, &watch, &options);
        }
        let mut cursors: Vec<Bytes> = vec![Bytes::new(); 8];
        let mut from_below_l0 = 0;
        let events = watch.events();
        let mut begun = events.iter().filter_map(|event| match event {
            Event::CompactionBegun {
                inputs,
                target_level,
            } => Some((inputs, target_level)),
            _ => None,
        });
        let mut installed = events.iter().filter_map(|event| match event {
            Event::CompactionInstalled { trivial_move, .. } => Some(*trivial_move),
            _ => None,
        });
        for (number, levels) in watch.levels_at_begin.lock().unwrap().iter().enumerate() {
            let (inputs, target_level) = begun
                .next()
                .expect("levels are kept at each CompactionBegun");
            let is_move = installed.next().expect("each compaction is installed");
            let expected = pick(levels, &cursors, &options)
                .unwrap_or_else(|| panic!("compaction {number} ran, but no level needed one"));
            let got = Compaction {
                inputs: inputs.clone(),
                target_level: *target_level,
                is_trivial_move: is_move,
                ..expected.clone()
            };
            let [expected_text, got_text] =
                [&expected, &got].map(|compaction| tell(levels, Some(compaction)));
            assert!(
                got_text == expected_text,
                "compaction {number} should be {expected_text}, with L{} going on behind {}, but it was {got_text}",
                expected.source_level,
                show(&cursors[expected.source_level])
            );
            from_below_l0 += usize::from(expected.source_level > 0);
            cursors[expected.source_level] = expected.cursor;
        }
        assert!(
            from_below_l0 >= 10,
            "so many keys should have made at least ten compactions of levels below L0, but there were {from_below_l0}"
        );
    }

    /// Tables of keys that only grow are moved from level to level, and never rewritten.
    ///
    /// A log, a time series, a bulk load: all of them write keys in order, and each byte once is enough.
    ///
    /// # Hints
    /// - Where `is_trivial_move` is set, the inputs themselves are the outputs, sorted by key.
    /// - Their files stay: who retires the inputs of a move loses them when the store ends.
    #[test]
    fn keys_in_order_are_moved_and_not_rewritten() {
        let (fs, log) = (mem_fs(), OpLog::default());
        let logged = Arc::new(FaultFs::logged(
            Arc::clone(&fs) as Arc<dyn FileSystem>,
            &log,
        ));
        let options = LsmOptions {
            fs: logged,
            ..busy(&fs)
        };
        let (store, watch) = open_busy(options.clone());
        log.clear();
        for round in 0..12 {
            put_table(&store, 50 * round..50 * round + 50, 0);
        }
        settle(&store, &watch, &options);
        let events = watch.events();
        let mut inputs_of_last = BTreeSet::new();
        for event in &events {
            match event {
                Event::CompactionBegun { inputs, .. } => {
                    inputs_of_last = inputs.iter().map(|&(_, id)| id).collect()
                }
                Event::CompactionInstalled {
                    outputs,
                    trivial_move,
                    ..
                } => {
                    assert!(
                        trivial_move,
                        "tables that overlap nothing should be moved, but CompactionInstalled says that they were not"
                    );
                    assert_eq!(
                        outputs.iter().copied().collect::<BTreeSet<_>>(),
                        inputs_of_last,
                        "the outputs of a move are its inputs"
                    );
                }
                _ => {}
            }
        }
        assert!(
            watch.count(|event| matches!(event, Event::CompactionInstalled { .. })) >= 6,
            "twelve tables in L0, with a trigger of 2, should have been moved"
        );
        let created = log.count(|op| op.kind == OpKind::Create && op.has_extension("sst"));
        assert_eq!(
            created, 12,
            "how many table files were written: one for each flush, none for a move"
        );
        check_levels(&store.metrics(), "after moves");
        store.close().expect("close failed");
        let tables = names_of(&store.metrics());
        assert_eq!(tables.len(), 12, "how many tables there are after moves");
        drop(store);
        assert_eq!(
            table_files(&fs),
            tables,
            "the table files after moves, when the store is gone: moved tables still belong to it"
        );
    }

    /// Deleted keys stay deleted while their tombstones sink from level to level.
    ///
    /// A tombstone and the value that it hides sink on their own, in compactions of single tables. Until they meet, the tombstone has to stay.
    ///
    /// # Hints
    /// - A compaction from L1 to L2 must keep a tombstone whose key L3 covers: the levels below the target are *all* that come after it.
    /// - The state tells what is below, when the compaction runs.
    #[test]
    fn deleted_keys_stay_deleted_while_tombstones_sink() {
        let fs = mem_fs();
        let options = busy(&fs);
        let (store, watch) = open_busy(options.clone());
        for round in 0..10 {
            put_table(&store, (round..1200).step_by(10), 0);
        }
        settle(&store, &watch, &options);
        let depth = used_levels(&store.metrics());
        assert!(
            depth.last() >= Some(&3),
            "1200 keys should reach L3, but the levels in use are {depth:?}"
        );
        for round in 0..12 {
            for i in (0..1200).filter(|i| i % 3 == 1 && i / 100 == round) {
                store.delete(&key(i)).expect("delete failed");
            }
            store.flush().expect("flush failed");
            put_table(
                &store,
                (0..1200).filter(|i| i % 3 == 2 && i % 12 == round),
                1,
            );
            settle(&store, &watch, &options);
            for i in (0..100 * (round + 1)).filter(|i| i % 3 == 1) {
                assert_get(
                    &store,
                    &key(i),
                    None,
                    &format!(
                        "after a delete and {} compactions",
                        watch.levels_at_begin.lock().unwrap().len()
                    ),
                );
            }
        }
        let mut scan = store.scan(..).expect("scan failed");
        assert_eq!(
            rest_of_scan(&mut scan).len(),
            800,
            "how many keys a scan shows after 400 of 1200 were deleted"
        );
    }

    /// Tombstones do not stay for ever: with nothing below, a compaction of L0 drops them with what they hid.
    ///
    /// Whoever keeps every tombstone, to be safe, has a store that never gets smaller.
    ///
    /// # Hints
    /// - With one level below L0, which levels lie below the target? None.
    /// - A compaction that leaves nothing still has to take its inputs away.
    #[test]
    fn tombstones_go_when_nothing_is_below() {
        let fs = mem_fs();
        let options = LsmOptions {
            level_count: 1,
            ..busy(&fs)
        };
        let (store, watch) = open_busy(options.clone());
        for round in 0..2 {
            put_table(&store, 0..200, round);
        }
        settle(&store, &watch, &options);
        assert_eq!(
            used_levels(&store.metrics()),
            [1],
            "the levels in use, of two, when 200 keys were written twice"
        );
        for half in [0..100, 100..200] {
            for i in half {
                store.delete(&key(i)).expect("delete failed");
            }
            store.flush().expect("flush failed");
        }
        settle(&store, &watch, &options);
        assert_eq!(
            used_levels(&store.metrics()),
            [0; 0],
            "the levels in use when all keys are deleted, and the tombstones compacted"
        );
        store.close().expect("close failed");
        assert_eq!(
            table_files(&fs),
            BTreeSet::new(),
            "the table files when all keys are deleted, and the tombstones compacted"
        );
    }

    /// Random writes, with both threads at work, agree with a map.
    ///
    /// Flushes come while compactions run, several levels are in use, and nothing waits for anything. At the end the files are exactly the tables.
    ///
    /// # Hints
    /// - Which tests above fail, too? They are easier to read.
    /// - A flush and a compaction both make a new state. Does each begin from the *current* one?
    #[test]
    fn random_writes_with_both_threads_agree_with_a_map() {
        for seed in 0..3 {
            let mut rng = Rng::new(seed);
            let fs = mem_fs();
            let options = LsmOptions {
                background_flush: true,
                memtable_size: 8 << 10,
                ..busy(&fs)
            };
            let (store, watch) = open_busy(options.clone());
            let mut model = Model::default();
            for step in 0..6 {
                for _ in 0..300 {
                    model.random_write(&store, &mut rng, 300);
                }
                let when = format!("after step {step}");
                if rng.chance(30) {
                    store.compact().expect("compact() failed");
                }
                model.check_all(&store, 300, &when);
                check_levels(&store.metrics(), &when);
            }
            store.flush().expect("flush failed");
            settle(&store, &watch, &options);
            model.check_all(&store, 300, "when all is quiet");
            check_levels(&store.metrics(), "when all is quiet");
            store.close().expect("close failed");
            assert_eq!(
                table_files(&fs),
                names_of(&store.metrics()),
                "the table files when the store is closed"
            );
        }
    }

    /// Readers never see a key vanish or go back to an older version while tables move below them.
    ///
    /// A reader that comes between the removal of the inputs and the arrival of the outputs would find neither. There must be no between.
    ///
    /// # Hints
    /// - One state, swapped in one step, in which inputs are gone and outputs are there.
    /// - A reader uses one state from beginning to end.
    #[test]
    fn no_key_vanishes_for_readers_while_tables_move() {
        let fs = mem_fs();
        let (store, watch) = open_busy(busy(&fs));
        let version = |round: usize| format!("{round:06}").into_bytes();
        let put_round = |round: usize| {
            for i in (0..200).filter(|i| round == 0 || i % 4 == round % 4) {
                store.put(&key(i), &version(round)).expect("put failed");
            }
            store.flush().expect("flush failed");
        };
        put_round(0);
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut seen = vec![Vec::new(); 200];
                while !is_done.load(Ordering::SeqCst) {
                    for (i, seen) in seen.iter_mut().enumerate() {
                        let got = store.get(&key(i)).expect("get failed");
                        let got = got.unwrap_or_else(|| {
                            panic!("get({}) found nothing while tables moved", show(&key(i)))
                        });
                        assert!(
                            *seen <= got.to_vec(),
                            "get({}) gave round {} after round {}",
                            show(&key(i)),
                            show(&got),
                            show(seen)
                        );
                        *seen = got.to_vec();
                    }
                    let mut scan = store.scan(..).expect("scan failed");
                    assert_eq!(
                        rest_of_scan(&mut scan).len(),
                        200,
                        "how many keys a scan shows while tables move"
                    );
                }
            });
            // Also when a put panics: otherwise the reader would read for ever.
            let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                (1..60).for_each(put_round)
            }));
            is_done.store(true, Ordering::SeqCst);
            reader
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
        assert!(
            watch.count(|event| matches!(event, Event::CompactionInstalled { .. })) > 0,
            "no compaction ran"
        );
    }

    /// Writers stop when L0 has as many tables as `l0_stop_trigger` says, and go on when it has fewer.
    ///
    /// Without it a fast writer piles up tables, and every read has to look at all of them. Better the writer waits.
    ///
    /// # Hints
    /// - Tell `Event::WriteStalled`, then wait on `progress` until L0 has fewer tables, or the store's health is over.
    /// - Between `l0_slowdown_trigger` and `l0_stop_trigger` a write is slowed down, but not stopped.
    /// - Readers do not wait.
    #[test]
    fn writers_stop_while_l0_is_full() {
        let fs = mem_fs();
        let (store, watch) = open_busy(busy(&fs));
        let mut gate = fill_l0(&store, &watch);
        check_filled(&store, "while L0 is full");
        let store = &store;
        std::thread::scope(move |scope| {
            let returned = gate.on_return();
            let writer = scope.spawn(move || {
                let _returned = returned;
                store.put(&key(50), b"new").expect("put failed");
                store.metrics().levels[0].len()
            });
            gate.expect(
                Moment::Stalled,
                "with 4 tables in L0 and l0_stop_trigger 4, a put waits",
            );
            // Time enough for a put that does not wait.
            for i in 0..300 {
                store.get(&key(i)).expect("get failed while L0 is full");
                std::thread::yield_now();
            }
            assert!(
                gate.moments.try_recv().is_err(),
                "a put returned though L0 was full, and its compaction held"
            );
            gate.release();
            let l0 = writer.join().expect("the writer panicked");
            assert!(
                l0 < 4,
                "a put returned while L0 had {l0} tables, with l0_stop_trigger 4"
            );
        });
        assert_get(
            store,
            &key(50),
            Some(b"new"),
            "after a put that had to wait",
        );
        store.delete(&key(50)).expect("delete failed");
        check_filled(store, "after writers waited");
    }

    /// Where no thread compacts, no writer waits for one.
    ///
    /// With `background_compaction: false` the tables pile up until someone calls `compact()`. A writer that waited for that would wait for ever.
    ///
    /// # Hints
    /// - The slowdown and the stop both depend on `background_compaction`.
    #[test]
    fn writers_do_not_wait_where_no_thread_compacts() {
        /// Ends the wait of a writer that should not wait.
        #[derive(Debug)]
        struct NoStall;
        impl EventListener for NoStall {
            fn on_event(&self, event: &Event) {
                assert!(
                    !matches!(event, Event::WriteStalled),
                    "a write waits for a compaction that no thread will run"
                );
            }
        }
        let fs = mem_fs();
        let store = open(LsmOptions {
            background_compaction: false,
            listener: Arc::new(NoStall),
            ..busy(&fs)
        });
        for round in 0..8 {
            put_table(&store, 0..3, round);
        }
        assert_eq!(
            store.metrics().levels[0].len(),
            8,
            "how many tables are in L0 without a compaction thread"
        );
        // The same options, with the thread.
        open_busy(busy(&mem_fs()));
    }

    /// A compaction that fails in the background stops the writers, with an error, and not the readers.
    ///
    /// The error is kept: every later write gets it, and `metrics()` shows it. Also whoever waits for L0 gets it, and does not wait for a thread that is no more.
    ///
    /// # Hints
    /// - The thread's function returns the error; what starts the thread keeps it in the health.
    /// - A waiting writer waits until there is room, *or the health is over*; then it asks `health.check()`.
    #[test]
    fn a_failed_compaction_stops_writers_and_not_readers() {
        let (fs, is_full) = (mem_fs(), Arc::new(AtomicBool::new(false)));
        let (inner, full) = (Arc::clone(&fs) as Arc<dyn FileSystem>, Arc::clone(&is_full));
        let hook = move |op: &Operation| match op.kind == OpKind::Create
            && op.has_extension("sst")
            && full.load(Ordering::SeqCst)
        {
            true => Verdict::Fail(std::io::ErrorKind::StorageFull),
            false => Verdict::Proceed,
        };
        let options = LsmOptions {
            fs: Arc::new(FaultFs::new(inner, hook)),
            ..busy(&fs)
        };
        let (store, watch) = open_busy(options);
        let mut gate = fill_l0(&store, &watch);
        let (store, full) = (&store, &is_full);
        let waiting = std::thread::scope(move |scope| {
            let returned = gate.on_return();
            let writer = scope.spawn(move || {
                let _returned = returned;
                store.put(&key(50), b"new")
            });
            gate.expect(
                Moment::Stalled,
                "with 4 tables in L0 and l0_stop_trigger 4, a put waits",
            );
            full.store(true, Ordering::SeqCst);
            gate.release();
            writer.join().expect("the writer panicked")
        });
        assert!(
            matches!(waiting, Err(Error::Background(_))),
            "the put that waited for a compaction that failed should be Error::Background, but gave {waiting:?}"
        );
        let Some(Error::Io { .. }) = store.metrics().background_error else {
            panic!(
                "metrics() should show the Error::Io of the compaction, but show {:?}",
                store.metrics().background_error
            );
        };
        is_full.store(false, Ordering::SeqCst);
        let writes = [
            ("put", store.put(&key(50), b"new")),
            ("flush", store.flush()),
            ("compact", store.compact()),
        ];
        for (call, outcome) in writes {
            assert!(
                matches!(outcome, Err(Error::Background(_))),
                "{call} after a background failure should be Error::Background, but gave {outcome:?}"
            );
        }
        assert_eq!(
            store.metrics().levels[0].len(),
            4,
            "how many tables L0 has after a compaction that failed: all that it had"
        );
        check_filled(store, "after a compaction that failed");
        store.close().expect("close() after a background failure");
        assert_eq!(
            table_files(&fs),
            names_of(&store.metrics()),
            "the table files after a compaction that failed"
        );
    }

    /// `close` ends a compaction that runs, and the wait of writers; nothing is lost.
    ///
    /// What the compaction had read is still in its inputs, and those still belong to the store. A scan that is open goes on.
    ///
    /// # Hints
    /// - `should_stop` is the health's `is_over`.
    /// - A thread that ends because the store is closed has not failed: no background error.
    #[test]
    fn close_ends_a_running_compaction_and_waiting_writers() {
        let fs = mem_fs();
        let (store, watch) = open_busy(busy(&fs));
        let mut gate = fill_l0(&store, &watch);
        let mut scan = store.scan(..).expect("scan failed");
        let tables = table_files(&fs);
        let store = &store;
        let waiting = std::thread::scope(move |scope| {
            let returned = gate.on_return();
            let writer = scope.spawn(move || {
                let _returned = returned;
                store.put(&key(50), b"new")
            });
            gate.expect(
                Moment::Stalled,
                "with 4 tables in L0 and l0_stop_trigger 4, a put waits",
            );
            let closing = scope.spawn(|| store.close());
            wait_until_closed(store);
            gate.release();
            closing
                .join()
                .expect("close() panicked")
                .expect("close() failed");
            writer.join().expect("the writer panicked")
        });
        assert!(
            matches!(waiting, Err(Error::Closed)),
            "the put that waited while the store was closed should be Error::Closed, but gave {waiting:?}"
        );
        assert!(
            store.metrics().background_error.is_none(),
            "a closed store has no background error, but shows {:?}",
            store.metrics().background_error
        );
        assert_eq!(
            names_of(&store.metrics()),
            tables,
            "the tables after a compaction that close() ended: its inputs"
        );
        assert_eq!(
            rest_of_scan(&mut scan).len(),
            50,
            "how many keys a scan shows that was open before close()"
        );
        drop(scan);
        assert_eq!(
            table_files(&fs),
            tables,
            "the table files after a compaction that close() ended"
        );
    }

    /// `compact()` and the thread take turns: one compaction at a time.
    ///
    /// Two at once could take the same inputs, and then both would put their output in their place: every key twice on one level.
    ///
    /// # Hints
    /// - The compaction lock is held from the pick to the end, not only while picking.
    /// - `compact()` picks again when it has the lock: what it saw before may be gone.
    #[test]
    fn compact_and_the_thread_take_turns() {
        let fs = mem_fs();
        let (store, watch) = open_busy(busy(&fs));
        let mut gate = watch.hold();
        put_table(&store, 0..20, 0);
        put_table(&store, 10..50, 1);
        gate.expect(Moment::Begun, "two tables in L0 call for a compaction");
        store.put(&key(30), b"newest").expect("put failed");
        let store = &store;
        std::thread::scope(move |scope| {
            let compacting = scope.spawn(|| store.compact());
            wait_until(store, "compact() has flushed", |metrics| {
                metrics.levels[0].len() == 3
            });
            // Time enough for a compact() that does not wait.
            for _ in 0..2000 {
                std::thread::yield_now();
            }
            gate.release();
            let compacted = compacting.join().expect("compact() panicked");
            compacted.expect("compact() failed");
        });
        let levels = used_levels(&store.metrics());
        assert!(
            levels.len() == 1 && levels[0] > 0,
            "after compact() one level below L0 should hold tables, but these do: {levels:?}"
        );
        let mut running = 0;
        for event in watch.events() {
            match event {
                Event::CompactionBegun { .. } => running += 1,
                Event::CompactionInstalled { .. } => running -= 1,
                _ => {}
            }
            assert!(running <= 1, "a compaction began while another one ran");
        }
        let when = "after a compaction by the thread and one by compact()";
        assert_get(store, &key(9), Some(&value(9)), when);
        assert_get(store, &key(10), Some(&value(1010)), when);
        assert_get(store, &key(30), Some(b"newest"), when);
        check_levels(&store.metrics(), when);
        let tables = store.metrics().levels.concat();
        let count: u64 = tables.iter().map(|table| table.entry_count).sum();
        assert_eq!(count, 50, "how many entries the tables have {when}");
    }
}
