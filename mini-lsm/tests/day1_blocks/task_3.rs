//! Day 1 · Task 3 · walking through a block.

use super::*;

/// A new cursor stands nowhere, and moving on from nowhere is no error.
///
/// The cursor contract has a row for it: whoever builds on this cursor creates it first and
/// seeks later.
///
/// # Hints
/// - The table is in `cursor.rs`; this is its first row.
/// - Which value of your fields means "no entry"? It is the one to start with.
#[test]
fn a_new_cursor_stands_nowhere() {
    let mut cursor = iter_over(&golden_entries());
    assert!(
        !cursor.is_valid(),
        "a new cursor is valid before its first seek"
    );
    cursor
        .next()
        .expect("next() before the first seek must be Ok");
    assert!(
        !cursor.is_valid(),
        "next() before the first seek moved the cursor to an entry"
    );
}

/// A walk shows every entry once, in order, with its value or its tombstone.
///
/// All scans of the store end up here.
///
/// # Hints
/// - `seek_to_first` stands on entry 0, `next` on the one after.
/// - `value` is `None` for a tombstone and `Some` of no bytes for an empty value: both are
///   entries.
#[test]
fn a_walk_shows_every_entry_in_order() {
    for text in [
        "fig=1",
        "fig",
        "fig=",
        "apple=red kiwi plum=",
        "a b c",
        "a= b= c=3",
    ] {
        let entries = entries(text);
        let mut cursor = iter_over(&entries);
        check_entries(&format!("a walk over {text}"), &walk(&mut cursor), &entries);
    }
}

/// Past the last entry the cursor stays past the end.
///
/// A cursor that stays on the last entry shows it for ever; one that goes round shows
/// everything again.
///
/// # Hints
/// - How does `next` know that there is no further entry? It has the count.
/// - Once it is past the end, another `next` is `Ok` and changes nothing.
#[test]
fn past_the_last_entry_the_cursor_stays_at_the_end() {
    let mut cursor = iter_over(&entries("fig=1 plum=2"));
    walk(&mut cursor);
    for _ in 0..3 {
        assert!(
            !cursor.is_valid(),
            "past the last entry the cursor is valid"
        );
        cursor.next().expect("next() past the end must be Ok");
    }
}

/// `seek_to_first` goes back to the first entry from anywhere, again and again.
///
/// Scans of one block begin anew all the time; the cursor is cheaper to move than to make.
///
/// # Hints
/// - Nothing that remembers the end may survive a seek.
/// - The key of the first entry is shown again, not appended to the last one.
#[test]
fn seek_to_first_goes_back_from_anywhere() {
    let all = golden_entries();
    let mut cursor = iter_over(&all);
    for steps in [0, 1, 2, 3, 5, 0] {
        check_entries("a walk", &walk(&mut cursor), &all);
        cursor.seek_to_first().expect("seek_to_first() cannot fail");
        for _ in 0..steps {
            cursor.next().expect("next() of a block cannot fail");
        }
    }
}

/// A key that shares a prefix is shown whole.
///
/// Day 7 writes such blocks; the cursor of day 1 must read them, since the format has them.
///
/// # Hints
/// - The key is the first `shared` bytes of the *first* key, then the suffix.
/// - Not of the key before: that is LevelDB's format, and a cursor could not jump then.
/// - Keys get shorter too: begin each with an empty buffer.
#[test]
fn keys_that_share_a_prefix_are_shown_whole() {
    let block = raw_block(&[
        (0, b"plum", Some(b"1")),
        (4, b"cot-tree", Some(b"2")),
        (4, b"s", None),
        (1, b"omelo", Some(b"")),
        (0, b"quince", Some(b"5")),
    ]);
    let mut cursor = BlockIterator::new(Arc::new(decode(&block)));
    let expected = entries("plum=1 plumcot-tree=2 plums pomelo= quince=5");
    check_entries("a walk over shared prefixes", &walk(&mut cursor), &expected);
}

/// Random blocks are walked from end to end.
///
/// Keys with the bytes 0 and 255, keys that begin other keys, values of any byte: all of it is
/// only bytes.
///
/// # Hints
/// - Which entry is the first that is wrong? Compare it with the one before.
#[test]
fn random_blocks_are_walked_from_end_to_end() {
    let mut rng = Rng::new(4);
    for _ in 0..300 {
        let count = 1 + rng.below(40);
        let entries = random_entries(&mut rng, count);
        check_entries("a walk", &walk(&mut iter_over(&entries)), &entries);
    }
}

/// Two cursors over one block do not disturb each other.
///
/// From day 4 on many readers share one cached block; where a cursor stands is its own affair.
///
/// # Hints
/// - The block is shared through an `Arc`, and never changed.
#[test]
fn two_cursors_share_a_block() {
    let block = Arc::new(decode(&build(&entries("a=1 b=2 c=3"))));
    let [mut ahead, mut behind] = [
        BlockIterator::new(Arc::clone(&block)),
        BlockIterator::new(block),
    ];
    for cursor in [&mut ahead, &mut behind] {
        cursor.seek_to_first().expect("seek_to_first() cannot fail");
    }
    ahead.next().expect("next() of a block cannot fail");
    check_entries(
        "the cursor ahead",
        &common::rest(&mut ahead),
        &entries("b=2 c=3"),
    );
    check_entries(
        "the cursor behind",
        &common::rest(&mut behind),
        &entries("a=1 b=2 c=3"),
    );
}
