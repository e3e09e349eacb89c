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
            stubs.extend(in_text(&text));
        }
    }
    stubs
}

/// Every stub in a source: a call that begins its line, or its body. One inside other code is not of the course.
pub fn in_text(text: &str) -> Vec<Stub> {
    const CALL: &str = "unimplemented!(";
    let mut stubs = Vec::new();
    for (at, _) in text.match_indices(CALL) {
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = text[line_start..at].trim_end();
        if before.contains("//") || !(before.trim().is_empty() || before.ends_with('{')) {
            continue;
        }
        // A formatter may put the words on a line of their own.
        let words = text[at + CALL.len()..].trim_start().strip_prefix('"');
        if let Some((words, _)) = words.and_then(|rest| rest.split_once('"')) {
            stubs.extend(Stub::parse(words));
        }
    }
    stubs
}

/// What a line begins with that stands above a function which `cargo x borrow` brought.
pub const BORROWED: &str = "// borrowed: `cargo x repay ";

/// A function that was borrowed, as the line above it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loan {
    /// `Type::function`
    pub item: String,
    /// Its day and task; `None` where somebody has shortened the line.
    pub task: Option<(u32, u32)>,
}

impl Loan {
    /// The line.
    pub fn line(item: &str, day: u32, task: u32) -> String {
        format!("{BORROWED}{item}` makes it a stub again (day {day}, task {task})")
    }

    fn parse(line: &str) -> Option<Loan> {
        let (item, rest) = line.trim().strip_prefix(BORROWED)?.split_once('`')?;
        let task = || {
            let (_, place) = rest.split_once("(day ")?;
            let (day, task) = place.split_once(')')?.0.split_once(", task ")?;
            Some((day.parse().ok()?, task.parse().ok()?))
        };
        Some(Loan {
            item: item.to_string(),
            task: task(),
        })
    }
}

/// The functions in a source that were borrowed.
pub fn borrowed_in_text(text: &str) -> Vec<Loan> {
    text.lines().filter_map(Loan::parse).collect()
}

/// The same for the `.rs` files below `dir`.
pub fn borrowed_in_sources(dir: &Path) -> Vec<Loan> {
    let texts = rust_files(dir)
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    texts.flat_map(|text| borrowed_in_text(&text)).collect()
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
        let stubs = in_text(
            "fn a() { unimplemented!(\"day 1, task 2: Block::a\") }\n\
             fn b() {\n    unimplemented!(\n        \"day 3, task 1: <Block as Clone>::b\"\n    )\n}\n\
             // unimplemented!(\"day 1, task 1: Block::gone\")\n\
             fn c() { unimplemented!() }\n\
             fn d() { let stub = outcome(|| unimplemented!(\"day 1, task 1: Block::quoted\")); }\n",
        );
        let found: Vec<_> = stubs
            .iter()
            .map(|stub| (stub.day, stub.task, stub.item.as_str()))
            .collect();
        assert_eq!(found, [(1, 2, "Block::a"), (3, 1, "<Block as Clone>::b")]);
    }

    #[test]
    fn what_was_borrowed_is_found_by_the_line_above_it() {
        let line = Loan::line("Block::a", 1, 2);
        let text = format!(
            "    {line}\n    fn a() {{}}\n// borrowed: not\n// borrowed: `cargo x repay Block::b` some day\n"
        );
        let loan = |item: &str, task| Loan {
            item: item.to_string(),
            task,
        };
        let found = [loan("Block::a", Some((1, 2))), loan("Block::b", None)];
        assert_eq!(borrowed_in_text(&text), found);
    }
}
