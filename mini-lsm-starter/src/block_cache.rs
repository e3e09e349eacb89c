//! Day 4 · Task 1 · The block cache: decoded blocks that were read lately, shared by all tables of a store.
//!
//! Capacity is counted in bytes of blocks, not in blocks. What is kept and what goes is left to
//! moka (TinyLFU: a block that is asked for often outlives a scan). Threads that miss the same
//! block at the same time wait for one read of it.

use std::sync::Arc;

use moka::sync::Cache;

use crate::block::Block;
use crate::error::{Error, Result};
use crate::ids::TableId;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Which block: the table and the block's number in it. Table ids are never used twice, so an entry
/// never goes stale.
pub type BlockKey = (TableId, usize);

/// What a cached block costs beside its bytes, in bytes: its key, its `Arc` and moka's own entry.
/// Measured at some 300 to 380.
const ENTRY_OVERHEAD: usize = 320;

/// Whether a block that is read is put into the block cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheFill {
    /// It is: what is read now is likely to be read again.
    Yes,
    /// It is not, though one that is there already is used: a compaction or a long scan would only
    /// drive out what others need.
    No,
}

/// A cache of blocks, shared by reference between threads.
#[derive(Debug)]
pub struct BlockCache {
    blocks: Cache<BlockKey, Arc<Block>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl BlockCache {
    /// A cache for at most `capacity` bytes of blocks.
    pub fn new(capacity: u64) -> Self {
        unimplemented!("day 4, task 1: BlockCache::new")
    }

    /// The block from the cache, otherwise what `read` gives, which is then cached unless `fill`
    /// says no.
    ///
    /// Of threads that miss the same block at the same time and would fill the cache, one calls
    /// `read` and all get its result. A failed read is returned and not remembered: the next call
    /// reads again.
    pub fn get_or_read(
        &self,
        key: BlockKey,
        fill: CacheFill,
        read: impl FnOnce() -> Result<Block>,
    ) -> Result<Arc<Block>> {
        unimplemented!("day 4, task 1: BlockCache::get_or_read")
    }
}

impl BlockCache {
    /// How many calls were answered without a read of their own.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// How many calls read from the file.
    pub fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    /// How many bytes the cached blocks take, after what is over the capacity has been thrown out.
    pub fn size(&self) -> u64 {
        self.blocks.run_pending_tasks();
        self.blocks.weighted_size()
    }
}
