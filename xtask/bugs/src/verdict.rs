//! Whether a bug was caught as it should be.

use xtask::scheck::kind::Kind;

use crate::hunt::{Failures, Hunt, Ran};
use crate::record::{Entry, FILE};
use crate::zoo::Bug;

/// What is wrong with a bug that was hunted, in one line each; nothing, if it was caught by a test of its day whose claim
/// fits, and failed the tests that it failed before.
pub fn problems(bug: &Bug, hunt: &Hunt, record: Option<&Entry>) -> Vec<String> {
    let ran = match hunt {
        Hunt::NotCompiled(error) => {
            let line = error.lines().next().unwrap_or_default();
            return vec![format!("it does not compile: {line}")];
        }
        Hunt::Ran(ran) => ran,
    };
    let mut problems: Vec<String> = first_problem(bug, ran).into_iter().collect();
    if ran.first().is_some() {
        problems.extend(stale(bug, record));
        problems.extend(drift(&ran.failures(), record));
    }
    problems
}

fn first_problem(bug: &Bug, ran: &Ran) -> Option<String> {
    let Some(first) = ran.first() else {
        return Some(format!(
            "no test of day {} fails: one has to be written, or made better",
            bug.day
        ));
    };
    // Later work may break what an earlier task had right: then the first test of its own task counts.
    let own = ran.failed.iter().find(|trial| trial.test.task >= bug.task);
    let paths = [Some(first), own].map(|trial| trial.map(|trial| trial.test.path()));
    let fits = |path: &String| bug.caught_by.contains(path);
    (!paths.iter().flatten().any(fits)).then(|| {
        format!(
            "the first test that fails is {}, and should be {}",
            own.unwrap_or(first).test.path(),
            bug.caught_by.join(" or ")
        )
    })
}

fn stale(bug: &Bug, record: Option<&Entry>) -> Option<String> {
    match record {
        None => Some(format!("{FILE} does not have it")),
        Some(entry) => {
            let same =
                (entry.day, entry.task, &entry.question) == (bug.day, bug.task, &bug.question);
            (!same).then(|| format!("{FILE} has another day, task or question"))
        }
    }
}

/// Where a run parts from the record.
pub fn drift(failures: &Failures, record: Option<&Entry>) -> Vec<String> {
    let Some(entry) = record else {
        return Vec::new();
    };
    differing(failures, entry)
        .into_iter()
        .map(|test| {
            let word = |kind: Option<&Kind>| kind.map_or("pass", |kind| kind.word()).to_string();
            let was = entry.fails.get(&test).cloned();
            let was = was.unwrap_or_else(|| "pass".to_string());
            let now = word(failures.get(&test));
            format!("{test} was recorded as `{was}`, and is `{now}` now")
        })
        .collect()
}

/// The tests that do not fail as they are recorded. Those that vary may do as they like.
pub fn differing(failures: &Failures, entry: &Entry) -> Vec<String> {
    let known = entry.failures();
    let mut tests: Vec<&String> = failures.keys().chain(known.keys()).collect();
    tests.sort();
    tests.dedup();
    tests
        .into_iter()
        .filter(|test| !entry.varies.contains_key(*test))
        .filter(|test| failures.get(*test) != known.get(*test))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(fails: &[(&str, &str)], varies: &[&str]) -> Entry {
        let fails = fails.iter();
        Entry {
            fails: fails
                .map(|(test, word)| (test.to_string(), word.to_string()))
                .collect(),
            varies: varies
                .iter()
                .map(|test| (test.to_string(), "assertion".to_string()))
                .collect(),
            ..Entry::default()
        }
    }

    #[test]
    fn drift_is_named_test_by_test() {
        let entry = entry(
            &[("a", "assertion"), ("b", "panic"), ("c", "panic")],
            &["d", "e"],
        );
        let now: Failures = [
            ("a".to_string(), Kind::Assertion),
            ("b".to_string(), Kind::Assertion),
            ("d".to_string(), Kind::Panic),
            ("f".to_string(), Kind::Timeout),
        ]
        .into();
        assert_eq!(
            drift(&now, Some(&entry)),
            [
                "b was recorded as `panic`, and is `assertion` now",
                "c was recorded as `panic`, and is `pass` now",
                "f was recorded as `pass`, and is `timeout` now",
            ]
        );
        assert!(drift(&entry.failures(), Some(&entry)).is_empty());
    }
}
