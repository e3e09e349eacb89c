//! What one run knows of the one before, the learner's own tests, races, and other screens than a wide one.

use std::fs;

use crate::fixture::{Course, report, trial};
use xtask::scheck::Ask;
use xtask::scheck::report::Verdict;
use xtask::screen::Screen;

const LIB: &str = r#"//! Day 1 · Task 1 · Numbers.

pub fn one() -> u32 {
    1
}

pub fn two() -> u32 {
    let numbers = [1];
    *numbers.iter().nth(1).expect("a second number")
}
"#;

const DAY_1: &str = r#"//! Day 1 · Small numbers: up to two.

mod task_1 {
    /// One is one.
    ///
    /// It always was.
    ///
    /// # Hints
    /// - It is a number.
    /// - It is 1.
    #[test]
    fn one_is_one() {
        assert_eq!(engine::one(), 1, "one() should be 1");
    }
}

mod task_2 {
    /// Two is two.
    ///
    /// # Hints
    /// - It is a number.
    #[test]
    fn two_is_two() {
        assert_eq!(engine::two(), 2, "two() should be 2");
    }
}
"#;

const DAY_2: &str = r#"//! Day 2 · More

mod task_1 {
    /// One is less than three.
    #[test]
    fn one_is_less_than_three() {
        assert!(engine::one() < 3, "one() should be less than 3");
    }
}
"#;

fn course() -> Course {
    let mut course = Course::new(LIB, &[("day1_small.rs", DAY_1), ("day2_more.rs", DAY_2)]);
    course.subject.progress = Some(course.root().to_path_buf());
    course.subject.day_by_day = false;
    course.subject.tidy = false;
    course
}

#[track_caller]
fn assert_part(board: &str, part: &str) {
    assert!(
        board.contains(part),
        "the board is\n{board}\nand should hold\n{part}"
    );
}

#[test]
fn a_run_tells_what_changed_since_the_last_one_and_a_part_leaves_the_rest_alone() {
    let course = course();
    let first = course.board(Ask::default());
    assert!(!first.contains("since the last run"), "{first}");
    assert_part(&first, "hint    cargo x hint (there is one)\n");
    assert_part(
        &course.board(Ask::default()),
        "\nsince the last run: nothing changed\n",
    );

    let mended = LIB.replace("[1]", "[1, 2]").replace("    1\n", "    9\n");
    course.write("engine/src/lib.rs", &mended);
    let day_2 = Ask {
        day: Some(2),
        ..Ask::default()
    };
    let changed = "\nsince the last run: 1 test passes no longer\n  - day 2 · task 1 · one_is_less_than_three\n";
    assert_part(&course.board(day_2), changed);
    let changed = "\nsince the last run: 1 test passes that did not, 1 other passes no longer\n  \
        - day 1 · task 1 · one_is_one\n  + day 1 · task 2 · two_is_two\n";
    assert_part(&course.board(Ask::default()), changed);
}

#[test]
fn a_damaged_progress_file_costs_one_line() {
    let course = course();
    course.write("progress.json", "{ torn");
    let board = course.board(Ask::default());
    assert_part(
        &board,
        "; it is kept as progress.damaged-1.json, and a new one begins\n",
    );
    let kept = fs::read_to_string(course.root().join("progress.damaged-1.json"));
    assert_eq!(kept.expect("it is kept"), "{ torn");
    assert_part(
        &course.board(Ask::default()),
        "\nsince the last run: nothing changed\n",
    );
}

#[test]
fn a_run_that_looks_like_a_known_mistake_gets_a_question() {
    let course = course();
    let record = r#"{"bugs": [{"name": "short-list", "day": 1, "task": 2, "question": "How long is the list?",
        "fails": {"task_2::two_is_two": "panic"}}]}"#;
    course.write("xtask/bugs/record.json", record);
    assert_part(
        &course.board(Ask::default()),
        "\n  think   How long is the list?\n  read ",
    );
    course.write("engine/src/lib.rs", &LIB.replace("    1\n", "    7\n"));
    let board = course.board(Ask::default());
    assert!(!board.contains("  think "), "{board}");
}

/// Where the panic was in a file that is given, the line of the learner's that led there is shown.
#[test]
fn a_failure_shows_the_line_of_the_learners_own_code() {
    let course = course();
    course.write(
        "engine/src/given.rs",
        "//! Given.\n\npub fn strict() -> u32 {\n    panic!(\"too strict\")\n}\n",
    );
    let through_given = LIB.replace(
        "let numbers = [1];",
        "let numbers = [1];\n    given::strict();",
    ) + "\npub mod given;\n";
    for (lib, at) in [
        (
            LIB,
            "9:28\n          │ *numbers.iter().nth(1).expect(\"a second number\")\n",
        ),
        (&through_given, "9:5\n          │ given::strict();\n"),
    ] {
        course.write("engine/src/lib.rs", lib);
        let board = course.board(Ask::default());
        assert_part(&board, &format!("\n  at      engine/src/lib.rs:{at}"));
        assert!(!board.contains("  yours "), "{board}");
    }
    course.write("engine/src/lib.rs", &LIB.replace("    1\n", "    7\n"));
    let places = "  at      engine/tests/day1_small.rs:13:9\n          \
        │ assert_eq!(engine::one(), 1, \"one() should be 1\");\n  yours   engine/src/lib.rs\n";
    assert_part(&course.board(Ask::default()), places);
}

#[test]
fn tests_of_the_learners_own_are_run_and_not_counted() {
    let mut course = course();
    course.subject.pristine = Some(course.root().join("pristine"));
    course.write("pristine/tests/day1_small.rs", DAY_1);
    course.write("pristine/tests/day2_more.rs", DAY_2);
    let added = "    #[test]\n    fn added() {}\n}\n\nmod task_2 {";
    let day_1 = DAY_1.replacen("}\n\nmod task_2 {", added, 1);
    course.write("engine/tests/day1_small.rs", &day_1);
    course.write(
        "engine/tests/day9_mine.rs",
        "#[test]\nfn mine() {\n    panic!(\"mine alone\");\n}\n",
    );
    course.write(
        "engine/tests/deep/main.rs",
        "mod inner {\n    #[test]\n    fn holds() {}\n}\n",
    );
    course.write("engine/tests/torn.rs", "#[test]\nfn torn() { gone() }\n");

    let board = course.board(Ask::default());
    let rows = "  day 1  Small numbers  ██████░░░░░░    1/2  1 to go           task 1 1/1 · task 2 0/1\n  \
        day 2  More           ████████████    1/1  full              task 1 1/1\n\n";
    assert_part(&board, rows);
    let own = "\nyour own tests: 2 of 3 pass (they are not counted in the days)\n  \
        engine/tests/torn.rs does not compile: the first error is at engine/tests/torn.rs:2:13\n  \
        day9_mine · mine: mine alone (engine/tests/day9_mine.rs:3:5)\n";
    assert_part(&board, own);
    assert!(
        board.ends_with("exit code 1: 1 of 3 tests asked for does not pass yet.\n"),
        "{board}"
    );
}

const RACES: &str = r#"//! Day 1 · Races

mod task_1 {
    /// Even seeds only.
    ///
    /// # Concurrent
    #[test]
    fn holds_now_and_then() {
        let seed = std::env::var("MINI_LSM_SEED").expect("each round has a seed");
        assert!(seed.parse::<u64>().unwrap() % 2 == 0, "the seed is odd");
    }

    /// # Concurrent
    #[test]
    fn holds_always() {}

    /// # Concurrent
    #[test]
    fn holds_never() {
        panic!("never");
    }

    #[test]
    fn has_no_threads() {
        assert!(std::env::var_os("MINI_LSM_SEED").is_none());
    }
}
"#;

#[test]
fn a_race_that_is_lost_now_and_then_fails() {
    let mut course = Course::new(LIB, &[("day1_races.rs", RACES)]);
    course.subject.tidy = false;
    let ask = Ask {
        repeat: Some(6),
        seed: Some(40),
        ..Ask::default()
    };
    let report = report(course.grade(ask));
    let verdict = |name| &trial(&report, name).verdict;
    let now_and_then = Verdict::NowAndThen {
        failed: 3,
        of: 6,
        seed: 41,
        first: Box::new(Verdict::Failed),
    };
    assert_eq!(verdict("holds_now_and_then"), &now_and_then);
    assert_eq!(verdict("holds_always"), &Verdict::Passed);
    assert_eq!(verdict("holds_never"), &Verdict::Failed);
    assert_eq!(verdict("has_no_threads"), &Verdict::Passed);

    let board = course.board(ask);
    let result = "  result  it fails now and then (3 of 6 runs, the first with seed 41)\n          the seed is odd\n";
    assert_part(&board, result);
    assert_part(
        &board,
        "  again   cargo x scheck --day 1 --task 1 --repeat 6 --seed 41\n",
    );
    assert_part(
        &board,
        "\nrepeat  3 tests in which threads race ran 6 times each\n",
    );
    assert_part(&board, "  day 1 · task 1 · holds_never: never\n");
}

#[test]
fn a_narrow_terminal_gets_a_narrow_board() {
    let course = course();
    let board = |width| {
        let narrow = Screen {
            width,
            ..Screen::PLAIN
        };
        course.board_on(Ask::default(), &narrow)
    };
    let two_lines = "  day 1  Small numbers  ██████░░░░░░    1/2  1 to go\n         task 1 1/1 · task 2 0/1\n  \
        day 2  More           ████████████    1/1  full\n";
    assert_part(&board(60), two_lines);
    let narrow = "  day 1  Small num…  ███░░░    1/2  1 to go\n         task 1 1/1 · task 2 0/1\n  \
        day 2  More        ██████    1/1  full\n";
    assert_part(&board(45), narrow);
    let narrowest = board(30);
    assert_part(&narrowest, "\n         task 1 1/1\n         task 2 0/1\n");
}

#[test]
fn a_screen_reader_gets_words() {
    let course = course();
    let board = course.board_on(Ask::default(), &Screen::WORDS);
    assert_part(
        &board,
        "day 1, Small numbers: 1 of 2 tests pass, 1 to go; task 1: 1 of 1, task 2: 0 of 1.\n",
    );
    assert_part(
        &board,
        "day 2, More: 1 of 1 tests pass, full; task 1: 1 of 1.\n",
    );
    assert!(!board.contains(['█', '░', '\x1b', '\r']), "{board}");
}
