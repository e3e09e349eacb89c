//! What is in the zoo: one file a day, `zoo/dayN.toml`.
//!
//! ```toml
//! [[bug]]
//! name = "first-key-not-reset"      # unique, for the command line
//! task = 1                          # the task of the day in which one makes this mistake
//! claim = "What breaks."
//! question = "What points at it, without giving it away?"
//! met = true                        # people are known to have made it; absent if it was thought up
//! caught_by = ["task_1::a_test"]    # the first test that fails, or the first of its task, must be one of these
//!
//! [[bug.edit]]                      # one or more; each text stands exactly once in its file
//! file = "src/block/builder.rs"
//! find = '''
//!         self.first_key.clear();
//! '''
//! put = ""
//! ```
//!
//! The last newline of a text does not count.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use xtask::catalogue::Day;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    pub name: String,
    /// The day of its file.
    #[serde(skip)]
    pub day: u32,
    pub task: u32,
    pub claim: String,
    pub question: String,
    #[serde(default)]
    pub met: bool,
    pub caught_by: Vec<String>,
    #[serde(rename = "edit")]
    pub edits: Vec<Edit>,
}

/// One place that a mistake changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// From the crate's folder, with forward slashes.
    pub file: String,
    pub find: String,
    pub put: String,
}

impl Edit {
    /// A text between triple quotes may end on a line of its own, or in the middle of one.
    fn trim(&mut self) {
        for text in [&mut self.find, &mut self.put] {
            if text.ends_with('\n') {
                text.pop();
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneDay {
    bug: Vec<Bug>,
}

/// Where the zoo of the repository at `root` stands.
pub fn dir(root: &Path) -> PathBuf {
    root.join("xtask").join("bugs").join("zoo")
}

/// The file of a day, from the root of the repository.
pub fn file(day: u32) -> String {
    format!("xtask/bugs/zoo/day{day}.toml")
}

/// All bugs, day by day, each day in the order of its file. An error names the file that cannot be read.
pub fn read(root: &Path, days: &[Day]) -> Result<Vec<Bug>> {
    let mut bugs = Vec::new();
    for day in days {
        let path = dir(root).join(format!("day{}.toml", day.number));
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", file(day.number)))?;
        bugs.extend(parse(day.number, &text)?);
    }
    let problems = problems(&bugs, days);
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(bugs)
}

/// The bugs of one file.
pub fn parse(day: u32, text: &str) -> Result<Vec<Bug>> {
    let read: OneDay = toml::from_str(text).with_context(|| file(day))?;
    let mut bugs = read.bug;
    for bug in &mut bugs {
        bug.day = day;
        bug.edits.iter_mut().for_each(Edit::trim);
    }
    Ok(bugs)
}

/// What is wrong with the zoo as data, one line each.
pub fn problems(bugs: &[Bug], days: &[Day]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    for bug in bugs {
        let mut add = |what: String| {
            problems.push(format!("{}: bug {}: {what}", file(bug.day), bug.name));
        };
        if !names.insert(&bug.name) {
            add("another one has this name".into());
        }
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if bug.name.is_empty() || !bug.name.chars().all(is_word) {
            add("a name is made of lower-case letters, digits and hyphens".into());
        }
        if !bug.claim.ends_with('.') {
            add("its claim is no sentence".into());
        }
        if !bug.question.ends_with('?') {
            add("its question is none".into());
        }
        if bug.edits.is_empty() || bug.caught_by.is_empty() {
            add("it has no edit, or no test that catches it".into());
        }
        let day = days.iter().find(|day| day.number == bug.day);
        let tests = day.map_or(&[][..], |day| &day.tests);
        if !tests.iter().any(|test| test.task == bug.task) {
            add(format!("day {} has no task {}", bug.day, bug.task));
        }
        for name in &bug.caught_by {
            if !tests.iter().any(|test| test.path() == *name) {
                add(format!("day {} has no test {name}", bug.day));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "\
[[bug]]
name = \"lost-byte\"
task = 1
claim = \"A byte is lost.\"
question = \"Where does the last byte go?\"
met = true
caught_by = [\"task_1::a_claim\"]

[[bug.edit]]
file = \"src/a.rs\"
find = '''
    a + 1
'''
put = \"    a\"
";

    fn days() -> Vec<Day> {
        let dir = tempfile::tempdir().expect("a folder");
        let tests = dir.path().join("tests");
        fs::create_dir(&tests).expect("a folder in it");
        let text = "//! Day 1 · A day.\n\nmod task_1 {\n    #[test]\n    fn a_claim() {}\n}\n";
        fs::write(tests.join("day1_a.rs"), text).expect("a file in that");
        xtask::catalogue::read(dir.path()).expect("a course of one day")
    }

    fn problems_of(text: &str) -> Vec<String> {
        problems(&parse(1, text).expect("it can be read"), &days())
    }

    #[test]
    fn a_bug_is_read_with_its_edits() {
        let [bug] = &parse(1, ONE).expect("it can be read")[..] else {
            panic!("one bug expected");
        };
        assert_eq!((bug.name.as_str(), bug.day, bug.task), ("lost-byte", 1, 1));
        assert!(bug.met);
        let edit = Edit {
            file: "src/a.rs".into(),
            find: "    a + 1".into(),
            put: "    a".into(),
        };
        assert_eq!(bug.edits, [edit], "the last newline does not count");
        assert_eq!(problems_of(ONE), [""; 0]);
    }

    #[test]
    fn what_does_not_belong_into_a_file_is_refused_with_its_name() {
        for wrong in [
            ONE.replace("met = true", "mett = true"),
            ONE.replace("find =", "fnid ="),
            ONE.replace("task = 1", "task = \"one\""),
            ONE.replace("claim = \"A byte is lost.\"\n", ""),
        ] {
            let error = parse(1, &wrong).expect_err("it is refused");
            let text = format!("{error:#}");
            assert!(text.starts_with("xtask/bugs/zoo/day1.toml: "), "{text}");
        }
    }

    #[test]
    fn each_mistake_in_the_data_is_one_line() {
        for (from, to, problem) in [
            ("lost-byte", "Lost Byte", "a name is made of"),
            ("is lost.", "is lost", "its claim is no sentence"),
            ("byte go?", "byte go.", "its question is none"),
            ("task = 1", "task = 2", "day 1 has no task 2"),
            ("a_claim", "another", "day 1 has no test task_1::another"),
        ] {
            let problems = problems_of(&ONE.replace(from, to));
            let [line] = &problems[..] else {
                panic!("one problem expected: {problems:?}");
            };
            assert!(line.contains(problem), "{line}");
        }
        let twice = problems_of(&format!("{ONE}\n{ONE}"));
        assert_eq!(
            twice,
            ["xtask/bugs/zoo/day1.toml: bug lost-byte: another one has this name"]
        );
    }
}
