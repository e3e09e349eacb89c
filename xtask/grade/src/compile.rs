//! One call of the compiler, in a jail: the library of a submission, or the program of a day's tests on top of it.
//!
//! The library is compiled where neither the tests nor the reference can be read, and with `unsafe` forbidden in a way that no
//! attribute lifts. That closes code before `main`, exported symbols, assembler and raw memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use staging::graded::Binary;

use crate::jail::{Jail, Limits, Walls};
use crate::run::{End, Watch, run};
use crate::text;
use crate::tools::Tools;

/// What a compilation may use, and how it is done.
#[derive(Clone, Copy, Debug)]
pub struct Compiling {
    pub seconds: u64,
    pub memory: u64,
    pub opt_level: u8,
    pub allow_unsafe: bool,
    pub walls: Walls,
}

/// Bytes of messages. A submission with more errors has made its point.
const MESSAGES: u64 = 8 << 20;
/// Bytes in one compiled file.
const FILE: u64 = 1 << 30;
const CRATE: &str = "mini_lsm_starter";

/// Why something does not compile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint {
    /// The first error, in one line with its place.
    pub reason: String,
    /// The files that errors point at, each with its first error.
    pub files: BTreeMap<String, String>,
    /// All places that errors point at, with their lines.
    pub places: BTreeSet<(String, usize)>,
}

/// Compiles the library from `dir` into `out`. The file of the library, or what is wrong with it.
pub fn library(
    tools: &Tools,
    how: Compiling,
    dir: &Path,
    out: &Path,
) -> Result<Result<PathBuf, Complaint>> {
    let mut args = common(tools, how, out);
    let plain = [
        "--crate-type=lib",
        "--emit=metadata,link",
        "--crate-name",
        CRATE,
    ];
    args.extend(plain.map(String::from));
    if !how.allow_unsafe {
        args.push("-Funsafe_code".to_string());
    }
    externs(&mut args, &tools.of_crate)?;
    args.push("src/lib.rs".to_string());
    let read = vec![dir.to_path_buf(), tools.deps.clone()];
    let built = out.join(format!("lib{CRATE}.rlib"));
    call(tools, how, args, dir, read, out, built)
}

/// Compiles the program of one test file of `course` with this library.
pub fn program(
    tools: &Tools,
    how: Compiling,
    course: &Path,
    binary: &Binary,
    library: &Path,
    out: &Path,
) -> Result<Result<PathBuf, Complaint>> {
    let mut args = common(tools, how, out);
    let plain = [
        "--crate-type=bin",
        "--emit=link",
        "-Cstrip=symbols",
        "--crate-name",
    ];
    args.extend(plain.map(String::from));
    args.push(binary.name.clone());
    externs(&mut args, &tools.of_tests)?;
    args.push("--extern".to_string());
    args.push(format!("{CRATE}={}", path(library)?));
    args.push(binary.root.clone());
    let of_library = library.parent().context("a library in no folder")?;
    let mut read = vec![
        course.to_path_buf(),
        of_library.to_path_buf(),
        tools.deps.clone(),
    ];
    // The linker and what it links with.
    read.extend(["/usr", "/bin", "/opt", "/nix/store", "/gnu/store"].map(PathBuf::from));
    let built = out.join(format!("{}{}", binary.name, std::env::consts::EXE_SUFFIX));
    call(tools, how, args, course, read, out, built)
}

/// Checks `file` in `dir` against this library, without making a program of it.
pub fn contract(
    tools: &Tools,
    how: Compiling,
    dir: &Path,
    file: &str,
    library: &Path,
    out: &Path,
) -> Result<Result<PathBuf, Complaint>> {
    let mut args = common(tools, how, out);
    let plain = [
        "--crate-type=lib",
        "--emit=metadata",
        "--crate-name=contract",
    ];
    args.extend(plain.map(String::from));
    externs(&mut args, &tools.of_crate)?;
    args.push("--extern".to_string());
    args.push(format!("{CRATE}={}", path(library)?));
    args.push(file.to_string());
    let of_library = library.parent().context("a library in no folder")?;
    let read = vec![
        dir.to_path_buf(),
        of_library.to_path_buf(),
        tools.deps.clone(),
    ];
    call(
        tools,
        how,
        args,
        dir,
        read,
        out,
        out.join("libcontract.rmeta"),
    )
}

/// The profile of the course's tests, without what only a debugger needs.
fn common(tools: &Tools, how: Compiling, out: &Path) -> Vec<String> {
    let mut args: Vec<String> = [
        "--edition=2024",
        "--error-format=json",
        "-Cdebuginfo=0",
        "-Cdebug-assertions=on",
        "-Coverflow-checks=on",
        "-Ccodegen-units=4",
        "-Awarnings",
    ]
    .map(String::from)
    .to_vec();
    args.push(format!("-Copt-level={}", how.opt_level));
    args.push(format!("--sysroot={}", tools.sysroot.display()));
    args.push(format!("-Ldependency={}", tools.deps.display()));
    args.push(format!("--out-dir={}", out.display()));
    args
}

fn externs(args: &mut Vec<String>, crates: &BTreeMap<String, PathBuf>) -> Result<()> {
    for (name, file) in crates {
        args.push("--extern".to_string());
        args.push(format!("{name}={}", path(file)?));
    }
    Ok(())
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| {
        format!(
            "{} is no UTF-8; move the repository to a folder with a plain name",
            path.display()
        )
    })
}

fn call(
    tools: &Tools,
    how: Compiling,
    args: Vec<String>,
    dir: &Path,
    mut read: Vec<PathBuf>,
    out: &Path,
    built: PathBuf,
) -> Result<Result<PathBuf, Complaint>> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    // What an earlier round left must not pass for this one's.
    if built.exists() {
        std::fs::remove_file(&built)
            .with_context(|| format!("cannot remove {}", built.display()))?;
    }
    read.push(tools.sysroot.clone());
    read.extend(system_libraries());
    let jail = Jail {
        program: tools.rustc.clone(),
        args,
        env: environment(out)?,
        dir: dir.to_path_buf(),
        read,
        write: vec![out.to_path_buf(), "/dev/null".into()],
        scratch: None,
        hides_processes: false,
        limits: Limits {
            cpu: how.seconds,
            memory: how.memory,
            file: FILE,
        },
        walls: how.walls,
    };
    let watch = Watch {
        time: Duration::from_secs(how.seconds * 2),
        output: MESSAGES,
        tasks: usize::MAX,
    };
    let finished = run(&jail, "", watch)?;
    if finished.end == End::Code(0) && built.is_file() {
        return Ok(Ok(built));
    }
    Ok(Err(complaint(finished.end, &finished.output, how)))
}

/// What programs are linked with, on the systems that have these folders.
pub fn system_libraries() -> impl Iterator<Item = PathBuf> {
    let places = [
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
    ];
    places.into_iter().map(PathBuf::from)
}

fn environment(out: &Path) -> Result<Vec<(String, String)>> {
    let mut env = vec![
        ("TMPDIR".to_string(), path(out)?.to_string()),
        ("CARGO_PKG_NAME".to_string(), "mini-lsm-starter".to_string()),
        (
            "CARGO_PKG_VERSION".to_string(),
            env!("CARGO_PKG_VERSION").to_string(),
        ),
        ("CARGO_CRATE_NAME".to_string(), CRATE.to_string()),
    ];
    // The linker is looked for here, on Windows by more variables.
    let names = [
        "PATH",
        "SystemRoot",
        "TEMP",
        "TMP",
        "LIB",
        "ProgramFiles",
        "ProgramFiles(x86)",
        "ProgramData",
    ];
    for name in names {
        if let Ok(value) = std::env::var(name) {
            env.push((name.to_string(), value));
        }
    }
    Ok(env)
}

fn complaint(end: End, output: &[u8], how: Compiling) -> Complaint {
    let mut complaint = Complaint::default();
    let mut panicked = false;
    for line in output.split(|byte| *byte == b'\n') {
        match serde_json::from_slice::<Value>(line) {
            Ok(message) => complaint.add(&message),
            Err(_) => panicked |= line.windows(8).any(|window| window == b"panicked"),
        }
    }
    let ended = match end {
        End::TimedOut => Some(format!("compiling took more than {} s", how.seconds * 2)),
        End::Signal(SIGXCPU | SIGKILL) => Some(format!(
            "compiling took more than {} s of processor time",
            how.seconds
        )),
        End::Flooded => Some(format!(
            "the compiler had more than {} MiB to say",
            MESSAGES >> 20
        )),
        End::Swarming => None,
        End::Signal(_) => Some(format!(
            "the compiler went down; it may use {} MiB of memory",
            how.memory >> 20
        )),
        End::Code(_) if panicked => Some("the compiler itself failed".to_string()),
        End::Code(_) => None,
    };
    match ended {
        Some(ended) => complaint.reason = ended,
        None if complaint.reason.is_empty() => {
            let said = text::of_bytes(output);
            complaint.reason = text::reason(&format!("the compiler failed: {said}"));
        }
        None => {}
    }
    complaint
}

const SIGKILL: i32 = 9;
const SIGXCPU: i32 = 24;

impl Complaint {
    /// Takes an error of its own, not the line that sums up the others.
    fn add(&mut self, message: &Value) {
        let said = message["message"].as_str().unwrap_or_default();
        if message["level"] != "error" || said.starts_with("aborting due to") {
            return;
        }
        let spans: Vec<&Value> = message["spans"].as_array().into_iter().flatten().collect();
        let mut files = BTreeSet::new();
        let mut place = None;
        for span in spans.iter().filter(|span| span["is_primary"] == true) {
            for span in [*span, outermost(span)] {
                let Some(file) = span["file_name"].as_str() else {
                    continue;
                };
                let file = file.replace('\\', "/");
                place.get_or_insert_with(|| {
                    format!("{file}:{}:{}: ", span["line_start"], span["column_start"])
                });
                let line = span["line_start"].as_u64().unwrap_or_default();
                self.places.insert((file.clone(), line as usize));
                files.insert(file);
            }
        }
        let code = message["code"]["code"].as_str();
        let code = code.map_or(String::new(), |code| format!(" [{code}]"));
        let reason = text::reason(&format!("{}{said}{code}", place.unwrap_or_default()));
        for file in files {
            self.files.entry(file).or_insert_with(|| reason.clone());
        }
        if self.reason.is_empty() {
            self.reason = reason;
        }
    }
}

/// Where the outermost macro was called that the place lies in.
fn outermost(span: &Value) -> &Value {
    let mut span = span;
    while span["expansion"]["span"].is_object() {
        span = &span["expansion"]["span"];
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: Compiling = Compiling {
        seconds: 7,
        memory: 1 << 30,
        opt_level: 1,
        allow_unsafe: false,
        walls: Walls {
            namespaces: false,
            landlock: false,
            seccomp: false,
            limits: false,
        },
    };

    #[test]
    fn errors_are_read_with_their_files() {
        let said = concat!(
            r#"{"message":"unused","level":"warning","spans":[]}"#,
            "\n",
            r#"{"message":"mismatched types","code":{"code":"E0308"},"level":"error","spans":[{"file_name":"src/a.rs","line_start":3,"column_start":5,"is_primary":true,"expansion":null}]}"#,
            "\n",
            r#"{"message":"aborting due to 1 previous error","level":"error","spans":[]}"#,
            "\n",
        );
        let complaint = complaint(End::Code(1), said.as_bytes(), HOW);
        assert_eq!(complaint.reason, "src/a.rs:3:5: mismatched types [E0308]");
        assert_eq!(complaint.files.len(), 1);
        assert!(complaint.files.contains_key("src/a.rs"));
    }

    #[test]
    fn a_limit_is_the_reason_whatever_else_was_said() {
        let reason = |end| complaint(end, b"{}\n", HOW).reason;
        assert_eq!(reason(End::TimedOut), "compiling took more than 14 s");
        assert_eq!(
            reason(End::Signal(SIGXCPU)),
            "compiling took more than 7 s of processor time"
        );
        assert!(reason(End::Flooded).contains("8 MiB"));
        assert!(reason(End::Code(1)).starts_with("the compiler failed"));
    }
}
