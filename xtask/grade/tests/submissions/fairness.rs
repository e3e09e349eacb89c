//! Honest submissions, finished or not: each gets what it has earned, and the same again.

use std::fs;
use std::path::Path;

use grade::report::{Report, table};

use crate::support;

/// The days of which all tests pass.
fn full(graded: &grade::report::Graded) -> Vec<u32> {
    let full = graded.days.iter().filter(|day| day.passed == day.total);
    full.map(|day| day.day).collect()
}

/// The instructors' guide in the book shows what is on the screen after such a class, but for words of the compiler's.
/// With `SAMPLES=write` it is written anew.
fn assert_sample(report: &Report) {
    let mut class = report.clone();
    class
        .submissions
        .retain(|graded| graded.replaced.is_empty());
    class.isolation.clear();
    let expected = format!("```text\n{}\n```\n", table::text(&class, false).trim_end());
    let path = support::root().join("book/src/samples/class.txt");
    if std::env::var_os("SAMPLES").is_some_and(|word| word == "write") {
        fs::write(&path, &expected).expect("the sample can be written");
    }
    let shown = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        without_places(&shown),
        without_places(&expected),
        "{} is not what the grader shows; \
         `SAMPLES=write cargo test --package grade --test submissions stages_and_broken` writes it anew",
        path.display()
    );
}

/// Without lines and columns, which move with every edit of the engine.
fn without_places(text: &str) -> String {
    let mut pieces = text.split(".rs:");
    let mut out = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        out += ".rs:";
        out += piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
    }
    out
}

#[test]
fn stages_and_broken_files_get_what_they_have_earned() {
    let dir = tempfile::tempdir().expect("a folder");
    let class = dir.path().join("class");
    let whole = support::stage(7);
    support::write(&whole, &class.join("whole"));
    support::write(&support::stage(3), &class.join("three-days"));
    let mut broken = whole.clone();
    let pick = broken
        .get_mut("src/compact/pick.rs")
        .expect("a file of day 5");
    pick.extend(b"fn broken() -> u32 { \"no number\" }\n");
    support::write(&broken, &class.join("broken-on-day-5"));
    fs::create_dir_all(class.join("empty")).expect("a folder");

    let report = support::grade(&[], &[&class]);
    let whole = support::of(&report, "whole");
    assert_eq!(full(whole), [1, 2, 3, 4, 5, 6, 7], "{:?}", whole.reason);
    assert!(
        whole.tampering.is_empty() && whole.replaced.is_empty(),
        "{:?}",
        whole.tampering
    );
    assert_eq!((whole.score, &whole.reason), (100.0, &None));

    let three = support::of(&report, "three-days");
    assert_eq!(full(three), [1, 2, 3], "{:?}", three.reason);
    assert!(
        three.days[3..].iter().all(|day| day.passed == 0),
        "{:?}",
        three.days
    );

    let broken = support::of(&report, "broken-on-day-5");
    assert_eq!(full(broken)[..4], [1, 2, 3, 4], "{:?}", broken.reason);
    assert!(broken.days[4].passed < broken.days[4].total);
    assert!(broken.replaced.contains_key("src/compact/pick.rs"));
    let reason = broken.reason.as_deref().unwrap_or_default();
    assert!(
        reason.contains("src/compact/pick.rs") && reason.contains("E0308"),
        "{reason}"
    );

    let empty = support::of(&report, "empty");
    assert_eq!(empty.passed, 0);
    assert!(empty.total > 100 && empty.reason.as_deref().is_some_and(|r| r.contains("`src`")));

    assert_sample(&report);

    // A second run, resumed, says the same to the byte.
    let again = support::grade(&["--resume"], &[&class]);
    assert_eq!(again, report);
}

#[test]
fn tests_of_the_instructor_and_seeds_are_used() {
    let dir = tempfile::tempdir().expect("a folder");
    let (ann, extra) = (dir.path().join("ann"), dir.path().join("extra"));
    support::write(&support::stage(1), &ann);
    fs::create_dir(&extra).expect("a folder");
    let text = "\
//! Day 1 · Mine

use mini_lsm_starter::block::BlockBuilder;

#[test]
fn a_builder_is_empty_at_first() {
    assert!(BlockBuilder::new(4096).is_empty());
}

#[test]
fn the_seed_of_the_run_is_there() {
    assert_eq!(std::env::var(\"MINI_LSM_SEED\").as_deref(), Ok(\"77\"));
}
";
    fs::write(extra.join("mine.rs"), text).expect("a file");
    let extra = extra.display().to_string();
    let args = [
        "--day",
        "1",
        "--seed",
        "77",
        "--extra-tests",
        &extra,
        "--weights",
        "1=3",
    ];
    let report = support::grade(&args, &[&ann]);
    let graded = support::of(&report, "ann");
    assert_eq!(report.seed, Some(77));
    assert_eq!(graded.reason, None);
    let mine: Vec<&str> = graded
        .tests
        .iter()
        .map(|test| test.name.as_str())
        .filter(|name| name.starts_with("extra_mine::"))
        .collect();
    assert_eq!(
        mine,
        [
            "extra_mine::a_builder_is_empty_at_first",
            "extra_mine::the_seed_of_the_run_is_there"
        ]
    );
    assert_eq!(graded.score, 100.0);
}

#[test]
fn a_learner_gets_the_instructors_report_byte_for_byte() {
    let dir = tempfile::tempdir().expect("a folder");
    let ann = dir.path().join("ann");
    let mut tree = support::stage(1);
    let builder = tree
        .get_mut("src/block/builder.rs")
        .expect("a file of day 1");
    let text = String::from_utf8(builder.clone()).expect("text");
    let wrong = text.replace("self.last_key.clear();", "");
    assert_ne!(text, wrong);
    *builder = wrong.into_bytes();
    support::write(&tree, &ann);
    let args = ["--day", "1", "--seed", "5"];
    let here = Path::new(".");
    let instructors = support::grade_in(here, &args, &[&ann]);
    let learners = support::grade_in(&ann, &args, &[here]);
    assert_eq!(instructors, learners);
    assert!(instructors.contains("panicked at"), "{instructors}");
}
