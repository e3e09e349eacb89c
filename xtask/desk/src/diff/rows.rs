//! Two texts side by side: what stands in each row, and which words of it differ.

use similar::{ChangeTag, TextDiff};

/// Lines around a difference that are shown with it.
const AROUND: usize = 3;

#[derive(Debug, PartialEq, Eq)]
pub enum Row {
    Same(String),
    /// The learner's line and the reference's. One may be missing.
    Differs(Option<Line>, Option<Line>),
    /// Lines that are the same were left out here.
    Gap,
}

/// A line in parts; the marked ones differ.
pub type Line = Vec<(bool, String)>;

pub fn rows(mine: &str, theirs: &str) -> Vec<Row> {
    let diff = TextDiff::configure()
        .timeout(std::time::Duration::from_secs(1))
        .diff_lines(mine, theirs);
    let mut rows = Vec::new();
    for (at, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if at > 0 {
            rows.push(Row::Gap);
        }
        for op in group {
            let (mut own, mut others) = (Vec::new(), Vec::new());
            for change in diff.iter_inline_changes(op) {
                let parts = change.iter_strings_lossy();
                let line: Line = parts
                    .map(|(marked, text)| (marked, text.trim_end_matches('\n').to_string()))
                    .collect();
                match change.tag() {
                    ChangeTag::Equal => {
                        rows.push(Row::Same(line.into_iter().map(|(_, text)| text).collect()))
                    }
                    ChangeTag::Delete => own.push(line),
                    ChangeTag::Insert => others.push(line),
                }
            }
            let (mut own, mut others) = (own.into_iter(), others.into_iter());
            loop {
                match (own.next(), others.next()) {
                    (None, None) => break,
                    (own, other) => rows.push(Row::Differs(own, other)),
                }
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_stands_beside_the_one_it_was_and_an_added_one_alone() {
        let rows = rows("a\nlet x = 1;\nb\n", "a\nlet x = 2;\nb\nc\n");
        let text = |line: &Line| {
            line.iter()
                .map(|(_, text)| text.as_str())
                .collect::<String>()
        };
        let [
            Row::Same(a),
            Row::Differs(Some(mine), Some(theirs)),
            Row::Same(b),
            Row::Differs(None, Some(c)),
        ] = rows.as_slice()
        else {
            panic!("{rows:?}");
        };
        assert_eq!((a.as_str(), b.as_str(), text(c).as_str()), ("a", "b", "c"));
        assert_eq!(
            (text(mine).as_str(), text(theirs).as_str()),
            ("let x = 1;", "let x = 2;")
        );
        assert!(
            mine.iter()
                .any(|(marked, text)| *marked && text.contains('1')),
            "{mine:?}"
        );
        assert!(
            mine.iter()
                .any(|(marked, text)| !*marked && text.contains("let")),
            "{mine:?}"
        );
    }
}
