//! Files cut into pieces and put together again.

mod support;

use staging::outline::{Entry, Kind, Outline};
use staging::stage::{Reference, Stage};

fn reference() -> Reference {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    Reference::read(&root.join("../../mini-lsm")).unwrap()
}

#[test]
fn the_pieces_of_every_file_are_the_file() {
    let reference = reference();
    let stage = reference.stage(Stage::day(0)).unwrap();
    let staged = stage.iter().filter(|(path, _)| path.ends_with(".rs"));
    let staged = staged.map(|(path, bytes)| (path.as_str(), std::str::from_utf8(bytes).unwrap()));
    let mut functions = 0;
    for (path, text) in reference.sources().chain(staged) {
        let outline = Outline::parse(path, text).unwrap();
        assert_eq!(outline.text(), text, "{path}");
        let mut keys: Vec<_> = outline.pieces().map(|piece| &piece.key).collect();
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count, "{path}");
        functions += outline
            .pieces()
            .filter(|piece| piece.function().is_some())
            .count();
    }
    assert!(functions > 500, "{functions}");
}

#[test]
fn the_layout_that_a_person_leaves_is_kept() {
    for text in [
        "",
        "\n",
        "// only a remark",
        "fn f() {}",
        "fn f() {} fn g() {}\n",
        "#![allow(dead_code)] use a::b;\n",
        "impl A { fn f() {} /* x */ fn g() {} } // end\n\n// more\n",
        "impl A {}\ntrait T {}\ntrait U { fn f(); fn g() {} }",
        "impl A {\n    // open\n    fn f() {} // f\n\n    // close\n}\n",
    ] {
        assert_eq!(Outline::parse("src/a.rs", text).unwrap().text(), text);
    }
}

#[test]
fn functions_have_the_names_of_their_stubs() {
    let text = "\
mod x;
fn free() {}
impl<T: Ord> Merge<T> {
    pub fn new() -> Self {
        todo!()
    }
}
impl Merge<u8> {
    fn new() {}
}
impl<T> Drop for Merge<T> {
    fn drop(&mut self) {}
}
";
    let outline = Outline::parse("src/block/mod.rs", text).unwrap();
    let functions = outline.pieces().filter_map(|piece| {
        let function = piece.function()?;
        Some((
            piece.key.as_str(),
            function.name.as_str(),
            function.callable,
            function.stub,
        ))
    });
    assert_eq!(
        functions.collect::<Vec<_>>(),
        [
            ("fn free", "block::free", false, false),
            ("impl Merge<T>: fn new", "Merge::new", true, true),
            ("impl Merge<u8>: fn new", "Merge::new", false, false),
            ("impl Drop for Merge<T>: fn drop", "Merge::drop", true, true),
        ]
    );
    let new = outline.piece("impl Merge<T>: fn new").unwrap();
    assert!(
        new.code().starts_with("pub fn new") && new.code().ends_with('}'),
        "{}",
        new.code()
    );
}

#[test]
fn imports_are_known_one_by_one() {
    let text = "pub use a::{self, b::*, c as _};\nuse crate::d;\n";
    let outline = Outline::parse("src/a.rs", text).unwrap();
    let found: Vec<_> = outline
        .imports()
        .map(|import| (import.path.as_str(), import.name.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("pub a", "a"),
            ("pub a::b::*", "pub a::b::*"),
            ("pub a::c as _", "_"),
            ("crate::d", "d")
        ]
    );
    assert!(
        matches!(&outline.entries[0], Entry::Piece(piece) if matches!(piece.kind, Kind::Imports(_)))
    );
}

#[test]
fn what_is_no_rust_is_named_with_its_line() {
    let problem = Outline::parse("src/a.rs", "fn f() {}\nfn g( {\n").unwrap_err();
    assert_eq!(problem.line, 2);
}
