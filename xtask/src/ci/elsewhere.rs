//! Commands that the README or the book shows and no step runs as they stand, each with what holds it instead.

use std::fs;
use std::path::Path;

use super::markdown::words;
use super::steps;
use crate::workspace::Workspace;

/// The command, and why it holds all the same.
pub const ELSEWHERE: &[(&str, &str)] = &[
    // Of this repository, or of cargo itself.
    ("cargo x ci", "this is the run itself"),
    (
        "cargo x ci --list",
        "xtask/tests/program lists the steps with their commands",
    ),
    ("cd mini-lsm", "the folder that the clone makes"),
    ("rustc --version", "it comes with Rust"),
    (
        "cargo fetch",
        "cargo's own; the step `grade` begins with it, and goes on without a network",
    ),
    ("cargo fetch --manifest-path book/Cargo.toml", "cargo's own"),
    (
        "cargo fmt --package mini-lsm-starter",
        "cargo's own; with --check it is a step",
    ),
    (
        "cargo doc --no-deps --package mini-lsm --open",
        "it opens a browser; the step `doc` makes the same pages",
    ),
    // For learners.
    ("cargo x hint", "xtask/tests/program runs it"),
    ("cargo x hint --all", "xtask/tests/program runs it"),
    ("cargo x scheck --repeat 20", REPEAT),
    ("cargo x scheck --day 3 --repeat 20", REPEAT),
    (
        "cargo x watch",
        "it runs until it is stopped; xtask/watch tests it",
    ),
    (
        "cargo x diff --day 1",
        "with --yes it is in the step `fresh`",
    ),
    ("cargo x catch-up --day 2", DESK),
    ("cargo x reset --day 2", DESK),
    ("cargo x borrow Block::decode", DESK),
    ("cargo x repay", DESK),
    ("cargo x repay Block::decode", DESK),
    ("cargo x update", DESK),
    (
        r#"gdb -p "$(pgrep -n day3_engine)" -batch -ex "thread apply all bt""#,
        "a debugger, which the course does not bring",
    ),
    (
        r#"lldb -p "$(pgrep -n day3_engine)" --batch -o "thread backtrace all""#,
        "a debugger, which the course does not bring",
    ),
    (
        "cargo x scheck --tests-of-tests",
        "with a day it is in the step `bugs`",
    ),
    (
        "cargo run --release --bin mini-lsm-cli -- --small",
        "a console of the day's page runs it without --release",
    ),
    // For instructors.
    (
        "cargo x grade mini-lsm",
        "all days are the step `days`; with one day it is in the step `grade`",
    ),
    (
        "cargo x grade class --csv marks.csv --json report.json",
        "one submission with both is in the step `grade`; xtask/grade/tests has many",
    ),
    (
        "cargo x grade .",
        "xtask/grade/tests/submissions/fairness.rs runs it",
    ),
    // For maintainers.
    (
        "cargo x book words book.pot",
        "book/builder/words.rs has its test",
    ),
    (
        "cargo x starter",
        "with --check it is a step, and xtask/staging tests the writing",
    ),
    ("cargo x stages --day 1", "without a day it is a step"),
    ("cargo x bugs --day 3", BUGS),
    ("cargo x bugs --all", BUGS),
    ("cargo x bugs --all --record", BUGS),
    ("cargo install cargo-mutants --locked", "cargo's own"),
    ("cargo x mutants --day 3", MUTANTS),
    ("cargo x mutants --day 3 --list", MUTANTS),
    ("cargo x mutants --day 3 --survivors", MUTANTS),
    (
        "cargo x torture crashes --hours 8",
        "without a limit of its own each trial is in the step `torture`",
    ),
    (
        "cargo x torture kills --rounds 1000",
        "without a limit of its own each trial is in the step `torture`",
    ),
    (
        "RUSTFLAGS=-Zsanitizer=thread cargo +nightly run -Zbuild-std --target x86_64-unknown-linux-gnu --profile torture \
         --package mini-lsm-torture -- threads --rounds 200",
        "it needs a nightly compiler and its sources; without them the trial is in the step `torture`",
    ),
    ("cargo x bench", BENCH),
    (
        "cargo x bench --n 10M --rounds 1 --workloads fillrandom,readrandom-cached,readmissing",
        BENCH,
    ),
    (
        "cargo x book serve",
        "it runs until it is stopped; book/builder tests the server",
    ),
    (
        "cargo x book shots FOLDER day1",
        "it makes pictures for people; book/builder tests what it shares with `check`",
    ),
];

const DESK: &str = "it changes the learner's files; xtask/desk/tests runs it in a small course";
const REPEAT: &str = "xtask/tests/grading repeats races; the days' own take minutes";
const BUGS: &str = "bugs whose files have changed, and a tenth of the others, are a step";
const MUTANTS: &str = "it takes an hour; the maintainers' page says what came of it";
const BENCH: &str = "with --quick, and LevelDB alone beside the engine, it is a step";

/// Where the flags of a verb are declared; those of the others are in `xtask/src`.
const DECLARED: &[(&[&str], &str)] = &[
    (
        &["catch-up", "reset", "borrow", "repay", "update", "diff"],
        "xtask/desk/src",
    ),
    (&["starter", "stages"], "xtask/staging/src"),
    (&["grade", "gradescope-zip"], "xtask/grade/src"),
    (&["bugs", "mutants"], "xtask/bugs/src"),
    (&["torture"], "mini-lsm/torture/src"),
    (&["bench"], "mini-lsm/bench/src"),
    (&["book"], "book/builder"),
];

/// What is not so any more: a command that no page shows, a flag that its verb does not have, a file or step that is not there.
pub fn problems(workspace: &Workspace, is_shown: impl Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    let steps: Vec<&str> = steps::all(workspace).iter().map(|step| step.name).collect();
    for (command, reason) in ELSEWHERE {
        if !is_shown(command) {
            problems.push(format!("no page shows `{command}` any more"));
        }
        for flag in missing_flags(workspace.root(), command) {
            problems.push(format!("`{command}`: nothing declares {flag}"));
        }
        for name in missing(workspace.root(), &steps, reason) {
            problems.push(format!("`{command}`: there is no {name}"));
        }
    }
    let place = |problem| format!("xtask/src/ci/elsewhere.rs: {problem}");
    problems.into_iter().map(place).collect()
}

/// Paths and steps that a reason names.
fn missing(root: &Path, steps: &[&str], reason: &str) -> Vec<String> {
    let words = reason.split([' ', ';', ',']);
    let paths = words.filter(|word| word.contains('/') && !root.join(word).exists());
    let named = reason.split("the step `").skip(1);
    let named = named.filter_map(|rest| rest.split('`').next());
    let unknown = named.filter(|name| !steps.contains(name));
    paths.chain(unknown).map(str::to_string).collect()
}

/// Flags of a verb of ours that do not stand in its source, neither as they are typed nor as a name.
fn missing_flags(root: &Path, command: &str) -> Vec<String> {
    let Some(command) = command.strip_prefix("cargo x ") else {
        return Vec::new();
    };
    let words = words(command);
    let verb = words.first().map_or("", String::as_str);
    let declared = DECLARED.iter().find(|(verbs, _)| verbs.contains(&verb));
    let mut source = String::new();
    gather(
        &root.join(declared.map_or("xtask/src", |(_, at)| at)),
        &mut source,
    );
    let flags = words.iter().filter_map(|word| word.strip_prefix("--"));
    let flags = flags.map(|flag| flag.split('=').next().unwrap_or(flag));
    let is_missing = |flag: &&str| {
        let name = format!(" {}:", flag.replace('-', "_"));
        let quoted = [format!("\"--{flag}\""), format!("\"{flag}\"")];
        !source.contains(&name) && !quoted.iter().any(|quoted| source.contains(quoted))
    };
    flags
        .filter(is_missing)
        .map(|flag| format!("--{flag}"))
        .collect()
}

fn gather(folder: &Path, source: &mut String) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // This folder names flags, and declares none.
        if path.is_dir() && !path.ends_with("xtask/src/ci") {
            gather(&path, source);
        } else if path.extension().is_some_and(|end| end == "rs") {
            source.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reason_names_is_there() {
        let workspace = Workspace::find().expect("the tests run in the workspace");
        let reason = "xtask/nowhere/tests; the step `fresh`, and the step `stale` in xtask/src";
        let found = missing(workspace.root(), &["fresh"], reason);
        assert_eq!(found, ["xtask/nowhere/tests", "stale"]);
    }

    #[test]
    fn a_flag_that_a_verb_does_not_have_is_found() {
        let workspace = Workspace::find().expect("the tests run in the workspace");
        let flags = |command| missing_flags(workspace.root(), command);
        assert_eq!(flags("cargo x grade class --csv a --jsonn b"), ["--jsonn"]);
        assert_eq!(flags("cargo x torture kills --rounds 9"), [""; 0]);
        assert_eq!(flags("cargo x hint --al"), ["--al"]);
        assert_eq!(flags("cargo fetch --nothing"), [""; 0]);
    }
}
