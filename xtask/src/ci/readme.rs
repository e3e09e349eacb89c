//! Every command that the README tells a reader to type is one that a step of ours runs, so none can go stale unseen.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use super::markdown::{commands, fences};
use super::{session, steps};
use crate::workspace::Workspace;

/// Commands that no step can run, and why they hold all the same.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cargo x ci", "this is the run itself"),
    (".ci/run", "it starts this run"),
    ("cd mini-lsm", "the folder that the clone makes"),
    ("cargo x help", "xtask/tests/program runs it"),
    ("cargo x hint", "xtask/tests/program runs it"),
    (
        "cargo x scheck --repeat 20",
        "xtask/tests/grading repeats races; the days' own take minutes",
    ),
    (
        "cargo x watch",
        "it runs until it is stopped; xtask/watch tests it",
    ),
    (
        "cargo x starter",
        "with --check it is a step, and xtask/staging tests the writing",
    ),
    ("cargo x catch-up --day 2", DESK),
    ("cargo x reset --day 2", DESK),
    ("cargo x borrow Block::decode", DESK),
    ("cargo x repay", DESK),
    ("cargo x update", DESK),
    (
        "cargo x bugs --day 3",
        "bugs whose files have changed, and a tenth of the others, are a step",
    ),
    (
        "cargo x mutants --day 3",
        "it takes an hour; the maintainers' page says what came of it",
    ),
    (
        "cargo x bench",
        "with --quick, and LevelDB alone beside the engine, it is a step",
    ),
    (
        "cargo x book serve",
        "it runs until it is stopped; book/builder tests the server",
    ),
];

const DESK: &str = "it changes the learner's files; xtask/desk/tests runs it in a small course";

/// Prints the commands that nobody runs. True if there are none.
pub fn check(workspace: &Workspace) -> Result<bool> {
    let text = read(workspace)?;
    let known = known(workspace);
    let unknown = unknown_commands(&text, &known);
    for (line, command) in &unknown {
        println!(
            "README.md:{line}: no step runs `{command}`; add it to one in xtask/src/ci/steps.rs"
        );
    }
    Ok(unknown.is_empty())
}

pub fn read(workspace: &Workspace) -> Result<String> {
    let path = workspace.root().join("README.md");
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn known(workspace: &Workspace) -> BTreeSet<String> {
    let steps = steps::all(workspace);
    let acts = steps.iter().flat_map(|step| &step.acts);
    let run = acts.map(|act| as_typed(&act.shown()));
    let elsewhere = ELSEWHERE.iter().map(|(command, _)| command.to_string());
    run.chain(elsewhere).collect()
}

/// `cargo x stages` is what starts `cargo run --quiet --package staging -- stages`.
fn as_typed(command: &str) -> String {
    const STAGING: &str = "cargo run --quiet --package staging -- ";
    const TORTURE: &str = "cargo run --quiet --profile torture --package mini-lsm-torture --";
    if let Some(verb) = command.strip_prefix(STAGING) {
        return format!("cargo x {verb}");
    }
    match command.strip_prefix(TORTURE) {
        Some(args) => format!("cargo x torture{args}"),
        None => command.to_string(),
    }
}

fn unknown_commands(text: &str, known: &BTreeSet<String>) -> Vec<(usize, String)> {
    fences(text)
        .iter()
        .filter(|fence| fence.language == "sh")
        .flat_map(commands)
        .filter(|(_, command)| !known.contains(command))
        .filter(|(_, command)| !session::runs(command) && !command.starts_with("git clone "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_no_step_runs_is_found_with_its_line() {
        let workspace = Workspace::find().expect("the tests run in the workspace");
        let text = "```sh\ncargo x scheck\ncargo x stages\ncargo x dance\n```\n```text\ncargo x sing\n```\n";
        let unknown = unknown_commands(text, &known(&workspace));
        assert_eq!(unknown, [(4, "cargo x dance".to_string())]);
    }
}
