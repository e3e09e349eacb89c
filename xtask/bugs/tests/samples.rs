//! What the book shows of the grader's reports is what the grader says today: of a planted mistake, and of verdicts that no
//! test of ours can have.
//!
//! The samples lie in `book/src/samples`; with `SAMPLES=write` they are written anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bugs::edit;
use bugs::scratch::Scratch;
use bugs::zoo;
use staging::stage::{Reference, Stage};
use xtask::catalogue::{self, Day};
use xtask::scheck::report::{Grade, Trial, Verdict};
use xtask::scheck::{Ask, Subject, board, explain, grade, seen};
use xtask::screen::Screen;
use xtask::workspace::Workspace;

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate lies two folders deep")
        .to_path_buf()
}

fn days() -> Vec<Day> {
    catalogue::read(&root().join("mini-lsm")).expect("the day tests can be read")
}

/// The sample in the book is this text, in a fence.
#[track_caller]
fn assert_sample(name: &str, said: &str) {
    let path = root().join("book/src/samples").join(name);
    let expected = format!("```text\n{}\n```\n", said.trim_end());
    if std::env::var_os("SAMPLES").is_some_and(|word| word == "write") {
        fs::write(&path, &expected).expect("the sample can be written");
    }
    let shown = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shown == expected,
        "{} is not what the grader says; `SAMPLES=write cargo test --package bugs --test samples` writes it anew. It says\n{said}",
        path.display()
    );
}

/// A learner's crate on the evening of day 1, with a mistake of the zoo in it, in a small course.
fn day_1_with(name: &str) -> Subject {
    const CRATE: &str = "mini-lsm-starter";
    let bugs = zoo::read(&root(), &days()).expect("the zoo is sound");
    let bug = bugs.iter().find(|bug| bug.name == name);
    let reference = Reference::read(&root().join("mini-lsm")).expect("the reference");
    let stage = reference.without_rustfmt_too().stage(Stage::day(1));
    let tree = edit::plant(&stage.expect("a stage"), bug.expect("it is in the zoo"));
    let workspace = Workspace::at(root());
    let scratch = Scratch::of(&workspace).aside("samples");
    let course = scratch.root(CRATE);
    // Nothing has been run in it yet, and no hint is out.
    fs::remove_file(course.join("progress.json")).ok();
    for file in ["xtask/bugs/record.json", "book/src/day1-blocks.md"] {
        let to = course.join(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(root().join(file), to).expect("a file of the course");
    }
    scratch
        .lay_out(CRATE, &tree.expect("the edit fits"))
        .expect("a course");
    let learners = Subject::starter(&workspace);
    Subject {
        command: learners.command,
        day_by_day: learners.day_by_day,
        progress: Some(course),
        tidy: false,
        ..scratch.subject(CRATE, learners.limits.time)
    }
}

#[test]
fn the_report_of_a_failing_test() {
    let subject = day_1_with("last-entry-never-found");
    let ask = Ask {
        day: Some(1),
        task: Some(4),
        ..Ask::default()
    };
    let grade = grade(&subject, &ask, &Screen::PLAIN).expect("it can be graded");
    let seen = seen::remember(&subject, &grade);
    // As wide as the book's page.
    let screen = Screen {
        width: 80,
        ..Screen::PLAIN
    };
    let board = board::render(&grade, &seen, &screen);
    let Grade::Report(report) = &grade else {
        panic!("a planted mistake compiles:\n{board}");
    };
    let report = explain::first_failure(report, &seen, &screen).join("\n");
    assert!(board.contains(&report), "{board}");
    assert_sample("failing-test.txt", &report);
}

#[test]
fn verdicts_that_take_a_minute_or_chance() {
    let days = days();
    let tests = days.iter().flat_map(|day| &day.tests);
    let tests: BTreeMap<&str, _> = tests.map(|test| (test.name.as_str(), test)).collect();
    let trial = |name: &str, verdict| Trial {
        test: tests[name].clone(),
        verdict,
        panics: Vec::new(),
        last_words: Vec::new(),
    };
    let said = |trial: Trial| format!("{}: {}", trial.test.name, explain::one_line(&trial));
    let limit = Subject::starter(&Workspace::at(root())).limits.time;
    let hung = trial("a_full_memtable_is_frozen", Verdict::TimedOut(limit));
    assert_sample("deadlock.txt", &said(hung));
    // As it came of an engine that makes a batch visible before it is in the memtable.
    let race = Verdict::NowAndThen {
        failed: 19,
        of: 20,
        seed: 820234,
        first: Box::new(Verdict::Failed),
    };
    assert_sample(
        "race.txt",
        &said(trial("every_scan_sees_whole_batches", race)),
    );
}
