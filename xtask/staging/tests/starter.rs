//! Writing the learners' crate, and checking it.

mod support;

use std::process::Command;

use staging::starter;
use support::course::Course;

#[test]
fn the_starter_is_stage_0_under_its_own_name() {
    let course = Course::new();
    course.write("mini-lsm/tests/crash.rs", "no day test");
    course.write("mini-lsm/benches/b.rs", "no part of the course");
    assert_eq!(
        starter::write(course.root(), &course.target(), false).unwrap(),
        8
    );
    assert!(
        course
            .read("mini-lsm-starter/src/stack.rs")
            .contains("unimplemented!(\"day 1, task 2: Stack::pop\")")
    );
    assert!(
        course
            .read("mini-lsm-starter/src/stack.rs")
            .contains("day 2, task 1: Stack::shift")
    );
    assert!(
        !course
            .read("mini-lsm-starter/src/stack.rs")
            .contains("fn count")
    );
    assert!(
        course
            .read("mini-lsm-starter/tests/day1_stack.rs")
            .contains("use mini_lsm_starter::stack::Stack;")
    );
    assert_eq!(
        course.read("mini-lsm-starter/tests/common/mod.rs"),
        course.read("mini-lsm/tests/common/mod.rs")
    );
    assert!(
        course
            .read("mini-lsm-starter/Cargo.toml")
            .contains("name = \"mini-lsm-starter\"")
    );
    assert!(
        !course
            .root()
            .join("mini-lsm-starter/tests/crash.rs")
            .exists()
    );
    assert!(!course.root().join("mini-lsm-starter/benches").exists());
    starter::check(course.root()).unwrap();
    assert_eq!(
        starter::write(course.root(), &course.target(), false).unwrap(),
        0
    );
}

#[test]
fn the_check_names_the_first_difference_and_what_mends_it() {
    let course = Course::new();
    let said = || starter::check(course.root()).unwrap_err().to_string();
    assert!(
        said().starts_with("mini-lsm-starter/Cargo.toml: ") && said().contains("cargo x starter"),
        "{}",
        said()
    );
    starter::write(course.root(), &course.target(), false).unwrap();
    course.change(
        "mini-lsm-starter/src/stack.rs",
        "/// What a queue",
        "/// What the queue",
    );
    let line = 1 + course
        .read("mini-lsm-starter/src/stack.rs")
        .lines()
        .position(|line| line.contains("the queue"))
        .unwrap();
    assert!(
        said().starts_with(&format!("mini-lsm-starter/src/stack.rs:{line}: ")),
        "{}",
        said()
    );
    starter::write(course.root(), &course.target(), true).unwrap();
    course.write("mini-lsm-starter/src/mine.rs", "");
    assert!(
        said().starts_with("mini-lsm-starter/src/mine.rs: "),
        "{}",
        said()
    );
}

#[test]
fn files_that_are_no_longer_generated_go_and_others_stay() {
    let course = Course::new();
    starter::write(course.root(), &course.target(), false).unwrap();
    course.write("mini-lsm-starter/src/old.rs", "");
    course.write("mini-lsm-starter/tests/old/x.rs", "");
    course.write("mini-lsm-starter/notes.md", "mine");
    starter::write(course.root(), &course.target(), true).unwrap();
    assert!(!course.root().join("mini-lsm-starter/src/old.rs").exists());
    assert!(!course.root().join("mini-lsm-starter/tests/old").exists());
    assert_eq!(course.read("mini-lsm-starter/notes.md"), "mine");
}

#[test]
fn work_that_git_does_not_have_is_not_overwritten_unasked() {
    let course = Course::new();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let ran = Command::new("git")
            .args(identity)
            .args(args)
            .current_dir(course.root())
            .output();
        ran.is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q"]) {
        return; // Without git nobody can tell what would be lost.
    }
    let write = |force| starter::write(course.root(), &course.target(), force);
    write(false).unwrap();
    assert!(git(&["add", "."]) && git(&["commit", "-q", "-m", "all"]));

    // What the generator itself wrote last may be written again, committed or not.
    course.change("mini-lsm/src/queue.rs", "A queue", "The queue");
    assert_eq!(write(false).unwrap(), 2);
    course.change("mini-lsm/src/queue.rs", "The queue", "Some queue");
    assert_eq!(write(false).unwrap(), 2);

    course.change("mini-lsm-starter/src/queue.rs", "unimplemented!", "todo!");
    let refused = write(false).unwrap_err().to_string();
    assert!(
        refused.contains("mini-lsm-starter/src/queue.rs") && refused.contains("--force"),
        "{refused}"
    );
    assert!(
        course
            .read("mini-lsm-starter/src/queue.rs")
            .contains("todo!")
    );
    assert_eq!(write(true).unwrap(), 1);
    assert!(
        !course
            .read("mini-lsm-starter/src/queue.rs")
            .contains("todo!")
    );
}
