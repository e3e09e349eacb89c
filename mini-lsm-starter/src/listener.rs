//! Events: the engine tells a listener what happens inside, at named points (after RocksDB's `EventListener`).
//!
//! A listener is called in the thread that does the work and may block: a test makes a race happen
//! by holding a thread at such a point. It must not call the store's writing methods from there.

use std::fmt::Debug;

use crate::ids::TableId;

/// Something that happens inside a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The memtable is full, and the writer is about to freeze it. It holds the commit lock.
    MemtableFull {
        /// The id of the memtable.
        id: u64,
    },
    /// The memtable has become a frozen one, and a new one takes the writes.
    MemtableFrozen {
        /// The id of the memtable.
        id: u64,
    },
    /// A frozen memtable is about to be written to a table.
    FlushBegun {
        /// The id of the memtable.
        memtable: u64,
    },
    /// The new table has taken the memtable's place for readers.
    FlushInstalled {
        /// The id of the memtable.
        memtable: u64,
        /// The id of the table; none where the memtable was empty.
        table: Option<TableId>,
    },
    /// A compaction is about to run.
    CompactionBegun {
        /// The levels its input tables come from, with their ids.
        inputs: Vec<(usize, TableId)>,
        /// The level that its output goes to.
        target_level: usize,
    },
    /// The output has taken the inputs' place for readers.
    CompactionInstalled {
        /// The level that the output went to.
        target_level: usize,
        /// The output tables, in key order.
        outputs: Vec<TableId>,
        /// Whether the inputs were moved as they are, without being rewritten.
        trivial_move: bool,
    },
    /// A writer waits: there are too many frozen memtables, or too many tables in L0.
    WriteStalled,
}

/// Is told of events. The default does nothing.
pub trait EventListener: Debug + Send + Sync {
    /// Called at each event, in the thread that does the work.
    fn on_event(&self, event: &Event);
}

/// A listener that ignores everything.
#[derive(Debug)]
pub struct Silent;

impl EventListener for Silent {
    fn on_event(&self, _event: &Event) {}
}
