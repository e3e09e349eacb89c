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
        unimplemented!("day 6, task 2: Wal::create")
    }

    /// Reads log `id` of `dir`. `Corruption` if what had been synced is damaged, or a batch is
    /// malformed.
    pub fn read(fs: &dyn FileSystem, dir: &Path, id: u64) -> Result<WalContents> {
        unimplemented!("day 6, task 2: Wal::read")
    }

    /// Appends a batch of these operations, of which the first has the sequence number `first_seq`.
    pub fn append(&self, first_seq: Seq, ops: &[WriteOp<'_>]) -> Result<()> {
        unimplemented!("day 6, task 2: Wal::append")
    }

    /// Reserves space for the next batches: see [`LogWriter::reserve`].
    pub fn reserve(&self) -> Result<()> {
        self.log.reserve()
    }

    /// Makes all batches appended so far survive a power cut.
    pub fn sync(&self) -> Result<()> {
        unimplemented!("day 6, task 2: Wal::sync")
    }

    /// Gets into the file how much of it has been synced: see [`log`](crate::log).
    pub fn mark(&self) -> Result<()> {
        unimplemented!("day 6, task 2: Wal::mark")
    }

    /// Syncs and marks it for the last time: see [`LogWriter::seal`].
    pub fn seal(&self) -> Result<u64> {
        self.log.seal()
    }

    /// The id of this log and of its memtable.
    pub fn id(&self) -> u64 {
        self.id
    }
}

/// Appends the payload of a batch.
pub fn encode_batch(first_seq: Seq, ops: &[WriteOp<'_>], out: &mut Vec<u8>) {
    unimplemented!("day 6, task 2: wal::encode_batch")
}

/// Reads the payload of a batch. `Corruption` if it is anything else, or more. Keys and values
/// share the memory of `payload`.
pub fn decode_batch(payload: Bytes, origin: Origin<'_>) -> Result<LoggedBatch> {
    unimplemented!("day 6, task 2: wal::decode_batch")
}
