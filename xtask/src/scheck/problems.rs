//! A line for each thing that is wrong, for editors: `FILE:LINE:COLUMN: error: …`, as `.vscode/tasks.json` reads them.

use super::explain::one_line;
use super::report::{CompileError, DayState, Grade, Report, Trial};

/// The lines. Of the tests that end at a function still to be written only the first is told: it is the next step.
pub fn lines(grade: &Grade) -> Vec<String> {
    match grade {
        Grade::Broken(broken) => compile_error(&broken.error).into_iter().collect(),
        Grade::Report(report) => of_report(report),
    }
}

fn of_report(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for day in &report.days {
        if let DayState::NotCompiled(_, error) = &day.state {
            lines.extend(compile_error(error));
        }
    }
    for (index, trial) in report.failures().enumerate() {
        match (trial.stub(), &report.evidence) {
            (_, Some(evidence)) if index == 0 => {
                let at = evidence.at.as_ref().map(|place| place.shown.as_str());
                lines.extend(failure(trial, at));
            }
            (Some(_), _) => {}
            (None, _) => {
                let at = trial.main_panic().map(|panic| panic.place.as_str());
                lines.extend(failure(trial, at));
            }
        }
    }
    lines
}

fn failure(trial: &Trial, at: Option<&str>) -> Option<String> {
    let test = &trial.test;
    let (day, task, name) = (test.day, test.task, &test.name);
    Some(format!(
        "{}: error: day {day}, task {task}, {name}: {}",
        at?,
        one_line(trial)
    ))
}

fn compile_error(error: &CompileError) -> Option<String> {
    let place = error.place.as_deref()?;
    let line = error.rendered.lines().next()?;
    let line = line.strip_prefix("error").unwrap_or(line);
    let words = line.split_once(": ").map_or(line, |(_, words)| words);
    Some(format!("{place}: error: {words}"))
}
