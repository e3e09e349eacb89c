//! A store and a `BTreeMap` that must agree: the map is the model, the store is on trial.

use std::collections::BTreeMap;
use std::ops::Bound;

use mini_lsm_starter::{LsmStorage, WriteBatch};

use super::rng::Rng;
use super::{assert_get, rest_of_scan, show};

/// What the store must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Keys and values.
    pub map: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The start and the end of a range.
pub type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);

impl Model {
    /// Puts in both.
    #[track_caller]
    pub fn put(&mut self, store: &LsmStorage, key: &[u8], value: &[u8]) {
        store
            .put(key, value)
            .unwrap_or_else(|error| panic!("put({}) failed: {error}", show(key)));
        self.map.insert(key.to_vec(), value.to_vec());
    }

    /// Deletes in both.
    #[track_caller]
    pub fn delete(&mut self, store: &LsmStorage, key: &[u8]) {
        store
            .delete(key)
            .unwrap_or_else(|error| panic!("delete({}) failed: {error}", show(key)));
        self.map.remove(key);
    }

    /// One random write on one of `key_count` keys: a put, an empty value, a delete, or a batch of some.
    #[track_caller]
    pub fn random_write(&mut self, store: &LsmStorage, rng: &mut Rng, key_count: usize) {
        let key = |rng: &mut Rng| super::key(2 * rng.below(key_count));
        match rng.below(10) {
            0..5 => {
                let (key, len) = (key(rng), rng.below(60));
                self.put(store, &key, &rng.bytes(len));
            }
            5 => self.put(store, &key(rng), b""),
            6..8 => self.delete(store, &key(rng)),
            _ => {
                let mut batch = WriteBatch::new();
                for _ in 0..1 + rng.below(6) {
                    let key = key(rng);
                    if rng.chance(30) {
                        batch.delete(&key);
                        self.map.remove(&key);
                    } else {
                        let value = rng.bytes(20);
                        batch.put(&key, &value);
                        self.map.insert(key, value);
                    }
                }
                store
                    .write(batch)
                    .unwrap_or_else(|error| panic!("write(batch) failed: {error}"));
            }
        }
    }

    /// Every key that may be there, by `get`; everything, by a scan.
    #[track_caller]
    pub fn check_all(&self, store: &LsmStorage, key_count: usize, when: &str) {
        for i in 0..2 * key_count {
            let key = super::key(i);
            assert_get(store, &key, self.map.get(&key).map(Vec::as_slice), when);
        }
        self.check_scan(store, &(Bound::Unbounded, Bound::Unbounded), when);
    }

    /// One range, by a scan.
    #[track_caller]
    pub fn check_scan(&self, store: &LsmStorage, range: &Range, when: &str) {
        let bounds = (as_slice(&range.0), as_slice(&range.1));
        let told = format!("{when}, scan({})", show_range(range));
        let mut scan = store
            .scan(bounds)
            .unwrap_or_else(|error| panic!("{told} failed: {error}"));
        let got = rest_of_scan(&mut scan);
        let is_inside = |key: &Vec<u8>| {
            let past_start = match &range.0 {
                Bound::Unbounded => true,
                Bound::Included(start) => key >= start,
                Bound::Excluded(start) => key > start,
            };
            let before_end = match &range.1 {
                Bound::Unbounded => true,
                Bound::Included(end) => key <= end,
                Bound::Excluded(end) => key < end,
            };
            past_start && before_end
        };
        let expected: Vec<_> = self.map.iter().filter(|(key, _)| is_inside(key)).collect();
        for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert!(
                &got.0 == expected.0 && &got.1 == expected.1,
                "{told}: entry {i} is {} = {}, expected {} = {}",
                show(&got.0),
                show(&got.1),
                show(expected.0),
                show(expected.1)
            );
        }
        assert!(
            got.len() == expected.len(),
            "{told} gave {} entries, expected {}",
            got.len(),
            expected.len()
        );
    }

    /// The ranges that everybody forgets, over keys `key(0)`, `key(2)`, … below `2 * key_count`, of which odd ones are gaps.
    #[track_caller]
    pub fn check_ranges(&self, store: &LsmStorage, key_count: usize, when: &str) {
        let middle = key_count & !1;
        let points = [
            0,
            1,
            2,
            middle,
            middle + 1,
            2 * key_count - 2,
            2 * key_count + 1,
        ];
        let keys: Vec<Vec<u8>> = points.iter().map(|&i| super::key(i)).collect();
        for start in bounds_at(&keys) {
            for end in bounds_at(&keys) {
                self.check_scan(store, &(start.clone(), end), when);
            }
        }
    }
}

fn bounds_at(keys: &[Vec<u8>]) -> Vec<Bound<Vec<u8>>> {
    let on_key = keys
        .iter()
        .flat_map(|key| [Bound::Included(key.clone()), Bound::Excluded(key.clone())]);
    on_key.chain([Bound::Unbounded]).collect()
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

fn show_range((start, end): &Range) -> String {
    let start = match start {
        Bound::Unbounded => "from the first".to_owned(),
        Bound::Included(key) => format!("from {}", show(key)),
        Bound::Excluded(key) => format!("from behind {}", show(key)),
    };
    match end {
        Bound::Unbounded => format!("{start} to the last"),
        Bound::Included(key) => format!("{start} to {}", show(key)),
        Bound::Excluded(key) => format!("{start} to before {}", show(key)),
    }
}
