//! Compiles the day tests: one cargo call, in which each day fails for itself.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Subject;
use super::report::CompileError;
use crate::screen::Screen;
use crate::workspace::cargo;

pub enum Outcome {
    Built(Built),
    /// The crate below the tests has errors, or one that it depends on has.
    CrateBroken(CompileError),
}

/// The test binaries of some days, and the errors of those that do not compile.
#[derive(Default)]
pub struct Built {
    binaries: BTreeMap<String, PathBuf>,
    errors: BTreeMap<String, CompileError>,
    /// What cargo said, for a day of which no error is known.
    log: String,
}

impl Built {
    pub fn binary(&self, name: &str) -> Result<PathBuf, CompileError> {
        match (self.errors.get(name), self.binaries.get(name)) {
            (None, Some(binary)) => Ok(binary.clone()),
            (Some(error), _) => Err(error.clone()),
            (None, None) => Err(CompileError {
                rendered: self.log.clone(),
                place: None,
                count: 1,
            }),
        }
    }
}

/// Compiles the test binaries of these names. An `Err` means that cargo could not begin or finish for a reason outside the crate's code.
pub fn build(subject: &Subject, tests: &[String], screen: &Screen) -> Result<Outcome> {
    screen.begin("compiling");
    let mut child = start(subject, tests, screen)?;
    let stdout = child.stdout.take().context("cargo has no stdout")?;
    let stderr = child.stderr.take().context("cargo has no stderr")?;
    let mut messages = Messages::default();
    let mut broken = None;
    let log = thread::scope(|scope| {
        let log = scope.spawn(|| follow(stderr, screen));
        // Dropped at the end of the output, which wakes the thread that waits for a stop.
        let (_running, ended) = mpsc::channel();
        scope.spawn(|| subject.stop.end_when_set(&mut child, ended));
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            messages.read(&line, &mut broken);
        }
        log.join().unwrap_or_default()
    });
    let status = child.wait().context("cannot wait for cargo")?;
    subject.stop.check()?;
    if let Some(error) = broken {
        return Ok(Outcome::CrateBroken(error));
    }
    if !status.success() && messages.errors.is_empty() {
        bail!("cargo could not build the tests:\n\n{}", log.trim_end());
    }
    Ok(Outcome::Built(Built {
        binaries: messages.binaries,
        errors: messages.errors,
        log,
    }))
}

/// `cargo build --profile test` makes what `cargo test --no-run` makes, in the same place, and unlike it takes `--keep-going`.
fn start(subject: &Subject, tests: &[String], screen: &Screen) -> Result<Child> {
    let format = match screen.colour {
        true => "--message-format=json-diagnostic-rendered-ansi",
        false => "--message-format=json",
    };
    let mut command = cargo();
    command.args(["build", "--profile", "test", "--keep-going"]);
    command.args(["--no-default-features", "--color", "never", format]);
    command.arg("--manifest-path").arg(subject.manifest());
    if let Some(dir) = &subject.target_dir {
        command.arg("--target-dir").arg(dir);
    }
    for name in tests {
        command.arg("--test").arg(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// Shows each line of cargo's as the status and keeps the last ones.
fn follow(pipe: impl Read, screen: &Screen) -> String {
    const KEPT_LINES: usize = 40;
    let mut kept: Vec<String> = Vec::new();
    let mut lines = BufReader::new(pipe).split(b'\n');
    while let Some(Ok(line)) = lines.next() {
        let line = String::from_utf8_lossy(&line).trim_end().to_string();
        screen.status(&line);
        if kept.len() == KEPT_LINES {
            kept.remove(0);
        }
        kept.push(line);
    }
    kept.join("\n")
}

#[derive(Default)]
struct Messages {
    binaries: BTreeMap<String, PathBuf>,
    errors: BTreeMap<String, CompileError>,
}

impl Messages {
    fn read(&mut self, line: &str, broken: &mut Option<CompileError>) {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            return;
        };
        let name = text(&value["target"]["name"]);
        match value["reason"].as_str() {
            Some("compiler-artifact") => {
                if let Some(binary) = value["executable"].as_str() {
                    self.binaries.insert(name, Path::new(binary).to_path_buf());
                }
            }
            Some("compiler-message") if is_error(&value["message"]) => {
                let message = &value["message"];
                if value["target"]["kind"][0] == "test" {
                    add(self.errors.entry(name).or_insert_with(none_yet), message);
                } else {
                    add(broken.get_or_insert_with(none_yet), message);
                }
            }
            _ => {}
        }
    }
}

/// An error of its own, not the line that sums up the others.
fn is_error(message: &Value) -> bool {
    let text = message["message"].as_str().unwrap_or_default();
    message["level"] == "error" && !text.starts_with("aborting due to")
}

fn none_yet() -> CompileError {
    CompileError {
        rendered: String::new(),
        place: None,
        count: 0,
    }
}

fn add(error: &mut CompileError, message: &Value) {
    if error.count == 0 {
        error.rendered = text(&message["rendered"]).trim_end().to_string();
        error.place = place(message);
    }
    error.count += 1;
}

/// Where a diagnostic points: `file:line:column`.
pub fn place(message: &Value) -> Option<String> {
    let spans = message["spans"].as_array()?;
    let span = spans.iter().find(|span| span["is_primary"] == true)?;
    let file = span["file_name"].as_str()?.replace('\\', "/");
    Some(format!(
        "{file}:{}:{}",
        span["line_start"], span["column_start"]
    ))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}
