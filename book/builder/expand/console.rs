//! Commands of the text, run while the book is built, so that what they print is what they print today.
//!
//! ````text
//! ```console folded
//! $ cargo run -q --bin mini-lsm-cli -- --path fruit
//! > put apple red
//! > get apple
//! $ cargo x inspect fruit/000001.wal
//! ```
//! ````
//!
//! The reference answers for the learner's crate. All commands of a page share one empty folder, so a later one finds the files
//! of an earlier one. Lines with `>` are typed into the command above, and each is shown with its answer, as on a terminal.
//! `folded`: the reader is shown the commands and asked to guess; the answer is folded away. `fails`: the last command must end
//! with an error code, and without the word none may.

mod programs;

use std::fmt::Write;

pub use programs::{Console, Room};

/// A command and what is typed into it.
struct Ask {
    line: usize,
    command: String,
    typed: Vec<String>,
}

/// What was printed, what was typed into it included.
struct Answer {
    text: String,
    is_success: bool,
}

/// How a console is to be shown.
#[derive(Default)]
struct Wish {
    is_folded: bool,
    must_fail: bool,
}

impl Console {
    /// The Markdown for a fence `console`; an error comes with its line in the fence.
    pub fn show(
        &self,
        room: &mut Room,
        words: &str,
        content: &[String],
    ) -> Result<String, (usize, String)> {
        let wish = wish(words).map_err(|what| (0, what))?;
        let asks = asks(content)?;
        let last = asks.len();
        let (mut asked, mut answered) = (String::new(), String::new());
        for (ask, index) in asks.iter().zip(1..) {
            let answer = self.answer(room, ask);
            let answer = answer.map_err(|error| (ask.line, format!("{error:#}")))?;
            if answer.is_success == (wish.must_fail && index == last) {
                let outcome = if answer.is_success {
                    "succeeds"
                } else {
                    "fails"
                };
                let Ask { line, command, .. } = ask;
                return Err((*line, format!("`{command}` {outcome}:\n{}", answer.text)));
            }
            writeln!(asked, "{}", ask.command).expect("a String takes everything");
            for line in &ask.typed {
                writeln!(asked, "> {line}").expect("a String takes everything");
            }
            write!(answered, "$ {}\n{}", ask.command, answer.text)
                .expect("a String takes everything");
        }
        let answered = format!("```console\n{}\n```", answered.trim_end());
        Ok(match wish.is_folded {
            false => answered,
            true => format!(
                "```sh\n{}\n```\n\n<details class=\"result\">\n<summary>What the reference answers</summary>\n\n{answered}\n\n</details>\n",
                asked.trim_end()
            ),
        })
    }
}

fn wish(words: &str) -> Result<Wish, String> {
    let mut wish = Wish::default();
    for word in words.split_whitespace() {
        match word {
            "folded" => wish.is_folded = true,
            "fails" => wish.must_fail = true,
            _ => {
                return Err(format!(
                    "`{word}` is nothing that a console can be: folded, fails"
                ));
            }
        }
    }
    Ok(wish)
}

fn asks(content: &[String]) -> Result<Vec<Ask>, (usize, String)> {
    let mut asks: Vec<Ask> = Vec::new();
    for (text, line) in content.iter().zip(1..) {
        if let Some(command) = text.strip_prefix("$ ") {
            let command = command.trim().to_string();
            asks.push(Ask {
                line,
                command,
                typed: Vec::new(),
            });
        } else if let (Some(typed), Some(ask)) = (text.strip_prefix("> "), asks.last_mut()) {
            ask.typed.push(typed.to_string());
        } else if !text.trim().is_empty() {
            return Err((line, "a line of a console begins with `$ `, or with `> ` below a command; what it prints is not written down".into()));
        }
    }
    if asks.is_empty() {
        return Err((0, "a console has at least one command".into()));
    }
    Ok(asks)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn show(words: &str, text: &str) -> Result<String, (usize, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        Console::new(root).show(&mut Room::default(), words, &lines)
    }

    #[test]
    fn commands_of_a_page_are_run_in_one_folder() {
        let text = "$ cargo run -q --bin mini-lsm-cli -- block apple=red plum --out a.bin\n$ cargo x inspect a.bin\n";
        let shown = show("", text).unwrap();
        assert!(
            shown.contains("a.bin: 2 entries, 34 bytes\n$ cargo x inspect"),
            "{shown}"
        );
        assert!(shown.contains("a tombstone"), "{shown}");
        let folded = show("folded", text).unwrap();
        let (asked, answered) = folded.split_once("<details").unwrap();
        assert!(
            !asked.contains("34 bytes") && answered.contains("34 bytes"),
            "{folded}"
        );
    }

    #[test]
    fn lines_are_typed_into_a_session_and_each_has_its_answer() {
        let text = "$ cargo run -q --bin mini-lsm-cli -- --path fruit\n> put apple red\n> get apple\n> get plum\n> scan\n> quit\n";
        let shown = show("", text).unwrap();
        let session = "> put apple red\n> get apple\nred\n> get plum\nplum has no value\n> scan\napple = red\n> quit\n```";
        assert!(shown.ends_with(session), "{shown}");
        let unnamed = show(
            "",
            "$ cargo run -q --bin mini-lsm-cli\n> put a 1\n> get a\n",
        )
        .unwrap();
        assert!(unnamed.ends_with("> get a\n1\n```"), "{unnamed}");
    }

    #[test]
    fn a_command_that_fails_without_leave_is_a_problem_and_so_is_one_that_should_and_does_not() {
        let missing = "$ cargo x inspect nothing.bin\n";
        assert!(show("fails", missing).is_ok());
        let (line, what) = show("", missing).unwrap_err();
        assert!(line == 1 && what.contains("fails"), "{what}");
        let fine = "$ cargo run -q --bin mini-lsm-cli -- block a=1 --out a.bin\n";
        assert!(show("fails", fine).unwrap_err().1.contains("succeeds"));
        assert!(
            show("", "$ rm -rf x")
                .unwrap_err()
                .1
                .contains("not `rm -rf x`")
        );
        assert!(show("", "what it prints").is_err());
    }
}
