//! The scratch copies: a bug is planted in a crate of its own below the target directory, never in the working tree.
//!
//! The copies stay from run to run, so that only the crate itself is compiled again. There are two of them, so that one
//! compiles while the tests of the other run; they share a target directory, in which dependencies are compiled once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use staging::manifest;
use staging::tree::Tree;
use xtask::process::Limits;
use xtask::scheck::Subject;
use xtask::workspace::Workspace;

/// How many copies there are.
pub const COPIES: usize = 2;

const OUTPUT_LIMIT: u64 = 16 << 20;

/// Where the copies stand.
#[derive(Debug, Clone)]
pub struct Scratch {
    workspace: Workspace,
    /// The folder of all copies.
    dir: PathBuf,
    target: PathBuf,
}

impl Scratch {
    pub fn of(workspace: &Workspace) -> Scratch {
        let dir = workspace.target_dir().join("bugs");
        Scratch {
            workspace: workspace.clone(),
            target: dir.join("target"),
            dir,
        }
    }

    /// Other copies, for another crate, in the same target directory.
    pub fn aside(self, name: &str) -> Scratch {
        Scratch {
            dir: self.dir.join(name),
            ..self
        }
    }

    /// Other copies with a target directory of their own, for what is built at the same time.
    pub fn apart(&self, name: &str) -> Scratch {
        let dir = self.dir.join(name);
        Scratch {
            workspace: self.workspace.clone(),
            target: dir.join("target"),
            dir,
        }
    }

    /// Waits until no other run of this command uses the copies; as long as the file is held, none does. Each command has
    /// copies of its own.
    pub fn take(&self, command: &str) -> Result<File> {
        fs::create_dir_all(&self.target)
            .with_context(|| format!("cannot make {}", self.target.display()))?;
        let path = self.target.join(format!("{command}-in-use"));
        let file =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        if file.try_lock().is_err() {
            eprintln!("another `cargo x {command}` is at work here; waiting for its end");
            file.lock()
                .with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Ok(file)
    }

    /// Makes copy `name` this tree. Files that are right already keep their time stamps.
    pub fn lay_out(&self, name: &str, tree: &Tree) -> Result<()> {
        let workspace = self.root(name);
        tree.write_to(&self.crate_dir(name))?;
        let root = self.workspace.root();
        let text = read(&root.join("Cargo.toml"))?;
        let manifest = manifest::workspace(&text, name)?;
        write(&workspace.join("Cargo.toml"), &manifest)?;
        write(
            &workspace.join("Cargo.lock"),
            &read(&root.join("Cargo.lock"))?,
        )
    }

    /// Copy `name` as the grader takes it, where a test may last so long.
    pub fn subject(&self, name: &str, time: Duration) -> Subject {
        Subject {
            root: self.root(name),
            dir: self.crate_dir(name),
            target_dir: Some(self.target.clone()),
            limits: Limits {
                time,
                output: OUTPUT_LIMIT,
            },
            ..Subject::reference(&self.workspace)
        }
    }

    /// The root of copy `name`, a workspace of its own.
    pub fn root(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Where all copies are built.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Its folder has the copy's name: cargo tells crates apart by their path within a workspace, and in a shared target
    /// directory two with the same one would take each other's files for their own.
    fn crate_dir(&self, name: &str) -> PathBuf {
        self.root(name).join(name)
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Only where it differs: cargo looks at time stamps.
fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
