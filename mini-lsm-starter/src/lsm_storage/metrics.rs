//! Looking inside a store: a contract of its own, which tests and tools rely on.

use std::path::PathBuf;

use bytes::Bytes;

use crate::error::Error;
use crate::mem_table::MemTable;
use crate::table::{SsTable, TableId};

/// A memtable, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemTableMetrics {
    /// Its id.
    pub id: u64,
    /// How many versions it holds.
    pub entry_count: usize,
    /// About how much memory they take, in bytes.
    pub size: usize,
}

/// A table, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableMetrics {
    /// Its id.
    pub id: TableId,
    /// Its smallest key.
    pub first_key: Bytes,
    /// Its greatest key.
    pub last_key: Bytes,
    /// How many entries it has, tombstones among them.
    pub entry_count: u64,
    /// The length of its file, in bytes.
    pub size: u64,
}

/// What a crash has cost: the torn tail of a log, or all of a log that follows a torn one. It had
/// never been synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostTail {
    /// The log.
    pub file: PathBuf,
    /// Up to where it was replayed.
    pub offset: u64,
    /// How many bytes behind that were not.
    pub len: u64,
}

/// What recovery found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// How many logs were read.
    pub log_count: usize,
    /// How many batches were replayed from them.
    pub batch_count: u64,
    /// What of the logs could not be replayed.
    pub lost_tails: Vec<LostTail>,
}

/// The inside of a store at one moment.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// The memtable that takes the writes.
    pub memtable: MemTableMetrics,
    /// The frozen memtables, newest first.
    pub frozen: Vec<MemTableMetrics>,
    /// The tables by level: L0 newest first, from L1 on by key.
    pub levels: Vec<Vec<TableMetrics>>,
    /// How many block reads the cache answered.
    pub cache_hits: u64,
    /// How many block reads went to a file.
    pub cache_misses: u64,
    /// How many bytes the cached blocks take.
    pub cache_size: u64,
    /// What stopped the writes, if something did.
    pub background_error: Option<Error>,
    /// How many files nobody needs could not be removed.
    pub failed_removals: u64,
    /// What `open` found in the logs.
    pub recovery: RecoveryReport,
}

impl MemTableMetrics {
    /// What is seen of `memtable`.
    pub fn of(memtable: &MemTable) -> Self {
        Self {
            id: memtable.id(),
            entry_count: memtable.entry_count(),
            size: memtable.size(),
        }
    }
}

impl TableMetrics {
    /// What is seen of `table`.
    pub fn of(table: &SsTable) -> Self {
        Self {
            id: table.id(),
            first_key: Bytes::copy_from_slice(table.first_key()),
            last_key: Bytes::copy_from_slice(table.last_key()),
            entry_count: table.entry_count(),
            size: table.size(),
        }
    }
}
