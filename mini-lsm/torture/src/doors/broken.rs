//! Directories that are no store, or a store that is not whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use mini_lsm::files::{LOCK, MANIFEST, MANIFEST_TMP, log_path, table_path};
use mini_lsm::fs::{DiskFs, FileSystem};
use mini_lsm::log::LogWriter;
use mini_lsm::manifest::{MANIFEST_LOG_ID, Manifest};
use mini_lsm::table::{FOOTER_LEN, TableId};
use mini_lsm::{Error, LsmStorage, check};

use super::world::{World, options};
use crate::tally::Tally;

/// Names and bytes.
type Files<'a> = &'a [(&'a str, &'a [u8])];

/// Files of others, and what other engines leave.
pub fn foreign(world: &World, tally: &mut Tally) -> Result<()> {
    let no_bytes: &[u8] = b"";
    let cases: [(&str, Files<'_>, &str); 8] = [
        ("notes", &[("notes.txt", b"milk")], "notes.txt"),
        ("photographs", &[("2024/summer.jpg", b"jpg")], "2024"),
        ("hidden", &[(".git/HEAD", b"ref")], ".git"),
        (
            "leveldb",
            &[
                ("000003.log", no_bytes),
                ("CURRENT", b"MANIFEST-000002\n"),
                ("LOCK", no_bytes),
                ("LOG", b"log"),
                ("MANIFEST-000002", b"manifest"),
            ],
            "leveldb",
        ),
        (
            "rocksdb",
            &[
                ("000008.sst", b"table"),
                ("000012.log", no_bytes),
                ("CURRENT", b"MANIFEST-000005\n"),
                ("IDENTITY", b"id"),
                ("LOCK", no_bytes),
                ("MANIFEST-000005", b"manifest"),
                ("OPTIONS-000007", b"options"),
            ],
            "rocksdb",
        ),
        // Names that are nearly ours.
        (
            "jar",
            &[("MANIFEST", b"Manifest-Version: 1.0\n")],
            "MANIFEST",
        ),
        (
            "near",
            &[("1.sst", no_bytes), ("manifest", no_bytes)],
            "near",
        ),
        (
            "locked",
            &[("LOCK", no_bytes), ("data.db", b"data")],
            "data.db",
        ),
    ];
    for (name, files, word) in cases {
        let dir = world.folder(name, files)?;
        world.is_refused(&dir, &[word, name])?;
        tally.count("refusals", 1);
    }
    Ok(())
}

/// What a later engine would write. The message tells the format, not what is unknown about it.
pub fn newer_format(world: &World, tally: &mut Tally) -> Result<()> {
    let future = r#"{"format":2,"next_id":1,"snapshots":[{"name":"monday"}]}"#;
    for (name, edits) in [
        ("newer", &[future][..]),
        ("newer and longer", &[future, r#"{"blobs":[1]}"#][..]),
    ] {
        let dir = world.copy(name)?;
        replace_manifest(&dir, edits)?;
        world.is_refused(&dir, &[MANIFEST, "format 2", "use a newer engine"])?;
        is_newer(&dir)?;
        tally.count("refusals", 1);
    }
    let dir = world.copy("newer table")?;
    let (TableId(id), path) = a_table(&dir)?;
    let mut bytes = fs::read(&path)?;
    let footer = bytes.len() - FOOTER_LEN;
    bytes[footer + 24] = 2;
    let checked = [&bytes[footer..footer + 32], &id.to_le_bytes()].concat();
    let checksum = crc32fast::hash(&checked).to_le_bytes();
    bytes[footer + 32..].copy_from_slice(&checksum);
    fs::write(&path, bytes)?;
    let name = format!("{id:06}.sst");
    world.is_refused(&dir, &[&name, "format 2", "use a newer engine"])?;
    is_newer(&dir)?;
    tally.count("refusals", 1);
    Ok(())
}

/// The one thing that open and check say is that the format is newer.
fn is_newer(dir: &Path) -> Result<()> {
    let opened = LsmStorage::open(dir, options()).err();
    let report = check(Arc::new(DiskFs), dir)?;
    let is_newer = |error: &Error| {
        matches!(
            error,
            Error::NewerFormat {
                found: 2,
                known: 1,
                ..
            }
        )
    };
    ensure!(
        opened.as_ref().is_some_and(is_newer),
        "open says {opened:?}, not NewerFormat"
    );
    ensure!(
        matches!(&report.problems[..], [problem] if is_newer(problem)),
        "check should find NewerFormat alone: {:?}",
        report.problems
    );
    Ok(())
}

/// Empty, garbage, a directory; and the same without a lock file, which must not come into being.
pub fn manifest(world: &World, tally: &mut Tally) -> Result<()> {
    for has_lock in [true, false] {
        for (name, bytes) in [
            ("empty manifest", Some(&b""[..])),
            ("zero manifest", Some(&[0; 300])),
            ("text for a manifest", Some(b"Manifest-Version: 1.0\n")),
            ("directory for a manifest", None),
        ] {
            let dir = world.copy(&format!("{name} {has_lock}"))?;
            let path = dir.join(MANIFEST);
            fs::remove_file(&path)?;
            match bytes {
                Some(bytes) => fs::write(path, bytes)?,
                None => fs::create_dir(path)?,
            }
            if !has_lock {
                fs::remove_file(dir.join(LOCK))?;
            }
            world
                .is_refused(&dir, &[MANIFEST])
                .with_context(|| name.to_owned())?;
            tally.count("refusals", 1);
        }
    }
    // A sound one goes without saying.
    let dir = world.copy("no lock file")?;
    fs::remove_file(dir.join(LOCK))?;
    world.is_sound(&dir)
}

/// A store in which something is not there any more, or is something else.
pub fn missing_files(world: &World, tally: &mut Tally) -> Result<()> {
    let dir = world.copy("no manifest")?;
    fs::remove_file(dir.join(MANIFEST))?;
    world.is_refused(&dir, &[MANIFEST, "missing"])?;

    let dir = world.copy("no table")?;
    let (TableId(id), path) = a_table(&dir)?;
    let name = format!("{id:06}.sst");
    fs::remove_file(&path)?;
    world.is_refused(&dir, &[&name])?;
    fs::create_dir(&path)?;
    world.is_refused(&dir, &[&name])?;

    let dir = world.copy("no log")?;
    let version = Manifest::load(&DiskFs, &dir)?;
    let id = version.logs.first().context("a store has a log")?;
    fs::remove_file(dir.join(format!("{id:06}.wal")))?;
    world.is_refused(&dir, &[&format!("{id:06}.wal")])?;

    let dir = world.copy("directory for a lock")?;
    fs::remove_file(dir.join(LOCK))?;
    fs::create_dir(dir.join(LOCK))?;
    world.is_refused(&dir, &[LOCK])?;
    tally.count("refusals", 5);
    Ok(())
}

/// What a crash leaves shuts no door: only `open` clears it away.
pub fn left_by_a_crash(world: &World, _tally: &mut Tally) -> Result<()> {
    let dir = world.copy("left by a crash")?;
    let version = Manifest::load(&DiskFs, &dir)?;
    let log = log_path(&dir, *version.logs.last().context("a store has a log")?);
    let mut bytes = fs::read(&log)?;
    bytes.extend_from_slice(b"half a record");
    fs::write(&log, bytes)?;
    let strays = ["009998.sst", "009999.wal", MANIFEST_TMP];
    for stray in strays {
        fs::write(dir.join(stray), b"half a file")?;
    }
    world.is_sound(&dir)?;
    for stray in strays {
        ensure!(!dir.join(stray).exists(), "nobody removes {stray}");
    }
    Ok(())
}

/// Some table that the store needs.
fn a_table(dir: &Path) -> Result<(TableId, PathBuf)> {
    let version = Manifest::load(&DiskFs, dir)?;
    let id = *version
        .tables
        .keys()
        .next()
        .context("a store has a table")?;
    Ok((id, table_path(dir, id)))
}

/// A manifest of these edits, each of them sound as a record and marked as synced.
fn replace_manifest(dir: &Path, edits: &[&str]) -> Result<()> {
    let path = dir.join(MANIFEST);
    fs::remove_file(&path)?;
    let fs: Arc<dyn FileSystem> = Arc::new(DiskFs);
    let log = LogWriter::new(MANIFEST_LOG_ID, fs.create(&path)?);
    for edit in edits {
        log.append(|payload| payload.extend_from_slice(edit.as_bytes()))?;
        log.sync()?;
        log.mark()?;
    }
    Ok(())
}
