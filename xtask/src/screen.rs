//! What may be shown where: colour, links, characters beyond ASCII, how wide, and a line that is overwritten.
//!
//! Texts are written with Unicode and without regard to the terminal; [`Screen::fit`] makes them fit at the very end.
//! Colour only underlines what the words say already.

mod link;
#[cfg_attr(unix, path = "screen/size_unix.rs")]
#[cfg_attr(windows, path = "screen/size_windows.rs")]
mod size;

use std::env;
use std::io::{IsTerminal, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Good,
    Bad,
    Strong,
    Quiet,
}

/// How it is told, on stderr, what is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In one line that is overwritten.
    Redrawn,
    /// In a line for each thing begun, for screen readers: nothing moves, nothing is repeated.
    Lines,
    Silent,
}

/// The abilities of the terminal, or of the file in its place.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub colour: bool,
    pub unicode: bool,
    /// Names of files may lead to them (OSC 8).
    pub links: bool,
    /// Words in place of bars and columns.
    pub words: bool,
    /// In characters. A file is as wide as its longest line.
    pub width: usize,
    pub status: Status,
}

impl Screen {
    /// What a file or a pipe gets: no escapes, no overwriting, all characters.
    pub const PLAIN: Screen = Screen {
        colour: false,
        unicode: true,
        links: false,
        words: false,
        width: usize::MAX,
        status: Status::Silent,
    };

    /// What a screen reader gets: ASCII, words, and no line that changes.
    pub const WORDS: Screen = Screen {
        unicode: false,
        words: true,
        status: Status::Lines,
        ..Screen::PLAIN
    };

    pub fn detect() -> Screen {
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        // The old console of Windows shows escape sequences as they are and lacks most characters.
        let modern = !cfg!(windows) || is_set("WT_SESSION") || is_set("TERM");
        let terminal = std::io::stdout().is_terminal();
        let width = terminal.then(size::columns).flatten();
        Screen {
            colour: terminal && !dumb && modern && !is_set("NO_COLOR"),
            unicode: !dumb && modern && (cfg!(windows) || utf8_locale()),
            links: terminal && !dumb && link::known_by_terminal(),
            words: false,
            width: width.unwrap_or(match terminal {
                true => USUAL_WIDTH,
                false => usize::MAX,
            }),
            status: match std::io::stderr().is_terminal() && !dumb && modern {
                true => Status::Redrawn,
                false => Status::Silent,
            },
        }
    }

    /// As [`detect`](Self::detect), or with `--plain` what a screen reader can use.
    pub fn detect_or_words(plain: bool) -> Screen {
        match plain {
            true => Screen::WORDS,
            false => Screen::detect(),
        }
    }

    pub fn paint(&self, style: Style, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_string();
        }
        let code = match style {
            Style::Good => "32",
            Style::Bad => "31",
            Style::Strong => "1",
            Style::Quiet => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// The text, leading to the place `FILE:LINE:COLUMN` where the terminal can follow. `file` is absolute.
    pub fn link(&self, text: &str, file: &std::path::Path, line: usize, column: usize) -> String {
        match self.links {
            true => link::hyperlink(text, &link::address(file, line, column)),
            false => text.to_string(),
        }
    }

    /// How wide a paragraph may be that begins `indent` characters from the left.
    pub fn paragraph(&self, indent: usize) -> usize {
        self.width
            .saturating_sub(indent + 1)
            .clamp(NARROWEST, WIDEST)
    }

    /// The text in the characters that the screen has.
    pub fn fit(&self, text: &str) -> String {
        if self.unicode {
            return text.to_string();
        }
        let mut fitted = String::with_capacity(text.len());
        for letter in text.chars() {
            match ASCII.iter().find(|(from, _)| *from == letter) {
                Some((_, to)) => fitted.push_str(to),
                None if letter.is_ascii() => fitted.push(letter),
                None => fitted.push('?'),
            }
        }
        fitted
    }

    /// Something new begins: it is told wherever anything is.
    pub fn begin(&self, what: &str) {
        match self.status {
            Status::Lines => {
                writeln!(std::io::stderr(), "{}", self.fit(what)).ok();
            }
            _ => self.status(what),
        }
    }

    /// How far it has come: shown in place of what was shown before, or not at all.
    pub fn status(&self, text: &str) {
        if self.status == Status::Redrawn {
            // A line that wraps cannot be taken away again.
            let room = self.width.min(USUAL_WIDTH) - 2;
            let line: String = text.chars().take(room).collect();
            let line = self.fit(&line);
            write!(std::io::stderr(), "\r\x1b[2K{line}").ok();
        }
    }

    /// Takes away what [`Screen::status`] showed.
    pub fn clear_status(&self) {
        if self.status == Status::Redrawn {
            write!(std::io::stderr(), "\r\x1b[2K").ok();
        }
    }
}

/// Of a terminal that does not tell.
const USUAL_WIDTH: usize = 80;
/// Paragraphs are no wider than this: longer lines are hard to read.
const WIDEST: usize = 92;
/// And no narrower, however small the window is.
const NARROWEST: usize = 24;

/// The characters that our texts use, and what stands for them.
const ASCII: &[(char, &str)] = &[
    ('█', "#"),
    ('░', "."),
    ('·', "-"),
    ('│', "|"),
    ('…', "..."),
    ('–', "-"),
    ('—', "-"),
    ('→', "->"),
    ('≤', "<="),
    ('≥', ">="),
    ('≠', "!="),
    ('×', "x"),
    ('‘', "'"),
    ('’', "'"),
    ('“', "\""),
    ('”', "\""),
];

/// Breaks a paragraph into lines of at most `width` characters; a longer word gets a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// The line, cut where it gets longer than `width` characters.
pub fn shortened(line: &str, width: usize) -> String {
    match line.chars().count() > width {
        true => line
            .chars()
            .take(width.saturating_sub(1))
            .chain(['…'])
            .collect(),
        false => line.to_string(),
    }
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The first of these that is set decides, as in the C library. None set is the "C" locale.
fn utf8_locale() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_string_lossy().to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_without_unicode_gets_ascii() {
        let ascii = Screen {
            unicode: false,
            ..Screen::PLAIN
        };
        assert_eq!(ascii.fit("█░ day 1 · ≥ é"), "#. day 1 - >= ?");
        assert_eq!(Screen::PLAIN.fit("█ é"), "█ é");
    }

    #[test]
    fn only_a_coloured_screen_gets_escapes() {
        let coloured = Screen {
            colour: true,
            ..Screen::PLAIN
        };
        assert_eq!(coloured.paint(Style::Good, "full"), "\x1b[32mfull\x1b[0m");
        assert_eq!(Screen::PLAIN.paint(Style::Good, "full"), "full");
        let file = std::path::Path::new("/a/b.rs");
        assert_eq!(Screen::PLAIN.link("b.rs:1", file, 1, 2), "b.rs:1");
    }

    #[test]
    fn paragraphs_break_between_words_and_keep_within_the_screen() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible a", 4), ["incomprehensible", "a"]);
        assert!(wrap("  ", 4).is_empty());
        assert_eq!(Screen::PLAIN.paragraph(10), WIDEST);
        let narrow = |width| Screen {
            width,
            ..Screen::PLAIN
        };
        assert_eq!(narrow(80).paragraph(10), 69);
        assert_eq!(narrow(5).paragraph(10), NARROWEST);
    }
}
