//! Files that the reference wrote, and what an inspection of one must always hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mini_lsm::block::BlockBuilder;
use mini_lsm::files::{log_path, table_path};
use mini_lsm::fs::{FileSystem, MemFs};
use mini_lsm::manifest::{Manifest, SealedLog, TableRecord, Version, VersionEdit};
use mini_lsm::options::LsmOptions;
use mini_lsm::table::{SsTableBuilder, TableId};
use mini_lsm::wal::Wal;
use mini_lsm::write_batch::WriteBatch;
use xtask::inspect::{self, Field, Inspection, Kind};

/// The directory of all samples.
pub const DIR: &str = "store";
pub const TABLE: TableId = TableId(7);
pub const LOG: u64 = 8;

pub type Entry = (Vec<u8>, Option<Vec<u8>>);

/// Entries of all shapes, `count` of them, in order.
pub fn entries(count: usize) -> Vec<Entry> {
    let entry = |index: usize| {
        let value = match index % 4 {
            0 => Some(format!("value {index}").into_bytes()),
            1 => None,
            2 => Some(Vec::new()),
            _ => Some(vec![0xff; index % 40]),
        };
        (format!("fruit {index:05}").into_bytes(), value)
    };
    (0..count).map(entry).collect()
}

pub fn block(entries: &[Entry]) -> Vec<u8> {
    let mut builder = BlockBuilder::new(1 << 20);
    for (key, value) in entries {
        builder.add(key, value.as_deref());
    }
    builder.finish()
}

/// A file system with table 7 in it.
pub fn table(entries: &[Entry], block_size: usize, filter_bits_per_key: usize) -> MemFs {
    let fs = MemFs::new();
    let options = LsmOptions {
        block_size,
        filter_bits_per_key,
        ..LsmOptions::for_test(Arc::new(fs.clone()))
    };
    fs.create_dir_all(Path::new(DIR)).expect("a directory");
    let file = fs.create(&table_file()).expect("a new file");
    let mut builder = SsTableBuilder::new(TABLE, file, &options);
    for (key, value) in entries {
        builder.add(key, value.as_deref()).expect("a new entry");
    }
    builder.finish().expect("a whole table");
    fs
}

pub fn table_file() -> PathBuf {
    table_path(Path::new(DIR), TABLE)
}

/// A file system with log 8 in it: a batch, a mark, two batches that no mark vouches for. Returns
/// the operations, too.
pub fn log() -> (MemFs, Vec<Entry>) {
    let fs = MemFs::new();
    fs.create_dir_all(Path::new(DIR)).expect("a directory");
    let wal = Wal::create(&fs, Path::new(DIR), LOG).expect("a new log");
    let mut ops = Vec::new();
    let mut seq = 1;
    for (index, chunk) in entries(6).chunks(2).enumerate() {
        let mut batch = WriteBatch::new();
        for (key, value) in chunk {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            };
        }
        wal.append(seq, &batch.ops()).expect("an append");
        seq += batch.len() as u64;
        ops.extend_from_slice(chunk);
        if index == 0 {
            wal.sync().expect("a sync");
            wal.mark().expect("a mark");
        }
    }
    (fs, ops)
}

pub fn log_file() -> PathBuf {
    log_path(Path::new(DIR), LOG)
}

/// A file system with a manifest of a snapshot and three edits.
pub fn manifest() -> MemFs {
    let fs = MemFs::new();
    let dir = Path::new(DIR);
    fs.create_dir_all(dir).expect("a directory");
    let shared = Arc::new(fs.clone());
    let mut manifest = Manifest::create(shared, dir, Version::default()).expect("a manifest");
    let record = |id, level| TableRecord {
        id: TableId(id),
        level,
    };
    let first = VersionEdit {
        added: vec![record(3, 0), record(4, 1)],
        new_logs: vec![2, 5],
        next_id: Some(6),
        ..VersionEdit::default()
    };
    let second = VersionEdit {
        added: vec![record(7, 1)],
        removed: vec![TableId(3)],
        oldest_log: Some(5),
        last_flushed_seq: Some(41),
        next_id: Some(8),
        ..VersionEdit::default()
    };
    let third = VersionEdit {
        sealed_logs: vec![SealedLog { id: 5, len: 90 }],
        ..VersionEdit::default()
    };
    for edit in [first, second, third] {
        manifest.append(&edit).expect("an edit that fits");
    }
    fs
}

/// Inspects with everything shown, and checks what holds of any bytes: the fields cover every byte
/// once, in order; and the short form comes to the same verdict.
#[track_caller]
pub fn inspected(file: &[u8], kind: Kind) -> Inspection {
    let inspection = inspect::inspect(file, kind, usize::MAX);
    assert_covers(&inspection, file.len());
    let short = inspect::inspect(file, kind, 3);
    assert_covers(&short, file.len());
    assert_eq!(short.problems(), inspection.problems());
    inspection
}

#[track_caller]
fn assert_covers(inspection: &Inspection, len: usize) {
    let mut at = 0;
    for field in inspection.fields() {
        assert_eq!(field.offset, at, "{field:?} does not follow on");
        at = field.end();
    }
    assert_eq!(at, len, "the fields do not cover the file");
}

/// The entries, or the operations, that an inspection names, put together from the bytes of their
/// fields.
pub fn found(inspection: &Inspection, file: &[u8], section_name: &str) -> Vec<Entry> {
    let bytes = |field: &Field| file[field.offset..field.end()].to_vec();
    let mut first_key: Vec<u8> = Vec::new();
    let mut entries = Vec::new();
    for section in &inspection.sections {
        if !section.name.starts_with(section_name) {
            continue;
        }
        let field = |name: &str| section.fields.iter().find(|field| field.name == name);
        let shared = field("shared").map_or(0, |field| {
            let bytes = bytes(field).try_into().expect("an u16");
            usize::from(u16::from_le_bytes(bytes))
        });
        let suffix = field("key suffix").or(field("key")).expect("a key");
        let key = [first_key[..shared].to_vec(), bytes(suffix)].concat();
        if section.name == "entry 0" {
            first_key.clone_from(&key);
        }
        entries.push((key, field("value").map(bytes)));
    }
    entries
}

/// Makes the checksums of table 7 fit what lies before each; the last is the footer's.
pub fn seal(table: &mut [u8], crcs: &[Field]) {
    let mut start = 0;
    for (index, field) in crcs.iter().enumerate() {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&table[start..field.offset]);
        if index + 1 == crcs.len() {
            crc.update(&TABLE.0.to_le_bytes());
        }
        let crc = crc.finalize().to_le_bytes();
        table[field.offset..field.end()].copy_from_slice(&crc);
        start = field.end();
    }
}
