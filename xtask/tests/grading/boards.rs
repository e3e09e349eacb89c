//! The board from a fresh clone to the last day, and what it says of a request that makes no sense.

use crate::fixture::Course;
use xtask::scheck::{Ask, grade};
use xtask::screen::Screen;

const LIB: &str = r#"pub fn one() -> u32 {
    unimplemented!("day 1, task 1: one")
}

pub fn two() -> u32 {
    unimplemented!("day 1, task 2: two")
}

pub fn three() -> u32 {
    unimplemented!("day 2, task 1: three")
}
"#;

const DAY_1: &str = r#"//! Day 1 · Small numbers: up to two.

mod task_1 {
    /// One is one.
    ///
    /// Who cannot count to one will not get to two.
    ///
    /// # Hints
    /// - It is a number.
    #[test]
    fn one_is_one() {
        assert_eq!(engine::one(), 1, "one() should be 1");
    }

    /// One is odd.
    #[test]
    fn one_is_odd() {
        assert_eq!(engine::one() % 2, 1, "one() should be odd");
    }
}

mod task_2 {
    /// Two is two.
    #[test]
    fn two_is_two() {
        assert_eq!(engine::two(), 2, "two() should be 2");
    }
}
"#;

const DAY_2: &str = r#"//! Day 2 · Three

mod task_1 {
    /// Three is three.
    #[test]
    fn three_is_three() {
        assert_eq!(engine::three(), 3, "three() should be 3");
    }
}
"#;

const ALL: Ask = Ask {
    day: None,
    task: None,
    repeat: None,
    seed: None,
};

fn course(lib: &str) -> Course {
    Course::new(lib, &[("day1_small.rs", DAY_1), ("day2_three.rs", DAY_2)])
}

fn with(lib: &str, item: &str, body: &str) -> String {
    let (start, _) = lib.split_once(&format!(": {item}\")")).expect("the stub");
    let start = start.rfind("unimplemented").expect("the stub");
    let end = start + lib[start..].find(')').expect("the stub's end") + 1;
    format!("{}{body}{}", &lib[..start], &lib[end..])
}

#[track_caller]
fn assert_board(board: &str, expected: &str) {
    assert!(
        board == expected,
        "the board is\n{board}\nand should be\n{expected}"
    );
}

#[test]
fn a_fresh_clone_is_told_that_nothing_is_broken() {
    let course = course(LIB);
    let board = course.board(ALL);
    assert_board(&board, FRESH);
    let day_1 = Ask {
        day: Some(1),
        task: None,
        ..ALL
    };
    assert!(course.board(day_1).contains("Nothing is broken"));
}

#[test]
fn half_way_the_first_failure_is_explained() {
    let lib = with(&with(LIB, "one", "1"), "two", "1 + 1");
    assert_board(&course(&lib).board(ALL), HALF_WAY);
}

#[test]
fn a_wrong_answer_is_explained_with_its_message() {
    let lib = with(&with(LIB, "one", "4"), "two", "2");
    let course = course(&lib);
    assert_board(&course.board(ALL), WRONG);
    let task_2 = Ask {
        day: Some(1),
        task: Some(2),
        ..ALL
    };
    assert_board(&course.board(task_2), ONE_TASK);
}

#[test]
fn when_all_is_full_the_board_says_so() {
    let lib = with(&with(&with(LIB, "one", "1"), "two", "2"), "three", "3");
    assert_board(&course(&lib).board(ALL), FULL);
}

#[test]
fn what_is_borrowed_is_marked_in_words_until_it_is_repaid() {
    let loan = "// borrowed: `cargo x repay two` makes it a stub again (day 1, task 2)\npub fn two";
    let lib = with(&with(LIB, "one", "1"), "two", "2").replace("pub fn two", loan);
    let mut course = course(&lib);
    course.subject.tidy = false;
    let board = course.board(ALL);
    let marked = "3/3  full, 1 borrowed  task 1 2/2 · task 2 1/1, 1 borrowed\n";
    assert!(board.contains(marked), "{board}");
    let named = "\n\nborrowed: two (`cargo x repay` makes stubs of them again)\n\n";
    assert!(board.contains(named), "{board}");
    let words = course.board_on(ALL, &Screen::WORDS);
    let line = "day 1, Small numbers: 3 of 3 tests pass, full, 1 borrowed; task 1: 2 of 2, task 2: 1 of 1, 1 borrowed.\n";
    assert!(words.contains(line), "{words}");
    let task = |task| Ask {
        day: Some(1),
        task: Some(task),
        ..ALL
    };
    let done = "Task 1 of day 1 is done.\nnext: cargo x scheck --day 1 --task 2\n";
    assert!(course.board(task(1)).contains(done));
    let board = course.board(task(2));
    let done = "Task 2 of day 1 is done, with 1 function borrowed.\n";
    assert!(board.contains(done), "{board}");

    let all = with(&lib, "three", "3");
    course.write("engine/src/lib.rs", &all);
    let board = course.board(ALL);
    let full = "\nAll days are full, with 1 function borrowed.\nnext: cargo x repay,";
    assert!(board.contains(full), "{board}");
    course.write("engine/src/lib.rs", &all.replace("// borrowed", "// "));
    let board = course.board(ALL);
    assert!(!board.contains("borrowed"), "{board}");
}

#[test]
fn format_and_lints_are_told_and_nothing_is_changed() {
    let lib = with(
        &with(&with(LIB, "one", "return 1"), "two", " 2"),
        "three",
        "3",
    );
    let lib = lib.replace("return 1", "return 1;");
    let course = course(&lib);
    let board = course.board(ALL);
    assert!(
        board.contains("\nformat  1 remark, at engine/src/lib.rs:"),
        "{board}"
    );
    assert!(
        board.contains("\nlints   1 remark, at engine/src/lib.rs:2:5 (see `cargo clippy"),
        "{board}"
    );
    assert!(
        board.ends_with("exit code 0: all 4 tests asked for pass.\n"),
        "{board}"
    );
    let file = course.subject.dir.join("src/lib.rs");
    assert_eq!(std::fs::read_to_string(file).expect("the source"), lib);
}

#[test]
fn a_day_or_task_that_does_not_exist_is_named_with_those_that_do() {
    let course = course(LIB);
    let refused = |day, task| {
        let ask = Ask {
            day: Some(day),
            task,
            ..ALL
        };
        let refused = grade(&course.subject, &ask, &Screen::PLAIN);
        refused.expect_err("it should be refused").to_string()
    };
    assert_eq!(refused(9, None), "there is no day 9: the days are 1 to 2");
    assert_eq!(
        refused(1, Some(3)),
        "day 1 has no task 3: its tasks are 1 to 2"
    );
}

#[test]
fn a_day_whose_file_is_gone_is_missed() {
    let mut course = course(LIB);
    course.subject.pristine = Some(course.subject.root.join("pristine"));
    course.write("pristine/tests/day3_more.rs", DAY_2);
    let refused = grade(&course.subject, &ALL, &Screen::PLAIN);
    assert_eq!(
        refused.expect_err("it should be refused").to_string(),
        "engine/tests/day3_more.rs is gone; `git restore engine/tests/day3_more.rs` brings it back"
    );
}

const FRESH: &str = "\
Mini-LSM · engine

  day 1  Small numbers  ░░░░░░░░░░░░    0/3  3 to go           task 1 0/2 · task 2 0/1
  day 2  Three          ░░░░░░░░░░░░    –/1  not started yet

Nothing is broken: this is a fresh start, and day 1, task 1 is where to begin.

Day 1, task 1: one_is_one
  claim   One is one.
  why     Who cannot count to one will not get to two.
  result  this is still to be written: one
  write   engine/src/lib.rs:2:5
  read    book/src/day1-blocks.md
  again   cargo x scheck --day 1 --task 1

exit code 1: it is 0 once all that was asked for passes. Today it only says that there is work left.
";

const HALF_WAY: &str = "\
Mini-LSM · engine

  day 1  Small numbers  ████████████    3/3  full              task 1 2/2 · task 2 1/1
  day 2  Three          ░░░░░░░░░░░░    0/1  1 to go           task 1 0/1

format  clean

Day 2, task 1: three_is_three
  claim   Three is three.
  result  this is still to be written: three
  write   engine/src/lib.rs:10:5
  again   cargo x scheck --day 2 --task 1

exit code 1: 1 of 4 tests asked for does not pass yet.
";

const WRONG: &str = "\
Mini-LSM · engine

  day 1  Small numbers  ████░░░░░░░░    1/3  2 to go           task 1 0/2 · task 2 1/1
  day 2  Three          ░░░░░░░░░░░░    –/1  not started yet

also failing:
  day 1 · task 1 · one_is_odd: one() should be odd

format  clean

Day 1, task 1: one_is_one
  claim   One is one.
  why     Who cannot count to one will not get to two.
  result  one() should be 1
            left: 4
           right: 1
  at      engine/tests/day1_small.rs:12:9
          │ assert_eq!(engine::one(), 1, \"one() should be 1\");
  read    book/src/day1-blocks.md
  again   cargo x scheck --day 1 --task 1

exit code 1: 3 of 4 tests asked for do not pass yet.
";

const ONE_TASK: &str = "\
Mini-LSM · engine

  day 1  Small numbers  ████████████    1/1  full              task 2 1/1
  day 2  Three          ░░░░░░░░░░░░    –/1  not asked for

format  clean
lints   clean

Task 2 of day 1 is done.
next: cargo x scheck --day 1

exit code 0: the 1 test asked for passes.
";

const FULL: &str = "\
Mini-LSM · engine

  day 1  Small numbers  ████████████    3/3  full              task 1 2/2 · task 2 1/1
  day 2  Three          ████████████    1/1  full              task 1 1/1

format  clean
lints   clean

Congratulations: all days are full. This is a storage engine that survives a power cut.
next: read the reference beside your own code, or play with the command-line tool:
      cargo run --release --package mini-lsm-starter --bin mini-lsm-cli

exit code 0: all 4 tests asked for pass.
";
