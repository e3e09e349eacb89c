//! Day 2 · Task 1 · The block index: which block of a table may hold a key, answered without reading any of them.
//!
//! ```text
//! one entry a block, end to end, in the order of the blocks:
//! +-----------------+----------------+-------------+----------+-----------+----------+
//! | first_len: u16  | last_len: u16  | offset: u64 | len: u32 | first key | last key |
//! +-----------------+----------------+-------------+----------+-----------+----------+
//! ```
//!
//! `offset` and `len` are those of the block's bytes in the file, without the checksum behind them.
//!
//! Invariants: there is at least one block; `first key <= last key` within an entry, and the last
//! key of a block is below the first key of the next; blocks lie end to end from offset 0, each
//! followed by its 4-byte checksum.
//!
//! In memory the index is its own bytes and the place of each entry in them: a table of 32 MiB has
//! some 8,000 blocks, and 16,000 keys that each had an allocation would cost more than all the
//! rest. Beside them stand the heads of the last keys, for `find`: see `key_heads.rs`.

use std::ops::Range;

use bytes::Bytes;

use super::CHECKSUM_LEN;
use super::key_heads::KeyHeads;
use crate::byte_reader::{ByteReader, Origin};
use crate::error::Result;

/// What the index knows of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockMeta<'a> {
    /// The first key in the block.
    pub first_key: &'a [u8],
    /// The last key in the block.
    pub last_key: &'a [u8],
    /// Where the block begins in the file.
    pub offset: u64,
    /// How many bytes it has, without its checksum.
    pub len: u32,
}

impl BlockMeta<'_> {
    /// Appends this entry to an encoded index.
    pub fn encode(&self, out: &mut Vec<u8>) {
        unimplemented!("day 2, task 1: BlockMeta::encode")
    }
}

/// The length of an index entry before its keys.
const META_HEAD_LEN: usize = 2 * size_of::<u16>() + size_of::<u64>() + size_of::<u32>();

/// The decoded index of a table, known to be well-formed.
#[derive(Clone, Debug)]
pub struct BlockIndex {
    data: Bytes,
    /// Where each entry begins in `data`.
    offsets: Vec<u32>,
    /// Of the last keys.
    heads: KeyHeads,
}

impl BlockIndex {
    /// Decodes an index whose blocks must fill the file from offset 0 up to `blocks_end`.
    ///
    /// `Corruption` unless all the module's invariants hold. `origin` is for the error.
    pub fn decode(data: Bytes, blocks_end: u64, origin: Origin<'_>) -> Result<Self> {
        unimplemented!("day 2, task 1: BlockIndex::decode")
    }

    /// How many blocks there are; at least one.
    pub fn block_count(&self) -> usize {
        self.offsets.len()
    }

    /// What the index says of block `index`, which must be below
    /// [`block_count`](Self::block_count).
    pub fn get(&self, index: usize) -> BlockMeta<'_> {
        unimplemented!("day 2, task 1: BlockIndex::get")
    }

    /// The first block whose last key is at or past `target`: the only one that may hold `target`,
    /// and where a scan from there begins. Equal to the block count if every key of the table is
    /// smaller. A binary search over what the heads leave undecided.
    pub fn find(&self, target: &[u8]) -> usize {
        unimplemented!("day 2, task 1: BlockIndex::find")
    }
}
