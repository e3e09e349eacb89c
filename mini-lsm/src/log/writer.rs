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
        Self {
            id,
            file,
            tail: Mutex::default(),
            len: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            reserved: AtomicU64::new(0),
            sync_failure: Mutex::default(),
        }
    }

    /// Appends a record, whose payload `encode` appends to the buffer that it is given (and must
    /// not otherwise touch). One write to the file.
    ///
    /// The record has reached the operating system when this returns. After an error every further
    /// append gives it again.
    pub fn append(&self, encode: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let mut tail = self.tail.lock();
        self.append_locked(&mut tail, encode)
    }

    /// Makes all that has been appended survive a power cut. Does nothing if it does already.
    ///
    /// After an error every further call gives it again: a second try could succeed although the
    /// data is gone.
    pub fn sync(&self) -> Result<()> {
        let len = self.len();
        let mut failure = self.sync_failure.lock();
        if let Some(error) = &*failure {
            return Err(error.clone());
        }
        if self.synced_len() < len {
            // Should the file panic, this stays.
            *failure = Some(Error::panicked(
                "syncing",
                &"a sync of the log has no outcome",
            ));
            *failure = self.file.sync().err();
            if let Some(error) = &*failure {
                return Err(error.clone());
            }
            self.synced.fetch_max(len, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Reserves space for the next records, unless some is left. To be called before each sync of
    /// a log that is synced often: as long as the length of a file stays the same, a sync writes the
    /// new records and nothing else; otherwise the length too, which is another write elsewhere.
    // given
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
        let mut tail = self.tail.lock();
        match tail.vouched < self.synced_len() {
            true => self.append_locked(&mut tail, |_| ()),
            false => Ok(()),
        }
    }

    /// Syncs and marks for the last time, and returns how many bytes are known to survive a power
    /// cut. A [`sync`](Self::sync) or [`reserve`](Self::reserve) that is at work is waited for, and
    /// those to come find nothing to do: nobody touches the file any more.
    ///
    /// Requires that nothing more is appended.
    // given
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
        self.len.load(Ordering::Acquire)
    }

    /// Whether nothing has been appended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes are known to survive a power cut.
    pub fn synced_len(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    fn append_locked(&self, tail: &mut Tail, encode: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        if let Some(error) = &tail.broken {
            return Err(error.clone());
        }
        let offset = self.len();
        let synced = self.synced_len();
        tail.record.clear();
        tail.record.resize(RECORD_HEADER_LEN, 0);
        encode(&mut tail.record);
        let (header, payload) = tail.record.split_at_mut(RECORD_HEADER_LEN);
        header[0..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        header[4..12].copy_from_slice(&synced.to_le_bytes());
        header[12..16].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
        let crc = header_crc(&header[..16], self.id, offset);
        header[16..].copy_from_slice(&crc.to_le_bytes());
        let is_mark = payload.is_empty();
        if let Err(error) = self.file.append(&tail.record) {
            tail.broken = Some(error.clone());
            return Err(error);
        }
        let end = offset + tail.record.len() as u64;
        let vouched = if is_mark && synced == offset {
            end
        } else {
            synced
        };
        tail.vouched = tail.vouched.max(vouched);
        self.len.store(end, Ordering::Release);
        Ok(())
    }
}
