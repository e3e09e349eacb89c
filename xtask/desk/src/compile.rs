//! Whether a crate compiles, asked in a scratch workspace, so that nothing is written into the learner's before it is known.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;
use staging::manifest;
use staging::names::PACKAGE;
use staging::tree::Tree;
use xtask::screen::Screen;

use crate::course::Course;

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Compiles,
    Fails(Vec<Trouble>),
    /// cargo could not even begin; why.
    Unknown(String),
}

/// An error of the compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Relative to the crate; empty if the compiler named no place.
    pub path: String,
    pub line: u64,
    pub what: String,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.what),
            path => write!(f, "{PACKAGE}/{path}:{}: {}", self.line, self.what),
        }
    }
}

/// Checks the library made of these files (its manifest and sources, by path).
pub fn check(course: &Course, files: &BTreeMap<String, Vec<u8>>) -> Result<Verdict> {
    let screen = Screen::detect();
    screen.status("looking whether it compiles …");
    let desk = course.target.join("desk");
    let tree = files
        .iter()
        .filter(|(path, _)| *path == "Cargo.toml" || path.starts_with("src/"));
    let tree = Tree(
        tree.map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect(),
    );
    let workspace = desk.join("check");
    tree.write_to(&workspace.join(PACKAGE))?;
    let read = |name| {
        let path = course.root.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    for (name, text) in [
        (
            "Cargo.toml",
            manifest::workspace(&read("Cargo.toml")?, PACKAGE)?,
        ),
        ("Cargo.lock", read("Cargo.lock")?),
    ] {
        let path = workspace.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let verdict = cargo(course, &workspace, &desk.join("target"));
    screen.clear_status();
    verdict
}

fn cargo(course: &Course, workspace: &Path, target: &Path) -> Result<Verdict> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args([
            "check",
            "--lib",
            "--no-default-features",
            "--offline",
            "--message-format=json",
        ])
        .arg("--manifest-path")
        .arg(workspace.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_MANIFEST_DIR")
        .current_dir(&course.root)
        .stdin(Stdio::null());
    let output = command.output().context("cargo could not be started")?;
    if output.status.success() {
        return Ok(Verdict::Compiles);
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let messages = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let troubles: Vec<Trouble> = messages
        .filter_map(|message: Value| trouble(&message))
        .collect();
    if troubles.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        let why = said.lines().find(|line| !line.trim().is_empty());
        return Ok(Verdict::Unknown(
            why.unwrap_or("cargo did not say why").to_string(),
        ));
    }
    Ok(Verdict::Fails(troubles))
}

fn trouble(message: &Value) -> Option<Trouble> {
    let said = message.get("message")?;
    if said["level"] != "error" {
        return None;
    }
    let what = said["message"].as_str()?.to_string();
    let spans = said["spans"].as_array()?;
    let Some(at) = spans.iter().find(|span| span["is_primary"] == true) else {
        // "aborting due to 2 previous errors" tells nothing of its own.
        return (!what.starts_with("aborting")).then(|| Trouble {
            path: String::new(),
            line: 0,
            what,
        });
    };
    let file = at["file_name"].as_str()?.replace('\\', "/");
    let path = file
        .rsplit_once(&format!("{PACKAGE}/"))
        .map_or(file.as_str(), |(_, path)| path);
    Some(Trouble {
        path: path.to_string(),
        line: at["line_start"].as_u64()?,
        what,
    })
}
