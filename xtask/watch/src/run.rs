//! One run of the grader, in a thread of its own, so that a program of the learner's that hangs holds up nothing here.

use std::thread;

use xtask::process::Stop;
use xtask::scheck::report::Grade;
use xtask::scheck::{Ask, Subject, grade};
use xtask::screen::Screen;

/// What to grade.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Job {
    /// The part that is graded first; what comes after it only if it passes.
    pub part: Option<Ask>,
    /// Ask the formatter and the linter as well.
    pub tidy: bool,
}

/// How a run ended: a grade and the part that it is of, or why there is none. `None` if it was stopped.
pub type Ended = Option<Result<(Option<Ask>, Grade), String>>;

/// Starts the job and returns at once. `ended` is called when it has ended, which it does soon after the stop is set.
pub fn start(
    subject: &Subject,
    job: Job,
    screen: Screen,
    ended: impl FnOnce(Ended) + Send + 'static,
) -> Stop {
    let stop = Stop::default();
    let subject = Subject {
        stop: stop.clone(),
        tidy: job.tidy,
        ..subject.clone()
    };
    thread::spawn(move || ended(run(&subject, job, &screen)));
    stop
}

fn run(subject: &Subject, job: Job, screen: &Screen) -> Ended {
    if let Some(part) = job.part {
        match grade(subject, &part, screen) {
            // There is more to see.
            Ok(Grade::Report(report)) if report.all_passed() => {}
            other => return end(subject, other.map(|grade| (job.part, grade))),
        }
    }
    let all = grade(subject, &Ask::default(), screen);
    end(subject, all.map(|grade| (None, grade)))
}

fn end(subject: &Subject, result: anyhow::Result<(Option<Ask>, Grade)>) -> Ended {
    if subject.stop.is_set() {
        return None;
    }
    Some(result.map_err(|error| format!("{error:#}")))
}
