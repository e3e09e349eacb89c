//! Day 4 · Task 1 · The block cache: decoded blocks that were read lately, shared by all tables of a store.
//!
//! Capacity is counted in bytes of blocks, not in blocks. What is kept and what goes is left to
//! quick_cache (CLOCK-Pro: a block that is asked for again outlives a scan). It is cut into shards,
//! each with a lock and a part of the capacity of its own; a hit takes a shard's lock to read and
//! sets a mark, where a list in the order of use would have to be mended. Threads that miss the
//! same block at the same time wait for one read of it.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::block::Block;
use crate::error::Result;
use crate::ids::TableId;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Which block: the table and the block's number in it. Table ids are never used twice, so an entry
/// never goes stale.
pub type BlockKey = (TableId, usize);

/// What a cached block costs beside its bytes, in bytes: its key, its `Arc` and the cache's own
/// entry. Measured at some 190.
const ENTRY_OVERHEAD: u64 = 192;
/// The size of most blocks, from which the cache guesses how many it will hold.
const TYPICAL_SIZE: u64 = 4 << 10;

/// Whether a block that is read is put into the block cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheFill {
    /// It is: what is read now is likely to be read again.
    Yes,
    /// It is not, though one that is there already is used: a compaction would only drive out what
    /// others need.
    No,
}

/// A cache of blocks, shared by reference between threads.
#[derive(Debug)]
pub struct BlockCache {
    blocks: Cache<BlockKey, Arc<Block>, Weight>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl BlockCache {
    /// A cache for at most `capacity` bytes of blocks.
    pub fn new(capacity: u64) -> Self {
        let block_count = capacity / (TYPICAL_SIZE + ENTRY_OVERHEAD);
        Self {
            blocks: Cache::with_weighter(block_count as usize, capacity, Weight),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The block from the cache, otherwise what `read` gives, which is then cached unless `fill`
    /// says no.
    ///
    /// Of threads that miss the same block at the same time and would fill the cache, one calls
    /// `read` and all get its block. A failed read is returned to that one alone and not
    /// remembered: the next calls `read` again.
    pub fn get_or_read(
        &self,
        key: BlockKey,
        fill: CacheFill,
        read: impl FnOnce() -> Result<Block>,
    ) -> Result<Arc<Block>> {
        let mut missed = false;
        let read = || {
            missed = true;
            read().map(Arc::new)
        };
        let block = match fill {
            CacheFill::Yes => self.blocks.get_or_insert_with(&key, read),
            CacheFill::No => self.blocks.peek(&key).map_or_else(read, Ok),
        };
        let counter = if missed { &self.misses } else { &self.hits };
        counter.fetch_add(1, Ordering::Relaxed);
        block
    }
}

// given
impl BlockCache {
    /// How many calls were answered without a read of their own.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// How many calls read from the file.
    pub fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    /// How many bytes the cached blocks take.
    pub fn size(&self) -> u64 {
        self.blocks.weight()
    }
}

/// Tells the cache what a block takes of its capacity.
#[derive(Clone, Debug)]
struct Weight;

// given
impl Weighter<BlockKey, Arc<Block>> for Weight {
    fn weight(&self, _: &BlockKey, block: &Arc<Block>) -> u64 {
        block.size() as u64 + ENTRY_OVERHEAD
    }
}
