//! The stores to be damaged: small ones that have everything, made in the same way every time.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use mini_lsm::fs::{CrashPlan, MemFs};
use mini_lsm::{LsmOptions, LsmStorage};

use crate::history::{History, Op, key, random_ops};

/// Where the store lives.
pub const DIR: &str = "store";
/// So many keys are written, so that most are overwritten. Few, since each case asks for all of them,
/// with values that make the store large enough.
const KEY_COUNT: usize = 84;
const VALUE_LEN: usize = 290;
/// So many bytes there are before the last logs are written: with those, whose files are damaged in
/// all three stores, more than 64 KiB.
const LEN: u64 = 52 << 10;
/// The length of a record's header in a log, and of its fields (see `mini_lsm::log`): read here a
/// second time, so that the oracle does not rest on the reader that it judges.
const HEADER_LEN: usize = 20;

/// The name of the one that was closed.
const CLOSED: &str = "closed";

/// A store on disk as it was left, and what it must hold.
pub struct Fixture {
    /// How it was left.
    pub name: &'static str,
    /// Never opened itself: each case gets a clone.
    pub fs: MemFs,
    /// The state after every write.
    pub history: History,
    /// Every key that was written, and some that never were.
    pub keys: Vec<Vec<u8>>,
    /// All files with their bytes, sorted by name.
    pub files: Vec<(String, Vec<u8>)>,
    /// The logs, oldest first.
    pub logs: Vec<Log>,
}

/// A write-ahead log as it was written.
pub struct Log {
    /// The name of its file.
    pub name: String,
    /// How many writes of the history there are before its first record.
    pub writes_before: usize,
    /// Its records, in order.
    pub records: Vec<Record>,
}

/// One record of a log.
pub struct Record {
    /// Where it begins.
    pub offset: usize,
    /// Where the next one begins.
    pub end: usize,
    /// How much of the log was synced before, as its header says.
    pub synced: usize,
    /// How many writes of the history there are once this record has been replayed.
    pub writes: usize,
}

impl Log {
    /// Whether some record says that a part of the log was synced.
    pub fn shows_sync(&self) -> bool {
        self.records.iter().any(|record| record.synced > 0)
    }
}

/// How a checker opens a store: everything in the calling thread.
pub fn options(fs: &MemFs) -> LsmOptions {
    LsmOptions {
        block_size: 2048,
        table_size: 4 << 10,
        memtable_size: 1 << 20,
        block_cache_size: 256 << 10,
        filter_bits_per_key: 10,
        ..LsmOptions::for_test(Arc::new(fs.clone()))
    }
}

/// The same stores for the same seed: one that was killed with a part of its last log synced, the
/// same one when nothing of its logs had been synced yet, and closed.
pub fn make(seed: u64) -> Result<[Fixture; 3]> {
    let mut rng = Rng::with_seed(seed);
    let (fs, mut history) = (MemFs::new(), History::new());
    write_levels(&fs, &mut history, &mut rng).context("the tables of the store to be damaged")?;
    // Small, so that memtables are frozen on the way, and there are several logs.
    let memtable_size = 4 << 10;
    let store = LsmStorage::open(
        DIR,
        LsmOptions {
            memtable_size,
            ..options(&fs)
        },
    )?;
    for _ in 0..3 {
        write_some(&store, &mut history, &mut rng, 14)?;
        store.flush()?;
    }
    while fs.total_bytes() < LEN {
        write_some(&store, &mut history, &mut rng, 1)?;
    }
    store.flush()?;
    check_levels(&store)?;
    write_some(&store, &mut history, &mut rng, 8)?;
    while store.metrics().frozen.is_empty() {
        write_some(&store, &mut history, &mut rng, 1)?;
    }
    write_some(&store, &mut history, &mut rng, 4)?;
    let unsynced = Fixture::new("unsynced", &fs, &history)?;
    store.sync()?;
    write_some(&store, &mut history, &mut rng, 6)?;
    let killed = Fixture::new("killed", &fs, &history)?;
    store.close()?;
    let closed = Fixture::new(CLOSED, &fs, &history)?;
    Ok([killed, unsynced, closed])
}

/// Several tables on L1 and L2, the upper ones with newer values and tombstones.
fn write_levels(fs: &MemFs, history: &mut History, rng: &mut Rng) -> Result<()> {
    let to_l2 = LsmOptions {
        level_count: 2,
        level_base_size: 1,
        table_size: 10 << 10,
        ..options(fs)
    };
    let store = LsmStorage::open(DIR, to_l2)?;
    for index in 0..KEY_COUNT {
        let value_len = rng.usize(..3 * VALUE_LEN);
        let value = (0..value_len).map(|_| rng.u8(..)).collect();
        write(&store, history, &[(key(index), Some(value))])?;
    }
    store.compact()?;
    store.close()?;

    let to_l1 = LsmOptions {
        background_compaction: true,
        l0_compaction_trigger: 2,
        ..options(fs)
    };
    let store = LsmStorage::open(DIR, to_l1)?;
    for _ in 0..2 {
        write_some(&store, history, rng, 40)?;
        store.flush()?;
    }
    // The files are to be the same every time: nothing goes on while the thread works.
    while !store.metrics().levels[0].is_empty() {
        if let Some(error) = store.metrics().background_error {
            return Err(error.into());
        }
        std::thread::yield_now();
    }
    Ok(store.close()?)
}

fn check_levels(store: &LsmStorage) -> Result<()> {
    let counts: Vec<usize> = store.metrics().levels.iter().map(Vec::len).collect();
    ensure!(
        counts[0] >= 3 && counts[1] >= 2 && counts[2] >= 3,
        "the levels should have at least 3, 2 and 3 tables, they have {counts:?}"
    );
    Ok(())
}

fn write_some(
    store: &LsmStorage,
    history: &mut History,
    rng: &mut Rng,
    count: usize,
) -> Result<()> {
    for _ in 0..count {
        let ops = random_ops(rng, KEY_COUNT, VALUE_LEN);
        write(store, history, &ops)?;
    }
    Ok(())
}

fn write(store: &LsmStorage, history: &mut History, ops: &[Op]) -> Result<()> {
    Ok(store.write(history.write(ops))?)
}

impl Fixture {
    /// Whether the store was closed in order.
    pub fn is_closed(&self) -> bool {
        self.name == CLOSED
    }

    /// The store in `fs`, as a kill leaves it now.
    fn new(name: &'static str, fs: &MemFs, history: &History) -> Result<Self> {
        let fs = fs.crash_clone(&CrashPlan::Keep);
        let names = fs.file_names(DIR);
        let read = |name: String| {
            let bytes = fs.read(path(&name));
            (name, bytes)
        };
        let files: Vec<_> = names.into_iter().map(read).collect();
        let mut fixture = Self {
            name,
            fs,
            history: history.clone(),
            keys: (0..KEY_COUNT + 5).map(key).collect(),
            logs: Vec::new(),
            files,
        };
        fixture.find_logs();
        let batches = fixture.logs.iter().flat_map(|log| &log.records);
        ensure!(
            batches.last().map(|record| record.writes) == Some(history.len()),
            "the logs of the {name} store do not end with its last write"
        );
        Ok(fixture)
    }

    fn find_logs(&mut self) {
        let is_log = |name: &str| name.ends_with(".wal");
        let logs: Vec<_> = self.files.iter().filter(|(name, _)| is_log(name)).collect();
        let batch_count: usize = logs.iter().map(|(_, bytes)| count_batches(bytes)).sum();
        let mut writes = self.history.len() - batch_count;
        for (name, bytes) in logs {
            let (name, writes_before) = (name.clone(), writes);
            let records = records(bytes, &mut writes);
            self.logs.push(Log {
                name,
                writes_before,
                records,
            });
        }
    }
}

/// The path of a file of the store.
pub fn path(name: &str) -> std::path::PathBuf {
    std::path::Path::new(DIR).join(name)
}

fn count_batches(bytes: &[u8]) -> usize {
    let mut count = 0;
    records(bytes, &mut count);
    count
}

/// The records of an undamaged log; counts its batches on in `writes`.
fn records(bytes: &[u8], writes: &mut usize) -> Vec<Record> {
    let mut records = Vec::new();
    let mut offset = 0;
    while offset < bytes.len() {
        let field = |at: usize| &bytes[offset + at..];
        let len = u32::from_le_bytes(*field(0).first_chunk().expect("an undamaged log")) as usize;
        let synced = u64::from_le_bytes(*field(4).first_chunk().expect("an undamaged log"));
        // A record without a payload is a mark.
        *writes += usize::from(len > 0);
        let end = offset + HEADER_LEN + len;
        records.push(Record {
            offset,
            end,
            synced: synced as usize,
            writes: *writes,
        });
        offset = end;
    }
    records
}

impl Record {
    /// Whether its header is in `damaged` as it was in `original`.
    pub fn has_header_in(&self, original: &[u8], damaged: &[u8]) -> bool {
        let header = self.offset..self.offset + HEADER_LEN;
        damaged.get(header.clone()) == Some(&original[header])
    }
}
