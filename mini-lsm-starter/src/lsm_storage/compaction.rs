//! Day 5 · Task 4 · A compaction, from the pick to its place in the state.

use std::sync::Arc;

use super::core::{CompactionCursors, Core};
use super::state::State;
use crate::compact::pick::score;
use crate::compact::{Compaction, Tombstones, merge_tables, pick, pick_everything};
use crate::error::{Error, Result};
use crate::iterators::{ConcatIterator, MergeIterator, Source};
use crate::listener::Event;
use crate::manifest::{TableRecord, VersionEdit};
use crate::table::{CacheFill, SsTable, SsTableIterator, TableId};

impl Core {
    /// Flushes, then merges all tables into one level.
    pub fn compact(&self) -> Result<()> {
        unimplemented!("day 5, task 4: Core::compact")
    }

    /// Whether some level needs a compaction.
    pub fn needs_compaction(&self) -> bool {
        unimplemented!("day 5, task 5: Core::needs_compaction")
    }

    /// Runs the compaction that is needed most, if one is. One at a time, under the compaction
    /// lock.
    pub fn compact_once(&self) -> Result<()> {
        unimplemented!("day 5, task 5: Core::compact_once")
    }

    /// Runs `compaction`: tells the listener, merges or moves, installs, and lets go of the inputs.
    /// The caller holds the compaction lock, so that the inputs are there until the end.
    ///
    /// `Closed` if the store is closed meanwhile; then nothing has changed.
    pub fn run(&self, compaction: &Compaction) -> Result<()> {
        unimplemented!("day 5, task 4: Core::run")
    }

    /// What a compaction changes, for the manifest.
    pub fn compaction_edit(
        &self,
        compaction: &Compaction,
        outputs: &[Arc<SsTable>],
    ) -> VersionEdit {
        let level = compaction.target_level;
        VersionEdit {
            added: outputs
                .iter()
                .map(|table| TableRecord {
                    id: table.id(),
                    level,
                })
                .collect(),
            removed: compaction.inputs.iter().map(|&(_, id)| id).collect(),
            next_id: Some(self.tables.next_id()),
            ..VersionEdit::default()
        }
    }
}

impl State {
    /// The inputs of a compaction as tables, in the order in which it lists them. All of them must
    /// be there.
    pub fn input_tables(&self, compaction: &Compaction) -> Vec<Arc<SsTable>> {
        unimplemented!("day 5, task 4: State::input_tables")
    }
}

impl CompactionCursors {
    /// The next compaction of the same level goes on behind this one.
    pub fn advance(&mut self, compaction: &Compaction) {
        unimplemented!("day 5, task 5: CompactionCursors::advance")
    }
}

/// The cursors to merge, newest first: one for each table of L0, one for all of the inputs of a
/// lower level. Their blocks do not go into the cache: they are read once.
pub fn merge_sources(compaction: &Compaction, inputs: &[Arc<SsTable>]) -> Vec<Source> {
    unimplemented!("day 5, task 4: compaction::merge_sources")
}
