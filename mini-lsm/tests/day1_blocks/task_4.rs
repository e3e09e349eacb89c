//! Day 1 · Task 4 · seeking in a block.

use super::*;
use crate::common::conformance::check_cursor;

/// After `seek(target)` the cursor must stand on `expected`, or nowhere.
#[track_caller]
fn check_seek(cursor: &mut BlockIterator, target: &[u8], expected: Option<&[u8]>) {
    cursor.seek(target).expect("seek() in a block cannot fail");
    let tell = |key: Option<&[u8]>| key.map_or_else(|| "the end".to_owned(), show);
    let stands = cursor.is_valid().then(|| cursor.key());
    assert!(
        stands == expected,
        "seek({}) leads to {}, expected {}",
        show(target),
        tell(stands),
        tell(expected)
    );
}

/// Seeking a key that is there stands on it, whichever it is.
///
/// A binary search has two ends and a middle, and most mistakes sit at the ends.
///
/// # Hints
/// - Try it on paper with blocks of one, two and three entries.
/// - If the loop runs while `low < high`, `high` begins at the entry count and the middle
///   becomes `high`, not `middle - 1`.
#[test]
fn seek_finds_every_key() {
    for count in 1..=17 {
        let all: Vec<Entry> = (0..count)
            .map(|i| (common::key(i), Some(common::value(i))))
            .collect();
        let mut cursor = iter_over(&all);
        for (key, value) in &all {
            check_seek(&mut cursor, key, Some(key));
            assert_eq!(
                show_value(cursor.value()),
                show_value(value.as_deref()),
                "the value at {}",
                show(key)
            );
        }
    }
}

/// Seeking a key that is not there stands on the next larger one.
///
/// A scan from "b" must begin with "banana" though nobody ever stored "b".
///
/// # Hints
/// - "At or past the target": the first key that is not smaller.
/// - A search that remembers only an exact hit has nothing to say here; count the keys below
///   the target instead.
#[test]
fn seek_in_a_gap_stands_on_the_next_key() {
    let mut cursor = iter_over(&entries("banana=1 fig=2 plum=3"));
    check_seek(&mut cursor, b"", Some(b"banana"));
    check_seek(&mut cursor, b"apple", Some(b"banana"));
    check_seek(&mut cursor, b"cherry", Some(b"fig"));
    check_seek(&mut cursor, b"kiwi", Some(b"plum"));
}

/// A key past every key of the block leaves the cursor at the end.
///
/// A scan learns from this that it must open the next block; a cursor that stays on the last
/// entry shows it twice.
///
/// # Hints
/// - What does your binary search answer when every key is smaller than the target?
/// - "As many as there are entries" is a fair answer, but not the number of an entry. Compare
///   before you decode.
#[test]
fn seek_past_the_last_key_is_invalid() {
    let mut cursor = iter_over(&entries("apple=1 plum=2"));
    check_seek(&mut cursor, b"quince", None);
    cursor.next().expect("next() past the end must be Ok");
    assert!(
        !cursor.is_valid(),
        "next() past the end made the cursor valid"
    );
    check_seek(&mut cursor, b"plum\0", None);
}

/// Keys are compared byte by byte: a key comes before all that begin with it, and 0x80 comes
/// after 0x7f.
///
/// Another order than the writer's finds nothing, or the wrong thing.
///
/// # Hints
/// - `&[u8]` already compares so. Text, signed bytes and lengths do not.
/// - "app" < "apple" < "apples".
#[test]
fn keys_are_compared_bytewise() {
    let keys: [&[u8]; 5] = [
        b"\x00\x00",
        b"app",
        b"apple",
        b"zebra",
        b"\xc3\xa9t\xc3\xa9",
    ];
    let all: Vec<Entry> = keys.iter().map(|key| (key.to_vec(), None)).collect();
    let mut cursor = iter_over(&all);
    check_seek(&mut cursor, b"\x00", Some(b"\x00\x00"));
    check_seek(&mut cursor, b"ap", Some(b"app"));
    check_seek(&mut cursor, b"app\x00", Some(b"apple"));
    check_seek(&mut cursor, b"apples", Some(b"zebra"));
    check_seek(&mut cursor, b"\x80", Some(keys[4]));
    check_seek(&mut cursor, b"\xff", None);
}

/// A seek goes anywhere from anywhere: forwards, backwards, back from the end, to a tombstone.
///
/// A reader may seek back; a search that begins where the cursor stands misses what lies
/// before.
///
/// # Hints
/// - The search always looks at the whole block.
/// - A deleted key is an entry too: only the store, days later, knows what it hides.
#[test]
fn seek_goes_forwards_and_backwards() {
    let mut cursor = iter_over(&entries("a=1 c d=4 f=6"));
    for (target, expected) in [
        ("d", "d"),
        ("a", "a"),
        ("b", "c"),
        ("f", "f"),
        ("c", "c"),
        ("e", "f"),
    ] {
        check_seek(&mut cursor, target.as_bytes(), Some(expected.as_bytes()));
    }
    check_seek(&mut cursor, b"g", None);
    check_seek(&mut cursor, b"c", Some(b"c"));
    assert_eq!(cursor.value(), None, "the value of c, which was deleted");
}

/// Seeking in a block with shared prefixes compares whole keys.
///
/// The suffixes alone are not sorted: "plum", "(plum)cot", "(pl)y". From day 7 on every block
/// is like that.
///
/// # Hints
/// - The key that the search compares is prefix and suffix together.
/// - The target may be shorter than the prefix, or differ within it.
#[test]
fn seek_compares_whole_keys_where_prefixes_are_shared() {
    let block = raw_block(&[
        (0, b"plum", Some(b"1")),
        (4, b"cot", Some(b"2")),
        (2, b"y", Some(b"3")),
        (1, b"omelo", Some(b"4")),
        (0, b"quince", Some(b"5")),
    ]);
    let all = entries("plum=1 plumcot=2 ply=3 pomelo=4 quince=5");
    let block = Arc::new(decode(&block));
    let mut cursor = BlockIterator::new(Arc::clone(&block));
    for (target, expected) in [
        ("p", "plum"),
        ("pl", "plum"),
        ("plu", "plum"),
        ("plv", "ply"),
    ] {
        check_seek(&mut cursor, target.as_bytes(), Some(expected.as_bytes()));
    }
    check_cursor(
        "BlockIterator over shared prefixes",
        BlockIterator::new(block),
        &all,
    );
}

/// The cursor keeps the whole contract, over blocks of many sizes.
///
/// The same check is run over every cursor of the coming days. This is the first to pass it.
///
/// # Hints
/// - The contract is the table in `cursor.rs`; the message names the row.
/// - After a seek a walk goes on from there to the end.
#[test]
fn the_block_cursor_keeps_the_contract() {
    let mut rng = Rng::new(5);
    for round in 0..60 {
        let count = [1, 2, 3, 1 + rng.below(60)][round % 4];
        let entries = random_entries(&mut rng, count);
        check_cursor("BlockIterator", iter_over(&entries), &entries);
    }
}
