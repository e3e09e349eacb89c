//! `check DIR`: the report of a whole store, and its exit code.

use std::fs;
use std::path::PathBuf;

use mini_lsm::fs::DiskFs;
use mini_lsm::manifest::Manifest;

use super::{Told, World, feed};

impl World {
    fn check(&self) -> Told {
        feed(self.tool().arg("check").arg(self.store()), "")
    }

    /// The files of a kind in the store, by name.
    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.store()).expect("the store is there");
        let paths = entries.map(|entry| entry.expect("a name").path());
        let mut paths: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|e| e == extension))
            .collect();
        paths.sort();
        paths
    }
}

/// Two tables, and a log that was synced.
fn filled() -> World {
    let world = World::new();
    world.session("fill 1000 20\nflush\nfill 500 20\nflush\nput a 1\nput b 2\n");
    assert_eq!((world.files("sst").len(), world.files("wal").len()), (2, 1));
    world
}

#[test]
fn a_sound_store_is_told_in_one_line() {
    let world = filled();
    world
        .check()
        .is("2 tables, 1 log, 1,502 entries: no problem\n");
    // It needs no `--path`, and a session has it too, for another store than its own.
    let session = feed(&mut world.tool(), "check store\nput a 1\n");
    session.is("2 tables, 1 log, 1,502 entries: no problem\n");
}

/// A line each, which names the file; the exit code is that of an error.
#[test]
fn each_problem_has_its_line() {
    let world = filled();
    let tables = world.files("sst");
    let log = &world.files("wal")[0];
    fs::remove_file(&tables[0]).expect("remove");
    for (path, at) in [(&tables[1], 100), (&tables[1], 9000), (log, 25)] {
        let mut bytes = fs::read(path).expect("read");
        bytes[at] ^= 1;
        fs::write(path, bytes).expect("write");
    }
    let names: Vec<_> = fs::read_dir(world.store())
        .expect("list")
        .map(|entry| entry.expect("a name").path())
        .map(|path| (path.clone(), fs::read(path).expect("read")))
        .collect();
    let told = world.check();
    assert_eq!((told.code, told.err.as_str()), (Some(2), ""));
    let lines: Vec<_> = told.out.lines().collect();
    let expected = [&tables[0], &tables[1], &tables[1], log];
    for (line, file) in lines.iter().zip(expected) {
        assert!(line.contains(&*file.to_string_lossy()), "{line}");
    }
    assert!(lines[1].contains("at byte 0") && lines[2].contains("at byte "));
    // The entries of the blocks that are sound.
    let whole = lines[4];
    assert!(whole.starts_with("1 table, 0 logs, ") && whole.ends_with(" entries: 4 problems"));
    assert_eq!(lines.len(), 5, "{}", told.out);
    for (path, bytes) in names {
        assert_eq!(fs::read(path).expect("still there"), bytes);
    }
    // A session goes on, and ends with the same code.
    let session = feed(&mut world.tool(), "check store\nget a\nput a 1\n");
    assert_eq!(session.code, Some(2));
}

/// What a crash leaves is worth a word, and no problem.
#[test]
fn lost_tails_and_strays_are_notes() {
    let world = filled();
    let log = &world.files("wal")[0];
    let mut bytes = fs::read(log).expect("read");
    bytes.extend_from_slice(b"torn");
    fs::write(log, bytes).expect("write");
    fs::write(world.store().join("009999.sst"), b"half").expect("write");
    let told = world.check();
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    let lines: Vec<_> = told.out.lines().collect();
    assert!(lines[0].starts_with("note: ") && lines[0].contains("4 bytes"));
    assert!(lines[1].starts_with("note: ") && lines[1].contains("009999.sst"));
    assert!(lines[2].ends_with(": no problem"), "{}", lines[2]);
}

#[test]
fn what_is_no_store_is_not_checked() {
    let world = World::new();
    let check = |path: &str| feed(world.tool().args(["check", path]), "");
    check("nowhere").is_trouble(2, &["nowhere", "cannot list"]);
    fs::create_dir(world.dir.path().join("empty")).expect("a directory");
    check("empty").is_trouble(2, &["empty is no store"]);
    fs::write(world.dir.path().join("file"), b"text").expect("a file");
    check("file").is_trouble(2, &["file"]);
    assert_eq!(world.names(), ["empty", "file"]);
    let empty = fs::read_dir(world.dir.path().join("empty")).expect("list");
    assert_eq!(empty.count(), 0, "check has made something");
}

#[test]
fn a_store_with_an_owner_is_not_checked() {
    let world = filled();
    let mut owner = super::Running::start(&mut world.on_store());
    assert_eq!(owner.ask("get a"), "1");
    world.check().is_trouble(2, &["open already"]);
    assert_eq!(owner.ask("get b"), "2");
    drop(owner);
    let told = world.check();
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    Manifest::load(&DiskFs, &world.store()).expect("a manifest");
}
