//! Crash enumeration: a workload on a store, and for each of its file-system operations the file systems that a crash just before it would leave.
//!
//! What the contract says of each of them: the store opens, and holds the state after the first n
//! writes, for some n that is not below what had been promised to survive, and not above what had
//! been begun.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mini_lsm_starter::fs::{CrashPlan, FaultFs, FileSystem, MemFs, Operation, Verdict};
use mini_lsm_starter::{LsmOptions, LsmStorage, WriteBatch};

use super::rng::Rng;
use super::{DIR, Entry, rest_of_scan, show};

/// Keys and values.
pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// A file system that a crash left, and what a store in it may hold.
pub struct Image {
    /// The file system.
    pub fs: Arc<MemFs>,
    /// When the crash was, and what became of unsynced data.
    pub told: String,
    /// So many writes must be there.
    pub floor: usize,
    /// No more writes than these may be there.
    pub ceiling: usize,
}

/// A store on trial, the states that it went through, and the crashes on its way.
pub struct Workload {
    mem: Arc<MemFs>,
    watch: Arc<Watch>,
    make_options: fn(Arc<dyn FileSystem>) -> LsmOptions,
    store: Option<LsmStorage>,
    /// `states[n]`: after n writes.
    states: Vec<Map>,
}

/// What the hook before every operation knows and collects.
#[derive(Default)]
struct Watch {
    begun: AtomicUsize,
    returned: AtomicUsize,
    durable: AtomicUsize,
    images: Mutex<Vec<Image>>,
    /// Hashes of all images so far: what was seen with the same bounds need not be tried again.
    seen: Mutex<HashSet<u64>>,
}

impl Workload {
    /// A new store with these options.
    pub fn new(make_options: fn(Arc<dyn FileSystem>) -> LsmOptions) -> Self {
        let mut workload = Self {
            mem: Arc::new(MemFs::new()),
            watch: Arc::default(),
            make_options,
            store: None,
            states: vec![Map::new()],
        };
        workload.open();
        workload
    }

    fn open(&mut self) {
        let (mem, watch) = (Arc::clone(&self.mem), Arc::clone(&self.watch));
        let fs = FaultFs::new(Arc::clone(&self.mem) as Arc<dyn FileSystem>, move |op| {
            if op.kind.is_change() {
                watch.record(&mem, op);
            }
            Verdict::Proceed
        });
        let store = LsmStorage::open(DIR, (self.make_options)(Arc::new(fs)))
            .unwrap_or_else(|error| panic!("open failed in the middle of the workload: {error}"));
        self.store = Some(store);
        // What recovery shows it has put into tables.
        self.now_durable();
    }

    /// Drops the store, with or without closing it, and opens it again. All that had been written
    /// must be there.
    pub fn reopen(&mut self, close: bool) {
        let store = self.store.take().expect("the store is open");
        if close {
            store.close().expect("close failed");
            self.now_durable();
        }
        drop(store);
        self.open();
        let told = format!("the store was {}", if close { "closed" } else { "dropped" });
        let writes = self.states.len() - 1;
        self.check_map(&self.read_all(&told), writes, writes, &told);
    }

    /// One write: a batch, applied as a whole.
    pub fn write(&mut self, ops: &[Entry]) {
        let mut state = self.states.last().expect("never empty").clone();
        let mut batch = WriteBatch::new();
        for (key, value) in ops {
            match value {
                Some(value) => {
                    batch.put(key, value);
                    state.insert(key.clone(), value.clone());
                }
                None => {
                    batch.delete(key);
                    state.remove(key);
                }
            }
        }
        self.states.push(state);
        self.watch.begun.fetch_add(1, Ordering::SeqCst);
        self.store().write(batch).expect("write failed");
        self.watch.returned.fetch_add(1, Ordering::SeqCst);
    }

    /// All writes so far must survive a power cut from now on.
    pub fn now_durable(&self) {
        let returned = self.watch.returned.load(Ordering::SeqCst);
        self.watch.durable.store(returned, Ordering::SeqCst);
    }

    /// Random steps: writes, syncs, flushes, compactions, reopenings.
    pub fn run_random(&mut self, rng: &mut Rng, steps: usize, every_write_is_durable: bool) {
        for step in 0..steps {
            match rng.below(100) {
                0..6 => {
                    self.store().sync().expect("sync failed");
                    self.now_durable();
                }
                6..11 => self.store().flush().expect("flush failed"),
                11..14 => self.store().compact().expect("compact failed"),
                14..16 => self.reopen(step % 2 == 0),
                _ => {
                    let ops = random_ops(rng, step);
                    self.write(&ops);
                    if every_write_is_durable {
                        self.now_durable();
                    }
                }
            }
        }
    }

    /// The store.
    pub fn store(&self) -> &LsmStorage {
        self.store.as_ref().expect("the store is open")
    }

    /// How many crashes there were. Each must leave a store that opens and keeps the contract.
    pub fn check_images(&self) -> usize {
        let images = std::mem::take(&mut *self.watch.images.lock().expect("no hook panics"));
        for image in &images {
            self.check_image(image);
        }
        images.len()
    }

    fn check_image(&self, image: &Image) {
        let told = &image.told;
        let found = read_store(&image.fs, self.make_options, told);
        self.check_map(&found.map, image.floor, image.ceiling, told);
        // What recovery has shown, a power cut right afterwards cannot take, and a second recovery
        // gives the same.
        let again = read_store(
            &Arc::new(found.fs_after_power_cut),
            self.make_options,
            &format!("{told}, and after a power cut right after the recovery"),
        );
        assert!(
            again.map == found.map,
            "{told}, recovery showed one state, and after a power cut and a second recovery there is another: {}",
            difference(&found.map, &again.map)
        );
    }

    fn check_map(&self, map: &Map, floor: usize, ceiling: usize, told: &str) {
        if (floor..=ceiling).any(|n| self.states[n] == *map) {
            return;
        }
        let floor_state = &self.states[floor];
        match self.states.iter().position(|state| state == map) {
            Some(n) => panic!(
                "{told}, the store holds the state after write {n}: expected one from write {floor} (which had to survive) to write {ceiling} (the last that was begun). {}",
                difference(floor_state, map)
            ),
            None => panic!(
                "{told}, the store holds a state that it never was in: no prefix of the writes gives it. Beside the state after write {floor}: {}",
                difference(floor_state, map)
            ),
        }
    }

    fn read_all(&self, told: &str) -> Map {
        scan_all(self.store(), told)
    }
}

impl Watch {
    fn record(&self, mem: &MemFs, op: &Operation) {
        // Floors before the clone, the ceiling after it, so that neither is too strict if another
        // thread is at work.
        let durable = self.durable.load(Ordering::SeqCst);
        let returned = self.returned.load(Ordering::SeqCst);
        let seed = 10 * op.index;
        let plans = [
            CrashPlan::Lose,
            CrashPlan::Keep,
            CrashPlan::Zero,
            CrashPlan::TornAfter { bytes: 11 },
            CrashPlan::TornAt { percent: 60 },
            CrashPlan::Random { seed },
            CrashPlan::Random { seed: seed + 1 },
        ];
        for plan in plans {
            let fs = Arc::new(mem.crash_clone(&plan));
            let floor = if plan == CrashPlan::Keep {
                returned
            } else {
                durable
            };
            let ceiling = self.begun.load(Ordering::SeqCst);
            let hash = hash_of(&fs, floor, ceiling);
            if !self.seen.lock().expect("no hook panics").insert(hash) {
                continue;
            }
            let told = format!(
                "after a crash just before operation {} ({:?} {}), {plan:?} of what was not synced",
                op.index,
                op.kind,
                op.path.display()
            );
            self.images.lock().expect("no hook panics").push(Image {
                fs,
                told,
                floor,
                ceiling,
            });
        }
    }
}

fn hash_of(fs: &MemFs, floor: usize, ceiling: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    (floor, ceiling).hash(&mut hasher);
    for name in fs.file_names(DIR) {
        name.hash(&mut hasher);
        fs.read(super::path(&name)).hash(&mut hasher);
    }
    hasher.finish()
}

/// What a store held when it was opened.
struct Found {
    map: Map,
    /// What a power cut leaves while it is still open.
    fs_after_power_cut: MemFs,
}

fn read_store(
    fs: &Arc<MemFs>,
    make_options: fn(Arc<dyn FileSystem>) -> LsmOptions,
    told: &str,
) -> Found {
    let options = make_options(Arc::clone(fs) as Arc<dyn FileSystem>);
    let store = LsmStorage::open(DIR, options)
        .unwrap_or_else(|error| panic!("{told}, the store does not open: {error}"));
    let map = scan_all(&store, told);
    Found {
        fs_after_power_cut: fs.crash_clone(&CrashPlan::Lose),
        map,
    }
}

/// Everything, by a scan; gets must agree.
pub fn scan_all(store: &LsmStorage, told: &str) -> Map {
    let mut scan = store
        .scan(..)
        .unwrap_or_else(|error| panic!("{told}, scan(..) failed: {error}"));
    let map: Map = rest_of_scan(&mut scan).into_iter().collect();
    for (key, value) in &map {
        super::assert_get(store, key, Some(value), told);
    }
    map
}

/// One to five operations on few keys, so that they overwrite each other.
fn random_ops(rng: &mut Rng, step: usize) -> Vec<Entry> {
    let count = match rng.chance(25) {
        true => 2 + rng.below(4),
        false => 1,
    };
    let op = |_| {
        let key = super::key(rng.below(12));
        let value = match rng.below(10) {
            0..3 => None,
            3 => Some(Vec::new()),
            _ => Some(format!("{step}-{}", "x".repeat(rng.below(30))).into_bytes()),
        };
        (key, value)
    };
    (0..count).map(op).collect()
}

/// The first key on which two states differ.
fn difference(expected: &Map, got: &Map) -> String {
    let tell = |value: Option<&Vec<u8>>| value.map_or_else(|| "nothing".to_owned(), |v| show(v));
    expected
        .keys()
        .chain(got.keys())
        .find(|key| expected.get(*key) != got.get(*key))
        .map_or_else(String::new, |key| {
            format!(
                "{} is {}, beside {}",
                show(key),
                tell(got.get(key)),
                tell(expected.get(key))
            )
        })
}
