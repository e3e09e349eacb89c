//! What changed since the run before, and how the learner's own tests stand.

use super::board::place;
use super::explain::one_line;
use super::report::{Own, Trial};
use super::seen::{Changes, Seen};
use crate::catalogue::Test;
use crate::screen::{Screen, Style, shortened};

/// More tests than these are counted, not listed.
const LISTED: usize = 5;

/// Nothing after the first run.
pub fn lines(seen: &Seen, screen: &Screen) -> Vec<String> {
    let Some(Changes { gained, lost }) = &seen.changes else {
        return Vec::new();
    };
    let tests = |count, word: &str| match count {
        1 => format!("1 {word} passes"),
        _ => format!("{count} {word}s pass"),
    };
    let told = match (gained.len(), lost.len()) {
        (0, 0) => "nothing changed".to_string(),
        (more, 0) => format!("{} that did not", tests(more, "test")),
        (0, fewer) => format!("{} no longer", tests(fewer, "test")),
        (more, fewer) => format!(
            "{} that did not, {} no longer",
            tests(more, "test"),
            tests(fewer, "other")
        ),
    };
    let mut lines = vec![format!("since the last run: {told}")];
    lines.extend(listed("-", Style::Bad, lost, screen));
    lines.extend(listed("+", Style::Good, gained, screen));
    lines
}

fn listed(sign: &str, style: Style, tests: &[Test], screen: &Screen) -> Vec<String> {
    let line = |test: &Test| {
        let line = shortened(&format!("{sign} {}", place(test)), screen.paragraph(2));
        format!("  {}", screen.paint(style, &line))
    };
    let mut lines: Vec<String> = tests.iter().take(LISTED).map(line).collect();
    if tests.len() > LISTED {
        lines.push(format!("  {sign} … and {} more", tests.len() - LISTED));
    }
    lines
}

/// The learner's own tests: a count, and a line for each that fails. Nothing if there are none.
pub fn own(own: &Own, screen: &Screen) -> Vec<String> {
    let (total, failed) = (
        own.trials.len(),
        own.trials.iter().filter(|trial| !trial.passed()),
    );
    let failed: Vec<&Trial> = failed.collect();
    if total == 0 && own.broken.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "your own tests: {} of {total} pass (they are not counted in the days)",
        total - failed.len()
    )];
    for (file, error) in &own.broken {
        let at = error.place.as_deref().unwrap_or(file);
        lines.push(format!(
            "  {file} does not compile: the first error is at {at}"
        ));
    }
    lines.extend(failed.iter().take(LISTED).map(|trial| {
        let at = trial
            .main_panic()
            .map(|panic| format!(" ({})", panic.place));
        let (binary, name) = (&trial.test.binary, &trial.test.name);
        format!(
            "  {binary} · {name}: {}{}",
            one_line(trial),
            at.unwrap_or_default()
        )
    }));
    if failed.len() > LISTED {
        lines.push(format!("  … and {} more", failed.len() - LISTED));
    }
    lines
        .iter()
        .map(|line| shortened(line, screen.width))
        .collect()
}
