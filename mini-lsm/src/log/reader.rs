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
    let file = fs.open(path)?;
    let mut bytes = vec![0; file.len()? as usize];
    file.read_at(&mut bytes, 0)?;
    let bytes = Bytes::from(bytes);
    let mut contents = LogContents::default();
    let mut offset = 0;
    while let Some((header, payload)) = read_record(&bytes, offset, id) {
        contents.shows_sync |= header.synced > 0;
        if !payload.is_empty() {
            contents.payloads.push((offset as u64, payload));
        }
        offset += RECORD_HEADER_LEN + header.payload_len;
    }
    let written = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    if let Some(witness) = find_witness(&bytes, offset..written, id) {
        let reason = format!(
            "the record is unreadable, and the one at byte {witness} says that it had been synced"
        );
        return Err(Error::corruption(path, offset as u64, reason));
    }
    contents.end = offset as u64;
    contents.lost_bytes = written.saturating_sub(offset) as u64;
    Ok(contents)
}

/// The record at `offset`; `None` if there is none that is whole and sound.
fn read_record(bytes: &Bytes, offset: usize, id: u64) -> Option<(Header, Bytes)> {
    let header = read_header(bytes, offset, id)?;
    let start = offset + RECORD_HEADER_LEN;
    let end = start
        .checked_add(header.payload_len)
        .filter(|&end| end <= bytes.len())?;
    let payload = bytes.slice(start..end);
    (crc32fast::hash(&payload) == header.payload_crc).then_some((header, payload))
}

fn read_header(bytes: &[u8], offset: usize, id: u64) -> Option<Header> {
    let fields = bytes.get(offset..)?.get(..RECORD_HEADER_LEN)?;
    let mut reader = ByteReader::new(fields, Origin::memory("a log record"));
    let payload_len = reader.u32("length").ok()? as usize;
    let synced = reader.u64("synced length").ok()?;
    let payload_crc = reader.u32("payload checksum").ok()?;
    let stored = reader.u32("header checksum").ok()?;
    // A log is never known to be on disk beyond its own end: cheaper to ask than the checksum.
    let is_sound =
        synced <= offset as u64 && stored == header_crc(&fields[..16], id, offset as u64);
    is_sound.then_some(Header {
        payload_len,
        synced,
        payload_crc,
    })
}

/// The offset of a header in `suspect`, behind its start, which says that its start was on disk.
fn find_witness(bytes: &[u8], suspect: Range<usize>, id: u64) -> Option<usize> {
    let bad = suspect.start;
    suspect.skip(1).find(|&offset| {
        // The field is looked at first, since it excludes nearly every offset without computing a
        // checksum.
        let synced = bytes
            .get(offset + 4..offset + 12)
            .map(|field| u64::from_le_bytes(field.try_into().expect("8 bytes")));
        synced.is_some_and(|synced| synced > bad as u64 && synced <= offset as u64)
            && read_header(bytes, offset, id).is_some()
    })
}
