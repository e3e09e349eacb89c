//! Day 4 · Task 3 · reads over tables.

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
            max_frozen_memtables: 400,
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
///
/// # Concurrent
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
///
/// # Concurrent
#[test]
fn no_key_vanishes_while_the_store_is_flushed() {
    const ROUNDS: usize = 200;
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
///
/// # Concurrent
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

/// A scan fills the block cache: the second scan of the same range reads no file.
///
/// What one user looks at, the next one often looks at too: the newest orders, the first page of a list.
///
/// # Hints
/// - A cursor over a table is told whether its blocks go into the cache. What is right for a scan of a user, and what for a
///   compaction, which reads each block once?
#[test]
fn a_second_scan_reads_no_file() {
    let (fs, log) = (mem_fs(), OpLog::default());
    let store = open(LsmOptions {
        block_size: 1,
        ..LsmOptions::for_test(logged(&fs, &log))
    });
    write(&store, "a=1 b=2 c=3");
    flush(&store);
    assert_scan(&store, "a=1 b=2 c=3", "the first time");
    log.clear();
    assert_scan(&store, "a=1 b=2 c=3", "the second time");
    let reads = log.count(is_table_read);
    assert!(
        reads == 0,
        "a second scan of the same three blocks read table files {reads} times, expected 0"
    );
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
