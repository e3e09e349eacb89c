//! The workloads, after `db_bench` and YCSB.
//!
//! | what they share |                                                                                     |
//! |-----------------|-------------------------------------------------------------------------------------|
//! | entries         | 16-byte keys, 100-byte values that no compressor can shorten, drawn from a seed     |
//! | operations      | N, unless a line below says otherwise                                               |
//! | stores          | of N keys, loaded in random order and compacted; a workload that writes gets a copy |
//! | cache           | 64 MiB unless the workload says otherwise                                           |

use crate::data::ENTRY_LEN;
use crate::engine::{CACHE_BYTES, LARGE_CACHE_BYTES, Settings};

#[derive(Debug)]
pub struct Workload {
    pub name: &'static str,
    /// One line for a reader of the report.
    pub what: &'static str,
    pub kind: Kind,
    pub cache: Cache,
    /// The ratio to the best peer that we want to reach.
    pub goal: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Write(Order),
    /// Puts that survive a power cut when they return, by so many threads.
    Sync {
        writers: u64,
    },
    ReadSeq,
    ReadRandom,
    ReadMissing,
    Seek,
    ReadWhileWriting,
    Mixed(Mix),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ascending keys into an empty store.
    Sequential,
    /// Random keys into an empty store.
    Random,
    /// Random keys into a full store.
    Overwrite,
    /// Deletions of random keys of a full store.
    Delete,
}

/// The letters of YCSB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    A,
    B,
    C,
    E,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    Usual,
    /// Large enough for everything, and filled before the clock starts.
    Warm,
    /// One percent of the data.
    Small,
}

/// What store a workload starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Empty,
    /// A copy of the loaded store, since it is going to change.
    Copy,
    /// The loaded store itself.
    Shared,
}

impl Kind {
    pub fn base(self) -> Base {
        match self {
            Kind::Write(Order::Sequential | Order::Random) | Kind::Sync { .. } => Base::Empty,
            Kind::Write(Order::Overwrite | Order::Delete) | Kind::ReadWhileWriting => Base::Copy,
            Kind::Mixed(Mix::A | Mix::B | Mix::E) => Base::Copy,
            Kind::ReadSeq | Kind::ReadRandom | Kind::ReadMissing | Kind::Seek => Base::Shared,
            Kind::Mixed(Mix::C) => Base::Shared,
        }
    }

    /// Whether the figures of writing (amplification, write calls) mean anything.
    pub fn writes(self) -> bool {
        self.base() != Base::Shared
    }

    pub fn reads(self) -> bool {
        !matches!(self, Kind::Write(_) | Kind::Sync { .. })
    }
}

impl Workload {
    pub fn find(name: &str) -> Option<&'static Workload> {
        ALL.iter().find(|workload| workload.name == name)
    }

    pub fn settings(&self, n: u64) -> Settings {
        Settings {
            cache_bytes: match self.cache {
                Cache::Usual => CACHE_BYTES,
                Cache::Warm => LARGE_CACHE_BYTES.max(n * ENTRY_LEN * 3 / 2),
                Cache::Small => n * ENTRY_LEN / 100,
            },
            sync: matches!(self.kind, Kind::Sync { .. }),
            ..Settings::default()
        }
    }
}

const fn workload(
    name: &'static str,
    what: &'static str,
    kind: Kind,
    cache: Cache,
    goal: Option<f64>,
) -> Workload {
    Workload {
        name,
        what,
        kind,
        cache,
        goal,
    }
}

#[rustfmt::skip]
pub const ALL: &[Workload] = &[
    workload("fillseq", "puts in key order", Kind::Write(Order::Sequential), Cache::Usual, Some(1.0)),
    workload("fillrandom", "puts in random order", Kind::Write(Order::Random), Cache::Usual, Some(1.0)),
    workload("overwrite", "random puts over a full store", Kind::Write(Order::Overwrite), Cache::Usual, Some(1.0)),
    workload("deleterandom", "random deletions in a full store", Kind::Write(Order::Delete), Cache::Usual, Some(1.0)),
    workload("fillsync1", "synced puts, 1 writer (N/100)", Kind::Sync { writers: 1 }, Cache::Usual, Some(1.0)),
    workload("fillsync4", "synced puts, 4 writers (N/50)", Kind::Sync { writers: 4 }, Cache::Usual, Some(1.0)),
    workload("fillsync16", "synced puts, 16 writers (N/25)", Kind::Sync { writers: 16 }, Cache::Usual, Some(1.5)),
    workload("readseq", "four scans of everything, 64 MiB cache", Kind::ReadSeq, Cache::Usual, Some(1.0)),
    workload("readseq-cached", "four scans of everything, warm 512 MiB cache", Kind::ReadSeq, Cache::Warm, Some(1.0)),
    workload("readrandom-cached", "random gets, warm 512 MiB cache", Kind::ReadRandom, Cache::Warm, Some(1.0)),
    workload("readrandom-small", "random gets, cache of 1 % of the data", Kind::ReadRandom, Cache::Small, Some(0.9)),
    workload("readmissing", "gets of keys that are not there", Kind::ReadMissing, Cache::Usual, Some(1.0)),
    workload("seekrandom", "seek to a random key, then 10 next", Kind::Seek, Cache::Usual, Some(1.0)),
    workload("readwhilewriting", "random gets beside one random writer", Kind::ReadWhileWriting, Cache::Usual, Some(1.0)),
    workload("ycsb-a", "half gets, half puts, skewed", Kind::Mixed(Mix::A), Cache::Usual, None),
    workload("ycsb-b", "95 % gets, 5 % puts, skewed", Kind::Mixed(Mix::B), Cache::Usual, None),
    workload("ycsb-c", "gets, skewed", Kind::Mixed(Mix::C), Cache::Usual, None),
    workload("ycsb-e", "95 % scans of 1 to 100 entries, 5 % new keys", Kind::Mixed(Mix::E), Cache::Usual, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for workload in ALL {
            let found = Workload::find(workload.name).map(|found| found.what);
            assert_eq!(found, Some(workload.what));
        }
        assert!(Workload::find("fill").is_none());
    }

    #[test]
    fn settings_follow_the_workload() {
        let small = Workload::find("readrandom-small").unwrap();
        assert_eq!(small.settings(1_000_000).cache_bytes, 1_160_000);
        let warm = Workload::find("readrandom-cached").unwrap();
        assert_eq!(warm.settings(1_000_000).cache_bytes, LARGE_CACHE_BYTES);
        assert!(warm.settings(10_000_000).cache_bytes > 10_000_000 * ENTRY_LEN);
        let synced = Workload::find("fillsync4").unwrap();
        assert!(synced.settings(1).sync);
        assert!(!Workload::find("fillrandom").unwrap().settings(1).sync);
    }

    #[test]
    fn a_store_that_others_read_is_never_written_to() {
        for workload in ALL.iter().filter(|w| w.kind.base() == Base::Shared) {
            assert!(!workload.kind.writes(), "{}", workload.name);
            assert!(workload.kind.reads(), "{}", workload.name);
        }
    }
}
