//! Day 4 · Task 4 · the background, and its end.

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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
        let callers = [(); 3].map(|()| begin_flush("flush(), beside the flush thread,", &store));
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
///
/// # Concurrent
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
    let store = open(options(&mem_fs()));
    store.close().expect("close() failed");
    let flushed = store.flush();
    assert!(
        matches!(flushed, Err(Error::Closed)),
        "after close(), flush() of a store with nothing in memory gave {flushed:?}, expected Error::Closed"
    );
}

/// A second `close` does nothing, and is no error.
///
/// A program closes in its error path, and again at its end.
///
/// # Hints
/// - `Health::stop` tells whether it was called before.
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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

/// When the flush thread fails, every later write is refused with `Background`, `metrics` shows why, and reads go on. `close` closes, and tells of it once more.
///
/// An error in the background has no caller that could get it. If it is swallowed, the store takes writes until the memory is full, and none of them reaches the disk.
///
/// # Hints
/// - Return errors from the thread's function: the given `Workers` keeps them.
/// - Who writes asks `Health::check`; who reads asks only whether the store is closed.
/// - `close` does all that it has to do, and only then asks `Health::check_failure`.
///
/// # Concurrent
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
///
/// # Concurrent
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
    let error = store.metrics().background_error;
    let closed = store.close();
    assert!(
        matches!(closed, Err(Error::Background(_))),
        "{when}, close() gave {closed:?}, expected Error::Background: whoever closes a store wants to know"
    );
    let again = store.close();
    assert!(again.is_ok(), "{when}, a second close() gave {again:?}");
    error
}

/// Writers that wait for room are told when the flush thread fails.
///
/// The thread that would have made room is dead, and the wait would never end.
///
/// # Hints
/// - The same two ends of the wait as with `close`: room, or `Health::is_over`.
///
/// # Concurrent
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
