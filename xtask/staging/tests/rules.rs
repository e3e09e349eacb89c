//! Every rule of annotation: a small source in, the staged text out.

mod support;

use staging::stage::Stage;
use support::{staged, staged_at};

const BEFORE: Stage = Stage::task(3, 1);
const AFTER: Stage = Stage::task(3, 2);

/// A source, what it is before its task, and what it is from then on.
#[track_caller]
fn assert_staged(source: &str, before: &str, after: &str) {
    assert_eq!(staged(source, BEFORE), before, "before");
    assert_eq!(staged(source, AFTER), after, "after");
    assert_eq!(staged(source, Stage::day(0)), before, "at the start");
    assert_eq!(staged(source, Stage::day(7)), after, "at the end");
}

#[test]
fn a_file_without_the_headline_goes_into_every_stage_as_it_is() {
    let given = "//! Options.\n\npub fn f() -> u32 {\n    1\n}\n\nfn g() {}\n";
    assert_eq!(staged_at("src/options.rs", given, Stage::day(0)), given);
    let no_doc = "fn g() {\n    1;\n}\n";
    assert_eq!(staged_at("src/options.rs", no_doc, Stage::day(0)), no_doc);
}

#[test]
fn the_headline_names_the_task_and_stays() {
    let source = "//! Day 3 · Task 2 · Merging.\n\npub fn f() -> u32 {\n    1\n}\n";
    let stub = "//! Day 3 · Task 2 · Merging.\n\npub fn f() -> u32 {\n    unimplemented!(\"day 3, task 2: merge::f\")\n}\n";
    assert_eq!(staged_at("src/merge.rs", source, Stage::day(2)), stub);
    assert_eq!(staged_at("src/merge.rs", source, Stage::task(3, 1)), stub);
    assert_eq!(staged_at("src/merge.rs", source, Stage::task(3, 2)), source);
    assert_eq!(staged_at("src/merge.rs", source, Stage::day(3)), source);
}

#[test]
fn what_others_can_call_becomes_a_stub() {
    assert_staged(
        "
pub(crate) fn free(a: u8) -> u8 {
    a // kept with the body
}

impl<T> Merge<T>
where
    T: Clone,
{
    pub fn new(t: T) -> Self {
        Merge(t)
    }

    pub(super) fn len(&self) -> usize {
        1
    }
}

impl Iterator for Merge<u8> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        None
    }
}

pub trait Source {
    fn key(&self) -> u8;

    fn twice(&self) -> u8 {
        self.key() * 2
    }
}
",
        "
pub(crate) fn free(a: u8) -> u8 {
    unimplemented!(\"day 3, task 2: merge::free\")
}

impl<T> Merge<T>
where
    T: Clone,
{
    pub fn new(t: T) -> Self {
        unimplemented!(\"day 3, task 2: Merge::new\")
    }

    pub(super) fn len(&self) -> usize {
        unimplemented!(\"day 3, task 2: Merge::len\")
    }
}

impl Iterator for Merge<u8> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        unimplemented!(\"day 3, task 2: Merge::next\")
    }
}

pub trait Source {
    fn key(&self) -> u8;

    fn twice(&self) -> u8 {
        unimplemented!(\"day 3, task 2: Source::twice\")
    }
}
",
        "
pub(crate) fn free(a: u8) -> u8 {
    a // kept with the body
}

impl<T> Merge<T>
where
    T: Clone,
{
    pub fn new(t: T) -> Self {
        Merge(t)
    }

    pub(super) fn len(&self) -> usize {
        1
    }
}

impl Iterator for Merge<u8> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        None
    }
}

pub trait Source {
    fn key(&self) -> u8;

    fn twice(&self) -> u8 {
        self.key() * 2
    }
}
",
    );
}

#[test]
fn a_stub_is_called_after_its_module_or_its_type() {
    let source = "//! Day 1 · Task 1 · x\npub fn f() {}\npub mod inner {\n    pub fn g() {}\n}\nimpl X for &Y<u8> {\n    fn h() {}\n}\n";
    let names = |path| {
        let text = staged_at(path, source, Stage::day(0));
        let names = text.lines().filter_map(|line| {
            line.trim()
                .strip_prefix("unimplemented!(\"day 1, task 1: ")?
                .strip_suffix("\")")
        });
        names.map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names("src/block/mod.rs"), ["block::f", "inner::g", "Y::h"]);
    assert_eq!(
        names("src/block/iterator.rs"),
        ["iterator::f", "inner::g", "Y::h"]
    );
    assert_eq!(names("src/lib.rs"), ["f", "inner::g", "Y::h"]);
}

#[test]
fn a_private_function_vanishes_with_its_docs_attributes_and_remarks() {
    assert_staged(
        "
struct Merge;

impl Merge {
    /// Stays.
    pub fn len(&self) -> usize {
        helper()
    }

    /// Goes.
    #[inline]
    fn inner(&self) {}
}

// A remark on a heading, apart from the function.

// A remark on the function.
/// Helps.
#[inline] // so they say
fn helper() -> usize {
    1
} // and ends

const LEN: usize = 1;
",
        "
struct Merge;

impl Merge {
    /// Stays.
    pub fn len(&self) -> usize {
        unimplemented!(\"day 3, task 2: Merge::len\")
    }
}

// A remark on a heading, apart from the function.

const LEN: usize = 1;
",
        "
struct Merge;

impl Merge {
    /// Stays.
    pub fn len(&self) -> usize {
        helper()
    }

    /// Goes.
    #[inline]
    fn inner(&self) {}
}

// A remark on a heading, apart from the function.

// A remark on the function.
/// Helps.
#[inline] // so they say
fn helper() -> usize {
    1
} // and ends

const LEN: usize = 1;
",
    );
}

#[test]
fn an_inherent_impl_left_empty_vanishes_and_one_that_always_was_stays() {
    assert_staged(
        "
struct A;

/// The workshop.
impl A {
    fn one(&self) {}

    fn two(&self) {}
}

impl A {}

impl Clone for A {
    fn clone(&self) -> A {
        A
    }
}
",
        "
struct A;

impl A {}

impl Clone for A {
    fn clone(&self) -> A {
        unimplemented!(\"day 3, task 2: A::clone\")
    }
}
",
        "
struct A;

/// The workshop.
impl A {
    fn one(&self) {}

    fn two(&self) {}
}

impl A {}

impl Clone for A {
    fn clone(&self) -> A {
        A
    }
}
",
    );
    let with_const = "\nimpl A {\n    const N: u8 = 1;\n\n    fn one(&self) {}\n}\n";
    assert_eq!(
        staged(with_const, BEFORE),
        "\nimpl A {\n    const N: u8 = 1;\n}\n"
    );
}

#[test]
fn the_stub_of_drop_is_an_empty_body() {
    let source = "\nimpl Drop for A {\n    fn drop(&mut self) {\n        self.close();\n    }\n}\n";
    assert_staged(
        source,
        "\nimpl Drop for A {\n    fn drop(&mut self) {}\n}\n",
        source,
    );
    let path = "\nimpl std::ops::Drop for A {\n    fn drop(&mut self) {\n        self.close();\n    }\n}\n";
    assert!(staged(path, BEFORE).contains("fn drop(&mut self) {}"));
}

#[test]
fn outside_bodies_everything_is_the_same_at_every_stage() {
    let source = "
use std::fmt; // plain

/// A type.
#[derive(Clone)]
struct Private {
    field: u8, // its remark
}

pub enum Public {
    A,
    B(u8),
}

type Alias = u8;
static S: u8 = 1;
const C: u8 = 2;

trait Hidden {
    const N: u8;
    fn f(&self);
}

mod inner {
    struct Deep;
}
";
    assert_staged(source, source, source);
}

#[test]
fn given_above_an_item_keeps_it_whole() {
    let stripped = "
impl A {
    /// Doc.
    #[inline]
    pub fn above(&self) -> u8 {
        1
    }

    /// Doc.
    #[inline]
    pub fn between(&self) -> u8 {
        2
    }

    fn private(&self) {}
}

fn helper() {}

const fn constant() -> u8 {
    3
}

pub fn opaque() -> impl Iterator<Item = u8> {
    [1].into_iter()
}

macro_rules! m {
    () => {};
}
";
    let marked = stripped
        .replace(
            "    /// Doc.\n    #[inline]\n    pub fn above",
            "    // given\n    /// Doc.\n    #[inline]\n    pub fn above",
        )
        .replace("    pub fn between", "    // given\n    pub fn between")
        .replace("    fn private", "    // given\n    fn private")
        .replace("fn helper", "// given\nfn helper")
        .replace("const fn", "// given\nconst fn")
        .replace("pub fn opaque", "// given\npub fn opaque")
        .replace("macro_rules", "// given\nmacro_rules");
    assert_staged(&marked, stripped, stripped);
}

#[test]
fn a_task_above_an_item_moves_it_there() {
    let source = "\nimpl A {\n    pub fn early(&self) -> u8 {\n        1\n    }\n\n    // day 5 task 1\n    pub fn late(&self) -> u8 {\n        2\n    }\n}\n\n// day 5 task 1\nfn helper() {}\n";
    let early = "\nimpl A {\n    pub fn early(&self) -> u8 {\n        1\n    }\n\n    pub fn late(&self) -> u8 {\n        unimplemented!(\"day 5, task 1: A::late\")\n    }\n}\n";
    let late = "\nimpl A {\n    pub fn early(&self) -> u8 {\n        1\n    }\n\n    pub fn late(&self) -> u8 {\n        2\n    }\n}\n\nfn helper() {}\n";
    assert_eq!(staged(source, Stage::day(4)), early);
    assert_eq!(staged(source, Stage::task(5, 1)), late);
    assert_eq!(staged(source, Stage::day(7)), late);
}

#[test]
fn a_task_above_an_impl_holds_for_all_in_it_and_a_nearer_one_wins() {
    let source = "
/// Doc.
// day 5 task 1
impl A {
    pub fn one(&self) -> u8 {
        1
    }

    // given
    pub fn two(&self) -> u8 {
        2
    }

    fn three(&self) {}
}

// given
mod inner {
    pub fn f() -> u8 {
        3
    }
}
";
    let early = "
/// Doc.
impl A {
    pub fn one(&self) -> u8 {
        unimplemented!(\"day 5, task 1: A::one\")
    }

    pub fn two(&self) -> u8 {
        2
    }
}

mod inner {
    pub fn f() -> u8 {
        3
    }
}
";
    assert_eq!(staged(source, Stage::day(3)), early);
    let late = source
        .replace("// day 5 task 1\n", "")
        .replace("    // given\n", "")
        .replace("// given\n", "");
    assert_eq!(staged(source, Stage::day(5)), late);
}

#[test]
fn a_task_above_a_type_or_a_declared_module_is_stripped_and_changes_nothing() {
    let source = "\n// day 5 task 1\n#[derive(Clone)]\nstruct A;\n\n// given\npub mod other;\n";
    let stripped = "\n#[derive(Clone)]\nstruct A;\n\npub mod other;\n";
    assert_eq!(staged(source, Stage::day(0)), stripped);
    assert_eq!(staged(source, Stage::day(7)), stripped);
}
