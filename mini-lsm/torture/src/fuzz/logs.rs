//! Logs from arbitrary bytes.

use std::path::Path;

use bytes::Bytes;
use mini_lsm::byte_reader::Origin;
use mini_lsm::files::log_path;
use mini_lsm::fs::MemFs;
use mini_lsm::log::{RECORD_HEADER_LEN, header_crc, read_log};
use mini_lsm::wal::{Wal, decode_batch, encode_batch};
use mini_lsm::write_batch::MAX_KEY_LEN;

/// The log that the bytes are.
pub const LOG_ID: u64 = 7;

/// A log file behind three bytes that say what is done with it first: bit 0 of the first, its
/// records are mended; bit 1, the byte at the place that the other two give is inverted then.
///
/// What it holds is what a second reader finds in it, and every batch makes the same bytes again.
pub fn log(data: &[u8]) -> bool {
    let file = prepare(data, LOG_ID);
    let (fs, dir) = (MemFs::new(), Path::new("d"));
    let path = log_path(dir, LOG_ID);
    fs.write_raw(&path, &file);
    let expected = read_again(&file, LOG_ID);
    let contents = match read_log(&fs, &path, LOG_ID) {
        Ok(contents) => contents,
        Err(error) => {
            assert!(error.is_corruption(), "not a Corruption: {error:?}");
            assert!(
                expected.is_none(),
                "a log without damage is refused: {error}"
            );
            assert!(Wal::read(&fs, dir, LOG_ID).is_err());
            return false;
        }
    };
    let expected = expected.expect("what had been synced is damaged, and nobody says so");
    let payloads: Vec<(u64, &[u8])> = contents
        .payloads
        .iter()
        .map(|(offset, payload)| (*offset, &payload[..]))
        .collect();
    assert_eq!(payloads, expected.payloads);
    let got = (contents.end, contents.lost_bytes, contents.shows_sync);
    let expected = (expected.end, expected.lost_bytes, expected.shows_sync);
    assert_eq!(got, expected, "end, lost bytes, shows sync");

    let batches: Vec<_> = payloads.iter().map(|(_, payload)| batch(payload)).collect();
    let has_batches = batches.iter().any(Option::is_some);
    match Wal::read(&fs, dir, LOG_ID) {
        Ok(wal) => {
            let batches: Option<Vec<_>> = batches.into_iter().collect();
            assert_eq!(Some(wal.batches), batches);
        }
        Err(error) => {
            assert!(error.is_corruption(), "not a Corruption: {error:?}");
            assert!(
                batches.contains(&None),
                "sound batches are refused: {error}"
            );
        }
    }
    has_batches
}

/// A batch from its payload; it must make the same bytes again.
fn batch(payload: &[u8]) -> Option<mini_lsm::wal::LoggedBatch> {
    let bytes = Bytes::copy_from_slice(payload);
    match decode_batch(bytes, Origin::memory("a batch")) {
        Ok(logged) => {
            let mut again = Vec::new();
            let ops = logged.batch.ops();
            encode_batch(logged.first_seq, &ops, &mut again);
            assert_eq!(again, payload, "the batch makes other bytes");
            let mut ops = ops.iter();
            assert!(ops.all(|op| (1..=MAX_KEY_LEN).contains(&op.key.len())));
            Some(logged)
        }
        Err(error) => {
            assert!(error.is_corruption(), "not a Corruption: {error:?}");
            None
        }
    }
}

/// The log file of an input, as [`log`] describes it.
pub fn prepare(data: &[u8], id: u64) -> Vec<u8> {
    let Some((&[flags, low, high], file)) = data.split_first_chunk() else {
        return data.to_vec();
    };
    let mut file = file.to_vec();
    if flags & 1 != 0 {
        mend(&mut file, id);
    }
    if flags & 2 != 0 && !file.is_empty() {
        let at = usize::from(u16::from_le_bytes([low, high])) % file.len();
        file[at] ^= 0xff;
    }
    file
}

/// Gives every record lengths that fit and the right checksums, so that a reader comes to the
/// payloads.
fn mend(file: &mut [u8], id: u64) {
    let mut offset = 0;
    while let Some(record) = file.get_mut(offset..)
        && let Some((header, rest)) = record.split_at_mut_checked(RECORD_HEADER_LEN)
    {
        let len = (u32_at(header, 0) as usize).min(rest.len());
        let synced = u64_at(header, 4) % (offset as u64 + 1);
        header[..4].copy_from_slice(&(len as u32).to_le_bytes());
        header[4..12].copy_from_slice(&synced.to_le_bytes());
        header[12..16].copy_from_slice(&crc32fast::hash(&rest[..len]).to_le_bytes());
        let crc = header_crc(&header[..16], id, offset as u64);
        header[16..].copy_from_slice(&crc.to_le_bytes());
        offset += RECORD_HEADER_LEN + len;
    }
}

/// What a log holds, by a second reader.
struct Reading<'a> {
    payloads: Vec<(u64, &'a [u8])>,
    end: u64,
    lost_bytes: u64,
    shows_sync: bool,
}

/// `None` where something that was synced is damaged.
fn read_again(file: &[u8], id: u64) -> Option<Reading<'_>> {
    // The length and the synced length of the header at an offset, if there is a sound one.
    let header = |at: usize| {
        let fields = file.get(at..)?.get(..RECORD_HEADER_LEN)?;
        let synced = u64_at(fields, 4);
        let is_sound =
            synced <= at as u64 && u32_at(fields, 16) == header_crc(&fields[..16], id, at as u64);
        is_sound.then(|| (u32_at(fields, 0) as usize, synced))
    };
    let (mut payloads, mut at, mut shows_sync) = (Vec::new(), 0, false);
    while let Some((len, synced)) = header(at)
        && let Some(payload) = file[at + RECORD_HEADER_LEN..].get(..len)
        && crc32fast::hash(payload) == u32_at(file, at + 12)
    {
        if len > 0 {
            payloads.push((at as u64, payload));
        }
        shows_sync |= synced > 0;
        at += RECORD_HEADER_LEN + len;
    }
    let mut later = at + 1..file.len();
    if later.any(|later| header(later).is_some_and(|(_, synced)| synced > at as u64)) {
        return None;
    }
    let zeros = file.iter().rev().take_while(|&&byte| byte == 0).count();
    Some(Reading {
        payloads,
        end: at as u64,
        lost_bytes: (file.len() - zeros).saturating_sub(at) as u64,
        shows_sync,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("four bytes more"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("eight bytes more"))
}
