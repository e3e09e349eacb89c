//! Day 1 · Task 1 · The block builder: packs sorted entries into a block. The format is drawn in [`block`](super).

use super::prefix::common_prefix_len;
use super::{ENTRY_HEADER_LEN, OFFSET_LEN, TOMBSTONE_LEN};

/// Builds one block after the other from entries in ascending order of their keys.
///
/// The size rule: a block is never larger than its target, but for a single entry that is larger by
/// itself, which gets a block of its own; and no entry begins past offset 65,535.
#[derive(Debug)]
pub struct BlockBuilder {
    /// The size that the encoded block must not exceed, in bytes.
    target_size: usize,
    /// The entries, end to end, as they will lie in the block.
    data: Vec<u8>,
    /// Where each entry begins in `data`.
    offsets: Vec<u16>,
    /// The first key, which later entries may share a prefix with.
    first_key: Vec<u8>,
    /// The last key, for the order of the next.
    last_key: Vec<u8>,
}

impl BlockBuilder {
    /// A builder of blocks of at most `target_size` bytes.
    pub fn new(target_size: usize) -> Self {
        unimplemented!("day 1, task 1: BlockBuilder::new")
    }

    /// Whether an entry with this key and value (`None` for a tombstone) may be added: always to an
    /// empty block; otherwise if the encoded block, with this entry, its offset and the entry
    /// count, has at most the target size, and the entry begins at an offset of at most 65,535.
    /// Exact: if it says no, one byte less room was needed.
    pub fn has_room(&self, key: &[u8], value: Option<&[u8]>) -> bool {
        unimplemented!("day 1, task 1: BlockBuilder::has_room")
    }

    /// Adds an entry; `None` is a tombstone, which is not the same as an empty value.
    ///
    /// Requires what the caller (a table builder) guarantees: [`has_room`](Self::has_room), and a
    /// key of 1 to 65,535 bytes that is greater than the last one added. Panics if the keys do not
    /// ascend: a block out of order would lose entries silently.
    pub fn add(&mut self, key: &[u8], value: Option<&[u8]>) {
        unimplemented!("day 1, task 1: BlockBuilder::add")
    }

    /// The first key added since the last [`finish`](Self::finish); empty if there is none.
    pub fn first_key(&self) -> &[u8] {
        unimplemented!("day 1, task 1: BlockBuilder::first_key")
    }

    /// The last key added since the last [`finish`](Self::finish); empty if there is none.
    pub fn last_key(&self) -> &[u8] {
        unimplemented!("day 1, task 1: BlockBuilder::last_key")
    }

    /// Whether nothing has been added since the last [`finish`](Self::finish).
    pub fn is_empty(&self) -> bool {
        unimplemented!("day 1, task 1: BlockBuilder::is_empty")
    }

    /// How many bytes [`finish`](Self::finish) would give: entries, offsets, count.
    pub fn encoded_len(&self) -> usize {
        unimplemented!("day 1, task 1: BlockBuilder::encoded_len")
    }

    /// The encoded block. Leaves the builder empty, ready for the next block. Requires at least one
    /// entry.
    pub fn finish(&mut self) -> Vec<u8> {
        unimplemented!("day 1, task 1: BlockBuilder::finish")
    }
}
