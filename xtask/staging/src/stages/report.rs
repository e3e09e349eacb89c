//! The matrix: a line for each stage, what was proven of it, and below it, a line each, what is wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use crate::marker::LAST_DAY;

use super::plan::{Check, Expect, Row, Tasks};
use super::run::{Job, Outcome};

/// What is proven of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Compiles,
    Formatted,
    /// The number of the row's check.
    Check(usize),
}

/// One proof. It holds if nothing speaks against it.
#[derive(Debug, Default)]
pub struct Cell {
    pub passed: usize,
    pub total: usize,
    pub problems: Vec<String>,
}

#[derive(Default)]
pub struct Report {
    /// Of the course, not of a stage: what was to be shown, and what speaks against it.
    whole: Vec<(String, Vec<String>)>,
    cells: BTreeMap<(usize, Column), Cell>,
    /// Tests that failed as they must, but only when their time was over.
    hung: Vec<String>,
}

impl Report {
    pub fn whole(&mut self, what: &str, problems: Vec<String>) {
        self.whole.push((what.to_string(), problems));
    }

    pub fn cell(&mut self, row: usize, column: Column) -> &mut Cell {
        self.cells.entry((row, column)).or_default()
    }

    pub fn result(&mut self, rows: &[Row], job: &Job, outcome: &Outcome) {
        let row = &rows[job.row];
        let check = &row.checks[job.check];
        let name = format!("day {} · {}", check.day, job.test);
        let seconds = job.limit.as_secs();
        if *outcome == Outcome::TimedOut && check.expect == Expect::Fail {
            self.hung.push(format!(
                "{}: {name} hangs for {seconds} s before it fails as it must",
                row.stage
            ));
        }
        let cell = self.cell(job.row, Column::Check(job.check));
        cell.passed += usize::from(*outcome == Outcome::Passed);
        match (check.expect, outcome) {
            (Expect::Pass, Outcome::Passed)
            | (Expect::Fail, Outcome::Failed(_) | Outcome::TimedOut) => {}
            (Expect::Pass, Outcome::Failed(why)) => cell
                .problems
                .push(format!("{name} must pass and fails: {why}")),
            (Expect::Pass, Outcome::TimedOut) => cell.problems.push(format!(
                "{name} must pass and takes longer than {seconds} s"
            )),
            (Expect::Fail, Outcome::Passed) => {
                cell.problems.push(format!(
                    "{name} must fail and passes: its work is not done yet, so it tests nothing"
                ));
            }
        }
    }

    /// Gives back whether all holds.
    pub fn write(&self, rows: &[Row], took: Duration, out: &mut dyn Write) -> io::Result<bool> {
        let whole_days = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.stage.is_whole_day());
        let tasks = rows
            .iter()
            .enumerate()
            .filter(|(_, row)| !row.stage.is_whole_day());
        let mut text = String::new();
        self.whole_days(whole_days, &mut text);
        self.tasks(tasks, &mut text);
        let violations = self.violations(rows);
        let section = |text: &mut String, title: &str, lines: &[String]| {
            if !lines.is_empty() {
                let _ = writeln!(text, "\n{title}");
                lines
                    .iter()
                    .for_each(|line| text.push_str(&format!("  {line}\n")));
            }
        };
        section(&mut text, "To be seen to (no violation):", &self.hung);
        section(&mut text, "Violations:", &violations);
        let all = self
            .whole
            .iter()
            .map(|(_, problems)| problems)
            .chain(self.cells.values().map(|cell| &cell.problems));
        let (held, broken): (Vec<_>, Vec<_>) = all.partition(|problems| problems.is_empty());
        let _ = writeln!(text, "\n{:.0} s", took.as_secs_f32());
        let _ = writeln!(text, "{} passed, {} failed", held.len(), broken.len());
        out.write_all(text.as_bytes())?;
        Ok(broken.is_empty())
    }

    fn whole_days<'r>(&self, rows: impl Iterator<Item = (usize, &'r Row)>, text: &mut String) {
        let _ = writeln!(
            text,
            "Stage by stage (n/n: all pass; fails: every one fails, as it must; !: see below)\n"
        );
        let mut head = format!("{:<9} {:<9} {:<10}", "", "compiles", "formatted");
        (1..=LAST_DAY).for_each(|day| head += &format!(" {:<9}", format!("day {day}")));
        let _ = writeln!(text, "{}", head.trim_end());
        for (at, row) in rows {
            let mut line = format!(
                "{:<9} {:<9} {:<10}",
                row.stage.to_string(),
                self.shown(at, Column::Compiles, None),
                self.shown(at, Column::Formatted, None)
            );
            for day in 1..=LAST_DAY {
                let check = row.checks.iter().position(|check| check.day == day);
                let shown = check.map_or_else(
                    || "-".to_string(),
                    |check| self.shown(at, Column::Check(check), Some(&row.checks[check])),
                );
                line += &format!(" {shown:<9}");
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }

    fn tasks<'r>(&self, rows: impl Iterator<Item = (usize, &'r Row)>, text: &mut String) {
        let _ = writeln!(
            text,
            "\nTask by task\n\n{:<14} {:<9} {:<10} {:<18} next task",
            "", "compiles", "formatted", "up to this task"
        );
        for (at, row) in rows {
            let of = |wanted: fn(&Tasks) -> bool| {
                let check = row.checks.iter().position(|check| wanted(&check.tasks));
                check.map_or_else(String::new, |check| {
                    self.shown(at, Column::Check(check), Some(&row.checks[check]))
                })
            };
            let compiles = self.shown(at, Column::Compiles, None);
            let formatted = self.shown(at, Column::Formatted, None);
            let (done, next) = (
                of(|tasks| matches!(tasks, Tasks::UpTo(_))),
                of(|tasks| matches!(tasks, Tasks::Only(_))),
            );
            let _ = writeln!(
                text,
                "{:<14} {compiles:<9} {formatted:<10} {done:<18} {next}",
                row.stage.to_string()
            );
        }
    }

    fn shown(&self, row: usize, column: Column, check: Option<&Check>) -> String {
        let Some(cell) = self.cells.get(&(row, column)) else {
            return "-".to_string();
        };
        let holds = cell.problems.is_empty();
        match check.map(|check| check.expect) {
            None => if holds { "yes" } else { "no !" }.to_string(),
            Some(Expect::Fail) if holds => "fails".to_string(),
            Some(_) => format!(
                "{}/{}{}",
                cell.passed,
                cell.total,
                if holds { "" } else { " !" }
            ),
        }
    }

    fn violations(&self, rows: &[Row]) -> Vec<String> {
        let whole = self.whole.iter().flat_map(|(what, problems)| {
            problems
                .iter()
                .map(move |problem| format!("{what}: {problem}"))
        });
        let of_rows = self.cells.iter().flat_map(|((row, _), cell)| {
            let stage = rows[*row].stage;
            cell.problems
                .iter()
                .map(move |problem| format!("{stage}: {problem}"))
        });
        whole.chain(of_rows).collect()
    }
}
