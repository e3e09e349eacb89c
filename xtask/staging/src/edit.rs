//! Changes to a text by byte range: the rest of it, with its comments and its layout, stays as it was written.

use std::ops::Range;

/// Puts `with` in the place of the bytes `range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub range: Range<usize>,
    pub with: String,
}

impl Edit {
    pub fn remove(range: Range<usize>) -> Edit {
        Edit {
            range,
            with: String::new(),
        }
    }
}

/// Applies the edits, in any order. One that lies within another has no effect: what it would change is gone.
pub fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by(|a, b| {
        a.range
            .start
            .cmp(&b.range.start)
            .then(b.range.end.cmp(&a.range.end))
    });
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        if edit.range.start < done {
            continue;
        }
        out.push_str(&text[done..edit.range.start]);
        out.push_str(&edit.with);
        done = edit.range.end;
    }
    out.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_the_order_of_the_text_and_the_outer_one_wins() {
        let inner = Edit {
            range: 4..5,
            with: "x".to_string(),
        };
        let outer = Edit {
            range: 3..6,
            with: "_".to_string(),
        };
        let last = Edit::remove(8..9);
        assert_eq!(apply("abcdefghi", vec![last, inner, outer]), "abc_gh");
    }
}
