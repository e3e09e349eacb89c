//! The file systems: what all of them promise (here), what a crash leaves of [`MemFs`], and what [`FaultFs`] does to an operation.

use std::fmt::Debug;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use mini_lsm::error::{Error, Result};
use mini_lsm::fs::{DiskFs, FaultFs, FileSystem, MemFs, Verdict};

#[path = "file_systems/crash.rs"]
mod crash;
#[path = "file_systems/faults.rs"]
mod faults;

/// Runs a test in an empty directory of every file system.
fn on_each(test: impl Fn(&dyn FileSystem, &Path)) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    test(&DiskFs, dir.path());

    let mem = MemFs::new();
    mem.create_dir_all(Path::new("/mem")).unwrap();
    test(&mem, Path::new("/mem"));
    assert_eq!(mem.open_handles(), 0, "every handle was dropped");

    let inner = MemFs::new();
    inner.create_dir_all(Path::new("/fault")).unwrap();
    let fault = FaultFs::new(Arc::new(inner), |_| Verdict::Proceed);
    test(&fault, Path::new("/fault"));
}

/// Creates a file with these bytes, synced or not.
#[track_caller]
fn write(fs: &dyn FileSystem, path: impl AsRef<Path>, bytes: &[u8]) {
    fs.create(path.as_ref()).unwrap().append(bytes).unwrap();
}

#[track_caller]
fn read(fs: &dyn FileSystem, path: impl AsRef<Path>) -> Vec<u8> {
    let file = fs.open(path.as_ref()).unwrap();
    let mut bytes = vec![0xee; file.len().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// Whoever prints an error with all its causes reads each of them once.
#[test]
fn an_error_tells_its_cause_once() {
    let told = "cannot read /a: broken pipe";
    let io = Error::io("read", Path::new("/a"), ErrorKind::BrokenPipe.into());
    let background = Error::Background(Arc::new(io.clone()));
    for error in [io, background] {
        let mut chain = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            chain += &format!(": {error}");
            cause = error.source();
        }
        assert_eq!(chain.matches(told).count(), 1, "{chain}");
        assert_eq!(chain.matches("broken pipe").count(), 1, "{chain}");
    }
}

/// The kind of an I/O error, which must name this operation and this path.
#[track_caller]
fn io_kind<T: Debug>(result: Result<T>, op: &str, path: &Path) -> ErrorKind {
    match result {
        Err(Error::Io {
            op: found,
            path: named,
            cause,
        }) => {
            assert_eq!(
                (found, named.as_path()),
                (op, path),
                "the error names operation and path"
            );
            cause.kind()
        }
        other => panic!("expected an I/O error, not {other:?}"),
    }
}

#[test]
fn appended_bytes_are_read_at_any_offset() {
    on_each(|fs, dir| {
        let path = dir.join("file");
        let writer = fs.create(&path).unwrap();
        let reader = fs.open(&path).unwrap();
        assert!(reader.is_empty().unwrap());

        writer.append(b"one").unwrap();
        writer.append(b"").unwrap();
        writer.append(b"two").unwrap();
        assert_eq!(
            reader.len().unwrap(),
            6,
            "an open reader sees what was appended since"
        );
        assert!(!reader.is_empty().unwrap());
        let mut middle = [0; 3];
        reader.read_at(&mut middle, 2).unwrap();
        assert_eq!(&middle, b"etw");
        reader.read_at(&mut [], 6).unwrap();
    });
}

#[test]
fn a_read_past_the_end_is_an_error() {
    on_each(|fs, dir| {
        let path = dir.join("file");
        write(fs, &path, b"four");
        let reader = fs.open(&path).unwrap();
        for offset in [1, 4, 5, 1 << 40] {
            let kind = io_kind(reader.read_at(&mut [0; 4], offset), "read", &path);
            assert_eq!(
                kind,
                ErrorKind::UnexpectedEof,
                "four bytes at {offset} of a file of four"
            );
        }
    });
}

#[test]
fn a_taken_name_is_not_created_again() {
    on_each(|fs, dir| {
        let path = dir.join("file");
        write(fs, &path, b"old");
        assert_eq!(
            io_kind(fs.create(&path), "create", &path),
            ErrorKind::AlreadyExists
        );
        assert_eq!(read(fs, &path), b"old");

        let sub = dir.join("sub");
        fs.create_dir_all(&sub).unwrap();
        assert_eq!(
            io_kind(fs.create(&sub), "create", &sub),
            ErrorKind::AlreadyExists
        );
        let lost = dir.join("missing").join("file");
        assert_eq!(
            io_kind(fs.create(&lost), "create", &lost),
            ErrorKind::NotFound
        );
    });
}

#[test]
fn only_a_file_that_is_there_is_opened() {
    on_each(|fs, dir| {
        let path = dir.join("missing");
        assert_eq!(io_kind(fs.open(&path), "open", &path), ErrorKind::NotFound);
        io_kind(fs.open(dir), "open", dir);
    });
}

#[test]
fn a_list_is_sorted_and_not_recursive() {
    on_each(|fs, dir| {
        assert_eq!(fs.list(dir).unwrap(), [""; 0]);
        for name in ["b", "a.sst", "a"] {
            write(fs, dir.join(name), b"");
        }
        fs.create_dir_all(&dir.join("aa/deeper")).unwrap();
        write(fs, dir.join("aa/inner"), b"");
        assert_eq!(fs.list(dir).unwrap(), ["a", "a.sst", "aa", "b"]);
        assert_eq!(fs.list(&dir.join("aa")).unwrap(), ["deeper", "inner"]);

        let missing = dir.join("missing");
        assert_eq!(
            io_kind(fs.list(&missing), "list", &missing),
            ErrorKind::NotFound
        );
    });
}

#[test]
fn directories_are_created_with_their_parents() {
    on_each(|fs, dir| {
        let deep = dir.join("a/b/c");
        assert!(!fs.dir_exists(&deep).unwrap());
        for _ in 0..2 {
            fs.create_dir_all(&deep).unwrap();
            assert!(fs.dir_exists(&dir.join("a")).unwrap());
            assert!(fs.dir_exists(&deep).unwrap());
        }
        write(fs, deep.join("file"), b"deep");
        fs.create_dir_all(&dir.join("a/b")).unwrap();
        assert_eq!(read(fs, deep.join("file")), b"deep");
    });
}

#[test]
fn a_file_is_not_taken_for_a_directory() {
    on_each(|fs, dir| {
        let path = dir.join("file");
        write(fs, &path, b"bytes");
        assert_eq!(
            io_kind(fs.dir_exists(&path), "look up", &path),
            ErrorKind::NotADirectory
        );
        assert!(fs.create_dir_all(&path).is_err());
        assert!(fs.create_dir_all(&path.join("below")).is_err());
        assert!(fs.create(&path.join("below")).is_err());
        assert_eq!(read(fs, &path), b"bytes");
    });
}

#[test]
fn a_rename_replaces_its_target() {
    on_each(|fs, dir| {
        let (from, to) = (dir.join("new"), dir.join("MANIFEST"));
        write(fs, &from, b"new");
        write(fs, &to, b"old");
        fs.rename(&from, &to).unwrap();
        assert_eq!(fs.list(dir).unwrap(), ["MANIFEST"]);
        fs.rename(&to, &to).unwrap();
        assert_eq!(read(fs, &to), b"new");

        assert_eq!(
            io_kind(fs.rename(&from, &to), "rename", &from),
            ErrorKind::NotFound
        );
        let lost = dir.join("missing").join("file");
        assert_eq!(
            io_kind(fs.rename(&to, &lost), "rename", &to),
            ErrorKind::NotFound
        );
        fs.create_dir_all(&dir.join("sub")).unwrap();
        io_kind(fs.rename(&to, &dir.join("sub")), "rename", &to);
        assert_eq!(read(fs, &to), b"new");

        fs.rename(&to, &dir.join("sub/moved")).unwrap();
        assert_eq!(fs.list(dir).unwrap(), ["sub"]);
        assert_eq!(read(fs, dir.join("sub/moved")), b"new");
    });
}

#[test]
fn a_removed_file_is_gone() {
    on_each(|fs, dir| {
        let path = dir.join("file");
        write(fs, &path, b"bytes");
        fs.remove(&path).unwrap();
        assert_eq!(fs.list(dir).unwrap(), [""; 0]);
        assert_eq!(
            io_kind(fs.remove(&path), "remove", &path),
            ErrorKind::NotFound
        );
        io_kind(fs.remove(dir), "remove", dir);
        assert!(fs.dir_exists(dir).unwrap());
        write(fs, &path, b"again");
        assert_eq!(read(fs, &path), b"again");
    });
}

/// Not so on every system: Windows may refuse the rename. The engine closes its handles first.
#[cfg(unix)]
#[test]
fn an_open_file_outlives_its_name() {
    on_each(|fs, dir| {
        let (kept, replaced, other) = (dir.join("kept"), dir.join("replaced"), dir.join("other"));
        let writer = fs.create(&kept).unwrap();
        let reader = fs.open(&kept).unwrap();
        fs.remove(&kept).unwrap();
        writer.append(b"still here").unwrap();
        let mut bytes = [0; 10];
        reader.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"still here");

        write(fs, &replaced, b"old");
        write(fs, &other, b"new");
        let reader = fs.open(&replaced).unwrap();
        fs.rename(&other, &replaced).unwrap();
        let mut bytes = [0; 3];
        reader.read_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"old");
        assert_eq!(read(fs, &replaced), b"new");
    });
}

#[test]
fn preallocated_space_reads_as_zeros_and_is_appended_over() {
    on_each(|fs, dir| {
        let path = dir.join("log");
        let writer = fs.create(&path).unwrap();
        writer.append(b"ab").unwrap();
        writer.preallocate(6).unwrap();
        assert_eq!(read(fs, &path), b"ab\0\0\0\0");
        writer.append(b"cd").unwrap();
        assert_eq!(read(fs, &path), b"abcd\0\0");
        writer.preallocate(3).unwrap();
        assert_eq!(
            read(fs, &path),
            b"abcd\0\0",
            "less than there is changes nothing"
        );
        let mut bytes = [0xee; 3];
        fs.open(&path).unwrap().read_at(&mut bytes, 3).unwrap();
        assert_eq!(&bytes, b"d\0\0");
        writer.append(b"efgh").unwrap();
        writer.preallocate(7).unwrap();
        assert_eq!(read(fs, &path), b"abcdefgh", "nothing is cut off");
    });
}

#[test]
fn syncs_change_nothing_that_is_read() {
    on_each(|fs, dir| {
        let path = dir.join("file");
        let writer = fs.create(&path).unwrap();
        writer.append(b"one").unwrap();
        writer.sync().unwrap();
        writer.append(b"two").unwrap();
        writer.finish().unwrap();
        fs.sync_dir(dir).unwrap();
        assert_eq!(read(fs, &path), b"onetwo");
        if cfg!(unix) {
            let missing = dir.join("missing");
            let kind = io_kind(fs.sync_dir(&missing), "sync the directory", &missing);
            assert_eq!(kind, ErrorKind::NotFound);
        }
    });
}

#[test]
fn a_lock_has_one_holder() {
    on_each(|fs, dir| {
        let path = dir.join("LOCK");
        let first = fs.lock(&path).unwrap();
        assert_eq!(
            fs.list(dir).unwrap(),
            ["LOCK"],
            "a missing lock file is created"
        );
        match fs.lock(&path) {
            Err(Error::AlreadyOpen(owned)) => assert_eq!(owned, dir),
            other => panic!("expected AlreadyOpen, not {other:?}"),
        }
        let other = fs.lock(&dir.join("OTHER")).unwrap();
        drop(first);
        drop(fs.lock(&path).unwrap());
        drop(other);

        let kept = dir.join("KEPT");
        write(fs, &kept, b"bytes");
        drop(fs.lock(&kept).unwrap());
        assert_eq!(read(fs, &kept), b"bytes", "a lock file is not truncated");
        let lost = dir.join("missing").join("LOCK");
        assert_eq!(io_kind(fs.lock(&lost), "lock", &lost), ErrorKind::NotFound);
    });
}

#[test]
fn many_threads_read_one_handle_while_it_grows() {
    on_each(|fs, dir| {
        let path = dir.join("file");
        let writer = fs.create(&path).unwrap();
        let reader = fs.open(&path).unwrap();
        let appended = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let end = appended.load(Ordering::Acquire);
                        let start = end.saturating_sub(8);
                        let mut bytes = vec![0; (end - start) as usize];
                        reader.read_at(&mut bytes, start).unwrap();
                        let expected: Vec<u8> = (start..end).map(|i| i as u8).collect();
                        assert_eq!(bytes, expected);
                        if end == 1000 {
                            break;
                        }
                    }
                });
            }
            for i in 0..1000_u64 {
                writer.append(&[i as u8]).unwrap();
                appended.store(i + 1, Ordering::Release);
            }
        });
    });
}

#[test]
fn relative_paths_in_memory_begin_at_the_root() {
    let fs = MemFs::new();
    assert!(fs.dir_exists(Path::new("/")).unwrap());
    fs.create_dir_all(&PathBuf::from("/db/sub")).unwrap();
    write(&fs, "db/./sub/../file", b"one");
    assert_eq!(read(&fs, "/db/file"), b"one");
    assert_eq!(fs.list(Path::new("db")).unwrap(), ["file", "sub"]);
}

#[test]
fn helpers_look_past_the_trait() {
    let fs = MemFs::new();
    fs.write_raw("db/a.sst", b"four");
    fs.write_raw("db/sub/b", b"bytes");
    assert_eq!(fs.file_names("db"), ["a.sst"], "directories are left out");
    assert_eq!(fs.file_names("none"), [""; 0]);
    assert_eq!(fs.total_bytes(), 9);

    let reader = fs.open(Path::new("db/a.sst")).unwrap();
    fs.write_raw("db/a.sst", b"dAmaged");
    let mut bytes = [0; 2];
    reader.read_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"dA", "damage reaches those who have the file open");
    assert_eq!(fs.read("db/a.sst"), b"dAmaged");

    let again = fs.open(Path::new("db/a.sst")).unwrap();
    let writer = fs.create(Path::new("db/c")).unwrap();
    writer.preallocate(100).unwrap();
    assert_eq!((fs.open_handles(), fs.total_bytes()), (3, 112));
    drop((reader, again, writer));
    fs.remove(Path::new("db/c")).unwrap();
    assert_eq!((fs.open_handles(), fs.total_bytes()), (0, 12));
}
