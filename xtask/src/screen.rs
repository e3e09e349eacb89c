//! What may be shown where: colour, characters beyond ASCII, a line that is overwritten.
//!
//! Texts are written with Unicode and without regard to the terminal; [`Screen::fit`] makes them fit at the very end.
//! Colour only underlines what the words say already.

use std::env;
use std::io::{IsTerminal, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Good,
    Bad,
    Strong,
    Quiet,
}

/// The abilities of the terminal, or of the file in its place.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub colour: bool,
    pub unicode: bool,
    /// A line on stderr may be overwritten.
    pub live: bool,
}

impl Screen {
    /// No colour, no overwriting, all characters.
    pub const PLAIN: Screen = Screen {
        colour: false,
        unicode: true,
        live: false,
    };

    pub fn detect() -> Screen {
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        // The old console of Windows shows escape sequences as they are and lacks most characters.
        let modern = !cfg!(windows) || is_set("WT_SESSION") || is_set("TERM");
        let colour = std::io::stdout().is_terminal() && !dumb && modern && !is_set("NO_COLOR");
        Screen {
            colour,
            unicode: !dumb && modern && (cfg!(windows) || utf8_locale()),
            live: std::io::stderr().is_terminal() && !dumb && modern,
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

    /// Shows on stderr what is being done, in place of what was shown before.
    pub fn status(&self, text: &str) {
        if self.live {
            let line: String = text.chars().take(STATUS_WIDTH).collect();
            let line = self.fit(&line);
            write!(std::io::stderr(), "\r\x1b[2K{line}").ok();
        }
    }

    /// Takes away what [`Screen::status`] showed.
    pub fn clear_status(&self) {
        if self.live {
            write!(std::io::stderr(), "\r\x1b[2K").ok();
        }
    }
}

/// A line that wraps cannot be taken away again, so statuses stay below the narrowest usual width.
const STATUS_WIDTH: usize = 78;

/// The characters that our texts use, and what stands for them.
const ASCII: &[(char, &str)] = &[
    ('█', "#"),
    ('░', "."),
    ('·', "-"),
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
    }

    #[test]
    fn paragraphs_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("incomprehensible a", 4), ["incomprehensible", "a"]);
        assert!(wrap("  ", 4).is_empty());
    }
}
