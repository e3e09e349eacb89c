//! Day 7 · Filters and key compression: most absent keys cost no read, and a block says what its keys share only once.

mod common;

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

mod task_1 {
    use super::*;
    use common::rng::Rng;

    /// The hash of a key is the low half of farmhash's 64-bit fingerprint of its bytes.
    ///
    /// Filters lie on disk for years: a hash that differs from machine to machine, or from release to release, makes every old filter deny what is there.
    ///
    /// # Hints
    /// - The crate `farmhash` has several functions; only those called fingerprints promise never to change.
    /// - It is `fingerprint64`, of the key and nothing else; `as u32` keeps the low half.
    #[test]
    fn the_hash_is_half_of_farmhash_fingerprint64() {
        let known = [
            ("a", 0xb6df_75e3),
            ("apple", 0x198a_df19),
            ("plum", 0x6b37_1ada),
            ("quince", 0x2235_936f),
            ("key000000", 0x9d2a_fd2b),
        ];
        for (key, expected) in known {
            let got = key_hash(key.as_bytes());
            assert!(
                got == expected,
                "the hash of {key} is {got:08x}, expected {expected:08x}"
            );
        }
    }

    /// Two keys at ten bits a key give one block with exactly the bits that the format says, and the probe count behind it.
    ///
    /// The format is fixed to the bit: whoever reads the table tomorrow asks for these bits and no others.
    ///
    /// # Hints
    /// - Print the bits that you set for apple alone, in order: 234, 317, 464, 228, 309, 200, 99 is right.
    /// - The product with 0x9E3779B9 is taken modulo 2^32 before each bit, before the first one too, and the bit is its *top* nine bits.
    /// - Bit b of a block is bit b mod 8 of its byte b / 8, counted from the lowest.
    #[test]
    fn golden_bits_of_apple_and_plum() {
        let filter = filter_over(&[b"apple".to_vec(), b"plum".to_vec()], 10).encode();
        let mut expected = [0_u8; 65];
        let bytes = [
            (1, 0x08),
            (12, 0x08),
            (25, 0x03),
            (28, 0x10),
            (29, 0x24),
            (35, 0x01),
            (37, 0x02),
            (38, 0x20),
            (39, 0x20),
            (53, 0x40),
            (58, 0x01),
            (60, 0x01),
            (64, 7),
        ];
        for (at, byte) in bytes {
            expected[at] = byte;
        }
        assert!(
            filter.len() == 65,
            "a filter of two keys has one block of 64 bytes and a probe count, but yours has {} bytes",
            filter.len()
        );
        assert!(
            filter == expected[..],
            "the filter over apple and plum at 10 bits a key has the bits {:?} and {} probes, expected {:?} and 7",
            set_bits(&filter),
            filter[64],
            set_bits(&expected)
        );
    }

    /// The high bits of the hash pick the block: with three blocks, a third of all hashes each, in order.
    ///
    /// Multiplying and shifting gives every block the same share without a division. A remainder would do so too, but it is not the format.
    ///
    /// # Hints
    /// - (hash × block count) >> 32: the product needs 64 bits.
    /// - The largest hash must land in the last block, not behind it.
    #[test]
    fn the_high_bits_pick_the_block() {
        let cases = [
            (0x5555_5555_u32, 0, vec![19, 93, 135, 167, 192, 406, 476]),
            (0x5555_5556, 1, vec![71, 126, 176, 210, 240, 324, 473]),
            (0xaaaa_aaaa, 1, vec![38, 187, 271, 301, 335, 385, 440]),
            (0xaaaa_aaab, 2, vec![35, 105, 319, 344, 376, 418, 492]),
            (0xffff_ffff, 2, vec![57, 66, 195, 281, 404, 407, 503]),
            (0, 0, vec![0]),
        ];
        for (hash, block, bits) in cases {
            // 150 keys with one hash: 1,500 bits, three blocks, one of them used.
            let encoded = BloomFilter::build(&[hash; 150], 10).encode();
            assert!(
                encoded.len() == 3 * 64 + 1,
                "150 keys at 10 bits need 3 blocks and a probe count, but the filter has {} bytes",
                encoded.len()
            );
            let expected: Vec<usize> = bits.iter().map(|bit| 512 * block + bit).collect();
            let got = set_bits(&encoded);
            assert!(
                got == expected,
                "of 3 blocks, hash {hash:08x} belongs into block {block}, expected the bits {expected:?} to be set, got {got:?}"
            );
        }
    }

    /// The probe count is the bits a key times ln 2, rounded, from 1 to 30.
    ///
    /// At that number half of the bits are set, and a bit tells most. Cut instead of rounded, 10 bits a key would get 6 probes, not 7.
    ///
    /// # Hints
    /// - 10 × 0.693 = 6.93.
    /// - One bit a key still needs a probe; the format ends at 30, however many bits there are.
    #[test]
    fn the_probe_count_is_bits_times_ln_2_rounded() {
        let known = [
            (1, 1),
            (2, 1),
            (3, 2),
            (4, 3),
            (5, 3),
            (10, 7),
            (15, 10),
            (20, 14),
            (30, 21),
            (43, 30),
            (44, 30),
            (45, 30),
            (100, 30),
            (400, 30),
        ];
        for (bits_per_key, expected) in known {
            let encoded = BloomFilter::build(&[0x1234_5678], bits_per_key).encode();
            let got = encoded.last().copied();
            assert!(
                got == Some(expected),
                "with {bits_per_key} bits a key the last byte, the probe count, must be {expected}, got {got:?}"
            );
        }
    }

    /// The bits are rounded up to whole blocks of 512.
    ///
    /// Rounded down, 100 keys would share the room of 51 and pass far more absent keys than was paid for.
    ///
    /// # Hints
    /// - `div_ceil`.
    /// - 51 keys at 10 bits want 510 bits: one block. 52 want 520: two.
    #[test]
    fn the_bits_are_rounded_up_to_whole_blocks() {
        let known = [
            (1, 1, 1),
            (51, 10, 1),
            (52, 10, 2),
            (102, 10, 2),
            (103, 10, 3),
            (512, 1, 1),
            (513, 1, 2),
            (1, 512, 1),
            (1, 513, 2),
        ];
        for (key_count, bits_per_key, block_count) in known {
            let hashes: Vec<u32> = (0..key_count)
                .map(|i: u32| i.wrapping_mul(0x0123_4567))
                .collect();
            let len = BloomFilter::build(&hashes, bits_per_key).encode().len();
            assert!(
                len == 64 * block_count + 1,
                "{key_count} keys at {bits_per_key} bits need {block_count} blocks of 64 bytes and a probe count, but the filter has {len} bytes"
            );
        }
    }

    /// A filter never denies a key that it was built over, whatever the number of keys and of bits.
    ///
    /// Everything rests on this: an engine believes a "no" without looking, so one false "no" is a lost key.
    ///
    /// # Hints
    /// - Build and question must walk the very same bits: let one function give them to both.
    /// - Take care that the block count is worked out from the same length on both sides: the probe count's byte is not part of a block.
    #[test]
    fn a_key_of_the_set_is_never_denied() {
        let mut rng = Rng::new(701);
        for bits_per_key in 1..=20 {
            for size in [1, 2, 3, 10, 52, 1_000, 10_000] {
                let size = if size == 10_000 && bits_per_key % 5 != 0 {
                    1 + rng.below(3_000)
                } else {
                    size
                };
                let keys: Vec<Vec<u8>> = (0..size)
                    .map(|_| {
                        let len = 1 + rng.below(20);
                        rng.bytes(len)
                    })
                    .collect();
                let filter = filter_over(&keys, bits_per_key);
                for key in &keys {
                    assert!(
                        filter.may_contain(key_hash(key)),
                        "a filter over {size} keys at {bits_per_key} bits denies {}, which is one of them",
                        show(key)
                    );
                }
            }
        }
    }

    /// Of absent keys about 9 %, 1 % and 0.1 % pass at 5, 10 and 15 bits a key: what the formula gives, and no more.
    ///
    /// This is what the bits are paid for. A filter that sets the wrong bits still never denies a key of its own, so only counting shows it.
    ///
    /// # Hints
    /// - Does `may_contain` look at *all* probes, or is it content with one?
    /// - Are the bits of one key spread over the whole block? The low bits of a product know little of the key; the top ones know all of it.
    /// - Too few probes, too many, or too few blocks: compare with the golden bits first.
    #[test]
    fn absent_keys_pass_as_rarely_as_the_formula_says() {
        const SETS: usize = 8;
        const KEYS: usize = 10_000;
        const ABSENT: usize = 25_000;
        for bits_per_key in [5, 10, 15] {
            let mut passed = 0;
            for set in 0..SETS {
                let key = |i: usize| format!("set {set}, key {i}").into_bytes();
                let filter = filter_over(&(0..KEYS).map(key).collect::<Vec<_>>(), bits_per_key);
                passed += (KEYS..KEYS + ABSENT)
                    .filter(|&i| filter.may_contain(key_hash(&key(i))))
                    .count();
            }
            let trials = SETS * ABSENT;
            let allowed = allowed(false_positive_rate(KEYS, bits_per_key), trials);
            assert!(
                passed <= allowed,
                "at {bits_per_key} bits a key {passed} of {trials} absent keys passed the filter, expected at most {allowed}"
            );
        }
    }

    /// A small set in a roomy filter passes next to no absent key.
    ///
    /// With 512 bits for one key, two keys that both pass by chance are a miracle: this catches a filter that says yes to everything.
    ///
    /// # Hints
    /// - When may the answer be "yes" at once? Only when there is no filter at all.
    /// - One bit that is not set is enough for a "no".
    #[test]
    fn a_filter_over_one_key_denies_others() {
        let filter = filter_over(&[b"apple".to_vec()], 10);
        assert!(
            filter.may_contain(key_hash(b"apple")),
            "the filter over apple denies apple"
        );
        for key in ["plum", "pear", "quince", "applf", "appl", ""] {
            assert!(
                !filter.may_contain(key_hash(key.as_bytes())),
                "the filter over apple alone passes {}",
                show(key.as_bytes())
            );
        }
    }

    /// Without bits, or without keys, the filter has no bytes and denies nothing.
    ///
    /// `filter_bits_per_key: 0` means "no filters": a filter that denied everything would empty the store.
    ///
    /// # Hints
    /// - What does your code do with zero blocks? A division, a remainder or an index would panic.
    /// - "No filter" knows nothing, so it must say "maybe" to everything.
    #[test]
    fn no_bits_or_no_keys_deny_nothing() {
        let filters = [
            ("with 0 bits a key", BloomFilter::build(&[1, 2, 3], 0)),
            ("over no keys", BloomFilter::build(&[], 10)),
            ("over no keys with 0 bits", BloomFilter::build(&[], 0)),
        ];
        for (what, filter) in filters {
            let len = filter.encode().len();
            assert!(
                len == 0,
                "a filter {what} must have no bytes, but it has {len}"
            );
            for hash in [0, 1, 0x8000_0000, u32::MAX] {
                assert!(
                    filter.may_contain(hash),
                    "a filter {what} denies hash {hash:08x}"
                );
            }
        }
    }

    /// No bytes are no filter, and that is no error.
    ///
    /// Tables from before day 7 have none, and they must go on being read.
    ///
    /// # Hints
    /// - The answer has three kinds: a filter, none, and an error.
    /// - Look at this case first, before you ask for the last byte.
    #[test]
    fn no_bytes_are_no_filter() {
        let decoded = BloomFilter::decode(Bytes::new(), Origin::memory("nothing"));
        match decoded {
            Ok(None) => {}
            Ok(Some(_)) => panic!("no bytes were taken for a filter"),
            Err(error) => panic!("no bytes were taken for a damaged filter: {error}"),
        }
    }

    /// A length that is not a whole number of blocks and one byte is corruption; one block and more are fine.
    ///
    /// The blocks are indexed by what the hash says. A length that was not checked is a panic on the first question.
    ///
    /// # Hints
    /// - Take the probe count off the end first; the rest must be a multiple of 64.
    /// - One byte alone is a probe count without blocks.
    #[test]
    fn a_length_that_is_not_made_of_blocks_is_corruption() {
        for len in 1..=400 {
            let mut bytes = vec![0xff; len];
            bytes[len - 1] = 7;
            let path = Path::new("/store/000042.sst");
            let decoded = BloomFilter::decode(bytes.into(), Origin::new(path, 1_000));
            let is_sound = len > 1 && len % 64 == 1;
            match decoded {
                Ok(Some(filter)) if is_sound => assert!(
                    filter.may_contain(0xffff_ffff),
                    "a filter of {len} bytes with all bits set denies the largest hash"
                ),
                Err(Error::Corruption { file, .. }) if !is_sound => {
                    assert!(
                        file == path,
                        "the error about a filter in {} names {}",
                        path.display(),
                        file.display()
                    );
                }
                Ok(_) => panic!("a filter of {len} bytes: expected {}", verdict(is_sound)),
                Err(error) => panic!(
                    "a filter of {len} bytes: expected {}, got: {error}",
                    verdict(is_sound)
                ),
            }
        }
    }

    fn verdict(is_sound: bool) -> &'static str {
        match is_sound {
            true => "that it is taken",
            false => "Error::Corruption",
        }
    }

    /// A probe count of 1 to 30 is taken; 0 and everything above are corruption.
    ///
    /// Zero probes pass every key and hide the damage for ever; 255 of them deny keys that are there.
    ///
    /// # Hints
    /// - Both ends of the range need a check.
    /// - The range is part of the format: [`MAX_PROBES`](mini_lsm_starter::bloom::MAX_PROBES).
    #[test]
    fn a_probe_count_of_0_or_above_30_is_corruption() {
        for probe_count in 0..=255_u8 {
            let mut bytes = vec![0xff; 65];
            bytes[64] = probe_count;
            let decoded = BloomFilter::decode(bytes.into(), Origin::memory("a filter"));
            let is_sound = (1..=30).contains(&probe_count);
            let as_expected = match &decoded {
                Ok(Some(_)) => is_sound,
                Ok(None) => false,
                Err(error) => !is_sound && error.is_corruption(),
            };
            assert!(
                as_expected,
                "a filter with {probe_count} probes: expected {}",
                verdict(is_sound)
            );
        }
    }

    /// A decoded filter gives the answers and the bytes of the one that was encoded.
    ///
    /// The one in the file is asked far more often than the one that was built: if they differ, a restart loses keys.
    ///
    /// # Hints
    /// - Nothing but the bytes is in the file: block count and probe count come from them.
    /// - Is the last byte counted as part of the last block somewhere?
    #[test]
    fn a_decoded_filter_answers_as_the_built_one() {
        let mut rng = Rng::new(702);
        for (size, bits_per_key) in [(1, 1), (60, 10), (1_000, 5), (1_000, 15), (300, 100)] {
            let hashes: Vec<u32> = (0..size).map(|_| rng.next() as u32).collect();
            let built = BloomFilter::build(&hashes, bits_per_key);
            let decoded = decode(&built.encode());
            assert!(
                decoded.encode() == built.encode(),
                "decoding and encoding a filter over {size} keys changed its bytes"
            );
            let others = (0..2_000).map(|_| rng.next() as u32);
            for hash in hashes.iter().copied().chain(others) {
                let answers = [built.may_contain(hash), decoded.may_contain(hash)];
                assert!(
                    answers[0] == answers[1],
                    "for hash {hash:08x} the filter said {}, and {} after it was encoded and decoded",
                    answers[0],
                    answers[1]
                );
            }
        }
    }

    /// The probe count that counts is the one in the bytes.
    ///
    /// A table may come from a store with other options: whoever works the probes out from today's options asks the wrong bits.
    ///
    /// # Hints
    /// - For apple the first bits are 234, 317 and 464, in this order.
    /// - Two probes look at two bits and at no third.
    #[test]
    fn the_probe_count_in_the_bytes_is_the_one_used() {
        let mut bytes = [0_u8; 65];
        for bit in [234, 317] {
            bytes[bit / 8] |= 1 << (bit % 8);
        }
        for (probe_count, expected) in [(1, true), (2, true), (3, false), (30, false)] {
            bytes[64] = probe_count;
            let got = decode(&bytes).may_contain(key_hash(b"apple"));
            assert!(
                got == expected,
                "only the first two bits of apple are set; asked for {probe_count} bits the filter must say {expected}"
            );
        }
    }
}

mod task_2 {
    use super::*;
    use common::model::Model;
    use common::rng::Rng;
    use common::{assert_get, entries, key, rest, rest_of_scan};
    use mini_lsm_starter::cursor::Lookup;
    use mini_lsm_starter::table::{CacheFill, SsTableIterator};
    use mini_lsm_starter::{StorageIterator, WriteBatch};

    /// What a lookup found, in words and bytes.
    fn tell(lookup: Lookup) -> String {
        match lookup {
            Lookup::Value(value) => show(&value),
            Lookup::Deleted => "a tombstone".to_owned(),
            Lookup::Unknown => "nothing".to_owned(),
        }
    }

    /// Asks a table for every one of these absent keys, which lie within its range, and says how many its filter let pass.
    #[track_caller]
    fn passed(table: &SsTable, absent: impl Iterator<Item = Vec<u8>>) -> (usize, usize) {
        let (mut passed, mut asked) = (0, 0);
        for key in absent {
            asked += 1;
            passed += usize::from(table.may_contain(&key));
        }
        (passed, asked)
    }

    /// Fails unless the table's filter denies absent keys as it should at 10 bits a key.
    #[track_caller]
    fn assert_filter_works(table: &SsTable, what: &str) {
        let absent = (0..5_000).map(|i| format!("key{i:06} is not here").into_bytes());
        let (passed, asked) = passed(table, absent);
        let rate = false_positive_rate(table.entry_count() as usize, 10);
        let allowed = allowed(rate, asked);
        assert!(
            passed <= allowed,
            "{what}: {passed} of {asked} absent keys passed the filter of table {}, expected at most {allowed}",
            table.id().0
        );
    }

    /// The filter part of a table is the filter over all its keys, in the table's own options, with a checksum behind it.
    ///
    /// Keys of every block, tombstones, keys with empty values: one that was left out is a key that `get` will not find.
    ///
    /// # Hints
    /// - Where do all keys come by, whatever block they land in? Collect their hashes there.
    /// - Are the hashes forgotten when a block is cut? They belong to the table.
    /// - The number of bits is `filter_bits_per_key` of the options that the builder got.
    #[test]
    fn the_filter_part_is_the_filter_over_all_keys() {
        let mut all: Vec<Entry> = (0..1_000).map(numbered).collect();
        for (i, (_, value)) in all.iter_mut().enumerate() {
            match i % 5 {
                0 => *value = None,
                1 => *value = Some(Vec::new()),
                _ => {}
            }
        }
        let keys: Vec<Vec<u8>> = all.iter().map(|(key, _)| key.clone()).collect();
        for bits_per_key in [5, 10, 15] {
            let (table, fs) = table(&all, bits_per_key);
            assert!(table.block_count() > 1, "the table of this test has blocks");
            let expected = filter_over(&keys, bits_per_key).encode();
            let filter = Parts::of(&fs).filter;
            assert!(
                filter.len() == expected.len(),
                "at {bits_per_key} bits a key the filter of {} keys has {} bytes, expected {}",
                keys.len(),
                filter.len(),
                expected.len()
            );
            let differs = (0..filter.len()).find(|&at| filter[at] != expected[at]);
            assert!(
                differs.is_none(),
                "at {bits_per_key} bits a key byte {} of the filter part is not that of the filter over the table's keys",
                differs.unwrap_or_default()
            );
            let (passed, asked) = passed(&table, keys.iter().cloned());
            assert!(
                passed == asked,
                "of {asked} keys of the table, {} are denied by its own filter after it was opened",
                asked - passed
            );
        }
    }

    /// An opened table denies all but the few absent keys that the formula grants, and never a key that it holds.
    ///
    /// The filter is read once, when the table is opened, and then answers from memory.
    ///
    /// # Hints
    /// - `may_contain` asks the filter with the hash of the key.
    /// - A table without a filter says "maybe".
    #[test]
    fn an_opened_table_denies_most_absent_keys() {
        let all: Vec<Entry> = (0..3_000).map(numbered).collect();
        let (table, _fs) = table(&all, 10);
        for (key, _) in &all {
            assert!(
                table.may_contain(key),
                "the table denies {}, which it holds",
                show(key)
            );
        }
        assert_filter_works(&table, "a table with filter");
    }

    /// Absent keys within a table's range cost no read, but for the few that pass the filter by chance; a present key costs one.
    ///
    /// Without a filter each of them costs a block: a read from disk, a checksum, a binary search, all for a "no".
    ///
    /// # Hints
    /// - Ask the filter before anything else in `SsTable::get`.
    /// - A read that happens before the question has been paid for already.
    #[test]
    fn an_absent_key_costs_hardly_any_read() {
        let all: Vec<Entry> = (0..5_000).map(numbered).collect();
        let (_, fs) = table(&all, 10);
        let log = OpLog::default();
        let table =
            open_table(Arc::new(FaultFs::logged(fs, &log))).expect("a table could not be opened");
        log.clear();
        let absent = 20_000;
        for i in 0..absent {
            let key = format!("key{:06}+{i}", i % 4_999).into_bytes();
            let got = tell(table.get(&key).expect("a get in a sound table failed"));
            assert!(
                got == "nothing",
                "the table gave {got} for the absent key {}",
                show(&key)
            );
        }
        let allowed = allowed(false_positive_rate(all.len(), 10), absent);
        let reads = table_reads(&log);
        assert!(
            reads <= allowed,
            "{absent} gets of absent keys read the table's file {reads} times, expected at most {allowed}"
        );
        for (key, value) in all.iter().step_by(7) {
            log.clear();
            let got = tell(table.get(key).expect("a get in a sound table failed"));
            assert!(
                got == common::show_value(value.as_deref()) && table_reads(&log) == 1,
                "get({}) gave {got} after {} reads, expected {} after one",
                show(key),
                table_reads(&log),
                common::show_value(value.as_deref())
            );
        }
    }

    /// What the filter denies is not looked for, and what a cursor walks is not asked of the filter.
    ///
    /// The filter of this table has been replaced by one that denies everything. `get` has to believe it; a scan has no one key to ask for.
    ///
    /// # Hints
    /// - The filter is for `get` alone. A seek looks for the first key *from* its target on, and the target itself may be missing.
    /// - If `get` still finds the key, it does not ask, or asks too late.
    #[test]
    fn get_believes_the_filter_and_cursors_never_ask_it() {
        let all: Vec<Entry> = (0..400).map(numbered).collect();
        let (_, fs) = table(&all, 10);
        let mut parts = Parts::of(&fs);
        parts.filter = vec![0; 65];
        parts.filter[64] = 1;
        parts.write(&fs);
        let table = open_table(fs).expect("a table with a filter of no bits is a table");

        for (key, _) in all.iter().step_by(29) {
            let got = tell(table.get(key).expect("a get in a sound table failed"));
            assert!(
                got == "nothing",
                "the filter denies everything, but get({}) gave {got}",
                show(key)
            );
        }
        let mut cursor = SsTableIterator::new(Arc::clone(&table), CacheFill::No);
        cursor.seek_to_first().expect("seek_to_first() failed");
        assert!(
            rest(&mut cursor) == all,
            "a walk over the table misses entries that the filter denies"
        );
        for (key, _) in all.iter().step_by(29) {
            cursor.seek(key).expect("seek failed");
            assert!(
                cursor.is_valid() && cursor.key() == key,
                "seek({}) does not find the key in the table: a cursor must not ask the filter",
                show(key)
            );
        }
    }

    /// A tombstone is an entry like any other: its key is in the filter.
    ///
    /// A filter that denies a deleted key sends the search on to older tables, and there the old value lies: the key is back from the dead.
    ///
    /// # Hints
    /// - Do you collect the hash only where there is a value?
    /// - A table of nothing but tombstones has a filter, too.
    #[test]
    fn tombstones_are_in_the_filter() {
        let deleted: Vec<Entry> = (0..500).map(|i| (key(i), None)).collect();
        let (table, fs) = table(&deleted, 10);
        assert!(
            Parts::of(&fs).filter.len() > 64,
            "a table of 500 tombstones has no filter"
        );
        for (key, _) in &deleted {
            let got = tell(table.get(key).expect("a get in a sound table failed"));
            assert!(
                table.may_contain(key) && got == "a tombstone",
                "the table holds a tombstone for {}, but its filter says {} and get gives {got}",
                show(key),
                table.may_contain(key)
            );
        }
        assert_filter_works(&table, "a table of tombstones");
    }

    /// A deleted key stays hidden, wherever its tombstone and its old value lie.
    ///
    /// The value is in L1, the tombstone in L0, each table with a filter of its own. The newer table must answer, so that the older one is never asked.
    ///
    /// # Hints
    /// - Read `tombstones_are_in_the_filter` first.
    /// - A "no" of one table's filter is a "no" of that table only: the search goes on.
    #[test]
    fn a_deleted_key_stays_hidden_behind_filters() {
        let fs = common::mem_fs();
        let store = common::open(options(fs.clone(), 10));
        let mut model = Model::default();
        for i in 0..600 {
            model.put(&store, &key(i), b"old");
        }
        compact(&store);
        for i in (0..600).step_by(3) {
            model.delete(&store, &key(i));
        }
        flush(&store);
        model.check_all(&store, 400, "with values in L1 and tombstones in L0");
        for i in (0..600).step_by(6) {
            model.put(&store, &key(i), b"new");
        }
        flush(&store);
        model.check_all(&store, 400, "with new values above the tombstones");
        compact(&store);
        model.check_all(&store, 400, "after a compaction of it all");
        close(&store);
        for table in tables_of(&fs) {
            assert_filter_works(&table, "after a compaction");
        }
    }

    /// In a whole store, too, absent keys read hardly any block: the share of each table that was asked, and no more.
    ///
    /// The store of this test has two tables in L0 and more in a level below, all of which cover the keys that are asked for.
    ///
    /// # Hints
    /// - Flush and compaction build tables by the same builder, with the options of the store.
    /// - Is a block read to find out whether a table covers the key? Its first and last key are in the index.
    #[test]
    fn an_absent_key_costs_a_store_hardly_any_read() {
        let fs = common::mem_fs();
        let log = OpLog::default();
        let store = common::open(options(Arc::new(FaultFs::logged(fs, &log)), 10));
        let mut batch = WriteBatch::new();
        for i in 0..4_000 {
            batch.put(&key(2 * i), &common::value(i));
        }
        store.write(batch).expect("write failed");
        compact(&store);
        for round in 0..2 {
            for i in (round..4_000).step_by(20).chain([0, 3_999]) {
                let value = common::value(i);
                store.put(&key(2 * i), &value).expect("put failed");
            }
            flush(&store);
        }
        let levels = store.metrics().levels;
        assert!(
            levels[0].len() == 2,
            "two flushes after a compaction make two tables in L0, but there are {}",
            levels[0].len()
        );
        log.clear();
        let absent = 12_000;
        for i in 0..absent {
            let key = format!("key{:06}+{i}", i % 7_998).into_bytes();
            assert_get(&store, &key, None, "with absent keys");
        }
        let l0_rate: f64 = levels[0]
            .iter()
            .map(|table| false_positive_rate(table.entry_count as usize, 10))
            .sum();
        // From L1 on one table of a level is asked.
        let below_rate = levels[1..]
            .iter()
            .filter_map(|level| {
                let rates = level
                    .iter()
                    .map(|table| false_positive_rate(table.entry_count as usize, 10));
                rates.max_by(f64::total_cmp)
            })
            .sum::<f64>();
        let allowed = allowed(l0_rate + below_rate, absent);
        let reads = table_reads(&log);
        assert!(
            reads <= allowed,
            "{absent} gets of absent keys read tables {reads} times, expected at most {allowed}"
        );
        for i in (0..4_000).step_by(37) {
            let value = common::value(i);
            assert_get(&store, &key(2 * i), Some(&value), "with present keys");
        }
    }

    /// With `filter_bits_per_key: 0` tables have an empty filter part, deny nothing and are read as ever.
    ///
    /// Who reads only by scans need not pay for filters.
    ///
    /// # Hints
    /// - The filter part is there even so: no bytes, and the checksum of no bytes.
    /// - An opened table without a filter has none to ask; what then is the answer of `may_contain`?
    #[test]
    fn without_filters_nothing_is_denied() {
        let all: Vec<Entry> = (0..300).map(numbered).collect();
        let (table, fs) = table(&all, 0);
        let len = Parts::of(&fs).filter.len();
        assert!(
            len == 0,
            "filters are off, but the table's filter has {len} bytes"
        );
        for i in 0..600 {
            assert!(
                table.may_contain(&key(i)),
                "a table without filter denies {}",
                show(&key(i))
            );
        }
        for (key, value) in &all {
            let got = tell(table.get(key).expect("a get in a sound table failed"));
            assert!(
                got == common::show_value(value.as_deref()),
                "get({}) in a table without filter gave {got}",
                show(key)
            );
        }
    }

    /// A store that was written without filters is read by one with filters; its tables get them when they are rewritten.
    ///
    /// This is the database of yesterday, of day 6. Options may change from one `open` to the next, data may not.
    ///
    /// # Hints
    /// - Whether a table has a filter is told by the table, not by the options.
    /// - No bytes decode to no filter.
    #[test]
    fn yesterdays_database_is_read_and_gets_its_filters() {
        let fs = common::mem_fs();
        let mut model = Model::default();
        let store = common::open(options(fs.clone(), 0));
        for i in 0..500 {
            model.put(&store, &key(2 * i), &common::value(i));
        }
        compact(&store);
        for i in 0..50 {
            model.delete(&store, &key(10 * i));
        }
        flush(&store);
        model.put(&store, b"only in the log", b"1");
        close(&store);
        for table in tables_of(&fs) {
            assert!(
                table.may_contain(b"key000001"),
                "a table without filter denies a key"
            );
        }

        let store = common::open(options(fs.clone(), 10));
        model.check_all(&store, 500, "after a store without filters was reopened");
        model.put(&store, b"key000001", b"new");
        flush(&store);
        model.check_all(&store, 500, "with tables of both kinds");
        compact(&store);
        model.check_all(&store, 500, "after everything was rewritten");
        close(&store);
        let tables = tables_of(&fs);
        assert!(!tables.is_empty(), "the store has no table any more");
        for table in tables {
            assert_filter_works(&table, "a table rewritten with filters on");
        }
    }

    /// Filters can be switched off again: tables that have one are still read, and lose it when they are rewritten.
    ///
    /// A filter that is in a table is right whatever today's options say, so it may be used or left alone; the answers are the same.
    ///
    /// # Hints
    /// - Decode what is there; the option only says what is built.
    /// - A flush after the switch makes a table whose filter part is empty.
    #[test]
    fn filters_can_be_switched_off_again() {
        let fs = common::mem_fs();
        let mut model = Model::default();
        let store = common::open(options(fs.clone(), 10));
        for i in 0..300 {
            model.put(&store, &key(2 * i), &common::value(i));
        }
        flush(&store);
        close(&store);
        let store = common::open(options(fs.clone(), 0));
        model.check_all(&store, 300, "after filters were switched off");
        model.delete(&store, &key(0));
        compact(&store);
        model.check_all(&store, 300, "after a compaction without filters");
        close(&store);
        for table in tables_of(&fs) {
            for i in 0..1_000 {
                assert!(
                    table.may_contain(&key(i)),
                    "a table that was rewritten with filters off denies {}",
                    show(&key(i))
                );
            }
        }
    }

    /// A flipped bit anywhere in the filter part is found when the table is opened.
    ///
    /// A filter is believed without a look at the data, so damage in it must not wait: a lost bit is a lost key.
    ///
    /// # Hints
    /// - The filter is a part like any other: check its CRC before you decode it.
    /// - The four bytes behind it belong to it.
    #[test]
    fn a_flipped_bit_in_the_filter_part_is_corruption() {
        let all: Vec<Entry> = (0..60).map(numbered).collect();
        let (_, fs) = table(&all, 10);
        let parts = Parts::of(&fs);
        assert!(
            parts.filter.len() == 2 * 64 + 1,
            "60 keys at 10 bits a key need a filter of two blocks, but the table's has {} bytes",
            parts.filter.len()
        );
        let sound = fs.read(table_file());
        let begin = parts.blocks.len();
        for at in begin..begin + parts.filter.len() + 4 {
            let mut damaged = sound.clone();
            damaged[at] ^= 1 << (at % 8);
            fs.write_raw(table_file(), &damaged);
            let opened = open_table(fs.clone());
            assert!(
                matches!(&opened, Err(Error::Corruption { file, .. }) if *file == table_file()),
                "with a bit flipped in byte {} of the filter part, open must give Error::Corruption, naming the file",
                at - begin
            );
        }
    }

    /// A filter that cannot be one is corruption, even if its checksum is right.
    ///
    /// A checksum shows that the bytes are those that were written, not that whoever wrote them knew what a filter is.
    ///
    /// # Hints
    /// - `open` decodes the filter and passes its error on.
    /// - Do not take what cannot be decoded for "no filter".
    #[test]
    fn a_malformed_filter_with_a_right_checksum_is_corruption() {
        let all: Vec<Entry> = (0..10).map(numbered).collect();
        let (_, fs) = table(&all, 10);
        let mut parts = Parts::of(&fs);
        let no_probes = vec![0; 65];
        let no_blocks = vec![7];
        let half_a_block = vec![7; 33];
        let many_probes = vec![31; 65];
        for filter in [no_probes, no_blocks, half_a_block, many_probes] {
            parts.filter = filter;
            parts.write(&fs);
            let opened = open_table(fs.clone());
            assert!(
                matches!(&opened, Err(Error::Corruption { file, .. }) if *file == table_file()),
                "a table whose filter is {} bytes, the last of them {}, must not open",
                parts.filter.len(),
                parts.filter[parts.filter.len() - 1]
            );
        }
    }

    /// Random writes, flushes, compactions and reopens with filters give what a sorted map gives.
    ///
    /// A filter may save reads; it may never change an answer.
    ///
    /// # Hints
    /// - If a key is missing: is it missing from its table's filter? `SsTable::may_contain` tells.
    /// - If an old value shows: the newer table denied the key.
    #[test]
    fn a_store_with_filters_agrees_with_a_map() {
        const KEYS: usize = 250;
        for bits_per_key in [1, 10] {
            let fs = common::mem_fs();
            let mut rng = Rng::new(703);
            let mut model = Model::default();
            let mut store = common::open(options(fs.clone(), bits_per_key));
            for round in 0..12 {
                for _ in 0..120 {
                    model.random_write(&store, &mut rng, KEYS);
                }
                match rng.below(4) {
                    0 => compact(&store),
                    1 => {
                        close(&store);
                        store = common::open(options(fs.clone(), bits_per_key));
                    }
                    _ => flush(&store),
                }
                let when = format!("at {bits_per_key} bits a key, in round {round}");
                model.check_all(&store, KEYS, &when);
                if round % 4 == 3 {
                    model.check_ranges(&store, KEYS, &when);
                }
            }
            flush(&store);
            close(&store);
            for table in tables_of(&fs) {
                let (passed, asked) = passed(&table, (0..2_000).map(|i| key(i + 1_000_000)));
                assert!(
                    passed < asked,
                    "table {} of a store with filters denies nothing",
                    table.id().0
                );
            }
        }
    }

    /// A scan of a store gives what filters deny.
    ///
    /// The one table of this store has been given a filter that denies everything: `get` finds nothing any more, a scan finds it all.
    ///
    /// # Hints
    /// - A scan asks for a range, a filter knows single keys only.
    /// - Even a range of one key may be asked for by a scan; it is walked like any other.
    #[test]
    fn a_scan_ignores_filters() {
        let fs = common::mem_fs();
        let store = common::open(options(fs.clone(), 10));
        for (key, value) in entries("apple=1 pear=2 plum=3") {
            let value = value.expect("puts only");
            store.put(&key, &value).expect("put failed");
        }
        flush(&store);
        close(&store);
        let (own, name) = match tables_of(&fs).as_slice() {
            [table] => (table.id(), table.path().to_owned()),
            tables => panic!("one flush made {} tables", tables.len()),
        };
        deny_everything(&fs, own, &name);

        let store = common::open(options(fs, 10));
        assert_get(
            &store,
            b"plum",
            None,
            "with a filter that denies everything",
        );
        let mut scan = store.scan(..).expect("scan failed");
        let found: Vec<Vec<u8>> = rest_of_scan(&mut scan)
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        assert!(
            found == [b"apple".to_vec(), b"pear".to_vec(), b"plum".to_vec()],
            "a scan over a table whose filter denies everything gave {} of 3 entries",
            found.len()
        );
    }

    /// Replaces the filter of a table of a few keys, whose file ends in footer and index, by one without a set bit.
    fn deny_everything(fs: &MemFs, id: TableId, file: &Path) {
        let mut bytes = fs.read(file);
        let footer_at = bytes.len() - FOOTER_LEN;
        let last = bytes[footer_at..].try_into().expect("FOOTER_LEN bytes");
        let footer = Footer::decode(last, id, Origin::new(file, footer_at as u64))
            .expect("the footer of a sound table was refused");
        let [begin, end] = [footer.filter_offset, footer.index_offset - 4].map(|at| at as usize);
        assert!(
            end - begin == 65,
            "a table of three keys at 10 bits a key has a filter of 65 bytes, not {}",
            end - begin
        );
        bytes[begin..end - 1].fill(0);
        let checksum = crc32fast::hash(&bytes[begin..end]).to_le_bytes();
        bytes[end..end + 4].copy_from_slice(&checksum);
        fs.write_raw(file, &bytes);
    }
}

mod task_3 {
    use super::*;
    use common::conformance::check_cursor;
    use common::entries;
    use common::model::Model;
    use common::rng::Rng;
    use mini_lsm_starter::block::BlockIterator;
    use mini_lsm_starter::block::prefix::common_prefix_len;
    use mini_lsm_starter::cursor::Lookup;
    use mini_lsm_starter::table::{CacheFill, SsTableIterator};

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
            check_cursor(
                &format!("the block of {words}"),
                BlockIterator::new(decode_block(bytes)),
                &expected,
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
        use mini_lsm_starter::StorageIterator;
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
}
