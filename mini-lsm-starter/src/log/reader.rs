//! Day 6 · Task 1 · Reading a log back after whatever happened to it.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use super::{RECORD_HEADER_LEN, header_crc};
use crate::byte_reader::{ByteReader, Origin};
use crate::error::{Error, Result};
use crate::fs::FileSystem;

/// What a log holds.
#[derive(Clone, Debug, Default)]
pub struct LogContents {
    /// The payloads, in order, each with the offset of its record. Marks are left out.
    pub payloads: Vec<(u64, Bytes)>,
    /// The offset at which the log ends.
    pub end: u64,
    /// How many bytes lie behind the end: the torn tail that a crash left. Zeros at the end of the
    /// file are not counted, since they are space that was never written.
    pub lost_bytes: u64,
    /// Whether some header says that a part of this log was synced.
    pub shows_sync: bool,
}

/// A header that is what it claims to be.
struct Header {
    payload_len: usize,
    synced: u64,
    payload_crc: u32,
}

/// Reads the log `id` from the file `path`.
///
/// `Corruption` if a record that had been synced is bad. A bad record that had not been synced ends
/// the log, without an error.
pub fn read_log(fs: &dyn FileSystem, path: &Path, id: u64) -> Result<LogContents> {
    unimplemented!("day 6, task 1: reader::read_log")
}
