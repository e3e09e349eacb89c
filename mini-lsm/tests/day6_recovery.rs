//! Day 6 · Recovery: a log whose damage is told from its end, a manifest that is replaced as a whole, and a store that comes back from every crash with all it had promised.

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mini_lsm::byte_reader::Origin;
use mini_lsm::files::{LOCK, MANIFEST, MANIFEST_TMP, log_path, table_path};
use mini_lsm::fs::{CrashPlan, FaultFs, FileSystem, MemFs, OpKind, OpLog, Operation, Verdict};
use mini_lsm::log::{LogContents, LogWriter, RECORD_HEADER_LEN, read_log};
use mini_lsm::manifest::{MANIFEST_LOG_ID, Manifest, TableRecord, Version, VersionEdit};
use mini_lsm::table::TableId;
use mini_lsm::wal::{LoggedBatch, Wal, WalContents, decode_batch, encode_batch};
use mini_lsm::{Durability, Error, LsmOptions, LsmStorage, Result, WriteBatch};

use common::crash::{Map, Workload, scan_all};
use common::golden::check_fields;
use common::model::Model;
use common::rng::Rng;
use common::{DIR, assert_get, entries, key, mem_fs, open, options, path};

/// How long a thread waits for another one that is sure to come if the engine is right.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a thread waits for another one that must not come, if the engine is right. A right
/// engine passes however slow the machine is.
const MOMENT: Duration = Duration::from_millis(150);

/// The directory of the store.
fn dir() -> &'static Path {
    Path::new(DIR)
}

/// A file system in memory with the directory of a store, which is empty.
fn mem_with_dir() -> Arc<MemFs> {
    let mem = mem_fs();
    mem.create_dir_all(dir()).expect("an empty directory");
    mem
}

/// A file system around `mem`, whose operations go through `hook`.
fn hooked(
    mem: &Arc<MemFs>,
    hook: impl Fn(&Operation) -> Verdict + Send + Sync + 'static,
) -> Arc<dyn FileSystem> {
    Arc::new(FaultFs::new(Arc::clone(mem) as Arc<dyn FileSystem>, hook))
}

/// Whether the operation is on the manifest, or on its next edition (a handle keeps the name under
/// which the file was made).
fn is_manifest(op: &Operation) -> bool {
    let name = op.path.file_name();
    name.is_some_and(|name| name == MANIFEST || name == MANIFEST_TMP)
}

fn is_wal(op: &Operation, kind: OpKind) -> bool {
    op.kind == kind && op.has_extension("wal")
}

/// What a power cut leaves.
fn power_cut(mem: &MemFs) -> Arc<MemFs> {
    Arc::new(mem.crash_clone(&CrashPlan::Lose))
}

/// What a kill of the process leaves.
fn kill(mem: &MemFs) -> Arc<MemFs> {
    Arc::new(mem.crash_clone(&CrashPlan::Keep))
}

/// All files of the store with their bytes.
fn files(mem: &MemFs) -> Vec<(String, Vec<u8>)> {
    let names = mem.file_names(DIR);
    names
        .into_iter()
        .map(|name| (name.clone(), mem.read(path(&name))))
        .collect()
}

/// The names of the files that the manifest on disk asks for.
fn files_of_manifest(mem: &MemFs) -> Vec<String> {
    let version = Manifest::load(mem, dir()).expect("the manifest loads");
    let tables = version.tables.keys().map(|id| format!("{:06}.sst", id.0));
    let logs = version.logs.iter().map(|id| format!("{id:06}.wal"));
    tables.chain(logs).collect()
}

/// The file with one bit flipped.
fn flipped(bytes: &[u8], byte: usize, bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[byte] ^= 1 << bit;
    bytes
}

/// A batch from text: `"b=2 c= a"` puts b, gives c an empty value and deletes a.
fn batch(text: &str) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for (key, value) in entries(text) {
        match value {
            Some(value) => batch.put(&key, &value),
            None => batch.delete(&key),
        };
    }
    batch
}

/// The other way round, each batch after its first sequence number: `"1: a=1 b | 3: c=3"`.
fn show_batches(batches: &[LoggedBatch]) -> String {
    let show_batch = |logged: &LoggedBatch| {
        let show_op = |op: &mini_lsm::write_batch::WriteOp| {
            let key = String::from_utf8_lossy(&op.key).into_owned();
            match &op.value {
                Some(value) => format!(" {key}={}", String::from_utf8_lossy(value)),
                None => format!(" {key}"),
            }
        };
        let ops: String = logged.batch.ops().iter().map(show_op).collect();
        format!("{}:{ops}", logged.first_seq)
    };
    let batches: Vec<String> = batches.iter().map(show_batch).collect();
    batches.join(" | ")
}

/// What log `id` of the store holds.
#[track_caller]
fn read_wal(mem: &MemFs, id: u64) -> WalContents {
    Wal::read(mem, dir(), id).unwrap_or_else(|error| panic!("log {id} cannot be read: {error}"))
}

/// Log `id` must hold these batches.
#[track_caller]
fn assert_logged(mem: &MemFs, id: u64, expected: &str, when: &str) {
    let got = show_batches(&read_wal(mem, id).batches);
    assert!(
        got == expected,
        "{when}, log {id} should hold [{expected}], but it holds [{got}]"
    );
}

/// A version in one line: `"tables 3@L0 5@L1, logs 4 6, flushed to 9, ids from 12"`.
fn show_version(version: &Version) -> String {
    let tables = version.tables.iter();
    let tables: String = tables
        .map(|(id, level)| format!(" {}@L{level}", id.0))
        .collect();
    let logs: String = version.logs.iter().map(|id| format!(" {id}")).collect();
    let (seq, next_id) = (version.last_flushed_seq, version.next_id);
    format!("tables{tables}, logs{logs}, flushed to {seq}, ids from {next_id}")
}

/// The version that the manifest describes, in one line.
#[track_caller]
fn load(mem: &MemFs) -> String {
    let version = Manifest::load(mem, dir());
    show_version(&version.unwrap_or_else(|error| panic!("the manifest does not load: {error}")))
}

/// An error, and of this variant.
#[track_caller]
fn assert_corruption<T>(result: Result<T>, what: &str) {
    match result {
        Ok(_) => panic!("{what} was taken as sound: expected Corruption"),
        Err(Error::Corruption { .. }) => {}
        Err(error) => panic!("{what} should be Corruption, but it is: {error:?}"),
    }
}

/// A refusal of a store that takes no more writes.
#[track_caller]
fn assert_background<T>(result: Result<T>, what: &str) {
    match result {
        Ok(_) => panic!("{what} succeeded, though a log or the manifest had failed before"),
        Err(Error::Background(_)) => {}
        Err(error) => panic!("{what} should be Background, but it is: {error:?}"),
    }
}

#[track_caller]
fn put(store: &LsmStorage, key: &str, value: &str) {
    store
        .put(key.as_bytes(), value.as_bytes())
        .unwrap_or_else(|error| panic!("put({key}, {value}) failed: {error}"));
}

/// What the store holds, as text: `"a=1 b=2"`.
#[track_caller]
fn contents(store: &LsmStorage, told: &str) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let entries: Vec<String> = scan_all(store, told)
        .iter()
        .map(|(key, value)| format!("{}={}", text(key), text(value)))
        .collect();
    entries.join(" ")
}

/// The store must hold exactly this.
#[track_caller]
fn assert_contents(store: &LsmStorage, expected: &str, when: &str) {
    let got = contents(store, when);
    assert!(
        got == expected,
        "{when}, the store should hold [{expected}], but it holds [{got}]"
    );
}

/// Opens the store in `mem`, as it was left there.
#[track_caller]
fn reopen(mem: &Arc<MemFs>, when: &str) -> LsmStorage {
    LsmStorage::open(DIR, options(mem))
        .unwrap_or_else(|error| panic!("{when}, the store does not open: {error}"))
}

/// The store in `mem`, once opened, must hold exactly this.
#[track_caller]
fn assert_reopens(mem: &Arc<MemFs>, expected: &str, when: &str) {
    assert_contents(&reopen(mem, when), expected, when);
}

/// Options that sync each write.
fn sync_options(fs: Arc<dyn FileSystem>) -> LsmOptions {
    LsmOptions {
        durability: Durability::Sync,
        ..LsmOptions::for_test(fs)
    }
}

/// Options whose memtables are full after a few writes.
fn small_memtables(fs: Arc<dyn FileSystem>) -> LsmOptions {
    LsmOptions {
        memtable_size: 200,
        ..LsmOptions::for_test(fs)
    }
}

/// Whether `run` comes to its end without a panic.
fn panics_not(run: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_ok()
}

/// Something that happens once, and that threads wait for, though never for ever.
#[derive(Debug, Default)]
struct Signal {
    given: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn give(&self) {
        *self.given.lock().expect("no holder panics") = true;
        self.changed.notify_all();
    }

    /// Whether it came within this time.
    fn wait(&self, limit: Duration) -> bool {
        let given = self.given.lock().expect("no holder panics");
        let (given, _) = self
            .changed
            .wait_timeout_while(given, limit, |given| !*given)
            .expect("no holder panics");
        *given
    }
}

/// A look at a store from within its own hooks.
#[derive(Debug, Default)]
struct Peek(OnceLock<Weak<LsmStorage>>);

impl Peek {
    fn at(&self, store: &Arc<LsmStorage>) {
        self.0
            .set(Arc::downgrade(store))
            .expect("there is one store");
    }

    /// `None` until the store is open.
    fn store(&self) -> Option<Arc<LsmStorage>> {
        self.0.get()?.upgrade()
    }

    /// Waits until the memtable has so many entries; false if that does not happen.
    fn wait_for_entries(&self, count: usize) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let store = self.store().expect("the store is open");
            if store.metrics().memtable.entry_count >= count {
                return true;
            }
            thread::yield_now();
        }
        false
    }
}

mod task_1 {
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
}

mod task_2 {
    use super::*;

    fn create(mem: &MemFs, id: u64) -> Wal {
        Wal::create(mem, dir(), id).unwrap_or_else(|error| panic!("log {id}: {error}"))
    }

    #[track_caller]
    fn append(wal: &Wal, first_seq: u64, text: &str) {
        wal.append(first_seq, &batch(text))
            .unwrap_or_else(|error| panic!("append of \"{text}\": {error}"));
    }

    fn encode(first_seq: u64, text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_batch(first_seq, &batch(text), &mut bytes);
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
        encode_batch(258, &batch("kiwi=green fig= plum"), &mut out);
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
        wal.append(5, &long).expect("append of a long batch");
        assert_eq!(mem.file_names(DIR), ["000012.wal"], "the file of log 12");

        let contents = read_wal(&mem, 12);
        let short = show_batches(&contents.batches[..2.min(contents.batches.len())]);
        assert_eq!(short, "1: a=1 b= c | 4: a", "the first two batches");
        assert_eq!(contents.batches.len(), 3, "the batches in the log");
        let read_long = &contents.batches[2];
        let ops = read_long.batch.ops();
        assert_eq!((read_long.first_seq, ops.len()), (5, 2), "the third batch");
        assert!(ops[0].key == long_key && ops[0].value.as_deref() == Some(&long_value[..]));
        assert!(ops[1].key == b"\0"[..] && ops[1].value.as_deref() == Some(&b"\xff\0"[..]));
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
}

mod task_3 {
    use super::*;

    /// The options of an edit, as text: `"+3@0 -2 log5 oldest4 seq9 next12 format1"`.
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
    /// - `oldest_log` lets go of the logs *below* it. A flush names the log behind the memtable's,
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
                "oldest9",
                "tables 7@L2 8@L2, logs, flushed to 20, ids from 9",
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

    /// An edit that adds what is there, or removes what is not, is refused: by the version, by an
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
        for wrong in ["+3@0", "+3@1", "-4", "+5@0 +5@1", "-3 -3"] {
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
        for text in ["", "log1 next2", "+3@0 +5@6 +9@1 log8 log11 seq42 next12"] {
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

    /// A manifest that holds no snapshot, another format, or something else than edits is
    /// `Corruption`.
    ///
    /// Since a manifest is replaced as a whole, an empty one never comes from a crash. Taken for an
    /// empty store, it would make the next open remove every table as a stray.
    ///
    /// # Hints
    /// - How many edits were there? None is not the same as "nothing in the store".
    /// - The first edit must say the one format that you know; no other edit says any.
    /// - `serde_json` refuses what is not an edit; do not `unwrap` it.
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
        let cases: [(&str, &[&str]); 7] = [
            ("of format 2", &[r#"{"format":2,"next_id":1}"#]),
            ("of no format", &[r#"{"next_id":1}"#]),
            ("whose second edit has a format", &[good, r#"{"format":1}"#]),
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
}

mod task_4 {
    use super::*;

    /// A store in `mem`, whose operations go through `hook` once it is open, and a look at it from
    /// there.
    fn open_watched(
        mem: &Arc<MemFs>,
        make_options: fn(Arc<dyn FileSystem>) -> LsmOptions,
        hook: impl Fn(&LsmStorage, &Operation) -> Verdict + Send + Sync + 'static,
    ) -> Arc<LsmStorage> {
        let peek = Arc::new(Peek::default());
        let peek_in_hook = Arc::clone(&peek);
        let fs = hooked(mem, move |op| match peek_in_hook.store() {
            Some(store) => hook(&store, op),
            None => Verdict::Proceed,
        });
        let store = Arc::new(open(make_options(fs)));
        peek.at(&store);
        store
    }

    fn current_log(store: &LsmStorage) -> u64 {
        store.metrics().memtable.id
    }

    /// The ids of all logs that have a file.
    fn log_ids(mem: &MemFs) -> Vec<u64> {
        let names = mem.file_names(DIR).into_iter();
        let ids = names.filter_map(|name| name.strip_suffix(".wal")?.parse().ok());
        ids.collect()
    }

    /// All logs of the store must be one history: what they hold, one after the other.
    fn history(mem: &MemFs) -> String {
        let logs = log_ids(mem).into_iter();
        let parts: Vec<String> = logs
            .map(|id| show_batches(&read_wal(mem, id).batches))
            .filter(|part| !part.is_empty())
            .collect();
        parts.join(" | ")
    }

    /// What a write would be refused for; the write itself must not be seen.
    #[track_caller]
    fn assert_ended(store: &LsmStorage, when: &str) {
        assert_background(store.put(b"late", b"1"), &format!("put {when}"));
        assert_background(store.delete(b"a"), &format!("delete {when}"));
        assert_background(store.write(batch("late=1 a")), &format!("write {when}"));
        assert_background(store.sync(), &format!("sync {when}"));
        assert_background(store.flush(), &format!("flush {when}"));
        assert_background(store.compact(), &format!("compact {when}"));
        assert!(
            store.metrics().background_error.is_some(),
            "metrics() shows no background error {when}"
        );
        assert_get(store, b"late", None, when);
    }

    /// Every write is in the log of its memtable when it returns: a batch as one record, each
    /// operation with its own sequence number.
    ///
    /// The memtable dies with the process. The log is what is left of it.
    ///
    /// # Hints
    /// - Log the batch before you insert it, under the commit lock, so that log and memtable have
    ///   one order.
    /// - The log's id is the memtable's id.
    /// - An empty batch changes nothing, and needs no record.
    #[test]
    fn a_write_is_in_the_log_when_it_returns() {
        let mem = mem_fs();
        let store = open(options(&mem));
        let id = current_log(&store);
        put(&store, "a", "1");
        assert_logged(&mem, id, "1: a=1", "after put(a, 1)");
        store.delete(b"b").expect("delete");
        store.write(batch("b=2 c= a")).expect("write");
        store.write(WriteBatch::new()).expect("an empty batch");
        put(&store, "d", "4");
        let all = "1: a=1 | 2: b | 3: b=2 c= a | 6: d=4";
        assert_logged(&mem, id, all, "after five writes, of which one was empty");
        assert!(store.put(b"", b"1").is_err(), "an empty key was taken");
        assert_logged(
            &kill(&mem),
            id,
            all,
            "after a write that was refused, and a kill",
        );
        let version = Manifest::load(&*power_cut(&mem), dir()).expect("the manifest loads");
        let logs: Vec<u64> = version.logs.into_iter().collect();
        assert_eq!(logs, [id], "the logs that the manifest names");
    }

    /// A write is in the log before anybody can see it.
    ///
    /// Whoever has read a value may have acted on it. If the process dies now and the log does not
    /// have it, the value never was.
    ///
    /// # Hints
    /// - Log, insert, publish: in this order.
    #[test]
    fn nobody_sees_a_write_before_it_is_logged() {
        let (mem, seen) = (mem_fs(), Arc::new(Mutex::new(Vec::new())));
        let seen_in_hook = Arc::clone(&seen);
        let store = open_watched(&mem, LsmOptions::for_test, move |store, op| {
            if is_wal(op, OpKind::Append) {
                let values = (store.get(b"a"), store.get(b"b"));
                let values = (values.0.expect("get(a)"), values.1.expect("get(b)"));
                seen_in_hook.lock().expect("no hook panics").push(values);
            }
            Verdict::Proceed
        });
        store.write(batch("a=1 b=2")).expect("write");
        store.write(batch("a=3 b=4")).expect("write");
        let text = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        assert_eq!(
            *seen.lock().expect("no hook panics"),
            [(None, None), (text("1"), text("2"))],
            "the values of a and b, just before the two batches reached the log"
        );
        assert_get(&store, b"a", Some(b"3"), "after the second batch");
    }

    /// A new store makes an empty manifest durable before anything else, then a log that the
    /// manifest names; it is locked all the while.
    ///
    /// A log whose manifest is lost in a power cut is a store that does not open: "data files, but
    /// no manifest" is damage, and must stay damage.
    ///
    /// # Hints
    /// - First the manifest: file, name, and the directory's own name in its parent.
    /// - Then the log; then the edit that names it.
    #[test]
    fn a_new_store_begins_with_its_manifest() {
        let (mem, images) = (mem_fs(), Arc::new(Mutex::new(Vec::new())));
        let (source, seen) = (Arc::clone(&mem), Arc::clone(&images));
        let fs = hooked(&mem, move |op| {
            for plan in [CrashPlan::Lose, CrashPlan::Keep, CrashPlan::Zero] {
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
        let store = open(LsmOptions::for_test(fs));
        let id = current_log(&store);
        for (what, image) in images.lock().expect("no hook panics").iter() {
            let names = image.file_names(DIR);
            let has_data = names
                .iter()
                .any(|name| name.ends_with(".wal") || name.ends_with(".sst"));
            if names.iter().any(|name| name == MANIFEST) {
                let version = Manifest::load(image, dir());
                let version =
                    version.unwrap_or_else(|e| panic!("{what}: the manifest is damaged: {e}"));
                for log in version.logs {
                    let is_there = names.contains(&format!("{log:06}.wal"));
                    assert!(
                        is_there,
                        "{what}: the manifest names log {log}, which is not there"
                    );
                }
            } else {
                assert!(
                    !has_data,
                    "{what} leaves data without a manifest: {names:?}"
                );
            }
        }
        let after = power_cut(&mem);
        let version = Manifest::load(&*after, dir()).expect("the manifest loads");
        assert!(
            version.logs.contains(&id),
            "the manifest does not name log {id}"
        );
        assert!(
            version.next_id > id,
            "the manifest calls id {} free",
            version.next_id
        );
        assert_logged(&after, id, "", "in a new store, after a power cut");
        let begun = images.lock().expect("no hook panics").len();
        assert!(begun > 0, "open did nothing to the file system");
        for (what, image) in images.lock().expect("no hook panics").drain(..) {
            if !image.file_names(DIR).iter().any(|name| name == MANIFEST) {
                let store = LsmStorage::open(DIR, options(&Arc::new(image)));
                let store = store
                    .unwrap_or_else(|e| panic!("{what}, of a store that was not there yet: {e}"));
                put(&store, "a", "1");
            }
        }
    }

    /// A directory has one owner: a second `open` is `AlreadyOpen`, and disturbs nothing.
    ///
    /// Two engines on one directory take the same ids for different files, and each removes what
    /// the other needs.
    ///
    /// # Hints
    /// - The file system has `lock`; the file is `LOCK`. Hold what it returns as long as the store
    ///   is open.
    /// - Take it before you write anything.
    #[test]
    fn a_directory_has_one_owner() {
        let mem = mem_fs();
        let store = open(options(&mem));
        put(&store, "a", "1");
        let before = files(&mem);
        for _ in 0..2 {
            match LsmStorage::open(DIR, options(&mem)) {
                Err(Error::AlreadyOpen(owned)) => assert_eq!(owned, dir(), "the directory"),
                Err(error) => panic!("a second open should be AlreadyOpen, not {error:?}"),
                Ok(_) => panic!("two stores are open in one directory"),
            }
        }
        assert!(
            files(&mem) == before,
            "the second open has changed files of the first"
        );
        put(&store, "b", "2");
        assert_logged(
            &mem,
            current_log(&store),
            "1: a=1 | 2: b=2",
            "after a second open",
        );
        let other = LsmStorage::open("/other", options(&mem));
        assert!(other.is_ok(), "another directory has another owner");
    }

    /// A directory that is no store is refused and left alone; one with data but no manifest is
    /// `Corruption`, and is left alone too.
    ///
    /// "No manifest, so it is a new store" would remove the tables of a store whose manifest was
    /// lost, and the photographs of whoever mistyped a path.
    ///
    /// # Hints
    /// - Look before you lock: even `LOCK` does not belong into a directory that is not ours.
    /// - A crash in the first moments leaves `LOCK` and `MANIFEST.tmp` at most: that is a new
    ///   store.
    #[test]
    fn what_is_no_store_is_left_alone() {
        let cases: [(&[&str], bool); 5] = [
            (&["notes.txt"], false),
            (&["1.sst"], false),
            (&["000003.sst"], true),
            (&["000003.wal", "LOCK"], true),
            (&["000003.sst", "000004.wal", "MANIFEST.tmp"], true),
        ];
        for (names, is_store) in cases {
            let mem = mem_with_dir();
            names
                .iter()
                .for_each(|name| mem.write_raw(path(name), b"bytes"));
            let before = files(&mem);
            match LsmStorage::open(DIR, options(&mem)) {
                Ok(_) => panic!("a directory with {names:?} was opened"),
                Err(Error::Corruption { .. }) if is_store => {}
                Err(Error::InvalidArgument(_)) if !is_store => {}
                Err(error) => panic!("a directory with {names:?} is refused by {error:?}"),
            }
            assert!(
                files(&mem) == before,
                "the files of a directory with {names:?} have changed"
            );
        }
        let mem = mem_with_dir();
        mem.write_raw(path(LOCK), b"");
        mem.write_raw(path(MANIFEST_TMP), b"half a manif");
        let store = reopen(&mem, "with LOCK and MANIFEST.tmp from its first moments");
        put(&store, "a", "1");
        assert_logged(&mem, current_log(&store), "1: a=1", "in the new store");
    }

    /// When `sync` has returned, a power cut loses none of the writes before it, in whichever of
    /// the logs they are; and damage to them is not taken for the end of a log.
    ///
    /// Memtables that are frozen are not in tables yet: their logs are as alive as the newest.
    ///
    /// # Hints
    /// - Sync every live log, oldest first: a newer one must not be on disk while part of an older
    ///   one is not.
    /// - Then mark each of them.
    #[test]
    fn sync_covers_every_log() {
        let (mem, ops) = (mem_fs(), OpLog::default());
        let fs = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
        let store = open(small_memtables(Arc::new(fs)));
        let mut expected = Vec::new();
        for i in 0..12 {
            let value = "x".repeat(30);
            put(&store, &format!("k{i}"), &value);
            expected.push(format!("{}: k{i}={value}", i + 1));
        }
        let syncs = ops.count(|op| is_wal(op, OpKind::Sync));
        assert_eq!(
            syncs, 0,
            "syncs of logs, with the default durability and no call of sync()"
        );
        let logs = log_ids(&mem);
        assert!(
            logs.len() >= 3,
            "twelve writes should have filled two memtables"
        );
        store.sync().expect("sync");
        assert_eq!(
            history(&power_cut(&mem)),
            expected.join(" | "),
            "after sync and a power cut"
        );
        let is_sync = |op: &Operation| is_wal(op, OpKind::Sync);
        let synced: Vec<_> = ops
            .operations()
            .into_iter()
            .filter(is_sync)
            .map(|op| op.path)
            .collect();
        let oldest_first: Vec<_> = logs.iter().map(|&id| log_path(dir(), id)).collect();
        assert_eq!(synced, oldest_first, "the logs that were synced, in order");
        for &id in &logs {
            let bytes = mem.read(log_path(dir(), id));
            let last_byte = bytes.len() - RECORD_HEADER_LEN - 1;
            let damaged = mem_with_dir();
            damaged.write_raw(log_path(dir(), id), &flipped(&bytes, last_byte, 0));
            let what = format!("log {id}, of which the last synced batch is damaged,");
            assert_corruption(Wal::read(&*damaged, dir(), id), &what);
        }
    }

    /// When `close` has returned, a power cut loses nothing, and the logs are marked.
    ///
    /// Whoever closes a store switches the machine off next.
    ///
    /// # Hints
    /// - `close` is a `sync`, and then the directory is given free.
    #[test]
    fn close_loses_nothing() {
        let mem = mem_fs();
        let store = open(small_memtables(Arc::clone(&mem) as Arc<dyn FileSystem>));
        for i in 0..6 {
            put(&store, &format!("k{i}"), &"x".repeat(30));
        }
        let before = history(&mem);
        let id = current_log(&store);
        store.close().expect("close");
        assert_eq!(
            history(&power_cut(&mem)),
            before,
            "after close and a power cut"
        );
        let bytes = mem.read(log_path(dir(), id));
        let damaged = mem_with_dir();
        damaged.write_raw(log_path(dir(), id), &flipped(&bytes, 25, 0));
        assert_corruption(
            Wal::read(&*damaged, dir(), id),
            "the damaged log of a store that was closed",
        );
        assert!(
            matches!(store.sync(), Err(Error::Closed)),
            "sync of a closed store"
        );
        assert!(
            matches!(store.put(b"a", b"1"), Err(Error::Closed)),
            "put into a closed store"
        );
        store.close().expect("a second close");
        assert!(
            mem.lock(&path(LOCK)).is_ok(),
            "close has returned, but the directory is still locked"
        );
    }

    /// With `Durability::Sync` a put that returned survives a power cut, also when the memtable
    /// changes under it.
    ///
    /// It is the promise of a bank's "your money has been transferred".
    ///
    /// # Hints
    /// - Log, insert, sync, publish, return.
    /// - Before a new log takes over, the old one is synced: nobody would do it later.
    #[test]
    fn a_durable_put_survives_a_power_cut() {
        let mem = mem_fs();
        let store = open(LsmOptions {
            memtable_size: 200,
            ..sync_options(Arc::clone(&mem) as Arc<dyn FileSystem>)
        });
        for i in 0..12 {
            let key = format!("k{i}");
            put(&store, &key, &"x".repeat(30));
            assert_eq!(
                history(&power_cut(&mem)),
                history(&mem),
                "put({key}) has returned, then the power is cut"
            );
            assert_get(&store, key.as_bytes(), Some(&[b'x'; 30]), "after its put");
        }
        assert!(
            log_ids(&mem).len() >= 3,
            "twelve writes should have filled two memtables"
        );
        store.write(batch("k0 k1=new")).expect("write");
        assert_eq!(history(&power_cut(&mem)), history(&mem), "after a batch");
    }

    /// Writers that wait while a sync runs share the next one; none of their writes is visible
    /// before it is synced.
    ///
    /// An fsync takes milliseconds. Eight writers, each with its own, wait eight times as long as
    /// eight that share; and what is seen before it is safe may be gone after a power cut.
    ///
    /// # Hints
    /// - Let go of the commit lock before you wait: others can log their batches meanwhile.
    /// - The first who waits is the leader: it syncs all that was logged by then. The others wait
    ///   for it, look whether they are covered, and if not one of them leads.
    /// - Publish after the sync, not before.
    #[test]
    fn writers_that_wait_share_a_sync() {
        const WRITERS: usize = 8;
        let (mem, syncs) = (mem_fs(), Arc::new(AtomicUsize::new(0)));
        let (peek, too_early) = (Arc::new(Peek::default()), Arc::new(AtomicUsize::new(0)));
        let is_late = Arc::new(AtomicBool::new(false));
        let (peek_in_hook, early, late) = (
            Arc::clone(&peek),
            Arc::clone(&too_early),
            Arc::clone(&is_late),
        );
        let counted = Arc::clone(&syncs);
        let fs = hooked(&mem, move |op| {
            if is_wal(op, OpKind::Sync) && counted.fetch_add(1, Ordering::SeqCst) == 0 {
                // The first sync lasts until all others have logged their batches.
                late.store(!peek_in_hook.wait_for_entries(WRITERS), Ordering::SeqCst);
                let store = peek_in_hook.store().expect("the store is open");
                let seen = (0..WRITERS).filter(|&i| store.get(&key(i)).is_ok_and(|v| v.is_some()));
                early.store(seen.count(), Ordering::SeqCst);
            }
            Verdict::Proceed
        });
        let store = Arc::new(open(sync_options(fs)));
        peek.at(&store);
        thread::scope(|scope| {
            for i in 0..WRITERS {
                let (store, mem) = (&store, &mem);
                scope.spawn(move || {
                    store.put(&key(i), b"v").expect("put");
                    assert_get(store, &key(i), Some(b"v"), "after its put returned");
                    let kept = show_batches(&read_wal(&power_cut(mem), current_log(store)).batches);
                    let name = String::from_utf8(key(i)).expect("text");
                    assert!(
                        kept.contains(&name),
                        "put({name}) has returned, then a power cut took it"
                    );
                });
            }
        });
        assert!(
            !is_late.load(Ordering::SeqCst),
            "while the first sync ran, the other {} writers could not log their batches",
            WRITERS - 1
        );
        let early = too_early.load(Ordering::SeqCst);
        assert_eq!(
            early, 0,
            "writes that were visible before the first sync had returned"
        );
        let syncs = syncs.load(Ordering::SeqCst);
        assert!(
            syncs <= WRITERS / 2,
            "{WRITERS} writers, of whom all but one came during the first sync, took {syncs} syncs"
        );
    }

    /// A sync covers what was logged when it began: a write that came later is neither visible nor
    /// acknowledged by it, and fails if its own sync fails.
    ///
    /// A leader that asks only afterwards how far the log reaches promises what no fsync has seen.
    ///
    /// # Hints
    /// - Note the last sequence number *before* the sync, together with the log, under the commit
    ///   lock.
    /// - A failed sync is no reason to forget what an earlier one has made safe.
    #[test]
    fn a_sync_covers_only_what_came_before_it() {
        let (mem, syncs) = (mem_fs(), AtomicUsize::new(0));
        let (peek, is_held) = (Arc::new(Peek::default()), Arc::new(Signal::default()));
        let (peek_in_hook, held) = (Arc::clone(&peek), Arc::clone(&is_held));
        let fs = hooked(&mem, move |op| {
            if !is_wal(op, OpKind::Sync) {
                return Verdict::Proceed;
            }
            match syncs.fetch_add(1, Ordering::SeqCst) {
                0 => {
                    held.give();
                    peek_in_hook.wait_for_entries(2);
                    Verdict::Proceed
                }
                _ => Verdict::Fail(std::io::ErrorKind::Other),
            }
        });
        let store = Arc::new(open(sync_options(fs)));
        peek.at(&store);
        let (first, second) = thread::scope(|scope| {
            let first = scope.spawn(|| store.put(b"first", b"1"));
            assert!(
                is_held.wait(PATIENCE),
                "put(first) has not asked for a sync"
            );
            let second = scope.spawn(|| store.put(b"second", b"2"));
            (
                first.join().expect("no panic"),
                second.join().expect("no panic"),
            )
        });
        assert!(
            first.is_ok(),
            "put(first) was synced, but failed: {first:?}"
        );
        assert_get(&store, b"first", Some(b"1"), "after its sync");
        assert!(
            second.is_err(),
            "the sync of put(second) failed, but it gave Ok"
        );
        assert_get(&store, b"second", None, "after its sync failed");
        assert_ended(&store, "after a failed sync");
    }

    /// When a log cannot be synced, the write fails, it is never seen, and no other write is taken;
    /// reads go on.
    ///
    /// After a failed fsync nobody knows what is on disk, and asking again proves nothing. Whoever
    /// goes on writing builds on a hole.
    ///
    /// # Hints
    /// - Keep the error: `Health` does. Every write asks it first.
    /// - The memtable has the value already; what keeps it from being seen?
    /// - No flush and no compaction either: they would put the value into a table, and tables are
    ///   seen.
    #[test]
    fn a_failed_sync_ends_all_writing() {
        let (mem, ops) = (mem_fs(), OpLog::default());
        let (fails, watched) = (Arc::new(AtomicBool::new(false)), ops.clone());
        let asked = Arc::clone(&fails);
        let fs = hooked(&mem, move |op| {
            watched.record(op);
            match is_wal(op, OpKind::Sync) && asked.swap(false, Ordering::SeqCst) {
                true => Verdict::Fail(std::io::ErrorKind::Other),
                false => Verdict::Proceed,
            }
        });
        let store = open(sync_options(fs));
        put(&store, "a", "1");
        store.flush().expect("flush");
        put(&store, "b", "2");
        fails.store(true, Ordering::SeqCst);
        assert!(
            store.put(b"b", b"3").is_err(),
            "the sync of put(b, 3) failed, but it gave Ok"
        );
        ops.clear();
        for _ in 0..2 {
            assert_ended(&store, "after a failed sync");
            assert_get(&store, b"a", Some(b"1"), "after a failed sync");
            assert_get(&store, b"b", Some(b"2"), "after put(b, 3) failed");
            assert_contents(&store, "a=1 b=2", "after put(b, 3) failed");
        }
        store.close().expect("close");
        let changes = ops.count(|op| {
            matches!(
                op.kind,
                OpKind::Append | OpKind::Sync | OpKind::Create | OpKind::Rename
            )
        });
        assert_eq!(changes, 0, "files were written after a sync had failed");
    }

    /// When a log cannot be written, or `sync` fails, the same: that write and all later ones are
    /// refused, and what was seen before stays.
    ///
    /// Half a record may be in the log; another behind it could never be read.
    ///
    /// # Hints
    /// - An error of the log's `append` is the end of writing as well, whatever the durability.
    /// - What failed to be logged does not go into the memtable.
    #[test]
    fn a_log_that_fails_ends_all_writing() {
        for (failing, verdict) in [
            (OpKind::Append, Verdict::Short(9)),
            (
                OpKind::Append,
                Verdict::Fail(std::io::ErrorKind::StorageFull),
            ),
            (OpKind::Sync, Verdict::Fail(std::io::ErrorKind::Other)),
        ] {
            let (mem, fails) = (mem_fs(), Arc::new(AtomicBool::new(false)));
            let asked = Arc::clone(&fails);
            let fs = hooked(&mem, move |op| {
                match is_wal(op, failing) && asked.swap(false, Ordering::SeqCst) {
                    true => verdict,
                    false => Verdict::Proceed,
                }
            });
            let store = open(LsmOptions::for_test(fs));
            store.write(batch("a=1 b=2")).expect("write");
            fails.store(true, Ordering::SeqCst);
            let when = format!("after {verdict:?} at a log's {failing:?}");
            match failing {
                OpKind::Append => {
                    let failed = store.write(batch("a=3 c=4"));
                    assert!(failed.is_err(), "{when}, write gave Ok");
                }
                _ => assert!(store.sync().is_err(), "{when}, sync gave Ok"),
            }
            assert_ended(&store, &when);
            assert_contents(&store, "a=1 b=2", &when);
            assert!(store.close().is_ok(), "{when}, close failed");
        }
    }

    /// A write whose sync failed stays unseen, also if another sync of the same log, begun by a
    /// flush, goes well right afterwards.
    ///
    /// The kernel has thrown the pages away and calls them clean: the later fsync says nothing of
    /// them. An engine that believes it shows a write that it has reported as failed, and that is
    /// not on disk.
    ///
    /// # Hints
    /// - One sync of a log at a time; and after a failed one, none.
    /// - Look at your `LogWriter::sync`: who remembers that it has failed?
    #[test]
    fn no_later_sync_undoes_a_failure() {
        let (mem, syncs) = (mem_fs(), AtomicUsize::new(0));
        let signals = [(); 3].map(|()| Arc::new(Signal::default()));
        let [first_began, second_began, put_failed] = signals.clone();
        let fs = hooked(&mem, move |op| {
            if !is_wal(op, OpKind::Sync) {
                return Verdict::Proceed;
            }
            match syncs.fetch_add(1, Ordering::SeqCst) {
                0 => {
                    first_began.give();
                    // It need not come: if the engine has one sync at a time, it never does.
                    second_began.wait(MOMENT);
                    Verdict::Fail(std::io::ErrorKind::Other)
                }
                _ => {
                    second_began.give();
                    put_failed.wait(PATIENCE);
                    Verdict::Proceed
                }
            }
        });
        let store = open(sync_options(fs));
        let [first_began, _, put_failed] = signals;
        let outcome = thread::scope(|scope| {
            let put = scope.spawn(|| {
                let outcome = store.put(b"a", b"1");
                put_failed.give();
                outcome
            });
            assert!(
                first_began.wait(PATIENCE),
                "put(a, 1) has not asked for a sync"
            );
            // Its outcome is no matter: it may be refused, or have been quick enough.
            let _ = store.flush();
            put.join().expect("no panic")
        });
        assert!(
            outcome.is_err(),
            "the sync of put(a, 1) failed, but it gave Ok"
        );
        assert_get(&store, b"a", None, "after put(a, 1) failed");
    }

    /// A full memtable's successor has a log of its own, whose file and place in the manifest are
    /// durable before anything is written to it.
    ///
    /// A log that is not named is a stray, and strays are removed: with everything in it.
    ///
    /// # Hints
    /// - Create the log, sync its name, record it in the manifest, and only then swap the memtable.
    /// - All of it under the commit lock, so that no batch goes into the old log meanwhile.
    #[test]
    fn a_log_is_named_before_it_is_written() {
        let (mem, checked) = (mem_fs(), Arc::new(AtomicU64::new(0)));
        let (source, count) = (Arc::clone(&mem), Arc::clone(&checked));
        let fs = hooked(&mem, move |op| {
            if is_wal(op, OpKind::Append) {
                let after = power_cut(&source);
                let version = Manifest::load(&*after, dir()).expect("the manifest loads");
                let name = op
                    .path
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                let named = version.logs.iter().any(|id| format!("{id:06}.wal") == name);
                let is_there = after.file_names(DIR).contains(&name);
                assert!(
                    named,
                    "{name} is written, but a power cut would leave it without a place in the manifest"
                );
                assert!(
                    is_there,
                    "{name} is written, but a power cut would take the file"
                );
                count.fetch_add(1, Ordering::SeqCst);
            }
            Verdict::Proceed
        });
        let store = open(small_memtables(fs));
        let mut logs = Vec::new();
        for i in 0..12 {
            put(&store, &format!("k{i}"), &"x".repeat(30));
            logs.push(current_log(&store));
        }
        logs.dedup();
        assert!(
            logs.len() >= 3,
            "twelve writes should have filled two memtables"
        );
        assert_eq!(
            log_ids(&mem),
            logs,
            "the logs are those of the memtables, one each"
        );
        assert!(
            checked.load(Ordering::SeqCst) >= 12,
            "twelve writes to logs"
        );
        let counts: Vec<usize> = logs
            .iter()
            .map(|&id| read_wal(&mem, id).batches.len())
            .collect();
        let metrics = store.metrics();
        let frozen = metrics
            .frozen
            .iter()
            .rev()
            .map(|memtable| memtable.entry_count);
        let memtables: Vec<usize> = frozen.chain([metrics.memtable.entry_count]).collect();
        assert_eq!(counts, memtables, "each log holds what its memtable holds");
    }

    /// A flush records its table in the manifest before it removes the memtable's log, and both
    /// survive a power cut.
    ///
    /// For a moment the data is in two places; never in none.
    ///
    /// # Hints
    /// - The table's file and name are durable already: `finish` did that.
    /// - One edit: the table comes, the log goes. Then the state, and last of all the file.
    #[test]
    fn a_log_goes_when_its_table_is_named() {
        let (mem, removed) = (mem_fs(), Arc::new(AtomicU64::new(0)));
        let (source, count) = (Arc::clone(&mem), Arc::clone(&removed));
        let fs = hooked(&mem, move |op| {
            if is_wal(op, OpKind::Remove) {
                let version =
                    Manifest::load(&*power_cut(&source), dir()).expect("the manifest loads");
                let name = op
                    .path
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                let is_named = version.logs.iter().any(|id| format!("{id:06}.wal") == name);
                assert!(
                    !is_named,
                    "{name} is removed, but a power cut would leave a manifest that names it"
                );
                let tables = version.tables.len() as u64;
                let so_far = count.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(
                    tables >= so_far,
                    "{name} is removed, but its table is not in the manifest for good"
                );
            }
            Verdict::Proceed
        });
        let store = open(LsmOptions::for_test(fs));
        for (i, text) in ["a=1 b=2", "a c=3", "b=4"].into_iter().enumerate() {
            store.write(batch(text)).expect("write");
            store.flush().expect("flush");
            let version = Manifest::load(&*power_cut(&mem), dir()).expect("the manifest loads");
            let logs: Vec<u64> = version.logs.iter().copied().collect();
            assert_eq!(
                logs,
                [current_log(&store)],
                "the logs in the manifest after flush {i}"
            );
            assert_eq!(
                log_ids(&mem),
                logs,
                "the logs that have a file after flush {i}"
            );
            let in_manifest: Vec<(TableId, usize)> = version.tables.into_iter().collect();
            let tables = store.metrics().levels[0]
                .iter()
                .rev()
                .map(|t| (t.id, 0))
                .collect::<Vec<_>>();
            assert_eq!(
                in_manifest, tables,
                "the tables in the manifest after flush {i}"
            );
            assert_eq!(
                version.last_flushed_seq,
                [2, 4, 5][i],
                "what is in tables after flush {i}"
            );
        }
        assert_eq!(
            removed.load(Ordering::SeqCst),
            3,
            "logs removed by three flushes"
        );
        store.flush().expect("a flush of nothing");
        assert_eq!(
            store.metrics().levels[0].len(),
            3,
            "tables after a flush of nothing"
        );
        assert_get(&store, b"b", Some(b"4"), "after three flushes");
    }

    /// A compaction records what it did before the files of its inputs go, and the manifest then
    /// has the levels that readers see.
    ///
    /// After a power cut the manifest names either the inputs or the outputs; whichever it is must
    /// be there.
    ///
    /// # Hints
    /// - `install` records the edit and swaps the state under the manifest's lock.
    /// - The inputs are let go of after that.
    #[test]
    fn a_compaction_is_named_before_its_inputs_go() {
        let (mem, removed) = (mem_fs(), Arc::new(AtomicU64::new(0)));
        let (source, count) = (Arc::clone(&mem), Arc::clone(&removed));
        let fs = hooked(&mem, move |op| {
            if op.kind == OpKind::Remove && op.has_extension("sst") {
                let version =
                    Manifest::load(&*power_cut(&source), dir()).expect("the manifest loads");
                let is_named = version
                    .tables
                    .keys()
                    .any(|&id| table_path(dir(), id) == op.path);
                let name = op.path.display();
                assert!(
                    !is_named,
                    "{name} is removed, but a power cut would leave a manifest that names it"
                );
                count.fetch_add(1, Ordering::SeqCst);
            }
            Verdict::Proceed
        });
        let store = open(LsmOptions::for_test(fs));
        for text in ["a=1 b=2", "a c=3", "b=4"] {
            store.write(batch(text)).expect("write");
            store.flush().expect("flush");
        }
        store.compact().expect("compact");
        assert_eq!(
            removed.load(Ordering::SeqCst),
            3,
            "tables removed by a compaction of three"
        );
        let version = Manifest::load(&*power_cut(&mem), dir()).expect("the manifest loads");
        let levels = store.metrics().levels.into_iter().enumerate();
        let levels: Vec<(TableId, usize)> = levels
            .flat_map(|(level, tables)| tables.into_iter().map(move |table| (table.id, level)))
            .collect();
        let in_manifest: Vec<_> = version.tables.into_iter().collect();
        assert_eq!(in_manifest, levels, "the tables and levels in the manifest");
        assert_contents(&store, "b=4 c=3", "after a compaction");
    }

    /// When the manifest cannot be written, a flush fails and removes nothing, a write that needs a
    /// new log fails, and no more writes are taken.
    ///
    /// Nobody knows whether the edit is on disk. The log is still needed if it is not.
    ///
    /// # Hints
    /// - An error of the manifest is the end of writing, like one of a log.
    /// - The log is removed after the edit, and only if that went well.
    #[test]
    fn a_manifest_that_fails_ends_all_writing() {
        for failing in [OpKind::Append, OpKind::Sync] {
            for by_flush in [true, false] {
                let (mem, fails) = (mem_fs(), Arc::new(AtomicBool::new(false)));
                let (asked, is_open) = (Arc::clone(&fails), Arc::new(AtomicBool::new(false)));
                let opened = Arc::clone(&is_open);
                let fs = hooked(&mem, move |op| {
                    let table_is_written = op.kind == OpKind::Sync && op.has_extension("sst");
                    if opened.load(Ordering::SeqCst) && table_is_written == by_flush {
                        asked.store(true, Ordering::SeqCst);
                        opened.store(false, Ordering::SeqCst);
                    }
                    let is_asked = is_manifest(op) && op.kind == failing;
                    match is_asked && asked.swap(false, Ordering::SeqCst) {
                        true => Verdict::Fail(std::io::ErrorKind::Other),
                        false => Verdict::Proceed,
                    }
                });
                let store = open(small_memtables(fs));
                put(&store, "a", "1");
                let before = history(&mem);
                is_open.store(true, Ordering::SeqCst);
                let when = format!("after a failed {failing:?} of the manifest");
                let failed = match by_flush {
                    true => store.flush().is_err(),
                    false => (0..20).any(|i| store.put(&key(i), &[b'x'; 30]).is_err()),
                };
                assert!(failed, "{when}, flush and put gave Ok");
                assert_ended(&store, &when);
                assert_get(&store, b"a", Some(b"1"), &when);
                assert!(
                    history(&mem).starts_with(&before),
                    "{when}, the log is gone, with what may be nowhere else"
                );
            }
        }
    }

    /// When `close` has returned, nothing of the store touches its directory any more: not even a
    /// flush that another thread had begun.
    ///
    /// The directory may have another owner by then. A table that is created under its feet takes
    /// an id that it takes, too. What is in the directory then is a whole store.
    ///
    /// # Hints
    /// - `close` waits for background threads. Who waits for a caller of `flush` or `compact`?
    /// - Whoever writes a table holds a lock. Take it before you give the directory free; mind the
    ///   order of locks.
    #[test]
    fn nothing_touches_the_directory_after_close() {
        #[derive(Debug)]
        struct HoldFlush {
            begun: Arc<Signal>,
            closed: Arc<Signal>,
        }
        impl mini_lsm::EventListener for HoldFlush {
            fn on_event(&self, event: &mini_lsm::Event) {
                if matches!(event, mini_lsm::Event::FlushBegun { .. }) {
                    self.begun.give();
                    // It need not come: if the engine waits for the flush, close cannot have
                    // returned.
                    self.closed.wait(MOMENT);
                }
            }
        }
        let (mem, ops) = (mem_fs(), OpLog::default());
        let (begun, closed) = (Arc::new(Signal::default()), Arc::new(Signal::default()));
        let fs = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
        let store = open(LsmOptions {
            listener: Arc::new(HoldFlush {
                begun: Arc::clone(&begun),
                closed: Arc::clone(&closed),
            }),
            ..LsmOptions::for_test(Arc::new(fs))
        });
        put(&store, "a", "1");
        thread::scope(|scope| {
            // Its outcome is no matter: it is done, or it is refused.
            scope.spawn(|| store.flush());
            assert!(begun.wait(PATIENCE), "flush has not begun");
            store.close().expect("close");
            ops.clear();
            closed.give();
        });
        let late: Vec<String> = ops
            .operations()
            .iter()
            .filter(|op| op.kind.is_change())
            .map(|op| format!("{:?} {}", op.kind, op.path.display()))
            .collect();
        assert!(
            late.is_empty(),
            "close had returned, and then: {}",
            late.join(", ")
        );
        assert!(
            mem.lock(&path(LOCK)).is_ok(),
            "the directory is still locked"
        );
        let names = mem.file_names(DIR);
        for needed in files_of_manifest(&mem) {
            assert!(
                names.contains(&needed),
                "the manifest of the closed store names {needed}, which is not there"
            );
        }
    }

    /// A store that is dropped without `close` gives the directory free, and adds nothing to its
    /// logs.
    ///
    /// Dropping is a kill: what was promised is kept, and no more. A `Drop` that syncs hides from
    /// you that your `put` does not keep its promise.
    ///
    /// # Hints
    /// - The lock goes with the store; so must every thread that works for it.
    #[test]
    fn a_drop_is_a_kill() {
        let (mem, ops) = (mem_fs(), OpLog::default());
        let fs = FaultFs::logged(Arc::clone(&mem) as Arc<dyn FileSystem>, &ops);
        let store = open(LsmOptions::for_test(Arc::new(fs)));
        put(&store, "a", "1");
        let id = current_log(&store);
        ops.clear();
        drop(store);
        let changes = ops.count(|op| op.kind.is_change());
        assert_eq!(changes, 0, "changes of files when the store was dropped");
        assert_logged(&mem, id, "1: a=1", "after a drop");
        assert!(
            mem.lock(&path(LOCK)).is_ok(),
            "the store is dropped, but the directory is still locked"
        );
        assert_eq!(
            mem.open_handles(),
            0,
            "files that the dropped store has left open"
        );
    }
}

mod task_5 {
    use super::*;

    /// How a store may end.
    #[derive(Clone, Copy, Debug)]
    enum End {
        Close,
        Drop,
    }

    #[track_caller]
    fn end(store: LsmStorage, how: End) {
        if let End::Close = how {
            store.close().expect("close");
        }
    }

    /// A store with a table below L0, one in L0, two logs with a batch each, and what they hold.
    #[track_caller]
    fn sample(how: End) -> (Arc<MemFs>, &'static str) {
        let mem = mem_fs();
        let store = open(LsmOptions {
            // Each write is frozen by the next.
            memtable_size: 1,
            ..options(&mem)
        });
        store.write(batch("a=1 b=2 old=1")).expect("write");
        store.compact().expect("compact");
        store.write(batch("b=3 c= old")).expect("write");
        store.flush().expect("flush");
        store.write(batch("d=4 a")).expect("write");
        store.write(batch("e=5 d=6")).expect("write");
        store.sync().expect("sync");
        assert_eq!(
            store.metrics().frozen.len(),
            1,
            "frozen memtables of the sample"
        );
        end(store, how);
        (mem, "b=3 c= d=6 e=5")
    }

    /// A log made by hand: id, first sequence number, batches (separated by `|`), and whether they are
    /// synced and marked.
    type LogByHand = (u64, u64, &'static str, bool);

    /// A store made by hand: an empty manifest that names these logs, and the logs.
    fn by_hand(logs: &[LogByHand]) -> Arc<MemFs> {
        let mem = mem_with_dir();
        mem.write_raw(path(LOCK), b"");
        for &(id, mut seq, batches, is_synced) in logs {
            let wal = Wal::create(&*mem, dir(), id).expect("a new log");
            for text in batches.split('|').filter(|text| !text.trim().is_empty()) {
                let batch = batch(text);
                wal.append(seq, &batch).expect("append");
                seq += batch.len() as u64;
            }
            if is_synced {
                wal.sync().expect("sync");
                wal.mark().expect("mark");
            }
        }
        let version = Version {
            logs: logs.iter().map(|log| log.0).collect(),
            next_id: 100,
            ..Version::default()
        };
        Manifest::create(mem.clone(), dir(), version).expect("a new manifest");
        mem
    }

    /// What was in a store is in it when it is opened again, whether it was closed, or dropped like
    /// a process that is killed; and newer goes on hiding older.
    ///
    /// It is what "database" means.
    ///
    /// # Hints
    /// - Tables: from the manifest. What is not in tables: from the logs, oldest first.
    /// - L0 has the newest table first, and a larger id is newer.
    /// - New writes go on behind the last sequence number that was found.
    #[test]
    fn a_store_comes_back() {
        for how in [End::Close, End::Drop] {
            let (mem, expected) = sample(how);
            let store = reopen(&mem, &format!("{how:?}d"));
            assert_contents(&store, expected, &format!("after {how:?} and a reopening"));
            let levels: Vec<usize> = store.metrics().levels.iter().map(Vec::len).collect();
            assert!(
                levels[0] >= 2,
                "L0 has the old table, and what was replayed: {levels:?}"
            );
            assert_eq!(
                levels[1..].iter().sum::<usize>(),
                1,
                "tables below L0, of {levels:?}"
            );
            drop(store);
        }
        let mem = mem_fs();
        for round in 0..6 {
            let store = reopen(&mem, "between two rounds");
            let round_text = round.to_string();
            if round > 0 {
                let before = (round - 1).to_string();
                assert_get(&store, b"k", Some(before.as_bytes()), "after a reopening");
            }
            put(&store, "k", "overwritten");
            if round % 2 == 0 {
                store.flush().expect("flush");
            }
            put(&store, "k", &round_text);
            end(
                store,
                if round % 3 == 0 {
                    End::Close
                } else {
                    End::Drop
                },
            );
        }
        let store = reopen(&mem, "after six rounds");
        store.compact().expect("compact");
        assert_contents(&store, "k=5", "after six rounds and a compaction");
    }

    /// What was synced survives a power cut; what was only written may be lost, but never an
    /// earlier write without the later ones, and never half a batch.
    ///
    /// "The last seconds are gone" can be explained to a user. "The order is there, the payment is
    /// not" cannot.
    ///
    /// # Hints
    /// - Replay stops for good at the first gap.
    /// - A batch is one record.
    #[test]
    fn a_power_cut_costs_a_suffix_at_most() {
        let mem = mem_fs();
        let store = open(LsmOptions {
            memtable_size: 700,
            ..options(&mem)
        });
        let mut states = vec![Map::new()];
        for i in 0..30 {
            let mut state = states[i].clone();
            let (even, odd, shared) = (key(2 * i), key(2 * i + 1), key(1000));
            let mut batch = WriteBatch::new();
            for key in [&even, &odd, &shared] {
                let value = format!("value{i}").into_bytes();
                batch.put(key, &value);
                state.insert(key.clone(), value);
            }
            store.write(batch).expect("write");
            states.push(state);
            if i == 14 {
                store.sync().expect("sync");
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        let random = (0..60).map(|seed| CrashPlan::Random { seed });
        let torn = (0..160).map(|i| CrashPlan::TornAfter { bytes: 3 * i });
        let plain = [CrashPlan::Lose, CrashPlan::Zero, CrashPlan::Keep];
        for plan in plain.into_iter().chain(torn).chain(random) {
            let told = format!("after a power cut ({plan:?})");
            let store = reopen(&Arc::new(mem.crash_clone(&plan)), &told);
            let map = scan_all(&store, &told);
            let Some(count) = states.iter().position(|state| *state == map) else {
                panic!(
                    "{told}, the store holds {} keys that are no prefix of its 30 batches, each of three keys",
                    map.len()
                );
            };
            assert!(
                count >= 15,
                "{told}, only {count} batches are there: 15 had been synced"
            );
            if plan == CrashPlan::Keep {
                assert_eq!(count, 30, "batches after a kill");
            }
            seen.insert(count);
        }
        assert!(
            seen.len() >= 5,
            "the crashes left different prefixes: {seen:?}"
        );
    }

    /// With `Durability::Sync` every put that returned is there after a power cut, whatever happens
    /// to unsynced data.
    ///
    /// The promise is only worth what the reopened store holds.
    ///
    /// # Hints
    /// - The logs are on disk (task 4). Does recovery read all of them?
    #[test]
    fn every_durable_put_is_there_after_a_power_cut() {
        let mem = mem_fs();
        let store = open(LsmOptions {
            memtable_size: 200,
            ..sync_options(Arc::clone(&mem) as Arc<dyn FileSystem>)
        });
        let mut model = Model::default();
        for i in 0..25 {
            model.put(&store, &key(i % 7), format!("value{i}").as_bytes());
            if i == 12 {
                store.flush().expect("flush");
            }
            let random = CrashPlan::Random { seed: i as u64 };
            for plan in [CrashPlan::Lose, CrashPlan::Zero, random] {
                let told = format!("put {i} has returned, then the power is cut ({plan:?})");
                let after = reopen(&Arc::new(mem.crash_clone(&plan)), &told);
                model.check_all(&after, 7, &told);
            }
        }
    }

    /// Before and after: the lock is free after `close`, after a drop, after an `open` that failed,
    /// and in what a crash leaves; while a store is open it is not.
    ///
    /// A lock that outlives its owner keeps the owner out.
    ///
    /// # Hints
    /// - The guard belongs to the store. Where is it if `open` fails half-way?
    /// - A reader that is still open holds tables, not the store.
    #[test]
    fn the_directory_is_free_when_its_owner_is_gone() {
        let mem = mem_fs();
        let store = open(options(&mem));
        put(&store, "a", "1");
        let is_taken = |mem: &Arc<MemFs>| {
            matches!(
                LsmStorage::open(DIR, options(mem)),
                Err(Error::AlreadyOpen(_))
            )
        };
        assert!(is_taken(&mem), "a second open of an open store");
        assert_reopens(&kill(&mem), "a=1", "in what a kill leaves");
        store.close().expect("close");
        let second = reopen(&mem, "after close, though the closed store is still there");
        assert!(is_taken(&mem), "a second open after a reopening");
        let mut scan = second.scan(..).expect("scan");
        drop(second);
        let third = reopen(&mem, "after a drop, though a cursor is still there");
        assert_eq!(
            common::rest_of_scan(&mut scan).len(),
            1,
            "what the cursor still reads"
        );
        drop(third);
        let manifest = mem.read(path(MANIFEST));
        mem.write_raw(path(MANIFEST), b"");
        assert_corruption(LsmStorage::open(DIR, options(&mem)), "an empty manifest");
        mem.write_raw(path(MANIFEST), &manifest);
        assert_reopens(&mem, "a=1", "after an open that failed");
    }

    /// A write that failed is either in the reopened store or not; but the store opens, has all
    /// that had succeeded, and stays as it is from then on.
    ///
    /// After a failed write nobody can know. What must not happen is that it comes, is seen, and
    /// goes.
    ///
    /// # Hints
    /// - What recovery shows it has put into tables before.
    /// - Half a record at the end of a log is a torn tail.
    #[test]
    fn a_failed_write_is_settled_by_the_next_open() {
        for (failing, verdict) in [
            (OpKind::Append, Verdict::Short(31)),
            (OpKind::Append, Verdict::Short(1)),
            (
                OpKind::Append,
                Verdict::Fail(std::io::ErrorKind::StorageFull),
            ),
            (OpKind::Sync, Verdict::Fail(std::io::ErrorKind::Other)),
        ] {
            let (mem, fails) = (mem_fs(), Arc::new(AtomicBool::new(false)));
            let asked = Arc::clone(&fails);
            let fs = hooked(&mem, move |op| {
                match is_wal(op, failing) && asked.load(Ordering::SeqCst) {
                    true => verdict,
                    false => Verdict::Proceed,
                }
            });
            let store = open(sync_options(fs));
            store.write(batch("a=1 b=2")).expect("write");
            fails.store(true, Ordering::SeqCst);
            let when = format!("after {verdict:?} at a log's {failing:?}");
            assert!(
                store.write(batch("a=3 c=4")).is_err(),
                "{when}, write gave Ok"
            );
            assert!(store.put(b"d", b"5").is_err(), "{when}, put gave Ok");
            drop(store);
            let store = reopen(&mem, &when);
            let settled = contents(&store, &when);
            assert!(
                ["a=1 b=2", "a=3 b=2 c=4"].contains(&settled.as_str()),
                "{when}, the reopened store holds [{settled}]"
            );
            assert_reopens(
                &power_cut(&mem),
                &settled,
                &format!("{when}, a reopening and a power cut"),
            );
            put(&store, "e", "6");
            drop(store);
            assert_reopens(
                &mem,
                &format!("{settled} e=6"),
                &format!("{when}, and a new put"),
            );
        }
    }

    /// Files with our names that nothing needs are removed by `open`; all others are left alone.
    ///
    /// A crash between creating a file and naming it leaves one; without this a disk fills up with
    /// them. But a directory may hold a user's notes as well.
    ///
    /// # Hints
    /// - `FileKind::parse` knows our names; whatever it does not know is not ours.
    /// - Last of all, when the new manifest is durable: until then nobody knows for sure what is
    ///   needed.
    #[test]
    fn strays_are_removed_and_nothing_else() {
        let (mem, expected) = sample(End::Drop);
        let strays = ["000900.sst", "000901.wal", "1234567.sst", MANIFEST_TMP];
        let foreign = [
            "notes.txt",
            "7.sst",
            "000009.sst.bak",
            "0000009.wal",
            "MANIFEST.old",
            "000009",
        ];
        strays
            .iter()
            .for_each(|name| mem.write_raw(path(name), b"stray"));
        foreign
            .iter()
            .for_each(|name| mem.write_raw(path(name), b"foreign"));
        mem.create_dir_all(&path("photos")).expect("a directory");
        let store = reopen(&mem, "with strays");
        assert_contents(&store, expected, "with strays");
        let names = mem.file_names(DIR);
        for name in strays {
            assert!(
                !names.contains(&name.to_owned()),
                "{name} is a stray, and still there"
            );
        }
        for name in foreign {
            assert!(
                names.contains(&name.to_owned()),
                "{name} is not ours, and was removed"
            );
            assert_eq!(mem.read(path(name)), b"foreign", "the bytes of {name}");
        }
        assert!(
            mem.dir_exists(&path("photos")).expect("look up"),
            "the directory photos is gone"
        );
        assert_eq!(store.metrics().failed_removals, 0, "removals that failed");
        let mut needed = files_of_manifest(&mem);
        needed.extend([MANIFEST, LOCK].map(str::to_owned));
        needed.extend(foreign.map(str::to_owned));
        needed.sort();
        assert_eq!(names, needed, "the files of the reopened store");
    }

    /// A stray may have the greatest number there is. That is no reason to panic.
    ///
    /// The next id is above every id on disk, and there is none above this one.
    ///
    /// # Hints
    /// - `checked_add`. An error is fine, and so is a store that opens: but no id twice.
    #[test]
    fn the_greatest_id_is_no_panic() {
        let (mem, expected) = sample(End::Close);
        mem.write_raw(path("18446744073709551615.sst"), b"stray");
        let outcome = panics_not(|| match LsmStorage::open(DIR, options(&mem)) {
            Ok(store) => assert_contents(&store, expected, "with a stray of the greatest id"),
            Err(_) => assert!(mem.file_names(DIR).contains(&MANIFEST.to_owned())),
        });
        assert!(
            outcome,
            "open panicked over a stray named 18446744073709551615.sst"
        );
    }

    /// A table, a log or the manifest that is missing is an error, and nothing is removed, created
    /// or changed because of it.
    ///
    /// It may be on the other disk, or in the backup. Whoever goes on without it has decided that
    /// the data is gone.
    ///
    /// # Hints
    /// - The manifest names them: open every one.
    /// - A directory with data and without a manifest is a store that has lost it, not a new one.
    /// - Read all there is to read before you write anything.
    #[test]
    fn a_missing_file_is_an_error_and_nothing_is_removed() {
        let (mem, expected) = sample(End::Close);
        let all = files(&mem);
        assert!(all.len() >= 6, "two tables, two logs, MANIFEST and LOCK");
        for (missing, _) in all.iter().filter(|(name, _)| name != LOCK) {
            let mem = kill(&mem);
            mem.remove(&path(missing)).expect("remove");
            let before = files(&mem);
            let outcome = LsmStorage::open(DIR, options(&mem));
            let Err(error) = outcome else {
                panic!("{missing} is missing, but the store opens");
            };
            if missing == MANIFEST {
                assert!(
                    error.is_corruption(),
                    "a missing manifest should be Corruption, not {error:?}"
                );
            }
            assert!(
                files(&mem) == before,
                "{missing} is missing, and open has changed the other files"
            );
            let (_, bytes) = all
                .iter()
                .find(|(name, _)| name == missing)
                .expect("it was there");
            mem.write_raw(path(missing), bytes);
            assert_reopens(&mem, expected, &format!("once {missing} is back"));
        }
    }

    /// Any bit that is wrong in a log or the manifest of a store gives an error or the right
    /// answer: all that was written, or, behind the last mark of a log, less, and said so.
    ///
    /// What is damaged is not touched: there may be a backup, or a person who can read it.
    ///
    /// # Hints
    /// - All decoding ends in `Corruption` or in what was written.
    /// - Recovery creates new files; it never shortens or appends to an old one.
    /// - `metrics().recovery.lost_tails` has a line for each log with something behind its end.
    #[test]
    fn no_flipped_bit_gives_another_store() {
        let (mem, _) = sample(End::Drop);
        let store = reopen(&mem, "the sample");
        store.write(batch("d=7 e=8")).expect("write");
        store.sync().expect("sync");
        put(&store, "f", "9");
        drop(store);
        let synced: Map = {
            let store = reopen(&kill(&mem), "before any damage");
            let mut map = scan_all(&store, "before any damage");
            map.remove(&b"f"[..]);
            map
        };
        let mut complete = synced.clone();
        complete.insert(b"f".to_vec(), b"9".to_vec());
        for (name, bytes) in files(&mem) {
            if name != MANIFEST && !name.ends_with(".wal") {
                continue;
            }
            for byte in 0..bytes.len() {
                let told = format!("with bit {} of byte {byte} of {name} flipped", byte % 8);
                let damaged = kill(&mem);
                damaged.write_raw(path(&name), &flipped(&bytes, byte, byte % 8));
                let before = files(&damaged);
                match LsmStorage::open(DIR, options(&damaged)) {
                    Ok(store) => {
                        let map = scan_all(&store, &told);
                        let lost = &store.metrics().recovery.lost_tails;
                        assert!(
                            map == complete || (map == synced && !lost.is_empty()),
                            "{told}, the store holds {} keys instead of {}, and reports {} lost tails",
                            map.len(),
                            complete.len(),
                            lost.len()
                        );
                    }
                    Err(error) => {
                        assert!(error.is_corruption(), "{told}, open gives {error:?}");
                        assert!(
                            files(&damaged) == before,
                            "{told}, open has failed and changed files"
                        );
                    }
                }
            }
        }
    }

    /// Where an older log has lost its end, all later batches are left out: for good, and quietly,
    /// if no later log was ever synced.
    ///
    /// A power cut may take the end of one log and leave the next: nobody had asked for a sync. A
    /// deposit that is replayed without the account's opening is worse than none.
    ///
    /// # Hints
    /// - Sequence numbers tell: a batch goes on where the last one ended, or there is a gap.
    /// - A log that is empty is no gap.
    /// - Behind a gap nothing fits any more, even if its numbers seem to.
    #[test]
    fn a_gap_between_logs_ends_the_replay() {
        let cases: [(&[LogByHand], &str); 6] = [
            (
                &[(3, 1, "a=1 | b=2", false), (5, 3, "c=3", false)],
                "a=1 b=2 c=3",
            ),
            (&[(3, 1, "a=1", false), (5, 3, "c=3", false)], "a=1"),
            (
                &[
                    (3, 1, "a=1", true),
                    (5, 3, "c=3", false),
                    (6, 4, "d=4", false),
                ],
                "a=1",
            ),
            (
                &[
                    (3, 1, "a=1", false),
                    (5, 2, "", false),
                    (6, 2, "b=2", false),
                ],
                "a=1 b=2",
            ),
            (
                &[
                    (3, 1, "", false),
                    (5, 2, "b=2", false),
                    (6, 1, "x=1", false),
                ],
                "",
            ),
            (
                &[
                    (3, 1, "a=1", false),
                    (5, 3, "c=3", false),
                    (6, 2, "b=2", false),
                ],
                "a=1",
            ),
        ];
        for (logs, expected) in cases {
            let mem = by_hand(logs);
            let when = format!("with the logs {logs:?}");
            let store = reopen(&mem, &when);
            assert_contents(&store, expected, &when);
            put(&store, "new", "1");
            drop(store);
            let expected = format!("{expected} new=1");
            assert_reopens(
                &mem,
                expected.trim(),
                &format!("{when}, after a put and a reopening"),
            );
        }
    }

    /// Where an older log has lost its end though a later one was synced, that is `Corruption`, and
    /// nothing is changed.
    ///
    /// Older logs are synced first. So a crash cannot have done this: synced data is missing.
    ///
    /// # Hints
    /// - A header with `synced` above 0 in any later log is the proof: `shows_sync`.
    /// - It need not be in the log right behind the gap.
    #[test]
    fn a_gap_before_a_synced_log_is_corruption() {
        let cases: [&[LogByHand]; 3] = [
            &[(3, 1, "a=1", false), (5, 3, "c=3", true)],
            &[
                (3, 1, "a=1", false),
                (5, 3, "c=3", false),
                (6, 4, "d=4", true),
            ],
            &[(3, 1, "", false), (5, 2, "b=2", true)],
        ];
        for logs in cases {
            let mem = by_hand(logs);
            let before = files(&mem);
            let what = format!("a gap in the logs {logs:?}");
            assert_corruption(LsmStorage::open(DIR, options(&mem)), &what);
            assert!(
                files(&mem) == before,
                "{what} is refused, and files have changed"
            );
        }
    }

    /// `metrics` tells what recovery found: how many logs and batches, and of each torn log where
    /// it ended and how much was lost.
    ///
    /// Quiet is not secret: whoever wonders where the last minute went finds it here.
    ///
    /// # Hints
    /// - `LogContents` has the end and the lost bytes.
    #[test]
    fn recovery_reports_what_it_found() {
        let store = open(options(&mem_fs()));
        assert_eq!(
            store.metrics().recovery.log_count,
            0,
            "logs read for a new store"
        );
        let mem = by_hand(&[(3, 1, "a=1 b=2 | a", false), (5, 4, "c=3", false)]);
        let report = reopen(&kill(&mem), "two sound logs").metrics().recovery;
        assert_eq!(
            (report.log_count, report.batch_count),
            (2, 3),
            "logs and batches"
        );
        assert!(report.lost_tails.is_empty(), "lost tails of sound logs");
        let file = log_path(dir(), 5);
        let torn = [&mem.read(&file)[..], b"half a record"].concat();
        mem.write_raw(&file, &torn);
        let store = reopen(&mem, "with a torn log");
        assert_contents(&store, "b=2 c=3", "with a torn log");
        let tails = store.metrics().recovery.lost_tails;
        let tails: Vec<_> = tails
            .into_iter()
            .map(|tail| (tail.file, tail.offset, tail.len))
            .collect();
        assert_eq!(
            tails,
            [(file, torn.len() as u64 - 13, 13)],
            "the lost tails: file, offset, length"
        );
    }

    /// No id is used twice, not even one whose file was created just before a crash, and never
    /// named.
    ///
    /// A crash may bring a removed file's name back. If a new table has that name, the manifest
    /// means one file and the disk has another.
    ///
    /// # Hints
    /// - The manifest's `next_id` knows nothing of a file that was created after its last edit.
    /// - The next id is above every id that a file in the directory has, too.
    #[test]
    fn an_id_is_never_used_twice() {
        let (mem, images) = (mem_fs(), Arc::new(Mutex::new(Vec::new())));
        let (source, seen) = (Arc::clone(&mem), Arc::clone(&images));
        let fs = hooked(&mem, move |op| {
            if op.kind.is_change() {
                seen.lock().expect("no hook panics").push(kill(&source));
            }
            Verdict::Proceed
        });
        let store = open(small_memtables(fs));
        for i in 0..8 {
            put(&store, &format!("k{}", i % 3), &"x".repeat(60));
            if i % 3 == 2 {
                store.flush().expect("flush");
            }
        }
        store.compact().expect("compact");
        let id_of = |name: &String| {
            name.split_once('.')
                .and_then(|(id, _)| id.parse::<u64>().ok())
        };
        for image in images.lock().expect("no hook panics").iter() {
            let greatest = image
                .file_names(DIR)
                .iter()
                .filter_map(id_of)
                .max()
                .unwrap_or(0);
            let ops = OpLog::default();
            let fs = FaultFs::logged(Arc::clone(image) as Arc<dyn FileSystem>, &ops);
            let store = open(LsmOptions::for_test(Arc::new(fs)));
            put(&store, "new", "1");
            store.flush().expect("flush");
            for op in ops
                .operations()
                .iter()
                .filter(|op| op.kind == OpKind::Create)
            {
                let name = op
                    .path
                    .file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                let id = id_of(&name);
                assert!(
                    id.is_none_or(|id| id > greatest),
                    "{name} is created after a crash, though a file with id {greatest} was on disk"
                );
            }
        }
    }

    /// Opening a store again and again makes nothing longer: one log, a manifest as long as the
    /// first, no more tables than there is data.
    ///
    /// A service that restarts every minute must not die of its restarts.
    ///
    /// # Hints
    /// - Replayed logs are retired by the same edit that adds their tables.
    /// - The manifest is replaced at each open.
    /// - A log without batches gives no table.
    #[test]
    fn reopening_does_not_pile_up_files() {
        for how in [End::Close, End::Drop] {
            let (mem, expected) = sample(how);
            let store = reopen(&mem, "the first time");
            store.compact().expect("compact");
            end(store, how);
            let mut first = None;
            for i in 0..20 {
                let store = reopen(&mem, &format!("reopening {i}"));
                let logs = mem
                    .file_names(DIR)
                    .iter()
                    .filter(|name| name.ends_with(".wal"))
                    .count();
                assert_eq!(logs, 1, "logs after reopening {i}");
                if i % 5 == 0 {
                    assert_contents(&store, expected, &format!("after reopening {i}"));
                }
                end(store, how);
                let now = (mem.file_names(DIR).len(), mem.total_bytes());
                let (file_count, total) = *first.get_or_insert(now);
                assert_eq!(
                    now.0,
                    file_count,
                    "files after reopening {i}: {:?}",
                    mem.file_names(DIR)
                );
                // A few digits more, as the ids grow.
                assert!(
                    now.1 <= total + 16,
                    "{} bytes after reopening {i}, {total} after the first",
                    now.1
                );
            }
        }
    }

    /// Options may change from one open to the next: block size, sizes of memtables and tables,
    /// fewer levels than there are on disk, durability.
    ///
    /// Nobody knows on the first day what the tenth month needs. A level that is not looked at any
    /// more hides data, and lets what was deleted come back.
    ///
    /// # Hints
    /// - A store that has more levels on disk than the options say keeps them.
    /// - What is replayed may be more than one memtable of the new size holds.
    #[test]
    fn options_may_change_between_runs() {
        let mem = mem_fs();
        let fs = || Arc::clone(&mem) as Arc<dyn FileSystem>;
        let store = open(LsmOptions {
            level_count: 5,
            level_base_size: 1,
            level_size_multiplier: 1,
            ..LsmOptions::for_test(fs())
        });
        let (mut model, mut rng) = (Model::default(), Rng::new(6));
        (0..60).for_each(|_| model.random_write(&store, &mut rng, 20));
        store.compact().expect("compact");
        assert!(
            !store.metrics().levels[5].is_empty(),
            "the compaction went to the last level, L5"
        );
        (0..60).for_each(|_| model.random_write(&store, &mut rng, 20));
        drop(store);

        let few_levels = LsmOptions {
            level_count: 1,
            block_size: 32,
            memtable_size: 150,
            table_size: 300,
            durability: Durability::Sync,
            ..LsmOptions::for_test(fs())
        };
        let many_levels = LsmOptions {
            level_count: 9,
            block_size: 10_000,
            ..LsmOptions::for_test(fs())
        };
        for (options, what) in [(few_levels, "one level"), (many_levels, "nine levels")] {
            let store = LsmStorage::open(DIR, options);
            let store = store.unwrap_or_else(|error| panic!("with options for {what}: {error}"));
            model.check_all(&store, 20, &format!("with options for {what}"));
            (0..40).for_each(|_| model.random_write(&store, &mut rng, 20));
            store.flush().expect("flush");
            model.check_all(
                &store,
                20,
                &format!("with options for {what}, after writes"),
            );
            store.compact().expect("compact");
            model.check_all(
                &store,
                20,
                &format!("with options for {what}, after a compaction"),
            );
            (0..40).for_each(|_| model.random_write(&store, &mut rng, 20));
        }
        let store = reopen(&mem, "with the first options");
        model.check_all(&store, 20, "with the first options again");
    }

    /// A table under another's name, tables that overlap below L0, and numbers beyond all bounds in
    /// the manifest are errors: no wrong answer, and no panic.
    ///
    /// A restore from a backup mixes up two files in the night. Each is sound by itself.
    ///
    /// # Hints
    /// - A table's footer knows its id.
    /// - From L1 on at most one table can hold a key: reads rely on it, so look at neighbours when
    ///   you open them.
    /// - A level of 2^64 - 1 is a number that you must not add 1 to, nor make a vector of.
    #[test]
    fn a_version_that_cannot_be_is_an_error() {
        let mem = mem_fs();
        let store = open(options(&mem));
        for text in ["a=1 m=1", "b=2 z=2"] {
            store.write(batch(text)).expect("write");
            store.flush().expect("flush");
        }
        let ids: Vec<TableId> = store.metrics().levels[0]
            .iter()
            .map(|table| table.id)
            .collect();
        store.close().expect("close");

        let swapped = kill(&mem);
        let [first, second] = [0, 1].map(|i| table_path(dir(), ids[i]));
        swapped.write_raw(&first, &mem.read(&second));
        swapped.write_raw(&second, &mem.read(&first));
        assert_corruption(
            LsmStorage::open(DIR, options(&swapped)),
            "a store with two tables swapped",
        );

        let version = Manifest::load(&*mem, dir()).expect("the manifest loads");
        let with = |change: &dyn Fn(&mut Version)| {
            let (mem, mut version) = (kill(&mem), version.clone());
            change(&mut version);
            Manifest::create(mem.clone(), dir(), version).expect("a new manifest");
            mem
        };
        let overlapping = with(&|version| version.tables.values_mut().for_each(|level| *level = 2));
        assert_corruption(
            LsmStorage::open(DIR, options(&overlapping)),
            "a manifest with overlapping tables on level 2",
        );
        let absurd: [(&str, Arc<MemFs>); 4] = [
            (
                "level",
                with(&|version| {
                    version
                        .tables
                        .values_mut()
                        .for_each(|level| *level = usize::MAX)
                }),
            ),
            (
                "level",
                with(&|version| {
                    version
                        .tables
                        .values_mut()
                        .for_each(|level| *level = 1 << 60)
                }),
            ),
            (
                "sequence number",
                with(&|version| version.last_flushed_seq = u64::MAX),
            ),
            ("id", with(&|version| version.next_id = u64::MAX)),
        ];
        for (what, mem) in absurd {
            let outcome = panics_not(|| {
                // An error now, or at the first write that has no number left; or none at all.
                let written = LsmStorage::open(DIR, options(&mem))
                    .and_then(|store| store.put(b"k", b"1").and_then(|()| store.flush()));
                drop(written);
            });
            assert!(
                outcome,
                "the engine panicked over an absurd {what} in the manifest"
            );
        }
    }

    /// A recovery that fails at any operation, or is cut off there by a crash, is repeated by the
    /// next one, with the same result.
    ///
    /// Power that fails once fails twice: machines are switched on and off again while they
    /// recover.
    ///
    /// # Hints
    /// - Until the new manifest has its name, the old one and all that it names must be as they
    ///   were.
    /// - The new manifest is durable before the first file is removed.
    #[test]
    fn an_interrupted_recovery_is_repeated() {
        let (base, expected) = sample(End::Drop);
        let mut failures = 0;
        for index in 0.. {
            let mem = kill(&base);
            let was_reached = Arc::new(AtomicBool::new(false));
            let images = Arc::new(Mutex::new(Vec::new()));
            let is_opening = Arc::new(AtomicBool::new(true));
            let opening = Arc::clone(&is_opening);
            let (reached, seen, source) = (
                Arc::clone(&was_reached),
                Arc::clone(&images),
                Arc::clone(&mem),
            );
            let fs = hooked(&mem, move |op| {
                if op.index != index || !opening.load(Ordering::SeqCst) {
                    return Verdict::Proceed;
                }
                reached.store(true, Ordering::SeqCst);
                let random = (0..3).map(|seed| CrashPlan::Random { seed });
                for plan in [CrashPlan::Lose, CrashPlan::Keep].into_iter().chain(random) {
                    let what = format!(
                        "a crash of the recovery before {:?} {} ({plan:?})",
                        op.kind,
                        op.path.display()
                    );
                    let image = Arc::new(source.crash_clone(&plan));
                    seen.lock().expect("no hook panics").push((what, image));
                }
                Verdict::Fail(std::io::ErrorKind::Other)
            });
            let when = format!("with a failure at operation {index} of the recovery");
            let outcome = LsmStorage::open(DIR, LsmOptions::for_test(fs));
            is_opening.store(false, Ordering::SeqCst);
            match outcome {
                Ok(store) => assert_contents(&store, expected, &when),
                Err(_) => failures += 1,
            }
            if !was_reached.load(Ordering::SeqCst) {
                break;
            }
            assert_reopens(&mem, expected, &format!("{when}, and another open"));
            for (what, image) in images.lock().expect("no hook panics").iter() {
                assert_reopens(image, expected, what);
            }
        }
        assert!(
            failures >= 10,
            "only {failures} operations of a recovery made it fail"
        );
    }

    /// A crash just before any file-system operation, with unsynced data lost, kept, zeroed, torn
    /// or left to chance, leaves a store that opens and holds a prefix of the writes: with all that
    /// was synced.
    ///
    /// This is the whole contract, tried at every point at which it can break. The failure tells
    /// the operation: what did you rely on that was not on disk yet?
    ///
    /// # Hints
    /// - Which file does the operation touch, and what names it? Bytes, then the name, then the
    ///   manifest: each synced before the next.
    /// - If a state comes up that never was: which log, or which part of one, was replayed without
    ///   what came before it?
    /// - If it is too old: what was removed before its successor was durable?
    #[test]
    fn every_crash_leaves_what_was_promised() {
        let make_options: fn(Arc<dyn FileSystem>) -> LsmOptions = |fs| LsmOptions {
            memtable_size: 220,
            block_size: 64,
            table_size: 250,
            level_base_size: 400,
            level_size_multiplier: 2,
            level_count: 3,
            ..LsmOptions::for_test(fs)
        };
        let mut images = 0;
        for seed in [61, 62] {
            let (mut workload, mut rng) = (Workload::new(make_options), Rng::new(seed));
            workload.run_random(&mut rng, 60, false);
            images += workload.check_images();
        }
        assert!(
            images > 1000,
            "only {images} crashes: the engine hardly used the file system"
        );
    }

    /// The same with `Durability::Sync`: every write that returned is there, whatever the crash
    /// does.
    ///
    /// Group commit, rotation and flush each have their own moment in which the promise can slip.
    ///
    /// # Hints
    /// - See `every_crash_leaves_what_was_promised`; here a write counts as synced when it returns.
    #[test]
    fn every_crash_leaves_each_durable_write() {
        let make_options: fn(Arc<dyn FileSystem>) -> LsmOptions = |fs| LsmOptions {
            memtable_size: 220,
            block_size: 64,
            table_size: 250,
            level_base_size: 400,
            ..sync_options(fs)
        };
        let (mut workload, mut rng) = (Workload::new(make_options), Rng::new(63));
        workload.run_random(&mut rng, 50, true);
        assert!(
            workload.check_images() > 500,
            "the engine hardly used the file system"
        );
    }

    /// Random writes, flushes, compactions, and reopenings after a close, a drop, a kill, or a sync
    /// and a power cut: always what a `BTreeMap` holds.
    ///
    /// Chance finds the paths that nobody thought of: a log replayed on a level that was compacted,
    /// an empty memtable flushed, a tombstone that comes back.
    ///
    /// # Hints
    /// - The failure prints the seed: run it again with fewer steps until you see which one breaks
    ///   it.
    #[test]
    fn a_store_that_is_reopened_agrees_with_a_map() {
        for seed in 0..4 {
            let (mut rng, mut model) = (Rng::new(seed), Model::default());
            let mut mem = mem_fs();
            let mut store = open(options(&mem));
            for step in 0..400 {
                let when = format!("seed {seed}, step {step}");
                match rng.below(100) {
                    0..4 => store.flush().expect("flush"),
                    4..6 => store.compact().expect("compact"),
                    6..9 => store.sync().expect("sync"),
                    9..14 => {
                        match rng.below(4) {
                            0 => store.close().expect("close"),
                            1 => {}
                            2 => mem = kill(&mem),
                            _ => {
                                store.sync().expect("sync");
                                let plan = CrashPlan::Random { seed: rng.next() };
                                mem = Arc::new(mem.crash_clone(&plan));
                            }
                        }
                        drop(store);
                        store = open(LsmOptions {
                            memtable_size: *rng.pick(&[100, 500, 3000]),
                            block_size: *rng.pick(&[64, 500]),
                            level_base_size: *rng.pick(&[500, 50_000]),
                            durability: *rng.pick(&[Durability::Buffered, Durability::Sync]),
                            ..options(&mem)
                        });
                        model.check_all(&store, 20, &format!("{when}, after a reopening"));
                    }
                    _ => model.random_write(&store, &mut rng, 20),
                }
            }
            model.check_ranges(&store, 20, &format!("seed {seed}, at the end"));
        }
    }
}
