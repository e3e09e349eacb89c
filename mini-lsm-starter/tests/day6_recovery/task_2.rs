//! Day 6 · Task 2 · the write-ahead log.

use super::*;

fn create(mem: &MemFs, id: u64) -> Wal {
    Wal::create(mem, dir(), id).unwrap_or_else(|error| panic!("log {id}: {error}"))
}

#[track_caller]
fn append(wal: &Wal, first_seq: u64, text: &str) {
    wal.append(first_seq, &batch(text).ops())
        .unwrap_or_else(|error| panic!("append of \"{text}\": {error}"));
}

fn encode(first_seq: u64, text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_batch(first_seq, &batch(text).ops(), &mut bytes);
    bytes
}

fn decode(bytes: &[u8]) -> Result<LoggedBatch> {
    decode_batch(Bytes::copy_from_slice(bytes), Origin::memory("a batch"))
}

/// A batch is its first sequence number, its count, and its operations, every field where the
/// format has it.
///
/// A delete is not an empty value: the one hides what is older, the other is a value that reads
/// back. The length `u32::MAX` tells them apart.
///
/// # Hints
/// - All integers are little-endian; the key's length is a `u16`, the value's a `u32`.
/// - The key and the value follow their two lengths, without anything between.
/// - `out` may hold something already (the log's header does): append to it.
#[test]
fn a_batch_has_these_bytes() {
    let mut out = b"before".to_vec();
    encode_batch(258, &batch("kiwi=green fig= plum").ops(), &mut out);
    check_fields(
        "the batch \"kiwi=green fig= plum\" with the first sequence number 258, behind \"before\"",
        &out,
        &[
            ("what was there", b"before"),
            ("first seq", &[2, 1, 0, 0, 0, 0, 0, 0]),
            ("count", &[3, 0, 0, 0]),
            ("key_len of kiwi", &[4, 0]),
            ("value_len of green", &[5, 0, 0, 0]),
            ("key", b"kiwi"),
            ("value", b"green"),
            ("key_len of fig", &[3, 0]),
            ("value_len: empty", &[0; 4]),
            ("key", b"fig"),
            ("key_len of plum", &[4, 0]),
            ("value_len: a tombstone", &[0xff; 4]),
            ("key", b"plum"),
        ],
    );
}

/// Batches come back from a log as they were written: each whole, in order, with its sequence
/// number; deletes and empty values among them.
///
/// Recovery applies them one by one to an empty memtable. What is not here is not in the store.
///
/// # Hints
/// - One batch is one record of the log: `append` hands its encoding to the log's.
/// - The file's name comes from `log_path`, and the log's id is the memtable's.
/// - Keys and values may hold any bytes, and a key may be 65,535 of them.
#[test]
fn batches_come_back_as_they_were_written() {
    let mem = mem_with_dir();
    let wal = create(&mem, 12);
    assert_eq!(wal.id(), 12, "the id of the log");
    append(&wal, 1, "a=1 b= c");
    append(&wal, 4, "a");
    let mut long = WriteBatch::new();
    let (long_key, long_value) = (vec![0xfe; 65_535], vec![0; 70_000]);
    long.put(&long_key, &long_value).put(b"\0", b"\xff\0");
    wal.append(5, &long.ops()).expect("append of a long batch");
    assert_eq!(mem.file_names(DIR), ["000012.wal"], "the file of log 12");

    let contents = read_wal(&mem, 12);
    let short = show_batches(&contents.batches[..2.min(contents.batches.len())]);
    assert_eq!(short, "1: a=1 b= c | 4: a", "the first two batches");
    assert_eq!(contents.batches.len(), 3, "the batches in the log");
    let read_long = &contents.batches[2];
    let ops = read_long.batch.ops();
    assert_eq!((read_long.first_seq, ops.len()), (5, 2), "the third batch");
    assert!(*ops[0].key == long_key && ops[0].value == Some(&long_value[..]));
    assert!(*ops[1].key == *b"\0" && ops[1].value == Some(&b"\xff\0"[..]));
    let end = mem.read(log_path(dir(), 12)).len() as u64;
    let log = &contents.log;
    assert_eq!(
        (log.end, log.lost_bytes),
        (end, 0),
        "where the log ends; lost bytes"
    );
}

/// A log torn at any byte holds the first batches whole, and nothing of the next.
///
/// "Both accounts or none" is what a batch is for. One record a key would give half a transfer
/// after a crash.
///
/// # Hints
/// - One record a batch: then the log's checksums see to it.
#[test]
fn a_torn_log_holds_whole_batches() {
    let mem = mem_with_dir();
    let wal = create(&mem, 3);
    let mut ends = vec![0];
    for (first_seq, text) in [(1, "a=1 b=2"), (3, "a b=3 c=4"), (6, "d=5 e")] {
        append(&wal, first_seq, text);
        ends.push(mem.read(log_path(dir(), 3)).len());
    }
    let whole = mem.read(log_path(dir(), 3));
    let prefixes = [
        "",
        "1: a=1 b=2",
        "1: a=1 b=2 | 3: a b=3 c=4",
        "1: a=1 b=2 | 3: a b=3 c=4 | 6: d=5 e",
    ];
    for cut in 0..=whole.len() {
        let torn = mem_with_dir();
        torn.write_raw(log_path(dir(), 3), &whole[..cut]);
        let count = ends
            .iter()
            .rposition(|&end| end <= cut)
            .expect("0 is among them");
        let when = format!("cut to {cut} of {} bytes", whole.len());
        assert_logged(&torn, 3, prefixes[count], &when);
    }
}

/// When `create` returns, the log's name survives a power cut; a name that is taken is not
/// taken again.
///
/// The manifest will name the log. A file whose bytes are synced and whose name is not is gone
/// after a power cut, and the store, missing a log, does not open.
///
/// # Hints
/// - A name is in the directory, and a directory is synced by `sync_dir`.
#[test]
fn a_new_log_survives_a_power_cut() {
    let mem = mem_with_dir();
    let wal = create(&mem, 8);
    let after = power_cut(&mem);
    assert_eq!(
        after.file_names(DIR),
        ["000008.wal"],
        "the files after a power cut"
    );
    assert_logged(&after, 8, "", "when nothing was written");
    append(&wal, 1, "a=1");
    assert!(
        Wal::create(&*mem, dir(), 8).is_err(),
        "log 8 was created a second time"
    );
    assert_logged(&mem, 8, "1: a=1", "after a second log 8 was refused");
    assert!(
        Wal::read(&*mem, dir(), 9).is_err(),
        "log 9, which is missing, was read"
    );
}

/// A batch that was appended survives a kill; one that was synced survives a power cut.
///
/// These are the two promises of `Durability`, at their root.
///
/// # Hints
/// - `append` and `sync` of the log do all the work.
#[test]
fn an_appended_batch_survives_a_kill_and_a_synced_one_a_power_cut() {
    let mem = mem_with_dir();
    let wal = create(&mem, 2);
    append(&wal, 1, "a=1");
    wal.sync().expect("sync");
    append(&wal, 2, "b=2");
    assert_logged(&kill(&mem), 2, "1: a=1 | 2: b=2", "after a kill");
    assert_logged(&power_cut(&mem), 2, "1: a=1", "after a power cut");

    let fs = hooked(&mem, |op| match op.kind == OpKind::Sync {
        true => Verdict::Fail(std::io::ErrorKind::Other),
        false => Verdict::Proceed,
    });
    let failing = Wal::create(&*fs, dir(), 3).expect("a new log");
    append(&failing, 3, "c=3");
    assert!(
        failing.sync().is_err(),
        "the file's sync failed, but sync() gave Ok"
    );
}

/// Any bit that is wrong in a log gives an error, or the batches that were written; never other
/// ones. Once it is marked, what was synced before is never missing.
///
/// A wrong value is worse than no value: nobody looks for it.
///
/// # Hints
/// - `mark` writes into the log how much of it is on disk: hand it on.
/// - Every byte is covered by one of the log's checksums. Does your reader check both?
#[test]
fn no_flipped_bit_gives_other_batches() {
    let mem = mem_with_dir();
    let wal = create(&mem, 4);
    append(&wal, 1, "a=1 b=2");
    append(&wal, 3, "a");
    wal.sync().expect("sync");
    wal.mark().expect("mark");
    let marked = mem.read(log_path(dir(), 4)).len();
    append(&wal, 4, "c=3");
    append(&wal, 5, "d=4");
    let whole = mem.read(log_path(dir(), 4));
    let synced = marked - RECORD_HEADER_LEN;
    for byte in 0..whole.len() {
        for bit in 0..8 {
            let what = format!("a log with bit {bit} of byte {byte} flipped");
            let damaged = mem_with_dir();
            damaged.write_raw(log_path(dir(), 4), &flipped(&whole, byte, bit));
            let result = Wal::read(&*damaged, dir(), 4);
            if byte < synced {
                assert_corruption(result, &format!("{what}, which had been synced,"));
                continue;
            }
            let contents = result.unwrap_or_else(|error| panic!("{what}: {error}"));
            let got = show_batches(&contents.batches);
            assert!(
                "1: a=1 b=2 | 3: a | 4: c=3 | 5: d=4".starts_with(&got)
                    && got.starts_with("1: a=1 b=2 | 3: a")
                    && contents.log.lost_bytes > 0,
                "{what}: it was read as [{got}], with {} lost bytes",
                contents.log.lost_bytes
            );
        }
    }
}

/// Bytes that are no batch, or more than one, are `Corruption`: no panic, no endless loop, no
/// gigabytes of memory.
///
/// A checksum only says that the bytes are those that were written. The writer may have been
/// another program, or an engine with a bug.
///
/// # Hints
/// - Take every field through the `ByteReader`, which checks lengths.
/// - A count of four billion must not reserve memory for as many operations.
/// - Nothing may be left behind the last operation. No key is empty. Sequence numbers begin at
///   1, and those of the batch must not overflow.
#[test]
fn a_malformed_batch_is_corruption() {
    let sound = encode(7, "apple=red fig= plum");
    let read = decode(&sound).expect("a sound batch is decoded");
    assert_eq!(show_batches(&[read]), "7: apple=red fig= plum");
    for len in 0..sound.len() {
        assert_corruption(
            decode(&sound[..len]),
            &format!("a batch cut to {len} bytes"),
        );
    }
    let longer = [&sound[..], b"\0"].concat();
    assert_corruption(decode(&longer), "a batch with a byte behind it");
    let with = |at: usize, bytes: &[u8]| {
        let mut damaged = sound.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        damaged
    };
    let cases: [(&str, Vec<u8>); 8] = [
        ("count 2 of 3", with(8, &[2])),
        ("count 4 of 3", with(8, &[4])),
        ("four billion operations", with(8, &[0xff; 4])),
        ("a key of no bytes", with(12, &[0, 0])),
        ("a key of 65,535 bytes", with(12, &[0xff; 2])),
        (
            "a value of four billion bytes",
            with(14, &[0xfe, 0xff, 0xff, 0xff]),
        ),
        ("the sequence number 0", with(0, &[0])),
        ("sequence numbers past the last", with(0, &[0xff; 8])),
    ];
    for (what, bytes) in cases {
        assert_corruption(decode(&bytes), &format!("a batch with {what}"));
    }
    let mut empty_key = vec![1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    empty_key.extend([0, 0, 1, 0, 0, 0, b'v']);
    assert_corruption(decode(&empty_key), "a batch whose only key is empty");
}

/// A record whose checksums fit, but whose payload is no batch, is `Corruption` of the log's
/// file; so is one in the middle.
///
/// It was written like that. To leave it out and go on would apply later writes without an
/// earlier one.
///
/// # Hints
/// - Reading a log is reading its records, then decoding each payload; an error of either is an
///   error of both.
/// - The error names the log's file: give `decode_batch` an `Origin` with the path and the
///   record's offset.
#[test]
fn a_sound_record_without_a_batch_is_corruption() {
    let mem = mem_with_dir();
    let file = log_path(dir(), 6);
    let writer = LogWriter::new(6, mem.create(&file).expect("a new file"));
    let write = |bytes: &[u8]| {
        writer
            .append(|payload| payload.extend_from_slice(bytes))
            .expect("append");
    };
    write(&encode(1, "a=1"));
    assert_logged(&mem, 6, "1: a=1", "after one batch");
    write(b"no batch");
    write(&encode(2, "b=2"));
    match Wal::read(&*mem, dir(), 6) {
        Err(Error::Corruption { file: named, .. }) => assert_eq!(named, file),
        other => panic!("a record that is no batch: expected Corruption, not {other:?}"),
    }
}

/// The bytes of one log are no log under the name of another.
///
/// A file restored under the wrong name would otherwise be replayed in the wrong place of
/// history.
///
/// # Hints
/// - The log's id is the memtable's id, in the writer and in the reader.
#[test]
fn a_log_under_another_name_is_none() {
    let mem = mem_with_dir();
    append(&create(&mem, 6), 1, "a=1");
    mem.write_raw(log_path(dir(), 7), &mem.read(log_path(dir(), 6)));
    let contents = read_wal(&mem, 7);
    assert_eq!(show_batches(&contents.batches), "", "log 6, read as log 7");
    assert!(
        contents.log.lost_bytes > 0,
        "all its bytes are reported as lost"
    );
    assert_logged(&mem, 6, "1: a=1", "under its own name");
}
