//! The store: what users hold. This file is its surface; the work is done by the files beside it.
//!
//! | file               | what is in it                                                              | day     |
//! |--------------------|----------------------------------------------------------------------------|---------|
//! | `core`             | what a store is made of                                                    | given   |
//! | `state`            | one immutable snapshot of memtables and levels, and its successors         | 3, 4, 5 |
//! | `open`             | putting a store together                                                   | 3       |
//! | `write`            | batches into the memtable; freezing                                        | 3       |
//! | `read`             | get and scan                                                               | 3       |
//! | `read_tables`      | get and scan in tables                                                     | 4, 5    |
//! | `flush`            | a frozen memtable becomes a table                                          | 4       |
//! | `background`       | what the threads do; when writers wait                                     | 4, 5    |
//! | `compaction`       | a compaction from the pick to its place in the state                       | 5       |
//! | `logs`, `logging`  | the live logs and group commit; logging a write, `sync`                    | 6       |
//! | `create`           | a new store with a manifest and a log                                      | 6       |
//! | `recover`          | a store from what is on disk                                               | 6       |
//! | `health`, `progress`, `workers`, `metrics` | errors that last, waiting, threads, looking inside | given   |
//!
//! # Locks
//!
//! Taken from top to bottom, never the other way; a line may be left out.
//!
//! | lock              | guards                                                                   | held while                              |
//! |-------------------|--------------------------------------------------------------------------|-----------------------------------------|
//! | `flush_lock`      | that memtables are flushed one at a time, oldest first                   | a table is written                      |
//! | `compaction_lock` | the compaction cursors; that compactions run one at a time               | tables are merged                       |
//! | `commit`          | the order of writes: sequence number, log record, memtable; freezing     | one batch is written, or waits for room |
//! | `manifest`        | the manifest's tail; that versions change one at a time                  | an edit is written and synced           |
//! | `progress`        | nothing; lets threads wait for a change of the state                     | a condition is looked at                |
//! | `state`           | the pointer to the current state                                         | the pointer is cloned or swapped        |
//!
//! A reader takes `state` for a moment, to clone the pointer, and then holds no lock.

mod background;
mod compaction;
mod core;
mod create;
mod flush;
mod health;
mod logging;
mod logs;
mod metrics;
mod open;
mod progress;
mod read;
mod read_tables;
mod recover;
mod state;
mod workers;
mod write;

pub use metrics::{LostTail, MemTableMetrics, Metrics, RecoveryReport, TableMetrics};

use std::ops::RangeBounds;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use self::core::Core;
use self::workers::Workers;
use crate::error::Result;
use crate::lsm_iterator::LsmIterator;
use crate::options::LsmOptions;
use crate::write_batch::{WriteBatch, WriteOp};

/// An ordered key-value store in a directory. All methods take `&self` and may be called from many
/// threads.
///
/// Keys have 1 to 65,535 bytes, values at most 2^28, an encoded batch at most 2^30; beyond that a
/// write is `InvalidArgument` and changes nothing.
///
/// Dropping a store without [`close`](Self::close) is no different from a kill of the process: what
/// was promised is kept, and no more.
#[derive(Debug)]
pub struct LsmStorage {
    // First, so that the threads end before anything else goes.
    workers: Workers,
    core: Arc<Core>,
}

impl LsmStorage {
    /// Opens the store in the directory `path`, which is created if it is missing.
    ///
    /// Until day 6 the directory must be missing or empty. From day 6 on it holds what it held
    /// before, as promised by [`Durability`](crate::Durability). Errors: `AlreadyOpen` if it has an
    /// owner, `Corruption` if it is damaged, `NewerFormat` if a newer engine wrote it,
    /// `InvalidArgument` for options that make no sense or a directory that is not a store, `Io`.
    /// After an error nothing on disk has changed that a later, successful `open` could miss.
    pub fn open(path: impl AsRef<Path>, options: LsmOptions) -> Result<Self> {
        options.validate()?;
        let core = Arc::new(Core::open(path.as_ref(), options)?);
        let workers = Workers::new();
        Core::start_workers(&core, &workers)?;
        Ok(Self { workers, core })
    }

    /// Sets `key` to `value`.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let value = Some(value);
        self.core.write(&[WriteOp { key, value }])
    }

    /// Removes `key`, if it is there.
    pub fn delete(&self, key: &[u8]) -> Result<()> {
        self.core.write(&[WriteOp { key, value: None }])
    }

    /// Applies all operations of `batch`, or none. Readers see all or none, too. An empty batch
    /// changes nothing.
    pub fn write(&self, batch: WriteBatch) -> Result<()> {
        self.core.write(&batch.ops())
    }

    /// The value of `key`, if it has one.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        self.core.get(key)
    }

    /// A cursor over the keys in `bounds`, as they are now: writes that come later do not show. A
    /// range that holds nothing is no error, even if its bounds cross.
    ///
    /// `store.scan(..)` is everything; other ranges are pairs of [`Bound`](std::ops::Bound)s of
    /// slices.
    pub fn scan(&self, bounds: impl RangeBounds<[u8]>) -> Result<LsmIterator> {
        self.core.scan(bounds.start_bound(), bounds.end_bound())
    }

    /// Writes everything that is in memory to tables, and returns when that is done. From day 4 on.
    pub fn flush(&self) -> Result<()> {
        self.core.flush()
    }

    /// Flushes, then merges all tables into one level, so that nothing deleted or overwritten is
    /// left on disk. From day 5 on.
    pub fn compact(&self) -> Result<()> {
        self.core.compact()
    }

    /// When this returns, every write that returned before it was called survives a power cut. From
    /// day 6 on.
    pub fn sync(&self) -> Result<()> {
        self.core.sync()
    }

    /// What is inside, now.
    pub fn metrics(&self) -> Metrics {
        self.core.metrics()
    }

    /// Ends the background threads, makes every write survive a power cut (from day 6 on), and
    /// gives the directory free. From then on every call but `metrics` and `close` is `Closed`;
    /// cursors that are open go on. A second call does nothing. From day 4 on.
    ///
    /// If the store has failed before, that error comes once more, as `Background`: threads have
    /// ended and the directory is free all the same, but nothing more was written.
    pub fn close(&self) -> Result<()> {
        self.core.close(&self.workers)
    }
}
