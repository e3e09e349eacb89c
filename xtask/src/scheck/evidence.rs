//! Where a failure was: in the learner's own code, if any of it was running, and otherwise in the test.
//!
//! The learner's own are the files of the crate that a task is written in; their first line says so. A panic in another place
//! (the standard library, another crate, a given file) has a way that led there, so the test is run once more with a backtrace.

use std::fs;
use std::path::{Path, PathBuf};

use super::report::{Evidence, Place, Trial};
use super::{Subject, trial};
use crate::catalogue::Test;
use crate::stubs;
use crate::workspace::shown;

/// Files of a task that are named; more would name none.
const FILES: usize = 4;

/// What can be known of the failure of this trial.
pub fn of(subject: &Subject, binary: &Path, trial: &Trial) -> Evidence {
    let stub = trial.stub().map(|(_, place)| place.to_string());
    let panic = trial.main_panic().map(|panic| panic.place.clone());
    let place = stub.or(panic).and_then(|place| read_place(subject, &place));
    let Some(place) = place else {
        return elsewhere(subject, trial, None);
    };
    if is_own(subject, &place.file) {
        return Evidence {
            at: Some(place),
            files: Vec::new(),
        };
    }
    if place.file.starts_with(subject.dir.join("tests")) {
        return elsewhere(subject, trial, Some(place));
    }
    let way = trial::backtrace(subject, binary, &trial.test).unwrap_or_default();
    match frames(subject, &way).find(|frame| is_own(subject, &frame.file)) {
        Some(own) => Evidence {
            at: Some(own),
            files: Vec::new(),
        },
        None => elsewhere(subject, trial, Some(place)),
    }
}

fn elsewhere(subject: &Subject, trial: &Trial, at: Option<Place>) -> Evidence {
    Evidence {
        at,
        files: files_of_task(subject, &trial.test),
    }
}

/// The files whose first line says `Day N · Task K`.
fn files_of_task(subject: &Subject, test: &Test) -> Vec<Place> {
    let files = stubs::rust_files(&subject.dir.join("src")).into_iter();
    let of_task = files.filter(|file| task_of(file) == Some((test.day, test.task)));
    of_task
        .take(FILES)
        .map(|file| Place {
            shown: shown(&subject.root, &file),
            file,
            line: 1,
            column: 1,
            text: None,
        })
        .collect()
}

fn is_own(subject: &Subject, file: &Path) -> bool {
    file.starts_with(subject.dir.join("src")) && task_of(file).is_some()
}

/// Day and task of a file, if its first line is `//! Day N · Task K · …`.
pub fn task_of(file: &Path) -> Option<(u32, u32)> {
    let text = fs::read_to_string(file).ok()?;
    let mut words = text.lines().next()?.strip_prefix("//! Day ")?.split(" · ");
    let day = words.next()?.trim().parse().ok()?;
    let task = words.next()?.strip_prefix("Task ")?.trim().parse().ok()?;
    Some((day, task))
}

/// The places that a backtrace names, innermost first: lines `at FILE:LINE:COLUMN`.
fn frames<'a>(subject: &'a Subject, stderr: &'a str) -> impl Iterator<Item = Place> + 'a {
    stderr
        .lines()
        .filter_map(|line| line.trim().strip_prefix("at "))
        .filter_map(|place| read_place(subject, place))
}

/// Reads `FILE:LINE:COLUMN`, where the file is absolute, or stands in the crate (`./…`) or in the repository.
fn read_place(subject: &Subject, text: &str) -> Option<Place> {
    let (rest, column) = text.rsplit_once(':')?;
    let (name, line) = rest.rsplit_once(':')?;
    let (line, column) = (line.parse().ok()?, column.parse().ok()?);
    let file = match Path::new(name) {
        path if path.is_absolute() => real(subject, path),
        path => match path.strip_prefix(".") {
            Ok(in_crate) => subject.dir.join(in_crate),
            Err(_) => subject.root.join(path),
        },
    };
    let content = fs::read_to_string(&file).ok();
    let source = content
        .as_deref()
        .and_then(|text: &str| text.lines().nth(line - 1));
    Some(Place {
        shown: format!("{}:{line}:{column}", shown(&subject.root, &file)),
        line,
        column,
        text: source.map(|line| line.trim().to_string()),
        file,
    })
}

/// A tool may name the crate by its real path, where we know it by another.
fn real(subject: &Subject, path: &Path) -> PathBuf {
    let root = subject.root.canonicalize().unwrap_or_default();
    match path.strip_prefix(&root) {
        Ok(short) if !root.as_os_str().is_empty() => subject.root.join(short),
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    fn subject(root: &Path) -> Subject {
        Subject::starter(&Workspace::at(root))
    }

    fn write(file: &Path, text: &str) {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }

    #[test]
    fn a_backtrace_leads_to_the_learners_own_line() {
        let root = tempfile::tempdir().expect("a folder");
        let subject = subject(root.path());
        let own = subject.dir.join("src/block/mod.rs");
        write(&own, "//! Day 1 · Task 2 · Blocks\n\n    let x = y[7];\n");
        write(&subject.dir.join("src/given.rs"), "//! Given.\n");
        let way = "\
thread 't' (1) panicked at /rustc/0/library/core/src/slice.rs:9:9:
boom
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/0/library/std/src/panicking.rs:697:5
   3: mini_lsm_starter::given::read
             at ./src/given.rs:1:5
   4: mini_lsm_starter::block::Block::decode
             at ./src/block/mod.rs:3:13
";
        let found = frames(&subject, way).find(|frame| is_own(&subject, &frame.file));
        let place = found.expect("the frame in the learner's file");
        assert_eq!(place.shown, "mini-lsm-starter/src/block/mod.rs:3:13");
        assert_eq!(place.text.as_deref(), Some("let x = y[7];"));
        assert_eq!(place.file, own);
    }

    #[test]
    fn a_file_says_whose_it_is() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("a.rs");
        for (line, expected) in [
            ("//! Day 3 · Task 4 · The write path.", Some((3, 4))),
            ("//! Day 3: words", None),
            ("//! The errors.", None),
            ("", None),
        ] {
            fs::write(&file, line).expect("a file");
            assert_eq!(task_of(&file), expected, "{line}");
        }
    }
}
