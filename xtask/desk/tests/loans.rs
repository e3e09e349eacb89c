//! Functions borrowed and given back.

mod support;

use support::Learner;
use xtask::stubs::{Loan, borrowed_in_sources, in_sources};

const STACK: &str = "mini-lsm-starter/src/stack.rs";

#[test]
fn a_borrowed_function_has_the_references_body_and_a_line_above_it() {
    let learner = Learner::new();
    let out = learner.done(&["borrow", "Stack::pop"]);
    assert!(
        out.starts_with("Stack::pop is the reference's now"),
        "{out}"
    );
    let stack = learner.read(STACK);
    let marked = "    // borrowed: `cargo x repay Stack::pop` makes it a stub again (day 1, task 2)\n    pub fn pop(&mut self) -> Option<u8> {\n        self.items.pop()\n    }\n";
    assert!(stack.contains(marked), "{stack}");
    let sources = learner.starter("src");
    let loan = Loan {
        item: "Stack::pop".to_string(),
        task: Some((1, 2)),
    };
    assert_eq!(borrowed_in_sources(&sources), [loan]);
    assert!(
        !in_sources(&sources)
            .iter()
            .any(|stub| stub.item == "Stack::pop")
    );
}

#[test]
fn what_is_given_back_is_the_starter_byte_for_byte() {
    let learner = Learner::new();
    let before = learner.files();
    // The first needs a private method, the second a private function that stands outside of its block.
    for name in ["Stack::len", "Stack::shift", "Queue::take"] {
        let out = learner.done(&["borrow", name]);
        let helper = match name {
            "Stack::len" => "brought along: fn count in mini-lsm-starter/src/stack.rs",
            "Stack::shift" => "brought along: fn take_first in mini-lsm-starter/src/stack.rs",
            _ => "",
        };
        assert!(
            out.contains(helper) && !out.contains("does not compile"),
            "{out}"
        );
    }
    assert!(
        learner
            .read(STACK)
            .contains("// borrowed with Stack::len\n    fn count(&self)")
    );
    learner.done(&["repay", "Stack::shift"]);
    assert!(!learner.read(STACK).contains("fn take_first"));
    assert!(learner.read(STACK).contains("fn count"));
    learner.done(&["repay"]);
    assert_eq!(learner.files(), before);
    assert!(learner.done(&["repay"]).contains("nothing is borrowed"));
}

#[test]
fn a_helper_stays_as_long_as_something_calls_it() {
    let learner = Learner::new();
    learner.done(&["borrow", "Stack::len"]);
    learner.change(
        STACK,
        "unimplemented!(\"day 1, task 1: Stack::push\")",
        "assert!(self.count() < 9); self.items.push(item)",
    );
    learner.done(&["repay"]);
    assert!(learner.read(STACK).contains("fn count"));
}

#[test]
fn an_own_body_comes_back_from_where_it_was_kept() {
    let learner = Learner::new();
    learner.change(
        STACK,
        "unimplemented!(\"day 1, task 2: Stack::pop\")",
        "self.items.pop().map(|item| item) // mine",
    );
    let before = learner.files();
    let out = learner.done(&["borrow", "Stack::pop"]);
    assert!(!learner.read(STACK).contains("// mine"));
    learner.go_back(&out);
    assert_eq!(learner.files(), before);
}

#[test]
fn the_body_is_the_one_of_the_stage_at_which_the_learner_stands() {
    let learner = Learner::new();
    learner.change(
        "mini-lsm/src/stack.rs",
        "self.items.push(item);\n",
        "self.items.push(item);\n        self.shift(); // day 2 task 1\n",
    );
    learner.edition();
    learner.done(&["borrow", "Stack::push"]);
    assert!(
        !learner.read(STACK).contains("self.shift()"),
        "day 2 is not written"
    );
    learner.done(&["catch-up", "--day", "2"]);
    learner.change(STACK, "self.shift();", "");
    learner.done(&["borrow", "Stack::push"]);
    assert!(learner.read(STACK).contains("self.shift()"), "it is now");
}

#[test]
fn an_import_that_was_tidied_away_comes_along() {
    let learner = Learner::new();
    learner.change(
        "mini-lsm/src/queue.rs",
        "use crate::stack::Stack;",
        "use std::mem::take as emptied;\n\nuse crate::stack::Stack;",
    );
    learner.change(
        "mini-lsm/src/queue.rs",
        "self.stack.shift()",
        "emptied(&mut self.stack).shift()",
    );
    learner.edition();
    let queue = "mini-lsm-starter/src/queue.rs";
    learner.change(queue, "use std::mem::take as emptied;\n", "");
    let out = learner.done(&["borrow", "Queue::take"]);
    assert!(
        out.contains("brought along: use std::mem::take as emptied"),
        "{out}"
    );
    assert!(
        learner
            .read(queue)
            .contains("use std::mem::take as emptied;\n")
    );
    assert!(!out.contains("does not compile"), "{out}");
}

#[test]
fn a_body_that_does_not_fit_is_said_not_to() {
    let learner = Learner::new();
    learner.change(STACK, "    items: Vec<u8>,", "    things: Vec<u8>,");
    let out = learner.done(&["borrow", "Stack::pop"]);
    assert!(
        out.contains("the crate does not compile with it: mini-lsm-starter/src/stack.rs:"),
        "{out}"
    );
}
