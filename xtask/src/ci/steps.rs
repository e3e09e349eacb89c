//! The steps of `cargo x ci`, in their order: what is quick and breaks often comes first.

use std::fs;

use anyhow::Result;

use super::{claims, fresh, offline, readme, session};
use crate::scheck::{Ask, Subject, show};
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
                cargo("x grade --help"),
                own("cargo x gradescope-zip --out autograder.zip", offline::zip),
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
            vec![
                cargo("run --quiet --profile torture --package mini-lsm-torture --"),
                cargo("run --quiet --profile torture --package mini-lsm-torture -- --list"),
            ],
        ),
        step(
            "schedules",
            "orders of threads, one after the other",
            vec![cargo(
                "test --package mini-lsm-torture --features schedules --test schedules",
            )],
        ),
        step(
            "fresh",
            "a fresh clone is told where to begin",
            fresh::acts(),
        ),
        step(
            "stages",
            "every stage passes its days and fails the next",
            vec![cargo("run --quiet --package staging -- stages")],
        ),
        step(
            "bugs",
            "planted mistakes are caught by the tests of their day",
            vec![
                cargo("run --quiet --package bugs --"),
                cargo("run --quiet --package bugs -- --list"),
                own(
                    "cargo x scheck --tests-of-tests --day 3",
                    fresh::tests_of_tests,
                ),
            ],
        ),
        step(
            "readme",
            "every command of the README and the book is run, or held by a test",
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

pub fn cargo(line: &str) -> Act {
    Act::Cargo {
        args: line.split_whitespace().map(str::to_string).collect(),
        env: Vec::new(),
    }
}

pub fn own(shown: &str, run: fn(&Workspace) -> Result<bool>) -> Act {
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

/// That everything runs, and no figure. Of the peers only LevelDB is there, where the machine has it:
/// to build the others, and wait for their turns, takes longer than the rest of this run may.
fn bench() -> Vec<Act> {
    // Compiled quickly rather than well: nobody reads these times.
    let quickly = |line| with_env(cargo(line), ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"));
    vec![
        cargo("fmt --manifest-path mini-lsm/bench/Cargo.toml --check"),
        quickly("x bench --quick --engines leveldb"),
        quickly("x bench --help"),
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
        own("cargo x book links", |workspace| {
            workspace.book(&["links".into()])
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
