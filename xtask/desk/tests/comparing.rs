//! Own code beside the reference's.

mod support;

use support::Learner;

const STACK: &str = "mini-lsm-starter/src/stack.rs";

/// Day 1 as another person would have written it.
fn written() -> Learner {
    let learner = Learner::new();
    learner.done(&["catch-up", "--day", "1"]);
    learner.change(STACK, "fn count(&self)", "fn how_many(&self)");
    learner.change(STACK, "self.count()", "self.how_many()");
    learner.change(
        STACK,
        "self.items.push(item);",
        "// Remarks do not count.\n        self.items.push( item ) ;",
    );
    learner.change(STACK, "self.items.pop()", "last(&mut self.items)");
    let own = "\nfn last(items: &mut Vec<u8>) -> Option<u8> {\n    items.pop()\n}\n\nfn never_called() {}\n";
    learner.write(STACK, &(learner.read(STACK) + own));
    learner
}

#[test]
fn remarks_layout_and_names_of_helpers_are_no_difference() {
    let out = written().done(&["diff"]);
    let same = "the same: Stack::push, Stack::len, Stack::how_many, which is like the reference's Stack::count";
    let joined = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains(same), "{out}");
    assert!(
        out.contains("-     last(&mut self.items)\n  +     self.items.pop()\n"),
        "{out}"
    );
    assert!(out.contains("stack::last: only in yours"), "{out}");
    assert!(
        !out.contains("never_called") && !out.contains("Remarks"),
        "{out}"
    );
}

#[test]
fn functions_and_files_can_be_named() {
    let learner = written();
    for name in [
        "Stack::pop",
        "src/stack.rs",
        "mini-lsm-starter/src/stack.rs",
        "stack.rs",
    ] {
        let out = learner.done(&["diff", name]);
        assert!(out.contains("self.items.pop()"), "{name}: {out}");
    }
    assert!(
        !learner
            .done(&["diff", "Stack::len"])
            .contains("self.items.pop()")
    );
}

#[test]
fn a_day_that_is_not_passed_is_shown_only_to_who_insists() {
    let learner = written();
    for args in [&["diff", "--day", "2"][..], &["diff", "Queue::take"]] {
        let said = learner.refused(args);
        assert!(
            said.contains("day 2 is not passed yet: 3 stubs are left") && said.contains("--yes"),
            "{said}"
        );
        let out = learner.done(&[args, &["--yes"]].concat());
        assert!(out.contains("+     self.stack.shift()"), "{out}");
    }
}

#[test]
fn a_day_that_is_written_and_fails_is_not_passed_either() {
    let learner = written();
    learner.write(
        "progress.json",
        "{\"tests\": {\"day1_stack::task_1::push_adds_one\": {\"last\": \"passed\"}}}",
    );
    let said = learner.refused(&["diff"]);
    assert!(
        said.contains("day 1 is not passed yet: 1 test has not passed"),
        "{said}"
    );
    learner.done(&["diff", "--yes"]);
}

#[test]
fn the_page_is_written_where_it_is_asked_for_and_nothing_of_the_learners_changes() {
    let learner = written();
    let before = learner.files();
    let out = learner.done(&["diff", "--html", "page.html"]);
    assert!(out.contains("page.html shows 2 that differ"), "{out}");
    let page = learner.read("page.html");
    assert!(
        page.starts_with("<!doctype html>") && page.contains("stack::last: only in yours"),
        "{page}"
    );
    assert_eq!(learner.files(), before);
}

#[test]
fn a_file_that_does_not_parse_is_named_with_its_line() {
    let learner = written();
    learner.change(STACK, "impl Stack {", "impl Stack {{");
    let out = learner.done(&["diff", "--day", "1", "--yes"]);
    assert!(
        out.contains("mini-lsm-starter/src/stack.rs:") && out.contains("no Rust"),
        "{out}"
    );
}
