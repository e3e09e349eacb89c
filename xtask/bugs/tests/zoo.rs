//! The zoo as it is committed: its data is sound, every edit fits the reference, and there are enough of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bugs::choose::{self, MOST_CHANGED};
use bugs::edit;
use bugs::record::{Entry, Record};
use bugs::zoo::{self, Bug};
use staging::tree::Tree;
use xtask::catalogue::{self, Day};

/// On every day.
const AT_LEAST: usize = 8;
const AT_LEAST_IN_ALL: usize = 60;

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate lies two folders deep")
        .to_path_buf()
}

fn days() -> Vec<Day> {
    catalogue::read(&root().join("mini-lsm")).expect("the day tests can be read")
}

fn bugs() -> Vec<Bug> {
    zoo::read(&root(), &days()).expect("the zoo is sound")
}

fn reference() -> Tree {
    Tree::read(&root().join("mini-lsm")).expect("the reference can be read")
}

#[test]
fn every_edit_fits_the_reference_once() {
    let reference = reference();
    for bug in bugs() {
        let planted = edit::plant(&reference, &bug).unwrap_or_else(|error| panic!("{error:#}"));
        let changed = planted
            .iter()
            .filter(|(file, text)| reference.get(*file) != Some(*text));
        let changed: Vec<_> = changed.map(|(file, _)| file).collect();
        assert!(!changed.is_empty(), "{} changes nothing", bug.name);
        assert!(
            changed.iter().all(|file| file.starts_with("src/")),
            "{} changes {changed:?}, and not the engine alone",
            bug.name
        );
    }
}

#[test]
fn every_day_has_its_share() {
    let bugs = bugs();
    for day in days() {
        let count = bugs.iter().filter(|bug| bug.day == day.number).count();
        assert!(count >= AT_LEAST, "day {} has {count} bugs", day.number);
    }
    assert!(bugs.len() >= AT_LEAST_IN_ALL, "{} bugs in all", bugs.len());
}

#[test]
fn every_bug_is_recorded_with_a_test_that_fits_it() {
    let record = Record::read(&root()).expect("the record can be read");
    let bugs = bugs();
    let names: Vec<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
    let recorded: Vec<&str> = record
        .bugs
        .iter()
        .map(|entry| entry.name.as_str())
        .collect();
    assert_eq!(recorded, names, "`cargo x bugs --all --record` mends this");
    for (bug, entry) in bugs.iter().zip(&record.bugs) {
        let seen =
            |test: &String| entry.fails.contains_key(test) || entry.varies.contains_key(test);
        assert!(
            bug.caught_by.iter().any(seen),
            "{}: {:?}",
            bug.name,
            bug.caught_by
        );
    }
}

#[test]
fn questions_name_no_test_and_tell_bugs_apart() {
    let mut questions: BTreeMap<String, String> = BTreeMap::new();
    for bug in bugs() {
        assert!(!bug.question.contains("task_"), "{}", bug.name);
        if let Some(other) = questions.insert(bug.question, bug.name.clone()) {
            panic!("{} and {other} ask the same", bug.name);
        }
    }
}

/// A record of today's files, whatever fails.
fn of_today(bugs: &[Bug], days: &[Day], tree: &Tree) -> Record {
    let entry = |bug: &Bug| Entry {
        name: bug.name.clone(),
        files: choose::fingerprint(bug, days, tree),
        ..Entry::default()
    };
    Record {
        bugs: bugs.iter().map(entry).collect(),
    }
}

#[test]
fn when_nothing_has_changed_a_tenth_is_drawn_always_the_same() {
    let (bugs, days, reference) = (bugs(), days(), reference());
    let draw = |tree: &Tree| -> Vec<String> {
        let record = of_today(&bugs, &days, tree);
        let choice = choose::choose(&bugs, &record, &days, tree);
        assert_eq!((choice.changed, choice.left_out), (0, 0));
        choice.bugs.iter().map(|bug| bug.name.clone()).collect()
    };
    let drawn = draw(&reference);
    assert_eq!(drawn.len(), bugs.len().div_ceil(10));
    assert_eq!(drawn, draw(&reference));
    let mut other = reference.clone();
    other.insert("src/other.rs".to_string(), Vec::new());
    assert_ne!(drawn, draw(&other), "another tree draws others");
}

#[test]
fn bugs_whose_files_have_changed_are_taken_up_to_a_bound() {
    let (bugs, days, reference) = (bugs(), days(), reference());
    let record = of_today(&bugs, &days, &reference);
    let change = |path: &str| {
        let mut tree = reference.clone();
        let file = tree.get_mut(path).expect("the reference has it");
        file.extend_from_slice(b"\n// changed\n");
        tree
    };
    let edits = |bug: &&Bug, path: &str| bug.edits.iter().any(|edit| edit.file == path);

    let tree = change("src/log/reader.rs");
    let choice = choose::choose(&bugs, &record, &days, &tree);
    let all: Vec<&Bug> = bugs
        .iter()
        .filter(|bug| edits(bug, "src/log/reader.rs"))
        .collect();
    assert!(!all.is_empty(), "a bug in it is what this test is about");
    assert_eq!((choice.changed, choice.left_out), (all.len(), 0));
    assert!(all.iter().all(|bug| choice.bugs.contains(bug)));

    let tree = change("tests/day6_recovery/task_1.rs");
    let choice = choose::choose(&bugs, &record, &days, &tree);
    let of_task = bugs.iter().filter(|bug| (bug.day, bug.task) == (6, 1));
    assert_eq!(choice.changed, of_task.count());
    assert!(choice.changed - choice.left_out <= MOST_CHANGED);

    let choice = choose::choose(&bugs, &Record::default(), &days, &reference);
    assert_eq!(choice.changed, bugs.len(), "none is recorded");
    assert_eq!(choice.bugs.len(), MOST_CHANGED);
    assert_eq!(choice.left_out, bugs.len() - MOST_CHANGED);
}
