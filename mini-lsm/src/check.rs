//! Checking a store offline: is every byte of it what was written there, and does it all fit together?
//!
//! `open` reads what it needs, and stops at the first thing that is wrong. A check reads everything
//! and goes on, so that one damaged file does not hide another:
//!
//! | what       | what must hold                                                                        |
//! |------------|---------------------------------------------------------------------------------------|
//! | manifest   | every record is sound; ids are below the next free one                                |
//! | tables     | every one that is named is there; every block, key order, index, filter, entry count  |
//! | levels     | from L1 on the tables of a level do not overlap                                       |
//! | logs       | every one that is in use is named and there; every record and batch; none is shorter  |
//! |            | than when the store was closed; sequence numbers go on                                |
//!
//! A lost tail of a log, and a file that nobody needs, are what a crash may leave: they are told,
//! but they are no problems. Nothing on disk is changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::byte_reader::Origin;
use crate::error::{Error, Result};
use crate::files::{FileKind, LOCK, MANIFEST, log_path, table_path};
use crate::fs::{FileLock, FileSystem};
use crate::ids::{Seq, TableId};
use crate::log::{LogContents, read_log};
use crate::lsm_storage::LostTail;
use crate::manifest::{MANIFEST_LOG_ID, Manifest, Version};
use crate::table::SsTable;
use crate::wal::{LoggedBatch, decode_batch};

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// How many tables could be opened.
    pub table_count: usize,
    /// How many logs could be read.
    pub log_count: usize,
    /// How many entries the sound blocks of the tables and the sound batches of the logs have, old
    /// versions and tombstones among them.
    pub entry_count: u64,
    /// All that is wrong, each with its file. None: the store is sound.
    pub problems: Vec<Error>,
    /// What a crash took from the ends of logs, and `open` will do without. It had never been
    /// synced.
    pub lost_tails: Vec<LostTail>,
    /// Files of ours that nobody needs. The next `open` removes them.
    pub strays: Vec<PathBuf>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Checks the whole store in `dir`, which nobody may have open, and changes nothing on disk.
///
/// What is wrong with the store is in the report. An error means that nothing was checked:
/// `AlreadyOpen` if the store has an owner, `InvalidArgument` if `dir` is no store, `Io` if it is
/// missing or cannot be listed.
///
/// Without a manifest, or with one that cannot be read, each table and log that is there is checked
/// by itself. Under a manifest of a newer format nothing else is looked at.
pub fn check(fs: Arc<dyn FileSystem>, dir: impl AsRef<Path>) -> Result<CheckReport> {
    let dir = dir.as_ref();
    let _lock = lock(&*fs, dir)?;
    let mut checker = Checker {
        files: list(&*fs, dir)?,
        fs,
        dir,
        report: CheckReport::default(),
    };
    match checker.manifest() {
        Ok(version) => {
            checker.ids(&version);
            checker.levels(&version);
            checker.logs(&version);
            checker.unnamed_logs(&version);
            checker.strays(&version);
        }
        // The logs may be of that format, too, and look damaged to us.
        Err(problem @ Error::NewerFormat { .. }) => checker.problem(problem),
        Err(problem) => {
            checker.problem(problem);
            checker.what_is_there();
        }
    }
    Ok(checker.report)
}

/// The lock of the store. None where there is no lock file: whoever has the store open has made
/// one, and to make one here would change the directory.
fn lock(fs: &dyn FileSystem, dir: &Path) -> Result<Option<Box<dyn FileLock>>> {
    let files = list(fs, dir)?;
    let is_locked = |file: &(FileKind, String)| file.0 == FileKind::Lock;
    match files.iter().any(is_locked) {
        true => fs.lock(&dir.join(LOCK)).map(Some),
        false => Ok(None),
    }
}

/// The files of a store in `dir`. `InvalidArgument` if there is none that says it is one.
fn list(fs: &dyn FileSystem, dir: &Path) -> Result<Vec<(FileKind, String)>> {
    let names = fs.list(dir)?.into_iter();
    let files: Vec<_> = names
        .filter_map(|name| Some((FileKind::parse(&name)?, name)))
        .collect();
    let belongs_to_a_store = |file: &(FileKind, String)| {
        matches!(
            file.0,
            FileKind::Manifest | FileKind::Table(_) | FileKind::Log(_)
        )
    };
    match files.iter().any(belongs_to_a_store) {
        true => Ok(files),
        false => Err(Error::InvalidArgument(format!(
            "{} is no store: it has no {MANIFEST}, no table and no log",
            dir.display()
        ))),
    }
}

/// A check on its way.
struct Checker<'a> {
    fs: Arc<dyn FileSystem>,
    dir: &'a Path,
    files: Vec<(FileKind, String)>,
    report: CheckReport,
}

/// The first and the last key of a table.
type KeyRange = (Vec<u8>, Vec<u8>);

impl Checker<'_> {
    fn problem(&mut self, problem: Error) {
        self.report.problems.push(problem);
    }

    fn lost_tail(&mut self, file: &Path, offset: u64, len: u64) {
        if len > 0 {
            let file = file.to_owned();
            self.report.lost_tails.push(LostTail { file, offset, len });
        }
    }

    fn manifest(&mut self) -> Result<Version> {
        let path = self.dir.join(MANIFEST);
        if !self
            .files
            .iter()
            .any(|(kind, _)| *kind == FileKind::Manifest)
        {
            return Err(Error::corruption(&path, 0, "the manifest is missing"));
        }
        let version = Manifest::load(&*self.fs, self.dir)?;
        let contents = read_log(&*self.fs, &path, MANIFEST_LOG_ID)?;
        self.lost_tail(&path, contents.end, contents.lost_bytes);
        Ok(version)
    }

    /// An id that is in use must not be given out again.
    fn ids(&mut self, version: &Version) {
        let tables = version.tables.keys().map(|id| id.0);
        let greatest = tables.chain(version.logs.iter().copied()).max();
        if let Some(id) = greatest.filter(|&id| id >= version.next_id) {
            let reason = format!(
                "it names file {id}, and says that ids from {} on are free",
                version.next_id
            );
            self.problem(Error::corruption(&self.dir.join(MANIFEST), 0, reason));
        }
    }

    fn levels(&mut self, version: &Version) {
        let mut levels: BTreeMap<usize, Vec<(KeyRange, TableId)>> = BTreeMap::new();
        for (&id, &level) in &version.tables {
            match self.table(id) {
                Ok(range) => levels.entry(level).or_default().push((range, id)),
                Err(problem) => self.problem(problem),
            }
        }
        // The tables of L0 may overlap.
        levels.remove(&0);
        for (level, mut tables) in levels {
            tables.sort();
            for pair in tables.windows(2) {
                let [((_, last_key), TableId(a)), ((first_key, _), TableId(b))] = pair else {
                    continue;
                };
                if last_key >= first_key {
                    let reason = format!("tables {a} and {b} overlap on level {level}");
                    self.problem(Error::corruption(&self.dir.join(MANIFEST), 0, reason));
                }
            }
        }
    }

    /// Opens a table and reads all of it. An error if it cannot be opened; what is wrong with its
    /// blocks is a problem each.
    fn table(&mut self, id: TableId) -> Result<KeyRange> {
        let path = table_path(self.dir, id);
        let table = SsTable::open(Arc::clone(&self.fs), &path, id, None)?;
        self.report.table_count += 1;
        let mut entry_count = 0;
        let mut has_bad_blocks = false;
        for index in 0..table.block_count() {
            match table.verify_block(index) {
                Ok(count) => entry_count += count as u64,
                Err(problem) => {
                    has_bad_blocks = true;
                    self.problem(problem);
                }
            }
        }
        self.report.entry_count += entry_count;
        if !has_bad_blocks && let Err(problem) = table.verify_count(entry_count) {
            self.problem(problem);
        }
        Ok((table.first_key().to_vec(), table.last_key().to_vec()))
    }

    /// The logs are one sequence. Where it breaks off, `open` does without the rest, unless that
    /// was synced: older logs are synced first, so then something synced is missing.
    fn logs(&mut self, version: &Version) {
        let mut sequence = Sequence::after(version.last_flushed_seq);
        // Where the log before ended.
        let mut last_end = (self.dir.join(MANIFEST), 0);
        let mut is_over = false;
        for &id in &version.logs {
            let path = log_path(self.dir, id);
            let Some((contents, batches)) = self.log(id) else {
                sequence = Sequence::Unknown;
                continue;
            };
            is_over |= batches
                .first()
                .is_some_and(|(_, first)| !sequence.goes_on_with(first));
            if is_over && contents.shows_sync {
                let reason = format!(
                    "batches are missing from here on, but log {id}, which is newer, was synced"
                );
                self.problem(Error::corruption(&last_end.0, last_end.1, reason));
                // Told once.
                (is_over, sequence) = (false, Sequence::Unknown);
            }
            if is_over {
                self.lost_tail(&path, 0, contents.end + contents.lost_bytes);
                continue;
            }
            self.lost_tail(&path, contents.end, contents.lost_bytes);
            if let Some(&len) = version.sealed_logs.get(&id)
                && contents.end < len
            {
                let reason = format!("it ends here, but had {len} bytes when the store was closed");
                self.problem(Error::corruption(&path, contents.end, reason));
            }
            self.batches(&path, &batches, &mut sequence);
            if batches.len() < contents.payloads.len() {
                sequence = Sequence::Unknown;
            }
            last_end = (path, contents.end);
        }
    }

    /// Reads a log and those of its batches that are sound, each with its offset.
    fn log(&mut self, id: u64) -> Option<(LogContents, Vec<(u64, LoggedBatch)>)> {
        let path = log_path(self.dir, id);
        let contents = read_log(&*self.fs, &path, id);
        let contents = contents.map_err(|problem| self.problem(problem)).ok()?;
        self.report.log_count += 1;
        let mut batches = Vec::new();
        for (offset, payload) in &contents.payloads {
            match decode_batch(payload.clone(), Origin::new(&path, *offset)) {
                Ok(batch) => batches.push((*offset, batch)),
                Err(problem) => self.problem(problem),
            }
        }
        let entry_counts = batches.iter().map(|(_, logged)| logged.batch.len() as u64);
        self.report.entry_count += entry_counts.sum::<u64>();
        Some((contents, batches))
    }

    /// Follows the sequence numbers through one log.
    fn batches(&mut self, path: &Path, batches: &[(u64, LoggedBatch)], sequence: &mut Sequence) {
        for (offset, logged) in batches {
            if let Sequence::Next(expected) = *sequence
                && expected != logged.first_seq
            {
                let found = logged.first_seq;
                let reason =
                    format!("a batch with sequence number {found}, expected is {expected}");
                self.problem(Error::corruption(path, *offset, reason));
            }
            *sequence = Sequence::Next(logged.first_seq + logged.batch.len() as u64);
        }
    }

    /// A log is named before anything is written to it, so one that has a record, and an id that the
    /// manifest calls free, was named by an edit that is lost.
    fn unnamed_logs(&mut self, version: &Version) {
        let manifest = self.dir.join(MANIFEST);
        for (kind, name) in &self.files {
            let FileKind::Log(id) = *kind else { continue };
            if id < version.next_id {
                continue;
            }
            match read_log(&*self.fs, &log_path(self.dir, id), id) {
                Ok(contents) if contents.end == 0 => {}
                Ok(_) => {
                    let reason =
                        format!("its end is missing: it does not name {name}, which is in use");
                    let problem = Error::corruption(&manifest, 0, reason);
                    self.report.problems.push(problem);
                }
                Err(problem) => self.report.problems.push(problem),
            }
        }
    }

    fn strays(&mut self, version: &Version) {
        for (kind, name) in &self.files {
            let is_needed = match kind {
                FileKind::Table(id) => version.tables.contains_key(id),
                FileKind::Log(id) => version.logs.contains(id),
                FileKind::ManifestTmp => false,
                FileKind::Manifest | FileKind::Lock => true,
            };
            if !is_needed {
                self.report.strays.push(self.dir.join(name));
            }
        }
    }

    /// Every table and log by itself.
    fn what_is_there(&mut self) {
        for (kind, _) in std::mem::take(&mut self.files) {
            match kind {
                FileKind::Table(id) => {
                    if let Err(problem) = self.table(id) {
                        self.problem(problem);
                    }
                }
                FileKind::Log(id) => {
                    let path = log_path(self.dir, id);
                    if let Some((contents, batches)) = self.log(id) {
                        self.lost_tail(&path, contents.end, contents.lost_bytes);
                        self.batches(&path, &batches, &mut Sequence::Unknown);
                    }
                }
                FileKind::Manifest | FileKind::ManifestTmp | FileKind::Lock => {}
            }
        }
    }
}

/// Which sequence number comes next.
#[derive(Clone, Copy, Debug)]
enum Sequence {
    Next(Seq),
    /// Something before could not be read.
    Unknown,
}

impl Sequence {
    fn after(seq: Seq) -> Self {
        Self::Next(seq + 1)
    }

    fn goes_on_with(self, batch: &LoggedBatch) -> bool {
        match self {
            Self::Next(seq) => batch.first_seq == seq,
            Self::Unknown => true,
        }
    }
}
