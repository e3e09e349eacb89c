//! `check`: a whole store, verified offline. What is sound has no problem, what is not has each of its problems named, and nothing on disk changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mini_lsm::check::CheckReport;
use mini_lsm::files::{LOCK, MANIFEST, log_path, table_path};
use mini_lsm::fs::{FileSystem, MemFs};
use mini_lsm::log::LogWriter;
use mini_lsm::manifest::{MANIFEST_LOG_ID, Manifest, Version};
use mini_lsm::table::{FOOTER_LEN, SsTable, TableId};
use mini_lsm::wal::Wal;
use mini_lsm::{Error, LsmOptions, LsmStorage, WriteBatch, check};

const DIR: &str = "/store";

fn dir() -> &'static Path {
    Path::new(DIR)
}

fn options(mem: &MemFs) -> LsmOptions {
    LsmOptions {
        block_size: 256,
        table_size: 2 << 10,
        filter_bits_per_key: 10,
        ..LsmOptions::for_test(Arc::new(mem.clone()))
    }
}

/// Three tables in L1, two in L0, and a log with 10 writes that was synced.
fn store() -> MemFs {
    let mem = MemFs::new();
    let store = LsmStorage::open(DIR, options(&mem)).expect("a new store");
    let put = |from: usize, to: usize| {
        for i in from..to {
            let (key, value) = (format!("key{i:04}"), "value".repeat(5));
            store.put(key.as_bytes(), value.as_bytes()).expect("put");
        }
    };
    put(0, 120);
    store.compact().expect("compact");
    for from in [30, 60] {
        put(from, from + 10);
        store.flush().expect("flush");
    }
    put(20, 30);
    store.sync().expect("sync");
    let levels = store.metrics().levels;
    assert_eq!((levels[0].len(), levels[1].len()), (2, 3), "the tables");
    mem
}

fn checked(mem: &MemFs) -> CheckReport {
    let before = contents(mem);
    // As after a kill: whoever made it has gone.
    let mem = mem.crash_clone(&mini_lsm::fs::CrashPlan::Keep);
    let report = check(Arc::new(mem.clone()), DIR).expect("a store");
    assert!(contents(&mem) == before, "the check has changed the store");
    assert_eq!(mem.open_handles(), 0, "files that the check left open");
    report
}

fn contents(mem: &MemFs) -> Vec<(String, Vec<u8>)> {
    let names = mem.file_names(DIR).into_iter();
    names
        .map(|name| (name.clone(), mem.read(dir().join(name))))
        .collect()
}

fn version(mem: &MemFs) -> Version {
    Manifest::load(mem, dir()).expect("a sound manifest")
}

/// Gives the store a manifest of this version.
fn name(mem: &MemFs, change: impl FnOnce(&mut Version)) {
    let mut version = version(mem);
    change(&mut version);
    Manifest::create(Arc::new(mem.clone()), dir(), version).expect("a manifest");
}

fn flip(mem: &MemFs, path: &Path, at: usize) {
    let mut bytes = mem.read(path);
    bytes[at] ^= 0x10;
    mem.write_raw(path, &bytes);
}

/// Asserts that each of these files has a problem, in this order, and nothing else.
#[track_caller]
fn assert_problems(report: &CheckReport, expected: &[(PathBuf, &str)]) {
    let files: Vec<_> = report.problems.iter().map(file_of).collect();
    let wanted: Vec<_> = expected.iter().map(|(file, _)| file.clone()).collect();
    assert_eq!(files, wanted, "{:#?}", report.problems);
    for (problem, (_, words)) in report.problems.iter().zip(expected) {
        assert!(problem.to_string().contains(words), "{words:?}: {problem}");
    }
}

fn file_of(problem: &Error) -> PathBuf {
    match problem {
        Error::Corruption { file, .. } => file.clone(),
        Error::Io { path, .. } => path.clone(),
        Error::NewerFormat { file, .. } => file.clone(),
        other => panic!("a problem of no file: {other}"),
    }
}

#[test]
fn a_sound_store_has_no_problem() {
    let mem = store();
    let report = checked(&mem);
    assert_problems(&report, &[]);
    assert!(report.is_sound());
    let counts = (report.table_count, report.log_count, report.entry_count);
    assert_eq!(counts, (5, 1, 150));
    assert!(report.lost_tails.is_empty() && report.strays.is_empty());
}

/// One damaged place does not hide the next, in the same file or another.
#[test]
fn every_problem_is_named() {
    let mem = store();
    let version = version(&mem);
    let ids: Vec<TableId> = version.tables.keys().copied().collect();
    let path = |index: usize| table_path(dir(), ids[index]);
    let blocks = {
        let table = SsTable::open(Arc::new(mem.clone()), &path(0), ids[0], None);
        let table = table.expect("a sound table");
        assert!(table.block_count() > 3);
        [1, 3].map(|block| table.index().get(block).offset as usize)
    };
    blocks.iter().for_each(|&at| flip(&mem, &path(0), at));
    mem.remove(&path(1)).expect("remove");
    let footer = mem.read(path(2)).len() - 1;
    flip(&mem, &path(2), footer);
    let log = log_path(dir(), *version.logs.first().expect("a log"));
    flip(&mem, &log, 30);
    let report = checked(&mem);
    let expected = [
        (path(0), "checksum"),
        (path(0), "checksum"),
        (path(1), "cannot open"),
        (path(2), "footer"),
        (log, "had been synced"),
    ];
    assert_problems(&report, &expected);
    assert_eq!((report.table_count, report.log_count), (3, 0));
}

/// A log that is shorter than it was when the store was closed.
#[test]
fn a_log_that_was_cut_off_is_a_problem() {
    let mem = store();
    let store = LsmStorage::open(DIR, options(&mem)).expect("a sound store");
    store.put(b"a", b"1").expect("put");
    store.close().expect("close");
    assert_problems(&checked(&mem), &[]);
    let log = log_path(dir(), *version(&mem).logs.first().expect("a log"));
    mem.write_raw(&log, b"");
    assert_problems(&checked(&mem), &[(log, "when the store was closed")]);
}

/// A manifest that has lost the edit which named a log: the log is no stray.
#[test]
fn a_log_in_use_that_nobody_names_is_a_problem() {
    let mem = store();
    let next_id = version(&mem).next_id;
    let wal = Wal::create(&mem, dir(), next_id).expect("a new log");
    assert_problems(&checked(&mem), &[]);
    let mut batch = WriteBatch::new();
    batch.put(b"a", b"1");
    wal.append(500, &batch.ops()).expect("append");
    assert_problems(&checked(&mem), &[(dir().join(MANIFEST), "in use")]);
}

/// Without a manifest the files are checked all the same.
#[test]
fn a_damaged_manifest_hides_nothing() {
    for is_missing in [false, true] {
        let mem = store();
        let manifest = dir().join(MANIFEST);
        let table = table_path(dir(), *version(&mem).tables.keys().next().expect("a table"));
        match is_missing {
            true => mem.remove(&manifest).expect("remove"),
            false => mem.write_raw(&manifest, b""),
        }
        flip(&mem, &table, 5);
        let expected = [(manifest, "manifest"), (table, "checksum")];
        let report = checked(&mem);
        assert_problems(&report, &expected);
        assert_eq!((report.table_count, report.log_count), (5, 1));
    }
}

/// Nothing else is judged: what looks damaged may be of the newer format.
#[test]
fn a_newer_format_is_all_that_is_said() {
    let mem = store();
    let manifest = dir().join(MANIFEST);
    let table = table_path(dir(), *version(&mem).tables.keys().next().expect("a table"));
    flip(&mem, &table, 5);
    mem.remove(&manifest).expect("remove");
    let log = LogWriter::new(MANIFEST_LOG_ID, mem.create(&manifest).expect("create"));
    log.append(|payload| payload.extend_from_slice(br#"{"format":2}"#))
        .expect("append");
    let report = checked(&mem);
    assert_problems(&report, &[(manifest, "format 2")]);
    assert_eq!((report.table_count, report.log_count), (0, 0));
    assert!(report.strays.is_empty(), "{:?}", report.strays);
}

/// A table of a newer format does not hide what is wrong with another.
#[test]
fn a_newer_table_is_told_beside_damage() {
    let mem = store();
    let tables: Vec<TableId> = version(&mem).tables.keys().copied().collect();
    let [newer, damaged] = [0, 1].map(|index| table_path(dir(), tables[index]));
    let mut bytes = mem.read(&newer);
    let footer = bytes.len() - FOOTER_LEN;
    bytes[footer + 24] = 2;
    let checked_bytes = [&bytes[footer..footer + 32], &tables[0].0.to_le_bytes()].concat();
    let checksum = crc32fast::hash(&checked_bytes).to_le_bytes();
    bytes[footer + 32..].copy_from_slice(&checksum);
    mem.write_raw(&newer, &bytes);
    flip(&mem, &damaged, 5);
    let expected = [(newer, "format 2"), (damaged, "checksum")];
    assert_problems(&checked(&mem), &expected);
}

#[test]
fn tables_that_overlap_are_a_problem_from_l1_on() {
    let mem = store();
    name(&mem, |version| {
        version.tables.values_mut().for_each(|level| *level = 0);
    });
    assert_problems(&checked(&mem), &[]);
    name(&mem, |version| {
        version.tables.values_mut().for_each(|level| *level = 2);
    });
    let report = checked(&mem);
    assert!(!report.is_sound());
    for problem in &report.problems {
        assert_eq!(file_of(problem), dir().join(MANIFEST));
        assert!(problem.to_string().contains("overlap"), "{problem}");
    }
}

#[test]
fn an_id_in_use_must_not_be_free() {
    let mem = store();
    let next_id = version(&mem).next_id;
    name(&mem, |version| {
        version.logs.insert(next_id);
    });
    let expected = [
        (dir().join(MANIFEST), "are free"),
        (log_path(dir(), next_id), "cannot open"),
    ];
    assert_problems(&checked(&mem), &expected);
}

/// The store with two more logs: `first` and `second` are the numbers of the first write in each.
fn with_logs(mem: &MemFs, logs: [(u64, bool); 2]) -> [PathBuf; 2] {
    let next_id = version(mem).next_id;
    let mut ids = next_id..;
    let paths = logs.map(|(first_seq, is_synced)| {
        let id = ids.next().expect("ids do not end");
        let log = Wal::create(mem, dir(), id).expect("a log");
        let mut batch = WriteBatch::new();
        batch.put(b"a", b"1");
        batch.put(b"b", b"2");
        log.append(first_seq, &batch.ops()).expect("append");
        if is_synced {
            log.sync().expect("sync");
            log.mark().expect("mark");
        }
        log_path(dir(), id)
    });
    name(mem, |version| {
        version.logs.extend([next_id, next_id + 1]);
        version.next_id = next_id + 2;
    });
    paths
}

#[test]
fn the_logs_are_one_sequence() {
    let mem = store();
    let next_seq = 151;
    let last = log_path(dir(), *version(&mem).logs.last().expect("a log"));

    let sound = mem.crash_clone(&mini_lsm::fs::CrashPlan::Keep);
    with_logs(&sound, [(next_seq, false), (next_seq + 2, true)]);
    let report = checked(&sound);
    assert_problems(&report, &[]);
    assert_eq!((report.log_count, report.entry_count), (3, 154));

    // What comes behind a gap was never synced, and will not be replayed.
    let cut = mem.crash_clone(&mini_lsm::fs::CrashPlan::Keep);
    let paths = with_logs(&cut, [(next_seq + 1, false), (next_seq + 3, false)]);
    let report = checked(&cut);
    assert_problems(&report, &[]);
    let lost = report.lost_tails.iter();
    let lost: Vec<_> = lost.map(|tail| (tail.file.clone(), tail.offset)).collect();
    assert_eq!(lost, paths.map(|path| (path, 0)));

    let broken = mem.crash_clone(&mini_lsm::fs::CrashPlan::Keep);
    with_logs(&broken, [(next_seq + 1, false), (next_seq + 3, true)]);
    assert_problems(&checked(&broken), &[(last, "missing from here on")]);
}

/// Within one log a gap cannot come from a crash.
#[test]
fn a_gap_within_a_log_is_a_problem() {
    let mem = store();
    let next_id = version(&mem).next_id;
    let log = Wal::create(&mem, dir(), next_id).expect("a log");
    let mut batch = WriteBatch::new();
    batch.delete(b"a");
    for seq in [151, 152, 154] {
        log.append(seq, &batch.ops()).expect("append");
    }
    name(&mem, |version| {
        version.logs.insert(next_id);
        version.next_id = next_id + 1;
    });
    let expected = [(log_path(dir(), next_id), "154, expected is 153")];
    assert_problems(&checked(&mem), &expected);
}

/// A sound record need not hold a sound batch.
#[test]
fn a_malformed_batch_is_a_problem() {
    let mem = store();
    let next_id = version(&mem).next_id;
    let file = mem.create(&log_path(dir(), next_id)).expect("a log");
    let log = LogWriter::new(next_id, file);
    log.append(|payload| payload.extend_from_slice(b"no batch"))
        .expect("append");
    name(&mem, |version| {
        version.logs.insert(next_id);
        version.next_id = next_id + 1;
    });
    assert_problems(&checked(&mem), &[(log_path(dir(), next_id), "")]);
}

#[test]
fn what_a_crash_leaves_is_told_and_is_no_problem() {
    let mem = store();
    let log = log_path(dir(), *version(&mem).logs.first().expect("a log"));
    let mut bytes = mem.read(&log);
    let len = bytes.len() as u64;
    bytes.extend_from_slice(b"half a rec");
    mem.write_raw(&log, &bytes);
    let strays = ["000777.wal", "000778.sst", "MANIFEST.tmp"].map(|name| dir().join(name));
    strays
        .iter()
        .for_each(|stray| mem.write_raw(stray, b"bytes"));
    mem.write_raw(dir().join("notes.txt"), b"none of ours");
    let report = checked(&mem);
    assert_problems(&report, &[]);
    let tails = report.lost_tails.iter();
    let tails: Vec<_> = tails.map(|t| (t.file.clone(), t.offset, t.len)).collect();
    assert_eq!(tails, [(log, len, 10)]);
    assert_eq!(report.strays, strays);
}

#[test]
fn a_store_with_an_owner_is_not_checked() {
    let mem = store();
    let options = LsmOptions::for_test(Arc::new(mem.clone()));
    let owner = LsmStorage::open(DIR, options.clone()).expect("the store opens");
    let refused = check(Arc::new(mem.clone()), DIR);
    assert!(matches!(refused, Err(Error::AlreadyOpen(_))), "{refused:?}");
    drop(owner);
    check(Arc::new(mem.clone()), DIR).expect("nobody has it");
    LsmStorage::open(DIR, options).expect("the check has given it back");
}

/// Neither a lock file nor a directory comes into being.
#[test]
fn a_check_makes_nothing() {
    let mem = store();
    mem.remove(&dir().join(LOCK)).expect("remove");
    assert_problems(&checked(&mem), &[]);

    let mem = MemFs::new();
    for (path, is_there) in [("/nowhere", false), ("/empty", true), ("/other", true)] {
        if is_there {
            mem.create_dir_all(Path::new(path)).expect("a directory");
        }
    }
    mem.write_raw("/other/notes.txt", b"none of ours");
    let before = mem.list(Path::new("/")).expect("the root");
    for (path, is_there) in [("/nowhere", false), ("/empty", true), ("/other", true)] {
        let outcome = check(Arc::new(mem.clone()), path);
        let is_as_expected = match &outcome {
            Err(Error::InvalidArgument(_)) => is_there,
            Err(Error::Io { .. }) => !is_there,
            _ => false,
        };
        assert!(is_as_expected, "{path}: {outcome:?}");
    }
    assert_eq!(mem.list(Path::new("/")).expect("the root"), before);
    assert_eq!(mem.file_names("/other"), ["notes.txt"]);
    assert!(mem.file_names("/empty").is_empty());
}
