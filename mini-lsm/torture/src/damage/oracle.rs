//! What must hold of a store with one damaged file: the right answer, or an error that names the file.

use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use mini_lsm::fs::{CrashPlan, FileSystem, MemFs};
use mini_lsm::{Error, LsmStorage};

use super::fixture::{self, DIR, Log, path};
use super::kinds::Case;
use crate::history::{Map, difference, show};

/// How a damaged store answered, if it was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `open` gave the error.
    Refused,
    /// `open` went well, and a read or a compaction gave the error.
    ReadFailed,
    /// Everything was there.
    Right,
    /// The end of a log, which nothing said was synced, was lost, and reported.
    LostTail,
    /// The same, but the log ends as if there never had been more, so that there is nothing to
    /// report.
    LostUnseen,
}

/// Damages the store, opens it, reads all of it, compacts it. An error if an answer is wrong.
pub fn judge(case: &Case<'_>, damaged: Option<Vec<u8>>) -> Result<Outcome> {
    let fs = case.fixture.fs.crash_clone(&CrashPlan::Keep);
    match &damaged {
        Some(bytes) => fs.write_raw(path(case.name()), bytes),
        None => fs.remove(&path(case.name()))?,
    }
    let outcome = match LsmStorage::open(DIR, fixture::options(&fs)) {
        Ok(store) => read(case, &store, damaged.as_deref())?,
        Err(error) => {
            accept(case, &error, damaged.is_none()).context("open(..)")?;
            check_untouched(case, &fs, damaged.as_deref())?;
            Outcome::Refused
        }
    };
    let open = fs.open_handles();
    ensure!(open == 0, "{open} files are open when the store is gone");
    Ok(outcome)
}

fn read(case: &Case<'_>, store: &LsmStorage, damaged: Option<&[u8]>) -> Result<Outcome> {
    let all = case.fixture.history.len();
    let (map, failure) = scan(store)?;
    let writes = match &failure {
        None => {
            let floor = floor(case, damaged);
            case.fixture.history.locate(&map, floor, all)?
        }
        Some(error) => {
            accept(case, error, damaged.is_none()).context("scan(..)")?;
            let expected = case.fixture.history.last().iter().take(map.len());
            ensure!(expected.eq(&map), "scan(..) was wrong before it failed");
            all
        }
    };
    let state = case.fixture.history.state(writes);
    let mut has_failed = failure.is_some();
    for key in &case.fixture.keys {
        match store.get(key) {
            Ok(got) => check_get(key, state.get(key), got.as_deref())?,
            Err(error) => {
                accept(case, &error, damaged.is_none()).context("get")?;
                has_failed = true;
            }
        }
    }
    let is_reported = writes == all || is_reported(case, store, writes, damaged)?;
    match store.compact() {
        Ok(()) => check_compacted(store, state)?,
        Err(error) => {
            accept(case, &error, damaged.is_none()).context("compact()")?;
            has_failed = true;
        }
    }
    Ok(match (has_failed, writes == all, is_reported) {
        (true, ..) => Outcome::ReadFailed,
        (_, true, _) => Outcome::Right,
        (.., true) => Outcome::LostTail,
        (.., false) => Outcome::LostUnseen,
    })
}

/// What a scan gives, and what it failed with.
fn scan(store: &LsmStorage) -> Result<(Map, Option<Error>)> {
    let mut map = Map::new();
    let mut scan = match store.scan(..) {
        Ok(scan) => scan,
        Err(error) => return Ok((map, Some(error))),
    };
    while scan.is_valid() {
        let (key, value) = (scan.key().to_vec(), scan.value().to_vec());
        if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
            bail!("scan(..) gives {} out of order", show(&key));
        }
        map.insert(key, value);
        if let Err(error) = scan.next() {
            ensure!(
                !scan.is_valid() && scan.next().is_err(),
                "a scan goes on after an error"
            );
            return Ok((map, Some(error)));
        }
    }
    Ok((map, None))
}

fn check_get(key: &[u8], expected: Option<&Vec<u8>>, got: Option<&[u8]>) -> Result<()> {
    let tell = |value: Option<&[u8]>| value.map_or_else(|| "nothing".to_owned(), show);
    let expected = expected.map(Vec::as_slice);
    ensure!(
        got == expected,
        "get({}) gives {}, expected {}",
        show(key),
        tell(got),
        tell(expected)
    );
    Ok(())
}

/// A compaction has read every byte of the tables: if it saw no damage, there is none left.
fn check_compacted(store: &LsmStorage, state: &Map) -> Result<()> {
    let (map, failure) = scan(store)?;
    if let Some(error) = failure {
        bail!("after compact() scan(..) fails: {error}");
    }
    ensure!(
        map == *state,
        "after compact() the store holds something else: {}",
        difference(state, &map)
    );
    Ok(())
}

/// Whether the error is one that this damage may give: it names the file.
///
/// A manifest that has lost its last edits may name files that are not needed any more; that one of
/// them is missing is also said clearly enough.
fn accept(case: &Case<'_>, error: &Error, is_deleted: bool) -> Result<()> {
    let damaged = path(case.name());
    let is_in_store = |path: &Path| {
        let mut files = case.fixture.files.iter();
        files.any(|(name, _)| path == fixture::path(name))
    };
    let names_it = match error {
        Error::Corruption { file, .. } => *file == damaged,
        Error::Io { path, cause, .. } if cause.kind() == io::ErrorKind::NotFound => {
            let is_stale = case.name() == mini_lsm::files::MANIFEST && !is_in_store(path);
            is_deleted && *path == damaged || is_stale
        }
        _ => false,
    };
    ensure!(
        names_it,
        "the error should be a Corruption or NotFound of {}, it is: {error} ({error:?})",
        damaged.display()
    );
    Ok(())
}

/// So many writes must be there: those whose records come before the damage, and those that an
/// undamaged header, of this log or of a newer one, or the manifest of a closed store, says were synced.
fn floor(case: &Case<'_>, damaged: Option<&[u8]>) -> usize {
    let all = case.fixture.history.len();
    let Some((log, newer)) = log_of(case) else {
        return all;
    };
    // Of a store that was closed the manifest knows how long the logs are.
    let is_told = case.fixture.is_closed() || newer.iter().any(Log::shows_sync);
    let Some(damaged) = damaged.filter(|_| !is_told) else {
        return all;
    };
    let original = case.original();
    let same = std::iter::zip(original, damaged).take_while(|(a, b)| a == b);
    let same = same.count();
    let witnesses = log.records.iter();
    let vouched = witnesses
        .filter(|record| record.has_header_in(original, damaged))
        .map(|record| record.synced)
        .max();
    let safe = log
        .records
        .iter()
        .take_while(|record| record.end <= same || record.offset < vouched.unwrap_or(0));
    safe.last()
        .map_or(log.writes_before, |record| record.writes)
}

/// Whether recovery has told that the writes after the first `writes` are lost; an error if it has
/// not although it could have known.
fn is_reported(
    case: &Case<'_>,
    store: &LsmStorage,
    writes: usize,
    damaged: Option<&[u8]>,
) -> Result<bool> {
    let (Some((log, newer)), Some(damaged)) = (log_of(case), damaged) else {
        bail!("writes are lost, and no log is damaged");
    };
    let report = store.metrics().recovery;
    let reports = |name: &str| {
        let mut tails = report.lost_tails.iter();
        tails.any(|tail| tail.file == path(name) && tail.len > 0)
    };
    for log in newer {
        ensure!(
            reports(&log.name),
            "{} was left out, because what comes before it is lost, and that is not reported",
            log.name
        );
    }
    let first_lost = log.records.iter().find(|record| record.writes > writes);
    let rest = first_lost.and_then(|record| damaged.get(record.offset..));
    let leaves_a_trace = rest.is_some_and(|rest| rest.iter().any(|&byte| byte != 0));
    ensure!(
        !leaves_a_trace || reports(&log.name),
        "writes after {writes} are lost, and that is not reported: {report:?}"
    );
    Ok(leaves_a_trace)
}

/// The damaged log and those that are newer, if the file is a log.
fn log_of<'a>(case: &Case<'a>) -> Option<(&'a Log, &'a [Log])> {
    let logs = &case.fixture.logs;
    let index = logs.iter().position(|log| log.name == case.name())?;
    Some((&logs[index], &logs[index + 1..]))
}

/// An `open` that failed has changed nothing.
fn check_untouched(case: &Case<'_>, fs: &MemFs, damaged: Option<&[u8]>) -> Result<()> {
    let files = &case.fixture.files;
    let expected = files
        .iter()
        .enumerate()
        .filter_map(|(file, (name, bytes))| {
            let bytes = match file == case.file {
                true => damaged,
                false => Some(bytes.as_slice()),
            };
            Some((name, bytes?))
        });
    let (names, contents): (Vec<_>, Vec<_>) = expected.unzip();
    let found = fs.file_names(DIR);
    ensure!(
        found.iter().eq(names.iter().copied()),
        "open(..) failed, and the files, {names:?} before, are {found:?}"
    );
    for (name, bytes) in std::iter::zip(names, contents) {
        ensure!(
            fs.read(path(name)) == bytes,
            "open(..) failed, and {name} has changed"
        );
    }
    Ok(())
}
