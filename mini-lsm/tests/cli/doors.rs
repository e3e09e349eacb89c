//! What the tool says where it is not let in: one line, with the place in it and what to make of it, and exit code 2.

use std::fs;
use std::path::{Path, PathBuf};

use mini_lsm::files::{LOCK, MANIFEST};
use mini_lsm::fs::{DiskFs, FileSystem};
use mini_lsm::log::LogWriter;
use mini_lsm::manifest::MANIFEST_LOG_ID;

use super::{Told, World, feed};

impl World {
    fn get_in(&self, path: &Path) -> Told {
        feed(self.tool().arg("--path").arg(path).args(["get", "a"]), "")
    }

    /// A store under this name, with `a = 1` in a table.
    fn store_named(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        let told = feed(self.tool().arg("--path").arg(&path), "put a 1\nflush\n");
        told.is("");
        path
    }

    /// All names below the folder of the test, with times and lengths.
    fn picture(&self) -> Vec<(PathBuf, u64, Option<std::time::SystemTime>)> {
        let mut seen = Vec::new();
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("a name").path();
                let metadata = fs::symlink_metadata(&path).expect("it is there");
                if metadata.is_dir() {
                    folders.push(path.clone());
                }
                seen.push((path, metadata.len(), metadata.modified().ok()));
            }
        }
        seen.sort();
        seen
    }

    #[track_caller]
    fn is_shut(&self, path: &Path, words: &[&str]) {
        let before = self.picture();
        self.get_in(path).is_trouble(2, words);
        assert!(self.picture() == before, "it has changed something");
    }
}

#[test]
fn a_directory_of_others_is_named_with_what_is_in_it() {
    let world = World::new();
    let dir = world.dir.path().join("photographs");
    fs::create_dir(&dir).expect("a directory");
    fs::write(dir.join("summer.jpg"), b"jpg").expect("a file");
    world.is_shut(
        &dir,
        &["photographs is no store", "summer.jpg", "empty or missing"],
    );
    fs::write(dir.join("000008.sst"), b"of RocksDB").expect("a file");
    world.is_shut(&dir, &["photographs", "000008.sst", "manifest"]);
}

#[test]
fn a_file_is_no_directory() {
    let world = World::new();
    let file = world.dir.path().join("file");
    fs::write(&file, b"text").expect("a file");
    world.is_shut(&file, &["cannot look up", "file", "directory"]);
    world.is_shut(&file.join("store"), &["cannot look up", "file"]);
}

/// The message must send the reader to a newer engine, not to a backup.
#[test]
fn a_newer_format_is_told_as_such() {
    let world = World::new();
    let store = world.store_named("newer");
    let path = store.join(MANIFEST);
    fs::remove_file(&path).expect("remove");
    let log = LogWriter::new(MANIFEST_LOG_ID, DiskFs.create(&path).expect("create"));
    let edit = br#"{"format":2,"next_id":1,"snapshots":["monday"]}"#;
    log.append(|payload| payload.extend_from_slice(edit))
        .expect("append");
    log.sync().expect("sync");
    log.mark().expect("mark");
    world.is_shut(&store, &[MANIFEST, "format 2", "newer engine"]);
}

#[test]
fn a_store_that_is_damaged_sends_to_check() {
    let world = World::new();
    let empty = world.store_named("empty manifest");
    fs::write(empty.join(MANIFEST), b"").expect("write");
    world.is_shut(&empty, &["empty manifest", MANIFEST, "`check`"]);

    let lost = world.store_named("lost manifest");
    fs::remove_file(lost.join(MANIFEST)).expect("remove");
    world.is_shut(&lost, &["lost manifest", "missing", "`check`"]);

    let shut = world.store_named("directory");
    fs::remove_file(shut.join(MANIFEST)).expect("remove");
    fs::create_dir(shut.join(MANIFEST)).expect("a directory");
    fs::remove_file(shut.join(LOCK)).expect("remove");
    world.is_shut(&shut, &["directory", MANIFEST, "cannot open"]);
}

#[test]
fn a_missing_table_is_named() {
    let world = World::new();
    let store = world.store_named("store");
    let table = fs::read_dir(&store)
        .expect("list")
        .map(|entry| entry.expect("a name").path())
        .find(|path| path.extension().is_some_and(|e| e == "sst"))
        .expect("a table");
    fs::remove_file(&table).expect("remove");
    world.is_shut(&store, &["cannot open", &table.to_string_lossy()]);
}

#[test]
fn odd_names_are_names() {
    let world = World::new();
    let mut names: Vec<std::ffi::OsString> = vec!["with spaces".into(), "größe".into()];
    #[cfg(target_os = "linux")]
    names.push(std::os::unix::ffi::OsStringExt::from_vec(
        b"\xff no text".to_vec(),
    ));
    for name in names {
        let path = world.dir.path().join(&name);
        feed(world.tool().arg("--path").arg(&path), "put a 1\n").is("");
        world.get_in(&path).is("1\n");
        let told = feed(world.tool().arg("check").arg(&path), "");
        told.is("1 table, 1 log, 1 entry: no problem\n");
    }
}
