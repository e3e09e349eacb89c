//! The settings of a store. All of them may change from one `open` to the next.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::{DiskFs, FileSystem};
use crate::listener::{EventListener, Silent};

/// The greatest level that a store may have. Each holds ten times what the one above does: seven are
/// plenty.
pub const MAX_LEVEL_COUNT: usize = 64;

/// What a `put` that returned promises to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A kill of the process: the log record has reached the operating system. `sync` makes it
    /// survive a power cut.
    Buffered,
    /// A power cut: the log has been synced. Writers that wait at the same time share one sync.
    Sync,
}

/// The settings of a store. Later days' features are here from day 1, so that tests of earlier days
/// can switch them off.
#[derive(Clone, Debug)]
pub struct LsmOptions {
    /// Where files live.
    pub fs: Arc<dyn FileSystem>,
    /// The size that a block aims at, in bytes.
    pub block_size: usize,
    /// The size that a table made by a compaction aims at, in bytes.
    pub table_size: usize,
    /// The size at which the memtable is frozen, in bytes of keys and values.
    pub memtable_size: usize,
    /// How many frozen memtables may wait for their flush before writers wait too. Only with
    /// `background_flush`.
    pub max_frozen_memtables: usize,
    /// Capacity of the block cache, in bytes of blocks.
    pub block_cache_size: u64,
    /// Whether frozen memtables are flushed by a thread of their own (day 4), or only by `flush`.
    pub background_flush: bool,
    /// Whether compactions run in a thread of their own (day 5), or only by `compact`.
    pub background_compaction: bool,
    /// How many levels there are below L0, at most [`MAX_LEVEL_COUNT`]. A store that has more on
    /// disk keeps them.
    pub level_count: usize,
    /// How many tables in L0 call for a compaction.
    pub l0_compaction_trigger: usize,
    /// How many tables in L0 slow each write down by a millisecond. Only with
    /// `background_compaction`.
    pub l0_slowdown_trigger: usize,
    /// How many tables in L0 make writers wait. Only with `background_compaction`.
    pub l0_stop_trigger: usize,
    /// The target size of L1, in bytes.
    pub level_base_size: u64,
    /// How many times larger the target of a level is than that of the level above.
    pub level_size_multiplier: u64,
    /// What a write survives (day 6).
    pub durability: Durability,
    /// Bits a key in the filter of a table (day 7); 0 for no filter.
    pub filter_bits_per_key: usize,
    /// Is told what happens inside.
    pub listener: Arc<dyn EventListener>,
}

impl Default for LsmOptions {
    fn default() -> Self {
        Self {
            fs: Arc::new(DiskFs),
            block_size: 4 << 10,
            table_size: 32 << 20,
            memtable_size: 64 << 20,
            max_frozen_memtables: 2,
            block_cache_size: 64 << 20,
            background_flush: true,
            background_compaction: true,
            level_count: 6,
            l0_compaction_trigger: 4,
            l0_slowdown_trigger: 12,
            l0_stop_trigger: 20,
            level_base_size: 256 << 20,
            level_size_multiplier: 10,
            durability: Durability::Buffered,
            filter_bits_per_key: 10,
            listener: Arc::new(Silent),
        }
    }
}

impl LsmOptions {
    /// Small sizes, nothing in the background, no filter: what a test of one day asks for.
    pub fn for_test(fs: Arc<dyn FileSystem>) -> Self {
        Self {
            fs,
            table_size: 64 << 10,
            memtable_size: 64 << 10,
            block_cache_size: 1 << 20,
            background_flush: false,
            background_compaction: false,
            level_base_size: 256 << 10,
            level_size_multiplier: 4,
            filter_bits_per_key: 0,
            ..Self::default()
        }
    }

    /// The target size of level `level` (1 for L1), in bytes.
    pub fn level_target(&self, level: usize) -> u64 {
        let exponent = u32::try_from(level.saturating_sub(1)).unwrap_or(u32::MAX);
        self.level_base_size
            .saturating_mul(self.level_size_multiplier.saturating_pow(exponent))
    }

    /// `InvalidArgument`, naming the setting, if one makes no sense.
    pub fn validate(&self) -> Result<()> {
        let rules = [
            (self.block_size > 0, "block_size must be at least 1"),
            (self.table_size > 0, "table_size must be at least 1"),
            (self.memtable_size > 0, "memtable_size must be at least 1"),
            (
                self.max_frozen_memtables > 0,
                "max_frozen_memtables must be at least 1",
            ),
            (self.level_count > 0, "level_count must be at least 1"),
            (
                self.level_count <= MAX_LEVEL_COUNT,
                "level_count must be at most 64",
            ),
            (
                self.l0_compaction_trigger > 0,
                "l0_compaction_trigger must be at least 1",
            ),
            (
                self.l0_stop_trigger >= self.l0_compaction_trigger,
                "l0_stop_trigger must not be below l0_compaction_trigger",
            ),
            (
                self.level_base_size > 0,
                "level_base_size must be at least 1",
            ),
            (
                self.level_size_multiplier > 0,
                "level_size_multiplier must be at least 1",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(Error::InvalidArgument((*rule).to_owned())),
            None => Ok(()),
        }
    }
}
