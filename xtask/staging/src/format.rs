//! rustfmt over a text, through its standard input, so that no file is touched. What was formatted once is remembered:
//! neighbouring stages share most of their files.

use std::collections::HashMap;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

pub struct Formatter {
    /// rustfmt looks for its settings from here upwards.
    dir: PathBuf,
    known: Mutex<HashMap<String, String>>,
    /// Where rustfmt is missing, a text is left as it is.
    optional: bool,
}

impl Formatter {
    pub fn new(dir: impl Into<PathBuf>) -> Formatter {
        Formatter {
            dir: dir.into(),
            known: Mutex::default(),
            optional: false,
        }
    }

    /// Leaves texts as they are where rustfmt is missing.
    pub fn optional(self) -> Formatter {
        Formatter {
            optional: true,
            ..self
        }
    }

    /// `path` is for messages only.
    pub fn format(&self, path: &str, text: &str) -> Result<String> {
        let known = || {
            self.known
                .lock()
                .expect("no thread panics while it holds this lock")
        };
        if let Some(formatted) = known().get(text) {
            return Ok(formatted.clone());
        }
        let formatted = self.run(path, text)?;
        known().insert(text.to_string(), formatted.clone());
        Ok(formatted)
    }

    fn run(&self, path: &str, text: &str) -> Result<String> {
        let program = std::env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into());
        let mut command = Command::new(&program);
        command.args(["--edition", "2024"]).current_dir(&self.dir);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(e) if e.kind() == ErrorKind::NotFound && self.optional => {
                return Ok(text.to_string());
            }
            Err(e) if e.kind() == ErrorKind::NotFound && self.dir.is_dir() => {
                bail!(
                    "rustfmt is missing, and stages are formatted by it; install it with `rustup component add rustfmt`"
                )
            }
            Err(e) => {
                return Err(e).with_context(|| {
                    format!("rustfmt could not be started in {}", self.dir.display())
                });
            }
        };
        let mut input = child.stdin.take().expect("the child's input is a pipe");
        let written = std::thread::scope(|scope| {
            let writer = scope.spawn(move || input.write_all(text.as_bytes()));
            let output = child.wait_with_output();
            (
                writer.join().expect("the writing thread does not panic"),
                output,
            )
        });
        let output = written.1.context("rustfmt did not end")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let first = said
                .lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("it said nothing");
            bail!("{path}: rustfmt refused the staged text: {first}");
        }
        written.0.context("rustfmt did not read its input")?;
        String::from_utf8(output.stdout).context("rustfmt wrote no UTF-8")
    }
}
