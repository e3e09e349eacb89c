//! What becomes of each file and function when days are caught up with, or reset.

mod support;

use support::Learner;

const STACK: &str = "mini-lsm-starter/src/stack.rs";
const QUEUE: &str = "mini-lsm-starter/src/queue.rs";
const SHIFT: &str = "unimplemented!(\"day 2, task 1: Stack::shift\")";
const TAKE: &str = "unimplemented!(\"day 2, task 1: Queue::take\")";

#[test]
fn the_days_up_to_n_are_the_references_and_later_ones_are_stubs() {
    let learner = Learner::new();
    let out = learner.done(&["catch-up", "--day", "1"]);
    assert!(
        out.starts_with("day 1 is now the reference's (1 files changed)"),
        "{out}"
    );
    let stack = learner.read(STACK);
    assert!(
        stack.contains("self.items.pop()") && stack.contains(SHIFT),
        "{stack}"
    );
    assert!(learner.read(QUEUE).contains(TAKE));
    learner.done(&["catch-up", "--day", "2"]);
    assert!(
        !learner.read(STACK).contains("unimplemented!")
            && !learner.read(QUEUE).contains("unimplemented!")
    );
}

#[test]
fn later_work_stays_where_it_compiles() {
    let learner = Learner::new();
    // A later function of a file of day 1 with a helper, and a whole file of day 2.
    learner.change(STACK, SHIFT, "oldest(&mut self.items) // mine");
    let helper = "\n/// Mine.\nfn oldest(items: &mut Vec<u8>) -> Option<u8> {\n    Some(items.remove(0))\n}\n\nfn idle() {}\n";
    learner.write(STACK, &(learner.read(STACK) + helper));
    learner.change(QUEUE, TAKE, "self.stack.shift() // mine");
    let out = learner.done(&["catch-up", "--day", "1"]);
    assert!(
        out.contains("as you have it: Stack::shift in mini-lsm-starter/src/stack.rs"),
        "{out}"
    );
    assert!(
        out.contains("as you have it: mini-lsm-starter/src/queue.rs"),
        "{out}"
    );
    let stack = learner.read(STACK);
    assert!(
        stack.contains("oldest(&mut self.items) // mine") && stack.contains("/// Mine.\nfn oldest"),
        "{stack}"
    );
    assert!(
        stack.contains("self.items.pop()") && !stack.contains("fn idle"),
        "{stack}"
    );
    assert!(learner.read(QUEUE).contains("// mine"));
}

#[test]
fn what_does_not_compile_with_the_reference_becomes_stubs_and_is_named() {
    let learner = Learner::new();
    learner.change(STACK, SHIFT, "self.no_such_thing()");
    learner.change(QUEUE, TAKE, "self.stack.shift() // mine");
    let out = learner.done(&["catch-up", "--day", "1"]);
    let lines: Vec<&str> = out.lines().collect();
    let at = lines.iter().position(|line| {
        line.contains("does not compile with the rest: mini-lsm-starter/src/stack.rs")
    });
    let at = at.unwrap_or_else(|| panic!("{out}"));
    assert!(
        lines[at + 1].contains("src/stack.rs:") && lines[at + 1].contains("no_such_thing"),
        "{out}"
    );
    assert!(learner.read(STACK).contains(SHIFT));
    assert!(
        learner.read(QUEUE).contains("// mine"),
        "what compiles stays"
    );
}

#[test]
fn a_mistake_in_what_the_course_gives_cannot_stay_either() {
    let learner = Learner::new();
    learner.change(
        "mini-lsm-starter/src/lib.rs",
        "pub mod queue;",
        "pub mod queues;",
    );
    learner.done(&["catch-up", "--day", "1"]);
    assert!(
        learner
            .read("mini-lsm-starter/src/lib.rs")
            .contains("pub mod queue;")
    );
}

#[test]
fn a_reset_gives_the_starter_and_leaves_own_tests() {
    let learner = Learner::new();
    let starter = learner.files();
    learner.done(&["catch-up", "--day", "2"]);
    learner.write("mini-lsm-starter/src/bin/mine.rs", "fn main() {}\n");
    learner.done(&["reset"]);
    assert_eq!(learner.files(), starter);
    learner.write("mini-lsm-starter/tests/mine.rs", "");
    learner.change(STACK, SHIFT, "todo!()");
    learner.done(&["reset"]);
    assert!(learner.starter("tests/mine.rs").exists());
}

#[test]
fn a_day_is_reset_alone() {
    let learner = Learner::new();
    learner.done(&["catch-up", "--day", "2"]);
    learner.change(STACK, "self.items.pop()", "self.items.pop() // mine");
    learner.done(&["reset", "--day", "2"]);
    let stack = learner.read(STACK);
    assert!(
        stack.contains("// mine") && stack.contains(SHIFT),
        "{stack}"
    );
    assert!(learner.read(QUEUE).contains(TAKE));
    learner.done(&["reset", "--day", "1"]);
    assert!(!learner.read(STACK).contains("// mine"));
}

#[test]
fn what_a_day_brought_into_an_earlier_function_goes_with_it_unless_it_is_own() {
    let learner = Learner::new();
    let push = "self.items.push(item);\n";
    learner.change(
        "mini-lsm/src/stack.rs",
        push,
        &format!("{push}        self.shift(); // day 2 task 1\n"),
    );
    learner.edition();
    learner.done(&["catch-up", "--day", "1"]);
    let first = learner.files();
    learner.done(&["catch-up", "--day", "2"]);
    let out = learner.done(&["reset", "--day", "2"]);
    assert!(!out.contains("yours stay"), "{out}");
    assert!(!learner.read(STACK).contains("self.shift();"));
    learner.done(&["catch-up", "--day", "1"]);
    assert_eq!(learner.files(), first);
    learner.done(&["catch-up", "--day", "2"]);
    learner.change(STACK, "self.shift();", "self.shift().unwrap();");
    let out = learner.done(&["reset", "--day", "2"]);
    assert!(
        out.contains("yours stay, and may call what is a stub now: Stack::push"),
        "{out}"
    );
    assert!(learner.read(STACK).contains("self.shift().unwrap();"));
}

/// The layout is then the generator's, which nobody has to like; the code is the same.
#[test]
fn without_rustfmt_it_works_too() {
    let learner = Learner::new();
    let none = [("RUSTFMT", "no-such-program")];
    for args in [
        &["catch-up", "--day", "2"][..],
        &["reset", "--day", "1"],
        &["borrow", "Stack::pop"],
        &["diff", "--day", "2"],
    ] {
        let said = learner.x_with(args, &none);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
    }
    assert!(learner.read(STACK).contains("self.items.pop()"));
    // Here a wrong layout would pass for an edit.
    let said = learner.x_with(&["update"], &none);
    assert!(
        said.code == Some(2) && said.err.contains("rustup component add rustfmt"),
        "{said:?}"
    );
}

#[test]
fn what_is_not_there_is_said_in_one_line() {
    let learner = Learner::new();
    for (args, says) in [
        (
            &["catch-up", "--day", "8"][..],
            "there is no day 8: the days are 1 to 7",
        ),
        (&["reset", "--day", "0"], "there is no day 0"),
        (
            &["reset", "--to", "saved/none"],
            "`--to` takes a folder with kept work",
        ),
        (&["borrow", "Stack::popp"], "did you mean `Stack::pop`?"),
        (&["borrow", "pop"], "The course asks for Stack::pop"),
        (&["repay", "Stack::popp"], "did you mean `Stack::pop`?"),
        (&["diff"], "no day is written yet"),
        (&["diff", "src/stak.rs"], "did you mean `src/stack.rs`?"),
    ] {
        let said = learner.refused(args);
        assert!(said.contains(says), "{args:?}: {said}");
    }
}
