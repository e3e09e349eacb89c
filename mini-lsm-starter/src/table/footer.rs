//! Day 2 · Task 2 · The footer: the last 36 bytes of a table, the only ones a reader finds without being told where they are.
//!
//! | 0..8          | 8..16        | 16..24      | 24..28  | 28..32 | 32..36       |
//! |---------------|--------------|-------------|---------|--------|--------------|
//! | filter offset | index offset | entry count | version | magic  | CRC          |
//!
//! The CRC covers bytes 0..32 and then the table's id as a `u64`, which is not stored: a table
//! under another's name never passes for it.
//!
//! Between the two offsets lies the filter, and between the index offset and the footer the index,
//! each followed by its own checksum.
//!
//! Invariant: `filter offset + 4 <= index offset`, and `index offset + 4 <= file length - 36`. A
//! shorter file is no table: `Corruption`, not a panic.

use super::{CHECKSUM_LEN, TableId};
use crate::byte_reader::{ByteReader, Origin};
use crate::error::{Error, Result};

/// The length of a footer in bytes.
pub const FOOTER_LEN: usize = 3 * size_of::<u64>() + 3 * size_of::<u32>();
/// The version of the table format.
pub const FORMAT_VERSION: u32 = 1;
/// Tells a table from any other file: the bytes `mLSM`.
pub const MAGIC: u32 = u32::from_le_bytes(*b"mLSM");

/// The length of what the footer's checksum covers.
const CHECKED_LEN: usize = FOOTER_LEN - CHECKSUM_LEN;

/// What the end of a table says of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// Where the filter begins: the end of the last block's checksum.
    pub filter_offset: u64,
    /// Where the index begins.
    pub index_offset: u64,
    /// How many entries the table has, tombstones among them.
    pub entry_count: u64,
}

impl Footer {
    /// The bytes of this footer, for table `id`.
    pub fn encode(&self, id: TableId) -> [u8; FOOTER_LEN] {
        unimplemented!("day 2, task 2: Footer::encode")
    }

    /// Reads the footer of table `id` from its last [`FOOTER_LEN`] bytes. `origin.offset` is where
    /// they begin in the file.
    ///
    /// What is wrong is looked for in this order: another magic number (it is no table), a checksum
    /// that does not fit (it is damaged), a version above [`FORMAT_VERSION`] (it is from the future),
    /// one below (there never was one), and the module's invariant. The third is `NewerFormat`, which
    /// names `origin.file`, the others are `Corruption`.
    pub fn decode(bytes: &[u8; FOOTER_LEN], id: TableId, origin: Origin<'_>) -> Result<Self> {
        unimplemented!("day 2, task 2: Footer::decode")
    }
}
