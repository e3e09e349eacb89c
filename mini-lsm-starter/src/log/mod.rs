//! Day 6 · Task 1 · The log: checksummed records, one after the other. The write-ahead log and the manifest are both made of it.
//!
//! ```text
//! +----------+-------------+------------------+-----------------+---------+
//! | len: u32 | synced: u64 | payload crc: u32 | header crc: u32 | payload |
//! +----------+-------------+------------------+-----------------+---------+
//! ```
//!
//! `len` is that of the payload. `synced` is the length of this log that was known to be on disk
//! when the record was written. The header's CRC covers the 16 bytes before it and then, as two
//! `u64` that are not stored, the log's id and the record's own offset, so that a record that was
//! copied, or left over from another log, never passes for one.
//!
//! # Where a log ends
//!
//! A crash may leave the end of a log torn, or filled with zeros; a damaged disk may change any
//! byte. The two look alike, but for this: what had been synced cannot be torn. So at a bad record
//! at offset b the rest of the file is searched for headers: one with `synced > b` proves that b
//! was on disk, and the log is damaged: `Corruption`. Without one the log ends at b. (The idea is
//! that of Pebble's WAL sync offsets.)
//!
//! A *mark* is a record without payload: it is appended after a sync, only to get `synced` into the
//! file. Readers pass over it.

mod reader;
mod writer;

pub use reader::{LogContents, read_log};
pub use writer::LogWriter;

/// The length of a record without its payload.
pub const RECORD_HEADER_LEN: usize = size_of::<u64>() + 3 * size_of::<u32>();

/// The checksum of a header: its first 16 bytes, the log's id, and the record's offset in the log.
pub fn header_crc(fields: &[u8], log_id: u64, offset: u64) -> u32 {
    unimplemented!("day 6, task 1: log::header_crc")
}
