//! What is read from the command line, and what is said of a mistake in it.

use super::*;

fn parsed(line: &str) -> Result<Command, String> {
    parse(line.split_whitespace().map(OsString::from)).map_err(|mistake| mistake.to_string())
}

#[test]
fn commands_and_flags_are_read() {
    assert_eq!(parsed(""), Ok(Command::Help));
    let ask = Scheck {
        solution: true,
        ask: Ask {
            day: Some(3),
            task: Some(2),
            ..Ask::default()
        },
        ..Scheck::default()
    };
    assert_eq!(
        parsed("scheck --solution --day 3 --task=2"),
        Ok(Command::Scheck(ask))
    );
    let ask = Inspect {
        file: "a/000007.sst".into(),
        all: true,
    };
    assert_eq!(
        parsed("inspect a/000007.sst --all"),
        Ok(Command::Inspect(ask))
    );
    let args = ["reset", "--day", "2"].map(OsString::from).to_vec();
    assert_eq!(parsed("reset --day 2"), Ok(Command::Desk(args)));
    assert_eq!(
        parsed("status --all"),
        Ok(Command::Status(Status { all: true }))
    );
    let args = ["--yours", "--day=3"].map(OsString::from).to_vec();
    assert_eq!(
        parsed("scheck --tests-of-tests --day 3"),
        Ok(Command::Bugs(args))
    );
    let args = ["starter", "--check"].map(OsString::from).to_vec();
    assert_eq!(parsed("starter --check"), Ok(Command::Staging(args)));
}

#[test]
fn a_mistake_gets_one_line_and_the_nearest_word() {
    for (line, message) in [
        (
            "shceck",
            "no such command: `shceck`; did you mean `scheck`?",
        ),
        ("zzz", "no such command: `zzz`; `cargo x help` lists them"),
        (
            "scheck --dya 1",
            "no such flag of `cargo x scheck`: `--dya`; did you mean `--day`?",
        ),
        (
            "catchup",
            "no such command: `catchup`; did you mean `catch-up`?",
        ),
        ("scheck --day one", "--day needs a number, not `one`"),
        ("scheck --day", "--day needs a number, as in `--day 1`"),
        (
            "inspect --al x",
            "no such flag of `cargo x inspect`: `--al`; did you mean `--all`?",
        ),
        (
            "inspect a b",
            "inspect takes one file, as in `cargo x inspect DIR/000007.sst`",
        ),
        (
            "inspect",
            "inspect takes one file, as in `cargo x inspect DIR/000007.sst`",
        ),
        (
            "scheck --tests-of-tests --solution",
            "--tests-of-tests goes with --day N alone: it runs your own tests over the bugs of a day",
        ),
        (
            "scheck --task 1",
            "--task K goes with --day N: the tasks are numbered within their day",
        ),
        (
            "scheck --seed 1",
            "--seed S goes with --repeat R: it is the seed of the first of the R runs",
        ),
        (
            "scheck --repeat 1",
            "--repeat needs 2 or more, as in `--repeat 20`",
        ),
        (
            "scheck --watch --day 1",
            "--watch takes no flag but --plain: what was saved says which part is graded",
        ),
        (
            "hint --day 1",
            "hint takes a task of a day, as in `cargo x hint --day 1 --task 2`, or a test, or nothing",
        ),
        (
            "hint a --day 1 --task 2",
            "hint takes a test or a task, not both",
        ),
        (
            "hint a b",
            "no such argument of `cargo x hint`: `b`; `cargo x help` lists them",
        ),
    ] {
        assert_eq!(parsed(line), Err(message.to_string()), "{line}");
    }
}
