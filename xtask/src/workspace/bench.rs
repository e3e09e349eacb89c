//! `cargo x bench`: builds the benchmark with the engines that are wanted and can be built here, and starts it.
//!
//! Each engine is a cargo feature, so that nobody waits for RocksDB who did not ask for it.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, process};

use anyhow::{Context, Result};

use super::{Workspace, cargo, exit_code, start};

/// The engines that are features.
const ENGINES: &[&str] = &["starter", "rocksdb", "leveldb", "fjall", "redb"];

impl Workspace {
    /// `cargo x bench …`; with `--micro` the micro-benchmarks of the engine's parts.
    pub fn run_bench(&self, args: &[OsString]) -> Result<ExitCode> {
        if args.iter().any(|arg| arg == "--micro") {
            let rest = args.iter().filter(|arg| *arg != "--micro");
            let mut command = self.bench_cargo("bench");
            command.arg("--quiet").arg("--").args(rest);
            return Ok(exit_code(start(command)?));
        }
        let mut engines = wanted(args);
        if engines.contains(&"leveldb") && !links_leveldb()? {
            eprintln!("LevelDB is not on this machine (Debian: apt install libleveldb-dev)");
            engines.retain(|engine| *engine != "leveldb");
        }
        if engines.contains(&"starter") && !self.starter_compiles()? {
            eprintln!("your engine does not compile yet");
            engines.retain(|engine| *engine != "starter");
        }
        if !self.builds(&engines)? {
            if !engines.contains(&"rocksdb") {
                return Ok(ExitCode::from(2));
            }
            eprintln!("RocksDB is built from source: it needs a C++ compiler and libclang.");
            if !args.iter().any(|arg| arg == "--quick") {
                eprintln!("next: install them, or cargo x bench --engines leveldb,fjall,redb");
                return Ok(ExitCode::from(2));
            }
            eprintln!("this quick run goes on without it");
            engines.retain(|engine| *engine != "rocksdb");
        }
        let mut command = self.bench_cargo("run");
        command.args(["--quiet", "--release", "--features"]);
        command.arg(engines.join(",")).arg("--").args(args);
        Ok(exit_code(start(command)?))
    }

    /// Its output is shown: it may take a while.
    fn builds(&self, engines: &[&str]) -> Result<bool> {
        let mut command = self.bench_cargo("build");
        command
            .args(["--release", "--features"])
            .arg(engines.join(","));
        Ok(start(command)?.success())
    }

    fn bench_cargo(&self, verb: &str) -> Command {
        let bench = self.reference().join("bench");
        let mut command = cargo();
        command.arg(verb);
        command.arg("--manifest-path").arg(bench.join("Cargo.toml"));
        // Found by itself only from within the package; paths that were typed are meant from here.
        let config = bench.join(".cargo").join("config.toml");
        command.arg("--config").arg(config);
        command
    }

    fn starter_compiles(&self) -> Result<bool> {
        let mut command = cargo();
        command.args(["check", "--quiet", "--lib", "--no-default-features"]);
        command
            .arg("--manifest-path")
            .arg(self.starter().join("Cargo.toml"));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(start(command)?.success())
    }
}

/// The engines to build: those of `--engines`, else all; none where nothing is going to be run.
fn wanted(args: &[OsString]) -> Vec<&'static str> {
    let idle = ["--help", "-h", "--list", "--from"];
    if args.iter().any(|arg| idle.iter().any(|flag| arg == flag)) {
        return Vec::new();
    }
    let Some(list) = value_of(args, "--engines") else {
        return ENGINES.to_vec();
    };
    let is_wanted = |engine: &&str| list.split(',').any(|word| word.trim() == *engine);
    ENGINES.iter().copied().filter(is_wanted).collect()
}

/// What stands behind `flag`, as `flag value` or `flag=value`.
fn value_of(args: &[OsString], flag: &str) -> Option<String> {
    let text = |arg: &OsStr| arg.to_string_lossy().into_owned();
    args.iter().enumerate().find_map(|(place, arg)| {
        let arg = text(arg);
        match arg.strip_prefix(flag)? {
            "" => args.get(place + 1).map(|value| text(value)),
            rest => rest.strip_prefix('=').map(str::to_owned),
        }
    })
}

const PROBE: &str = r#"#[link(name = "leveldb")]
unsafe extern "C" { fn leveldb_major_version() -> std::ffi::c_int; }
fn main() { println!("{}", unsafe { leveldb_major_version() }); }
"#;

/// Whether a program that uses LevelDB can be linked here: rustc is asked, since nothing else is sure to be there.
fn links_leveldb() -> Result<bool> {
    let dir = probe_dir();
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let source = dir.join("probe.rs");
    fs::write(&source, PROBE).with_context(|| format!("cannot write {}", source.display()))?;
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc
        .args(["--edition", "2024", "--out-dir"])
        .arg(&dir)
        .arg(&source);
    rustc.stdout(Stdio::null()).stderr(Stdio::null());
    let linked = start(rustc);
    let _ = fs::remove_dir_all(&dir);
    Ok(linked?.success())
}

fn probe_dir() -> PathBuf {
    env::temp_dir().join(format!("mini-lsm-bench-probe-{}", process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted_by(line: &str) -> Vec<&'static str> {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        wanted(&args)
    }

    #[test]
    fn only_what_is_asked_for_is_built() {
        assert_eq!(wanted_by("--quick"), ENGINES);
        assert_eq!(wanted_by("--engines redb,ours"), ["redb"]);
        assert_eq!(
            wanted_by("--n 5 --engines=fjall,rocksdb"),
            ["rocksdb", "fjall"]
        );
        assert!(wanted_by("--list").is_empty());
        assert!(wanted_by("--from a.json --svg b.svg").is_empty());
    }
}
