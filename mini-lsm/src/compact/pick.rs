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
        self.first_key <= last_key && first_key <= self.last_key.as_ref()
    }
}

/// How badly `level` needs a compaction; from 1.0 on it does.
///
/// L0 counts tables, since every one of them costs a read: their number over
/// [`LsmOptions::l0_compaction_trigger`]. From L1 on bytes count: those of the level over its
/// [target](LsmOptions::level_target). The last level has no target: 0.
pub fn score(levels: &LevelsDesc, level: usize, options: &LsmOptions) -> f64 {
    let tables = &levels.levels[level];
    if level == 0 {
        return tables.len() as f64 / options.l0_compaction_trigger as f64;
    }
    if level + 1 == levels.levels.len() {
        return 0.0;
    }
    let size: u64 = tables.iter().map(|table| table.size).sum();
    size as f64 / options.level_target(level) as f64
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
    let scores = (0..levels.levels.len()).map(|level| (level, score(levels, level, options)));
    let needy = scores.filter(|&(_, score)| score >= 1.0);
    // `max_by` gives the last of equals: so from the last level up.
    let (source_level, _) = needy.rev().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let tables = &levels.levels[source_level];
    let upper: Vec<&TableDesc> = match source_level {
        0 => tables.iter().collect(),
        _ => {
            let cursor = cursors
                .get(source_level)
                .map_or(&[][..], |cursor| cursor.as_ref());
            let next = tables.iter().find(|table| table.first_key > cursor);
            next.or(tables.first()).into_iter().collect()
        }
    };
    Some(describe(levels, source_level, &upper))
}

/// The compaction of every table there is, of all levels, into one level: the first whose target
/// has room for all, but none above the deepest that holds a table. `None` if there is no table.
pub fn pick_everything(levels: &LevelsDesc, options: &LsmOptions) -> Option<Compaction> {
    let deepest = levels
        .levels
        .iter()
        .rposition(|tables| !tables.is_empty())?;
    let size: u64 = levels.levels.iter().flatten().map(|table| table.size).sum();
    let last = levels.levels.len() - 1;
    let roomy = (1..last)
        .find(|&level| options.level_target(level) >= size)
        .unwrap_or(last);
    let all = levels.levels.iter().enumerate();
    Some(Compaction {
        inputs: all
            .flat_map(|(level, tables)| tables.iter().map(move |table| (level, table.id)))
            .collect(),
        target_level: roomy.max(deepest),
        is_trivial_move: false,
        cursor: Bytes::new(),
        source_level: 0,
    })
}

fn describe(levels: &LevelsDesc, source_level: usize, upper: &[&TableDesc]) -> Compaction {
    let first_key = upper
        .iter()
        .map(|table| &table.first_key)
        .min()
        .expect("a level that needs a compaction has a table");
    let last_key = upper
        .iter()
        .map(|table| &table.last_key)
        .max()
        .expect("as above");
    let target_level = source_level + 1;
    let lower = levels.levels[target_level]
        .iter()
        .filter(|table| table.overlaps(first_key, last_key));
    let upper_inputs = upper.iter().map(|table| (source_level, table.id));
    let inputs: Vec<_> = upper_inputs
        .chain(lower.map(|table| (target_level, table.id)))
        .collect();
    Compaction {
        is_trivial_move: inputs.len() == upper.len() && are_disjoint(upper),
        inputs,
        target_level,
        cursor: last_key.clone(),
        source_level,
    }
}

fn are_disjoint(tables: &[&TableDesc]) -> bool {
    let mut by_key = tables.to_vec();
    by_key.sort_by(|a, b| a.first_key.cmp(&b.first_key));
    by_key
        .windows(2)
        .all(|pair| pair[0].last_key < pair[1].first_key)
}
