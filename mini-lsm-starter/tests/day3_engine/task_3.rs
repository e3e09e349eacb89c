//! Day 3 · Task 3 · the merge iterator.

use mini_lsm_starter::iterators::MergeIterator;

use super::common::conformance::{check_after_error, check_cursor};
use super::common::key;
use super::common::rng::Rng;
use super::*;

/// A merge of no, one, two or many sources follows the table of the cursor contract.
///
/// A store that was just opened has one memtable; one that has been written to for a while has dozens of sources, some of them empty.
///
/// # Hints
/// - No source at all is a merge that is always past its end.
/// - Only sources that stand on an entry belong into the heap: the others have no key to compare.
/// - A new seek moves *every* source, also those that were at their end.
#[test]
fn a_merge_of_any_number_of_sources_follows_the_cursor_contract() {
    let mut worlds: Vec<Vec<&str>> = vec![
        vec![],
        vec![""],
        vec!["a=1 b c="],
        vec!["", "", ""],
        vec!["a=1 c=1 e=1", "b=2 d=2 f=2"],
        vec!["d=1 e=1", "a=2 b=2"],
        vec!["", "a=2", "", "a=4 b=4"],
    ];
    let seventeen = "a=1 b=2 c d=4 e=5 f g=7 h=8 i j=10 k=11 l m=13 n=14 o p=16 q=17";
    worlds.push(seventeen.split(' ').collect());
    for world in worlds {
        let expected = merged(&sources(&world));
        let name = format!("the merge of {world:?}");
        check_cursor(&name, MergeIterator::new(sources(&world)), &expected);
    }
}

/// Of a key that several sources hold, the newest source's entry is shown, and the key only once.
///
/// Sources are given newest first. An overwritten value that comes back is the worst that a store can do to its users.
///
/// # Hints
/// - With equal keys, the order of the heap is decided by the number of the source.
/// - When the cursor moves on, *all* sources that stand on the old key move on, not only the one that was shown.
/// - With seventeen sources on one key it takes sixteen of them to be skipped.
#[test]
fn of_equal_keys_the_newest_source_wins() {
    for count in [2, 3, 4, 8, 17] {
        let value = |number: usize, key: &str| format!("{key}={number} ");
        let same: Vec<String> = (0..count)
            .map(|n| value(n, "a") + &value(n, "b") + &value(n, "c"))
            .collect();
        let same: Vec<&str> = same.iter().map(String::as_str).collect();
        let name = format!("the merge of {count} sources with the same keys");
        check_cursor(
            &name,
            MergeIterator::new(sources(&same)),
            &entries("a=0 b=0 c=0"),
        );
    }
    let staggered = ["e=0", "d=1 e=1", "c=2 d=2 e=2", "b=3 c=3 d=3 e=3"];
    check_cursor(
        &format!("the merge of {staggered:?}"),
        MergeIterator::new(sources(&staggered)),
        &entries("b=3 c=2 d=1 e=0"),
    );
}

/// A tombstone is shown like any entry, hides what older sources hold, and is hidden by newer ones.
///
/// The merge serves compactions too, which must write tombstones down again. Whoever leaves them out here brings deleted keys back.
///
/// # Hints
/// - The merge never looks at values: who wins is a matter of keys and of the age of the sources.
/// - Hiding tombstones from users is the work of `LsmIterator`, one floor up.
#[test]
fn a_tombstone_wins_and_loses_like_a_value() {
    let world = ["a c=new", "a=old b c d=", "b=old c=old d e"];
    check_cursor(
        &format!("the merge of {world:?}"),
        MergeIterator::new(sources(&world)),
        &entries("a b c=new d= e"),
    );
}

/// Whatever the sources hold and however long they are, the merge shows what a sorted map of the newest entries would.
///
/// Sources that end early leave holes in the heap, and long ones come up from its bottom: only a heap that is mended every time stays sorted.
///
/// # Hints
/// - After the root has moved, let it sink until neither child is smaller.
/// - When a source ends, another takes its place: that one must sink, too.
/// - Look at *both* children, and mind that the second may not exist.
#[test]
fn random_sources_merge_as_a_sorted_map_does() {
    for seed in 0..30 {
        let mut rng = Rng::new(seed);
        let source_count = rng.below(18);
        let mut all = Vec::new();
        for number in 0..source_count {
            let mut map = BTreeMap::new();
            for _ in 0..rng.below(30) {
                let i = rng.below(40);
                let value = (!rng.chance(30)).then(|| format!("{i} of {number}").into_bytes());
                map.insert(key(i), value);
            }
            all.push(map.into_iter().collect::<Vec<Entry>>());
        }
        let sources = || {
            let source =
                |(number, list): (usize, &Vec<Entry>)| ListCursor::new(number, list.clone());
            all.iter().enumerate().map(source).collect::<Vec<_>>()
        };
        let expected = merged(&sources());
        let name = format!("the merge of {source_count} random sources (seed {seed})");
        check_cursor(&name, MergeIterator::new(sources()), &expected);
    }
}

/// A merge over the iterators of memtables shows the newest of all their versions.
///
/// This is what a scan of the store is on this day: the memtable and the frozen ones, newest first, all read at one sequence number.
///
/// # Hints
/// - Each memtable's iterator shows a key once; the merge has to choose between memtables, not between versions.
/// - If this fails and the other tests of the task pass, look at the seeks of your memtable's iterator.
#[test]
fn memtables_merge_from_the_newest_to_the_oldest() {
    let mut rng = Rng::new(33);
    let mut map = BTreeMap::new();
    let mut memtables = Vec::new();
    let mut seq = 0;
    for id in 0..5 {
        let memtable = Arc::new(MemTable::new(id));
        for _ in 0..100 * id + 10 {
            seq += 1;
            let key = key(rng.below(300));
            let value = (!rng.chance(25)).then(|| number(seq as usize));
            memtable.insert(&key, seq, value.as_deref());
            map.insert(key, value);
        }
        memtables.insert(0, memtable);
    }
    let expected: Vec<Entry> = map.into_iter().collect();
    let cursors = memtables
        .iter()
        .map(|memtable| memtable.iter(seq))
        .collect();
    check_cursor(
        "the merge of five memtables",
        MergeIterator::new(cursors),
        &expected,
    );
}

/// Whichever source fails at whichever step, its error comes out, nothing wrong is shown before it, and the merge is invalid from then on.
///
/// A merge that drops a source which failed goes on without it, and older values and deleted keys come back.
///
/// # Hints
/// - A source that failed is not valid. So is one that has ended: tell them apart by the `Result`, before you ask `is_valid`.
/// - After an error `is_valid()` is false and `next()` gives the same error again: keep a copy, and empty the heap.
/// - The sources that are skipped because they hold the same key can fail as well as the one that was shown.
#[test]
fn an_error_of_any_source_at_any_step_comes_out() {
    let world = [
        "a=0 c=0 e=0 g=0",
        "b=1 c=1 d g=1 h=1",
        "a=2 e h=2 i=2",
        "c=3 i",
    ];
    let expected = merged(&sources(&world));
    for failing in 0..world.len() {
        let own = entries(world[failing]);
        // Step 0 is the seek; step n leads away from entry n - 1.
        for step in 0..=own.len() {
            let when = format!("source {failing} of {world:?} fails at step {step}");
            let sources = sources(&world);
            sources[failing].switch().set(Some(step));
            let mut merge = MergeIterator::new(sources);
            let mut shown = Vec::new();
            let mut outcome = merge.seek_to_first();
            while outcome.is_ok() && merge.is_valid() {
                shown.push((merge.key().to_vec(), merge.value().map(<[u8]>::to_vec)));
                outcome = merge.next();
            }
            let Err(error) = &outcome else {
                panic!("{when}: the merge came to its end without an error");
            };
            assert_error_of(failing, error, &when);
            let known = step.checked_sub(1).map(|last| &own[last].0);
            for (i, entry) in shown.iter().enumerate() {
                assert!(
                    Some(entry) == expected.get(i) && Some(&entry.0) <= known,
                    "{when}: the merge showed {} = {}, which it could not know",
                    show(&entry.0),
                    show_value(entry.1.as_deref())
                );
            }
            check_after_error(&when, &mut merge, outcome);
            let again = merge
                .next()
                .expect_err("check_after_error has seen an error");
            assert_error_of(failing, &again, &when);
            // The contract: a seek tries again. This time the source does not fail.
            merge
                .seek_to_first()
                .unwrap_or_else(|e| panic!("{when}: the next seek does not try again: {e}"));
            let name = format!("{when}; the merge after the next seek");
            assert_entries(&name, &common::rest(&mut merge), &expected);
        }
    }
}

/// A seek that fails leaves the merge invalid, wherever it stood before, and a later seek tries again.
///
/// After the failure some sources have moved and others have not: what the heap says is worth nothing.
///
/// # Hints
/// - Empty the heap before the sources move, not after all of them have.
/// - The error belongs to the past as soon as the next seek begins: forget it there.
#[test]
fn a_failed_seek_leaves_the_merge_invalid_until_the_next_one() {
    let world = ["a=0 d=0", "b=1 d=1", "c=2 d=2"];
    for failing in 0..world.len() {
        let sources = sources(&world);
        let switch = sources[failing].switch();
        let mut merge = MergeIterator::new(sources);
        merge
            .seek_to_first()
            .expect("seek_to_first() over sound sources failed");
        assert!(
            merge.is_valid(),
            "seek_to_first() over three sources leaves the merge invalid"
        );
        switch.set(Some(0));
        let when = format!("source {failing} of {world:?} fails at seek(\"b\")");
        let outcome = merge.seek(b"b");
        match &outcome {
            Err(error) => assert_error_of(failing, error, &when),
            Ok(()) => panic!("{when}: the seek of the merge is Ok"),
        }
        check_after_error(&when, &mut merge, outcome);
        merge
            .seek(b"b")
            .unwrap_or_else(|e| panic!("{when}: the next seek does not try again: {e}"));
        let name = format!("{when}; the merge after the next seek");
        assert_entries(&name, &common::rest(&mut merge), &entries("b=1 c=2 d=0"));
    }
}
