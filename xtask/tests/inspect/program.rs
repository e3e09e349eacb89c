//! The program: what is printed, how wide it is, and how it exits.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use xtask::inspect::WIDTH;

use crate::samples::{self, entries};

fn inspect(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.current_dir(dir).arg("inspect").args(args);
    command
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "xterm")
        .output()
        .expect("xtask starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is text")
}

/// A directory with one file of each kind.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).expect("a file");
    put("block.bin", &samples::block(&entries(3)));
    let table = samples::table(&entries(900), 512, 10).read(samples::table_file());
    put("000007.sst", &table);
    put("renamed", &table);
    put("000008.wal", &samples::log().0.read(samples::log_file()));
    let manifest = Path::new(samples::DIR).join("MANIFEST");
    put("MANIFEST", &samples::manifest().read(manifest));
    put("notes.txt", b"none of ours");
    put("LOCK", b"");
    dir
}

#[test]
fn a_block_is_shown_byte_by_byte() {
    let dir = tempfile::tempdir().expect("a directory");
    let entry = |key: &str, value: Option<&str>| {
        let bytes = |text: &str| text.as_bytes().to_vec();
        (bytes(key), value.map(bytes))
    };
    let block = samples::block(&[entry("apple", Some("red")), entry("apricot", None)]);
    fs::write(dir.path().join("block.bin"), block).expect("a file");
    let output = inspect(dir.path(), &["block.bin"]);
    assert_eq!(text(&output.stdout), BLOCK);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn every_kind_is_sound_and_fits_the_screen() {
    let dir = directory();
    for name in [
        "block.bin",
        "000007.sst",
        "renamed",
        "000008.wal",
        "MANIFEST",
    ] {
        for args in [&[name][..], &["--all", name]] {
            let output = inspect(dir.path(), args);
            assert_eq!(output.status.code(), Some(0), "{args:?}");
            assert!(output.stderr.is_empty());
            let text = text(&output.stdout);
            let first = text.lines().next().unwrap_or_default();
            assert!(
                first.starts_with(name) && first.ends_with("sound"),
                "{first}"
            );
            for line in text.lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
                assert_eq!(line, line.trim_end());
            }
        }
    }
}

#[test]
fn a_long_list_is_cut_unless_all_is_asked_for() {
    let dir = directory();
    let short = text(&inspect(dir.path(), &["000007.sst"]).stdout);
    let all = text(&inspect(dir.path(), &["000007.sst", "--all"]).stdout);
    let entry_count = |text: &str| {
        let is_entry = |line: &&str| line.starts_with("  entry ");
        text.lines().filter(is_entry).count()
    };
    assert!((150..=200).contains(&entry_count(&short)));
    assert!(short.contains(" more blocks"));
    assert_eq!(entry_count(&all), 900);
    assert!(!all.contains("not shown"));
}

#[test]
fn a_damage_is_told_first_and_last_and_exits_with_one() {
    let dir = directory();
    let path = dir.path().join("000007.sst");
    let mut table = fs::read(&path).expect("a file");
    table[600] ^= 1;
    fs::write(&path, table).expect("a file");
    let output = inspect(dir.path(), &["000007.sst"]);
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output.stdout);
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains("DAMAGED at byte "), "{first}");
    assert!(text.contains("WRONG (stored "), "{text}");
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    assert!(
        last[1].starts_with("000007.sst is damaged at byte "),
        "{last:?}"
    );
    assert!(
        last[1].contains("block 1, offsets, CRC: stored "),
        "{last:?}"
    );
    assert!(last[0].starts_with("the format is drawn in mini-lsm-starter/src/table/mod.rs"));
}

#[test]
fn what_cannot_be_read_exits_with_two_and_says_why() {
    let dir = directory();
    for (args, message) in [
        (&["missing.sst"][..], "cannot read missing.sst: "),
        (
            &["notes.txt"],
            "notes.txt: its name does not tell what it is.",
        ),
        (&["LOCK"], "LOCK: its name does not tell what it is."),
        (&["."], ". is a directory; inspect takes one file of it"),
        (&[], "inspect takes one file"),
        (&["MANIFEST", "block.bin"], "inspect takes one file"),
    ] {
        let output = inspect(dir.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let text = text(&output.stderr);
        assert!(text.starts_with(message), "{args:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let dir = directory();
    let table = samples::table(&entries(20_000), 4096, 10).read(samples::table_file());
    fs::write(dir.path().join("000007.sst"), table).expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .current_dir(dir.path())
        .args(["inspect", "--all", "000007.sst"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xtask starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let output = child.wait_with_output().expect("xtask ends");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

const BLOCK: &str = r#"block.bin: a block, 35 bytes, 2 entries: sound

block · no checksum: only a table has those
  entry 0 · "apple" = "red"
        0  00 00                    shared           0
        2  05 00                    unshared         5
        4  03 00 00 00              value length     3
        8  61 70 70 6c 65           key suffix       "apple"
       13  72 65 64                 value            "red"
  entry 1 · "apricot", a tombstone
       16  02 00                    shared           2: "ap" of the first key
       18  05 00                    unshared         5
       20  ff ff ff ff              value length     4294967295: a tombstone
       24  72 69 63 6f 74           key suffix       "ricot" (key "apricot")
  offsets
       29  00 00 10 00              offsets          0 16
       33  02 00                    entry count      2
"#;
