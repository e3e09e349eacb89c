//! How often filters pass absent keys: measured, and kept in the book, which draws its plot from these numbers.
//!
//! All of it is counting, of keys and hashes that are the same everywhere, so the file must agree to the last digit. After a change
//! of the filter's format, write it anew: `UPDATE_FILTER_RATES=1 cargo test -p mini-lsm --test filter_rates`.

use std::fs;
use std::path::Path;

use mini_lsm::bloom::{BloomFilter, FILTER_BLOCK_LEN, key_hash};

const KEYS: usize = 100_000;
const ABSENT_KEYS: usize = 400_000;
const BITS_PER_KEY: [usize; 12] = [2, 4, 5, 6, 8, 10, 12, 14, 15, 16, 18, 20];

/// The book has the rates that the engine's filters have, and they are near those of the formula for filters in blocks.
#[test]
fn the_book_has_the_rates_that_are_measured() {
    let hash = |i: usize| key_hash(format!("key{i:08}").as_bytes());
    let keys: Vec<u32> = (0..KEYS).map(hash).collect();
    let absent: Vec<u32> = (KEYS..KEYS + ABSENT_KEYS).map(hash).collect();
    let mut table = String::from(
        "| bits a key | probes | measured, % | formula, blocks, % | formula, plain, % |\n|---:|---:|---:|---:|---:|\n",
    );
    for bits in BITS_PER_KEY {
        let filter = BloomFilter::build(&keys, bits);
        assert!(
            keys.iter().all(|&hash| filter.may_contain(hash)),
            "a key of the set is denied at {bits} bits a key"
        );
        let passed = absent.iter().filter(|&&hash| filter.may_contain(hash));
        let measured = passed.count() as f64 / ABSENT_KEYS as f64;
        let probes = (bits as f64 * std::f64::consts::LN_2).round();
        let expected = rate_in_blocks(bits, probes);
        let deviation = (expected / ABSENT_KEYS as f64).sqrt();
        assert!(
            (measured - expected).abs() < 5.0 * deviation,
            "at {bits} bits a key {measured} pass, by the formula {expected}"
        );
        let plain = (1.0 - (-probes / bits as f64).exp()).powf(probes);
        let [measured, expected, plain] = [measured, expected, plain].map(|rate| 100.0 * rate);
        table += &format!("| {bits} | {probes} | {measured:.3} | {expected:.3} | {plain:.3} |\n");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/figures/filter-rates.txt");
    if std::env::var_os("UPDATE_FILTER_RATES").is_some() {
        fs::write(&path, &table).expect("the book can be written");
    }
    let kept = fs::read_to_string(&path).expect("the book has the file");
    assert!(
        kept.replace("\r\n", "\n") == table,
        "{} is not what was measured; write it anew, as this file's first lines say:\n{table}",
        path.display()
    );
}

/// The keys fall into the blocks by chance, and a block that got more of them passes more: the average over the Poisson distribution.
fn rate_in_blocks(bits_per_key: usize, probes: f64) -> f64 {
    let block_bits = (8 * FILTER_BLOCK_LEN) as f64;
    let block_count = (KEYS * bits_per_key).div_ceil(8 * FILTER_BLOCK_LEN);
    let load = KEYS as f64 / block_count as f64;
    let mut chance_of_load = (-load).exp();
    let mut rate = 0.0;
    for keys in 1..2_000 {
        chance_of_load *= load / f64::from(keys);
        let is_set = 1.0 - (1.0 - 1.0 / block_bits).powf(probes * f64::from(keys));
        rate += chance_of_load * is_set.powf(probes);
    }
    rate
}
