//! The words of the book for its translators: every sentence of the prose and every text in a figure, as a template for gettext.
//!
//! The text has one sentence a line, and a table one thought a cell, so lines and cells are the units. Directives stay in them as
//! they are: `{{= BLOCK_SIZE}}` is a number in every language. Code and what programs print is left out.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Fences whose lines are words in a figure.
const FIGURES: [&str; 2] = ["strip", "plot"];
/// Elements of a drawing that hold words.
const ELEMENTS: [&str; 3] = ["text", "title", "desc"];

/// Units in the order in which they come, each with the places where it stands.
#[derive(Default)]
struct Units {
    known: HashMap<String, usize>,
    all: Vec<(String, Vec<String>)>,
}

/// The template of all pages and drawings in `src`.
pub fn template(src: &Path) -> Result<String> {
    let mut files = Vec::new();
    collect(src, &mut files)?;
    files.sort();
    let mut units = Units::default();
    for file in files {
        let text =
            fs::read_to_string(src.join(&file)).with_context(|| format!("cannot read {file}"))?;
        match file.ends_with(".svg") {
            true => drawing(&file, &text, &mut units),
            false => page(&file, &text, &mut units),
        }
    }
    Ok(units.template())
}

fn collect(src: &Path, files: &mut Vec<String>) -> Result<()> {
    let mut folders = vec![src.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder);
        for entry in entries.with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(src).unwrap_or(&path);
            let name = name.to_string_lossy().replace('\\', "/");
            if name.ends_with(".md") || name.ends_with(".svg") {
                files.push(name);
            }
        }
    }
    Ok(())
}

fn page(file: &str, text: &str, units: &mut Units) {
    // The fence in which a line stands, and whether its lines are words.
    let mut fence: Option<(&str, bool)> = None;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", number + 1);
        let trimmed = line.trim();
        let ticks = &trimmed[..trimmed.len() - trimmed.trim_start_matches('`').len()];
        match fence {
            Some((open, _)) if trimmed == open => fence = None,
            Some((_, is_words)) if is_words => units.add(trimmed, &place),
            Some(_) => {}
            None if ticks.len() >= 3 => {
                let info = &trimmed[ticks.len()..];
                let is_words = FIGURES.iter().any(|figure| info.starts_with(figure));
                if is_words {
                    // Behind the kind stand what the figure says to those who do not see it, and its caption.
                    info.split('"')
                        .skip(1)
                        .step_by(2)
                        .for_each(|text| units.add(text, &place));
                }
                fence = Some((ticks, is_words));
            }
            None if trimmed.starts_with('|') => {
                let cells = trimmed.trim_matches('|').split(" | ");
                cells.for_each(|cell| units.add(cell.trim(), &place));
            }
            None => units.add(unmarked(trimmed), &place),
        }
    }
}

/// A line without the mark of a heading, a list or a definition.
fn unmarked(line: &str) -> &str {
    let line = line.trim_start_matches('#').trim_start();
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let marks = ["- ", ": ", "> "];
    match number
        .strip_prefix(". ")
        .filter(|_| number.len() < line.len())
    {
        Some(rest) => rest,
        None => marks
            .iter()
            .find_map(|mark| line.strip_prefix(mark))
            .unwrap_or(line),
    }
}

fn drawing(file: &str, text: &str, units: &mut Units) {
    for element in ELEMENTS {
        let (open, close) = (format!("<{element}"), format!("</{element}>"));
        for (at, _) in text.match_indices(&open) {
            let rest = &text[at + open.len()..];
            let words = rest
                .split_once('>')
                .and_then(|(_, rest)| rest.split_once(&close));
            let line = text[..at].lines().count().max(1);
            if let Some((words, _)) = words {
                units.add(words.trim(), &format!("{file}:{line}"));
            }
        }
    }
}

impl Units {
    fn add(&mut self, text: &str, place: &str) {
        if !text.chars().any(char::is_alphabetic) {
            return;
        }
        let next = self.all.len();
        let index = *self.known.entry(text.to_string()).or_insert(next);
        if index == next {
            self.all.push((text.to_string(), Vec::new()));
        }
        self.all[index].1.push(place.to_string());
    }

    fn template(&self) -> String {
        let mut out =
            "msgid \"\"\nmsgstr \"Content-Type: text/plain; charset=UTF-8\\n\"\n".to_string();
        for (text, places) in &self.all {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = write!(
                out,
                "\n#: {}\nmsgid \"{text}\"\nmsgstr \"\"\n",
                places.join(" ")
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_cells_and_figures_are_units_and_code_is_not() {
        let mut units = Units::default();
        let text = "# A page\n\nIt has {{= N}} bytes.\n1. Write `new`.\n- A \"mark\".\n\n| what | who |\n|---|---|\n| a page | you |\n\n\
                    ```rust\nlet not = this;\n```\n\n```strip \"Two boxes\" \"A caption.\"\none {log 3} | two\n```\n\nIt has {{= N}} bytes.\n";
        page("a.md", text, &mut units);
        drawing(
            "b.svg",
            "<svg>\n<text x=\"1\">log 4</text><rect/><text>7</text></svg>",
            &mut units,
        );
        let found: Vec<&str> = units.all.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(
            found,
            [
                "A page",
                "It has {{= N}} bytes.",
                "Write `new`.",
                "A \"mark\".",
                "what",
                "who",
                "a page",
                "you",
                "Two boxes",
                "A caption.",
                "one {log 3} | two",
                "log 4"
            ]
        );
        assert_eq!(units.all[1].1, ["a.md:3", "a.md:19"]);
        let template = units.template();
        assert!(
            template.contains("#: a.md:5\nmsgid \"A \\\"mark\\\".\"\nmsgstr \"\"\n"),
            "{template}"
        );
    }

    #[test]
    fn the_template_of_this_book_has_its_pages_and_drawings() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let template = template(&src).unwrap();
        for place in ["#: preface.md:", "#: day7-filters.md:", ".svg:"] {
            assert!(template.contains(place), "nothing of {place}");
        }
        assert!(
            !template.contains("assert_eq!"),
            "code is not to be translated"
        );
    }
}
