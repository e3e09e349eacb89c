//! The README's sessions with the command-line tool, repeated: what it shows is what the tool answers.
//!
//! A `sh` block with commands of the tool, or of `cargo x inspect`, is run line by line, without a shell; where a `text` block comes
//! next, it is what they print. Names of stores and files lie in a folder that is new in each run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

use super::markdown::{Fence, commands, fences, words};
use super::readme;
use crate::workspace::{Workspace, cargo};

/// The reference's tool, and the learners', which answers as far as they have written it.
const TOOL: &str = "--bin mini-lsm-cli";
const INSPECT: &str = "cargo x inspect ";

/// Behind these words stands the name of a store or of a file.
const BEFORE_NAMES: [&str; 3] = ["--path", "--out", "inspect"];

/// Whether this step runs the command.
pub fn runs(command: &str) -> bool {
    command.contains(TOOL) || command.starts_with(INSPECT)
}

/// Prints what differs. True if nothing does.
pub fn check(workspace: &Workspace) -> Result<bool> {
    let scratch = Scratch::new()?;
    let fences = fences(&readme::read(workspace)?);
    let mut found = 0;
    for (index, fence) in fences.iter().enumerate() {
        let lines = commands(fence);
        if fence.language != "sh" || !lines.iter().any(|(_, command)| runs(command)) {
            continue;
        }
        found += 1;
        let mut printed = String::new();
        for (_, command) in lines.iter().filter(|(_, command)| runs(command)) {
            printed += &run(workspace, &scratch.0, command)?;
        }
        let expected = fences.get(index + 1).filter(|next| next.language == "text");
        if !expected.is_none_or(|expected| is_same(expected, &printed)) {
            return Ok(false);
        }
    }
    if found == 0 {
        bail!("README.md shows no session with the command-line tool (`{TOOL}`)");
    }
    println!("   {found} sessions give what the README shows");
    Ok(true)
}

fn is_same(expected: &Fence, printed: &str) -> bool {
    let wanted = expected.lines.join("\n");
    let same = wanted.trim_end() == printed.trim_end();
    if !same {
        println!(
            "README.md:{}: the session shows\n{wanted}\nand the tool prints\n{printed}",
            expected.line
        );
    }
    same
}

/// Runs `[printf 'TEXT' |] cargo …` and gives its stdout.
fn run(workspace: &Workspace, scratch: &Path, line: &str) -> Result<String> {
    let mut words = words(line);
    let mut input = String::new();
    if let Some(pipe) = words.iter().position(|word| word == "|") {
        let [printf, text] = &words[..pipe] else {
            bail!("only `printf 'TEXT' |` may stand before the tool: {line}");
        };
        if printf != "printf" {
            bail!("only `printf 'TEXT' |` may stand before the tool: {line}");
        }
        input = text.replace("\\n", "\n");
        words.drain(..=pipe);
    }
    if words.first().is_none_or(|word| word != "cargo") {
        bail!("a session starts the tool by `cargo run`: {line}");
    }
    redirect(&mut words, scratch);
    let mut command = cargo();
    command.args(&words[1..]).current_dir(workspace.root());
    let output = feed(command, &input)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` ended with {}:\n{stderr}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"))
}

/// Puts every store and every file below the scratch folder.
fn redirect(words: &mut [String], scratch: &Path) {
    for index in 1..words.len() {
        if BEFORE_NAMES.contains(&words[index - 1].as_str()) {
            let name = words[index].replace(['/', '\\', ':'], "_");
            words[index] = scratch.join(name).display().to_string();
        }
    }
}

fn feed(mut command: Command, input: &str) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let mut stdin = child.stdin.take().context("cargo has no stdin")?;
    // A tool that does not read its input says by its exit code what it thinks of that.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    child.wait_with_output().context("cannot wait for cargo")
}

/// A folder that goes with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch> {
        let path = std::env::temp_dir().join(format!("mini-lsm-session-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_and_files_go_to_the_scratch_folder() {
        let mut words = words("cargo run -- --path /tmp/db put --path");
        redirect(&mut words, Path::new("scratch"));
        let path = Path::new("scratch").join("_tmp_db").display().to_string();
        assert_eq!(
            words,
            ["cargo", "run", "--", "--path", &path, "put", "--path"]
        );
        let mut words = super::words("cargo x inspect 000001.sst");
        redirect(&mut words, Path::new("scratch"));
        assert_eq!(
            words[3],
            Path::new("scratch")
                .join("000001.sst")
                .display()
                .to_string()
        );
    }

    #[test]
    fn a_difference_is_seen() {
        let fence = Fence {
            language: "text".into(),
            line: 3,
            lines: vec!["v".into()],
        };
        assert!(is_same(&fence, "v\n"));
        assert!(!is_same(&fence, "w\n"));
    }
}
