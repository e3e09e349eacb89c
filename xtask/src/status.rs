//! `status`: what is left to be written, by day, task and function; what is borrowed; the next step.
//!
//! It reads and runs nothing: whether a day that is written passes too is what `scheck` saw last.

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::flags;
use crate::last_grade::{self, Verdict};
use crate::screen::{Screen, Style, wrap};
use crate::stubs::{self, Loan, Stub};
use crate::workspace::Workspace;

/// Function names wrap here.
const WIDTH: usize = 100;

pub fn run(workspace: &Workspace, ask: &flags::Status) -> Result<ExitCode> {
    let sources = workspace.starter().join("src");
    if !sources.is_dir() {
        bail!(
            "{} is not there; `cargo x starter` makes it",
            sources.display()
        );
    }
    let screen = Screen::detect();
    let left = stubs::in_sources(&sources);
    let borrowed = stubs::borrowed_in_sources(&sources);
    let days: Vec<(u32, Verdict)> = days(workspace)
        .into_iter()
        .map(|day| (day, last_grade::of_day(workspace.root(), day)))
        .collect();
    let text = render(&screen, &days, &left, &borrowed, ask.all);
    print!("{}", screen.fit(&text));
    Ok(ExitCode::SUCCESS)
}

/// The days that have tests, which every day has.
fn days(workspace: &Workspace) -> Vec<u32> {
    let entries = fs::read_dir(workspace.starter().join("tests"))
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut days: Vec<u32> = names
        .filter_map(|name| name.strip_prefix("day")?.split_once('_')?.0.parse().ok())
        .collect();
    days.sort_unstable();
    days.dedup();
    days
}

fn render(
    screen: &Screen,
    days: &[(u32, Verdict)],
    left: &[Stub],
    borrowed: &[Loan],
    all: bool,
) -> String {
    let mut by_day: BTreeMap<u32, BTreeMap<u32, Vec<&str>>> = days
        .iter()
        .map(|(day, _)| (*day, BTreeMap::new()))
        .collect();
    for stub in left {
        let tasks = by_day.entry(stub.day).or_default();
        tasks.entry(stub.task).or_default().push(&stub.item);
    }
    let at_hand = by_day
        .iter()
        .find(|(_, tasks)| !tasks.is_empty())
        .map(|(day, _)| *day);
    let mut text = String::new();
    for (day, tasks) in &by_day {
        let count: usize = tasks.values().map(Vec::len).sum();
        let said = match count {
            0 => written(screen, days.iter().find(|(known, _)| known == day)),
            1 => "1 stub left".to_string(),
            many => format!("{many} stubs left"),
        };
        text += &format!("day {day}  {said}\n");
        for (task, items) in tasks.iter().filter(|_| all || at_hand == Some(*day)) {
            let lines = wrap(&items.join(", "), WIDTH);
            for (at, line) in lines.iter().enumerate() {
                let head = if at == 0 {
                    format!("task {task}")
                } else {
                    String::new()
                };
                text += &format!("  {head:<6}  {line}\n");
            }
        }
    }
    if !borrowed.is_empty() {
        let names: Vec<&str> = borrowed.iter().map(|loan| loan.item.as_str()).collect();
        text += &format!("borrowed: {}        (cargo x repay)\n", names.join(", "));
    }
    text + &next(left, all)
}

fn written(screen: &Screen, day: Option<&(u32, Verdict)>) -> String {
    match day {
        Some((_, Verdict::Passed)) => screen.paint(Style::Good, "written, and passes"),
        Some((_, Verdict::Open(1))) => "written; 1 test has not passed".to_string(),
        Some((_, Verdict::Open(many))) => format!("written; {many} tests have not passed"),
        _ => "written".to_string(),
    }
}

fn next(left: &[Stub], all: bool) -> String {
    let Some(first) = left.iter().min_by_key(|stub| (stub.day, stub.task)) else {
        return "next: cargo x scheck, which tells whether it is right too\n".to_string();
    };
    let rest = match all {
        false => "        (all that is left: cargo x status --all)",
        true => "",
    };
    format!(
        "next: cargo x scheck --day {} --task {}{rest}\n",
        first.day, first.task
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stub(day: u32, task: u32, item: &str) -> Stub {
        Stub {
            day,
            task,
            item: item.to_string(),
        }
    }

    #[test]
    fn the_day_at_hand_is_shown_in_full_and_the_others_by_count() {
        let left = [
            stub(3, 1, "A::c"),
            stub(2, 2, "A::b"),
            stub(2, 1, "A::a"),
            stub(2, 2, "B::b"),
        ];
        let borrowed = [Loan {
            item: "A::z".to_string(),
            task: None,
        }];
        let days = [1, 2, 3].map(|day| (day, Verdict::Unknown));
        let text = render(&Screen::PLAIN, &days, &left, &borrowed, false);
        assert_eq!(
            text,
            "day 1  written\n\
             day 2  3 stubs left\n  task 1  A::a\n  task 2  A::b, B::b\n\
             day 3  1 stub left\n\
             borrowed: A::z        (cargo x repay)\n\
             next: cargo x scheck --day 2 --task 1        (all that is left: cargo x status --all)\n"
        );
        assert!(render(&Screen::PLAIN, &days, &left, &[], true).contains("task 1  A::c\n"));
    }

    #[test]
    fn where_nothing_is_left_the_grader_is_next() {
        for (verdict, said) in [
            (Verdict::Unknown, "written"),
            (Verdict::Passed, "written, and passes"),
            (Verdict::Open(2), "written; 2 tests have not passed"),
        ] {
            let text = render(&Screen::PLAIN, &[(1, verdict)], &[], &[], false);
            let lines = format!("day 1  {said}\nnext: cargo x scheck,");
            assert!(text.starts_with(&lines), "{text}");
        }
    }
}
