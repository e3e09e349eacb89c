//! What a run says: a line a bug, and at the end the sum.

use std::collections::BTreeMap;
use std::fmt::Write;

use xtask::catalogue::Day;
use xtask::scheck::kind::Kind;
use xtask::screen::{Screen, Style, wrap};

use crate::hunt::{Hunt, Ran};
use crate::zoo::Bug;

/// How wide paragraphs are.
const WIDTH: usize = 100;

/// `--list`: name, task and claim, by day.
pub fn list(bugs: &[&Bug], days: &[Day], screen: &Screen) -> String {
    let mut text = String::new();
    let width = bugs.iter().map(|bug| bug.name.len()).max().unwrap_or(0);
    for day in days {
        let mut of_day = bugs.iter().filter(|bug| bug.day == day.number).peekable();
        if of_day.peek().is_none() {
            continue;
        }
        let head = format!("day {} · {}", day.number, day.title);
        let _ = writeln!(text, "{}", screen.paint(Style::Strong, &head));
        for bug in of_day {
            let Bug {
                name, task, claim, ..
            } = bug;
            let _ = writeln!(text, "  {name:<width$}  task {task}  {claim}");
        }
    }
    let _ = writeln!(text, "{}", counted(bugs.len(), "bug"));
    text
}

/// One bug that was hunted.
pub fn line(bug: &Bug, hunt: &Hunt, problems: &[String], screen: &Screen) -> String {
    let what = match hunt {
        Hunt::NotCompiled(_) => "not compiled".to_string(),
        Hunt::Ran(ran) => caught(ran),
    };
    let verdict = match problems.is_empty() {
        true => screen.paint(Style::Good, "ok"),
        false => screen.paint(Style::Bad, "NO"),
    };
    let mut text = format!("{verdict}  day {} · {:<34} {what}\n", bug.day, bug.name);
    for problem in problems {
        let _ = writeln!(text, "      {problem}");
    }
    text
}

fn caught(ran: &Ran) -> String {
    let Some(first) = ran.first() else {
        return "caught by no test".to_string();
    };
    let word = Kind::of(first).map_or("", Kind::word);
    let more = match ran.failed.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{} ({word}){more}", first.test.path())
}

/// Everything about one bug: what was changed, and what the first test that failed says to a learner.
pub fn in_full(bug: &Bug, hunt: &Hunt) -> String {
    let mut text = String::new();
    let mut paragraph = |head: &str, words: &str| {
        let lines = wrap(words, WIDTH - 16);
        for (index, line) in lines.iter().enumerate() {
            let head = if index == 0 { head } else { "" };
            let _ = writeln!(text, "      {head:<10}{line}");
        }
    };
    paragraph("breaks", &bug.claim);
    paragraph("question", &bug.question);
    if let Hunt::Ran(ran) = hunt
        && let Some(first) = ran.first()
    {
        paragraph("claim", &first.test.claim);
        if let Some(panic) = first.main_panic() {
            paragraph("said", &panic.message);
        }
        let hint = first.test.hints.first();
        paragraph("hint", hint.map_or("none", String::as_str));
        for (test, kind) in ran.failures() {
            paragraph("fails", &format!("{test} ({})", kind.word()));
        }
    }
    if let Hunt::NotCompiled(error) = hunt {
        let _ = writeln!(text, "{error}");
    }
    text
}

/// How many bugs of each day were caught.
#[derive(Debug, Default)]
pub struct Sum {
    days: BTreeMap<u32, (usize, usize)>,
}

impl Sum {
    pub fn add(&mut self, bug: &Bug, is_good: bool) {
        let (good, all) = self.days.entry(bug.day).or_default();
        *good += usize::from(is_good);
        *all += 1;
    }

    pub fn all_good(&self) -> bool {
        self.days.values().all(|(good, all)| good == all)
    }

    pub fn line(&self) -> String {
        let days: Vec<String> = self
            .days
            .iter()
            .map(|(day, (good, all))| format!("day {day}: {good} of {all}"))
            .collect();
        let good: usize = self.days.values().map(|(good, _)| good).sum();
        let all: usize = self.days.values().map(|(_, all)| all).sum();
        format!(
            "{}\n{good} of {} caught by a test of its day that says so\n",
            days.join(" · "),
            counted(all, "bug")
        )
    }
}

/// `1 bug`, `2 bugs`.
pub fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
