//! A parsed file together with what the parser throws away: where its tokens stand, and the comments between them.

use std::ops::Range;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;

use crate::marker::{self, Marker};
use crate::problem::Problem;

/// A Rust file, its text and its tree side by side. All positions are byte offsets into the text.
pub struct Source<'a> {
    pub path: &'a str,
    pub text: &'a str,
    pub file: syn::File,
    /// In order and apart from each other; a doc comment is one.
    tokens: Vec<Range<usize>>,
    line_starts: Vec<usize>,
    pub comments: Vec<Comment>,
}

/// A plain line comment. Doc comments are tokens, and comments within string literals are no comments.
pub struct Comment {
    pub range: Range<usize>,
    /// Nothing but blanks stands before it on its line.
    pub own_line: bool,
    pub marker: Option<Result<Marker, String>>,
}

impl<'a> Source<'a> {
    pub fn parse(path: &'a str, text: &'a str) -> Result<Source<'a>, Problem> {
        let no_rust = |error: syn::Error| Problem {
            path: path.to_string(),
            line: error.span().start().line,
            what: format!("this is no Rust ({error}); `cargo check` says more"),
        };
        let stream: TokenStream = text
            .parse()
            .map_err(|error: proc_macro2::LexError| no_rust(error.into()))?;
        let mut leaves = Vec::new();
        flatten(stream.clone(), &mut leaves);
        let file = syn::parse2(stream).map_err(no_rust)?;
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let mut source = Source {
            path,
            text,
            file,
            tokens: merge(leaves),
            line_starts,
            comments: Vec::new(),
        };
        source.comments = source.find_comments();
        Ok(source)
    }

    /// The line of an offset, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at)
    }

    pub fn line_start(&self, at: usize) -> usize {
        self.line_starts[self.line(at) - 1]
    }

    /// Just past the line's newline.
    pub fn line_end(&self, at: usize) -> usize {
        self.line_starts
            .get(self.line(at))
            .copied()
            .unwrap_or(self.text.len())
    }

    pub fn problem(&self, at: usize, what: impl Into<String>) -> Problem {
        Problem {
            path: self.path.to_string(),
            line: self.line(at),
            what: what.into(),
        }
    }

    pub fn range(&self, node: &impl Spanned) -> Range<usize> {
        node.span().byte_range()
    }

    /// The end of the last token that ends at or before `at`; 0 if there is none.
    pub fn token_end_before(&self, at: usize) -> usize {
        let next = self.tokens.partition_point(|token| token.end <= at);
        next.checked_sub(1).map_or(0, |i| self.tokens[i].end)
    }

    /// The start of the first token at or past `at`; the text's length if there is none.
    pub fn token_start_from(&self, at: usize) -> usize {
        let next = self.tokens.partition_point(|token| token.start < at);
        self.tokens
            .get(next)
            .map_or(self.text.len(), |token| token.start)
    }

    pub fn tokens_within(&self, range: &Range<usize>) -> &[Range<usize>] {
        let from = self
            .tokens
            .partition_point(|token| token.start < range.start);
        let to = self.tokens.partition_point(|token| token.end <= range.end);
        &self.tokens[from.min(to)..to]
    }

    /// Only blanks stand before `at` on its line.
    pub fn begins_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].trim().is_empty()
    }

    /// What to cut when the node at `range` goes: its whole lines where no other code shares them, with the remarks
    /// directly above it, since they speak of what is gone. A marker that is a word of its own (`until`, a block) stays.
    pub fn cut(&self, range: &Range<usize>) -> Range<usize> {
        if !self.begins_line(range.start) {
            return range.clone();
        }
        let mut start = self.line_start(range.start);
        while let Some(above) = self.comment_line_above(start) {
            start = above;
        }
        let line_end = self.line_end(range.end - 1);
        let alone = self.token_start_from(range.end) >= line_end;
        start..if alone { line_end } else { range.end }
    }

    fn comment_line_above(&self, line_start: usize) -> Option<usize> {
        let above = self.line_start(line_start.checked_sub(1)?);
        let comment = self
            .comments
            .iter()
            .find(|c| c.own_line && self.line_start(c.range.start) == above)?;
        let own_word = matches!(
            comment.marker,
            Some(Ok(Marker::Open(_) | Marker::Close(_) | Marker::Until(..)))
        );
        (!own_word).then_some(above)
    }

    fn find_comments(&self) -> Vec<Comment> {
        let mut comments = Vec::new();
        let mut from = 0;
        for token in self
            .tokens
            .iter()
            .cloned()
            .chain(std::iter::once(self.text.len()..self.text.len()))
        {
            self.comments_in_gap(from..token.start, &mut comments);
            from = token.end;
        }
        comments
    }

    fn comments_in_gap(&self, gap: Range<usize>, comments: &mut Vec<Comment>) {
        let mut at = gap.start;
        while at < gap.end {
            let rest = &self.text[at..gap.end];
            if rest.starts_with("//") {
                let len = rest.find('\n').unwrap_or(rest.len());
                let text = rest[..len].trim_end();
                comments.push(Comment {
                    range: at..at + text.len(),
                    own_line: self.begins_line(at),
                    marker: marker::parse(text),
                });
                at += len;
            } else if rest.starts_with("/*") {
                at += block_comment_len(rest);
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
    }
}

/// Block comments nest in Rust.
fn block_comment_len(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

fn flatten(stream: TokenStream, leaves: &mut Vec<Range<usize>>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                leaves.push(group.span_open().byte_range());
                flatten(group.stream(), leaves);
                leaves.push(group.span_close().byte_range());
            }
            leaf => leaves.push(leaf.span().byte_range()),
        }
    }
}

/// The tokens of a doc comment lie upon each other; they become one.
fn merge(mut leaves: Vec<Range<usize>>) -> Vec<Range<usize>> {
    leaves.retain(|leaf| !leaf.is_empty());
    leaves.sort_by_key(|leaf| (leaf.start, leaf.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        match merged.last_mut() {
            Some(last) if leaf.start < last.end => last.end = last.end.max(leaf.end),
            _ => merged.push(leaf),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_comments_are_comments() {
        let text = "/// day 1 task 1\nfn f() {\n    let s = \"// day 2 task 2\"; // day 3 task 3\n    /* // day 4 task 4 /* */ */\n    // ü\n}\n";
        let source = Source::parse("f.rs", text).unwrap();
        let found: Vec<_> = source
            .comments
            .iter()
            .map(|c| (&text[c.range.clone()], c.own_line))
            .collect();
        assert_eq!(found, [("// day 3 task 3", false), ("// ü", true)]);
    }

    #[test]
    fn offsets_are_bytes_and_lines_count_from_one() {
        let text = "// ü\nfn f() {}\n";
        let source = Source::parse("f.rs", text).unwrap();
        assert_eq!(&text[source.range(&source.file.items[0])], "fn f() {}");
        assert_eq!(source.line(source.token_start_from(0)), 2);
    }

    #[test]
    fn a_file_that_is_no_rust_is_a_problem_with_its_line() {
        let problem = Source::parse("f.rs", "fn f() {}\nfn {}\n").err().unwrap();
        assert_eq!((problem.path.as_str(), problem.line), ("f.rs", 2));
        assert_eq!(Source::parse("f.rs", "\nfn f( {}\n").err().unwrap().line, 2);
    }
}
