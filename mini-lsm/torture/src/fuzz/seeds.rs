//! The inputs that fuzzing begins with: small ones, of every shape, always the same.
//!
//! `cargo run -p mini-lsm-torture --example fuzz_seeds` writes them to `mini-lsm/fuzz/seeds`.

use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use mini_lsm::block::BlockBuilder;
use mini_lsm::bloom::{BloomFilter, key_hash};
use mini_lsm::files::MANIFEST;
use mini_lsm::fs::{FileSystem, MemFs, WritableFile};
use mini_lsm::log::LogWriter;
use mini_lsm::manifest::{Manifest, TableRecord, Version, VersionEdit};
use mini_lsm::table::{BlockMeta, Footer, SsTableBuilder, TableId};
use mini_lsm::wal::encode_batch;
use mini_lsm::{LsmOptions, WriteBatch};

use super::logs::LOG_ID;
use super::tables::TABLE_ID;

/// So many of a target.
const COUNT: u64 = 12;

/// The keys of two blocks: in order, overlapping, meeting, the wrong way round.
const SST_BLOCKS: [[&[&[u8]]; 2]; 4] = [
    [&[b"a", b"b"], &[b"c", b"d"]],
    [&[b"a", b"c"], &[b"b", b"d"]],
    [&[b"a", b"b"], &[b"b", b"c"]],
    [&[b"c", b"d"], &[b"a", b"b"]],
];

/// The inputs of a target, by its name.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let make = match target {
        "block" => block,
        "filter" => filter,
        "sst" => sst,
        "log" => log,
        "manifest" => manifest,
        _ => script,
    };
    let made = (0..COUNT).map(|seed| make(seed, &mut Rng::with_seed(seed)));
    let by_hand = match target {
        "sst" => SST_BLOCKS.map(sst_by_hand).to_vec(),
        _ => Vec::new(),
    };
    made.chain(by_hand).collect()
}

/// Some entries in order; a few more with each seed.
fn entries(seed: u64, rng: &mut Rng) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let prefix = [&b""[..], b"key", &[b'p'; 70]][seed as usize % 3];
    let count = 1 + seed as usize;
    let entry = |index: usize| {
        let key = [prefix, format!("{:02}", 3 * index).as_bytes()].concat();
        let value = match rng.u8(..5) {
            0 => None,
            1 => Some(Vec::new()),
            2 => Some(vec![b'v'; 90]),
            _ => Some(format!("value{index}").into_bytes()),
        };
        (key, value)
    };
    (0..count).map(entry).collect()
}

fn block(seed: u64, rng: &mut Rng) -> Vec<u8> {
    let mut block = BlockBuilder::new(usize::MAX);
    for (key, value) in entries(seed, rng) {
        block.add(&key, value.as_deref());
    }
    block.finish()
}

fn filter(seed: u64, rng: &mut Rng) -> Vec<u8> {
    let keys = entries(4 * seed, rng);
    let hashes: Vec<u32> = keys.iter().map(|(key, _)| key_hash(key)).collect();
    let filter = BloomFilter::build(&hashes, [0, 1, 3, 10, 44][seed as usize % 5]);
    // Its own keys are asked for, too.
    let hashes = hashes.iter().flat_map(|hash| hash.to_le_bytes());
    match seed % 2 {
        0 => filter.encode().to_vec(),
        _ => hashes.collect(),
    }
}

/// A file to write to, in memory, and what to read it by.
fn file() -> (Arc<dyn WritableFile>, impl FnOnce() -> Vec<u8>) {
    let fs = MemFs::new();
    let file = fs.create(Path::new("file")).expect("a file in memory");
    (file, move || fs.read("file"))
}

fn sst(seed: u64, rng: &mut Rng) -> Vec<u8> {
    let options = LsmOptions {
        block_size: [60, 200, 4096][seed as usize % 3],
        filter_bits_per_key: [0, 10][seed as usize % 2],
        ..LsmOptions::for_test(Arc::new(MemFs::new()))
    };
    let (file, read) = file();
    let mut table = SsTableBuilder::new(TABLE_ID, file, &options);
    for (key, value) in entries(seed, rng) {
        table.add(&key, value.as_deref()).expect("memory");
    }
    table.finish().expect("a file in memory");
    // Mended: whatever is changed, the reader comes past the checksums.
    [vec![3], read()].concat()
}

/// A table whose two blocks may be in any order.
fn sst_by_hand(blocks: [&[&[u8]]; 2]) -> Vec<u8> {
    let (mut file, mut index) = (Vec::new(), Vec::new());
    let seal = |file: &mut Vec<u8>, part: &[u8]| {
        file.extend_from_slice(part);
        file.extend_from_slice(&crc32fast::hash(part).to_le_bytes());
    };
    for keys in blocks {
        let mut block = BlockBuilder::new(usize::MAX);
        keys.iter().for_each(|key| block.add(key, Some(b"value")));
        let block = block.finish();
        let meta = BlockMeta {
            first_key: keys[0],
            last_key: keys[keys.len() - 1],
            offset: file.len() as u64,
            len: block.len() as u32,
        };
        meta.encode(&mut index);
        seal(&mut file, &block);
    }
    let filter_offset = file.len() as u64;
    seal(&mut file, b"");
    let index_offset = file.len() as u64;
    seal(&mut file, &index);
    let footer = Footer {
        filter_offset,
        index_offset,
        entry_count: blocks.iter().map(|keys| keys.len() as u64).sum(),
    };
    [&[0], &file[..], &footer.encode(TABLE_ID)].concat()
}

fn log(seed: u64, rng: &mut Rng) -> Vec<u8> {
    let (file, read) = file();
    let log = LogWriter::new(LOG_ID, file);
    let mut seq = 1;
    for index in 0..=seed {
        let mut batch = WriteBatch::new();
        for (key, value) in entries(index % 4, rng) {
            batch.push(key.into(), value.map(Into::into));
        }
        log.append(|payload| encode_batch(seq, &batch.ops(), payload))
            .expect("a file in memory");
        seq += batch.len() as u64;
        if rng.u8(..3) == 0 {
            log.sync().expect("a file in memory");
            log.mark().expect("a file in memory");
        }
    }
    let flags = (seed % 4) as u8;
    [vec![flags, rng.u8(..), 0], read()].concat()
}

fn manifest(seed: u64, rng: &mut Rng) -> Vec<u8> {
    let (fs, dir) = (MemFs::new(), Path::new(""));
    let version = Version {
        next_id: 1,
        ..Version::default()
    };
    let fs = Arc::new(fs);
    let shared = Arc::clone(&fs) as Arc<dyn FileSystem>;
    let mut manifest = Manifest::create(shared, dir, version.clone()).expect("memory");
    let mut lines = vec![serde_json_line(&version.snapshot())];
    let mut id = 1;
    for _ in 0..seed / 2 {
        let edit = edit(&mut id, manifest.version(), rng);
        manifest.append(&edit).expect("a file in memory");
        lines.push(serde_json_line(&edit));
    }
    match seed % 2 {
        0 => [vec![4], lines.join(&b'\n')].concat(),
        _ => [vec![(seed / 2 % 2) as u8, 0, 0], fs.read(MANIFEST)].concat(),
    }
}

fn serde_json_line(edit: &VersionEdit) -> Vec<u8> {
    serde_json::to_vec(edit).expect("a version edit is plain data")
}

/// A flush, a new log, a compaction.
fn edit(id: &mut u64, version: &Version, rng: &mut Rng) -> VersionEdit {
    *id += 1;
    let table = |level| TableRecord {
        id: TableId(*id),
        level,
    };
    let edit = match rng.u8(..3) {
        0 => VersionEdit {
            added: vec![table(0)],
            oldest_log: Some(*id),
            last_flushed_seq: Some(10 * *id),
            ..VersionEdit::default()
        },
        1 => VersionEdit {
            new_logs: vec![*id],
            ..VersionEdit::default()
        },
        _ => VersionEdit {
            added: vec![table(rng.usize(1..4))],
            removed: version.tables.keys().copied().collect(),
            ..VersionEdit::default()
        },
    };
    VersionEdit {
        next_id: Some(*id + 1),
        ..edit
    }
}

fn script(seed: u64, rng: &mut Rng) -> Vec<u8> {
    (0..40 + 40 * seed).map(|_| rng.u8(..)).collect()
}
