//! Day 4 · Task 1 · the block cache.

use super::*;

/// A file system, what it did, and a table with a block each for `values`, whose blocks go through a cache.
struct Fixture {
    log: OpLog,
    cache: Arc<BlockCache>,
    table: Arc<SsTable>,
    values: Vec<Vec<u8>>,
}

impl Fixture {
    fn new(block_count: usize, value_len: usize, capacity: u64) -> Self {
        let (fs, log) = (mem_fs(), OpLog::default());
        let value = |i: usize| format!("{i:0value_len$}").into_bytes();
        let values: Vec<Vec<u8>> = (0..block_count).map(value).collect();
        let entries = values.iter().enumerate();
        build_table(
            &fs,
            TableId(1),
            entries.map(|(i, value)| (key(i), Some(value.clone()))),
        );
        let cache = Arc::new(BlockCache::new(capacity));
        let table = open_table(logged(&fs, &log), TableId(1), Some(Arc::clone(&cache)));
        log.clear();
        Self {
            log,
            cache,
            table,
            values,
        }
    }

    /// Asks for block `index`, and checks that it is the right one.
    #[track_caller]
    fn block(&self, index: usize, fill: CacheFill) {
        let block = self.table.block(index, fill);
        let block = block.unwrap_or_else(|error| panic!("reading block {index}: {error}"));
        let value = first_value(&block);
        assert!(
            value == self.values[index],
            "block {index} came back with the value {}, expected {}",
            show(&value),
            show(&self.values[index])
        );
    }

    /// How often the file was read since the table was opened.
    fn reads(&self) -> usize {
        self.log.count(is_table_read)
    }
}

fn first_value(block: &Block) -> Vec<u8> {
    let value = block.entry(0).value;
    value.expect("the test wrote no tombstone").to_vec()
}

/// A block that is asked for twice is read from the file once.
///
/// A read of a disk takes a hundred thousand times as long as one of memory, and most reads of a store ask for the same few blocks.
///
/// # Hints
/// - Does `SsTable::block` ask the cache before it reads?
/// - Does what was read get into the cache, under the table's id and the block's number?
/// - quick_cache's `get` and `insert` would do for this test; read the task once more before you settle for them.
#[test]
fn a_block_read_twice_costs_one_read() {
    let f = Fixture::new(5, 100, 1 << 20);
    f.block(3, CacheFill::Yes);
    f.block(3, CacheFill::Yes);
    let reads = f.reads();
    assert!(
        reads == 1,
        "block 3 was asked for twice, and the file was read {reads} times, expected once"
    );
}

/// A second walk over a table reads nothing, and shows the same.
///
/// Blocks must not take each other's places: a key made of the table alone would make all of a table's blocks one.
///
/// # Hints
/// - What is a block's key in the cache?
/// - `BlockKey` has two parts, and both are needed.
#[test]
fn a_second_walk_over_a_table_reads_nothing() {
    let f = Fixture::new(12, 100, 1 << 20);
    for walk in ["first", "second"] {
        let mut cursor = SsTableIterator::new(Arc::clone(&f.table), CacheFill::Yes);
        cursor.seek_to_first().expect("seek_to_first() failed");
        let values: Vec<Vec<u8>> = rest(&mut cursor)
            .into_iter()
            .map(|(_, value)| value.expect("the test wrote no tombstone"))
            .collect();
        assert!(
            values == f.values,
            "the {walk} walk over the table shows other values than were written"
        );
        let reads = f.reads();
        assert!(
            reads == 12,
            "after the {walk} walk over 12 blocks the file was read {reads} times, expected 12"
        );
    }
}

/// Blocks of two tables that have the same number are different blocks.
///
/// One cache serves all tables of a store, and each of them has a block 0.
///
/// # Hints
/// - Which table does the block come from that you find under this key?
/// - The table's id belongs into the key.
#[test]
fn two_tables_with_equal_block_numbers_do_not_mix() {
    let fs = mem_fs();
    let cache = Arc::new(BlockCache::new(1 << 20));
    let values = [(TableId(1), "one"), (TableId(2), "two")];
    for (id, value) in values {
        build_table(&fs, id, entries(&format!("a={value}")));
    }
    for (id, value) in values.into_iter().chain(values) {
        let fs = Arc::clone(&fs) as Arc<dyn FileSystem>;
        let table = open_table(fs, id, Some(Arc::clone(&cache)));
        let block = table.block(0, CacheFill::Yes).expect("block(0) failed");
        let got = first_value(&block);
        assert!(
            got == value.as_bytes(),
            "block 0 of table {} holds {}, expected {}: tables share a cache, not their blocks",
            id.0,
            show(&got),
            show(value.as_bytes())
        );
    }
}

/// Eight threads that miss the same block at the same time cause one read, and all get the block.
///
/// When a block that everybody wants drops out of the cache, a store without this rule asks the disk for it as often as it has readers, just when it is slow anyway.
///
/// # Hints
/// - What does a second thread find between the first one's look into the cache and its insert?
/// - Look, read and insert must be one step for a key. quick_cache has a call that does so.
/// - `get_or_insert_with` takes a closure that may fail.
///
/// # Concurrent
#[test]
fn threads_that_miss_the_same_block_read_it_once() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 10;
    let fs = mem_fs();
    let all = (0..ROUNDS).map(|i| (key(i), Some(key(i))));
    build_table(&fs, TableId(1), all);
    let [begun, awaited, reads] = [const { AtomicUsize::new(0) }; 3].map(Arc::new);
    let hook = {
        let [begun, awaited, reads] = [&begun, &awaited, &reads].map(Arc::clone);
        move |op: &Operation| {
            if is_table_read(op) {
                let read = reads.fetch_add(1, Ordering::SeqCst) + 1;
                // Until all are about to ask, and then some: whoever would read, too, gets the time to.
                wait_for("all threads run", || {
                    begun.load(Ordering::SeqCst) >= awaited.load(Ordering::SeqCst)
                });
                if awaited.load(Ordering::SeqCst) > 0 && read == 1 {
                    let_others_run();
                }
            }
            Verdict::Proceed
        }
    };
    let cache = Arc::new(BlockCache::new(1 << 20));
    let table = open_table(hooked(&fs, hook), TableId(1), Some(Arc::clone(&cache)));
    for index in 0..ROUNDS {
        reads.store(0, Ordering::SeqCst);
        awaited.store((index + 1) * THREADS, Ordering::SeqCst);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    begun.fetch_add(1, Ordering::SeqCst);
                    let block = table.block(index, CacheFill::Yes).expect("block() failed");
                    let value = first_value(&block);
                    assert!(
                        value == key(index),
                        "a thread that waited for block {index} got the one with {}",
                        show(&value)
                    );
                });
            }
        });
        let reads = reads.load(Ordering::SeqCst);
        assert!(
            reads == 1,
            "{THREADS} threads missed block {index} at the same time, and the file was read {reads} times, expected once"
        );
    }
    let (hits, misses) = (cache.hits(), cache.misses());
    assert!(
        (hits, misses) == ((ROUNDS * (THREADS - 1)) as u64, ROUNDS as u64),
        "{ROUNDS} blocks were asked for by {THREADS} threads each and read once: the cache counts {hits} hits and {misses} misses, \
         but a call that got the block from another call's read is a hit"
    );
}

/// While one block is being read, others can be had.
///
/// A lock around the whole cache would also make every block be read once. But then the slowest read holds up all readers of the store.
///
/// # Hints
/// - What do you hold while `read` runs?
/// - The threads that want *the same* block wait; everybody else goes on. quick_cache does both.
///
/// # Concurrent
#[test]
fn a_slow_read_of_one_block_holds_up_no_other() {
    let fs = mem_fs();
    build_table(&fs, TableId(1), entries("a=1 b=2 c=3"));
    let (gate, is_armed) = (Gate::new(), Arc::new(AtomicBool::new(false)));
    let hook = {
        let (gate, is_armed) = (Arc::clone(&gate), Arc::clone(&is_armed));
        move |op: &Operation| {
            if is_table_read(op) && is_armed.swap(false, Ordering::SeqCst) {
                gate.pass();
            }
            Verdict::Proceed
        }
    };
    let cache = Arc::new(BlockCache::new(1 << 20));
    let table = open_table(hooked(&fs, hook), TableId(1), Some(cache));
    let _open = gate.open_at_the_end();
    let read = |what, index: usize| {
        let table = Arc::clone(&table);
        call(what, move || {
            let block = table.block(index, CacheFill::Yes);
            first_value(&block.expect("block() failed"))
        })
    };
    is_armed.store(true, Ordering::SeqCst);
    let slow = read("block(0)", 0).comes_to(&gate, 1);
    let other = read("block(1), while the file is asked for block 0,", 1).answer();
    assert!(other == b"2", "block 1 holds {}, expected 2", show(&other));
    gate.open();
    let slow = slow.answer();
    assert!(slow == b"1", "block 0 holds {}, expected 1", show(&slow));
}

/// The capacity is bytes: sixteen blocks of 4 KiB fill a cache of 64 KiB, and a seventeenth drives one out.
///
/// Who runs the store gives it so much memory and no more. Blocks are of any size, so their number says nothing.
///
/// # Hints
/// - What does quick_cache count if nobody tells it what an entry weighs?
/// - `Cache::with_weighter(…)`: the given `Weight` says that an entry weighs its block's length in bytes, and a little for the entry itself.
#[test]
fn the_capacity_is_counted_in_bytes() {
    const CAPACITY: u64 = 64 << 10;
    let f = Fixture::new(64, 4096, CAPACITY);
    for i in 0..64 {
        f.block(i, CacheFill::Yes);
    }
    let size = f.cache.size();
    assert!(
        size <= CAPACITY,
        "the cache holds {size} bytes, but its capacity is {CAPACITY}"
    );
    assert!(
        size >= CAPACITY / 2,
        "256 KiB of blocks went by, and the cache holds {size} bytes: its capacity of {CAPACITY} is not used"
    );
    f.log.clear();
    for i in 0..64 {
        f.block(i, CacheFill::Yes);
    }
    let kept = 64 - f.reads();
    assert!(
        kept <= 16,
        "{kept} blocks of 4 KiB came out of a cache of 64 KiB: the capacity is counted in bytes, not in blocks"
    );
}

/// Of small blocks more fit in: a hundred of 100 bytes are all kept in 64 KiB.
///
/// The other side of counting bytes: nothing is thrown out while there is room.
///
/// # Hints
/// - What does a block weigh in your cache? It should be about its own length, not that of a full block.
/// - `Block::size` is the length.
#[test]
fn small_blocks_weigh_little() {
    let f = Fixture::new(100, 100, 64 << 10);
    for i in (0..100).chain(0..100) {
        f.block(i, CacheFill::Yes);
    }
    let reads = f.reads();
    assert!(
        reads == 100,
        "100 blocks of some 100 bytes were asked for twice, with a cache of 64 KiB: {reads} reads, expected 100"
    );
    let size = f.cache.size();
    assert!(
        size >= 100 * 100,
        "the cache holds 100 blocks of more than 100 bytes and says that it holds {size} bytes"
    );
}

/// A block that is larger than the whole cache is read and handed out all the same.
///
/// A value may have 256 MB, and lies in one block. The cache must neither refuse nor keep it.
///
/// # Hints
/// - Who returns the block if the cache does not take it?
/// - `get_or_insert_with` gives you what the closure gave, kept or not.
#[test]
fn a_block_larger_than_the_cache_is_read_all_the_same() {
    let f = Fixture::new(2, 5000, 1000);
    for i in [0, 1, 0, 1] {
        f.block(i, CacheFill::Yes);
    }
    let size = f.cache.size();
    assert!(
        size <= 1000,
        "the cache holds {size} bytes, but its capacity is 1000"
    );
}

/// A read that failed is tried again the next time.
///
/// A disk may stumble once. If the cache kept the failure, the block would be gone until the store is opened anew.
///
/// # Hints
/// - What is in the cache after `read` gave an error?
/// - Nothing should be: only blocks are kept. `get_or_insert_with` does that.
#[test]
fn a_failed_read_is_not_remembered() {
    let (fs, trap) = (mem_fs(), Trap::default());
    build_table(&fs, TableId(1), entries("a=1"));
    let cache = Arc::new(BlockCache::new(1 << 20));
    let table = open_table(trap.around(&fs), TableId(1), Some(cache));
    trap.set(OpKind::Read, Verdict::Fail(std::io::ErrorKind::Other));
    let failed = table.block(0, CacheFill::Yes);
    assert!(
        matches!(failed, Err(Error::Io { .. })),
        "the file cannot be read, and block(0) did not say so with Error::Io"
    );
    let value = first_value(&table.block(0, CacheFill::Yes).unwrap_or_else(|error| {
        panic!("the file can be read again, but block(0) still fails: {error}")
    }));
    assert!(value == b"1", "block 0 holds {}, expected 1", show(&value));
}

/// A damaged block is `Corruption`, through the cache as without one, and is read anew when the damage is mended.
///
/// Whoever operates the store must be told which file is damaged and where, and not that "a read failed".
///
/// # Hints
/// - What does your closure make of the error that `read` gave?
/// - Pass it on as it is: `get_or_insert_with` does, too.
#[test]
fn damage_comes_through_the_cache_as_corruption() {
    let fs = mem_fs();
    build_table(&fs, TableId(1), entries("a=1"));
    let cache = Arc::new(BlockCache::new(1 << 20));
    let shared = Arc::clone(&fs) as Arc<dyn FileSystem>;
    let table = open_table(shared, TableId(1), Some(cache));
    let sound = fs.read(table.path());
    let mut damaged = sound.clone();
    damaged[4] ^= 1;
    fs.write_raw(table.path(), &damaged);
    for _ in 0..2 {
        let got = table.block(0, CacheFill::Yes);
        assert!(
            matches!(got, Err(Error::Corruption { .. })),
            "a bit of block 0 is flipped, and block(0) did not say so with Error::Corruption"
        );
    }
    fs.write_raw(table.path(), &sound);
    let value =
        first_value(&table.block(0, CacheFill::Yes).unwrap_or_else(|error| {
            panic!("the file is mended, but block(0) still fails: {error}")
        }));
    assert!(value == b"1", "block 0 holds {}, expected 1", show(&value));
}

/// A reader that asks not to fill the cache leaves nothing in it.
///
/// A compaction reads every block of its tables once. If it filled the cache, it would drive out all that others need.
///
/// # Hints
/// - Which way do you go on a miss with `CacheFill::No`?
/// - Call `read` yourself, and hand its block out without showing it to the cache.
/// - Does `SsTable::block` pass on the `fill` that it was given?
#[test]
fn who_does_not_fill_leaves_nothing_behind() {
    let f = Fixture::new(3, 100, 1 << 20);
    for i in [0, 1, 2] {
        f.block(i, CacheFill::No);
    }
    let size = f.cache.size();
    assert!(
        size == 0,
        "three blocks were read with CacheFill::No, and the cache holds {size} bytes, expected none"
    );
    f.log.clear();
    f.block(1, CacheFill::Yes);
    f.block(1, CacheFill::Yes);
    let reads = f.reads();
    assert!(
        reads == 1,
        "after a read with CacheFill::No, two with CacheFill::Yes cost {reads} reads of the file, expected 1"
    );
}

/// A reader that asks not to fill the cache still uses what is there.
///
/// What is in memory need not be read, whoever asks.
///
/// # Hints
/// - `CacheFill::No` is about what is put in, not about what is taken out.
/// - Look into the cache first, in both cases.
#[test]
fn who_does_not_fill_uses_what_is_there() {
    let f = Fixture::new(3, 100, 1 << 20);
    f.block(1, CacheFill::Yes);
    f.log.clear();
    f.block(1, CacheFill::No);
    let reads = f.reads();
    assert!(
        reads == 0,
        "block 1 is in the cache, and a read with CacheFill::No went to the file {reads} times"
    );
}

/// Each call counts once: as a miss if it read from the file itself, otherwise as a hit.
///
/// Hits and misses are how one sees whether a cache is large enough.
///
/// # Hints
/// - How do you know whether the closure ran?
/// - Let the closure note it in a variable outside, and count after the block is there.
/// - Reads with `CacheFill::No` count like others.
#[test]
fn hits_and_misses_are_counted() {
    let f = Fixture::new(3, 100, 1 << 20);
    let steps = [
        (0, CacheFill::Yes, (0, 1)),
        (0, CacheFill::Yes, (1, 1)),
        (1, CacheFill::No, (1, 2)),
        (1, CacheFill::No, (1, 3)),
        (0, CacheFill::No, (2, 3)),
        (1, CacheFill::Yes, (2, 4)),
        (1, CacheFill::No, (3, 4)),
    ];
    for (number, (index, fill, expected)) in steps.into_iter().enumerate() {
        f.block(index, fill);
        let got = (f.cache.hits(), f.cache.misses());
        assert!(
            got == expected,
            "after call {number}, for block {index}, there are (hits, misses) = {got:?}, expected {expected:?}"
        );
    }
}
