//! cargo-mutants, which a maintainer has installed: what it would change, and what came of it.
//!
//! It works in copies of the reference that are workspaces of their own, in place: the working tree is never touched, nothing
//! is copied once more, and what was compiled for one mutant is there for the next.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use staging::tree::Tree;
use xtask::workspace::cargo;

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

    fn place(&self) -> (&str, usize, usize) {
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

fn results(output: &Path) -> PathBuf {
    output.join("mutants.out")
}

/// The folders of the runs below `output`, the oldest first.
fn runs(output: &Path) -> Result<Vec<(usize, PathBuf)>> {
    let mut runs = Vec::new();
    for entry in fs::read_dir(output).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str);
        if let Some(number) = name.and_then(|name| name.parse().ok()) {
            runs.push((number, path));
        }
    }
    runs.sort();
    Ok(runs)
}

/// What the runs below `output` found; what a later one says of a mutant counts.
pub fn read(output: &Path) -> Result<Vec<(Mutant, Fate)>> {
    let mut found = BTreeMap::new();
    for (_, run) in runs(output)? {
        let file = results(&run).join("outcomes.json");
        // A run that was stopped before its first mutant has none.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let of_run = parse(&text)
            .with_context(|| format!("{} is not what is known here", file.display()))?;
        let of_run = of_run.into_iter();
        found.extend(of_run.map(|(mutant, fate)| (mutant.name.clone(), (mutant, fate))));
    }
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by(|(one, _), (other, _)| one.place().cmp(&other.place()));
    Ok(found)
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
    fn what_a_later_run_says_counts() {
        let dir = tempfile::tempdir().expect("a folder");
        let outcome = |line: usize, summary: &str| {
            format!(
                r#"{{"scenario": {{"Mutant": {{"name": "a.rs:{line}:1: x", "file": "a.rs",
                "span": {{"start": {{"line": {line}, "column": 1}}}}}}}}, "summary": "{summary}"}}"#
            )
        };
        let write = |run: &str, outcomes: &[String]| {
            let folder = results(&dir.path().join(run));
            fs::create_dir_all(&folder).expect("a folder in it");
            let text = format!(r#"{{"outcomes": [{}]}}"#, outcomes.join(","));
            fs::write(folder.join("outcomes.json"), text).expect("a file in that");
        };
        write(
            "9",
            &[outcome(1, "MissedMutant"), outcome(2, "MissedMutant")],
        );
        write("10", &[outcome(2, "CaughtMutant")]);
        fs::create_dir(dir.path().join("11")).expect("a run that was stopped at once");
        let found = read(dir.path()).expect("they can be read");
        let fates: Vec<Fate> = found.iter().map(|(_, fate)| *fate).collect();
        assert_eq!(fates, [Fate::Missed, Fate::Caught]);
        let nowhere = read(&dir.path().join("none")).expect("nothing has been run");
        assert!(nowhere.is_empty());
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
