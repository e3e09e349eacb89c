//! The course beside the learner's crate: its stages, its functions, and how far the learner has come.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use staging::marker::{self, LAST_DAY, Task};
use staging::outline::{Outline, Piece};
use staging::stage::{Reference, Stage, stage_source};
use xtask::flags::unknown;
use xtask::stubs::Stub;

use crate::mine::Mine;

pub struct Course {
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
    pub reference: Reference,
    pub functions: Vec<Function>,
}

/// A function that the course asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub path: String,
    /// Of its piece in the file.
    pub key: String,
    /// `Type::function` or `module::function`.
    pub name: String,
    pub task: Task,
}

impl Course {
    pub fn open(root: &Path, target: &Path) -> Result<Course> {
        let reference = Reference::read(&root.join("mini-lsm"))?.without_rustfmt_too();
        let mut functions = Vec::new();
        for (path, text) in reference
            .sources()
            .filter(|(path, _)| path.starts_with("src/"))
        {
            if let Ok(Some(home)) = marker::headline(text) {
                functions_of(path, text, home, &mut functions);
            }
        }
        functions.sort_by(|a, b| (a.task, &a.path).cmp(&(b.task, &b.path)));
        Ok(Course {
            root: root.to_path_buf(),
            target: target.to_path_buf(),
            reference,
            functions,
        })
    }

    /// The source files that the course hands out.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let paths = self.reference.sources().map(|(path, _)| path);
        paths.filter(|path| path.starts_with("src/"))
    }

    /// A file at a stage; empty if the course has no such file.
    pub fn file(&self, path: &str, stage: Stage) -> Result<String> {
        Ok(self.reference.file(path, stage)?.unwrap_or_default())
    }

    pub fn outline(&self, path: &str, stage: Stage) -> Result<Outline> {
        Ok(Outline::parse(path, &self.file(path, stage)?)?)
    }

    /// The function called `name`; fails with the one that was probably meant.
    pub fn function(&self, name: &str) -> Result<&Function> {
        let found: Vec<&Function> = self.functions.iter().filter(|f| f.name == name).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => bail!("{}", self.unknown_function(name)),
            [first, ..] => bail!(
                "there are {} functions called {name}, in {}; take the whole day instead",
                found.len(),
                first.path
            ),
        }
    }

    fn unknown_function(&self, name: &str) -> String {
        let last = name.rsplit("::").next().unwrap_or(name);
        let suffix = format!("::{last}");
        let same: Vec<&str> = self
            .functions
            .iter()
            .map(|f| f.name.as_str())
            .filter(|known| known.ends_with(&suffix))
            .collect();
        if !name.contains("::") && !same.is_empty() {
            return format!("whose `{name}`? The course asks for {}", same.join(", "));
        }
        let names: Vec<&str> = self.functions.iter().map(|f| f.name.as_str()).collect();
        unknown(
            "function of the course",
            name,
            &names,
            "cargo x status --all",
        )
        .to_string()
    }

    /// What is still a stub in the learner's crate.
    pub fn stubs(&self, mine: &Mine) -> Vec<&Function> {
        let mut words = BTreeSet::new();
        for path in mine.sources() {
            let text = mine.text(path).unwrap_or_default();
            let stubs = xtask::stubs::in_text(&text);
            words.extend(stubs.into_iter().map(|stub| (path.to_string(), stub.item)));
        }
        let left = |f: &&Function| words.contains(&(f.path.clone(), f.name.clone()));
        self.functions.iter().filter(left).collect()
    }

    /// The last day of which, and of the days before it, nothing is a stub any more; 0 if there is none.
    pub fn written(&self, mine: &Mine) -> u32 {
        let first = self.stubs(mine).first().map(|f| f.task.day);
        first.map_or(LAST_DAY, |day| day - 1)
    }

    /// The stage whose reference fits the learner's work when `function` comes from there: the last evening that is written,
    /// or the function's own task, whichever is later.
    pub fn stage_for(&self, function: &Function, mine: &Mine) -> Stage {
        let evening = Stage::day(self.written(mine));
        match evening.reaches(function.task) {
            true => evening,
            false => Stage::task(function.task.day, function.task.task),
        }
    }
}

/// The task whose stub a piece is.
pub fn stub_of(piece: &Piece) -> Option<Stub> {
    let function = piece.function().filter(|function| function.stub)?;
    xtask::stubs::in_text(&piece.text[function.body.clone()]).pop()
}

fn functions_of(path: &str, text: &str, home: Task, into: &mut Vec<Function>) {
    // What cannot be staged is the maintainers' mistake, and every command that stages the file says so.
    let Ok((staged, _)) = stage_source(path, text, Stage::day(0)) else {
        return;
    };
    let Ok(outline) = Outline::parse(path, &staged) else {
        return;
    };
    for piece in outline.pieces() {
        let Some(function) = piece.function().filter(|function| function.stub) else {
            continue;
        };
        let words = stub_of(piece).map(|stub| Task {
            day: stub.day,
            task: stub.task,
        });
        into.push(Function {
            path: path.to_string(),
            key: piece.key.clone(),
            name: function.name.clone(),
            task: words.unwrap_or(home),
        });
    }
}

/// The functions of each file.
pub fn by_file<'a>(
    functions: impl IntoIterator<Item = &'a Function>,
) -> BTreeMap<&'a str, Vec<&'a Function>> {
    let mut files: BTreeMap<&str, Vec<&Function>> = BTreeMap::new();
    for function in functions {
        files.entry(&function.path).or_default().push(function);
    }
    files
}

/// A stage in a learner's words.
pub fn moment(stage: Stage) -> String {
    match stage.is_whole_day() {
        true => format!("the evening of day {}", stage.day),
        false => format!("day {}, task {}", stage.day, stage.task),
    }
}

/// Fails unless the course has that day.
pub fn require_day(day: u32) -> Result<()> {
    if !(1..=LAST_DAY).contains(&day) {
        bail!("there is no day {day}: the days are 1 to {LAST_DAY}");
    }
    Ok(())
}
