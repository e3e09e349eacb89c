//! The board: the days with their bars, what else fails, format and lints, the first failure, and the verdict.

use super::explain::{self, one_line};
use super::report::{Broken, DayReport, DayState, Finding, Grade, Note, Report, Trial};
use crate::screen::{Screen, Style};

const BAR: usize = 12;
/// More failures than these are counted, not listed: the first one is what to look at.
const LISTED: usize = 8;

/// All that `scheck` shows, with a newline at its end.
pub fn render(grade: &Grade, screen: &Screen) -> String {
    match grade {
        Grade::Broken(broken) => render_broken(broken, screen),
        Grade::Report(report) => render_report(report, screen),
    }
}

fn render_broken(broken: &Broken, screen: &Screen) -> String {
    let headline = format!("{} does not compile, so no test could run.", broken.subject);
    let mut lines = vec![screen.paint(Style::Strong, &headline), String::new()];
    lines.extend(explain::compile_error(&broken.error));
    lines.push(String::new());
    lines.push("next: mend the first error; the others often go with it. Then:".into());
    lines.push(format!("  {}", broken.again));
    lines.push(String::new());
    lines.push(screen.paint(Style::Bad, "exit code 1: it does not compile."));
    lines.push(String::new());
    lines.join("\n")
}

fn render_report(report: &Report, screen: &Screen) -> String {
    let mut lines = vec![
        screen.paint(Style::Strong, &format!("Mini-LSM · {}", report.subject)),
        String::new(),
    ];
    lines.extend(board(report, screen));
    let listed = other_failures(report);
    if !listed.is_empty() {
        lines.push(String::new());
        lines.extend(listed);
    }
    let fresh = report.is_fresh();
    let worth_telling = |note: &&Note| !fresh || note.finding != Finding::Clean;
    let notes: Vec<String> = report.tidy.iter().filter(worth_telling).map(note).collect();
    if !notes.is_empty() {
        lines.push(String::new());
        lines.extend(notes);
    }
    if fresh {
        lines.push(String::new());
        lines.push(screen.paint(Style::Strong, FRESH));
    }
    lines.push(String::new());
    lines.extend(match report.all_passed() {
        true => full(report),
        false => explain::first_failure(report, screen),
    });
    lines.push(String::new());
    lines.push(verdict(report, screen));
    lines.push(String::new());
    lines.join("\n")
}

fn board(report: &Report, screen: &Screen) -> Vec<String> {
    let width = |day: &DayReport| day.title.chars().count();
    let width = report.days.iter().map(width).max().unwrap_or(0);
    let row = |day: &DayReport| {
        let (passed, total) = day.score();
        let score = match day.state {
            DayState::NotAsked(_) | DayState::NotStarted(_) => format!("–/{total}"),
            _ => format!("{passed}/{total}"),
        };
        let style = match day.is_full() {
            true => Style::Good,
            false if passed > 0 => Style::Strong,
            false => Style::Quiet,
        };
        let bar = screen.paint(style, &bar(passed, total));
        let state = match tasks(day) {
            tasks if tasks.is_empty() => state(day),
            tasks => format!("{:<16}  {tasks}", state(day)),
        };
        let title = &day.title;
        format!(
            "  day {}  {title:<width$}  {bar}  {score:>5}  {state}",
            day.number
        )
    };
    report.days.iter().map(row).collect()
}

/// Full only if all is passed, and not empty if anything is.
fn bar(passed: usize, total: usize) -> String {
    let filled = match passed {
        0 => 0,
        _ if passed == total => BAR,
        _ => (passed * BAR / total).clamp(1, BAR - 1),
    };
    format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled))
}

fn state(day: &DayReport) -> String {
    let (passed, total) = day.score();
    match day.state {
        DayState::NotAsked(_) => "not asked for".into(),
        DayState::NotStarted(_) => "not started yet".into(),
        DayState::NotCompiled(..) => "does not compile".into(),
        DayState::Graded(_) if passed == total => "full".into(),
        DayState::Graded(_) => format!("{} to go", total - passed),
    }
}

/// `task 1 4/4 · task 2 0/3`
fn tasks(day: &DayReport) -> String {
    let DayState::Graded(trials) = &day.state else {
        return String::new();
    };
    let mut numbers: Vec<u32> = trials.iter().map(|trial| trial.test.task).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let score = |task: &u32| {
        let of_task = || trials.iter().filter(|trial| trial.test.task == *task);
        let passed = of_task().filter(|trial| trial.passed()).count();
        format!("task {task} {passed}/{}", of_task().count())
    };
    let scores: Vec<String> = numbers.iter().map(score).collect();
    scores.join(" · ")
}

/// One line for each failure but the first, which is explained. Those that end at a stub are only counted.
fn other_failures(report: &Report) -> Vec<String> {
    let (unwritten, failing): (Vec<&Trial>, Vec<&Trial>) = report
        .failures()
        .skip(1)
        .partition(|trial| trial.stub().is_some());
    let mut lines = Vec::new();
    if !failing.is_empty() {
        lines.push("also failing:".to_string());
        lines.extend(failing.iter().take(LISTED).map(|trial| {
            let test = &trial.test;
            format!(
                "  day {} · task {} · {}: {}",
                test.day,
                test.task,
                test.name,
                one_line(trial)
            )
        }));
    }
    if failing.len() > LISTED {
        lines.push(format!("  … and {} more", failing.len() - LISTED));
    }
    if !unwritten.is_empty() && !report.is_fresh() {
        let count = unwritten.len();
        let (tests, wait) = match count {
            1 => ("test", "waits"),
            _ => ("tests", "wait"),
        };
        lines.push(format!(
            "{count} more {tests} {wait} for functions that are still to be written"
        ));
    }
    lines
}

fn note(note: &Note) -> String {
    let Note {
        what,
        finding,
        command,
    } = note;
    match finding {
        Finding::Clean => format!("{what:<6}  clean"),
        Finding::Places { count: 1, first } => {
            format!("{what:<6}  1 remark, at {first} (see `{command}`)")
        }
        Finding::Places { count, first } => {
            format!("{what:<6}  {count} remarks, the first at {first} (see `{command}`)")
        }
        Finding::Missing(get) => {
            format!("{what:<6}  not looked at: the tool is missing (`{get}` brings it)")
        }
        Finding::Failed(reason) => format!("{what:<6}  not looked at: {reason}"),
    }
}

/// What comes next when all that was asked for passes.
fn full(report: &Report) -> Vec<String> {
    let lines = match (report.only_day, report.only_task) {
        (Some(day), Some(task)) => vec![
            format!("Task {task} of day {day} is done."),
            format!("next: {} --day {day}", report.command),
        ],
        (Some(day), None) => match report.days.iter().find(|other| other.number > day) {
            Some(next) => vec![
                format!("Day {day} is full."),
                format!("next: day {}, {}", next.number, next.title),
                format!("      {}", next.chapter.clone().unwrap_or_default()),
            ],
            None => vec![
                format!("Day {day} is full, and it is the last one."),
                format!("next: {}", report.command),
            ],
        },
        (None, _) if report.is_reference => vec!["All days are full.".to_string()],
        (None, _) => ALL_FULL.lines().map(str::to_string).collect(),
    };
    let told = lines.into_iter().filter(|line| !line.trim().is_empty());
    told.collect()
}

fn verdict(report: &Report, screen: &Screen) -> String {
    let scores: Vec<(usize, usize)> = report.asked().map(DayReport::score).collect();
    let passed: usize = scores.iter().map(|(passed, _)| passed).sum();
    let total: usize = scores.iter().map(|(_, total)| total).sum();
    let left = total - passed;
    if report.all_passed() {
        let tests = match total {
            1 => "the 1 test asked for passes".to_string(),
            _ => format!("all {total} tests asked for pass"),
        };
        return screen.paint(Style::Good, &format!("exit code 0: {tests}."));
    }
    if report.is_fresh() {
        return FRESH_VERDICT.to_string();
    }
    let tests = match total {
        1 => "the 1 test asked for does not pass yet".to_string(),
        _ if left == 1 => format!("1 of {total} tests asked for does not pass yet"),
        _ => format!("{left} of {total} tests asked for do not pass yet"),
    };
    screen.paint(Style::Bad, &format!("exit code 1: {tests}."))
}

const FRESH: &str =
    "Nothing is broken: this is a fresh start, and day 1, task 1 is where to begin.";

const FRESH_VERDICT: &str = "exit code 1: it is 0 once all that was asked for passes. Today it only says that there is work left.";

const ALL_FULL: &str = "\
Congratulations: all days are full. This is a storage engine that survives a power cut.
next: read the reference beside your own code, or play with the command-line tool:
      cargo run --release --package mini-lsm-starter --bin mini-lsm-cli";
