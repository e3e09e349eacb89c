//! The book's tables and pictures of benchmarks are what the records beside them give: nothing in them is typed by hand.

use std::fs;
use std::path::{Path, PathBuf};

use mini_lsm_bench::report::{Record, markdown, svg};

fn records() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src/benchmarks");
    let files = fs::read_dir(folder).expect("the book has a folder of records");
    let paths = files.map(|file| file.expect("a file").path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect()
}

#[test]
fn the_book_shows_what_the_records_say() {
    let records = records();
    assert!(!records.is_empty());
    for path in records {
        let text = fs::read_to_string(&path).expect("a record");
        let record = Record::from_json(&text).expect("a record");
        assert!(record.is_good(), "{}: a run failed", path.display());
        let made = [("txt", markdown::of(&record)), ("svg", svg::of(&record))];
        for (ending, expected) in made {
            let shown = path.with_extension(ending);
            let found = fs::read_to_string(&shown).unwrap_or_default();
            assert!(
                found == expected || !shown.exists() && ending == "svg",
                "{} is not made of {}: cargo x bench --from <the one> --{} <the other>",
                shown.display(),
                path.display(),
                if ending == "txt" { "markdown" } else { "svg" },
            );
        }
    }
}
