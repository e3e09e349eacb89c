//! The grader of submissions where there is no network at all: in a network namespace with nothing in it, not even a loopback that is up.
//!
//! What `cargo fetch` brought must do. Where the system has no such namespaces, the same is run under cargo's own promise to stay offline,
//! and that is said aloud.

use std::path::Path;
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
    command.args(["x", "grade", "mini-lsm", "--day", "1", "--json", "-"]);
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
    Ok(output.status.success() && full)
}

fn has_namespaces() -> bool {
    let mut command = Command::new("unshare");
    command.args(ALONE).arg("true");
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    Path::new("/proc/self/ns/net").exists() && quiet.status().is_ok_and(|status| status.success())
}
