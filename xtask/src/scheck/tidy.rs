//! What the formatter and the linter say of the graded crate: told in a line each, never applied.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::Subject;
use super::build::place;
use super::report::{Finding, Note};
use crate::workspace::{cargo, shown};

const GET_RUSTFMT: &str = "rustup component add rustfmt";

/// Asks the formatter and, where `linted`, the linter. Takes about as long as the tests take to compile, and can be done beside that.
pub fn look(subject: &Subject, linted: bool) -> Vec<Note> {
    // The linter first: it takes longer.
    let lints = linted.then(|| lints(subject));
    Vec::from_iter([Some(format(subject)), lints].into_iter().flatten())
}

/// The edition of every crate of the course.
const EDITION: &str = "2024";

/// Only what is written in `src`: `cargo fmt` would look at the course's tests each time, too, and takes four times as long.
fn format(subject: &Subject) -> Note {
    let rustfmt = env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into());
    let mut command = Command::new(rustfmt);
    command.args(["--check", "--edition", EDITION]);
    command.args(roots(&subject.dir.join("src")));
    let finding = match command.output() {
        Ok(output) => format_finding(subject, &output),
        Err(error) if error.kind() == ErrorKind::NotFound => Finding::Missing(GET_RUSTFMT),
        Err(error) => Finding::Failed(error.to_string()),
    };
    Note {
        what: "format",
        finding,
        command: format!("cargo fmt --package {}", subject.name()),
    }
}

/// The files from which the formatter finds all others: the library's and the programs'.
fn roots(src: &Path) -> Vec<PathBuf> {
    let programs = fs::read_dir(src.join("bin"))
        .into_iter()
        .flatten()
        .flatten();
    let programs = programs.map(|entry| entry.path());
    let mut roots: Vec<PathBuf> = programs
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    roots.push(src.join("lib.rs"));
    roots.sort();
    roots
}

fn format_finding(subject: &Subject, output: &Output) -> Finding {
    // `Diff in /path/file.rs:12:` stands atop every place.
    let stdout = String::from_utf8_lossy(&output.stdout);
    let places: Vec<&str> = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("Diff in "))
        .collect();
    match places.first() {
        Some(first) => Finding::Places {
            count: places.len(),
            first: shown(&subject.root, first.trim_end_matches(':').as_ref()),
        },
        None if output.status.success() => Finding::Clean,
        None => failed(output, GET_RUSTFMT),
    }
}

fn lints(subject: &Subject) -> Note {
    let mut command = cargo();
    command.args(["clippy", "--lib", "--no-default-features", "--quiet"]);
    // A profile has a folder, and so a lock, of its own: neither waits for the build of the tests, nor that one for it.
    command.args(["--config", "profile.lints.inherits='dev'"]);
    command.args(["--profile", "lints"]);
    command.args(["--message-format=json", "--manifest-path"]);
    command.arg(subject.manifest());
    if let Some(dir) = &subject.target_dir {
        command.arg("--target-dir").arg(dir);
    }
    let finding = match command.output() {
        Ok(output) => lint_finding(&output),
        Err(error) => Finding::Failed(error.to_string()),
    };
    Note {
        what: "lints",
        finding,
        command: format!("cargo clippy --package {}", subject.name()),
    }
}

fn lint_finding(output: &Output) -> Finding {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let places: Vec<String> = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|value| place(&value["message"]))
        .collect();
    match places.first() {
        Some(first) => Finding::Places {
            count: places.len(),
            first: first.clone(),
        },
        None if output.status.success() => Finding::Clean,
        None => failed(output, "rustup component add clippy"),
    }
}

fn failed(output: &Output, how_to_get_it: &'static str) -> Finding {
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("is not installed") || stderr.contains("no such command") {
        return Finding::Missing(how_to_get_it);
    }
    let line = stderr.lines().find(|line| !line.trim().is_empty());
    Finding::Failed(line.unwrap_or("it gave no reason").to_string())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn output(code: i32, stderr: &str) -> Output {
        use std::os::unix::process::ExitStatusExt;
        Output {
            status: std::process::ExitStatus::from_raw(code << 8),
            stdout: Vec::new(),
            stderr: stderr.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_missing_tool_is_told_from_one_that_fails() {
        let rustup = "error: 'cargo-clippy' is not installed for the toolchain 'stable'";
        let cargo = "error: no such command: `clippy`";
        for stderr in [rustup, cargo] {
            assert_eq!(
                lint_finding(&output(1, stderr)),
                Finding::Missing("rustup component add clippy")
            );
        }
        assert_eq!(
            lint_finding(&output(101, "\nerror: out of luck\nmore")),
            Finding::Failed("error: out of luck".into())
        );
        assert_eq!(lint_finding(&output(0, "")), Finding::Clean);
    }
}
