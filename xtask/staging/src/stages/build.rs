//! Lays a stage out as a crate in a workspace of its own and lets cargo compile it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::manifest;
use crate::stage::Reference;
use crate::tree::Tree;

use super::Settings;

pub struct Builder {
    root: PathBuf,
    /// Where stages are laid out.
    stages: PathBuf,
    root_manifest: String,
    lock: String,
}

/// A stage as compiled.
pub struct Built {
    /// Its crate, where its tests run.
    pub dir: PathBuf,
    /// By the name of the test binary. One that did not compile is missing.
    pub tests: BTreeMap<String, PathBuf>,
    /// Errors, and warnings, which are none the less ours to mend.
    pub problems: Vec<String>,
}

/// What cargo said of one build.
#[derive(Default)]
struct Said {
    tests: BTreeMap<String, PathBuf>,
    problems: Vec<String>,
}

impl Builder {
    pub fn new(settings: &Settings, reference: &Reference) -> Result<Builder> {
        let root = settings.root.clone();
        let root_manifest = reference
            .root_manifest()
            .context("the folder above mini-lsm has no Cargo.toml")?
            .to_string();
        let lock = root.join("Cargo.lock");
        let lock = fs::read_to_string(&lock).with_context(|| {
            format!(
                "cannot read {}; make it with `cargo generate-lockfile`",
                lock.display()
            )
        })?;
        Ok(Builder {
            root,
            stages: settings.target.join("stages"),
            root_manifest,
            lock,
        })
    }

    /// Compiles the test binaries `tests`, and with `all` every target with its default features too.
    pub fn build(&self, name: &str, tree: &Tree, tests: &[&str], all: bool) -> Result<Built> {
        let workspace = self.stages.join(name);
        // The crate's folder has the stage's name: cargo tells crates apart by their path within a workspace, and in a
        // shared target directory two stages with the same one would take each other's files for their own.
        let dir = workspace.join(name);
        tree.write_to(&dir)?;
        let manifest = manifest::workspace(&self.root_manifest, name)?;
        for (file, text) in [("Cargo.toml", &manifest), ("Cargo.lock", &self.lock)] {
            let path = workspace.join(file);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let mut problems = Vec::new();
        if all {
            problems.extend(self.cargo(&workspace, ["check", "--all-targets"])?.problems);
        }
        let mut binaries = BTreeMap::new();
        if !tests.is_empty() {
            let args = [
                "test",
                "--no-run",
                "--no-fail-fast",
                "--no-default-features",
            ];
            let chosen = tests.iter().flat_map(|test| ["--test", test]);
            let said = self.cargo(&workspace, args.into_iter().chain(chosen))?;
            problems.extend(said.problems);
            binaries = said.tests;
        }
        let mut seen = BTreeSet::new();
        problems.retain(|problem| seen.insert(problem.clone()));
        Ok(Built {
            dir,
            tests: binaries,
            problems,
        })
    }

    fn cargo<'a>(&self, workspace: &Path, args: impl IntoIterator<Item = &'a str>) -> Result<Said> {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command
            .args(args)
            .args(["--offline", "--message-format=json", "--manifest-path"]);
        command
            .arg(workspace.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(self.stages.join("target"));
        // Nothing is compiled twice with a small change, so the files that would make that quick are not worth writing;
        // nor is what a debugger would need.
        command
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "none")
            .env_remove("CARGO_TARGET_DIR")
            .current_dir(&self.root);
        let output = command
            .stdin(Stdio::null())
            .output()
            .context("cargo could not be started")?;
        let mut said = Said::default();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Ok(message) = serde_json::from_str(line) {
                said.read(&message, workspace);
            }
        }
        if !output.status.success() && said.problems.is_empty() {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!(
                "cargo could not build {}: {}",
                workspace.display(),
                error.trim()
            );
        }
        Ok(said)
    }
}

impl Said {
    fn read(&mut self, message: &Value, workspace: &Path) {
        let target = &message["target"];
        if message["reason"] == "compiler-artifact" && target["kind"][0] == "test" {
            if let (Some(name), Some(binary)) =
                (target["name"].as_str(), message["executable"].as_str())
            {
                self.tests.insert(name.to_string(), PathBuf::from(binary));
            }
        } else if message["reason"] == "compiler-message" {
            self.problems
                .extend(problem(&message["message"], workspace));
        }
    }
}

/// An error or a warning in one line. The closing `N errors` has no place in the source and is left out.
fn problem(message: &Value, workspace: &Path) -> Option<String> {
    let level = message["level"]
        .as_str()
        .filter(|level| matches!(*level, "error" | "warning"))?;
    let place = message["spans"]
        .as_array()?
        .iter()
        .find(|span| span["is_primary"] == true)?;
    let file = Path::new(place["file_name"].as_str()?);
    let file = file.strip_prefix(workspace).unwrap_or(file);
    let file = file
        .strip_prefix(workspace.file_name()?)
        .unwrap_or(file)
        .to_string_lossy()
        .replace('\\', "/");
    Some(format!(
        "{file}:{}: {level}: {}",
        place["line_start"],
        message["message"].as_str()?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_message_becomes_one_line_with_its_place() {
        let message = serde_json::json!({
            "reason": "compiler-message",
            "message": {
                "level": "error",
                "message": "cannot find function `f`",
                "spans": [{ "is_primary": true, "file_name": "day-1/src/lib.rs", "line_start": 3 }],
            },
        });
        let mut said = Said::default();
        said.read(&message, Path::new("/w/day-1"));
        said.read(&serde_json::json!({ "reason": "compiler-message", "message": { "level": "error", "spans": [] } }), Path::new("/w/day-1"));
        assert_eq!(
            said.problems,
            ["src/lib.rs:3: error: cannot find function `f`"]
        );
    }
}
