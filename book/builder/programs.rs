//! The Rust of the text that is no excerpt: every block compiles against the engine, and runs unless it says `no_run`.
//!
//! The blocks become tests of one small crate, in which the engine has the name that learners know it by.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::problem::Problem;
use crate::text::{Kind, Pages};

/// One block of Rust.
struct Program {
    /// `line_23_of_day1_blocks`: no name begins another.
    name: String,
    code: String,
    runs: bool,
}

/// Compiles and runs all blocks of `pages`, in a crate in the folder `around`. What does not hold is one problem a block.
pub fn problems(pages: &Pages, root: &Path, around: &Path) -> Result<Vec<Problem>> {
    let mut problems = excerpts_by_hand(pages);
    let programs: Vec<(&str, usize, Program)> = programs(pages);
    if programs.is_empty() {
        return Ok(problems);
    }
    write_crate(&programs, root, around)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["test", "--quiet", "--no-fail-fast", "--manifest-path"])
        .arg(around.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target(root))
        .output()
        .context("cannot run cargo")?;
    if output.status.success() {
        return Ok(problems);
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let before = problems.len();
    for (page, line, program) in &programs {
        let own: Vec<&str> = said
            .lines()
            .filter(|line| line.contains(&program.name))
            .collect();
        if !own.is_empty() {
            let what = format!(
                "this Rust does not hold:\n{}",
                paragraph(&said, &program.name)
            );
            problems.push(Problem::new(page, *line, what));
        }
    }
    if problems.len() == before {
        let what = format!("the Rust of the text does not compile:\n{said}");
        problems.push(Problem::new("", 0, what));
    }
    Ok(problems)
}

/// Where the engine is compiled for the blocks, once for all crates that hold them.
fn target(root: &Path) -> PathBuf {
    let set = std::env::var_os("CARGO_TARGET_DIR").filter(|set| !set.is_empty());
    let target = set.map_or_else(|| root.join("book").join("target"), PathBuf::from);
    target.join("programs-of-the-book")
}

/// What was said around the first mention of a block.
fn paragraph(said: &str, name: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.contains(name))
        .unwrap_or(0);
    lines[at.saturating_sub(1)..lines.len().min(at + 8)].join("\n")
}

/// `rust,ignore` belongs to quotations, which directives make.
fn excerpts_by_hand(pages: &Pages) -> Vec<Problem> {
    let mut problems = Vec::new();
    for page in &pages.documents {
        for (line, number) in page.raw.lines().zip(1..) {
            if line.trim().starts_with("```rust,") && line.contains("ignore") {
                let what = "Rust that is not compiled: quote it by {{signature …}} or {{source …}}, or let it compile (`no_run` if it must not run)";
                problems.push(Problem::new(&page.name, number, what));
            }
        }
    }
    problems
}

fn programs(pages: &Pages) -> Vec<(&str, usize, Program)> {
    let mut programs = Vec::new();
    for page in &pages.documents {
        for item in &page.items {
            let Kind::Rust { info, code } = &item.kind else {
                continue;
            };
            if info.contains("ignore") {
                continue;
            }
            let stem = page.name.trim_end_matches(".md");
            let stem: String = stem
                .chars()
                .map(|c| if c.is_alphanumeric() { c } else { '_' })
                .collect();
            let program = Program {
                name: format!("line_{}_of_{stem}", item.line),
                code: code.clone(),
                runs: !info.contains("no_run"),
            };
            programs.push((page.name.as_str(), item.line, program));
        }
    }
    programs
}

fn write_crate(programs: &[(&str, usize, Program)], root: &Path, around: &Path) -> Result<()> {
    let folder = around.join("src");
    let write = |path: &Path, text: &str| {
        // What has not changed keeps its date, and is not compiled again.
        if fs::read_to_string(path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let engine = root.join("mini-lsm");
    let engine = engine.display().to_string().replace('\\', "/");
    let manifest = format!(
        "[package]\nname = \"blocks\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\nbytes = \"1\"\nmini_lsm_starter = {{ package = \"mini-lsm\", path = \"{engine}\", default-features = false }}\n"
    );
    write(&around.join("Cargo.toml"), &manifest)?;
    let lock = around.join("Cargo.lock");
    if !lock.exists() {
        // The same versions as the engine's, so that nothing has to be fetched.
        fs::copy(root.join("Cargo.lock"), &lock).context("cannot copy Cargo.lock")?;
    }
    let mut lib = String::from("#![allow(unused)]\n");
    for (_, _, program) in programs {
        let Program { name, code, runs } = program;
        writeln!(lib, "#[cfg(test)]\nmod {name};").expect("a String takes everything");
        let test = if *runs { "#[test]\n" } else { "" };
        let has_main = code.contains("fn main()");
        let text = match has_main {
            true => format!("{code}\n{test}fn runs() {{\n    main();\n}}\n"),
            false => format!("{test}fn {name}() {{\n{code}}}\n"),
        };
        write(&folder.join(format!("{name}.rs")), &text)?;
    }
    write(&folder.join("lib.rs"), &lib)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Document;

    #[test]
    fn blocks_that_do_not_hold_are_told_with_page_and_line() {
        let text = "a\n\n```rust\nassert_eq!(1 + 1, 2);\n```\n\n```rust\nassert_eq!(1 + 1, 3);\n```\n\n```rust,no_run\npanic!()\n```\n\n```rust,ignore\nx\n```\n";
        let pages = Pages {
            documents: vec![Document::plain("a-b.md", text)],
            files: Default::default(),
        };
        let dir = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let problems = problems(&pages, root, dir.path()).unwrap();
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [15, 7], "{problems:?}");
        assert!(problems[1].what.contains("line_7_of_a_b"), "{problems:?}");
    }
}
