//! Day 3 · Task 1 · the memtable.

use super::*;

/// A new memtable is empty: it knows no key, and its greatest sequence number is 0.
///
/// A store is opened with one, and freezing asks it whether there is anything to freeze.
///
/// # Hints
/// - `Unknown` is the answer "ask somebody older"; `Deleted` would hide what older memtables and tables hold.
/// - `is_empty` turns false with the first insert, be it a tombstone.
#[test]
fn a_new_memtable_is_empty() {
    let memtable = MemTable::new(7);
    assert!(
        memtable.id() == 7,
        "MemTable::new(7) has the id {}",
        memtable.id()
    );
    assert!(
        memtable.is_empty(),
        "is_empty() is false, but nothing was inserted"
    );
    assert!(
        memtable.last_seq() == 0,
        "last_seq() of an empty memtable is {}, expected 0",
        memtable.last_seq()
    );
    assert_known(&memtable, "apple", NOW, Known::Nothing);

    memtable.insert(b"apple", 1, None);
    assert!(
        !memtable.is_empty(),
        "is_empty() is true after a tombstone was inserted"
    );
}

/// A reader at a sequence number gets the newest version that is not newer than that number.
///
/// This is how a scan, or a reader beside a writer, sees the store as it was at one moment although writing goes on.
///
/// # Hints
/// - The skip list is sorted by key and, within a key, newest first. Where does the version that you want stand from (key, your number)?
/// - The first entry at or behind (key, Reverse(seq)) is it, if it has the right key.
/// - An insert must never replace or remove the versions that are there.
#[test]
fn get_finds_the_newest_version_at_or_below_the_sequence_number() {
    let memtable = MemTable::new(1);
    memtable.insert(b"apple", 3, Some(b"green"));
    memtable.insert(b"apple", 7, Some(b"red"));
    memtable.insert(b"apple", 9, None);
    memtable.insert(b"apple", 12, Some(b"brown"));
    for seq in 0..15 {
        let expected = match seq {
            0..3 => Known::Nothing,
            3..7 => Known::Value("green"),
            7..9 => Known::Value("red"),
            9..12 => Known::Deleted,
            _ => Known::Value("brown"),
        };
        assert_known(&memtable, "apple", seq, expected);
    }
    assert_known(&memtable, "apple", NOW, Known::Value("brown"));
}

/// A key is only answered for by its own versions, not by those of the next key.
///
/// A search in a sorted structure always stands *somewhere*; what stands there may be another key.
///
/// # Hints
/// - Look up `ap`, which is a prefix of `apple`: where does your search end?
/// - A key of which all versions are too new leads to the next key, too.
/// - Compare the key of the entry that you found with the key that was asked for.
#[test]
fn a_key_is_not_answered_for_by_its_neighbour() {
    let memtable = memtable("apple=red plum=blue");
    for absent in ["a", "ap", "apple0", "b", "plum0", "z"] {
        assert_known(&memtable, absent, NOW, Known::Nothing);
    }
    memtable.insert(b"fig", 10, Some(b"green"));
    assert_known(&memtable, "fig", 9, Known::Nothing);
    assert_known(&memtable, "plum", 9, Known::Value("blue"));
}

/// A tombstone and an empty value are two things.
///
/// `put(key, b"")` is a write like any other, and reads back as an empty value; an engine that takes it for a deletion loses data.
///
/// # Hints
/// - A value is `Some`, of whatever length; a tombstone is `None`.
/// - `Deleted` is not `Unknown`: the memtable does know something of that key.
#[test]
fn a_tombstone_is_not_an_empty_value() {
    let memtable = memtable("empty= gone=x gone");
    assert_known(&memtable, "empty", NOW, Known::Value(""));
    assert_known(&memtable, "gone", NOW, Known::Deleted);
    assert_known(&memtable, "never", NOW, Known::Nothing);
}

/// The size grows with every version, by its key, its value and a constant.
///
/// The size decides when the memtable is frozen. An overwrite takes as much memory as a first write, since the old version stays; and a million tiny entries or tombstones take a lot.
///
/// # Hints
/// - Versions stay, so an insert never makes the memtable smaller.
/// - A tombstone has a key, and takes a node of the skip list like any other.
/// - The constant is for the node and the two `Bytes`: some hundred bytes, not some thousand.
#[test]
fn the_size_counts_every_version() {
    let memtable = MemTable::new(1);
    let writes = [
        ("apple", Some(500)),
        ("apple", Some(500)),
        ("apple", Some(20)),
        ("apple", None),
        ("plum", Some(0)),
        ("plum", None),
    ];
    for ((key, value_len), seq) in writes.into_iter().zip(1..) {
        let before = memtable.size();
        let value = value_len.map(|len| vec![b'x'; len]);
        memtable.insert(key.as_bytes(), seq, value.as_deref());
        let payload = key.len() + value_len.unwrap_or(0);
        let grown = memtable.size().saturating_sub(before);
        assert!(
            grown > payload && grown <= payload + 1024,
            "write {seq} ({key}, {payload} bytes of key and value) made the size grow by {grown}, expected {payload} and a constant"
        );
    }
}

/// `last_seq` is the greatest sequence number in the memtable, in whatever order the entries came.
///
/// A flush tells the manifest by this number up to where the tables go; too small a number, and a recovery would write the same twice.
///
/// # Hints
/// - The greatest, not the latest: keep the maximum.
/// - An atomic has a `fetch_max`.
#[test]
fn last_seq_is_the_greatest_sequence_number() {
    let memtable = MemTable::new(1);
    for (seq, expected) in [(5, 5), (9, 9), (7, 9), (1, 9), (10, 10)] {
        memtable.insert(b"apple", seq, None);
        let got = memtable.last_seq();
        assert!(
            got == expected,
            "after an insert with number {seq}, last_seq() is {got}, expected {expected}"
        );
    }
}

/// A reader beside the writer always finds a key that is being overwritten, and never an older version than before.
///
/// Readers take no lock. `insert` over an existing key of this skip list removes the old entry before the new one is there: that is why a write adds a version.
///
/// # Hints
/// - The sequence number is part of the skip list's key, so that no insert meets an entry that is there already.
/// - Nothing is ever removed from a memtable.
///
/// # Concurrent
#[test]
fn a_reader_beside_the_writer_always_finds_the_key() {
    let memtable = MemTable::new(1);
    let insert = |seq| memtable.insert(b"apple", seq, Some(&number(seq as usize)));
    insert(1);
    read_beside(
        2,
        || (2..=20_000).for_each(insert),
        |seen| match memtable.get(b"apple", NOW) {
            Lookup::Value(value) => {
                let got = as_number(&value);
                assert!(
                    got >= *seen,
                    "a reader found version {got} after it had found version {seen}"
                );
                *seen = got;
            }
            _ => panic!("a reader did not find the key, which was there all the time"),
        },
    );
}
