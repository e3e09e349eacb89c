//! The course as it is graded: the starter derived afresh from the reference, whatever the folder `mini-lsm-starter` holds, its
//! tests with a `main` of ours, and a submission laid into it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use staging::graded::{self, Binary, Graded};
use staging::manifest;
use staging::marker;
use staging::stage::{Reference, Stage};
use staging::tree::Tree;
use xtask::catalogue::{self, Day};

use crate::submission::{Files, Submission};

/// All of ours that a submission is laid into.
pub struct Course {
    /// Stage 0.
    pub starter: Tree,
    /// The annotated crate: what stands there is nobody's tampering either.
    pub reference: Tree,
    pub tests: Tree,
    /// The programs of the tests, in the order of the days.
    pub binaries: Vec<Binary>,
    pub days: Vec<Day>,
    /// The manifest of a workspace that holds the starter alone.
    pub workspace: String,
    pub lock: Vec<u8>,
    /// Settings of the whole checkout, by their path from the crate's folder.
    pub settings: Files,
}

impl Course {
    /// Derives it from the repository at `root`, and adds the tests of `extra`.
    pub fn read(root: &Path, extra: Option<&Path>) -> Result<Course> {
        let dir = root.join("mini-lsm");
        let reference = Reference::read(&dir)?.without_rustfmt_too();
        let starter = reference.stage(Stage::day(0))?;
        let manifest = reference
            .root_manifest()
            .context("the repository has no Cargo.toml")?;
        let mut graded = graded::emit(&starter)?;
        if let Some(extra) = extra {
            add_extra(&mut graded, extra)?;
        }
        let lock = root.join("Cargo.lock");
        Ok(Course {
            workspace: manifest::workspace(manifest, "mini-lsm-starter")?,
            reference: Tree::read(&dir)?,
            starter,
            tests: graded.tree,
            binaries: graded.binaries,
            days: catalogue::read(&dir)?,
            lock: std::fs::read(&lock)
                .with_context(|| format!("cannot read {}", lock.display()))?,
            settings: settings(root),
        })
    }

    /// The sources of the starter.
    pub fn sources(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        let sources = self.starter.iter();
        sources.filter(|(path, _)| path.starts_with("src/") && !path.starts_with("src/bin/"))
    }

    /// The day of a file that learners write; none for a given one.
    pub fn day_of(&self, path: &str) -> Option<u32> {
        let text = std::str::from_utf8(self.starter.get(path)?).ok()?;
        marker::headline(text).ok()?.map(|task| task.day)
    }

    /// The days on which learners write, ascending.
    pub fn work_days(&self) -> BTreeSet<u32> {
        self.sources()
            .filter_map(|(path, _)| self.day_of(path))
            .collect()
    }

    /// Leaves only the tests of one day, or of one of its tasks; the instructor's own stay.
    pub fn only(&mut self, day: u32, task: Option<u32>) -> Result<()> {
        self.binaries.retain(|binary| binary.day == day);
        self.days.retain(|known| known.number == day);
        if self.binaries.is_empty() {
            bail!("there is no day {day}");
        }
        if let Some(task) = task {
            let of_task = format!("task_{task}::");
            for binary in self.binaries.iter_mut().filter(|b| !is_extra(b)) {
                binary.tests.retain(|test| test.starts_with(&of_task));
            }
            self.binaries.retain(|binary| !binary.tests.is_empty());
            if self.binaries.iter().all(is_extra) {
                bail!("day {day} has no task {task}");
            }
        }
        Ok(())
    }
}

fn settings(root: &Path) -> Files {
    let names = ["Cargo.toml", ".cargo/config.toml"].into_iter();
    let read =
        names.filter_map(|name| Some((format!("../{name}"), std::fs::read(root.join(name)).ok()?)));
    read.collect()
}

/// What the names of the instructor's own tests begin with.
const EXTRA: &str = "extra_";

fn is_extra(binary: &Binary) -> bool {
    binary.name.starts_with(EXTRA)
}

/// The instructor's own tests: files whose first line says `//! Day N · …`.
fn add_extra(graded: &mut Graded, dir: &Path) -> Result<()> {
    let files = xtask::stubs::rust_files(dir);
    if files.is_empty() {
        bail!("there is no Rust file in {}", dir.display());
    }
    for file in files {
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let day = text
            .strip_prefix("//! Day ")
            .and_then(|rest| rest.split([' ', ':', '\n']).next()?.parse::<u32>().ok())
            .filter(|day| (1..=7).contains(day));
        let Some(day) = day else {
            bail!(
                "the first line of {} must be `//! Day N · Title`, as in the tests of the course",
                file.display()
            );
        };
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{EXTRA}{stem}");
        let root = format!("tests/{name}/main.rs");
        graded.tree.insert(root.clone(), text.into_bytes());
        let binary = graded
            .add(day, &name, &root)
            .map_err(|found| anyhow::Error::new(staging::problem::Problems(found)))?;
        graded.binaries.push(binary);
    }
    graded.binaries.sort_by_key(|b| (b.day, b.name.clone()));
    Ok(())
}

/// The sources that are compiled, and what was done to get them.
#[derive(Clone, Debug, Default)]
pub struct Laid {
    pub files: Files,
    /// Files of the learner's own, beyond those of the starter.
    pub own: BTreeSet<String>,
    /// Files of the starter that the submission does not have.
    pub missing: Vec<String>,
    /// Given files that the submission changed.
    pub given_changed: Vec<String>,
}

/// Lays a submission into the starter. Given files are ours, with the modules that the learner added.
pub fn lay(course: &Course, submission: &Submission) -> Laid {
    let mut laid = Laid::default();
    for (path, ours) in course.sources() {
        let theirs = submission.files.get(path);
        let learners = course.day_of(path).is_some();
        let text = match theirs {
            None => {
                laid.missing.push(path.clone());
                ours.clone()
            }
            Some(theirs) if learners => theirs.clone(),
            Some(theirs) => {
                let known = theirs == ours || course.reference.get(path) == Some(theirs);
                let is_there = |module: &str| has_module(submission, path, module);
                let (text, only_modules) = with_modules(ours, theirs, &is_there);
                if !known && !only_modules {
                    laid.given_changed.push(path.clone());
                }
                text
            }
        };
        laid.files.insert(path.clone(), text);
    }
    for (path, text) in &submission.files {
        if !course.starter.contains_key(path) {
            laid.own.insert(path.clone());
            laid.files.insert(path.clone(), text.clone());
        }
    }
    laid
}

/// Whether there is a file for a module that `path` declares.
fn has_module(submission: &Submission, path: &str, module: &str) -> bool {
    let stem = path.trim_end_matches(".rs");
    let stem = stem.trim_end_matches("/mod").trim_end_matches("/lib");
    let files = ["", "/mod"].map(|rest| format!("{stem}/{module}{rest}.rs"));
    files.iter().any(|file| submission.files.contains_key(file))
}

/// Our file with the plain `mod name;` that theirs adds and that is there, and whether that is all they differ in.
fn with_modules(ours: &[u8], theirs: &[u8], is_there: &dyn Fn(&str) -> bool) -> (Vec<u8>, bool) {
    let (own, all) = (modules(ours), modules(theirs));
    let known: BTreeSet<String> = own.into_iter().map(|module| module.name).collect();
    let mut text = ours.to_vec();
    let mut added = BTreeSet::new();
    for module in all {
        let new = !known.contains(&module.name) && !added.contains(&module.name);
        if module.plain && new && is_there(&module.name) {
            let vis = if module.public { "pub" } else { "pub(crate)" };
            text.extend(format!("{vis} mod {};\n", module.name).into_bytes());
            added.insert(module.name);
        }
    }
    let same = lines_beside(ours, &added) == lines_beside(theirs, &added);
    (text, same)
}

/// `mod name;`
struct Module {
    name: String,
    public: bool,
    /// Without an attribute that could lead elsewhere (`path`) or hide it (`cfg`).
    plain: bool,
}

/// The modules of a file that stand in files of their own; none if the text cannot be cut into tokens. Read from the tokens:
/// a parser could be driven into a stack overflow.
fn modules(text: &[u8]) -> Vec<Module> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let Ok(stream) = text.parse::<TokenStream>() else {
        return Vec::new();
    };
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let word = |at: usize| match tokens.get(at) {
        Some(TokenTree::Ident(ident)) => ident.to_string(),
        Some(TokenTree::Punct(punct)) => punct.as_char().to_string(),
        _ => String::new(),
    };
    let mut modules = Vec::new();
    let mut start = 0;
    for at in 0..tokens.len() {
        if word(at) == "mod" && word(at + 2) == ";" {
            let before = &tokens[start..at];
            modules.push(Module {
                name: word(at + 1),
                public: !before.is_empty() && word(at - 1) == "pub",
                plain: attributes(before).all(|name| name == "doc"),
            });
        }
        let ends = match &tokens[at] {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            _ => word(at) == ";",
        };
        if ends {
            start = at + 1;
        }
    }
    modules
}

/// The names of the outer attributes among these tokens.
fn attributes(tokens: &[TokenTree]) -> impl Iterator<Item = String> {
    let pairs = tokens.windows(2).filter_map(|pair| match pair {
        [TokenTree::Punct(hash), TokenTree::Group(group)] if hash.as_char() == '#' => Some(group),
        _ => None,
    });
    // Only a name is made text: a group, written out, goes as deep as it was nested.
    pairs.map(|group| match group.stream().into_iter().next() {
        Some(TokenTree::Ident(name)) => name.to_string(),
        _ => String::new(),
    })
}

/// The lines that say something beside declaring these modules.
fn lines_beside(text: &[u8], modules: &BTreeSet<String>) -> Vec<String> {
    let declares = |line: &str| {
        let rest = line
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub ");
        let name = rest
            .strip_prefix("mod ")
            .and_then(|rest| rest.strip_suffix(';'));
        name.is_some_and(|name| modules.contains(name))
    };
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !declares(line))
        .map(str::to_string)
        .collect()
}

/// Takes the declaration of a learner's own module out of the given files again.
pub fn forget_module(files: &mut Files, course: &Course, path: &str) {
    files.remove(path);
    let stem = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    let Some((folder, name)) = stem.rsplit_once('/') else {
        return;
    };
    for parent in [
        format!("{folder}/lib.rs"),
        format!("{folder}/mod.rs"),
        format!("{folder}.rs"),
    ] {
        if course.day_of(&parent).is_none()
            && let Some(text) = files.get_mut(&parent)
        {
            let names = BTreeSet::from([name.to_string()]);
            let kept = String::from_utf8_lossy(text).into_owned();
            let kept: String = kept
                .split_inclusive('\n')
                .filter(|line| {
                    let line = line.trim();
                    line.is_empty() || !lines_beside(line.as_bytes(), &names).is_empty()
                })
                .collect();
            *text = kept.into_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_modules_are_kept_and_other_changes_of_a_given_file_are_not() {
        let ours = b"//! Given.\n\npub mod block;\n";
        let theirs = b"//! Given.\npub mod block;\nmod helper;\n";
        let (text, same) = with_modules(ours, theirs, &|name| name == "helper");
        assert_eq!(
            text,
            b"//! Given.\n\npub mod block;\npub(crate) mod helper;\n"
        );
        assert!(same);
        let theirs = b"//! Given.\npub mod block;\n#[path = \"/x\"]\nmod sly;\nfn more() {}\n";
        let (text, same) = with_modules(ours, theirs, &|_| true);
        assert_eq!(text, ours);
        assert!(!same);
        // A module without a file would keep everything from compiling.
        let theirs = b"//! Given.\n\npub mod block;\nmod forgotten;\n";
        assert_eq!(
            with_modules(ours, theirs, &|_| false),
            (ours.to_vec(), false)
        );
    }
}
