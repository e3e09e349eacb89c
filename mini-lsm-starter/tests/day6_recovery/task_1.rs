//! Day 6 · Task 1 · the log.

use super::*;

fn log_file() -> PathBuf {
    path("log")
}

/// A log with this id in a new file, written by a script: each word is a record, but for `sync`
/// and `mark`.
fn log_of(id: u64, script: &str) -> (Arc<MemFs>, LogWriter) {
    let mem = mem_with_dir();
    let writer = LogWriter::new(id, mem.create(&log_file()).expect("a new file"));
    write(&writer, script);
    (mem, writer)
}

#[track_caller]
fn write(writer: &LogWriter, script: &str) {
    for word in script.split_whitespace() {
        match word {
            "sync" => writer.sync(),
            "mark" => writer.mark(),
            word => writer.append(|payload| payload.extend_from_slice(word.as_bytes())),
        }
        .unwrap_or_else(|error| panic!("\"{word}\" of the script \"{script}\": {error}"));
    }
}

#[track_caller]
fn read(mem: &MemFs, id: u64, when: &str) -> LogContents {
    read_log(mem, &log_file(), id)
        .unwrap_or_else(|error| panic!("{when}, the log cannot be read: {error}"))
}

/// The payloads as words.
fn words(contents: &LogContents) -> String {
    let words: Vec<_> = contents
        .payloads
        .iter()
        .map(|(_, payload)| String::from_utf8_lossy(payload).into_owned())
        .collect();
    words.join(" ")
}

/// A file with these bytes, as a log.
fn log_with(bytes: &[u8]) -> Arc<MemFs> {
    let mem = mem_with_dir();
    mem.write_raw(log_file(), bytes);
    mem
}

/// A record is a header of 20 bytes and its payload, every field where the format has it.
///
/// The manifest and every log of the store are made of it: what you write today must be
/// readable by every later engine, and by the tool that inspects files.
///
/// # Hints
/// - The table in the module's documentation has the order and the widths; all integers are
///   little-endian.
/// - The header's checksum covers its own first 16 bytes, then the log's id and the offset at
///   which the record begins, both as `u64`. The last two are not stored.
/// - The second record was appended after a sync: its `synced` says how long the log was then,
///   25 bytes.
#[test]
fn a_record_has_these_bytes() {
    let (mem, _writer) = log_of(7, "apple sync plum");
    check_fields(
        "the log 7 with \"apple\", a sync, and \"plum\"",
        &mem.read(log_file()),
        &[
            ("len", &[5, 0, 0, 0]),
            ("synced", &[0; 8]),
            ("payload crc", &[0x50, 0xd0, 0x2e, 0xa9]),
            ("header crc", &[0x6f, 0x61, 0x34, 0xc4]),
            ("payload", b"apple"),
            ("len of the second", &[4, 0, 0, 0]),
            ("synced of the second", &[25, 0, 0, 0, 0, 0, 0, 0]),
            ("payload crc of the second", &[0x92, 0xdd, 0xfd, 0x6a]),
            ("header crc of the second", &[0x6a, 0x6e, 0x20, 0x86]),
            ("payload of the second", b"plum"),
        ],
    );
}

/// What was appended is read back in order, each payload with the offset of its record.
///
/// Recovery repeats history from it; a record out of place, or one too few, is another history.
///
/// # Hints
/// - The next record begins where the payload of this one ends.
/// - A log that is empty is a log too: nothing in it, and no error. A file that is missing is
///   not.
#[test]
fn what_was_appended_is_read_back_in_order() {
    let (mem, _writer) = log_of(3, "one three two");
    let contents = read(&mem, 3, "after three records");
    assert_eq!(words(&contents), "one three two", "the payloads, in order");
    let offsets: Vec<u64> = contents
        .payloads
        .iter()
        .map(|(offset, _)| *offset)
        .collect();
    assert_eq!(offsets, [0, 23, 48], "the offsets of the records");
    assert_eq!(contents.end, 71, "the log ends behind the last record");
    assert_eq!(contents.lost_bytes, 0, "nothing lies behind the end");
    assert!(
        !contents.shows_sync,
        "no header says that anything was synced"
    );

    let (mem, _writer) = log_of(3, "one sync two");
    assert!(
        read(&mem, 3, "after a sync").shows_sync,
        "the header of \"two\" says that a part of the log had been synced"
    );
    let (mem, _writer) = log_of(3, "");
    let contents = read(&mem, 3, "when nothing was appended");
    assert_eq!(
        (words(&contents).as_str(), contents.end),
        ("", 0),
        "an empty log"
    );
    let missing = read_log(&*mem, &path("missing"), 3);
    assert!(
        missing.is_err(),
        "reading a log whose file is missing gave no error"
    );
}

/// A record is in the file when `append` returns: one write, and nothing kept back.
///
/// A put that returned must survive a kill of the process. Bytes in a buffer of our own die
/// with it; bytes that the operating system has do not.
///
/// # Hints
/// - No `BufWriter`. Build the whole record in memory and hand it over in one `append` of the
///   file.
/// - Header and payload in two writes would do for a kill between records, but not for one
///   between the two, and cost twice.
#[test]
fn an_append_is_one_write_and_keeps_nothing_back() {
    let (mem, ops) = (mem_with_dir(), OpLog::default());
    let fs = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
    let writer = LogWriter::new(1, fs.create(&log_file()).expect("a new file"));
    for (i, word) in ["one", "two", "three"].into_iter().enumerate() {
        write(&writer, word);
        let appends = ops.count(|op| op.kind == OpKind::Append);
        assert_eq!(appends, i + 1, "writes to the file after {} records", i + 1);
        let contents = read(&mem, 1, "after an append");
        assert!(
            words(&contents).ends_with(word),
            "append(\"{word}\") has returned, but the file does not have it yet"
        );
        assert_eq!(
            writer.len(),
            mem.read(log_file()).len() as u64,
            "len() is what was appended"
        );
    }
    let syncs = ops.count(|op| op.kind == OpKind::Sync);
    assert_eq!(syncs, 0, "syncs, though nobody asked for one");
}

/// Only `sync` makes records survive a power cut, it knows how far, and it asks the disk only
/// if there is something new.
///
/// `synced_len` goes into every later header as proof of what was on disk. A number too great
/// makes a harmless torn tail look like damage.
///
/// # Hints
/// - Two lengths: what has been appended, what has been synced. They start at 0.
/// - An fsync costs milliseconds: where nothing was appended since the last one, there is
///   nothing to do.
/// - A sync that fails has synced nothing.
#[test]
fn only_a_sync_counts_as_synced() {
    let (mem, ops) = (mem_with_dir(), OpLog::default());
    let (fails, watched) = (Arc::new(AtomicBool::new(false)), ops.clone());
    let asked = Arc::clone(&fails);
    let fs = hooked(&mem, move |op| {
        watched.record(op);
        match op.kind == OpKind::Sync && asked.load(Ordering::SeqCst) {
            true => Verdict::Fail(std::io::ErrorKind::Other),
            false => Verdict::Proceed,
        }
    });
    let writer = LogWriter::new(1, fs.create(&log_file()).expect("a new file"));
    fs.sync_dir(dir()).expect("the name is synced");
    assert!(writer.is_empty(), "is_empty() of a new log");
    write(&writer, "sync one");
    assert!(!writer.is_empty(), "is_empty() after a record");
    assert_eq!(writer.synced_len(), 0, "synced_len() before the first sync");
    assert!(
        power_cut(&mem).read(log_file()).is_empty(),
        "nothing was synced yet"
    );
    write(&writer, "sync");
    assert_eq!(
        writer.synced_len(),
        23,
        "synced_len() after the sync of \"one\""
    );
    let kept = read(&power_cut(&mem), 1, "after a power cut");
    assert_eq!(
        words(&kept),
        "one",
        "sync has returned: a power cut must leave the record"
    );
    write(&writer, "sync sync");
    let syncs = ops.count(|op| op.kind == OpKind::Sync);
    assert_eq!(
        syncs, 1,
        "syncs of the file, of which one had something to do"
    );

    write(&writer, "two");
    assert_eq!(writer.synced_len(), 23, "synced_len() after another append");
    fails.store(true, Ordering::SeqCst);
    assert!(
        writer.sync().is_err(),
        "the file's sync failed, but sync() gave Ok"
    );
    assert_eq!(
        writer.synced_len(),
        23,
        "synced_len() after a sync that failed"
    );
}

/// A mark is written for what was synced and not marked yet, and for nothing else; readers pass
/// over it.
///
/// Without a mark the last synced record has no witness behind it, and damage to it looks like
/// a torn tail. With a mark at each call an idle store that is closed and synced would grow.
///
/// # Hints
/// - A mark is a record without payload: only its `synced` counts.
/// - Remember the greatest `synced` that is in the file already. Not everything needs a mark: a
///   record that came after the sync has said it all.
/// - A mark that is synced itself is no reason for the next one.
#[test]
fn a_mark_is_written_once_for_what_was_synced() {
    let (mem, writer) = log_of(7, "");
    let grows_by = |script: &str, records: usize, why: &str| {
        let before = writer.len();
        write(&writer, script);
        let grown = (writer.len() - before) as usize;
        assert_eq!(
            grown,
            records * RECORD_HEADER_LEN,
            "bytes that \"{script}\" adds: {why}"
        );
    };
    grows_by("mark sync mark", 0, "there is no record to vouch for");
    write(&writer, "one");
    grows_by("mark", 0, "nothing has been synced");
    grows_by("sync mark", 1, "\"one\" is synced, and no header says so");
    grows_by("mark mark", 0, "it has been said");
    grows_by(
        "sync mark sync mark",
        0,
        "only the mark itself was synced since",
    );
    write(&writer, "two sync three");
    grows_by(
        "mark",
        0,
        "the header of \"three\" says that \"two\" is synced",
    );
    grows_by("sync mark", 1, "\"three\" is synced, and no header says so");
    let contents = read(&mem, 7, "with two marks in it");
    assert_eq!(words(&contents), "one two three", "readers pass over marks");
    assert_eq!(
        contents.end,
        writer.len(),
        "the log ends behind the last mark"
    );
    assert!(
        contents.shows_sync,
        "a mark shows that something was synced"
    );
}

/// A log cut at any byte ends with the last whole record, without an error, and what is behind
/// that is counted.
///
/// This is what a power cut leaves of records that were not synced yet. Nobody was promised
/// them, and the store must open.
///
/// # Hints
/// - Fewer than 20 bytes left: no header. Fewer than its `len` left behind it: no payload.
/// - Check before you slice. A `len` that reaches beyond the end must not panic, nor allocate.
/// - Zeros at the end do not count as lost: nothing was written there.
#[test]
fn a_torn_tail_ends_the_log_quietly() {
    let (mem, _writer) = log_of(5, "one two three");
    let whole = mem.read(log_file());
    let ends = [0, 23, 46, 71];
    for cut in 0..=whole.len() {
        let count = ends
            .iter()
            .rposition(|&end| end <= cut)
            .expect("0 is among them");
        let when = format!("with only {cut} of {} bytes", whole.len());
        let contents = read(&log_with(&whole[..cut]), 5, &when);
        assert_eq!(contents.payloads.len(), count, "{when}: the whole records");
        assert_eq!(
            contents.end, ends[count] as u64,
            "{when}: where the log ends"
        );
        let written = whole[..cut]
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |i| i + 1);
        let lost = written.saturating_sub(ends[count]);
        assert_eq!(
            contents.lost_bytes, lost as u64,
            "{when}: the bytes that are lost"
        );
    }
}

/// Zeros behind the last record end the log, and so does a record whose payload has become
/// zeros.
///
/// Many file systems write a file's new length before its bytes: after a power cut there are
/// zeros where the records were. Space that was reserved reads as zeros, too.
///
/// # Hints
/// - Twenty zeros look like a header: no payload, nothing synced, and the checksum of no bytes
///   *is* 0. What tells you that they are none?
/// - The header's checksum covers the log's id and the offset, so it is not 0.
/// - How many bytes are lost? Look for the last one that is not zero.
#[test]
fn a_tail_of_zeros_ends_the_log_quietly() {
    let (mem, _writer) = log_of(5, "one two");
    let whole = mem.read(log_file());
    for zeros in [1, 19, 20, 40, 5000] {
        let when = format!("with {zeros} zeros behind it");
        let contents = read(&log_with(&[&whole[..], &vec![0; zeros]].concat()), 5, &when);
        assert_eq!(words(&contents), "one two", "{when}");
        assert_eq!(
            (contents.end, contents.lost_bytes),
            (46, 0),
            "{when}: end and lost bytes"
        );
    }
    let zeroed = [&whole[..43], &[0; 300]].concat();
    let contents = read(
        &log_with(&zeroed),
        5,
        "when the payload of \"two\" has become zeros",
    );
    assert_eq!(
        words(&contents),
        "one",
        "when the payload of \"two\" has become zeros"
    );
    assert_eq!(
        (contents.end, contents.lost_bytes),
        (23, 20),
        "end and lost bytes, when only the header of \"two\" is left"
    );
    let contents = read(&log_with(&[0; 4096]), 5, "when all of it is zeros");
    assert_eq!(
        (contents.end, contents.lost_bytes),
        (0, 0),
        "a log of zeros is an empty log"
    );
}

/// A record that stands at another offset than it was written to, or comes from another log, is
/// no record.
///
/// Disks give freed blocks to new files, and an old log's record may turn up behind the end of
/// a new one, with a checksum that fits. Replaying it would bring back what was overwritten
/// long ago.
///
/// # Hints
/// - The header's checksum covers more than the header.
/// - A reader computes it with the id that it is asked for and the offset at which it stands.
#[test]
fn a_copied_record_is_no_record() {
    let (mem, _writer) = log_of(5, "one two");
    let whole = mem.read(log_file());
    let doubled = read(
        &log_with(&[&whole[..], &whole[23..]].concat()),
        5,
        "with a copy",
    );
    assert_eq!(
        words(&doubled),
        "one two",
        "a copy of \"two\" at byte 46 is none"
    );
    assert_eq!(doubled.lost_bytes, 23, "the copy is reported as lost bytes");
    let swapped = read(
        &log_with(&[&whole[23..], &whole[..23]].concat()),
        5,
        "swapped",
    );
    assert_eq!(words(&swapped), "", "\"two\" at byte 0 is no record");

    let (other, _writer) = log_of(6, "old new");
    let leftover = [&whole[..23], &other.read(log_file())[23..]].concat();
    let contents = read(&log_with(&leftover), 5, "with the rest of another log");
    assert_eq!(
        words(&contents),
        "one",
        "the record at byte 23 is from log 6, not from log 5"
    );
    assert_eq!(
        words(&read(&other, 5, "with another id")),
        "",
        "log 6, read as log 5"
    );
}

/// Any bit that is wrong in what a later header calls synced is `Corruption` of that file; it
/// never is the end of the log.
///
/// What was synced cannot be torn. An engine that takes the damage for the end throws away
/// records that were promised to last, and says nothing.
///
/// # Hints
/// - At a bad record at offset b, do not stop: search what follows for a header that is sound
///   and has `synced` greater than b.
/// - The bad record's `len` may be the very field that is damaged: the next header can be at
///   any byte.
/// - Two records in a row may be bad. Go on to the end of the file.
#[test]
fn damage_to_what_was_synced_is_corruption() {
    for (script, synced) in [("one two sync three", 46), ("one two sync mark", 46)] {
        let (mem, _writer) = log_of(5, script);
        let whole = mem.read(log_file());
        for byte in 0..synced {
            for bit in 0..8 {
                let damaged = log_with(&flipped(&whole, byte, bit));
                let what = format!("bit {bit} of byte {byte} of the log \"{script}\" flipped");
                match read_log(&*damaged, &log_file(), 5) {
                    Err(Error::Corruption { file, .. }) => {
                        assert_eq!(file, log_file(), "{what}: the file in the error");
                    }
                    Err(error) => panic!("{what}: expected Corruption, not {error:?}"),
                    Ok(contents) => panic!(
                        "{what}: it had been synced, but the log was read as \"{}\", expected Corruption",
                        words(&contents)
                    ),
                }
            }
        }
        let gone = [&[0; 46][..], &whole[46..]].concat();
        assert_corruption(
            read_log(&*log_with(&gone), &log_file(), 5),
            "a log whose two synced records have both become zeros",
        );
    }
}

/// A record that is itself torn still vouches for what was synced before it, if its header is whole.
///
/// The last record of a log is the one that a crash tears, and it is often the only one that was written after the sync.
///
/// # Hints
/// - What does a witness say that stands in its header alone?
/// - The checksum of the header covers `synced`; that of the payload has nothing to do with it.
#[test]
fn a_torn_record_is_a_witness_by_its_header() {
    let mem = mem_with_dir();
    let writer = LogWriter::new(1, mem.create(&log_file()).expect("a new file"));
    write(&writer, "apple");
    writer.sync().expect("sync");
    write(&writer, "kiwi");
    let mut bytes = mem.read(log_file());
    // The last byte of kiwi is torn off, and a bit of apple is wrong.
    bytes.pop();
    let bytes = flipped(&bytes, RECORD_HEADER_LEN, 0);
    mem.write_raw(log_file(), &bytes);
    match read_log(&*mem, &log_file(), 1) {
        Ok(log) => panic!(
            "apple was synced and is damaged, the header behind it says so, and the log ends at {} without an error",
            log.end
        ),
        Err(error) => assert!(error.is_corruption(), "expected Corruption, got {error:?}"),
    }
}

/// A bit that is wrong behind the last synced record costs that record and what follows it: the
/// log ends there, and says how much is lost.
///
/// Nobody can tell this from a torn write, so it must not keep the store from opening. But it
/// is no secret either.
///
/// # Hints
/// - A header whose `synced` is not *beyond* the bad record proves nothing about it.
/// - `lost_bytes` is what lies between the end of the log and the last byte that is not zero.
#[test]
fn damage_behind_the_last_mark_ends_the_log_there() {
    let (mem, _writer) = log_of(5, "one sync mark two three");
    let whole = mem.read(log_file());
    let starts = [23, 43, 66, 91];
    for byte in 23..whole.len() {
        for bit in 0..8 {
            let what = format!("with bit {bit} of byte {byte} flipped");
            let contents = read(&log_with(&flipped(&whole, byte, bit)), 5, &what);
            let end = starts.into_iter().rfind(|&start| start <= byte);
            let end = end.expect("the first start is the first byte");
            let expected = if end == 66 { "one two" } else { "one" };
            assert_eq!(words(&contents), expected, "{what}");
            let lost = (whole.len() - end) as u64;
            let got = (contents.end, contents.lost_bytes);
            assert_eq!(got, (end as u64, lost), "{what}: end and lost bytes");
        }
    }
}

/// After an append that failed nothing more is appended: every further one gives an error, and
/// touches nothing.
///
/// Half a record may be in the file. A record behind it would be lost to every reader, though
/// its append had succeeded.
///
/// # Hints
/// - Remember the first error.
/// - The disk was full for a moment; the next write would succeed. It must not be tried.
#[test]
fn after_a_failed_append_nothing_follows() {
    let mem = mem_with_dir();
    let fs = hooked(&mem, |op| {
        match op.kind == OpKind::Append && op.offset == 23 {
            true => Verdict::Short(21),
            false => Verdict::Proceed,
        }
    });
    let writer = LogWriter::new(1, fs.create(&log_file()).expect("a new file"));
    let append = |word: &[u8]| writer.append(|payload| payload.extend_from_slice(word));
    append(b"one").expect("the first append succeeds");
    assert!(
        append(b"two").is_err(),
        "only 21 bytes were written, but append gave Ok"
    );
    let broken = mem.read(log_file());
    for _ in 0..2 {
        assert!(
            append(b"three").is_err(),
            "an append after a failed one gave Ok"
        );
    }
    // Whatever these give: they must not write.
    let _ = (writer.sync(), writer.mark());
    assert_eq!(
        mem.read(log_file()),
        broken,
        "something was written behind half a record"
    );
    assert_eq!(words(&read(&mem, 1, "after a failed append")), "one");
}

/// After a sync that failed, no further sync of that log succeeds.
///
/// A kernel that could not write pages marks them as clean and forgets them: the second fsync
/// returns success and has written nothing (this cost PostgreSQL data for twenty years). A log
/// that believes it calls lost records synced.
///
/// # Hints
/// - Treat a failed sync as you treat a failed append.
/// - Two threads may sync one log at once. The one whose fsync begins after the other's has
///   failed must not get Ok.
#[test]
fn a_failed_sync_is_not_tried_again() {
    let (mem, syncs) = (mem_with_dir(), AtomicUsize::new(0));
    let fs = hooked(&mem, move |op| {
        match op.kind == OpKind::Sync && syncs.fetch_add(1, Ordering::SeqCst) == 0 {
            true => Verdict::Fail(std::io::ErrorKind::Other),
            false => Verdict::Proceed,
        }
    });
    let writer = LogWriter::new(1, fs.create(&log_file()).expect("a new file"));
    write(&writer, "one");
    assert!(
        writer.sync().is_err(),
        "the file's sync failed, but sync() gave Ok"
    );
    assert!(
        writer.sync().is_err(),
        "the first sync failed and the record is lost, but a second sync() gave Ok"
    );
    assert_eq!(
        writer.synced_len(),
        0,
        "synced_len(), though no sync has succeeded"
    );
}

/// After a sync in which the file panicked, no further sync of that log succeeds.
///
/// A panic is an error that takes the short way out: nobody knows what is on disk, and another
/// thread may ask for the next sync before anybody has heard of it.
///
/// # Hints
/// - A panic leaves `sync` where it stands: what was to be noted after the file's sync is not.
/// - Note before you ask the file that it has no outcome yet, and take that back when it has one.
#[test]
fn a_sync_that_panicked_is_not_tried_again() {
    let (mem, syncs) = (mem_with_dir(), AtomicUsize::new(0));
    let fs = hooked(&mem, move |op| {
        match op.kind == OpKind::Sync && syncs.fetch_add(1, Ordering::SeqCst) == 0 {
            true => Verdict::Panic,
            false => Verdict::Proceed,
        }
    });
    let writer = LogWriter::new(1, fs.create(&log_file()).expect("a new file"));
    write(&writer, "one");
    let mut outcome = None;
    panics_not(|| outcome = Some(writer.sync()));
    assert!(
        !matches!(outcome, Some(Ok(()))),
        "the file's sync panicked, but sync() gave Ok"
    );
    panics_not(|| outcome = Some(writer.sync()));
    assert!(
        !matches!(outcome, Some(Ok(()))),
        "the first sync panicked and nobody knows where the record is, but a second sync() gave Ok"
    );
    assert_eq!(
        writer.synced_len(),
        0,
        "synced_len(), though no sync has succeeded"
    );
}

/// A record that is appended while a sync runs is not called synced by it; but what the sync
/// was for is, and the mark says so.
///
/// Writers do not wait for each other's syncs. A length read after the fsync covers records
/// that the fsync never saw; a mark that is left out because of the newcomer leaves the synced
/// record without a witness.
///
/// # Hints
/// - Read the length *before* you ask the disk.
/// - Keep the lock that appends need out of `sync`.
/// - The newcomer was written before the sync had ended, so its header says nothing of it: is
///   there a payload record between what the headers say and what is synced?
///
/// # Concurrent
#[test]
fn a_record_that_comes_during_a_sync_is_not_covered_by_it() {
    let (mem, newcomer) = (mem_with_dir(), Arc::new(OnceLock::<Weak<LogWriter>>::new()));
    let (writer_in_hook, is_late) = (Arc::clone(&newcomer), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&is_late);
    let fs = hooked(&mem, move |op| {
        let writer = writer_in_hook.get().and_then(Weak::upgrade);
        if let (OpKind::Sync, Some(writer)) = (op.kind, writer) {
            let done = Arc::new(Signal::default());
            let told_done = Arc::clone(&done);
            thread::spawn(move || {
                write(&writer, "new");
                told_done.give();
            });
            told.store(!done.wait(PATIENCE), Ordering::SeqCst);
        }
        Verdict::Proceed
    });
    let file = fs.create(&log_file()).expect("a new file");
    let writer = Arc::new(LogWriter::new(1, file));
    write(&writer, "one");
    newcomer.set(Arc::downgrade(&writer)).expect("set once");
    write(&writer, "sync mark");
    assert!(
        !is_late.load(Ordering::SeqCst),
        "an append waited for the end of a sync"
    );
    assert_eq!(
        writer.synced_len(),
        23,
        "synced_len(): \"new\" came after the sync had begun, and may not be on disk"
    );
    let contents = read(&mem, 1, "after the mark");
    assert_eq!(words(&contents), "one new");
    assert!(
        contents.shows_sync,
        "\"one\" was synced and mark() was called, but no header says so: damage to it would pass for a torn tail"
    );
    let damaged = log_with(&flipped(&mem.read(log_file()), 21, 0));
    let what = "a log whose synced and marked record \"one\" is damaged";
    assert_corruption(read_log(&*damaged, &log_file(), 1), what);
}
