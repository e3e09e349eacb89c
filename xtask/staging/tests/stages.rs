//! The proof of the stages, over a small course: it holds where all is right, and tells what is not.

mod support;

use std::time::Duration;

use staging::stages::{Settings, prove};
use staging::starter;
use support::course::Course;

/// Whether the day is proven, and what was said.
fn proof(course: &Course, day: u32) -> (bool, String) {
    let settings = Settings {
        root: course.root().to_path_buf(),
        target: course.target(),
        day: Some(day),
        limit: Duration::from_secs(5),
    };
    let mut out = Vec::new();
    let holds = prove(&settings, &mut out).unwrap();
    (holds, String::from_utf8(out).unwrap())
}

fn course() -> Course {
    let course = Course::new();
    starter::write(course.root(), &course.target(), false).unwrap();
    course
}

#[track_caller]
fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
}

/// The columns of the matrix line of a stage.
#[track_caller]
fn line<'a>(said: &'a str, stage: &str) -> Vec<&'a str> {
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix(stage))
        .unwrap_or_else(|| panic!("no {stage} in:\n{said}"));
    line.split_whitespace().collect()
}

#[test]
fn a_right_course_is_proven() {
    let course = course();
    let (holds, said) = proof(&course, 1);
    assert!(holds, "{said}");
    assert_eq!(
        line(&said, "stage 0 "),
        ["yes", "yes", "fails", "-", "-", "-", "-", "-", "-"]
    );
    assert_eq!(
        line(&said, "stage 1 "),
        ["yes", "yes", "2/2", "-", "-", "-", "-", "-", "-"]
    );
    assert_eq!(line(&said, "day 1 task 1 "), ["yes", "yes", "1/1", "fails"]);
    assert_eq!(said.lines().last(), Some("12 passed, 0 failed"));
    let (holds, said) = proof(&course, 2);
    assert!(holds, "{said}");
    assert_eq!(line(&said, "stage 2 ")[..4], ["yes", "yes", "2/2", "1/1"]);
}

#[test]
fn wrong_tests_are_told() {
    let course = course();
    let more = "
    #[test]
    fn cannot_fail() {}

    #[test]
    fn does_not_hold() {
        assert!(mini_lsm::stack::Stack::default().len() == 7, \"seven, please\");
    }

    #[test]
    fn hangs() {
        mini_lsm::stack::Stack::default().len();
        std::thread::sleep(std::time::Duration::from_secs(600));
    }

    #[test]
    fn leaves_early() {
        mini_lsm::stack::Stack::default().len();
        std::process::exit(0);
    }
}
";
    course.change(
        "mini-lsm/tests/day1_stack.rs",
        "assert_eq!(stack.pop(), Some(2));\n    }\n}\n",
        &format!(
            "assert_eq!(stack.pop(), Some(2));\n    }}\n{more}\n#[test]\nfn homeless() {{}}\n"
        ),
    );
    let (holds, said) = proof(&course, 1);
    assert!(!holds);
    assert_says(
        &said,
        &[
            "the committed starter is stage 0: mini-lsm-starter/tests/day1_stack.rs:",
            "stage 0: day 1 · task_2::cannot_fail must fail and passes",
            "day 1 task 1: day 1 · task_2::cannot_fail must fail and passes",
            "stage 1: day 1 · task_2::does_not_hold must pass and fails: seven, please",
            "stage 1: day 1 · task_2::hangs must pass and takes longer than 5 s",
            "stage 1: day 1 · task_2::leaves_early must pass and fails: it ended with",
            "stage 1: test homeless belongs to no task",
            "day 1 task 1: day 1 · task_2::hangs hangs for 5 s before it fails as it must",
        ],
    );
    assert_eq!(line(&said, "stage 0 ")[..4], ["yes", "yes", "1/6", "!"]);
    assert!(
        !said.contains("stage 1: day 1 · task_1::push_adds_one"),
        "{said}"
    );
}

#[test]
fn stages_that_do_not_compile_or_are_not_formatted_are_told() {
    let course = course();
    // A body of day 1 that needs a helper of day 2, a task that nothing tests, and a given file with a warning, badly formatted.
    course.change(
        "mini-lsm/src/stack.rs",
        "self.items.pop()",
        "take_first(&mut self.items)",
    );
    course.change(
        "mini-lsm/src/stack.rs",
        "    fn count",
        "    // day 1 task 3\n    pub fn untested(&self) {}\n\n    fn count",
    );
    course.change("mini-lsm/src/lib.rs", "pub mod queue;", "use std::fmt as _;\npub  mod queue;\n#[deprecated] pub fn old() {}\npub fn new() { old() }");
    let (holds, said) = proof(&course, 1);
    assert!(!holds);
    assert_says(
        &said,
        &[
            "every task has tests: day 1 task 3 is named in mini-lsm/src",
            "stage 0: src/lib.rs is not formatted",
            "warning: use of deprecated function",
            "stage 1: no test of day 1 can be run",
            "cannot find function `take_first`",
        ],
    );
    assert_eq!(line(&said, "stage 0 ")[..3], ["no", "!", "no"]);
    assert!(said.lines().last().unwrap().ends_with(" failed"), "{said}");
}
