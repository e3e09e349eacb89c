//! What is known when a class is graded, and the forms in which it is told.

pub mod csv;
pub mod gradescope;
pub mod json;
pub mod junit;
pub mod table;

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// Writes a report in one form. None of them is made in memory first: three hundred submissions may have much to say.
pub type Form = fn(&Report, &mut dyn Write) -> Result<()>;

/// The whole report. It holds no times and no paths of a machine: the same submissions, seeds and version give the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this form; a new field does not change it.
    pub format: u32,
    /// The compiler.
    pub rustc: String,
    /// The seed of all random numbers, if it is not the usual one.
    pub seed: Option<u64>,
    /// What the tests were isolated by, and what this system lacks.
    pub isolation: Vec<String>,
    pub submissions: Vec<Graded>,
}

/// One submission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Graded {
    pub name: String,
    /// Why not everything passed, in one line; null if it did.
    pub reason: Option<String>,
    pub passed: usize,
    pub total: usize,
    /// Of 100, by the weights of the days; each day by its share of passed tests.
    pub score: f64,
    pub days: Vec<Day>,
    /// What was tried, or may have been.
    pub tampering: Vec<String>,
    /// Files that were not used, each with the reason.
    pub replaced: BTreeMap<String, String>,
    pub tests: Vec<Test>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Day {
    pub day: u32,
    pub title: String,
    pub weight: f64,
    pub passed: usize,
    pub total: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    pub day: u32,
    /// The test file and the name in it: `day1_blocks::task_1::a_claim`.
    pub name: String,
    pub passed: bool,
    /// Why it did not pass, in one line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The end of what it printed.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub output: String,
}

/// Bytes that the tests of one submission may say in a report, all together. Of three hundred submissions all texts are in memory.
const TEXTS: usize = 32 << 10;
/// Bytes of a reason beyond that.
const BRIEF: usize = 60;

impl Graded {
    /// Sums up the tests, by days with their titles and weights.
    pub fn sum_up(
        name: String,
        days: &[(u32, String, f64)],
        mut tests: Vec<Test>,
        problem: Option<String>,
    ) -> Graded {
        shorten(&mut tests);
        let days: Vec<Day> = days
            .iter()
            .map(|(number, title, weight)| {
                let of_day = || tests.iter().filter(|test| test.day == *number);
                Day {
                    day: *number,
                    title: title.clone(),
                    weight: *weight,
                    passed: of_day().filter(|test| test.passed).count(),
                    total: of_day().count(),
                }
            })
            .collect();
        let passed = tests.iter().filter(|test| test.passed).count();
        Graded {
            name,
            reason: problem.or_else(|| first_failure(&tests, passed)),
            passed,
            total: tests.len(),
            score: score(&days),
            days,
            tampering: Vec::new(),
            replaced: BTreeMap::new(),
            tests,
        }
    }
}

/// The first failures in full, as far as there is room; of later ones the reason, and lastly its beginning.
fn shorten(tests: &mut [Test]) {
    let mut left = TEXTS;
    for test in tests {
        let reason = test.reason.take().unwrap_or_default();
        let reason = match reason.len() <= left {
            true => reason,
            false => crate::text::shortened(&reason, BRIEF),
        };
        left = left.saturating_sub(reason.len());
        if test.output.len() > left {
            test.output = String::new();
        }
        left -= test.output.len();
        test.reason = (!test.passed).then_some(reason);
    }
}

fn first_failure(tests: &[Test], passed: usize) -> Option<String> {
    let test = tests.iter().find(|test| !test.passed)?;
    let failed = tests.len() - passed;
    let why = test.reason.as_deref().unwrap_or("did not pass");
    let more = match failed {
        1 => String::new(),
        failed => format!(" ({failed} tests did not pass; this is the first)"),
    };
    Some(format!("{}: {why}{more}", test.name))
}

/// To two places behind the point, so that it reads the same everywhere.
fn score(days: &[Day]) -> f64 {
    let whole: f64 = days.iter().map(|day| day.weight).sum();
    let reached: f64 = days
        .iter()
        .map(|day| day.weight * day.passed as f64 / day.total.max(1) as f64)
        .sum();
    match whole > 0.0 {
        true => (10_000.0 * reached / whole).round() / 100.0,
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(day: u32, name: &str, passed: bool) -> Test {
        Test {
            day,
            name: name.to_string(),
            passed,
            reason: (!passed).then(|| "panicked".to_string()),
            output: String::new(),
        }
    }

    /// A form of the report, as text.
    pub fn text(form: Form, report: &Report) -> anyhow::Result<String> {
        let mut bytes = Vec::new();
        form(report, &mut bytes)?;
        Ok(String::from_utf8(bytes)?)
    }

    /// `ann` has passed both tests of day 1, `bob` one of them.
    pub fn class() -> Report {
        let days = [(1, "Blocks".to_string(), 1.0)];
        let graded = |name: &str, passed| {
            let tests = vec![test(1, "day1_x::a", true), test(1, "day1_x::b", passed)];
            Graded::sum_up(name.into(), &days, tests, None)
        };
        let mut bob = graded("bob", false);
        bob.tampering.push("build.rs: not used".into());
        Report {
            format: 1,
            rustc: "rustc 1".into(),
            seed: None,
            isolation: vec!["all".into(), "not on this system: walls".into()],
            submissions: vec![graded("ann", true), bob],
        }
    }

    #[test]
    fn a_submission_that_says_much_is_cut_short_and_keeps_its_first_words() {
        let loud = |_| Test {
            reason: Some("x".repeat(300)),
            output: "y".repeat(1000),
            ..test(1, "a", false)
        };
        let graded = Graded::sum_up("a".into(), &[], (0..400).map(loud).collect(), None);
        let texts = |test: &Test| {
            (
                test.reason.as_ref().map_or(0, String::len),
                test.output.len(),
            )
        };
        assert_eq!(texts(&graded.tests[0]), (300, 1000));
        assert_eq!(texts(&graded.tests[399]), (60 + "… [shortened]".len(), 0));
        let all: usize = graded.tests.iter().map(|t| texts(t).0 + texts(t).1).sum();
        assert!(all < 64 << 10, "{all}");
    }

    #[test]
    fn days_are_weighed_and_the_first_failure_is_the_reason() {
        let days = [
            (1, "Blocks".to_string(), 1.0),
            (2, "Tables".to_string(), 3.0),
        ];
        let tests = vec![test(1, "a", true), test(2, "b", false), test(2, "c", true)];
        let graded = Graded::sum_up("ann".into(), &days, tests, None);
        assert_eq!((graded.passed, graded.total), (2, 3));
        assert_eq!(graded.score, 62.5);
        assert_eq!(graded.reason.as_deref(), Some("b: panicked"));
        assert_eq!((graded.days[1].passed, graded.days[1].total), (1, 2));
        let all = Graded::sum_up("bob".into(), &days, vec![test(1, "a", true)], None);
        assert_eq!(all.reason, None);
    }
}
