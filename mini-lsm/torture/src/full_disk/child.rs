//! The process that fills its disk: one round.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use mini_lsm::fs::{DiskFs, FaultFs, FileSystem, OpKind, Operation, Verdict};
use mini_lsm::{Durability, Error, LsmOptions, LsmStorage};

use super::COUNTED;
use crate::history::{History, key, read_all};
use crate::tally::Tally;

pub const DIR_VARIABLE: &str = "MINI_LSM_FULL_DISK_DIR";
pub const KIND_VARIABLE: &str = "MINI_LSM_FULL_DISK_KIND";

/// More than recovery and the writes after it need.
const BALLAST_LEN: usize = 2 << 20;
/// After so many writes nothing is done any more that might make room.
const FREE_WRITES: usize = 1_000;
/// No disk of ours takes so many writes.
const MOST_WRITES: usize = 3_000;
/// Four times what any round writes: a store that writes more tries in vain what it should give up.
const MOST_BYTES: u64 = 64 << 20;
/// So many states are remembered: enough to see that a store went back a little.
const STATES: usize = 8;
/// What `ulimit` is asked for, in bytes.
const FILE_LIMIT: usize = 256 << 10;

/// Where there is little room.
pub struct Room {
    dir: PathBuf,
    /// The disk is small, not each file.
    is_disk: bool,
}

impl Room {
    /// `None` in a process that is not the child.
    pub fn from_env() -> Result<Option<Self>> {
        let Some(dir) = std::env::var_os(DIR_VARIABLE) else {
            return Ok(None);
        };
        let is_disk = std::env::var(KIND_VARIABLE)? == "disk";
        let dir = dir.into();
        Ok(Some(Self { dir, is_disk }))
    }

    fn store(&self) -> PathBuf {
        self.dir.join("db")
    }

    fn ballast(&self) -> PathBuf {
        self.dir.join("ballast")
    }

    /// A full disk's error of an operation on a file of the store.
    fn check(&self, error: &Error) -> Result<()> {
        let cause = match error {
            Error::Background(cause) => cause,
            error => error,
        };
        let Error::Io { op, path, cause } = cause else {
            bail!("not an error of a file: {error}");
        };
        let expected = match self.is_disk {
            true => ErrorKind::StorageFull,
            false => ErrorKind::FileTooLarge,
        };
        ensure!(
            cause.kind() == expected,
            "expected {expected:?}, the error is {:?}: {error}",
            cause.kind()
        );
        let text = error.to_string();
        ensure!(
            path.starts_with(&self.dir)
                && text.contains(&path.display().to_string())
                && text.contains(op),
            "the error does not name operation and file: {text}"
        );
        Ok(())
    }
}

/// A store that fills its disk.
struct Filled<'a> {
    room: &'a Room,
    fs: Arc<dyn FileSystem>,
    rng: Rng,
    history: History,
    acked: usize,
    tally: Tally,
}

/// One round: fills the disk, looks, reopens without room, makes room, reopens.
pub fn round(seed: u64, room: &Room) -> Result<Tally> {
    let mut filled = Filled {
        room,
        fs: Arc::new(FaultFs::new(Arc::new(DiskFs), bounded)),
        rng: Rng::with_seed(seed),
        history: History::new(),
        acked: 0,
        tally: Tally::new(),
    };
    if room.is_disk {
        fs::write(room.ballast(), vec![7; BALLAST_LEN]).context("the ballast")?;
    }
    filled.fill(seed)?;
    filled.reopen_without_room(seed)?;
    filled.reopen_with_room(seed)?;
    for what in COUNTED {
        println!("count {} {what}", filled.tally.of(what));
    }
    Ok(filled.tally)
}

/// Lets everything pass, until too much has been written.
fn bounded(op: &Operation) -> Verdict {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    if op.kind == OpKind::Append {
        let written = WRITTEN.fetch_add(op.len, Ordering::Relaxed) + op.len;
        if written > MOST_BYTES {
            // No error of a call: whoever tries in vain would try again.
            eprintln!("the store has written more than {MOST_BYTES} bytes, and its disk is small");
            process::exit(1);
        }
    }
    Verdict::Proceed
}

impl Filled<'_> {
    /// The settings of a round; `is_small` are those that also do with small files.
    fn options(&self, seed: u64, is_small: bool) -> LsmOptions {
        // In threads of its own a compaction that fails would end the writing, too.
        let has_threads = seed % 3 == 1 && !seed.is_multiple_of(8);
        let file_size = if is_small { 32 << 10 } else { 1 << 20 };
        let memtable_size = match self.room.is_disk || is_small {
            true => 64 << 10,
            // A log meets the limit, or only a table does.
            false if seed.is_multiple_of(8) => 100 << 10,
            false => 4 * FILE_LIMIT,
        };
        LsmOptions {
            memtable_size,
            table_size: file_size,
            background_flush: has_threads,
            background_compaction: has_threads,
            durability: match seed % 2 {
                0 => Durability::Sync,
                _ => Durability::Buffered,
            },
            fs: Arc::clone(&self.fs),
            ..LsmOptions::default()
        }
    }

    /// Writes, flushes and compacts until a write is refused, and then looks. Where logs stay
    /// below the limit, until a compaction is refused.
    fn fill(&mut self, seed: u64) -> Result<()> {
        let options = self.options(seed, false);
        let has_small_logs = !self.room.is_disk && options.memtable_size < FILE_LIMIT;
        let store = LsmStorage::open(self.room.store(), options)?;
        for count in 0..MOST_WRITES {
            let choice = match count < FREE_WRITES {
                true => self.rng.u8(..200),
                // What ends this round in any case: a compaction, or one write too many.
                false if has_small_logs => 3,
                false => 200,
            };
            match choice {
                0..3 => self.count_refusal("refused flushes", store.flush())?,
                3..6 => self.count_refusal("refused compactions", store.compact())?,
                _ => {}
            }
            if has_small_logs && self.tally.of("refused compactions") > 0 {
                return self.goes_on(&store);
            }
            if let Err(error) = self.write(&store) {
                self.room.check(&error).context("a write")?;
                self.tally.count("refused writes", 1);
                return self.refuses_all_but_reads(&store);
            }
        }
        bail!("the disk does not get full");
    }

    fn write(&mut self, store: &LsmStorage) -> mini_lsm::Result<()> {
        let ops: Vec<_> = (0..self.rng.usize(1..4))
            .map(|_| {
                let value: Vec<u8> = (0..self.rng.usize(100..3000))
                    .map(|_| self.rng.u8(..))
                    .collect();
                (key(self.rng.usize(..1200)), Some(value))
            })
            .collect();
        store.write(self.history.write(&ops))?;
        self.acked = self.history.len();
        self.history
            .forget_before(self.acked.saturating_sub(STATES));
        self.tally.count("writes", 1);
        Ok(())
    }

    fn count_refusal(&mut self, what: &'static str, done: mini_lsm::Result<()>) -> Result<()> {
        if let Err(error) = done {
            self.room.check(&error).context(what)?;
            self.tally.count(what, 1);
        }
        Ok(())
    }

    /// A compaction that found no room has changed nothing, and writes go on.
    fn goes_on(&mut self, store: &LsmStorage) -> Result<()> {
        self.write(store).context("after a refused compaction")?;
        let map = read_all(store).context("after a refused compaction")?;
        self.history.locate(&map, self.acked, self.acked)?;
        Ok(())
    }

    fn refuses_all_but_reads(&mut self, store: &LsmStorage) -> Result<()> {
        let kept = store.metrics().background_error;
        let kept = kept.context("a write was refused, and the store takes more")?;
        self.room.check(&kept).context("the background error")?;
        self.tally.count("background errors", 1);
        for refused in [store.put(b"more", b""), store.flush(), store.sync()] {
            let error = refused
                .err()
                .context("a call gives Ok after a refused write")?;
            self.room.check(&error)?;
        }
        let map = read_all(store).context("after a refused write")?;
        self.history.locate(&map, self.acked, self.acked)?;
        Ok(())
    }

    /// It may open, or say that there is no room: nothing is lost by that.
    fn reopen_without_room(&mut self, seed: u64) -> Result<()> {
        for _ in 0..2 {
            match LsmStorage::open(self.room.store(), self.options(seed, false)) {
                Ok(store) => {
                    self.tally.count("reopenings without room", 1);
                    self.settle(&store).context("reopened without room")?;
                }
                Err(error) => {
                    self.room.check(&error).context("open")?;
                    self.tally.count("opens refused for want of room", 1);
                }
            }
        }
        Ok(())
    }

    fn reopen_with_room(&mut self, seed: u64) -> Result<()> {
        if self.room.is_disk {
            fs::remove_file(self.room.ballast())?;
        }
        let options = || self.options(seed, true);
        let store = LsmStorage::open(self.room.store(), options()).context("with room")?;
        let options = options();
        self.settle(&store).context("reopened with room")?;
        for _ in 0..50 {
            self.write(&store).context("a write, with room")?;
        }
        store.flush().context("flush, with room")?;
        store.close().context("close, with room")?;
        drop(store);
        let store = LsmStorage::open(self.room.store(), options)?;
        self.settle(&store).context("reopened after that")?;
        self.tally.count("reopenings with room", 1);
        Ok(())
    }

    /// All that was acknowledged is there, and what is there stays.
    fn settle(&mut self, store: &LsmStorage) -> Result<()> {
        let map = read_all(store)?;
        let found = self.history.locate(&map, self.acked, self.history.len())?;
        if found < self.history.len() {
            // The write that failed is not there, and never will be.
            let put = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), Some(value.clone()));
            let ops: Vec<_> = map.iter().map(put).collect();
            self.history = History::new();
            self.history.write(&ops);
        }
        self.acked = self.history.len();
        Ok(())
    }
}
