//! Day 7 · Task 3 · shared prefixes.

use super::*;
use common::conformance::check_cursor;
use common::model::Model;
use common::rng::Rng;
use common::{entries, rest};
use mini_lsm::StorageIterator;
use mini_lsm::block::BlockIterator;
use mini_lsm::block::prefix::common_prefix_len;
use mini_lsm::cursor::Lookup;
use mini_lsm::table::{CacheFill, SsTableIterator};

/// The common prefix is what two keys share from their beginning, up to the first difference or the end of one.
///
/// Bytes that happen to be equal further on do not count, nor do keys compare as text.
///
/// # Hints
/// - Walk both side by side and stop at the first pair that differs.
/// - One key may end before any difference.
/// - Lengths of keys go up to 65,535: no `u8` on the way.
#[test]
fn the_common_prefix_ends_at_the_first_difference() {
    let long = [b'x'; 65_535];
    let cases: [(&[u8], &[u8], usize); 12] = [
        (b"", b"", 0),
        (b"", b"a", 0),
        (b"a", b"", 0),
        (b"a", b"a", 1),
        (b"apple", b"apply", 4),
        (b"app", b"apple", 3),
        (b"apple", b"app", 3),
        (b"apple", b"plum", 0),
        (b"xbcd", b"abcd", 0),
        (b"a1c", b"a2c", 1),
        (b"\x00\xff\x00", b"\x00\xff\x01", 2),
        (&long, &long[..65_000], 65_000),
    ];
    for (a, b, expected) in cases {
        let got = common_prefix_len(a, b);
        assert!(
            got == expected,
            "{} and {} have {expected} bytes in common at their beginning, not {got}",
            show(a),
            show(b)
        );
    }
}

/// The bytes of a block whose keys share prefixes with its first one.
///
/// This is the format of the first day; only the `shared` fields are not 0 any more.
///
/// # Hints
/// - `shared` is what the key has in common with apple, `unshared` the rest, and only the rest is written.
/// - The offsets follow from the shorter entries.
#[test]
fn golden_bytes_of_a_block_with_shared_prefixes() {
    let got = block_bytes(&entries("apple=1 applet=22 apply banana="));
    let expected: [&[u8]; 5] = [
        b"\x00\x00\x05\x00\x01\x00\x00\x00apple1",
        b"\x05\x00\x01\x00\x02\x00\x00\x00t22",
        b"\x04\x00\x01\x00\xff\xff\xff\xffy",
        b"\x00\x00\x06\x00\x00\x00\x00\x00banana",
        b"\x00\x00\x0e\x00\x19\x00\x22\x00\x04\x00",
    ];
    let expected = expected.concat();
    let differs = (0..expected.len()).find(|&at| got.get(at) != expected.get(at));
    assert!(
        got == expected,
        "the block of apple, applet, apply and banana differs at byte {}:\n  expected {}\n  got      {}",
        differs.unwrap_or(expected.len()),
        expected.escape_ascii(),
        got.escape_ascii()
    );
}

/// What is shared is shared with the block's *first* key, not with the key before.
///
/// Then any entry can be decoded from itself and the first, and a binary search jumps where it likes.
///
/// # Hints
/// - mb1 and mb2 have two bytes in common, but with m only one.
/// - The builder keeps the first key and the last key of its block; which one do you compare with?
#[test]
fn keys_share_with_the_first_key_not_with_the_one_before() {
    let block = decode_block(block_bytes(&entries("m=0 ma=1 mb1=2 mb2=3 n1=4 n2=5")));
    let shared: Vec<usize> = (0..block.entry_count())
        .map(|i| block.entry(i).shared)
        .collect();
    assert!(
        shared == [0, 1, 1, 1, 0, 0],
        "of m, ma, mb1, mb2, n1, n2 the entries share {shared:?} bytes, expected [0, 1, 1, 1, 0, 0]"
    );
    let suffixes: Vec<String> = (0..block.entry_count())
        .map(|i| show(block.entry(i).suffix))
        .collect();
    assert!(
        suffixes == ["\"m\"", "\"a\"", "\"b1\"", "\"b2\"", "\"n1\"", "\"n2\""],
        "the rests of the keys are {suffixes:?}"
    );
}

/// Each block begins anew: its first key is whole, and the others share with that one.
///
/// A builder that remembers the first key of the block before makes blocks that cannot be read, or worse, that can.
///
/// # Hints
/// - What has to be forgotten in `finish`?
/// - The first entry of a block has nothing to share with: 0.
#[test]
fn a_new_block_shares_with_its_own_first_key() {
    let mut builder = BlockBuilder::new(4096);
    for words in ["apple=1 apply=2", "applz=3 applzz=4 april=5", "b=6 bb=7"] {
        let expected = entries(words);
        for (key, value) in &expected {
            builder.add(key, value.as_deref());
        }
        let bytes = builder.finish();
        assert!(
            bytes[..2] == [0, 0],
            "the first entry of the block of {words} shares {} bytes, with what?",
            u16::from_le_bytes([bytes[0], bytes[1]])
        );
        assert!(
            bytes.len() == block_len(&expected, true),
            "the block of {words} has {} bytes, expected {}: keys share with the first key of their own block",
            bytes.len(),
            block_len(&expected, true)
        );
        // A walk, no seek: how a search goes around what is shared is another claim.
        let mut walk = BlockIterator::new(decode_block(bytes));
        walk.seek_to_first()
            .unwrap_or_else(|error| panic!("seek_to_first over the block of {words}: {error}"));
        let walked = rest(&mut walk);
        assert!(
            walked == expected,
            "a walk over the block of {words} shows {} entries, or others than were added",
            walked.len()
        );
    }
}

/// The same in a table: every block's first entry is whole, and the index has whole keys.
///
/// The table builder cuts the blocks, and takes first and last key of each for the index from the block builder.
///
/// # Hints
/// - The index tells which block to read before the block is read: its keys share nothing.
/// - If the first block is right and the second is not, look at what is left over from the first.
#[test]
fn every_block_of_a_table_begins_with_a_whole_key() {
    let all: Vec<Entry> = (0..500)
        .map(|i| {
            (
                format!("a/long/path/to/{i:04}").into_bytes(),
                Some(vec![b'v']),
            )
        })
        .collect();
    let fs = common::mem_fs();
    let small_blocks = LsmOptions {
        block_size: 200,
        ..options(fs.clone(), 0)
    };
    build_table(&fs, &all, &small_blocks);
    let table = open_table(fs).expect("a table of shared prefixes could not be opened");
    let mut next = 0;
    for i in 0..table.block_count() {
        let block = table.read_block(i).expect("a block could not be read");
        let first = block.entry(0);
        let (expected, _) = &all[next];
        assert!(
            first.shared == 0
                && first.suffix == expected
                && table.index().get(i).first_key == expected,
            "block {i} must begin with the whole key {}, its index entry too",
            show(expected)
        );
        let saved = (1..block.entry_count()).all(|entry| block.entry(entry).shared >= 15);
        assert!(
            saved,
            "in block {i}, entries do not share the 15 bytes that all keys have in common"
        );
        next += block.entry_count();
        assert!(
            table.index().get(i).last_key == all[next - 1].0,
            "the index gives {} as the last key of block {i}, expected {}",
            show(table.index().get(i).last_key),
            show(&all[next - 1].0)
        );
    }
}

/// The size rule stays exact: room is where the *shortened* entry fits, to the byte.
///
/// A builder that asks for room for the whole key makes smaller blocks than it was told to; one that forgets the header makes larger ones.
///
/// # Hints
/// - `has_room` and `add` must agree on how much of the key is written.
/// - Size with the entry: what is there, a header, the rest of the key, the value, one more offset.
#[test]
fn the_size_rule_counts_shortened_keys() {
    let mut rng = Rng::new(704);
    for _ in 0..60 {
        let all = entangled(&mut rng, 12);
        for count in 2..=all.len() {
            let exact = block_len(&all[..count], true);
            let ((key, value), before) = all[..count].split_last().expect("two or more");
            for (target, expected) in [(exact, true), (exact - 1, false)] {
                let mut builder = BlockBuilder::new(target);
                for (key, value) in before {
                    builder.add(key, value.as_deref());
                }
                let got = builder.has_room(key, value.as_deref());
                assert!(
                    got == expected,
                    "a block that would have {exact} bytes with {} (the first key is {}): for a target of {target}, has_room must say {expected}",
                    show(key),
                    show(&all[0].0)
                );
            }
        }
    }
}

/// `encoded_len` tells, after each entry, what `finish` would give.
///
/// Compaction decides by it when a table is full.
///
/// # Hints
/// - Count what is written, not what was handed over.
/// - Two bytes an entry for its offset, and two for the count.
#[test]
fn the_length_so_far_counts_shortened_keys() {
    let all = entries("user/1/name=ann user/1/town=bonn user/2/name user/22/name=bob v=");
    for count in 1..=all.len() {
        let mut builder = BlockBuilder::new(4096);
        for (key, value) in &all[..count] {
            builder.add(key, value.as_deref());
        }
        let told = builder.encoded_len();
        let made = builder.finish().len();
        let expected = block_len(&all[..count], true);
        assert!(
            told == expected && made == expected,
            "after {count} entries encoded_len gives {told} and finish {made} bytes, expected {expected}"
        );
    }
}

/// A block takes entries up to offset 65,535 of the shortened entries, however long their keys are when put together.
///
/// Offsets are `u16`. What is shared takes no room, so far more entries fit than the length of their keys suggests.
///
/// # Hints
/// - An entry may *begin* at 65,535, not later; where it ends does not matter.
/// - Count what has been written, not key lengths.
#[test]
fn shortened_entries_fill_a_block_up_to_the_last_offset() {
    let prefix = "p".repeat(1_000);
    let mut builder = BlockBuilder::new(usize::MAX);
    builder.add(prefix.as_bytes(), None);
    // The first entry has 1,008 bytes, each of the others 8 + 8.
    let fitting = (65_535 - 1_008) / 16 + 1;
    for i in 0..fitting {
        let key = format!("{prefix}{i:08}");
        assert!(
            builder.has_room(key.as_bytes(), None),
            "entry {i} begins at offset {}, but has_room says no",
            1_008 + 16 * i
        );
        builder.add(key.as_bytes(), None);
    }
    let key = format!("{prefix}{fitting:08}");
    assert!(
        !builder.has_room(key.as_bytes(), None),
        "the next entry would begin at offset {}, but has_room says yes",
        1_008 + 16 * fitting
    );
    let block = decode_block(builder.finish());
    assert!(
        block.entry_count() == fitting + 1,
        "the block has {} entries, expected {}",
        block.entry_count(),
        fitting + 1
    );
}

/// Very long prefixes are shared, too: 60,000 bytes of them.
///
/// `shared` has 16 bits; a count that was kept in 8 on the way cuts keys in pieces.
///
/// # Hints
/// - Is some length cast to `u8` or `i16`?
/// - Every byte up to the first difference is shared; there is no upper limit but the key's.
#[test]
fn prefixes_of_many_thousand_bytes_are_shared() {
    for len in [255, 256, 300, 32_767, 32_768, 60_000] {
        let prefix = vec![b'p'; len];
        let all: Vec<Entry> = [&b"0"[..], b"1", b"10", b"2"]
            .iter()
            .map(|end| ([&prefix, *end].concat(), Some(end.to_vec())))
            .collect();
        check_cursor(
            &format!("a block with prefixes of {len} bytes"),
            BlockIterator::new(shared_block(&all)),
            &all,
        );
    }
}

/// A first key that is the beginning of all others is shared whole; what is left is never empty but for the first.
///
/// Here `shared` reaches its limit, the length of the first key.
///
/// # Hints
/// - The key is as long as what it shares plus its rest.
/// - The prefix ends where the *shorter* of the two keys ends.
#[test]
fn the_first_key_may_be_the_beginning_of_all_others() {
    let all = entries("a=1 aa=2 aaa=3 aab aabb= ab=5");
    let block = shared_block(&all);
    for (i, (key, _)) in all.iter().enumerate().skip(1) {
        let shared = block.entry(i).shared;
        assert!(
            shared == 1,
            "{} shares {shared} bytes with the first key, a, expected 1",
            show(key)
        );
    }
    check_cursor(
        "a block that begins with a",
        BlockIterator::new(block),
        &all,
    );
}

/// Seeks find their place where the target is a beginning of the first key, or lies just beside what keys share.
///
/// A search that compares rests without what they share goes astray exactly there.
///
/// # Hints
/// - The target may end within the shared part. Then it is smaller than every key that has that part.
/// - The target may differ within the shared part. Then the rest has nothing to say.
#[test]
fn seeks_go_right_around_shared_prefixes() {
    let all = entries("abcdef=1 abcdeg=2 abcx abd=4 ac=5 b=6");
    let mut cursor = BlockIterator::new(shared_block(&all));
    let cases: [(&str, Option<usize>); 20] = [
        ("", Some(0)),
        ("a", Some(0)),
        ("abc", Some(0)),
        ("abcde", Some(0)),
        ("abcdef", Some(0)),
        ("abcdef0", Some(1)),
        ("abcdeg", Some(1)),
        ("abcdez", Some(2)),
        ("abce", Some(2)),
        ("abcw", Some(2)),
        ("abcxx", Some(3)),
        ("abcz", Some(3)),
        ("abd", Some(3)),
        ("abd0", Some(4)),
        ("abz", Some(4)),
        ("ac", Some(4)),
        ("ad", Some(5)),
        ("aaaaaaaa", Some(0)),
        ("b", Some(5)),
        ("bb", None),
    ];
    for (target, place) in cases {
        cursor.seek(target.as_bytes()).expect("seek failed");
        let got = cursor.is_valid().then(|| show(cursor.key()));
        let expected = place.map(|i| show(&all[i].0));
        assert!(
            got == expected,
            "seek({target}) stands on {}, expected {}",
            got.unwrap_or_else(|| "the end".to_owned()),
            expected.unwrap_or_else(|| "the end".to_owned())
        );
    }
}

/// Blocks of random keys that share prefixes of all lengths are walked and searched like any others.
///
/// Keys that somebody made up by hand share what was thought of; those of users share anything.
///
/// # Hints
/// - Which key comes out wrong? Compare what it shares with the first key, by hand.
/// - If decoding fails, a length is wrong; if only keys are, the wrong bytes are shared.
#[test]
fn blocks_of_entangled_keys_keep_the_cursor_contract() {
    let mut rng = Rng::new(705);
    for round in 0..40 {
        let count = 1 + rng.below(40);
        // At least one key that must share: otherwise the block proves nothing.
        let mut all = entangled(&mut rng, count);
        let longer = [all[0].0.as_slice(), b"\x01"].concat();
        if all.get(1).is_none_or(|(key, _)| *key != longer) {
            all.insert(1, (longer, Some(b"v".to_vec())));
        }
        let name = format!("random block {round}");
        check_cursor(&name, BlockIterator::new(shared_block(&all)), &all);
    }
}

/// A block without shared prefixes, as it was built until yesterday, is read like the shared one, which is smaller.
///
/// Yesterday's tables are full of them.
///
/// # Hints
/// - The reader must not work out what is shared: the entry says it.
/// - The same entries take less room today.
#[test]
fn unshared_blocks_of_yesterday_are_still_read() {
    let all = entries("user/ann=1 user/anna user/bob= user/bobby=4 zoe=5");
    let (mut bytes, mut offsets) = (Vec::new(), Vec::new());
    for (key, value) in &all {
        offsets.extend((bytes.len() as u16).to_le_bytes());
        let value_len = value.as_ref().map_or(u32::MAX, |value| value.len() as u32);
        bytes.extend([0, 0]);
        bytes.extend((key.len() as u16).to_le_bytes());
        bytes.extend(value_len.to_le_bytes());
        bytes.extend(key);
        bytes.extend(value.iter().flatten());
    }
    bytes.extend(offsets);
    bytes.extend((all.len() as u16).to_le_bytes());
    let old_len = bytes.len();
    check_cursor(
        "a block of yesterday",
        BlockIterator::new(decode_block(bytes)),
        &all,
    );
    let today = shared_block(&all);
    check_cursor(
        "the same block today",
        BlockIterator::new(today.clone()),
        &all,
    );
    assert!(
        today.size() < old_len,
        "the block has {} bytes with shared prefixes, {old_len} without",
        today.size()
    );
}

/// The same entries make a table of fewer blocks, and a smaller file, than without sharing.
///
/// Fewer blocks are fewer reads for a scan, a smaller index, and more keys in the same cache.
///
/// # Hints
/// - Look at `shared` of the entries of one block: with these keys it is 26 or more, but for the first.
/// - Only the rest of the key is written; is room asked for the rest only, too?
#[test]
fn tables_of_similar_keys_get_smaller() {
    let all: Vec<Entry> = (0..2_000)
        .map(|i| {
            let key = format!("https://example.org/users/{i:06}").into_bytes();
            (key, Some(b"on".to_vec()))
        })
        .collect();
    let (table, _fs) = table(&all, 0);
    // Filled to the brim, with nothing shared: a lower bound of what yesterday's engine needs.
    let plain_len: usize = all.len() * block_len(&all[..1], false) - 2 * (all.len() - 1);
    let plain_blocks = plain_len.div_ceil(4096);
    assert!(
        2 * table.block_count() <= plain_blocks + 4,
        "2,000 keys with 26 equal bytes each lie in {} blocks; without sharing it would be {plain_blocks} at least, and half of that is expected",
        table.block_count()
    );
    assert!(
        table.size() < plain_len as u64 * 6 / 10,
        "the table has {} bytes; its entries alone have {plain_len} without sharing",
        table.size()
    );
}

/// Tables of random keys that share prefixes, with filters, agree with a sorted map in walks, seeks and gets.
///
/// The filter knows whole keys, the block only their rests: both must speak of the same key.
///
/// # Hints
/// - The hash for the filter is that of the whole key.
/// - If only keys past the first block are wrong, look at what is carried from block to block.
#[test]
fn tables_of_entangled_keys_agree_with_a_map() {
    let mut rng = Rng::new(706);
    for block_size in [1, 64, 300, 4096] {
        let all = entangled(&mut rng, 700);
        let fs = common::mem_fs();
        let options = LsmOptions {
            block_size,
            ..options(fs.clone(), 10)
        };
        build_table(&fs, &all, &options);
        let table = open_table(fs.clone()).expect("a sound table could not be opened");
        if block_size == 4096 {
            let entry_len =
                |(key, value): &Entry| 10 + key.len() + value.as_ref().map_or(0, Vec::len);
            let plain_len: usize = all.iter().map(entry_len).sum();
            let len = Parts::of(&fs).blocks.len();
            assert!(
                len < plain_len,
                "the blocks have {len} bytes; their entries without sharing would have {plain_len}"
            );
        }
        let name = format!("a table with blocks of {block_size} bytes");
        let cursor = SsTableIterator::new(Arc::clone(&table), CacheFill::No);
        check_cursor(&name, cursor, &all);
        for (key, value) in &all {
            let found = match table.get(key).expect("a get in a sound table failed") {
                Lookup::Value(found) => Some(found.to_vec()) == *value,
                Lookup::Deleted => value.is_none(),
                Lookup::Unknown => false,
            };
            assert!(found, "{name}: get({}) gave a wrong answer", show(key));
            let absent = [key.as_slice(), b"0"].concat();
            let got = table.get(&absent).expect("a get in a sound table failed");
            assert!(
                matches!(got, Lookup::Unknown),
                "{name}: get({}) found what is not there",
                show(&absent)
            );
        }
    }
}

/// A whole store of long, similar keys agrees with a map through flush, compaction and reopening, in less room than its keys alone.
///
/// The end of the course: log, memtable, filters, compressed blocks and levels at work together.
///
/// # Hints
/// - Let `tables_of_entangled_keys_agree_with_a_map` pass first.
/// - If only reopened stores are wrong, is something about prefixes kept in memory that is not in the block?
#[test]
fn a_store_of_similar_keys_agrees_with_a_map() {
    let fs = common::mem_fs();
    let mut rng = Rng::new(707);
    let mut model = Model::default();
    let mut store = common::open(options(fs.clone(), 10));
    let prefix = "a prefix that is as long as a whole sentence and the same in all keys/";
    let key = |i: usize| format!("{prefix}{i:05}").into_bytes();
    for round in 0..8 {
        for _ in 0..150 {
            let key = key(rng.below(400));
            match rng.chance(25) {
                true => model.delete(&store, &key),
                false => model.put(&store, &key, &[b'v'; 4]),
            }
        }
        match round % 4 {
            1 => compact(&store),
            3 => {
                close(&store);
                store = common::open(options(fs.clone(), 10));
            }
            _ => flush(&store),
        }
        let when = format!("in round {round}");
        let everything = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);
        model.check_scan(&store, &everything, &when);
        for i in 0..400 {
            let key = key(i);
            let expected = model.map.get(&key).map(Vec::as_slice);
            common::assert_get(&store, &key, expected, &when);
        }
    }
    compact(&store);
    let bytes: u64 = store
        .metrics()
        .levels
        .iter()
        .flatten()
        .map(|table| table.size)
        .sum();
    let key_bytes: usize = model.map.keys().map(Vec::len).sum();
    assert!(
        bytes < key_bytes as u64 / 2,
        "the tables have {bytes} bytes; the keys alone have {key_bytes}, and almost all of that is shared"
    );
    close(&store);
}
