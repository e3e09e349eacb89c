//! Whether a submission gives back what the starter promises: a function that gave a type of its own could call it equal to
//! whatever a test expects.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use staging::contract::Contract;

use crate::compile::{self, Compiling, Complaint};
use crate::pristine::Course;
use crate::tools::Tools;

/// The lines that hold for the starter.
pub struct Pinned {
    contract: Contract,
    /// The folder in which they stand.
    dir: PathBuf,
}

const FILE: &str = "contract.rs";
/// Taking out one line may show that others have to go.
const ROUNDS: usize = 20;

impl Pinned {
    /// Writes the contract down and tries it on the starter, below `work`.
    pub fn prepare(tools: &Tools, how: Compiling, course: &Course, work: &Path) -> Result<Pinned> {
        let dir = work.join("starter");
        let crate_dir = dir.join("crate");
        for (name, text) in course.sources() {
            let path = crate_dir.join(name);
            let folder = path.parent().context("a file in no folder")?;
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let library = compile::library(tools, how, &crate_dir, &dir.join("library"))?;
        let library = match library {
            Ok(library) => library,
            Err(complaint) => bail!("the starter does not compile: {}", complaint.reason),
        };
        let mut pinned = Pinned {
            contract: Contract::of(&course.starter)
                .map_err(|problem| anyhow::anyhow!("{problem}"))?,
            dir: work.join("contract"),
        };
        for _ in 0..ROUNDS {
            pinned.write()?;
            let Err(complaint) = pinned.compile(tools, how, &library, &dir.join("contract"))?
            else {
                return Ok(pinned);
            };
            let fewer = pinned.contract.without(&lines(&complaint));
            if fewer == pinned.contract {
                bail!(
                    "the contract does not hold for the starter: {}",
                    complaint.reason
                );
            }
            pinned.contract = fewer;
        }
        bail!("the contract does not hold for the starter, after {ROUNDS} rounds")
    }

    /// How many promises of a file are checked.
    pub fn promises(&self, file: &str) -> usize {
        let is_promise = |what: &str| what != "an import" && what != "a type";
        let lines = self.contract.lines.iter();
        lines
            .filter(|line| line.file == file && is_promise(&line.what))
            .count()
    }

    fn write(&self) -> Result<()> {
        fs::create_dir_all(&self.dir)
            .with_context(|| format!("cannot make {}", self.dir.display()))?;
        let path = self.dir.join(FILE);
        fs::write(&path, self.contract.text())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn compile(
        &self,
        tools: &Tools,
        how: Compiling,
        library: &Path,
        out: &Path,
    ) -> Result<Result<PathBuf, Complaint>> {
        compile::contract(tools, how, &self.dir, FILE, library, out)
    }

    /// What a library breaks of it: the files, each with its first breach. None if it keeps all.
    pub fn breach(
        &self,
        tools: &Tools,
        how: Compiling,
        library: &Path,
        out: &Path,
    ) -> Result<Option<Complaint>> {
        let Err(found) = self.compile(tools, how, library, out)? else {
            return Ok(None);
        };
        let mut complaint = Complaint::default();
        for number in lines(&found) {
            let Some(line) = self.contract.lines.get(number - 1) else {
                continue;
            };
            if !line.file.is_empty() {
                let reason = format!(
                    "{}: {} does not have the type that the starter gives it",
                    line.file, line.what
                );
                complaint.files.entry(line.file.clone()).or_insert(reason);
            }
        }
        let first = complaint.files.values().next().cloned();
        complaint.reason = first.unwrap_or(found.reason);
        Ok(Some(complaint))
    }
}

fn lines(complaint: &Complaint) -> BTreeSet<usize> {
    let places = complaint.places.iter();
    places
        .filter(|(file, _)| file.ends_with(FILE))
        .map(|(_, line)| *line)
        .collect()
}
