//! What the grader saw last of a day, read from `progress.json` at the workspace's root without changing it.
//!
//! The file has, under `tests`, the lasting name of each test that ever ran (`day1_blocks::task_1::name`) and how it ended last.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::catalogue;

const FILE: &str = "progress.json";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// So many of its tests did not pass, or never ran.
    Open(usize),
    /// There is no file: nothing was ever graded.
    Unknown,
}

/// How the last runs of all tests of a day ended.
pub fn of_day(root: &Path, day: u32) -> Verdict {
    let text = fs::read_to_string(root.join(FILE)).ok();
    let Some(known) = text.and_then(|text| serde_json::from_str::<Value>(&text).ok()) else {
        return Verdict::Unknown;
    };
    let days = catalogue::read(&root.join("mini-lsm-starter")).unwrap_or_default();
    let Some(day) = days.iter().find(|known| known.number == day) else {
        return Verdict::Unknown;
    };
    let passed = |test: &&catalogue::Test| {
        let id = format!("{}::{}", day.binary(), test.path());
        known["tests"][id]["last"] == "passed"
    };
    match day.tests.len() - day.tests.iter().filter(passed).count() {
        0 => Verdict::Passed,
        open => Verdict::Open(open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &str = "//! Day 1 · One\n\nmod task_1 {\n    #[test]\n    fn a() {}\n\n    #[test]\n    fn b() {}\n}\n";

    #[test]
    fn a_day_is_passed_when_all_its_tests_did_last() {
        let root = tempfile::tempdir().expect("a folder");
        let tests = root.path().join("mini-lsm-starter").join("tests");
        fs::create_dir_all(&tests).expect("a folder");
        fs::write(tests.join("day1_one.rs"), TEST).expect("a file");
        let verdict = |text: &str| {
            fs::write(root.path().join(FILE), text).expect("a file");
            of_day(root.path(), 1)
        };
        assert_eq!(of_day(root.path(), 1), Verdict::Unknown);
        let both = "{\"tests\": {\"day1_one::task_1::a\": {\"last\": \"passed\"}, \"day1_one::task_1::b\": {\"last\": \"WORD\"}}}";
        assert_eq!(verdict(&both.replace("WORD", "passed")), Verdict::Passed);
        assert_eq!(verdict(&both.replace("WORD", "failed")), Verdict::Open(1));
        assert_eq!(verdict("{\"tests\": {}}"), Verdict::Open(2));
        assert_eq!(verdict("no text of ours"), Verdict::Unknown);
    }
}
