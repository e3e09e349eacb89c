//! What has a beginning and an end: the box of a task, a question with its answer.

use std::fmt::Write;

use super::directive;
use crate::source::Source;

#[derive(Default)]
pub struct Boxes {
    open: Option<(usize, Open)>,
}

enum Open {
    Task { day: u32, task: u32 },
    Question,
}

impl Boxes {
    /// Opens the box of a task: its title, how long it takes, and what is to be written, by contract.
    pub fn task(&mut self, source: &Source, words: &[&str], line: usize) -> Result<String, String> {
        const USAGE: &str = "write {{task 1.2 \"Title\" \"time and whose clock\"}}";
        let [number, title, time] = words else {
            return Err(USAGE.into());
        };
        let (day, task) = number.split_once('.').ok_or(USAGE)?;
        let (day, task) = (parsed(day)?, parsed(task)?);
        self.begin(line, Open::Task { day, task })?;
        let mut out = format!("<div class=\"task\">\n\n### Task {task}: {title}\n\n");
        let functions = source.functions(day);
        let mut path = "";
        for function in functions.iter().filter(|function| function.task == task) {
            if function.path != path {
                path = function.path;
                write!(out, "In `mini-lsm-starter/{path}`:\n\n")
                    .expect("a String takes everything");
            }
            let item = source.item(function.name).or_else(|_| {
                let module = path
                    .trim_start_matches("src/")
                    .trim_end_matches(".rs")
                    .replace('/', "::");
                source.item(&format!("{module}::{}", function.name))
            })?;
            let signature = item.signature();
            let signature = signature.split_whitespace().collect::<Vec<_>>().join(" ");
            // What stood on lines of its own stands in one now.
            let signature = signature.replace("( ", "(").replace(", )", ")");
            let name = function
                .name
                .rsplit_once("::")
                .map_or("", |(owner, _)| owner);
            let docs = item.contract(source).replace("\n", "\n  ");
            write!(out, "`{name}`: `{signature}`\n: {docs}\n\n")
                .expect("a String takes everything");
        }
        if path.is_empty() {
            return Err(format!("day {day} has no task {task}"));
        }
        writeln!(out, "**Time:** {time}").expect("a String takes everything");
        Ok(out)
    }

    pub fn question(&mut self, text: &str, line: usize) -> Result<String, String> {
        if text.is_empty() {
            return Err("an answer without a question: write {{question Why is that?}}".into());
        }
        self.begin(line, Open::Question)?;
        let text = inline_code(text.trim_matches('"'));
        Ok(format!(
            "<details class=\"answer\">\n<summary>{text}</summary>\n"
        ))
    }

    pub fn end(&mut self) -> Result<String, String> {
        match self.open.take() {
            Some((_, Open::Task { day, task })) => Ok(format!(
                "\n```sh\ncargo x scheck --day {day} --task {task}\n```\n\n</div>\n"
            )),
            Some((_, Open::Question)) => Ok("\n</details>\n".into()),
            None => Err("nothing is open that could end here".into()),
        }
    }

    pub fn left_open(&self) -> Option<(usize, &'static str)> {
        let (line, open) = self.open.as_ref()?;
        let what = match open {
            Open::Task { .. } => "task",
            Open::Question => "question",
        };
        Some((*line, what))
    }

    fn begin(&mut self, line: usize, what: Open) -> Result<(), String> {
        if let Some((at, open)) = self.left_open() {
            return Err(format!("the {open} of line {at} has not ended yet"));
        }
        self.open = Some((line, what));
        Ok(())
    }
}

fn parsed(number: &str) -> Result<u32, String> {
    number.parse().map_err(|_| format!("{number} is no number"))
}

/// Text for HTML, in which backticks mark code as they do in Markdown.
pub fn inline_code(text: &str) -> String {
    let escaped = escape(text);
    let mut out = String::new();
    for (i, piece) in escaped.split('`').enumerate() {
        match i % 2 {
            1 => write!(out, "<code>{piece}</code>").expect("a String takes everything"),
            _ => out += piece,
        }
    }
    out
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The two quoted texts that every figure has.
pub fn alt_and_caption(rest: &str) -> Result<(String, String, Vec<String>), String> {
    match directive::words(rest)?.as_slice() {
        [alt, caption, more @ ..] if !alt.trim().is_empty() && !caption.trim().is_empty() => {
            Ok((alt.clone(), caption.clone(), more.to_vec()))
        }
        _ => Err("a figure has an alt text and a caption, both in quotes: \"what it shows\" \"what it means\"".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::of_this_repository;

    #[test]
    fn the_box_of_a_task_has_contracts_and_its_command() {
        let mut boxes = Boxes::default();
        let source = of_this_repository();
        let head = boxes
            .task(source, &["1.4", "Seeking", "half an hour, our guess"], 3)
            .unwrap();
        assert!(head.contains("### Task 4: Seeking"), "{head}");
        assert!(
            head.contains(
                "`BlockIterator`: `fn seek(&mut self, target: &[u8]) -> Result<()>`\n: Moves to"
            ),
            "{head}"
        );
        assert!(head.contains("half an hour"), "{head}");
        assert!(boxes.question("Why?", 4).unwrap_err().contains("line 3"));
        assert!(
            boxes
                .end()
                .unwrap()
                .contains("cargo x scheck --day 1 --task 4")
        );
        assert!(boxes.task(source, &["1.9", "x", "y"], 5).is_err());
    }

    #[test]
    fn an_answer_needs_a_question() {
        let mut boxes = Boxes::default();
        assert!(
            boxes
                .question("", 1)
                .unwrap_err()
                .contains("without a question")
        );
        let open = boxes.question("Is `a < b`?", 1).unwrap();
        assert!(
            open.contains("<summary>Is <code>a &lt; b</code>?</summary>"),
            "{open}"
        );
    }
}
