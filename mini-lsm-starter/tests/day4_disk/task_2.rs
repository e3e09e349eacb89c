//! Day 4 · Task 2 · flush.

use mini_lsm_starter::fs::CrashPlan;

use super::*;

/// Every write gets a memtable of its own: the one before is frozen first.
fn one_write_a_memtable(options: LsmOptions) -> LsmOptions {
    LsmOptions {
        memtable_size: 1,
        // More than any test here freezes: who waits for what is the claim of another task.
        max_frozen_memtables: 64,
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

/// When the listener hears that a flush is installed, readers have the table already, and the memtable is gone.
///
/// Whoever is told may look at once. What a metric or a test finds then must be what it was told.
///
/// # Hints
/// - Replace the state first, then tell.
#[test]
fn a_flush_is_told_when_its_table_is_in_place() {
    let (fs, gate) = (mem_fs(), Gate::new());
    let watcher = Watcher::new({
        let gate = Arc::clone(&gate);
        move |event| {
            if matches!(event, Event::FlushInstalled { .. }) {
                gate.pass();
            }
        }
    });
    let store = open(LsmOptions {
        listener: watcher,
        ..options(&fs)
    });
    let _open = gate.open_at_the_end();
    write(&store, "a=1");
    let flushing = begin_flush("flush()", &store).comes_to(&gate, 1);
    let metrics = store.metrics();
    let (frozen, tables) = (metrics.frozen.len(), metrics.levels[0].len());
    assert!(
        (frozen, tables) == (0, 1),
        "FlushInstalled was told with {frozen} frozen memtables and {tables} tables in L0, expected 0 and 1"
    );
    gate.open();
    flushing.answer().expect("flush() failed");
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
/// - It goes in the same step in which the table comes: `install`. Between two steps a reader would find neither.
///
/// # Concurrent
#[test]
fn the_memtable_stays_readable_while_its_table_is_written() {
    let (fs, gate) = (mem_fs(), Gate::new());
    let hook = {
        let gate = Arc::clone(&gate);
        move |op: &Operation| {
            // Reads go on: the test reads, too.
            if op.kind != OpKind::Read {
                gate.pass();
            }
            Verdict::Proceed
        }
    };
    gate.open();
    let store = open(LsmOptions::for_test(hooked(&fs, hook)));
    let _open = gate.open_at_the_end();
    write(&store, "a=1 b=2");
    gate.shut();
    let before = gate.arrived();
    let mut held = before;
    let flushing = begin_flush("flush()", &store);
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
            &format!("before operation {} of a flush", held - before),
        );
        gate.let_one_through();
    }
    flushing.answer().expect("flush() failed");
    assert!(held > before, "the flush wrote no table");
}

/// What is written while a flush runs stays: the flush puts its table into the state as it is *then*.
///
/// Between the beginning of a flush and its end the memtable may have been frozen and replaced. A state made of an old copy would throw the new ones away, with acknowledged writes in them.
///
/// # Hints
/// - Which state is the successor made from: the one you read when you began, or the one that is current?
/// - `replace_state` gives your closure the current one. Copy nothing from an older one.
/// - The flush needs no lock that a writer needs, except for the moment of freezing.
///
/// # Concurrent
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
///
/// # Concurrent
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
            "after four flushes at once, of three memtables",
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
