//! Day 6 · Task 2 · The write-ahead log: every batch goes here before it goes into the memtable.
//!
//! A payload of the [`log`](crate::log) is one whole batch, so that a crash leaves all of it or
//! nothing:
//!
//! ```text
//! +----------------+------------+   and for each operation:   +--------------+----------------+-----+-------+
//! | first seq: u64 | count: u32 |                             | key_len: u16 | value_len: u32 | key | value |
//! +----------------+------------+                             +--------------+----------------+-----+-------+
//! ```
//!
//! A `value_len` of `u32::MAX` is a tombstone, with no value bytes. Operation i of the batch has
//! sequence number `first seq + i`. The log of memtable 7 is the file `000007.wal`, and 7 is its
//! id.

use std::path::Path;

use bytes::Bytes;

use crate::block::TOMBSTONE_LEN;
use crate::byte_reader::{ByteReader, Origin};
use crate::error::Result;
use crate::files::log_path;
use crate::fs::FileSystem;
use crate::ids::NUMBERS_END;
use crate::log::{LogContents, LogWriter, read_log};
use crate::mem_table::Seq;
use crate::write_batch::{WriteBatch, WriteOp, check_key, encoded_len};

/// A batch as it is logged: with the sequence number of its first operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedBatch {
    /// The sequence number of the first operation.
    pub first_seq: Seq,
    /// The operations.
    pub batch: WriteBatch,
}

/// What was read back of a log.
#[derive(Clone, Debug, Default)]
pub struct WalContents {
    /// The batches, in the order in which they were written.
    pub batches: Vec<LoggedBatch>,
    /// What the log itself says of its end.
    pub log: LogContents,
}

/// The log of one memtable.
#[derive(Debug)]
pub struct Wal {
    id: u64,
    log: LogWriter,
}

impl Wal {
    /// Creates log `id` in `dir`. Its name survives a power cut when this returns.
    pub fn create(fs: &dyn FileSystem, dir: &Path, id: u64) -> Result<Self> {
        let file = fs.create(&log_path(dir, id))?;
        fs.sync_dir(dir)?;
        Ok(Self {
            id,
            log: LogWriter::new(id, file),
        })
    }

    /// Reads log `id` of `dir`. `Corruption` if what had been synced is damaged, or a batch is
    /// malformed.
    pub fn read(fs: &dyn FileSystem, dir: &Path, id: u64) -> Result<WalContents> {
        let path = log_path(dir, id);
        let mut log = read_log(fs, &path, id)?;
        let payloads = std::mem::take(&mut log.payloads);
        let decode = |(offset, payload)| decode_batch(payload, Origin::new(&path, offset));
        let batches = payloads.into_iter().map(decode).collect::<Result<_>>()?;
        Ok(WalContents { batches, log })
    }

    /// Appends a batch of these operations, of which the first has the sequence number `first_seq`.
    pub fn append(&self, first_seq: Seq, ops: &[WriteOp<'_>]) -> Result<()> {
        self.log
            .append(|payload| encode_batch(first_seq, ops, payload))
    }

    /// Reserves space for the next batches: see [`LogWriter::reserve`].
    // given
    pub fn reserve(&self) -> Result<()> {
        self.log.reserve()
    }

    /// Makes all batches appended so far survive a power cut.
    pub fn sync(&self) -> Result<()> {
        self.log.sync()
    }

    /// Gets into the file how much of it has been synced: see [`log`](crate::log).
    pub fn mark(&self) -> Result<()> {
        self.log.mark()
    }

    /// Syncs and marks it for the last time: see [`LogWriter::seal`].
    // given
    pub fn seal(&self) -> Result<u64> {
        self.log.seal()
    }

    /// The id of this log and of its memtable.
    // given
    pub fn id(&self) -> u64 {
        self.id
    }
}

/// Appends the payload of a batch.
pub fn encode_batch(first_seq: Seq, ops: &[WriteOp<'_>], out: &mut Vec<u8>) {
    out.reserve(encoded_len(ops));
    out.extend_from_slice(&first_seq.to_le_bytes());
    out.extend_from_slice(&(ops.len() as u32).to_le_bytes());
    for op in ops {
        let value_len = op.value.map_or(TOMBSTONE_LEN, |value| value.len() as u32);
        out.extend_from_slice(&(op.key.len() as u16).to_le_bytes());
        out.extend_from_slice(&value_len.to_le_bytes());
        out.extend_from_slice(op.key);
        out.extend_from_slice(op.value.unwrap_or_default());
    }
}

/// Reads the payload of a batch. `Corruption` if it is anything else, or more. Keys and values
/// share the memory of `payload`.
pub fn decode_batch(payload: Bytes, origin: Origin<'_>) -> Result<LoggedBatch> {
    let mut reader = ByteReader::new(&payload, origin);
    let first_seq = reader.u64("first sequence number")?;
    let count = reader.u32("operation count")?;
    let mut batch = WriteBatch::new();
    for _ in 0..count {
        let key_len = reader.u16("key length")? as usize;
        let value_len = reader.u32("value length")?;
        let key = payload.slice_ref(reader.bytes(key_len, "key")?);
        if check_key(&key).is_err() {
            return Err(reader.corruption("an empty key"));
        }
        let value = match value_len {
            TOMBSTONE_LEN => None,
            len => Some(payload.slice_ref(reader.bytes(len as usize, "value")?)),
        };
        batch.push(key, value);
    }
    reader.expect_end("the last operation")?;
    if first_seq == 0 || first_seq >= NUMBERS_END {
        return Err(origin.corruption(0, format!("sequence numbers from {first_seq} on")));
    }
    Ok(LoggedBatch { first_seq, batch })
}
