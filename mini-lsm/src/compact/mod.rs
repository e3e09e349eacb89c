//! Leveled compaction: [`mod@pick`] says what to merge, as a pure function of a description of the levels; [`mod@run`] merges it.
//!
//! L0 holds flushed memtables, newest first, which overlap. Each level from L1 on is one sorted
//! run, cut into tables that do not overlap, and has a target size, which grows by a multiplier
//! from level to level. When a level is over its target, some of it is merged into the next one.
//! (LevelDB's scheme, after O'Neil et al., "The Log-Structured Merge-Tree", 1996.)
//!
//! Invariant: of two tables that both hold a key, the one on the smaller level holds the newer
//! version; within L0, the one with the greater id.

pub mod pick;
pub mod run;

pub use pick::{Compaction, LevelsDesc, TableDesc, pick, pick_everything};
pub use run::{Tombstones, merge_tables};
