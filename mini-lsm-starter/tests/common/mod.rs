//! What the tests of all days share: readable keys, a seeded generator, the cursor contract as a test, a model of a store.

#![allow(dead_code, reason = "each day uses its part")]

pub mod conformance;
pub mod crash;
pub mod golden;
pub mod model;
pub mod rng;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mini_lsm_starter::fs::{FileSystem, MemFs};
use mini_lsm_starter::{LsmIterator, LsmOptions, LsmStorage, StorageIterator};

/// Where the stores of the tests live, in file systems of their own.
pub const DIR: &str = "/store";

/// How long a test waits for a background thread before it gives up. Only a hung engine ever waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// An entry of a cursor: a key, and a value or a tombstone.
pub type Entry = (Vec<u8>, Option<Vec<u8>>);

/// Bytes as a person can read them.
pub fn show(bytes: &[u8]) -> String {
    let text: String = bytes
        .iter()
        .take(40)
        .flat_map(|byte| byte.escape_ascii())
        .map(char::from)
        .collect();
    match bytes.len() {
        0..=40 => format!("\"{text}\""),
        len => format!("\"{text}…\" ({len} bytes)"),
    }
}

/// A value or a tombstone as a person can read it.
pub fn show_value(value: Option<&[u8]>) -> String {
    value.map_or_else(|| "a tombstone".to_owned(), show)
}

/// Key number `i`: keys ascend as their numbers do.
pub fn key(i: usize) -> Vec<u8> {
    format!("key{i:06}").into_bytes()
}

/// Value number `i` for a key, long enough to fill blocks.
pub fn value(i: usize) -> Vec<u8> {
    format!("value{i:06}-{}", "x".repeat(i % 23)).into_bytes()
}

/// Entries from text: `"b=2 a=1 c"` puts b and a and deletes c.
pub fn entries(text: &str) -> Vec<Entry> {
    let parse = |word: &str| match word.split_once('=') {
        Some((key, value)) => (key.as_bytes().to_vec(), Some(value.as_bytes().to_vec())),
        None => (word.as_bytes().to_vec(), None),
    };
    text.split_whitespace().map(parse).collect()
}

/// Everything from where the cursor stands to its end.
#[track_caller]
pub fn rest(cursor: &mut dyn StorageIterator) -> Vec<Entry> {
    let mut all = Vec::new();
    while cursor.is_valid() {
        all.push((cursor.key().to_vec(), cursor.value().map(<[u8]>::to_vec)));
        cursor
            .next()
            .expect("next() on a sound source gave an error");
        assert!(all.len() < 1_000_000, "the cursor does not end");
    }
    all
}

/// Everything from where a scan stands to its end.
#[track_caller]
pub fn rest_of_scan(scan: &mut LsmIterator) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    while scan.is_valid() {
        all.push((scan.key().to_vec(), scan.value().to_vec()));
        scan.next().expect("next() of a scan gave an error");
        assert!(all.len() < 1_000_000, "the scan does not end");
    }
    all
}

/// What `get` must give.
#[track_caller]
pub fn assert_get(store: &LsmStorage, key: &[u8], expected: Option<&[u8]>, when: &str) {
    let got: Option<Bytes> = store
        .get(key)
        .unwrap_or_else(|error| panic!("{when}, get({}) failed: {error}", show(key)));
    let tell = |value: Option<&[u8]>| value.map_or_else(|| "nothing".to_owned(), show);
    assert!(
        got.as_deref() == expected,
        "{when}, get({}) gave {}, expected {}",
        show(key),
        tell(got.as_deref()),
        tell(expected)
    );
}

/// A file system in memory.
pub fn mem_fs() -> Arc<MemFs> {
    Arc::new(MemFs::new())
}

/// The options of most tests: small sizes, nothing in the background, no filter.
pub fn options(fs: &Arc<MemFs>) -> LsmOptions {
    LsmOptions::for_test(Arc::clone(fs) as Arc<dyn FileSystem>)
}

/// Opens the store at [`DIR`].
#[track_caller]
pub fn open(options: LsmOptions) -> LsmStorage {
    LsmStorage::open(DIR, options).unwrap_or_else(|error| panic!("open failed: {error}"))
}

/// The path of the file `name` of the store.
pub fn path(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

/// Waits until `condition` holds for the store. Fails if the background has failed, or nothing happens for a very long time.
#[track_caller]
pub fn wait_until(
    store: &LsmStorage,
    what: &str,
    condition: impl Fn(&mini_lsm_starter::Metrics) -> bool,
) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let metrics = store.metrics();
        if let Some(error) = &metrics.background_error {
            panic!("waiting until {what}, but the background failed: {error}");
        }
        if condition(&metrics) {
            return;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}
