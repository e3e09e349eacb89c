//! The steps of `cargo x ci`, in their order: what is quick and breaks often comes first.

use std::fs;

use anyhow::{Result, bail};

use super::{claims, offline, readme, session};
use crate::scheck::report::Grade;
use crate::scheck::seen::Seen;
use crate::scheck::{Ask, Subject, board, grade, show};
use crate::screen::Screen;
use crate::workspace::Workspace;

pub struct Step {
    pub name: &'static str,
    pub what: &'static str,
    pub acts: Vec<Act>,
}

/// One command, run by cargo or in this process.
pub enum Act {
    Cargo {
        args: Vec<String>,
        env: Vec<(&'static str, &'static str)>,
    },
    Own {
        shown: String,
        run: fn(&Workspace) -> Result<bool>,
    },
}

impl Act {
    /// The command as a person would type it.
    pub fn shown(&self) -> String {
        match self {
            Act::Own { shown, .. } => shown.clone(),
            Act::Cargo { args, env } => {
                let env: String = env
                    .iter()
                    .map(|(name, value)| format!("{name}='{value}' "))
                    .collect();
                format!("{env}cargo {}", args.join(" "))
            }
        }
    }
}

pub fn all(workspace: &Workspace) -> Vec<Step> {
    let step = |name, what, acts| Step { name, what, acts };
    vec![
        step("fmt", "formatting", vec![cargo("fmt --all --check")]),
        step(
            "clippy",
            "lints",
            vec![
                cargo("clippy --workspace --all-targets -- -D warnings"),
                cargo(
                    "clippy --package mini-lsm-torture --features schedules --test schedules -- -D warnings",
                ),
            ],
        ),
        step(
            "fuzz",
            "the targets for libFuzzer fit the engine",
            fuzz_targets(),
        ),
        step("doc", "documentation", vec![doc()]),
        step(
            "claims",
            "every test has a claim, hints and a task",
            vec![own("cargo x ci --only claims", claims::check)],
        ),
        step(
            "tools",
            "tests of cargo x",
            vec![cargo(
                "test --package xtask --package staging --package desk --package watch --package bugs --package mini-lsm-torture",
            )],
        ),
        step(
            "engine",
            "tests of the engine beside the days",
            engine(workspace),
        ),
        step(
            "days",
            "the days on the reference",
            vec![own("cargo x scheck --solution", |workspace| {
                show(&Subject::reference(workspace), &Ask::default())
            })],
        ),
        step(
            "grade",
            "submissions, honest, broken and hostile, get what they have earned",
            vec![
                cargo("test --package grade"),
                // Without a network: what was fetched once must do.
                own("cargo x grade mini-lsm --day 1", offline::grade),
            ],
        ),
        step(
            "starter",
            "the starter is what the reference gives",
            vec![cargo("run --quiet --package staging -- starter --check")],
        ),
        step(
            "torture",
            "crashes, kills, faults, bad bytes, models, threads",
            vec![cargo(
                "run --quiet --profile torture --package mini-lsm-torture --",
            )],
        ),
        step(
            "schedules",
            "orders of threads, one after the other",
            vec![cargo(
                "test --package mini-lsm-torture --features schedules --test schedules",
            )],
        ),
        step("fresh", "a fresh clone is told where to begin", fresh()),
        step(
            "stages",
            "every stage passes its days and fails the next",
            vec![cargo("run --quiet --package staging -- stages")],
        ),
        step(
            "bugs",
            "planted mistakes are caught by the tests of their day",
            vec![cargo("run --quiet --package bugs --")],
        ),
        step(
            "readme",
            "every command of the README is run by a step",
            vec![own("cargo x ci --only readme", readme::check)],
        ),
        step(
            "session",
            "the README's sessions with the command-line tool",
            vec![own("cargo x ci --only session", session::check)],
        ),
        step("bench", "the benchmark runs", bench()),
        step("book", "the book and its builder", book()),
    ]
}

fn cargo(line: &str) -> Act {
    Act::Cargo {
        args: line.split_whitespace().map(str::to_string).collect(),
        env: Vec::new(),
    }
}

fn own(shown: &str, run: fn(&Workspace) -> Result<bool>) -> Act {
    Act::Own {
        shown: shown.to_string(),
        run,
    }
}

fn doc() -> Act {
    with_env(
        cargo("doc --workspace --no-deps"),
        ("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn with_env(act: Act, variable: (&'static str, &'static str)) -> Act {
    match act {
        Act::Cargo { args, mut env } => {
            env.push(variable);
            Act::Cargo { args, env }
        }
        own => own,
    }
}

/// The smoke run of the same targets, without libFuzzer, is a trial of `cargo x torture`.
fn fuzz_targets() -> Vec<Act> {
    const AT: &str = "--manifest-path mini-lsm/fuzz/Cargo.toml";
    vec![
        cargo(&format!("fmt {AT} --check")),
        // Nothing is linked: no C++ compiler is asked to build libFuzzer.
        with_env(
            cargo(&format!("clippy {AT} -- -D warnings")),
            ("CUSTOM_LIBFUZZER_PATH", "none/libfuzzer.a"),
        ),
    ]
}

/// Unit and doc tests, and the integration tests that belong to no day.
fn engine(workspace: &Workspace) -> Vec<Act> {
    let mut line = "test --package mini-lsm --lib --bins".to_string();
    for name in other_tests(workspace) {
        line += &format!(" --test {name}");
    }
    vec![cargo(&line), cargo("test --package mini-lsm --doc")]
}

fn other_tests(workspace: &Workspace) -> Vec<String> {
    let entries = fs::read_dir(workspace.reference().join("tests"));
    let names = entries.into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let name = name.strip_suffix(".rs")?;
        (!name.starts_with("day")).then(|| name.to_string())
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// What a learner sees first. These exit with 1, as they should.
fn fresh() -> Vec<Act> {
    vec![
        own("cargo x scheck", |workspace| {
            is_fresh(workspace, None, None)
        }),
        own("cargo x scheck --day 1", |workspace| {
            is_fresh(workspace, Some(1), None)
        }),
        own("cargo x scheck --day 1 --task 1", |workspace| {
            is_fresh(workspace, Some(1), Some(1))
        }),
        cargo("x status"),
        // Only read: what changes files is tried in small courses by its own tests.
        cargo("x diff --day 1 --yes"),
    ]
}

fn is_fresh(workspace: &Workspace, day: Option<u32>, task: Option<u32>) -> Result<bool> {
    let ask = Ask {
        day,
        task,
        ..Ask::default()
    };
    match grade(&Subject::starter(workspace), &ask, &Screen::PLAIN)? {
        Grade::Report(report) if report.is_fresh() => Ok(true),
        other => {
            let board = board::render(&other, &Seen::default(), &Screen::PLAIN);
            bail!(
                "this should say that nothing is broken and that day 1, task 1 is where to begin:\n{board}"
            )
        }
    }
}

/// That everything runs, and no figure. Of the peers only LevelDB is there, where the machine has it:
/// to build the others, and wait for their turns, takes longer than the rest of this run may.
fn bench() -> Vec<Act> {
    vec![
        cargo("fmt --manifest-path mini-lsm/bench/Cargo.toml --check"),
        // Compiled quickly rather than well: nobody reads these times.
        with_env(
            cargo("x bench --quick --engines leveldb"),
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        ),
    ]
}

fn book() -> Vec<Act> {
    const AT: &str = "--manifest-path book/Cargo.toml";
    vec![
        cargo(&format!("fmt {AT} --check")),
        cargo(&format!("clippy {AT} --all-targets -- -D warnings")),
        cargo(&format!("test --quiet {AT}")),
        own("cargo x book", |workspace| {
            workspace.book(&["build".into()])
        }),
        own("cargo x book check", |workspace| {
            workspace.book(&["check".into()])
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_step_does_something() {
        let workspace = Workspace::find().expect("the tests run in the workspace");
        let steps = all(&workspace);
        let mut names: Vec<&str> = steps.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), steps.len());
        assert!(steps.iter().all(|step| !step.acts.is_empty()));
    }

    #[test]
    fn commands_are_shown_as_they_are_typed() {
        assert_eq!(
            doc().shown(),
            "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps"
        );
        assert_eq!(
            cargo("fmt --all --check").shown(),
            "cargo fmt --all --check"
        );
    }
}
