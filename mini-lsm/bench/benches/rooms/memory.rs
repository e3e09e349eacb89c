//! The memtable.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use mini_lsm::StorageIterator;
use mini_lsm::mem_table::MemTable;
use mini_lsm_bench::data::{self, Key, Shuffle, Value};

use super::table::ENTRIES;

type Entry = (Key, Value);

fn entries(number: impl Fn(u64) -> u64) -> Vec<Entry> {
    let entry = |number| (data::key(number), data::value(number, 1));
    (0..ENTRIES)
        .map(|place| entry(data::present(number(place))))
        .collect()
}

fn fill(entries: &[Entry]) -> Arc<MemTable> {
    let memtable = MemTable::new(1);
    for (seq, (key, value)) in (1..).zip(entries) {
        memtable.insert(key, seq, Some(value));
    }
    Arc::new(memtable)
}

/// From an empty memtable to one of 100,000 entries.
#[divan::bench(sample_count = 20)]
fn insert_in_order(bencher: Bencher<'_, '_>) {
    let entries = entries(|place| place);
    bencher
        .counter(ItemsCount::new(ENTRIES))
        .bench_local(|| fill(&entries));
}

#[divan::bench(sample_count = 20)]
fn insert_at_random(bencher: Bencher<'_, '_>) {
    let shuffle = Shuffle::new(ENTRIES, 1);
    let entries = entries(|place| shuffle.at(place));
    bencher
        .counter(ItemsCount::new(ENTRIES))
        .bench_local(|| fill(&entries));
}

#[divan::bench]
fn get(bencher: Bencher<'_, '_>) {
    let memtable = fill(&entries(|place| place));
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        let number = data::present(data::random_below(1, turn, ENTRIES));
        memtable.get(black_box(&data::key(number)), u64::MAX)
    });
}

#[divan::bench]
fn scan(bencher: Bencher<'_, '_>) {
    let memtable = fill(&entries(|place| place));
    bencher.counter(ItemsCount::new(ENTRIES)).bench_local(|| {
        let mut cursor = memtable.iter(u64::MAX);
        cursor.seek_to_first().expect("a seek");
        let mut sum = 0;
        while cursor.is_valid() {
            sum += cursor.key().len();
            cursor.next().expect("a step");
        }
        sum
    });
}
