//! Where an engine could not be set like the others, and where it promises less.
//!
//! All of it stands in every report. An engine that promises less on a workload is shown there, and is never the best.

use crate::engines::Name;
use crate::workloads::Kind;

/// A setting that an engine does not have, or has in another way.
#[derive(Debug)]
pub struct Unmatched {
    pub engine: Name,
    pub setting: &'static str,
    pub what: &'static str,
}

/// Something that the others promise on a workload and this engine does not.
#[derive(Debug)]
pub struct Lesser {
    pub engine: Name,
    pub on: fn(Kind) -> bool,
    pub what: &'static str,
}

#[rustfmt::skip]
pub const UNMATCHED: &[Unmatched] = &[
    unmatched(Name::RocksDb, "checksums", "CRC32C (in hardware) for the log, XXH3 for blocks, as it ships; ours is CRC-32 for both"),
    unmatched(Name::RocksDb, "write buffer", "one more may wait to be written, two as in ours (max_write_buffer_number 3; it ships with 2)"),
    unmatched(Name::LevelDb, "write buffer", "only one may wait to be written; two in ours"),
    unmatched(Name::LevelDb, "checksums", "verified on reads and in compactions, as it does not by itself; CRC32C as the system's library was compiled, in Debian without hardware"),
    unmatched(Name::LevelDb, "files", "tables are mapped into memory: no call a block, and mapped pages count as memory; tables of 2 MiB, as it ships"),
    unmatched(Name::LevelDb, "calls", "its C interface copies every value that it returns, into memory of its own; C++ has one copy less to pay"),
    unmatched(Name::Fjall, "cache", "indexes and filters whole and in memory, as in ours; it ships with those of lower levels in the cache, in parts"),
    unmatched(Name::Fjall, "full compaction", "into tables of 64 MB, and not part of its documented interface"),
    unmatched(Name::Redb, "write buffer", "it has none; every put is a transaction on its tree, and one after each 64 MiB of puts is synced"),
    unmatched(Name::Redb, "cache", "one for reading and writing, of pages of the tree"),
    unmatched(Name::Redb, "filters, log", "it has neither"),
    unmatched(Name::Redb, "calls", "every get and scan is a transaction that opens the table"),
];

const IN_PROCESS: &str = "a put is still in the process when the call returns: a kill loses it";
const UNCHECKED: &str = "pages are read without verifying a checksum";
const BOTH: &str = "a put is still in the process when the call returns, and pages are read without verifying a checksum";

pub const LESSER: &[Lesser] = &[
    Lesser {
        engine: Name::Redb,
        on: |kind| matches!(kind, Kind::Write(_)),
        what: IN_PROCESS,
    },
    Lesser {
        engine: Name::Redb,
        on: |kind| kind.reads() && !kind.writes(),
        what: UNCHECKED,
    },
    Lesser {
        engine: Name::Redb,
        on: |kind| kind.reads() && kind.writes(),
        what: BOTH,
    },
];

/// What `engine` does not promise on a workload of this kind, if there is something.
pub fn lesser(engine: Name, kind: Kind) -> Option<&'static str> {
    let found = LESSER
        .iter()
        .find(|lesser| lesser.engine == engine && (lesser.on)(kind));
    found.map(|lesser| lesser.what)
}

const fn unmatched(engine: Name, setting: &'static str, what: &'static str) -> Unmatched {
    Unmatched {
        engine,
        setting,
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::Workload;

    fn lesser_on(engine: Name, workload: &str) -> Option<&'static str> {
        lesser(engine, Workload::find(workload).unwrap().kind)
    }

    #[test]
    fn redb_keeps_its_promise_only_where_every_put_is_synced() {
        assert_eq!(lesser_on(Name::Redb, "fillrandom"), Some(IN_PROCESS));
        assert_eq!(lesser_on(Name::Redb, "fillsync4"), None);
        assert_eq!(lesser_on(Name::Redb, "readseq"), Some(UNCHECKED));
        assert_eq!(lesser_on(Name::Redb, "ycsb-c"), Some(UNCHECKED));
        assert_eq!(lesser_on(Name::Redb, "readwhilewriting"), Some(BOTH));
    }

    #[test]
    fn the_others_promise_what_ours_does() {
        for engine in [Name::Ours, Name::RocksDb, Name::LevelDb, Name::Fjall] {
            assert_eq!(lesser_on(engine, "fillrandom"), None);
            assert_eq!(lesser_on(engine, "readseq"), None);
        }
    }
}
