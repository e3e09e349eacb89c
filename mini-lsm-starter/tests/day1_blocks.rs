//! Day 1 · Blocks: sorted entries are packed into a few thousand bytes, and found again without
//! unpacking them.

mod common;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use common::golden::{Field, bytes_of};
use common::rng::Rng;
use common::{Entry, entries, show, show_value};
use mini_lsm_starter::block::{Block, BlockBuilder, BlockIterator};
use mini_lsm_starter::byte_reader::Origin;
use mini_lsm_starter::{Error, StorageIterator};

/// The block of `apple = red`, `kiwi` (deleted) and `plum = ` (empty), byte by byte.
const GOLDEN: [Field<'_>; 18] = [
    ("entry 0: shared", &[0x00, 0x00]),
    ("entry 0: unshared", &[0x05, 0x00]),
    ("entry 0: value_len", &[0x03, 0x00, 0x00, 0x00]),
    ("entry 0: key", b"apple"),
    ("entry 0: value", b"red"),
    ("entry 1: shared", &[0x00, 0x00]),
    ("entry 1: unshared", &[0x04, 0x00]),
    // u32::MAX: a tombstone, with no value bytes.
    ("entry 1: value_len", &[0xff, 0xff, 0xff, 0xff]),
    ("entry 1: key", b"kiwi"),
    ("entry 2: shared", &[0x00, 0x00]),
    ("entry 2: unshared", &[0x04, 0x00]),
    // An empty value is a value.
    ("entry 2: value_len", &[0x00, 0x00, 0x00, 0x00]),
    ("entry 2: key", b"plum"),
    ("entry 2: value", b""),
    // 0, then 8 + 5 + 3 = 16 bytes later 0x10, then 8 + 4 = 12 bytes later 0x1c.
    ("offset 0", &[0x00, 0x00]),
    ("offset 1", &[0x10, 0x00]),
    ("offset 2", &[0x1c, 0x00]),
    ("entry count", &[0x03, 0x00]),
];

/// The entries of [`GOLDEN`].
fn golden_entries() -> Vec<Entry> {
    entries("apple=red kiwi plum=")
}

/// A block of these entries, whatever its size, from the engine's builder.
#[track_caller]
fn build(entries: &[Entry]) -> Vec<u8> {
    let mut builder = BlockBuilder::new(usize::MAX);
    for (key, value) in entries {
        builder.add(key, value.as_deref());
    }
    builder.finish()
}

/// An entry as it lies in a block: shared length, key suffix, value.
type Raw<'a> = (u16, &'a [u8], Option<&'a [u8]>);

/// One entry, written down by hand.
fn raw_entry((shared, suffix, value): Raw<'_>) -> Vec<u8> {
    let value_len = value.map_or(u32::MAX, |value| value.len() as u32);
    let mut bytes = shared.to_le_bytes().to_vec();
    bytes.extend((suffix.len() as u16).to_le_bytes());
    bytes.extend(value_len.to_le_bytes());
    bytes.extend(suffix);
    bytes.extend(value.unwrap_or_default());
    bytes
}

/// A block from its three parts, which need not fit together.
fn raw_parts(data: &[u8], offsets: &[u16], count: u16) -> Vec<u8> {
    let tail = offsets.iter().chain([&count]);
    let tail = tail.flat_map(|field| field.to_le_bytes());
    data.iter().copied().chain(tail).collect()
}

/// A block, written down by hand.
fn raw_block(entries: &[Raw<'_>]) -> Vec<u8> {
    let (mut data, mut offsets) = (Vec::new(), Vec::new());
    for entry in entries {
        offsets.push(data.len() as u16);
        data.extend(raw_entry(*entry));
    }
    raw_parts(&data, &offsets, entries.len() as u16)
}

/// Where the blocks of these tests say they come from.
const FILE: &str = "/store/000007.sst";
const FILE_OFFSET: u64 = 8192;

fn try_decode(bytes: &[u8]) -> Result<Block, Error> {
    let origin = Origin::new(Path::new(FILE), FILE_OFFSET);
    Block::decode(Bytes::copy_from_slice(bytes), origin)
}

/// Decodes a block that is well-formed.
#[track_caller]
fn decode(bytes: &[u8]) -> Block {
    try_decode(bytes).unwrap_or_else(|error| panic!("decode refused a well-formed block: {error}"))
}

/// `decode` must refuse these bytes, and name the file and a place in the block.
#[track_caller]
fn check_refused(bytes: &[u8], what: &str) {
    match try_decode(bytes) {
        Ok(_) => panic!("decode took {what} for a block, expected Error::Corruption"),
        Err(Error::Corruption { file, offset, .. }) => {
            let block = FILE_OFFSET..=FILE_OFFSET + bytes.len() as u64;
            assert!(
                file == Path::new(FILE) && block.contains(&offset),
                "{what}: the error places the damage at byte {offset} of {}, expected {FILE}, in {block:?}",
                file.display()
            );
        }
        Err(other) => panic!("{what}: expected Error::Corruption, got: {other}"),
    }
}

/// All entries of a decoded block, the keys put together by the rule of the format.
fn entries_of(block: &Block) -> Vec<Entry> {
    let first = block.entry(0).suffix.to_vec();
    let entry = |index| {
        let entry = block.entry(index);
        let key = [&first[..entry.shared], entry.suffix].concat();
        (key, entry.value.map(<[u8]>::to_vec))
    };
    (0..block.entry_count()).map(entry).collect()
}

#[track_caller]
fn check_entries(what: &str, got: &[Entry], expected: &[Entry]) {
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            got == expected,
            "{what}: entry {i} is {} = {}, expected {} = {}",
            show(&got.0),
            show_value(got.1.as_deref()),
            show(&expected.0),
            show_value(expected.1.as_deref())
        );
    }
    let (got, expected) = (got.len(), expected.len());
    assert!(
        got == expected,
        "{what}: there are {got} entries, expected {expected}"
    );
}

/// A cursor over a block of the engine's builder.
#[track_caller]
fn iter_over(entries: &[Entry]) -> BlockIterator {
    BlockIterator::new(Arc::new(decode(&build(entries))))
}

/// Everything that a walk from the first entry shows.
#[track_caller]
fn walk(cursor: &mut BlockIterator) -> Vec<Entry> {
    cursor
        .seek_to_first()
        .expect("seek_to_first() of a block cannot fail");
    common::rest(cursor)
}

/// Up to `count` random entries with ascending keys, some alike, some deleted, some empty.
fn random_entries(rng: &mut Rng, count: usize) -> Vec<Entry> {
    let mut keys: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let len = 1 + rng.below(6);
            (0..len).map(|_| *rng.pick(b"\x00ab\xff")).collect()
        })
        .collect();
    keys.sort();
    keys.dedup();
    let value = |rng: &mut Rng| {
        let len = rng.below(12);
        (!rng.chance(20)).then(|| rng.bytes(len))
    };
    keys.into_iter().map(|key| (key, value(rng))).collect()
}

/// Forty entries of which no two keys begin with the same byte, so that no prefix can be shared.
fn unlike_entries() -> Vec<Entry> {
    let mut rng = Rng::new(1);
    let entry = |i: u8| {
        let (key_len, value_len) = (rng.below(9), rng.below(30));
        let value = (!rng.chance(20)).then(|| rng.bytes(value_len));
        ([&[i * 6][..], &rng.bytes(key_len)].concat(), value)
    };
    (0..40).map(entry).collect()
}

/// The bytes of an entry that shares nothing: its head and its own.
fn entry_len((key, value): &Entry) -> usize {
    8 + key.len() + value.as_ref().map_or(0, Vec::len)
}

mod task_1 {
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
    ///   the table below mark first?
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
}

mod task_2 {
    use super::*;

    /// The bytes of a block, written down by hand, decode to its entries.
    ///
    /// Reading is the mirror of writing. The bytes come from the format's drawing, not from your
    /// builder, so a mistake that both share shows here.
    ///
    /// # Hints
    /// - The count is at the very end, the offsets before it, the entries from byte 0 on.
    /// - Entry i begins where offset i says: 8 bytes of head, then the key suffix, then the value.
    /// - `value_len` of `u32::MAX` is `None`; 0 is `Some` of no bytes.
    #[test]
    fn handwritten_bytes_decode_to_their_entries() {
        let bytes = bytes_of(&GOLDEN);
        let block = decode(&bytes);
        assert_eq!(block.entry_count(), 3, "the number of entries");
        assert_eq!(block.size(), bytes.len(), "the size of the block");
        check_entries("the block", &entries_of(&block), &golden_entries());
        for index in 0..3 {
            let shared = block.entry(index).shared;
            assert_eq!(
                shared, 0,
                "shared of entry {index}, whose key is written in full"
            );
        }
    }

    /// Whatever the builder makes, `decode` takes, entry for entry.
    ///
    /// Values may hold any byte, also those that look like lengths and offsets.
    ///
    /// # Hints
    /// - Does the failing block hold a tombstone, an empty value, a key with the byte 0?
    /// - Entries are found by their offsets alone; nothing in a value may be taken for structure.
    #[test]
    fn what_was_built_decodes_to_the_same_entries() {
        let mut rng = Rng::new(2);
        for _ in 0..300 {
            let count = 1 + rng.below(40);
            let entries = random_entries(&mut rng, count);
            let block = decode(&build(&entries));
            check_entries("a built block", &entries_of(&block), &entries);
        }
    }

    /// An entry that shares bytes with the first key decodes, from day 1 on.
    ///
    /// Your builder learns to share on day 7. Blocks that share must be readable before, or a store
    /// written tomorrow cannot be read today.
    ///
    /// # Hints
    /// - `shared` is handed on as it is: the suffix begins right after the head, and is `unshared`
    ///   bytes long.
    /// - Shared bytes are not in the entry; they are in the first entry's key.
    #[test]
    fn a_shared_prefix_is_honoured() {
        let block = decode(&raw_block(&[
            (0, b"plum", Some(b"1")),
            (4, b"cot", Some(b"2")),
            (2, b"y", None),
            (0, b"quince", Some(b"")),
        ]));
        let expected = entries("plum=1 plumcot=2 ply quince=");
        check_entries(
            "a block with shared prefixes",
            &entries_of(&block),
            &expected,
        );
        let shared: Vec<_> = (0..4).map(|index| block.entry(index).shared).collect();
        assert_eq!(shared, [0, 4, 2, 0], "shared of the four entries");
    }

    /// A block may hold an entry that begins at offset 65,535, the last possible place.
    ///
    /// What the builder's rule allows, the decoder must take.
    ///
    /// # Hints
    /// - An offset is a `u16` in the file, but a `usize` when you add to it.
    #[test]
    fn an_entry_at_offset_65535_decodes() {
        let large = vec![b'v'; 65_535 - 9];
        let block = decode(&raw_block(&[
            (0, b"a", Some(&large)),
            (0, b"b", Some(b"end")),
        ]));
        let entry = block.entry(1);
        assert_eq!(show(entry.suffix), show(b"b"), "the key at offset 65,535");
        assert_eq!(show_value(entry.value), show(b"end"), "the value of b");
    }

    /// A block that ends too early is refused, wherever it was cut.
    ///
    /// A disk that gives half a block must give an error, neither half an answer nor a crash.
    ///
    /// # Hints
    /// - Even two bytes may be missing: then there is no count to read.
    /// - Read through `ByteReader`, which refuses what is not there; `bytes[a..b]` panics.
    /// - After a cut, bytes of an entry stand where the count was. Every later check must bear any
    ///   count.
    #[test]
    fn every_truncation_is_refused() {
        let bytes = bytes_of(&GOLDEN);
        for len in 0..bytes.len() {
            let what = format!("the first {len} of {} bytes of a block", bytes.len());
            check_refused(&bytes[..len], &what);
        }
    }

    /// A block of no entries is refused.
    ///
    /// The builder never makes one; a cursor that meets one has no first key to stand on.
    ///
    /// # Hints
    /// - The count must be checked before anything is done with the first entry.
    #[test]
    fn a_block_without_entries_is_refused() {
        check_refused(&[0, 0], "a count of 0 and nothing else");
        let data = raw_entry((0, b"fig", Some(b"1")));
        check_refused(&raw_parts(&data, &[], 0), "an entry with a count of 0");
        check_refused(
            &raw_parts(&data, &[0], 0),
            "an entry and its offset with a count of 0",
        );
    }

    /// A block whose entry count is not its own is refused, whatever the count says.
    ///
    /// The count says where the offsets begin. One too many makes an offset of the last entry's
    /// bytes.
    ///
    /// # Hints
    /// - Can `count * 2` bytes of offsets be in the block at all? Subtract with `checked_sub`.
    /// - Too small a count leaves offsets that are taken for entries: the entries must end exactly
    ///   where the offsets begin.
    #[test]
    fn a_wrong_entry_count_is_refused() {
        let mut bytes = bytes_of(&GOLDEN);
        let count_at = bytes.len() - 2;
        for count in (0..=u16::MAX).filter(|count| *count != 3) {
            bytes[count_at..].copy_from_slice(&count.to_le_bytes());
            check_refused(
                &bytes,
                &format!("a block of 3 entries with a count of {count}"),
            );
        }
    }

    /// An offset that is not where its entry begins is refused, whatever it says.
    ///
    /// `entry` follows offsets without a further look, so `decode` is the only one who can find a
    /// wrong one.
    ///
    /// # Hints
    /// - Walk the entries from the start: each begins where the one before ended. That place must
    ///   be its offset.
    /// - The first offset is 0. Is it checked too?
    #[test]
    fn a_wrong_offset_is_refused() {
        let good = bytes_of(&GOLDEN);
        for (index, right) in [0u16, 0x10, 0x1c].into_iter().enumerate() {
            let at = good.len() - 2 * (4 - index);
            for offset in (0..300)
                .chain(65_500..=65_535)
                .filter(|offset| *offset != right)
            {
                let mut bytes = good.clone();
                bytes[at..at + 2].copy_from_slice(&offset.to_le_bytes());
                let what = format!("offset {offset} for entry {index}, which begins at {right},");
                check_refused(&bytes, &what);
            }
        }
    }

    /// A length that reaches past its entry is refused, and nothing is allocated for it.
    ///
    /// A value length of four billion in a block of fifty bytes is the oldest trick of a broken
    /// disk.
    ///
    /// # Hints
    /// - `ByteReader::bytes` compares with what is left before it takes anything.
    /// - The bytes of the entries end where the offsets begin: the reader must not see beyond.
    /// - A shorter length is as wrong as a longer one: the next entry does not begin there.
    #[test]
    fn wrong_lengths_are_refused() {
        let good = bytes_of(&GOLDEN);
        for (entry, at, right) in [(0, 0x02, 5), (1, 0x12, 4), (2, 0x1e, 4)] {
            for len in (0..100)
                .chain([255, 256, 32_768, 65_535])
                .filter(|len| *len != right)
            {
                let mut bytes = good.clone();
                bytes[at..at + 2].copy_from_slice(&u16::to_le_bytes(len));
                check_refused(
                    &bytes,
                    &format!("unshared {len} for the key of entry {entry}"),
                );
            }
        }
        for (entry, at, right) in [(0, 0x04, 3), (1, 0x14, u32::MAX), (2, 0x20, 0)] {
            // A 0 in place of the tombstone of entry 1 makes it an empty value: another block, but
            // a block.
            let lens = (0..100).chain([65_536, 1 << 28, 1 << 31, u32::MAX - 1]);
            let is_block = |len: &u32| *len == right || (entry == 1 && *len == 0);
            for len in lens.filter(|len| !is_block(len)) {
                let mut bytes = good.clone();
                bytes[at..at + 4].copy_from_slice(&len.to_le_bytes());
                check_refused(&bytes, &format!("value_len {len} for entry {entry}"));
            }
        }
    }

    /// An entry cannot share more bytes than the first key has, and the first entry has nothing to
    /// share with.
    ///
    /// The cursor will put such a key together by slicing the first one: what is not refused here
    /// panics there.
    ///
    /// # Hints
    /// - Remember the length of the first key while you walk.
    /// - For the first entry that length is still 0, so one comparison does for both.
    /// - All of the first key may be shared. The comparison is with the *first* key, not with the
    ///   one before.
    #[test]
    fn sharing_more_than_the_first_key_is_refused() {
        decode(&raw_block(&[(0, b"fig", None), (3, b"gy", None)]));
        for shared in [4, 5, 300, u16::MAX] {
            let what = format!("an entry that shares {shared} bytes of \"fig\"");
            check_refused(
                &raw_block(&[(0, b"fig", None), (shared, b"z", None)]),
                &what,
            );
            let what =
                format!("an entry that shares {shared} bytes of \"fig\" after \"figgy-pudding\"");
            let entries: [Raw<'_>; 3] = [
                (0, b"fig", None),
                (3, b"gy-pudding", None),
                (shared, b"z", None),
            ];
            check_refused(&raw_block(&entries), &what);
        }
        for shared in [1, 3, u16::MAX] {
            let what = format!("a first entry that shares {shared} bytes");
            check_refused(&raw_block(&[(shared, b"fig", None)]), &what);
        }
    }

    /// A key has 1 to 65,535 bytes, prefix and suffix together.
    ///
    /// The engine refuses other keys when they are written, so one in a file is damage, and nothing
    /// above needs to think of it again.
    ///
    /// # Hints
    /// - Neither field alone can say it: the sum of both counts.
    /// - Add them as `usize`. As `u16` the sum of 2 and 65,534 is 0.
    #[test]
    fn a_key_of_no_bytes_or_too_many_is_refused() {
        check_refused(
            &raw_block(&[(0, b"", Some(b"1"))]),
            "a first key of 0 bytes",
        );
        check_refused(
            &raw_block(&[(0, b"a", None), (0, b"", None)]),
            "a second key of 0 bytes",
        );

        let suffix = vec![b'z'; 65_535];
        for (shared, suffix_len) in [(1, 65_534), (0, 65_535), (2, 65_533)] {
            decode(&raw_block(&[
                (0, b"ab", None),
                (shared, &suffix[..suffix_len], None),
            ]));
        }
        for (shared, suffix_len) in [(1, 65_535), (2, 65_534), (2, 65_535)] {
            let what = format!("a key of {shared} + {suffix_len} bytes");
            check_refused(
                &raw_block(&[(0, b"ab", None), (shared, &suffix[..suffix_len], None)]),
                &what,
            );
        }
    }

    /// Bytes that belong to no entry, or to two, are refused.
    ///
    /// Entries lie end to end. Where that is not checked, a block has many spellings, and damage
    /// finds one of them.
    ///
    /// # Hints
    /// - It is not enough that each entry by itself lies inside the block.
    /// - The place where an entry ended must be the offset of the next, and for the last one the
    ///   beginning of the offsets.
    #[test]
    fn entries_must_lie_end_to_end() {
        let [fig, kiwi] = [
            raw_entry((0, b"fig", Some(b"1"))),
            raw_entry((0, b"kiwi", None)),
        ];
        let [x, end] = [fig.len() as u16, (fig.len() + kiwi.len()) as u16];
        let both = [&fig[..], &kiwi].concat();
        decode(&raw_parts(&both, &[0, x], 2));

        let before = [b"?", &both[..]].concat();
        check_refused(
            &raw_parts(&before, &[1, x + 1], 2),
            "a byte before the first entry",
        );
        let between = [&fig[..], b"?", &kiwi].concat();
        check_refused(
            &raw_parts(&between, &[0, x + 1], 2),
            "a byte between two entries",
        );
        let after = [&both[..], b"?"].concat();
        check_refused(
            &raw_parts(&after, &[0, x], 2),
            "a byte after the last entry",
        );
        check_refused(&raw_parts(&both, &[0, 0], 2), "one entry counted twice");
        check_refused(&raw_parts(&both, &[x, 0], 2), "offsets in the wrong order");
        check_refused(
            &raw_parts(&both, &[0, x, end], 3),
            "an offset at the end of the entries",
        );

        let nested = raw_entry((0, b"fig", Some(&kiwi)));
        check_refused(
            &raw_parts(&nested, &[0, 11], 2),
            "an entry inside another one's value",
        );
    }

    /// Random bytes never make `decode` panic, and what it takes for a block is one, to the last
    /// byte.
    ///
    /// No list of mistakes is complete; a few ten thousand damaged blocks find the rest. A format
    /// with one spelling can be checked by writing again what was read.
    ///
    /// # Hints
    /// - A panic's message has the line in your code. Which length or offset was believed there?
    /// - If a block was taken that should not be: some field was not compared with the place where
    ///   it must point.
    #[test]
    fn random_damage_never_panics_and_never_passes_for_a_block() {
        let mut rng = Rng::new(3);
        for round in 0..20_000 {
            let bytes = if round % 4 == 0 {
                let len = rng.below(40);
                (0..len).map(|_| *rng.pick(&[0, 0, 1, 2, 8, 255])).collect()
            } else {
                let mut bytes = bytes_of(&GOLDEN);
                for _ in 0..1 + rng.below(3) {
                    let at = rng.below(bytes.len());
                    bytes[at] = *rng.pick(&[0, 1, 4, 5, 0x10, 0x1c, 0xff]);
                }
                bytes
            };
            let Ok(block) = try_decode(&bytes) else {
                continue;
            };
            let raw: Vec<Raw<'_>> = (0..block.entry_count())
                .map(|index| block.entry(index))
                .map(|entry| (entry.shared as u16, entry.suffix, entry.value))
                .collect();
            assert!(
                raw_block(&raw) == bytes,
                "decode took {bytes:02x?} for a block, but these are not the bytes of the entries that it reads there: {:02x?} would be",
                raw_block(&raw)
            );
        }
    }
}

mod task_3 {
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
}

mod task_4 {
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
}
