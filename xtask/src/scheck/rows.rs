//! The days as bars with their tasks: on a line each, on two where the terminal is narrow, or in words for screen readers.

use super::report::{DayReport, DayState, Report};
use crate::screen::{Screen, Style, shortened};

const BAR: usize = 12;
/// Titles are cut to this where nothing else helps.
const SHORT_TITLE: usize = 10;

pub fn of(report: &Report, screen: &Screen) -> Vec<String> {
    if screen.words {
        return report.days.iter().map(in_words).collect();
    }
    let layouts = [Layout::WIDE, Layout::TWO_LINES, Layout::NARROW];
    let width = |layout: &Layout| layout.width(report);
    let fitting = layouts
        .into_iter()
        .find(|layout| width(layout) <= screen.width);
    let layout = fitting.unwrap_or(Layout::NARROW);
    let title = layout.title_width(report);
    let days = report.days.iter();
    days.flat_map(|day| layout.lines(day, title, screen))
        .collect()
}

/// How a day is laid out.
struct Layout {
    bar: usize,
    /// Tasks stand behind the bar, not on a line of their own.
    tasks_behind: bool,
    longest_title: usize,
}

impl Layout {
    const WIDE: Layout = Layout {
        bar: BAR,
        tasks_behind: true,
        longest_title: usize::MAX,
    };

    const TWO_LINES: Layout = Layout {
        tasks_behind: false,
        ..Layout::WIDE
    };

    const NARROW: Layout = Layout {
        bar: BAR / 2,
        longest_title: SHORT_TITLE,
        ..Layout::TWO_LINES
    };

    fn title_width(&self, report: &Report) -> usize {
        let width = |day: &DayReport| day.title.chars().count();
        let longest = report.days.iter().map(width).max().unwrap_or(0);
        longest.min(self.longest_title)
    }

    /// Of the widest row; tasks on a line of their own are wrapped.
    fn width(&self, report: &Report) -> usize {
        let title = self.title_width(report);
        let row = |day| {
            self.lines(day, title, &Screen::PLAIN)
                .first()
                .map(|row| row.chars().count())
        };
        report.days.iter().filter_map(row).max().unwrap_or(0)
    }

    fn lines(&self, day: &DayReport, title_width: usize, screen: &Screen) -> Vec<String> {
        let (passed, total) = day.score();
        let score = match day.state {
            DayState::NotAsked(_) | DayState::NotStarted(_) => format!("–/{total}"),
            _ => format!("{passed}/{total}"),
        };
        let style = match day.is_full() {
            true if day.loans.is_empty() => Style::Good,
            _ if passed > 0 => Style::Strong,
            _ => Style::Quiet,
        };
        let bar = screen.paint(style, &bar(passed, total, self.bar));
        let (tasks, state) = (tasks(day), state(day));
        let behind = match self.tasks_behind && !tasks.is_empty() {
            true => format!("{state:<16}  {tasks}"),
            false => state,
        };
        let title = shortened(&day.title, title_width);
        let row = format!(
            "  day {}  {title:<title_width$}  {bar}  {score:>5}  {behind}",
            day.number
        );
        let mut lines = vec![row];
        // Of a full day the tasks say nothing that the day does not.
        if !self.tasks_behind && !day.is_full() && !tasks.is_empty() {
            let indent = " ".repeat(TASKS_INDENT);
            let tasks = wrap_tasks(&tasks, screen.width.saturating_sub(TASKS_INDENT));
            lines.extend(tasks.into_iter().map(|line| format!("{indent}{line}")));
        }
        lines
    }
}

const TASKS_INDENT: usize = 9;
const BETWEEN_TASKS: &str = " · ";

/// Breaks between tasks, not within them.
fn wrap_tasks(tasks: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for task in tasks.split(BETWEEN_TASKS) {
        let added = format!("{BETWEEN_TASKS}{task}");
        match lines.last_mut() {
            Some(line) if line.chars().count() + added.chars().count() <= width => *line += &added,
            _ => lines.push(task.to_string()),
        }
    }
    lines
}

/// `day 1, Blocks: 3 of 40 tests pass, 37 to go; task 1: 3 of 13, 1 borrowed, task 2: 0 of 13.`
fn in_words(day: &DayReport) -> String {
    let (passed, total) = day.score();
    let head = format!("day {}, {}:", day.number, day.title);
    let state = state(day);
    match &day.state {
        DayState::Graded(_) => {
            let tasks = scores(day).into_iter();
            let tasks: Vec<String> = tasks
                .map(|(task, passed, total)| {
                    let loans = on_loan(day.loans_of(task));
                    format!("task {task}: {passed} of {total}{loans}")
                })
                .collect();
            format!(
                "{head} {passed} of {total} tests pass, {state}; {}.",
                tasks.join(", ")
            )
        }
        _ => format!("{head} {total} tests, {state}."),
    }
}

/// Full only if all is passed, and not empty if anything is.
fn bar(passed: usize, total: usize, width: usize) -> String {
    let filled = match passed {
        0 => 0,
        _ if passed == total => width,
        _ => (passed * width / total).clamp(1, width - 1),
    };
    format!("{}{}", "█".repeat(filled), "░".repeat(width - filled))
}

fn state(day: &DayReport) -> String {
    let (passed, total) = day.score();
    match day.state {
        DayState::NotAsked(_) => "not asked for".into(),
        DayState::NotStarted(_) => "not started yet".into(),
        DayState::NotCompiled(..) => "does not compile".into(),
        DayState::Graded(_) if passed == total => format!("full{}", on_loan(day.loans.len())),
        DayState::Graded(_) => format!("{} to go", total - passed),
    }
}

/// What stands behind a score that was not earned alone.
fn on_loan(count: usize) -> String {
    match count {
        0 => String::new(),
        _ => format!(", {count} borrowed"),
    }
}

/// `task 1 4/4, 1 borrowed · task 2 0/3`
fn tasks(day: &DayReport) -> String {
    let scores = scores(day).into_iter();
    let scores: Vec<String> = scores
        .map(|(task, passed, total)| {
            let loans = on_loan(day.loans_of(task));
            format!("task {task} {passed}/{total}{loans}")
        })
        .collect();
    scores.join(BETWEEN_TASKS)
}

/// Number, passed and total of each task that ran.
fn scores(day: &DayReport) -> Vec<(u32, usize, usize)> {
    let trials = day.trials();
    let mut numbers: Vec<u32> = trials.iter().map(|trial| trial.test.task).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let score = |task: u32| {
        let of_task = || trials.iter().filter(|trial| trial.test.task == task);
        let passed = of_task().filter(|trial| trial.passed()).count();
        (task, passed, of_task().count())
    };
    numbers.into_iter().map(score).collect()
}
