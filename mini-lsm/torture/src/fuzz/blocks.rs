//! Blocks and filters from arbitrary bytes.

use std::sync::Arc;

use bytes::Bytes;
use mini_lsm::StorageIterator;
use mini_lsm::block::{Block, BlockBuilder, BlockIterator, RawEntry, TOMBSTONE_LEN};
use mini_lsm::bloom::{BloomFilter, FILTER_BLOCK_LEN};
use mini_lsm::byte_reader::Origin;

use crate::history::show;

/// The bytes are a block: it is refused, or its entries make the same bytes again and are what a
/// cursor shows.
pub fn block(data: &[u8]) -> bool {
    let decoded = Block::decode(Bytes::copy_from_slice(data), Origin::memory("a block"));
    let block = match decoded {
        Ok(block) => Arc::new(block),
        Err(error) => {
            assert!(error.is_corruption(), "not a Corruption: {error:?}");
            return false;
        }
    };
    let raw: Vec<RawEntry<'_>> = (0..block.entry_count()).map(|n| block.entry(n)).collect();
    assert_eq!(encode(&raw), data, "the entries make another block");
    let first_key = raw[0].suffix;
    let entries: Vec<Entry> = raw
        .iter()
        .map(|entry| {
            let key = [&first_key[..entry.shared], entry.suffix].concat();
            (key, entry.value.map(<[u8]>::to_vec))
        })
        .collect();
    let mut cursor = BlockIterator::new(Arc::clone(&block));
    cursor.seek_to_first().expect("a block cursor cannot fail");
    assert_rest(&mut cursor, &entries);
    let ascends = entries.is_sorted_by(|(a, _), (b, _)| a < b);
    for (number, (key, _)) in entries.iter().enumerate() {
        cursor.seek(key).expect("a block cursor cannot fail");
        assert!(!ascends || cursor.is_valid() && cursor.key() == key);
        // The least key that is greater.
        let beyond = [key, &[0][..]].concat();
        cursor.seek(&beyond).expect("a block cursor cannot fail");
        let next = entries[number + 1..].first().map(|(key, _)| key.as_slice());
        let found = cursor.is_valid().then(|| cursor.key());
        assert!(!ascends || found == next, "seek({})", show(&beyond));
    }
    if ascends {
        rebuild(&entries);
    }
    ascends
}

type Entry = (Vec<u8>, Option<Vec<u8>>);

/// What the builder makes of the entries reads back as the same.
fn rebuild(entries: &[Entry]) {
    let mut builder = BlockBuilder::new(usize::MAX);
    for (key, value) in entries {
        let value = value.as_deref();
        assert!(builder.has_room(key, value), "no room in an endless block");
        builder.add(key, value);
    }
    let bytes = Bytes::from(builder.finish());
    let block = Block::decode(bytes, Origin::memory("a block that was built"));
    let mut cursor = BlockIterator::new(Arc::new(block.expect("it was just built")));
    cursor.seek_to_first().expect("a block cursor cannot fail");
    assert_rest(&mut cursor, entries);
}

/// From where it stands the cursor shows these entries, and then is at its end.
fn assert_rest(cursor: &mut BlockIterator, entries: &[Entry]) {
    for (key, value) in entries {
        assert!(cursor.is_valid(), "the cursor ends before {}", show(key));
        assert_eq!((cursor.key(), cursor.value()), (&key[..], value.as_deref()));
        cursor.next().expect("a block cursor cannot fail");
    }
    assert!(!cursor.is_valid(), "the cursor goes on after the last");
}

/// The format, written a second time.
fn encode(entries: &[RawEntry<'_>]) -> Vec<u8> {
    let (mut block, mut offsets) = (Vec::new(), Vec::new());
    for entry in entries {
        offsets.extend_from_slice(&(block.len() as u16).to_le_bytes());
        let value_len = entry
            .value
            .map_or(TOMBSTONE_LEN, |value| value.len() as u32);
        block.extend_from_slice(&(entry.shared as u16).to_le_bytes());
        block.extend_from_slice(&(entry.suffix.len() as u16).to_le_bytes());
        block.extend_from_slice(&value_len.to_le_bytes());
        block.extend_from_slice(entry.suffix);
        block.extend_from_slice(entry.value.unwrap_or_default());
    }
    block.extend_from_slice(&offsets);
    block.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    block
}

/// The bytes are a filter, and the hashes that it is asked for: it is refused, or answers as the
/// format says. One that is built from these hashes denies none of them.
pub fn filter(data: &[u8]) -> bool {
    let hashes: Vec<u32> = data
        .chunks_exact(4)
        .map(|bytes| u32::from_le_bytes(bytes.try_into().expect("4 bytes")))
        .collect();
    let decoded = decode_filter(data);
    let is_taken = matches!(decoded, Ok(Some(_)));
    let has_blocks = data.len() > FILTER_BLOCK_LEN && data.len() % FILTER_BLOCK_LEN == 1;
    let has_probes = data.last().is_some_and(|count| (1..=30).contains(count));
    assert_eq!(is_taken, has_blocks && has_probes, "whether it is a filter");
    match decoded {
        Ok(None) => assert!(data.is_empty(), "no filter from {} bytes", data.len()),
        Ok(Some(filter)) => {
            assert_eq!(filter.encode(), data, "the filter makes other bytes");
            for &hash in &hashes {
                let (got, expected) = (filter.may_contain(hash), probe(data, hash));
                assert_eq!(got, expected, "whether it may contain {hash:08x}");
            }
        }
        Err(error) => assert!(error.is_corruption(), "not a Corruption: {error:?}"),
    }
    let bits_per_key = data.first().map_or(0, |&byte| usize::from(byte));
    let built = BloomFilter::build(&hashes, bits_per_key).encode();
    let filter = decode_filter(&built).expect("it was just built");
    for &hash in &hashes {
        let is_denied = filter
            .as_ref()
            .is_some_and(|filter| !filter.may_contain(hash));
        assert!(!is_denied, "{hash:08x} is denied by its own filter");
    }
    is_taken
}

fn decode_filter(data: &[u8]) -> mini_lsm::Result<Option<BloomFilter>> {
    BloomFilter::decode(Bytes::copy_from_slice(data), Origin::memory("a filter"))
}

/// The format, read a second time.
fn probe(filter: &[u8], hash: u32) -> bool {
    let (&probe_count, blocks) = filter.split_last().expect("a filter is not empty");
    let block_count = (blocks.len() / FILTER_BLOCK_LEN) as u64;
    let number = (u64::from(hash) * block_count / (1 << 32)) as usize;
    let block = &blocks[number * FILTER_BLOCK_LEN..][..FILTER_BLOCK_LEN];
    let mut mixed = hash;
    (0..probe_count).all(|_| {
        mixed = mixed.wrapping_mul(0x9E37_79B9);
        let bit = (mixed >> (32 - 9)) as usize;
        block[bit / 8] >> (bit % 8) & 1 == 1
    })
}
