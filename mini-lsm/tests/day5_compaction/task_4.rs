//! Day 5 · Task 4 · compactions of a store.

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

/// A compaction hides no key, not for the time of one operation on a file.
///
/// Inputs that go in one step and outputs that come in the next leave a moment at which readers find neither.
///
/// # Hints
/// - How many states does a reader pass through? One swap takes the inputs out and puts the outputs in.
/// - What is written to disk is written before that swap, or after it.
#[test]
fn a_compaction_hides_no_key_while_it_works() {
    let fs = mem_fs();
    let looked_from = Arc::new(OnceLock::<Weak<LsmStorage>>::new());
    let missed = Arc::new(Mutex::new(Vec::new()));
    let hook = {
        let (looked_from, missed) = (Arc::clone(&looked_from), Arc::clone(&missed));
        move |op: &Operation| {
            let store = looked_from.get().and_then(Weak::upgrade);
            // Reads go on: the look is one, too.
            if let Some(store) = store.filter(|_| op.kind != OpKind::Read) {
                let found = [5, 15, 25].map(|i| store.get(&key(i)).is_ok_and(|v| v.is_some()));
                let operation = format!("{:?} {}", op.kind, op.path.display());
                missed.lock().unwrap().push((operation, found));
            }
            Verdict::Proceed
        }
    };
    let inner = Arc::clone(&fs) as Arc<dyn FileSystem>;
    let store = Arc::new(open(LsmOptions::for_test(Arc::new(FaultFs::new(
        inner, hook,
    )))));
    put_table(&store, 0..20, 0);
    put_table(&store, 10..30, 1);
    looked_from.set(Arc::downgrade(&store)).expect("set once");
    store.compact().expect("compact() failed");
    let looks = missed.lock().unwrap().clone();
    assert!(!looks.is_empty(), "compact() wrote nothing");
    let wrong = looks.iter().find(|(_, found)| *found != [true; 3]);
    assert!(
        wrong.is_none(),
        "while compact() runs, just before {wrong:?}, not all of three keys are found"
    );
}

/// A table that comes to L0 while a compaction runs is kept.
///
/// The compaction was picked when the table was not there. If its result is installed over the whole of L0, a flushed table, whose memtable is gone, is lost.
///
/// # Hints
/// - Take out of each level the tables that were inputs, by their ids; leave the rest.
/// - Make the new state out of the state as it is when you install, not as it was when you picked.
/// - The new table is newer than what was merged: it belongs above it.
///
/// # Concurrent
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

/// Of a level, a `get` opens one table at most, and a scan that begins in it reads one block; a second scan reads none.
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
    let read_all = || {
        log.clear();
        let mut scan = store.scan(..).expect("scan failed");
        assert_eq!(
            rest_of_scan(&mut scan).len(),
            200,
            "how many entries scan(..) shows"
        );
        log.count(is_table_read)
    };
    let (_, second) = (read_all(), read_all());
    assert_eq!(
        second, 0,
        "how many blocks of a level a second scan read: the first one was to leave them in the cache"
    );
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
///
/// # Concurrent
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
