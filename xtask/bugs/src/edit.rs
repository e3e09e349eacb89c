//! Planting a bug: texts replaced in the files of a crate, each exactly once.

use anyhow::{Context, Result, bail};
use staging::tree::Tree;

use crate::zoo::{self, Bug, Edit};

/// The crate with the bug in it. An error names the bug, its file, and what does not fit.
pub fn plant(reference: &Tree, bug: &Bug) -> Result<Tree> {
    let mut tree = reference.clone();
    for edit in &bug.edits {
        replace(&mut tree, edit)
            .with_context(|| format!("{}: bug {}", zoo::file(bug.day), bug.name))?;
    }
    Ok(tree)
}

fn replace(tree: &mut Tree, edit: &Edit) -> Result<()> {
    let file = &edit.file;
    let Some(bytes) = tree.get_mut(file) else {
        bail!("there is no {file} in the reference");
    };
    let text = std::str::from_utf8(bytes).with_context(|| format!("{file} is no text"))?;
    let count = text.matches(&edit.find).count();
    if edit.find.is_empty() || edit.find == edit.put {
        bail!("an edit of {file} changes nothing");
    }
    if count != 1 {
        let line = edit.find.trim().lines().next().unwrap_or_default();
        bail!("its text stands in {file} {count} times, and must stand there once: `{line}`");
    }
    *bytes = text.replacen(&edit.find, &edit.put, 1).into_bytes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let text = b"one\ntwo\ntwo\n".to_vec();
        Tree([("src/a.rs".to_string(), text)].into())
    }

    fn bug(edits: &[(&str, &str, &str)]) -> Bug {
        let edit = |&(file, find, put): &(&str, &str, &str)| Edit {
            file: file.into(),
            find: find.into(),
            put: put.into(),
        };
        Bug {
            name: "a-bug".into(),
            day: 1,
            task: 1,
            claim: String::new(),
            question: String::new(),
            met: false,
            caught_by: Vec::new(),
            edits: edits.iter().map(edit).collect(),
        }
    }

    #[test]
    fn edits_are_applied_one_after_the_other_and_to_a_copy() {
        let reference = tree();
        let edits = [("src/a.rs", "one\n", ""), ("src/a.rs", "two\ntwo", "three")];
        let planted = plant(&reference, &bug(&edits)).expect("it fits");
        assert_eq!(planted["src/a.rs"], b"three\n");
        assert_eq!(reference, tree());
    }

    #[test]
    fn an_edit_that_does_not_fit_exactly_once_names_its_bug() {
        for (edit, message) in [
            (
                ("src/a.rs", "three", ""),
                "its text stands in src/a.rs 0 times, and must stand there once: `three`",
            ),
            (
                ("src/a.rs", "two", ""),
                "its text stands in src/a.rs 2 times, and must stand there once: `two`",
            ),
            (
                ("src/b.rs", "one", ""),
                "there is no src/b.rs in the reference",
            ),
            (
                ("src/a.rs", "one", "one"),
                "an edit of src/a.rs changes nothing",
            ),
            (
                ("src/a.rs", "", "one"),
                "an edit of src/a.rs changes nothing",
            ),
        ] {
            let error = plant(&tree(), &bug(&[edit])).expect_err("it does not fit");
            let expected = format!("xtask/bugs/zoo/day1.toml: bug a-bug: {message}");
            assert_eq!(format!("{error:#}"), expected);
        }
    }
}
