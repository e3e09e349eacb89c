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
        out.extend_from_slice(&(self.first_key.len() as u16).to_le_bytes());
        out.extend_from_slice(&(self.last_key.len() as u16).to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(self.first_key);
        out.extend_from_slice(self.last_key);
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
        let mut reader = ByteReader::new(&data, origin);
        let mut offsets = Vec::new();
        let mut next_block = 0;
        let mut previous: Option<BlockMeta<'_>> = None;
        while reader.remaining() > 0 {
            let at = reader.position();
            let meta = read_entry(&mut reader)?;
            let is_past_previous =
                previous.is_none_or(|previous| previous.last_key < meta.first_key);
            if meta.first_key.is_empty() || meta.first_key > meta.last_key || !is_past_previous {
                return Err(origin.corruption(at, "the keys of the index do not ascend"));
            }
            if meta.offset != next_block {
                let found = meta.offset;
                return Err(
                    origin.corruption(at, format!("a block at {found}, expected at {next_block}"))
                );
            }
            next_block += u64::from(meta.len) + CHECKSUM_LEN as u64;
            let at = u32::try_from(at)
                .map_err(|_| origin.corruption(0, "an index of more than 4 GiB"))?;
            offsets.push(at);
            previous = Some(meta);
        }
        if offsets.is_empty() || next_block != blocks_end {
            let reason = format!(
                "the index covers {next_block} bytes of blocks, the table has {blocks_end}"
            );
            return Err(origin.corruption(0, reason));
        }
        let mut index = Self {
            data,
            offsets,
            heads: KeyHeads::default(),
        };
        index.heads =
            KeyHeads::new((0..index.block_count()).map(|block| index.get(block).last_key));
        Ok(index)
    }

    /// How many blocks there are; at least one.
    // given
    pub fn block_count(&self) -> usize {
        self.offsets.len()
    }

    /// What the index says of block `index`, which must be below
    /// [`block_count`](Self::block_count).
    pub fn get(&self, index: usize) -> BlockMeta<'_> {
        // `decode` has checked every entry.
        let (head, keys) = self.data[self.offsets[index] as usize..].split_at(META_HEAD_LEN);
        let (first_key, rest) = keys.split_at(usize::from(u16_at(head, 0)));
        BlockMeta {
            first_key,
            last_key: &rest[..usize::from(u16_at(head, 2))],
            offset: u64::from_le_bytes(head[4..12].try_into().expect("a range of 8 bytes")),
            len: u32::from_le_bytes(head[12..16].try_into().expect("a range of 4 bytes")),
        }
    }

    /// The first block whose last key is at or past `target`: the only one that may hold `target`,
    /// and where a scan from there begins. Equal to the block count if every key of the table is
    /// smaller. A binary search over what the heads leave undecided.
    pub fn find(&self, target: &[u8]) -> usize {
        let Range {
            start: mut low,
            end: mut high,
        } = self.heads.undecided(target);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).last_key < target {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

fn read_entry<'a>(reader: &mut ByteReader<'a>) -> Result<BlockMeta<'a>> {
    let first_len = reader.u16("first key length")? as usize;
    let last_len = reader.u16("last key length")? as usize;
    let offset = reader.u64("block offset")?;
    let len = reader.u32("block length")?;
    let first_key = reader.bytes(first_len, "first key")?;
    let last_key = reader.bytes(last_len, "last key")?;
    Ok(BlockMeta {
        first_key,
        last_key,
        offset,
        len,
    })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}
