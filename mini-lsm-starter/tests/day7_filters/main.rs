//! Day 7 · Filters and key compression: most absent keys cost no read, and a block says what its keys share only once.

#[path = "../common/mod.rs"]
mod common;
mod task_1;
mod task_2;
mod task_3;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use common::{Entry, show};
use mini_lsm_starter::block::{Block, BlockBuilder};
use mini_lsm_starter::bloom::{BloomFilter, key_hash};
use mini_lsm_starter::byte_reader::Origin;
use mini_lsm_starter::files::{FileKind, table_path};
use mini_lsm_starter::fs::{FaultFs, FileSystem, MemFs, OpKind, OpLog};
use mini_lsm_starter::table::{FOOTER_LEN, Footer, SsTable, SsTableBuilder, TableId};
use mini_lsm_starter::{Error, LsmOptions, LsmStorage};

/// The id of the tables that tests build by themselves.
const ID: TableId = TableId(7);

/// The filter over these keys.
fn filter_over(keys: &[Vec<u8>], bits_per_key: usize) -> BloomFilter {
    let hashes: Vec<u32> = keys.iter().map(|key| key_hash(key)).collect();
    BloomFilter::build(&hashes, bits_per_key)
}

/// A filter from its bytes, which must be sound.
#[track_caller]
fn decode(bytes: &[u8]) -> BloomFilter {
    let origin = Origin::memory("the filter of a test");
    BloomFilter::decode(Bytes::copy_from_slice(bytes), origin)
        .unwrap_or_else(|error| panic!("a sound filter was refused: {error}"))
        .expect("a filter that has bytes was taken for no filter")
}

/// The bits that are set in the blocks of an encoded filter, counted from its first byte's lowest bit.
fn set_bits(encoded: &[u8]) -> Vec<usize> {
    let blocks = &encoded[..encoded.len() - 1];
    (0..8 * blocks.len())
        .filter(|bit| blocks[bit / 8] >> (bit % 8) & 1 == 1)
        .collect()
}

/// How often a filter passes a key it does not hold, by the formula. The keys fall into the blocks as rain does (Poisson): a block that got j of
/// them has each of its 512 bits set with probability `1 - (1 - 1/512)^(k j)`, and a false positive needs k set bits.
fn false_positive_rate(key_count: usize, bits_per_key: usize) -> f64 {
    let block_count = (key_count * bits_per_key).div_ceil(512);
    let k = (bits_per_key as f64 * std::f64::consts::LN_2).round();
    let load = key_count as f64 / block_count as f64;
    let mut chance_of_load = (-load).exp();
    let mut rate = 0.0;
    for j in 1..500 {
        chance_of_load *= load / f64::from(j);
        let bit_is_set = 1.0 - (1.0 - 1.0 / 512.0_f64).powf(k * f64::from(j));
        rate += chance_of_load * bit_is_set.powf(k);
    }
    rate
}

/// How many of so many absent keys may pass at this rate: the expected number and four standard deviations.
fn allowed(rate: f64, trials: usize) -> usize {
    let expected = rate * trials as f64;
    (expected + 4.0 * (expected * (1.0 - rate)).sqrt()).ceil() as usize
}

/// The options of a test, with filters of `bits_per_key` bits, and without a cache that would hide reads.
fn options(fs: Arc<dyn FileSystem>, bits_per_key: usize) -> LsmOptions {
    LsmOptions {
        filter_bits_per_key: bits_per_key,
        block_cache_size: 0,
        ..LsmOptions::for_test(fs)
    }
}

/// Builds a table with these entries, ascending, in `fs`, at [`table_file`].
fn build_table(fs: &Arc<MemFs>, entries: &[Entry], options: &LsmOptions) {
    let dir = Path::new(common::DIR);
    fs.create_dir_all(dir).expect("MemFs makes directories");
    let file = fs.create(&table_file()).expect("MemFs makes files");
    let mut builder = SsTableBuilder::new(ID, file, options);
    for (key, value) in entries {
        builder
            .add(key, value.as_deref())
            .expect("an entry could not be added to a table");
    }
    builder.finish().expect("the table could not be finished");
}

fn table_file() -> std::path::PathBuf {
    table_path(Path::new(common::DIR), ID)
}

/// Opens the table of [`build_table`], without a cache.
fn open_table(fs: Arc<dyn FileSystem>) -> Result<Arc<SsTable>, Error> {
    SsTable::open(fs, &table_file(), ID, None).map(Arc::new)
}

/// A new table with these entries and filters of so many bits, and the file system it lies in.
#[track_caller]
fn table(entries: &[Entry], bits_per_key: usize) -> (Arc<SsTable>, Arc<MemFs>) {
    let fs = common::mem_fs();
    build_table(&fs, entries, &options(fs.clone(), bits_per_key));
    let table = open_table(fs.clone());
    (table.expect("a sound table could not be opened"), fs)
}

/// A table's file, in parts. The checksums behind blocks and index stay with them.
struct Parts {
    blocks: Vec<u8>,
    filter: Vec<u8>,
    index: Vec<u8>,
    entry_count: u64,
}

impl Parts {
    /// Takes the file of [`build_table`] apart.
    fn of(fs: &MemFs) -> Self {
        let bytes = fs.read(table_file());
        let footer_at = bytes.len() - FOOTER_LEN;
        let last = bytes[footer_at..].try_into().expect("FOOTER_LEN bytes");
        let path = table_file();
        let footer = Footer::decode(last, ID, Origin::new(&path, footer_at as u64))
            .expect("the footer of a sound table was refused");
        let [filter_at, index_at] =
            [footer.filter_offset, footer.index_offset].map(|at| at as usize);
        let checksum_at = index_at - 4;
        assert_eq!(
            bytes[checksum_at..index_at],
            crc32fast::hash(&bytes[filter_at..checksum_at]).to_le_bytes(),
            "the filter must be followed by the CRC-32 of its bytes"
        );
        Self {
            blocks: bytes[..filter_at].to_vec(),
            filter: bytes[filter_at..checksum_at].to_vec(),
            index: bytes[index_at..footer_at].to_vec(),
            entry_count: footer.entry_count,
        }
    }

    /// Puts them together again, with new checksum and footer.
    fn write(&self, fs: &MemFs) {
        let footer = Footer {
            filter_offset: self.blocks.len() as u64,
            index_offset: (self.blocks.len() + self.filter.len() + 4) as u64,
            entry_count: self.entry_count,
        };
        let checksum = crc32fast::hash(&self.filter).to_le_bytes();
        let parts: [&[u8]; 5] = [
            &self.blocks,
            &self.filter,
            &checksum,
            &self.index,
            &footer.encode(ID),
        ];
        fs.write_raw(table_file(), &parts.concat());
    }
}

/// Every table that a closed store left behind, opened without a cache, oldest first.
fn tables_of(fs: &Arc<MemFs>) -> Vec<SsTable> {
    let mut tables = Vec::new();
    for name in fs.file_names(common::DIR) {
        if let Some(FileKind::Table(id)) = FileKind::parse(&name) {
            let table = SsTable::open(fs.clone(), &common::path(&name), id, None);
            tables.push(table.unwrap_or_else(|error| panic!("{name} cannot be opened: {error}")));
        }
    }
    tables
}

#[track_caller]
fn flush(store: &LsmStorage) {
    store.flush().expect("flush failed");
}

#[track_caller]
fn compact(store: &LsmStorage) {
    store.compact().expect("compact failed");
}

#[track_caller]
fn close(store: &LsmStorage) {
    store.close().expect("close failed");
}

/// How many reads of table files were recorded.
fn table_reads(log: &OpLog) -> usize {
    log.count(|op| op.kind == OpKind::Read && op.has_extension("sst"))
}

/// An entry with its key and a value that follows from its number.
fn numbered(i: usize) -> Entry {
    (common::key(i), Some(common::value(i)))
}

/// Entries over few letters, so that the keys share prefixes of all lengths, some of them tombstones, some with empty values.
fn entangled(rng: &mut common::rng::Rng, count: usize) -> Vec<Entry> {
    let mut map = BTreeMap::new();
    while map.len() < count {
        let len = 1 + rng.below(14);
        let key: Vec<u8> = (0..len).map(|_| *rng.pick(b"aab")).collect();
        let value_len = rng.below(9);
        let value = (!rng.chance(20)).then(|| rng.bytes(value_len));
        map.insert(key, value);
    }
    map.into_iter().collect()
}

/// The length of the longest common beginning, found from above.
fn shared_by_hand(a: &[u8], b: &[u8]) -> usize {
    let longest = a.len().min(b.len());
    (0..=longest)
        .rev()
        .find(|&len| a[..len] == b[..len])
        .unwrap_or(0)
}

/// The length of a block with these entries, if each key shares what it can with the first (or, unless `is_sharing`, nothing).
fn block_len(entries: &[Entry], is_sharing: bool) -> usize {
    let mut len = 2;
    for (i, (key, value)) in entries.iter().enumerate() {
        let shared = match i {
            0 => 0,
            _ if !is_sharing => 0,
            _ => shared_by_hand(&entries[0].0, key),
        };
        len += 2 + 8 + key.len() - shared + value.as_ref().map_or(0, Vec::len);
    }
    len
}

/// The bytes of a block with these entries, which fit into it.
fn block_bytes(entries: &[Entry]) -> Vec<u8> {
    let mut builder = BlockBuilder::new(1 << 20);
    for (key, value) in entries {
        builder.add(key, value.as_deref());
    }
    builder.finish()
}

/// The decoded block with these entries, after a check that what can be shared is shared.
#[track_caller]
fn shared_block(entries: &[Entry]) -> Arc<Block> {
    let bytes = block_bytes(entries);
    assert_eq!(
        bytes.len(),
        block_len(entries, true),
        "the block of {} entries that begins with {} must have this many bytes, when all keys share what they can with its first one",
        entries.len(),
        show(&entries[0].0)
    );
    decode_block(bytes)
}

#[track_caller]
fn decode_block(bytes: Vec<u8>) -> Arc<Block> {
    let block = Block::decode(bytes.into(), Origin::memory("the block of a test"));
    Arc::new(block.unwrap_or_else(|error| panic!("a sound block was refused: {error}")))
}
