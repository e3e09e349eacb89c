//! Day 3 · Task 4 · The state: which memtables and tables make up the store, as one immutable value.
//!
//! Readers clone a pointer to it and then need no lock. Whoever changes the store makes a
//! successor, and swaps the pointer.
//!
//! Invariant: newer data comes first: the memtable, the frozen ones from the newest to the oldest,
//! L0 from the newest table to the oldest, L1, L2, and so on. From L1 on the tables of a level
//! ascend and do not overlap.

use std::sync::Arc;

use bytes::Bytes;

use crate::compact::{LevelsDesc, TableDesc};
use crate::mem_table::MemTable;
use crate::table::{SsTable, TableId};

/// The tables of one level.
pub type Level = Arc<[Arc<SsTable>]>;

/// One state of the store.
#[derive(Clone, Debug)]
pub struct State {
    /// Takes the writes.
    pub memtable: Arc<MemTable>,
    /// Wait for their flush, newest first.
    pub frozen: Vec<Arc<MemTable>>,
    /// By level; `levels[0]` is L0, newest first.
    pub levels: Vec<Level>,
}

impl State {
    /// An empty store with `level_count` levels below L0, whose memtable has this id.
    // given
    pub fn empty(memtable_id: u64, level_count: usize) -> Self {
        Self {
            memtable: Arc::new(MemTable::new(memtable_id)),
            frozen: Vec::new(),
            levels: vec![Level::default(); level_count + 1],
        }
    }

    /// All memtables, newest first.
    // given
    pub fn memtables(&self) -> impl Iterator<Item = &Arc<MemTable>> {
        std::iter::once(&self.memtable).chain(&self.frozen)
    }

    /// The successor in which the memtable is frozen, and `memtable` takes the writes.
    pub fn with_memtable(&self, memtable: Arc<MemTable>) -> Self {
        let mut frozen = self.frozen.clone();
        frozen.insert(0, Arc::clone(&self.memtable));
        Self {
            memtable,
            frozen,
            levels: self.levels.clone(),
        }
    }

    /// The successor in which `table` has taken the place of the frozen memtable `id`, as the
    /// newest of L0. No table, if the memtable was empty.
    // day 4 task 2
    pub fn with_flushed(&self, id: u64, table: Option<Arc<SsTable>>) -> Self {
        let mut successor = self.clone();
        successor.frozen.retain(|memtable| memtable.id() != id);
        successor.levels[0] = table.iter().chain(self.levels[0].iter()).cloned().collect();
        successor
    }

    /// The successor in which the tables `inputs` are gone from all levels, and `outputs`, which
    /// ascend and do not overlap, are on level `target` from L1 on. What came to the levels since
    /// the inputs were picked stays.
    // day 5 task 4
    pub fn with_compacted(
        &self,
        inputs: &[TableId],
        outputs: &[Arc<SsTable>],
        target: usize,
    ) -> Self {
        let mut successor = self.clone();
        for (level, tables) in self.levels.iter().enumerate() {
            let kept = tables.iter().filter(|table| !inputs.contains(&table.id()));
            let mut tables: Vec<_> = kept.cloned().collect();
            if level == target {
                tables.extend_from_slice(outputs);
                tables.sort_by(|a, b| a.first_key().cmp(b.first_key()));
            }
            successor.levels[level] = tables.into();
        }
        successor
    }

    /// What [`pick`](crate::compact::pick()) needs to know.
    // given
    pub fn describe(&self) -> LevelsDesc {
        let describe = |table: &Arc<SsTable>| TableDesc {
            id: table.id(),
            first_key: Bytes::copy_from_slice(table.first_key()),
            last_key: Bytes::copy_from_slice(table.last_key()),
            size: table.size(),
        };
        LevelsDesc {
            levels: self
                .levels
                .iter()
                .map(|level| level.iter().map(describe).collect())
                .collect(),
        }
    }
}
