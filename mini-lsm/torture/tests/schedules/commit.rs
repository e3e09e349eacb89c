//! Group commit, and `sync` beside writers: what was promised to survive a power cut does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use mini_lsm::fs::{CrashPlan, FaultFs, MemFs, OpKind, Operation, Verdict};
use mini_lsm::{Durability, Error, LsmOptions, LsmStorage};

use super::world::{
    Seen, after_power_cut, explore, join, number_of, numbered, numbers, one_of_two, open, recover,
    spawn, tiny,
};

/// Each writes its own key and one that all write.
const WRITERS: [&str; 3] = ["a", "b", "c"];
const SHARED: &str = "shared";

/// What somebody saw: the numbers of all keys but the shared one.
type View = [u64; WRITERS.len()];

/// Room for one batch in a memtable, so that each begins a log, or for three, so that groups and
/// new logs mix.
fn syncing(fs: impl mini_lsm::fs::FileSystem + 'static, seen: &Seen) -> LsmOptions {
    LsmOptions {
        durability: Durability::Sync,
        memtable_size: if one_of_two() { 1 } else { 600 },
        max_frozen_memtables: 2,
        ..tiny(fs, seen)
    }
}

fn view(store: &LsmStorage) -> View {
    let all = numbers(store).expect("scan failed");
    WRITERS.map(|key| all.iter().find(|(k, _)| k == key).map_or(0, |(_, n)| *n))
}

fn is_within(one: &View, other: &View) -> bool {
    one.iter().zip(other).all(|(a, b)| a <= b)
}

/// Everybody sees the states of one history: of any two views one lies within the other.
fn assert_one_history(views: &[View]) {
    for (at, one) in views.iter().enumerate() {
        for other in &views[at + 1..] {
            assert!(
                is_within(one, other) || is_within(other, one),
                "{one:?} and {other:?} were seen: batches became visible in more than one order"
            );
        }
    }
}

/// Two batches of writer `name`. What the power cut right after each would leave goes to `images`.
fn write_twice(store: &LsmStorage, name: &'static str, fs: &MemFs, images: &Mutex<Vec<Image>>) {
    for number in 1..=2 {
        let batch = numbered(&[name, SHARED], number);
        store.write(batch).expect("write failed");
        let read = number_of(store, name).expect("get failed");
        assert_eq!(read, number, "write {number} of {name} has returned");
        let image = Image {
            key: name,
            promised: number,
            fs: fs.crash_clone(&CrashPlan::Lose),
        };
        images.lock().expect("never poisoned").push(image);
    }
}

/// What a power cut would have left when write `promised` of `key` had returned.
#[derive(Debug)]
struct Image {
    key: &'static str,
    promised: u64,
    fs: MemFs,
}

impl Image {
    /// What was promised must be there. Gives what is.
    fn check(&self) -> View {
        let store = recover(&self.fs);
        let (key, promised) = (self.key, self.promised);
        let found = number_of(&store, key).expect("get failed");
        assert!(
            found >= promised,
            "write {promised} of {key} had returned, and a power cut leaves {found}"
        );
        view(&store)
    }
}

/// Nobody may see what a power cut would still undo, or go back in time.
fn read_what_lasts(store: &LsmStorage, fs: &MemFs, views: &Mutex<Vec<View>>) {
    let mut last = View::default();
    for _ in 0..3 {
        let now = view(store);
        assert!(
            is_within(&last, &now),
            "{last:?} was read, and then {now:?}"
        );
        last = now;
        let left = view(&after_power_cut(fs));
        assert!(
            is_within(&now, &left),
            "{now:?} was read, and a power cut leaves {left:?}"
        );
        let mut views = views.lock().expect("never poisoned");
        views.extend([now, left]);
    }
}

#[test]
fn writers_that_share_a_sync_all_get_what_they_asked_for() {
    let seen = explore(|seen| {
        let fs = MemFs::new();
        let syncs = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&syncs);
        let counting = FaultFs::new(Arc::new(fs.clone()), move |op| {
            counted.fetch_add(u64::from(is_log_sync(op)), Ordering::SeqCst);
            Verdict::Proceed
        });
        let store = open(syncing(counting, seen));
        let images: Arc<Mutex<Vec<Image>>> = Arc::default();
        let views: Arc<Mutex<Vec<View>>> = Arc::default();
        let writers = WRITERS.map(|name| {
            let (fs, images) = (fs.clone(), Arc::clone(&images));
            spawn(&store, move |store| write_twice(store, name, &fs, &images))
        });
        let (reader_fs, seen_views) = (fs.clone(), Arc::clone(&views));
        let reader = spawn(&store, move |store| {
            read_what_lasts(store, &reader_fs, &seen_views);
        });
        join(writers.into_iter().chain([reader]));
        assert_eq!(view(&store), [2, 2, 2], "all writes returned");
        if syncs.load(Ordering::SeqCst) < 6 {
            seen.count("schedules in which writers shared a sync");
        }
        let mut views = std::mem::take(&mut *views.lock().expect("never poisoned"));
        let images = std::mem::take(&mut *images.lock().expect("never poisoned"));
        views.extend(images.iter().map(Image::check));
        assert_one_history(&views);
        store.close().expect("close failed");
    });
    seen.require(&["schedules in which writers shared a sync", "flushes"]);
}

/// Whoever leads a sync publishes what he has synced; a writer who begins a new log publishes too,
/// and may be further. Nobody may take that back. (Nothing is flushed here: tables would hide it.)
#[test]
fn what_was_published_stays_visible() {
    let seen = explore(|seen| {
        let options = LsmOptions {
            durability: Durability::Sync,
            background_flush: false,
            ..tiny(MemFs::new(), seen)
        };
        let store = open(options);
        let writers = WRITERS.map(|name| {
            spawn(&store, move |store| {
                for number in 1..=2 {
                    store
                        .write(numbered(&[name], number))
                        .expect("write failed");
                    let read = number_of(store, name).expect("get failed");
                    assert_eq!(read, number, "write {number} of {name} has returned");
                }
            })
        });
        join(writers);
    });
    seen.require(&["memtables frozen"]);
}

fn is_log_sync(op: &Operation) -> bool {
    op.kind == OpKind::Sync && op.has_extension("wal")
}

/// Whoever's batch was not synced gets an error, nobody waits for ever, and nothing of it is seen.
#[test]
fn a_sync_that_fails_fails_all_who_waited_for_it() {
    let seen = explore(|seen| {
        let fs = MemFs::new();
        let is_first = AtomicBool::new(true);
        let failing = FaultFs::new(Arc::new(fs.clone()), move |op| {
            match is_log_sync(op) && is_first.swap(false, Ordering::SeqCst) {
                true => Verdict::Fail(std::io::ErrorKind::Other),
                false => Verdict::Proceed,
            }
        });
        let store = open(syncing(failing, seen));
        let failed = Arc::new(AtomicU64::new(0));
        let writers = WRITERS.map(|name| {
            let failed = Arc::clone(&failed);
            spawn(&store, move |store| {
                let error = store.write(numbered(&[name, SHARED], 1)).err();
                assert!(
                    matches!(error, Some(Error::Io { .. } | Error::Background(_))),
                    "the first sync fails, and a write gives {error:?}"
                );
                failed.fetch_add(1, Ordering::SeqCst);
            })
        });
        let reader = spawn(&store, |store| {
            assert_eq!(view(store), [0, 0, 0], "nothing was ever synced");
        });
        join(writers.into_iter().chain([reader]));
        seen.count(match store.metrics().memtable.entry_count {
            0..=2 => "syncs that failed one writer",
            _ => "syncs that failed more than one writer",
        });
        assert_eq!(view(&store), [0, 0, 0], "what was not synced shows");
        assert!(matches!(store.put(b"d", b"1"), Err(Error::Background(_))));
    });
    seen.require(&[
        "syncs that failed one writer",
        "syncs that failed more than one writer",
    ]);
}

/// `sync` beside a writer, and beside memtables that are frozen, logs that are begun and removed:
/// a power cut afterwards leaves all that had returned before, and a prefix of the rest.
#[test]
fn what_was_written_before_sync_survives() {
    let seen = explore(|seen| {
        let fs = MemFs::new();
        let store = open(tiny(fs.clone(), seen));
        let written = Arc::new(AtomicU64::new(0));
        let returned = Arc::clone(&written);
        let writer = spawn(&store, move |store| {
            for number in 1..=4 {
                store
                    .write(numbered(&["a", "b"], number))
                    .expect("write failed");
                returned.store(number, Ordering::SeqCst);
            }
        });
        let syncers = [0, 1].map(|_| {
            let (fs, written, seen) = (fs.clone(), Arc::clone(&written), seen.clone());
            spawn(&store, move |store| {
                let promised = written.load(Ordering::SeqCst);
                store.sync().expect("sync failed");
                let left = numbers(&after_power_cut(&fs)).expect("scan failed");
                let [a, b] = ["a", "b"]
                    .map(|key| left.iter().find(|(k, _)| k == key).map_or(0, |(_, n)| *n));
                assert_eq!(a, b, "a power cut leaves half a batch");
                assert!(
                    a >= promised,
                    "write {promised} had returned before sync began, and a power cut leaves {a}"
                );
                if (1..4).contains(&promised) {
                    seen.count("syncs in the middle");
                }
            })
        });
        join(syncers.into_iter().chain([writer]));
        store.close().expect("close failed");
        assert_eq!(
            number_of(&after_power_cut(&fs), "a").expect("get failed"),
            4
        );
    });
    seen.require(&["syncs in the middle", "flushes"]);
}
