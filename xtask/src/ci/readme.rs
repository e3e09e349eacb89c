//! What the README and the pages of the book tell people to type: each command is one that a step runs, or that a `console` of
//! the book runs while it is built, or that has its reason in `elsewhere`. So none can go stale unseen.
//!
//! Looked at are `sh` blocks, and code in a sentence that is a whole command of cargo's. A word in capitals stands for
//! something (`--day N`, `inspect FILE`), and one day is as good as another.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::elsewhere::{self, ELSEWHERE};
use super::markdown::{commands, consoles, fences, sentences};
use super::{session, steps};
use crate::workspace::{Workspace, shown};

const README: &str = "README.md";
/// What a coding assistant reads, and types.
const AGENTS: &str = "mini-lsm-starter/AGENTS.md";

/// Prints the commands that nobody runs, and what is said of others and is not so. True if there is nothing.
pub fn check(workspace: &Workspace) -> Result<bool> {
    let texts = texts(workspace)?;
    let known = Known::of(workspace, &texts);
    let mut asked = BTreeSet::new();
    let mut problems = Vec::new();
    for (name, text) in &texts {
        for (line, command) in shown_commands(name, text) {
            if !known.has(&command) {
                problems.push(format!(
                    "{name}:{line}: no step runs `{command}`: add it to one in xtask/src/ci/steps.rs, make it a `console`, \
                     or say in xtask/src/ci/elsewhere.rs what holds it"
                ));
            }
            asked.insert(command);
        }
    }
    let rust = rust_version(workspace)?;
    for (name, text) in &texts {
        let others = versions(text).into_iter().filter(|(_, it)| *it != rust);
        problems.extend(others.map(|(line, version)| {
            format!("{name}:{line}: Rust {version} or later: Cargo.toml says {rust}")
        }));
    }
    let shows = |command: &str| asked.iter().any(|asked| stands_for(asked, command));
    problems.extend(elsewhere::problems(workspace, shows));
    problems.iter().for_each(|problem| println!("{problem}"));
    if problems.is_empty() {
        println!("   {} commands, and each is run", asked.len());
    }
    Ok(problems.is_empty())
}

/// The oldest Rust that will do.
fn rust_version(workspace: &Workspace) -> Result<String> {
    let manifest = read_file(workspace.root().join("Cargo.toml"))?;
    let behind = manifest.split_once("rust-version = \"");
    let version = behind.and_then(|(_, rest)| rest.split('"').next());
    Ok(version
        .context("Cargo.toml names no rust-version")?
        .to_string())
}

pub fn read(workspace: &Workspace) -> Result<String> {
    read_file(workspace.root().join(README))
}

/// The README and the pages of the book, by their paths from the root.
fn texts(workspace: &Workspace) -> Result<Vec<(String, String)>> {
    let agents = read_file(workspace.root().join(AGENTS))?;
    let mut texts = vec![
        (README.to_string(), read(workspace)?),
        (AGENTS.to_string(), agents),
    ];
    let folder = workspace.root().join("book").join("src");
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    paths.sort();
    for path in paths {
        texts.push((shown(workspace.root(), &path), read_file(path)?));
    }
    Ok(texts)
}

fn read_file(path: PathBuf) -> Result<String> {
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// What stands before "or later" where a line is about Rust.
fn versions(text: &str) -> Vec<(usize, &str)> {
    let of_rust = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| line.contains("Rust"));
    let before = of_rust.filter_map(|(line, number)| {
        let version = line.split_once(" or later")?.0.split(' ').next_back()?;
        version.starts_with("1.").then_some((number, version))
    });
    before.collect()
}

/// The commands of a text, with their lines.
fn shown_commands(name: &str, text: &str) -> Vec<(usize, String)> {
    let fences = fences(text);
    let blocks = fences.iter().filter(|fence| fence.language == "sh");
    let mut shown: Vec<(usize, String)> = blocks.flat_map(commands).collect();
    if name == README {
        // The step `session` repeats these, and says what they print.
        shown.retain(|(_, command)| !session::runs(command));
    }
    let of_cargo = |command: &String| command.starts_with("cargo ") && command != "cargo x";
    shown.extend(
        sentences(text)
            .into_iter()
            .filter(|(_, code)| of_cargo(code)),
    );
    shown.retain(|(_, command)| !command.starts_with("git clone "));
    shown
}

/// The commands that are run, or held by something else.
struct Known(BTreeSet<String>);

impl Known {
    fn of(workspace: &Workspace, texts: &[(String, String)]) -> Known {
        let steps = steps::all(workspace);
        let acts = steps.iter().flat_map(|step| &step.acts);
        let run = acts.map(|act| as_typed(&act.shown()));
        let elsewhere = ELSEWHERE.iter().map(|(command, _)| command.to_string());
        let one_by_one = steps
            .iter()
            .map(|step| format!("cargo x ci --only {}", step.name));
        let consoles = texts.iter().flat_map(|(_, text)| consoles(text));
        Known(
            run.chain(elsewhere)
                .chain(one_by_one)
                .chain(consoles)
                .collect(),
        )
    }

    fn has(&self, command: &str) -> bool {
        let known = |known: &String| stands_for(command, known) || is_name_of(command, known);
        self.0.contains(command) || self.0.iter().any(known)
    }
}

/// `cargo x stages` is what starts `cargo run --quiet --package staging -- stages`. How it is compiled is left out.
fn as_typed(command: &str) -> String {
    let command = match command.split_once(' ') {
        Some((setting, command)) if setting.starts_with("CARGO_PROFILE_") => command,
        _ => command,
    };
    const VERBS: [(&str, &str); 3] = [
        ("cargo run --quiet --package staging --", "cargo x"),
        ("cargo run --quiet --package bugs --", "cargo x bugs"),
        (
            "cargo run --quiet --profile torture --package mini-lsm-torture --",
            "cargo x torture",
        ),
    ];
    let typed = VERBS.iter().find_map(|(run, typed)| {
        let args = command.strip_prefix(run)?;
        Some(format!("{typed}{args}"))
    });
    typed.unwrap_or_else(|| command.to_string())
}

/// Word by word: one that stands for something is any word, and a day or task is any other.
fn stands_for(shown: &str, known: &str) -> bool {
    let (shown, known): (Vec<&str>, Vec<&str>) =
        (shown.split(' ').collect(), known.split(' ').collect());
    let is_number = |word: &str| word.chars().all(|c| c.is_ascii_digit());
    let alike = |index: usize| {
        let (word, other) = (shown[index], known[index]);
        let counts = index > 0 && matches!(shown[index - 1], "--day" | "--task");
        word == other || is_placeholder(word) || counts && is_number(word) && is_number(other)
    };
    shown.len() == known.len() && (0..shown.len()).all(alike)
}

/// `cargo x reset` in a sentence is the verb's name.
fn is_name_of(shown: &str, known: &str) -> bool {
    let is_bare = shown.starts_with("cargo x ") && shown.split(' ').count() == 3;
    is_bare
        && known
            .strip_prefix(shown)
            .is_some_and(|rest| rest.starts_with(' '))
}

fn is_placeholder(word: &str) -> bool {
    word == "Type::function" || word.chars().all(|c| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(name: &str, text: &str) -> Vec<(usize, String)> {
        let workspace = Workspace::find().expect("the tests run in the workspace");
        let known = Known::of(&workspace, &[(name.to_string(), text.to_string())]);
        let mut shown = shown_commands(name, text);
        shown.retain(|(_, command)| !known.has(command));
        shown
    }

    #[test]
    fn a_command_that_no_step_runs_is_found_with_its_line() {
        let text = "```sh\ncargo x scheck\ncargo x stages\ncargo x dance\n```\n```text\ncargo x sing\n```\nand `cargo x jump`\n";
        let expected = [
            (4, "cargo x dance".to_string()),
            (9, "cargo x jump".to_string()),
        ];
        assert_eq!(unknown("README.md", text), expected);
    }

    #[test]
    fn what_a_console_of_the_book_runs_is_run() {
        let text = "```sh\ncargo x inspect a.bin\ncargo x inspect b.bin\n```\nsee `cargo x inspect FILE`\n```console folded\n$ cargo x inspect a.bin\n```\n";
        let expected = [(3, "cargo x inspect b.bin".to_string())];
        assert_eq!(unknown("book/src/a.md", text), expected);
    }

    #[test]
    fn the_version_of_rust_is_read() {
        let text = "Rust\nOnly Rust is needed (`rustup`'s, 1.89 or later), and [Rust](x) 1.90 or later\ngit 2.0 or later\n[Rust](x) 1.90 or later\n";
        assert_eq!(versions(text), [(2, "1.89"), (4, "1.90")]);
    }

    #[test]
    fn a_day_stands_for_another_and_capitals_for_anything() {
        assert!(stands_for(
            "cargo x scheck --day N --task 4",
            "cargo x scheck --day 1 --task 1"
        ));
        assert!(stands_for(
            "cargo x borrow Type::function",
            "cargo x borrow Block::decode"
        ));
        assert!(!stands_for(
            "cargo x scheck --repeat 3",
            "cargo x scheck --repeat 20"
        ));
        assert!(!stands_for(
            "cargo x scheck --day x",
            "cargo x scheck --day 1"
        ));
        assert!(!stands_for("cargo x scheck", "cargo x scheck --day 1"));
    }
}
