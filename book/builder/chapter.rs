//! What a chapter of a day owes its reader, as far as it can be counted: its sections in their order, figures, questions,
//! experiments, the length of its text and of its code.
//!
//! A page with the line `<!-- outline -->` has its sections and is not written yet: nothing else is asked of it.

use crate::problem::Problem;

const OUTLINE: &str = "<!-- outline -->";
const SECTIONS: [&str; 12] = [
    "## Rust you need today",
    "## What will work tonight",
    "## Where the day sits",
    "## The idea",
    "### The contract",
    "## The design space",
    "## The format, byte by byte",
    "## The tasks",
    "## Today's tests",
    "## Predict, then check",
    "### What green tests do not prove",
    "## Test your understanding",
];
const LAST: &str = "## Going further";
/// The section of the format may be of several, or of a protocol: `## The protocol: who may do what`.
const FORMAT: &str = "## The format, byte by byte";
const FORMATS: [&str; 3] = [FORMAT, "## The formats", "## The protocol"];

const WORDS: std::ops::RangeInclusive<usize> = 2_500..=4_000;
const FIGURES: usize = 6;
const QUESTIONS: usize = 8;
const EXPERIMENTS: usize = 3;
const CODE_LINES: usize = 120;
/// A program that no reader sees.
const HIDDEN: &str = "rust,hidden";
/// The longest way without a figure or a worked value.
const WORDS_WITHOUT_SIGHT: usize = 250;

/// What was counted in a chapter.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub words: usize,
    pub figures: usize,
    pub questions: usize,
    pub experiments: usize,
    pub code_lines: usize,
    /// The words of the longest stretch, and the line where it ends.
    longest: (usize, usize),
    since: usize,
}

/// The number of the day of a page `day1-….md`.
pub fn day(name: &str) -> Option<u32> {
    name.strip_prefix("day")?.split_once('-')?.0.parse().ok()
}

/// What the chapter `name` lacks. `tasks` are the tasks of its day.
pub fn problems(name: &str, raw: &str, tasks: &[u32]) -> Vec<Problem> {
    let Some(day) = day(name) else {
        return Vec::new();
    };
    let problem = |line: usize, what: String| Problem::new(name, line, what);
    let mut problems: Vec<Problem> = sections(raw)
        .into_iter()
        .map(|(line, what)| problem(line, what))
        .collect();
    if raw.contains(OUTLINE) {
        return problems;
    }
    let count = count(raw);
    let owed = [
        (
            !WORDS.contains(&count.words),
            format!(
                "{} words; a chapter has {} to {}",
                count.words,
                WORDS.start(),
                WORDS.end()
            ),
        ),
        (
            count.figures < FIGURES,
            format!("{} figures; a chapter has {FIGURES} or more", count.figures),
        ),
        (
            count.questions < QUESTIONS,
            format!(
                "{} questions; a chapter has {QUESTIONS} or more",
                count.questions
            ),
        ),
        (
            count.experiments < EXPERIMENTS,
            format!(
                "{} experiments (consoles that are folded); a chapter has {EXPERIMENTS} or more",
                count.experiments
            ),
        ),
        (
            count.code_lines > CODE_LINES,
            format!(
                "{} lines of code; a chapter has at most {CODE_LINES}",
                count.code_lines
            ),
        ),
    ];
    let owed = owed.into_iter().filter(|(is_owed, _)| *is_owed);
    problems.extend(owed.map(|(_, what)| problem(1, what)));
    let (words, line) = count.longest;
    if words > WORDS_WITHOUT_SIGHT {
        let what = format!(
            "{words} words without a figure or a worked value; {WORDS_WITHOUT_SIGHT} are the most"
        );
        problems.push(problem(line, what));
    }
    for (wanted, what) in [
        (
            format!("{{{{functions {day}}}}}"),
            "the functions of the day",
        ),
        (format!("{{{{tests {day}}}}}"), "the tests of the day"),
        (format!("{{{{overview {day} "), "where the day sits"),
    ] {
        if !raw.contains(&wanted) {
            problems.push(problem(
                1,
                format!("the chapter does not list {what}: {wanted}"),
            ));
        }
    }
    let missing = tasks
        .iter()
        .filter(|task| !raw.contains(&format!("{{{{task {day}.{task} ")));
    problems.extend(missing.map(|task| problem(1, format!("task {task} has no box"))));
    problems
}

/// Sections that are missing, empty, or out of order.
fn sections(raw: &str) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    let lines: Vec<&str> = raw.lines().collect();
    let mut after = 0;
    for wanted in SECTIONS.iter().chain([&LAST]) {
        let is_it =
            |line: &&str| line.trim_end() == *wanted || (*wanted == FORMAT && is_format(line));
        match lines.iter().position(is_it) {
            None => problems.push((1, format!("the section `{wanted}` is missing"))),
            Some(at) if at < after => problems.push((
                at + 1,
                format!("`{wanted}` stands before a section that it should follow"),
            )),
            Some(at) => {
                after = at;
                let next = lines[at + 1..].iter().find(|line| !line.trim().is_empty());
                let is_empty = next.is_none_or(|line| line.starts_with("## "));
                if is_empty && !raw.contains(OUTLINE) {
                    problems.push((at + 1, format!("`{wanted}` is empty")));
                }
            }
        }
    }
    problems
}

fn is_format(line: &str) -> bool {
    FORMATS.iter().any(|format| line.starts_with(format))
}

/// Counts what is written down; what directives bring is the source's.
pub fn count(raw: &str) -> Count {
    let mut count = Count::default();
    let mut fence: Option<&str> = None;
    let mut is_main = false;
    for (line, number) in raw.lines().zip(1..) {
        let trimmed = line.trim();
        if let Some(info) = trimmed.strip_prefix("```") {
            let what = fence.unwrap_or(info);
            fence = match fence {
                Some(_) => None,
                None => {
                    count.figures += usize::from(info.starts_with("strip"));
                    count.experiments +=
                        usize::from(info.starts_with("console") && info.contains("folded"));
                    Some(info)
                }
            };
            if what != HIDDEN {
                count.sight(number, is_main);
            }
            continue;
        }
        if let Some(info) = fence {
            count.code_lines += usize::from(info.starts_with("rust") && info != HIDDEN);
            continue;
        }
        if trimmed.starts_with("## ") {
            if !is_main {
                count.since = 0;
            }
            is_main = ["## The idea", "## The design space", "## The tasks"].contains(&trimmed)
                || is_format(trimmed);
        }
        count.line(trimmed, number, is_main);
    }
    count
}

impl Count {
    fn line(&mut self, line: &str, number: usize, is_main: bool) {
        if let Some(question) = line.strip_prefix("{{question ") {
            self.questions += 1;
            self.words += words(question);
            return;
        }
        if line.starts_with("{{") && !line.starts_with("{{=") {
            self.figures += usize::from(
                ["{{figure", "{{overview", "{{plot"]
                    .iter()
                    .any(|it| line.starts_with(it)),
            );
            return self.sight(number, is_main);
        }
        let words = words(line);
        self.words += words;
        self.since += words;
        if line.starts_with('|') || line.contains("{{=") {
            self.sight(number, is_main);
        }
    }

    /// Here is something to look at.
    fn sight(&mut self, line: usize, is_main: bool) {
        if is_main && self.since > self.longest.0 {
            self.longest = (self.since, line);
        }
        self.since = 0;
    }
}

/// The words of a line; a directive within it is a number for its reader.
fn words(line: &str) -> usize {
    let mut words = 0;
    for (piece, index) in line.split("{{").zip(0..) {
        let piece = match piece.split_once("}}") {
            Some((_, behind)) if index > 0 => behind,
            _ => piece,
        };
        let is_word = |word: &&str| word.chars().any(char::is_alphabetic);
        words += piece.split_whitespace().filter(is_word).count();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline() -> String {
        let sections: Vec<&str> = SECTIONS.iter().copied().chain([LAST]).collect();
        sections.join("\n\n")
    }

    fn whats(raw: &str) -> Vec<String> {
        problems("day1-x.md", raw, &[1])
            .into_iter()
            .map(|problem| problem.what)
            .collect()
    }

    #[test]
    fn an_outline_has_its_sections_in_order() {
        let outline = outline() + "\n\n<!-- outline -->\n";
        assert_eq!(whats(&outline), [""; 0]);
        assert_eq!(problems("setup.md", "", &[]), []);
        let without = outline.replace("## The idea\n", "");
        assert_eq!(whats(&without), ["the section `## The idea` is missing"]);
        let turned = outline
            .replace("## The tasks", "## X")
            .replace("## The idea", "## The tasks\n\n## The idea");
        assert!(
            whats(&turned)[0].contains("stands before"),
            "{:?}",
            whats(&turned)
        );
        let protocol = outline.replace(FORMAT, "## The protocol: freezing");
        assert_eq!(whats(&protocol), [""; 0]);
    }

    #[test]
    fn a_written_chapter_owes_all_of_it() {
        let whats = whats(&outline());
        for what in [
            "`## The tasks` is empty",
            " words; a chapter has",
            "0 figures",
            "0 questions",
            "0 experiments",
            "{{functions 1}}",
            "{{tests 1}}",
            "task 1 has no box",
        ] {
            assert!(
                whats.iter().any(|found| found.contains(what)),
                "{what}: {whats:?}"
            );
        }
    }

    #[test]
    fn a_directive_in_a_line_is_no_word() {
        assert_eq!(
            words("it has {{= A_LEN + size_of::<u8>()}} bytes{{claim A_LEN < 9}}, and 3"),
            4
        );
        assert_eq!(words("no words: }} 1 2"), 2);
    }

    #[test]
    fn a_hidden_program_is_nothing_to_look_at() {
        let long = "word ".repeat(200);
        let raw =
            format!("## The idea\n{long}\n```rust,hidden\nlet a;\n```\n{long}\n```text\nx\n```\n");
        let count = count(&raw);
        assert_eq!(count.code_lines, 0);
        assert!(count.longest.0 >= 400, "{count:?}");
    }

    #[test]
    fn words_figures_questions_and_code_are_counted() {
        let long = "word ".repeat(260);
        let raw = format!(
            "## The idea\n{long}\n```strip \"a\" \"b\"\nx\n```\n{{{{figure a \"b\" \"c\"}}}}\n```rust\nlet a;\n```\n## Test your understanding\n{{{{question Why is that?}}}}\nBecause.\n{{{{end}}}}\n"
        );
        let count = count(&raw);
        assert_eq!(
            (count.figures, count.questions, count.code_lines),
            (2, 1, 1)
        );
        assert_eq!(count.words, 2 + 260 + 3 + 3 + 1);
        assert_eq!(count.longest, (262, 3));
    }
}
