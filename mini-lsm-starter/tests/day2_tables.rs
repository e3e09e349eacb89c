//! Day 2 · Sorted string tables: blocks become a file that is written once, checked at every read,
//! and walked block by block.

mod common;

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use common::golden::{Field, bytes_of, check_fields};
use common::rng::Rng;
use common::{DIR, Entry, entries, key, mem_fs, options, show, show_value, value};
use mini_lsm_starter::block::Block;
use mini_lsm_starter::byte_reader::Origin;
use mini_lsm_starter::files::table_path;
use mini_lsm_starter::fs::{
    CrashPlan, FaultFs, FileSystem, MemFs, OpKind, OpLog, Operation, Verdict,
};
use mini_lsm_starter::table::{
    BlockIndex, BlockMeta, CHECKSUM_LEN, CacheFill, FOOTER_LEN, Footer, SsTable, SsTableBuilder,
    SsTableIterator, TableId,
};
use mini_lsm_starter::{Error, LsmOptions, StorageIterator};

/// The table of these tests.
const ID: TableId = TableId(7);

/// The table of `apple = red`, `kiwi` (deleted) and `plum = ` (empty), with blocks of at most 30
/// bytes, byte by byte. First its blocks.
const GOLDEN_BLOCKS: [Field<'_>; 22] = [
    ("block 0, apple: shared", &[0x00, 0x00]),
    ("block 0, apple: unshared", &[0x05, 0x00]),
    ("block 0, apple: value_len", &[0x03, 0x00, 0x00, 0x00]),
    ("block 0, apple: key", b"apple"),
    ("block 0, apple: value", b"red"),
    ("block 0: offset 0", &[0x00, 0x00]),
    ("block 0: entry count", &[0x01, 0x00]),
    // The CRC-32 of the 20 bytes before.
    ("block 0: checksum", &[0xdc, 0xda, 0x40, 0x0d]),
    // With kiwi the first block would have had 34 bytes.
    ("block 1, kiwi: shared", &[0x00, 0x00]),
    ("block 1, kiwi: unshared", &[0x04, 0x00]),
    ("block 1, kiwi: value_len", &[0xff, 0xff, 0xff, 0xff]),
    ("block 1, kiwi: key", b"kiwi"),
    ("block 1, plum: shared", &[0x00, 0x00]),
    ("block 1, plum: unshared", &[0x04, 0x00]),
    ("block 1, plum: value_len", &[0x00, 0x00, 0x00, 0x00]),
    ("block 1, plum: key", b"plum"),
    ("block 1: offset 0", &[0x00, 0x00]),
    ("block 1: offset 1", &[0x0c, 0x00]),
    ("block 1: entry count", &[0x02, 0x00]),
    // The CRC-32 of the 30 bytes before.
    ("block 1: checksum", &[0x87, 0x7d, 0x7c, 0x38]),
    // No filter before day 7: no bytes, whose CRC-32 is 0.
    ("filter", b""),
    ("filter: checksum", &[0x00, 0x00, 0x00, 0x00]),
];

/// Its index, which begins at byte 62.
const GOLDEN_INDEX: [Field<'_>; 12] = [
    ("block 0: first_len", &[0x05, 0x00]),
    ("block 0: last_len", &[0x05, 0x00]),
    (
        "block 0: offset",
        &[0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
    ),
    ("block 0: len (20)", &[0x14, 0x00, 0x00, 0x00]),
    ("block 0: first key", b"apple"),
    ("block 0: last key", b"apple"),
    ("block 1: first_len", &[0x04, 0x00]),
    ("block 1: last_len", &[0x04, 0x00]),
    // Behind the 20 bytes of block 0 and the 4 of its checksum.
    (
        "block 1: offset (24)",
        &[0x18, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
    ),
    ("block 1: len (30)", &[0x1e, 0x00, 0x00, 0x00]),
    ("block 1: first key", b"kiwi"),
    ("block 1: last key", b"plum"),
];

/// The CRC-32 of the index.
const GOLDEN_INDEX_CHECKSUM: [Field<'_>; 1] = [("index: checksum", &[0xae, 0x5f, 0xf1, 0x2d])];

/// Its footer, which begins at byte 116.
const GOLDEN_FOOTER: [Field<'_>; 6] = [
    (
        "filter offset (58)",
        &[0x3a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
    ),
    (
        "index offset (62)",
        &[0x3e, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
    ),
    (
        "entry count",
        &[0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
    ),
    ("version", &[0x01, 0x00, 0x00, 0x00]),
    ("magic", b"mLSM"),
    // The CRC-32 of the 32 bytes before and of the table's id, 07 00 00 00 00 00 00 00.
    ("checksum", &[0xe7, 0x02, 0x6d, 0xb6]),
];

/// The whole table.
fn golden_table() -> Vec<Field<'static>> {
    [
        &GOLDEN_BLOCKS[..],
        &GOLDEN_INDEX,
        &GOLDEN_INDEX_CHECKSUM,
        &GOLDEN_FOOTER,
    ]
    .concat()
}

/// Its entries.
fn golden_entries() -> Vec<Entry> {
    entries("apple=red kiwi plum=")
}

fn table_file() -> PathBuf {
    table_path(Path::new(DIR), ID)
}

/// A file system that holds these bytes as table 7.
fn fs_with(bytes: &[u8]) -> Arc<MemFs> {
    let fs = mem_fs();
    fs.write_raw(table_file(), bytes);
    fs
}

/// Builds table 7 on `fs`; the error of the first step that fails.
fn try_build(fs: &dyn FileSystem, options: &LsmOptions, entries: &[Entry]) -> Result<u64, Error> {
    let file = fs.create(&table_file())?;
    let mut builder = SsTableBuilder::new(ID, file, options);
    for (key, value) in entries {
        builder.add(key, value.as_deref())?;
    }
    builder.finish()
}

/// A new file system with table 7, made by the engine's builder.
#[track_caller]
fn build(block_size: usize, entries: &[Entry]) -> Arc<MemFs> {
    let fs = mem_fs();
    fs.create_dir_all(Path::new(DIR))
        .expect("a directory in memory");
    let options = LsmOptions {
        block_size,
        ..options(&fs)
    };
    try_build(&*fs, &options, entries)
        .unwrap_or_else(|error| panic!("building a table failed: {error}"));
    fs
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

/// Entries `key000000` and so on, with values of some ten bytes.
fn numbered_entries(count: usize) -> Vec<Entry> {
    (0..count).map(|i| (key(i), Some(value(i)))).collect()
}

#[track_caller]
fn check_corruption<T>(result: Result<T, Error>, what: &str) {
    match result {
        Ok(_) => panic!("{what} was taken without an error, expected Error::Corruption"),
        Err(Error::Corruption { file, .. }) => assert!(
            file == table_file(),
            "{what}: the error names the file {}, expected {}",
            file.display(),
            table_file().display()
        ),
        Err(other) => panic!("{what}: expected Error::Corruption, got: {other}"),
    }
}

#[track_caller]
fn check_io<T>(result: Result<T, Error>, what: &str) {
    match result {
        Ok(_) => panic!("{what}: the error of the file system was lost, expected Error::Io"),
        Err(Error::Io { .. }) => {}
        Err(other) => panic!("{what}: expected Error::Io, got: {other}"),
    }
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
        "{what}: {got} entries, expected {expected}"
    );
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

/// An entry of an index that owns its keys: first key, last key, offset, length.
type Meta = (Vec<u8>, Vec<u8>, u64, u32);

fn meta(first_key: &str, last_key: &str, offset: u64, len: u32) -> Meta {
    (first_key.into(), last_key.into(), offset, len)
}

/// An index, by the engine's own encoding.
fn encode_index(metas: &[Meta]) -> Vec<u8> {
    let mut out = Vec::new();
    for (first_key, last_key, offset, len) in metas {
        let meta = BlockMeta {
            first_key,
            last_key,
            offset: *offset,
            len: *len,
        };
        meta.encode(&mut out);
    }
    out
}

fn try_decode_index(bytes: &[u8], blocks_end: u64) -> Result<BlockIndex, Error> {
    let origin = table_file();
    BlockIndex::decode(
        Bytes::copy_from_slice(bytes),
        blocks_end,
        Origin::new(&origin, 4096),
    )
}

#[track_caller]
fn decode_index(bytes: &[u8], blocks_end: u64) -> BlockIndex {
    try_decode_index(bytes, blocks_end)
        .unwrap_or_else(|error| panic!("decode refused a well-formed index: {error}"))
}

fn metas_of(index: &BlockIndex) -> Vec<Meta> {
    let meta = |i| {
        let meta = index.get(i);
        (
            meta.first_key.to_vec(),
            meta.last_key.to_vec(),
            meta.offset,
            meta.len,
        )
    };
    (0..index.block_count()).map(meta).collect()
}

/// Where the blocks of an index end, their checksums included.
fn end_of(metas: &[Meta]) -> u64 {
    let len_of = |meta: &Meta| u64::from(meta.3) + CHECKSUM_LEN as u64;
    metas.iter().map(len_of).sum()
}

/// Decodes the footer at the end of a file of `file_len` bytes.
fn try_decode_footer(bytes: &[u8], id: TableId, file_len: u64) -> Result<Footer, Error> {
    let bytes = bytes.try_into().expect("a footer has FOOTER_LEN bytes");
    let origin = table_file();
    Footer::decode(
        bytes,
        id,
        Origin::new(&origin, file_len - FOOTER_LEN as u64),
    )
}

/// A part of a file and its checksum behind it.
fn with_checksum(part: &[u8]) -> Vec<u8> {
    [part, &crc32fast::hash(part).to_le_bytes()].concat()
}

/// A table put together from parts that need not be sound, with checksums that are.
fn forge(blocks: &[(&str, &str, &[u8])], damage_index: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let (mut file, mut metas) = (Vec::new(), Vec::new());
    for (first_key, last_key, block) in blocks {
        metas.push(meta(
            first_key,
            last_key,
            file.len() as u64,
            block.len() as u32,
        ));
        file.extend(with_checksum(block));
    }
    let filter_offset = file.len() as u64;
    file.extend(with_checksum(b""));
    let index_offset = file.len() as u64;
    let mut index = encode_index(&metas);
    damage_index(&mut index);
    file.extend(with_checksum(&index));
    let footer = Footer {
        filter_offset,
        index_offset,
        entry_count: 1,
    };
    file.extend(footer.encode(ID));
    file
}

/// The two parts of [`golden_table`] that [`forge`] can take apart.
fn golden_block(index: usize) -> Vec<u8> {
    let range = [0..20, 24..54][index].clone();
    bytes_of(&golden_table())[range].to_vec()
}

fn try_open(fs: &Arc<impl FileSystem + 'static>) -> Result<Arc<SsTable>, Error> {
    let fs = Arc::clone(fs) as Arc<dyn FileSystem>;
    SsTable::open(fs, &table_file(), ID, None).map(Arc::new)
}

#[track_caller]
fn open(fs: &Arc<impl FileSystem + 'static>) -> Arc<SsTable> {
    try_open(fs).unwrap_or_else(|error| panic!("opening a sound table failed: {error}"))
}

/// A file system that records every operation on `fs`.
fn watched(fs: &Arc<MemFs>) -> (Arc<FaultFs>, OpLog) {
    let log = OpLog::default();
    let fs = FaultFs::logged(Arc::clone(fs) as Arc<dyn FileSystem>, &log);
    (Arc::new(fs), log)
}

fn is_table_read(op: &Operation) -> bool {
    op.kind == OpKind::Read && op.has_extension("sst")
}

/// The bytes of a table's blocks, with their checksums.
fn blocks_of(table: &SsTable) -> Range<u64> {
    0..end_of(&metas_of(table.index()))
}

/// The bytes of one block, with its checksum.
fn range_of(table: &SsTable, block: usize) -> Range<usize> {
    let meta = table.index().get(block);
    let offset = meta.offset as usize;
    offset..offset + meta.len as usize + CHECKSUM_LEN
}

mod task_1 {
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
    ///   the table below mark first?
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
}

mod task_2 {
    use super::*;

    fn golden_footer() -> Footer {
        Footer {
            filter_offset: 58,
            index_offset: 62,
            entry_count: 3,
        }
    }

    /// The footer of table 7 has exactly these 36 bytes.
    ///
    /// The footer is the one thing that is found without being told where it is: the last 36 bytes.
    /// Nothing in it may shift.
    ///
    /// # Hints
    /// - The table at the top of `table/footer.rs` has the fields in order. Which one does the
    ///   table below mark first?
    /// - If only the checksum differs: it covers the 32 bytes before it and then the table's id as
    ///   8 bytes, which are not stored.
    #[test]
    fn the_footer_has_these_bytes() {
        check_fields("the footer", &golden_footer().encode(ID), &GOLDEN_FOOTER);
    }

    /// The bytes of a footer, written down by hand, decode to its fields.
    ///
    /// The bytes come from the format's table, not from your `encode`.
    ///
    /// # Hints
    /// - Read the fields in the order of the table; three have 8 bytes, three have 4.
    #[test]
    fn handwritten_bytes_decode_to_their_fields() {
        let footer = try_decode_footer(&bytes_of(&GOLDEN_FOOTER), ID, 152)
            .unwrap_or_else(|error| panic!("decode refused a well-formed footer: {error}"));
        assert_eq!(footer.filter_offset, 58, "the filter's offset");
        assert_eq!(footer.index_offset, 62, "the index's offset");
        assert_eq!(footer.entry_count, 3, "the entry count");
    }

    /// A footer with any byte changed is refused.
    ///
    /// It points at everything else: a footer that lies sends the reader anywhere in the file.
    ///
    /// # Hints
    /// - The checksum covers every byte before it, and is itself compared in full.
    /// - Check before you believe an offset.
    #[test]
    fn a_footer_with_any_byte_changed_is_refused() {
        let good = bytes_of(&GOLDEN_FOOTER);
        for at in 0..good.len() {
            for change in 1..=255 {
                let mut bytes = good.clone();
                bytes[at] ^= change;
                let what = format!(
                    "a footer whose byte {at} is {:02x}, not {:02x},",
                    bytes[at], good[at]
                );
                check_corruption(try_decode_footer(&bytes, ID, 152), &what);
            }
        }
    }

    /// The footer of one table is refused under another table's id.
    ///
    /// A file that was copied or renamed by hand is sound in itself, and yet holds other data than
    /// the store expects there.
    ///
    /// # Hints
    /// - The id is not stored, so it cannot be compared. But it can be part of what is checked.
    /// - Feed the id to the checksum after the fields, when writing and when reading.
    #[test]
    fn a_footer_under_another_id_is_refused() {
        for id in [0, 6, 8, 7 << 8, 7 << 32, 7 + (1 << 32), u64::MAX] {
            let result = try_decode_footer(&bytes_of(&GOLDEN_FOOTER), TableId(id), 152);
            check_corruption(
                result,
                &format!("the footer of table 7 read as that of table {id}"),
            );
        }
    }

    /// Another format version and another magic number are refused even where the checksum fits.
    ///
    /// An engine of next year may write tables that this one would misread; it says so by the
    /// version.
    ///
    /// # Hints
    /// - A sound checksum proves only that the bytes are those that were written.
    /// - Compare both fields with your constants.
    #[test]
    fn another_version_or_magic_is_refused() {
        for (at, what) in [(24, "version"), (28, "magic number")] {
            for change in [1, 2, 3, 0x80] {
                let mut bytes = bytes_of(&GOLDEN_FOOTER);
                bytes[at] ^= change;
                let id = 7u64.to_le_bytes();
                let checksum = crc32fast::hash(&[&bytes[..32], &id].concat());
                bytes[32..].copy_from_slice(&checksum.to_le_bytes());
                let what = format!("a footer with another {what} and a checksum that fits");
                check_corruption(try_decode_footer(&bytes, ID, 152), &what);
            }
        }
    }

    /// The filter, the index and their checksums lie before the footer, in this order; an offset
    /// that says otherwise is refused.
    ///
    /// What is not refused here becomes a length by subtraction: an overflow, or an allocation of
    /// 16 exabytes.
    ///
    /// # Hints
    /// - Two inequalities, in the doc of the module. Each leaves room for the 4 bytes of a
    ///   checksum.
    /// - Where the footer begins is `origin.offset`.
    /// - An offset may be `u64::MAX`: add with `checked_add`.
    #[test]
    fn offsets_out_of_order_are_refused() {
        // The footer begins at byte 116.
        let decode = |filter_offset, index_offset| {
            let footer = Footer {
                filter_offset,
                index_offset,
                entry_count: 3,
            };
            try_decode_footer(&footer.encode(ID), ID, 152)
        };
        for (filter, index) in [(58, 62), (58, 112), (108, 112), (0, 4), (0, 112)] {
            assert!(
                decode(filter, index).is_ok(),
                "a filter at {filter} and an index at {index}, before a footer at 116, are in order"
            );
        }
        let last = u64::MAX;
        for (filter, index) in [
            (59, 62),
            (62, 62),
            (63, 62),
            (58, 113),
            (58, 116),
            (58, 152),
            (109, 112),
            (58, last),
            (58, last - 3),
            (last, 62),
            (last - 3, 0),
            (last - 3, 62),
            (last, last),
            (last - 4, last),
        ] {
            let what =
                format!("a filter at {filter} and an index at {index}, before a footer at 116,");
            check_corruption(decode(filter, index), &what);
        }
    }

    /// What was encoded decodes to the same, whatever the numbers and the id.
    ///
    /// Files of more than 4 GiB exist; a field that was cut to 32 bits is noticed late and dearly.
    ///
    /// # Hints
    /// - All three numbers and the id are `u64`.
    #[test]
    fn large_numbers_come_back_in_full() {
        for id in [TableId(1), TableId(1 << 40), TableId(u64::MAX)] {
            let footer = Footer {
                filter_offset: 0x0102_0304_0506_0708,
                index_offset: 0x1112_1314_1516_1718,
                entry_count: u64::MAX,
            };
            let decoded = try_decode_footer(&footer.encode(id), id, 1 << 62)
                .unwrap_or_else(|error| panic!("decode refused what encode wrote: {error}"));
            let fields = |footer: &Footer| {
                [
                    footer.filter_offset,
                    footer.index_offset,
                    footer.entry_count,
                ]
            };
            assert_eq!(
                fields(&decoded),
                fields(&footer),
                "filter offset, index offset and entry count of table {}",
                id.0
            );
        }
    }
}

mod task_3 {
    use super::*;

    /// A table, taken apart by what the format says, without the engine's reader.
    struct Parts {
        metas: Vec<Meta>,
        /// The entries of each block.
        blocks: Vec<Vec<Entry>>,
        footer: Footer,
    }

    /// Takes the file of table 7 apart and checks that every part has its checksum.
    #[track_caller]
    fn parts(fs: &MemFs) -> Parts {
        let file = fs.read(table_file());
        assert!(
            file.len() > FOOTER_LEN,
            "the file has {} bytes, fewer than a footer",
            file.len()
        );
        let footer_at = file.len() - FOOTER_LEN;
        let footer = try_decode_footer(&file[footer_at..], ID, file.len() as u64)
            .unwrap_or_else(|error| panic!("the table does not end with a sound footer: {error}"));
        let [filter_at, index_at] =
            [footer.filter_offset, footer.index_offset].map(|at| at as usize);
        checked(&file, filter_at..index_at, "the filter");
        let index = checked(&file, index_at..footer_at, "the index");
        let index = try_decode_index(index, footer.filter_offset)
            .unwrap_or_else(|error| panic!("the index is not well-formed: {error}"));
        let metas = metas_of(&index);
        let block = |(i, meta): (usize, &Meta)| {
            let start = meta.2 as usize;
            let range = start..start + meta.3 as usize + CHECKSUM_LEN;
            let bytes = checked(&file, range, &format!("block {i}"));
            let path = table_file();
            let block = Block::decode(Bytes::copy_from_slice(bytes), Origin::new(&path, meta.2))
                .unwrap_or_else(|error| panic!("block {i} is not well-formed: {error}"));
            entries_of(&block)
        };
        let blocks = metas.iter().enumerate().map(block).collect();
        Parts {
            metas,
            blocks,
            footer,
        }
    }

    /// The bytes of a part, after the checksum behind them was compared.
    #[track_caller]
    fn checked<'a>(file: &'a [u8], range: Range<usize>, what: &str) -> &'a [u8] {
        let (part, checksum) = file[range.clone()].split_at(range.len() - CHECKSUM_LEN);
        assert!(
            crc32fast::hash(part).to_le_bytes() == checksum,
            "{what}, bytes {range:?} of the file, does not end with the CRC-32 of what it holds"
        );
        part
    }

    /// A table of three entries and two blocks has exactly these 152 bytes.
    ///
    /// Everything of this day and the last is in them: blocks, checksums, the empty filter, the
    /// index, the footer.
    ///
    /// # Hints
    /// - The drawing at the top of `table/mod.rs` has the parts in order. Which field does the
    ///   table below mark first?
    /// - Every part but the footer is followed by its CRC-32, also the filter that has no bytes.
    /// - If block 1 begins with plum, or block 0 holds kiwi: ask the block builder for room first,
    ///   then cut, then add.
    #[test]
    fn a_table_of_three_entries_has_these_bytes() {
        let fs = build(30, &golden_entries());
        check_fields("the table", &fs.read(table_file()), &golden_table());
    }

    /// All entries are in the table, in order, at every block size.
    ///
    /// The entry that opens a new block is the one that gets lost, or written twice.
    ///
    /// # Hints
    /// - When a block is cut, the entry that had no room still has to be added.
    /// - `finish` writes the last block too, however little is in it.
    #[test]
    fn every_entry_is_written_once_at_every_block_size() {
        let mut rng = Rng::new(2);
        for block_size in (1..=90).chain([4096]) {
            let entries = random_entries(&mut rng, 40);
            let parts = parts(&build(block_size, &entries));
            let what = format!("the blocks of a table with a block size of {block_size}");
            check_entries(&what, &parts.blocks.concat(), &entries);
            assert_eq!(
                parts.footer.entry_count,
                entries.len() as u64,
                "the entry count in the footer, tombstones among them"
            );
        }
    }

    /// A block is cut exactly where the next entry has no room.
    ///
    /// Blocks too large cost a second page at every read; blocks too small make the index larger
    /// than memory allows for.
    ///
    /// # Hints
    /// - `BlockBuilder::has_room` knows the rule; the table builder only has to ask.
    /// - `options.block_size` is the target. It is given to every block, not to the first only.
    #[test]
    fn blocks_are_cut_where_the_next_entry_has_no_room() {
        // No two keys begin with the same byte, so that no prefix can be shared.
        let entries: Vec<Entry> = (1..=60)
            .map(|i: u8| (vec![i * 4, b'k'], Some(vec![b'v'; i as usize % 17])))
            .collect();
        let len_of = |(key, value): &Entry| 8 + key.len() + value.as_ref().map_or(0, Vec::len) + 2;
        for block_size in [1, 20, 33, 64, 100, 101, 102, 300, 4096] {
            let parts = parts(&build(block_size, &entries));
            let starts = parts.blocks.iter().scan(0, |next, block| {
                *next += block.len();
                Some(*next)
            });
            for (i, (block, next)) in parts.blocks.iter().zip(starts).enumerate() {
                let size = 2 + block.iter().map(len_of).sum::<usize>();
                assert!(
                    size <= block_size || block.len() == 1,
                    "block {i} has {size} bytes and {} entries, the block size is {block_size}",
                    block.len()
                );
                let Some(next) = entries.get(next) else {
                    continue;
                };
                assert!(
                    size + len_of(next) > block_size,
                    "block {i} was cut at {size} bytes though the next entry, with {} bytes, still had room in {block_size}",
                    len_of(next)
                );
            }
        }
    }

    /// The index holds the first and the last key of each block, and of no other.
    ///
    /// With the keys of a neighbour the index sends a search into the wrong block, and a key that
    /// is there is not found.
    ///
    /// # Hints
    /// - Take both keys from the block builder before its `finish`, which forgets them.
    /// - The last key of a block is the last that was added, not the one that had no room.
    /// - If every first key is the table's: what resets it when a block is cut?
    #[test]
    fn the_index_holds_the_first_and_last_key_of_each_block() {
        let mut rng = Rng::new(3);
        for block_size in [1, 25, 40, 80, 200] {
            let parts = parts(&build(block_size, &random_entries(&mut rng, 60)));
            for (i, (meta, block)) in parts.metas.iter().zip(&parts.blocks).enumerate() {
                let [first, last] = [&block[0], &block[block.len() - 1]];
                assert_eq!(
                    show(&meta.0),
                    show(&first.0),
                    "the first key of block {i} in the index"
                );
                assert_eq!(
                    show(&meta.1),
                    show(&last.0),
                    "the last key of block {i} in the index"
                );
            }
        }
    }

    /// In a table of more than a megabyte every part is where index and footer say.
    ///
    /// A builder hands its bytes to the file in portions. Offsets must count what was handed over
    /// and what still waits.
    ///
    /// # Hints
    /// - An offset is a place in the file, not in your buffer.
    /// - `append` writes at the end: add up what it was given.
    #[test]
    fn offsets_hold_in_a_table_of_a_megabyte() {
        let mut rng = Rng::new(4);
        let entries: Vec<Entry> = (0..1200).map(|i| (key(i), Some(rng.bytes(1000)))).collect();
        let fs = build(4096, &entries);
        let parts = parts(&fs);
        assert!(
            parts.metas.len() >= 300,
            "four entries of 1,000 bytes a block make 300 blocks, not {}",
            parts.metas.len()
        );
        check_entries(
            "the blocks of a large table",
            &parts.blocks.concat(),
            &entries,
        );
    }

    /// An entry larger than the block size gets a block of its own, also as the first or the last
    /// of a table.
    ///
    /// A value of a megabyte is legal. A builder that cuts an empty block before it makes a table
    /// that no reader opens.
    ///
    /// # Hints
    /// - An empty block always has room, so nothing is cut before the first entry.
    /// - After the large entry nothing has room, so it is cut right behind it.
    #[test]
    fn an_oversized_entry_gets_a_block_of_its_own() {
        let large = Some(vec![b'v'; 100_000]);
        let small = |key: &[u8]| (key.to_vec(), Some(b"small".to_vec()));
        let entries = [
            (b"a".to_vec(), large.clone()),
            small(b"b"),
            small(b"c"),
            (b"d".to_vec(), large.clone()),
            (b"e".to_vec(), large),
        ];
        let parts = parts(&build(4096, &entries));
        let counts: Vec<_> = parts.blocks.iter().map(Vec::len).collect();
        assert_eq!(
            counts,
            [1, 2, 1, 1],
            "the entries a block of: large a, b, c, large d, large e"
        );
        check_entries("the blocks", &parts.blocks.concat(), &entries);
    }

    /// `entry_count` counts every entry, tombstones among them, and `finish` gives the length of
    /// the file.
    ///
    /// Flush and compaction steer by these numbers.
    ///
    /// # Hints
    /// - A tombstone is an entry like any other until a compaction finds that nobody needs it.
    /// - The length includes what `finish` itself writes.
    #[test]
    fn the_builder_counts_entries_and_bytes() {
        let fs = mem_fs();
        fs.create_dir_all(Path::new(DIR))
            .expect("a directory in memory");
        let file = fs.create(&table_file()).expect("a file in memory");
        let mut builder = SsTableBuilder::new(ID, file, &options(&fs));
        assert_eq!(builder.entry_count(), 0, "the entry count of a new builder");
        for (i, (key, value)) in golden_entries().iter().enumerate() {
            builder
                .add(key, value.as_deref())
                .expect("add() to a sound file failed");
            let count = i as u64 + 1;
            assert_eq!(
                builder.entry_count(),
                count,
                "the entry count after {}",
                show(key)
            );
        }
        let len = builder.finish().expect("finish() on a sound file failed");
        assert_eq!(
            len,
            fs.read(table_file()).len() as u64,
            "what finish() gives, compared with the length of the file"
        );
    }

    /// `estimated_size` grows with what is added, from the first entry on, and comes close to the
    /// truth.
    ///
    /// A compaction cuts its output by it. An estimate that waits for full blocks lets a table of
    /// huge blocks grow without end.
    ///
    /// # Hints
    /// - Three kinds of bytes: in the file, waiting to be handed to it, in the open block.
    /// - `BlockBuilder::encoded_len` knows the last.
    #[test]
    fn estimated_size_is_close_to_the_bytes_of_the_blocks() {
        let mut rng = Rng::new(5);
        let entries: Vec<Entry> = (0..700).map(|i| (key(i), Some(rng.bytes(1000)))).collect();
        for block_size in [1, 4096, 1 << 20] {
            for count in [1, 2, 63, 700] {
                let entries = &entries[..count];
                let fs = build(block_size, entries);
                let blocks_len = parts(&fs).footer.filter_offset;

                fs.remove(&table_file()).expect("removing a file in memory");
                let file = fs.create(&table_file()).expect("a file in memory");
                let options = LsmOptions {
                    block_size,
                    ..options(&fs)
                };
                let mut builder = SsTableBuilder::new(ID, file, &options);
                for (key, value) in entries {
                    builder
                        .add(key, value.as_deref())
                        .expect("add() to a sound file failed");
                }
                let estimate = builder.estimated_size();
                assert!(
                    estimate.abs_diff(blocks_len) <= blocks_len / 20,
                    "estimated_size() is {estimate} after {count} entries with a block size of {block_size}; the blocks of the finished table have {blocks_len} bytes"
                );
            }
        }
    }

    /// A finished table survives a power cut: its bytes and its name.
    ///
    /// The log is deleted once its entries are in a table. If the table then is lost, so are they.
    ///
    /// # Hints
    /// - A file's bytes and its name in the directory are two things to sync.
    /// - `WritableFile::finish` does both, if it is called, and called last.
    #[test]
    fn a_finished_table_survives_a_power_cut() {
        let entries = numbered_entries(200);
        let fs = build(256, &entries);
        let after = fs.crash_clone(&CrashPlan::Lose);
        assert_eq!(
            after.file_names(DIR),
            fs.file_names(DIR),
            "the files after a power cut that lost all that was not synced"
        );
        check_entries(
            "the table after the power cut",
            &parts(&after).blocks.concat(),
            &entries,
        );
    }

    /// When writing fails, at whichever step, the builder says so.
    ///
    /// A table that is believed to be whole and is not loses everything in it, and the log that
    /// could replace it is gone.
    ///
    /// # Hints
    /// - Every call on the file returns a `Result`: `?` it.
    /// - A failed sync is a failure too, also the very last, that of the directory.
    #[test]
    fn a_failed_write_or_sync_is_reported() {
        let entries: Vec<Entry> = (0..700).map(|i| (key(i), Some(vec![b'v'; 1000]))).collect();
        let struck = |verdict: Verdict, strike_at: usize| {
            let fs = mem_fs();
            fs.create_dir_all(Path::new(DIR))
                .expect("a directory in memory");
            let log = OpLog::default();
            let fault = FaultFs::new(Arc::clone(&fs) as Arc<dyn FileSystem>, {
                let log = log.clone();
                move |op| {
                    if !op.kind.is_change() || op.kind == OpKind::Create {
                        return Verdict::Proceed;
                    }
                    log.record(op);
                    match log.count(|_| true) - 1 == strike_at {
                        true => verdict,
                        false => Verdict::Proceed,
                    }
                }
            });
            let result = try_build(&fault, &options(&fs), &entries);
            (log.operations().get(strike_at).cloned(), result)
        };
        for verdict in [Verdict::Fail(ErrorKind::Other), Verdict::Short(100)] {
            for strike_at in 0.. {
                let (Some(op), result) = struck(verdict, strike_at) else {
                    assert!(
                        strike_at >= 3,
                        "a table takes an append, a sync of the file and one of the directory; there were {strike_at} operations"
                    );
                    break;
                };
                let what = format!(
                    "building a table whose {:?} number {strike_at} fails",
                    op.kind
                );
                check_io(result, &what);
            }
        }
    }
}

mod task_4 {
    use super::*;

    /// Opens table 7 and reads all its blocks.
    fn read_all(fs: &Arc<impl FileSystem + 'static>) -> Result<Vec<Entry>, Error> {
        let table = try_open(fs)?;
        let mut all = Vec::new();
        for index in 0..table.block_count() {
            all.extend(entries_of(&table.read_block(index)?));
        }
        Ok(all)
    }

    /// A table of a few hundred bytes with blocks of all kinds.
    fn small_table() -> (Arc<MemFs>, Vec<Entry>) {
        let entries = entries("apple=red banana=yellow cherry fig= kiwi=green plum quince=gold");
        (build(45, &entries), entries)
    }

    /// A table written down by hand, byte by byte, opens and gives its entries.
    ///
    /// Reading is the mirror of writing; the bytes come from the drawings, not from your builder.
    ///
    /// # Hints
    /// - Footer first: it is the last 36 bytes. It says where filter and index are, the index where
    ///   the blocks are.
    /// - `BlockIndex::decode` wants to know where the blocks end: where the filter begins.
    #[test]
    fn a_handwritten_table_opens() {
        let bytes = bytes_of(&golden_table());
        let table = open(&fs_with(&bytes));
        assert_eq!(table.id(), ID, "the table's id");
        assert_eq!(table.path(), table_file(), "the table's path");
        assert_eq!(table.size(), bytes.len() as u64, "the length of the file");
        assert_eq!(table.entry_count(), 3, "the entry count");
        assert_eq!(table.block_count(), 2, "the block count");
        assert_eq!(show(table.first_key()), show(b"apple"), "the first key");
        assert_eq!(show(table.last_key()), show(b"plum"), "the last key");
        for (index, expected) in [(0, "apple=red"), (1, "kiwi plum=")] {
            let block = table
                .read_block(index)
                .unwrap_or_else(|error| panic!("reading block {index} failed: {error}"));
            check_entries(
                &format!("block {index}"),
                &entries_of(&block),
                &entries(expected),
            );
        }
    }

    /// What was built is read back, block by block, at every block size.
    ///
    /// From one block of everything to a block for each entry: the reader knows only what the index
    /// says.
    ///
    /// # Hints
    /// - `verify` (given) looks closer than this test; its error says what is wrong where.
    /// - Without a cache `block` gives what `read_block` gives.
    #[test]
    fn what_was_built_is_read_back() {
        let mut rng = Rng::new(6);
        for block_size in (1..=60).chain([200, 4096]) {
            let entries = random_entries(&mut rng, 50);
            let table = open(&build(block_size, &entries));
            table
                .verify()
                .unwrap_or_else(|error| panic!("verify() of a sound table failed: {error}"));
            for fill in [CacheFill::Yes, CacheFill::No] {
                let mut all = Vec::new();
                for index in 0..table.block_count() {
                    let block = table
                        .block(index, fill)
                        .unwrap_or_else(|error| panic!("block({index}) failed: {error}"));
                    all.extend(entries_of(&block));
                }
                check_entries("all blocks", &all, &entries);
            }
            assert_eq!(table.entry_count(), entries.len() as u64, "the entry count");
            let [first, last] = [&entries[0], &entries[entries.len() - 1]];
            assert_eq!(show(table.first_key()), show(&first.0), "the first key");
            assert_eq!(show(table.last_key()), show(&last.0), "the last key");
        }
    }

    /// Opening a table reads no block, and `read_block` reads its block alone, at one go.
    ///
    /// A store of a thousand tables must open in a moment. A read is the dearest thing that the
    /// engine does.
    ///
    /// # Hints
    /// - Footer, filter and index are all at the end of the file.
    /// - The block's checksum lies right behind it: ask for both in one read.
    #[test]
    fn opening_reads_no_block_and_a_block_is_one_read() {
        let (fs, log) = watched(&build(128, &numbered_entries(100)));
        let table = open(&fs);
        let blocks = blocks_of(&table);
        let early = log.count(|op| is_table_read(op) && op.offset < blocks.end);
        assert_eq!(early, 0, "reads of blocks while the table was opened");
        for index in [0, table.block_count() / 2, table.block_count() - 1] {
            log.clear();
            table
                .read_block(index)
                .unwrap_or_else(|error| panic!("read_block({index}) failed: {error}"));
            let reads: Vec<_> = log.operations().into_iter().filter(is_table_read).collect();
            assert_eq!(reads.len(), 1, "reads of the file for block {index}");
            let (start, end) = (
                reads[0].offset as usize,
                (reads[0].offset + reads[0].len) as usize,
            );
            let block = range_of(&table, index);
            assert!(
                block.start <= start && end <= block.end,
                "read_block({index}) read bytes {start}..{end}, its block and checksum are {block:?}"
            );
        }
    }

    /// Any changed bit of a table is found: by opening it or by reading its blocks.
    ///
    /// Disks change bits. Every byte of the file is covered by a checksum, so none may change
    /// unnoticed, and none may bring the engine down.
    ///
    /// # Hints
    /// - The message names the byte: which part is it in? Is that part's checksum compared?
    /// - Also the filter has one, though it has no bytes yet.
    /// - If it panics: was something believed before its checksum was compared?
    #[test]
    fn every_changed_bit_is_found() {
        let (fs, expected) = small_table();
        let good = fs.read(table_file());
        let blocks_end = blocks_of(&open(&fs)).end as usize;
        for at in 0..good.len() {
            for change in [1, 2, 4, 8, 16, 32, 64, 128, 0xff] {
                let mut bytes = good.clone();
                bytes[at] ^= change;
                fs.write_raw(table_file(), &bytes);
                let what = format!(
                    "a table of {} bytes, {blocks_end} of them blocks, with byte {at} changed by {change:02x},",
                    good.len()
                );
                check_corruption(read_all(&fs), &what);
            }
        }
        fs.write_raw(table_file(), &good);
        let all = read_all(&fs).unwrap_or_else(|error| panic!("the table repaired: {error}"));
        check_entries("the table repaired", &all, &expected);
    }

    /// A table that was cut short or got longer is no table.
    ///
    /// A copy that was interrupted, a disk that was full: the file's end is not the footer.
    ///
    /// # Hints
    /// - A file of fewer than 36 bytes has no footer: look at the length before you subtract.
    /// - The rest the footer's magic number and checksum find.
    #[test]
    fn every_truncation_is_refused() {
        let good = bytes_of(&golden_table());
        for len in 0..good.len() {
            let what = format!("the first {len} of {} bytes of a table", good.len());
            check_corruption(try_open(&fs_with(&good[..len])), &what);
        }
        for extra in [1, 4, FOOTER_LEN, 100] {
            let bytes = [&good[..], &vec![0; extra]].concat();
            let what = format!("a table with {extra} bytes behind its footer");
            check_corruption(try_open(&fs_with(&bytes)), &what);
        }
    }

    /// A table under another table's name is refused.
    ///
    /// A file restored under the wrong name has sound checksums. It would answer, from other data.
    ///
    /// # Hints
    /// - `open` is told the id: hand it to `Footer::decode`.
    #[test]
    fn a_table_under_another_id_is_refused() {
        let fs = fs_with(&bytes_of(&golden_table()));
        let opened = SsTable::open(fs, &table_file(), TableId(8), None);
        check_corruption(opened, "the file of table 7 opened as table 8");
    }

    /// Files of random bytes are refused.
    ///
    /// Whatever lies under a table's name, the engine says "damaged" and lives on.
    ///
    /// # Hints
    /// - Nothing of the file is believed before the footer's checksum fits.
    #[test]
    fn random_bytes_are_refused() {
        let mut rng = Rng::new(7);
        for len in (0..300).chain([4096]) {
            let bytes = rng.bytes(len);
            check_corruption(
                try_open(&fs_with(&bytes)),
                &format!("a file of {len} random bytes"),
            );
            let bytes = vec![0; len];
            check_corruption(
                try_open(&fs_with(&bytes)),
                &format!("a file of {len} zeros"),
            );
        }
    }

    /// Parts with sound checksums that do not fit together are refused.
    ///
    /// A checksum proves that bytes are as they were written, not that the writer was right.
    ///
    /// # Hints
    /// - `BlockIndex::decode` checks the index against the place where the blocks end.
    /// - A block is decoded, with all its checks, after its checksum was compared.
    #[test]
    fn parts_that_do_not_fit_together_are_refused() {
        let [apple, kiwi] = [golden_block(0), golden_block(1)];
        let both = [("apple", "apple", &apple[..]), ("kiwi", "plum", &kiwi[..])];
        let forged = |bytes: Vec<u8>| read_all(&fs_with(&bytes));
        let all = forged(forge(&both, |_| ())).expect("two sound blocks make a table");
        check_entries("two sound blocks", &all, &golden_entries());

        check_corruption(forged(forge(&[], |_| ())), "a table of no blocks");
        check_corruption(forged(forge(&both, Vec::clear)), "an index of no bytes");
        check_corruption(
            forged(forge(&both, |index| index.truncate(26))),
            "an index without block 1",
        );
        check_corruption(
            forged(forge(&both, |index| index[4] = 1)),
            "an index with block 0 at offset 1",
        );
        check_corruption(
            forged(forge(&both, |index| index[12] += 1)),
            "an index with a longer block 0",
        );
        check_corruption(
            forged(forge(&[both[1], both[0]], |_| ())),
            "blocks in the wrong order",
        );
        for (block, what) in [
            (&b""[..], "a block of no bytes"),
            (&[0, 0], "a block of no entries"),
            (&apple[1..], "a block without its first byte"),
            (&apple[..19], "a block without its last byte"),
        ] {
            check_corruption(forged(forge(&[("apple", "apple", block)], |_| ())), what);
        }
    }

    /// Random damage under sound checksums never makes the reader panic.
    ///
    /// Such files come from bugs, and from people. An error is right; so is an answer; a crash of
    /// the whole store is neither.
    ///
    /// # Hints
    /// - A panic's message has the line in your code. Which number from the file was believed
    ///   there?
    /// - Lengths from the file are compared with the file before they become a buffer.
    #[test]
    fn random_damage_under_sound_checksums_never_panics() {
        let mut rng = Rng::new(8);
        for _ in 0..3000 {
            let mut blocks = [golden_block(0), golden_block(1)];
            for _ in 0..rng.below(3) {
                let block = &mut blocks[rng.below(2)];
                let at = rng.below(block.len());
                block[at] = *rng.pick(&[0, 1, 5, 0x80, 0xff]);
            }
            let both = [
                ("apple", "apple", &blocks[0][..]),
                ("kiwi", "plum", &blocks[1][..]),
            ];
            let mut file = forge(&both, |index| {
                for _ in 0..rng.below(2) {
                    let at = rng.below(index.len());
                    index[at] = *rng.pick(&[0, 1, 5, 0x80, 0xff]);
                }
            });
            if rng.chance(30) {
                let footer_at = file.len() - FOOTER_LEN;
                file.truncate(footer_at);
                let offsets = [0, 1, 4, 58, 62, 112, 116, 152, u64::MAX - 4, u64::MAX];
                let footer = Footer {
                    filter_offset: *rng.pick(&offsets),
                    index_offset: *rng.pick(&offsets),
                    entry_count: 3,
                };
                file.extend(footer.encode(ID));
            }
            match read_all(&fs_with(&file)) {
                Ok(_) | Err(Error::Corruption { .. }) => {}
                Err(other) => {
                    panic!("a forged table: expected Error::Corruption or an answer, got: {other}")
                }
            }
        }
    }

    /// Every read of a block is checked anew, and a damaged block does not keep its neighbours from
    /// being read.
    ///
    /// A disk goes bad while the store is open. What can still be read must still be read.
    ///
    /// # Hints
    /// - The checksum is compared in `read_block`, not when the table is opened.
    /// - Remember nothing of a failed read.
    #[test]
    fn a_block_is_checked_whenever_it_is_read() {
        let (fs, _) = small_table();
        let table = open(&fs);
        assert!(
            table.block_count() > 2,
            "blocks of 45 bytes make more than two"
        );
        let good = fs.read(table_file());
        for damaged in 0..table.block_count() {
            let mut bytes = good.clone();
            bytes[range_of(&table, damaged).start + 9] ^= 1;
            for (bytes, is_damaged) in [(&bytes, true), (&good, false)] {
                fs.write_raw(table_file(), bytes);
                for index in 0..table.block_count() {
                    let reads = [
                        table.read_block(index).map(drop),
                        table.block(index, CacheFill::Yes).map(drop),
                    ];
                    for read in reads {
                        if is_damaged && index == damaged {
                            check_corruption(read, &format!("block {index}, damaged after open,"));
                        } else {
                            read.unwrap_or_else(|error| {
                                panic!("block {index} is sound and was not read: {error}")
                            });
                        }
                    }
                }
            }
        }
    }

    /// A file that is missing or cannot be read is `Error::Io`, not damage, wherever reading fails.
    ///
    /// "Damaged" makes people restore backups. A cable that came loose does not.
    ///
    /// # Hints
    /// - Hand on the error of the file system as it is.
    /// - There are failures at open, at the length, and at every read.
    #[test]
    fn a_file_that_cannot_be_read_is_an_io_error() {
        let nowhere = mem_fs();
        check_io(try_open(&nowhere), "opening a table that is not there");

        let (fs, _) = small_table();
        let mut failures = 0;
        loop {
            let strike_at = failures;
            let hook = move |op: &Operation| match op.index == strike_at {
                true => Verdict::Fail(ErrorKind::Other),
                false => Verdict::Proceed,
            };
            let fault = FaultFs::new(Arc::clone(&fs) as Arc<dyn FileSystem>, hook);
            let log = OpLog::default();
            let fault = Arc::new(FaultFs::logged(Arc::new(fault), &log));
            let result = read_all(&fault);
            let operations = log.operations();
            let Some(op) = operations.get(strike_at as usize) else {
                break;
            };
            let what = format!(
                "reading a table whose operation {strike_at}, {:?}, fails",
                op.kind
            );
            check_io(result, &what);
            failures += 1;
        }
        assert!(
            failures > 5,
            "opening and reading a table of several blocks takes more than {failures} operations"
        );
    }

    /// A table holds its file open until it is dropped, and no longer; one that did not open holds
    /// nothing.
    ///
    /// A file that is still open cannot be removed on Windows, and its space is not free anywhere.
    ///
    /// # Hints
    /// - One handle a table, kept for its blocks.
    /// - Handles in fields close themselves; nothing else may keep one.
    #[test]
    fn a_table_closes_its_file() {
        let (fs, _) = small_table();
        let table = open(&fs);
        table
            .read_block(0)
            .unwrap_or_else(|error| panic!("read_block(0) failed: {error}"));
        assert_eq!(fs.open_handles(), 1, "open files while the table is open");
        drop(table);
        assert_eq!(
            fs.open_handles(),
            0,
            "open files after the table was dropped"
        );
        fs.write_raw(table_file(), b"damaged");
        check_corruption(try_open(&fs), "a file of seven bytes");
        assert_eq!(fs.open_handles(), 0, "open files after open() failed");
    }
}

mod task_5 {
    use super::*;
    use crate::common::conformance::{check_after_error, check_cursor};
    use crate::common::rest;

    fn cursor_over(table: &Arc<SsTable>) -> SsTableIterator {
        SsTableIterator::new(Arc::clone(table), CacheFill::Yes)
    }

    /// Walks as far as it goes: the entries shown, and the error that ended it.
    fn walk_until_error(cursor: &mut SsTableIterator) -> (Vec<Entry>, Option<Error>) {
        let mut shown = Vec::new();
        let mut step = cursor.seek_to_first();
        while step.is_ok() && cursor.is_valid() {
            shown.push((cursor.key().to_vec(), cursor.value().map(<[u8]>::to_vec)));
            step = cursor.next();
        }
        (shown, step.err())
    }

    /// After `seek(target)` the cursor must stand on `expected`, or at the end.
    #[track_caller]
    fn check_seek(cursor: &mut SsTableIterator, target: &[u8], expected: Option<&[u8]>) {
        cursor.seek(target).unwrap_or_else(|error| {
            panic!("seek({}) in a sound table failed: {error}", show(target))
        });
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

    /// A walk goes through all blocks, from the first entry to the last.
    ///
    /// The step from one block to the next is where an entry is lost, shown twice, or taken for the
    /// end.
    ///
    /// # Hints
    /// - When the block's cursor is past its end, the next block is opened and its first entry
    ///   shown, in the same `next`.
    /// - Past the last block there is nothing to open: that is the end, and no error.
    #[test]
    fn a_walk_goes_through_all_blocks() {
        for block_size in [1, 30, 45, 80, 4096] {
            let all = entries("apple=red banana=yellow cherry fig= kiwi=green plum quince=gold");
            let mut cursor = cursor_over(&open(&build(block_size, &all)));
            cursor
                .seek_to_first()
                .unwrap_or_else(|error| panic!("seek_to_first() in a sound table failed: {error}"));
            check_entries("a walk", &rest(&mut cursor), &all);
        }
    }

    /// Seeking a key in the gap between two blocks stands on the first key of the later block.
    ///
    /// The block that would hold the target is over; the answer is in the next. A cursor that gives
    /// up at the end of a block ends every scan too soon.
    ///
    /// # Hints
    /// - `BlockIndex::find` gives the block whose *last* key is at or past the target. For a gap
    ///   that is the later one.
    /// - A cursor that looks for the first key at or before the target must go on to the next block
    ///   by itself.
    #[test]
    fn seek_between_two_blocks_stands_on_the_next_block() {
        let all = entries("b=1 d=2 f=3 h=4 j=5 l=6");
        // An entry of 1 + 1 bytes takes 12 bytes with its offset: blocks of one, of two and of
        // three.
        for block_size in [14, 26, 38] {
            let mut cursor = cursor_over(&open(&build(block_size, &all)));
            for (target, expected) in [
                ("c", "d"),
                ("e", "f"),
                ("g", "h"),
                ("i", "j"),
                ("k", "l"),
                ("", "b"),
            ] {
                check_seek(&mut cursor, target.as_bytes(), Some(expected.as_bytes()));
            }
            for (key, _) in &all {
                check_seek(&mut cursor, key, Some(key));
            }
        }
    }

    /// Seeking past the last key of the table is the end.
    ///
    /// There is no block to open there; a cursor that opens the last one, or one past the last, is
    /// wrong in two ways.
    ///
    /// # Hints
    /// - `find` gives the block count then. It is not the number of a block.
    /// - Whatever block was open before is closed: the cursor stands nowhere.
    #[test]
    fn seek_past_the_last_key_is_the_end() {
        let all = entries("b=1 d=2 f=3 h=4");
        let mut cursor = cursor_over(&open(&build(26, &all)));
        check_seek(&mut cursor, b"i", None);
        check_seek(&mut cursor, b"b", Some(b"b"));
        check_seek(&mut cursor, b"h\0", None);
        cursor.next().expect("next() past the end must be Ok");
        assert!(
            !cursor.is_valid(),
            "next() past the end made the cursor valid"
        );
    }

    /// The cursor keeps the whole contract, over tables of every block size.
    ///
    /// The same check that the block's cursor has passed, over many blocks.
    ///
    /// # Hints
    /// - The contract is the table in `cursor.rs`; the message names the row.
    /// - Before the first seek there is no block; past the end there is none again.
    #[test]
    fn the_table_cursor_keeps_the_contract() {
        let mut rng = Rng::new(9);
        for block_size in (1..=60).chain([100, 300, 4096]) {
            let count = [1, 2, 1 + rng.below(50)][block_size % 3];
            let entries = random_entries(&mut rng, count);
            let table = open(&build(block_size, &entries));
            for fill in [CacheFill::Yes, CacheFill::No] {
                let name = format!("SsTableIterator with a block size of {block_size}");
                let cursor = SsTableIterator::new(Arc::clone(&table), fill);
                check_cursor(&name, cursor, &entries);
            }
        }
    }

    /// Two cursors over one table do not disturb each other.
    ///
    /// A table is shared by all who read it; where a cursor stands is its own affair.
    ///
    /// # Hints
    /// - The table is behind an `Arc` and has no place that a cursor could change.
    #[test]
    fn two_cursors_share_a_table() {
        let all = numbered_entries(30);
        let table = open(&build(100, &all));
        let [mut ahead, mut behind] = [cursor_over(&table), cursor_over(&table)];
        check_seek(&mut behind, &key(3), Some(&key(3)));
        check_seek(&mut ahead, &key(20), Some(&key(20)));
        check_entries("the cursor behind", &rest(&mut behind), &all[3..]);
        check_entries("the cursor ahead", &rest(&mut ahead), &all[20..]);
    }

    /// A new cursor reads nothing; a seek reads one block at most, wherever it goes.
    ///
    /// A `get` is a seek: with a thousand blocks in the table, this is the difference between one
    /// read and ten.
    ///
    /// # Hints
    /// - The index is in memory and knows the block. No other has to be looked at.
    /// - Past the last key there is nothing to read at all.
    #[test]
    fn a_seek_reads_one_block_at_most() {
        let all = numbered_entries(120);
        let (fs, log) = watched(&build(200, &all));
        let table = open(&fs);
        let mut rng = Rng::new(10);
        log.clear();
        let mut cursor = cursor_over(&table);
        assert_eq!(
            log.count(is_table_read),
            0,
            "reads of a new cursor, before its first seek"
        );
        for _ in 0..200 {
            let i = rng.below(125);
            let target = [key(i), if rng.chance(50) { vec![0] } else { vec![] }].concat();
            log.clear();
            cursor
                .seek(&target)
                .unwrap_or_else(|error| panic!("seek({}) failed: {error}", show(&target)));
            let reads = log.count(is_table_read);
            let expected = all.partition_point(|(key, _)| *key < target);
            assert!(
                reads <= 1,
                "seek({}) in a table of {} blocks read the file {reads} times, expected at most once",
                show(&target),
                table.block_count()
            );
            assert_eq!(
                cursor.is_valid().then(|| show(cursor.key())),
                all.get(expected).map(|(key, _)| show(key)),
                "where seek({}) leads",
                show(&target)
            );
        }
    }

    /// A walk reads each block once, when it gets there, and nothing in between.
    ///
    /// A scan of ten entries must not read a table of a gigabyte, nor read a block again for each
    /// of its entries.
    ///
    /// # Hints
    /// - The cursor keeps the block that it walks, and only that.
    /// - `next` inside a block asks the block's cursor alone.
    #[test]
    fn a_walk_reads_each_block_once() {
        let (fs, log) = watched(&build(200, &numbered_entries(60)));
        let table = open(&fs);
        let mut cursor = cursor_over(&table);
        log.clear();
        cursor
            .seek_to_first()
            .unwrap_or_else(|error| panic!("seek_to_first() failed: {error}"));
        for block in 0..table.block_count() {
            let last_key = table.index().get(block).last_key;
            loop {
                assert_eq!(
                    log.count(is_table_read),
                    block + 1,
                    "reads of the file when the cursor stands on {}, in block {block}",
                    show(cursor.key())
                );
                let was_last = cursor.key() == last_key;
                cursor
                    .next()
                    .unwrap_or_else(|error| panic!("next() in a sound table failed: {error}"));
                if was_last {
                    break;
                }
            }
        }
        assert!(
            !cursor.is_valid(),
            "past the last key of the last block the cursor is valid"
        );
        assert_eq!(
            log.count(is_table_read),
            table.block_count(),
            "reads of the whole walk"
        );
    }

    /// A damaged block is an error when the cursor gets there, and remains one: it is neither
    /// skipped nor taken for the end.
    ///
    /// Whoever ignores one error must not take the rest of the table for missing. What lies before
    /// and behind can be reached by a seek.
    ///
    /// # Hints
    /// - After the error the cursor is invalid, and `next` gives the error again. Where could it be
    ///   kept? `Error` can be cloned.
    /// - The old block must be let go before the new one is read, or the cursor stays valid on it.
    /// - A seek begins anew: it forgets the error.
    #[test]
    fn a_damaged_block_is_an_error_that_stays() {
        let all = numbered_entries(40);
        let fs = build(150, &all);
        let (table, good) = (open(&fs), fs.read(table_file()));
        for damaged in 0..table.block_count() {
            let meta = table.index().get(damaged);
            let first = all.partition_point(|(key, _)| key.as_slice() < meta.first_key);
            let mut bytes = good.clone();
            bytes[range_of(&table, damaged).start + 9] ^= 0x20;
            fs.write_raw(table_file(), &bytes);

            let mut cursor = cursor_over(&table);
            let (shown, error) = walk_until_error(&mut cursor);
            check_entries("a walk up to the damaged block", &shown, &all[..first]);
            check_corruption(error.map_or(Ok(()), Err), "a walk into a damaged block");
            check_after_error(
                "a walk into a damaged block",
                &mut cursor,
                Err(Error::Closed),
            );
            check_corruption(cursor.next(), "next() after the damaged block");

            let step = cursor.seek(meta.last_key);
            check_after_error("a seek into a damaged block", &mut cursor, step);
            if damaged > 0 {
                check_seek(&mut cursor, &key(0), Some(&key(0)));
            }
            if let Some(next) = all.iter().find(|(key, _)| key.as_slice() > meta.last_key) {
                check_seek(&mut cursor, &next.0, Some(&next.0));
            }
            let step = cursor.seek(meta.first_key);
            check_after_error("a seek into a damaged block", &mut cursor, step);
            check_seek(&mut cursor, b"zzz", None);
            cursor
                .next()
                .expect("next() past the end must be Ok, also after an earlier error");

            let step = cursor.seek(meta.first_key);
            check_after_error("a seek into a damaged block", &mut cursor, step);
            fs.write_raw(table_file(), &good);
            check_seek(&mut cursor, meta.first_key, Some(meta.first_key));
            check_entries(
                "the walk on from the repaired block",
                &rest(&mut cursor),
                &all[first..],
            );
        }
    }

    /// A read that fails is `Error::Io`, once and again at every `next`, until a seek succeeds.
    ///
    /// The disk may answer again a moment later. `next` still must not go on: nobody knows what was
    /// left out.
    ///
    /// # Hints
    /// - `next` after an error does not try again; it answers from memory.
    /// - `seek_to_first` and `seek` do try again, and clear the error if they succeed.
    #[test]
    fn a_failed_read_is_an_error_that_stays() {
        let all = numbered_entries(40);
        let mem = build(150, &all);
        let block_1 = {
            let table = open(&mem);
            range_of(&table, 1).start as u64
        };
        // The first read of block 1 fails; later ones succeed.
        let log = OpLog::default();
        let hook_log = log.clone();
        let fs = FaultFs::new(mem, move |op| {
            if !is_table_read(op) || op.offset != block_1 {
                return Verdict::Proceed;
            }
            hook_log.record(op);
            match hook_log.count(|_| true) {
                1 => Verdict::Fail(ErrorKind::TimedOut),
                _ => Verdict::Proceed,
            }
        });
        let table = open(&Arc::new(fs));
        let mut cursor = cursor_over(&table);
        let (shown, error) = walk_until_error(&mut cursor);
        let first = all.len()
            - all
                .iter()
                .skip_while(|(key, _)| key.as_slice() < table.index().get(1).first_key)
                .count();
        check_entries("a walk up to the read that failed", &shown, &all[..first]);
        check_io(error.map_or(Ok(()), Err), "a walk whose second read fails");
        for _ in 0..3 {
            assert!(!cursor.is_valid(), "is_valid() is true after a failed read");
            check_io(cursor.next(), "next() after a failed read");
        }
        assert_eq!(
            log.count(|_| true),
            1,
            "reads of the block that failed, before another seek"
        );

        cursor
            .seek_to_first()
            .unwrap_or_else(|error| panic!("seek_to_first() after the failure was over: {error}"));
        check_entries("the walk afterwards", &rest(&mut cursor), &all);
    }

    /// With any bit of the table changed, a walk shows only entries that are there, and then an
    /// error; a seek is right or an error.
    ///
    /// A wrong answer is worse than none: nobody will ever look for it.
    ///
    /// # Hints
    /// - Blocks are read through the table, which checks them. Does the cursor have a way around?
    /// - An error in the middle of a walk must come out of `next`, not end the walk.
    #[test]
    fn with_any_bit_changed_a_walk_is_right_or_an_error() {
        let all = entries("apple=red banana=yellow cherry fig= kiwi=green plum quince=gold");
        let fs = build(45, &all);
        let good = fs.read(table_file());
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << (at % 8);
            fs.write_raw(table_file(), &bytes);
            let Ok(table) = try_open(&fs) else { continue };
            let mut cursor = cursor_over(&table);
            let (shown, error) = walk_until_error(&mut cursor);
            let what = format!("a walk with byte {at} changed");
            check_entries(&what, &shown, &all[..shown.len().min(all.len())]);
            check_corruption(error.map_or(Ok(()), Err), &what);
            for (target, value) in &all {
                if cursor.seek(target).is_err() {
                    continue;
                }
                let stands = cursor.is_valid().then(|| (cursor.key(), cursor.value()));
                assert!(
                    stands == Some((target.as_slice(), value.as_deref())),
                    "with byte {at} changed, seek({}) gave Ok and does not stand there",
                    show(target)
                );
            }
        }
    }

    /// A cursor keeps its table open: the table's other owners may go.
    ///
    /// On day 5 tables are replaced while scans still read them.
    ///
    /// # Hints
    /// - The cursor has an `Arc` of its own.
    #[test]
    fn a_cursor_keeps_its_table_open() {
        let all = numbered_entries(30);
        let fs = build(100, &all);
        let table = open(&fs);
        let mut cursor = cursor_over(&table);
        check_seek(&mut cursor, &key(5), Some(&key(5)));
        drop(table);
        check_entries("the walk of the last owner", &rest(&mut cursor), &all[5..]);
        drop(cursor);
        assert_eq!(
            fs.open_handles(),
            0,
            "open files after the last cursor was dropped"
        );
    }
}
