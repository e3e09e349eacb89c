//! A newer edition of the course over an edited starter.

mod support;

use support::Learner;

const STACK: &str = "mini-lsm-starter/src/stack.rs";
const QUEUE: &str = "mini-lsm-starter/src/queue.rs";
const PUSH: &str = "unimplemented!(\"day 1, task 1: Stack::push\")";

/// The course goes on: docs, a new function, a helper type, a file, an import, tests.
fn newer(learner: &Learner) {
    let stack = "mini-lsm/src/stack.rs";
    learner.change(
        stack,
        "    pub fn len(",
        "    /// How many.\n    pub fn len(",
    );
    learner.change(
        stack,
        "    pub fn push(",
        "    /// Puts one on top.\n    pub fn push(",
    );
    learner.change(stack, "    // day 1 task 2\n", "    pub fn peek(&self) -> Option<&u8> {\n        self.items.last()\n    }\n\n    // day 1 task 2\n");
    learner.change(
        stack,
        "#[derive(Default)]",
        "/// Items.\n#[derive(Default)]",
    );
    learner.change(
        "mini-lsm/src/lib.rs",
        "pub mod stack;",
        "pub mod heap;\npub mod stack;",
    );
    learner.write(
        "mini-lsm/src/heap.rs",
        "//! Day 2 · Task 2 · A heap.\n\npub fn heap() -> u8 {\n    3\n}\n",
    );
    learner.change(
        "mini-lsm/tests/day1_stack.rs",
        "the_last_comes_first",
        "the_last_item_comes_first",
    );
    learner.write("mini-lsm/tests/day2_heap.rs", "mod task_2 {}\n");
}

fn own_work(learner: &Learner) {
    learner.change(
        STACK,
        PUSH,
        "self.grow();\n        self.items.push(item); // mine",
    );
    learner.change(STACK, "    pub fn len(", "    fn grow(&mut self) {\n        let _: BTreeMap<u8, u8> = BTreeMap::new();\n    }\n\n    pub fn len(");
    learner.change(
        STACK,
        "#[derive(Default)]",
        "use std::collections::BTreeMap;\n\n#[derive(Default)]",
    );
    learner.write("mini-lsm-starter/tests/own.rs", "");
}

fn assert_updated(learner: &Learner, out: &str) {
    let stack = learner.read(STACK);
    for own in [
        "self.items.push(item); // mine",
        "    fn grow(&mut self) {",
        "use std::collections::BTreeMap;",
    ] {
        assert!(stack.contains(own), "{own}: {stack}");
    }
    for new in ["/// How many.", "/// Items.", "day 1, task 1: Stack::peek"] {
        assert!(stack.contains(new), "{new}: {stack}");
    }
    assert!(
        !stack.contains("/// Puts one on top."),
        "both changed it: {stack}"
    );
    assert!(
        out.contains("yours stays: impl Stack: fn push in mini-lsm-starter/src/stack.rs"),
        "{out}"
    );
    assert!(!out.contains("does not compile"), "{out}");
    assert!(
        learner
            .read("mini-lsm-starter/src/lib.rs")
            .contains("pub mod heap;")
    );
    assert!(
        learner
            .read("mini-lsm-starter/src/heap.rs")
            .contains("day 2, task 2: heap::heap")
    );
    assert!(
        learner
            .read("mini-lsm-starter/tests/day1_stack.rs")
            .contains("the_last_item_comes_first")
    );
    assert!(
        learner.starter("tests/own.rs").exists() && learner.starter("tests/day2_heap.rs").exists()
    );
}

#[test]
fn what_was_not_touched_is_new_and_own_work_stays() {
    let learner = Learner::new();
    own_work(&learner);
    newer(&learner);
    let out = learner.done(&["update"]);
    assert_updated(&learner, &out);
    let again = learner.done(&["update"]);
    assert!(again.contains("of this edition already"), "{again}");
}

#[test]
fn a_starter_that_was_not_touched_becomes_the_new_one_byte_for_byte() {
    let learner = Learner::new();
    newer(&learner);
    learner.done(&["update"]);
    let updated = learner.files();
    learner.edition();
    assert_eq!(learner.files(), updated);
}

#[test]
fn what_the_course_gives_up_goes_unless_it_was_edited() {
    let learner = Learner::new();
    learner.change(
        QUEUE,
        "unimplemented!(\"day 2, task 1: Queue::put\")",
        "self.stack.push(item) // mine",
    );
    learner.change(
        "mini-lsm/src/queue.rs",
        "    pub fn put(&mut self, item: u8) {\n        self.stack.push(item);\n    }\n\n",
        "",
    );
    learner.change(
        "mini-lsm/src/stack.rs",
        "    pub fn len(&self) -> usize {\n        self.count()\n    }\n\n",
        "",
    );
    let out = learner.done(&["update"]);
    assert!(learner.read(QUEUE).contains("// mine"));
    assert!(
        out.contains("as you changed it, it stays: impl Queue: fn put"),
        "{out}"
    );
    assert!(!learner.read(STACK).contains("fn len"));
}

#[test]
fn a_test_of_the_course_that_is_gone_goes_and_an_edited_one_is_replaced() {
    let learner = Learner::new();
    let test = "mini-lsm-starter/tests/day1_stack.rs";
    learner.change(test, "assert_eq!(stack.len(), 1);", "");
    std::fs::remove_file(learner.root().join("mini-lsm/tests/day2_queue.rs")).unwrap();
    let out = learner.done(&["update"]);
    assert!(learner.read(test).contains("assert_eq!(stack.len(), 1);"));
    assert!(!learner.starter("tests/day2_queue.rs").exists());
    learner.go_back(&out);
    assert!(!learner.read(test).contains("assert_eq!(stack.len(), 1);"));
}

#[test]
fn a_file_that_does_not_parse_stays_and_is_named() {
    let learner = Learner::new();
    learner.change(STACK, "impl Stack {", "impl Stack {{");
    newer(&learner);
    let stack = learner.read(STACK);
    let out = learner.done(&["update"]);
    assert_eq!(learner.read(STACK), stack);
    assert!(
        out.contains("mini-lsm-starter/src/stack.rs:") && out.contains("mend that"),
        "{out}"
    );
}

#[test]
fn without_the_record_of_the_edition_it_refuses() {
    let learner = Learner::new();
    std::fs::remove_file(learner.starter("edition.txt")).unwrap();
    let said = learner.refused(&["update"]);
    assert!(
        said.contains("mini-lsm-starter/edition.txt is missing"),
        "{said}"
    );
}

/// As it goes with git: the course's branch is merged, the starter is in conflict, and `update` settles it.
#[test]
fn conflicts_of_a_merge_are_settled() {
    let Some(learner) = Learner::with_git() else {
        return;
    };
    learner.git(&["branch", "course"]);
    own_work(&learner);
    learner.git(&["add", "-A"]);
    learner.git(&["commit", "-q", "-m", "mine"]);
    learner.git(&["checkout", "-q", "course"]);
    newer(&learner);
    learner.edition();
    learner.git(&["add", "-A"]);
    learner.git(&["commit", "-q", "-m", "a newer edition"]);
    learner.git(&["checkout", "-q", "main"]);
    assert!(
        !learner.try_git(&["merge", "-q", "course"]).status.success(),
        "it should conflict"
    );
    assert!(learner.read(STACK).contains("<<<<<<<"));
    let before = learner.files();
    let out = learner.done(&["update"]);
    assert_updated(&learner, &out);
    assert!(out.contains("git still waits"), "{out}");
    assert!(learner.done(&["update"]).contains("already"));
    let updated = learner.files();
    learner.go_back(&out);
    assert_eq!(learner.files(), before);
    learner.done(&["update"]);
    assert_eq!(learner.files(), updated);
    learner.git(&["add", "-A", "mini-lsm-starter"]);
    learner.git(&["commit", "-q", "-m", "merged"]);
}

/// Between two branches of the learner's own there is nothing that the course could settle.
#[test]
fn conflicts_of_another_merge_are_left_to_the_learner() {
    let Some(learner) = Learner::with_git() else {
        return;
    };
    learner.git(&["checkout", "-q", "-b", "side"]);
    learner.change(STACK, PUSH, "self.items.insert(0, item)");
    learner.git(&["commit", "-q", "-a", "-m", "side"]);
    learner.git(&["checkout", "-q", "main"]);
    learner.change(STACK, PUSH, "self.items.push(item)");
    learner.git(&["commit", "-q", "-a", "-m", "mine"]);
    assert!(!learner.try_git(&["merge", "-q", "side"]).status.success());
    newer(&learner);
    let open = learner.read(STACK);
    let out = learner.done(&["update"]);
    assert_eq!(learner.read(STACK), open);
    assert!(
        open.contains("<<<<<<<") && out.contains("mini-lsm-starter/src/stack.rs:"),
        "{out}"
    );
}
