//! The generator's words: the headline of a learners' file and the markers in comments.
//!
//! | where                        | words                                                | means                          |
//! |------------------------------|------------------------------------------------------|--------------------------------|
//! | first doc line of a file     | `//! Day N · Task K · …`                             | learners' work of that task    |
//! | right above an item          | `// given` or `// day N task K`                      | this item is given, or moves   |
//! | end of a line in a body      | `… // day N task K`                                  | the line exists from there on  |
//! | alone on two lines of a body | `// day N task K {` and `// } day N task K`          | what stands between, likewise  |
//! | alone on a line of a body    | `// until day N task K: CODE`                        | CODE, in the stages before     |
//!
//! A plain comment that begins with one of these words and does not parse is an error, so that no typing slip turns
//! a marker into a remark.

use std::fmt;

/// The last day of the course.
pub const LAST_DAY: u32 = 7;

/// No day has more tasks than this; a larger number is a slip of the finger.
const MOST_TASKS: u32 = 9;

/// One task of one day. Tasks are ordered as a learner meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task {
    pub day: u32,
    pub task: u32,
}

/// What a comment says to the generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    Given,
    Day(Task),
    Open(Task),
    Close(Task),
    Until(Task, String),
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "day {} task {}", self.day, self.task)
    }
}

/// Reads a plain line comment, `//` included. `None`: a remark for people. `Some(Err)`: it begins like a marker and is none.
pub fn parse(comment: &str) -> Option<Result<Marker, String>> {
    let text = comment.strip_prefix("//")?.trim();
    if text == "given" {
        return Some(Ok(Marker::Given));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let reserved = match words.as_slice() {
        ["until" | "}", second, ..] => is_day(second),
        [first, ..] => is_day(first) || is_day(first.strip_prefix('}').unwrap_or_default()),
        [] => false,
    };
    if !reserved {
        return None;
    }
    Some(parse_marker(text, &words).ok_or_else(|| {
        format!(
            "`{comment}` is no marker; write `// day N task K` (N is 1 to {LAST_DAY}, K is 1 to {MOST_TASKS}), \
             `// day N task K {{`, `// }} day N task K` or `// until day N task K: CODE`; a remark for people must not begin with \"day\""
        )
    }))
}

fn is_day(word: &str) -> bool {
    word.strip_prefix("day")
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn parse_marker(text: &str, words: &[&str]) -> Option<Marker> {
    match *words {
        ["day", day, "task", task] => Some(Marker::Day(parse_task(day, task)?)),
        ["day", day, "task", task, "{"] => Some(Marker::Open(parse_task(day, task)?)),
        ["}", "day", day, "task", task] => Some(Marker::Close(parse_task(day, task)?)),
        ["until", "day", day, "task", task, ..] => {
            let task = parse_task(day, task.strip_suffix(':')?)?;
            let code = text.split_once(':')?.1.trim();
            (!code.is_empty()).then(|| Marker::Until(task, code.to_string()))
        }
        _ => None,
    }
}

fn parse_task(day: &str, task: &str) -> Option<Task> {
    let task = Task {
        day: day.parse().ok()?,
        task: task.parse().ok()?,
    };
    ((1..=LAST_DAY).contains(&task.day) && (1..=MOST_TASKS).contains(&task.task)).then_some(task)
}

/// Whose work a source file is, from its first doc line: `Ok(None)` is a given file. An error carries the line.
pub fn headline(text: &str) -> Result<Option<Task>, (usize, String)> {
    let Some((at, line)) = text
        .lines()
        .enumerate()
        .find(|(_, line)| line.trim_start().starts_with("//!"))
    else {
        return Ok(None);
    };
    let headline = line.trim_start().trim_start_matches("//!").trim();
    if headline.split_whitespace().next() != Some("Day") {
        return Ok(None);
    }
    match headline_task(headline) {
        Some(task) => Ok(Some(task)),
        None => Err((
            at + 1,
            format!(
                "`//! {headline}` names no task; write `//! Day N · Task K · what the file is` (N is 1 to {LAST_DAY}), or begin otherwise if the file is given"
            ),
        )),
    }
}

fn headline_task(headline: &str) -> Option<Task> {
    let mut parts = headline.split('·').map(str::trim);
    let day = parts.next()?.strip_prefix("Day ")?;
    let task = parts.next()?.strip_prefix("Task ")?;
    parts.next().filter(|rest| !rest.is_empty())?;
    parse_task(day, task)
}

#[cfg(test)]
mod tests {
    use super::*;

    const D3K2: Task = Task { day: 3, task: 2 };

    #[test]
    fn every_kind_of_marker_is_read() {
        assert_eq!(parse("// given"), Some(Ok(Marker::Given)));
        assert_eq!(parse("// day 3 task 2"), Some(Ok(Marker::Day(D3K2))));
        assert_eq!(parse("// day 3 task 2 {"), Some(Ok(Marker::Open(D3K2))));
        assert_eq!(parse("// } day 3 task 2"), Some(Ok(Marker::Close(D3K2))));
        let until = Marker::Until(D3K2, "let a: u8 = f(b::c);".to_string());
        assert_eq!(
            parse("// until day 3 task 2: let a: u8 = f(b::c);"),
            Some(Ok(until))
        );
    }

    #[test]
    fn a_remark_is_no_marker() {
        for remark in [
            "// a day",
            "// days go by",
            "// daylight",
            "// given that",
            "// until then",
            "// }",
            "//",
            "// Day 3",
        ] {
            assert_eq!(parse(remark), None, "{remark}");
        }
    }

    #[test]
    fn a_slip_of_the_finger_is_an_error_and_no_remark() {
        for slip in [
            "// day 3",
            "// day 3 task",
            "// day 8 task 1",
            "// day 0 task 1",
            "// day 3 task 0",
            "// day 3 task 2: f();",
            "// day 3 task 2 }",
            "// day 3, task 2",
            "// day: sunny",
            "// }day 3 task 2",
            "// } day 3",
            "// until day 3 task 2",
            "// until day 3 task 2:",
            "// until day 3: f();",
        ] {
            assert!(matches!(parse(slip), Some(Err(_))), "{slip}");
        }
    }

    #[test]
    fn a_headline_tells_whose_work_a_file_is() {
        assert_eq!(
            headline("//! Day 3 · Task 2 · Merging.\n//!\nfn f() {}"),
            Ok(Some(D3K2))
        );
        assert_eq!(
            headline("// a licence\n\n//! Day 3 · Task 2 · Merging."),
            Ok(Some(D3K2))
        );
        assert_eq!(
            headline("//! Given · Options.\n//! Day 3 · Task 2 · not the first line"),
            Ok(None)
        );
        assert_eq!(headline("fn f() {}"), Ok(None));
    }

    #[test]
    fn a_headline_without_a_task_is_an_error_with_its_line() {
        for text in [
            "Day 3",
            "Day 3 · Merging",
            "Day 3 · Task 2",
            "Day 9 · Task 2 · x",
            "Day 3 - Task 2 - x",
            "Day · x",
        ] {
            assert_eq!(
                headline(&format!("\n//! {text}\n")).unwrap_err().0,
                2,
                "{text}"
            );
        }
    }
}
