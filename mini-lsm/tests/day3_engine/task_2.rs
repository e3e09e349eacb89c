//! Day 3 · Task 2 · the memtable's iterator.

use super::common::conformance::check_cursor;
use super::common::key;
use super::common::rng::Rng;
use super::*;

/// The memtable's iterator follows the table of the cursor contract.
///
/// Everything above it, from the merge to the flush, relies on that table, and has no other source on this day.
///
/// # Hints
/// - The table is in the documentation of `cursor`. Before the first seek and past the end, `next` is `Ok` and does nothing.
/// - A tombstone is an entry here: `value()` is `None`. Whoever does not want to see it skips it.
/// - A seek looks for (target, your sequence number), and throws away what was fetched before.
#[test]
fn the_iterator_follows_the_cursor_contract() {
    for text in ["", "fig=1", "a=1 c= d bb=2 e=5", "b=2 b=3 a=1 b=4 a c c=9"] {
        let memtable = memtable(text);
        let mut expected = BTreeMap::new();
        expected.extend(entries(text));
        let expected: Vec<Entry> = expected.into_iter().collect();
        let name = format!("the iterator over the memtable [{text}]");
        check_cursor(&name, memtable.iter(NOW), &expected);
    }
}

/// Each key is shown once, with its newest version at or below the iterator's sequence number.
///
/// Older versions of a key are in the same memtable, right behind the newest. A merge that is shown two of them cannot know that they are one key's.
///
/// # Hints
/// - Within a key the newest comes first. Skip those that are too new, take one, skip the rest.
/// - At number 0 nothing is visible: numbers begin at 1.
#[test]
fn each_key_is_shown_once_with_its_newest_visible_version() {
    let mut versions = Versions::new();
    for (text, seq) in ["a=1", "c=2", "a=3", "b=4", "b", "a=6", "c=7", "b=8"]
        .into_iter()
        .zip(1..)
    {
        for (key, value) in entries(text) {
            versions.add(key, seq, value);
        }
    }
    for seq in 0..=9 {
        let name = format!("the iterator at sequence number {seq}");
        check_cursor(&name, versions.memtable.iter(seq), &versions.visible(seq));
    }
}

/// An iterator over many more entries than it fetches at a time shows all of them, and none twice.
///
/// Where one portion ends and the next begins is the place for mistakes: the versions of a key that was shown already come right behind it.
///
/// # Hints
/// - From where does the next portion start? From behind the last key, not from behind its last version.
/// - (key, Reverse(0)) is behind all versions of a key.
/// - The last entry of a portion is still to be shown when the portion is used up but for it.
#[test]
fn an_iterator_over_many_portions_shows_each_key_once() {
    let mut versions = Versions::new();
    let mut rng = Rng::new(0x3_2_1);
    let mut keys: Vec<usize> = (0..2500).map(|i| i % 500).collect();
    rng.shuffle(&mut keys);
    for (i, seq) in keys.into_iter().zip(1..) {
        match rng.chance(20) {
            true => versions.add(key(i), seq, None),
            false => versions.add_number(key(i), seq),
        }
    }
    for seq in [1, 100, 1000, 2500] {
        let name = format!("the iterator over 500 keys at sequence number {seq}");
        check_cursor(&name, versions.memtable.iter(seq), &versions.visible(seq));
    }
}

/// Keys and versions that are too new are passed over, however many come in a row.
///
/// A long scan beside a busy writer walks over thousands of them; an iterator that gives up after one portion of them ends too early.
///
/// # Hints
/// - Does your portion end after so many entries *looked at*, or so many that are to be shown?
/// - A portion without an entry means the end, so it must be the end.
#[test]
fn entries_that_are_too_new_are_passed_over_however_many() {
    let mut versions = Versions::new();
    let old = [0, 1, 400, 401, 900];
    for (i, seq) in old.into_iter().zip(1..) {
        versions.add_number(key(i), seq);
    }
    for (i, seq) in (0..1000).filter(|i| !old.contains(i)).zip(10..) {
        versions.add_number(key(i), seq);
    }
    for seq in 2000..2300 {
        versions.add_number(key(400), seq);
    }
    for seq in [5, 9, 15, 1500, 2150] {
        let name = format!("the iterator at sequence number {seq}");
        check_cursor(&name, versions.memtable.iter(seq), &versions.visible(seq));
    }
}

/// Writes that come while the iterator walks do not change what it shows.
///
/// A scan shows the store as it was when the scan began, even if it takes an hour.
///
/// # Hints
/// - What is written later has a greater sequence number than the iterator's: pass it over.
/// - Every portion is fetched at the iterator's own number, never at the memtable's last.
#[test]
fn writes_while_the_iterator_walks_do_not_show() {
    let mut versions = Versions::new();
    for i in 0..300 {
        versions.add_number(key(2 * i), i as Seq + 1);
    }
    let expected = versions.visible(300);
    let mut cursor = versions.memtable.iter(300);
    cursor
        .seek_to_first()
        .expect("seek_to_first() of a memtable's iterator failed");
    let mut got = Vec::new();
    let mut seq = 300;
    while cursor.is_valid() {
        got.push((cursor.key().to_vec(), cursor.value().map(<[u8]>::to_vec)));
        // Overwrites, deletes, and a new key: just behind the cursor, and far behind it.
        let here = 2 * got.len();
        for (i, value) in [
            (here, Some(&b"late"[..])),
            (here + 1, Some(b"late")),
            (here + 200, None),
        ] {
            seq += 1;
            versions.memtable.insert(&key(i), seq, value);
        }
        cursor
            .next()
            .expect("next() of a memtable's iterator failed");
        assert!(got.len() <= 300, "the iterator shows keys that came later");
    }
    let what = "the iterator, while others wrote";
    assert_entries(what, &got, &expected);
}

/// An iterator walks on undisturbed while another thread writes.
///
/// Readers take no lock: a scan in one thread and a writer in another go on side by side.
///
/// # Hints
/// - The versions that the iterator shows are never removed, only joined by newer ones.
/// - An `Entry` of the skip list stays good beside writers; still, show copies (`Bytes` are cheap to clone).
///
/// # Concurrent
#[test]
fn an_iterator_walks_on_beside_a_writing_thread() {
    let mut versions = Versions::new();
    for i in 0..400 {
        versions.add_number(key(i), i as Seq + 1);
    }
    let expected = versions.visible(400);
    let memtable = &versions.memtable;
    let write = || {
        for seq in 401..12_000 {
            let i = (seq as usize * 7) % 500;
            memtable.insert(&key(i), seq, Some(b"late"));
        }
    };
    read_beside(1, write, |_| {
        let mut cursor = memtable.iter(400);
        cursor
            .seek_to_first()
            .expect("seek_to_first() of a memtable's iterator failed");
        let got = common::rest(&mut cursor);
        assert_entries("the iterator beside a writing thread", &got, &expected);
    });
}
