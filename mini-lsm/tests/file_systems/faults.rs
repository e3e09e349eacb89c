//! What [`FaultFs`] does to an operation.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use mini_lsm::files::MANIFEST;
use mini_lsm::fs::{
    CrashPlan, FaultFs, FileSystem, MemFs, OpKind, OpLog, Operation, ReadableFile, Verdict,
    WritableFile,
};
use mini_lsm::fs::{OpKind::*, Verdict::*};
use mini_lsm::manifest::{Manifest, Version, VersionEdit};

use super::{io_kind, read, write};

/// A file system with a directory `db`, and a hook before it.
fn fault_fs(
    hook: impl Fn(&Operation) -> Verdict + Send + std::marker::Sync + 'static,
) -> (MemFs, FaultFs) {
    let mem = MemFs::new();
    mem.create_dir_all(Path::new("db")).unwrap();
    (mem.clone(), FaultFs::new(Arc::new(mem), hook))
}

/// Refuses every operation of one kind.
fn refuse(kind: OpKind, verdict: Verdict) -> (MemFs, FaultFs) {
    fault_fs(move |op| if op.kind == kind { verdict } else { Proceed })
}

fn reader_and_writer(fs: &FaultFs) -> (Arc<dyn ReadableFile>, Arc<dyn WritableFile>) {
    let writer = fs.create(Path::new("db/a")).unwrap();
    writer.append(b"one").unwrap();
    (fs.open(Path::new("db/a")).unwrap(), writer)
}

#[test]
fn the_hook_sees_every_operation() {
    let log = OpLog::default();
    let fs = FaultFs::logged(Arc::new(MemFs::new()), &log);
    fs.create_dir_all(Path::new("db")).unwrap();
    let (reader, writer) = reader_and_writer(&fs);
    writer.preallocate(9).unwrap();
    writer.append(b"three").unwrap();
    writer.finish().unwrap();
    reader.read_at(&mut [0; 4], 2).unwrap();
    reader.len().unwrap();
    fs.clone().dir_exists(Path::new("db")).unwrap();
    fs.list(Path::new("db")).unwrap();
    fs.rename(Path::new("db/a"), Path::new("db/b")).unwrap();
    fs.sync_dir(Path::new("db")).unwrap();
    fs.remove(Path::new("db/b")).unwrap();
    fs.lock(Path::new("db/LOCK")).unwrap();

    let expected: [(OpKind, &str, u64, u64); 16] = [
        (CreateDir, "db", 0, 0),
        (Create, "db/a", 0, 0),
        (Append, "db/a", 3, 0),
        (Open, "db/a", 0, 0),
        (Preallocate, "db/a", 9, 0),
        (Append, "db/a", 5, 3),
        (Sync, "db/a", 0, 0),
        (SyncDir, "db", 0, 0),
        (Read, "db/a", 4, 2),
        (Len, "db/a", 0, 0),
        (DirExists, "db", 0, 0),
        (List, "db", 0, 0),
        (Rename, "db/a", 0, 0),
        (SyncDir, "db", 0, 0),
        (Remove, "db/b", 0, 0),
        (Lock, "db/LOCK", 0, 0),
    ];
    let seen = log.operations();
    assert_eq!(seen.len(), expected.len(), "{seen:#?}");
    for (index, (op, (kind, path, len, offset))) in seen.iter().zip(expected).enumerate() {
        assert_eq!((op.index, op.kind), (index as u64, kind));
        assert_eq!(
            (op.path.as_path(), op.len, op.offset),
            (Path::new(path), len, offset),
            "{op:?}"
        );
        let to = (kind == Rename).then_some(Path::new("db/b"));
        assert_eq!(op.to.as_deref(), to);
    }
    let changes = log.count(|op| op.kind.is_change());
    assert_eq!(changes, 11, "all but open, read, len, dir_exists and list");
    log.clear();
    assert_eq!(log.count(|_| true), 0);
}

#[test]
fn reads_of_tables_can_be_counted() {
    let log = OpLog::default();
    let mem = MemFs::new();
    mem.write_raw("000001.sst", b"table");
    mem.write_raw("000002.wal", b"log");
    mem.write_raw("sst", b"neither");
    let fs = FaultFs::logged(Arc::new(mem), &log);
    for path in ["000001.sst", "000002.wal", "sst", "000001.sst"] {
        read(&fs, path);
    }
    assert_eq!(
        log.count(|op| op.kind == Read && op.has_extension("sst")),
        2
    );
}

#[test]
fn a_refused_operation_is_not_done() {
    let denied = Fail(ErrorKind::PermissionDenied);
    let (old, new) = (Path::new("db/a"), Path::new("db/b"));
    let db = Path::new("db");

    let (mem, fs) = refuse(Create, denied);
    assert_eq!(
        io_kind(fs.create(old), "create", old),
        ErrorKind::PermissionDenied
    );
    assert_eq!(mem.file_names(db), [""; 0]);
    let (mem, fs) = refuse(CreateDir, denied);
    io_kind(
        fs.create_dir_all(Path::new("x")),
        "create the directory",
        Path::new("x"),
    );
    assert!(!mem.dir_exists(Path::new("x")).unwrap());
    let (mem, fs) = refuse(Lock, denied);
    io_kind(fs.lock(old), "lock", old);
    assert!(mem.lock(old).is_ok());

    let refused = |kind| {
        let (mem, fs) = refuse(kind, denied);
        mem.write_raw(old, b"one");
        (mem, fs)
    };
    let (mem, fs) = refused(Rename);
    io_kind(fs.rename(old, new), "rename", old);
    assert_eq!(mem.file_names(db), ["a"]);
    let (mem, fs) = refused(Remove);
    io_kind(fs.remove(old), "remove", old);
    assert_eq!(mem.file_names(db), ["a"]);
    let (mem, fs) = refused(SyncDir);
    fs.create(new).unwrap();
    io_kind(fs.sync_dir(db), "sync the directory", db);
    assert_eq!(mem.crash_clone(&CrashPlan::Lose).file_names(db), ["a"]);
    let (mem, fs) = refused(Preallocate);
    io_kind(fs.create(new).unwrap().preallocate(9), "preallocate", new);
    assert_eq!(mem.read(new), b"");
    let (mem, fs) = refused(Append);
    io_kind(fs.create(new).unwrap().append(b"two"), "append to", new);
    assert_eq!(mem.read(new), b"");

    io_kind(refused(Open).1.open(old), "open", old);
    io_kind(refused(List).1.list(db), "list", db);
    io_kind(refused(DirExists).1.dir_exists(db), "look up", db);
    io_kind(
        refused(Len).1.open(old).unwrap().len(),
        "read the length of",
        old,
    );
    let mut buf = [7; 2];
    io_kind(
        refused(Read).1.open(old).unwrap().read_at(&mut buf, 0),
        "read",
        old,
    );
    assert_eq!(buf, [7; 2]);
}

#[test]
fn a_hook_fails_once_or_for_good() {
    let (mem, once) = fault_fs(|op| {
        if op.index == 1 {
            Fail(ErrorKind::Other)
        } else {
            Proceed
        }
    });
    let results = ["db/a", "db/b", "db/c"].map(|path| once.create(Path::new(path)).is_ok());
    assert_eq!(results, [true, false, true]);
    assert_eq!(mem.file_names("db"), ["a", "c"]);

    let (_, for_good) = fault_fs(|op| {
        if op.index >= 1 {
            Fail(ErrorKind::Other)
        } else {
            Proceed
        }
    });
    let results = ["db/a", "db/b", "db/c"].map(|path| for_good.create(Path::new(path)).is_ok());
    assert_eq!(results, [true, false, false]);
}

#[test]
fn a_short_append_writes_its_beginning() {
    let path = Path::new("db/a");
    for (short, left) in [(0, "one"), (2, "onetw"), (9, "onetwo")] {
        let (mem, fs) = fault_fs(move |op| {
            if op.offset == 3 {
                Short(short)
            } else {
                Proceed
            }
        });
        let (_, writer) = reader_and_writer(&fs);
        let kind = io_kind(writer.append(b"two"), "append to", path);
        assert_eq!(kind, ErrorKind::StorageFull);
        assert_eq!(mem.read(path), left.as_bytes());
    }
    let (_, fs) = refuse(Create, Short(1));
    assert_eq!(
        io_kind(fs.create(path), "create", path),
        ErrorKind::StorageFull
    );
}

/// What Linux does: the pages count as clean afterwards, so a second try finds nothing to write and succeeds.
#[test]
fn a_failed_sync_discards_what_was_not_synced() {
    let path = Path::new("db/a");
    let (mem, fs) = fault_fs(|op| match op.kind {
        Sync if op.index == 5 => Fail(ErrorKind::Other),
        _ => Proceed,
    });
    let file = fs.create(path).unwrap();
    file.append(b"one").unwrap();
    file.finish().unwrap();
    file.append(b"two").unwrap();
    // Operations 0 to 4: create, append, the two parts of finish, append.
    assert_eq!(io_kind(file.sync(), "sync", path), ErrorKind::Other);
    assert_eq!(mem.read(path), b"one", "what was synced stays");
    file.sync().unwrap();
    assert_eq!(
        mem.crash_clone(&CrashPlan::Keep).read(path),
        b"one",
        "a second try proves nothing"
    );
    file.append(b"three").unwrap();
    file.sync().unwrap();
    assert_eq!(
        mem.crash_clone(&CrashPlan::Lose).read(path),
        b"one\0\0\0three"
    );
}

#[test]
fn a_failed_finish_may_fail_in_either_part() {
    for (kind, left) in [(Sync, &b""[..]), (SyncDir, b"one")] {
        let (mem, fs) = refuse(kind, Fail(ErrorKind::Other));
        let (_, writer) = reader_and_writer(&fs);
        assert!(writer.finish().is_err());
        assert_eq!(mem.read("db/a"), left, "{kind:?}");
        assert_eq!(mem.crash_clone(&CrashPlan::Lose).file_names("db"), [""; 0]);
    }
}

#[test]
fn a_panic_leaves_the_file_system_usable() {
    let (mem, fs) = fault_fs(|op| if op.index == 2 { Panic } else { Proceed });
    let (path, other) = (Path::new("db/a"), Path::new("db/b"));
    let file = fs.create(path).unwrap();
    file.append(b"one").unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| file.append(b"two"))).is_err());
    assert_eq!(mem.read(path), b"one");
    file.append(b"three").unwrap();
    assert_eq!(mem.read(path), b"onethree");
    write(&fs, other, b"four");
    assert_eq!(read(&fs, other), b"four");
}

/// A hook that waits stops its own thread only, and may itself use the file system below.
#[test]
fn a_hook_may_wait_and_look_around() {
    let mem = MemFs::new();
    mem.write_raw("db/slow", b"slow");
    let (reached, released) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (below, barriers) = (mem.clone(), (Arc::clone(&reached), Arc::clone(&released)));
    let fs = FaultFs::new(Arc::new(mem), move |op| {
        if op.kind == Read && op.path.ends_with("slow") {
            barriers.0.wait();
            barriers.1.wait();
        }
        let names = below.crash_clone(&CrashPlan::Keep).file_names("db");
        assert!(
            op.kind != Create || names == ["slow"],
            "the hook comes before the operation"
        );
        Proceed
    });
    thread::scope(|scope| {
        let slow = scope.spawn(|| read(&fs, "db/slow"));
        reached.wait();
        write(&fs, "db/fast", b"fast");
        assert_eq!(read(&fs, "db/fast"), b"fast");
        released.wait();
        assert_eq!(slow.join().unwrap(), b"slow");
    });
}

/// A handle keeps the name under which its file was made, which the manifest has not had since.
#[test]
fn a_manifest_that_fails_is_called_by_its_name() {
    let fails = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&fails);
    let (_, fs) = fault_fs(move |op| match asked.load(Ordering::SeqCst) {
        true if op.kind == Append => Fail(ErrorKind::StorageFull),
        _ => Proceed,
    });
    let dir = Path::new("db");
    let manifest = Manifest::create(Arc::new(fs), dir, Version::default());
    let mut manifest = manifest.expect("a new manifest");
    fails.store(true, Ordering::SeqCst);
    let failed = manifest.append(&VersionEdit::default());
    let kind = io_kind(failed, "append to", &dir.join(MANIFEST));
    assert_eq!(kind, ErrorKind::StorageFull);
}
