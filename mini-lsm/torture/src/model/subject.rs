//! A store on a [`MemFs`], on which the actions of a script are performed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mini_lsm::fs::MemFs;
use mini_lsm::lsm_storage::TableMetrics;
use mini_lsm::{Durability, Error, LsmIterator, LsmOptions, LsmStorage, Metrics, WriteBatch};

use super::action::{Action, Answer, End, Entry, Op, SLOTS};
use super::inside;
use super::play::Pace;
use super::seen::Seen;
use super::settings::Choice;
use super::words::LONGEST_KEY;
use crate::tally::Tally;

const DIR: &str = "store";
const MIB: usize = 1 << 20;
/// How long the background may take to come to rest: it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store and its world.
pub struct Subject {
    fs: MemFs,
    options: LsmOptions,
    choice: Choice,
    pace: Pace,
    /// Always there, but for the moment between two.
    store: Option<LsmStorage>,
    scans: [Option<LsmIterator>; SLOTS],
    l0_at_open: usize,
    seen: Arc<Seen>,
    operations: u64,
    /// What was seen to happen.
    pub tally: Tally,
}

impl Subject {
    /// A new store, which opens with set 0 of `choice`.
    pub fn new(choice: Choice, pace: Pace) -> Result<Self> {
        let mut subject = Self {
            fs: MemFs::new(),
            options: LsmOptions::default(),
            choice,
            pace,
            store: None,
            scans: Default::default(),
            l0_at_open: 0,
            seen: Arc::default(),
            operations: 0,
            tally: Tally::new(),
        };
        subject.open(0)?;
        Ok(subject)
    }

    /// Whether each write must survive a power cut.
    pub fn has_durable_writes(&self) -> bool {
        self.options.durability == Durability::Sync
    }

    /// Performs `action`. Only a contract that was broken is an error.
    pub fn perform(&mut self, action: &Action) -> Result<Answer> {
        self.operations += 1;
        let answer = self.answer(action)?;
        if self.pace == Pace::Calm {
            self.settle()?;
        }
        Ok(answer)
    }

    fn answer(&mut self, action: &Action) -> Result<Answer> {
        match action {
            Action::Reopen { how, settings } => return self.reopen(*how, *settings),
            Action::Get(key) => return Ok(Answer::Value(self.store().get(key)?)),
            Action::Scan(range) => {
                let mut scan = self.store().scan(range.bounds())?;
                return Ok(Answer::Entries(advance(&mut scan, usize::MAX)?));
            }
            Action::Hold(slot, range) => {
                let scan = self.store().scan(range.bounds())?;
                self.scans[*slot] = Some(scan);
            }
            Action::Advance(slot, count) => {
                let scan = self.scans[*slot].as_mut();
                let entries = scan.map(|scan| advance(scan, *count)).transpose()?;
                return Ok(Answer::Entries(entries.unwrap_or_default()));
            }
            Action::Put(key, value) => {
                self.count_write(&[(key.clone(), Some(value.clone()))]);
                self.store().put(key, value)?;
            }
            Action::Delete(key) => self.store().delete(key)?,
            Action::Batch(ops) => {
                self.count_write(ops);
                self.store().write(batch(ops))?;
            }
            Action::Refused(ops) => self.be_refused(ops)?,
            Action::Sync => self.store().sync()?,
            Action::Flush => self.flush()?,
            Action::Compact => return self.compact(),
            Action::Settle => self.settle()?,
            Action::Metrics => drop(self.look_inside()?),
            Action::Wipe => return self.wipe(),
        }
        Ok(Answer::Done)
    }

    /// What was seen to happen.
    pub fn finish(mut self) -> Result<Tally> {
        self.store().close().context("close failed")?;
        self.tally.count("operations", self.operations);
        self.seen.tell(&mut self.tally);
        Ok(self.tally)
    }

    fn store(&self) -> &LsmStorage {
        self.store.as_ref().expect("there is a store")
    }

    fn be_refused(&mut self, ops: &[Op]) -> Result<()> {
        match self.store().write(batch(ops)) {
            Err(Error::InvalidArgument(_)) => self.tally.count("writes refused", 1),
            Err(error) => return Err(error).context("it must be refused as InvalidArgument"),
            Ok(()) => bail!("it must be refused, and was done"),
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.store().flush()?;
        let metrics = self.look_inside()?;
        let in_memory = metrics.memtable.entry_count + metrics.frozen.len();
        ensure!(in_memory == 0, "after a flush something is left in memory");
        Ok(())
    }

    fn compact(&mut self) -> Result<Answer> {
        self.store().compact()?;
        let metrics = self.look_inside()?;
        let level_count = metrics.levels.iter().filter(|tables| !tables.is_empty());
        let level_count = level_count.count();
        ensure!(
            level_count <= 1 || self.options.background_compaction,
            "after a compaction {level_count} levels hold tables"
        );
        Ok(Answer::EntryCount(inside::entry_count(&metrics)))
    }

    /// What is deleted must be gone from the disk, too, once nobody reads it any more.
    fn wipe(&mut self) -> Result<Answer> {
        self.scans = Default::default();
        let mut ops = Vec::new();
        for entry in self.store().scan(..)? {
            ops.push((entry?.0, None));
        }
        self.store().write(batch(&ops))?;
        let answer = self.compact()?;
        let names = self.fs.file_names(DIR);
        let tables = names.iter().filter(|name| name.ends_with(".sst")).count();
        // A background thread may still hold the state before.
        let has_threads = self.options.background_compaction || self.options.background_flush;
        ensure!(
            tables == 0 || has_threads,
            "everything is deleted and compacted, and there still is {names:?}"
        );
        self.tally
            .count("stores emptied by deletes", u64::from(!ops.is_empty()));
        Ok(answer)
    }

    fn settle(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !inside::is_settled(&self.look_inside()?, &self.options) {
            ensure!(
                begun.elapsed() < PATIENCE,
                "the background does not come to rest"
            );
            std::thread::sleep(Duration::from_micros(50));
        }
        Ok(())
    }

    fn look_inside(&self) -> Result<Metrics> {
        let metrics = self.store().metrics();
        inside::check(&metrics, &self.options, self.l0_at_open)?;
        Ok(metrics)
    }

    fn reopen(&mut self, how: End, settings: usize) -> Result<Answer> {
        match how {
            End::Close => self.close()?,
            End::Drop => {}
            End::Cut(plan) => self.fs = self.fs.crash_clone(&plan),
        }
        self.count_reopening(how);
        let levels = self.store().metrics().levels;
        let before = std::mem::take(&mut self.options);
        // A directory has one owner.
        self.store = None;
        self.open(settings)?;
        self.count_targets(&levels, &before);
        let mut scan = self.store().scan(..)?;
        Ok(Answer::Entries(advance(&mut scan, usize::MAX)?))
    }

    fn open(&mut self, settings: usize) -> Result<()> {
        let listener = Arc::clone(&self.seen) as _;
        self.options = self.choice.options(settings, &self.fs, listener);
        let store = LsmStorage::open(DIR, self.options.clone()).context("open failed")?;
        let metrics = store.metrics();
        self.store = Some(store);
        self.l0_at_open = metrics.levels[0].len();
        inside::check(&metrics, &self.options, self.l0_at_open)?;
        let recovery = &metrics.recovery;
        let replayed = u64::from(recovery.batch_count > 0);
        self.tally.count("recoveries with replayed logs", replayed);
        let lost_tails = recovery.lost_tails.len() as u64;
        self.tally.count("lost tails", lost_tails);
        Ok(())
    }

    /// Closes the store, which then refuses all calls but this one.
    fn close(&mut self) -> Result<()> {
        self.store().close().context("close failed")?;
        self.store().close().context("the second close failed")?;
        let is_closed = |outcome: mini_lsm::Result<()>| matches!(outcome, Err(Error::Closed));
        let refuses = is_closed(self.store().put(b"key", b"value"))
            && is_closed(self.store().get(b"key").map(drop))
            && is_closed(self.store().scan(..).map(drop))
            && is_closed(self.store().flush());
        ensure!(refuses, "a store that is closed must answer Closed");
        Ok(())
    }

    fn count_write(&mut self, ops: &[Op]) {
        for (key, value) in ops {
            let value_len = value.as_ref().map_or(0, |value| value.len());
            let entry_len = key.len() + value_len;
            let facts = [
                ("empty values", value.is_some() && value_len == 0),
                ("values of MiB", value_len >= MIB),
                (
                    "entries larger than a block",
                    entry_len > self.options.block_size,
                ),
                ("keys of 65,535 bytes", key.len() == LONGEST_KEY),
            ];
            for (what, is_so) in facts {
                self.tally.count(what, u64::from(is_so));
            }
        }
    }

    fn count_reopening(&mut self, how: End) {
        let what = match how {
            End::Close => "closes",
            End::Drop => "drops",
            End::Cut(_) => "power cuts",
        };
        self.tally.count(what, 1);
        let held = self.scans.iter().flatten().filter(|scan| scan.is_valid());
        let held = held.count() as u64;
        self.tally.count("cursors held across a reopening", held);
    }

    /// Of levels that hold something.
    fn count_targets(&mut self, levels: &[Vec<TableMetrics>], before: &LsmOptions) {
        let filled = (1..levels.len()).filter(|&level| !levels[level].is_empty());
        for level in filled {
            let (before, after) = (before.level_target(level), self.options.level_target(level));
            let (shrunk, grown) = (after < before, after > before);
            self.tally.count("level targets shrunk", u64::from(shrunk));
            self.tally.count("level targets grown", u64::from(grown));
        }
    }
}

/// The next `count` entries of `scan`, if there are so many.
fn advance(scan: &mut LsmIterator, count: usize) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    while entries.len() < count && scan.is_valid() {
        let (key, value) = (scan.key().to_vec(), scan.value().to_vec());
        entries.push((key.into(), value.into()));
        scan.next()?;
    }
    Ok(entries)
}

fn batch(ops: &[Op]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for (key, value) in ops {
        batch.push(key.clone(), value.clone());
    }
    batch
}
