//! What cannot be staged is refused, with its line, at every stage alike.

mod support;

use std::fs;

use staging::problem::Problems;
use staging::stage::{Stage, derive, stage_source};
use support::{assert_problem, problems};

#[test]
fn what_cannot_be_stubbed_is_refused() {
    assert_problem(
        "\npub fn f() -> impl Iterator<Item = u8> {\n    [1].into_iter()\n}\n",
        2,
        "impl Trait",
    );
    assert_problem(
        "pub fn f()\n-> Result<Box<(u8, impl Fn())>> {\n    x()\n}\n",
        2,
        "impl Trait",
    );
    assert_problem(
        "impl A for B {\n    fn f() -> impl A {\n        x()\n    }\n}\n",
        2,
        "impl Trait",
    );
    assert_problem(
        "trait A {\n    fn f() -> impl A {\n        x()\n    }\n}\n",
        2,
        "impl Trait",
    );
    assert_problem("pub const fn f() -> u8 {\n    1\n}\n", 1, "const fn");
    assert_problem(
        "impl A {\n    const fn f() -> u8 {\n        1\n    }\n}\n",
        2,
        "const fn",
    );
    assert_problem("macro_rules! m {\n    () => {};\n}\n", 1, "macro_rules!");
    assert_problem(
        "mod inner {\n    macro_rules! m {\n        () => {};\n    }\n}\n",
        2,
        "macro_rules!",
    );
}

#[test]
fn what_needs_no_stub_is_not_refused() {
    let fine = [
        "fn private() -> impl Iterator<Item = u8> {\n    [1].into_iter()\n}\n",
        "pub fn f(a: impl Fn() -> u8) {}\n",
        "trait A {\n    fn f() -> impl A;\n}\n",
        "m!();\n",
        "#[cfg(unix)]\npub fn f() {}\n",
    ];
    for source in fine {
        assert_eq!(problems(source), [], "{source}");
    }
}

#[test]
fn test_code_is_refused_wherever_it_stands() {
    assert_problem("\n#[cfg(test)]\nmod tests {}\n", 2, "cfg(test)");
    assert_problem(
        "impl A {\n    #[cfg(all(test, unix))]\n    pub fn f() {}\n}\n",
        2,
        "cfg(test)",
    );
    assert_problem(
        "pub fn f() {\n    #[cfg(test)]\n    g();\n}\n",
        2,
        "cfg(test)",
    );
    assert_problem(
        "struct A {\n    #[cfg_attr(test, x)]\n    a: u8,\n}\n",
        2,
        "cfg(test)",
    );
    assert_problem("// given\n#[cfg(test)]\nmod tests {}\n", 2, "cfg(test)");
}

#[test]
fn a_marked_line_must_be_whole() {
    let in_body = |body: &str| format!("pub fn f() {{\n{body}}}\n");
    let parts = [
        "    let a = g( // day 6 task 3\n        b,\n    );\n",
        "    let a = g(\n        b, // day 6 task 3\n    );\n",
        "    a();  b(); // day 6 task 3\n",
        "    if a {  // day 6 task 3\n        b();\n    }\n",
        "    let a = b\n        .c() // day 6 task 3\n        .d();\n",
        "    let v = vec![\n        1, // day 6 task 3\n    ];\n",
        "    let a = [\n        1, // day 6 task 3\n    ];\n",
    ];
    for part in parts {
        let line = 2 + part
            .lines()
            .position(|line| line.contains("// day"))
            .unwrap();
        assert_problem(
            &in_body(part),
            line,
            "no whole statement, field or match arm",
        );
    }
    assert_problem(
        &in_body("    // day 6 task 3\n    a();\n"),
        2,
        "at the end of the last line",
    );
    assert_problem(
        &in_body("    // given\n    a();\n"),
        2,
        "stands above an item",
    );
    assert_problem(&in_body("    a(); // given\n"), 2, "alone on its line");
    assert_problem(
        &in_body("    a(); // until day 6 task 3: b();\n"),
        2,
        "alone on its line",
    );
    assert_problem(
        &in_body("    // until day 6 task 3: let a = (\n    a();\n"),
        2,
        "no whole statement",
    );
    for (body, line) in [
        ("    // until day 6 task 3: let a = 1\n    a();\n", 2),
        ("    // until day 6 task 3: a: 1,\n    a();\n", 2),
        (
            "    S {\n        // until day 6 task 3: a();\n        b,\n    };\n",
            3,
        ),
        (
            "    S {\n        // until day 6 task 3: a: 1\n        b,\n    };\n",
            3,
        ),
        (
            "    match a {\n        // until day 6 task 3: a: 1,\n        _ => {}\n    }\n",
            3,
        ),
        (
            "    g(\n        // until day 6 task 3: a();\n        b,\n    );\n",
            3,
        ),
    ] {
        assert_problem(
            &in_body(body),
            line,
            "no whole statement, field or match arm here",
        );
    }
}

#[test]
fn a_marked_block_must_be_whole_and_balanced() {
    let in_body = |body: &str| format!("pub fn f() {{\n{body}}}\n");
    assert_problem(
        &in_body("    // day 6 task 3 {\n    a();\n"),
        2,
        "never closed",
    );
    assert_problem(
        &in_body("    a();\n    // } day 6 task 3\n"),
        3,
        "nothing is open",
    );
    assert_problem(
        &in_body("    // day 6 task 3 {\n    a();\n    // } day 6 task 2\n"),
        4,
        "must agree",
    );
    assert_problem(
        &in_body("    // day 6 task 3 {\n    // } day 6 task 3\n"),
        2,
        "no whole statements",
    );
    assert_problem(
        &in_body(
            "    // day 6 task 3 {\n    if a {\n        b();\n        // } day 6 task 3\n    }\n",
        ),
        2,
        "no whole statements",
    );
    assert_problem(
        &in_body(
            "    g(\n        // day 6 task 3 {\n        b,\n        // } day 6 task 3\n    );\n",
        ),
        3,
        "no whole statements",
    );
    assert_problem(
        &in_body("    a(); // day 6 task 3 {\n    b();\n"),
        2,
        "alone on its line",
    );
    let over_two_bodies = "pub fn f() {\n    // day 6 task 3 {\n    a();\n}\npub fn g() {\n    b();\n    // } day 6 task 3\n}\n";
    let found = problems(over_two_bodies);
    assert_eq!(
        found.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
        [2, 7],
        "{found:?}"
    );
}

#[test]
fn a_marker_without_effect_is_refused() {
    let in_body = |body: &str| format!("pub fn f() {{\n{body}}}\n");
    assert_problem(
        &in_body("    a(); // day 3 task 2\n"),
        2,
        "has no effect in a function of day 3 task 2",
    );
    assert_problem(
        &in_body("    // until day 2 task 1: a();\n"),
        2,
        "has no effect",
    );
    assert_problem(
        &in_body("    // day 1 task 1 {\n    a();\n    // } day 1 task 1\n"),
        2,
        "has no effect",
    );
    let nested =
        "    // day 6 task 3 {\n    a();\n    b(); // day 5 task 1\n    // } day 6 task 3\n";
    assert_problem(&in_body(nested), 4, "within a block of day 6 task 3");
}

#[test]
fn an_unknown_marker_is_refused_wherever_it_stands() {
    assert_problem("// day 3\npub fn f() {}\n", 1, "is no marker");
    assert_problem(
        "pub fn f() {\n    a(); // day 6, task 3\n}\n",
        2,
        "is no marker",
    );
    assert_problem(
        "struct A {\n    a: u8, // day of the week\n}\n",
        2,
        "is no marker",
    );
    assert_problem("impl A {\n    // until day 3\n}\n", 2, "is no marker");
    assert_problem("pub fn f() {} // day 8 task 1\n", 1, "is no marker");
}

#[test]
fn a_marker_that_stands_above_nothing_is_refused() {
    assert_problem(
        "// given\n\npub fn f() {}\n",
        1,
        "no item stands right below",
    );
    assert_problem(
        "pub fn f() {}\n// day 5 task 1\n",
        2,
        "no item stands right below",
    );
    assert_problem(
        "struct A {\n    // given\n    a: u8,\n}\n",
        2,
        "no item stands right below",
    );
    assert_problem(
        "struct A {\n    a: u8, // day 5 task 1\n}\n",
        2,
        "outside bodies everything is the same",
    );
    assert_problem(
        "use a::b; // day 5 task 1\n",
        1,
        "outside bodies everything is the same",
    );
    assert_problem(
        "// until day 5 task 1: use a::b;\npub fn f() {}\n",
        1,
        "outside bodies everything is the same",
    );
    let around_an_item = problems("// day 5 task 1 {\npub fn f() {}\n// } day 5 task 1\n");
    assert_eq!(
        around_an_item
            .iter()
            .map(|(line, _)| *line)
            .collect::<Vec<_>>(),
        [1, 3],
        "{around_an_item:?}"
    );
    assert_problem("pub fn f() {} // given\n", 1, "on a line of its own");
    assert_problem(
        "// given\n// day 5 task 1\npub fn f() {}\n",
        2,
        "already says",
    );
    assert_problem(
        "// given\n/// Doc.\n// given\npub fn f() {}\n",
        3,
        "already says",
    );
}

#[test]
fn a_given_file_has_no_markers() {
    let refused = |text: &str| {
        stage_source("src/options.rs", text, Stage::day(0))
            .err()
            .unwrap_or_default()
    };
    for text in [
        "//! Options.\nfn f() {\n    a(); // day 6 task 3\n}\n",
        "\n\n// day 6 task 3\nfn f() {}\n",
        "\n\n// day 6\nfn f() {}\n",
    ] {
        let found = refused(text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(
            (found[0].path.as_str(), found[0].line),
            ("src/options.rs", 3)
        );
        assert!(found[0].what.contains("a given file"), "{found:?}");
    }
    assert_eq!(refused("// given\nfn f() {} // a day\n"), []);
}

#[test]
fn a_headline_without_a_task_is_refused() {
    let found = stage_source(
        "src/merge.rs",
        "\n//! Day 3 · Merging.\nfn f() {}\n",
        Stage::day(0),
    )
    .unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].line, 2);
    assert!(found[0].what.contains("names no task"), "{found:?}");
}

#[test]
fn all_problems_of_all_files_are_told_at_once_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let reference = dir.path().join("mini-lsm");
    fs::create_dir_all(reference.join("src")).unwrap();
    fs::create_dir_all(reference.join("tests")).unwrap();
    for (path, text) in [
        ("Cargo.toml", "[package]\nname = \"mini-lsm\"\n"),
        ("src/lib.rs", "pub mod a;\npub mod b; // day 3\n"),
        ("src/b.rs", "//! Day 1\n"),
        (
            "src/a.rs",
            "//! Day 3 · Task 2 · A.\npub const fn f() {}\nconst X: u8 = 1; // given\n",
        ),
        ("tests/day1_x.rs", "// day 1 task 1\n"),
        ("tests/other.rs", "// day 1\n"),
    ] {
        fs::write(reference.join(path), text).unwrap();
    }
    let error = derive(&reference, Stage::day(0)).unwrap_err();
    let problems = error
        .downcast_ref::<Problems>()
        .expect("annotations are what is wrong")
        .to_string();
    let places: Vec<&str> = problems
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "mini-lsm/src/a.rs:2",
            "mini-lsm/src/a.rs:3",
            "mini-lsm/src/b.rs:1",
            "mini-lsm/src/lib.rs:2",
            "mini-lsm/tests/day1_x.rs:1"
        ]
    );
}
