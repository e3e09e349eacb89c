//! Day 2 · Task 5 · the table iterator.

use super::*;
use crate::common::conformance::{check_after_error, check_cursor};
use crate::common::rest;

fn cursor_over(table: &Arc<SsTable>) -> SsTableIterator {
    SsTableIterator::new(Arc::clone(table), CacheFill::Yes)
}

/// Walks as far as it goes: the entries shown, and the error that ended it.
fn walk_until_error(cursor: &mut SsTableIterator) -> (Vec<Entry>, Option<Error>) {
    let mut shown = Vec::new();
    let mut step = cursor.seek_to_first();
    while step.is_ok() && cursor.is_valid() {
        shown.push((cursor.key().to_vec(), cursor.value().map(<[u8]>::to_vec)));
        step = cursor.next();
    }
    (shown, step.err())
}

/// After `seek(target)` the cursor must stand on `expected`, or at the end.
#[track_caller]
fn check_seek(cursor: &mut SsTableIterator, target: &[u8], expected: Option<&[u8]>) {
    cursor
        .seek(target)
        .unwrap_or_else(|error| panic!("seek({}) in a sound table failed: {error}", show(target)));
    let tell = |key: Option<&[u8]>| key.map_or_else(|| "the end".to_owned(), show);
    let stands = cursor.is_valid().then(|| cursor.key());
    assert!(
        stands == expected,
        "seek({}) leads to {}, expected {}",
        show(target),
        tell(stands),
        tell(expected)
    );
}

/// A walk goes through all blocks, from the first entry to the last.
///
/// The step from one block to the next is where an entry is lost, shown twice, or taken for the
/// end.
///
/// # Hints
/// - When the block's cursor is past its end, the next block is opened and its first entry
///   shown, in the same `next`.
/// - Past the last block there is nothing to open: that is the end, and no error.
#[test]
fn a_walk_goes_through_all_blocks() {
    for block_size in [1, 30, 45, 80, 4096] {
        let all = entries("apple=red banana=yellow cherry fig= kiwi=green plum quince=gold");
        let mut cursor = cursor_over(&open(&build(block_size, &all)));
        cursor
            .seek_to_first()
            .unwrap_or_else(|error| panic!("seek_to_first() in a sound table failed: {error}"));
        check_entries("a walk", &rest(&mut cursor), &all);
    }
}

/// Seeking a key in the gap between two blocks stands on the first key of the later block.
///
/// The block that would hold the target is over; the answer is in the next. A cursor that gives
/// up at the end of a block ends every scan too soon.
///
/// # Hints
/// - `BlockIndex::find` gives the block whose *last* key is at or past the target. For a gap
///   that is the later one.
/// - A cursor that looks for the first key at or before the target must go on to the next block
///   by itself.
#[test]
fn seek_between_two_blocks_stands_on_the_next_block() {
    let all = entries("b=1 d=2 f=3 h=4 j=5 l=6");
    // An entry of 1 + 1 bytes takes 12 bytes with its offset: blocks of one, of two and of
    // three.
    for block_size in [14, 26, 38] {
        let mut cursor = cursor_over(&open(&build(block_size, &all)));
        for (target, expected) in [
            ("c", "d"),
            ("e", "f"),
            ("g", "h"),
            ("i", "j"),
            ("k", "l"),
            ("", "b"),
        ] {
            check_seek(&mut cursor, target.as_bytes(), Some(expected.as_bytes()));
        }
        for (key, _) in &all {
            check_seek(&mut cursor, key, Some(key));
        }
    }
}

/// Seeking past the last key of the table is the end.
///
/// There is no block to open there; a cursor that opens the last one, or one past the last, is
/// wrong in two ways.
///
/// # Hints
/// - `find` gives the block count then. It is not the number of a block.
/// - Whatever block was open before is closed: the cursor stands nowhere.
#[test]
fn seek_past_the_last_key_is_the_end() {
    let all = entries("b=1 d=2 f=3 h=4");
    let mut cursor = cursor_over(&open(&build(26, &all)));
    check_seek(&mut cursor, b"i", None);
    check_seek(&mut cursor, b"b", Some(b"b"));
    check_seek(&mut cursor, b"h\0", None);
    cursor.next().expect("next() past the end must be Ok");
    assert!(
        !cursor.is_valid(),
        "next() past the end made the cursor valid"
    );
}

/// The cursor keeps the whole contract, over tables of every block size.
///
/// The same check that the block's cursor has passed, over many blocks.
///
/// # Hints
/// - The contract is the table in `cursor.rs`; the message names the row.
/// - Before the first seek there is no block; past the end there is none again.
#[test]
fn the_table_cursor_keeps_the_contract() {
    let mut rng = Rng::new(9);
    for block_size in (1..=60).chain([100, 300, 4096]) {
        let count = [1, 2, 1 + rng.below(50)][block_size % 3];
        let entries = random_entries(&mut rng, count);
        let table = open(&build(block_size, &entries));
        for fill in [CacheFill::Yes, CacheFill::No] {
            let name = format!("SsTableIterator with a block size of {block_size}");
            let cursor = SsTableIterator::new(Arc::clone(&table), fill);
            check_cursor(&name, cursor, &entries);
        }
    }
}

/// Two cursors over one table do not disturb each other.
///
/// A table is shared by all who read it; where a cursor stands is its own affair.
///
/// # Hints
/// - The table is behind an `Arc` and has no place that a cursor could change.
#[test]
fn two_cursors_share_a_table() {
    let all = numbered_entries(30);
    let table = open(&build(100, &all));
    let [mut ahead, mut behind] = [cursor_over(&table), cursor_over(&table)];
    check_seek(&mut behind, &key(3), Some(&key(3)));
    check_seek(&mut ahead, &key(20), Some(&key(20)));
    check_entries("the cursor behind", &rest(&mut behind), &all[3..]);
    check_entries("the cursor ahead", &rest(&mut ahead), &all[20..]);
}

/// A new cursor reads nothing; a seek reads one block at most, wherever it goes.
///
/// A `get` is a seek: with a thousand blocks in the table, this is the difference between one
/// read and ten.
///
/// # Hints
/// - The index is in memory and knows the block. No other has to be looked at.
/// - Past the last key there is nothing to read at all.
#[test]
fn a_seek_reads_one_block_at_most() {
    let all = numbered_entries(120);
    let (fs, log) = watched(&build(200, &all));
    let table = open(&fs);
    let mut rng = Rng::new(10);
    log.clear();
    let mut cursor = cursor_over(&table);
    assert_eq!(
        log.count(is_table_read),
        0,
        "reads of a new cursor, before its first seek"
    );
    for _ in 0..200 {
        let i = rng.below(125);
        let target = [key(i), if rng.chance(50) { vec![0] } else { vec![] }].concat();
        log.clear();
        cursor
            .seek(&target)
            .unwrap_or_else(|error| panic!("seek({}) failed: {error}", show(&target)));
        let reads = log.count(is_table_read);
        let expected = all.partition_point(|(key, _)| *key < target);
        assert!(
            reads <= 1,
            "seek({}) in a table of {} blocks read the file {reads} times, expected at most once",
            show(&target),
            table.block_count()
        );
        assert_eq!(
            cursor.is_valid().then(|| show(cursor.key())),
            all.get(expected).map(|(key, _)| show(key)),
            "where seek({}) leads",
            show(&target)
        );
    }
}

/// A walk reads each block once, when it gets there, and nothing in between.
///
/// A scan of ten entries must not read a table of a gigabyte, nor read a block again for each
/// of its entries.
///
/// # Hints
/// - The cursor keeps the block that it walks, and only that.
/// - `next` inside a block asks the block's cursor alone.
#[test]
fn a_walk_reads_each_block_once() {
    let (fs, log) = watched(&build(200, &numbered_entries(60)));
    let table = open(&fs);
    let mut cursor = cursor_over(&table);
    log.clear();
    cursor
        .seek_to_first()
        .unwrap_or_else(|error| panic!("seek_to_first() failed: {error}"));
    for block in 0..table.block_count() {
        let last_key = table.index().get(block).last_key;
        loop {
            assert_eq!(
                log.count(is_table_read),
                block + 1,
                "reads of the file when the cursor stands on {}, in block {block}",
                show(cursor.key())
            );
            let was_last = cursor.key() == last_key;
            cursor
                .next()
                .unwrap_or_else(|error| panic!("next() in a sound table failed: {error}"));
            if was_last {
                break;
            }
        }
    }
    assert!(
        !cursor.is_valid(),
        "past the last key of the last block the cursor is valid"
    );
    assert_eq!(
        log.count(is_table_read),
        table.block_count(),
        "reads of the whole walk"
    );
}

/// A damaged block is an error when the cursor gets there, and remains one: it is neither
/// skipped nor taken for the end.
///
/// Whoever ignores one error must not take the rest of the table for missing. What lies before
/// and behind can be reached by a seek.
///
/// # Hints
/// - After the error the cursor is invalid, and `next` gives the error again. Where could it be
///   kept? `Error` can be cloned.
/// - The old block must be let go before the new one is read, or the cursor stays valid on it.
/// - A seek begins anew: it forgets the error.
#[test]
fn a_damaged_block_is_an_error_that_stays() {
    let all = numbered_entries(40);
    let fs = build(150, &all);
    let (table, good) = (open(&fs), fs.read(table_file()));
    for damaged in 0..table.block_count() {
        let meta = table.index().get(damaged);
        let first = all.partition_point(|(key, _)| key.as_slice() < meta.first_key);
        let mut bytes = good.clone();
        bytes[range_of(&table, damaged).start + 9] ^= 0x20;
        fs.write_raw(table_file(), &bytes);

        let mut cursor = cursor_over(&table);
        let (shown, error) = walk_until_error(&mut cursor);
        check_entries("a walk up to the damaged block", &shown, &all[..first]);
        check_corruption(error.map_or(Ok(()), Err), "a walk into a damaged block");
        check_after_error(
            "a walk into a damaged block",
            &mut cursor,
            Err(Error::Closed),
        );
        check_corruption(cursor.next(), "next() after the damaged block");

        let step = cursor.seek(meta.last_key);
        check_after_error("a seek into a damaged block", &mut cursor, step);
        if damaged > 0 {
            check_seek(&mut cursor, &key(0), Some(&key(0)));
        }
        if let Some(next) = all.iter().find(|(key, _)| key.as_slice() > meta.last_key) {
            check_seek(&mut cursor, &next.0, Some(&next.0));
        }
        let step = cursor.seek(meta.first_key);
        check_after_error("a seek into a damaged block", &mut cursor, step);
        check_seek(&mut cursor, b"zzz", None);
        cursor
            .next()
            .expect("next() past the end must be Ok, also after an earlier error");

        let step = cursor.seek(meta.first_key);
        check_after_error("a seek into a damaged block", &mut cursor, step);
        fs.write_raw(table_file(), &good);
        check_seek(&mut cursor, meta.first_key, Some(meta.first_key));
        check_entries(
            "the walk on from the repaired block",
            &rest(&mut cursor),
            &all[first..],
        );
    }
}

/// A read that fails is `Error::Io`, once and again at every `next`, until a seek succeeds.
///
/// The disk may answer again a moment later. `next` still must not go on: nobody knows what was
/// left out.
///
/// # Hints
/// - `next` after an error does not try again; it answers from memory.
/// - `seek_to_first` and `seek` do try again, and clear the error if they succeed.
#[test]
fn a_failed_read_is_an_error_that_stays() {
    let all = numbered_entries(40);
    let mem = build(150, &all);
    let block_1 = {
        let table = open(&mem);
        range_of(&table, 1).start as u64
    };
    // The first read of block 1 fails; later ones succeed.
    let log = OpLog::default();
    let hook_log = log.clone();
    let fs = FaultFs::new(mem, move |op| {
        if !is_table_read(op) || op.offset != block_1 {
            return Verdict::Proceed;
        }
        hook_log.record(op);
        match hook_log.count(|_| true) {
            1 => Verdict::Fail(ErrorKind::TimedOut),
            _ => Verdict::Proceed,
        }
    });
    let table = open(&Arc::new(fs));
    let mut cursor = cursor_over(&table);
    let (shown, error) = walk_until_error(&mut cursor);
    let first = all.len()
        - all
            .iter()
            .skip_while(|(key, _)| key.as_slice() < table.index().get(1).first_key)
            .count();
    check_entries("a walk up to the read that failed", &shown, &all[..first]);
    check_io(error.map_or(Ok(()), Err), "a walk whose second read fails");
    for _ in 0..3 {
        assert!(!cursor.is_valid(), "is_valid() is true after a failed read");
        check_io(cursor.next(), "next() after a failed read");
    }
    assert_eq!(
        log.count(|_| true),
        1,
        "reads of the block that failed, before another seek"
    );

    cursor
        .seek_to_first()
        .unwrap_or_else(|error| panic!("seek_to_first() after the failure was over: {error}"));
    check_entries("the walk afterwards", &rest(&mut cursor), &all);
}

/// With any bit of the table changed, a walk shows only entries that are there, and then an
/// error; a seek is right or an error.
///
/// A wrong answer is worse than none: nobody will ever look for it.
///
/// # Hints
/// - Blocks are read through the table, which checks them. Does the cursor have a way around?
/// - An error in the middle of a walk must come out of `next`, not end the walk.
#[test]
fn with_any_bit_changed_a_walk_is_right_or_an_error() {
    let all = entries("apple=red banana=yellow cherry fig= kiwi=green plum quince=gold");
    let fs = build(45, &all);
    let good = fs.read(table_file());
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        fs.write_raw(table_file(), &bytes);
        let Ok(table) = try_open(&fs) else { continue };
        let mut cursor = cursor_over(&table);
        let (shown, error) = walk_until_error(&mut cursor);
        let what = format!("a walk with byte {at} changed");
        check_entries(&what, &shown, &all[..shown.len().min(all.len())]);
        check_corruption(error.map_or(Ok(()), Err), &what);
        for (target, value) in &all {
            if cursor.seek(target).is_err() {
                continue;
            }
            let stands = cursor.is_valid().then(|| (cursor.key(), cursor.value()));
            assert!(
                stands == Some((target.as_slice(), value.as_deref())),
                "with byte {at} changed, seek({}) gave Ok and does not stand there",
                show(target)
            );
        }
    }
}

/// A cursor keeps its table open: the table's other owners may go.
///
/// On day 5 tables are replaced while scans still read them.
///
/// # Hints
/// - The cursor has an `Arc` of its own.
#[test]
fn a_cursor_keeps_its_table_open() {
    let all = numbered_entries(30);
    let fs = build(100, &all);
    let table = open(&fs);
    let mut cursor = cursor_over(&table);
    check_seek(&mut cursor, &key(5), Some(&key(5)));
    drop(table);
    check_entries("the walk of the last owner", &rest(&mut cursor), &all[5..]);
    drop(cursor);
    assert_eq!(
        fs.open_handles(),
        0,
        "open files after the last cursor was dropped"
    );
}
