//! Day 7 · Task 2 · filters in tables and in the store.

use super::*;
use common::model::Model;
use common::rng::Rng;
use common::{assert_get, entries, key, rest, rest_of_scan};
use mini_lsm::cursor::Lookup;
use mini_lsm::table::{CacheFill, SsTableIterator};
use mini_lsm::{StorageIterator, WriteBatch};

/// What a lookup found, in words and bytes.
fn tell(lookup: Lookup) -> String {
    match lookup {
        Lookup::Value(value) => show(&value),
        Lookup::Deleted => "a tombstone".to_owned(),
        Lookup::Unknown => "nothing".to_owned(),
    }
}

/// Asks a table for every one of these absent keys, which lie within its range, and says how many its filter let pass.
#[track_caller]
fn passed(table: &SsTable, absent: impl Iterator<Item = Vec<u8>>) -> (usize, usize) {
    let (mut passed, mut asked) = (0, 0);
    for key in absent {
        asked += 1;
        passed += usize::from(table.may_contain(&key));
    }
    (passed, asked)
}

/// Fails unless the table's filter denies absent keys as it should at 10 bits a key.
#[track_caller]
fn assert_filter_works(table: &SsTable, what: &str) {
    let absent = (0..5_000).map(|i| format!("key{i:06} is not here").into_bytes());
    let (passed, asked) = passed(table, absent);
    let rate = false_positive_rate(table.entry_count() as usize, 10);
    let allowed = allowed(rate, asked);
    assert!(
        passed <= allowed,
        "{what}: {passed} of {asked} absent keys passed the filter of table {}, expected at most {allowed}",
        table.id().0
    );
}

/// The filter part of a table is the filter over all its keys, in the table's own options, with a checksum behind it.
///
/// Keys of every block, tombstones, keys with empty values: one that was left out is a key that `get` will not find.
///
/// # Hints
/// - Where do all keys come by, whatever block they land in? Collect their hashes there.
/// - Are the hashes forgotten when a block is cut? They belong to the table.
/// - The number of bits is `filter_bits_per_key` of the options that the builder got.
#[test]
fn the_filter_part_is_the_filter_over_all_keys() {
    let mut all: Vec<Entry> = (0..1_000).map(numbered).collect();
    for (i, (_, value)) in all.iter_mut().enumerate() {
        match i % 5 {
            0 => *value = None,
            1 => *value = Some(Vec::new()),
            _ => {}
        }
    }
    let keys: Vec<Vec<u8>> = all.iter().map(|(key, _)| key.clone()).collect();
    for bits_per_key in [5, 10, 15] {
        let (table, fs) = table(&all, bits_per_key);
        assert!(table.block_count() > 1, "the table of this test has blocks");
        let expected = filter_over(&keys, bits_per_key).encode();
        let filter = Parts::of(&fs).filter;
        assert!(
            filter.len() == expected.len(),
            "at {bits_per_key} bits a key the filter of {} keys has {} bytes, expected {}",
            keys.len(),
            filter.len(),
            expected.len()
        );
        let differs = (0..filter.len()).find(|&at| filter[at] != expected[at]);
        assert!(
            differs.is_none(),
            "at {bits_per_key} bits a key byte {} of the filter part is not that of the filter over the table's keys",
            differs.unwrap_or_default()
        );
        let (passed, asked) = passed(&table, keys.iter().cloned());
        assert!(
            passed == asked,
            "of {asked} keys of the table, {} are denied by its own filter after it was opened",
            asked - passed
        );
    }
}

/// An opened table denies all but the few absent keys that the formula grants, and never a key that it holds.
///
/// The filter is read once, when the table is opened, and then answers from memory.
///
/// # Hints
/// - `may_contain` asks the filter with the hash of the key.
/// - A table without a filter says "maybe".
#[test]
fn an_opened_table_denies_most_absent_keys() {
    let all: Vec<Entry> = (0..3_000).map(numbered).collect();
    let (table, _fs) = table(&all, 10);
    for (key, _) in &all {
        assert!(
            table.may_contain(key),
            "the table denies {}, which it holds",
            show(key)
        );
    }
    assert_filter_works(&table, "a table with filter");
}

/// What the filter denies is not looked for, and what a cursor walks is not asked of the filter.
///
/// The filter of this table has been replaced by one that denies everything. `get` has to believe it; a scan has no one key to ask for.
///
/// # Hints
/// - The filter is for `get` alone. A seek looks for the first key *from* its target on, and the target itself may be missing.
/// - If `get` still finds the key, it does not ask, or asks too late.
#[test]
fn get_believes_the_filter_and_cursors_never_ask_it() {
    let all: Vec<Entry> = (0..400).map(numbered).collect();
    let (_, fs) = table(&all, 10);
    let mut parts = Parts::of(&fs);
    parts.filter = vec![0; 65];
    parts.filter[64] = 1;
    parts.write(&fs);
    let table = open_table(fs).expect("a table with a filter of no bits is a table");

    for (key, _) in all.iter().step_by(29) {
        let got = tell(table.get(key).expect("a get in a sound table failed"));
        assert!(
            got == "nothing",
            "the filter denies everything, but get({}) gave {got}",
            show(key)
        );
    }
    let mut cursor = SsTableIterator::new(Arc::clone(&table), CacheFill::No);
    cursor.seek_to_first().expect("seek_to_first() failed");
    assert!(
        rest(&mut cursor) == all,
        "a walk over the table misses entries that the filter denies"
    );
    for (key, _) in all.iter().step_by(29) {
        cursor.seek(key).expect("seek failed");
        assert!(
            cursor.is_valid() && cursor.key() == key,
            "seek({}) does not find the key in the table: a cursor must not ask the filter",
            show(key)
        );
    }
}

/// Absent keys within a table's range cost no read, but for the few that pass the filter by chance; a present key costs one.
///
/// Without a filter each of them costs a block: a read from disk, a checksum, a binary search, all for a "no".
///
/// # Hints
/// - Ask the filter before anything else in `SsTable::get`.
/// - A read that happens before the question has been paid for already.
#[test]
fn an_absent_key_costs_hardly_any_read() {
    let all: Vec<Entry> = (0..5_000).map(numbered).collect();
    let (_, fs) = table(&all, 10);
    let log = OpLog::default();
    let table =
        open_table(Arc::new(FaultFs::logged(fs, &log))).expect("a table could not be opened");
    log.clear();
    let absent = 20_000;
    for i in 0..absent {
        let key = format!("key{:06}+{i}", i % 4_999).into_bytes();
        let got = tell(table.get(&key).expect("a get in a sound table failed"));
        assert!(
            got == "nothing",
            "the table gave {got} for the absent key {}",
            show(&key)
        );
    }
    let allowed = allowed(false_positive_rate(all.len(), 10), absent);
    let reads = table_reads(&log);
    assert!(
        reads <= allowed,
        "{absent} gets of absent keys read the table's file {reads} times, expected at most {allowed}"
    );
    for (key, value) in all.iter().step_by(7) {
        log.clear();
        let got = tell(table.get(key).expect("a get in a sound table failed"));
        assert!(
            got == common::show_value(value.as_deref()) && table_reads(&log) == 1,
            "get({}) gave {got} after {} reads, expected {} after one",
            show(key),
            table_reads(&log),
            common::show_value(value.as_deref())
        );
    }
}

/// A tombstone is an entry like any other: its key is in the filter.
///
/// A filter that denies a deleted key sends the search on to older tables, and there the old value lies: the key is back from the dead.
///
/// # Hints
/// - Do you collect the hash only where there is a value?
/// - A table of nothing but tombstones has a filter, too.
#[test]
fn tombstones_are_in_the_filter() {
    let deleted: Vec<Entry> = (0..500).map(|i| (key(i), None)).collect();
    let (table, fs) = table(&deleted, 10);
    assert!(
        Parts::of(&fs).filter.len() > 64,
        "a table of 500 tombstones has no filter"
    );
    for (key, _) in &deleted {
        let got = tell(table.get(key).expect("a get in a sound table failed"));
        assert!(
            table.may_contain(key) && got == "a tombstone",
            "the table holds a tombstone for {}, but its filter says {} and get gives {got}",
            show(key),
            table.may_contain(key)
        );
    }
    assert_filter_works(&table, "a table of tombstones");
}

/// A deleted key stays hidden, wherever its tombstone and its old value lie.
///
/// The value is in L1, the tombstone in L0, each table with a filter of its own. The newer table must answer, so that the older one is never asked.
///
/// # Hints
/// - Read `tombstones_are_in_the_filter` first.
/// - A "no" of one table's filter is a "no" of that table only: the search goes on.
#[test]
fn a_deleted_key_stays_hidden_behind_filters() {
    let fs = common::mem_fs();
    let store = common::open(options(fs.clone(), 10));
    let mut model = Model::default();
    for i in 0..600 {
        model.put(&store, &key(i), b"old");
    }
    compact(&store);
    for i in (0..600).step_by(3) {
        model.delete(&store, &key(i));
    }
    flush(&store);
    model.check_all(&store, 400, "with values in L1 and tombstones in L0");
    for i in (0..600).step_by(6) {
        model.put(&store, &key(i), b"new");
    }
    flush(&store);
    model.check_all(&store, 400, "with new values above the tombstones");
    compact(&store);
    model.check_all(&store, 400, "after a compaction of it all");
    close(&store);
    for table in tables_of(&fs) {
        assert_filter_works(&table, "after a compaction");
    }
}

/// In a whole store, too, absent keys read hardly any block: the share of each table that was asked, and no more.
///
/// The store of this test has two tables in L0 and more in a level below, all of which cover the keys that are asked for.
///
/// # Hints
/// - Flush and compaction build tables by the same builder, with the options of the store.
/// - Is a block read to find out whether a table covers the key? Its first and last key are in the index.
#[test]
fn an_absent_key_costs_a_store_hardly_any_read() {
    let fs = common::mem_fs();
    let log = OpLog::default();
    let store = common::open(options(Arc::new(FaultFs::logged(fs, &log)), 10));
    let mut batch = WriteBatch::new();
    for i in 0..4_000 {
        batch.put(&key(2 * i), &common::value(i));
    }
    store.write(batch).expect("write failed");
    compact(&store);
    for round in 0..2 {
        for i in (round..4_000).step_by(20).chain([0, 3_999]) {
            let value = common::value(i);
            store.put(&key(2 * i), &value).expect("put failed");
        }
        flush(&store);
    }
    let levels = store.metrics().levels;
    assert!(
        levels[0].len() == 2,
        "two flushes after a compaction make two tables in L0, but there are {}",
        levels[0].len()
    );
    log.clear();
    let absent = 12_000;
    for i in 0..absent {
        let key = format!("key{:06}+{i}", i % 7_998).into_bytes();
        assert_get(&store, &key, None, "with absent keys");
    }
    let l0_rate: f64 = levels[0]
        .iter()
        .map(|table| false_positive_rate(table.entry_count as usize, 10))
        .sum();
    // From L1 on one table of a level is asked.
    let below_rate = levels[1..]
        .iter()
        .filter_map(|level| {
            let rates = level
                .iter()
                .map(|table| false_positive_rate(table.entry_count as usize, 10));
            rates.max_by(f64::total_cmp)
        })
        .sum::<f64>();
    let allowed = allowed(l0_rate + below_rate, absent);
    let reads = table_reads(&log);
    assert!(
        reads <= allowed,
        "{absent} gets of absent keys read tables {reads} times, expected at most {allowed}"
    );
    for i in (0..4_000).step_by(37) {
        let value = common::value(i);
        assert_get(&store, &key(2 * i), Some(&value), "with present keys");
    }
}

/// With `filter_bits_per_key: 0` tables have an empty filter part, deny nothing and are read as ever.
///
/// Who reads only by scans need not pay for filters.
///
/// # Hints
/// - The filter part is there even so: no bytes, and the checksum of no bytes.
/// - An opened table without a filter has none to ask; what then is the answer of `may_contain`?
#[test]
fn without_filters_nothing_is_denied() {
    let all: Vec<Entry> = (0..300).map(numbered).collect();
    let (table, fs) = table(&all, 0);
    let len = Parts::of(&fs).filter.len();
    assert!(
        len == 0,
        "filters are off, but the table's filter has {len} bytes"
    );
    for i in 0..600 {
        assert!(
            table.may_contain(&key(i)),
            "a table without filter denies {}",
            show(&key(i))
        );
    }
    for (key, value) in &all {
        let got = tell(table.get(key).expect("a get in a sound table failed"));
        assert!(
            got == common::show_value(value.as_deref()),
            "get({}) in a table without filter gave {got}",
            show(key)
        );
    }
}

/// A store that was written without filters is read by one with filters; its tables get them when they are rewritten.
///
/// This is the database of yesterday, of day 6. Options may change from one `open` to the next, data may not.
///
/// # Hints
/// - Whether a table has a filter is told by the table, not by the options.
/// - No bytes decode to no filter.
#[test]
fn yesterdays_database_is_read_and_gets_its_filters() {
    let fs = common::mem_fs();
    let mut model = Model::default();
    let store = common::open(options(fs.clone(), 0));
    for i in 0..500 {
        model.put(&store, &key(2 * i), &common::value(i));
    }
    compact(&store);
    for i in 0..50 {
        model.delete(&store, &key(10 * i));
    }
    flush(&store);
    model.put(&store, b"only in the log", b"1");
    close(&store);
    for table in tables_of(&fs) {
        assert!(
            table.may_contain(b"key000001"),
            "a table without filter denies a key"
        );
    }

    let store = common::open(options(fs.clone(), 10));
    model.check_all(&store, 500, "after a store without filters was reopened");
    model.put(&store, b"key000001", b"new");
    flush(&store);
    model.check_all(&store, 500, "with tables of both kinds");
    compact(&store);
    model.check_all(&store, 500, "after everything was rewritten");
    close(&store);
    let tables = tables_of(&fs);
    assert!(!tables.is_empty(), "the store has no table any more");
    for table in tables {
        assert_filter_works(&table, "a table rewritten with filters on");
    }
}

/// Filters can be switched off again: tables that have one are still read, and lose it when they are rewritten.
///
/// A filter that is in a table is right whatever today's options say, so it may be used or left alone; the answers are the same.
///
/// # Hints
/// - Decode what is there; the option only says what is built.
/// - A flush after the switch makes a table whose filter part is empty.
#[test]
fn filters_can_be_switched_off_again() {
    let fs = common::mem_fs();
    let mut model = Model::default();
    let store = common::open(options(fs.clone(), 10));
    for i in 0..300 {
        model.put(&store, &key(2 * i), &common::value(i));
    }
    flush(&store);
    close(&store);
    let store = common::open(options(fs.clone(), 0));
    model.check_all(&store, 300, "after filters were switched off");
    model.delete(&store, &key(0));
    compact(&store);
    model.check_all(&store, 300, "after a compaction without filters");
    close(&store);
    for table in tables_of(&fs) {
        for i in 0..1_000 {
            assert!(
                table.may_contain(&key(i)),
                "a table that was rewritten with filters off denies {}",
                show(&key(i))
            );
        }
    }
}

/// A flipped bit anywhere in the filter part is found when the table is opened.
///
/// A filter is believed without a look at the data, so damage in it must not wait: a lost bit is a lost key.
///
/// # Hints
/// - The filter is a part like any other: check its CRC before you decode it.
/// - The four bytes behind it belong to it.
#[test]
fn a_flipped_bit_in_the_filter_part_is_corruption() {
    let all: Vec<Entry> = (0..60).map(numbered).collect();
    let (_, fs) = table(&all, 10);
    let parts = Parts::of(&fs);
    assert!(
        parts.filter.len() == 2 * 64 + 1,
        "60 keys at 10 bits a key need a filter of two blocks, but the table's has {} bytes",
        parts.filter.len()
    );
    let sound = fs.read(table_file());
    let begin = parts.blocks.len();
    for at in begin..begin + parts.filter.len() + 4 {
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (at % 8);
        fs.write_raw(table_file(), &damaged);
        let opened = open_table(fs.clone());
        assert!(
            matches!(&opened, Err(Error::Corruption { file, .. }) if *file == table_file()),
            "with a bit flipped in byte {} of the filter part, open must give Error::Corruption, naming the file",
            at - begin
        );
    }
}

/// A filter that cannot be one is corruption, even if its checksum is right.
///
/// A checksum shows that the bytes are those that were written, not that whoever wrote them knew what a filter is.
///
/// # Hints
/// - `open` decodes the filter and passes its error on.
/// - Do not take what cannot be decoded for "no filter".
#[test]
fn a_malformed_filter_with_a_right_checksum_is_corruption() {
    let all: Vec<Entry> = (0..10).map(numbered).collect();
    let (_, fs) = table(&all, 10);
    let mut parts = Parts::of(&fs);
    let no_probes = vec![0; 65];
    let no_blocks = vec![7];
    let half_a_block = vec![7; 33];
    let many_probes = vec![31; 65];
    for filter in [no_probes, no_blocks, half_a_block, many_probes] {
        parts.filter = filter;
        parts.write(&fs);
        let opened = open_table(fs.clone());
        assert!(
            matches!(&opened, Err(Error::Corruption { file, .. }) if *file == table_file()),
            "a table whose filter is {} bytes, the last of them {}, must not open",
            parts.filter.len(),
            parts.filter[parts.filter.len() - 1]
        );
    }
}

/// Random writes, flushes, compactions and reopens with filters give what a sorted map gives.
///
/// A filter may save reads; it may never change an answer.
///
/// # Hints
/// - If a key is missing: is it missing from its table's filter? `SsTable::may_contain` tells.
/// - If an old value shows: the newer table denied the key.
#[test]
fn a_store_with_filters_agrees_with_a_map() {
    const KEYS: usize = 250;
    for bits_per_key in [1, 10] {
        let fs = common::mem_fs();
        let mut rng = Rng::new(703);
        let mut model = Model::default();
        let mut store = common::open(options(fs.clone(), bits_per_key));
        for round in 0..12 {
            for _ in 0..120 {
                model.random_write(&store, &mut rng, KEYS);
            }
            match rng.below(4) {
                0 => compact(&store),
                1 => {
                    close(&store);
                    store = common::open(options(fs.clone(), bits_per_key));
                }
                _ => flush(&store),
            }
            let when = format!("at {bits_per_key} bits a key, in round {round}");
            model.check_all(&store, KEYS, &when);
            if round % 4 == 3 {
                model.check_ranges(&store, KEYS, &when);
            }
        }
        flush(&store);
        close(&store);
        for table in tables_of(&fs) {
            let (passed, asked) = passed(&table, (0..2_000).map(|i| key(i + 1_000_000)));
            assert!(
                passed < asked,
                "table {} of a store with filters denies nothing",
                table.id().0
            );
        }
    }
}

/// A scan of a store gives what filters deny.
///
/// The one table of this store has been given a filter that denies everything: `get` finds nothing any more, a scan finds it all.
///
/// # Hints
/// - A scan asks for a range, a filter knows single keys only.
/// - Even a range of one key may be asked for by a scan; it is walked like any other.
#[test]
fn a_scan_ignores_filters() {
    let fs = common::mem_fs();
    let store = common::open(options(fs.clone(), 10));
    for (key, value) in entries("apple=1 pear=2 plum=3") {
        let value = value.expect("puts only");
        store.put(&key, &value).expect("put failed");
    }
    flush(&store);
    close(&store);
    let (own, name) = match tables_of(&fs).as_slice() {
        [table] => (table.id(), table.path().to_owned()),
        tables => panic!("one flush made {} tables", tables.len()),
    };
    deny_everything(&fs, own, &name);

    let store = common::open(options(fs, 10));
    assert_get(
        &store,
        b"plum",
        None,
        "with a filter that denies everything",
    );
    let mut scan = store.scan(..).expect("scan failed");
    let found: Vec<Vec<u8>> = rest_of_scan(&mut scan)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert!(
        found == [b"apple".to_vec(), b"pear".to_vec(), b"plum".to_vec()],
        "a scan over a table whose filter denies everything gave {} of 3 entries",
        found.len()
    );
}

/// Replaces the filter of a table of a few keys, whose file ends in footer and index, by one without a set bit.
fn deny_everything(fs: &MemFs, id: TableId, file: &Path) {
    let mut bytes = fs.read(file);
    let footer_at = bytes.len() - FOOTER_LEN;
    let last = bytes[footer_at..].try_into().expect("FOOTER_LEN bytes");
    let footer = Footer::decode(last, id, Origin::new(file, footer_at as u64))
        .expect("the footer of a sound table was refused");
    let [begin, end] = [footer.filter_offset, footer.index_offset - 4].map(|at| at as usize);
    assert!(
        end - begin == 65,
        "a table of three keys at 10 bits a key has a filter of 65 bytes, not {}",
        end - begin
    );
    bytes[begin..end - 1].fill(0);
    let checksum = crc32fast::hash(&bytes[begin..end]).to_le_bytes();
    bytes[end..end + 4].copy_from_slice(&checksum);
    fs.write_raw(file, &bytes);
}
