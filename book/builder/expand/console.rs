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
//! The reference answers for the learner's crate: `mini-lsm-cli` is run as `mini-lsm-cli-ref`. All commands of a page share one
//! empty folder, so a later one finds the files of an earlier one. Lines with `>` are typed into the command above.
//! `folded`: the reader is shown the commands and asked to guess; the answer is folded away. `fails`: the last command must end
//! with an error code, and without the word none may.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

const ENGINE: &str = "cargo run -q --bin mini-lsm-cli -- ";
const X: &str = "cargo x ";

/// The two programs, built when the first command asks.
pub struct Console {
    root: PathBuf,
    programs: OnceCell<Result<Programs, String>>,
}

struct Programs {
    engine: PathBuf,
    x: PathBuf,
}

/// The folder of a page.
#[derive(Default)]
pub struct Room(Option<TempDir>);

/// A command and what is typed into it.
struct Ask {
    line: usize,
    command: String,
    typed: Vec<String>,
}

struct Answer {
    text: String,
    is_success: bool,
}

impl Console {
    pub fn new(root: &Path) -> Console {
        Console {
            root: root.to_path_buf(),
            programs: OnceCell::new(),
        }
    }

    /// The Markdown for a fence `console`; an error comes with its line in the fence.
    pub fn show(
        &self,
        room: &mut Room,
        words: &str,
        content: &[String],
    ) -> Result<String, (usize, String)> {
        let [mut is_folded, mut must_fail] = [false; 2];
        for word in words.split_whitespace() {
            match word {
                "folded" => is_folded = true,
                "fails" => must_fail = true,
                _ => {
                    return Err((
                        0,
                        format!("`{word}` is nothing that a console can be: folded, fails"),
                    ));
                }
            }
        }
        let asks = asks(content)?;
        let count = asks.len();
        let (mut shown, mut typed, mut answers) = (String::new(), String::new(), String::new());
        for (ask, index) in asks.into_iter().zip(1..) {
            let line = ask.line;
            let answer = self
                .answer(room, &ask)
                .map_err(|error| (line, format!("{error:#}")))?;
            if answer.is_success == (must_fail && index == count) {
                let outcome = if answer.is_success {
                    "succeeds"
                } else {
                    "fails"
                };
                return Err((
                    line,
                    format!("`{}` {outcome}:\n{}", ask.command, answer.text),
                ));
            }
            writeln!(shown, "$ {}", ask.command).expect("a String takes everything");
            writeln!(typed, "{}", ask.command).expect("a String takes everything");
            for line in &ask.typed {
                writeln!(shown, "> {line}").expect("a String takes everything");
                writeln!(typed, "> {line}").expect("a String takes everything");
            }
            shown += &answer.text;
            answers += &answer.text;
        }
        Ok(match is_folded {
            false => format!("```console\n{}\n```", shown.trim_end()),
            true => format!(
                "```sh\n{}\n```\n\n<details class=\"result\">\n<summary>What the reference answers</summary>\n\n```text\n{}\n```\n\n</details>\n",
                typed.trim_end(),
                answers.trim_end()
            ),
        })
    }

    fn answer(&self, room: &mut Room, ask: &Ask) -> Result<Answer> {
        let programs = self
            .programs
            .get_or_init(|| Programs::build(&self.root).map_err(|e| format!("{e:#}")));
        let programs = match programs {
            Ok(programs) => programs,
            Err(error) => bail!("{error}"),
        };
        let (program, args) = match (
            ask.command.strip_prefix(ENGINE),
            ask.command.strip_prefix(X),
        ) {
            (Some(args), _) => (&programs.engine, args),
            (None, Some(args)) => (&programs.x, args),
            (None, None) => bail!(
                "a console of the book runs `{ENGINE}…` and `{X}…`, not `{}`",
                ask.command
            ),
        };
        let args = super::directive::words(args).map_err(anyhow::Error::msg)?;
        let folder = room.make()?;
        let mut child = Command::new(program)
            .args(args)
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut input = child.stdin.take().context("its input is a pipe")?;
        for line in &ask.typed {
            // One that has ended early does not read on.
            let _ = writeln!(input, "{line}");
        }
        drop(input);
        let output = child.wait_with_output()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text)
            .replace("\r\n", "\n")
            .replace("mini-lsm-cli-ref", "mini-lsm-cli");
        let notes = |line: &&str| !line.starts_with("note: no --path");
        let lines = text.lines().filter(notes).map(|line| format!("{line}\n"));
        Ok(Answer {
            text: lines.collect(),
            is_success: output.status.success(),
        })
    }
}

impl Programs {
    fn build(root: &Path) -> Result<Programs> {
        Ok(Programs {
            engine: build(
                root,
                &["--package", "mini-lsm", "--bin", "mini-lsm-cli-ref"],
            )?,
            // One by one: together they could share features, and `cargo x` would be built anew while it runs.
            x: build(root, &["--package", "xtask", "--bin", "xtask"])?,
        })
    }
}

fn build(root: &Path, what: &[&str]) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(what)
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "the commands of the text need {}, which does not compile",
            what.join(" ")
        );
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    executables
        .next_back()
        .context("cargo did not say where the program is")
}

impl Room {
    /// Where the files of the page are, if a command has run.
    pub fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(TempDir::path)
    }

    fn make(&mut self) -> Result<&Path> {
        if self.0.is_none() {
            self.0 = Some(
                tempfile::tempdir().context("cannot make a folder for the commands of a page")?,
            );
        }
        self.path().context("it was made")
    }
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
    fn lines_are_typed_into_a_session() {
        let shown = show(
            "",
            "$ cargo run -q --bin mini-lsm-cli -- --path fruit\n> put apple red\n> get apple\n",
        )
        .unwrap();
        assert!(shown.ends_with("> get apple\nred\n```"), "{shown}");
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
