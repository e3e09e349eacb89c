//! Day 6 · Task 3 · the manifest.

use mini_lsm_starter::options::MAX_LEVEL_COUNT;

use super::*;

/// An edit from text: `"+3@0 -2 log5 seal5@120 oldest4 seq9 next12"`.
fn edit(text: &str) -> VersionEdit {
    let mut edit = VersionEdit::default();
    for word in text.split_whitespace() {
        let number = |prefix: &str| -> Option<u64> { word.strip_prefix(prefix)?.parse().ok() };
        if let Some(table) = word.strip_prefix('+') {
            let (id, level) = table.split_once('@').expect("+id@level");
            let id = TableId(id.parse().expect("a number"));
            let level = level.parse().expect("a number");
            edit.added.push(TableRecord { id, level });
        } else if let Some(id) = number("-") {
            edit.removed.push(TableId(id));
        } else if let Some(id) = number("log") {
            edit.new_logs.push(id);
        } else if let Some(log) = word.strip_prefix("seal") {
            let (id, len) = log.split_once('@').expect("seal id@length");
            let id = id.parse().expect("a number");
            let len = len.parse().expect("a number");
            edit.sealed_logs.push(SealedLog { id, len });
        } else if let Some(id) = number("oldest") {
            edit.oldest_log = Some(id);
        } else if let Some(seq) = number("seq") {
            edit.last_flushed_seq = Some(seq);
        } else if let Some(id) = number("next") {
            edit.next_id = Some(id);
        } else {
            panic!("no part of an edit: {word}");
        }
    }
    edit
}

#[track_caller]
fn apply(version: &mut Version, text: &str) {
    version
        .apply(&edit(text))
        .unwrap_or_else(|reason| panic!("the edit \"{text}\" was refused: {reason}"));
}

fn version(text: &str) -> Version {
    let mut version = Version::default();
    apply(&mut version, text);
    version
}

/// A manifest in `mem`, made from this version.
#[track_caller]
fn create(fs: Arc<dyn FileSystem>, text: &str) -> Manifest {
    Manifest::create(fs, dir(), version(text))
        .unwrap_or_else(|error| panic!("create with \"{text}\": {error}"))
}

#[track_caller]
fn append(manifest: &mut Manifest, text: &str) {
    manifest
        .append(&edit(text))
        .unwrap_or_else(|error| panic!("append of \"{text}\": {error}"));
}

/// A manifest whose records are these, as text, all synced.
fn by_hand(records: &[&str]) -> Arc<MemFs> {
    let mem = mem_with_dir();
    let file = mem.create(&path(MANIFEST)).expect("a new file");
    let writer = LogWriter::new(MANIFEST_LOG_ID, file);
    for record in records {
        writer
            .append(|payload| payload.extend_from_slice(record.as_bytes()))
            .expect("append");
    }
    writer.sync().expect("sync");
    writer.mark().expect("mark");
    mem
}

/// An edit changes what it names and nothing else; what is absent stays as it was.
///
/// The version that comes out of it decides which files are opened, which logs are replayed,
/// and which files are removed.
///
/// # Hints
/// - A table that moves to another level is in both lists: take away first, add afterwards.
/// - `oldest_log` lets go of the logs *below* it, and of their lengths. A flush names the log behind the memtable's,
///   which may not exist yet.
/// - Ids only grow: an edit with a smaller `next_id` was made up earlier and written later.
#[test]
fn an_edit_changes_what_it_says() {
    let mut version = Version::default();
    let steps = [
        ("log1 next2", "tables, logs 1, flushed to 0, ids from 2"),
        ("log3 next4", "tables, logs 1 3, flushed to 0, ids from 4"),
        (
            "+4@0 oldest2 seq17 next5",
            "tables 4@L0, logs 3, flushed to 17, ids from 5",
        ),
        (
            "+6@0 log5 oldest4 seq20 next7",
            "tables 4@L0 6@L0, logs 5, flushed to 20, ids from 7",
        ),
        (
            "-4 +4@1",
            "tables 4@L1 6@L0, logs 5, flushed to 20, ids from 7",
        ),
        (
            "-4 -6 +7@2 +8@2 next9",
            "tables 7@L2 8@L2, logs 5, flushed to 20, ids from 9",
        ),
        (
            "next3",
            "tables 7@L2 8@L2, logs 5, flushed to 20, ids from 9",
        ),
        ("", "tables 7@L2 8@L2, logs 5, flushed to 20, ids from 9"),
        (
            "log10 seal5@90 seal10@120",
            "tables 7@L2 8@L2, logs 5(90 bytes) 10(120 bytes), flushed to 20, ids from 9",
        ),
        (
            "oldest9",
            "tables 7@L2 8@L2, logs 10(120 bytes), flushed to 20, ids from 9",
        ),
    ];
    for (edit, expected) in steps {
        apply(&mut version, edit);
        assert_eq!(
            show_version(&version),
            expected,
            "after the edit \"{edit}\""
        );
    }
}

/// An edit that adds what is there, or removes or seals what is not, is refused: by the version, by an
/// open manifest, and as `Corruption` by whoever loads it.
///
/// It belongs to another history. A store that shrugs and goes on soon removes files that
/// somebody needs.
///
/// # Hints
/// - Maps tell you what was there before: look at what `insert` and `remove` return.
/// - Try the edit on a copy of the version before you write it.
#[test]
fn an_edit_that_does_not_fit_is_refused() {
    for wrong in ["+3@0", "+3@1", "-4", "+5@0 +5@1", "-3 -3", "seal3@9"] {
        let mut version = version("+3@0 next4");
        assert!(
            version.apply(&edit(wrong)).is_err(),
            "the edit \"{wrong}\" of a version with table 3 was taken"
        );
        let mem = mem_with_dir();
        let mut manifest = create(mem.clone(), "+3@0 next4");
        let before = files(&mem);
        assert!(
            manifest.append(&edit(wrong)).is_err(),
            "a manifest with table 3 took the edit \"{wrong}\""
        );
        assert!(
            files(&mem) == before,
            "the edit \"{wrong}\" is refused, but it was written"
        );
        let kept = show_version(manifest.version());
        assert_eq!(kept, "tables 3@L0, logs, flushed to 0, ids from 4");
    }
    let twice = by_hand(&[
        r#"{"format":1,"added":[{"id":3,"level":0}]}"#,
        r#"{"added":[{"id":3,"level":0}]}"#,
    ]);
    assert_corruption(
        Manifest::load(&*twice, dir()),
        "a manifest that adds table 3 twice",
    );
}

/// A table may be in the deepest level that any options allow, and no deeper.
///
/// A number beyond that is damage: whoever makes as many levels as it says runs out of memory.
///
/// # Hints
/// - Options have at most `MAX_LEVEL_COUNT` levels below L0: the last of them has that number.
#[test]
fn no_table_is_below_the_deepest_level() {
    for (level, fits) in [(MAX_LEVEL_COUNT, true), (MAX_LEVEL_COUNT + 1, false)] {
        let taken = Version::default().apply(&edit(&format!("+3@{level}")));
        assert!(
            taken.is_ok() == fits,
            "a table in level {level}, where {MAX_LEVEL_COUNT} is the deepest: {taken:?}"
        );
    }
}

/// The snapshot of a version is one edit that makes the same version from nothing, and says the
/// format.
///
/// A manifest begins with it, so that whatever was edited before can be forgotten.
///
/// # Hints
/// - Every field of the version must be in it; the logs are those that are needed, one by one.
/// - The format is a field of the first edit only.
#[test]
fn a_snapshot_is_the_whole_version() {
    let full = "+3@0 +5@6 +9@1 log8 log11 seal8@60 seal11@20 seq42 next12";
    for text in ["", "log1 next2", full] {
        let version = version(text);
        let snapshot = version.snapshot();
        assert_eq!(
            snapshot.format,
            Some(1),
            "the format in the snapshot of \"{text}\""
        );
        let mut again = Version::default();
        again.apply(&snapshot).expect("a snapshot fits nothing");
        let (again, version) = (show_version(&again), show_version(&version));
        assert_eq!(again, version, "from the snapshot of \"{text}\"");
    }
}

/// A manifest loads as the version that its snapshot and its edits make; and when `create` or
/// `append` has returned, a power cut does not change that.
///
/// The next steps rely on it: a flush removes its log, a compaction its inputs. An edit that is
/// lost then names files that are gone.
///
/// # Hints
/// - Append, then sync, then return.
/// - A new file's name must be synced as well: that is what `sync_dir` is for.
/// - `version()` moves on with each edit.
#[test]
fn what_was_recorded_survives_a_power_cut() {
    let mem = mem_with_dir();
    let mut manifest = create(mem.clone(), "+3@0 log4 seq9 next5");
    let mut expected = version("+3@0 log4 seq9 next5");
    for step in [
        "",
        "+5@0 oldest5 seq12 next6",
        "-3 -5 +6@1 next7",
        "log7 next8",
    ] {
        append(&mut manifest, step);
        apply(&mut expected, step);
        let shown = show_version(&expected);
        assert_eq!(
            show_version(manifest.version()),
            shown,
            "version() after \"{step}\""
        );
        assert_eq!(load(&mem), shown, "loaded after \"{step}\"");
        assert_eq!(
            load(&power_cut(&mem)),
            shown,
            "after \"{step}\" and a power cut"
        );
    }
    assert_eq!(mem.file_names(DIR), ["MANIFEST"], "the files");
    let missing = Manifest::load(&*mem_with_dir(), dir());
    assert!(missing.is_err(), "a manifest that is missing was loaded");
}

/// Wherever a crash strikes while a manifest is made, put in the place of another, or appended
/// to, the old version loads or the new one.
///
/// A manifest that is overwritten in place, renamed before it is synced, or removed before the
/// other has its name, leaves a moment in which there is none, and the whole store is gone.
///
/// # Hints
/// - Write `MANIFEST.tmp`, sync it, rename it, sync the directory: in this order.
/// - An earlier attempt may have left a `MANIFEST.tmp`, with anything in it: away with it.
/// - When `create` returns the new one must load, whatever is lost: the last of the steps is
///   for that.
#[test]
fn a_crash_leaves_the_old_manifest_or_the_new() {
    let (old, new) = ("+3@0 log4 seq9 next5", "+6@0 log7 seq12 next8");
    let appended = "+6@0 +8@0 log7 oldest7 seq15 next9";
    for has_old in [false, true] {
        let mem = mem_with_dir();
        if has_old {
            create(mem.clone(), old);
        }
        mem.write_raw(path(MANIFEST_TMP), b"left over from an earlier attempt");
        let images = Arc::new(Mutex::new(Vec::new()));
        let (seen, source) = (Arc::clone(&images), Arc::clone(&mem));
        let fs = hooked(&mem, move |op| {
            let random = (0..5).map(|seed| CrashPlan::Random { seed });
            let torn = [3, 30].map(|bytes| CrashPlan::TornAfter { bytes });
            let plans = [CrashPlan::Lose, CrashPlan::Keep, CrashPlan::Zero];
            for plan in plans.into_iter().chain(torn).chain(random) {
                let what = format!(
                    "a crash before {:?} {} ({plan:?})",
                    op.kind,
                    op.path.display()
                );
                let image = source.crash_clone(&plan);
                seen.lock().expect("no hook panics").push((what, image));
            }
            Verdict::Proceed
        });
        let mut possible = vec![show_version(&version(old)), show_version(&version(new))];
        let mut manifest = create(fs, new);
        assert_eq!(
            load(&power_cut(&mem)),
            possible[1],
            "after create() and a power cut"
        );
        append(&mut manifest, "+8@0 oldest7 seq15 next9");
        possible.push(show_version(&version(appended)));
        assert_eq!(
            load(&power_cut(&mem)),
            possible[2],
            "after append() and a power cut"
        );

        let mut reached = if has_old { 0 } else { 1 };
        for (what, image) in images.lock().expect("no hook panics").iter() {
            if !image.file_names(DIR).iter().any(|name| name == MANIFEST) {
                assert!(
                    !has_old,
                    "{what} leaves neither the old manifest nor the new"
                );
                continue;
            }
            let found = Manifest::load(image, dir()).unwrap_or_else(|error| {
                panic!("{what} leaves a manifest that does not load: {error}")
            });
            let found = show_version(&found);
            let known = possible[if has_old { 0 } else { 1 }..].contains(&found);
            assert!(known, "{what} leaves a version that never was: {found}");
            reached = reached.max(possible.iter().position(|v| *v == found).expect("known"));
        }
        assert!(
            reached >= 1,
            "no crash was seen in which the new manifest was there"
        );
    }
}

/// A manifest that holds no snapshot, a format that never was, or something else than edits is
/// `Corruption`.
///
/// Since a manifest is replaced as a whole, an empty one never comes from a crash. Taken for an
/// empty store, it would make the next open remove every table as a stray.
///
/// # Hints
/// - How many edits were there? None is not the same as "nothing in the store".
/// - The first edit must say the one format that you know; no other edit says any.
/// - `serde_json` refuses what is not an edit; do not `unwrap` it.
/// - A format greater than yours is another matter, and has a test of its own.
#[test]
fn a_manifest_without_a_sound_snapshot_is_damaged() {
    let good = r#"{"format":1,"next_id":1}"#;
    assert!(
        Manifest::load(&*by_hand(&[good]), dir()).is_ok(),
        "{good} is a manifest"
    );
    let sound = by_hand(&[good]).read(path(MANIFEST));
    let raw: [(&str, &[u8]); 4] = [
        ("that is empty", b""),
        ("full of zeros", &[0; 500]),
        ("whose snapshot is torn", &sound[..30]),
        ("that is no log", b"{\"format\":1,\"next_id\":1}"),
    ];
    for (what, bytes) in raw {
        let mem = mem_with_dir();
        mem.write_raw(path(MANIFEST), bytes);
        assert_corruption(Manifest::load(&*mem, dir()), &format!("a manifest {what}"));
    }
    let cases: [(&str, &[&str]); 8] = [
        ("of format 0", &[r#"{"format":0,"next_id":1}"#]),
        ("of no format", &[r#"{"next_id":1}"#]),
        ("whose second edit has a format", &[good, r#"{"format":1}"#]),
        (
            "whose second edit has a format that nobody knows",
            &[good, r#"{"format":2}"#],
        ),
        ("with an edit that is no JSON", &[good, "hello"]),
        (
            "with a field that nobody knows",
            &[good, r#"{"colour":"red"}"#],
        ),
        ("with half an edit", &[good, r#"{"next_id":"#]),
        (
            "that removes what it never had",
            &[good, r#"{"removed":[7]}"#],
        ),
    ];
    for (what, records) in cases {
        let result = Manifest::load(&*by_hand(records), dir());
        assert_corruption(result, &format!("a manifest {what}"));
    }
}

/// A manifest of a newer format is `NewerFormat`, not damage, and the store does not open.
///
/// An engine of next year may write edits with fields that this one does not know, or with other
/// meanings. Whoever is told of an unknown field, or of damage, looks for a copy; and what is
/// needed is a newer engine.
///
/// # Hints
/// - Read the format alone first: `FormatOnly` skips every field but one.
/// - `Error::newer_format` takes the file, the format that was found, and the one you know.
/// - What stands behind the first edit is not yours to judge.
#[test]
fn a_newer_format_is_no_damage() {
    let plain = r#"{"format":2,"next_id":1}"#;
    let strange = r#"{"format":2,"next_id":"one","snapshots":["monday"]}"#;
    let far = r#"{"format":4294967295}"#;
    let cases: [(&str, u32, &[&str]); 4] = [
        ("of format 2", 2, &[plain]),
        ("of format 2 with fields of its own", 2, &[strange]),
        ("of format 2 with edits of its own", 2, &[plain, "hello"]),
        ("of the last format there can be", u32::MAX, &[far]),
    ];
    for (what, format, records) in cases {
        let mem = by_hand(records);
        match Manifest::load(&*mem, dir()) {
            Ok(_) => panic!("a manifest {what} was taken, expected NewerFormat"),
            Err(Error::NewerFormat { file, found, known }) => assert_eq!(
                (file, found, known),
                (path(MANIFEST), format, 1),
                "a manifest {what}: the file, the format found and the one known"
            ),
            Err(error) => panic!("a manifest {what} should be NewerFormat, but it is: {error:?}"),
        }
    }
}

/// Any bit that is wrong in a manifest is an error, or changes nothing; it never gives an older
/// version.
///
/// Each edit is synced before anyone relies on it, so none can be torn. An older version would
/// bring back tables that are gone, or call newer ones strays.
///
/// # Hints
/// - After each edit's sync, `mark`: the last edit needs a witness too.
/// - The snapshot is an edit like the others.
#[test]
fn damage_to_a_manifest_is_never_an_older_version() {
    for edits in 0..3 {
        let mem = mem_with_dir();
        let mut manifest = create(mem.clone(), "+3@0 log4 seq9 next5");
        for i in 0..edits {
            append(&mut manifest, &format!("+{}@0 next{}", 10 + i, 11 + i));
        }
        let (whole, expected) = (mem.read(path(MANIFEST)), load(&mem));
        for byte in 0..whole.len() {
            for bit in 0..8 {
                let damaged = mem_with_dir();
                damaged.write_raw(path(MANIFEST), &flipped(&whole, byte, bit));
                match Manifest::load(&*damaged, dir()) {
                    Ok(found) => assert_eq!(
                        show_version(&found),
                        expected,
                        "a manifest with {edits} edits and bit {bit} of byte {byte} flipped"
                    ),
                    Err(error) => assert!(error.is_corruption(), "not Corruption: {error:?}"),
                }
            }
        }
    }
}

/// A manifest that has taken thousands of edits is no longer than a few; replacing it costs
/// nothing that was recorded.
///
/// A store that runs for a year makes millions of edits over some hundred tables. Whoever opens
/// it should not have to read them all.
///
/// # Hints
/// - When the file has outgrown its snapshot several times over, write a new one as `create`
///   does.
/// - Not at each edit: then every edit would cost as much as the whole version.
/// - From then on append to the *new* file, at its length.
#[test]
fn a_manifest_does_not_grow_for_ever() {
    let (mem, ops) = (mem_with_dir(), OpLog::default());
    let fs = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
    let mut manifest = create(Arc::new(fs), "+4@0 log4 next5");
    let mut expected = version("+4@0 log4 next5");
    for i in 5..4000 {
        let (before, next) = (i - 1, i + 1);
        let step = format!("-{before} +{i}@0 log{i} oldest{i} seq{i} next{next}");
        append(&mut manifest, &step);
        apply(&mut expected, &step);
        let len = mem.read(path(MANIFEST)).len();
        assert!(
            len < 200_000,
            "after {} edits the manifest has {len} bytes, for one table",
            i - 4
        );
    }
    assert_eq!(
        load(&power_cut(&mem)),
        show_version(&expected),
        "after 3995 edits"
    );
    let renames = ops.count(|op| op.kind == OpKind::Rename);
    assert!(
        renames < 400,
        "the manifest was replaced {renames} times in 3995 edits"
    );
    assert_eq!(mem.file_names(DIR), ["MANIFEST"], "the files");
    assert!(
        mem.open_handles() <= 1,
        "handles of replaced manifests are still open"
    );
}

/// The manifest of a large store is not replaced at each edit.
///
/// A version of thousands of tables is longer than any fixed limit. If that alone counts, each
/// edit costs as much as the whole version.
///
/// # Hints
/// - Compare the length of the file with that of its own snapshot, not only with a fixed one.
#[test]
fn a_manifest_of_many_tables_is_not_replaced_at_each_edit() {
    let (mem, ops) = (mem_with_dir(), OpLog::default());
    let fs = FaultFs::logged(mem as Arc<dyn FileSystem>, &ops);
    let tables: Vec<String> = (4..8004).map(|id| format!("+{id}@6")).collect();
    let mut manifest = create(Arc::new(fs), &format!("{} next8004", tables.join(" ")));
    let before = ops.count(|op| op.kind == OpKind::Rename);
    for i in 8004..8044 {
        let step = format!("-{} +{i}@6 next{}", i - 1, i + 1);
        append(&mut manifest, &step);
    }
    let renames = ops.count(|op| op.kind == OpKind::Rename) - before;
    assert!(
        renames < 4,
        "the manifest of a store with 8000 tables was replaced {renames} times in 40 edits"
    );
}

/// An edit that could not be written, synced, or carried into a new file is an error, and so is
/// every edit after it.
///
/// Nobody knows what is on disk then. Whoever goes on as if it were recorded removes files that
/// the manifest still names.
///
/// # Hints
/// - Hand every error on.
/// - A replacement closes the old file before it renames the new one over it. If that fails
///   there is no file to append to: say so.
#[test]
fn after_a_failed_edit_there_is_no_other() {
    for failing in [OpKind::Append, OpKind::Sync, OpKind::Create, OpKind::Rename] {
        let mem = mem_with_dir();
        let fails = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&fails);
        let fs = hooked(&mem, move |op| {
            match op.kind == failing && asked.swap(false, Ordering::SeqCst) {
                true => Verdict::Short(30),
                false => Verdict::Proceed,
            }
        });
        let mut manifest = create(fs, "+3@0 next4");
        append(&mut manifest, "log4 next5");
        let before = load(&mem);
        fails.store(true, Ordering::SeqCst);
        let failed = (0..9000).find(|i| manifest.append(&edit(&format!("next{i}"))).is_err());
        assert!(
            failed.is_some(),
            "a {failing:?} failed, but every edit gave Ok"
        );
        assert!(
            manifest.append(&edit("next9999")).is_err(),
            "a {failing:?} failed at an edit, but the next edit gave Ok"
        );
        let version = Manifest::load(&*mem, dir()).expect("the old or the new manifest loads");
        assert!(
            show_version(&version).starts_with("tables 3@L0, logs 4"),
            "beside {before}"
        );
    }
}
