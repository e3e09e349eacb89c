//! The grader of submissions where there is no network at all: in a network namespace with nothing in it, not even a loopback that is up.
//!
//! What `cargo fetch` brought must do. Where the system has no such namespaces, the same is run under cargo's own promise to stay offline,
//! and that is said aloud.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::workspace::{Workspace, cargo};

/// The namespace, and a user for whom it is allowed.
const ALONE: &[&str] = &["--map-root-user", "--net"];

/// Grades day 1 of the reference. True if all of it passed.
pub fn grade(workspace: &Workspace) -> Result<bool> {
    let mut fetch = cargo();
    let fetched = fetch.args(["fetch", "--quiet", "--locked"]);
    if !fetched.current_dir(workspace.root()).status()?.success() {
        return Ok(false);
    }
    let mut command = match has_namespaces() {
        true => {
            let mut command = Command::new("unshare");
            command.args(ALONE).arg(cargo().get_program());
            command
        }
        false => {
            println!(
                "   not shown: this system has no network namespaces for us; with CARGO_NET_OFFLINE instead"
            );
            let mut command = cargo();
            command.env("CARGO_NET_OFFLINE", "true");
            command
        }
    };
    let marks = scratch("marks.csv");
    command.args([
        "x", "grade", "mini-lsm", "--day", "1", "--json", "-", "--csv",
    ]);
    command.arg(&marks);
    let output = command
        .current_dir(workspace.root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the grader")?;
    // The table of the class goes to the screen, the report comes to us.
    let report = String::from_utf8_lossy(&output.stdout);
    let full = report.contains("\"score\": 100.0");
    if output.status.success() && !full {
        println!("   the reference did not get 100 of 100 for day 1");
    }
    let table = fs::read_to_string(&marks).unwrap_or_default();
    fs::remove_file(&marks).ok();
    let is_marked = table.lines().any(|line| line.starts_with("mini-lsm,"));
    if full && !is_marked {
        println!("   the table of marks has no line for the reference:\n{table}");
    }
    Ok(output.status.success() && full && is_marked)
}

/// Makes the archive for Gradescope, and looks whether it is one.
pub fn zip(workspace: &Workspace) -> Result<bool> {
    let out = scratch("autograder.zip");
    let mut command = cargo();
    command.args(["x", "gradescope-zip", "--out"]).arg(&out);
    let status = command.current_dir(workspace.root()).status()?;
    let begun = fs::read(&out).unwrap_or_default();
    fs::remove_file(&out).ok();
    Ok(status.success() && begun.starts_with(b"PK"))
}

/// A file outside of the repository, for this run.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("mini-lsm-{}-{name}", std::process::id()))
}

fn has_namespaces() -> bool {
    let mut command = Command::new("unshare");
    command.args(ALONE).arg("true");
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    Path::new("/proc/self/ns/net").exists() && quiet.status().is_ok_and(|status| status.success())
}
