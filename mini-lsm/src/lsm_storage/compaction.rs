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
        self.flush()?;
        let _cursors = self.compaction_lock.lock();
        self.health.check()?;
        match pick_everything(&self.snapshot().describe(), &self.options) {
            Some(compaction) => self.run(&compaction),
            None => Ok(()),
        }
    }

    /// Whether some level needs a compaction.
    // day 5 task 5
    pub fn needs_compaction(&self) -> bool {
        let levels = self.snapshot().describe();
        (0..levels.levels.len()).any(|level| score(&levels, level, &self.options) >= 1.0)
    }

    /// Runs the compaction that is needed most, if one is. One at a time, under the compaction
    /// lock.
    // day 5 task 5
    pub fn compact_once(&self) -> Result<()> {
        let mut cursors = self.compaction_lock.lock();
        self.health.check()?;
        let Some(compaction) = pick(&self.snapshot().describe(), &cursors.0, &self.options) else {
            return Ok(());
        };
        self.run(&compaction)?;
        cursors.advance(&compaction);
        Ok(())
    }

    /// Runs `compaction`: tells the listener, merges or moves, installs, and lets go of the inputs.
    /// The caller holds the compaction lock, so that the inputs are there until the end.
    ///
    /// `Closed` if the store is closed meanwhile; then nothing has changed.
    pub fn run(&self, compaction: &Compaction) -> Result<()> {
        let inputs = compaction.inputs.clone();
        self.tell(Event::CompactionBegun {
            inputs,
            target_level: compaction.target_level,
        });
        let inputs = self.snapshot().input_tables(compaction);
        let outputs = match compaction.is_trivial_move {
            true => sorted_by_key(inputs.clone()),
            false => self.merge(compaction, &inputs)?,
        };
        let edit = self.compaction_edit(compaction, &outputs);
        let removed: Vec<TableId> = inputs.iter().map(|table| table.id()).collect();
        let target_level = compaction.target_level;
        self.install(&edit, |state| {
            state.with_compacted(&removed, &outputs, target_level)
        })?;
        if !compaction.is_trivial_move {
            // Only now: a crash before the manifest's edit must find them, and readers of older
            // states still may.
            inputs.iter().for_each(|table| self.tables.retire(table));
        }
        self.tell(Event::CompactionInstalled {
            target_level,
            outputs: outputs.iter().map(|table| table.id()).collect(),
            trivial_move: compaction.is_trivial_move,
        });
        Ok(())
    }

    fn merge(&self, compaction: &Compaction, inputs: &[Arc<SsTable>]) -> Result<Vec<Arc<SsTable>>> {
        let below = self.snapshot().levels[compaction.target_level + 1..].to_vec();
        let sources = merge_sources(compaction, inputs);
        let should_stop = || self.health.is_over();
        let table_size = self.options.table_size as u64;
        let outputs = merge_tables(
            MergeIterator::new(sources),
            &Tombstones::new(below),
            &self.tables,
            table_size,
            &should_stop,
        )?;
        match outputs {
            Some(outputs) => Ok(outputs),
            None => Err(self.health.check().err().unwrap_or(Error::Closed)),
        }
    }

    /// What a compaction changes, for the manifest.
    // given
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
        let find = |&(level, id): &(usize, TableId)| {
            let table = self.levels[level].iter().find(|table| table.id() == id);
            Arc::clone(table.expect("only a compaction removes tables, and there is one at a time"))
        };
        compaction.inputs.iter().map(find).collect()
    }
}

// day 5 task 5
impl CompactionCursors {
    /// The next compaction of the same level goes on behind this one.
    pub fn advance(&mut self, compaction: &Compaction) {
        let level = compaction.source_level;
        if self.0.len() <= level {
            self.0.resize_with(level + 1, Default::default);
        }
        self.0[level] = compaction.cursor.clone();
    }
}

/// The cursors to merge, newest first: one for each table of L0, one for all of the inputs of a
/// lower level. Their blocks do not go into the cache: they are read once.
pub fn merge_sources(compaction: &Compaction, inputs: &[Arc<SsTable>]) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut level_inputs: Vec<(usize, Vec<Arc<SsTable>>)> = Vec::new();
    for (&(level, _), table) in compaction.inputs.iter().zip(inputs) {
        match level_inputs.last_mut() {
            _ if level == 0 => sources.push(Source::Table(SsTableIterator::new(
                Arc::clone(table),
                CacheFill::No,
            ))),
            Some((last_level, tables)) if *last_level == level => tables.push(Arc::clone(table)),
            _ => level_inputs.push((level, vec![Arc::clone(table)])),
        }
    }
    let runs = level_inputs.into_iter().map(|(_, tables)| tables.into());
    sources.extend(runs.map(|tables| Source::Level(ConcatIterator::new(tables, CacheFill::No))));
    sources
}

fn sorted_by_key(mut tables: Vec<Arc<SsTable>>) -> Vec<Arc<SsTable>> {
    tables.sort_by(|a, b| a.first_key().cmp(b.first_key()));
    tables
}
