//! Day 2 · Task 1 · the block index.

use super::*;

/// Three blocks with gaps between their keys.
fn fruit() -> Vec<Meta> {
    vec![
        meta("apple", "cherry", 0, 100),
        meta("fig", "fig", 104, 20),
        meta("kiwi", "plum", 128, 72),
    ]
}

/// An index of two blocks has exactly the bytes that the format says.
///
/// The index is all that a reader knows of where blocks are. Two engines must agree on it to
/// the byte.
///
/// # Hints
/// - The drawing at the top of `table/index.rs` has every field with its width. Which one does
///   the table in the report mark first?
/// - Both lengths come first, both keys last. The offset has 8 bytes, the length 4.
#[test]
fn an_index_of_two_blocks_has_these_bytes() {
    let metas = [meta("apple", "apple", 0, 20), meta("kiwi", "plum", 24, 30)];
    check_fields("the index", &encode_index(&metas), &GOLDEN_INDEX);
}

/// The bytes of an index, written down by hand, decode to its blocks.
///
/// The bytes come from the format's drawing, not from your `encode`, so a mistake that both
/// share shows here.
///
/// # Hints
/// - Entries lie end to end: where one ends the next begins, until nothing is left.
/// - `blocks_end` is where the last block's checksum ends: 24 + 30 + 4 = 58 here.
#[test]
fn handwritten_bytes_decode_to_their_blocks() {
    let index = decode_index(&bytes_of(&GOLDEN_INDEX), 58);
    assert_eq!(index.block_count(), 2, "the number of blocks");
    let expected = [meta("apple", "apple", 0, 20), meta("kiwi", "plum", 24, 30)];
    assert_eq!(
        metas_of(&index),
        expected,
        "first key, last key, offset, length of the blocks"
    );
}

/// What was encoded decodes to the same: one block or a thousand, keys of one byte or 65,535.
///
/// An index is longest for the largest tables, and those are tested least.
///
/// # Hints
/// - `get` is asked for any block in any order.
/// - A length of 65,535 fits a `u16`; half of it does not fit an `i16`.
#[test]
fn what_was_encoded_decodes_to_the_same() {
    let (mut metas, mut offset) = (Vec::new(), 0);
    for i in 0..1000u32 {
        let len = 1 + (i * 7919) % 5000;
        metas.push((key(2 * i as usize), key(2 * i as usize + 1), offset, len));
        offset += u64::from(len) + 4;
    }
    let index = decode_index(&encode_index(&metas), offset);
    assert_eq!(metas_of(&index), metas, "a thousand blocks");

    let long = vec![(vec![b'a'; 65_535], vec![b'b'; 65_535], 0, u32::MAX)];
    let index = decode_index(&encode_index(&long), (1 << 32) + 3);
    assert!(
        metas_of(&index) == long,
        "a block of 4 GiB whose keys have 65,535 bytes was not read as it was written"
    );
}

/// `find` gives the first block whose last key is at or past the target.
///
/// Only that block may hold the target, and if it does not, a scan from the target begins
/// there.
///
/// # Hints
/// - Compare with last keys. First keys answer another question: the last block that begins at
///   or before the target.
/// - A target in the gap between two blocks belongs to the later one.
/// - Past every key the answer is the block count: it is not an error, and not the last block.
#[test]
fn find_gives_the_first_block_that_ends_at_or_past_the_target() {
    let index = decode_index(&encode_index(&fruit()), 204);
    for (target, expected, where_it_lies) in [
        ("", 0, "before everything"),
        ("aardvark", 0, "before the first key"),
        ("apple", 0, "the first key of block 0"),
        ("banana", 0, "inside block 0"),
        ("cherry", 0, "the last key of block 0"),
        ("cherry!", 1, "in the gap after block 0"),
        ("date", 1, "in the gap after block 0"),
        ("fig", 1, "the only key of block 1"),
        ("fig!", 2, "in the gap after block 1"),
        ("kiwi", 2, "the first key of block 2"),
        ("plum", 2, "the last key of block 2"),
        ("plum!", 3, "past the last key"),
        ("quince", 3, "past the last key"),
    ] {
        assert_eq!(
            index.find(target.as_bytes()),
            expected,
            "find({target:?}), {where_it_lies}, over blocks apple-cherry, fig-fig, kiwi-plum"
        );
    }
}

/// A binary search over an index of any length agrees with a search one by one.
///
/// Both ends and the middle are where such searches go wrong, and whether they do depends on
/// the length.
///
/// # Hints
/// - Which length fails first? Walk through it on paper.
/// - The candidates are 0 to the block count, the count included.
#[test]
fn find_is_right_for_any_number_of_blocks() {
    for count in 1..=33 {
        let block = |i: usize| (key(4 * i + 1), key(4 * i + 2), 14 * i as u64, 10);
        let metas: Vec<Meta> = (0..count).map(block).collect();
        let index = decode_index(&encode_index(&metas), end_of(&metas));
        for i in 0..4 * count + 1 {
            let expected = metas.iter().take_while(|meta| meta.1 < key(i)).count();
            assert_eq!(
                index.find(&key(i)),
                expected,
                "find({}) over {count} blocks, of which block i holds keys 4i+1 to 4i+2",
                show(&key(i))
            );
        }
    }
}

/// `find` compares whole keys: those that begin alike for many bytes, that continue each other, or
/// that differ only by zeros at their end.
///
/// A search may look at a few bytes of each key first, as the reference does, or at numbers that
/// stand for them. Where those are equal the keys need not be.
///
/// # Hints
/// - `KeyHeads::undecided` says which blocks are still to be compared: often none, but sometimes
///   all of them.
/// - In a range that is left, go on with whole keys, as in any binary search.
#[test]
fn find_tells_keys_apart_that_begin_alike() {
    let tails: [&[u8]; 8] = [
        b"\0",
        b"\0\0",
        b"0123456",
        b"01234567",
        b"01234567\0",
        b"012345678",
        b"01234567a",
        b"\xff",
    ];
    for prefix in ["", "user:", "a prefix of more than eight bytes:"] {
        let keys: Vec<Vec<u8>> = tails
            .iter()
            .map(|tail| [prefix.as_bytes(), tail].concat())
            .collect();
        let metas: Vec<Meta> = (0..)
            .zip(&keys)
            .map(|(i, key)| (key.clone(), key.clone(), i * 54, 50))
            .collect();
        let index = decode_index(&encode_index(&metas), end_of(&metas));
        let shorter = (0..prefix.len()).map(|len| prefix.as_bytes()[..len].to_vec());
        let longer = keys.iter().flat_map(|key| {
            let with = |tail: &[u8]| [key, tail].concat();
            [
                key.clone(),
                with(b"\0"),
                with(b"~~~~~~~~"),
                key[..key.len() - 1].to_vec(),
            ]
        });
        let others = [
            b"\0".to_vec(),
            b"a".to_vec(),
            b"usex".to_vec(),
            vec![0xff; 40],
        ];
        for target in shorter.chain(longer).chain(others) {
            assert_eq!(
                index.find(&target),
                keys.iter().take_while(|key| **key < target).count(),
                "find({:?}) over blocks of one key each: {:?}",
                target.escape_ascii().to_string(),
                keys.iter()
                    .map(|key| key.escape_ascii().to_string())
                    .collect::<Vec<_>>(),
            );
        }
    }
}

/// An index that was cut short is refused, and so is one of no blocks.
///
/// Its checksum would tell, but the decoder must not rely on somebody else's care.
///
/// # Hints
/// - Read through `ByteReader`, and it is refused by itself, but for a cut between two entries.
/// - After a cut between two entries the blocks do not reach `blocks_end`.
/// - No bytes are no blocks: a table has at least one.
#[test]
fn every_truncation_of_an_index_is_refused() {
    let bytes = encode_index(&fruit());
    for len in 0..bytes.len() {
        let what = format!("the first {len} of {} bytes of an index", bytes.len());
        check_corruption(try_decode_index(&bytes[..len], 204), &what);
    }
    check_corruption(
        try_decode_index(&[], 0),
        "an index of no blocks over no bytes",
    );
}

/// Keys that do not ascend through the index are refused.
///
/// `find` is a binary search: over an index out of order it gives a wrong block, and the store
/// answers "not found" for what it has.
///
/// # Hints
/// - Two comparisons an entry: its first key with its last, its first key with the last of the
///   entry before.
/// - A block of one entry has the same first and last key. Two blocks never share a key.
#[test]
fn keys_out_of_order_are_refused() {
    let check = |text: [(&str, &str); 2], what: &str| {
        let [(a, b), (c, d)] = text;
        let bytes = encode_index(&[meta(a, b, 0, 10), meta(c, d, 14, 10)]);
        check_corruption(try_decode_index(&bytes, 28), what);
    };
    check([("b", "a"), ("c", "d")], "a first block from b to a");
    check([("a", "b"), ("d", "c")], "a second block from d to c");
    check([("a", "b"), ("b", "c")], "two blocks that share the key b");
    check([("a", "c"), ("b", "d")], "two blocks that overlap");
    check([("c", "d"), ("a", "b")], "two blocks in the wrong order");
    check([("", "b"), ("c", "d")], "a first key of no bytes");

    let bytes = encode_index(&[meta("a", "a", 0, 10), meta("b", "b", 14, 10)]);
    decode_index(&bytes, 28);
}

/// Blocks that do not lie end to end, from 0 up to the end of all blocks, are refused.
///
/// Bytes between two blocks are bytes that no checksum covers, and a block that overlaps
/// another one cannot be right.
///
/// # Hints
/// - Keep the place where the next block must begin: the last one's offset, its length, and 4
///   bytes of checksum.
/// - After the last entry that place must be `blocks_end`.
#[test]
fn blocks_with_gaps_or_overlaps_are_refused() {
    let check = |places: [(u64, u32); 2], what: &str| {
        let [(a, a_len), (b, b_len)] = places;
        let bytes = encode_index(&[meta("a", "b", a, a_len), meta("c", "d", b, b_len)]);
        check_corruption(try_decode_index(&bytes, 38), what);
    };
    check([(1, 9), (14, 20)], "a first block at offset 1");
    check([(0, 10), (15, 19)], "a gap of one byte between two blocks");
    check([(0, 10), (13, 21)], "two blocks that overlap by one byte");
    check(
        [(0, 10), (10, 24)],
        "a block at the place of the checksum before it",
    );
    check([(0, 10), (14, 19)], "blocks that end one byte early");
    check([(0, 10), (14, 21)], "blocks that end one byte late");
    check(
        [(0, 10), (14, u32::MAX)],
        "a block of 4 GiB in a file of 38 bytes",
    );
    check(
        [(0, 10), (u64::MAX, 20)],
        "a block at the last possible offset",
    );
    check(
        [(u64::MAX, u32::MAX), (14, 20)],
        "a first block at the last possible offset",
    );

    let bytes = encode_index(&[meta("a", "b", 0, 10), meta("c", "d", 14, 20)]);
    decode_index(&bytes, 38);
}

/// Random damage never makes the decoder panic, and what it takes for an index is one, to the
/// last byte.
///
/// An index with one spelling can be checked by writing again what was read.
///
/// # Hints
/// - A panic's message has the line in your code. Which length was believed there?
#[test]
fn random_damage_never_panics_and_never_passes_for_an_index() {
    let (mut rng, good) = (Rng::new(1), encode_index(&fruit()));
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(bytes.len());
            bytes[at] = *rng.pick(&[0, 1, 3, 5, 20, b'a', b'z', 0xff]);
        }
        bytes.truncate(bytes.len() - rng.below(4) * rng.below(4));
        let Ok(index) = try_decode_index(&bytes, 204) else {
            continue;
        };
        assert!(
            encode_index(&metas_of(&index)) == bytes,
            "decode took {bytes:02x?} for an index, but reads it as {:?}",
            metas_of(&index)
        );
    }
}
