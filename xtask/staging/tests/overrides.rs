//! Markers above items: given, or moved to another task.

mod support;

use staging::stage::Stage;
use support::staged;

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
    for stage in [Stage::day(0), Stage::task(3, 2), Stage::day(7)] {
        assert_eq!(staged(&marked, stage), stripped);
    }
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
