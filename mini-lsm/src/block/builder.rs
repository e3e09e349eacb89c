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
        Self {
            target_size,
            data: Vec::new(),
            offsets: Vec::new(),
            first_key: Vec::new(),
            last_key: Vec::new(),
        }
    }

    /// Whether an entry with this key and value (`None` for a tombstone) may be added: always to an
    /// empty block; otherwise if the encoded block, with this entry, its offset and the entry
    /// count, has at most the target size, and the entry begins at an offset of at most 65,535.
    /// Exact: if it says no, one byte less room was needed.
    pub fn has_room(&self, key: &[u8], value: Option<&[u8]>) -> bool {
        if self.is_empty() {
            return true;
        }
        let entry_len =
            ENTRY_HEADER_LEN + key.len() - self.shared_len(key) + value.map_or(0, <[u8]>::len);
        let size = self.encoded_len() + entry_len + OFFSET_LEN;
        size <= self.target_size && self.data.len() <= u16::MAX as usize
    }

    /// Adds an entry; `None` is a tombstone, which is not the same as an empty value.
    ///
    /// Requires what the caller (a table builder) guarantees: [`has_room`](Self::has_room), and a
    /// key of 1 to 65,535 bytes that is greater than the last one added. Panics if the keys do not
    /// ascend: a block out of order would lose entries silently.
    pub fn add(&mut self, key: &[u8], value: Option<&[u8]>) {
        assert!(
            self.is_empty() || self.last_key.as_slice() < key,
            "keys must be added in ascending order: {:?} after {:?}",
            key.escape_ascii().to_string(),
            self.last_key.escape_ascii().to_string(),
        );
        let shared = self.shared_len(key);
        if self.is_empty() {
            self.first_key.extend_from_slice(key);
        }
        let offset = u16::try_from(self.data.len()).expect("has_room keeps offsets below 65,536");
        let value_len = value.map_or(TOMBSTONE_LEN, |value| value.len() as u32);
        self.offsets.push(offset);
        self.data.extend_from_slice(&(shared as u16).to_le_bytes());
        self.data
            .extend_from_slice(&((key.len() - shared) as u16).to_le_bytes());
        self.data.extend_from_slice(&value_len.to_le_bytes());
        self.data.extend_from_slice(&key[shared..]);
        self.data.extend_from_slice(value.unwrap_or_default());
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
    }

    /// The first key added since the last [`finish`](Self::finish); empty if there is none.
    pub fn first_key(&self) -> &[u8] {
        &self.first_key
    }

    /// The last key added since the last [`finish`](Self::finish); empty if there is none.
    pub fn last_key(&self) -> &[u8] {
        &self.last_key
    }

    /// Whether nothing has been added since the last [`finish`](Self::finish).
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// How many bytes [`finish`](Self::finish) would give: entries, offsets, count.
    pub fn encoded_len(&self) -> usize {
        self.data.len() + OFFSET_LEN * (self.offsets.len() + 1)
    }

    /// The encoded block. Leaves the builder empty, ready for the next block. Requires at least one
    /// entry.
    pub fn finish(&mut self) -> Vec<u8> {
        assert!(!self.is_empty(), "a block has at least one entry");
        let mut block = Vec::with_capacity(self.encoded_len());
        block.append(&mut self.data);
        for offset in &self.offsets {
            block.extend_from_slice(&offset.to_le_bytes());
        }
        block.extend_from_slice(&(self.offsets.len() as u16).to_le_bytes());
        self.offsets.clear();
        self.first_key.clear();
        self.last_key.clear();
        block
    }

    /// How many bytes of `key` its entry takes from the block's first key: none while there is no
    /// first key.
    fn shared_len(&self, key: &[u8]) -> usize {
        // until day 7 task 3: 0
        common_prefix_len(&self.first_key, key) // day 7 task 3
    }
}
