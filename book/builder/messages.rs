//! What pages say that a program says: “…” in curly quotes is a message, and stands word for word in the source of the engine or
//! of `cargo x`. An ellipsis stands for any words, and so do a number and the name of the learner's crate.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::problem::Problem;
use crate::text::Document;

/// Messages of programs that are not ours, as far as they were seen, and whose they are.
const FOREIGN: [(&str, &str); 4] = [
    ("error: no such command: x", "cargo"),
    ("xcrun: error: invalid active developer path", "macOS"),
    ("Access is denied", "Windows"),
    (
        "The process cannot access the file because it is being used by another process",
        "Windows",
    ),
];

/// Whose messages are quoted.
const SOURCES: [&str; 5] = [
    "mini-lsm/src",
    "xtask/src",
    "xtask/desk/src",
    "xtask/staging/src",
    "xtask/watch/src",
];

/// All that our programs can say.
pub struct Said(String);

impl Said {
    pub fn read(root: &Path) -> Result<Said> {
        let mut said = String::new();
        for folder in SOURCES {
            gather(&root.join(folder), &mut said)?;
        }
        Ok(Said(said))
    }

    /// Whether all that stands between the ellipses is said by one program, in this order, at one place.
    fn has(&self, message: &str) -> bool {
        if FOREIGN.iter().any(|(foreign, _)| *foreign == message) {
            return true;
        }
        let message = message.replace("mini-lsm-starter", "…");
        let message = loosened(&message);
        let pieces: Vec<&str> = message
            .split('…')
            .filter(|piece| !piece.trim_matches([' ', ':', ',', '.']).is_empty())
            .collect();
        let lines = |text: &str| self.0.lines().any(|line| line.contains(text));
        // What is put together from several literals may stand in several lines.
        !pieces.is_empty() && pieces.iter().all(|piece| lines(piece))
    }
}

/// The Rust of a folder, each literal in one line, with an ellipsis for what is filled in.
fn gather(folder: &Path, said: &mut String) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, said)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            // A comment says nothing to a user.
            let code = text.lines().filter(|line| !line.trim().starts_with("//"));
            let code: Vec<&str> = code.collect();
            *said += &loosened(&joined(&code));
            said.push('\n');
        }
    }
    Ok(())
}

/// A literal that goes on in the next line stands in one.
fn joined(lines: &[&str]) -> String {
    let mut text = String::new();
    let mut goes_on = false;
    for line in lines {
        let line = if goes_on { line.trim_start() } else { line };
        goes_on = line.ends_with('\\');
        text += line.strip_suffix('\\').unwrap_or(line);
        if !goes_on {
            text.push('\n');
        }
    }
    text
}

/// Numbers, `N`, and what is filled in become an ellipsis.
fn loosened(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let ends_word = letters.peek().is_none_or(|next| !next.is_alphanumeric());
        let is_number = letter.is_ascii_digit() && !before.is_alphanumeric();
        let is_n = letter == 'N' && !before.is_alphanumeric() && ends_word;
        match letter {
            '{' => {
                while letters
                    .next_if(|next| !matches!(next, '}' | '\n'))
                    .is_some()
                {}
                letters.next_if_eq(&'}');
                out.push('…');
            }
            _ if is_number => {
                while letters.next_if(|next| next.is_ascii_digit()).is_some() {}
                out.push('…');
            }
            _ if is_n => out.push('…'),
            _ => out.push(letter),
        }
        before = letter;
    }
    out
}

/// Messages of `document` that nobody says.
pub fn problems(document: &Document, said: &Said) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (line, number) in document.raw.lines().zip(1..) {
        let quotes = line.split('“').skip(1);
        for message in quotes.filter_map(|rest| rest.split('”').next()) {
            if !said.has(message) {
                let what = format!(
                    "no program of ours says “{message}”: quote its source, or name the program in book/builder/messages.rs"
                );
                problems.push(Problem::new(&document.name, number, what));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_program_says_is_told_with_its_line() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let said = Said::read(root).unwrap();
        let text = "“… is open already: a store has one owner at a time”\n“is it open?”\n“it was still running after 60 s and was stopped”, “error: no such command: x”\n“…”\n";
        let lines: Vec<usize> = problems(&Document::plain("a.md", text), &said)
            .iter()
            .map(|problem| problem.line)
            .collect();
        assert_eq!(lines, [2, 4]);
    }

    #[test]
    fn literals_are_read_over_lines_and_what_is_filled_in_is_any_word() {
        let text = joined(&[
            "\"damaged at byte \\",
            "     {offset}\",",
            "7 of N, 12k, SSN",
        ]);
        assert_eq!(loosened(&text), "\"damaged at byte …\",\n… of …, …k, SSN\n");
    }
}
