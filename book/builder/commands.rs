//! Commands that the text shows and does not run: at least `cargo x` must know them.
//!
//! Those in a fence `console` are run while the book is built; those in a fence `sh`, or in a sentence, are read here as
//! `cargo x` would read them. Words in capitals stand for something: `--day N`.

use std::ffi::OsString;

use xtask::flags;

use crate::expand::words;
use crate::problem::Problem;
use crate::text::{Document, Kind};

const X: &str = "cargo x ";

/// What is asked of `cargo x` on a page and would be refused.
pub fn problems(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    for item in &document.items {
        let lines: Vec<&str> = match &item.kind {
            Kind::Code(code) => vec![code],
            Kind::Shell(code) => code.lines().collect(),
            _ => continue,
        };
        for command in lines.iter().filter_map(|line| line.trim().strip_prefix(X)) {
            if let Err(what) = read(command) {
                let what = format!("`{X}{command}` is no command: {what}");
                problems.push(Problem::new(&document.name, item.line, what));
            }
        }
    }
    problems
}

fn read(command: &str) -> Result<(), String> {
    let command = command.split(" #").next().unwrap_or_default();
    let args = words(command)?.into_iter().filter(|word| word != "…");
    let args = args.map(|word| {
        let stands = is_placeholder(&word);
        OsString::from(if stands { "1" } else { word.as_str() })
    });
    match flags::parse(args) {
        Ok(_) => Ok(()),
        Err(mistake) => Err(mistake.to_string()),
    }
}

fn is_placeholder(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_x_does_not_know_is_told_with_its_line() {
        let text = "run `cargo x scheck --day N --task K`, or `cargo x schek`\n\n```sh\ncargo x scheck --dey 1\ngit status\ncargo x hint\n```\n";
        let lines: Vec<usize> = problems(&Document::plain("a.md", text))
            .iter()
            .map(|p| p.line)
            .collect();
        assert_eq!(lines, [1, 3]);
    }
}
