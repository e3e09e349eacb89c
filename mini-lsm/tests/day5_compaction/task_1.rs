//! Day 5 · Task 1 · the concat iterator.

use super::*;
use common::conformance::{check_after_error, check_cursor};
use mini_lsm::StorageIterator;
use mini_lsm::block_cache::BlockCache;
use mini_lsm::iterators::ConcatIterator;

/// Three tables of many blocks each, with gaps between them: key(0) to key(60), key(100) to key(160), key(200) to key(260).
fn three_tables(store: &Arc<TableStore>) -> Arc<[Arc<SsTable>]> {
    let entry = |i: usize| (key(i), (!i.is_multiple_of(7)).then(|| value(i)));
    let tables = [0, 100, 200].map(|from| {
        let entries: Vec<Entry> = (from..=from + 60).step_by(2).map(entry).collect();
        table(store, &entries)
    });
    tables.into()
}

/// Three tables, one after the other, follow the cursor contract.
///
/// A scan does not want to know where one file of a level ends and the next begins: it sees one sorted run, tombstones among it.
///
/// # Hints
/// - Past the last entry of a table, the next entry is the first of the next table.
/// - A seek may go to an earlier table than the current one: it has to choose the table anew each time.
/// - Before the first seek there is no current table; `next()` then is `Ok` and changes nothing.
#[test]
fn three_tables_are_walked_as_one_sorted_run() {
    let store = tables_on(mem_fs());
    let tables = three_tables(&store);
    let expected = entries_of(&tables);
    let cursor = ConcatIterator::new(tables, CacheFill::No);
    check_cursor("a concat iterator over 3 tables", cursor, &expected);
}

/// No table at all, or one, follows the cursor contract, too.
///
/// Most levels of a young store are empty. They must cost a scan nothing, and no panic.
///
/// # Hints
/// - Which table would `seek_to_first` open if there is none?
/// - The number of a table that does not exist is the end, not an error.
#[test]
fn no_table_and_one_table_follow_the_contract() {
    let store = tables_on(mem_fs());
    let none = ConcatIterator::new(level(&store, &[]), CacheFill::No);
    check_cursor("a concat iterator over no table", none, &[]);
    let one = ConcatIterator::new(level(&store, &["b=1 d e="]), CacheFill::No);
    check_cursor("a concat iterator over 1 table", one, &entries("b=1 d e="));
}

/// A seek to a key between two tables stands on the first entry of the second.
///
/// The key is past all of the first table, and before all of the second. Whoever looks for the table that *covers* the key finds none, and ends the scan too early.
///
/// # Hints
/// - Which of its two end keys tells whether a table may still hold something at or past the target?
/// - Take the first table whose last key is at or past the target.
#[test]
fn a_seek_between_two_tables_stands_on_the_second() {
    let store = tables_on(mem_fs());
    let tables = level(&store, &["b=1 c=2", "f=3 g=4"]);
    let mut cursor = ConcatIterator::new(tables, CacheFill::No);
    for target in ["d", "c\0", "f"] {
        cursor.seek(target.as_bytes()).expect("seek failed");
        assert!(
            cursor.is_valid() && cursor.key() == b"f",
            "seek({target}) over the tables b-c and f-g should stand on \"f\""
        );
    }
    cursor.seek(b"h").expect("seek failed");
    assert!(
        !cursor.is_valid(),
        "seek(h) over the tables b-c and f-g should be past the end"
    );
}

/// A seek reads one block, and none where no entry is left. Making the cursor reads none.
///
/// The end keys of every table are in memory. A level may have a thousand tables: to read a block of each of them to find one key would be slower than L0 ever is.
///
/// # Hints
/// - `first_key()` and `last_key()` of a table read nothing.
/// - Find the one table by binary search, and make a table iterator for that one only.
#[test]
fn a_seek_reads_one_block_of_one_table() {
    let log = OpLog::default();
    let store = tables_on(Arc::new(FaultFs::logged(mem_fs(), &log)));
    let tables = three_tables(&store);
    log.clear();
    let mut cursor = ConcatIterator::new(tables, CacheFill::No);
    let reads = || log.count(is_table_read);
    assert_eq!(
        reads(),
        0,
        "a new cursor should read nothing before its first seek"
    );
    for (target, expected) in [(0, 1), (130, 1), (80, 1), (260, 1), (30, 1), (261, 0)] {
        log.clear();
        cursor.seek(&key(target)).expect("seek failed");
        assert_eq!(
            reads(),
            expected,
            "how many blocks seek({}) over 3 tables read",
            show(&key(target))
        );
    }
    log.clear();
    cursor.seek_to_first().expect("seek_to_first failed");
    assert_eq!(
        reads(),
        1,
        "how many blocks seek_to_first() over 3 tables read"
    );
}

/// A walk from the first to the last entry reads every block once.
///
/// It opens a table when it gets there, not before, and does not go back to one that is done.
///
/// # Hints
/// - One table iterator at a time is enough.
/// - Only when the current one has become invalid is there a reason to make the next.
#[test]
fn a_walk_reads_every_block_once() {
    let log = OpLog::default();
    let store = tables_on(Arc::new(FaultFs::logged(mem_fs(), &log)));
    let tables = three_tables(&store);
    let blocks: usize = tables.iter().map(|table| table.block_count()).sum();
    log.clear();
    let mut cursor = ConcatIterator::new(Arc::clone(&tables), CacheFill::No);
    cursor.seek_to_first().expect("seek_to_first failed");
    let first_table = tables[0].entry_count();
    for _ in 1..first_table {
        cursor.next().expect("next failed");
    }
    assert_eq!(
        log.count(is_table_read),
        tables[0].block_count(),
        "on the last entry of the first table, only blocks of that table should have been read"
    );
    rest(&mut cursor);
    assert_eq!(
        log.count(is_table_read),
        blocks,
        "how many reads a walk over {blocks} blocks takes"
    );
}

/// A table that cannot be read ends the walk with an error, again and again; a new seek tries again.
///
/// If the error were taken for the end of that table, the scan would go on with the next one, and the keys between would be missing without a word.
///
/// # Hints
/// - What does `is_valid` say when the step into the next table failed? The old table's cursor is at its end, but is it still there?
/// - Keep the error, and let `next` give it until the next seek.
#[test]
fn a_table_that_cannot_be_read_is_an_error_until_the_next_seek() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let hook = {
        let is_broken = Arc::clone(&is_broken);
        move |op: &Operation| match is_table_read(op)
            && op.path.ends_with("000002.sst")
            && is_broken.load(Ordering::SeqCst)
        {
            true => Verdict::Fail(std::io::ErrorKind::Other),
            false => Verdict::Proceed,
        }
    };
    let store = tables_on(Arc::new(FaultFs::new(mem_fs(), hook)));
    let tables = level(&store, &["b=1 c=2", "f=3 g=4", "j=5"]);
    assert_eq!(tables[1].id().0, 2, "the second table has id 2");
    let mut cursor = ConcatIterator::new(tables, CacheFill::No);
    is_broken.store(true, Ordering::SeqCst);

    cursor.seek(b"c").expect("the first table can be read");
    let step = cursor.next();
    check_after_error(
        "a concat iterator that walked into an unreadable table",
        &mut cursor,
        step,
    );
    let step = cursor.seek(b"g");
    check_after_error(
        "a concat iterator that sought in an unreadable table",
        &mut cursor,
        step,
    );

    cursor.seek(b"h").expect("the third table can be read");
    assert_eq!(
        rest(&mut cursor),
        entries("j=5"),
        "what is left after seek(h), past the unreadable table"
    );
    is_broken.store(false, Ordering::SeqCst);
    cursor
        .seek(b"d")
        .expect("the second table can be read again");
    assert_eq!(
        rest(&mut cursor),
        entries("f=3 g=4 j=5"),
        "what is left after seek(d), now that all can be read"
    );
}

/// Blocks go into the cache only if the cursor was told so.
///
/// A compaction reads each block once and then removes the file: with `CacheFill::No` it does not drive out what the readers need.
///
/// # Hints
/// - The concat iterator makes the table iterators: what does it tell them about the cache?
#[test]
fn blocks_are_cached_only_if_the_cursor_may_fill_the_cache() {
    let fs = mem_fs();
    let cache = Arc::new(BlockCache::new(1 << 20));
    let store = tables_on(Arc::clone(&fs) as Arc<dyn FileSystem>);
    let open = |table: &Arc<SsTable>| {
        let fs = Arc::clone(&fs) as Arc<dyn FileSystem>;
        let table = SsTable::open(fs, table.path(), table.id(), Some(Arc::clone(&cache)));
        Arc::new(table.expect("a finished table can be opened"))
    };
    let tables: Arc<[_]> = three_tables(&store).iter().map(open).collect();
    for (fill, is_filled) in [(CacheFill::No, false), (CacheFill::Yes, true)] {
        let mut cursor = ConcatIterator::new(Arc::clone(&tables), fill);
        cursor.seek_to_first().expect("seek_to_first failed");
        rest(&mut cursor);
        assert_eq!(
            cache.size() > 0,
            is_filled,
            "whether the cache holds something after a walk with {fill:?}"
        );
    }
}
