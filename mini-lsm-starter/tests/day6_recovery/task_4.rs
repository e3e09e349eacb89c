//! Day 6 · Task 4 · a store that logs.

use std::ffi::OsStr;
use std::path::Component;

use super::*;

/// A store in `mem`, whose operations go through `hook` once it is open, and a look at it from
/// there.
fn open_watched(
    mem: &Arc<MemFs>,
    make_options: fn(Arc<dyn FileSystem>) -> LsmOptions,
    hook: impl Fn(&LsmStorage, &Operation) -> Verdict + Send + Sync + 'static,
) -> Arc<LsmStorage> {
    let peek = Arc::new(Peek::default());
    let peek_in_hook = Arc::clone(&peek);
    let fs = hooked(mem, move |op| match peek_in_hook.store() {
        Some(store) => hook(&store, op),
        None => Verdict::Proceed,
    });
    let store = Arc::new(open(make_options(fs)));
    peek.at(&store);
    store
}

/// What was changed on disk, an operation and its path each.
fn changes(ops: &OpLog) -> Vec<String> {
    let ops = ops.operations();
    let changes = ops.iter().filter(|op| op.kind.is_change());
    changes
        .map(|op| format!("{:?} {}", op.kind, op.path.display()))
        .collect()
}

fn current_log(store: &LsmStorage) -> u64 {
    store.metrics().memtable.id
}

/// The ids of all logs that have a file.
fn log_ids(mem: &MemFs) -> Vec<u64> {
    let names = mem.file_names(DIR).into_iter();
    let ids = names.filter_map(|name| name.strip_suffix(".wal")?.parse().ok());
    ids.collect()
}

/// All logs of the store must be one history: what they hold, one after the other.
fn history(mem: &MemFs) -> String {
    let logs = log_ids(mem).into_iter();
    let parts: Vec<String> = logs
        .map(|id| show_batches(&read_wal(mem, id).batches))
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" | ")
}

/// What a write would be refused for; the write itself must not be seen.
#[track_caller]
fn assert_ended(store: &LsmStorage, when: &str) {
    assert_background(store.put(b"late", b"1"), &format!("put {when}"));
    assert_background(store.delete(b"a"), &format!("delete {when}"));
    assert_background(store.write(batch("late=1 a")), &format!("write {when}"));
    assert_background(store.sync(), &format!("sync {when}"));
    assert_background(store.flush(), &format!("flush {when}"));
    assert_background(store.compact(), &format!("compact {when}"));
    assert!(
        store.metrics().background_error.is_some(),
        "metrics() shows no background error {when}"
    );
    assert_get(store, b"late", None, when);
}

/// Every write is in the log of its memtable when it returns: a batch as one record, each
/// operation with its own sequence number.
///
/// The memtable dies with the process. The log is what is left of it.
///
/// # Hints
/// - Log the batch before you insert it, under the commit lock, so that log and memtable have
///   one order.
/// - The log's id is the memtable's id.
/// - An empty batch changes nothing, and needs no record.
#[test]
fn a_write_is_in_the_log_when_it_returns() {
    let mem = mem_fs();
    let store = open(options(&mem));
    let id = current_log(&store);
    put(&store, "a", "1");
    assert_logged(&mem, id, "1: a=1", "after put(a, 1)");
    store.delete(b"b").expect("delete");
    store.write(batch("b=2 c= a")).expect("write");
    store.write(WriteBatch::new()).expect("an empty batch");
    put(&store, "d", "4");
    let all = "1: a=1 | 2: b | 3: b=2 c= a | 6: d=4";
    assert_logged(&mem, id, all, "after five writes, of which one was empty");
    assert!(store.put(b"", b"1").is_err(), "an empty key was taken");
    assert_logged(
        &kill(&mem),
        id,
        all,
        "after a write that was refused, and a kill",
    );
    let version = Manifest::load(&*power_cut(&mem), dir()).expect("the manifest loads");
    let logs: Vec<u64> = version.logs.into_iter().collect();
    assert_eq!(logs, [id], "the logs that the manifest names");
}

/// A write is in the log before anybody can see it.
///
/// Whoever has read a value may have acted on it. If the process dies now and the log does not
/// have it, the value never was.
///
/// # Hints
/// - Log, insert, publish: in this order.
#[test]
fn nobody_sees_a_write_before_it_is_logged() {
    let (mem, seen) = (mem_fs(), Arc::new(Mutex::new(Vec::new())));
    let seen_in_hook = Arc::clone(&seen);
    let store = open_watched(&mem, LsmOptions::for_test, move |store, op| {
        if is_wal(op, OpKind::Append) {
            let values = (store.get(b"a"), store.get(b"b"));
            let values = (values.0.expect("get(a)"), values.1.expect("get(b)"));
            seen_in_hook.lock().expect("no hook panics").push(values);
        }
        Verdict::Proceed
    });
    store.write(batch("a=1 b=2")).expect("write");
    store.write(batch("a=3 b=4")).expect("write");
    let text = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    assert_eq!(
        *seen.lock().expect("no hook panics"),
        [(None, None), (text("1"), text("2"))],
        "the values of a and b, just before the two batches reached the log"
    );
    assert_get(&store, b"a", Some(b"3"), "after the second batch");
}

/// A new store makes an empty manifest durable before anything else, then a log that the
/// manifest names; it is locked all the while.
///
/// A log whose manifest is lost in a power cut is a store that does not open: "data files, but
/// no manifest" is damage, and must stay damage.
///
/// # Hints
/// - First the manifest: file, name, and the directory's own name in its parent.
/// - It says which ids are free: from 1 on, since 0 is its own as a log.
/// - Then the log; then the edit that names it.
#[test]
fn a_new_store_begins_with_its_manifest() {
    let (mem, images) = (mem_fs(), Arc::new(Mutex::new(Vec::new())));
    let (source, seen) = (Arc::clone(&mem), Arc::clone(&images));
    let fs = hooked(&mem, move |op| {
        for plan in [CrashPlan::Lose, CrashPlan::Keep, CrashPlan::Zero] {
            let what = format!(
                "a crash before {:?} {} ({plan:?})",
                op.kind,
                op.path.display()
            );
            let image = source.crash_clone(&plan);
            seen.lock().expect("no hook panics").push((what, image));
        }
        Verdict::Proceed
    });
    let store = open(LsmOptions::for_test(fs));
    let id = current_log(&store);
    for (what, image) in images.lock().expect("no hook panics").iter() {
        let names = image.file_names(DIR);
        let has_data = names
            .iter()
            .any(|name| name.ends_with(".wal") || name.ends_with(".sst"));
        if names.iter().any(|name| name == MANIFEST) {
            let version = Manifest::load(image, dir());
            let version =
                version.unwrap_or_else(|e| panic!("{what}: the manifest is damaged: {e}"));
            assert!(
                version.next_id > MANIFEST_LOG_ID,
                "{what}: the manifest calls id {MANIFEST_LOG_ID} free, which is its own; memtables begin at 1"
            );
            for log in version.logs {
                let is_there = names.contains(&format!("{log:06}.wal"));
                assert!(
                    is_there,
                    "{what}: the manifest names log {log}, which is not there"
                );
            }
        } else {
            assert!(
                !has_data,
                "{what} leaves data without a manifest: {names:?}"
            );
        }
    }
    let after = power_cut(&mem);
    let version = Manifest::load(&*after, dir()).expect("the manifest loads");
    assert!(
        version.logs.contains(&id),
        "the manifest does not name log {id}"
    );
    assert!(
        version.next_id > id,
        "the manifest calls id {} free",
        version.next_id
    );
    assert_logged(&after, id, "", "in a new store, after a power cut");
    let begun = images.lock().expect("no hook panics").len();
    assert!(begun > 0, "open did nothing to the file system");
    for (what, image) in images.lock().expect("no hook panics").drain(..) {
        if !image.file_names(DIR).iter().any(|name| name == MANIFEST) {
            let store = LsmStorage::open(DIR, options(&Arc::new(image)));
            let store =
                store.unwrap_or_else(|e| panic!("{what}, of a store that was not there yet: {e}"));
            put(&store, "a", "1");
        }
    }
}

/// The name of the store's directory is made durable, also if the directory was there already.
///
/// Whoever made it may have been killed before its name was on disk. A store in a directory that a power cut takes away is gone as a whole, with everything that was synced in it.
///
/// # Hints
/// - In which directory does the name of a directory stand?
/// - Sync the parent before there is a manifest: after that nobody would.
/// - `Path::parent` of `fruit` is the empty path, which nobody can open; `fruit/..` is a path, too.
#[test]
fn the_directory_of_a_new_store_survives_a_power_cut() {
    for dir in [DIR, "fruit", "baskets/fruit"] {
        let (mem, ops) = (mem_fs(), OpLog::default());
        mem.create_dir_all(Path::new(dir))
            .expect("an empty directory");
        let fs = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
        let options = LsmOptions::for_test(Arc::new(fs));
        let _store = LsmStorage::open(dir, options).expect("a store in an empty directory");
        let parent = names(Path::new(dir).parent().expect("not the root"));
        let syncs = ops.count(|op| op.kind == OpKind::SyncDir && names(&op.path) == parent);
        assert!(
            syncs > 0,
            "a store was made in {dir}, which was there and empty, and the directory in which its name stands was never synced"
        );
    }
}

/// The names that a path leads through, whatever its spelling.
fn names(path: &Path) -> Vec<&OsStr> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::ParentDir => drop(names.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    names
}

/// A directory has one owner: a second `open` is `AlreadyOpen`, and disturbs nothing.
///
/// Two engines on one directory take the same ids for different files, and each removes what
/// the other needs.
///
/// # Hints
/// - The file system has `lock`; the file is `LOCK`. Hold what it returns as long as the store
///   is open.
/// - Take it before you write anything.
#[test]
fn a_directory_has_one_owner() {
    let mem = mem_fs();
    let store = open(options(&mem));
    put(&store, "a", "1");
    let before = files(&mem);
    for _ in 0..2 {
        match LsmStorage::open(DIR, options(&mem)) {
            Err(Error::AlreadyOpen(owned)) => assert_eq!(owned, dir(), "the directory"),
            Err(error) => panic!("a second open should be AlreadyOpen, not {error:?}"),
            Ok(_) => panic!("two stores are open in one directory"),
        }
    }
    assert!(
        files(&mem) == before,
        "the second open has changed files of the first"
    );
    put(&store, "b", "2");
    assert_logged(
        &mem,
        current_log(&store),
        "1: a=1 | 2: b=2",
        "after a second open",
    );
    let other = LsmStorage::open("/other", options(&mem));
    assert!(other.is_ok(), "another directory has another owner");
}

/// A directory that is no store is refused and left alone; one with data but no manifest is
/// `Corruption`, and is left alone too.
///
/// "No manifest, so it is a new store" would remove the tables of a store whose manifest was
/// lost, and the photographs of whoever mistyped a path.
///
/// # Hints
/// - Look before you lock: even `LOCK` does not belong into a directory that is not ours, nor
///   beside a `MANIFEST` that turns out to be none.
/// - A crash in the first moments leaves `LOCK` and `MANIFEST.tmp` at most: that is a new
///   store.
#[test]
fn what_is_no_store_is_left_alone() {
    let cases: [(&[&str], bool); 7] = [
        (&["notes.txt"], false),
        (&["1.sst"], false),
        (&["000003.sst"], true),
        (&["000003.wal", "LOCK"], true),
        (&["000003.sst", "000004.wal", "MANIFEST.tmp"], true),
        (&["MANIFEST"], true),
        (&["MANIFEST", "notes.txt"], true),
    ];
    for (names, is_store) in cases {
        let mem = mem_with_dir();
        names
            .iter()
            .for_each(|name| mem.write_raw(path(name), b"bytes"));
        let before = files(&mem);
        match LsmStorage::open(DIR, options(&mem)) {
            Ok(_) => panic!("a directory with {names:?} was opened"),
            Err(Error::Corruption { .. }) if is_store => {}
            Err(Error::InvalidArgument(_)) if !is_store => {}
            Err(error) => panic!("a directory with {names:?} is refused by {error:?}"),
        }
        assert!(
            files(&mem) == before,
            "the files of a directory with {names:?} have changed"
        );
    }
    let mem = mem_with_dir();
    mem.write_raw(path(LOCK), b"");
    mem.write_raw(path(MANIFEST_TMP), b"half a manif");
    let store = reopen(&mem, "with LOCK and MANIFEST.tmp from its first moments");
    put(&store, "a", "1");
    assert_logged(&mem, current_log(&store), "1: a=1", "in the new store");
}

/// When `sync` has returned, a power cut loses none of the writes before it, in whichever of
/// the logs they are; and damage to them is not taken for the end of a log.
///
/// Memtables that are frozen are not in tables yet: their logs are as alive as the newest.
///
/// # Hints
/// - Sync every live log, oldest first: a newer one must not be on disk while part of an older
///   one is not.
/// - Then mark each of them.
#[test]
fn sync_covers_every_log() {
    let (mem, ops) = (mem_fs(), OpLog::default());
    let fs = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
    let store = open(small_memtables(Arc::new(fs)));
    let mut expected = Vec::new();
    for i in 0..12 {
        let value = "x".repeat(30);
        put(&store, &format!("k{i}"), &value);
        expected.push(format!("{}: k{i}={value}", i + 1));
    }
    let syncs = ops.count(|op| is_wal(op, OpKind::Sync));
    assert_eq!(
        syncs, 0,
        "syncs of logs, with the default durability and no call of sync()"
    );
    let logs = log_ids(&mem);
    assert!(
        logs.len() >= 3,
        "twelve writes should have filled two memtables"
    );
    store.sync().expect("sync");
    assert_eq!(
        history(&power_cut(&mem)),
        expected.join(" | "),
        "after sync and a power cut"
    );
    let is_sync = |op: &Operation| is_wal(op, OpKind::Sync);
    let synced: Vec<_> = ops
        .operations()
        .into_iter()
        .filter(is_sync)
        .map(|op| op.path)
        .collect();
    let oldest_first: Vec<_> = logs.iter().map(|&id| log_path(dir(), id)).collect();
    assert_eq!(synced, oldest_first, "the logs that were synced, in order");
    for &id in &logs {
        let bytes = mem.read(log_path(dir(), id));
        let last_byte = bytes.len() - RECORD_HEADER_LEN - 1;
        let damaged = mem_with_dir();
        damaged.write_raw(log_path(dir(), id), &flipped(&bytes, last_byte, 0));
        let what = format!("log {id}, of which the last synced batch is damaged,");
        assert_corruption(Wal::read(&*damaged, dir(), id), &what);
    }
}

/// When `close` has returned, a power cut loses nothing, and the logs are marked.
///
/// Whoever closes a store switches the machine off next.
///
/// # Hints
/// - `close` is a `sync`, and then the directory is given free.
#[test]
fn close_loses_nothing() {
    let mem = mem_fs();
    let store = open(small_memtables(Arc::clone(&mem) as Arc<dyn FileSystem>));
    for i in 0..6 {
        put(&store, &format!("k{i}"), &"x".repeat(30));
    }
    let before = history(&mem);
    let id = current_log(&store);
    store.close().expect("close");
    assert_eq!(
        history(&power_cut(&mem)),
        before,
        "after close and a power cut"
    );
    let bytes = mem.read(log_path(dir(), id));
    let damaged = mem_with_dir();
    damaged.write_raw(log_path(dir(), id), &flipped(&bytes, 25, 0));
    assert_corruption(
        Wal::read(&*damaged, dir(), id),
        "the damaged log of a store that was closed",
    );
    assert!(
        matches!(store.sync(), Err(Error::Closed)),
        "sync of a closed store"
    );
    assert!(
        matches!(store.put(b"a", b"1"), Err(Error::Closed)),
        "put into a closed store"
    );
    store.close().expect("a second close");
    assert!(
        mem.lock(&path(LOCK)).is_ok(),
        "close has returned, but the directory is still locked"
    );
}

/// A log that was written to is sealed with its length when the store is closed; one that was not
/// is not.
///
/// The length is there to miss what was cut off. Of a log without a byte nothing can be missing,
/// and a store that was only read has nothing to tell its manifest.
///
/// # Hints
/// - How many bytes of the log are known to be on disk? The mark is among them, or not: say how
///   many are, and no more.
/// - If no log is left to be sealed, no edit is needed.
#[test]
fn close_seals_the_logs_that_were_written_to() {
    let mem = mem_fs();
    open(options(&mem)).close().expect("close");
    let version = Manifest::load(&*mem, dir()).expect("the manifest loads");
    assert!(
        version.sealed_logs.is_empty(),
        "nothing was written, but close sealed {}",
        show_version(&version)
    );
    let mem = mem_fs();
    let store = open(options(&mem));
    put(&store, "a", "1");
    let id = current_log(&store);
    store.close().expect("close");
    let version = Manifest::load(&*power_cut(&mem), dir()).expect("the manifest loads");
    let sealed: Vec<u64> = version.sealed_logs.keys().copied().collect();
    assert_eq!(sealed, [id], "the logs that close sealed, after a put");
    let len = read_wal(&power_cut(&mem), id).log.end;
    let batch = len - RECORD_HEADER_LEN as u64;
    let sealed_len = version.sealed_logs[&id];
    assert!(
        (batch..=len).contains(&sealed_len),
        "log {id} was sealed with {sealed_len} bytes; its batch has {batch}, and with its mark {len}"
    );
}

/// With `Durability::Sync` a put that returned survives a power cut, also when the memtable
/// changes under it.
///
/// It is the promise of a bank's "your money has been transferred".
///
/// # Hints
/// - Log, insert, sync, publish, return.
/// - Before a new log takes over, the old one is synced: nobody would do it later.
#[test]
fn a_durable_put_survives_a_power_cut() {
    let mem = mem_fs();
    let store = open(LsmOptions {
        memtable_size: 200,
        ..sync_options(Arc::clone(&mem) as Arc<dyn FileSystem>)
    });
    for i in 0..12 {
        let key = format!("k{i}");
        put(&store, &key, &"x".repeat(30));
        assert_eq!(
            history(&power_cut(&mem)),
            history(&mem),
            "put({key}) has returned, then the power is cut"
        );
        assert_get(&store, key.as_bytes(), Some(&[b'x'; 30]), "after its put");
    }
    assert!(
        log_ids(&mem).len() >= 3,
        "twelve writes should have filled two memtables"
    );
    store.write(batch("k0 k1=new")).expect("write");
    assert_eq!(history(&power_cut(&mem)), history(&mem), "after a batch");
}

/// Writers that wait while a sync runs share the next one; none of their writes is visible
/// before it is synced.
///
/// An fsync takes milliseconds. Eight writers, each with its own, wait eight times as long as
/// eight that share; and what is seen before it is safe may be gone after a power cut. Whoever comes
/// alone, when all others are done, waits for nobody.
///
/// # Hints
/// - Let go of the commit lock before you wait: others can log their batches meanwhile.
/// - The first who waits is the leader: it syncs all that was logged by then. The others wait
///   for it, look whether they are covered, and if not one of them leads.
/// - Publish after the sync, not before.
///
/// # Concurrent
#[test]
fn writers_that_wait_share_a_sync() {
    const WRITERS: usize = 8;
    let (mem, syncs) = (mem_fs(), Arc::new(AtomicUsize::new(0)));
    let (peek, too_early) = (Arc::new(Peek::default()), Arc::new(AtomicUsize::new(0)));
    let is_late = Arc::new(AtomicBool::new(false));
    let (peek_in_hook, early, late) = (
        Arc::clone(&peek),
        Arc::clone(&too_early),
        Arc::clone(&is_late),
    );
    let counted = Arc::clone(&syncs);
    let fs = hooked(&mem, move |op| {
        if is_wal(op, OpKind::Sync) && counted.fetch_add(1, Ordering::SeqCst) == 0 {
            // The first sync lasts until all others have logged their batches.
            late.store(!peek_in_hook.wait_for_entries(WRITERS), Ordering::SeqCst);
            let store = peek_in_hook.store().expect("the store is open");
            let seen = (0..WRITERS).filter(|&i| store.get(&key(i)).is_ok_and(|v| v.is_some()));
            early.store(seen.count(), Ordering::SeqCst);
        }
        Verdict::Proceed
    });
    let store = Arc::new(open(sync_options(fs)));
    peek.at(&store);
    thread::scope(|scope| {
        for i in 0..WRITERS {
            let (store, mem) = (&store, &mem);
            scope.spawn(move || {
                store.put(&key(i), b"v").expect("put");
                assert_get(store, &key(i), Some(b"v"), "after its put returned");
                let kept = show_batches(&read_wal(&power_cut(mem), current_log(store)).batches);
                let name = String::from_utf8(key(i)).expect("text");
                assert!(
                    kept.contains(&name),
                    "put({name}) has returned, then a power cut took it"
                );
            });
        }
    });
    assert!(
        !is_late.load(Ordering::SeqCst),
        "while the first sync ran, the other {} writers could not log their batches",
        WRITERS - 1
    );
    let early = too_early.load(Ordering::SeqCst);
    assert_eq!(
        early, 0,
        "writes that were visible before the first sync had returned"
    );
    let syncs = syncs.load(Ordering::SeqCst);
    assert!(
        syncs <= WRITERS / 2,
        "{WRITERS} writers, of whom all but one came during the first sync, took {syncs} syncs"
    );
    // Nobody is left to wait with: this one hangs if it waits for a crowd as large as the last.
    put(&store, "alone", "v");
}

/// A sync covers what was logged when it began: a write that came later is neither visible nor
/// acknowledged by it, and fails if its own sync fails.
///
/// A leader that asks only afterwards how far the log reaches promises what no fsync has seen.
///
/// # Hints
/// - Note the last sequence number *before* the sync, together with the log, under the commit
///   lock.
/// - A failed sync is no reason to forget what an earlier one has made safe.
///
/// # Concurrent
#[test]
fn a_sync_covers_only_what_came_before_it() {
    let (mem, syncs) = (mem_fs(), AtomicUsize::new(0));
    let (peek, is_held) = (Arc::new(Peek::default()), Arc::new(Signal::default()));
    let (peek_in_hook, held) = (Arc::clone(&peek), Arc::clone(&is_held));
    let fs = hooked(&mem, move |op| {
        if !is_wal(op, OpKind::Sync) {
            return Verdict::Proceed;
        }
        match syncs.fetch_add(1, Ordering::SeqCst) {
            0 => {
                held.give();
                peek_in_hook.wait_for_entries(2);
                Verdict::Proceed
            }
            _ => Verdict::Fail(std::io::ErrorKind::Other),
        }
    });
    let store = Arc::new(open(sync_options(fs)));
    peek.at(&store);
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| store.put(b"first", b"1"));
        assert!(
            is_held.wait(PATIENCE),
            "put(first) has not asked for a sync"
        );
        let second = scope.spawn(|| store.put(b"second", b"2"));
        (
            first.join().expect("no panic"),
            second.join().expect("no panic"),
        )
    });
    assert!(
        first.is_ok(),
        "put(first) was synced, but failed: {first:?}"
    );
    assert_get(&store, b"first", Some(b"1"), "after its sync");
    assert!(
        second.is_err(),
        "the sync of put(second) failed, but it gave Ok"
    );
    assert_get(&store, b"second", None, "after its sync failed");
    assert_ended(&store, "after a failed sync");
}

/// A put whose batch is synced returns, though the next sync hangs.
///
/// Each sync serves those who logged before it began, and nobody else has to wait for it. Whoever
/// is not told that it is served asks for a sync of its own: then one slow sync holds up writers
/// whose batches are long on disk.
///
/// # Hints
/// - What does a writer look at when it wakes, and does the leader change that before it wakes it?
/// - The leader served not itself alone: everything up to the number that it noted is synced.
/// - Who is served needs no lock that a leader holds while it syncs.
///
/// # Concurrent
#[test]
fn a_synced_put_does_not_wait_for_the_next_sync() {
    let (mem, syncs) = (mem_fs(), AtomicUsize::new(0));
    let (peek, is_held_up) = (Arc::new(Peek::default()), Arc::new(AtomicBool::new(false)));
    let signals = [(); 3].map(|()| Arc::new(Signal::default()));
    let (look, held_up, in_hook) = (Arc::clone(&peek), Arc::clone(&is_held_up), signals.clone());
    let fs = hooked(&mem, move |op| {
        let [first_began, second_began, both_returned] = &in_hook;
        if !is_wal(op, OpKind::Sync) {
            return Verdict::Proceed;
        }
        match syncs.fetch_add(1, Ordering::SeqCst) {
            // The first sync lasts until b and c are logged, which it does not cover.
            0 => {
                first_began.give();
                look.wait_for_entries(3);
            }
            // The second covers both, and lasts until d is logged.
            1 => {
                second_began.give();
                look.wait_for_entries(4);
            }
            // The third is for d alone: those of b and c may be waiting for nothing now.
            _ if !held_up.load(Ordering::SeqCst) => {
                held_up.store(!both_returned.wait(PATIENCE), Ordering::SeqCst);
            }
            _ => {}
        }
        Verdict::Proceed
    });
    let store = Arc::new(open(sync_options(fs)));
    peek.at(&store);
    let [first_began, second_began, both_returned] = signals;
    thread::scope(|scope| {
        let store = &store;
        let spawn = |key| scope.spawn(move || put(store, key, "1"));
        spawn("a");
        assert!(
            first_began.wait(PATIENCE),
            "put(a, 1) has not asked for a sync"
        );
        let both = ["b", "c"].map(spawn);
        assert!(
            second_began.wait(2 * PATIENCE),
            "put(b, 1) and put(c, 1) were logged during a sync, and nobody asked for the next one"
        );
        spawn("d");
        for put in both {
            put.join().expect("put gave an error");
        }
        both_returned.give();
    });
    assert!(
        !is_held_up.load(Ordering::SeqCst),
        "put(b, 1) and put(c, 1) were logged before the second sync began, which went well; \
         but one of them did not return before the third sync was over"
    );
}

/// With many writers, and a new log for each write, every put is on disk when it returns.
///
/// A write that waits for its sync may find that another writer has left its log meanwhile. The next sync is of the new log, and covers it no more.
///
/// # Hints
/// - Which log does the leader of a group sync, and is what it vouches for in that one alone?
/// - Before a new log takes over, sync the old one, and then say how far all is synced.
#[test]
fn a_put_whose_log_was_left_is_on_disk_when_it_returns() {
    const WRITERS: usize = 4;
    const PUTS: usize = 40;
    let mem = mem_fs();
    let fs = hooked(&mem, |_| {
        // Another thread may go first at every step.
        thread::yield_now();
        Verdict::Proceed
    });
    let store = open(LsmOptions {
        memtable_size: 1,
        ..sync_options(fs)
    });
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, mem) = (&store, &mem);
            scope.spawn(move || {
                for i in 0..PUTS {
                    let key = format!("w{writer}-{i:02}");
                    put(store, &key, "v");
                    let kept = history(&power_cut(mem));
                    assert!(
                        kept.contains(&key),
                        "put({key}) has returned, then a power cut took it"
                    );
                }
            });
        }
    });
}

/// When a log cannot be synced, the write fails, it is never seen, and no other write is taken;
/// reads go on.
///
/// After a failed fsync nobody knows what is on disk, and asking again proves nothing. Whoever
/// goes on writing builds on a hole.
///
/// # Hints
/// - Keep the error: `Health` does. Every write asks it first.
/// - The memtable has the value already; what keeps it from being seen?
/// - No flush and no compaction either: they would put the value into a table, and tables are
///   seen.
#[test]
fn a_failed_sync_ends_all_writing() {
    let (mem, ops) = (mem_fs(), OpLog::default());
    let (fails, watched) = (Arc::new(AtomicBool::new(false)), ops.clone());
    let asked = Arc::clone(&fails);
    let fs = hooked(&mem, move |op| {
        watched.record(op);
        match is_wal(op, OpKind::Sync) && asked.swap(false, Ordering::SeqCst) {
            true => Verdict::Fail(std::io::ErrorKind::Other),
            false => Verdict::Proceed,
        }
    });
    let store = open(sync_options(fs));
    put(&store, "a", "1");
    store.flush().expect("flush");
    put(&store, "b", "2");
    fails.store(true, Ordering::SeqCst);
    assert!(
        store.put(b"b", b"3").is_err(),
        "the sync of put(b, 3) failed, but it gave Ok"
    );
    ops.clear();
    for _ in 0..2 {
        assert_ended(&store, "after a failed sync");
        assert_get(&store, b"a", Some(b"1"), "after a failed sync");
        assert_get(&store, b"b", Some(b"2"), "after put(b, 3) failed");
        assert_contents(&store, "a=1 b=2", "after put(b, 3) failed");
    }
    assert_background(store.close(), "close after a failed sync");
    assert!(
        mem.lock(&path(LOCK)).is_ok(),
        "close has told of the failed sync, but the directory is still locked"
    );
    let changes = ops.count(|op| {
        matches!(
            op.kind,
            OpKind::Append | OpKind::Sync | OpKind::Create | OpKind::Rename
        )
    });
    assert_eq!(changes, 0, "files were written after a sync had failed");
}

/// When a log cannot be written, or `sync` fails, the same: that write and all later ones are
/// refused, and what was seen before stays.
///
/// Half a record may be in the log; another behind it could never be read.
///
/// # Hints
/// - An error of the log's `append` is the end of writing as well, whatever the durability.
/// - What failed to be logged does not go into the memtable.
#[test]
fn a_log_that_fails_ends_all_writing() {
    for (failing, verdict) in [
        (OpKind::Append, Verdict::Short(9)),
        (
            OpKind::Append,
            Verdict::Fail(std::io::ErrorKind::StorageFull),
        ),
        (OpKind::Sync, Verdict::Fail(std::io::ErrorKind::Other)),
    ] {
        let (mem, fails) = (mem_fs(), Arc::new(AtomicBool::new(false)));
        let asked = Arc::clone(&fails);
        let fs = hooked(&mem, move |op| {
            match is_wal(op, failing) && asked.swap(false, Ordering::SeqCst) {
                true => verdict,
                false => Verdict::Proceed,
            }
        });
        let store = open(LsmOptions::for_test(fs));
        store.write(batch("a=1 b=2")).expect("write");
        fails.store(true, Ordering::SeqCst);
        let when = format!("after {verdict:?} at a log's {failing:?}");
        match failing {
            OpKind::Append => {
                let failed = store.write(batch("a=3 c=4"));
                assert!(failed.is_err(), "{when}, write gave Ok");
            }
            _ => assert!(store.sync().is_err(), "{when}, sync gave Ok"),
        }
        assert_ended(&store, &when);
        assert_contents(&store, "a=1 b=2", &when);
        assert_background(store.close(), &format!("close {when}"));
    }
}

/// A write whose sync failed stays unseen, also if another sync of the same log, begun by a
/// flush, goes well right afterwards.
///
/// The kernel has thrown the pages away and calls them clean: the later fsync says nothing of
/// them. An engine that believes it shows a write that it has reported as failed, and that is
/// not on disk.
///
/// # Hints
/// - One sync of a log at a time; and after a failed one, none.
/// - Look at your `LogWriter::sync`: who remembers that it has failed?
///
/// # Concurrent
#[test]
fn no_later_sync_undoes_a_failure() {
    let (mem, syncs) = (mem_fs(), AtomicUsize::new(0));
    let signals = [(); 3].map(|()| Arc::new(Signal::default()));
    let [first_began, second_began, put_failed] = signals.clone();
    let fs = hooked(&mem, move |op| {
        if !is_wal(op, OpKind::Sync) {
            return Verdict::Proceed;
        }
        match syncs.fetch_add(1, Ordering::SeqCst) {
            0 => {
                first_began.give();
                // It need not come: if the engine has one sync at a time, it never does.
                second_began.wait(MOMENT);
                Verdict::Fail(std::io::ErrorKind::Other)
            }
            _ => {
                second_began.give();
                put_failed.wait(PATIENCE);
                Verdict::Proceed
            }
        }
    });
    let store = open(sync_options(fs));
    let [first_began, _, put_failed] = signals;
    let outcome = thread::scope(|scope| {
        let put = scope.spawn(|| {
            let outcome = store.put(b"a", b"1");
            put_failed.give();
            outcome
        });
        assert!(
            first_began.wait(PATIENCE),
            "put(a, 1) has not asked for a sync"
        );
        // Its outcome is no matter: it may be refused, or have been quick enough.
        let _ = store.flush();
        put.join().expect("no panic")
    });
    assert!(
        outcome.is_err(),
        "the sync of put(a, 1) failed, but it gave Ok"
    );
    assert_get(&store, b"a", None, "after put(a, 1) failed");
}

/// A full memtable's successor has a log of its own, whose file and place in the manifest are
/// durable before anything is written to it.
///
/// A log that is not named is a stray, and strays are removed: with everything in it.
///
/// # Hints
/// - Create the log, sync its name, record it in the manifest, and only then swap the memtable.
/// - All of it under the commit lock, so that no batch goes into the old log meanwhile.
#[test]
fn a_log_is_named_before_it_is_written() {
    let (mem, checked) = (mem_fs(), Arc::new(AtomicU64::new(0)));
    let (source, count) = (Arc::clone(&mem), Arc::clone(&checked));
    let fs = hooked(&mem, move |op| {
        if is_wal(op, OpKind::Append) {
            let after = power_cut(&source);
            let version = Manifest::load(&*after, dir()).expect("the manifest loads");
            let name = op
                .path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let named = version.logs.iter().any(|id| format!("{id:06}.wal") == name);
            let is_there = after.file_names(DIR).contains(&name);
            assert!(
                named,
                "{name} is written, but a power cut would leave it without a place in the manifest"
            );
            assert!(
                is_there,
                "{name} is written, but a power cut would take the file"
            );
            count.fetch_add(1, Ordering::SeqCst);
        }
        Verdict::Proceed
    });
    let store = open(small_memtables(fs));
    let mut logs = Vec::new();
    for i in 0..12 {
        put(&store, &format!("k{i}"), &"x".repeat(30));
        logs.push(current_log(&store));
    }
    logs.dedup();
    assert!(
        logs.len() >= 3,
        "twelve writes should have filled two memtables"
    );
    assert_eq!(
        log_ids(&mem),
        logs,
        "the logs are those of the memtables, one each"
    );
    assert!(
        checked.load(Ordering::SeqCst) >= 12,
        "twelve writes to logs"
    );
    let counts: Vec<usize> = logs
        .iter()
        .map(|&id| read_wal(&mem, id).batches.len())
        .collect();
    let metrics = store.metrics();
    let frozen = metrics
        .frozen
        .iter()
        .rev()
        .map(|memtable| memtable.entry_count);
    let memtables: Vec<usize> = frozen.chain([metrics.memtable.entry_count]).collect();
    assert_eq!(counts, memtables, "each log holds what its memtable holds");
}

/// A flush records its table in the manifest before it removes the memtable's log, and both
/// survive a power cut.
///
/// For a moment the data is in two places; never in none.
///
/// # Hints
/// - The table's file and name are durable already: `finish` did that.
/// - One edit: the table comes, the log goes. Then the state, and last of all the file.
#[test]
fn a_log_goes_when_its_table_is_named() {
    let (mem, removed) = (mem_fs(), Arc::new(AtomicU64::new(0)));
    let (source, count) = (Arc::clone(&mem), Arc::clone(&removed));
    let fs = hooked(&mem, move |op| {
        if is_wal(op, OpKind::Remove) {
            let version = Manifest::load(&*power_cut(&source), dir()).expect("the manifest loads");
            let name = op
                .path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let is_named = version.logs.iter().any(|id| format!("{id:06}.wal") == name);
            assert!(
                !is_named,
                "{name} is removed, but a power cut would leave a manifest that names it"
            );
            let tables = version.tables.len() as u64;
            let so_far = count.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(
                tables >= so_far,
                "{name} is removed, but its table is not in the manifest for good"
            );
        }
        Verdict::Proceed
    });
    let store = open(LsmOptions::for_test(fs));
    for (i, text) in ["a=1 b=2", "a c=3", "b=4"].into_iter().enumerate() {
        store.write(batch(text)).expect("write");
        store.flush().expect("flush");
        let version = Manifest::load(&*power_cut(&mem), dir()).expect("the manifest loads");
        let logs: Vec<u64> = version.logs.iter().copied().collect();
        assert_eq!(
            logs,
            [current_log(&store)],
            "the logs in the manifest after flush {i}"
        );
        assert_eq!(
            log_ids(&mem),
            logs,
            "the logs that have a file after flush {i}"
        );
        let in_manifest: Vec<(TableId, usize)> = version.tables.into_iter().collect();
        let tables = store.metrics().levels[0]
            .iter()
            .rev()
            .map(|t| (t.id, 0))
            .collect::<Vec<_>>();
        assert_eq!(
            in_manifest, tables,
            "the tables in the manifest after flush {i}"
        );
        assert_eq!(
            version.last_flushed_seq,
            [2, 4, 5][i],
            "what is in tables after flush {i}"
        );
    }
    assert_eq!(
        removed.load(Ordering::SeqCst),
        3,
        "logs removed by three flushes"
    );
    store.flush().expect("a flush of nothing");
    assert_eq!(
        store.metrics().levels[0].len(),
        3,
        "tables after a flush of nothing"
    );
    assert_get(&store, b"b", Some(b"4"), "after three flushes");
}

/// A compaction records what it did before the files of its inputs go, and the manifest then
/// has the levels that readers see.
///
/// After a power cut the manifest names either the inputs or the outputs; whichever it is must
/// be there.
///
/// # Hints
/// - `install` records the edit and swaps the state under the manifest's lock.
/// - The inputs are let go of after that.
#[test]
fn a_compaction_is_named_before_its_inputs_go() {
    let (mem, removed) = (mem_fs(), Arc::new(AtomicU64::new(0)));
    let (source, count) = (Arc::clone(&mem), Arc::clone(&removed));
    let fs = hooked(&mem, move |op| {
        if op.kind == OpKind::Remove && op.has_extension("sst") {
            let version = Manifest::load(&*power_cut(&source), dir()).expect("the manifest loads");
            let is_named = version
                .tables
                .keys()
                .any(|&id| table_path(dir(), id) == op.path);
            let name = op.path.display();
            assert!(
                !is_named,
                "{name} is removed, but a power cut would leave a manifest that names it"
            );
            count.fetch_add(1, Ordering::SeqCst);
        }
        Verdict::Proceed
    });
    let store = open(LsmOptions::for_test(fs));
    for text in ["a=1 b=2", "a c=3", "b=4"] {
        store.write(batch(text)).expect("write");
        store.flush().expect("flush");
    }
    store.compact().expect("compact");
    assert_eq!(
        removed.load(Ordering::SeqCst),
        3,
        "tables removed by a compaction of three"
    );
    let version = Manifest::load(&*power_cut(&mem), dir()).expect("the manifest loads");
    let levels = store.metrics().levels.into_iter().enumerate();
    let levels: Vec<(TableId, usize)> = levels
        .flat_map(|(level, tables)| tables.into_iter().map(move |table| (table.id, level)))
        .collect();
    let in_manifest: Vec<_> = version.tables.into_iter().collect();
    assert_eq!(in_manifest, levels, "the tables and levels in the manifest");
    assert_contents(&store, "b=4 c=3", "after a compaction");
}

/// When the manifest cannot be written, a flush fails and removes nothing, a write that needs a
/// new log fails, and no more writes are taken.
///
/// Nobody knows whether the edit is on disk. The log is still needed if it is not.
///
/// # Hints
/// - An error of the manifest is the end of writing, like one of a log.
/// - The log is removed after the edit, and only if that went well.
#[test]
fn a_manifest_that_fails_ends_all_writing() {
    for failing in [OpKind::Append, OpKind::Sync] {
        for by_flush in [true, false] {
            let (mem, fails) = (mem_fs(), Arc::new(AtomicBool::new(false)));
            let (asked, is_open) = (Arc::clone(&fails), Arc::new(AtomicBool::new(false)));
            let opened = Arc::clone(&is_open);
            let fs = hooked(&mem, move |op| {
                let table_is_written = op.kind == OpKind::Sync && op.has_extension("sst");
                if opened.load(Ordering::SeqCst) && table_is_written == by_flush {
                    asked.store(true, Ordering::SeqCst);
                    opened.store(false, Ordering::SeqCst);
                }
                let is_asked = is_manifest(op) && op.kind == failing;
                match is_asked && asked.swap(false, Ordering::SeqCst) {
                    true => Verdict::Fail(std::io::ErrorKind::Other),
                    false => Verdict::Proceed,
                }
            });
            let store = open(small_memtables(fs));
            put(&store, "a", "1");
            let before = history(&mem);
            is_open.store(true, Ordering::SeqCst);
            let when = format!("after a failed {failing:?} of the manifest");
            let failed = match by_flush {
                true => store.flush().is_err(),
                false => (0..20).any(|i| store.put(&key(i), &[b'x'; 30]).is_err()),
            };
            assert!(failed, "{when}, flush and put gave Ok");
            assert_ended(&store, &when);
            assert_get(&store, b"a", Some(b"1"), &when);
            assert!(
                history(&mem).starts_with(&before),
                "{when}, the log is gone, with what may be nowhere else"
            );
        }
    }
}

/// A thread that panics while it syncs for others leaves none of them waiting for ever.
///
/// A panic is no way out of a promise: the other threads of the process live on, and so do their
/// locks and flags.
///
/// # Hints
/// - Who clears the flag that says "somebody syncs", and wakes the others, when that somebody is
///   gone?
/// - `catch_unwind` around the sync, then `resume_unwind`; or a guard that is dropped.
/// - Nobody knows what such a sync has left: take it for one that failed.
///
/// # Concurrent
#[test]
fn a_panic_in_a_sync_leaves_nobody_waiting() {
    let (mem, panics) = (mem_fs(), Arc::new(AtomicBool::new(false)));
    let signals = [(); 2].map(|()| Arc::new(Signal::default()));
    let (peek, [began, returned]) = (Arc::new(Peek::default()), signals.clone());
    let (asked, look) = (Arc::clone(&panics), Arc::clone(&peek));
    let fs = hooked(&mem, move |op| {
        match is_wal(op, OpKind::Sync) && asked.swap(false, Ordering::SeqCst) {
            true => {
                began.give();
                // The other thread has logged its batch, and has time to begin its wait.
                look.wait_for_entries(3);
                thread::sleep(MOMENT);
                Verdict::Panic
            }
            false => Verdict::Proceed,
        }
    });
    let store = Arc::new(open(sync_options(fs)));
    peek.at(&store);
    put(&store, "a", "1");
    panics.store(true, Ordering::SeqCst);
    let leader = Arc::clone(&store);
    let put_b = thread::spawn(move || {
        let mut is_ok = false;
        panics_not(|| is_ok = leader.put(b"b", b"2").is_ok());
        is_ok
    });
    let [began, signal] = signals;
    assert!(began.wait(PATIENCE), "put(b, 2) has not asked for a sync");
    let follower = Arc::clone(&store);
    thread::spawn(move || {
        for key in [b"c", b"d"] {
            panics_not(|| drop(follower.put(key, b"3")));
        }
        signal.give();
    });
    assert!(
        returned.wait(3 * PATIENCE),
        "after a sync that panicked, a put does not return"
    );
    // Whether the panic comes out is the engine's choice, but Ok would be a lie.
    assert!(
        !put_b.join().expect("it was caught"),
        "the sync of put(b, 2) panicked, but it gave Ok"
    );
    assert_get(&store, b"a", Some(b"1"), "after a sync that panicked");
}

/// A panic in an append ends all writing, like an error.
///
/// Half of a record may be in the file. What is appended behind it is never read: those puts would be acknowledged and lost.
///
/// # Hints
/// - `?` does not see a panic. Every door to a log or the manifest goes through one helper that does.
/// - `catch_unwind`, note the failure in the health, then `resume_unwind`.
#[test]
fn a_panic_in_an_append_ends_all_writing() {
    let (mem, panics) = (mem_fs(), Arc::new(AtomicBool::new(false)));
    let asked = Arc::clone(&panics);
    let fs = hooked(&mem, move |op| {
        match is_wal(op, OpKind::Append) && asked.swap(false, Ordering::SeqCst) {
            true => Verdict::Panic,
            false => Verdict::Proceed,
        }
    });
    let store = open(LsmOptions::for_test(fs));
    put(&store, "a", "1");
    panics.store(true, Ordering::SeqCst);
    let mut is_ok = false;
    panics_not(|| is_ok = store.put(b"b", b"2").is_ok());
    assert!(!is_ok, "the append of put(b, 2) panicked, but it gave Ok");
    let next = store.put(b"c", b"3");
    assert!(
        matches!(next, Err(Error::Background(_))),
        "an append had panicked, and the next put gave {next:?}"
    );
    assert_get(&store, b"a", Some(b"1"), "after an append that panicked");
}

/// A memtable is not frozen before the next one has its log.
///
/// The flush thread takes whatever is frozen, at once. With `Durability::Sync` its table would hold writes that are neither synced nor
/// visible yet, and a rotation that fails would leave a memtable without a log to take the writes.
///
/// # Hints
/// - In `freeze`: first the log, then the state.
#[test]
fn a_memtable_is_frozen_when_the_next_one_has_its_log() {
    let (mem, peek) = (mem_fs(), Arc::new(Peek::default()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (look, count) = (Arc::clone(&peek), Arc::clone(&seen));
    let fs = hooked(&mem, move |op| {
        let store = look.store().filter(|_| is_wal(op, OpKind::Create));
        let frozen = store.map(|store| store.metrics().frozen.len());
        count.lock().expect("no holder panics").extend(frozen);
        Verdict::Proceed
    });
    let store = Arc::new(open(small_memtables(fs)));
    peek.at(&store);
    for i in 0.. {
        store.put(&key(i), &[b'v'; 100]).expect("put");
        if !store.metrics().frozen.is_empty() {
            break;
        }
        assert!(i < 10_000, "the memtable is never frozen");
    }
    let seen = seen.lock().expect("no holder panics");
    assert!(
        !seen.is_empty(),
        "a memtable was frozen, and its successor got no log"
    );
    assert!(
        seen.iter().all(|&frozen| frozen == 0),
        "while the log of the next memtable was being created, the full one was frozen already"
    );
}

/// When an edit of the manifest fails, one that another thread has ready is not written behind it.
///
/// The failed one may be a hole in the file by now. What follows a hole is lost with it, or worse:
/// read without it.
///
/// # Hints
/// - Whoever writes the manifest holds its lock. Who asks, once he has the lock, whether it is still
///   sound?
/// - A flush asks; does the freezing of a memtable, which names the new log?
///
/// # Concurrent
#[test]
fn no_edit_follows_a_failed_one() {
    let (mem, began) = (mem_fs(), Arc::new(Signal::default()));
    let (table_is_written, has_failed) = (AtomicBool::new(false), AtomicBool::new(false));
    let edits_after = Arc::new(AtomicUsize::new(0));
    let (signal, count) = (Arc::clone(&began), Arc::clone(&edits_after));
    let fs = hooked(&mem, move |op| {
        if op.kind == OpKind::Sync && op.has_extension("sst") {
            table_is_written.store(true, Ordering::SeqCst);
        }
        if !is_manifest(op) {
            return Verdict::Proceed;
        }
        if has_failed.load(Ordering::SeqCst) {
            count.fetch_add(1, Ordering::SeqCst);
        }
        match op.kind == OpKind::Sync && table_is_written.swap(false, Ordering::SeqCst) {
            true => {
                signal.give();
                // Time for another thread to come as far as the manifest.
                thread::sleep(MOMENT);
                has_failed.store(true, Ordering::SeqCst);
                Verdict::Fail(std::io::ErrorKind::Other)
            }
            false => Verdict::Proceed,
        }
    });
    let store = open(LsmOptions::for_test(fs));
    put(&store, "a", "1");
    thread::scope(|scope| {
        let flush = scope.spawn(|| store.flush());
        assert!(began.wait(PATIENCE), "a flush did not sync the manifest");
        put(&store, "b", "2");
        assert!(
            store.flush().is_err(),
            "a flush gave Ok after an edit of the manifest had failed"
        );
        assert!(
            flush.join().expect("no panic").is_err(),
            "the sync of the manifest failed, but the flush gave Ok"
        );
    });
    assert_eq!(
        edits_after.load(Ordering::SeqCst),
        0,
        "operations on the manifest after one had failed"
    );
    assert_contents(&store, "a=1 b=2", "after a failed edit");
}

/// A panic between the two halves of a manifest edit does not make the next edit contradict it.
///
/// The edit is in the file, the engine does not know it, and does the same once more: tables are
/// removed twice, and a manifest that says so never loads again.
///
/// # Hints
/// - After such a panic, as after an error, nobody knows whether the edit is on disk.
/// - So no more edits: it ends all writing.
#[test]
fn a_panic_in_an_edit_does_not_spoil_the_manifest() {
    let (mem, panics) = (mem_fs(), Arc::new(AtomicBool::new(false)));
    let asked = Arc::clone(&panics);
    let fs = hooked(&mem, move |op| {
        let is_asked = is_manifest(op) && op.kind == OpKind::Sync;
        match is_asked && asked.swap(false, Ordering::SeqCst) {
            true => Verdict::Panic,
            false => Verdict::Proceed,
        }
    });
    let store = open(LsmOptions::for_test(fs));
    for text in ["a=1 b=2", "a c=3"] {
        store.write(batch(text)).expect("write");
        store.flush().expect("flush");
    }
    panics.store(true, Ordering::SeqCst);
    for attempt in 1..=2 {
        let when = format!("after compaction {attempt}, of which the first panicked");
        panics_not(|| drop(store.compact()));
        assert!(
            !panics.load(Ordering::SeqCst),
            "the compaction did not sync the manifest"
        );
        assert_contents(&store, "b=2 c=3", &when);
        let version = Manifest::load(&*kill(&mem), dir());
        let version = version.unwrap_or_else(|e| panic!("{when}, the manifest is damaged: {e}"));
        for id in version.tables.keys() {
            let name = format!("{:06}.sst", id.0);
            assert!(
                mem.file_names(DIR).contains(&name),
                "{when}, the manifest names {name}, which is gone"
            );
        }
    }
}

/// When `close` has returned, nothing of the store touches its directory any more: not even a
/// flush that another thread had begun.
///
/// The directory may have another owner by then. A table that is created under its feet takes
/// an id that it takes, too. What is in the directory then is a whole store.
///
/// # Hints
/// - `close` waits for background threads. Who waits for a caller of `flush` or `compact`?
/// - Whoever writes a table holds a lock. Take it before you give the directory free; mind the
///   order of locks.
///
/// # Concurrent
#[test]
fn nothing_touches_the_directory_after_close() {
    #[derive(Debug)]
    struct HoldFlush {
        begun: Arc<Signal>,
        closed: Arc<Signal>,
    }
    impl mini_lsm_starter::EventListener for HoldFlush {
        fn on_event(&self, event: &mini_lsm_starter::Event) {
            if matches!(event, mini_lsm_starter::Event::FlushBegun { .. }) {
                self.begun.give();
                // It need not come: if the engine waits for the flush, close cannot have
                // returned.
                self.closed.wait(MOMENT);
            }
        }
    }
    let (mem, ops) = (mem_fs(), OpLog::default());
    let (begun, closed) = (Arc::new(Signal::default()), Arc::new(Signal::default()));
    let fs = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
    let store = open(LsmOptions {
        listener: Arc::new(HoldFlush {
            begun: Arc::clone(&begun),
            closed: Arc::clone(&closed),
        }),
        ..LsmOptions::for_test(Arc::new(fs))
    });
    put(&store, "a", "1");
    thread::scope(|scope| {
        // Its outcome is no matter: it is done, or it is refused.
        scope.spawn(|| store.flush());
        assert!(begun.wait(PATIENCE), "flush has not begun");
        store.close().expect("close");
        ops.clear();
        closed.give();
    });
    let late = changes(&ops);
    assert!(
        late.is_empty(),
        "close had returned, and then: {}",
        late.join(", ")
    );
    assert!(
        mem.lock(&path(LOCK)).is_ok(),
        "the directory is still locked"
    );
    let names = mem.file_names(DIR);
    for needed in files_of_manifest(&mem) {
        assert!(
            names.contains(&needed),
            "the manifest of the closed store names {needed}, which is not there"
        );
    }
}

/// Writers that wait for a sync while the store is closed return with their writes on disk, and
/// touch nothing when `close` has returned.
///
/// `close` syncs what they wait for. One of them that goes on to lead a sync of its own would write
/// to a log that may have another owner by then.
///
/// # Hints
/// - What does the writer do that is woken, or gets the commit lock, when the log is sealed already?
/// - `Wal::seal` leaves nothing to sync or to reserve behind: a leader that comes late finds that
///   all is done.
///
/// # Concurrent
#[test]
fn a_writer_that_waits_touches_nothing_after_close() {
    const WRITERS: usize = 8;
    let (mem, ops) = (mem_fs(), OpLog::default());
    let (peek, began) = (Arc::new(Peek::default()), Arc::new(Signal::default()));
    let (look, first, syncs) = (Arc::clone(&peek), Arc::clone(&began), AtomicUsize::new(0));
    let logged = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
    let fs = FaultFs::new(Arc::new(logged), move |op| {
        if is_wal(op, OpKind::Sync) && syncs.fetch_add(1, Ordering::SeqCst) == 0 {
            first.give();
            // The first sync lasts until the others have logged their batches, and `close` has begun
            // and had a moment to come as far as the logs.
            look.wait_for_entries(WRITERS);
            let store = look.store().expect("the store is open");
            let deadline = Instant::now() + PATIENCE;
            while store.get(b"a").is_ok() && Instant::now() < deadline {
                thread::yield_now();
            }
            thread::sleep(MOMENT);
        }
        Verdict::Proceed
    });
    let store = Arc::new(open(sync_options(Arc::new(fs))));
    let log = current_log(&store);
    peek.at(&store);
    thread::scope(|scope| {
        let put = |i: usize| {
            let store = &store;
            move || {
                let name = String::from_utf8(key(i)).expect("text");
                let outcome = store.put(&key(i), b"v");
                assert!(
                    outcome.is_ok(),
                    "put({name}) had logged its batch when close() began, and gave {outcome:?}"
                );
            }
        };
        scope.spawn(put(0));
        assert!(
            began.wait(PATIENCE),
            "the first put has not asked for a sync"
        );
        (1..WRITERS).for_each(|i| drop(scope.spawn(put(i))));
        assert!(
            peek.wait_for_entries(WRITERS),
            "writers do not log beside a sync"
        );
        store.close().expect("close");
        ops.clear();
    });
    let late = changes(&ops);
    assert!(
        late.is_empty(),
        "close had returned, and then a writer that had waited did: {}",
        late.join(", ")
    );
    let kept = show_batches(&read_wal(&power_cut(&mem), log).batches);
    for i in 0..WRITERS {
        let name = String::from_utf8(key(i)).expect("text");
        assert!(
            kept.contains(&name),
            "put({name}) and close have returned, then a power cut took it"
        );
    }
}

/// A store that is dropped without `close` gives the directory free, and adds nothing to its
/// logs.
///
/// Dropping is a kill: what was promised is kept, and no more. A `Drop` that syncs hides from
/// you that your `put` does not keep its promise.
///
/// # Hints
/// - The lock goes with the store; so must every thread that works for it.
#[test]
fn a_drop_is_a_kill() {
    let (mem, ops) = (mem_fs(), OpLog::default());
    let fs = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
    let store = open(LsmOptions::for_test(Arc::new(fs)));
    put(&store, "a", "1");
    let id = current_log(&store);
    ops.clear();
    drop(store);
    let changes = ops.count(|op| op.kind.is_change());
    assert_eq!(changes, 0, "changes of files when the store was dropped");
    assert_logged(&mem, id, "1: a=1", "after a drop");
    assert!(
        mem.lock(&path(LOCK)).is_ok(),
        "the store is dropped, but the directory is still locked"
    );
    assert_eq!(
        mem.open_handles(),
        0,
        "files that the dropped store has left open"
    );
}
