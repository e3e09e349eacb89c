//! A whole store beside a map.

use std::ops::Bound;

use mini_lsm::fs::{CrashPlan, MemFs};
use mini_lsm::{Durability, Error, LsmIterator, LsmOptions, LsmStorage};

use super::script_input::{Script, Step};
use crate::history::{Map, Op, difference, read_all, show};

const DIR: &str = "d";

/// The bytes are a script; whatever it does, the store holds what a map does.
pub fn script(data: &[u8]) -> bool {
    let mut script = Script::new(data);
    let mut world = World::new(&mut script);
    while let Some(step) = script.next() {
        world.step(step, &mut script);
    }
    world.check("at the end");
    world.reopened > 0
}

/// A store and what it must hold.
struct World {
    fs: MemFs,
    /// `None` only while it is being reopened.
    store: Option<LsmStorage>,
    durability: Durability,
    /// The writes since the store was opened last, and the states they led through.
    writes: Vec<Map>,
    /// So many of those survive a power cut.
    durable: usize,
    /// How often it was opened again.
    reopened: u64,
    /// A scan that goes on, and what is left of it.
    scan: Option<(LsmIterator, Map)>,
}

impl World {
    fn new(script: &mut Script<'_>) -> Self {
        let fs = MemFs::new();
        let options = script.options(&fs);
        Self {
            durability: options.durability,
            store: Some(open(options)),
            fs,
            writes: vec![Map::new()],
            durable: 0,
            reopened: 0,
            scan: None,
        }
    }

    fn step(&mut self, step: Step, script: &mut Script<'_>) {
        match step {
            Step::Write(ops) => self.write(&ops),
            Step::WriteEmptyKey => {
                let refused = self.store().put(b"", b"value");
                assert!(matches!(refused, Err(Error::InvalidArgument(_))));
            }
            Step::Get(key) => self.get(&key),
            Step::Scan(start, end) => self.scan(&start, &end),
            Step::BeginScan => {
                let scan = self.store().scan(..).expect("scan failed");
                self.scan = Some((scan, self.now().clone()));
            }
            Step::EndScan => self.end_scan(),
            Step::Flush => self.store().flush().expect("flush failed"),
            Step::Compact => self.store().compact().expect("compact failed"),
            Step::Sync => {
                self.store().sync().expect("sync failed");
                self.durable = self.writes.len() - 1;
            }
            Step::Close => {
                self.store().close().expect("close failed");
                let fs = self.fs.clone();
                self.reopen(fs, None, script);
            }
            Step::Drop => {
                let fs = self.fs.clone();
                self.reopen(fs, None, script);
            }
            Step::PowerCut(plan) => {
                let fs = self.fs.crash_clone(&plan);
                self.reopen(fs, Some(plan), script);
            }
        }
    }

    fn store(&self) -> &LsmStorage {
        self.store.as_ref().expect("the store is open")
    }

    fn now(&self) -> &Map {
        self.writes.last().expect("never empty")
    }

    fn write(&mut self, ops: &[Op]) {
        let mut state = self.now().clone();
        let mut batch = mini_lsm::WriteBatch::new();
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
        self.store().write(batch).expect("write failed");
        self.writes.push(state);
        if self.durability == Durability::Sync {
            self.durable = self.writes.len() - 1;
        }
    }

    fn get(&self, key: &[u8]) {
        let got = self.store().get(key).expect("get failed");
        let expected = self.now().get(key);
        assert_eq!(
            got.as_deref(),
            expected.map(Vec::as_slice),
            "get({})",
            show(key)
        );
    }

    fn scan(&self, start: &[u8], end: &[u8]) {
        let bounds = (Bound::Included(start), Bound::Excluded(end));
        let scan = self.store().scan(bounds).expect("scan failed");
        let expected = self.now().iter();
        let expected = expected.filter(|(key, _)| (start..end).contains(&key.as_slice()));
        let expected: Vec<_> = expected.map(|(k, v)| (k.clone(), v.clone())).collect();
        assert!(
            drain(scan) == expected,
            "scan({}..{})",
            show(start),
            show(end)
        );
    }

    fn end_scan(&mut self) {
        if let Some((scan, expected)) = self.scan.take() {
            let expected: Vec<_> = expected.into_iter().collect();
            assert!(drain(scan) == expected, "a scan shows what came later");
        }
    }

    /// Opens the store in `fs`, with other options; `plan` is how the power was cut, if it was.
    fn reopen(&mut self, fs: MemFs, plan: Option<CrashPlan>, script: &mut Script<'_>) {
        let options = script.options(&fs);
        self.durability = options.durability;
        self.store = None;
        self.store = Some(open(options));
        self.fs = fs;
        // It has outlived its store.
        self.end_scan();
        let last = self.writes.len() - 1;
        let floor = match plan {
            None | Some(CrashPlan::Keep) => last,
            Some(_) => self.durable,
        };
        let found = read_all(self.store()).unwrap_or_else(|error| panic!("{error:#}"));
        let Some(number) = (floor..=last).rev().find(|&n| self.writes[n] == found) else {
            panic!(
                "reopened after {plan:?}, the store does not hold the state after {floor} to {last} writes: {}",
                difference(&self.writes[floor], &found)
            );
        };
        self.writes = vec![self.writes.swap_remove(number)];
        self.durable = 0;
        self.reopened += 1;
    }

    fn check(&self, when: &str) {
        let found = read_all(self.store()).unwrap_or_else(|error| panic!("{when}: {error:#}"));
        assert!(
            found == *self.now(),
            "{when}: {}",
            difference(self.now(), &found)
        );
    }
}

fn open(options: LsmOptions) -> LsmStorage {
    LsmStorage::open(DIR, options).unwrap_or_else(|error| panic!("open failed: {error}"))
}

fn drain(scan: LsmIterator) -> Vec<(Vec<u8>, Vec<u8>)> {
    scan.into_iter()
        .map(|entry| {
            let (key, value) = entry.expect("next() failed");
            (key.to_vec(), value.to_vec())
        })
        .collect()
}
