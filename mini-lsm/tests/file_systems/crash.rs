//! What a crash leaves of a [`MemFs`].

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mini_lsm::fs::{CrashPlan, FileSystem, MemFs};

use super::write;

const SEEDS: u64 = 300;

/// An empty directory `db`.
fn mem_fs() -> MemFs {
    let fs = MemFs::new();
    fs.create_dir_all(Path::new("db")).unwrap();
    fs
}

/// The files of `db` with their contents, in text: `a=one b=two`.
fn show(fs: &MemFs) -> String {
    let show_file = |name: &String| {
        let bytes = fs.read(Path::new("db").join(name));
        format!(
            "{name}={}",
            String::from_utf8_lossy(&bytes).replace('\0', ".")
        )
    };
    fs.file_names("db")
        .iter()
        .map(show_file)
        .collect::<Vec<_>>()
        .join(" ")
}

/// What `db` looks like after a crash by this plan.
fn after(fs: &MemFs, plan: CrashPlan) -> String {
    show(&fs.crash_clone(&plan))
}

/// All that `db` may look like after random crashes.
fn outcomes(fs: &MemFs) -> BTreeSet<String> {
    (0..SEEDS)
        .map(|seed| after(fs, CrashPlan::Random { seed }))
        .collect()
}

#[track_caller]
fn assert_outcomes(fs: &MemFs, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|s| s.to_string()).collect();
    assert_eq!(outcomes(fs), expected);
}

fn sync_db(fs: &MemFs) {
    fs.sync_dir(Path::new("db")).unwrap();
}

fn rename(fs: &MemFs, from: &str, to: &str) {
    fs.rename(Path::new(from), Path::new(to)).unwrap();
}

#[test]
fn bytes_and_name_are_synced_one_by_one() {
    let fs = mem_fs();
    let file = fs.create(Path::new("db/a")).unwrap();
    file.append(b"one").unwrap();
    assert_eq!(after(&fs, CrashPlan::Lose), "");
    file.sync().unwrap();
    assert_eq!(
        after(&fs, CrashPlan::Lose),
        "",
        "the bytes are synced, the name is not"
    );
    write(&fs, "db/b", b"two");
    sync_db(&fs);
    assert_eq!(
        after(&fs, CrashPlan::Lose),
        "a=one b=",
        "the name is synced, the bytes are not"
    );
    file.append(b"three").unwrap();
    assert_eq!(after(&fs, CrashPlan::Lose), "a=one b=");
    assert_eq!(after(&fs, CrashPlan::Keep), "a=onethree b=two");
}

#[test]
fn finish_syncs_bytes_and_name() {
    let fs = mem_fs();
    let file = fs.create(Path::new("db/a")).unwrap();
    file.append(b"one").unwrap();
    file.finish().unwrap();
    assert_eq!(after(&fs, CrashPlan::Lose), "a=one");
    assert_outcomes(&fs, &["a=one"]);
}

#[test]
fn a_tail_may_be_kept_zeroed_or_torn() {
    let fs = mem_fs();
    let file = fs.create(Path::new("db/a")).unwrap();
    file.append(b"synced").unwrap();
    file.finish().unwrap();
    file.append(b"tail").unwrap();
    assert_eq!(after(&fs, CrashPlan::Keep), "a=syncedtail");
    assert_eq!(after(&fs, CrashPlan::Zero), "a=synced....");
    assert_eq!(after(&fs, CrashPlan::TornAfter { bytes: 0 }), "a=synced");
    assert_eq!(after(&fs, CrashPlan::TornAfter { bytes: 3 }), "a=syncedtai");
    assert_eq!(
        after(&fs, CrashPlan::TornAfter { bytes: 9 }),
        "a=syncedtail"
    );
    assert_eq!(after(&fs, CrashPlan::TornAt { percent: 0 }), "a=synced");
    assert_eq!(after(&fs, CrashPlan::TornAt { percent: 74 }), "a=syncedta");
    assert_eq!(
        after(&fs, CrashPlan::TornAt { percent: 100 }),
        "a=syncedtail"
    );
}

#[test]
fn a_synced_length_outlives_unsynced_bytes() {
    let fs = mem_fs();
    let file = fs.create(Path::new("db/a")).unwrap();
    file.append(b"x").unwrap();
    file.preallocate(6).unwrap();
    assert_eq!(after(&fs, CrashPlan::TornAfter { bytes: 1 }), "a=x.....");
    file.finish().unwrap();
    file.append(b"yz").unwrap();
    assert_eq!(after(&fs, CrashPlan::Lose), "a=x.....");
    assert_eq!(after(&fs, CrashPlan::TornAfter { bytes: 1 }), "a=xy....");
    assert_outcomes(&fs, &["a=x.....", "a=xy....", "a=xyz..."]);
    file.preallocate(8).unwrap();
    assert_eq!(after(&fs, CrashPlan::Lose), "a=x.....");
    assert_eq!(after(&fs, CrashPlan::Keep), "a=xyz.....");
    let found = outcomes(&fs);
    for expected in ["a=x.....", "a=xyz....", "a=xyz.....", "a=xy......"] {
        assert!(
            found.contains(expected),
            "{expected} should be possible: {found:?}"
        );
    }
}

#[test]
fn an_unsynced_removal_is_undone() {
    let fs = mem_fs();
    fs.write_raw("db/a", b"one");
    fs.remove(Path::new("db/a")).unwrap();
    assert_eq!(after(&fs, CrashPlan::Lose), "a=one");
    assert_eq!(after(&fs, CrashPlan::Keep), "");
    assert_outcomes(&fs, &["", "a=one"]);
    sync_db(&fs);
    assert_eq!(after(&fs, CrashPlan::Lose), "");
}

#[test]
fn changes_of_different_names_survive_independently() {
    let fs = mem_fs();
    fs.write_raw("db/a", b"1");
    fs.remove(Path::new("db/a")).unwrap();
    write(&fs, "db/b", b"");
    assert_outcomes(&fs, &["", "a=1", "b=", "a=1 b="]);
}

/// The heart of replacing a manifest: whichever way the power goes, there is an old one or a new one, and it is whole.
#[test]
fn a_rename_is_atomic() {
    let fs = mem_fs();
    fs.write_raw("db/MANIFEST", b"old");
    let file = fs.create(Path::new("db/new")).unwrap();
    file.append(b"new").unwrap();
    file.sync().unwrap();
    rename(&fs, "db/new", "db/MANIFEST");
    assert_eq!(after(&fs, CrashPlan::Lose), "MANIFEST=old");
    assert_outcomes(
        &fs,
        &["MANIFEST=old", "MANIFEST=old new=new", "MANIFEST=new"],
    );
    sync_db(&fs);
    assert_outcomes(&fs, &["MANIFEST=new"]);
}

#[test]
fn a_file_renamed_twice_has_one_name() {
    let fs = mem_fs();
    fs.write_raw("db/a", b"1");
    rename(&fs, "db/a", "db/b");
    rename(&fs, "db/b", "db/c");
    assert_outcomes(&fs, &["a=1", "b=1", "c=1"]);
}

/// A name is free for a new file only because the old one has moved: with the new one, the move survives too.
#[test]
fn a_name_in_use_again_does_not_hide_the_file_that_had_it() {
    let fs = mem_fs();
    fs.write_raw("db/a", b"1");
    rename(&fs, "db/a", "db/b");
    write(&fs, "db/a", b"");
    assert_outcomes(&fs, &["a=1", "b=1", "a= b=1"]);
}

#[test]
fn a_move_between_directories_is_never_half_synced() {
    for synced in ["db", "other"] {
        let fs = mem_fs();
        fs.create_dir_all(Path::new("other")).unwrap();
        let file = fs.create(Path::new("other/a")).unwrap();
        file.append(b"1").unwrap();
        file.sync().unwrap();
        rename(&fs, "other/a", "db/a");
        fs.sync_dir(Path::new(synced)).unwrap();
        let left = fs.crash_clone(&CrashPlan::Lose);
        assert_eq!(
            (show(&left), left.file_names("other")),
            ("a=1".into(), vec![])
        );
    }
}

#[test]
fn syncing_one_directory_leaves_others_alone() {
    let fs = mem_fs();
    write(&fs, "top", b"");
    write(&fs, "db/a", b"");
    fs.create_dir_all(Path::new("db/sub")).unwrap();
    write(&fs, "db/sub/b", b"");
    fs.sync_dir(Path::new("db")).unwrap();
    let left = fs.crash_clone(&CrashPlan::Lose);
    assert_eq!((left.file_names("/"), show(&left)), (vec![], "a=".into()));
    assert!(
        left.dir_exists(Path::new("db/sub")).unwrap(),
        "directories survive at once"
    );
    assert_eq!(left.file_names("db/sub"), [""; 0]);
}

#[test]
fn unsynced_blocks_survive_in_any_choice_and_gaps_are_zeros() {
    const BLOCK: usize = 4096;
    let fs = mem_fs();
    let file = fs.create(Path::new("db/a")).unwrap();
    let bytes: Vec<u8> = (0..3 * BLOCK + 500).map(|i| (i % 251) as u8 + 1).collect();
    let synced = BLOCK + 100;
    file.append(&bytes[..synced]).unwrap();
    file.finish().unwrap();
    file.append(&bytes[synced..]).unwrap();

    let (mut lengths, mut choices, mut torn) = (BTreeSet::new(), BTreeSet::new(), 0);
    for seed in 0..SEEDS {
        let left = fs.crash_clone(&CrashPlan::Random { seed }).read("db/a");
        assert!(
            (synced..=bytes.len()).contains(&left.len()),
            "seed {seed}: {}",
            left.len()
        );
        assert_eq!(
            left[..synced],
            bytes[..synced],
            "seed {seed}: synced bytes were touched"
        );
        let mut choice = String::new();
        for start in [synced, 2 * BLOCK, 3 * BLOCK] {
            let end = (start / BLOCK + 1) * BLOCK;
            let block = &left[start.min(left.len())..end.min(left.len())];
            let kept = block.iter().position(|&b| b == 0).unwrap_or(block.len());
            assert_eq!(
                block[..kept],
                bytes[start..start + kept],
                "seed {seed}: a changed byte"
            );
            assert!(
                block[kept..].iter().all(|&b| b == 0),
                "seed {seed}: a hole in a block"
            );
            torn += usize::from(kept > 0 && kept < block.len());
            choice.push(if block.is_empty() {
                '-'
            } else {
                ['0', '1'][usize::from(kept > 0)]
            });
        }
        lengths.insert(left.len());
        choices.insert(choice);
    }
    assert!(lengths.contains(&synced) && lengths.contains(&bytes.len()) && lengths.len() > 20);
    assert!(torn > 20, "blocks torn at a byte: {torn}");
    for choice in ["---", "111", "000", "001", "010", "110", "011"] {
        assert!(
            choices.contains(choice),
            "blocks {choice} never happened: {choices:?}"
        );
    }
}

#[test]
fn a_seed_repeats_its_choice() {
    let fs = mem_fs();
    for name in ["db/a", "db/b", "db/c"] {
        write(&fs, name, &[b'x'; 50]);
    }
    for seed in 0..20 {
        let plan = CrashPlan::Random { seed };
        assert_eq!(after(&fs, plan), after(&fs, plan));
    }
    assert!(outcomes(&fs).len() > 20);
}

#[test]
fn a_crash_clone_is_another_file_system_and_fully_synced() {
    let fs = mem_fs();
    let file = fs.create(Path::new("db/a")).unwrap();
    file.append(b"one").unwrap();
    let lock = fs.lock(Path::new("db/LOCK")).unwrap();

    let clone = fs.crash_clone(&CrashPlan::Keep);
    assert_eq!(after(&clone, CrashPlan::Lose), "LOCK= a=one");
    assert_eq!((clone.open_handles(), fs.open_handles()), (0, 1));
    file.append(b"two").unwrap();
    file.finish().unwrap();
    fs.remove(Path::new("db/a")).unwrap();
    write(&clone, "db/b", b"three");
    assert_eq!(
        (show(&clone), show(&fs)),
        ("LOCK= a=one b=three".into(), "LOCK=".into())
    );

    let clone_lock = clone
        .lock(Path::new("db/LOCK"))
        .expect("a crash frees the locks");
    drop(lock);
    assert!(
        clone.lock(Path::new("db/LOCK")).is_err(),
        "the old guard is none of the clone's"
    );
    drop(clone_lock);
}

/// A thread writes to `a` and then to `b`, over and over: at no instant is `b` ahead.
#[test]
fn a_crash_is_one_instant() {
    let fs = mem_fs();
    let a = fs.create(Path::new("db/a")).unwrap();
    let b = fs.create(Path::new("db/b")).unwrap();
    // Between the two in order, so that the clone is long on its way from one to the other.
    for i in 0..200 {
        fs.write_raw(format!("db/a{i}"), b"");
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                a.append(b"x").unwrap();
                b.append(b"x").unwrap();
            }
        });
        for _ in 0..500 {
            let clone = fs.crash_clone(&CrashPlan::Keep);
            let ahead = clone
                .read("db/a")
                .len()
                .checked_sub(clone.read("db/b").len());
            if !matches!(ahead, Some(0 | 1)) {
                done.store(true, Ordering::Relaxed);
                panic!("a is ahead of b by {ahead:?}");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}
