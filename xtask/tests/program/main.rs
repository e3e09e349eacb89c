//! The program itself: its exit codes, and that a mistake costs one line.
//! Graded from outside, it stands in a small repository of its own: see `repository`.

mod repository;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use repository::Repository;

fn x(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(args).output().expect("xtask starts")
}

#[test]
fn help_lists_every_verb_and_exits_with_zero() {
    for args in [&[][..], &["help"], &["--help"], &["scheck", "--help"]] {
        let output = x(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let text = String::from_utf8(output.stdout).expect("help is text");
        for verb in ["scheck", "book", "starter", "stages", "ci"] {
            assert!(
                text.lines().any(|line| line.trim_start().starts_with(verb)),
                "no {verb} in\n{text}"
            );
        }
    }
}

#[test]
fn a_mistake_costs_one_line_and_exits_with_two() {
    for (args, message) in [
        (
            &["scheckk"][..],
            "no such command: `scheckk`; did you mean `scheck`?\n",
        ),
        (
            &["ci", "--only", "fmtt"],
            "no such step: `fmtt`; did you mean `fmt`?\n",
        ),
        (
            &["ci", "extra"],
            "no such argument of `cargo x ci`: `extra`; `cargo x help` lists them\n",
        ),
    ] {
        let output = x(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), message);
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn the_steps_of_ci_are_listed_with_their_commands() {
    let output = x(&["ci", "--list", "--only", "fmt"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        text,
        "fmt       formatting\n            cargo fmt --all --check\n"
    );
}

#[test]
fn the_exit_code_says_whether_all_that_was_asked_for_passes() {
    let repository = Repository::new("2");
    let output = repository.x(&["scheck"]).output().expect("xtask starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("mini-lsm-starter/tests/day1_one.rs:10:"),
        "{text}"
    );

    let output = repository
        .x(&["scheck", "--solution"])
        .output()
        .expect("xtask starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("All days are full."), "{text}");

    let output = repository
        .x(&["scheck", "--day", "8"])
        .output()
        .expect("xtask starts");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "there is no day 8: the days are 1 to 1\n"
    );
}

/// Hints come one at a time, are remembered without a run, and end with what else helps.
#[test]
fn hints_come_one_by_one_until_there_are_no_more() {
    let repository = Repository::new("2");
    let hint = |args: &[&str]| {
        let args = [&["hint"], args].concat();
        let output = repository.x(&args).output().expect("xtask starts");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), text)
    };
    let (code, first) = hint(&[]);
    assert_eq!(code, Some(0), "{first}");
    assert!(first.starts_with("Nothing has been graded yet"), "{first}");
    assert!(first.contains("  1/2   It is a number.\n"), "{first}");
    assert!(!first.contains("2/2"), "{first}");
    assert!(first.ends_with("1 more hint: cargo x hint\n"), "{first}");
    repository.x(&["scheck"]).output().expect("xtask starts");
    let (_, second) = hint(&["--day", "1", "--task", "1"]);
    assert!(
        second.contains("  1/2   It is a number.\n  2/2   It is 1.\n"),
        "{second}"
    );
    assert!(second.contains("That was the last hint"), "{second}");
    let (_, third) = hint(&["one_is_one", "--all"]);
    assert!(
        third.contains("There are no more hints for this test."),
        "{third}"
    );
    assert!(third.contains("cargo x diff --day 1"), "{third}");
    let board = repository.x(&["scheck"]).output().expect("xtask starts");
    let board = String::from_utf8_lossy(&board.stdout).into_owned();
    assert!(
        board.contains("  hint    cargo x hint --all (all 2 are out)\n"),
        "{board}"
    );

    let (code, text) = hint(&["two_is_two"]);
    assert_eq!(
        (code, text.as_str()),
        (
            Some(2),
            "no such test: `two_is_two`; `mini-lsm-starter/tests` lists them\n"
        )
    );
    let (code, text) = hint(&["--day", "1", "--task", "9"]);
    let none = "there is no task 9 of day 1; `cargo x scheck` shows which there are\n";
    assert_eq!((code, text.as_str()), (Some(2), none));
}

/// `.vscode/tasks.json` reads these lines.
#[test]
fn problems_have_a_line_each_for_editors() {
    let repository = Repository::new("2");
    let output = repository
        .x(&["scheck", "--problems"])
        .output()
        .expect("xtask starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = "mini-lsm-starter/tests/day1_one.rs:10:9: error: day 1, task 1, one_is_one: assertion `left == right` failed\n";
    assert!(text.ends_with(line), "{text}");
    let repository = Repository::new("oops");
    let output = repository
        .x(&["scheck", "--problems"])
        .output()
        .expect("xtask starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = "mini-lsm-starter/src/lib.rs:2:5: error: cannot find value `oops` in this scope\n";
    assert!(text.ends_with(line), "{text}");
}

#[test]
fn for_screen_readers_there_are_words_and_no_bars() {
    let repository = Repository::new("2");
    let output = repository
        .x(&["scheck", "--plain"])
        .output()
        .expect("xtask starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let row = "day 1, One: 0 of 1 tests pass, 1 to go; task 1: 0 of 1.\n";
    assert!(text.contains(row), "{text}");
    assert!(text.is_ascii() && !text.contains('\x1b'), "{text}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(told, "compiling\nday 1: running 1 test\n");
}

#[test]
fn where_there_is_no_unicode_the_board_is_ascii() {
    let repository = Repository::new("2");
    let output = repository
        .x(&["scheck"])
        .env("TERM", "dumb")
        .output()
        .expect("xtask starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.is_ascii(), "{text}");
    assert!(
        text.contains("day 1  One  ............    0/1  1 to go"),
        "{text}"
    );
}

/// A test that hangs gets no Ctrl-C from the terminal, so it would outlive an impatient learner's run.
#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_no_test_behind() {
    let repository = Repository::new("{ hang(); 1 }");
    let mut run = repository.x(&["scheck"]).spawn().expect("xtask starts");
    let hanging = repository.pid_of_hanging_test();
    let interrupt = |signal: &str, pid: &str| {
        let mut kill = Command::new("kill");
        kill.args([signal, pid]).stderr(std::process::Stdio::null());
        kill.status().expect("kill starts").success()
    };
    assert!(interrupt("-INT", &run.id().to_string()));
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    let gone = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        !interrupt("-0", &hanging)
    });
    assert!(gone, "the test {hanging} is still running");
}

/// A folder that is a workspace of its own knows no `xtask`: its alias has to say where that is.
#[test]
fn every_workspace_of_the_repository_has_the_alias() {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = xtask.parent().expect("xtask stands in the repository");
    let root = root.canonicalize().expect("the root is there");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("it has a manifest");
    let excluded = manifest.lines().find(|line| line.starts_with("exclude = "));
    let names = excluded.expect("some folders stand apart").split('"');
    let mut apart = 0;
    for folder in names.map(|name| root.join(name)) {
        if folder == root || !folder.join("Cargo.toml").is_file() {
            continue;
        }
        let config = folder.join(".cargo").join("config.toml");
        let config = fs::read_to_string(&config)
            .unwrap_or_else(|error| panic!("{}: {error}", config.display()));
        let alias = config.lines().find(|line| line.starts_with("x = "));
        let path =
            alias.and_then(|alias| alias.split_once("--manifest-path ")?.1.split(' ').next());
        let path = path.unwrap_or_else(|| panic!("no alias `x` with a manifest in {config}"));
        let named = folder.join(path).canonicalize();
        assert_eq!(named.ok(), Some(root.join("Cargo.toml")), "{path}");
        apart += 1;
    }
    assert!(apart >= 3, "{apart} workspaces in {manifest}");
}
