//! The first failure in words: what was claimed, why it matters, what happened instead, where, and what to type next.

use super::Ask;
use super::report::{CompileError, DayReport, DayState, Place, Report, Trial, Verdict};
use super::seen::Seen;
use crate::screen::{Screen, Style, shortened, wrap};

const WIDTH: usize = 92;
const LABEL: usize = 8;
const INDENT: usize = 2;
const ABOUT_HANGING: &str = "book/src/debugging.md, \"When nothing happens\"";
/// A message may hold a dump; its beginning says what was expected.
const MESSAGE_LINES: usize = 14;
/// The compiler's errors are long with reason, but the board should stay in sight.
const ERROR_LINES: usize = 40;

/// Explains the first test that does not pass, or the first day that does not compile.
pub fn first_failure(report: &Report, seen: &Seen, screen: &Screen) -> Vec<String> {
    for day in report.asked() {
        match &day.state {
            DayState::NotCompiled(_, error) => return not_compiled(report, day, error, screen),
            DayState::Graded(trials) => {
                if let Some(trial) = trials.iter().find(|trial| !trial.passed()) {
                    return Failure { report, day, trial }.explained(seen, screen);
                }
                if trials.is_empty() {
                    return vec![format!("{} has no tests", day.file)];
                }
            }
            DayState::NotAsked(_) | DayState::NotStarted(_) => {}
        }
    }
    Vec::new()
}

/// One line for a test among others.
pub fn one_line(trial: &Trial) -> String {
    if let Some((stub, _)) = trial.stub() {
        return format!("still to be written: {}", stub.item);
    }
    match (&trial.verdict, trial.main_panic()) {
        (Verdict::Failed, Some(panic)) => {
            let line = in_own_words(&panic.message).lines().next();
            shortened(line.unwrap_or("it panicked"), WIDTH)
        }
        _ => what_happened(trial),
    }
}

/// The first error as the compiler shows it, and a count of the rest.
pub fn compile_error(error: &CompileError) -> Vec<String> {
    let mut lines: Vec<String> = error.rendered.lines().map(str::to_string).collect();
    if lines.len() > ERROR_LINES {
        lines.truncate(ERROR_LINES);
        lines.push("…".into());
    }
    let place = error.place.as_deref().map(|place| format!(" at {place}"));
    let place = place.unwrap_or_default();
    lines.push(String::new());
    lines.push(match error.count {
        0 | 1 => format!("1 error{place}."),
        2 => format!("This is the first of 2 errors{place}; 1 more was left out."),
        count => format!(
            "This is the first of {count} errors{place}; {} more were left out.",
            count - 1
        ),
    });
    lines
}

fn not_compiled(
    report: &Report,
    day: &DayReport,
    error: &CompileError,
    screen: &Screen,
) -> Vec<String> {
    let headline = format!(
        "Day {}: {} does not compile against {}.",
        day.number, day.file, report.subject
    );
    let mut lines = vec![screen.paint(Style::Strong, &headline), String::new()];
    lines.extend(compile_error(error));
    lines.push(String::new());
    lines.extend(wrap(SIGNATURES, screen.paragraph(0)));
    lines.extend(labelled(
        "again",
        &[format!("{} --day {}", report.command, day.number)],
    ));
    lines
}

/// The first test that does not pass.
struct Failure<'a> {
    report: &'a Report,
    day: &'a DayReport,
    trial: &'a Trial,
}

impl Failure<'_> {
    fn explained(&self, seen: &Seen, screen: &Screen) -> Vec<String> {
        let (test, width) = (&self.trial.test, screen.paragraph(INDENT + LABEL));
        let headline = format!("Day {}, task {}: {}", test.day, test.task, test.name);
        let mut lines = vec![screen.paint(Style::Strong, &headline)];
        lines.extend(labelled("claim", &wrap(&test.claim, width)));
        let why: Vec<String> = test.why.iter().flat_map(|why| wrap(why, width)).collect();
        lines.extend(labelled("why", &why));
        lines.extend(labelled("result", &reason(self.trial, width)));
        lines.extend(self.places(screen));
        if let Some(question) = &seen.question {
            lines.extend(labelled("think", &wrap(question, width)));
        }
        let chapter = self.day.chapter.iter();
        let reading: Vec<String> = chapter.cloned().chain(self.about_hanging()).collect();
        lines.extend(labelled("read", &reading));
        lines.extend(self.hints(seen));
        lines.extend(labelled("again", &[self.again()]));
        lines
    }

    /// Where it failed, with the line itself; where the task is written; where the test stands, if nothing else is known.
    fn places(&self, screen: &Screen) -> Vec<String> {
        let Some(evidence) = &self.report.evidence else {
            return labelled("test", &[self.day.place_of(&self.trial.test)]);
        };
        let link = |place: &Place| screen.link(&place.shown, &place.file, place.line, place.column);
        let mut lines = match (&evidence.at, self.trial.stub()) {
            (Some(at), Some(_)) => labelled("write", &[link(at)]),
            (Some(at), None) => {
                let text = at.text.iter().map(|text| format!("│ {text}"));
                let text = text.map(|line| shortened(&line, screen.paragraph(INDENT + LABEL)));
                labelled(
                    "at",
                    &[link(at)].into_iter().chain(text).collect::<Vec<_>>(),
                )
            }
            (None, _) => labelled("test", &[self.day.place_of(&self.trial.test)]),
        };
        let files: Vec<String> = evidence.files.iter().map(link).collect();
        lines.extend(labelled("yours", &files));
        lines
    }

    /// A chapter tells what to build; how to find the lock that nobody gives back is on another page.
    fn about_hanging(&self) -> Option<String> {
        let says = |word| {
            let panic = self.trial.main_panic();
            panic.is_some_and(|panic| panic.message.contains(word))
        };
        let timed_out = matches!(self.trial.verdict, Verdict::TimedOut(_));
        let hangs = timed_out
            || [" hangs", "in vain", "does not return"]
                .into_iter()
                .any(says);
        let has_book = self.day.chapter.is_some();
        (hangs && has_book).then(|| ABOUT_HANGING.to_string())
    }

    fn hints(&self, seen: &Seen) -> Vec<String> {
        let of = self.trial.test.hints.len();
        let Some(out) = seen.hints.filter(|_| of > 0) else {
            return Vec::new();
        };
        let words = match out {
            0 if of == 1 => "cargo x hint (there is one)".to_string(),
            0 => format!("cargo x hint (the first of {of})"),
            out if out < of => format!("cargo x hint ({out} of {of} are out)"),
            _ => format!("cargo x hint --all (all {of} are out)"),
        };
        labelled("hint", &[words])
    }

    fn again(&self) -> String {
        let seed = match self.trial.verdict {
            Verdict::NowAndThen { seed, .. } => Some(seed),
            _ => None,
        };
        let ask = Ask {
            day: Some(self.trial.test.day),
            task: Some(self.trial.test.task),
            repeat: self.report.repeat.filter(|_| self.trial.test.concurrent),
            seed,
        };
        ask.command(&self.report.command)
    }
}

/// What happened, in full; what stands in columns stays in them.
fn reason(trial: &Trial, width: usize) -> Vec<String> {
    let fold = |line: String| match line.chars().count() > width && !line.contains("  ") {
        true => wrap(&line, width),
        false => vec![line],
    };
    told(trial).into_iter().flat_map(fold).collect()
}

fn told(trial: &Trial) -> Vec<String> {
    if let Some((stub, _)) = trial.stub() {
        let of = format!("(day {}, task {})", stub.day, stub.task);
        let later = (stub.day, stub.task) != (trial.test.day, trial.test.task);
        return vec![match later {
            true => format!("this is still to be written: {} {of}", stub.item),
            false => format!("this is still to be written: {}", stub.item),
        }];
    }
    let mut lines = match &trial.verdict {
        Verdict::Failed => Vec::new(),
        Verdict::NowAndThen { first, .. } if **first != Verdict::Failed => {
            vec![what_happened(trial), in_words(first)]
        }
        _ => vec![what_happened(trial)],
    };
    match trial.main_panic() {
        Some(panic) => lines.extend(in_own_words(&panic.message).lines().map(str::to_string)),
        None if trial.verdict == Verdict::Vanished => {}
        None => lines.extend(trial.last_words.iter().map(|line| shortened(line, WIDTH))),
    }
    if lines.len() > MESSAGE_LINES {
        let more = lines.len() - MESSAGE_LINES;
        lines.truncate(MESSAGE_LINES);
        lines.push(format!("… and {more} more lines"));
    }
    if let Some(other) = earlier_panic(trial) {
        lines.push(other);
    }
    lines
}

/// A thread that panicked before the test did is often the cause.
fn earlier_panic(trial: &Trial) -> Option<String> {
    let first = trial.panics.first()?;
    let main = trial.main_panic()?;
    let line = first.message.lines().next().unwrap_or_default();
    (first != main).then(|| {
        shortened(
            &format!(
                "before that, thread {} panicked at {}: {line}",
                first.thread, first.place
            ),
            2 * WIDTH,
        )
    })
}

/// Without the words that `assert_eq!` puts before those of the test.
fn in_own_words(message: &str) -> &str {
    let own = message
        .strip_prefix("assertion `")
        .and_then(|rest| rest.split_once("` failed: "))
        .filter(|(operator, _)| matches!(*operator, "left == right" | "left != right"));
    own.map_or(message, |(_, words)| words)
}

fn what_happened(trial: &Trial) -> String {
    in_words(&trial.verdict)
}

fn in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => "it passes".into(),
        Verdict::Failed => "it failed without a message".into(),
        Verdict::NowAndThen {
            failed, of, seed, ..
        } => {
            format!("it fails now and then ({failed} of {of} runs, the first with seed {seed})")
        }
        Verdict::TimedOut(limit) => format!(
            "it was still running after {} s and was stopped: a deadlock, or a loop without end?",
            limit.as_secs_f32()
        ),
        Verdict::Flooded => "it printed without end and was stopped".into(),
        Verdict::Crashed(how) => format!("it took its whole process down ({how})"),
        Verdict::LeftEarly(code) => format!(
            "the process ended with exit code {code} before the test did: does something call `process::exit`?"
        ),
        Verdict::Vanished => "this test is not there any more: bring its file back from git".into(),
        Verdict::NotStartable(reason) => format!("its program could not be started: {reason}"),
    }
}

/// The label before the first line, the further ones below it. Nothing for no lines.
fn labelled(label: &str, lines: &[String]) -> Vec<String> {
    let label = |index| if index == 0 { label } else { "" };
    lines
        .iter()
        .enumerate()
        .map(|(index, line)| format!("  {:<LABEL$}{line}", label(index)))
        .map(|line| line.trim_end().to_string())
        .collect()
}

const SIGNATURES: &str = "\
The tests use public functions only, as the starter declares them: has a name or a signature changed? \
Other days are graded as before.";
