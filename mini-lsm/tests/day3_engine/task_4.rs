//! Day 3 · Task 4 · the write path, get, and freezing.

use mini_lsm::write_batch::{MAX_KEY_LEN, MAX_VALUE_LEN};

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
    let frozen: Vec<u64> = metrics.frozen.iter().map(|memtable| memtable.id).collect();
    assert!(
        frozen.is_sorted_by(|newer, older| newer > older),
        "the frozen memtables are {frozen:?}, expected the newest first: ids grow from one memtable to the next"
    );
    let told = |&id: &u64| [Event::MemtableFull { id }, Event::MemtableFrozen { id }];
    let expected: Vec<Event> = frozen.iter().rev().flat_map(told).collect();
    let events = recorder.events();
    assert!(
        events == expected,
        "the listener was told {events:?}, expected {expected:?}"
    );
}

/// A memtable whose size is `memtable_size` to the byte is full, and one that lacks a byte is not.
///
/// "Has reached" includes the limit itself. The next batch, not this one, finds it full.
///
/// # Hints
/// - The memtable that has room is the one whose size is *less* than the limit.
#[test]
fn a_memtable_of_just_its_size_is_full() {
    let with_one_value = |memtable_size: usize| {
        let store = store_with(memtable_size);
        put(&store, b"a", &[b'v'; 1000]);
        store
    };
    let size = with_one_value(64 << 20).metrics().memtable.size;
    for (memtable_size, expected) in [(size, 1), (size + 1, 0)] {
        let store = with_one_value(memtable_size);
        put(&store, b"b", b"1");
        let frozen = store.metrics().frozen.len();
        assert!(
            frozen == expected,
            "memtable_size is {memtable_size}, and a value made the memtable {size} bytes large: the next put froze {frozen} memtables, expected {expected}"
        );
    }
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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
///
/// # Concurrent
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

/// A batch is whole for those, too, who write beside it: what they publish of their own publishes no half of another's.
///
/// Numbers are visible *up to* one. A writer that lets others go ahead before its batch is in the memtable has it shown half done by the first of them that is quicker.
///
/// # Hints
/// - Which numbers does the next writer publish, beside its own?
/// - Keep the commit lock from the first number that you take until all of your batch is in the memtable.
#[test]
fn a_batch_is_whole_for_those_who_write_beside_it() {
    const LEN: usize = 200;
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
        || (1..=400).for_each(write),
        |_| {
            put(&store, b"beside", b"1");
            let seen = get_number(&store, &key(0));
            let got = get_number(&store, &key(LEN - 1));
            assert!(
                got >= seen,
                "after a put of another key, get({}) gave {seen}, and then get({}) gave {got}: half of batch {seen} was visible",
                show(&key(0)),
                show(&key(LEN - 1))
            );
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
///
/// # Concurrent
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
