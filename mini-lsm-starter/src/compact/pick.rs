//! Day 5 · Task 2 · Picking a compaction: which tables to merge, decided on paper: no file is touched, no lock held.

use bytes::Bytes;

use crate::ids::TableId;
use crate::options::LsmOptions;

/// What picking needs to know of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDesc {
    /// Its id.
    pub id: TableId,
    /// Its smallest key.
    pub first_key: Bytes,
    /// Its greatest key.
    pub last_key: Bytes,
    /// The length of its file, in bytes.
    pub size: u64,
}

/// The tables of a store, by level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelsDesc {
    /// `levels[0]` is L0, newest table first; from L1 on tables ascend and do not overlap. There
    /// are at least L0 and L1.
    pub levels: Vec<Vec<TableDesc>>,
}

/// A decision: the tables of `source_level` and `target_level` that are to be replaced by their
/// merge, on `target_level`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// The inputs, each with its level, newest first: by level, within L0 from the newest to the
    /// oldest, from L1 on by key.
    pub inputs: Vec<(usize, TableId)>,
    /// The level of the output.
    pub target_level: usize,
    /// Whether the inputs can be moved as they are: none of them is on the target level, none
    /// overlaps another, and none overlaps a table of the target level.
    pub is_trivial_move: bool,
    /// Where the next compaction of the same level goes on: the greatest key of this one's inputs
    /// on the source level.
    pub cursor: Bytes,
    /// The level whose size called for it.
    pub source_level: usize,
}

impl TableDesc {
    /// Whether the table's keys and the range from `first_key` to `last_key`, both included, have a
    /// key in common.
    pub fn overlaps(&self, first_key: &[u8], last_key: &[u8]) -> bool {
        unimplemented!("day 5, task 2: TableDesc::overlaps")
    }
}

/// How badly `level` needs a compaction; from 1.0 on it does.
///
/// L0 counts tables, since every one of them costs a read: their number over
/// [`LsmOptions::l0_compaction_trigger`]. From L1 on bytes count: those of the level over its
/// [target](LsmOptions::level_target). The last level has no target: 0.
pub fn score(levels: &LevelsDesc, level: usize, options: &LsmOptions) -> f64 {
    unimplemented!("day 5, task 2: pick::score")
}

/// The compaction that is needed most, or `None` if no level's [`score`] has reached 1.0. Of equal
/// scores the smaller level wins.
///
/// From L0 all tables go together: they overlap, and an older one must never stay above a newer
/// one. From another level one table goes: the first whose first key is past `cursors[level]`, the
/// greatest key that the last compaction of that level took, or the first of the level if there is
/// none, so that the levels are worn evenly. Then come all tables of the next level that overlap
/// the range of those.
pub fn pick(levels: &LevelsDesc, cursors: &[Bytes], options: &LsmOptions) -> Option<Compaction> {
    unimplemented!("day 5, task 2: pick::pick")
}

/// The compaction of every table there is, of all levels, into one level: the first whose target
/// has room for all, but none above the deepest that holds a table. `None` if there is no table.
pub fn pick_everything(levels: &LevelsDesc, options: &LsmOptions) -> Option<Compaction> {
    unimplemented!("day 5, task 2: pick::pick_everything")
}
