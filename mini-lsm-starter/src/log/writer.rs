//! Day 6 · Task 1 · Appending records to a log.

use std::sync::Arc;

use super::{RECORD_HEADER_LEN, header_crc};
use crate::error::{Error, Result};
use crate::fs::WritableFile;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// How much space is reserved ahead, in bytes: enough for hundreds of small records, and little for
/// a recovery to read in vain.
const RESERVED_LEN: u64 = 64 << 10;

/// Appends records to a new file.
///
/// Threads: appends exclude each other; a sync may run beside them, and covers what had been
/// appended when it began.
#[derive(Debug)]
pub struct LogWriter {
    id: u64,
    file: Arc<dyn WritableFile>,
    tail: Mutex<Tail>,
    /// The length that has been appended.
    len: AtomicU64,
    /// The length that is known to be on disk.
    synced: AtomicU64,
    /// The length up to which space has been reserved.
    reserved: AtomicU64,
    /// What a sync failed with. Its lock is held while one runs: the system tells of a failure
    /// once, and only one of two that run side by side.
    sync_failure: Mutex<Option<Error>>,
}

#[derive(Debug, Default)]
struct Tail {
    /// The record being built, kept for its memory.
    record: Vec<u8>,
    /// Up to where headers in the file vouch that it is synced. A mark that says "all before me" is
    /// counted in, since nobody need vouch for a mark.
    vouched: u64,
    /// What an append failed with: nobody knows how much of its record is in the file, so nothing
    /// may follow it.
    broken: Option<Error>,
}

impl LogWriter {
    /// A writer to `file`, which is empty. `id` is that of the log, and must be given to the
    /// reader.
    pub fn new(id: u64, file: Arc<dyn WritableFile>) -> Self {
        unimplemented!("day 6, task 1: LogWriter::new")
    }

    /// Appends a record, whose payload `encode` appends to the buffer that it is given (and must
    /// not otherwise touch). One write to the file.
    ///
    /// The record has reached the operating system when this returns. After an error every further
    /// append gives it again.
    pub fn append(&self, encode: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        unimplemented!("day 6, task 1: LogWriter::append")
    }

    /// Makes all that has been appended survive a power cut. Does nothing if it does already.
    ///
    /// After an error every further call gives it again: a second try could succeed although the
    /// data is gone.
    pub fn sync(&self) -> Result<()> {
        unimplemented!("day 6, task 1: LogWriter::sync")
    }

    /// Reserves space for the next records, unless some is left. To be called before each sync of
    /// a log that is synced often: as long as the length of a file stays the same, a sync writes the
    /// new records and nothing else; otherwise the length too, which is another write elsewhere.
    pub fn reserve(&self) -> Result<()> {
        let len = self.len();
        let _one_at_a_time = self.sync_failure.lock();
        if len > self.reserved.load(Ordering::Relaxed) {
            self.file.preallocate(len + RESERVED_LEN)?;
            self.reserved.store(len + RESERVED_LEN, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gets the synced length into the file, by a record without payload; does nothing if no record
    /// with a payload has been synced since the last time.
    pub fn mark(&self) -> Result<()> {
        unimplemented!("day 6, task 1: LogWriter::mark")
    }

    /// Syncs and marks for the last time, and returns how many bytes are known to survive a power
    /// cut. A [`sync`](Self::sync) or [`reserve`](Self::reserve) that is at work is waited for, and
    /// those to come find nothing to do: nobody touches the file any more.
    ///
    /// Requires that nothing more is appended.
    pub fn seal(&self) -> Result<u64> {
        self.sync()?;
        self.mark()?;
        let sealed_len = self.synced_len();
        let _nobody_syncs = self.sync_failure.lock();
        // The mark is not on disk yet, and need not be: it only says what is.
        self.synced.store(self.len(), Ordering::Release);
        self.reserved.store(u64::MAX, Ordering::Relaxed);
        Ok(sealed_len)
    }

    /// How many bytes have been appended.
    pub fn len(&self) -> u64 {
        unimplemented!("day 6, task 1: LogWriter::len")
    }

    /// Whether nothing has been appended.
    pub fn is_empty(&self) -> bool {
        unimplemented!("day 6, task 1: LogWriter::is_empty")
    }

    /// How many bytes are known to survive a power cut.
    pub fn synced_len(&self) -> u64 {
        unimplemented!("day 6, task 1: LogWriter::synced_len")
    }
}
