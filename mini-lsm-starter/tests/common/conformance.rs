//! The contract of `cursor`, as a test that every cursor goes through.

use mini_lsm_starter::{Error, StorageIterator};

use super::{Entry, rest, show, show_value};

/// Drives a new cursor, which must hold exactly `expected` (ascending), through the states of the contract.
///
/// `name` says which cursor it is, for the messages.
#[track_caller]
pub fn check_cursor(name: &str, mut cursor: impl StorageIterator, expected: &[Entry]) {
    check_before_first_seek(name, &mut cursor);

    cursor
        .seek_to_first()
        .unwrap_or_else(|error| panic!("{name}: seek_to_first() failed: {error}"));
    check_walk(name, "seek_to_first()", &mut cursor, expected);
    check_past_the_end(name, &mut cursor);

    // Forwards and backwards: a seek may go anywhere from anywhere.
    let targets = targets(expected);
    for target in targets.iter().chain(targets.iter().rev()) {
        seek(name, &mut cursor, target);
        let first = expected.partition_point(|(key, _)| key < target);
        check_stands(
            name,
            &format!("seek({})", show(target)),
            &cursor,
            expected.get(first),
        );
    }
    for target in &targets {
        let first = expected.partition_point(|(key, _)| key < target);
        seek(name, &mut cursor, target);
        check_walk(
            name,
            &format!("seek({})", show(target)),
            &mut cursor,
            &expected[first..],
        );
        check_past_the_end(name, &mut cursor);
    }
    cursor
        .seek_to_first()
        .unwrap_or_else(|error| panic!("{name}: seek_to_first() failed: {error}"));
    check_stands(
        name,
        "seek_to_first() after the end",
        &cursor,
        expected.first(),
    );
}

/// A cursor one of whose steps is an error: `fail` is a step (a seek, a next) that has just failed.
///
/// From then on it is invalid, and `next` gives an error again: whoever ignores the first one must not take the end for the end of the data.
#[track_caller]
pub fn check_after_error(name: &str, cursor: &mut dyn StorageIterator, step: Result<(), Error>) {
    assert!(
        step.is_err(),
        "{name}: a step over a damaged or unreadable source gave Ok"
    );
    for _ in 0..2 {
        assert!(
            !cursor.is_valid(),
            "{name}: is_valid() is true after an error"
        );
        assert!(
            cursor.next().is_err(),
            "{name}: next() after an error gave Ok: the error is forgotten"
        );
    }
}

#[track_caller]
fn check_before_first_seek(name: &str, cursor: &mut dyn StorageIterator) {
    assert!(
        !cursor.is_valid(),
        "{name}: a new cursor is valid before its first seek"
    );
    assert!(
        cursor.next().is_ok(),
        "{name}: next() before the first seek is an error"
    );
    assert!(
        !cursor.is_valid(),
        "{name}: next() before the first seek made the cursor valid"
    );
}

#[track_caller]
fn check_past_the_end(name: &str, cursor: &mut dyn StorageIterator) {
    for _ in 0..2 {
        assert!(
            !cursor.is_valid(),
            "{name}: the cursor is valid past its end"
        );
        assert!(
            cursor.next().is_ok(),
            "{name}: next() past the end is an error"
        );
    }
}

#[track_caller]
fn check_walk(name: &str, from: &str, cursor: &mut dyn StorageIterator, expected: &[Entry]) {
    let got = rest(cursor);
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            got == expected,
            "{name}: entry {i} after {from} is {} = {}, expected {} = {}",
            show(&got.0),
            show_value(got.1.as_deref()),
            show(&expected.0),
            show_value(expected.1.as_deref())
        );
    }
    assert!(
        got.len() == expected.len(),
        "{name}: after {from} there were {} entries, expected {}",
        got.len(),
        expected.len()
    );
}

#[track_caller]
fn check_stands(name: &str, after: &str, cursor: &dyn StorageIterator, expected: Option<&Entry>) {
    let Some((key, value)) = expected else {
        assert!(
            !cursor.is_valid(),
            "{name}: after {after} the cursor stands on {}, expected the end",
            show(cursor.key())
        );
        return;
    };
    assert!(
        cursor.is_valid(),
        "{name}: after {after} the cursor is invalid, expected it on {}",
        show(key)
    );
    assert!(
        cursor.key() == key && cursor.value() == value.as_deref(),
        "{name}: after {after} the cursor stands on {} = {}, expected {} = {}",
        show(cursor.key()),
        show_value(cursor.value()),
        show(key),
        show_value(value.as_deref())
    );
}

#[track_caller]
fn seek(name: &str, cursor: &mut dyn StorageIterator, target: &[u8]) {
    cursor
        .seek(target)
        .unwrap_or_else(|error| panic!("{name}: seek({}) failed: {error}", show(target)));
}

/// Each key, just before it, just past it; before and past everything. At most some two hundred.
fn targets(expected: &[Entry]) -> Vec<Vec<u8>> {
    let step = expected.len() / 60 + 1;
    let mut targets = vec![vec![], vec![0], vec![0xff; 8]];
    for (key, _) in expected.iter().step_by(step).chain(expected.last()) {
        let (last, head) = key.split_last().expect("keys are not empty");
        let mut before = head.to_vec();
        if *last > 0 {
            before.extend([last - 1, 0xff]);
        }
        targets.extend([before, key.clone(), [key.as_slice(), &[0]].concat()]);
    }
    targets.sort();
    targets.dedup();
    targets
}
