//! The names of the reference, changed into those of the learners' crate.
//!
//! | in the reference     | in a stage           | where                                                                    |
//! |----------------------|----------------------|--------------------------------------------------------------------------|
//! | `mini_lsm`           | `mini_lsm_starter`   | as a whole word                                                          |
//! | `mini-lsm-cli-ref`   | `mini-lsm-cli`       | unless more of a word follows (`CARGO_BIN_EXE_` may stand before it)      |
//! | `mini-lsm`           | `mini-lsm-starter`   | where it names a package or folder: after `-p ` or `--package `, before `/` |
//!
//! Any other `mini-lsm` is prose or data (a magic number, a file name) and stays.

pub const PACKAGE: &str = "mini-lsm-starter";
pub const REFERENCE_PACKAGE: &str = "mini-lsm";

/// Changes the names in a source, a test or a manifest.
pub fn change(text: &str) -> String {
    let text = replace(text, "mini-lsm-cli-ref", "mini-lsm-cli", |_, after| {
        !is_word(after)
    });
    let text = replace(&text, "mini_lsm", "mini_lsm_starter", |before, after| {
        !is_word_end(before) && !is_word(after)
    });
    replace(&text, REFERENCE_PACKAGE, PACKAGE, |before, after| {
        let argument = before.ends_with("-p ") || before.ends_with("--package ");
        let part_of_path = before.ends_with(['.', '/']) || is_word_end(before);
        (argument && !is_word(after)) || (!part_of_path && after.starts_with('/'))
    })
}

fn replace(text: &str, from: &str, to: &str, is_name: impl Fn(&str, &str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (at, _) in text.match_indices(from) {
        let (before, after) = (&text[..at], &text[at + from.len()..]);
        let to = if is_name(before, after) { to } else { from };
        out.push_str(&text[done..at]);
        out.push_str(to);
        done = at + from.len();
    }
    out.push_str(&text[done..]);
    out
}

/// Does a word go on here?
fn is_word(text: &str) -> bool {
    text.starts_with(in_word)
}

fn is_word_end(text: &str) -> bool {
    text.ends_with(in_word)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn names_are_changed() {
        for (from, to) in [
            (
                "use mini_lsm::block::Block;",
                "use mini_lsm_starter::block::Block;",
            ),
            ("(mini_lsm)", "(mini_lsm_starter)"),
            ("name = \"mini-lsm-cli-ref\"", "name = \"mini-lsm-cli\""),
            (
                "env!(\"CARGO_BIN_EXE_mini-lsm-cli-ref\")",
                "env!(\"CARGO_BIN_EXE_mini-lsm-cli\")",
            ),
            (
                "cargo test -p mini-lsm --test day1",
                "cargo test -p mini-lsm-starter --test day1",
            ),
            (
                "cargo test --package mini-lsm.",
                "cargo test --package mini-lsm-starter.",
            ),
            (
                "see `mini-lsm/src/lib.rs`",
                "see `mini-lsm-starter/src/lib.rs`",
            ),
        ] {
            assert_eq!(change(from), to);
        }
    }

    #[test]
    fn what_only_looks_like_a_name_stays() {
        for text in [
            "mini_lsm_starter::a",
            "my_mini_lsm::a",
            "mini-lsm-starter/src",
            "-p mini-lsm-starter",
            "Mini-LSM",
            "~/.mini-lsm/db",
            "https://example.org/x/mini-lsm/",
            "b\"mini-lsm\"",
            "the original mini-lsm keeps levels as pairs",
            "mini-lsm-cli-reference",
        ] {
            assert_eq!(change(text), text);
        }
    }
}
