//! The loans on the course itself: its files are larger than any example, and have been written by people.

use std::collections::BTreeMap;
use std::path::Path;

use desk::borrow::{lend, take_back};
use desk::course::Course;
use desk::mine::Mine;
use staging::edition::{self, Edition};
use staging::stage::Stage;
use staging::starter;
use staging::tree::Tree;

fn course() -> Course {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Course::open(&root, &root.join("target")).unwrap()
}

fn mine(tree: Tree) -> Mine {
    let mut mine = Mine::default();
    mine.files = tree.0;
    mine
}

/// Everything borrowed is the whole engine, function by function; everything given back is the starter, byte for byte.
#[test]
fn all_functions_can_be_borrowed_and_given_back() {
    let course = course();
    let starter = mine(starter::stage_0(&course.reference).unwrap());
    let mut all = starter.clone();
    for function in &course.functions {
        // Always of the last evening, so that everything fits together at the end.
        let loan = lend(&course, &all, function, Stage::day(7), false).unwrap();
        let texts = loan.files.into_iter();
        all.files
            .extend(texts.map(|(path, text)| (path, text.into_bytes())));
    }
    assert!(course.stubs(&all).is_empty() && course.functions.len() > 140);
    for path in course.sources() {
        let (own, theirs) = (
            codes(path, &all.text(path).unwrap()),
            codes(path, &course.file(path, Stage::day(7)).unwrap()),
        );
        for (key, code) in &theirs {
            assert_eq!(own.get(key), Some(code), "{key} in {path}");
        }
    }
    let names: Vec<String> = course
        .functions
        .iter()
        .map(|f| f.name.clone())
        .filter(|name| !name.ends_with("::drop"))
        .collect();
    let mut back = all.clone();
    for (path, text) in take_back(&course, &all, &names).unwrap() {
        back.files.insert(path, text.into_bytes());
    }
    for (path, bytes) in &starter.files {
        let drop = course
            .functions
            .iter()
            .any(|f| f.path == *path && f.name.ends_with("::drop"));
        if !drop {
            assert_eq!(back.text(path), desk::mine::text(bytes), "{path}");
        }
    }
}

fn codes(path: &str, text: &str) -> BTreeMap<String, String> {
    let outline = staging::outline::Outline::parse(path, text).unwrap();
    outline
        .pieces()
        .map(|piece| (piece.key.clone(), piece.code().to_string()))
        .collect()
}

/// The committed starter says which edition it is, and says it of itself.
#[test]
fn the_starters_edition_reads_back() {
    let stage = starter::stage_0(&course().reference).unwrap();
    let text = String::from_utf8(stage[edition::PATH].clone()).unwrap();
    assert_eq!(Edition::parse(&text), Ok(Edition::of(&stage)));
}
