//! Where things stand in the repository, and how another program of it is started.

mod bench;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result};

/// The checked-out repository.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The repository that this program was started from: the folder around `xtask`, in which its package stands.
    ///
    /// `cargo run` says where the package stands now; the place it was compiled in is second best, for a binary started by hand.
    pub fn find() -> Result<Workspace> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
        let mut above = Path::new(&package).ancestors();
        let root = above
            .find(|dir| dir.ends_with("xtask"))
            .and_then(Path::parent)
            .context("the workspace of the course was not found; run this by `cargo x`")?;
        Ok(Workspace::at(root))
    }

    pub fn at(root: impl Into<PathBuf>) -> Workspace {
        Workspace { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder. A relative `CARGO_TARGET_DIR` is meant from where the command was started, as cargo means it.
    pub fn target_dir(&self) -> PathBuf {
        let set = std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
        let set = set.and_then(|dir| std::path::absolute(dir).ok());
        set.unwrap_or_else(|| self.root.join("target"))
    }

    pub fn reference(&self) -> PathBuf {
        self.root.join("mini-lsm")
    }

    pub fn starter(&self) -> PathBuf {
        self.root.join("mini-lsm-starter")
    }

    pub fn book_manifest(&self) -> PathBuf {
        self.root.join("book").join("Cargo.toml")
    }

    /// `cargo x book …`; without a word it builds.
    pub fn run_book(&self, args: &[OsString]) -> Result<ExitCode> {
        Ok(exit_code(self.start_book(args)?))
    }

    /// The same for a step of `ci`: true if the builder is content.
    pub fn book(&self, args: &[OsString]) -> Result<bool> {
        Ok(self.start_book(args)?.success())
    }

    fn start_book(&self, args: &[OsString]) -> Result<ExitStatus> {
        let mut command = cargo();
        command.args(["run", "--quiet", "--manifest-path"]);
        command.arg(self.book_manifest()).arg("--");
        match args {
            [] => command.arg("build"),
            _ => command.args(args),
        };
        start(command)
    }

    /// `cargo x starter …` and `cargo x stages …`.
    pub fn run_staging(&self, args: &[OsString]) -> Result<ExitCode> {
        self.run_package(&["--package", "staging"], args)
    }

    /// `cargo x bugs …`.
    pub fn run_bugs(&self, args: &[OsString]) -> Result<ExitCode> {
        self.run_package(&["--package", "bugs"], args)
    }

    /// `cargo x mutants …`.
    pub fn run_mutants(&self, args: &[OsString]) -> Result<ExitCode> {
        self.run_package(&["--package", "bugs", "--bin", "mutants"], args)
    }

    /// `cargo x torture …`.
    pub fn run_torture(&self, args: &[OsString]) -> Result<ExitCode> {
        self.run_package(
            &["--profile", "torture", "--package", "mini-lsm-torture"],
            args,
        )
    }

    /// `cargo x watch …`.
    pub fn run_watch(&self, args: &[OsString]) -> Result<ExitCode> {
        self.run_package(&["--package", "watch"], args)
    }

    /// `cargo x catch-up …` and the other commands that change a learner's files.
    pub fn run_desk(&self, args: &[OsString]) -> Result<ExitCode> {
        self.run_where_we_are("desk", args)
    }

    /// `cargo x grade …`.
    pub fn run_grade(&self, args: &[OsString]) -> Result<ExitCode> {
        self.run_where_we_are("grade", args)
    }

    /// Starts a package where we were started: it takes paths of files.
    fn run_where_we_are(&self, package: &str, args: &[OsString]) -> Result<ExitCode> {
        let mut command = cargo();
        command.args(["run", "--quiet", "--package", package, "--manifest-path"]);
        command
            .arg(self.root.join("Cargo.toml"))
            .arg("--")
            .args(args);
        Ok(exit_code(start(command)?))
    }

    fn run_package(&self, which: &[&str], args: &[OsString]) -> Result<ExitCode> {
        let mut command = cargo();
        command.args(["run", "--quiet"]).args(which).arg("--");
        command.args(args).current_dir(&self.root);
        Ok(exit_code(start(command)?))
    }
}

/// The cargo that runs us, or the one in the path.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// A path as a person reads it: from `root` where that is possible, with forward slashes.
pub fn shown(root: &Path, path: &Path) -> String {
    // A tool may name the same place by its real path.
    let real = root.canonicalize().unwrap_or_default();
    let short = path.strip_prefix(root).or_else(|_| path.strip_prefix(real));
    match short {
        Ok(short) => {
            let parts: Vec<_> = short.iter().map(OsStr::to_string_lossy).collect();
            parts.join("/")
        }
        Err(_) => path.display().to_string(),
    }
}

fn start(mut command: Command) -> Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// The exit code of the program that did the work; 1 where a signal ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(1))
}
