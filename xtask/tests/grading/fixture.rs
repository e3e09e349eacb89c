//! A small course in a temporary directory: a crate to be graded, with a book page beside it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use xtask::process::{Limits, Stop};
use xtask::scheck::report::{DayReport, DayState, Grade, Report, Trial};
use xtask::scheck::{Ask, Subject, board, grade, seen};
use xtask::screen::Screen;

pub struct Course {
    root: TempDir,
    pub subject: Subject,
}

impl Course {
    /// A crate `engine` with these sources and these files in `tests`.
    pub fn new(lib: &str, tests: &[(&str, &str)]) -> Course {
        let root = tempfile::tempdir().expect("a temporary directory");
        write(root.path(), "Cargo.toml", MANIFEST);
        write(root.path(), "engine/Cargo.toml", CRATE_MANIFEST);
        write(root.path(), "engine/src/lib.rs", lib);
        write(root.path(), "book/src/day1-blocks.md", "# Blocks\n");
        for (name, text) in tests {
            write(root.path(), &format!("engine/tests/{name}"), text);
        }
        let subject = Subject {
            root: root.path().to_path_buf(),
            dir: root.path().join("engine"),
            pristine: None,
            command: "cargo x scheck",
            day_by_day: true,
            target_dir: Some(root.path().join("target")),
            limits: Limits {
                time: Duration::from_secs(5),
                output: 4 << 20,
            },
            progress: None,
            tidy: true,
            stop: Stop::default(),
        };
        Course { root, subject }
    }

    pub fn write(&self, path: &str, text: &str) {
        write(self.root.path(), path, text);
    }

    pub fn grade(&self, ask: Ask) -> Grade {
        match grade(&self.subject, &ask, &Screen::PLAIN) {
            Ok(grade) => grade,
            Err(error) => panic!("the fixture should be graded: {error:#}"),
        }
    }

    /// What `scheck` would show.
    pub fn board(&self, ask: Ask) -> String {
        self.board_on(ask, &Screen::PLAIN)
    }

    /// The same on another screen, and with what is remembered, where the course has a progress file.
    pub fn board_on(&self, ask: Ask, screen: &Screen) -> String {
        let grade = self.grade(ask);
        let seen = seen::remember(&self.subject, &grade);
        let text = board::render(&grade, &seen, screen);
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
        text
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }
}

/// The report of a crate that compiles.
pub fn report(grade: Grade) -> Report {
    match grade {
        Grade::Report(report) => report,
        Grade::Broken(broken) => panic!("the fixture should compile: {}", broken.error.rendered),
    }
}

pub fn trial<'a>(report: &'a Report, name: &str) -> &'a Trial {
    let trials = report.days.iter().flat_map(trials);
    let found = trials.into_iter().find(|trial| trial.test.name == name);
    found.unwrap_or_else(|| panic!("no test {name} was run"))
}

fn trials(day: &DayReport) -> &[Trial] {
    match &day.state {
        DayState::Graded(trials) => trials,
        _ => &[],
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    let parent = path.parent().expect("a file stands in a folder");
    fs::create_dir_all(parent).expect("a folder");
    fs::write(path, text).expect("a file");
}

const MANIFEST: &str = "\
[workspace]
resolver = \"3\"
members = [\"engine\"]
";

const CRATE_MANIFEST: &str = "\
[package]
name = \"engine\"
version = \"0.1.0\"
edition = \"2024\"
";
