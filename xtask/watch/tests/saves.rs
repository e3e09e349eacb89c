//! The watcher on a small repository, as a learner uses it: it grades, sees a save, grades again, and a test that hangs holds up
//! nothing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Only a watcher that hangs is waited for so long.
const PATIENCE: Duration = Duration::from_secs(300);

struct Watcher {
    root: TempDir,
    child: Child,
    lines: Receiver<String>,
}

impl Watcher {
    /// Watches a repository whose starter answers `body`.
    fn start(body: &str) -> Watcher {
        let root = tempfile::tempdir().expect("a folder");
        let members =
            "[workspace]\nresolver = \"3\"\nmembers = [\"mini-lsm\", \"mini-lsm-starter\"]\n";
        write(root.path(), "Cargo.toml", members);
        for (name, body) in [("mini-lsm", "1"), ("mini-lsm-starter", body)] {
            let manifest =
                format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
            write(root.path(), &format!("{name}/Cargo.toml"), &manifest);
            write(root.path(), &format!("{name}/src/lib.rs"), &lib(body));
            let test = TEST.replace("CRATE", &name.replace('-', "_"));
            write(root.path(), &format!("{name}/tests/day1_one.rs"), &test);
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_watch"))
            .env(
                "CARGO_MANIFEST_DIR",
                root.path().join("xtask").join("watch"),
            )
            .env("CARGO_TARGET_DIR", root.path().join("target"))
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the watcher starts");
        let stdout = child.stdout.take().expect("it is piped");
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                send.send(line).ok();
            }
        });
        Watcher { root, child, lines }
    }

    fn save(&self, body: &str) {
        write(self.root.path(), "mini-lsm-starter/src/lib.rs", &lib(body));
    }

    /// Waits for a line that holds `part` and gives it with all before it.
    #[track_caller]
    fn wait_for(&self, part: &str) -> String {
        let mut seen = String::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            seen += &format!("{line}\n");
            if line.contains(part) {
                return seen;
            }
        }
        panic!("no line with `{part}` has come, only\n{seen}");
    }

    /// Waits until the test that hangs runs.
    fn wait_for_hang(&self) {
        let file = self.root.path().join("mini-lsm-starter").join("hangs");
        for _ in 0..30_000 {
            if file.is_file() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the test has not begun to hang");
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn lib(body: &str) -> String {
    LIB.replace("BODY", body)
}

const LIB: &str = r#"//! Day 1 · Task 1 · One.

pub fn one() -> u32 {
    BODY
}

pub fn hang() {
    std::fs::write("hangs", "").unwrap();
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
"#;

const TEST: &str = "//! Day 1 · One
mod task_1 {
    /// One is one.
    #[test]
    fn one_is_one() {
        assert_eq!(CRATE::one(), 1);
    }
}
";

const WAITING: &str = "waiting for the next save";

#[test]
fn a_save_is_graded_its_task_first() {
    let watcher = Watcher::start("2");
    let board = watcher.wait_for(WAITING);
    assert!(
        board.contains("  day 1  One  ░░░░░░░░░░░░    0/1  1 to go"),
        "{board}"
    );
    watcher.save("3");
    let part = watcher.wait_for(WAITING);
    assert!(
        part.contains("Day 1, task 1: 0 of 1 tests pass.\n"),
        "{part}"
    );
    assert!(
        part.contains("since the last run: nothing changed\n"),
        "{part}"
    );
    assert!(part.contains("right: 1\n") && !part.contains("░"), "{part}");
    watcher.save("1");
    let board = watcher.wait_for(WAITING);
    assert!(
        board.contains("  + day 1 · task 1 · one_is_one\n"),
        "{board}"
    );
    assert!(
        board.contains("  day 1  One  ████████████    1/1  full"),
        "{board}"
    );
}

#[test]
fn a_save_ends_a_run_that_hangs() {
    let watcher = Watcher::start("{ hang(); 1 }");
    watcher.wait_for_hang();
    watcher.save("1");
    let board = watcher.wait_for(WAITING);
    assert!(board.contains("1/1  full"), "{board}");
    assert!(!board.contains("still running after"), "{board}");
}
