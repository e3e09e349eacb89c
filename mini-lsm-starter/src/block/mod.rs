//! Day 1 · Task 2 · Blocks: the unit in which a table is written, read, checked and cached.
//!
//! ```text
//! +---------+---------+-----+---------+------------+-----+------------+-------------+
//! | entry 0 | entry 1 | ... | entry n | offset 0   | ... | offset n   | entry count |
//! |         |         |     |         | u16        |     | u16        | u16         |
//! +---------+---------+-----+---------+------------+-----+------------+-------------+
//!
//! an entry:
//! +-------------+---------------+----------------+-------------------+-------+
//! | shared: u16 | unshared: u16 | value_len: u32 | key suffix        | value |
//! |             |               |                | (unshared bytes)  |       |
//! +-------------+---------------+----------------+-------------------+-------+
//! ```
//!
//! Integers are little-endian. `shared` counts the bytes of the key that are taken from the block's
//! *first* key, so any entry can be decoded alone, and a binary search needs no restart points
//! (LevelDB shares with the entry *before*, and does). Builders write 0 there until day 7; decoders
//! honour it from day 1. A `value_len` of `u32::MAX` is a tombstone, with no value bytes.
//!
//! Invariants: there is at least one entry; the first shares nothing; keys have 1 to 65,535 bytes
//! and ascend; entries lie end to end from offset 0 up to the offset array; an offset is at most
//! 65,535. All but the order of the keys is checked by [`Block::decode`], so that an iterator
//! cannot fail.

pub mod builder;
pub mod iterator;
pub mod prefix;

pub use builder::BlockBuilder;
pub use iterator::BlockIterator;

use bytes::Bytes;

use crate::byte_reader::{ByteReader, Origin};
use crate::error::Result;
use crate::write_batch::MAX_KEY_LEN;

/// The length of an entry's head: `shared: u16 · unshared: u16 · value_len: u32`.
pub const ENTRY_HEADER_LEN: usize = 2 * size_of::<u16>() + size_of::<u32>();
/// The length of an entry's offset, and of the entry count.
pub const OFFSET_LEN: usize = size_of::<u16>();
/// The `value_len` of a tombstone.
pub const TOMBSTONE_LEN: u32 = u32::MAX;

/// A decoded block: its bytes, known to be well-formed.
#[derive(Clone, Debug)]
pub struct Block {
    /// The entries, the offsets and the count, as they were built.
    data: Bytes,
    entry_count: usize,
}

/// An entry as it lies in its block.
#[derive(Clone, Copy, Debug)]
pub struct RawEntry<'a> {
    /// How many bytes of the key come from the block's first key.
    pub shared: usize,
    /// The rest of the key.
    pub suffix: &'a [u8],
    /// The value, `None` for a tombstone.
    pub value: Option<&'a [u8]>,
}

impl Block {
    /// Takes the bytes of a block as [`BlockBuilder::finish`] made them, without copying.
    ///
    /// `Corruption` unless all the module's invariants but the order of keys hold; whatever the
    /// bytes are, there is no panic, and no allocation. `origin` is for the error.
    pub fn decode(data: Bytes, origin: Origin<'_>) -> Result<Self> {
        unimplemented!("day 1, task 2: Block::decode")
    }

    /// How many entries there are; at least one.
    pub fn entry_count(&self) -> usize {
        self.entry_count
    }

    /// The length of the encoded block, in bytes.
    pub fn size(&self) -> usize {
        self.data.len()
    }

    /// Entry number `index`, which must be below [`entry_count`](Self::entry_count). Reads nothing
    /// but that entry.
    pub fn entry(&self, index: usize) -> RawEntry<'_> {
        unimplemented!("day 1, task 2: Block::entry")
    }
}
