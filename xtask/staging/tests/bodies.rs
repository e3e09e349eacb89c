//! Markers inside bodies: what exists from a task on, and what before it.

mod support;

use staging::stage::Stage;
use support::staged;

/// A body of day 3, as it is on day 3 and from day 6, task 3 on.
#[track_caller]
fn assert_body(source: &str, early: &str, late: &str) {
    let within = |body: &str| format!("\npub fn f() {{\n{body}}}\n");
    assert_eq!(
        staged(&within(source), Stage::day(3)),
        within(early),
        "day 3"
    );
    assert_eq!(
        staged(&within(source), Stage::task(6, 2)),
        within(early),
        "day 6 task 2"
    );
    assert_eq!(
        staged(&within(source), Stage::task(6, 3)),
        within(late),
        "day 6 task 3"
    );
    assert_eq!(
        staged(&within(source), Stage::day(7)),
        within(late),
        "day 7"
    );
    assert!(
        staged(&within(source), Stage::day(2)).contains("unimplemented!"),
        "a stub has no markers"
    );
}

#[test]
fn a_marked_line_exists_from_its_task_on() {
    assert_body(
        "    log(); // day 6 task 3\n    insert();\n",
        "    insert();\n",
        "    log();\n    insert();\n",
    );
}

#[test]
fn a_remark_right_above_a_marked_line_goes_with_it() {
    assert_body(
        "    start();\n\n    // First the log,\n    // since a crash may come.\n    log(); // day 6 task 3\n    // Then the memtable.\n    insert();\n",
        "    start();\n\n    // Then the memtable.\n    insert();\n",
        "    start();\n\n    // First the log,\n    // since a crash may come.\n    log();\n    // Then the memtable.\n    insert();\n",
    );
}

#[test]
fn until_is_code_in_the_stages_before() {
    assert_body(
        "    // until day 6 task 3: let n = 0;\n    let n = common(a, b); // day 6 task 3\n    use_it(n)\n",
        "    let n = 0;\n    use_it(n)\n",
        "    let n = common(a, b);\n    use_it(n)\n",
    );
}

#[test]
fn a_last_expression_can_be_exchanged() {
    assert_body(
        "    // until day 6 task 3: Ok(())\n    self.sync() // day 6 task 3\n",
        "    Ok(())\n",
        "    self.sync()\n",
    );
}

#[test]
fn a_block_exists_from_its_task_on() {
    assert_body(
        "    a();\n    // day 6 task 3 {\n    // Why.\n    if b() {\n        return;\n    }\n    c();\n    // } day 6 task 3\n    d();\n",
        "    a();\n    d();\n",
        "    a();\n    // Why.\n    if b() {\n        return;\n    }\n    c();\n    d();\n",
    );
}

#[test]
fn a_block_may_hold_what_comes_later_still() {
    let source = "\npub fn f() {\n    // day 5 task 1 {\n    a();\n    // until day 6 task 1: b();\n    c(); // day 6 task 1\n    // } day 5 task 1\n    d();\n}\n";
    assert_eq!(
        staged(source, Stage::day(4)),
        "\npub fn f() {\n    d();\n}\n"
    );
    assert_eq!(
        staged(source, Stage::day(5)),
        "\npub fn f() {\n    a();\n    b();\n    d();\n}\n"
    );
    assert_eq!(
        staged(source, Stage::day(6)),
        "\npub fn f() {\n    a();\n    c();\n    d();\n}\n"
    );
}

#[test]
fn a_field_and_an_arm_can_be_marked() {
    assert_body(
        "    let s = S {\n        a,\n        // until day 6 task 3: log: None,\n        log: Some(log), // day 6 task 3\n    };\n    match s.a {\n        1 => one(),\n        2 => two(), // day 6 task 3\n        // until day 6 task 3: 3 => {}\n        3 => {\n            three();\n        } // day 6 task 3\n        _ => {}\n    }\n",
        "    let s = S { a, log: None };\n    match s.a {\n        1 => one(),\n        3 => {}\n        _ => {}\n    }\n",
        "    let s = S { a, log: Some(log) };\n    match s.a {\n        1 => one(),\n        2 => two(),\n        3 => {\n            three();\n        }\n        _ => {}\n    }\n",
    );
}

#[test]
fn a_wrapped_statement_is_marked_on_its_last_piece() {
    let long = "    let a_long_name = some_function_with_a_name(first_argument_of_it)\n        .and_then(|it| it.a_method_of_it(another_argument_that_is_long))\n        .unwrap_or_default();";
    assert_body(
        &format!(
            "{long} // day 6 task 3\n    if let Some(x) = y {{\n        z();\n    }} // day 6 task 3\n    insert();\n"
        ),
        "    insert();\n",
        &format!("{long}\n    if let Some(x) = y {{\n        z();\n    }}\n    insert();\n"),
    );
}

#[test]
fn markers_work_in_closures_loops_and_nested_blocks() {
    assert_body(
        "    run(move || {\n        loop {\n            if a {\n                b(); // day 6 task 3\n                c();\n            }\n        }\n    });\n",
        "    run(move || {\n        loop {\n            if a {\n                c();\n            }\n        }\n    });\n",
        "    run(move || {\n        loop {\n            if a {\n                b();\n                c();\n            }\n        }\n    });\n",
    );
}

#[test]
fn a_given_function_may_have_marked_lines() {
    let source = "\n// given\nfn f() {\n    a(); // day 1 task 1\n    b();\n}\n";
    assert_eq!(staged(source, Stage::day(0)), "\nfn f() {\n    b();\n}\n");
    assert_eq!(
        staged(source, Stage::day(1)),
        "\nfn f() {\n    a();\n    b();\n}\n"
    );
}

#[test]
fn words_in_strings_and_docs_are_no_markers() {
    let source = "\n/// day 6 task 3\npub fn f() {\n    g(\"// day 6 task 3\");\n    let raw = r#\"\n    // until day 6 task 3: x();\n    \"#;\n    /* // day 6 task 3 */\n}\n";
    assert_eq!(staged(source, Stage::day(3)), source);
}
