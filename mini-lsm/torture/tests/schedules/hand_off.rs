//! The hand-off of data from memtable to frozen memtable to table to level, beside readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mini_lsm::fs::MemFs;
use mini_lsm::{LsmOptions, LsmStorage, Result};

use super::world::{
    Seen, explore, join, number_of, numbered, numbers, open, spawn, tiny, tiny_and_compacting,
};

/// Versions that the writer gives to its keys.
const VERSIONS: u64 = 4;

/// Gets `key` a few times: never an older version than one whose put had returned, never an older
/// one than last time.
fn get_repeatedly(store: &LsmStorage, key: &str, put: &AtomicU64) {
    let mut last = 0;
    for _ in 0..3 {
        let least = last.max(put.load(Ordering::SeqCst));
        last = number_of(store, key).expect("get failed");
        assert!(
            last >= least,
            "get({key}) gave version {last}, although {least} had been put or seen before it began"
        );
    }
}

/// Scans a few times: all keys of the batch have one version, and it never goes back.
fn scan_repeatedly(store: &LsmStorage, keys: &[&str], put: &AtomicU64) {
    let mut last = 0;
    for _ in 0..3 {
        let least = last.max(put.load(Ordering::SeqCst));
        let seen = numbers(store).expect("scan failed");
        last = seen.first().map_or(0, |(_, version)| *version);
        let whole = keys.iter().map(|key| ((*key).to_owned(), last));
        assert!(
            if last == 0 {
                seen.is_empty()
            } else {
                seen.iter().cloned().eq(whole)
            },
            "a scan shows {seen:?}: not one batch as a whole"
        );
        assert!(
            last >= least,
            "a scan shows version {last}, although {least} had been written or seen before it began"
        );
    }
}

/// A writer of `keys`, a thread that flushes or compacts, two that get, one that scans.
fn hand_off(
    options: LsmOptions,
    keys: &'static [&'static str],
    tidy: fn(&LsmStorage) -> Result<()>,
    seen: &Seen,
) {
    let store = open(options);
    let put = Arc::new(AtomicU64::new(0));
    let returned = Arc::clone(&put);
    let writer = spawn(&store, move |store| {
        for version in 1..=VERSIONS {
            store.write(numbered(keys, version)).expect("write failed");
            returned.store(version, Ordering::SeqCst);
        }
    });
    let tidier = spawn(&store, move |store| {
        tidy(store).expect("flush or compact failed");
    });
    let getters = [keys[0], keys[keys.len() - 1]].map(|key| {
        let put = Arc::clone(&put);
        spawn(&store, move |store| get_repeatedly(store, key, &put))
    });
    let scanner = spawn(&store, move |store| scan_repeatedly(store, keys, &put));
    join([writer, tidier, scanner].into_iter().chain(getters));
    if store.metrics().levels.iter().any(|tables| tables.len() > 1) {
        seen.count("stores with more than a table in a level");
    }
    store.close().expect("close failed");
}

#[test]
fn readers_miss_nothing_while_memtables_become_tables() {
    let seen = explore(|seen| {
        let options = tiny(MemFs::new(), seen);
        hand_off(options, &["a", "b", "c"], LsmStorage::flush, seen);
    });
    seen.require(&[
        "flushes",
        "stalls",
        "stores with more than a table in a level",
    ]);
}

#[test]
fn readers_miss_nothing_while_tables_are_merged() {
    let seen = explore(|seen| {
        let options = tiny_and_compacting(MemFs::new(), seen);
        hand_off(options, &["a", "b"], LsmStorage::compact, seen);
    });
    seen.require(&["flushes", "stalls", "compactions"]);
}

/// The order in the log is that in memory: otherwise the value changes when the store is reopened.
#[test]
fn of_two_writers_of_one_key_the_same_one_wins_for_ever() {
    let seen = explore(|seen| {
        let fs = MemFs::new();
        let options = LsmOptions {
            memtable_size: 300,
            background_flush: false,
            ..tiny(fs.clone(), seen)
        };
        let store = open(options.clone());
        let writers = [10, 20].map(|base| {
            spawn(&store, move |store| {
                for number in [base, base + 1] {
                    store
                        .write(numbered(&["a", "b"], number))
                        .expect("write failed");
                }
            })
        });
        join(writers);
        let before = numbers(&store).expect("scan failed");
        seen.count(if before[0].1 < 20 {
            "wins of the first"
        } else {
            "wins of the second"
        });
        drop(store);
        let store = open(options);
        assert_eq!(
            numbers(&store).expect("scan failed"),
            before,
            "reopening changed what the keys are worth"
        );
    });
    seen.require(&[
        "memtables frozen",
        "wins of the first",
        "wins of the second",
    ]);
}
