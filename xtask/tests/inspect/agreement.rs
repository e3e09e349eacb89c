//! It reads all that the reference writes: sound, every byte named, the same contents.

use std::path::Path;
use std::sync::Arc;

use mini_lsm::files::FileKind;
use mini_lsm::fs::{CrashPlan, MemFs};
use mini_lsm::manifest::Manifest;
use mini_lsm::wal::Wal;
use mini_lsm::{LsmOptions, LsmStorage};
use xtask::inspect::{Inspection, Kind};

use crate::samples::{self, DIR, entries, found, inspected};

#[track_caller]
fn assert_sound(inspection: &Inspection) {
    assert_eq!(inspection.problems(), []);
    assert_eq!(inspection.unchecked(), []);
}

#[test]
fn a_block_of_every_shape_is_sound_and_says_the_same() {
    let longest = vec![(vec![b'k'; 65_535], Some(vec![b'v'; 100_000]))];
    let strange = vec![
        (b"\x00".to_vec(), None),
        (b"\x00\xff".to_vec(), Some(Vec::new())),
        ("schlüssel".into(), Some("Wert".into())),
    ];
    for entries in [entries(1), entries(300), longest, strange] {
        let file = samples::block(&entries);
        let inspection = inspected(&file, Kind::Block);
        assert_sound(&inspection);
        assert_eq!(found(&inspection, &file, "entry "), entries);
    }
}

#[test]
fn a_shared_prefix_is_shown_whole() {
    let entry = |key: &str| (key.as_bytes().to_vec(), Some(b"v".to_vec()));
    let file = samples::block(&[entry("apple"), entry("apricot")]);
    let inspection = inspected(&file, Kind::Block);
    let last = |name: &str| {
        let fields = inspection.fields().filter(|field| field.name == name);
        fields.last().expect("a field").value.clone()
    };
    assert_eq!(last("shared"), r#"2: "ap" of the first key"#);
    assert_eq!(last("key suffix"), r#""ricot" (key "apricot")"#);
}

#[test]
fn a_table_of_every_shape_is_sound_and_says_the_same() {
    for (count, block_size, filter_bits) in
        [(1, 4096, 0), (1, 1, 10), (500, 256, 10), (900, 4096, 20)]
    {
        let entries = entries(count);
        let fs = samples::table(&entries, block_size, filter_bits);
        let file = fs.read(samples::table_file());
        let inspection = inspected(&file, Kind::Table(Some(7)));
        assert_sound(&inspection);
        assert_eq!(found(&inspection, &file, "entry "), entries);
    }
}

/// The hash of a key is written down a second time, with a branch for each range of lengths.
#[test]
fn a_filter_lets_keys_of_every_length_pass() {
    let mut state = 7u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let key = |len: u8| {
        let tail = (1..len).map(|_| noise());
        std::iter::once(len).chain(tail).collect()
    };
    let entries: Vec<_> = (1..=200).map(key).map(|key| (key, None)).collect();
    let fs = samples::table(&entries, 4096, 20);
    let file = fs.read(samples::table_file());
    assert_sound(&inspected(&file, Kind::Table(Some(7))));
}

/// And the filter is really asked: one without a single bit denies all.
#[test]
fn a_filter_that_denies_a_key_is_wrong() {
    let fs = samples::table(&entries(9), 4096, 10);
    let mut file = fs.read(samples::table_file());
    let inspection = inspected(&file, Kind::Table(Some(7)));
    let mut fields = inspection.fields();
    let bits = fields.find(|field| field.name == "filter blocks");
    let bits = bits.expect("a filter");
    file[bits.offset..bits.end()].fill(0);
    let problems = inspected(&file, Kind::Table(Some(7))).problems();
    assert!(
        problems[0].text.contains("denies 9 keys of the table"),
        "{problems:?}"
    );
}

#[test]
fn a_log_is_sound_and_says_the_same() {
    let (fs, ops) = samples::log();
    let file = fs.read(samples::log_file());
    let inspection = inspected(&file, Kind::Log(Some(samples::LOG)));
    assert_sound(&inspection);
    assert_eq!(found(&inspection, &file, "op "), ops);
    let names = inspection.sections.iter().filter(|s| s.depth == 0);
    let names: Vec<&str> = names
        .map(|s| s.name.split(' ').next().unwrap_or_default())
        .collect();
    assert_eq!(names, ["record", "mark", "record", "record"]);
}

#[test]
fn a_manifest_comes_to_the_version_that_the_engine_reads() {
    let fs = samples::manifest();
    let file = fs.read(Path::new(DIR).join("MANIFEST"));
    let inspection = inspected(&file, Kind::Manifest);
    assert_sound(&inspection);
    let version = Manifest::load(&fs, Path::new(DIR)).expect("a manifest");
    let ids: Vec<u64> = version.tables.keys().map(|id| id.0).collect();
    assert_eq!(
        (ids, version.logs, version.last_flushed_seq),
        (vec![4, 7], [5].into(), 41)
    );
    assert_eq!(
        inspection.notes[1..],
        [
            "the edits come to this version:",
            "  L1: tables 4, 7",
            "  needed: log 5",
            "  log 5 is finished, with 90 bytes",
            "  in tables up to sequence number 41",
            "  ids are free from 8 on"
        ]
    );
}

/// Inspects all files of a store, and returns how many tables and logs there were.
#[track_caller]
fn inspect_store(fs: &MemFs) -> (usize, usize) {
    let (mut table_count, mut log_count) = (0, 0);
    for name in fs.file_names(DIR) {
        let path = Path::new(DIR).join(&name);
        let file = fs.read(&path);
        let Some(kind) = Kind::of(&name, &file) else {
            assert_eq!(FileKind::parse(&name), Some(FileKind::Lock), "{name}");
            continue;
        };
        let inspection = inspected(&file, kind);
        assert_sound(&inspection);
        match kind {
            Kind::Table(_) => table_count += 1,
            Kind::Log(Some(id)) => {
                log_count += 1;
                let contents = Wal::read(fs, Path::new(DIR), id).expect("a log");
                let (end, torn) = end_of(&inspection, file.len());
                assert_eq!((end, torn), (contents.log.end, contents.log.lost_bytes));
            }
            _ => {}
        }
    }
    (table_count, log_count)
}

/// Where a log ends, and how many torn bytes are behind.
pub fn end_of(inspection: &Inspection, len: usize) -> (u64, u64) {
    let mut tail = inspection
        .fields()
        .filter(|field| ["torn bytes", "zeros"].contains(&field.name));
    let Some(first) = tail.next() else {
        return (len as u64, 0);
    };
    let torn_len = if first.name == "torn bytes" {
        first.len
    } else {
        0
    };
    (first.offset as u64, torn_len as u64)
}

/// A store at work, then as crashes of all kinds leave it.
#[test]
fn every_file_of_a_store_is_sound_also_after_a_crash() {
    let fs = MemFs::new();
    let options = LsmOptions {
        memtable_size: 8 << 10,
        table_size: 4 << 10,
        block_size: 512,
        level_base_size: 8 << 10,
        l0_compaction_trigger: 2,
        filter_bits_per_key: 10,
        ..LsmOptions::for_test(Arc::new(fs.clone()))
    };
    let store = LsmStorage::open(DIR, options).expect("a new store");
    for round in 0..4 {
        for (key, value) in entries(400).into_iter().skip(round) {
            match value {
                Some(value) => store.put(&key, &value),
                None => store.delete(&key),
            }
            .expect("a write");
        }
        store.flush().expect("a flush");
        if round == 1 {
            store.compact().expect("a compaction");
        }
    }
    for (key, _) in entries(50) {
        store.put(&key, b"synced").expect("a write");
    }
    store.sync().expect("a sync");
    for (key, _) in entries(50) {
        store.put(&key, b"not synced").expect("a write");
    }
    let (table_count, log_count) = inspect_store(&fs);
    assert!(table_count > 3, "only {table_count} tables");
    assert!(log_count > 0, "no log");
    let torn = (0..100)
        .step_by(9)
        .map(|percent| CrashPlan::TornAt { percent });
    let random = (0..20).map(|seed| CrashPlan::Random { seed });
    let plain = [CrashPlan::Lose, CrashPlan::Keep, CrashPlan::Zero];
    for plan in plain.into_iter().chain(torn).chain(random) {
        inspect_store(&fs.crash_clone(&plan));
    }
    store.close().expect("an orderly end");
    inspect_store(&fs);
}
