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
        let mut out = Vec::with_capacity(FOOTER_LEN);
        for field in [self.filter_offset, self.index_offset, self.entry_count] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&MAGIC.to_le_bytes());
        let checksum = checksum(&out, id);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.try_into()
            .expect("the fields of a footer are FOOTER_LEN bytes")
    }

    /// Reads the footer of table `id` from its last [`FOOTER_LEN`] bytes. `origin.offset` is where
    /// they begin in the file.
    ///
    /// What is wrong is looked for in this order: another magic number (it is no table), a checksum
    /// that does not fit (it is damaged), a version above [`FORMAT_VERSION`] (it is from the future),
    /// one below (there never was one), and the module's invariant. The third is `NewerFormat`, which
    /// names `origin.file`, the others are `Corruption`.
    pub fn decode(bytes: &[u8; FOOTER_LEN], id: TableId, origin: Origin<'_>) -> Result<Self> {
        let mut reader = ByteReader::new(bytes, origin);
        let filter_offset = reader.u64("filter offset")?;
        let index_offset = reader.u64("index offset")?;
        let entry_count = reader.u64("entry count")?;
        let version = reader.u32("version")?;
        let magic = reader.u32("magic")?;
        let stored = reader.u32("checksum")?;
        if magic != MAGIC {
            return Err(origin.corruption(28, "not a table: the magic number is missing"));
        }
        let computed = checksum(&bytes[..CHECKED_LEN], id);
        if stored != computed {
            let reason = format!(
                "the footer's checksum is {stored:08x}, as table {} it must be {computed:08x}",
                id.0
            );
            return Err(origin.corruption(CHECKED_LEN, reason));
        }
        if version > FORMAT_VERSION {
            return Err(Error::newer_format(origin.file, version, FORMAT_VERSION));
        }
        if version < FORMAT_VERSION {
            let reason = format!("no table has format {version}: the first was {FORMAT_VERSION}");
            return Err(origin.corruption(24, reason));
        }
        let checksum_len = CHECKSUM_LEN as u64;
        let filter_fits = filter_offset
            .checked_add(checksum_len)
            .is_some_and(|end| end <= index_offset);
        let index_fits = index_offset
            .checked_add(checksum_len)
            .is_some_and(|end| end <= origin.offset);
        if !filter_fits || !index_fits {
            let reason =
                format!("filter at {filter_offset}, index at {index_offset}: out of order");
            return Err(origin.corruption(0, reason));
        }
        Ok(Self {
            filter_offset,
            index_offset,
            entry_count,
        })
    }
}

/// The checksum of a footer's fields and its table's id.
fn checksum(fields: &[u8], id: TableId) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(fields);
    crc.update(&id.0.to_le_bytes());
    crc.finalize()
}
