//! Day 6 · Task 5 · Recovery: a store from what is on disk, whatever a crash left there.
//!
//! The steps, of which each relies on those before it; the lock has been taken already:
//!
//! 1. load the manifest, which names every table and log that belongs to the store;
//! 2. open the tables; a missing one is an error;
//! 3. replay the logs, oldest first, as one sequence;
//! 4. flush what was replayed, and create the log for what comes;
//! 5. write a new manifest: in one step the new tables and the new log come, and the old logs go;
//! 6. remove the files that nobody names.
//!
//! A crash in any step leaves a directory from which the next recovery gets the same. No old log is
//! appended to or shortened.

use std::path::Path;
use std::sync::Arc;

use super::core::Parts;
use super::flush::write_memtable;
use super::logs::Logs;
use super::metrics::{LostTail, RecoveryReport};
use super::state::Level;
use crate::block_cache::BlockCache;
use crate::error::{Error, Result};
use crate::files::{FileKind, MANIFEST, log_path};
use crate::fs::FileSystem;
use crate::ids::NUMBERS_END;
use crate::log::{LogContents, read_log};
use crate::manifest::{Manifest, Version};
use crate::mem_table::{MemTable, Seq};
use crate::options::LsmOptions;
use crate::table::{SsTable, TableId};
use crate::table_store::TableStore;
use crate::wal::{Wal, WalContents};

/// The parts of the store in `dir`, which has a manifest, and whose lock the caller holds.
///
/// If it fails before it comes to the new manifest, the tables that it has made are removed again.
pub fn recover(dir: &Path, options: &LsmOptions, cache: Option<Arc<BlockCache>>) -> Result<Parts> {
    let fs = &options.fs;
    let mut version = Manifest::load(&**fs, dir)?;
    check_unnamed_logs(&**fs, dir, &version)?;
    let next_id = version.next_id.max(first_free_id(&**fs, dir)?);
    let mut parts = Parts::empty(dir, options, cache, next_id);
    let mut levels = open_levels(&parts.tables, &version, options.level_count, dir)?;
    let replayed = replay_logs(dir, options, &version)?;
    check_room_to_count(dir, next_id.max(replayed.last_seq))?;

    let (flushed, log) = flush_replayed(dir, &**fs, &parts, &replayed.memtables)?;
    version
        .tables
        .extend(flushed.iter().map(|table| (table.id(), 0)));
    levels[0] = flushed
        .into_iter()
        .rev()
        .chain(levels[0].iter().cloned())
        .collect();
    version.logs = [log.id()].into();
    version.sealed_logs.clear();
    version.last_flushed_seq = replayed.last_seq;
    version.next_id = parts.tables.next_id();
    let manifest = Manifest::create(Arc::clone(fs), dir, version)?;
    remove_strays(&**fs, dir, &parts.tables, manifest.version())?;

    parts.state.levels = levels;
    parts.last_seq = replayed.last_seq;
    parts.logs = Some(Logs::new(Arc::clone(fs), dir, log));
    parts.manifest = Some(manifest);
    parts.recovery = replayed.report;
    Ok(parts)
}

/// Step 1, too: is the manifest's last edit still there? A log is named before anything is written
/// to it, so one that has a record, and an id that is free as far as the manifest knows, was named
/// by an edit that is lost. It is no stray.
fn check_unnamed_logs(fs: &dyn FileSystem, dir: &Path, version: &Version) -> Result<()> {
    for name in fs.list(dir)? {
        if let Some(FileKind::Log(id)) = FileKind::parse(&name)
            && id >= version.next_id
            && read_log(fs, &log_path(dir, id), id)?.end > 0
        {
            let reason = format!("its end is missing: it does not name {name}, which is in use");
            return Err(Error::corruption(&dir.join(MANIFEST), 0, reason));
        }
    }
    Ok(())
}

/// Above every id that a file has, also one that was created and never named. No store counts as far
/// as [`MAX_COUNT`]: who puts a file of such a name there must not lock its owner out.
fn first_free_id(fs: &dyn FileSystem, dir: &Path) -> Result<u64> {
    let ids = fs
        .list(dir)?
        .iter()
        .filter_map(|name| FileKind::parse(name)?.id())
        .filter(|id| *id < MAX_COUNT)
        .max();
    Ok(ids.map_or(1, |id| id + 1))
}

/// Step 2. A level from L1 on whose tables overlap is `Corruption` of the manifest.
fn open_levels(
    tables: &TableStore,
    version: &Version,
    level_count: usize,
    dir: &Path,
) -> Result<Vec<Level>> {
    let deepest = version.tables.values().copied().max().unwrap_or(0);
    let mut levels: Vec<Vec<Arc<SsTable>>> = vec![Vec::new(); level_count.max(deepest) + 1];
    // By descending id: as L0 wants it.
    for (&id, &level) in version.tables.iter().rev() {
        levels[level].push(tables.open(id)?);
    }
    for (number, level) in levels.iter_mut().enumerate().skip(1) {
        level.sort_by(|a, b| a.first_key().cmp(b.first_key()));
        if let Some(pair) = level
            .windows(2)
            .find(|pair| pair[0].last_key() >= pair[1].first_key())
        {
            let [TableId(a), TableId(b)] = [pair[0].id(), pair[1].id()];
            let reason = format!("tables {a} and {b} overlap on level {number}");
            return Err(Error::corruption(&dir.join(MANIFEST), 0, reason));
        }
    }
    Ok(levels.into_iter().map(Level::from).collect())
}

/// What the logs held.
#[derive(Default)]
struct Replayed {
    /// Oldest first; none is empty.
    memtables: Vec<Arc<MemTable>>,
    last_seq: Seq,
    report: RecoveryReport,
}

/// Step 3. The logs are one sequence: each batch must go on where the last one ended. At a gap (the
/// end of an older log was lost) the replay is over for good, and if a log from there on shows that
/// it was synced, the gap is `Corruption`: older logs are synced first, so that nothing of them can
/// have been lost by a crash.
fn replay_logs(dir: &Path, options: &LsmOptions, version: &Version) -> Result<Replayed> {
    let mut replayed = Replayed {
        last_seq: version.last_flushed_seq,
        ..Replayed::default()
    };
    // Where the log before ended, for the message.
    let mut last_end = (dir.join(MANIFEST), 0);
    let mut is_over = false;
    for &id in &version.logs {
        let path = log_path(dir, id);
        let contents = Wal::read(&*options.fs, dir, id)?;
        check_sealed(&path, contents.log.end, version.sealed_logs.get(&id))?;
        let goes_on = contents
            .batches
            .first()
            .is_none_or(|first| first.first_seq == replayed.last_seq + 1);
        is_over |= !goes_on;
        if is_over && contents.log.shows_sync {
            let reason = format!(
                "batches are missing from here on, but log {id}, which is newer, was synced"
            );
            return Err(Error::corruption(&last_end.0, last_end.1, reason));
        }
        // Of a log that is left out nothing is replayed.
        let end = if is_over { 0 } else { contents.log.end };
        replayed.report_log(&contents.log, &path, end);
        if !is_over {
            last_end = (path, end);
            replayed.apply(contents, id, options.memtable_size, &last_end.0)?;
        }
    }
    replayed.memtables.retain(|memtable| !memtable.is_empty());
    Ok(replayed)
}

/// A sealed log does not end before the length that it had.
fn check_sealed(path: &Path, end: u64, sealed_len: Option<&u64>) -> Result<()> {
    match sealed_len {
        Some(&len) if end < len => {
            let reason = format!("it ends here, but had {len} bytes when the store was closed");
            Err(Error::corruption(path, end, reason))
        }
        _ => Ok(()),
    }
}

impl Replayed {
    /// Notes a log that is replayed up to `end`.
    fn report_log(&mut self, log: &LogContents, file: &Path, end: u64) {
        self.report.log_count += 1;
        let lost = LostTail {
            file: file.to_owned(),
            offset: end,
            len: log.end + log.lost_bytes - end,
        };
        if lost.len > 0 {
            self.report.lost_tails.push(lost);
        }
    }

    /// Puts the batches of one log into a memtable, and into more of them if it gets too large.
    fn apply(
        &mut self,
        contents: WalContents,
        id: u64,
        memtable_size: usize,
        path: &Path,
    ) -> Result<()> {
        self.memtables.push(Arc::new(MemTable::new(id)));
        for logged in contents.batches {
            if logged.first_seq != self.last_seq + 1 {
                let reason = format!("batch {} follows {}", logged.first_seq, self.last_seq);
                return Err(Error::corruption(path, 0, reason));
            }
            if self
                .memtables
                .last()
                .is_some_and(|memtable| memtable.size() >= memtable_size)
            {
                self.memtables.push(Arc::new(MemTable::new(id)));
            }
            let memtable = self.memtables.last().expect("one was pushed above");
            for (seq, op) in (logged.first_seq..).zip(logged.batch.ops()) {
                memtable.insert(op.key, seq, op.value);
            }
            self.last_seq += logged.batch.len() as u64;
            self.report.batch_count += 1;
        }
        Ok(())
    }
}

/// Step 4: the tables, oldest first, and the new log. If it fails nobody names them, and they go
/// again: on a full disk the next attempt needs their room.
fn flush_replayed(
    dir: &Path,
    fs: &dyn FileSystem,
    parts: &Parts,
    memtables: &[Arc<MemTable>],
) -> Result<(Vec<Arc<SsTable>>, Wal)> {
    let mut flushed = Vec::new();
    let mut flush = || {
        for memtable in memtables {
            flushed.extend(write_memtable(memtable, &parts.tables)?);
        }
        Wal::create(fs, dir, parts.state.memtable.id())
    };
    match flush() {
        Ok(log) => Ok((flushed, log)),
        Err(error) => {
            flushed.iter().for_each(|table| parts.tables.retire(table));
            Err(error)
        }
    }
}

/// Ids and sequence numbers of a store that is opened are below this, so that there is room to go on.
const MAX_COUNT: u64 = NUMBERS_END / 2;

/// Before anything is written: a store that began close to the end of the numbers would write some
/// that it then refuses to read.
fn check_room_to_count(dir: &Path, greatest: u64) -> Result<()> {
    if greatest < MAX_COUNT {
        return Ok(());
    }
    let reason = format!("ids or sequence numbers go up to {greatest}: no room to count on");
    Err(Error::corruption(&dir.join(MANIFEST), 0, reason))
}

/// Step 6. Only files with our own names; a removal that fails is counted, and tried again at the
/// next open.
fn remove_strays(
    fs: &dyn FileSystem,
    dir: &Path,
    tables: &TableStore,
    version: &Version,
) -> Result<()> {
    for name in fs.list(dir)? {
        let is_stray = match FileKind::parse(&name) {
            Some(FileKind::Table(id)) => !version.tables.contains_key(&id),
            Some(FileKind::Log(id)) => !version.logs.contains(&id),
            Some(FileKind::ManifestTmp) => true,
            Some(FileKind::Manifest | FileKind::Lock) | None => false,
        };
        if is_stray {
            tables.remove(&dir.join(name));
        }
    }
    Ok(())
}
