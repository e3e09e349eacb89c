//! The compiler, and the dependencies of the starter compiled once for all submissions.
//!
//! Crates of the same name and place would overwrite each other in a target folder of cargo's, and cargo reads settings from wherever
//! it is started. So cargo builds the dependencies only, from our manifest and lock file; a submission and its tests are then
//! compiled by calling rustc itself, which reads no settings at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use staging::tree::Tree;
use xtask::workspace::cargo;

use crate::pristine::Course;

const PACKAGE: &str = "mini-lsm-starter";
/// The profile in which the tests of the course run.
const PROFILE: &str = "test";

/// What is needed to compile a submission.
#[derive(Debug)]
pub struct Tools {
    pub rustc: PathBuf,
    pub sysroot: PathBuf,
    /// One line: `rustc 1.89.0 (…)`.
    pub version: String,
    /// Where the compiled dependencies lie.
    pub deps: PathBuf,
    /// The crates that the starter may name, and for tests those of its manifest's `dev-dependencies` too.
    pub of_crate: BTreeMap<String, PathBuf>,
    pub of_tests: BTreeMap<String, PathBuf>,
}

/// Finds the compiler and builds the dependencies below `work`. Needs no network after `cargo fetch`.
pub fn prepare(course: &Course, root: &Path, work: &Path) -> Result<Tools> {
    let sysroot = PathBuf::from(ask_rustc(root, &["--print", "sysroot"])?);
    let rustc = sysroot
        .join("bin")
        .join(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    if !rustc.is_file() {
        bail!("there is no compiler at {}", rustc.display());
    }
    let crate_dir = write_pristine(course, work)?;
    let manifest = crate_dir.join("Cargo.toml");
    let built = build(&manifest, &work.join("dependencies"))?;
    let mut tools = Tools {
        rustc,
        sysroot,
        version: ask_rustc(root, &["--version"])?,
        deps: PathBuf::new(),
        of_crate: BTreeMap::new(),
        of_tests: BTreeMap::new(),
    };
    for (name, package, only_tests) in direct_dependencies(&manifest)? {
        // One that this platform does not have is not built either.
        let Some(file) = built.get(&package) else {
            continue;
        };
        tools.deps = file
            .parent()
            .context("a library in no folder")?
            .to_path_buf();
        tools.of_tests.insert(name.clone(), file.clone());
        if !only_tests {
            tools.of_crate.insert(name, file.clone());
        }
    }
    if tools.of_crate.is_empty() {
        bail!("cargo built no dependency of {PACKAGE}");
    }
    Ok(tools)
}

fn ask_rustc(root: &Path, args: &[&str]) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc)
        .args(args)
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", rustc.display()))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// A workspace that holds the starter alone. Gives the folder of the crate.
fn write_pristine(course: &Course, work: &Path) -> Result<PathBuf> {
    let dir = work.join("pristine");
    let crate_dir = dir.join(PACKAGE);
    std::fs::create_dir_all(&crate_dir)
        .with_context(|| format!("cannot make {}", crate_dir.display()))?;
    for (name, text) in [
        ("Cargo.toml", course.workspace.as_bytes()),
        ("Cargo.lock", &course.lock),
    ] {
        let path = dir.join(name);
        // Cargo shortens the lock file to what this workspace needs; ours may have changed since.
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let tests = |path: &str| path.starts_with("tests/");
    let kept = course.starter.iter().filter(|(path, _)| !tests(path));
    Tree(
        kept.map(|(path, text)| (path.clone(), text.clone()))
            .collect(),
    )
    .write_to(&crate_dir)?;
    Ok(crate_dir)
}

/// A cargo that no setting of the caller's shell reaches.
fn plain_cargo(manifest: &Path) -> Command {
    let mut command = cargo();
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_TARGET_DIR",
        "RUSTC_BOOTSTRAP",
    ] {
        command.env_remove(name);
    }
    if let Some(dir) = manifest.parent() {
        command.current_dir(dir);
    }
    command.stdin(Stdio::null());
    command
}

/// Compiles the dependencies. The libraries by the id of their package.
fn build(manifest: &Path, target: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = plain_cargo(manifest);
    // A test of the library, which is never run, pulls in what tests may use.
    command.args([
        "test",
        "--quiet",
        "--no-run",
        "--lib",
        "--no-default-features",
    ]);
    command.args(["--profile", PROFILE, "--message-format=json"]);
    command.arg("--manifest-path").arg(manifest);
    command.arg("--target-dir").arg(target);
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "cargo could not build the dependencies:\n\n{}",
            said.trim_end()
        );
    }
    let mut built = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        let package = message["package_id"].as_str().unwrap_or_default();
        let files = message["filenames"].as_array().into_iter().flatten();
        let library = files
            .filter_map(Value::as_str)
            .find(|file| file.ends_with(".rlib"));
        if let Some(file) = library {
            built.insert(package.to_string(), PathBuf::from(file));
        }
    }
    Ok(built)
}

/// What the starter's manifest names: the name in the code, the id of the package, whether only tests may use it.
fn direct_dependencies(manifest: &Path) -> Result<Vec<(String, String, bool)>> {
    let mut command = plain_cargo(manifest);
    command.args([
        "metadata",
        "--format-version",
        "1",
        "--no-default-features",
        "--manifest-path",
    ]);
    let output = command
        .arg(manifest)
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("cargo does not know the dependencies: {}", said.trim_end());
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata gave no JSON")?;
    let id = &metadata["workspace_members"][0];
    let nodes = metadata["resolve"]["nodes"].as_array();
    let node = nodes.into_iter().flatten().find(|node| node["id"] == *id);
    let deps = node.context("the starter is not in its own workspace")?["deps"].as_array();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let read = deps.into_iter().flatten().filter_map(|dep| {
        let kinds: Vec<&Value> = dep["dep_kinds"]
            .as_array()?
            .iter()
            .map(|k| &k["kind"])
            .collect();
        let only_tests = !kinds.iter().any(|kind| kind.is_null());
        Some((text(&dep["name"]), text(&dep["pkg"]), only_tests))
    });
    Ok(read.collect())
}
