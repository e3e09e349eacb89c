//! Day 7 · Task 1 · Bloom filters: a few bits a key that tell for most absent keys that a table need not be read.
//!
//! ```text
//! +---------------+-----+---------------+---------------+
//! | 64-byte block | ... | 64-byte block | probe count k |
//! |               |     |               | u8            |
//! +---------------+-----+---------------+---------------+
//! ```
//!
//! An encoded filter of no bytes is "no filter". The key's hash picks one block, then k bits within
//! its 512, so that a probe costs one cache miss instead of k (Putze, Sanders and Singler, "Cache-,
//! Hash- and Space-Efficient Bloom Filters", 2007; RocksDB's format 5 does so too). The price: some
//! blocks get more keys than others, and a few more false positives than a plain filter has.
//!
//! From a 32-bit hash h (the low half of farmhash's `fingerprint64`): block = (h × block count) >>
//! 32; then, with g = h × 0x9E3779B9 (mod 2^32), bit i of k is the top 9 bits of g, and g becomes g
//! × 0x9E3779B9 (mod 2^32) for the next one.

use bytes::Bytes;

use crate::byte_reader::Origin;
use crate::error::Result;

/// The length of a filter block in bytes: a cache line.
pub const FILTER_BLOCK_LEN: usize = 64;
/// The most bits that are set for one key.
pub const MAX_PROBES: usize = 30;
/// 2^32 divided by the golden ratio: multiplying by it spreads the bits of a number upwards
/// (Knuth's multiplicative hashing).
const SPREAD: u32 = 0x9E37_79B9;

/// The hash of a key that filters are built from and asked with.
pub fn key_hash(key: &[u8]) -> u32 {
    // Not `fingerprint32`: that one of the crate overflows, and panics in a debug build, for some
    // keys of 5 to 12 bytes (farmhash 1.1.5).
    farmhash::fingerprint64(key) as u32
}

/// A filter over a set of keys: never denies a key that is in the set, and denies most that are
/// not.
#[derive(Clone, Debug)]
pub struct BloomFilter {
    /// The blocks, then the probe count; empty for no filter.
    data: Bytes,
}

impl BloomFilter {
    /// A filter over the keys with these hashes, of `bits_per_key` bits for each, rounded up to
    /// whole blocks. The probe count is `bits_per_key × ln 2`, rounded, from 1 to [`MAX_PROBES`].
    /// With no bits, or no keys, it is empty, and denies nothing.
    pub fn build(key_hashes: &[u32], bits_per_key: usize) -> Self {
        if key_hashes.is_empty() || bits_per_key == 0 {
            return Self { data: Bytes::new() };
        }
        let bits = key_hashes.len().saturating_mul(bits_per_key);
        let blocks_len = bits.div_ceil(8 * FILTER_BLOCK_LEN) * FILTER_BLOCK_LEN;
        let probe_count = (bits_per_key as f64 * std::f64::consts::LN_2).round() as usize;
        let probe_count = probe_count.clamp(1, MAX_PROBES);
        let mut data = vec![0; blocks_len];
        for &hash in key_hashes {
            let block = block_of(hash, blocks_len);
            for bit in bits_of(hash, probe_count) {
                data[block + bit / 8] |= 1 << (bit % 8);
            }
        }
        data.push(probe_count as u8);
        Self { data: data.into() }
    }

    /// The bytes of the filter, as a table stores them.
    pub fn encode(&self) -> Bytes {
        self.data.clone()
    }

    /// Reads a filter that [`encode`](Self::encode) made; `None` from no bytes.
    ///
    /// `Corruption` if there is not a whole number of blocks, at least one, or the probe count is
    /// not 1 to [`MAX_PROBES`].
    pub fn decode(data: Bytes, origin: Origin<'_>) -> Result<Option<Self>> {
        let Some((&probe_count, blocks)) = data.split_last() else {
            return Ok(None);
        };
        if blocks.is_empty() || blocks.len() % FILTER_BLOCK_LEN != 0 {
            let reason = format!("a filter of {} bytes is not made of blocks", blocks.len());
            return Err(origin.corruption(0, reason));
        }
        if !(1..=MAX_PROBES).contains(&(probe_count as usize)) {
            let reason = format!("a filter with {probe_count} probes");
            return Err(origin.corruption(blocks.len(), reason));
        }
        Ok(Some(Self { data }))
    }

    /// Whether a key with this hash may be in the set.
    pub fn may_contain(&self, hash: u32) -> bool {
        let Some((&probe_count, blocks)) = self.data.split_last() else {
            return true;
        };
        let block = &blocks[block_of(hash, blocks.len())..][..FILTER_BLOCK_LEN];
        bits_of(hash, probe_count as usize).all(|bit| block[bit / 8] & (1 << (bit % 8)) != 0)
    }
}

/// Where the block of a hash begins.
fn block_of(hash: u32, blocks_len: usize) -> usize {
    let block_count = (blocks_len / FILTER_BLOCK_LEN) as u64;
    ((u64::from(hash) * block_count) >> 32) as usize * FILTER_BLOCK_LEN
}

/// The bits of a hash within its block.
fn bits_of(hash: u32, probe_count: usize) -> impl Iterator<Item = usize> {
    let mixed = std::iter::successors(Some(hash.wrapping_mul(SPREAD)), |g| {
        Some(g.wrapping_mul(SPREAD))
    });
    mixed.map(|g| (g >> 23) as usize).take(probe_count)
}
