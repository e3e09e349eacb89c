//! Day 2 · Sorted string tables: blocks become a file that is written once, checked at every read,
//! and walked block by block.

#[path = "../common/mod.rs"]
mod common;
mod task_1;
mod task_2;
mod task_3;
mod task_4;
mod task_5;

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use common::golden::{Field, bytes_of, check_fields};
use common::rng::Rng;
use common::{DIR, Entry, entries, key, mem_fs, options, show, show_value, value};
use mini_lsm::block::Block;
use mini_lsm::byte_reader::Origin;
use mini_lsm::files::table_path;
use mini_lsm::fs::{CrashPlan, FaultFs, FileSystem, MemFs, OpKind, OpLog, Operation, Verdict};
use mini_lsm::table::{
    BlockIndex, BlockMeta, CHECKSUM_LEN, CacheFill, FOOTER_LEN, Footer, SsTable, SsTableBuilder,
    SsTableIterator, TableId,
};
use mini_lsm::{Error, LsmOptions, StorageIterator};

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
