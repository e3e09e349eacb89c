//! Day 5 · Task 3 · merging tables.

use std::cell::Cell;

use super::*;
use mini_lsm_starter::compact::{Tombstones, merge_tables};
use mini_lsm_starter::iterators::{ConcatIterator, MergeIterator, Source};
use mini_lsm_starter::table::SsTableBuilder;

/// A source for each table, newest first.
fn sources(tables: &[Arc<SsTable>]) -> MergeIterator<Source> {
    let source = |table: &Arc<SsTable>| {
        Source::Table(SsTableIterator::new(Arc::clone(table), CacheFill::No))
    };
    MergeIterator::new(tables.iter().map(source).collect())
}

fn nothing_below() -> Tombstones {
    Tombstones::new(Vec::new())
}

/// Merges tables, newest first, into one.
#[track_caller]
fn merged(store: &Arc<TableStore>, tables: &[Arc<SsTable>], tombstones: &Tombstones) -> Vec<Entry> {
    let outputs = merge_tables(sources(tables), tombstones, store, 1 << 20, &|| false);
    let outputs = outputs
        .expect("merge_tables failed")
        .expect("merge_tables stopped though nobody said so");
    entries_of(&outputs)
}

/// Tables with `count` entries in all, `key(0)` to `key(count - 1)`, dealt to two tables that overlap.
fn two_large_tables(store: &Arc<TableStore>, count: usize) -> Vec<Arc<SsTable>> {
    let deal = |parity| {
        let entries: Vec<Entry> = (parity..count)
            .step_by(2)
            .map(|i| (key(i), Some(value(i))))
            .collect();
        table(store, &entries)
    };
    vec![deal(0), deal(1)]
}

/// A tombstone must stay exactly while some table below covers its key.
///
/// What a tombstone hides may lie in any deeper level, not only in the next. If it goes too early, the deleted value is back; if it never goes, the store fills with the dead.
///
/// # Hints
/// - A table covers the keys from its first to its last, both included; whether the key is really there nobody looks.
/// - Each level is sorted: which is the only table of it that may cover the key?
/// - All levels below have a say, not just the first of them.
#[test]
fn a_tombstone_must_stay_while_a_table_below_covers_its_key() {
    let store = tables_on(mem_fs());
    let below = vec![
        level(&store, &["d=1 f=1", "j=1 l=1"]),
        level(&store, &[]),
        level(&store, &["b=1 c=1", "k=1 p=1"]),
    ];
    let tombstones = Tombstones::new(below);
    for (key, expected) in [
        ("a", false),
        ("b", true),
        ("c", true),
        ("cc", false),
        ("d", true),
        ("e", true),
        ("f", true),
        ("g", false),
        ("j", true),
        ("m", true),
        ("p", true),
        ("q", false),
    ] {
        assert_eq!(
            tombstones.must_keep(key.as_bytes()),
            expected,
            "whether a tombstone for {key} must stay above the levels [d-f j-l], [] and [b-c k-p]"
        );
    }
    assert!(
        !nothing_below().must_keep(b"a"),
        "without a level below, no tombstone must stay"
    );
}

/// Whether a tombstone must stay is decided without reading a table.
///
/// The question comes for every tombstone of a compaction. A read for each would cost more than the tombstones that it saves.
///
/// # Hints
/// - The first and the last key of an open table are in memory.
#[test]
fn no_table_is_read_to_judge_a_tombstone() {
    let log = OpLog::default();
    let store = tables_on(Arc::new(FaultFs::logged(mem_fs(), &log)));
    let below = vec![level(&store, &["b=1 d=1 f=1", "j=1 l=1"])];
    log.clear();
    let tombstones = Tombstones::new(below);
    for key in ["a", "b", "c", "d", "f", "g", "k", "z"] {
        tombstones.must_keep(key.as_bytes());
    }
    assert_eq!(
        log.count(is_table_read),
        0,
        "how many reads must_keep() of 8 keys took"
    );
}

/// Of each key only the newest version is written; a tombstone that hides nothing any more is not, and neither is what it hid.
///
/// This is where space comes back: until now, deleting a key made the store larger.
///
/// # Hints
/// - The merge iterator shows each key once, its newest version, and skips the others.
/// - An empty value is a value.
#[test]
fn the_newest_version_of_each_key_is_written() {
    let store = tables_on(mem_fs());
    let tables = level(
        &store,
        &["b=3 c e=", "a=2 c=2 d", "a=1 b=1 c=1 d=1 e=1 f=1"],
    );
    let got = merged(&store, &tables, &nothing_below());
    let expected = entries("a=2 b=3 e= f=1");
    assert!(
        got == expected,
        "[b=3 c-deleted e=] over [a=2 c=2 d-deleted] over [a=1 b=1 c=1 d=1 e=1 f=1] should give {}, but gave {}",
        show_entries(&expected),
        show_entries(&got)
    );
}

/// A tombstone that something below may need is written, as a tombstone.
///
/// The value that it hides is on a deeper level, which this compaction does not touch.
///
/// # Hints
/// - Every entry whose value is `None` is a question for `Tombstones::must_keep`.
/// - What it hides among the inputs goes in any case.
#[test]
fn a_tombstone_that_hides_something_below_is_written() {
    let store = tables_on(mem_fs());
    let tombstones = Tombstones::new(vec![level(&store, &["c=0 e=0"])]);
    let tables = level(&store, &["b d g", "b=1 c=1 d=1 g=1"]);
    let got = merged(&store, &tables, &tombstones);
    let expected = entries("c=1 d");
    assert!(
        got == expected,
        "[b, d, g deleted] over [b=1 c=1 d=1 g=1], above a level with c-e, should give {}, but gave {}",
        show_entries(&expected),
        show_entries(&got)
    );
}

/// Where nothing is left, no table is written.
///
/// There is no empty table: it would have no first key. When everything was deleted, an engine that begins its output too early fails in `finish`.
///
/// # Hints
/// - Begin a table when there is an entry to put into it, not before.
/// - Is there an open table at all when the inputs end?
#[test]
fn no_table_is_written_where_nothing_is_left() {
    let fs = mem_fs();
    let store = tables_on(Arc::clone(&fs) as Arc<dyn FileSystem>);
    let tables = level(&store, &["a b c", "a=1 b=1"]);
    let before = table_files(&fs);
    for (tables, what) in [(&tables[..], "nothing but deleted keys"), (&[], "no input")] {
        let outputs = merge_tables(sources(tables), &nothing_below(), &store, 1000, &|| false);
        let outputs = outputs
            .expect("merge_tables failed")
            .expect("merge_tables stopped though nobody said so");
        assert_eq!(outputs.len(), 0, "how many tables {what} give");
        assert_eq!(
            table_files(&fs),
            before,
            "the table files after a merge of {what}"
        );
    }
}

/// A table ends with the entry that brings it to the wanted size, and not before.
///
/// The size of its tables says how finely a level can be compacted. All tables but the last should have it.
///
/// # Hints
/// - Ask `estimated_size()` of the builder after each entry that was added.
/// - At the wanted size or past it, finish the table. The next entry begins another one.
#[test]
fn a_table_ends_with_the_entry_that_fills_it() {
    let fs = mem_fs();
    let store = tables_on(Arc::clone(&fs) as Arc<dyn FileSystem>);
    let tables = two_large_tables(&store, 1000);
    let table_size = 1000;
    let outputs = merge_tables(
        sources(&tables),
        &nothing_below(),
        &store,
        table_size,
        &|| false,
    );
    let outputs = outputs
        .expect("merge_tables failed")
        .expect("merge_tables stopped though nobody said so");
    assert!(
        outputs.len() >= 10,
        "1000 entries in tables of {table_size} bytes make more than {} tables",
        outputs.len()
    );
    let (last, full) = outputs.split_last().expect("there are ten");
    assert!(last.entry_count() > 0, "the last table has an entry");
    let options = LsmOptions {
        block_size: 64,
        ..options(&fs)
    };
    for (number, output) in full.iter().enumerate() {
        // The same entries again, to see when they reach the size.
        let file = fs
            .create(&common::path(&format!("again{number}")))
            .expect("a file can be created");
        let mut again = SsTableBuilder::new(output.id(), file, &options);
        let entries = entries_of(std::slice::from_ref(output));
        for (i, (key, value)) in entries.iter().enumerate() {
            let size = again.estimated_size();
            assert!(
                size < table_size,
                "table {number} should end with its entry {}: there it had {size} of {table_size} bytes, but it has {} entries",
                i - 1,
                entries.len()
            );
            again
                .add(key, value.as_deref())
                .expect("an entry can be added");
        }
        let size = again.estimated_size();
        assert!(
            size >= table_size,
            "table {number} was finished with {size} of {table_size} bytes"
        );
    }
}

/// The outputs are all that should be left, in order, and no two of them overlap.
///
/// They become a part of a level, which is read as one sorted run.
///
/// # Hints
/// - The inputs come in order already. Is anything lost or written twice where one table ends and the next begins?
/// - Do not lose the table that is still open when the inputs end.
#[test]
fn the_outputs_are_one_sorted_run_of_what_is_left() {
    let mut rng = Rng::new(5);
    let store = tables_on(mem_fs());
    let (mut left, mut newest_first) = (BTreeMap::new(), Vec::new());
    let random = |i: usize, rng: &mut Rng| (key(i), (!rng.chance(30)).then(|| rng.bytes(20)));
    let lowest: Vec<Entry> = (0..400).map(|i| random(i, &mut rng)).collect();
    let level: Arc<[Arc<SsTable>]> = lowest
        .chunks(50)
        .map(|chunk| table(&store, chunk))
        .collect();
    left.extend(lowest);
    for _ in 0..4 {
        let mut entries: Vec<Entry> = (0..500).map(|i| random(i, &mut rng)).collect();
        entries.retain(|_| rng.chance(40));
        newest_first.insert(0, table(&store, &entries));
        left.extend(entries);
    }
    let mut all: Vec<Source> = Vec::new();
    for table in &newest_first {
        all.push(Source::Table(SsTableIterator::new(
            Arc::clone(table),
            CacheFill::No,
        )));
    }
    all.push(Source::Level(ConcatIterator::new(level, CacheFill::No)));
    let outputs = merge_tables(
        MergeIterator::new(all),
        &nothing_below(),
        &store,
        800,
        &|| false,
    );
    let outputs = outputs
        .expect("merge_tables failed")
        .expect("merge_tables stopped though nobody said so");

    let expected: Vec<Entry> = left
        .into_iter()
        .filter(|(_, value)| value.is_some())
        .collect();
    let got = entries_of(&outputs);
    for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
        assert!(
            got == expected,
            "entry {i} of the outputs should be {}, but it is {}",
            show(&expected.0),
            show(&got.0)
        );
    }
    assert_eq!(
        got.len(),
        expected.len(),
        "how many entries all outputs have"
    );
    for pair in outputs.windows(2) {
        assert!(
            pair[0].last_key() < pair[1].first_key(),
            "an output ends at {}, and the next begins at {}",
            show(pair[0].last_key()),
            show(pair[1].first_key())
        );
    }
    for output in &outputs {
        output.verify().expect("an output is damaged");
        assert!(
            output.id() > newest_first[0].id(),
            "an output has id {}, which was taken before",
            output.id().0
        );
    }
}

/// When it is told to stop, the merge gives `None`, and the files that it wrote are gone.
///
/// A store that is closed does not wait for hours until a large compaction is done. And what is half done is of use to nobody.
///
/// # Hints
/// - Ask `should_stop` every thousand entries or so: not once at the beginning, and not so often that it costs.
/// - There are two kinds of files to get rid of: the tables that are finished, and the one that is not. Who removes the latter when it is dropped? (`NewTable`)
#[test]
fn a_merge_that_is_stopped_leaves_no_file() {
    let fs = mem_fs();
    let store = tables_on(Arc::clone(&fs) as Arc<dyn FileSystem>);
    let tables = two_large_tables(&store, 20_000);
    let before = table_files(&fs);
    let should_stop = || table_files(&fs).len() >= before.len() + 3;
    let outputs = merge_tables(
        sources(&tables),
        &nothing_below(),
        &store,
        10_000,
        &should_stop,
    );
    let outputs = outputs.expect("a merge that is stopped is not an error");
    assert!(
        outputs.is_none(),
        "should_stop() said yes from the third output on, but the merge of 20000 entries went on to its end"
    );
    assert_eq!(
        table_files(&fs),
        before,
        "the table files after a merge that was stopped: only the inputs"
    );
}

/// Entries that are dropped count, too, when it comes to asking whether to stop: and it is asked now and then, not always.
///
/// A range of a million deleted keys writes nothing. A merge that asks only after so many entries that it *wrote* goes on for as long as
/// that lasts, and `close` waits for it.
///
/// # Hints
/// - Count the entries that you take from the inputs, not those that reach an output.
/// - The question takes a lock or an atomic of somebody else: each 1,024 entries are often enough.
#[test]
fn whether_to_stop_is_asked_among_dropped_entries_too() {
    const COUNT: usize = 20_000;
    let store = tables_on(mem_fs());
    let dead: Vec<Entry> = (0..COUNT).map(|i| (key(i), None)).collect();
    let asked = Cell::new(0);
    let should_stop = || {
        asked.set(asked.get() + 1);
        false
    };
    let tables = [table(&store, &dead)];
    let outputs = merge_tables(
        sources(&tables),
        &nothing_below(),
        &store,
        10_000,
        &should_stop,
    );
    let outputs = outputs.expect("the merge failed");
    assert!(
        outputs.is_some_and(|outputs| outputs.is_empty()),
        "tombstones with nothing below leave no table"
    );
    let asked = asked.get();
    assert!(
        (10..=COUNT / 100).contains(&asked),
        "in a merge of {COUNT} tombstones, all of which go, should_stop() was called {asked} times; about {} are wanted",
        COUNT.div_ceil(1024)
    );
}

/// On an error the files that were written are gone, and the error comes out.
///
/// A full disk is the likeliest error of a compaction: to leave half of the output there would make it worse.
///
/// # Hints
/// - `?` leaves the function at once: who removes the finished tables then? Something that is dropped can.
/// - An input that cannot be read is an error, too, and not the end of that input.
#[test]
fn a_merge_that_fails_leaves_no_file() {
    let fs = mem_fs();
    let tables_begun = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let is_over = |op: &Operation, begun: usize| begun >= 5 && op.has_extension("sst");
    for (kind, what) in [
        (OpKind::Append, "write"),
        (OpKind::Sync, "sync"),
        (OpKind::Create, "create"),
        (OpKind::Read, "read"),
    ] {
        let begun = Arc::clone(&tables_begun);
        begun.store(0, Ordering::SeqCst);
        let hook = move |op: &Operation| {
            if op.kind == OpKind::Create {
                begun.fetch_add(1, Ordering::SeqCst);
            }
            match op.kind == kind && is_over(op, begun.load(Ordering::SeqCst)) {
                true => Verdict::Fail(std::io::ErrorKind::StorageFull),
                false => Verdict::Proceed,
            }
        };
        let fs = Arc::new(fs.crash_clone(&mini_lsm_starter::fs::CrashPlan::Lose));
        let store = tables_on(Arc::new(FaultFs::new(
            Arc::clone(&fs) as Arc<dyn FileSystem>,
            hook,
        )));
        // Two tables are begun here, so that the third output fails.
        let tables = two_large_tables(&store, 2000);
        let before = table_files(&fs);
        let outputs = merge_tables(sources(&tables), &nothing_below(), &store, 4000, &|| false);
        assert!(
            matches!(outputs, Err(Error::Io { .. })),
            "a merge that cannot {what} should be Error::Io, but gave {:?}",
            outputs.map(|outputs| outputs.map(|tables| tables.len()))
        );
        assert_eq!(
            table_files(&fs),
            before,
            "the table files after a merge that could not {what}: only the inputs"
        );
    }
}
