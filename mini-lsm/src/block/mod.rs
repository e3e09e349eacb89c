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
        let Some(count_at) = data.len().checked_sub(OFFSET_LEN) else {
            return Err(origin.corruption(0, "a block too short for its entry count"));
        };
        let entry_count = ByteReader::new(&data[count_at..], origin).u16("entry count")? as usize;
        if entry_count == 0 {
            return Err(origin.corruption(count_at, "a block without entries"));
        }
        let Some(entries_end) = count_at.checked_sub(entry_count * OFFSET_LEN) else {
            return Err(origin.corruption(count_at, format!("no room for {entry_count} offsets")));
        };
        check_entries(&data, entries_end, entry_count, origin)?;
        Ok(Self { data, entry_count })
    }

    /// How many entries there are; at least one.
    // given
    pub fn entry_count(&self) -> usize {
        self.entry_count
    }

    /// The length of the encoded block, in bytes.
    // given
    pub fn size(&self) -> usize {
        self.data.len()
    }

    /// Entry number `index`, which must be below [`entry_count`](Self::entry_count). Reads nothing
    /// but that entry.
    pub fn entry(&self, index: usize) -> RawEntry<'_> {
        self.entry_at(self.offset(index))
    }

    /// Where entry number `index` begins.
    fn offset(&self, index: usize) -> usize {
        let offsets_at = self.data.len() - OFFSET_LEN * (self.entry_count + 1);
        let at = offsets_at + index * OFFSET_LEN;
        u16::from_le_bytes([self.data[at], self.data[at + 1]]) as usize
    }

    /// The entry that begins at `offset`.
    fn entry_at(&self, offset: usize) -> RawEntry<'_> {
        let (head, rest) = self.data[offset..]
            .split_first_chunk::<ENTRY_HEADER_LEN>()
            .expect("decode has seen this entry");
        let [s0, s1, u0, u1, value_len @ ..] = *head;
        let (suffix, rest) = rest.split_at(u16::from_le_bytes([u0, u1]) as usize);
        let value = match u32::from_le_bytes(value_len) {
            TOMBSTONE_LEN => None,
            len => Some(&rest[..len as usize]),
        };
        RawEntry {
            shared: u16::from_le_bytes([s0, s1]) as usize,
            suffix,
            value,
        }
    }
}

/// Walks the entries and the offsets side by side: they must tell the same story.
fn check_entries(data: &[u8], end: usize, count: usize, origin: Origin<'_>) -> Result<()> {
    let mut entries = ByteReader::new(&data[..end], origin);
    let offsets_origin = Origin::new(origin.file, origin.offset + end as u64);
    let mut offsets = ByteReader::new(&data[end..], offsets_origin);
    let mut first_key_len = 0;
    for index in 0..count {
        let offset = offsets.u16("offset of an entry")? as usize;
        if offset != entries.position() {
            let place = entries.position();
            return Err(offsets.corruption(format!("offset {offset} for the entry at {place}")));
        }
        let shared = entries.u16("shared length")? as usize;
        let unshared = entries.u16("unshared length")? as usize;
        if shared > first_key_len || !(1..=MAX_KEY_LEN).contains(&(shared + unshared)) {
            return Err(
                entries.corruption(format!("a key of {shared} shared and {unshared} own bytes"))
            );
        }
        let value_len = entries.u32("value length")?;
        entries.bytes(unshared, "key")?;
        if value_len != TOMBSTONE_LEN {
            entries.bytes(value_len as usize, "value")?;
        }
        if index == 0 {
            first_key_len = unshared;
        }
    }
    entries.expect_end("the last entry")
}
