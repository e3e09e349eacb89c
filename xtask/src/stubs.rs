//! What is still to be written: the `unimplemented!("day N, task K: Type::function")` left in a crate's sources.

use std::fs;
use std::path::{Path, PathBuf};

/// The words of a stub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    pub day: u32,
    pub task: u32,
    /// `Type::function`
    pub item: String,
}

impl Stub {
    /// Reads `day N, task K: Type::function`.
    pub fn parse(text: &str) -> Option<Stub> {
        let (day, rest) = text.strip_prefix("day ")?.split_once(", task ")?;
        let (task, item) = rest.split_once(": ")?;
        Some(Stub {
            day: day.parse().ok()?,
            task: task.parse().ok()?,
            item: item.trim().to_string(),
        })
    }

    /// Reads the message with which a stub panics.
    pub fn from_panic(message: &str) -> Option<Stub> {
        Stub::parse(message.strip_prefix("not implemented: ")?)
    }
}

/// Every stub in the `.rs` files below `dir`. A file that cannot be read counts as one without stubs: the compiler will say more.
pub fn in_sources(dir: &Path) -> Vec<Stub> {
    let mut stubs = Vec::new();
    for file in rust_files(dir) {
        if let Ok(text) = fs::read_to_string(&file) {
            collect(&text, &mut stubs);
        }
    }
    stubs
}

fn collect(text: &str, stubs: &mut Vec<Stub>) {
    const CALL: &str = "unimplemented!(";
    for (at, _) in text.match_indices(CALL) {
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if text[line_start..at].contains("//") {
            continue;
        }
        // A formatter may put the words on a line of their own.
        let words = text[at + CALL.len()..].trim_start().strip_prefix('"');
        if let Some((words, _)) = words.and_then(|rest| rest.split_once('"')) {
            stubs.extend(Stub::parse(words));
        }
    }
}

/// Every `.rs` file below `dir`, in order.
pub fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_are_found_on_one_line_and_on_two_and_not_in_comments() {
        let mut stubs = Vec::new();
        collect(
            "fn a() { unimplemented!(\"day 1, task 2: Block::a\") }\n\
             fn b() {\n    unimplemented!(\n        \"day 3, task 1: <Block as Clone>::b\"\n    )\n}\n\
             // unimplemented!(\"day 1, task 1: Block::gone\")\n\
             fn c() { unimplemented!() }\n",
            &mut stubs,
        );
        let found: Vec<_> = stubs
            .iter()
            .map(|stub| (stub.day, stub.task, stub.item.as_str()))
            .collect();
        assert_eq!(found, [(1, 2, "Block::a"), (3, 1, "<Block as Clone>::b")]);
    }
}
