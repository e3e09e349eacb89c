//! A library out of a submission, however much of it compiles.
//!
//! A file that does not compile is replaced by its stub; if that is not enough, so are the files of later days, since they stand on it;
//! and if it is still not enough, or if the compiler never said which file it was, the days from one on, as few as possible. At the
//! latest the bare starter compiles. What was replaced, and why, stands in the report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::compile::{self, Compiling, Complaint};
use crate::contract::Pinned;
use crate::pristine::{Course, Laid, forget_module};
use crate::slots::Budget;
use crate::submission::{Files, Submission};
use crate::tools::Tools;

/// A library, and what had to be done for it.
#[derive(Debug)]
pub struct Library {
    pub file: PathBuf,
    /// Files that were not used, each with the reason.
    pub replaced: BTreeMap<String, String>,
    /// Given files that were used as submitted, since the rest does not compile with ours.
    pub given_used: Vec<String>,
}

/// What stands by itself and is never taken from a submission: the tests look at the engine through these.
const INSTRUMENTS: &[&str] = &[
    "src/fs/",
    "src/sync/",
    "src/listener.rs",
    "src/check.rs",
    "src/lib.rs",
];

/// Compiles the submission below `work`. Only where the time for it was up before anything compiled, there is a complaint instead.
pub fn library(
    (tools, how, pinned, budget): (&Tools, Compiling, &Pinned, &Budget),
    course: &Course,
    submission: &Submission,
    laid: &Laid,
    work: &Path,
) -> Result<Result<Library, Complaint>> {
    let mut attempt = Attempt {
        tools,
        how,
        pinned,
        budget,
        course,
        laid,
        dir: work.join("crate"),
        out: work.join("library"),
        given: Files::new(),
        replaced: BTreeMap::new(),
        bare: false,
    };
    attempt.replace_what_is_no_text();
    let mut first = match attempt.compile()? {
        Ok(file) => return Ok(Ok(attempt.done(file))),
        Err(complaint) => complaint,
    };
    if attempt.use_given_of(submission) {
        match attempt.compile()? {
            Ok(file) => return Ok(Ok(attempt.done(file))),
            Err(_) => attempt.given.clear(),
        }
    }
    // One file at a time, and then those of later days.
    for later_days_too in [false, true] {
        if !attempt.replace(&first, later_days_too) {
            break;
        }
        match attempt.compile()? {
            Ok(file) => return Ok(Ok(attempt.done(file))),
            Err(complaint) => first = complaint,
        }
    }
    let found = attempt.fewest_days(&first)?;
    Ok(found.map(|file| attempt.done(file)))
}

struct Attempt<'a> {
    tools: &'a Tools,
    how: Compiling,
    pinned: &'a Pinned,
    budget: &'a Budget,
    course: &'a Course,
    laid: &'a Laid,
    dir: PathBuf,
    out: PathBuf,
    /// Given files that are taken from the submission.
    given: Files,
    replaced: BTreeMap<String, String>,
    /// Nothing of the submission is left.
    bare: bool,
}

impl Attempt<'_> {
    fn done(self, file: PathBuf) -> Library {
        // A file that was a stub to begin with has not been taken away from anybody.
        let stub = |path: &String| self.laid.files.get(path) == self.course.starter.get(path);
        Library {
            file,
            replaced: self
                .replaced
                .into_iter()
                .filter(|(path, _)| !stub(path))
                .collect(),
            given_used: self.given.into_keys().collect(),
        }
    }

    /// Compiles it as it stands, and holds it against the contract.
    fn compile(&self) -> Result<Result<PathBuf, Complaint>> {
        if self.budget.is_spent() {
            return Ok(Err(Complaint {
                reason: self.budget.reason(),
                ..Complaint::default()
            }));
        }
        self.write()?;
        self.budget.spend(|| {
            let file = match compile::library(self.tools, self.how, &self.dir, &self.out)? {
                Ok(file) => file,
                Err(complaint) => return Ok(Err(complaint)),
            };
            let out = self.out.with_file_name("contract");
            let breach = self.pinned.breach(self.tools, self.how, &file, &out)?;
            Ok(breach.map_or(Ok(file), Err))
        })
    }

    fn write(&self) -> Result<()> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir)
                .with_context(|| format!("cannot empty {}", self.dir.display()))?;
        }
        for (name, text) in self.files() {
            let path = self.dir.join(&name);
            let folder = path.parent().context("a file in no folder")?;
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    fn files(&self) -> Files {
        if self.bare {
            let starter = self.course.sources();
            return starter
                .map(|(path, text)| (path.clone(), text.clone()))
                .collect();
        }
        let mut files = self.laid.files.clone();
        files.extend(self.given.clone());
        for path in self.replaced.keys() {
            match self.course.starter.get(path) {
                Some(stub) => {
                    files.insert(path.clone(), stub.clone());
                }
                None => forget_module(&mut files, self.course, path),
            }
        }
        files
    }

    fn replace_what_is_no_text(&mut self) {
        for (path, text) in &self.laid.files {
            if std::str::from_utf8(text).is_err() {
                let reason = format!("{path} is no UTF-8");
                self.replaced.insert(path.clone(), reason);
            }
        }
    }

    /// Takes changed given files from the submission, except for the instruments. False if there is none.
    fn use_given_of(&mut self, submission: &Submission) -> bool {
        let changed = self.laid.given_changed.iter();
        let taken = changed.filter(|path| !INSTRUMENTS.iter().any(|known| path.starts_with(known)));
        self.given = taken
            .filter_map(|path| Some((path.clone(), submission.files.get(path)?.clone())))
            .collect();
        !self.given.is_empty()
    }

    /// Replaces the files that errors point at. False if there is none that was not replaced before.
    fn replace(&mut self, complaint: &Complaint, later_days_too: bool) -> bool {
        let before = self.replaced.len();
        let theirs: BTreeMap<&String, &String> = complaint
            .files
            .iter()
            .filter(|(path, _)| self.is_theirs(path))
            .collect();
        for (path, reason) in theirs {
            self.replaced
                .entry(path.clone())
                .or_insert_with(|| reason.clone());
        }
        let days = self
            .replaced
            .keys()
            .filter_map(|path| self.course.day_of(path));
        if let Some(day) = days.min().filter(|_| later_days_too) {
            let why = format!("the days after {day} stand on what does not compile");
            self.replace_from(day + 1, &why);
        }
        self.replaced.len() > before
    }

    fn is_theirs(&self, path: &str) -> bool {
        self.laid.own.contains(path) || self.course.day_of(path).is_some()
    }

    fn replace_from(&mut self, day: u32, why: &str) {
        for path in self.laid.files.keys() {
            if self.course.day_of(path).is_some_and(|of| of >= day) {
                self.replaced
                    .entry(path.clone())
                    .or_insert_with(|| why.to_string());
            }
        }
    }

    /// Replaces all files of the last days, as few days as will do.
    fn fewest_days(&mut self, complaint: &Complaint) -> Result<Result<PathBuf, Complaint>> {
        let known = self.replaced.clone();
        let days: Vec<u32> = self.course.work_days().into_iter().rev().collect();
        // `days[..count]` are replaced: too few do not compile, enough do.
        let (mut too_few, mut enough) = (0, days.len() + 1);
        let mut reasons = vec![complaint.reason.clone(); days.len() + 2];
        let mut built = None;
        while enough - too_few > 1 {
            let count = too_few.midpoint(enough);
            self.replaced = known.clone();
            self.replace_count(&days, count, &complaint.reason);
            self.bare = count > days.len();
            match self.compile()? {
                Ok(file) => {
                    enough = count;
                    built = Some(file);
                }
                Err(complaint) => {
                    too_few = count;
                    reasons[count] = complaint.reason;
                }
            }
        }
        self.replaced = known;
        self.replace_count(&days, enough, &reasons[too_few]);
        self.bare = enough > days.len();
        // A failed attempt after the one that was enough has taken its file away.
        if let Some(file) = built.filter(|file: &PathBuf| file.is_file()) {
            return Ok(Ok(file));
        }
        match self.compile()? {
            Ok(file) => Ok(Ok(file)),
            Err(complaint) if self.budget.is_spent() => Ok(Err(complaint)),
            Err(complaint) => bail!("the bare starter does not compile: {}", complaint.reason),
        }
    }

    /// Replaces the files of the first `count` of `days`; of more than there are, the learner's own files too.
    fn replace_count(&mut self, days: &[u32], count: usize, reason: &str) {
        if let Some(first) = days[..count.min(days.len())].last() {
            let why =
                format!("it does not compile without the stubs from day {first} on: {reason}");
            self.replace_from(*first, &why);
        }
        if count > days.len() {
            let own: BTreeSet<String> = self.laid.own.clone();
            for path in own {
                let why = format!("it does not compile with it: {reason}");
                self.replaced.entry(path).or_insert(why);
            }
        }
    }
}
