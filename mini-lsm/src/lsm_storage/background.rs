//! Day 4 · Task 4 · The background: what its threads do, when writers wait for them, and how it ends.

use std::time::Duration;

use super::core::Core;
use super::workers::Workers;
use crate::error::Result;
use crate::listener::Event;
use crate::sync::thread;

impl Core {
    /// The flush thread: flushes memtables as they are frozen, until the store is closed or has
    /// failed.
    pub fn flush_in_background(&self) -> Result<()> {
        loop {
            self.progress
                .wait_until(|| self.health.is_over() || self.oldest_frozen().is_some());
            self.health.check()?;
            self.flush_oldest()?;
        }
    }

    /// The compaction thread: runs the compaction that is needed most, whenever one is, until the
    /// store is closed or has failed.
    // day 5 task 5
    pub fn compact_in_background(&self) -> Result<()> {
        loop {
            self.progress
                .wait_until(|| self.health.is_over() || self.needs_compaction());
            self.health.check()?;
            self.compact_once()?;
        }
    }

    /// Before the memtable is frozen: waits while too many frozen ones wait for their flush. Only
    /// where a thread flushes them: otherwise nobody would end the wait. Whoever has to wait is
    /// told to the listener first ([`Event::WriteStalled`]). An error if the store is closed or
    /// fails meanwhile.
    pub fn wait_for_room(&self) -> Result<()> {
        let is_full = || {
            self.options.background_flush
                && self.state.read().frozen.len() >= self.options.max_frozen_memtables
        };
        if is_full() {
            self.tell(Event::WriteStalled);
            self.progress
                .wait_until(|| self.health.is_over() || !is_full());
        }
        self.health.check()
    }

    /// Before each batch: slows the writer down when tables pile up in L0, and makes it wait when
    /// there are too many. Only where a thread compacts them.
    ///
    /// The delay spreads over many writes what would otherwise be one long stop (LevelDB does so).
    // day 5 task 5
    pub fn wait_for_l0(&self) -> Result<()> {
        let options = &self.options;
        let l0_len = || self.state.read().levels[0].len();
        if !options.background_compaction
            || l0_len() < options.l0_slowdown_trigger.min(options.l0_stop_trigger)
        {
            return Ok(());
        }
        if l0_len() < options.l0_stop_trigger {
            thread::sleep(Duration::from_millis(1));
            return Ok(());
        }
        self.tell(Event::WriteStalled);
        self.progress
            .wait_until(|| self.health.is_over() || l0_len() < options.l0_stop_trigger);
        self.health.check()
    }

    /// Closes the store, as [`LsmStorage::close`](super::LsmStorage::close) promises.
    pub fn close(&self, workers: &Workers) -> Result<()> {
        if self.health.stop() {
            return Ok(());
        }
        // Writers that wait give up; then the threads end.
        self.progress.notify();
        workers.stop();
        // Flushes and compactions in threads of the user end too, before somebody else may own the
        // directory.
        let _flush = self.flush_lock.lock();
        let _compaction = self.compaction_lock.lock();
        self.close_files()?; // day 6 task 4
        // The directory is free, but not all in it may be as it was promised.
        self.health.check_failure()
    }
}
