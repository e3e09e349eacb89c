//! cargo-mutants, which a maintainer has installed: what it would change, and what came of it.
//!
//! It works in copies of the reference that are workspaces of their own, in place: the working tree is never touched, nothing
//! is copied once more, and what was compiled for one mutant is there for the next.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use staging::tree::Tree;
use xtask::workspace::cargo;

use super::outcomes::{results, runs};
use crate::scratch::Scratch;

/// The copy, and so the name of the crate's folder in it: paths are shown as they are in the repository.
pub const COPY: &str = "mini-lsm";

/// So many are tried at the same time, each in a copy and a target directory of its own: what is compiled for one mutant is
/// a single crate and its tests, too little to keep two cores at work.
const LANES: usize = 2;

/// At least so many seconds do the tests get before they count as hanging; five times what they need without a change, if
/// that is more.
const SECONDS: u32 = 30;
/// When they have hung before, and are to prove it.
pub const SECONDS_TO_PROVE: u32 = 120;

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

impl Mutant {
    /// The file from the crate's folder.
    pub fn path(&self) -> &str {
        let path = self.file.strip_prefix(COPY);
        path.and_then(|path| path.strip_prefix('/'))
            .unwrap_or(&self.file)
    }

    /// File, line and column.
    pub fn place(&self) -> (&str, usize, usize) {
        let Place { line, column } = self.span.start;
        (&self.file, line, column)
    }
}

pub struct Tool<'a> {
    scratch: &'a Scratch,
    /// The least time for the tests of a mutant, in seconds.
    pub least_time: u32,
}

impl Tool<'_> {
    /// Fails with the command that installs it, where it is not.
    pub fn find(scratch: &Scratch) -> Result<Tool<'_>> {
        let version = cargo()
            .args(["mutants", "--version"])
            .stderr(Stdio::null())
            .output();
        match version {
            Ok(output) if output.status.success() => Ok(Tool {
                scratch,
                least_time: SECONDS,
            }),
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

    /// Makes these changes, one at a time in each lane, runs the tests of one binary over each, and leaves the logs below
    /// `output`, in a folder a lane, beside those of earlier runs.
    pub fn run(
        &self,
        reference: &Tree,
        binary: &str,
        mutants: &[&Mutant],
        output: &Path,
    ) -> Result<()> {
        let before = runs(output)?;
        let first = before.last().map_or(0, |(number, _)| number + 1);
        let mut running = Vec::new();
        for (index, mutants) in lanes(mutants).iter().enumerate() {
            let scratch = self.scratch.apart(&format!("mutants-{index}"));
            scratch.lay_out(COPY, reference)?;
            let output = output.join((first + index).to_string());
            fs::create_dir_all(&output)
                .with_context(|| format!("cannot make {}", output.display()))?;
            let tool = Tool {
                scratch: &scratch,
                ..*self
            };
            let mut command = tool.over(binary, mutants, &output);
            let child = command.spawn().context("cannot start cargo-mutants")?;
            running.push((child, output));
        }
        // All are waited for before the first that failed is told of: none is left behind.
        let ended: Vec<_> = running
            .into_iter()
            .map(|(mut child, output)| (child.wait(), output))
            .collect();
        for (status, output) in ended {
            let log = results(&output).join("log");
            match status?.code() {
                // All were caught; some were missed; some ran out of time.
                Some(0 | 2 | 3) => {}
                Some(4) => bail!(
                    "the tests of {binary} fail without any change; see {}",
                    log.display()
                ),
                _ => bail!(
                    "cargo-mutants did not come to its end; see {}",
                    log.display()
                ),
            }
        }
        Ok(())
    }

    fn over(&self, binary: &str, mutants: &[&Mutant], output: &Path) -> Command {
        let mut command = self.command();
        command.args(["--in-place", "--no-shuffle", "--output"]);
        command.arg(output);
        command.args(["--minimum-test-timeout", &self.least_time.to_string()]);
        let patterns = patterns(mutants);
        for (file, which) in &patterns {
            command.args(["--file", file, "--re", which]);
        }
        // For every call of cargo, the build too: behind `--` it would count for the tests alone, and the binaries of all
        // days would be compiled for each mutant.
        command.arg(format!("--cargo-arg=--test={binary}"));
        // Nobody reads a backtrace of these.
        command.env("CARGO_PROFILE_TEST_DEBUG", "0");
        command.env("CARGO_INCREMENTAL", "1");
        command
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

/// The mutants dealt out in turn, so that those of one function, which take as long as each other, do not meet in one lane.
/// Those of one place stay together: a pattern cannot tell them apart.
fn lanes<'a>(mutants: &[&'a Mutant]) -> Vec<Vec<&'a Mutant>> {
    let mut places: BTreeMap<(&str, usize, usize), Vec<&'a Mutant>> = BTreeMap::new();
    for mutant in mutants {
        places.entry(mutant.place()).or_default().push(mutant);
    }
    let mut lanes = vec![Vec::new(); LANES];
    for (index, mut of_place) in places.into_values().enumerate() {
        lanes[index % LANES].append(&mut of_place);
    }
    lanes.retain(|lane| !lane.is_empty());
    lanes
}

/// For each file a pattern that fits the names of these mutants: by their places, which are short.
fn patterns(mutants: &[&Mutant]) -> Vec<(String, String)> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for mutant in mutants {
        let Place { line, column } = mutant.span.start;
        let of_file = places.entry(&mutant.file).or_default();
        of_file.push(format!("{line}:{column}"));
    }
    let pattern = |(file, mut places): (&str, Vec<String>)| {
        places.dedup();
        let escaped = file.replace('.', r"\.");
        let pattern = format!("^{escaped}:({}): ", places.join("|"));
        (file.to_string(), pattern)
    };
    places.into_iter().map(pattern).collect()
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
                (
                    "mini-lsm/src/a.rs".to_string(),
                    r"^mini-lsm/src/a\.rs:(3:5|10:1): ".to_string()
                ),
                (
                    "mini-lsm/src/b.rs".to_string(),
                    r"^mini-lsm/src/b\.rs:(1:2): ".to_string()
                ),
            ]
        );
    }

    #[test]
    fn lanes_share_the_places_and_never_one_place() {
        let all = [
            mutant("mini-lsm/src/a.rs", 3, 5),
            mutant("mini-lsm/src/a.rs", 3, 5),
            mutant("mini-lsm/src/a.rs", 3, 9),
            mutant("mini-lsm/src/b.rs", 1, 2),
        ];
        let all: Vec<&Mutant> = all.iter().collect();
        let dealt = lanes(&all);
        let counts: Vec<usize> = dealt.iter().map(Vec::len).collect();
        assert_eq!(counts, [3, 1]);
        assert!(dealt[1].iter().all(|mutant| mutant.span.start.column == 9));
        assert_eq!(lanes(&all[..2]).len(), 1, "no lane without a mutant");
    }
}
