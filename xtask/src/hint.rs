//! `cargo x hint`: one more hint a call, from a nudge to nearly the answer, for the first failing test or for one that is named.
//!
//! Nothing is compiled or run: the progress file says which test failed first, and how many of its hints are out. They stay out
//! until the test passes. The solution is never among them.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::catalogue::{self, Day, Test};
use crate::flags::{self, unknown};
use crate::progress::Progress;
use crate::scheck::grade::chapter;
use crate::screen::{Screen, Style, wrap};
use crate::workspace::Workspace;

/// Shows one more hint, or with `--all` all of them, and remembers it.
pub fn run(workspace: &Workspace, ask: &flags::Hint) -> Result<ExitCode> {
    let screen = Screen::detect_or_words(ask.plain);
    print!("{}", screen.fit(&next(workspace, ask, &screen)?));
    Ok(ExitCode::SUCCESS)
}

/// What `cargo x hint` shows, with a newline at its end.
pub fn next(workspace: &Workspace, ask: &flags::Hint, screen: &Screen) -> Result<String> {
    let days = catalogue::read(&workspace.reference())?;
    let (mut progress, remark) = Progress::load(workspace.root());
    let mut lines: Vec<String> = remark.into_iter().collect();
    let Some(test) = find(&days, ask, &progress)? else {
        lines.push("Every test has passed: there is nothing to give a hint for.".into());
        lines.push("next: cargo x scheck".into());
        return Ok(lines.join("\n") + "\n");
    };
    if progress.is_empty() && ask.test.is_none() && ask.task.is_none() {
        lines.push("Nothing has been graded yet; this is the first test of all.".into());
    }
    let out_before = progress.hints(test);
    // Of a test that passes nothing is remembered, so there would never be a second hint.
    let out = match ask.all || progress.passed(test) {
        true => test.hints.len(),
        false => (out_before + 1).min(test.hints.len()),
    };
    lines.extend(hints(test, out_before, out, screen));
    let is_first = progress
        .first_failing(&days)
        .is_some_and(|first| first.id() == test.id());
    // Some days have tests of the same name.
    let is_unique = by_name(&days, &test.name).is_ok();
    let again = match (is_first, is_unique) {
        (true, _) => "cargo x hint".to_string(),
        (false, true) => format!("cargo x hint {}", test.name),
        (false, false) => format!("cargo x hint {}", test.id()),
    };
    lines.extend(after(
        workspace,
        test,
        out,
        &again,
        out_before == test.hints.len(),
    ));
    // A hint for a test that passes is read for its own sake, and forgotten.
    if !progress.passed(test) && out != out_before {
        progress.record_hints(test, out);
        if let Err(error) = progress.save() {
            lines.push(format!("{error:#}; this hint will come again"));
        }
    }
    Ok(lines.join("\n") + "\n")
}

/// The hints that are out, the new ones standing out.
fn hints(test: &Test, before: usize, out: usize, screen: &Screen) -> Vec<String> {
    let headline = format!("Day {}, task {}: {}", test.day, test.task, test.name);
    let mut lines = vec![screen.paint(Style::Strong, &headline)];
    let width = screen.paragraph(INDENT.len());
    lines.extend(
        wrap(&test.claim, width)
            .iter()
            .map(|line| format!("  {line}")),
    );
    lines.push(String::new());
    for (index, hint) in test.hints.iter().take(out).enumerate() {
        let mark = format!("{}/{}", index + 1, test.hints.len());
        for (row, line) in wrap(hint, width).iter().enumerate() {
            let mark = if row == 0 { &mark } else { "" };
            let line = match index < before {
                true => screen.paint(Style::Quiet, line),
                false => line.clone(),
            };
            lines.push(format!("  {mark:<6}{line}"));
        }
    }
    lines
}

const INDENT: &str = "  1/3   ";

/// What there is beyond these hints.
fn after(
    workspace: &Workspace,
    test: &Test,
    out: usize,
    again: &str,
    exhausted: bool,
) -> Vec<String> {
    let left = test.hints.len() - out;
    let mut lines = vec![String::new()];
    if left > 0 {
        let hints = if left == 1 { "hint" } else { "hints" };
        lines.push(format!("{left} more {hints}: {again}"));
        return lines;
    }
    lines.push(match exhausted {
        true => "There are no more hints for this test. What else helps:".into(),
        false => "That was the last hint for this test. If it does not help:".into(),
    });
    if let Some(page) = chapter(workspace.root(), test.day) {
        let section = section(&workspace.root().join(&page), test.task);
        let section = section.map_or(String::new(), |title| format!(", \"{title}\""));
        lines.push(format!("  read     {page}{section}"));
    }
    lines.push(format!(
        "  compare  cargo x diff --day {} shows the reference; it asks before it does",
        test.day
    ));
    lines
}

/// The heading of a task in its chapter: `Task 2: Decoding a block`.
fn section(page: &Path, task: u32) -> Option<String> {
    let text = fs::read_to_string(page).ok()?;
    let start = format!("Task {task}:");
    let mut titles = text.lines().filter_map(|line| line.strip_prefix("### "));
    titles
        .find(|title| title.starts_with(&start))
        .map(str::to_string)
}

/// The test that is meant; `None` if all have passed.
fn find<'a>(days: &'a [Day], ask: &flags::Hint, progress: &Progress) -> Result<Option<&'a Test>> {
    if let Some(name) = &ask.test {
        return by_name(days, name).map(Some);
    }
    let Some((day, task)) = ask.task else {
        return Ok(progress.first_failing(days));
    };
    let tests = days.iter().flat_map(|day| &day.tests);
    let of_task: Vec<&Test> = tests
        .filter(|test| (test.day, test.task) == (day, task))
        .collect();
    if of_task.is_empty() {
        bail!("there is no task {task} of day {day}; `cargo x scheck` shows which there are");
    }
    let open = of_task.into_iter().find(|test| !progress.passed(test));
    match open {
        Some(test) => Ok(Some(test)),
        None => bail!(
            "every test of day {day}, task {task} has passed; a test's name gets its hints all the same"
        ),
    }
}

/// By its whole name, with or without task and day, or by a part that only one has.
fn by_name<'a>(days: &'a [Day], name: &str) -> Result<&'a Test> {
    let tests: Vec<&Test> = days.iter().flat_map(|day| &day.tests).collect();
    let is = |test: &&&Test| test.name == name || test.path() == name || test.id() == name;
    if let Some(test) = tests.iter().find(is) {
        return Ok(test);
    }
    let holding: Vec<&&Test> = tests
        .iter()
        .filter(|test| test.id().contains(name))
        .collect();
    match holding[..] {
        [test] => Ok(test),
        [] => {
            let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
            bail!(unknown("test", name, &names, "mini-lsm-starter/tests").to_string())
        }
        [first, second, ..] => bail!(
            "`{name}` stands in the names of {} tests, such as {} and {}; type a little more",
            holding.len(),
            first.name,
            second.name
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str) -> Test {
        Test {
            day: 1,
            task: 2,
            binary: "day1_blocks".into(),
            name: name.into(),
            claim: String::new(),
            why: Vec::new(),
            hints: Vec::new(),
            concurrent: false,
            file: String::new(),
            line: 0,
        }
    }

    #[test]
    fn a_test_is_found_by_its_name_or_a_part_that_is_its_own() {
        let days = [Day {
            number: 1,
            title: String::new(),
            file: "day1_blocks.rs".into(),
            tests: vec![
                test("seek_past_the_end"),
                test("seek_past_the_end_twice"),
                test("first"),
            ],
            strays: Vec::new(),
        }];
        let found = |name| by_name(&days, name).map(|test| test.name.clone());
        for name in [
            "first",
            "task_2::first",
            "day1_blocks::task_2::first",
            "irs",
        ] {
            assert_eq!(found(name).ok().as_deref(), Some("first"), "{name}");
        }
        let whole = found("seek_past_the_end");
        assert_eq!(whole.ok().as_deref(), Some("seek_past_the_end"));
        let refused = |name| found(name).expect_err("it should be refused").to_string();
        assert_eq!(
            refused("past"),
            "`past` stands in the names of 2 tests, such as seek_past_the_end and seek_past_the_end_twice; type a little more"
        );
        assert_eq!(
            refused("frist"),
            "no such test: `frist`; did you mean `first`?"
        );
    }
}
