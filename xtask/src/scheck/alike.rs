//! "Fails like …": a run that looks like a mistake which others made gets one question that points at it.
//!
//! The maintainers' record says for each planted mistake which tests of its day fail, how, and what to ask. It is read where
//! the workspace has it; without it, or where nothing is near, nothing is said.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::kind::Kind;
use super::report::{DayReport, Report};

/// One mistake, and what it breaks. Tests are named by their paths: `task_2::name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub day: u32,
    pub question: String,
    /// Those that fail, and in one word how.
    pub fails: BTreeMap<String, String>,
    /// The plain words of what the first of them say.
    pub says: BTreeMap<String, String>,
    /// Those that fail now and then: they say nothing.
    pub varies: BTreeSet<String>,
}

/// How the tests of one day ended, without those that end at a function still to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub passed: BTreeSet<String>,
    pub failed: BTreeMap<String, String>,
    /// The one that is explained, and the plain words of what it says.
    pub explained: Option<(String, String)>,
}

/// From the root of the workspace.
const RECORD: &str = "xtask/bugs/record.json";

/// The question for the first day of the report that fails.
pub fn question_for(root: &Path, report: &Report) -> Option<String> {
    let first = report.first_failure()?;
    let day = report
        .days
        .iter()
        .find(|day| day.number == first.test.day)?;
    let records = read(&fs::read_to_string(root.join(RECORD)).ok()?);
    let mut observed = observed(day);
    observed.explained = Some((first.test.path(), Kind::words(first)));
    question(day.number, &observed, &records).map(str::to_string)
}

fn observed(day: &DayReport) -> Observed {
    let mut observed = Observed::default();
    for trial in day.trials().iter().filter(|trial| trial.stub().is_none()) {
        let path = trial.test.path();
        match Kind::of(trial) {
            Some(kind) => drop(observed.failed.insert(path, kind.word().to_string())),
            None => drop(observed.passed.insert(path)),
        }
    }
    observed
}

/// The records that make sense.
fn read(text: &str) -> Vec<Record> {
    let all: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |value: &Value| value.as_str().map(str::to_string);
    let record = |value: &Value| {
        let (fails, varies) = (value["fails"].as_object()?, value["varies"].as_object());
        let fails = fails.iter();
        Some(Record {
            day: value["day"].as_u64()?.try_into().ok()?,
            question: word(&value["question"])?,
            fails: fails
                .filter_map(|(test, how)| Some((test.clone(), word(how)?)))
                .collect(),
            says: value["says"]
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(test, words)| Some((test.clone(), word(words)?)))
                .collect(),
            varies: varies
                .into_iter()
                .flatten()
                .map(|(test, _)| test.clone())
                .collect(),
        })
    };
    let bugs = all["bugs"].as_array();
    bugs.into_iter().flatten().filter_map(record).collect()
}

/// The question of the nearest record of the day, if one is near: of all tests that fail here or there, at least three in four
/// fail in both. Between records as near as each other, how the tests fail decides. Tests that did not run to an end of their
/// own, or that fail by chance, are left out on both sides. And the test that is explained must say the same: one assertion fails for
/// a deadlock, another in the same test for a lost entry.
pub fn question<'a>(day: u32, observed: &Observed, records: &'a [Record]) -> Option<&'a str> {
    let of_day = records
        .iter()
        .filter(|record| record.day == day && says_the_same(observed, record));
    let measured = of_day.filter_map(|record| Some((distance(observed, record)?, record)));
    let (_, nearest) = measured.min_by_key(|(distance, _)| *distance)?;
    Some(&nearest.question)
}

/// Whether half of all words are in what both say; where one of them does not tell, they may.
fn says_the_same(observed: &Observed, record: &Record) -> bool {
    let Some((test, here)) = &observed.explained else {
        return true;
    };
    let Some(there) = record.says.get(test) else {
        return true;
    };
    let words = |text: &'_ str| text.split(' ').map(str::to_string).collect::<BTreeSet<_>>();
    let (here, there) = (words(here), words(there));
    2 * here.intersection(&there).count() >= here.union(&there).count()
}

/// How many tests fail only here or only there, and how many otherwise than there; `None` if the former are too many.
fn distance(observed: &Observed, record: &Record) -> Option<(usize, usize)> {
    let ran = |test: &String| observed.passed.contains(test) || observed.failed.contains_key(test);
    let counts = |test: &&String| ran(test) && !record.varies.contains(*test);
    let here: BTreeSet<&String> = observed.failed.keys().filter(counts).collect();
    let there: BTreeSet<&String> = record.fails.keys().filter(counts).collect();
    let apart = here.symmetric_difference(&there).count();
    let both: Vec<&&String> = here.intersection(&there).collect();
    let otherwise = both
        .iter()
        .filter(|test| observed.failed.get(test.as_str()) != record.fails.get(test.as_str()));
    (!both.is_empty() && 4 * apart <= apart + both.len()).then(|| (apart, otherwise.count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a b=panic`: a test without a word fails by an assertion.
    fn failing(words: &str) -> BTreeMap<String, String> {
        let word = |word: &str| {
            let (test, how) = word.split_once('=').unwrap_or((word, "assertion"));
            (test.to_string(), how.to_string())
        };
        words.split_whitespace().map(word).collect()
    }

    fn names(names: &str) -> BTreeSet<String> {
        names.split_whitespace().map(str::to_string).collect()
    }

    fn record(day: u32, question: &str, fails: &str) -> Record {
        Record {
            day,
            question: question.into(),
            fails: failing(fails),
            says: BTreeMap::new(),
            varies: BTreeSet::new(),
        }
    }

    fn asked(passed: &str, failed: &str, records: &[Record]) -> Option<String> {
        let observed = Observed {
            passed: names(passed),
            failed: failing(failed),
            explained: None,
        };
        question(5, &observed, records).map(str::to_string)
    }

    #[test]
    fn the_same_failures_on_the_same_day_are_alike() {
        let records = [
            record(4, "Other day?", "a b"),
            record(5, "Tombstone?", "a b"),
        ];
        assert_eq!(asked("c", "a b", &records).as_deref(), Some("Tombstone?"));
        assert_eq!(asked("b c", "a", &records), None, "half of it is not near");
        assert_eq!(asked("a b c", "", &records), None);
        assert_eq!(asked("a b", "c", &records), None);
        assert_eq!(asked("", "a b", &[]), None);
    }

    #[test]
    fn among_many_failures_one_in_four_may_differ_and_the_nearest_is_asked() {
        let records = [record(5, "Far?", "a b c x"), record(5, "Near?", "a b c d")];
        assert_eq!(asked("x", "a b c d", &records).as_deref(), Some("Near?"));
        assert_eq!(
            asked("d x", "a b c", &records).as_deref(),
            Some("Far?"),
            "the first of two"
        );
        assert_eq!(asked("d x", "a b", &records), None);
    }

    #[test]
    fn how_the_tests_fail_decides_between_records_with_the_same_tests() {
        let records = [
            record(5, "Bound?", "a b"),
            record(5, "Index?", "a=panic b=panic"),
        ];
        assert_eq!(
            asked("", "a b=panic", &records[1..]).as_deref(),
            Some("Index?")
        );
        assert_eq!(
            asked("", "a=panic b=panic", &records).as_deref(),
            Some("Index?")
        );
        assert_eq!(asked("", "a b", &records).as_deref(), Some("Bound?"));
    }

    #[test]
    fn tests_that_have_not_run_or_fail_by_chance_are_not_missed() {
        let records = [record(5, "Tombstone?", "a b later_1 later_2 later_3")];
        assert_eq!(asked("c", "a b", &records).as_deref(), Some("Tombstone?"));
        let only_later = [record(5, "Later?", "later_1")];
        assert_eq!(asked("c", "", &only_later), None);
        let by_chance = [Record {
            varies: names("r1 r2"),
            ..record(5, "Race?", "a b")
        }];
        assert_eq!(asked("r2", "a b r1", &by_chance).as_deref(), Some("Race?"));
    }

    #[test]
    fn the_test_that_is_explained_must_say_the_same() {
        let mut lost = record(5, "Snapshot?", "a b");
        lost.says = [(
            "a".to_string(),
            "an entry is lost after the flush".to_string(),
        )]
        .into();
        let asked = |words: &str| {
            let observed = Observed {
                failed: failing("a b"),
                explained: Some(("a".to_string(), words.to_string())),
                ..Observed::default()
            };
            question(5, &observed, std::slice::from_ref(&lost)).map(str::to_string)
        };
        assert_eq!(
            asked("an entry is lost after the second flush").as_deref(),
            Some("Snapshot?")
        );
        assert_eq!(asked("put while flush runs hangs"), None);
    }

    #[test]
    fn a_record_that_makes_no_sense_is_passed_over() {
        let text = r#"{"bugs": [
            {"name": "n", "day": 5, "task": 1, "question": "Q?", "fails": {"a": "panic"}, "says": {"a": "it is lost"}, "varies": {"r": "timeout"}},
            {"name": 3}, 7]}"#;
        let expected = Record {
            says: [("a".to_string(), "it is lost".to_string())].into(),
            varies: names("r"),
            ..record(5, "Q?", "a=panic")
        };
        assert_eq!(read(text), [expected]);
        assert!(read("{").is_empty() && read("[]").is_empty());
    }
}
