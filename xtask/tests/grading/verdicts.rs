//! Each way in which a test can end has its own verdict, and no test spoils another.

use crate::fixture::{Course, report, trial};
use xtask::scheck::Ask;
use xtask::scheck::report::{Grade, Verdict};

const LIB: &str = "\
pub fn one() -> u32 {
    1
}
";

const DAY_1: &str = r#"//! Day 1 · Endings: every one that there is.

mod task_1 {
    use std::thread;
    use std::time::Duration;

    /// One is one.
    #[test]
    fn passes() {
        assert_eq!(engine::one(), 1);
    }

    /// One is two.
    ///
    /// It has never been.
    #[test]
    fn fails() {
        assert_eq!(engine::one(), 2, "one() should be two");
    }

    #[test]
    fn hangs() {
        loop {
            thread::sleep(Duration::from_secs(1));
        }
    }

    #[test]
    fn aborts() {
        eprintln!("about to abort");
        std::process::abort();
    }

    #[test]
    fn leaves_with_zero() {
        std::process::exit(0);
    }

    #[test]
    fn leaves_with_101() {
        std::process::exit(101);
    }

    #[test]
    fn floods() {
        loop {
            println!("{}", "water ".repeat(1000));
        }
    }

    #[test]
    fn prints_much_and_passes() {
        println!("{}", "x".repeat(1 << 20));
    }

    #[test]
    fn prints_no_text_and_fails() {
        use std::io::Write;
        std::io::stderr().write_all(b"\xff\xfe\xfd\n").unwrap();
        panic!("after bytes that are no text");
    }

    #[cfg(any())]
    #[test]
    fn is_compiled_out() {}
}

mod task_2 {
    #[test]
    fn passes_too() {
        print!("without a newline ");
    }

    #[test]
    fn blames_a_thread() {
        let worker = std::thread::Builder::new().name("worker".into());
        let worker = worker.spawn(|| panic!("the cause")).unwrap();
        assert!(worker.join().is_ok(), "the effect");
    }
}
"#;

const DAY_2: &str = "\
//! Day 2 · Not yet
mod task_1 {
    #[test]
    fn uses_what_is_not_there() {
        engine::two();
        engine::three();
    }
}
";

const DAY_3: &str = "\
//! Day 3 · Later
mod task_1 {
    #[test]
    fn passes() {}
}
";

#[test]
fn every_ending_has_its_verdict() {
    let mut course = Course::new(LIB, &[("day1_endings.rs", DAY_1)]);
    course.subject.pristine = Some(course.subject.root.join("pristine"));
    let gone = "    #[test]\n    fn was_deleted() {}\n}\n\nmod task_2 {";
    let pristine = DAY_1.replacen("}\n\nmod task_2 {", gone, 1);
    course.write("pristine/tests/day1_endings.rs", &pristine);

    let report = report(course.grade(Ask::default()));
    let verdict = |name| &trial(&report, name).verdict;
    for name in ["passes", "prints_much_and_passes", "passes_too"] {
        assert_eq!(verdict(name), &Verdict::Passed, "{name}");
    }
    for name in ["fails", "prints_no_text_and_fails", "blames_a_thread"] {
        assert_eq!(verdict(name), &Verdict::Failed, "{name}");
    }
    assert_eq!(
        verdict("hangs"),
        &Verdict::TimedOut(course.subject.limits.time)
    );
    assert!(
        matches!(verdict("aborts"), Verdict::Crashed(_)),
        "{:?}",
        verdict("aborts")
    );
    assert_eq!(trial(&report, "aborts").last_words, ["about to abort"]);
    assert_eq!(verdict("leaves_with_zero"), &Verdict::LeftEarly(0));
    assert_eq!(verdict("leaves_with_101"), &Verdict::LeftEarly(101));
    assert_eq!(verdict("floods"), &Verdict::Flooded);
    assert_eq!(verdict("is_compiled_out"), &Verdict::Vanished);
    assert_eq!(verdict("was_deleted"), &Verdict::Vanished);

    let panic = trial(&report, "fails").main_panic().expect("it panicked");
    assert!(
        panic.message.contains("one() should be two"),
        "{}",
        panic.message
    );
    assert!(
        panic.place.starts_with("engine/tests/day1_endings.rs:18:"),
        "{}",
        panic.place
    );
    let panic = trial(&report, "prints_no_text_and_fails").main_panic();
    assert_eq!(
        panic.expect("it panicked").message,
        "after bytes that are no text"
    );
    let trial = trial(&report, "blames_a_thread");
    assert_eq!(trial.panics[0].message, "the cause");
    assert_eq!(
        trial.main_panic().expect("it panicked").message,
        "the effect"
    );
    assert!(!report.all_passed());
}

#[test]
fn a_day_that_does_not_compile_fails_alone() {
    let day_1 = DAY_3.replace("Day 3", "Day 1");
    let days = [
        ("day1_a.rs", day_1.as_str()),
        ("day2_b.rs", DAY_2),
        ("day3_c.rs", DAY_3),
    ];
    let mut course = Course::new(LIB, &days);
    course.subject.day_by_day = false;
    let text = course.board(Ask::default());
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("  day "))
        .collect();
    assert_eq!(
        rows,
        [
            "  day 1  Later    ████████████    1/1  full              task 1 1/1",
            "  day 2  Not yet  ░░░░░░░░░░░░    0/1  does not compile",
            "  day 3  Later    ████████████    1/1  full              task 1 1/1",
        ]
    );
    assert!(
        text.contains("Day 2: engine/tests/day2_b.rs does not compile against engine."),
        "{text}"
    );
    assert!(text.contains("cannot find function `two`"), "{text}");
    assert!(!text.contains("cannot find function `three`"), "{text}");
    let rest = "This is the first of 2 errors at engine/tests/day2_b.rs:5:17; 1 more was left out.";
    assert!(text.contains(rest), "{text}");
    assert!(text.contains("again   cargo x scheck --day 2"), "{text}");
    assert!(
        text.ends_with("exit code 1: 1 of 3 tests asked for does not pass yet.\n"),
        "{text}"
    );
}

#[test]
fn of_the_crates_own_errors_the_first_is_shown_and_the_rest_counted() {
    let lib = "pub fn one() -> u32 {\n    \"no\"\n}\n\npub fn two() -> u32 {\n    \"no\"\n}\n\npub fn three() -> Gone {}\n";
    let course = Course::new(lib, &[("day1_a.rs", DAY_3)]);
    let grade = course.grade(Ask::default());
    let Grade::Broken(broken) = &grade else {
        panic!("a crate that does not compile cannot be graded: {grade:?}");
    };
    assert!(broken.error.count >= 1);
    let text = course.board(Ask {
        day: Some(1),
        ..Ask::default()
    });
    assert!(
        text.starts_with("engine does not compile, so no test could run.\n\nerror"),
        "{text}"
    );
    assert!(text.contains("engine/src/lib.rs:"), "{text}");
    assert!(text.contains("cargo x scheck --day 1\n"), "{text}");
    assert_eq!(text.matches("error[").count(), 1, "{text}");

    course.write("engine/src/lib.rs", &lib.replace("-> Gone", ""));
    let text = course.board(Ask::default());
    assert!(
        text.contains("This is the first of 2 errors at engine/src/lib.rs:2:5; 1 more"),
        "{text}"
    );
}

const WAITS: &str = r#"//! Day 1 · Waiting.
mod task_1 {
    #[test]
    fn flush_returns() {
        panic!("flush() hangs");
    }
}
"#;

#[test]
fn whoever_waits_in_vain_is_told_where_to_read_of_locks() {
    let course = Course::new(LIB, &[("day1_waiting.rs", WAITS)]);
    course.write("book/src/day1-waiting.md", "# Waiting\n");
    let board = course.board(Ask::default());
    assert!(
        board.contains("book/src/debugging.md, \"When nothing happens\""),
        "{board}"
    );
}
