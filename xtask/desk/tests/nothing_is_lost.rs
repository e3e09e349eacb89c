//! Whatever state a learner's files are in, each command that changes them prints a way back that brings every byte, and leaves
//! the index, `HEAD` and a merge under way alone.

mod support;

use std::fs;

use support::Learner;

const STACK: &str = "mini-lsm-starter/src/stack.rs";
const QUEUE: &str = "mini-lsm-starter/src/queue.rs";

/// Each changes something in every state below.
const COMMANDS: [&[&str]; 5] = [
    &["catch-up", "--day", "2"],
    &["reset"],
    &["reset", "--day", "1"],
    &["borrow", "Stack::pop"],
    &["update"],
];

/// Own work of many kinds: a body, a helper, files that git does not know or is told to ignore, a test.
fn work(learner: &Learner) {
    learner.change(
        STACK,
        "unimplemented!(\"day 1, task 1: Stack::push\")",
        "self.items.push(item); // mine",
    );
    learner.write("mini-lsm-starter/src/notes.tmp", "ignored\n");
    learner.write("mini-lsm-starter/src/deep/extra.rs", "// untracked\n");
    learner.write("mini-lsm-starter/tests/own.rs", "#[test]\nfn own() {}\n");
    fs::write(learner.starter("src/bytes.bin"), b"\xff\x00\r\n\xfe").unwrap();
    // So that `update` has something to bring.
    learner.change(
        "mini-lsm/src/queue.rs",
        "pub fn put",
        "/// Puts.\n    pub fn put",
    );
}

/// Runs every command in a state made by `state`, and goes back each time.
fn try_all(git: bool, state: impl Fn(&Learner)) {
    for command in COMMANDS {
        let learner = match git {
            false => Learner::new(),
            true => match Learner::with_git() {
                Some(learner) => learner,
                None => return,
            },
        };
        work(&learner);
        state(&learner);
        let before = learner.files();
        let git_before = git.then(|| git_state(&learner));
        let out = learner.done(command);
        assert_ne!(
            learner.files(),
            before,
            "{command:?} changes something: {out}"
        );
        assert_eq!(
            git.then(|| git_state(&learner)),
            git_before,
            "{command:?}: {out}"
        );
        assert_eq!(out.contains("kept in git"), git, "{out}");
        learner.go_back(&out);
        let after = learner.files();
        for (path, bytes) in &before {
            assert_eq!(
                after.get(path),
                Some(bytes),
                "{command:?}, {}: {out}",
                path.display()
            );
        }
        if !git {
            assert_eq!(after, before, "{command:?}");
        }
    }
}

/// What no command may touch.
fn git_state(learner: &Learner) -> (Vec<u8>, String, String, Option<Vec<u8>>) {
    let dot = learner.root().join(".git");
    (
        fs::read(dot.join("index")).unwrap(),
        fs::read_to_string(dot.join("HEAD")).unwrap(),
        // Before the first commit there is none to name.
        String::from_utf8_lossy(&learner.try_git(&["rev-parse", "HEAD"]).stdout).into_owned(),
        fs::read(dot.join("MERGE_HEAD")).ok(),
    )
}

#[test]
fn with_uncommitted_untracked_and_ignored_work() {
    try_all(true, |_| {});
}

#[test]
fn with_everything_committed() {
    try_all(true, |learner| {
        learner.git(&["add", "-f", "."]);
        learner.git(&["commit", "-q", "-m", "mine"]);
    });
}

#[test]
fn with_staged_work_that_was_changed_again() {
    try_all(true, |learner| {
        learner.git(&["add", "."]);
        learner.change(STACK, "// mine", "// mine, and once more");
    });
}

#[test]
fn without_a_first_commit() {
    try_all(true, |learner| {
        fs::remove_dir_all(learner.root().join(".git")).unwrap();
        learner.git(&["init", "-q", "-b", "main"]);
        learner.git(&["add", "Cargo.toml"]);
    });
}

#[test]
fn without_git() {
    try_all(false, |_| {});
}

#[test]
fn with_line_ends_of_windows() {
    for git in [true, false] {
        try_all(git, |learner| {
            for path in [STACK, QUEUE] {
                let text = learner.read(path).replace('\n', "\r\n");
                learner.write(path, &text);
            }
        });
    }
}

#[test]
fn in_the_middle_of_a_merge() {
    try_all(true, |learner| {
        learner.git(&["add", "-A", "mini-lsm-starter"]);
        learner.git(&["commit", "-q", "-m", "mine"]);
        learner.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
        learner.change(
            STACK,
            "unimplemented!(\"day 1, task 1: Stack::push\")",
            "todo!(\"of another branch\")",
        );
        learner.git(&["commit", "-q", "-m", "side", "mini-lsm-starter"]);
        learner.git(&["checkout", "-q", "main"]);
        assert!(!learner.try_git(&["merge", "-q", "side"]).status.success());
        assert!(learner.read(STACK).contains("<<<<<<<"));
        // `borrow` and `update` read the file: settle it by hand, but leave the merge open.
        let mine = learner.git(&["show", &format!(":2:{STACK}")]);
        learner.write(STACK, &format!("{mine}\n// settled by hand\n"));
    });
}

#[test]
fn with_conflicts_still_in_a_file() {
    let Some(learner) = Learner::with_git() else {
        return;
    };
    learner.change(
        STACK,
        "impl Stack {",
        "<<<<<<< HEAD\nimpl Stack {\n=======\nimpl Stack  {\n>>>>>>> side",
    );
    let before = learner.files();
    let out = learner.done(&["catch-up", "--day", "1"]);
    assert!(out.contains("mini-lsm-starter/src/stack.rs:"), "{out}");
    assert!(learner.read(STACK).contains("self.items.pop()"));
    learner.go_back(&out);
    assert_eq!(learner.files(), before);
}

#[test]
fn a_file_that_does_not_parse_is_kept_and_named_with_its_line() {
    for git in [true, false] {
        let learner = match git {
            true => Learner::with_git(),
            false => Some(Learner::new()),
        };
        let Some(learner) = learner else { return };
        learner.change(STACK, "pub struct Stack {", "pub struct Stack {{");
        let line = 1 + learner
            .read(STACK)
            .lines()
            .position(|line| line.ends_with("{{"))
            .unwrap();
        let before = learner.files();
        let out = learner.done(&["catch-up", "--day", "1"]);
        assert!(
            out.contains("mini-lsm-starter/src/stack.rs:") && out.contains("no Rust"),
            "line {line}: {out}"
        );
        learner.go_back(&out);
        assert_eq!(learner.files(), before);
        // One function cannot be found in it: refused, in one line.
        let said = learner.refused(&["borrow", "Stack::pop"]);
        assert!(
            said.contains("mini-lsm-starter/src/stack.rs:") && said.contains("nothing was changed"),
            "{said}"
        );
        let out = learner.done(&["reset"]);
        learner.go_back(&out);
        assert_eq!(learner.files(), before);
    }
}

#[test]
fn a_read_only_file_stops_the_command_before_anything_is_written() {
    let learner = Learner::new();
    work(&learner);
    let path = learner.starter("src/stack.rs");
    let writable = fs::metadata(&path).unwrap().permissions();
    let mut read_only = writable.clone();
    read_only.set_readonly(true);
    fs::set_permissions(&path, read_only).unwrap();
    for command in COMMANDS.iter().filter(|command| command[0] != "update") {
        let said = learner.refused(command);
        assert!(
            said.starts_with("mini-lsm-starter/src/stack.rs is read-only"),
            "{said}"
        );
    }
    fs::set_permissions(&path, writable).unwrap();
    learner.done(&["reset"]);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    let learner = Learner::new();
    let elsewhere = learner.root().join("elsewhere.rs");
    fs::rename(learner.starter("src/stack.rs"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, learner.starter("src/stack.rs")).unwrap();
    let said = learner.refused(&["catch-up", "--day", "1"]);
    assert!(said.contains("src/stack.rs is a link"), "{said}");
}

#[test]
fn each_command_run_twice_is_harmless() {
    let Some(learner) = Learner::with_git() else {
        return;
    };
    work(&learner);
    for command in COMMANDS {
        learner.done(command);
        let (files, branches) = (learner.files(), learner.git(&["branch"]));
        let again = learner.done(command);
        assert!(
            again.contains("nothing") || again.contains("already"),
            "{again}"
        );
        assert_eq!(learner.files(), files, "{command:?}");
        assert_eq!(learner.git(&["branch"]), branches, "{command:?}");
    }
}

#[test]
fn the_same_work_is_kept_once() {
    let learner = Learner::new();
    work(&learner);
    let first = learner.done(&["reset"]);
    learner.go_back(&first);
    let second = learner.done(&["reset"]);
    let folder = |out: &str| {
        out.lines()
            .find(|line| line.contains("saved/"))
            .map(str::to_string)
    };
    assert_eq!(folder(&first), folder(&second));
}

#[test]
fn the_same_work_has_one_branch_however_often_it_is_kept() {
    let Some(learner) = Learner::with_git() else {
        return;
    };
    work(&learner);
    let branches = || learner.git(&["branch", "--list", "saved-*"]);
    let before = learner.files();
    // Each changes the crate and is taken back, so that the next keeps the very same bytes.
    for command in [&["reset"][..], &["catch-up", "--day", "2"], &["reset"]] {
        let out = learner.done(command);
        learner.go_back(&out);
        assert_eq!(learner.files(), before, "{command:?}");
        assert_eq!(branches().lines().count(), 1, "{command:?}: {out}");
    }
    // Two states by turns: as it was, and with the loan.
    for _ in 0..3 {
        learner.done(&["borrow", "Stack::pop"]);
        learner.done(&["repay"]);
    }
    let kept = branches();
    assert_eq!(kept.lines().count(), 2, "{kept}");
    // A commit elsewhere is no new work.
    learner.write("notes.md", "mine\n");
    learner.git(&["add", "notes.md"]);
    learner.git(&["commit", "-q", "-m", "notes"]);
    learner.done(&["borrow", "Stack::pop"]);
    assert_eq!(branches(), kept);
}

#[test]
fn a_copy_inside_another_project_is_kept_in_a_folder() {
    let Some(learner) = Learner::with_git() else {
        return;
    };
    // The course lies in a folder that the repository around it does not track.
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("course");
    fs::rename(learner.root(), &inner).unwrap();
    fs::rename(inner.join(".git"), outer.path().join(".git")).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_desk"));
    command.args(["reset", "--day", "1"]).current_dir(&inner);
    command
        .env("CARGO_MANIFEST_DIR", inner.join("xtask/desk"))
        .env("CARGO_TARGET_DIR", inner.join("target"));
    fs::write(inner.join(STACK), "// mine\n").unwrap();
    let output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && out.contains("kept in saved/"),
        "{out}"
    );
}
