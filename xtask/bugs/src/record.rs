//! What was recorded: for each bug the tests of its day that fail, and how. `cargo x bugs --record` writes it, every
//! other run compares, so that a test which no longer sees what it saw is noticed.
//!
//! It is JSON, since the grader reads it too, to whom a failure may look like one of these.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use xtask::catalogue::Test;
use xtask::scheck::kind::Kind;
use xtask::scheck::report::Trial;

use crate::hunt::Failures;
use crate::zoo::Bug;

/// The committed file, from the root of the repository.
pub const FILE: &str = "xtask/bugs/record.json";

/// All bugs, in the order of the zoo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub bugs: Vec<Entry>,
}

/// One bug.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub name: String,
    pub day: u32,
    pub task: u32,
    pub question: String,
    /// What its files were then: see [`crate::choose::fingerprint`].
    #[serde(default)]
    pub files: String,
    /// By the path of the test, in one word how it fails: see [`Kind`].
    pub fails: BTreeMap<String, String>,
    /// The first of them, and the plain words of what each says: see [`Kind::words`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub says: BTreeMap<String, String>,
    /// Those that fail now and then, or not always in this way: who comes first is left to chance.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub varies: BTreeMap<String, String>,
}

impl Record {
    /// The record of the repository at `root`; empty where there is none yet.
    pub fn read(root: &Path) -> Result<Record> {
        let text = match fs::read_to_string(path(root)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
            Err(error) => return Err(anyhow!(error).context(format!("cannot read {FILE}"))),
        };
        serde_json::from_str(&text)
            .with_context(|| format!("{FILE}; `cargo x bugs --all --record` makes it anew"))
    }

    pub fn write(&self, root: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).expect("a record is plain data");
        text.push('\n');
        fs::write(path(root), text).with_context(|| format!("cannot write {FILE}"))
    }

    pub fn of(&self, bug: &Bug) -> Option<&Entry> {
        self.bugs.iter().find(|entry| entry.name == bug.name)
    }

    /// Takes over what was seen of some bugs, and forgets those that are no longer in the zoo.
    pub fn update(&mut self, zoo: &[Bug], mut seen: Vec<Entry>) {
        seen.append(&mut self.bugs);
        let find = |bug: &Bug| seen.iter().find(|entry| entry.name == bug.name).cloned();
        self.bugs = zoo.iter().filter_map(find).collect();
    }
}

impl Entry {
    /// From several runs, the latest last, and what was recorded before.
    ///
    /// A test that failed in all runs in the same way fails; one that did not varies. A single timeout is the machine's
    /// doing and not the bug's. What varied once may vary again; and what failed when the files were the same, and now does
    /// not, or not in this way, varies too. `files` is the fingerprint.
    pub fn new(bug: &Bug, files: String, runs: &[Failures], before: Option<&Entry>) -> Entry {
        let mut entry = Entry {
            name: bug.name.clone(),
            day: bug.day,
            task: bug.task,
            question: bug.question.clone(),
            files,
            ..Entry::default()
        };
        for test in runs.iter().flat_map(BTreeMap::keys) {
            let kinds: Vec<Option<Kind>> = runs.iter().map(|run| run.get(test).copied()).collect();
            let Some(kind) = kinds.iter().flatten().min() else {
                continue;
            };
            let word = kind.word().to_string();
            let count = kinds.iter().flatten().count();
            if kinds.iter().all(|other| *other == Some(*kind)) {
                entry.fails.insert(test.clone(), word);
            } else if *kind != Kind::Timeout || count > 1 {
                entry.varies.insert(test.clone(), word);
            }
        }
        let same = before.filter(|before| before.files == entry.files);
        for (test, word) in same.iter().flat_map(|before| &before.fails) {
            if entry.fails.get(test) != Some(word) {
                entry.fails.remove(test);
                entry.varies.entry(test.clone()).or_insert(word.clone());
            }
        }
        for (test, word) in before.iter().flat_map(|before| &before.varies) {
            entry.fails.remove(test);
            entry.varies.entry(test.clone()).or_insert(word.clone());
        }
        entry
    }

    /// Keeps what the first of these tests say that fail for sure: whoever has all tests at once is shown the first, whoever has only
    /// some may be shown another.
    pub fn keep_words(&mut self, failed: &[Trial]) {
        const TESTS: usize = 4;
        let sure = failed
            .iter()
            .filter(|trial| self.fails.contains_key(&trial.test.path()));
        let words = sure
            .take(TESTS)
            .map(|trial| (trial.test.path(), Kind::words(trial)));
        self.says = words.collect();
    }

    /// Of the tests of a day, in order, those up to the first of its task that fails for sure; all, if none does.
    pub fn up_to_the_first(&self, tests: &[Test]) -> Vec<Test> {
        let first = tests
            .iter()
            .position(|test| test.task >= self.task && self.fails.contains_key(&test.path()));
        tests[..first.map_or(tests.len(), |first| first + 1)].to_vec()
    }

    /// What it says of these tests.
    pub fn of_tests(&self, tests: &[Test]) -> Entry {
        let mut entry = self.clone();
        entry
            .fails
            .retain(|path, _| tests.iter().any(|test| test.path() == *path));
        entry
    }

    /// The failures that a run may rely on.
    pub fn failures(&self) -> Failures {
        let known = self.fails.iter();
        known
            .filter_map(|(test, word)| Some((test.clone(), Kind::from_word(word)?)))
            .collect()
    }
}

fn path(root: &Path) -> PathBuf {
    FILE.split('/')
        .fold(root.to_path_buf(), |path, part| path.join(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bug(name: &str) -> Bug {
        Bug {
            name: name.into(),
            day: 2,
            task: 1,
            claim: "It breaks.".into(),
            question: "Why?".into(),
            met: false,
            caught_by: Vec::new(),
            edits: Vec::new(),
        }
    }

    fn failures(tests: &[(&str, Kind)]) -> Failures {
        let tests = tests.iter();
        tests
            .map(|(test, kind)| (test.to_string(), *kind))
            .collect()
    }

    #[test]
    fn what_fails_in_every_run_fails_and_the_rest_varies() {
        let runs = [
            failures(&[
                ("always", Kind::Panic),
                ("once", Kind::Assertion),
                ("either", Kind::Assertion),
                ("slow", Kind::Timeout),
            ]),
            failures(&[("always", Kind::Panic), ("either", Kind::Panic)]),
        ];
        let entry = Entry::new(&bug("a"), String::new(), &runs, None);
        assert_eq!(entry.failures(), failures(&[("always", Kind::Panic)]));
        let varying: Vec<&String> = entry.varies.keys().collect();
        assert_eq!(varying, ["either", "once"], "one slow run is no failure");
        let steady = Entry::new(&bug("a"), String::new(), &[runs[0].clone()], Some(&entry));
        assert!(steady.varies.contains_key("once"), "it may vary again");
        assert!(!steady.fails.contains_key("once"));
    }

    #[test]
    fn what_failed_before_and_does_not_now_varies_if_no_file_has_changed() {
        let new = |files: &str, runs: &[Failures], before| {
            Entry::new(&bug("a"), files.to_string(), runs, before)
        };
        let before = new("1", &[failures(&[("race", Kind::Assertion)])], None);
        let entry = new("1", &[failures(&[])], Some(&before));
        assert!(entry.varies.contains_key("race") && entry.fails.is_empty());
        let entry = new("1", &[failures(&[("race", Kind::Panic)])], Some(&before));
        assert!(entry.varies.contains_key("race") && entry.fails.is_empty());
        let entry = new("2", &[failures(&[])], Some(&before));
        assert!(entry.varies.is_empty(), "another test may see less");
    }

    #[test]
    fn an_update_keeps_the_order_of_the_zoo_and_forgets_what_is_gone() {
        let entry = |name: &str| Entry::new(&bug(name), String::new(), &[], None);
        let mut record = Record {
            bugs: vec![entry("gone"), entry("b")],
        };
        let zoo = [bug("a"), bug("b")];
        record.update(&zoo, vec![entry("a")]);
        assert_eq!(record.bugs, [entry("a"), entry("b")]);
    }

    #[test]
    fn a_record_comes_back_from_its_file() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(dir.path().join("xtask/bugs")).expect("folders in it");
        assert_eq!(
            Record::read(dir.path()).expect("none yet"),
            Record::default()
        );
        let runs = [failures(&[("task_1::x", Kind::Timeout)])];
        let record = Record {
            bugs: vec![Entry::new(&bug("a"), String::new(), &runs, None)],
        };
        record.write(dir.path()).expect("it is written");
        assert_eq!(Record::read(dir.path()).expect("it is read"), record);
    }
}
