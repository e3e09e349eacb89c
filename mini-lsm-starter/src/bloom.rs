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
    unimplemented!("day 7, task 1: bloom::key_hash")
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
        unimplemented!("day 7, task 1: BloomFilter::build")
    }

    /// The bytes of the filter, as a table stores them.
    pub fn encode(&self) -> Bytes {
        unimplemented!("day 7, task 1: BloomFilter::encode")
    }

    /// Reads a filter that [`encode`](Self::encode) made; `None` from no bytes.
    ///
    /// `Corruption` if there is not a whole number of blocks, at least one, or the probe count is
    /// not 1 to [`MAX_PROBES`].
    pub fn decode(data: Bytes, origin: Origin<'_>) -> Result<Option<Self>> {
        unimplemented!("day 7, task 1: BloomFilter::decode")
    }

    /// Whether a key with this hash may be in the set.
    pub fn may_contain(&self, hash: u32) -> bool {
        unimplemented!("day 7, task 1: BloomFilter::may_contain")
    }
}
