//! Day 6 · Task 5 · Recovery: a store from what is on disk, whatever a crash left there.
//!
//! The steps, of which each relies on those before it; the lock has been taken already:
//!
//! 1. load the manifest, which names every table and log that belongs to the store;
//! 2. open the tables; a missing one is an error;
//! 3. replay the logs, oldest first, as one sequence;
//! 4. flush what was replayed, and create the log for what comes;
//! 5. write a new manifest: in one step the new tables and the new log come, and the old logs go;
//! 6. remove the files that nobody names.
//!
//! A crash in any step leaves a directory from which the next recovery gets the same. No old log is
//! appended to or shortened.

use std::path::Path;
use std::sync::Arc;

use super::core::Parts;
use super::flush::write_memtable;
use super::logs::Logs;
use super::metrics::{LostTail, RecoveryReport};
use super::state::Level;
use crate::block_cache::BlockCache;
use crate::error::{Error, Result};
use crate::files::{FileKind, MANIFEST, log_path};
use crate::fs::FileSystem;
use crate::ids::NUMBERS_END;
use crate::log::{LogContents, read_log};
use crate::manifest::{Manifest, Version};
use crate::mem_table::{MemTable, Seq};
use crate::options::LsmOptions;
use crate::table::{SsTable, TableId};
use crate::table_store::TableStore;
use crate::wal::{Wal, WalContents};

/// The parts of the store in `dir`, which has a manifest, and whose lock the caller holds.
///
/// If it fails before it comes to the new manifest, the tables that it has made are removed again.
pub fn recover(dir: &Path, options: &LsmOptions, cache: Option<Arc<BlockCache>>) -> Result<Parts> {
    unimplemented!("day 6, task 5: recover::recover")
}

/// What the logs held.
#[derive(Default)]
struct Replayed {
    /// Oldest first; none is empty.
    memtables: Vec<Arc<MemTable>>,
    last_seq: Seq,
    report: RecoveryReport,
}

/// Ids and sequence numbers of a store that is opened are below this, so that there is room to go on.
const MAX_COUNT: u64 = NUMBERS_END / 2;
