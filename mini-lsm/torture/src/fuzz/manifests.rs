//! Manifests from arbitrary bytes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use mini_lsm::files::{LOCK, MANIFEST};
use mini_lsm::fs::{FileSystem, MemFs};
use mini_lsm::ids::NUMBERS_END;
use mini_lsm::log::LogWriter;
use mini_lsm::manifest::{MANIFEST_LOG_ID, Manifest, Version};
use mini_lsm::options::MAX_LEVEL_COUNT;
use mini_lsm::{Error, LsmOptions, LsmStorage};

use super::is_refusal;
use super::logs::prepare;

/// The directory of the store.
const DIR: &str = "d";

/// A manifest, as the target [`log`](super::log()) has logs; with bit 2 of the first byte, its
/// edits as text, a line each.
///
/// What it describes can be, reads back the same from a new manifest, and a store opens on it, or
/// says what is wrong.
pub fn manifest(data: &[u8]) -> bool {
    let fs = MemFs::new();
    let dir = Path::new(DIR);
    fs.write_raw(dir.join(LOCK), b"");
    match data.split_first() {
        Some((flags, text)) if flags & 4 != 0 => write_lines(&fs, text),
        _ => fs.write_raw(dir.join(MANIFEST), &prepare(data, MANIFEST_LOG_ID)),
    }
    let version = match Manifest::load(&fs, dir) {
        Ok(version) => version,
        Err(error) => {
            assert!(is_refusal(&error), "not what may be: {error:?}");
            let opened = LsmStorage::open(DIR, options(&fs))
                .err()
                .map(|e| e.to_string());
            assert_eq!(opened, Some(error.to_string()), "what open says");
            return false;
        }
    };
    let ids = version.tables.keys().map(|id| id.0);
    let mut numbers = ids
        .chain(version.logs.iter().copied())
        .chain(version.sealed_logs.values().copied())
        .chain([version.last_flushed_seq, version.next_id]);
    assert!(numbers.all(|number| number < NUMBERS_END));
    assert!(
        version
            .tables
            .values()
            .all(|&level| level <= MAX_LEVEL_COUNT)
    );

    let elsewhere: Arc<dyn FileSystem> = Arc::new(MemFs::new());
    elsewhere
        .create_dir_all(dir)
        .expect("a directory in memory");
    let made = Manifest::create(Arc::clone(&elsewhere), dir, version.clone());
    assert_eq!(made.expect("a file in memory").version(), &version);
    let loaded = Manifest::load(&*elsewhere, dir).expect("it was just made");
    assert_eq!(loaded, version);
    open(&fs, &version);
    true
}

fn write_lines(fs: &MemFs, text: &[u8]) {
    let file = fs.create(&Path::new(DIR).join(MANIFEST));
    let log = LogWriter::new(MANIFEST_LOG_ID, file.expect("a file in memory"));
    for line in text.split(|&byte| byte == b'\n') {
        log.append(|payload| payload.extend_from_slice(line))
            .expect("a file in memory");
    }
}

/// There are no tables and no logs: what is named is missing. Otherwise the store is empty, and one
/// that takes a write has it when it is opened again.
fn open(fs: &MemFs, version: &Version) {
    let needs_files = !version.tables.is_empty() || !version.logs.is_empty();
    let store = match LsmStorage::open(DIR, options(fs)) {
        Ok(store) => store,
        Err(Error::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
            assert!(needs_files, "nothing is needed, and something is missed");
            return;
        }
        Err(error) => {
            assert!(error.is_corruption(), "not a Corruption: {error:?}");
            return;
        }
    };
    assert!(!needs_files, "files are missing, and nobody says so");
    let mut scan = store.scan(..).expect("there is nothing to read");
    assert!(!scan.is_valid() && scan.next().is_ok());
    store.put(b"key", b"value").expect("a store that opens");
    store.flush().expect("a store that takes writes");
    store.put(b"key", b"newer").expect("a store that opens");
    drop(store);
    let store = LsmStorage::open(DIR, options(fs)).expect("what was opened before");
    let got = store.get(b"key").expect("a store that opens");
    assert_eq!(got.as_deref(), Some(&b"newer"[..]));
}

fn options(fs: &MemFs) -> LsmOptions {
    LsmOptions::for_test(Arc::new(fs.clone()))
}
