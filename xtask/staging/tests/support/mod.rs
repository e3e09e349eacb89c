//! Small sources in, staged text or problems out. Each test file uses a part of it.

#![allow(dead_code)]

pub mod course;

use staging::format::Formatter;
use staging::stage::{Stage, stage_source};

/// The staged text of a file of the crate, formatted. `text` must have nothing wrong with it.
#[track_caller]
pub fn staged_at(path: &str, text: &str, stage: Stage) -> String {
    match stage_source(path, text, stage) {
        Ok((staged, _)) => Formatter::new(std::env::temp_dir())
            .format(path, &staged)
            .unwrap(),
        Err(problems) => panic!("refused: {problems:?}"),
    }
}

/// As [`staged_at`], for work of day 3, task 2, which is what most examples are.
#[track_caller]
pub fn staged(body: &str, stage: Stage) -> String {
    let text = staged_at("src/merge.rs", &file(body), stage);
    text.strip_prefix(HEADLINE)
        .expect("the headline stays")
        .to_string()
}

/// The problems of a file of day 3, task 2, as `line: what`; lines are those of `body`.
pub fn problems(body: &str) -> Vec<(usize, String)> {
    let above = HEADLINE.lines().count();
    let mut found: Vec<_> = match stage_source("src/merge.rs", &file(body), Stage::day(0)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .map(|p| (p.line - above, p.what))
            .collect(),
    };
    // What is wrong is wrong at every stage, or an error would show only when it is too late.
    let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
    for day in 1..=7 {
        let again = stage_source("src/merge.rs", &file(body), Stage::day(day))
            .err()
            .unwrap_or_default();
        assert_eq!(
            again.iter().map(|p| p.line - above).collect::<Vec<_>>(),
            lines,
            "stage {day}"
        );
    }
    found.sort();
    found
}

/// The one problem of a file; its text must hold `says`.
#[track_caller]
pub fn assert_problem(body: &str, line: usize, says: &str) {
    let found = problems(body);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, line, "{found:?}");
    assert!(found[0].1.contains(says), "{found:?}");
}

const HEADLINE: &str = "//! Day 3 · Task 2 · Merging.\n";

fn file(body: &str) -> String {
    format!("{HEADLINE}{body}")
}
