//! The tests that a learner adds: files of their own in `tests/`, and tests put into the files of the days.
//!
//! The reference's day tests say which tests are the course's. All others are run and shown, and never counted.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use super::{Subject, trial};
use crate::catalogue::{self, Day, Test};
use crate::workspace::shown;

/// The tests of a crate, told apart.
#[derive(Debug, Default)]
pub struct Split {
    /// With the course's tests only.
    pub days: Vec<Day>,
    /// The course's tests that are not there.
    pub vanished: Vec<Test>,
    /// The learner's own test binaries.
    pub own: Vec<String>,
}

/// Tells the course's tests among `found` from the learner's. An error means that a day's file is gone.
pub fn split(subject: &Subject, found: Vec<Day>) -> Result<Split> {
    let Some(root) = &subject.pristine else {
        return Ok(Split {
            days: found,
            ..Split::default()
        });
    };
    let pristine = catalogue::read(root)?;
    let mut days = Vec::new();
    let mut vanished = Vec::new();
    for day in pristine {
        let Some(own) = found.iter().find(|own| own.binary() == day.binary()) else {
            let file = day.file.strip_prefix(root).unwrap_or(&day.file);
            let file = shown(&subject.root, &subject.dir.join(file));
            bail!("{file} is gone; `git restore {file}` brings it back");
        };
        let of = |tests: &[Test]| tests.iter().map(Test::path).collect::<BTreeSet<String>>();
        let (mut own, expected) = (own.clone(), of(&day.tests));
        own.tests.retain(|test| expected.contains(&test.path()));
        let present = of(&own.tests);
        let missing = day.tests.into_iter();
        vanished.extend(missing.filter(|test| !present.contains(&test.path())));
        days.push(own);
    }
    let own = binaries(&subject.dir.join("tests"))
        .into_iter()
        .filter(|name| !days.iter().any(|day| day.binary() == *name))
        .collect();
    Ok(Split {
        days,
        vanished,
        own,
    })
}

/// The names of the test binaries that cargo finds in a folder.
fn binaries(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| {
        let (path, name) = (entry.path(), entry.file_name().into_string().ok()?);
        match path.is_dir() {
            true => path.join("main.rs").is_file().then_some(name),
            false => Some(name.strip_suffix(".rs")?.to_string()),
        }
    });
    names.filter(|name| !name.starts_with('.')).collect()
}

/// The tests that the learner has put among those of a day.
pub fn in_day(subject: &Subject, day: &Day, binary: &Path) -> Vec<Test> {
    let expected: BTreeSet<String> = day.tests.iter().map(Test::path).collect();
    let mut tests = in_binary(subject, &day.binary(), binary);
    tests.retain(|test| !expected.contains(&test.name));
    tests
}

/// All tests of a binary, as the learner's.
pub fn in_binary(subject: &Subject, name: &str, binary: &Path) -> Vec<Test> {
    let paths = trial::list(subject, binary).into_iter();
    let test = |path| Test {
        day: 0,
        task: 0,
        binary: name.to_string(),
        name: path,
        claim: String::new(),
        why: Vec::new(),
        hints: Vec::new(),
        concurrent: false,
        file: String::new(),
        line: 0,
    };
    paths.map(test).collect()
}

/// The root file of one of the learner's binaries, from the repository's root.
pub fn shown_file(subject: &Subject, name: &str) -> String {
    let tests = subject.dir.join("tests");
    let file = tests.join(format!("{name}.rs"));
    match file.is_file() {
        true => shown(&subject.root, &file),
        false => shown(&subject.root, &tests.join(name).join("main.rs")),
    }
}
