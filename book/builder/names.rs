//! Names in the prose: what stands as code in a sentence must be a name of the course, or a word that the book allows.

use crate::problem::Problem;
use crate::source::Known;
use crate::text::{Document, Kind};

/// What is written as code in `document` and is not known. What directives bring is the source's own.
pub fn problems(document: &Document, known: &Known) -> Vec<Problem> {
    let lines: Vec<&str> = document.raw.lines().collect();
    let mut problems = Vec::new();
    for item in &document.items {
        let Kind::Code(code) = &item.kind else {
            continue;
        };
        let line = lines
            .get(item.line.saturating_sub(1))
            .copied()
            .unwrap_or_default();
        // Of a directive only what it quotes stands in its line; of a value all of it does.
        if !line.contains(code.as_str()) {
            continue;
        }
        if let Some(what) = known.complaint(code) {
            problems.push(Problem::new(&document.name, item.line, what));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::of_this_repository;

    #[test]
    fn a_name_that_is_not_there_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("words.txt"), "sstable").unwrap();
        let known = Known::read(of_this_repository(), &dir.path().join("words.txt")).unwrap();
        let text = "`BlockBuilder::add` and `sstable`\n\nthen `BlockBuilder::ad`, and\n```rust\nfn no_name_of_ours() {}\n```\n";
        let problems = problems(&Document::plain("a.md", text), &known);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].line, 3);
        assert!(
            problems[0].what.contains("`BlockBuilder::add`"),
            "{problems:?}"
        );
    }
}
