//! "Fails like …": a run that looks like a mistake which others made gets one question that points at it.
//!
//! The maintainers' record says for each planted mistake which tests of its day fail, and what to ask. It is read where the
//! workspace has it; without it, or where nothing is near, nothing is said.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::report::{DayReport, Report};

/// One mistake, and what it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub name: String,
    pub day: u32,
    pub question: String,
    /// `task_2::name`
    pub fails: BTreeSet<String>,
}

/// How the tests of one day ended, without those that end at a function still to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub passed: BTreeSet<String>,
    pub failed: BTreeSet<String>,
}

/// From the root of the workspace.
const RECORD: &str = "xtask/bugs/record.json";

/// The question for the first day of the report that fails.
pub fn question_for(root: &Path, report: &Report) -> Option<String> {
    let day = report
        .days
        .iter()
        .find(|day| day.trials().iter().any(|trial| !trial.passed()))?;
    let records = read(&fs::read_to_string(root.join(RECORD)).ok()?);
    question(day.number, &observed(day), &records).map(str::to_string)
}

fn observed(day: &DayReport) -> Observed {
    let mut observed = Observed::default();
    for trial in day.trials().iter().filter(|trial| trial.stub().is_none()) {
        let ended = match trial.passed() {
            true => &mut observed.passed,
            false => &mut observed.failed,
        };
        ended.insert(trial.test.path());
    }
    observed
}

/// The records that make sense.
fn read(text: &str) -> Vec<Record> {
    let list: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let word = |value: &Value| value.as_str().map(str::to_string);
    let record = |value: &Value| {
        Some(Record {
            name: word(&value["name"])?,
            day: value["day"].as_u64()?.try_into().ok()?,
            question: word(&value["question"])?,
            fails: value["fails"].as_array()?.iter().filter_map(word).collect(),
        })
    };
    list.iter().filter_map(record).collect()
}

/// The question of the nearest record of the day, if one is near: of all tests that fail here or there, at least three in four
/// fail in both. Tests that did not run to an end of their own are left out on both sides.
pub fn question<'a>(day: u32, observed: &Observed, records: &'a [Record]) -> Option<&'a str> {
    let of_day = records.iter().filter(|record| record.day == day);
    let measured = of_day.filter_map(|record| Some((distance(observed, record)?, record)));
    let (_, nearest) = measured.min_by_key(|(distance, _)| *distance)?;
    Some(&nearest.question)
}

/// How many tests fail only here or only there; `None` if that is too many.
fn distance(observed: &Observed, record: &Record) -> Option<usize> {
    let ran = |name: &&String| observed.passed.contains(*name) || observed.failed.contains(*name);
    let expected: BTreeSet<&String> = record.fails.iter().filter(ran).collect();
    let failed: BTreeSet<&String> = observed.failed.iter().collect();
    let apart = failed.symmetric_difference(&expected).count();
    let all = failed.union(&expected).count();
    (all > apart && 4 * apart <= all).then_some(apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &str) -> BTreeSet<String> {
        names.split_whitespace().map(str::to_string).collect()
    }

    fn record(day: u32, question: &str, fails: &str) -> Record {
        Record {
            name: question.to_lowercase(),
            day,
            question: question.into(),
            fails: names(fails),
        }
    }

    fn asked(passed: &str, failed: &str, records: &[Record]) -> Option<String> {
        let observed = Observed {
            passed: names(passed),
            failed: names(failed),
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
    fn tests_that_have_not_run_are_not_missed() {
        let records = [record(5, "Tombstone?", "a b later_1 later_2 later_3")];
        assert_eq!(asked("c", "a b", &records).as_deref(), Some("Tombstone?"));
        let only_later = [record(5, "Later?", "later_1")];
        assert_eq!(asked("c", "", &only_later), None);
    }

    #[test]
    fn a_record_that_makes_no_sense_is_passed_over() {
        let text = r#"[{"name": "n", "day": 5, "question": "Q?", "fails": ["a"]}, {"name": 3}, 7]"#;
        assert_eq!(
            read(text),
            [Record {
                name: "n".into(),
                ..record(5, "Q?", "a")
            }]
        );
        assert!(read("{").is_empty());
    }
}
