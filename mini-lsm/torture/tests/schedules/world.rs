//! What all worlds are made of: a store with tiny memtables, its file system, and the schedules.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mini_lsm::fs::{CrashPlan, FileSystem, MemFs};
use mini_lsm::{Error, Event, EventListener, LsmOptions, LsmStorage, WriteBatch};
use mini_lsm_torture::tally::Tally;
use shuttle::rand::Rng;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler, UrwRandomScheduler};
use shuttle::{Config, Runner};

use super::seam::ReadAtOnce;

/// Where the store is.
pub const DIR: &str = "/store";

/// The schedules of one test, unless `SCHEDULES` says otherwise.
const USUAL: usize = 2_000;

/// So many changes of mind does PCT plan in a schedule.
const PCT_DEPTH: usize = 4;

const SEED: u64 = 1;

/// What happened, over all schedules of a test. Its lock is a real one: nothing of shuttle's is
/// done while it is held.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Tally>>);

impl Seen {
    /// Counts one `what`, a plural.
    pub fn count(&self, what: &'static str) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tally.count(what, 1);
    }

    /// Fails if one of `what` never happened: then the schedules prove nothing.
    #[track_caller]
    pub fn require(&self, what: &[&'static str]) {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        println!("{tally}");
        for what in what {
            if let Err(error) = tally.require(what, 1) {
                panic!("{error}");
            }
        }
    }
}

impl EventListener for Seen {
    fn on_event(&self, event: &Event) {
        match event {
            Event::MemtableFrozen { .. } => self.count("memtables frozen"),
            Event::FlushInstalled { .. } => self.count("flushes"),
            Event::CompactionInstalled { .. } => self.count("compactions"),
            Event::WriteStalled => self.count("stalls"),
            _ => {}
        }
    }
}

/// Runs `world` through the schedules, and gives what was seen in them.
pub fn explore(world: impl Fn(&Seen) + Send + Sync + 'static) -> Seen {
    let asked = std::env::var("SCHEDULES").ok();
    let count = asked.map_or(USUAL, |n| n.parse().expect("SCHEDULES is a number"));
    let each = count.div_ceil(3);
    let (seen, world) = (Seen::default(), Arc::new(world));
    run(RandomScheduler::new_from_seed(SEED, each), &world, &seen);
    run(UrwRandomScheduler::new_from_seed(SEED, each), &world, &seen);
    run(
        PctScheduler::new_from_seed(SEED, PCT_DEPTH, each),
        &world,
        &seen,
    );
    seen
}

fn run(
    scheduler: impl Scheduler + 'static,
    world: &Arc<impl Fn(&Seen) + Send + Sync + 'static>,
    seen: &Seen,
) {
    let mut config = Config::new();
    // What the engine's longest call needs, many times over.
    config.stack_size = 256 << 10;
    // Said in this test's documentation.
    config.silence_warnings = true;
    let (world, seen) = (Arc::clone(world), seen.clone());
    Runner::new(scheduler, config).run(move || {
        world(&seen);
        seen.count("schedules");
    });
}

/// Settings under which every write but the first freezes a memtable: a flush thread, no
/// compaction, no room for a second frozen one.
pub fn tiny(fs: impl FileSystem + 'static, seen: &Seen) -> LsmOptions {
    LsmOptions {
        memtable_size: 1,
        max_frozen_memtables: 1,
        background_flush: true,
        listener: Arc::new(seen.clone()),
        ..LsmOptions::for_test(Arc::new(ReadAtOnce::new(fs)))
    }
}

/// The same with a compaction thread, which two tables in L0 wake and stop writers.
pub fn tiny_and_compacting(fs: impl FileSystem + 'static, seen: &Seen) -> LsmOptions {
    LsmOptions {
        background_compaction: true,
        l0_compaction_trigger: 2,
        l0_slowdown_trigger: 2,
        l0_stop_trigger: 2,
        level_count: 2,
        level_base_size: 1,
        ..tiny(fs, seen)
    }
}

/// Opens the store.
pub fn open(options: LsmOptions) -> Arc<LsmStorage> {
    match LsmStorage::open(DIR, options) {
        Ok(store) => Arc::new(store),
        Err(error) => panic!("open failed: {error}"),
    }
}

/// What a store without threads of its own recovers from what a power cut would leave of `fs`.
pub fn after_power_cut(fs: &MemFs) -> LsmStorage {
    recover(&fs.crash_clone(&CrashPlan::Lose))
}

/// What a store without threads of its own recovers from `fs`.
pub fn recover(fs: &MemFs) -> LsmStorage {
    let options = LsmOptions::for_test(Arc::new(ReadAtOnce::new(fs.clone())));
    LsmStorage::open(DIR, options).unwrap_or_else(|error| panic!("recovery failed: {error}"))
}

/// Lets up to `most` steps of other threads pass, so that what the caller does next comes at any
/// moment and not nearly always first.
pub fn linger(most: usize) {
    for _ in 0..shuttle::rand::thread_rng().gen_range(0..most) {
        shuttle::thread::sleep(Duration::ZERO);
    }
}

/// What a throw of a coin gives; the schedule decides that too.
pub fn one_of_two() -> bool {
    shuttle::rand::thread_rng().gen_range(0..2) == 0
}

/// Starts a thread that works on the store.
pub fn spawn(
    store: &Arc<LsmStorage>,
    work: impl FnOnce(&LsmStorage) + Send + 'static,
) -> shuttle::thread::JoinHandle<()> {
    let store = Arc::clone(store);
    shuttle::thread::spawn(move || work(&store))
}

/// Waits for all of them.
pub fn join(threads: impl IntoIterator<Item = shuttle::thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("a thread of the world failed");
    }
}

/// A batch that gives each of `keys` this number.
pub fn numbered(keys: &[&str], number: u64) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for key in keys {
        batch.put(key.as_bytes(), number.to_string().as_bytes());
    }
    batch
}

/// The number that `key` has, 0 if it has none.
pub fn number_of(store: &LsmStorage, key: &str) -> Result<u64, Error> {
    let value = store.get(key.as_bytes())?;
    Ok(value.map_or(0, |value| parse(&value)))
}

/// The numbers of all keys, by a scan.
pub fn numbers(store: &LsmStorage) -> Result<Vec<(String, u64)>, Error> {
    let mut numbers: Vec<(String, u64)> = Vec::new();
    for entry in store.scan(..)? {
        let (key, value) = entry?;
        let key = String::from_utf8_lossy(&key).into_owned();
        assert!(
            numbers.last().is_none_or(|(last, _)| *last < key),
            "a scan gives {key} out of order"
        );
        numbers.push((key, parse(&value)));
    }
    Ok(numbers)
}

fn parse(value: &[u8]) -> u64 {
    let text = std::str::from_utf8(value).expect("values are numbers");
    text.parse().expect("values are numbers")
}
