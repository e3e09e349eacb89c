//! From the Markdown as written to the Markdown that mdBook renders: directives are replaced by what the course says today.
//!
//! | directive                                | becomes                                                                   |
//! |------------------------------------------|---------------------------------------------------------------------------|
//! | `{{= ENTRY_HEADER_LEN + 5}}`             | the value; anywhere in a line, and in figures                              |
//! | `{{claim table_size < memtable_size}}`   | nothing, as long as it is so; it stands behind the words that say it      |
//! | `{{signature BlockBuilder::add}}`        | the signature of an item                                                  |
//! | `{{source RawEntry}}`, `… at 3`          | the whole item, as it stands on the evening of a day (the last)           |
//! | `{{docs cursor table 1}}`                | a table, drawing or paragraph of a module's docs                          |
//! | `{{functions 1}}`                        | the functions that a day asks for                                         |
//! | `{{tests 1}}`                            | the tests of a day, with what each claims                                 |
//! | `{{figure name "alt" "caption"}}`        | `figures/name.svg`                                                        |
//! | `{{overview 1 "alt" "caption"}}`         | `figures/overview.svg`, the day's part highlighted                        |
//! | `{{plot name "alt" "caption"}}`          | a plot of the numbers in `figures/name.txt`, which a program has written  |
//! | `{{dump fruit.bin}}`, `… "entry 1"`    | names on the bytes of a file that a console of the page has made          |
//! | `{{include benchmarks/record.txt}}`     | a part of a page that a program has written                               |
//! | `{{task 1.2 "Title" "time"}}` … `{{end}}`| the box of a task                                                         |
//! | `{{question Why?}}` … `{{end}}`          | a question, its answer folded away                                        |
//! | a fence `console`                        | commands, run, and what they print                                        |
//! | a fence `strip "alt" "caption"`          | a figure of rows of boxes                                                 |
//! | a fence `rust,hidden`                    | nothing: a program that computes what the text says                       |
//!
//! Other fences are left as they are. What cannot be expanded is a problem with file and line.

mod boxes;
mod console;
mod directive;
mod dump;
mod fence;
mod figure;
mod lists;
mod plot;
mod quote;
mod strip;

use std::fs;
use std::path::PathBuf;

use crate::problem::Problem;
use crate::source::Source;
use boxes::Boxes;
use console::Console;
use directive::Directive;
use fence::Fence;

pub use directive::words;

/// A page on its way.
pub struct Expanded {
    pub text: String,
    /// For each line of `text`, the line it comes from, counted from 1.
    pub lines: Vec<usize>,
    /// Programs that hold what the text says and are not shown, each with its line.
    pub hidden: Vec<(usize, String)>,
    pub problems: Vec<Problem>,
}

/// What directives are expanded with; one for a whole book.
pub struct Press<'a> {
    pub source: &'a Source,
    /// Where figures are.
    pub figures: PathBuf,
    /// Pages that may show the bodies that learners write.
    pub spoils: fn(&str) -> bool,
    console: Console,
}

struct Page<'p, 'a> {
    press: &'p Press<'a>,
    name: &'p str,
    out: Expanded,
    boxes: Boxes,
    room: console::Room,
}

/// A page whose directives stay as they are written.
pub fn as_it_is(raw: &str) -> Expanded {
    Expanded {
        text: raw.to_string(),
        lines: (1..=raw.lines().count()).collect(),
        hidden: Vec::new(),
        problems: Vec::new(),
    }
}

impl<'a> Press<'a> {
    pub fn new(source: &'a Source, figures: PathBuf) -> Press<'a> {
        let console = Console::new(source.root());
        Press {
            source,
            figures,
            spoils: |name| name.starts_with("walkthrough"),
            console,
        }
    }

    /// Expands the page `name`, whose text is `raw`.
    pub fn expand(&self, name: &str, raw: &str) -> Expanded {
        let out = Expanded {
            text: String::new(),
            lines: Vec::new(),
            hidden: Vec::new(),
            problems: Vec::new(),
        };
        let mut page = Page {
            press: self,
            name,
            out,
            boxes: Boxes::default(),
            room: console::Room::default(),
        };
        page.run(raw);
        page.out
    }

    /// A file of the book, as it is: `words` is its path from `src` on.
    fn include(&self, words: &[&str]) -> Result<String, String> {
        let [path] = words else {
            return Err("{{include PATH}} takes one path".into());
        };
        let file = self.figures.join("..").join(path);
        fs::read_to_string(&file).map_err(|error| format!("{path}: {error}"))
    }
}

impl Page<'_, '_> {
    fn run(&mut self, raw: &str) {
        let mut fence: Option<Fence> = None;
        for (line, number) in raw.lines().zip(1..) {
            match &mut fence {
                Some(open) if line.trim() == open.mark => {
                    let done = fence.take().expect("it is open");
                    self.fence(done, number);
                }
                Some(open) => open.content.push(line.to_string()),
                None => match Fence::opened(line, number) {
                    Some(open) => fence = Some(open),
                    None => self.line(line, number),
                },
            }
        }
        if let Some(open) = fence {
            self.fail(open.line, "this code fence has no end");
        }
        if let Some((line, what)) = self.boxes.left_open() {
            self.fail(line, format!("this {what} has no {{{{end}}}}"));
        }
    }

    fn line(&mut self, line: &str, number: usize) {
        if let Some(inner) = directive::alone(line) {
            // Values may stand within it, as in a caption.
            let inner = directive::inline(inner, |directive| self.value(directive));
            let made = inner.and_then(|inner| self.block(&Directive::of(&inner), number));
            match made {
                Ok(text) => self.push(&text, number),
                Err(what) => self.fail(number, what),
            }
            return;
        }
        match directive::inline(line, |directive| self.value(directive)) {
            Ok(text) => self.push(&text, number),
            Err(what) => {
                self.fail(number, what);
                self.push(line, number);
            }
        }
    }

    /// A directive within a line.
    fn value(&self, directive: &Directive) -> Result<String, String> {
        match directive.name {
            "=" => self.press.source.values.show(directive.rest),
            "claim" => {
                let holds = self.press.source.values.holds(directive.rest);
                holds.map(|()| String::new())
            }
            name if BLOCKS.contains(&name) => {
                Err(format!("{{{{{name} …}}}} stands on a line of its own"))
            }
            name => Err(unknown(name)),
        }
    }

    fn block(&mut self, directive: &Directive, line: usize) -> Result<String, String> {
        let source = self.press.source;
        let words = directive.words()?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match directive.name {
            "signature" => quote::signature(source, &words),
            "source" => quote::source(source, &words, (self.press.spoils)(self.name)),
            "docs" => quote::docs(source, &words),
            "functions" => lists::functions(source, &words),
            "tests" => lists::tests(source, &words),
            "figure" => figure::drawn(&self.press.figures, source, &words),
            "overview" => figure::overview(&self.press.figures, source, &words),
            "plot" => plot::plot(&self.press.figures, &words),
            "dump" => dump::dump(self.room.path(), &words),
            "include" => self.press.include(&words),
            "task" => self.boxes.task(source, &words, line),
            "question" => self.boxes.question(directive.rest, line),
            "end" => self.boxes.end(),
            name => Err(unknown(name)),
        }
    }

    fn fence(&mut self, fence: Fence, end: usize) {
        let (language, rest) = fence.info.split_once(' ').unwrap_or((&fence.info, ""));
        if language == "rust,hidden" {
            return self.hidden(&fence);
        }
        let head = match language {
            "strip" => directive::inline(rest, |directive| self.value(directive)),
            _ => Ok(rest.to_string()),
        };
        let head = match head {
            Ok(head) => head,
            Err(what) => return self.fail(fence.line, what),
        };
        let made = match language {
            "console" => {
                let console = &self.press.console;
                console.show(&mut self.room, &head, &fence.content)
            }
            "strip" => strip::strip(self.press.source, self.room.path(), &head, &fence.content),
            _ => {
                let Fence {
                    indent, mark, info, ..
                } = &fence;
                self.push(&format!("{indent}{mark}{info}"), fence.line);
                for (line, number) in fence.content.iter().zip(fence.line + 1..) {
                    self.push(line, number);
                }
                self.push(&format!("{indent}{mark}"), end);
                return;
            }
        };
        match made {
            Ok(text) => self.push(&text, fence.line),
            Err((at, what)) => self.fail(fence.line + at, what),
        }
    }

    /// A program that is compiled and not shown; values may stand in it.
    fn hidden(&mut self, fence: &Fence) {
        let mut code = String::new();
        for (line, number) in fence.content.iter().zip(fence.line + 1..) {
            match directive::inline(line, |directive| self.value(directive)) {
                Ok(line) => code += &(line + "\n"),
                Err(what) => self.fail(number, what),
            }
        }
        self.out.hidden.push((fence.line, code));
    }

    fn push(&mut self, text: &str, line: usize) {
        for piece in text.split('\n') {
            self.out.text += piece;
            self.out.text.push('\n');
            self.out.lines.push(line);
        }
    }

    fn fail(&mut self, line: usize, what: impl Into<String>) {
        let problem = Problem::new(self.name, line, what);
        self.out.problems.push(problem);
    }
}

/// Directives that stand on lines of their own.
const BLOCKS: [&str; 13] = [
    "signature",
    "source",
    "docs",
    "functions",
    "tests",
    "figure",
    "overview",
    "plot",
    "dump",
    "include",
    "task",
    "question",
    "end",
];

fn unknown(name: &str) -> String {
    format!(
        "there is no directive {{{{{name} …}}}}; there are =, claim and {}",
        BLOCKS.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::of_this_repository;

    fn expand(text: &str) -> Expanded {
        let source = of_this_repository();
        Press::new(source, source.root().join("book/src/figures")).expand("a.md", text)
    }

    fn complaint(text: &str) -> String {
        let mut problems = expand(text).problems;
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        problems.remove(0).to_string()
    }

    #[test]
    fn values_stand_in_the_line_and_lines_know_where_they_come_from() {
        let page = expand(
            "one\n{{signature BlockBuilder::is_empty}}\na head of {{= ENTRY_HEADER_LEN}} bytes\n",
        );
        assert!(page.problems.is_empty(), "{:?}", page.problems);
        assert!(page.text.contains("a head of 8 bytes\n"), "{}", page.text);
        assert!(
            page.text.contains("pub fn is_empty(&self) -> bool\n"),
            "{}",
            page.text
        );
        assert_eq!(page.text.lines().count(), page.lines.len());
        assert_eq!(
            (page.lines.first(), page.lines.last()),
            (Some(&1), Some(&3))
        );
    }

    #[test]
    fn what_cannot_be_expanded_is_told_with_its_line_and_what_is_near() {
        let cases = [
            (
                "\n{{signature BlockBuilder::ad}}",
                "book/src/a.md:2: there is no item `BlockBuilder::ad`; near it: `BlockBuilder::add`",
            ),
            ("{{= OFSET_LEN}}", "near it: `OFFSET_LEN`"),
            ("{{sgnature x}}", "there is no directive {{sgnature …}}"),
            ("a {{tests 1}}", "on a line of its own"),
            ("few{{claim block_size < 9}}.", "not so any more"),
            ("{{tests 9}}", "there is no day 9"),
            ("{{docs cursor table 2}}", "have 1 tables"),
            ("{{docs cursors table}}", "near it: `cursor`"),
            ("{{source Block::entry}}", "is work of the learners"),
            (
                "{{question Why?}}\nBecause.\n",
                "book/src/a.md:1: this question has no {{end}}",
            ),
            ("{{end}}", "nothing is open"),
            ("{{figure nowhere \"a\" \"c\"}}", "there is no figure"),
            ("{{dump none.bin}}", "none.bin"),
            ("```rust\n", "has no end"),
        ];
        for (text, what) in cases {
            let complaint = complaint(text);
            assert!(complaint.contains(what), "{text}: {complaint}");
        }
    }

    #[test]
    fn other_fences_and_escapes_are_left_alone() {
        let text = "```text\n{{signature x}}\n```\n`\\{{= x}}`\n";
        let page = expand(text);
        assert!(page.problems.is_empty());
        assert_eq!(page.text, "```text\n{{signature x}}\n```\n`{{= x}}`\n");
    }

    #[test]
    fn a_hidden_program_is_kept_and_not_shown() {
        let page = expand("a\n```rust,hidden\nassert_eq!(1 + 1, {{= OFFSET_LEN}});\n```\nb\n");
        assert_eq!(
            (page.text.as_str(), &page.lines[..]),
            ("a\nb\n", &[1, 5][..])
        );
        assert_eq!(page.hidden, [(2, "assert_eq!(1 + 1, 2);\n".to_string())]);
        let document = crate::text::Document::new("a.md", "", page);
        assert!(document.items.iter().any(|item| item.line == 2));
    }

    #[test]
    fn quotes_and_lists_come_from_the_source() {
        let page = expand(
            "{{docs cursor table}}\n{{docs block drawing 1}}\n{{functions 1}}\n{{tests 1}}\n{{source OFFSET_LEN}}\n",
        );
        assert!(page.problems.is_empty(), "{:?}", page.problems);
        for text in [
            "| past the end",
            "| entry 0 |",
            "`Block::decode`",
            "seek_past_the_last_key_is_invalid",
            "pub const OFFSET_LEN",
        ] {
            assert!(page.text.contains(text), "{text} in {}", page.text);
        }
    }
}
