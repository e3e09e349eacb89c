//! It finds damage exactly where the engine does, and tells what is left.

use std::path::Path;
use std::sync::Arc;

use bytes_of::{flips, garbage, truncations};
use mini_lsm::fs::{FileSystem, MemFs};
use mini_lsm::manifest::Manifest;
use mini_lsm::table::SsTable;
use mini_lsm::wal::Wal;
use xtask::inspect::{Inspection, Kind, fields};

use crate::agreement::end_of;
use crate::samples::{self, DIR, LOG, TABLE, entries, inspected, seal};

/// Ways to damage a file.
mod bytes_of {
    /// The file with one bit changed, each in turn, and with one byte turned over.
    pub fn flips(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let masks = (0..8).map(|bit| 1 << bit).chain([0xff]);
        let places = (0..file.len()).flat_map(move |at| masks.clone().map(move |mask| (at, mask)));
        places.map(|(at, mask): (usize, u8)| {
            let mut damaged = file.to_vec();
            damaged[at] ^= mask;
            damaged
        })
    }

    /// The file cut at every byte.
    pub fn truncations(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        (0..file.len()).map(|len| file[..len].to_vec())
    }

    /// The file with some of its bytes replaced by extremes, which make lengths too long and counts
    /// too large.
    pub fn garbage(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let places = (0..file.len()).flat_map(|at| [(at, 0x00), (at, 0xff), (at, 0x7f)]);
        places.map(|(at, byte)| {
            let mut damaged = file.to_vec();
            let end = file.len().min(at + 4);
            damaged[at..end].fill(byte);
            damaged
        })
    }
}

#[track_caller]
fn assert_agrees(inspection: &Inspection, engine_is_content: bool, error: &str) {
    let problems = inspection.problems();
    assert_eq!(
        problems.is_empty(),
        engine_is_content,
        "the engine: {error}; the inspection: {problems:?}"
    );
}

#[test]
fn a_damaged_block_is_found() {
    use mini_lsm::block::Block;
    use mini_lsm::byte_reader::Origin;
    let file = samples::block(&entries(5));
    let damaged = flips(&file).chain(truncations(&file)).chain(garbage(&file));
    for damaged in damaged {
        let outcome = Block::decode(damaged.clone().into(), Origin::memory("block"));
        let inspection = inspected(&damaged, Kind::Block);
        let mut problems = inspection.problems();
        // The engine leaves the order of keys to others.
        problems.retain(|problem| !problem.text.contains("not greater"));
        assert_eq!(
            problems.is_empty(),
            outcome.is_ok(),
            "{outcome:?}, {problems:?}"
        );
    }
}

/// What the engine says of a table of these bytes when it looks at all of it.
fn verify(bytes: &[u8]) -> mini_lsm::Result<()> {
    let fs = MemFs::new();
    fs.write_raw(samples::table_file(), bytes);
    SsTable::open(Arc::new(fs), &samples::table_file(), TABLE, None)?.verify()
}

#[test]
fn a_damaged_table_is_found() {
    let fs = samples::table(&entries(12), 128, 10);
    let file = fs.read(samples::table_file());
    verify(&file).expect("a sound table");
    let damaged = flips(&file).chain(truncations(&file)).chain(garbage(&file));
    for damaged in damaged.filter(|damaged| *damaged != file) {
        let outcome = verify(&damaged);
        assert!(outcome.is_err());
        let inspection = inspected(&damaged, Kind::Table(Some(TABLE.0)));
        assert_agrees(&inspection, false, &format!("{outcome:?}"));
    }
}

/// A writer that is wrong, not a disk: the checksums fit, so that all the other rules are asked.
#[test]
fn a_table_that_breaks_a_rule_is_found_though_its_checksums_fit() {
    for filter_bits in [0, 10] {
        let fs = samples::table(&entries(12), 128, filter_bits);
        let file = fs.read(samples::table_file());
        let kind = Kind::Table(Some(TABLE.0));
        let mut crcs = fields(&file, kind);
        crcs.retain(|field| field.name == "CRC");
        let mut rule_count = 0;
        for mut damaged in flips(&file).chain(garbage(&file)) {
            seal(&mut damaged, &crcs);
            let outcome = verify(&damaged);
            rule_count += usize::from(outcome.is_err());
            let inspection = inspected(&damaged, kind);
            assert_agrees(&inspection, outcome.is_ok(), &format!("{outcome:?}"));
        }
        assert!(rule_count > 500, "only {rule_count} break a rule");
    }
}

#[test]
fn a_log_ends_where_the_engine_says_or_is_damaged() {
    let (fs, _) = samples::log();
    let file = fs.read(samples::log_file());
    let damaged = flips(&file).chain(truncations(&file)).chain(garbage(&file));
    let mut quiet_count = 0;
    let mut damaged_count = 0;
    for mut damaged in damaged {
        for zeros in [0, 30] {
            damaged.extend(vec![0; zeros]);
            let fs = MemFs::new();
            fs.write_raw(samples::log_file(), &damaged);
            let outcome = Wal::read(&fs, Path::new(DIR), LOG);
            let inspection = inspected(&damaged, Kind::Log(Some(LOG)));
            assert_agrees(&inspection, outcome.is_ok(), &format!("{outcome:?}"));
            match outcome {
                Ok(contents) => {
                    quiet_count += 1;
                    let (end, torn) = end_of(&inspection, damaged.len());
                    assert_eq!((end, torn), (contents.log.end, contents.log.lost_bytes));
                }
                Err(_) => damaged_count += 1,
            }
        }
    }
    assert!(quiet_count > 0 && damaged_count > 0);
}

/// The payload of one record is anything, and its checksums fit.
#[test]
fn a_batch_that_breaks_a_rule_is_found_though_its_checksums_fit() {
    use mini_lsm::log::LogWriter;
    let (fs, _) = samples::log();
    let file = fs.read(samples::log_file());
    let payload = &file[20..u32::from_le_bytes([file[0], file[1], file[2], file[3]]) as usize + 20];
    let damaged = flips(payload)
        .chain(truncations(payload))
        .chain(garbage(payload));
    let mut rule_count = 0;
    for damaged in damaged.filter(|damaged| !damaged.is_empty()) {
        let fs = MemFs::new();
        fs.create_dir_all(Path::new(DIR)).expect("a directory");
        let file = fs.create(&samples::log_file()).expect("a new file");
        LogWriter::new(LOG, file)
            .append(|payload| payload.extend_from_slice(&damaged))
            .expect("an append");
        let outcome = Wal::read(&fs, Path::new(DIR), LOG);
        rule_count += usize::from(outcome.is_err());
        let file = fs.read(samples::log_file());
        let inspection = inspected(&file, Kind::Log(Some(LOG)));
        assert_agrees(&inspection, outcome.is_ok(), &format!("{outcome:?}"));
    }
    assert!(rule_count > 100, "only {rule_count} break a rule");
}

/// Edits that do not fit, with checksums that do.
#[test]
fn a_manifest_that_breaks_a_rule_is_found_though_its_checksums_fit() {
    use mini_lsm::log::LogWriter;
    const SNAPSHOT: &str = r#"{"format":1,"added":[{"id":3,"level":0}]}"#;
    for (edits, is_sound) in [
        (&[][..], false),
        (&[SNAPSHOT], true),
        (&[SNAPSHOT, "{}"], true),
        (&[SNAPSHOT, r#"{"removed":[3]}"#], true),
        (
            &[SNAPSHOT, r#"{"removed":[3],"added":[{"id":3,"level":1}]}"#],
            true,
        ),
        (&[SNAPSHOT, r#"{"removed":[4]}"#], false),
        (&[SNAPSHOT, r#"{"removed":[3,3]}"#], false),
        (&[SNAPSHOT, r#"{"added":[{"id":3,"level":1}]}"#], false),
        (&[SNAPSHOT, SNAPSHOT], false),
        (&["{}"], false),
        (&[r#"{"format":2}"#], false),
        (&[r#"{"format":0}"#], false),
        (&[r#"{"format":2,"surprise":1}"#, "surprise"], false),
        (&[SNAPSHOT, r#"{"format":2}"#], false),
        (&[r#"{"format":1,"surprise":1}"#], false),
        (&[r#"{"format":1,"new_logs":["4"]}"#], false),
        (&[r#"{"format":1,"next_id":-1}"#], false),
        (&[r#"{"format":1,"added":[{"id":3}]}"#], false),
        (&[r#"{"format":1,"added":[{"id":3,"level":64}]}"#], true),
        (&[r#"{"format":1,"added":[{"id":3,"level":65}]}"#], false),
        (&[r#"{"format":1,"next_id":72057594037927935}"#], true),
        (&[r#"{"format":1,"next_id":72057594037927936}"#], false),
        (&[r#"{"format":1,"new_logs":[72057594037927936]}"#], false),
        (
            &[r#"{"format":1,"last_flushed_seq":72057594037927936}"#],
            false,
        ),
        (&["{"], false),
    ] {
        let fs = MemFs::new();
        let path = Path::new(DIR).join("MANIFEST");
        fs.create_dir_all(Path::new(DIR)).expect("a directory");
        let log = LogWriter::new(0, fs.create(&path).expect("a new file"));
        for edit in edits {
            log.append(|payload| payload.extend_from_slice(edit.as_bytes()))
                .expect("an append");
        }
        let outcome = Manifest::load(&fs, Path::new(DIR));
        assert_eq!(outcome.is_ok(), is_sound, "{edits:?}: {outcome:?}");
        let inspection = inspected(&fs.read(&path), Kind::Manifest);
        assert_agrees(&inspection, is_sound, &format!("{edits:?}"));
    }
}

#[test]
fn a_damaged_manifest_is_found() {
    let fs = samples::manifest();
    let path = Path::new(DIR).join("MANIFEST");
    let file = fs.read(&path);
    let damaged = flips(&file).chain(truncations(&file)).chain(garbage(&file));
    for damaged in damaged {
        let fs = MemFs::new();
        fs.write_raw(&path, &damaged);
        let outcome = Manifest::load(&fs, Path::new(DIR));
        let inspection = inspected(&damaged, Kind::Manifest);
        assert_agrees(&inspection, outcome.is_ok(), &format!("{outcome:?}"));
    }
}

/// Whatever a file holds, and whatever it is taken for: no panic, and every byte has a name
/// (`inspected` checks that).
#[test]
fn no_bytes_make_it_panic() {
    let (log, _) = samples::log();
    let files = [
        samples::block(&entries(3)),
        samples::table(&entries(9), 96, 10).read(samples::table_file()),
        log.read(samples::log_file()),
        samples::manifest().read(Path::new(DIR).join("MANIFEST")),
        Vec::new(),
        vec![0; 100],
        vec![0xff; 100],
        b"mLSM".repeat(40),
    ];
    for file in files {
        let variants = garbage(&file)
            .step_by(15)
            .chain(truncations(&file).step_by(21));
        for bytes in variants.chain([file.clone()]) {
            for kind in [
                Kind::Block,
                Kind::Table(Some(7)),
                Kind::Log(Some(8)),
                Kind::Manifest,
            ] {
                inspected(&bytes, kind);
            }
        }
        for kind in [Kind::Table(None), Kind::Log(None)] {
            inspected(&file, kind);
        }
    }
}

#[test]
fn what_stands_behind_a_damage_is_still_shown() {
    let mut entries_of_two_blocks = entries(12);
    let fs = samples::table(&entries_of_two_blocks, 128, 0);
    let mut file = fs.read(samples::table_file());
    // The value length of the first entry: far too long.
    file[6] = 1;
    let inspection = inspected(&file, Kind::Table(Some(TABLE.0)));
    let found = samples::found(&inspection, &file, "entry ");
    entries_of_two_blocks.remove(0);
    assert_eq!(found[1..], entries_of_two_blocks);
    assert!(inspection.problems()[0].text.contains("entry 0, value"));

    let (fs, ops) = samples::log();
    let mut file = fs.read(samples::log_file());
    file[0] ^= 1;
    let inspection = inspected(&file, Kind::Log(Some(LOG)));
    assert_eq!(samples::found(&inspection, &file, "op "), ops[2..]);
}

#[test]
fn a_file_under_the_name_of_another_is_told_by_its_id() {
    let table = samples::table(&entries(9), 96, 0).read(samples::table_file());
    let log = samples::log().0.read(samples::log_file());
    for (file, kind, id) in [
        (&table, Kind::Table(Some(9)), "table 7"),
        (&log, Kind::Log(Some(9)), "log 8"),
        (&log, Kind::Manifest, "log 8"),
    ] {
        let problems = inspected(file, kind).problems();
        assert!(problems[0].text.contains(id), "{problems:?}");
    }
    for (file, kind, id) in [
        (&table, Kind::Table(None), "that of table 7"),
        (&log, Kind::Log(None), "that of log 8"),
    ] {
        let inspection = inspected(file, kind);
        assert!(inspection.is_sound());
        let tells = |field: &xtask::inspect::Field| field.value.contains(id);
        assert!(inspection.fields().any(tells), "{id}");
    }
}

#[test]
fn a_checksum_that_nothing_can_verify_is_no_verdict() {
    let mut table = samples::table(&entries(9), 96, 0).read(samples::table_file());
    let crc_at = table.len() - 1;
    table[crc_at] ^= 0x80;
    let inspection = inspected(&table, Kind::Table(None));
    assert_eq!(inspection.problems(), []);
    assert_eq!(inspection.unchecked()[0].offset, crc_at - 3);
    let log = samples::log().0.read(samples::log_file());
    let inspection = inspected(&log[1..], Kind::Log(None));
    assert_eq!(inspection.problems(), []);
    assert_eq!(inspection.unchecked()[0].offset, 0);
}
