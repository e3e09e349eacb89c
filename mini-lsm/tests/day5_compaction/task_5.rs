//! Day 5 · Task 5 · the compaction thread, and writers that wait for it.

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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
        let written =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (1..60).for_each(put_round)));
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
///
/// # Concurrent
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
///
/// # Concurrent
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
    let closed = store.close();
    assert!(
        matches!(closed, Err(Error::Background(_))),
        "close() after a background failure should be Error::Background, but gave {closed:?}"
    );
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
///
/// # Concurrent
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
///
/// # Concurrent
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

/// The thread waits, too, as long as `compact()` runs.
///
/// Locks work only if everybody holds them until the work is done.
///
/// # Hints
/// - Until when does `compact()` hold the compaction lock? Its inputs must be there at the end, as they were at the pick.
#[test]
fn the_thread_waits_for_compact() {
    let fs = mem_fs();
    let (store, watch) = open_busy(busy(&fs));
    put_table(&store, 0..20, 0);
    compact_held(&store, &watch, || {
        put_table(&store, 10..30, 1);
        put_table(&store, 20..40, 2);
        // Time enough for a thread that does not wait.
        for _ in 0..2000 {
            std::thread::yield_now();
        }
        let begun = watch.count(|event| matches!(event, Event::CompactionBegun { .. }));
        assert_eq!(
            begun, 1,
            "how many compactions have begun while that of compact() is held"
        );
    })
    .expect("compact() failed");
    settle(&store, &watch, &busy(&fs));
    let when = "after a compaction by compact() and one by the thread";
    for (i, round) in [(5, 0), (15, 1), (25, 2), (35, 2)] {
        assert_get(&store, &key(i), Some(&value(1000 * round + i)), when);
    }
    check_levels(&store.metrics(), when);
}
