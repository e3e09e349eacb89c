//! Day 1 · Task 1 · building blocks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::common::golden::check_fields;

/// A block of three entries has exactly the bytes that the format says.
///
/// A file outlives the program that wrote it: two engines that disagree on one byte cannot read
/// each other's stores.
///
/// # Hints
/// - The drawing at the top of `block/mod.rs` has every field with its width. Which one does
///   the table in the report mark first?
/// - Integers go out with `to_le_bytes`; an offset is where its entry begins, counted from the
///   block's first byte.
/// - A tombstone's `value_len` is `TOMBSTONE_LEN`, and no value bytes follow. The entry count
///   comes last.
#[test]
fn a_block_of_three_entries_has_these_bytes() {
    check_fields("the block", &build(&golden_entries()), &GOLDEN);
}

/// Lengths and offsets past 255 take their second byte, and a value's length its third.
///
/// Small keys hide a length that was cut to one byte, or a field of the wrong width, until the
/// day of the first long value.
///
/// # Hints
/// - `as u8` anywhere? The compiler does not say what it cuts off.
/// - Lengths of keys, offsets and the count are `u16`, the length of a value is `u32`, least
///   significant byte first.
#[test]
fn long_keys_and_values_have_their_lengths_in_full() {
    let (value, long_key, long_value) = ([b'v'; 300], [b'k'; 300], vec![b'w'; 70_000]);
    let bytes = build(&[
        (b"a".to_vec(), Some(value.to_vec())),
        (long_key.to_vec(), Some(long_value.clone())),
    ]);
    check_fields(
        "the block",
        &bytes,
        &[
            ("entry 0: shared", &[0x00, 0x00]),
            ("entry 0: unshared", &[0x01, 0x00]),
            ("entry 0: value_len (300)", &[0x2c, 0x01, 0x00, 0x00]),
            ("entry 0: key", b"a"),
            ("entry 0: value", &value),
            ("entry 1: shared", &[0x00, 0x00]),
            ("entry 1: unshared (300)", &[0x2c, 0x01]),
            ("entry 1: value_len (70,000)", &[0x70, 0x11, 0x01, 0x00]),
            ("entry 1: key", &long_key),
            ("entry 1: value", &long_value),
            ("offset 0", &[0x00, 0x00]),
            ("offset 1 (309)", &[0x35, 0x01]),
            ("entry count", &[0x02, 0x00]),
        ],
    );
}

/// A deleted key and a key with an empty value are different bytes.
///
/// If they were the same, `put(k, "")` would delete k, or every deletion would leave an empty
/// value behind.
///
/// # Hints
/// - `add` gets `None` for one and `Some(&[])` for the other.
/// - Both have no value bytes. Only `value_len` can tell them apart: `u32::MAX` and 0.
#[test]
fn a_tombstone_is_not_an_empty_value() {
    let (deleted, empty) = (build(&entries("fig")), build(&entries("fig=")));
    assert!(
        deleted != empty,
        "the blocks of fig deleted and of fig with an empty value are the same bytes"
    );
    assert_eq!(
        deleted.len(),
        empty.len(),
        "neither a tombstone nor an empty value has value bytes, so their blocks are equally long"
    );
}

/// An entry that fills the block to its target, to the byte, has room.
///
/// The size rule is exact, so that two engines cut the same entries into the same blocks.
///
/// # Hints
/// - Write down what `finish` would give with this entry: entries, one offset each, the count.
/// - The new entry brings 8 bytes of head, its key, its value, and an offset of 2 bytes. The
///   count is 2 bytes once.
/// - "At most the target size" means that equal is still allowed.
#[test]
fn an_entry_that_fills_the_block_to_the_byte_has_room() {
    for word in ["b=", "b", "banana", "banana=yellow", "plum=2"] {
        let (first, entry) = (&entries("apple=red")[0], &entries(word)[0]);
        let full = entry_len(first) + entry_len(entry) + 2 * 2 + 2;
        let mut builder = BlockBuilder::new(full);
        builder.add(&first.0, first.1.as_deref());
        assert!(
            builder.has_room(&entry.0, entry.1.as_deref()),
            "with {word} the block has {full} bytes, its target: has_room must say yes"
        );
        builder.add(&entry.0, entry.1.as_deref());
        let len = builder.finish().len();
        assert_eq!(len, full, "the length of the block of apple=red {word}");
    }
}

/// An entry that would make the block one byte larger than its target has no room.
///
/// A block that overruns its target by a little is read in two pages instead of one, every
/// time.
///
/// # Hints
/// - What is the size *with* the new entry? Comparing the size without it lets one entry too
///   many in.
/// - Do not forget the 2 bytes of the new entry's own offset, nor the 2 bytes of the count.
#[test]
fn an_entry_one_byte_too_large_has_no_room() {
    for word in ["b=", "b", "banana", "banana=yellow", "plum=2"] {
        let (first, entry) = (&entries("apple=red")[0], &entries(word)[0]);
        let full = entry_len(first) + entry_len(entry) + 2 * 2 + 2;
        let mut builder = BlockBuilder::new(full - 1);
        builder.add(&first.0, first.1.as_deref());
        assert!(
            !builder.has_room(&entry.0, entry.1.as_deref()),
            "with {word} the block has {full} bytes, its target is {}: has_room must say no",
            full - 1
        );
    }
}

/// An empty block takes any entry, however large, and then nothing more.
///
/// A value of a megabyte must go somewhere: it gets a block of its own. A builder that refuses
/// it makes its caller cut blocks for ever.
///
/// # Hints
/// - Ask first whether the block is empty.
/// - The second entry is judged by the ordinary rule: the block is over its target already.
#[test]
fn an_oversized_entry_gets_a_block_of_its_own() {
    let mut builder = BlockBuilder::new(1);
    let large = vec![b'v'; 5000];
    for key in [b"a", b"b"] {
        assert!(
            builder.has_room(key, Some(&large)),
            "an empty block has room for any entry, also one of 5,000 bytes with a target of 1"
        );
        builder.add(key, Some(&large));
        assert!(
            !builder.has_room(b"c", None),
            "a block larger than its target has no room for another entry"
        );
        assert_eq!(
            builder.finish().len(),
            8 + 1 + 5000 + 2 + 2,
            "the length of the block of one entry"
        );
    }
}

/// An entry may begin at offset 65,535 but not at 65,536, however large the target is.
///
/// Offsets are stored in 16 bits. An offset that was cut silently points into the middle of
/// another entry.
///
/// # Hints
/// - The target may be larger than 64 KiB: then it is not what limits the block.
/// - What counts is where the entry would *begin*, not where it ends: the bytes of the entries
///   before it.
#[test]
fn no_entry_begins_past_offset_65535() {
    for (begin, expected) in [(65_534, true), (65_535, true), (65_536, false)] {
        let mut builder = BlockBuilder::new(usize::MAX);
        builder.add(b"a", Some(&vec![b'v'; begin - 8 - 1]));
        let has_room = builder.has_room(b"b", Some(b"value"));
        assert_eq!(
            has_room, expected,
            "has_room for an entry that would begin at offset {begin}, the target being unlimited"
        );
        if has_room {
            builder.add(b"b", Some(b"value"));
            let block = builder.finish();
            let offset_at = block.len() - 4;
            assert_eq!(
                block[offset_at..offset_at + 2],
                (begin as u16).to_le_bytes(),
                "the offset of the second entry of the block"
            );
        }
    }
}

/// At every target size blocks are as full as the rule allows and never fuller.
///
/// A builder that is right for one size by luck is wrong for its neighbour.
///
/// # Hints
/// - The message says which block of which target size is wrong: write down its bytes.
/// - Is anything of a finished block still counted in the next one?
#[test]
fn at_every_target_size_blocks_are_as_full_as_they_can_be() {
    let entries = unlike_entries();
    for target in (1..=150).chain([400, 1000, usize::MAX]) {
        let mut builder = BlockBuilder::new(target);
        let (mut size, mut count) = (2, 0);
        for (i, entry) in entries.iter().enumerate() {
            let (key, value) = (&entry.0, entry.1.as_deref());
            let expected = count == 0 || size + entry_len(entry) + 2 <= target;
            assert_eq!(
                builder.has_room(key, value),
                expected,
                "target {target}: has_room for entry {i} of {} bytes, in a block of {count} entries and {size} bytes",
                entry_len(entry)
            );
            if !expected {
                assert_eq!(
                    builder.finish().len(),
                    size,
                    "target {target}: a block's length"
                );
                (size, count) = (2, 0);
            }
            builder.add(key, value);
            size += entry_len(entry) + 2;
            count += 1;
        }
    }
}

/// Asking whether there is room changes nothing.
///
/// A caller may ask and then decide otherwise; a question with side effects puts an entry in
/// twice, or none at all.
///
/// # Hints
/// - `has_room` takes `&self`. Does it change something through a cell?
/// - Does it give the right answer twice in a row?
#[test]
fn asking_for_room_changes_nothing() {
    let mut builder = BlockBuilder::new(usize::MAX);
    for (key, value) in golden_entries() {
        for _ in 0..2 {
            assert!(builder.has_room(&key, value.as_deref()), "there is room");
        }
        builder.add(&key, value.as_deref());
    }
    check_fields("the block", &builder.finish(), &GOLDEN);
}

/// `encoded_len` is the length of the block that `finish` gives.
///
/// A table builder plans with it; if it forgets the offsets or the count, blocks grow past
/// their target.
///
/// # Hints
/// - Three parts: entries, one offset an entry, the count.
/// - It says so at any time, after one entry as after ten.
#[test]
fn encoded_len_tells_what_finish_will_give() {
    let entries = unlike_entries();
    for count in 1..=entries.len() {
        let mut builder = BlockBuilder::new(usize::MAX);
        for (key, value) in &entries[..count] {
            builder.add(key, value.as_deref());
        }
        let encoded_len = builder.encoded_len();
        assert_eq!(
            encoded_len,
            builder.finish().len(),
            "encoded_len() before finish() of a block of {count} entries"
        );
    }
}

/// The builder knows the first and the last key of the block at hand.
///
/// Tomorrow's index is made of these two. A first key that follows every `add` makes a table's
/// keys unfindable.
///
/// # Hints
/// - The first key is set by the first `add` after a `finish`, and by no other.
/// - The last key is set by every `add`.
#[test]
fn first_and_last_key_are_those_of_the_block() {
    let mut builder = BlockBuilder::new(usize::MAX);
    assert!(builder.is_empty(), "a new builder is empty");
    for (key, value) in golden_entries() {
        builder.add(&key, value.as_deref());
        assert!(!builder.is_empty(), "a builder with an entry is not empty");
        let (first, last) = (show(builder.first_key()), show(builder.last_key()));
        assert_eq!(
            first,
            show(b"apple"),
            "first_key() after add({})",
            show(&key)
        );
        assert_eq!(last, show(&key), "last_key() after add({})", show(&key));
    }
}

/// After `finish` the builder is as good as new: the next block knows nothing of the one
/// before.
///
/// A first key that was not reset when a block was cut is the classic of this course: it goes
/// unnoticed here and makes a seek fail days later.
///
/// # Hints
/// - Go through the fields of the builder one by one: which of them belong to the block?
/// - Entries, offsets, first key and last key all go; only the target stays.
#[test]
fn finish_leaves_nothing_behind() {
    let mut builder = BlockBuilder::new(usize::MAX);
    builder.add(b"aardvark", Some(b"grey"));
    builder.add(b"ant", None);
    builder.finish();

    assert!(builder.is_empty(), "after finish() the builder is empty");
    for (name, key) in [("first", builder.first_key()), ("last", builder.last_key())] {
        assert!(
            key.is_empty(),
            "after finish() there is no {name} key, but {name}_key() gives {}",
            show(key)
        );
    }
    for (key, value) in golden_entries() {
        builder.add(&key, value.as_deref());
    }
    assert_eq!(
        show(builder.first_key()),
        show(b"apple"),
        "first_key() of the second block"
    );
    check_fields("the second block of a builder", &builder.finish(), &GOLDEN);
}

/// A key that is not past the last one is refused with a panic.
///
/// Who sorts the keys? The caller does. But a block out of order loses entries to the binary
/// search without a word, so the builder checks.
///
/// # Hints
/// - Compare with the last key before anything is written.
/// - Equal is not ascending: each key is there once.
#[test]
fn keys_that_do_not_ascend_are_refused() {
    for (key, why) in [
        (&b"fig"[..], "the last key again"),
        (b"date", "a smaller key"),
    ] {
        let mut builder = BlockBuilder::new(usize::MAX);
        builder.add(b"cherry", Some(b"1"));
        builder.add(b"fig", Some(b"2"));
        let added = catch_unwind(AssertUnwindSafe(|| builder.add(key, Some(b"3"))));
        assert!(
            added.is_err(),
            "add({}) after fig ({why}) was taken, expected a panic",
            show(key)
        );
    }
}
