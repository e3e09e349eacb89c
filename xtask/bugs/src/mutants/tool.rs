//! cargo-mutants, which a maintainer has installed: what it would change, and what came of it.
//!
//! It works in a copy of the reference that is a workspace of its own, in place: the working tree is never touched, nothing is
//! copied once more, and what was compiled for one mutant is there for the next.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use xtask::workspace::cargo;

use crate::scratch::Scratch;

/// The copy, and so the name of the crate's folder in it: paths are shown as they are in the repository.
pub const COPY: &str = "mini-lsm";

const INSTALL: &str = "cargo install cargo-mutants --locked";

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Mutant {
    /// `mini-lsm/src/a.rs:3:5: replace + with - in f`
    pub name: String,
    /// From the root of the copy, which is as from that of the repository, with forward slashes.
    pub file: String,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Span {
    pub start: Place,
}

/// Both counted from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Caught,
    /// The tests did not end; a learner would be told so too.
    TimedOut,
    Missed,
    /// It does not compile.
    Unviable,
}

impl Mutant {
    /// The file from the crate's folder.
    pub fn path(&self) -> &str {
        let path = self.file.strip_prefix(COPY);
        path.and_then(|path| path.strip_prefix('/'))
            .unwrap_or(&self.file)
    }
}

pub struct Tool<'a> {
    scratch: &'a Scratch,
}

impl Tool<'_> {
    /// Fails with the command that installs it, where it is not.
    pub fn find(scratch: &Scratch) -> Result<Tool<'_>> {
        let version = cargo()
            .args(["mutants", "--version"])
            .stderr(Stdio::null())
            .output();
        match version {
            Ok(output) if output.status.success() => Ok(Tool { scratch }),
            _ => bail!("cargo-mutants is not installed; `{INSTALL}` brings it"),
        }
    }

    /// All that it would change.
    pub fn list(&self) -> Result<Vec<Mutant>> {
        let mut command = self.command();
        let output = command.args(["--list", "--json"]).stderr(Stdio::inherit());
        let output = output.output().context("cannot start cargo-mutants")?;
        if !output.status.success() {
            bail!("cargo-mutants cannot list its mutants: {}", output.status);
        }
        serde_json::from_slice(&output.stdout)
            .context("cargo-mutants lists its mutants in a way that is not known here")
    }

    /// Makes these changes, one at a time, runs the tests of one binary over each, and leaves its logs below `output`.
    pub fn run(
        &self,
        binary: &str,
        mutants: &[&Mutant],
        output: &Path,
    ) -> Result<Vec<(Mutant, Fate)>> {
        fs::create_dir_all(output).with_context(|| format!("cannot make {}", output.display()))?;
        let mut command = self.command();
        command.args(["--in-place", "--no-shuffle", "--output"]);
        command.arg(output);
        for which in patterns(mutants) {
            command.args(["--re", &which]);
        }
        // For every call of cargo, the build too: behind `--` it would count for the tests alone, and the binaries of all
        // days would be compiled for each mutant.
        command.arg(format!("--cargo-arg=--test={binary}"));
        let status = command.status().context("cannot start cargo-mutants")?;
        let log = results(output).join("log");
        match status.code() {
            // All were caught; some were missed; some ran out of time.
            Some(0 | 2 | 3) => read(output),
            Some(4) => bail!(
                "the tests of {binary} fail without any change; see {}",
                log.display()
            ),
            _ => bail!("cargo-mutants ended with {status}; see {}", log.display()),
        }
    }

    fn command(&self) -> Command {
        let mut command = cargo();
        command
            .args(["mutants", "--no-config", "--no-default-features", "--dir"])
            .arg(self.scratch.root(COPY))
            .env("CARGO_TARGET_DIR", self.scratch.target());
        // What cargo tells a program about its own package would be taken for the copy's.
        let told = std::env::vars_os().map(|(name, _)| name);
        told.filter(|name| is_told_by_cargo(name)).for_each(|name| {
            command.env_remove(name);
        });
        command
    }
}

fn is_told_by_cargo(variable: &OsStr) -> bool {
    let name = variable.to_string_lossy();
    name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// For each file a pattern that fits the names of these mutants: by their places, which are short.
fn patterns(mutants: &[&Mutant]) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for mutant in mutants {
        let Place { line, column } = mutant.span.start;
        let of_file = places.entry(&mutant.file).or_default();
        of_file.push(format!("{line}:{column}"));
    }
    let pattern = |(file, mut places): (&str, Vec<String>)| {
        places.dedup();
        let file = file.replace('.', r"\.");
        format!("^{file}:({}): ", places.join("|"))
    };
    places.into_iter().map(pattern).collect()
}

fn results(output: &Path) -> PathBuf {
    output.join("mutants.out")
}

/// What the last run below `output` found.
pub fn read(output: &Path) -> Result<Vec<(Mutant, Fate)>> {
    let file = results(output).join("outcomes.json");
    let text = fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}; was there a run before?", file.display()))?;
    parse(&text).with_context(|| format!("{} is not what is known here", file.display()))
}

#[derive(Deserialize)]
struct Outcomes {
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    scenario: Scenario,
    summary: String,
}

#[derive(Deserialize)]
enum Scenario {
    Baseline,
    Mutant(Mutant),
}

fn parse(text: &str) -> Result<Vec<(Mutant, Fate)>> {
    let all: Outcomes = serde_json::from_str(text)?;
    let mut found = Vec::new();
    for Outcome { scenario, summary } in all.outcomes {
        let Scenario::Mutant(mutant) = scenario else {
            continue;
        };
        let fate = match summary.as_str() {
            "CaughtMutant" => Fate::Caught,
            "MissedMutant" => Fate::Missed,
            "Timeout" => Fate::TimedOut,
            "Unviable" => Fate::Unviable,
            other => bail!("{} ended with `{other}`", mutant.name),
        };
        found.push((mutant, fate));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(file: &str, line: usize, column: usize) -> Mutant {
        Mutant {
            name: format!("{file}:{line}:{column}: replace a with b"),
            file: file.into(),
            span: Span {
                start: Place { line, column },
            },
        }
    }

    #[test]
    fn outcomes_are_read_without_the_baseline() {
        let text = r#"{"outcomes": [
            {"scenario": "Baseline", "summary": "Success", "log_path": "a"},
            {"scenario": {"Mutant": {"name": "mini-lsm/src/a.rs:3:5: replace x", "file": "mini-lsm/src/a.rs",
                "genre": "FnValue", "span": {"start": {"line": 3, "column": 5}, "end": {"line": 3, "column": 9}}}},
                "summary": "MissedMutant"}
        ], "total_mutants": 1}"#;
        let found = parse(text).expect("it can be read");
        let [(mutant, Fate::Missed)] = &found[..] else {
            panic!("one mutant that was missed expected: {found:?}");
        };
        assert_eq!(mutant.path(), "src/a.rs");
        assert_eq!(mutant.name, "mini-lsm/src/a.rs:3:5: replace x");
        let unknown = text.replace("MissedMutant", "Vanished");
        assert!(parse(&unknown).is_err());
    }

    #[test]
    fn a_pattern_names_the_places_of_a_file() {
        let all = [
            mutant("mini-lsm/src/a.rs", 3, 5),
            mutant("mini-lsm/src/a.rs", 3, 5),
            mutant("mini-lsm/src/b.rs", 1, 2),
            mutant("mini-lsm/src/a.rs", 10, 1),
        ];
        let all: Vec<&Mutant> = all.iter().collect();
        assert_eq!(
            patterns(&all),
            [
                r"^mini-lsm/src/a\.rs:(3:5|10:1): ",
                r"^mini-lsm/src/b\.rs:(1:2): "
            ]
        );
    }
}
