//! Blocks, tables, merges, filters, the cache.

use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use mini_lsm::StorageIterator;
use mini_lsm::block::{Block, BlockIterator};
use mini_lsm::block_cache::{BlockCache, CacheFill};
use mini_lsm::bloom::{BloomFilter, key_hash};
use mini_lsm::ids::TableId;
use mini_lsm::iterators::MergeIterator;
use mini_lsm::table::SsTableIterator;
use mini_lsm_bench::data;

use super::table::{ENTRIES, block, table};

const LARGE: u64 = 512 << 20;

/// Numbers of keys in random order, one after the other.
fn random_numbers(bound: u64) -> impl FnMut() -> u64 {
    let mut turn = 0;
    move || {
        turn += 1;
        data::present(data::random_below(1, turn, bound))
    }
}

#[divan::bench]
fn block_seek(bencher: Bencher<'_, '_>) {
    let block = block();
    let mut number = random_numbers(block.entry_count() as u64);
    let mut cursor = BlockIterator::new(block);
    bencher.bench_local(|| {
        cursor
            .seek(black_box(&data::key(number())))
            .expect("in range")
    });
}

#[divan::bench]
fn block_scan(bencher: Bencher<'_, '_>) {
    let block = block();
    let count = block.entry_count();
    let mut cursor = BlockIterator::new(block);
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| walk(&mut cursor));
}

#[divan::bench]
fn table_get_cached(bencher: Bencher<'_, '_>) {
    let table = table(0, 1, Some(LARGE));
    let mut number = random_numbers(ENTRIES);
    for index in 0..ENTRIES {
        table.get(&data::key(data::present(index))).expect("a get");
    }
    bencher.bench_local(|| table.get(black_box(&data::key(number()))).expect("a get"));
}

/// Reads, verifies and decodes a block each time; from memory, so the disk is not in it.
#[divan::bench]
fn table_get_uncached(bencher: Bencher<'_, '_>) {
    let table = table(0, 1, None);
    let mut number = random_numbers(ENTRIES);
    bencher.bench_local(|| table.get(black_box(&data::key(number()))).expect("a get"));
}

#[divan::bench]
fn table_scan(bencher: Bencher<'_, '_>) {
    let table = table(0, 1, Some(LARGE));
    let mut cursor = SsTableIterator::new(table, CacheFill::Yes);
    bencher
        .counter(ItemsCount::new(ENTRIES))
        .bench_local(|| walk(&mut cursor));
}

/// Entries that come from the tables in turn: no source has two in a row.
#[divan::bench(args = [1, 2, 4, 8])]
fn merge_next(bencher: Bencher<'_, '_>, tables: u64) {
    let open = |first| SsTableIterator::new(table(first, tables, Some(LARGE)), CacheFill::Yes);
    let mut cursor = MergeIterator::new((0..tables).map(open).collect());
    let items = ItemsCount::new(tables * ENTRIES);
    bencher.counter(items).bench_local(|| walk(&mut cursor));
}

#[divan::bench(args = [true, false])]
fn filter_probe(bencher: Bencher<'_, '_>, is_there: bool) {
    let hash = |number: u64| key_hash(&data::key(number));
    let hashes: Vec<u32> = (0..ENTRIES)
        .map(|index| hash(data::present(index)))
        .collect();
    let filter = BloomFilter::build(&hashes, 10);
    let mut number = random_numbers(ENTRIES);
    let shift = u64::from(!is_there);
    bencher.bench_local(|| filter.may_contain(black_box(hash(number() + shift))));
}

const CACHED_BLOCKS: u64 = 28_000;

/// Blocks of 4 KiB drawn at random, all of them cached.
#[divan::bench]
fn cache_hit(bencher: Bencher<'_, '_>) {
    let cache = BlockCache::new(LARGE);
    let block = block();
    let mut ask = cached_keys().map(|key| {
        cache
            .get_or_read(key, CacheFill::Yes, || Ok((*block).clone()))
            .expect("a block")
    });
    ask.by_ref()
        .take(20 * CACHED_BLOCKS as usize)
        .for_each(drop);
    bencher.bench_local(|| ask.next());
}

/// The same of moka, which notes each hit in a queue to know how often a block is asked for.
#[divan::bench]
fn cache_hit_moka(bencher: Bencher<'_, '_>) {
    let cache = moka::sync::Cache::builder()
        .weigher(|_, block: &Arc<Block>| block.size() as u32)
        .max_capacity(LARGE)
        .build();
    let block = block();
    let mut ask = cached_keys().map(|key| cache.get_with(key, || Arc::clone(&block)));
    ask.by_ref()
        .take(20 * CACHED_BLOCKS as usize)
        .for_each(drop);
    bencher.bench_local(|| ask.next());
}

fn cached_keys() -> impl Iterator<Item = (TableId, usize)> {
    (1..).map(|turn| {
        (
            TableId(1),
            data::random_below(1, turn, CACHED_BLOCKS) as usize,
        )
    })
}

/// From the first entry to the last; the sum keeps the compiler from leaving the reads out.
fn walk(cursor: &mut impl StorageIterator) -> usize {
    let mut sum = 0;
    cursor.seek_to_first().expect("a seek");
    while cursor.is_valid() {
        sum += cursor.key().len() + cursor.value().map_or(0, <[u8]>::len);
        cursor.next().expect("a step");
    }
    sum
}
