//! The board: the days with their bars, what else fails, format and lints, the first failure, and the verdict.

use super::explain::{self, one_line};
use super::report::{Broken, DayReport, Finding, Grade, Note, Report, Trial};
use super::seen::Seen;
use super::{changes, rows};
use crate::catalogue::Test;
use crate::screen::{Screen, Style, shortened, wrap};

/// More failures than these are counted, not listed: the first one is what to look at.
const LISTED: usize = 5;

/// All that `scheck` shows, with a newline at its end.
pub fn render(grade: &Grade, seen: &Seen, screen: &Screen) -> String {
    match grade {
        Grade::Broken(broken) => render_broken(broken, screen),
        Grade::Report(report) => render_report(report, seen, screen),
    }
}

/// What there is to say of one task that does not pass: how far it is, what changed, the first failure.
pub fn render_part(report: &Report, seen: &Seen, screen: &Screen) -> String {
    let (passed, total) = report
        .asked()
        .map(DayReport::score)
        .fold((0, 0), |sum, score| (sum.0 + score.0, sum.1 + score.1));
    let task = match (report.only_day, report.only_task) {
        (Some(day), Some(task)) => format!("Day {day}, task {task}"),
        (Some(day), None) => format!("Day {day}"),
        (None, _) => "All days".to_string(),
    };
    let headline = format!("{task}: {passed} of {total} tests pass.");
    paragraphs([
        vec![screen.paint(Style::Strong, &headline)],
        changes::lines(seen, screen),
        other_failures(report, screen),
        seen.remarks.clone(),
        explain::first_failure(report, seen, screen),
    ])
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

fn render_report(report: &Report, seen: &Seen, screen: &Screen) -> String {
    let fresh = report.is_fresh();
    let worth_telling = |note: &&Note| !fresh || note.finding != Finding::Clean;
    let notes = report.tidy.iter().filter(worth_telling).map(note);
    let title = screen.paint(Style::Strong, &format!("Mini-LSM · {}", report.subject));
    let nothing_broken = fresh.then(|| screen.paint(Style::Strong, FRESH));
    paragraphs([
        vec![title],
        rows::of(report, screen),
        borrowed(report, screen),
        changes::lines(seen, screen),
        other_failures(report, screen),
        changes::own(&report.own, screen),
        notes
            .chain(repeated(report))
            .chain(seen.remarks.iter().cloned())
            .collect(),
        nothing_broken.into_iter().collect(),
        match report.all_passed() {
            true => full(report),
            false => explain::first_failure(report, seen, screen),
        },
        vec![verdict(report, screen)],
    ])
}

/// What is borrowed by name, so that it is not forgotten.
fn borrowed(report: &Report, screen: &Screen) -> Vec<String> {
    if report.borrowed.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = report.borrowed.iter().map(|loan| &*loan.item).collect();
    let words = format!(
        "borrowed: {} (`cargo x repay` makes stubs of them again)",
        names.join(", ")
    );
    wrap(&words, screen.paragraph(0))
}

/// The parts that have lines, with an empty line between them and a newline at the end.
fn paragraphs<const N: usize>(parts: [Vec<String>; N]) -> String {
    let told = parts.into_iter().filter(|part| !part.is_empty());
    let paragraphs: Vec<String> = told.map(|part| part.join("\n")).collect();
    paragraphs.join("\n\n") + "\n"
}

/// One line for each failure but the first, which is explained. Those that end at a stub are only counted.
fn other_failures(report: &Report, screen: &Screen) -> Vec<String> {
    let (unwritten, failing): (Vec<&Trial>, Vec<&Trial>) = report
        .failures()
        .skip(1)
        .partition(|trial| trial.stub().is_some());
    let mut lines = Vec::new();
    if !failing.is_empty() {
        lines.push("also failing:".to_string());
        lines.extend(failing.iter().take(LISTED).map(|trial| {
            let line = format!("  {}: {}", place(&trial.test), one_line(trial));
            shortened(&line, screen.width)
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

/// `day 1 · task 2 · name`
pub fn place(test: &Test) -> String {
    format!("day {} · task {} · {}", test.day, test.task, test.name)
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

/// How many tests ran how often, where that was asked for.
fn repeated(report: &Report) -> Option<String> {
    let times = report.repeat?;
    let trials = report.days.iter().flat_map(DayReport::trials);
    let words = match trials.filter(|trial| trial.test.concurrent).count() {
        0 => "none of these tests has threads that race: each ran once".to_string(),
        1 => format!("1 test in which threads race ran {times} times"),
        count => format!("{count} tests in which threads race ran {times} times each"),
    };
    Some(format!("repeat  {words}"))
}

/// What comes next when all that was asked for passes.
fn full(report: &Report) -> Vec<String> {
    let loans: usize = report.asked().map(|day| loans(report, day)).sum();
    let loans = match loans {
        0 => String::new(),
        1 => ", with 1 function borrowed".to_string(),
        many => format!(", with {many} functions borrowed"),
    };
    let lines = match (report.only_day, report.only_task) {
        (Some(day), Some(task)) => vec![
            format!("Task {task} of day {day} is done{loans}."),
            format!(
                "next: {} --day {day}{}",
                report.command,
                next_task(report, day, task)
            ),
        ],
        (Some(day), None) => match report.days.iter().find(|other| other.number > day) {
            Some(next) => vec![
                format!("Day {day} is full{loans}."),
                format!("next: day {}, {}", next.number, next.title),
                format!("      {}", next.chapter.clone().unwrap_or_default()),
            ],
            None => vec![
                format!("Day {day} is full{loans}, and it is the last one."),
                format!("next: {}", report.command),
            ],
        },
        (None, _) if report.is_reference => vec!["All days are full.".to_string()],
        (None, _) if !loans.is_empty() => vec![
            format!("All days are full{loans}."),
            "next: cargo x repay, and write them yourself".to_string(),
        ],
        (None, _) => ALL_FULL.lines().map(str::to_string).collect(),
    };
    let told = lines.into_iter().filter(|line| !line.trim().is_empty());
    told.collect()
}

/// How the task behind this one is asked for; behind the last one the whole day is.
fn next_task(report: &Report, day: u32, task: u32) -> String {
    let is_last = |day: &DayReport| day.last_task <= task;
    match report.days.iter().find(|other| other.number == day) {
        Some(day) if !is_last(day) => format!(" --task {}", task + 1),
        _ => String::new(),
    }
}

/// How many functions of what was asked for on this day are borrowed.
fn loans(report: &Report, day: &DayReport) -> usize {
    match report.only_task {
        Some(task) => day.loans_of(task),
        None => day.loans.len(),
    }
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
