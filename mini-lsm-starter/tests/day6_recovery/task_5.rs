//! Day 6 · Task 5 · recovery.

use super::*;
use mini_lsm_starter::ids::NUMBERS_END;

/// How a store may end.
#[derive(Clone, Copy, Debug)]
enum End {
    Close,
    Drop,
}

#[track_caller]
fn end(store: LsmStorage, how: End) {
    if let End::Close = how {
        store.close().expect("close");
    }
}

/// A store with a table below L0, one in L0, two logs with a batch each, and what they hold.
#[track_caller]
fn sample(how: End) -> (Arc<MemFs>, &'static str) {
    let mem = mem_fs();
    let store = open(LsmOptions {
        // Each write is frozen by the next.
        memtable_size: 1,
        ..options(&mem)
    });
    store.write(batch("a=1 b=2 old=1")).expect("write");
    store.compact().expect("compact");
    store.write(batch("b=3 c= old")).expect("write");
    store.flush().expect("flush");
    store.write(batch("d=4 a")).expect("write");
    store.write(batch("e=5 d=6")).expect("write");
    store.sync().expect("sync");
    assert_eq!(
        store.metrics().frozen.len(),
        1,
        "frozen memtables of the sample"
    );
    end(store, how);
    (mem, "b=3 c= d=6 e=5")
}

/// A log made by hand: id, first sequence number, batches (separated by `|`), and whether they are
/// synced and marked.
type LogByHand = (u64, u64, &'static str, bool);

/// A store made by hand: an empty manifest that names these logs, and the logs.
fn by_hand(logs: &[LogByHand]) -> Arc<MemFs> {
    let mem = mem_with_dir();
    mem.write_raw(path(LOCK), b"");
    for &(id, mut seq, batches, is_synced) in logs {
        let wal = Wal::create(&*mem, dir(), id).expect("a new log");
        for text in batches.split('|').filter(|text| !text.trim().is_empty()) {
            let batch = batch(text);
            wal.append(seq, &batch.ops()).expect("append");
            seq += batch.len() as u64;
        }
        if is_synced {
            wal.sync().expect("sync");
            wal.mark().expect("mark");
        }
    }
    let version = Version {
        logs: logs.iter().map(|log| log.0).collect(),
        next_id: 100,
        ..Version::default()
    };
    Manifest::create(mem.clone(), dir(), version).expect("a new manifest");
    mem
}

/// What was in a store is in it when it is opened again, whether it was closed, or dropped like
/// a process that is killed; and newer goes on hiding older.
///
/// It is what "database" means.
///
/// # Hints
/// - Tables: from the manifest. What is not in tables: from the logs, oldest first.
/// - L0 has the newest table first, and a larger id is newer.
/// - New writes go on behind the last sequence number that was found.
#[test]
fn a_store_comes_back() {
    for how in [End::Close, End::Drop] {
        let (mem, expected) = sample(how);
        let store = reopen(&mem, &format!("{how:?}d"));
        assert_contents(&store, expected, &format!("after {how:?} and a reopening"));
        let levels: Vec<usize> = store.metrics().levels.iter().map(Vec::len).collect();
        assert!(
            levels[0] >= 2,
            "L0 has the old table, and what was replayed: {levels:?}"
        );
        assert_eq!(
            levels[1..].iter().sum::<usize>(),
            1,
            "tables below L0, of {levels:?}"
        );
        drop(store);
    }
    let mem = mem_fs();
    for round in 0..6 {
        let store = reopen(&mem, "between two rounds");
        let round_text = round.to_string();
        if round > 0 {
            let before = (round - 1).to_string();
            assert_get(&store, b"k", Some(before.as_bytes()), "after a reopening");
        }
        put(&store, "k", "overwritten");
        if round % 2 == 0 {
            store.flush().expect("flush");
        }
        put(&store, "k", &round_text);
        end(
            store,
            if round % 3 == 0 {
                End::Close
            } else {
                End::Drop
            },
        );
    }
    let store = reopen(&mem, "after six rounds");
    store.compact().expect("compact");
    assert_contents(&store, "k=5", "after six rounds and a compaction");
}

/// The tables of a level come back in the order of their keys, whatever the order of their ids.
///
/// A search in a level is a binary search over its tables. A compaction that made the table of lower keys last gave it the greater id.
///
/// # Hints
/// - The manifest says of a table its id and its level, and no keys. Who knows those?
/// - Open the tables first, then sort the level by their first keys.
#[test]
fn a_level_comes_back_in_the_order_of_its_keys() {
    let mem = mem_fs();
    let store = open(LsmOptions {
        background_compaction: true,
        l0_compaction_trigger: 1,
        ..options(&mem)
    });
    for key in ["m", "c", "x", "a"] {
        put(&store, key, "1");
        store.flush().expect("flush");
        wait_until(&store, "L0 is compacted", |metrics| {
            metrics.levels[0].is_empty()
        });
    }
    let ids: Vec<_> = store.metrics().levels[1].iter().map(|t| t.id).collect();
    assert!(
        ids.len() == 4 && !ids.is_sorted(),
        "four tables went to L1 in another order than that of their keys, but it holds {ids:?}"
    );
    store.close().expect("close");
    drop(store);
    let store = reopen(&mem, "with a level whose ids do not ascend");
    for key in ["a", "c", "m", "x"] {
        assert_get(&store, key.as_bytes(), Some(b"1"), "after a restart");
    }
    assert_contents(&store, "a=1 c=1 m=1 x=1", "after a restart");
}

/// What was synced survives a power cut; what was only written may be lost, but never an
/// earlier write without the later ones, and never half a batch.
///
/// "The last seconds are gone" can be explained to a user. "The order is there, the payment is
/// not" cannot.
///
/// # Hints
/// - Replay stops for good at the first gap.
/// - A batch is one record.
#[test]
fn a_power_cut_costs_a_suffix_at_most() {
    let mem = mem_fs();
    let store = open(LsmOptions {
        memtable_size: 700,
        ..options(&mem)
    });
    let mut states = vec![Map::new()];
    for i in 0..30 {
        let mut state = states[i].clone();
        let (even, odd, shared) = (key(2 * i), key(2 * i + 1), key(1000));
        let mut batch = WriteBatch::new();
        for key in [&even, &odd, &shared] {
            let value = format!("value{i}").into_bytes();
            batch.put(key, &value);
            state.insert(key.clone(), value);
        }
        store.write(batch).expect("write");
        states.push(state);
        if i == 14 {
            store.sync().expect("sync");
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    let random = (0..60).map(|seed| CrashPlan::Random { seed });
    let torn = (0..160).map(|i| CrashPlan::TornAfter { bytes: 3 * i });
    let plain = [CrashPlan::Lose, CrashPlan::Zero, CrashPlan::Keep];
    for plan in plain.into_iter().chain(torn).chain(random) {
        let told = format!("after a power cut ({plan:?})");
        let store = reopen(&Arc::new(mem.crash_clone(&plan)), &told);
        let map = scan_all(&store, &told);
        let Some(count) = states.iter().position(|state| *state == map) else {
            panic!(
                "{told}, the store holds {} keys that are no prefix of its 30 batches, each of three keys",
                map.len()
            );
        };
        assert!(
            count >= 15,
            "{told}, only {count} batches are there: 15 had been synced"
        );
        if plan == CrashPlan::Keep {
            assert_eq!(count, 30, "batches after a kill");
        }
        seen.insert(count);
    }
    assert!(
        seen.len() >= 5,
        "the crashes left different prefixes: {seen:?}"
    );
}

/// With `Durability::Sync` every put that returned is there after a power cut, whatever happens
/// to unsynced data.
///
/// The promise is only worth what the reopened store holds.
///
/// # Hints
/// - The logs are on disk (task 4). Does recovery read all of them?
#[test]
fn every_durable_put_is_there_after_a_power_cut() {
    let mem = mem_fs();
    let store = open(LsmOptions {
        memtable_size: 200,
        ..sync_options(Arc::clone(&mem) as Arc<dyn FileSystem>)
    });
    let mut model = Model::default();
    for i in 0..25 {
        model.put(&store, &key(i % 7), format!("value{i}").as_bytes());
        if i == 12 {
            store.flush().expect("flush");
        }
        let random = CrashPlan::Random { seed: i as u64 };
        for plan in [CrashPlan::Lose, CrashPlan::Zero, random] {
            let told = format!("put {i} has returned, then the power is cut ({plan:?})");
            let after = reopen(&Arc::new(mem.crash_clone(&plan)), &told);
            model.check_all(&after, 7, &told);
        }
    }
}

/// Before and after: the lock is free after `close`, after a drop, after an `open` that failed,
/// and in what a crash leaves; while a store is open it is not.
///
/// A lock that outlives its owner keeps the owner out.
///
/// # Hints
/// - The guard belongs to the store. Where is it if `open` fails half-way?
/// - A reader that is still open holds tables, not the store.
#[test]
fn the_directory_is_free_when_its_owner_is_gone() {
    let mem = mem_fs();
    let store = open(options(&mem));
    put(&store, "a", "1");
    let is_taken = |mem: &Arc<MemFs>| {
        matches!(
            LsmStorage::open(DIR, options(mem)),
            Err(Error::AlreadyOpen(_))
        )
    };
    assert!(is_taken(&mem), "a second open of an open store");
    assert_reopens(&kill(&mem), "a=1", "in what a kill leaves");
    store.close().expect("close");
    let second = reopen(&mem, "after close, though the closed store is still there");
    assert!(is_taken(&mem), "a second open after a reopening");
    let mut scan = second.scan(..).expect("scan");
    drop(second);
    let third = reopen(&mem, "after a drop, though a cursor is still there");
    assert_eq!(
        common::rest_of_scan(&mut scan).len(),
        1,
        "what the cursor still reads"
    );
    drop(third);
    let manifest = mem.read(path(MANIFEST));
    mem.write_raw(path(MANIFEST), b"");
    assert_corruption(LsmStorage::open(DIR, options(&mem)), "an empty manifest");
    mem.write_raw(path(MANIFEST), &manifest);
    assert_reopens(&mem, "a=1", "after an open that failed");
}

/// A write that failed is either in the reopened store or not; but the store opens, has all
/// that had succeeded, and stays as it is from then on.
///
/// After a failed write nobody can know. What must not happen is that it comes, is seen, and
/// goes.
///
/// # Hints
/// - What recovery shows it has put into tables before.
/// - Half a record at the end of a log is a torn tail.
#[test]
fn a_failed_write_is_settled_by_the_next_open() {
    for (failing, verdict) in [
        (OpKind::Append, Verdict::Short(31)),
        (OpKind::Append, Verdict::Short(1)),
        (
            OpKind::Append,
            Verdict::Fail(std::io::ErrorKind::StorageFull),
        ),
        (OpKind::Sync, Verdict::Fail(std::io::ErrorKind::Other)),
    ] {
        let (mem, fails) = (mem_fs(), Arc::new(AtomicBool::new(false)));
        let asked = Arc::clone(&fails);
        let fs = hooked(&mem, move |op| {
            match is_wal(op, failing) && asked.load(Ordering::SeqCst) {
                true => verdict,
                false => Verdict::Proceed,
            }
        });
        let store = open(sync_options(fs));
        store.write(batch("a=1 b=2")).expect("write");
        fails.store(true, Ordering::SeqCst);
        let when = format!("after {verdict:?} at a log's {failing:?}");
        assert!(
            store.write(batch("a=3 c=4")).is_err(),
            "{when}, write gave Ok"
        );
        assert!(store.put(b"d", b"5").is_err(), "{when}, put gave Ok");
        drop(store);
        let store = reopen(&mem, &when);
        let settled = contents(&store, &when);
        assert!(
            ["a=1 b=2", "a=3 b=2 c=4"].contains(&settled.as_str()),
            "{when}, the reopened store holds [{settled}]"
        );
        assert_reopens(
            &power_cut(&mem),
            &settled,
            &format!("{when}, a reopening and a power cut"),
        );
        put(&store, "e", "6");
        drop(store);
        assert_reopens(
            &mem,
            &format!("{settled} e=6"),
            &format!("{when}, and a new put"),
        );
    }
}

/// Files with our names that nothing needs are removed by `open`; all others are left alone.
///
/// A crash between creating a file and naming it leaves one; without this a disk fills up with
/// them. But a directory may hold a user's notes as well.
///
/// # Hints
/// - `FileKind::parse` knows our names; whatever it does not know is not ours.
/// - Last of all, when the new manifest is durable: until then nobody knows for sure what is
///   needed.
#[test]
fn strays_are_removed_and_nothing_else() {
    let (mem, expected) = sample(End::Drop);
    let strays = ["000900.sst", "000901.wal", "1234567.sst", MANIFEST_TMP];
    let foreign = [
        "notes.txt",
        "7.sst",
        "000009.sst.bak",
        "0000009.wal",
        "MANIFEST.old",
        "000009",
    ];
    strays
        .iter()
        .for_each(|name| mem.write_raw(path(name), b"stray"));
    foreign
        .iter()
        .for_each(|name| mem.write_raw(path(name), b"foreign"));
    mem.create_dir_all(&path("photos")).expect("a directory");
    let store = reopen(&mem, "with strays");
    assert_contents(&store, expected, "with strays");
    let names = mem.file_names(DIR);
    for name in strays {
        assert!(
            !names.contains(&name.to_owned()),
            "{name} is a stray, and still there"
        );
    }
    for name in foreign {
        assert!(
            names.contains(&name.to_owned()),
            "{name} is not ours, and was removed"
        );
        assert_eq!(mem.read(path(name)), b"foreign", "the bytes of {name}");
    }
    assert!(
        mem.dir_exists(&path("photos")).expect("look up"),
        "the directory photos is gone"
    );
    assert_eq!(store.metrics().failed_removals, 0, "removals that failed");
    let mut needed = files_of_manifest(&mem);
    needed.extend([MANIFEST, LOCK].map(str::to_owned));
    needed.extend(foreign.map(str::to_owned));
    needed.sort();
    assert_eq!(names, needed, "the files of the reopened store");
}

/// A stray may have the greatest number there is: that is no reason to panic, nor to lock the owner out.
///
/// The next id is above every id on disk, and there is none above this one. But no store of ours has ever counted so far: somebody has
/// put the file there, and the data is as sound as before.
///
/// # Hints
/// - Which ids can be those of a file that this store has created? Only they must not be used twice.
/// - The greatest number in a name that `FileKind::parse` takes is one below `NUMBERS_END`.
#[test]
fn the_greatest_id_locks_nobody_out() {
    for id in [u64::MAX, NUMBERS_END - 1, NUMBERS_END / 2] {
        let (mem, expected) = sample(End::Close);
        let stray = format!("{id:06}.sst");
        mem.write_raw(path(&stray), b"stray");
        let mut outcome = None;
        let returned = panics_not(|| outcome = Some(LsmStorage::open(DIR, options(&mem))));
        assert!(returned, "open panicked over a stray named {stray}");
        match outcome.expect("it returned") {
            Ok(store) => assert_contents(&store, expected, "with a stray of a great id"),
            Err(error) => panic!("a stray named {stray} keeps a sound store shut: {error}"),
        }
    }
}

/// A table, a log or the manifest that is missing is an error, and nothing is removed, created
/// or changed because of it.
///
/// It may be on the other disk, or in the backup. Whoever goes on without it has decided that
/// the data is gone.
///
/// # Hints
/// - The manifest names them: open every one.
/// - A directory with data and without a manifest is a store that has lost it, not a new one.
/// - Read all there is to read before you write anything.
#[test]
fn a_missing_file_is_an_error_and_nothing_is_removed() {
    let (mem, expected) = sample(End::Close);
    let all = files(&mem);
    assert!(all.len() >= 6, "two tables, two logs, MANIFEST and LOCK");
    for (missing, _) in all.iter().filter(|(name, _)| name != LOCK) {
        let mem = kill(&mem);
        mem.remove(&path(missing)).expect("remove");
        let before = files(&mem);
        let outcome = LsmStorage::open(DIR, options(&mem));
        let Err(error) = outcome else {
            panic!("{missing} is missing, but the store opens");
        };
        if missing == MANIFEST {
            assert!(
                error.is_corruption(),
                "a missing manifest should be Corruption, not {error:?}"
            );
        }
        assert!(
            files(&mem) == before,
            "{missing} is missing, and open has changed the other files"
        );
        let (_, bytes) = all
            .iter()
            .find(|(name, _)| name == missing)
            .expect("it was there");
        mem.write_raw(path(missing), bytes);
        assert_reopens(&mem, expected, &format!("once {missing} is back"));
    }
}

/// A log that has become shorter since the store was closed is `Corruption`, wherever it was cut.
///
/// Cut where a record ends, it looks like a log that never had more: its mark, which said that more
/// was on disk, is gone with the rest. A backup that stopped too early makes such a file.
///
/// # Hints
/// - Nothing in the log can tell. What else does `close` write to?
/// - `VersionEdit::sealed_logs`: `close` records there how long each log is, after its sync.
/// - The last mark holds nothing. Without it the log is as good as before.
#[test]
fn a_log_cut_short_after_close_is_corruption() {
    let (mem, expected) = sample(End::Close);
    let all = files(&mem);
    let mut refused = 0;
    for (name, bytes) in all.iter().filter(|(name, _)| name.ends_with(".wal")) {
        for len in 0..bytes.len() {
            let mem = kill(&mem);
            mem.write_raw(path(name), &bytes[..len]);
            let before = files(&mem);
            let told = format!("with {len} of {} bytes of {name}", bytes.len());
            match LsmStorage::open(DIR, options(&mem)) {
                Ok(store) => assert_contents(&store, expected, &told),
                Err(error) => {
                    refused += 1;
                    assert!(error.is_corruption(), "{told}, open gives {error:?}");
                    assert!(
                        files(&mem) == before,
                        "{told}, open has failed and changed files"
                    );
                }
            }
        }
    }
    assert!(refused > 50, "only {refused} logs cut short were refused");
    assert_reopens(&mem, expected, "with all logs in full");
    let again = reopen(&mem, "a second time");
    put(&again, "e", "7");
    drop(again);
    assert_reopens(&mem, "b=3 c= d=6 e=7", "closed once, and killed later");
}

/// An `open` that finds no room for what it replayed leaves no table behind.
///
/// What it has written so far is in nobody's manifest. If it stays, each attempt fills the disk a
/// little more, until no room that the user makes is enough.
///
/// # Hints
/// - Flushing what was replayed, and the new log: whichever of them fails, the tables go.
/// - `TableStore::retire` removes a table's file once nobody reads it.
#[test]
fn an_open_without_room_leaves_no_tables() {
    let (mem, expected) = sample(End::Drop);
    let tables = |mem: &MemFs| -> Vec<String> {
        let names = mem.file_names(DIR).into_iter();
        names.filter(|name| name.ends_with(".sst")).collect()
    };
    let before = tables(&mem);
    for (extension, nth) in [("sst", 0), ("sst", 1), ("wal", 0)] {
        let mem = kill(&mem);
        let seen = AtomicUsize::new(0);
        let fs = hooked(&mem, move |op| {
            let is_it = op.kind == OpKind::Create && op.has_extension(extension);
            match is_it && seen.fetch_add(1, Ordering::SeqCst) == nth {
                true => Verdict::Fail(std::io::ErrorKind::StorageFull),
                false => Verdict::Proceed,
            }
        });
        let told = format!("with no room for file {nth} of kind {extension}");
        let outcome = LsmStorage::open(DIR, LsmOptions::for_test(fs));
        assert!(outcome.is_err(), "{told}, open gave Ok");
        assert_eq!(tables(&mem), before, "the table files {told}");
        assert_reopens(&mem, expected, "once there is room");
    }
}

/// A manifest that ends too early is an error, or has lost nothing that counts: it never gives
/// an older state of the store.
///
/// Cut where an edit ends, a manifest looks sound. What it has forgotten looks like strays, and
/// would be removed: a log with all that was written last.
///
/// # Hints
/// - A file that an older version still needs is gone: that error comes by itself.
/// - Every log is named in the manifest before a batch goes into it. Can there be one with an id
///   from `next_id` on that has a record?
/// - One without can be there: a crash may come between creating a log and naming it.
#[test]
fn a_manifest_cut_short_gives_no_older_store() {
    let (mem, expected) = sample(End::Close);
    let manifest = mem.read(path(MANIFEST));
    for len in 0..manifest.len() {
        let mem = kill(&mem);
        mem.write_raw(path(MANIFEST), &manifest[..len]);
        let before = files(&mem);
        match LsmStorage::open(DIR, options(&mem)) {
            Ok(store) => {
                let told = format!("with {len} of {} bytes of the manifest", manifest.len());
                assert_contents(&store, expected, &told);
            }
            Err(_) => assert!(
                files(&mem) == before,
                "with {len} bytes of the manifest, open has failed and changed files"
            ),
        }
    }
}

/// Any bit that is wrong in a log or the manifest of a store gives an error or the right
/// answer: all that was written, or, behind the last mark of a log, less, and said so.
///
/// What is damaged is not touched: there may be a backup, or a person who can read it.
///
/// # Hints
/// - All decoding ends in `Corruption` or in what was written.
/// - Recovery creates new files; it never shortens or appends to an old one.
/// - `metrics().recovery.lost_tails` has a line for each log with something behind its end.
#[test]
fn no_flipped_bit_gives_another_store() {
    let (mem, _) = sample(End::Drop);
    let store = reopen(&mem, "the sample");
    store.write(batch("d=7 e=8")).expect("write");
    store.sync().expect("sync");
    put(&store, "f", "9");
    drop(store);
    let synced: Map = {
        let store = reopen(&kill(&mem), "before any damage");
        let mut map = scan_all(&store, "before any damage");
        map.remove(&b"f"[..]);
        map
    };
    let mut complete = synced.clone();
    complete.insert(b"f".to_vec(), b"9".to_vec());
    for (name, bytes) in files(&mem) {
        if name != MANIFEST && !name.ends_with(".wal") {
            continue;
        }
        for byte in 0..bytes.len() {
            let told = format!("with bit {} of byte {byte} of {name} flipped", byte % 8);
            let damaged = kill(&mem);
            damaged.write_raw(path(&name), &flipped(&bytes, byte, byte % 8));
            let before = files(&damaged);
            match LsmStorage::open(DIR, options(&damaged)) {
                Ok(store) => {
                    let map = scan_all(&store, &told);
                    let lost = &store.metrics().recovery.lost_tails;
                    assert!(
                        map == complete || (map == synced && !lost.is_empty()),
                        "{told}, the store holds {} keys instead of {}, and reports {} lost tails",
                        map.len(),
                        complete.len(),
                        lost.len()
                    );
                }
                Err(error) => {
                    assert!(error.is_corruption(), "{told}, open gives {error:?}");
                    assert!(
                        files(&damaged) == before,
                        "{told}, open has failed and changed files"
                    );
                }
            }
        }
    }
}

/// Where an older log has lost its end, all later batches are left out: for good, and quietly,
/// if no later log was ever synced.
///
/// A power cut may take the end of one log and leave the next: nobody had asked for a sync. A
/// deposit that is replayed without the account's opening is worse than none.
///
/// # Hints
/// - Sequence numbers tell: a batch goes on where the last one ended, or there is a gap.
/// - A log that is empty is no gap.
/// - Behind a gap nothing fits any more, even if its numbers seem to.
#[test]
fn a_gap_between_logs_ends_the_replay() {
    let cases: [(&[LogByHand], &str); 6] = [
        (
            &[(3, 1, "a=1 | b=2", false), (5, 3, "c=3", false)],
            "a=1 b=2 c=3",
        ),
        (&[(3, 1, "a=1", false), (5, 3, "c=3", false)], "a=1"),
        (
            &[
                (3, 1, "a=1", true),
                (5, 3, "c=3", false),
                (6, 4, "d=4", false),
            ],
            "a=1",
        ),
        (
            &[
                (3, 1, "a=1", false),
                (5, 2, "", false),
                (6, 2, "b=2", false),
            ],
            "a=1 b=2",
        ),
        (
            &[
                (3, 1, "", false),
                (5, 2, "b=2", false),
                (6, 1, "x=1", false),
            ],
            "",
        ),
        (
            &[
                (3, 1, "a=1", false),
                (5, 3, "c=3", false),
                (6, 2, "b=2", false),
            ],
            "a=1",
        ),
    ];
    for (logs, expected) in cases {
        let mem = by_hand(logs);
        let when = format!("with the logs {logs:?}");
        let store = reopen(&mem, &when);
        assert_contents(&store, expected, &when);
        put(&store, "new", "1");
        drop(store);
        let expected = format!("{expected} new=1");
        assert_reopens(
            &mem,
            expected.trim(),
            &format!("{when}, after a put and a reopening"),
        );
    }
}

/// A gap within one log is `Corruption` of that log, and nothing is changed.
///
/// No crash makes it: records are appended one after the other, and a torn one ends the log. Whoever replays over the gap gives numbers
/// to batches that have others, and a later flush drops what it takes for older.
///
/// # Hints
/// - Each batch must begin with the number after the last operation of the one before, within a log as from log to log.
#[test]
fn a_gap_within_a_log_is_corruption() {
    let mem = mem_with_dir();
    let version = Version {
        logs: [1].into(),
        next_id: 2,
        ..Version::default()
    };
    Manifest::create(Arc::clone(&mem) as Arc<dyn FileSystem>, dir(), version).expect("a manifest");
    let log = Wal::create(&*mem, dir(), 1).expect("a log");
    for (seq, text) in [(1, "a=1"), (3, "b=2")] {
        log.append(seq, &batch(text).ops()).expect("append");
    }
    drop(log);
    let before = files(&mem);
    match LsmStorage::open(DIR, options(&mem)) {
        Ok(_) => panic!("log 1 holds the numbers 1 and 3, and the store opens"),
        Err(error) => assert!(
            error.is_corruption(),
            "a gap within a log should be Corruption, not {error:?}"
        ),
    }
    let after = files(&mem).into_iter().filter(|(name, _)| name != LOCK);
    assert_eq!(
        after.collect::<Vec<_>>(),
        before,
        "the files after an open that failed"
    );
}

/// Where an older log has lost its end though a later one was synced, that is `Corruption`, and
/// nothing is changed.
///
/// Older logs are synced first. So a crash cannot have done this: synced data is missing.
///
/// # Hints
/// - A header with `synced` above 0 in any later log is the proof: `shows_sync`.
/// - It need not be in the log right behind the gap.
#[test]
fn a_gap_before_a_synced_log_is_corruption() {
    let cases: [&[LogByHand]; 3] = [
        &[(3, 1, "a=1", false), (5, 3, "c=3", true)],
        &[
            (3, 1, "a=1", false),
            (5, 3, "c=3", false),
            (6, 4, "d=4", true),
        ],
        &[(3, 1, "", false), (5, 2, "b=2", true)],
    ];
    for logs in cases {
        let mem = by_hand(logs);
        let before = files(&mem);
        let what = format!("a gap in the logs {logs:?}");
        assert_corruption(LsmStorage::open(DIR, options(&mem)), &what);
        assert!(
            files(&mem) == before,
            "{what} is refused, and files have changed"
        );
    }
}

/// `metrics` tells what recovery found: how many logs and batches, and of each log that was not
/// replayed to its end, up to where it was, and how much was left out.
///
/// Quiet is not secret: whoever wonders where the last minute went finds it here.
///
/// # Hints
/// - `LogContents` has the end and the lost bytes.
/// - Of a log behind a gap nothing is replayed, though all of it could be read.
#[test]
fn recovery_reports_what_it_found() {
    let store = open(options(&mem_fs()));
    assert_eq!(
        store.metrics().recovery.log_count,
        0,
        "logs read for a new store"
    );
    let mem = by_hand(&[(3, 1, "a=1 b=2 | a", false), (5, 4, "c=3", false)]);
    let report = reopen(&kill(&mem), "two sound logs").metrics().recovery;
    assert_eq!(
        (report.log_count, report.batch_count),
        (2, 3),
        "logs and batches"
    );
    assert!(report.lost_tails.is_empty(), "lost tails of sound logs");
    let file = log_path(dir(), 5);
    let torn = [&mem.read(&file)[..], b"half a record"].concat();
    mem.write_raw(&file, &torn);
    let store = reopen(&mem, "with a torn log");
    assert_contents(&store, "b=2 c=3", "with a torn log");
    let tails = store.metrics().recovery.lost_tails;
    let tails: Vec<_> = tails
        .into_iter()
        .map(|tail| (tail.file, tail.offset, tail.len))
        .collect();
    assert_eq!(
        tails,
        [(file, torn.len() as u64 - 13, 13)],
        "the lost tails: file, offset, length"
    );
    let mem = by_hand(&[(3, 1, "a=1", false), (5, 3, "c=3", false)]);
    let file = log_path(dir(), 5);
    let len = mem.read(&file).len() as u64;
    let tails = reopen(&mem, "with a gap").metrics().recovery.lost_tails;
    let tails: Vec<_> = tails
        .into_iter()
        .map(|tail| (tail.file, tail.offset, tail.len))
        .collect();
    assert_eq!(
        tails,
        [(file, 0, len)],
        "the lost tails of a log behind a gap: file, offset, length"
    );
}

/// No id is used twice, not even one whose file was created just before a crash, and never
/// named.
///
/// A crash may bring a removed file's name back. If a new table has that name, the manifest
/// means one file and the disk has another.
///
/// # Hints
/// - The manifest's `next_id` knows nothing of a file that was created after its last edit.
/// - The next id is above every id that a file in the directory has, too.
#[test]
fn an_id_is_never_used_twice() {
    let (mem, images) = (mem_fs(), Arc::new(Mutex::new(Vec::new())));
    let (source, seen) = (Arc::clone(&mem), Arc::clone(&images));
    let fs = hooked(&mem, move |op| {
        if op.kind.is_change() {
            seen.lock().expect("no hook panics").push(kill(&source));
        }
        Verdict::Proceed
    });
    let store = open(small_memtables(fs));
    for i in 0..8 {
        put(&store, &format!("k{}", i % 3), &"x".repeat(60));
        if i % 3 == 2 {
            store.flush().expect("flush");
        }
    }
    store.compact().expect("compact");
    let id_of = |name: &String| {
        name.split_once('.')
            .and_then(|(id, _)| id.parse::<u64>().ok())
    };
    for image in images.lock().expect("no hook panics").iter() {
        let greatest = image
            .file_names(DIR)
            .iter()
            .filter_map(id_of)
            .max()
            .unwrap_or(0);
        let ops = OpLog::default();
        let fs = FaultFs::logged(Arc::clone(image) as Arc<dyn FileSystem>, &ops);
        let store = open(LsmOptions::for_test(Arc::new(fs)));
        put(&store, "new", "1");
        store.flush().expect("flush");
        for op in ops
            .operations()
            .iter()
            .filter(|op| op.kind == OpKind::Create)
        {
            let name = op
                .path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let id = id_of(&name);
            assert!(
                id.is_none_or(|id| id > greatest),
                "{name} is created after a crash, though a file with id {greatest} was on disk"
            );
        }
    }
}

/// Opening a store again and again makes nothing longer: one log, a manifest as long as the
/// first, no more tables than there is data.
///
/// A service that restarts every minute must not die of its restarts.
///
/// # Hints
/// - Replayed logs are retired by the same edit that adds their tables.
/// - The manifest is replaced at each open.
/// - A log without batches gives no table.
#[test]
fn reopening_does_not_pile_up_files() {
    for how in [End::Close, End::Drop] {
        let (mem, expected) = sample(how);
        let store = reopen(&mem, "the first time");
        store.compact().expect("compact");
        end(store, how);
        let mut first = None;
        for i in 0..20 {
            let store = reopen(&mem, &format!("reopening {i}"));
            let logs = mem
                .file_names(DIR)
                .iter()
                .filter(|name| name.ends_with(".wal"))
                .count();
            assert_eq!(logs, 1, "logs after reopening {i}");
            if i % 5 == 0 {
                assert_contents(&store, expected, &format!("after reopening {i}"));
            }
            end(store, how);
            let now = (mem.file_names(DIR).len(), mem.total_bytes());
            let (file_count, total) = *first.get_or_insert(now);
            assert_eq!(
                now.0,
                file_count,
                "files after reopening {i}: {:?}",
                mem.file_names(DIR)
            );
            // A few digits more, as the ids grow.
            assert!(
                now.1 <= total + 16,
                "{} bytes after reopening {i}, {total} after the first",
                now.1
            );
        }
    }
}

/// Options may change from one open to the next: block size, sizes of memtables and tables,
/// fewer levels than there are on disk, durability.
///
/// Nobody knows on the first day what the tenth month needs. A level that is not looked at any
/// more hides data, and lets what was deleted come back.
///
/// # Hints
/// - A store that has more levels on disk than the options say keeps them.
/// - What is replayed may be more than one memtable of the new size holds.
#[test]
fn options_may_change_between_runs() {
    let mem = mem_fs();
    let fs = || Arc::clone(&mem) as Arc<dyn FileSystem>;
    let store = open(LsmOptions {
        level_count: 5,
        level_base_size: 1,
        level_size_multiplier: 1,
        ..LsmOptions::for_test(fs())
    });
    let (mut model, mut rng) = (Model::default(), Rng::new(6));
    (0..60).for_each(|_| model.random_write(&store, &mut rng, 20));
    store.compact().expect("compact");
    assert!(
        !store.metrics().levels[5].is_empty(),
        "the compaction went to the last level, L5"
    );
    (0..60).for_each(|_| model.random_write(&store, &mut rng, 20));
    drop(store);

    let few_levels = LsmOptions {
        level_count: 1,
        block_size: 32,
        memtable_size: 150,
        table_size: 300,
        durability: Durability::Sync,
        ..LsmOptions::for_test(fs())
    };
    let many_levels = LsmOptions {
        level_count: 9,
        block_size: 10_000,
        ..LsmOptions::for_test(fs())
    };
    for (options, what) in [(few_levels, "one level"), (many_levels, "nine levels")] {
        let store = LsmStorage::open(DIR, options);
        let store = store.unwrap_or_else(|error| panic!("with options for {what}: {error}"));
        model.check_all(&store, 20, &format!("with options for {what}"));
        (0..40).for_each(|_| model.random_write(&store, &mut rng, 20));
        store.flush().expect("flush");
        model.check_all(
            &store,
            20,
            &format!("with options for {what}, after writes"),
        );
        store.compact().expect("compact");
        model.check_all(
            &store,
            20,
            &format!("with options for {what}, after a compaction"),
        );
        (0..40).for_each(|_| model.random_write(&store, &mut rng, 20));
    }
    let store = reopen(&mem, "with the first options");
    model.check_all(&store, 20, "with the first options again");
}

/// A table under another's name, tables that overlap below L0, and numbers beyond all bounds in
/// the manifest are errors: no wrong answer, and no panic.
///
/// A restore from a backup mixes up two files in the night. Each is sound by itself.
///
/// # Hints
/// - A table's footer knows its id.
/// - From L1 on at most one table can hold a key: reads rely on it, so look at neighbours when
///   you open them.
/// - A level of 2^64 - 1 is a number that you must not add 1 to, nor make a vector of.
#[test]
fn a_version_that_cannot_be_is_an_error() {
    let mem = mem_fs();
    let store = open(options(&mem));
    for text in ["a=1 m=1", "b=2 z=2"] {
        store.write(batch(text)).expect("write");
        store.flush().expect("flush");
    }
    let ids: Vec<TableId> = store.metrics().levels[0]
        .iter()
        .map(|table| table.id)
        .collect();
    store.close().expect("close");

    let swapped = kill(&mem);
    let [first, second] = [0, 1].map(|i| table_path(dir(), ids[i]));
    swapped.write_raw(&first, &mem.read(&second));
    swapped.write_raw(&second, &mem.read(&first));
    assert_corruption(
        LsmStorage::open(DIR, options(&swapped)),
        "a store with two tables swapped",
    );

    let version = Manifest::load(&*mem, dir()).expect("the manifest loads");
    let with = |change: &dyn Fn(&mut Version)| {
        let (mem, mut version) = (kill(&mem), version.clone());
        change(&mut version);
        Manifest::create(mem.clone(), dir(), version).expect("a new manifest");
        mem
    };
    let overlapping = with(&|version| version.tables.values_mut().for_each(|level| *level = 2));
    assert_corruption(
        LsmStorage::open(DIR, options(&overlapping)),
        "a manifest with overlapping tables on level 2",
    );
    let absurd: [(&str, Arc<MemFs>); 4] = [
        (
            "level",
            with(&|version| {
                version
                    .tables
                    .values_mut()
                    .for_each(|level| *level = usize::MAX)
            }),
        ),
        (
            "level",
            with(&|version| {
                version
                    .tables
                    .values_mut()
                    .for_each(|level| *level = 1 << 60)
            }),
        ),
        (
            "sequence number",
            with(&|version| version.last_flushed_seq = u64::MAX),
        ),
        ("id", with(&|version| version.next_id = u64::MAX)),
    ];
    for (what, mem) in absurd {
        let outcome = panics_not(|| {
            // An error now, or at the first write that has no number left; or none at all.
            let written = LsmStorage::open(DIR, options(&mem))
                .and_then(|store| store.put(b"k", b"1").and_then(|()| store.flush()));
            drop(written);
        });
        assert!(
            outcome,
            "the engine panicked over an absurd {what} in the manifest"
        );
    }
}

/// Where ids or sequence numbers are nearly used up, a write that went well is there when the store
/// is opened again.
///
/// No honest store comes there, but a damaged manifest may say so. Numbers that are written and then
/// refused when they are read lock the owner out of a store that had just taken a write.
///
/// # Hints
/// - What does the manifest's decoder, or the log's, refuse as too great a number?
/// - Refuse to begin where you could not go on: before anything is written.
#[test]
fn a_write_near_the_end_of_the_numbers_is_not_lost() {
    let last = mini_lsm_starter::ids::NUMBERS_END - 1;
    let by_seq = Version {
        last_flushed_seq: last,
        next_id: 1,
        ..Version::default()
    };
    let by_id = Version {
        next_id: last,
        ..Version::default()
    };
    for version in [by_seq, by_id] {
        let mem = mem_with_dir();
        let when = format!("with {version:?}");
        Manifest::create(mem.clone(), dir(), version).expect("a new manifest");
        let put = LsmStorage::open(DIR, options(&mem)).and_then(|store| store.put(b"k", b"1"));
        if put.is_ok() {
            assert_reopens(&mem, "k=1", &when);
        }
    }
    let mem = mem_with_dir();
    Manifest::create(mem.clone(), dir(), Version::default()).expect("a new manifest");
    assert_reopens(&mem, "", "with an empty version");
}

/// A store whose ids or sequence numbers have come to half of all there are is refused; one below
/// that goes on.
///
/// A limit that is one off is of no matter to anybody; but it is written down, and two engines that
/// read it otherwise cannot have the same store.
///
/// # Hints
/// - Half of `NUMBERS_END` is refused, one less is not.
/// - The last number that was replayed counts, and the next id that would be given.
#[test]
fn numbers_from_the_half_on_are_refused() {
    let half = mini_lsm_starter::ids::NUMBERS_END / 2;
    let opened = |last_flushed_seq, next_id| {
        let mem = mem_with_dir();
        let version = Version {
            last_flushed_seq,
            next_id,
            ..Version::default()
        };
        Manifest::create(mem.clone(), dir(), version).expect("a new manifest");
        let before = files(&mem);
        let opened = LsmStorage::open(DIR, options(&mem));
        let kept = files(&mem);
        let has_changed = before.iter().any(|file| !kept.contains(file));
        (opened, has_changed)
    };
    for (seq, id) in [(half - 1, 1), (1, half - 1)] {
        let (opened, _) = opened(seq, id);
        if let Err(error) = opened {
            panic!(
                "sequence number {seq} and next id {id} are below the half, but open gives {error}"
            );
        }
    }
    for (seq, id) in [(half, 1), (1, half), (half + 1, half + 1)] {
        let (opened, has_changed) = opened(seq, id);
        let what = format!("a manifest with sequence number {seq} and next id {id}");
        assert_corruption(opened, &what);
        assert!(!has_changed, "{what} was refused, and changed all the same");
    }
}

/// A log becomes one table when a store is opened, and more only where it fills more than one
/// memtable.
///
/// Each table of L0 is asked by every read. A recovery that makes one of each batch hands over a
/// store in which a `get` asks a thousand tables.
///
/// # Hints
/// - A memtable is full when it has reached `memtable_size`, as in a store that is open.
/// - Look before you insert a batch, not behind: the last memtable would be empty.
#[test]
fn a_small_log_becomes_one_table() {
    let text = "a=1 | b=2 | a | c=3 d=4";
    for (memtable_size, tables) in [(1 << 20, 1), (1, 4)] {
        let mem = by_hand(&[(3, 1, text, false)]);
        let store = open(LsmOptions {
            memtable_size,
            ..options(&mem)
        });
        let when = format!("with a log of four batches and memtables of {memtable_size} bytes");
        let found = store.metrics().levels[0].len();
        assert_eq!(found, tables, "tables in L0 after open, {when}");
        assert_contents(&store, "b=2 c=3 d=4", &when);
    }
}

/// A recovery that fails at any operation, or is cut off there by a crash, is repeated by the
/// next one, with the same result.
///
/// Power that fails once fails twice: machines are switched on and off again while they
/// recover.
///
/// # Hints
/// - Until the new manifest has its name, the old one and all that it names must be as they
///   were.
/// - The new manifest is durable before the first file is removed.
#[test]
fn an_interrupted_recovery_is_repeated() {
    let (base, expected) = sample(End::Drop);
    let mut failures = 0;
    for index in 0.. {
        let mem = kill(&base);
        let was_reached = Arc::new(AtomicBool::new(false));
        let images = Arc::new(Mutex::new(Vec::new()));
        let is_opening = Arc::new(AtomicBool::new(true));
        let opening = Arc::clone(&is_opening);
        let (reached, seen, source) = (
            Arc::clone(&was_reached),
            Arc::clone(&images),
            Arc::clone(&mem),
        );
        let fs = hooked(&mem, move |op| {
            if op.index != index || !opening.load(Ordering::SeqCst) {
                return Verdict::Proceed;
            }
            reached.store(true, Ordering::SeqCst);
            let random = (0..3).map(|seed| CrashPlan::Random { seed });
            for plan in [CrashPlan::Lose, CrashPlan::Keep].into_iter().chain(random) {
                let what = format!(
                    "a crash of the recovery before {:?} {} ({plan:?})",
                    op.kind,
                    op.path.display()
                );
                let image = Arc::new(source.crash_clone(&plan));
                seen.lock().expect("no hook panics").push((what, image));
            }
            Verdict::Fail(std::io::ErrorKind::Other)
        });
        let when = format!("with a failure at operation {index} of the recovery");
        let outcome = LsmStorage::open(DIR, LsmOptions::for_test(fs));
        is_opening.store(false, Ordering::SeqCst);
        match outcome {
            Ok(store) => assert_contents(&store, expected, &when),
            Err(_) => failures += 1,
        }
        if !was_reached.load(Ordering::SeqCst) {
            break;
        }
        assert_reopens(&mem, expected, &format!("{when}, and another open"));
        for (what, image) in images.lock().expect("no hook panics").iter() {
            assert_reopens(image, expected, what);
        }
    }
    assert!(
        failures >= 10,
        "only {failures} operations of a recovery made it fail"
    );
}

/// The creation of a store that fails at any operation, as if the process had been killed there,
/// is repeated or finished by the next open; and a power cut in that one still leaves a store.
///
/// The creator may be gone after the manifest got its name and before the directory was synced. The
/// next process sees the name, though a power cut can still take it, and leave the log that was
/// created since: data files without a manifest are a store that never opens again.
///
/// # Hints
/// - What a directory shows need not be on disk. What does your `open` rely on when it finds a
///   manifest?
/// - One `sync_dir`, before anything is created.
#[test]
fn an_interrupted_creation_is_repeated() {
    let mut failures = 0;
    for index in 0.. {
        let (mem, images) = (mem_fs(), Arc::new(Mutex::new(Vec::new())));
        let (source, seen) = (Arc::clone(&mem), Arc::clone(&images));
        let was_reached = Arc::new(AtomicBool::new(false));
        let reached = Arc::clone(&was_reached);
        let fs = hooked(&mem, move |op| {
            if op.index == index {
                reached.store(true, Ordering::SeqCst);
                return Verdict::Fail(std::io::ErrorKind::Other);
            }
            let is_second_open = op.index > index && op.kind != OpKind::Lock;
            let plans = (0..8).map(|seed| CrashPlan::Random { seed });
            for plan in plans.filter(|_| is_second_open) {
                let what = format!(
                    "a creation that failed at operation {index}, and a power cut in the next open before {:?} {} ({plan:?})",
                    op.kind,
                    op.path.display()
                );
                let image = Arc::new(source.crash_clone(&plan));
                seen.lock().expect("no hook panics").push((what, image));
            }
            Verdict::Proceed
        });
        let options = LsmOptions::for_test(fs);
        failures += usize::from(LsmStorage::open(DIR, options.clone()).is_err());
        if !was_reached.load(Ordering::SeqCst) {
            break;
        }
        drop(LsmStorage::open(DIR, options).unwrap_or_else(|error| {
            panic!("after a creation that failed at operation {index}, open failed: {error}")
        }));
        for (what, image) in images.lock().expect("no hook panics").iter() {
            assert_reopens(image, "", what);
        }
    }
    assert!(
        failures >= 5,
        "only {failures} operations of a creation made it fail"
    );
}

/// A crash just before any file-system operation, with unsynced data lost, kept, zeroed, torn
/// or left to chance, leaves a store that opens and holds a prefix of the writes: with all that
/// was synced.
///
/// This is the whole contract, tried at every point at which it can break. The failure tells
/// the operation: what did you rely on that was not on disk yet?
///
/// # Hints
/// - Which file does the operation touch, and what names it? Bytes, then the name, then the
///   manifest: each synced before the next.
/// - If a state comes up that never was: which log, or which part of one, was replayed without
///   what came before it?
/// - If it is too old: what was removed before its successor was durable?
#[test]
fn every_crash_leaves_what_was_promised() {
    let make_options: fn(Arc<dyn FileSystem>) -> LsmOptions = |fs| LsmOptions {
        memtable_size: 220,
        block_size: 64,
        table_size: 250,
        level_base_size: 400,
        level_size_multiplier: 2,
        level_count: 3,
        ..LsmOptions::for_test(fs)
    };
    let mut images = 0;
    for seed in [61, 62] {
        let (mut workload, mut rng) = (Workload::new(make_options), Rng::new(seed));
        workload.run_random(&mut rng, 60, false);
        images += workload.check_images();
    }
    assert!(
        images > 1000,
        "only {images} crashes: the engine hardly used the file system"
    );
}

/// The same with `Durability::Sync`: every write that returned is there, whatever the crash
/// does.
///
/// Group commit, rotation and flush each have their own moment in which the promise can slip.
///
/// # Hints
/// - See `every_crash_leaves_what_was_promised`; here a write counts as synced when it returns.
#[test]
fn every_crash_leaves_each_durable_write() {
    let make_options: fn(Arc<dyn FileSystem>) -> LsmOptions = |fs| LsmOptions {
        memtable_size: 220,
        block_size: 64,
        table_size: 250,
        level_base_size: 400,
        ..sync_options(fs)
    };
    let (mut workload, mut rng) = (Workload::new(make_options), Rng::new(63));
    workload.run_random(&mut rng, 50, true);
    assert!(
        workload.check_images() > 500,
        "the engine hardly used the file system"
    );
}

/// Random writes, flushes, compactions, and reopenings after a close, a drop, a kill, or a sync
/// and a power cut: always what a `BTreeMap` holds.
///
/// Chance finds the paths that nobody thought of: a log replayed on a level that was compacted,
/// an empty memtable flushed, a tombstone that comes back.
///
/// # Hints
/// - The failure prints the seed: run it again with fewer steps until you see which one breaks
///   it.
#[test]
fn a_store_that_is_reopened_agrees_with_a_map() {
    for seed in 0..4 {
        let (mut rng, mut model) = (Rng::new(seed), Model::default());
        let mut mem = mem_fs();
        let mut store = open(options(&mem));
        for step in 0..400 {
            let when = format!("seed {seed}, step {step}");
            match rng.below(100) {
                0..4 => store.flush().expect("flush"),
                4..6 => store.compact().expect("compact"),
                6..9 => store.sync().expect("sync"),
                9..14 => {
                    match rng.below(4) {
                        0 => store.close().expect("close"),
                        1 => {}
                        2 => mem = kill(&mem),
                        _ => {
                            store.sync().expect("sync");
                            let plan = CrashPlan::Random { seed: rng.next() };
                            mem = Arc::new(mem.crash_clone(&plan));
                        }
                    }
                    drop(store);
                    store = open(LsmOptions {
                        memtable_size: *rng.pick(&[100, 500, 3000]),
                        block_size: *rng.pick(&[64, 500]),
                        level_base_size: *rng.pick(&[500, 50_000]),
                        durability: *rng.pick(&[Durability::Buffered, Durability::Sync]),
                        ..options(&mem)
                    });
                    model.check_all(&store, 20, &format!("{when}, after a reopening"));
                }
                _ => model.random_write(&store, &mut rng, 20),
            }
        }
        model.check_ranges(&store, 20, &format!("seed {seed}, at the end"));
    }
}
