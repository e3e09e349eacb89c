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
