//! The report as a person reads it: a line for each submission, below it what kept it from being full and what was tried, and on
//! request a line for each test.

use std::fmt::Write;

use super::{Graded, Report};

/// Remarks of a kind that are shown; JSON has all of them.
const SHOWN: usize = 6;

/// The table of the class; with `tests` also who passed which.
pub fn text(report: &Report, tests: bool) -> String {
    let mut out = String::new();
    head(report, &mut out);
    for graded in &report.submissions {
        line(graded, width(report), &mut out);
    }
    for graded in &report.submissions {
        below(graded, &mut out);
    }
    if tests {
        by_test(report, &mut out);
    }
    if let Some(seed) = report.seed {
        let _ = writeln!(out, "\nseed {seed}");
    }
    let missing = report
        .isolation
        .iter()
        .filter(|wall| wall.starts_with("not "));
    for wall in missing {
        let _ = writeln!(out, "\n{wall}");
    }
    out
}

fn width(report: &Report) -> usize {
    let names = report.submissions.iter().map(|s| s.name.chars().count());
    names.max().unwrap_or_default().max("submission".len())
}

fn head(report: &Report, out: &mut String) {
    let _ = write!(
        out,
        "{:<width$}  {:>9}  {:>6}",
        "submission",
        "passed",
        "score",
        width = width(report)
    );
    let first = report.submissions.first();
    for day in first.into_iter().flat_map(|graded| &graded.days) {
        let _ = write!(out, "  {:>7}", format!("day {}", day.day));
    }
    out.push('\n');
}

fn line(graded: &Graded, width: usize, out: &mut String) {
    let passed = format!("{}/{}", graded.passed, graded.total);
    let _ = write!(
        out,
        "{:<width$}  {passed:>9}  {:>6.2}",
        graded.name, graded.score
    );
    for day in &graded.days {
        let _ = write!(out, "  {:>7}", format!("{}/{}", day.passed, day.total));
    }
    out.push('\n');
}

fn below(graded: &Graded, out: &mut String) {
    if graded.reason.is_none() && graded.tampering.is_empty() && graded.replaced.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", graded.name);
    if let Some(reason) = &graded.reason {
        let _ = writeln!(out, "  {reason}");
    }
    let replaced: Vec<String> = graded
        .replaced
        .iter()
        .map(|(file, why)| format!("{file} was replaced by its stub: {why}"))
        .collect();
    for told in [&replaced, &graded.tampering] {
        for told in told.iter().take(SHOWN) {
            let _ = writeln!(out, "  - {told}");
        }
        if told.len() > SHOWN {
            let _ = writeln!(out, "  - and {} more", told.len() - SHOWN);
        }
    }
}

/// A line for each test, a column for each submission: `+` passed, `.` not.
fn by_test(report: &Report, out: &mut String) {
    let Some(first) = report.submissions.first() else {
        return;
    };
    let _ = writeln!(
        out,
        "\ntests (+ passed, . not), in the order of the submissions"
    );
    for (number, test) in first.tests.iter().enumerate() {
        let marks: String = report
            .submissions
            .iter()
            .map(|graded| match graded.tests.get(number) {
                Some(test) if test.passed => '+',
                _ => '.',
            })
            .collect();
        let _ = writeln!(out, "{marks}  {}", test.name);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::class;
    use super::*;

    #[test]
    fn a_line_for_each_submission_and_the_reason_first() {
        let report = class();
        assert_eq!(
            text(&report, true),
            "\
submission     passed   score    day 1
ann               2/2  100.00      2/2
bob               1/2   50.00      1/2

bob
  day1_x::b: panicked
  - build.rs: not used

tests (+ passed, . not), in the order of the submissions
++  day1_x::a
+.  day1_x::b

not on this system: walls
"
        );
    }
}
