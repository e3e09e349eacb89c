//! Day 1 · Task 2 · decoding blocks.

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
