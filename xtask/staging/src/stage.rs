//! Stages: the crate of the learners as it stands after a day, or after a task, derived from the reference.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::edit;
use crate::format::Formatter;
use crate::items;
use crate::manifest;
use crate::marker::{self, LAST_DAY, Task};
use crate::names;
use crate::problem::{Problem, Problems};
use crate::source::Source;
use crate::tree::Tree;

/// A point of the course: all days before `day` are done, and of `day` the tasks up to `task`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stage {
    pub day: u32,
    pub task: u32,
}

impl Stage {
    /// The evening of a day; day 0 is the starter.
    pub const fn day(day: u32) -> Stage {
        Stage {
            day,
            task: u32::MAX,
        }
    }

    pub const fn task(day: u32, task: u32) -> Stage {
        Stage { day, task }
    }

    pub fn reaches(self, task: Task) -> bool {
        (task.day, task.task) <= (self.day, self.task)
    }

    /// A stage that ends a day, not one between two of its tasks.
    pub fn is_whole_day(self) -> bool {
        self.task == u32::MAX
    }

    /// Nothing is left to be written.
    pub fn is_complete(self) -> bool {
        self.is_whole_day() && self.day >= LAST_DAY
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole_day() {
            write!(f, "stage {}", self.day)
        } else {
            write!(f, "day {} task {}", self.day, self.task)
        }
    }
}

/// Derives one stage. For several, read the [`Reference`] once.
pub fn derive(reference_dir: &Path, stage: Stage) -> Result<Tree> {
    Reference::read(reference_dir)?.stage(stage)
}

/// The annotated crate, in memory.
pub struct Reference {
    /// How the folder is called in messages.
    name: String,
    files: Tree,
    /// The manifest of the workspace around it, if there is one.
    root: Option<String>,
    formatter: Formatter,
}

impl Reference {
    pub fn read(dir: &Path) -> Result<Reference> {
        let files = Tree::read(dir)?;
        if !files.contains_key("Cargo.toml") {
            bail!(
                "{} holds no crate to derive stages from; run this in the workspace of the course",
                dir.display()
            );
        }
        let root = dir
            .parent()
            .and_then(|parent| fs::read_to_string(parent.join("Cargo.toml")).ok());
        let name = dir
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok(Reference {
            name,
            files,
            root,
            formatter: Formatter::new(dir),
        })
    }

    /// The whole crate of a stage, formatted. Fails with all [`Problems`] of all files.
    pub fn stage(&self, stage: Stage) -> Result<Tree> {
        let mut tree = Tree::default();
        let mut problems = Problems(Vec::new());
        for (path, bytes) in self.files.iter().filter(|(path, _)| is_carried(path)) {
            let bytes = match std::str::from_utf8(bytes) {
                Ok(text) if path == "Cargo.toml" => {
                    manifest::stage(text, self.root.as_deref(), stage, is_carried)?.into_bytes()
                }
                Ok(text) if path.ends_with(".rs") => match self.source(path, text, stage) {
                    Ok((staged, _)) => self.finish(path, text, staged)?.into_bytes(),
                    Err(found) => {
                        problems.0.extend(found);
                        continue;
                    }
                },
                _ => bytes.clone(),
            };
            tree.insert(path.clone(), bytes);
        }
        problems.into_result()?;
        Ok(tree)
    }

    /// One source file of a stage, formatted; `None` if the crate has no such file.
    pub fn file(&self, path: &str, stage: Stage) -> Result<Option<String>> {
        let Some((_, text)) = self.sources().find(|(known, _)| *known == path) else {
            return Ok(None);
        };
        let staged = self.source(path, text, stage);
        let (staged, _) = staged.map_err(|found| anyhow::Error::new(Problems(found)))?;
        self.finish(path, text, staged).map(Some)
    }

    /// Where rustfmt is missing, stages are left as they come: for those who only want to read or run them.
    pub fn without_rustfmt_too(mut self) -> Reference {
        self.formatter = self.formatter.optional();
        self
    }

    /// Every task that a headline or a marker names.
    pub fn tasks(&self) -> Result<BTreeSet<Task>> {
        let mut tasks = BTreeSet::new();
        let mut problems = Problems(Vec::new());
        for (path, text) in self.sources().filter(|(path, _)| path.starts_with("src/")) {
            match self.source(path, text, Stage::day(LAST_DAY)) {
                Ok((_, found)) => tasks.extend(found),
                Err(found) => problems.0.extend(found),
            }
        }
        problems.into_result()?;
        Ok(tasks)
    }

    /// What rustfmt makes of a staged file: itself, if the stage is formatted.
    pub fn format(&self, path: &str, text: &str) -> Result<String> {
        self.formatter.format(path, text)
    }

    /// The Rust files of the crate as annotated, by path.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        let rust = self.files.iter().filter(|(path, _)| path.ends_with(".rs"));
        rust.filter_map(|(path, bytes)| Some((path.as_str(), std::str::from_utf8(bytes).ok()?)))
    }

    pub fn root_manifest(&self) -> Option<&str> {
        self.root.as_deref()
    }

    fn source(
        &self,
        path: &str,
        text: &str,
        stage: Stage,
    ) -> Result<(String, Vec<Task>), Vec<Problem>> {
        let shown = format!("{}/{path}", self.name);
        if path.starts_with("src/") {
            stage_source(&shown, text, stage)
        } else {
            given(&shown, text)
        }
    }

    /// New names change the order of imports, stubs the layout: what changed is formatted again.
    fn finish(&self, path: &str, original: &str, staged: String) -> Result<String> {
        let staged = names::change(&staged);
        if staged == original {
            Ok(staged)
        } else {
            self.formatter.format(path, &staged)
        }
    }
}

/// One source file at a stage, not yet formatted and with the reference's names, and the tasks that it names.
pub fn stage_source(
    path: &str,
    text: &str,
    stage: Stage,
) -> Result<(String, Vec<Task>), Vec<Problem>> {
    let Some(home) = home(path, text)? else {
        return given(path, text);
    };
    let source = Source::parse(path, text).map_err(|problem| vec![problem])?;
    let outcome = items::read(&source, home, stage);
    if !outcome.problems.is_empty() {
        return Err(outcome.problems);
    }
    let staged = edit::apply(text, outcome.edits);
    if let Err(error) = syn::parse_file(&staged) {
        let line = staged
            .lines()
            .nth(error.span().start().line.saturating_sub(1))
            .unwrap_or_default();
        let what = format!(
            "at {stage} this file is no Rust ({error}, at `{}`); look at the markers around that",
            line.trim()
        );
        return Err(vec![Problem {
            path: path.to_string(),
            line: 1,
            what,
        }]);
    }
    Ok((staged, outcome.tasks))
}

/// The task with which what stands at each of these byte offsets of a source file comes into the course; `None` for what is
/// given.
pub fn first_tasks(
    path: &str,
    text: &str,
    offsets: &[usize],
) -> Result<Vec<Option<Task>>, Vec<Problem>> {
    let Some(home) = home(path, text)? else {
        return Ok(vec![None; offsets.len()]);
    };
    let source = Source::parse(path, text).map_err(|problem| vec![problem])?;
    let whole = items::read(&source, home, Stage::day(LAST_DAY));
    let mut stages = vec![(Stage::day(0), None)];
    let tasks: BTreeSet<Task> = whole.tasks.into_iter().collect();
    stages.extend(
        tasks
            .into_iter()
            .map(|task| (Stage::task(task.day, task.task), Some(task))),
    );
    let mut first = vec![None; offsets.len()];
    // From the last to the first, so that the earliest stage in which it stands has the last word.
    for (stage, task) in stages.into_iter().rev() {
        let outcome = items::read(&source, home, stage);
        if !outcome.problems.is_empty() {
            return Err(outcome.problems);
        }
        for (first, at) in first.iter_mut().zip(offsets) {
            if !outcome.edits.iter().any(|edit| edit.range.contains(at)) {
                *first = task;
            }
        }
    }
    Ok(first)
}

/// Whose work a file is; `None` for a given one.
fn home(path: &str, text: &str) -> Result<Option<Task>, Vec<Problem>> {
    marker::headline(text).map_err(|(line, what)| {
        let path = path.to_string();
        vec![Problem { path, line, what }]
    })
}

/// A given file goes into every stage as it is, so a marker in it would silently do nothing.
fn given(path: &str, text: &str) -> Result<(String, Vec<Task>), Vec<Problem>> {
    let source = Source::parse(path, text).map_err(|problem| vec![problem])?;
    let marked = source
        .comments
        .iter()
        .filter(|c| !matches!(c.marker, None | Some(Ok(marker::Marker::Given))));
    let problems: Vec<Problem> = marked
        .map(|comment| {
            source.problem(
                comment.range.start,
                "a given file goes into every stage as it is; remove this marker, or begin the file with `//! Day N · Task K · …`",
            )
        })
        .collect();
    if problems.is_empty() {
        Ok((text.to_string(), Vec::new()))
    } else {
        Err(problems)
    }
}

/// The manifest, the sources, the day tests and their helpers are carried; benchmarks, fuzzing and other tests are not.
fn is_carried(path: &str) -> bool {
    let Some(test) = path.strip_prefix("tests/") else {
        return path == "Cargo.toml" || path.starts_with("src/");
    };
    test.starts_with("common/")
        || day_of(test).is_some_and(|_| path.ends_with(".rs") || test.contains('/'))
}

/// The day and the name of the test binary whose root is `path`: `tests/dayN_*.rs` or `tests/dayN_*/main.rs`. Other files
/// of such a folder are parts of it.
pub fn day_binary(path: &str) -> Option<(u32, &str)> {
    let test = path.strip_prefix("tests/")?;
    let name = test
        .strip_suffix("/main.rs")
        .or_else(|| test.strip_suffix(".rs"))?;
    Some((day_of(test)?, name)).filter(|_| !name.contains('/'))
}

fn day_of(test: &str) -> Option<u32> {
    let day = test.strip_prefix("day")?.split_once('_')?.0.parse().ok()?;
    (1..=LAST_DAY).contains(&day).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_reaches_what_came_before_it() {
        let task = |day, task| Task { day, task };
        assert!(Stage::day(3).reaches(task(3, 9)) && !Stage::day(3).reaches(task(4, 1)));
        assert!(Stage::task(3, 2).reaches(task(3, 2)) && !Stage::task(3, 2).reaches(task(3, 3)));
        assert!(Stage::task(3, 2).reaches(task(2, 9)));
        assert!(!Stage::day(0).reaches(task(1, 1)));
    }

    #[test]
    fn every_place_comes_with_the_task_that_brings_it() {
        let text = "\
//! Day 2 · Task 1 · Things.

pub fn things() -> u32 {
    let more = of_old();
    // until day 3 task 2: 0
    more + later() // day 3 task 2
}

fn of_old() -> u32 {
    1
}

// day 4 task 1
pub fn later() -> u32 {
    40
}

// given
pub fn handed_out() -> u32 {
    3
}
";
        let at = |words: &str| text.find(words).unwrap();
        let places = ["of_old();", "later() //", "1\n}", "40\n}", "3\n}"].map(at);
        let task = |day, task| Some(Task { day, task });
        assert_eq!(
            first_tasks("a.rs", text, &places).unwrap(),
            [task(2, 1), task(3, 2), task(2, 1), task(4, 1), None]
        );
        let given = first_tasks("a.rs", "pub fn a() {}\n", &[3]).unwrap();
        assert_eq!(given, [None]);
    }

    #[test]
    fn day_tests_and_their_helpers_are_carried_and_no_others() {
        for path in [
            "Cargo.toml",
            "src/lib.rs",
            "src/bin/x.rs",
            "tests/day1_blocks.rs",
            "tests/common/mod.rs",
        ] {
            assert!(is_carried(path), "{path}");
        }
        for path in [
            "tests/crash.rs",
            "tests/day8_x.rs",
            "tests/day_x.rs",
            "tests/day1/mod.rs",
            "tests/day1_x.txt",
        ] {
            assert!(!is_carried(path), "{path}");
        }
    }
}
