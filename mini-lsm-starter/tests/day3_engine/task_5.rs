//! Day 3 · Task 5 · scan.

use mini_lsm_starter::LsmIterator;
use mini_lsm_starter::iterators::{MergeIterator, Source};
use mini_lsm_starter::table::{CacheFill, SsTableIterator};

use super::common::model::Model;
use super::common::rng::Rng;
use super::common::{key, rest_of_scan, value};
use super::*;

/// The keys and values of a range, as text: `"a=1 c=3"`.
#[track_caller]
fn scan(store: &LsmStorage, start: Bound<&str>, end: Bound<&str>) -> String {
    let bounds = (start.map(str::as_bytes), end.map(str::as_bytes));
    let mut scan = store
        .scan(bounds)
        .unwrap_or_else(|error| panic!("scan from {start:?} to {end:?} failed: {error}"));
    as_text(&rest_of_scan(&mut scan))
}

fn as_text(entries: &[(Vec<u8>, Vec<u8>)]) -> String {
    let entry = |(key, value): &(Vec<u8>, Vec<u8>)| {
        format!(
            "{}={}",
            String::from_utf8_lossy(key),
            String::from_utf8_lossy(value)
        )
    };
    entries.iter().map(entry).collect::<Vec<_>>().join(" ")
}

/// A scan of everything shows every key once, in ascending order, with its newest value.
///
/// It does not matter in which order, how often, or in which memtable a key was written.
///
/// # Hints
/// - The sources are the memtable and the frozen ones, newest first, all at the published sequence number.
/// - The iterator stands on the first entry when `scan` returns: whoever gets it does not have to call `next` first.
#[test]
fn a_scan_shows_every_key_once_in_order() {
    let memtable_size = 2 << 10;
    let store = store_with(memtable_size);
    let got = scan(&store, Bound::Unbounded, Bound::Unbounded);
    assert!(got.is_empty(), "a scan of an empty store showed {got}");
    write_all(&store, "plum=1 fig=1 apple=1 fig=2 kiwi= date=1 date");
    let expected = "apple=1 fig=2 kiwi= plum=1";
    let got = scan(&store, Bound::Unbounded, Bound::Unbounded);
    assert!(got == expected, "a scan showed {got}, expected {expected}");

    freeze(&store, memtable_size);
    write_all(&store, "apple plum=3 ~filler date=3");
    freeze(&store, memtable_size);
    write_all(&store, "banana=4 kiwi=4 ~filler");
    let expected = "banana=4 date=3 fig=2 kiwi=4 plum=3";
    let got = scan(&store, Bound::Unbounded, Bound::Unbounded);
    assert!(
        got == expected,
        "a scan over two frozen memtables and a third one showed {got}, expected {expected}"
    );
}

/// Each bound counts as it says: included, excluded, or none, on a key or in a gap.
///
/// The bounds of a range are where engines of learners most often go wrong, each in another place.
///
/// # Hints
/// - An excluded start: seek to it, and if you stand on it, take one step.
/// - The end has to be looked at on the *first* entry too, not only in `next`.
/// - An end that is no key ends the range just as well: compare for order, not for equality.
#[test]
fn bounds_are_included_or_excluded_as_they_say() {
    use Bound::{Excluded, Included, Unbounded};
    let store = store();
    write_all(&store, "b=2 d=4 f=6 h=8");
    let table: [(Bound<&str>, Bound<&str>, &str); 16] = [
        (Included("b"), Included("h"), "b=2 d=4 f=6 h=8"),
        (Excluded("b"), Excluded("h"), "d=4 f=6"),
        (Included("d"), Excluded("f"), "d=4"),
        (Excluded("d"), Included("f"), "f=6"),
        (Included("d"), Included("d"), "d=4"),
        (Included("d"), Excluded("d"), ""),
        (Excluded("d"), Included("d"), ""),
        (Excluded("d"), Excluded("d"), ""),
        (Excluded("d"), Excluded("f"), ""),
        (Included("e"), Excluded("e1"), ""),
        (Excluded("c"), Excluded("g"), "d=4 f=6"),
        (Unbounded, Excluded("d"), "b=2"),
        (Unbounded, Included("a"), ""),
        (Excluded("f"), Unbounded, "h=8"),
        (Included("i"), Unbounded, ""),
        (Included("h"), Excluded("b"), ""),
    ];
    for (start, end, expected) in table {
        let got = scan(&store, start, end);
        assert!(
            got == expected,
            "over [b d f h], a scan from {start:?} to {end:?} showed [{got}], expected [{expected}]"
        );
    }
}

/// Deleted keys are not shown: not at the start of a range, not at its end, and not if they are all there is.
///
/// Tombstones are entries for the merge below, and nothing at all for users.
///
/// # Hints
/// - Skip tombstones after every step, and once when the iterator is made.
/// - There may be several in a row.
/// - The skipping has to stop at the end of the range.
#[test]
fn deleted_keys_are_not_shown() {
    use Bound::{Excluded, Included, Unbounded};
    let store = store();
    write_all(&store, "a=1 b=2 c=3 d=4 e=5 f=6 g=7 a b d e g");
    let table: [(Bound<&str>, Bound<&str>, &str); 8] = [
        (Unbounded, Unbounded, "c=3 f=6"),
        (Included("a"), Included("e"), "c=3"),
        (Included("b"), Included("b"), ""),
        (Included("d"), Included("e"), ""),
        (Excluded("a"), Excluded("c"), ""),
        (Included("d"), Excluded("f"), ""),
        (Excluded("c"), Included("g"), "f=6"),
        (Excluded("f"), Unbounded, ""),
    ];
    for (start, end, expected) in table {
        let got = scan(&store, start, end);
        assert!(
            got == expected,
            "with c and f left of a to g, a scan from {start:?} to {end:?} showed [{got}], expected [{expected}]"
        );
    }
    write_all(&store, "c f");
    let got = scan(&store, Unbounded, Unbounded);
    assert!(
        got.is_empty(),
        "all keys are deleted, but a scan showed [{got}]"
    );
}

/// Every kind of range gives what a sorted map would, in one memtable and over many.
///
/// Empty, inverted, in a gap, on a key, on a deleted key, without an end: the same ranges are asked of tables and levels on later days.
///
/// # Hints
/// - A range whose bounds cross is empty, and no error; take care that nothing below panics on it.
/// - If it fails only with frozen memtables, ask the merge iterator's tests first.
#[test]
fn every_range_gives_what_a_sorted_map_would() {
    let key_count = 24;
    for memtable_size in [64 << 20, 1 << 10] {
        let store = store_with(memtable_size);
        let mut model = Model::default();
        let when = format!("with memtables of {memtable_size} bytes");
        model.check_ranges(&store, key_count, &format!("{when}, without a key"));
        for i in 0..2 * key_count {
            let i = (i * 7) % key_count;
            model.put(&store, &key(2 * i), &value(i));
        }
        model.check_ranges(&store, key_count, &when);
        // The first and the last key, and some of the bounds.
        for i in [0, 2, key_count, 2 * key_count - 2] {
            model.delete(&store, &key(i));
        }
        let when = format!("{when}, after some deletes");
        model.check_ranges(&store, key_count, &when);
    }
}

/// Past its end a scan stays there, however often it is asked for the next entry.
///
/// The keys beyond the end are still there below; an iterator that runs on shows them sooner or later.
///
/// # Hints
/// - If the cursor below stands on a key beyond the end, there is nothing more to do: do not move it.
/// - `next` past the end is `Ok`.
#[test]
fn past_its_end_a_scan_stays_there() {
    use Bound::{Excluded, Included, Unbounded};
    let store = store();
    write_all(&store, "a=1 b=2 c=3 d=4 e=5 f=6 d");
    let table: [(Bound<&str>, usize); 6] = [
        (Included("b"), 2),
        (Excluded("c"), 2),
        (Excluded("e"), 3),
        (Included("d"), 3),
        (Excluded("a"), 0),
        (Unbounded, 5),
    ];
    for (end, expected) in table {
        let bounds = (Unbounded, end.map(str::as_bytes));
        let mut cursor = store
            .scan(bounds)
            .unwrap_or_else(|error| panic!("scan to {end:?} failed: {error}"));
        let count = rest_of_scan(&mut cursor).len();
        assert!(
            count == expected,
            "a scan to {end:?} showed {count} entries, expected {expected}"
        );
        for _ in 0..8 {
            cursor.next().unwrap_or_else(|error| {
                panic!("next() past the end of a scan to {end:?} failed: {error}")
            });
            assert!(
                !cursor.is_valid(),
                "a scan to {end:?} is valid again after its end, on {}",
                show(cursor.key())
            );
        }
    }
}

/// A scan shows the store as it was when it began, whatever is written and frozen after that.
///
/// A report that takes an hour must not mix figures of different minutes.
///
/// # Hints
/// - Read the published sequence number once, when the scan begins, and give it to every source.
/// - The newest version there is, is not the newest that this scan may see.
/// - The iterator holds on to the memtables of its state.
#[test]
fn a_scan_shows_the_store_as_it_was_when_it_began() {
    // In one memtable, and with memtables frozen before and after.
    for memtable_size in [1 << 20, 8 << 10] {
        check_that_writes_do_not_show(memtable_size);
    }
}

fn check_that_writes_do_not_show(memtable_size: usize) {
    let store = store_with(memtable_size);
    let mut expected = Vec::new();
    for i in 0..200 {
        put(&store, &key(2 * i), &number(i));
        expected.push((key(2 * i), number(i)));
    }
    let mut early = store.scan(..).expect("scan(..) failed");
    let mut late = store.scan(..).expect("scan(..) failed");
    for _ in 0..20 {
        early.next().expect("next() of a scan failed");
    }
    for i in 0..200 {
        match i % 3 {
            0 => put(&store, &key(2 * i), b"overwritten"),
            1 => store.delete(&key(2 * i)).expect("delete failed"),
            _ => put(&store, &key(2 * i + 1), b"new"),
        }
    }
    freeze(&store, memtable_size);
    for (cursor, skipped) in [(&mut early, 20), (&mut late, 0)] {
        let what = format!("a scan that had taken {skipped} steps when others wrote");
        assert_same(&what, &rest_of_scan(cursor), &expected[skipped..]);
    }
}

/// Compares entry by entry, so that the message names the first that is wrong.
#[track_caller]
fn assert_same(what: &str, got: &[(Vec<u8>, Vec<u8>)], expected: &[(Vec<u8>, Vec<u8>)]) {
    let entry = |(key, value): &(Vec<u8>, Vec<u8>)| (key.clone(), Some(value.clone()));
    let entries = |list: &[_]| list.iter().map(entry).collect::<Vec<Entry>>();
    assert_entries(what, &entries(got), &entries(expected));
}

/// While batches are written, every scan sees each of them as a whole or not at all.
///
/// Each batch gives all keys the same number and moves a token from one key to another: a scan with two numbers, two tokens or none has seen half a batch.
///
/// # Hints
/// - Publish a batch when its last operation is in the memtable, and give every source of a scan the published number.
/// - Ask for the number once: between two looks the writer goes on.
/// - The state first, the number second.
///
/// # Concurrent
#[test]
fn every_scan_sees_whole_batches() {
    const LEN: usize = 16;
    let store = store_with(64 << 10);
    let token = |n: usize| format!("token{}", n % 5).into_bytes();
    let write = |n: usize| {
        let mut batch = WriteBatch::new();
        if n > 0 {
            batch.delete(&token(n - 1));
        }
        for i in 0..LEN {
            batch.put(&key(i), &number(n));
        }
        batch.put(&token(n), &number(n));
        store.write(batch).expect("write(batch) failed");
    };
    write(0);
    read_beside(
        2,
        || (1..=1200).for_each(write),
        |seen| {
            let got = rest_of_scan(&mut store.scan(..).expect("scan(..) failed"));
            let n = got.first().map_or(0, |(_, value)| as_number(value));
            for (key, value) in &got {
                assert!(
                    as_number(value) == n,
                    "one scan shows batch {n} and, under {}, batch {}",
                    show(key),
                    show(value)
                );
            }
            let last = got.last().map(|(key, _)| key.as_slice());
            assert!(
                got.len() == LEN + 1 && last == Some(&token(n)),
                "a scan that shows batch {n} has {} entries and ends with {}, expected {} and {}",
                got.len(),
                show(last.unwrap_or_default()),
                LEN + 1,
                show(&token(n))
            );
            assert!(n >= *seen, "a scan shows batch {n}, an earlier one {seen}");
            let later = get_number(&store, &key(LEN / 2));
            assert!(
                later >= n,
                "a scan shows batch {n}, and a get after it batch {later}"
            );
            *seen = n;
        },
    );
}

/// A `for` loop over a scan yields the entries that are left, from where the cursor stands.
///
/// The cursor lends its entries; the loop hands out copies, for those who want it simple.
///
/// # Hints
/// - The loop is given; it relies on `is_valid`, `key`, `value` and `next` of your iterator.
/// - Its first item is the entry on which the cursor stands.
#[test]
fn a_for_loop_yields_the_entries_that_are_left() {
    let store = store();
    write_all(&store, "a=1 b=2 b c=3 d= e=5");
    for skipped in 0..=4 {
        let mut cursor = store.scan(..).expect("scan(..) failed");
        for _ in 0..skipped {
            cursor.next().expect("next() of a scan failed");
        }
        let mut got = Vec::new();
        for entry in cursor {
            let (key, value) = entry.expect("an item of a scan is an error");
            got.push((key.to_vec(), value.to_vec()));
        }
        let expected = ["a=1", "c=3", "d=", "e=5"][skipped..].join(" ");
        let got = as_text(&got);
        assert!(
            got == expected,
            "after {skipped} steps, a loop over the scan of [a=1 c=3 d= e=5] yielded [{got}], expected [{expected}]"
        );
    }
}

/// A scan that is open goes on when the store is gone.
///
/// It reads what it holds, not what the store holds: nothing that it needs may be thrown away under it.
///
/// # Hints
/// - The sources of a scan own their memtables, through an `Arc`.
#[test]
fn an_open_scan_outlives_its_store() {
    let memtable_size = 2 << 10;
    let store = store_with(memtable_size);
    write_all(&store, "a=1 b=2");
    freeze(&store, memtable_size);
    write_all(&store, "c=3 a=4 ~filler");
    let mut cursor = store.scan(..).expect("scan(..) failed");
    drop(store);
    let got = as_text(&rest_of_scan(&mut cursor));
    assert!(
        got == "a=4 b=2 c=3",
        "a scan of a store that was dropped shows [{got}], expected [a=4 b=2 c=3]"
    );
}

/// An error below comes out of a scan, which is invalid from then on and gives the error again.
///
/// Memtables do not fail, but tables do, from the next day on. A scan that ends quietly at a damaged block has lost half of the data without a word.
///
/// # Hints
/// - Every `?` counts: when the iterator is made, in `next`, and while tombstones are skipped.
/// - Ask the cursor below for its next entry even if it is invalid: it may be past its end, or it may have an error to tell.
#[test]
fn an_error_below_comes_out_of_a_scan() {
    let table = damaged_table(100, |i| Some(value(i)));
    // Two keys before the table's, one of them deleted, and one of the table's deleted.
    let memtable = memtable("a=1 b=2 b key000000");
    let cursor = |start: Bound<&[u8]>| {
        let sources = vec![
            Source::MemTable(memtable.iter(NOW)),
            Source::Table(SsTableIterator::new(Arc::clone(&table), CacheFill::No)),
        ];
        LsmIterator::new(MergeIterator::new(sources), start, Bound::Unbounded)
    };
    let mut expected = vec![(b"a".to_vec(), b"1".to_vec())];
    expected.extend((1..100).map(|i| (key(i), value(i))));

    let mut scan = cursor(Bound::Unbounded).expect("the first block is sound");
    let mut shown = 0;
    let error = loop {
        assert!(
            scan.is_valid(),
            "a scan over a table with a damaged block ended after {shown} entries without an error"
        );
        assert!(
            (scan.key(), scan.value()) == (&*expected[shown].0, &*expected[shown].1),
            "entry {shown} of a scan is {}, expected {}",
            show(scan.key()),
            show(&expected[shown].0)
        );
        shown += 1;
        if let Err(error) = scan.next() {
            break error;
        }
    };
    assert!(
        error.is_corruption(),
        "a damaged block gave another error than Corruption: {error}"
    );
    for _ in 0..2 {
        assert!(!scan.is_valid(), "a scan is valid after an error");
        assert!(
            scan.next().is_err_and(|error| error.is_corruption()),
            "next() of a scan after an error does not give the error again"
        );
    }

    let items: Vec<_> = cursor(Bound::Unbounded)
        .expect("the first block is sound")
        .into_iter()
        .take(200)
        .collect();
    let errors = items.iter().filter(|item| item.is_err()).count();
    assert!(
        items.len() == shown + 1 && errors == 1 && items[shown].is_err(),
        "a loop over the scan yielded {} items with {errors} errors, expected {shown} entries and one error",
        items.len()
    );

    // Into the damaged block, at once and by a step.
    for start in [
        Bound::Included(&*expected[shown].0),
        Bound::Excluded(&*expected[shown - 1].0),
    ] {
        assert!(
            cursor(start).is_err_and(|error| error.is_corruption()),
            "a scan that begins in a damaged block gave no error"
        );
    }
}

/// A scan does not look beyond the end of its range, whatever lies there.
///
/// Behind the end there may be a million tombstones, to be read from disk for nothing; and damage there is not this scan's business.
///
/// # Hints
/// - The skipping of tombstones stops where the range does.
/// - `next` past the end does not move the cursor below.
#[test]
fn a_scan_does_not_look_beyond_the_end_of_its_range() {
    let table = damaged_table(100, |i| (i < 5).then(|| value(i)));
    for (end, how) in [
        (Bound::Included(key(4)), "included"),
        (Bound::Excluded(key(5)), "excluded"),
    ] {
        let last = match &end {
            Bound::Included(last) | Bound::Excluded(last) => show(last),
            Bound::Unbounded => unreachable!("each end is bounded"),
        };
        let told = format!("a scan up to {last} ({how}), in front of many tombstones,");
        let source = SsTableIterator::new(Arc::clone(&table), CacheFill::No);
        let merge = MergeIterator::new(vec![Source::Table(source)]);
        let end = end.as_ref().map(Vec::as_slice);
        let mut scan = LsmIterator::new(merge, Bound::Unbounded, end)
            .unwrap_or_else(|error| panic!("{told} failed: {error}"));
        for i in 0..5 {
            assert!(
                scan.is_valid() && scan.key() == key(i),
                "{told} does not show {}",
                show(&key(i))
            );
            scan.next().unwrap_or_else(|error| {
                panic!("{told} ran into the damage far beyond its end: {error}")
            });
        }
        for _ in 0..100 {
            assert!(!scan.is_valid(), "{told} is valid past its end");
            scan.next().unwrap_or_else(|error| {
                panic!(
                    "{told} was asked for more, and ran into the damage far beyond its end: {error}"
                )
            });
        }
    }
}

/// A table of keys 0 to `count`, of which one block in the middle is damaged.
fn damaged_table(count: usize, value: impl Fn(usize) -> Option<Vec<u8>>) -> Arc<SsTable> {
    let fs = common::mem_fs();
    let options = LsmOptions {
        block_size: 128,
        ..common::options(&fs)
    };
    let path = common::path("000001.sst");
    fs.create_dir_all(Path::new(common::DIR))
        .expect("MemFs creates any directory once");
    let file = fs.create(&path).expect("MemFs creates any file once");
    let mut builder = SsTableBuilder::new(TableId(1), file, &options);
    for i in 0..count {
        builder
            .add(&key(i), value(i).as_deref())
            .expect("add() to a table failed (day 2)");
    }
    builder
        .finish()
        .expect("finish() of a table failed (day 2)");
    let mut bytes = fs.read(&path);
    // Blocks come first in the file.
    let middle = bytes.len() / 3;
    bytes[middle] ^= 0xff;
    fs.write_raw(&path, &bytes);
    let table = SsTable::open(options.fs, &path, TableId(1), None);
    Arc::new(table.expect("open() of a table whose index is sound failed (day 2)"))
}

/// After any sequence of writes, scans and gets give what a sorted map would, over many frozen memtables.
///
/// Random writes and random ranges find what nobody thought of.
///
/// # Hints
/// - The message names the range and the first wrong entry; the same seed gives the same writes again.
/// - Take the smallest test of this task that fails first.
#[test]
fn random_writes_scan_as_from_a_sorted_map() {
    let key_count = 60;
    let mut rng = Rng::new(35);
    let store = store_with(8 << 10);
    let mut model = Model::default();
    for count in 1..=1500 {
        model.random_write(&store, &mut rng, key_count);
        let when = format!("after {count} random writes");
        if count % 10 == 0 {
            let mut bound = || {
                let key = key(rng.below(2 * key_count));
                match rng.below(5) {
                    0 => Bound::Unbounded,
                    1 | 2 => Bound::Included(key),
                    _ => Bound::Excluded(key),
                }
            };
            model.check_scan(&store, &(bound(), bound()), &when);
        }
        if count % 250 == 0 {
            model.check_all(&store, key_count, &when);
        }
    }
    let frozen = store.metrics().frozen.len();
    assert!(
        frozen > 3,
        "only {frozen} memtables were frozen on the way, expected more"
    );
}
