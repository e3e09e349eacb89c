//! What is remembered from one run to the next: `progress.json` at the workspace's root, which git ignores.
//!
//! It holds, under the lasting name of each test, how it ended last and how many hints were asked for since it last passed,
//! and which test was explained last. `cargo clean` does not touch it, and a newer edition of the course finds it again: names
//! that are not in the course are kept and otherwise ignored, and so is whatever else stands in the file.
//!
//! It is read whole and written whole, to another file that then takes its name; so it is never half written. It is not synced:
//! after a power cut it may be gone, and then it begins anew. A file that makes no sense is set aside, never overwritten.
//!
//! Two runs may end at the same moment. Each writes what it has seen itself into what stands in the file by then, under a lock
//! on a file beside it, so that neither drops what the other wrote; of one test the later word stays.

mod text;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::catalogue::{Day, Test};

pub const FILE: &str = "progress.json";

/// Locked while the other is written. It stays: who removed it might remove the lock of a third run.
const LOCK: &str = "progress.lock";

/// The words for how a test ended; any other word is one of a newer edition, and no pass.
pub const PASSED: &str = "passed";
pub const FAILED: &str = "failed";
/// It ended at a function that is still to be written.
pub const UNWRITTEN: &str = "unwritten";

/// What is known of one test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    last: Option<String>,
    hints: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    root: PathBuf,
    tests: BTreeMap<String, Known>,
    /// The test that the last run explained.
    explained: Option<String>,
    /// What stands in the file and is not ours to know.
    others: Map<String, Value>,
    /// What this run has to say, in order; the file does not know it yet.
    news: Vec<News>,
}

/// One thing that a run has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum News {
    Ended { test: String, last: String },
    Hints { test: String, out: usize },
    Explained(Option<String>),
}

impl Progress {
    /// What the file at `root` holds; nothing if there is none. A file that makes no sense is set aside: the line says where.
    pub fn load(root: &Path) -> (Progress, Option<String>) {
        let empty = Progress {
            root: root.to_path_buf(),
            tests: BTreeMap::new(),
            explained: None,
            others: Map::new(),
            news: Vec::new(),
        };
        let reason = match fs::read(root.join(FILE)) {
            Ok(bytes) => match text::parse(&bytes, empty.clone()) {
                Ok(progress) => return (progress, None),
                Err(reason) => reason,
            },
            Err(error) if error.kind() == ErrorKind::NotFound => return (empty, None),
            Err(error) => error.to_string(),
        };
        let line = match set_aside(root) {
            Ok(name) => format!(
                "{FILE} could not be read ({reason}); it is kept as {name}, and a new one begins"
            ),
            Err(error) => format!(
                "{FILE} could not be read ({reason}), nor set aside: {error}; what was known is not used"
            ),
        };
        (empty, Some(line))
    }

    /// Brings what this run has seen into the file, as it stands now, and replaces it in one step. Fails where the folder or
    /// the disk does not let it.
    pub fn save(&mut self) -> Result<()> {
        // Where files cannot be locked, two runs must not end at the same moment.
        let _alone = self.lock().ok();
        let news = std::mem::take(&mut self.news);
        if let (mut now, None) = Progress::load(&self.root) {
            news.into_iter().for_each(|news| now.take_in(news));
            *self = now;
        }
        self.write()
    }

    /// Waits until no other run writes; none does as long as the file is open.
    fn lock(&self) -> std::io::Result<File> {
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(false);
        let file = file.open(self.root.join(LOCK))?;
        file.lock()?;
        Ok(file)
    }

    fn write(&self) -> Result<()> {
        let new = self
            .root
            .join(format!("progress.{}.tmp", std::process::id()));
        let file = self.root.join(FILE);
        let replaced = fs::write(&new, text::render(self)).and_then(|()| fs::rename(&new, &file));
        if replaced.is_err() {
            fs::remove_file(&new).ok();
        }
        replaced.with_context(|| format!("cannot write {}", file.display()))
    }

    /// How the test ended last, if it ever ran.
    pub fn last(&self, test: &Test) -> Option<&str> {
        self.tests.get(&test.id())?.last.as_deref()
    }

    pub fn passed(&self, test: &Test) -> bool {
        self.last(test) == Some(PASSED)
    }

    /// How many of its hints are out.
    pub fn hints(&self, test: &Test) -> usize {
        let known = self.tests.get(&test.id());
        known.map_or(0, |known| known.hints)
    }

    /// Remembers how a test ended. One that passes begins again without hints, should it ever break.
    pub fn record(&mut self, test: &Test, last: &str) {
        self.tell(News::Ended {
            test: test.id(),
            last: last.to_string(),
        });
    }

    pub fn record_hints(&mut self, test: &Test, hints: usize) {
        self.tell(News::Hints {
            test: test.id(),
            out: hints,
        });
    }

    pub fn record_explained(&mut self, test: Option<&Test>) {
        self.tell(News::Explained(test.map(Test::id)));
    }

    fn tell(&mut self, news: News) {
        self.news.push(news.clone());
        self.take_in(news);
    }

    fn take_in(&mut self, news: News) {
        match news {
            News::Ended { test, last } => {
                let known = self.tests.entry(test).or_default();
                if last == PASSED {
                    known.hints = 0;
                }
                known.last = Some(last);
            }
            News::Hints { test, out } => self.tests.entry(test).or_default().hints = out,
            News::Explained(test) => self.explained = test,
        }
    }

    /// True if no test has ever run.
    pub fn is_empty(&self) -> bool {
        self.tests.values().all(|known| known.last.is_none())
    }

    /// The test to look at: the one explained last, or else the first that failed, or else the first that never ran: of those behind
    /// what has passed, if there is one, since whoever caught up with the course begins in the middle.
    pub fn first_failing<'a>(&self, days: &'a [Day]) -> Option<&'a Test> {
        let tests: Vec<&Test> = days.iter().flat_map(|day| &day.tests).collect();
        let explained = self.explained.as_deref();
        let passed = tests.iter().rposition(|test| self.passed(test));
        let behind = &tests[passed.map_or(0, |last| last + 1)..];
        let first = |tests: &[&'a Test], wanted: &dyn Fn(&Test) -> bool| {
            tests.iter().copied().find(|test| wanted(test))
        };
        let never_ran = |test: &Test| self.last(test).is_none();
        first(&tests, &|test| {
            explained == Some(&test.id()) && !self.passed(test)
        })
        .or_else(|| {
            first(&tests, &|test| {
                self.last(test).is_some_and(|last| last != PASSED)
            })
        })
        .or_else(|| first(behind, &never_ran))
        .or_else(|| first(&tests, &never_ran))
    }
}

/// Gives the file a name that is free, and says which.
fn set_aside(root: &Path) -> std::io::Result<String> {
    let free = (1..)
        .map(|number| format!("progress.damaged-{number}.json"))
        .find(|name| !root.join(name).exists())
        .unwrap_or_default();
    fs::rename(root.join(FILE), root.join(&free))?;
    Ok(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str) -> Test {
        Test {
            day: 1,
            task: 1,
            binary: "day1_blocks".into(),
            name: name.into(),
            claim: String::new(),
            why: Vec::new(),
            hints: Vec::new(),
            concurrent: false,
            file: String::new(),
            line: 0,
        }
    }

    fn day(tests: Vec<Test>) -> Day {
        Day {
            number: 1,
            title: String::new(),
            file: PathBuf::new(),
            tests,
            strays: Vec::new(),
        }
    }

    #[test]
    fn what_is_recorded_is_there_the_next_time_and_readable() {
        let root = tempfile::tempdir().expect("a folder");
        let (mut progress, note) = Progress::load(root.path());
        assert_eq!((progress.is_empty(), note), (true, None));
        progress.record(&test("a"), PASSED);
        progress.record(&test("b"), FAILED);
        progress.record_hints(&test("b"), 2);
        progress.record_explained(Some(&test("b")));
        progress.save().expect("it can be written");

        let (again, note) = Progress::load(root.path());
        assert_eq!((&again, note), (&progress, None));
        assert_eq!(again.hints(&test("b")), 2);
        let text = fs::read_to_string(root.path().join(FILE)).expect("a file");
        let line = "    \"day1_blocks::task_1::b\": { \"last\": \"failed\", \"hints\": 2 }\n";
        assert!(text.contains(line), "{text}");
        let names = fs::read_dir(root.path()).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, [FILE, LOCK], "nothing else is left behind");
    }

    #[test]
    fn runs_that_end_together_keep_what_each_has_seen() {
        const RUNS: usize = 8;
        let root = tempfile::tempdir().expect("a folder");
        let begun = std::sync::Barrier::new(RUNS);
        let run = |number: usize| {
            let (mut progress, _) = Progress::load(root.path());
            // Nobody has written before everybody has read.
            begun.wait();
            progress.record(&test(&format!("own_{number}")), PASSED);
            progress.record_hints(&test("shared"), number);
            progress.save().expect("it can be written");
        };
        std::thread::scope(|scope| {
            (0..RUNS).for_each(|number| {
                scope.spawn(move || run(number));
            });
        });
        let (progress, note) = Progress::load(root.path());
        assert_eq!(note, None);
        for number in 0..RUNS {
            let name = format!("own_{number}");
            assert!(progress.passed(&test(&name)), "{name} is forgotten");
        }
    }

    #[test]
    fn what_a_run_has_not_seen_is_left_as_the_other_wrote_it() {
        let root = tempfile::tempdir().expect("a folder");
        let (mut first, _) = Progress::load(root.path());
        first.record(&test("a"), FAILED);
        first.record(&test("b"), FAILED);
        first.save().expect("it can be written");
        let (mut second, _) = Progress::load(root.path());
        first.record(&test("a"), PASSED);
        first.save().expect("it can be written");
        second.record_hints(&test("b"), 1);
        second.save().expect("it can be written");
        assert!(second.passed(&test("a")), "it knows what it has written");
        let (now, _) = Progress::load(root.path());
        assert!(now.passed(&test("a")));
        assert_eq!(
            (now.last(&test("b")), now.hints(&test("b"))),
            (Some(FAILED), 1)
        );
    }

    #[test]
    fn a_test_that_passes_has_its_hints_before_it_again() {
        let root = tempfile::tempdir().expect("a folder");
        let (mut progress, _) = Progress::load(root.path());
        progress.record_hints(&test("a"), 2);
        progress.record(&test("a"), FAILED);
        assert_eq!(progress.hints(&test("a")), 2);
        progress.record(&test("a"), PASSED);
        assert_eq!(progress.hints(&test("a")), 0);
    }

    #[test]
    fn whoever_began_in_the_middle_goes_on_there() {
        let root = tempfile::tempdir().expect("a folder");
        let (mut progress, _) = Progress::load(root.path());
        let days = [day(["a", "b", "c"].map(test).into())];
        let first = |progress: &Progress| progress.first_failing(&days).map(|t| t.name.clone());
        assert_eq!(first(&progress).as_deref(), Some("a"), "a fresh start");
        progress.record(&test("b"), PASSED);
        assert_eq!(first(&progress).as_deref(), Some("c"));
        progress.record(&test("c"), PASSED);
        assert_eq!(first(&progress).as_deref(), Some("a"), "it never ran");
        progress.record(&test("b"), FAILED);
        assert_eq!(first(&progress).as_deref(), Some("b"));
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_none_is_overwritten() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join(FILE);
        let damages: [&[u8]; 5] = [b"", b"{\"tests\": {", b"[]", b"{\"tests\": 3}", b"\xff\xfe"];
        for (number, bytes) in damages.into_iter().enumerate() {
            fs::write(&file, bytes).expect("a file");
            let (progress, note) = Progress::load(root.path());
            assert!(progress.is_empty());
            let name = format!("progress.damaged-{}.json", number + 1);
            let note = note.expect("it is told");
            assert!(note.contains(&format!("kept as {name}")), "{note}");
            assert!(!note.contains('\n'), "{note}");
            assert_eq!(fs::read(root.path().join(name)).expect("it is kept"), bytes);
            assert!(!file.exists());
        }
    }

    #[test]
    fn what_is_not_known_is_ignored_and_kept() {
        let root = tempfile::tempdir().expect("a folder");
        let text = r#"{"tests": {
            "day9_x::task_1::gone": {"last": "passed", "hints": 1},
            "day1_blocks::task_1::a": {"last": "hummed", "mood": "fine"},
            "day1_blocks::task_1::b": 7
        }, "borrowed": ["Block::new"]}"#;
        fs::write(root.path().join(FILE), text).expect("a file");
        let (mut progress, note) = Progress::load(root.path());
        assert_eq!(note, None);
        let days = [day(vec![test("a"), test("b")])];
        assert_eq!(progress.last(&test("a")), Some("hummed"));
        assert!(!progress.passed(&test("a")));
        assert_eq!(progress.first_failing(&days), Some(&test("a")));
        progress.record(&test("a"), PASSED);
        progress.save().expect("it can be written");
        let text = fs::read_to_string(root.path().join(FILE)).expect("a file");
        let value: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(value["borrowed"][0], "Block::new");
        assert_eq!(value["tests"]["day9_x::task_1::gone"]["hints"], 1);
    }

    #[test]
    fn the_first_failing_test_is_the_one_that_was_explained() {
        let root = tempfile::tempdir().expect("a folder");
        let (mut progress, _) = Progress::load(root.path());
        let days = [day(vec![test("a"), test("b"), test("c"), test("d")])];
        let first =
            |progress: &Progress| progress.first_failing(&days).map(|test| test.name.clone());
        assert_eq!(first(&progress).as_deref(), Some("a"), "nothing has run");
        progress.record(&test("a"), PASSED);
        progress.record(&test("c"), FAILED);
        assert_eq!(first(&progress).as_deref(), Some("c"), "b has never run");
        progress.record(&test("d"), UNWRITTEN);
        progress.record_explained(Some(&test("d")));
        assert_eq!(first(&progress).as_deref(), Some("d"));
        progress.record(&test("d"), PASSED);
        assert_eq!(first(&progress).as_deref(), Some("c"));
        progress.record(&test("c"), PASSED);
        assert_eq!(first(&progress).as_deref(), Some("b"));
        progress.record(&test("b"), PASSED);
        assert_eq!(first(&progress), None);
    }
}
