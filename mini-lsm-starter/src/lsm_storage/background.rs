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
        unimplemented!("day 4, task 4: Core::flush_in_background")
    }

    /// The compaction thread: runs the compaction that is needed most, whenever one is, until the
    /// store is closed or has failed.
    pub fn compact_in_background(&self) -> Result<()> {
        unimplemented!("day 5, task 5: Core::compact_in_background")
    }

    /// Before the memtable is frozen: waits while too many frozen ones wait for their flush. Only
    /// where a thread flushes them: otherwise nobody would end the wait. Whoever has to wait is
    /// told to the listener first ([`Event::WriteStalled`]). An error if the store is closed or
    /// fails meanwhile.
    pub fn wait_for_room(&self) -> Result<()> {
        unimplemented!("day 4, task 4: Core::wait_for_room")
    }

    /// Before each batch: slows the writer down when tables pile up in L0, and makes it wait when
    /// there are too many. Only where a thread compacts them.
    ///
    /// The delay spreads over many writes what would otherwise be one long stop (LevelDB does so).
    pub fn wait_for_l0(&self) -> Result<()> {
        unimplemented!("day 5, task 5: Core::wait_for_l0")
    }

    /// Closes the store, as [`LsmStorage::close`](super::LsmStorage::close) promises.
    pub fn close(&self, workers: &Workers) -> Result<()> {
        unimplemented!("day 4, task 4: Core::close")
    }
}
