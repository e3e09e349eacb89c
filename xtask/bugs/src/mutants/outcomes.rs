//! What came of the mutants, as cargo-mutants leaves it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::tool::Mutant;

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Caught,
    /// The tests did not end, and none failed before; a learner would be told so too.
    TimedOut,
    Missed,
    /// It does not compile.
    Unviable,
}

/// Where cargo-mutants leaves what it found of one run.
pub fn results(output: &Path) -> PathBuf {
    output.join("mutants.out")
}

/// The folders of the runs below `output`, the oldest first.
pub fn runs(output: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(output).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str);
        if let Some(number) = name.and_then(|name| name.parse().ok()) {
            runs.push((number, path));
        }
    }
    runs.sort();
    Ok(runs)
}

/// What the runs below `output` found; what a later one says of a mutant counts.
pub fn read(output: &Path) -> Result<Vec<(Mutant, Fate)>> {
    let mut found = BTreeMap::new();
    for (_, run) in runs(output)? {
        let file = results(&run).join("outcomes.json");
        // A run that was stopped before its first mutant has none.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let has_failed = |log: &str| {
            let log = fs::read(results(&run).join(log)).unwrap_or_default();
            String::from_utf8_lossy(&log).contains(A_TEST_FAILED)
        };
        let of_run = parse(&text, has_failed)
            .with_context(|| format!("{} is not what is known here", file.display()))?;
        let of_run = of_run.into_iter();
        found.extend(of_run.map(|(mutant, fate)| (mutant.name.clone(), (mutant, fate))));
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by(|(one, _), (other, _)| one.place().cmp(&other.place()));
    Ok(found)
}

#[derive(Deserialize)]
struct Outcomes {
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    scenario: Scenario,
    summary: String,
    log_path: String,
}

#[derive(Deserialize)]
enum Scenario {
    Baseline,
    Mutant(Mutant),
}

/// What the test harness says of one.
const A_TEST_FAILED: &str = "... FAILED";

/// `has_failed` says of a log whether a test has failed by it.
fn parse(text: &str, has_failed: impl Fn(&str) -> bool) -> Result<Vec<(Mutant, Fate)>> {
    let all: Outcomes = serde_json::from_str(text)?;
    let mut found = Vec::new();
    for outcome in all.outcomes {
        let Scenario::Mutant(mutant) = outcome.scenario else {
            continue;
        };
        let fate = match outcome.summary.as_str() {
            "CaughtMutant" => Fate::Caught,
            "MissedMutant" => Fate::Missed,
            "Timeout" if has_failed(&outcome.log_path) => Fate::Caught,
            "Timeout" => Fate::TimedOut,
            "Unviable" => Fate::Unviable,
            other => bail!("{} ended with `{other}`", mutant.name),
        };
        found.push((mutant, fate));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_without_the_baseline() {
        let text = r#"{"outcomes": [
            {"scenario": "Baseline", "summary": "Success", "log_path": "a"},
            {"scenario": {"Mutant": {"name": "mini-lsm/src/a.rs:3:5: replace x", "file": "mini-lsm/src/a.rs",
                "genre": "FnValue", "span": {"start": {"line": 3, "column": 5}, "end": {"line": 3, "column": 9}}}},
                "summary": "MissedMutant", "log_path": "b"}
        ], "total_mutants": 1}"#;
        let never = |_: &str| false;
        let found = parse(text, never).expect("it can be read");
        let [(mutant, Fate::Missed)] = &found[..] else {
            panic!("one mutant that was missed expected: {found:?}");
        };
        assert_eq!(mutant.path(), "src/a.rs");
        assert_eq!(mutant.name, "mini-lsm/src/a.rs:3:5: replace x");
        let unknown = text.replace("MissedMutant", "Vanished");
        assert!(parse(&unknown, never).is_err());

        let hung = text.replace("MissedMutant", "Timeout");
        let fate = |has_failed: fn(&str) -> bool| {
            let found = parse(&hung, has_failed).expect("it can be read");
            found[0].1
        };
        assert_eq!(fate(|_| false), Fate::TimedOut);
        assert_eq!(fate(|log| log == "b"), Fate::Caught, "before it hung");
    }

    #[test]
    fn what_a_later_run_says_counts() {
        let dir = tempfile::tempdir().expect("a folder");
        let outcome = |line: usize, summary: &str| {
            format!(
                r#"{{"scenario": {{"Mutant": {{"name": "a.rs:{line}:1: x", "file": "a.rs",
                "span": {{"start": {{"line": {line}, "column": 1}}}}}}}}, "summary": "{summary}", "log_path": ""}}"#
            )
        };
        let write = |run: &str, outcomes: &[String]| {
            let folder = results(&dir.path().join(run));
            fs::create_dir_all(&folder).expect("a folder in it");
            let text = format!(r#"{{"outcomes": [{}]}}"#, outcomes.join(","));
            fs::write(folder.join("outcomes.json"), text).expect("a file in that");
        };
        write(
            "9",
            &[outcome(1, "MissedMutant"), outcome(2, "MissedMutant")],
        );
        write("10", &[outcome(2, "CaughtMutant")]);
        fs::create_dir(dir.path().join("11")).expect("a run that was stopped at once");
        let found = read(dir.path()).expect("they can be read");
        let fates: Vec<Fate> = found.iter().map(|(_, fate)| *fate).collect();
        assert_eq!(fates, [Fate::Missed, Fate::Caught]);
        let nowhere = read(&dir.path().join("none")).expect("nothing has been run");
        assert!(nowhere.is_empty());
    }
}
