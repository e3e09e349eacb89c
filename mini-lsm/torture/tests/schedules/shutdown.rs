//! The end of a store, whatever is going on in it: every call returns, no thread stays, nothing that was promised is lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use mini_lsm::fs::{FaultFs, FileSystem, MemFs, OpKind, Operation, Verdict};
use mini_lsm::{Durability, Error, LsmIterator, LsmOptions, LsmStorage, Result};

use super::world::{
    DIR, Seen, after_power_cut, explore, join, linger, number_of, numbered, numbers, one_of_two,
    open, recover, spawn, tiny_and_compacting,
};

/// Of a call beside `close`: its answer, unless the store was closed before.
fn unless_closed<T>(outcome: Result<T>, seen: &Seen) -> Option<T> {
    match outcome {
        Ok(answer) => Some(answer),
        Err(Error::Closed) => {
            seen.count("calls that came too late");
            None
        }
        Err(error) => panic!("a call beside close gave {error:?}"),
    }
}

/// Writes 1, 2, 3 … until the store is closed. Gives the last number whose write returned.
fn write_on(store: &LsmStorage, seen: &Seen) -> u64 {
    (1..=4)
        .take_while(|&number| {
            unless_closed(store.write(numbered(&["a", "b"], number)), seen).is_some()
        })
        .last()
        .unwrap_or(0)
}

/// The rest of a scan that began before the end: one batch as a whole, whatever has happened.
fn finish(scan: LsmIterator) {
    let entries: Vec<_> = scan
        .into_iter()
        .map(|entry| entry.expect("a scan failed"))
        .collect();
    let values: Vec<_> = entries.iter().map(|(_, value)| value).collect();
    assert!(
        matches!(*values, []) || matches!(*values, [a, b] if a == b),
        "a scan that outlived the store shows {entries:?}"
    );
}

/// After the last of the store is gone: no file is open, the directory is free, and what was
/// acknowledged is there.
fn assert_all_ended(fs: &MemFs, acknowledged: u64) {
    assert_eq!(fs.open_handles(), 0, "files are open, though all is over");
    let store = recover(fs);
    let found = numbers(&store).expect("scan failed");
    let number = found.first().map_or(0, |(_, number)| *number);
    assert!(
        number >= acknowledged && found.iter().all(|(_, n)| *n == number),
        "write {acknowledged} had returned, and the store holds {found:?}"
    );
}

/// A writer, a user's compaction, a scan and `close`, beside the two threads of the store.
fn close_beside_everything(durability: Durability, seen: &Seen) {
    let fs = MemFs::new();
    let store = open(LsmOptions {
        durability,
        ..tiny_and_compacting(fs.clone(), seen)
    });
    let acknowledged = Arc::new(AtomicU64::new(0));
    let (returned, writer_seen) = (Arc::clone(&acknowledged), seen.clone());
    let writer = spawn(&store, move |store| {
        returned.store(write_on(store, &writer_seen), Ordering::SeqCst);
    });
    let tidy_seen = seen.clone();
    let tidier = spawn(&store, move |store| {
        unless_closed(store.compact(), &tidy_seen);
    });
    let scan_seen = seen.clone();
    let scanner = spawn(&store, move |store| {
        if let Some(scan) = unless_closed(store.scan(..), &scan_seen) {
            finish(scan);
        }
    });
    let closer = spawn(&store, |store| {
        linger(400);
        store.close().expect("close failed");
        assert!(matches!(store.get(b"a"), Err(Error::Closed)));
        assert!(matches!(store.put(b"a", b"0"), Err(Error::Closed)));
    });
    join([writer, tidier, scanner, closer]);
    let acknowledged = acknowledged.load(Ordering::SeqCst);
    let left = number_of(&after_power_cut(&fs), "a").expect("get failed");
    assert!(
        left >= acknowledged,
        "write {acknowledged} had returned, the store was closed, and a power cut leaves {left}"
    );
    drop(store);
    assert_all_ended(&fs, acknowledged);
}

#[test]
fn close_ends_whatever_is_going_on() {
    let seen = explore(|seen| close_beside_everything(Durability::Buffered, seen));
    seen.require(&[
        "stalls",
        "flushes",
        "compactions",
        "calls that came too late",
    ]);
}

#[test]
fn close_ends_whatever_is_being_synced() {
    let seen = explore(|seen| close_beside_everything(Durability::Sync, seen));
    seen.require(&[
        "stalls",
        "flushes",
        "compactions",
        "calls that came too late",
    ]);
}

/// Whoever holds the store last drops it: the writer, the thread that flushes, or the first one.
/// A scan outlives it.
#[test]
fn the_last_one_drops_the_store_whatever_its_threads_do() {
    let seen = explore(|seen| {
        let fs = MemFs::new();
        let store = open(tiny_and_compacting(fs.clone(), seen));
        let scan = store.scan(..).expect("scan failed");
        let writer = spawn(&store, |store| {
            for number in 1..=3 {
                store
                    .write(numbered(&["a", "b"], number))
                    .expect("write failed");
            }
        });
        let last_scan = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&last_scan);
        let scanner = spawn(&store, move |store| {
            *kept.lock().expect("never poisoned") = store.scan(..).ok();
        });
        let flusher = spawn(&store, |store| store.flush().expect("flush failed"));
        drop(store);
        join([writer, scanner, flusher]);
        finish(scan);
        finish(
            last_scan
                .lock()
                .expect("never poisoned")
                .take()
                .expect("scan failed"),
        );
        assert_all_ended(&fs, 3);
    });
    seen.require(&["stalls", "flushes", "compactions"]);
}

/// Whoever opens the store as soon as `close` has returned gets it.
#[test]
fn a_closed_store_can_be_opened_at_once() {
    let seen = explore(|seen| {
        let fs = MemFs::new();
        let options = tiny_and_compacting(fs.clone(), seen);
        let store = open(options.clone());
        let writer_seen = seen.clone();
        let writer = spawn(&store, move |store| {
            write_on(store, &writer_seen);
        });
        linger(400);
        store.close().expect("close failed");
        match LsmStorage::open(DIR, options) {
            Ok(second) => {
                numbers(&second).expect("scan failed");
                second.close().expect("the second close failed");
                seen.count("stores reopened");
            }
            Err(error) => panic!("close has returned, and open gives {error:?}"),
        }
        join([writer]);
    });
    seen.require(&["stores reopened"]);
}

/// Tries to open the store until it is given free.
fn open_when_free(fs: &Arc<FaultFs>) -> LsmStorage {
    let fs: Arc<dyn FileSystem> = Arc::clone(fs) as _;
    loop {
        match LsmStorage::open(DIR, LsmOptions::for_test(Arc::clone(&fs))) {
            Ok(store) => return store,
            Err(Error::AlreadyOpen(_)) => shuttle::thread::yield_now(),
            Err(error) => panic!("open gave {error:?} while another store was being closed"),
        }
    }
}

/// From the moment at which somebody else may have the directory, a store that is being closed
/// changes nothing in it. (It may remove a file that nobody names: no file gets that name again.)
#[test]
fn a_store_that_gave_its_directory_free_leaves_it_alone() {
    let seen = explore(|seen| {
        let fs = MemFs::new();
        let (has_asked, has_owner) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
        let late: Arc<Mutex<Option<Operation>>> = Arc::default();
        let (owner, noted) = (Arc::clone(&has_owner), Arc::clone(&late));
        let old = FaultFs::new(Arc::new(fs.clone()), move |op| {
            let changes = op.kind.is_change() && op.kind != OpKind::Remove;
            if changes && has_owner.load(Ordering::SeqCst) {
                noted
                    .lock()
                    .expect("never poisoned")
                    .get_or_insert_with(|| op.clone());
            }
            Verdict::Proceed
        });
        // `open` looks at the directory, asks for the lock, and goes on only if it gets it.
        let new = Arc::new(FaultFs::new(Arc::new(fs), move |op| {
            match op.kind {
                OpKind::Lock => has_asked.store(true, Ordering::SeqCst),
                OpKind::DirExists => has_asked.store(false, Ordering::SeqCst),
                _ if has_asked.load(Ordering::SeqCst) => owner.store(true, Ordering::SeqCst),
                _ => {}
            }
            Verdict::Proceed
        }));
        // Without threads of its own nobody waits for them to let go.
        let has_threads = one_of_two();
        let store = open(LsmOptions {
            background_flush: has_threads,
            background_compaction: has_threads,
            ..tiny_and_compacting(old, seen)
        });
        let (writer_seen, tidier_seen) = (seen.clone(), seen.clone());
        let writer = spawn(&store, move |store| {
            write_on(store, &writer_seen);
        });
        let tidier = spawn(&store, move |store| {
            unless_closed(store.compact(), &tidier_seen);
        });
        let opened = Arc::clone(&new);
        let opener = shuttle::thread::spawn(move || drop(open_when_free(&opened)));
        linger(400);
        store.close().expect("close failed");
        drop(open_when_free(&new));
        join([writer, tidier, opener]);
        let late = late.lock().expect("never poisoned").take();
        assert!(
            late.is_none(),
            "the directory had a new owner, and the old one did {late:?}"
        );
    });
    seen.require(&["flushes", "compactions", "calls that came too late"]);
}
