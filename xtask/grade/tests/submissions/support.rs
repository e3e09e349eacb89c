//! Submissions as data, written into folders, and the grader run over them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use grade::report::{Graded, Report};
use serde::Deserialize;
use staging::stage::{Reference, Stage};
use staging::tree::Tree;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Zoo {
    submission: Vec<Hostile>,
}

/// One submission and what must become of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hostile {
    pub name: String,
    /// Texts that must stand among the reasons of its tests, none of which may pass.
    pub fails: Vec<String>,
    #[serde(default, rename = "edit")]
    pub edits: Vec<Edit>,
    #[serde(default, rename = "file")]
    pub files: Vec<File>,
    #[serde(default)]
    pub expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    file: String,
    find: String,
    put: String,
    /// How often `put` is put there.
    #[serde(default = "once")]
    times: usize,
    /// Only the first of several places.
    #[serde(default)]
    first: bool,
}

fn once() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    path: String,
    text: String,
}

/// Texts that must stand in parts of the report.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    #[serde(default)]
    pub tampering: Vec<String>,
    #[serde(default)]
    pub replaced: Vec<String>,
}

/// The submissions of a file in `hostile`.
pub fn read(name: &str) -> Vec<Hostile> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("hostile")
        .join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let zoo: Zoo = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    zoo.submission
}

/// The repository.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the repository")
        .canonicalize()
        .expect("a real path")
}

pub fn stage(day: u32) -> Tree {
    let reference = Reference::read(&root().join("mini-lsm")).expect("the reference");
    reference
        .without_rustfmt_too()
        .stage(Stage::day(day))
        .expect("a stage")
}

/// Writes a crate into a folder, without its tests.
pub fn write(tree: &Tree, dir: &Path) {
    let sources = tree.iter().filter(|(path, _)| path.starts_with("src/"));
    let tree = Tree(
        sources
            .map(|(path, text)| (path.clone(), text.clone()))
            .collect(),
    );
    fs::create_dir_all(dir).expect("a folder");
    tree.write_to(dir).expect("a crate");
}

/// Writes a hostile submission: the starter with its edits.
pub fn write_hostile(
    hostile: &Hostile,
    starter: &Tree,
    names: &BTreeMap<&str, String>,
    dir: &Path,
) {
    let named = |text: &str| {
        names.iter().fold(text.to_string(), |text, (name, value)| {
            text.replace(name, value)
        })
    };
    let mut tree = starter.clone();
    for edit in &hostile.edits {
        let text = String::from_utf8(tree[&edit.file].clone()).expect("text");
        let count = text.matches(&edit.find).count();
        assert!(
            count == 1 || (edit.first && count > 1),
            "{}: its text stands in {} {count} times",
            hostile.name,
            edit.file
        );
        let put = named(edit.put.trim_end_matches('\n')).repeat(edit.times);
        let text = text.replacen(&edit.find, &put, 1);
        tree.insert(edit.file.clone(), text.into_bytes());
    }
    write(&tree, dir);
    for file in &hostile.files {
        let path = dir.join(&file.path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, named(&file.text)).expect("a file");
    }
}

/// The grader's folder: dependencies are compiled once for all tests of this package.
pub fn target() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    dir.canonicalize().expect("a real path")
}

/// Runs `cargo x grade` and reads its report.
pub fn grade(args: &[&str], dirs: &[&Path]) -> Report {
    let text = grade_in(Path::new("."), args, dirs);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("no report ({e}): {text}"))
}

/// Runs it from a folder, and gives the report as it is. What is graded is compiled without optimisation: that is half the time.
pub fn grade_in(folder: &Path, args: &[&str], dirs: &[&Path]) -> String {
    // All tests share one folder, and a run takes all cores.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let grader = Command::new(env!("CARGO_BIN_EXE_grade"))
        .args(args)
        .args(["--json", "-", "--opt-level", "0"])
        .args(dirs)
        .current_dir(folder)
        .env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the grader starts");
    let id = grader.id();
    let watcher = thread::spawn(move || peak(id));
    let output = grader.wait_with_output().expect("the grader ends");
    let peak = watcher.join().expect("the memory of the grader is watched");
    assert!(
        peak < MEMORY_KIB,
        "the grader, without what it starts, took {peak} KiB of memory"
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the grader failed: {said}");
    String::from_utf8(output.stdout).expect("a report is UTF-8")
}

/// What the grader itself may take, whatever is handed in.
const MEMORY_KIB: u64 = 200 << 10;

/// The most memory that a process has had, in KiB, once it has ended; 0 where the system does not tell.
fn peak(id: u32) -> u64 {
    let mut peak = 0;
    while let Some(now) = most_so_far(id) {
        peak = now;
        thread::sleep(Duration::from_millis(20));
    }
    peak
}

fn most_so_far(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The result of one submission.
#[track_caller]
pub fn of<'a>(report: &'a Report, name: &str) -> &'a Graded {
    let found = report.submissions.iter().find(|graded| graded.name == name);
    found.unwrap_or_else(|| panic!("{name} is not in the report"))
}
