//! What the watcher shows: the outcome of the last run, hints, and which keys there are.

use std::io::{IsTerminal, Write};

use xtask::flags;
use xtask::hint;
use xtask::scheck::report::Grade;
use xtask::scheck::{Ask, Subject, board, problems, seen};
use xtask::screen::{Screen, Status, Style};
use xtask::workspace::Workspace;

use crate::keys::Mode;

pub struct Show {
    screen: Screen,
    keys: Mode,
    /// An editor reads along: a line at the beginning and the end of each run, and one for each failure.
    problems: bool,
    /// To be told below the next outcome.
    remarks: Vec<String>,
}

impl Show {
    pub fn new(screen: Screen, keys: Mode, problems: bool) -> Show {
        Show {
            screen,
            keys,
            problems,
            remarks: Vec::new(),
        }
    }

    pub fn introduce(&self, events: bool) {
        if !events {
            self.print(
                "The system tells of no saved files here, so they are looked at once a second.\n",
            );
        }
    }

    pub fn begin_run(&self) {
        if self.problems {
            self.print("grading\n");
        }
    }

    pub fn remark_later(&mut self, remark: Option<String>) {
        self.remarks.extend(remark);
    }

    /// Makes room for an outcome, where the screen can.
    fn clear(&self) {
        if self.screen.status == Status::Redrawn && std::io::stdout().is_terminal() {
            self.print("\x1b[2J\x1b[H");
        }
    }

    /// Shows the outcome and remembers it. Of a part that does not pass only the first failure is shown.
    pub fn grade(&mut self, subject: &Subject, part: Option<Ask>, grade: &Grade) {
        self.screen.clear_status();
        self.clear();
        let mut seen = seen::remember(subject, grade);
        seen.remarks.append(&mut self.remarks);
        let text = match (part, grade) {
            (Some(_), Grade::Report(report)) => board::render_part(report, &seen, &self.screen),
            _ => board::render(grade, &seen, &self.screen),
        };
        self.print(&text);
        if self.problems {
            let lines = problems::lines(grade);
            lines
                .iter()
                .for_each(|line| self.print(&format!("{line}\n")));
        }
        self.end_run();
    }

    pub fn hint(&self, workspace: &Workspace) {
        self.screen.clear_status();
        let text = hint::next(workspace, &flags::Hint::default(), &self.screen);
        match text {
            Ok(text) => self.print(&format!("\n{text}")),
            Err(error) => self.print(&format!("\n{error:#}\n")),
        }
        self.keys();
    }

    pub fn error(&self, error: &str) {
        self.screen.clear_status();
        self.print(&format!("{error}\n"));
        self.end_run();
    }

    fn end_run(&self) {
        if self.problems {
            self.print("graded\n");
        }
        self.keys();
    }

    pub fn end(&self) {
        self.screen.clear_status();
    }

    fn keys(&self) {
        let keys = match self.keys {
            Mode::Single => "[r] again · [a] all days · [h] hint · [q] quit",
            Mode::Lines => "type r for again, a for all days, h for a hint, q to quit, and Enter",
            Mode::None => "waiting for the next save",
        };
        self.print(&format!("\n{}\n", self.screen.paint(Style::Quiet, keys)));
    }

    fn print(&self, text: &str) {
        let text = self.screen.fit(text);
        let text = match self.keys {
            Mode::Single => text.replace('\n', "\r\n"),
            _ => text,
        };
        let mut out = std::io::stdout().lock();
        // Whoever read it may be gone; the next Ctrl-C ends us then.
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .ok();
    }
}
