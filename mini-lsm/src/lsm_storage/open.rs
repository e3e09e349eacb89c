//! Day 3 · Task 4 · Opening a store: its parts, put together.

use std::path::Path;
use std::sync::Arc;

use super::core::{Core, Parts};
use super::create::create_or_recover;
use super::metrics::RecoveryReport;
use super::state::State;
use super::workers::Workers;
use crate::block_cache::BlockCache;
use crate::error::Result;
use crate::options::LsmOptions;
use crate::table_store::TableStore;

impl Core {
    /// The store in `dir`: until day 6 a new one, in a directory that is missing or empty
    /// ([`require_fresh`](crate::files::require_fresh); [`Parts::empty`] and [`Core::new`] do the
    /// rest).
    pub fn open(dir: &Path, options: LsmOptions) -> Result<Self> {
        // until day 4 task 1: let cache = None;
        let cache = Some(Arc::new(BlockCache::new(options.block_cache_size))); // day 4 task 1
        // until day 6 task 4: crate::files::require_fresh(&*options.fs, dir)?;
        // until day 6 task 4: let parts = Parts::empty(dir, &options, cache, 1);
        let parts = create_or_recover(dir, &options, cache)?; // day 6 task 4
        Ok(Self::new(dir.to_owned(), options, parts))
    }

    /// Starts the threads that the options ask for: none before day 4.
    pub fn start_workers(core: &Arc<Self>, workers: &Workers) -> Result<()> {
        // day 4 task 4 {
        if core.options.background_flush {
            workers.start(core, "flush", Core::flush_in_background)?;
        }
        // } day 4 task 4
        // day 5 task 5 {
        if core.options.background_compaction {
            workers.start(core, "compaction", Core::compact_in_background)?;
        }
        // } day 5 task 5
        Ok(())
    }
}

// given
impl Parts {
    /// The parts of an empty store without logs or a manifest, as it is before day 6. Ids from
    /// `next_id` on are free; the memtable takes the first.
    pub fn empty(
        dir: &Path,
        options: &LsmOptions,
        cache: Option<Arc<BlockCache>>,
        next_id: u64,
    ) -> Self {
        let tables = Arc::new(TableStore::new(dir, options, cache, next_id));
        let state = State::empty(tables.allocate_id(), options.level_count);
        Self {
            tables,
            state,
            last_seq: 0,
            logs: None,
            manifest: None,
            lock: None,
            recovery: RecoveryReport::default(),
        }
    }
}
