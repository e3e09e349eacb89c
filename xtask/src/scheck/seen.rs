//! A run beside the one before: what changed, which hints are out, and what is remembered for the next.

use super::Subject;
use super::alike;
use super::report::{DayReport, Grade, Report, Trial};
use crate::catalogue::Test;
use crate::progress::{FAILED, PASSED, Progress, UNWRITTEN};

/// What is said of a run beyond its report.
#[derive(Debug, Default)]
pub struct Seen {
    /// None where there was no run before.
    pub changes: Option<Changes>,
    /// How many hints for the first failure are out. None where none can be asked for.
    pub hints: Option<usize>,
    /// One that points at a mistake which others made.
    pub question: Option<String>,
    /// What went wrong with remembering.
    pub remarks: Vec<String>,
}

/// The tests whose verdict turned, in the order of the course.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Pass, and did not before.
    pub gained: Vec<Test>,
    /// Passed before.
    pub lost: Vec<Test>,
}

/// Compares with the run before and remembers this one. Tests that did not run stay as they were.
pub fn remember(subject: &Subject, grade: &Grade) -> Seen {
    let (Some(root), Grade::Report(report)) = (&subject.progress, grade) else {
        return Seen::default();
    };
    let (mut progress, remark) = Progress::load(root);
    let mut seen = Seen {
        changes: (!progress.is_empty()).then(|| changes(&progress, report)),
        question: alike::question_for(root, report),
        remarks: remark.into_iter().collect(),
        ..Seen::default()
    };
    record(&mut progress, report);
    let first = report.first_failure();
    seen.hints = first.map(|trial| progress.hints(&trial.test));
    if let Err(error) = progress.save() {
        seen.remarks
            .push(format!("{error:#}; the next run will not know of this one"));
    }
    seen
}

fn changes(before: &Progress, report: &Report) -> Changes {
    let mut changes = Changes::default();
    for trial in trials(report) {
        let test = trial.test.clone();
        match (before.passed(&trial.test), trial.passed()) {
            (false, true) => changes.gained.push(test),
            (true, false) => changes.lost.push(test),
            _ => {}
        }
    }
    changes
}

fn record(progress: &mut Progress, report: &Report) {
    for trial in trials(report) {
        let last = match trial.stub() {
            _ if trial.passed() => PASSED,
            Some(_) => UNWRITTEN,
            None => FAILED,
        };
        progress.record(&trial.test, last);
    }
    progress.record_explained(report.first_failure().map(|trial| &trial.test));
}

fn trials(report: &Report) -> impl Iterator<Item = &Trial> {
    report.days.iter().flat_map(DayReport::trials)
}
