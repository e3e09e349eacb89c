//! Day 1 · Blocks: sorted entries are packed into a few thousand bytes, and found again without
//! unpacking them.

#[path = "../common/mod.rs"]
mod common;
mod task_1;
mod task_2;
mod task_3;
mod task_4;

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
