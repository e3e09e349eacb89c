//! What the learner presses while we watch. Single keys where the terminal gives them, otherwise a letter and Enter; nothing
//! where nobody sits before it.

use std::io::{self, BufRead, IsTerminal};
use std::thread;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Again,
    All,
    Hint,
    Quit,
}

/// How keys come. While they come singly the terminal does not return the carriage at the end of a line by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Single,
    Lines,
    None,
}

/// Puts the terminal back when it is dropped.
pub struct Keys {
    pub mode: Mode,
}

impl Keys {
    /// Calls `pressed` for each key, from a thread of its own, until that says `false`.
    /// `lines` asks for whole lines even where single keys can be had: nothing is taken from a screen reader then.
    pub fn read(lines: bool, pressed: impl Fn(Key) -> bool + Send + 'static) -> Keys {
        let mode = match io::stdin().is_terminal() {
            false => Mode::None,
            true if lines || terminal::enable_raw_mode().is_err() => Mode::Lines,
            true => Mode::Single,
        };
        match mode {
            Mode::None => {}
            Mode::Lines => drop(thread::spawn(move || read_lines(&pressed))),
            Mode::Single => drop(thread::spawn(move || read_keys(&pressed))),
        }
        Keys { mode }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if self.mode == Mode::Single {
            terminal::disable_raw_mode().ok();
        }
    }
}

fn read_lines(pressed: &dyn Fn(Key) -> bool) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let letter = line.trim().chars().next();
        if let Some(key) = key_of(letter.unwrap_or('r'))
            && !pressed(key)
        {
            return;
        }
    }
}

fn read_keys(pressed: &dyn Fn(Key) -> bool) {
    while let Ok(event) = event::read() {
        let Event::Key(key) = event else { continue };
        // Windows tells of the release as well.
        if key.kind == KeyEventKind::Release {
            continue;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let meant = match key.code {
            KeyCode::Char('c' | 'd') if control => Some(Key::Quit),
            KeyCode::Char(_) if control => None,
            KeyCode::Char(letter) => key_of(letter),
            KeyCode::Enter => Some(Key::Again),
            KeyCode::Esc => Some(Key::Quit),
            _ => None,
        };
        if meant.is_some_and(|key| !pressed(key)) {
            return;
        }
    }
}

fn key_of(letter: char) -> Option<Key> {
    match letter.to_ascii_lowercase() {
        'r' | ' ' => Some(Key::Again),
        'a' => Some(Key::All),
        'h' | '?' => Some(Key::Hint),
        'q' => Some(Key::Quit),
        _ => None,
    }
}
