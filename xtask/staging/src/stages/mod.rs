//! `cargo x stages`: proves that every stage compiles, is formatted, passes what it must and fails what it must.
//!
//! Each stage is laid out as a crate in a workspace of its own; all share one target directory, so that dependencies
//! compile once. While one stage compiles, the tests of the one before run, each in a process of its own.

pub mod build;

pub mod plan;

pub mod report;

pub mod run;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::stage::{Reference, day_binary};
use crate::starter;
use crate::tree::Tree;

use build::{Builder, Built};
use plan::{DayTests, Expect, Row};
use report::{Column, Report};
use run::{Job, Pool};

pub struct Settings {
    /// The workspace that holds `mini-lsm` and `mini-lsm-starter`.
    pub root: PathBuf,
    /// Its target directory; stages go into a folder of it.
    pub target: PathBuf,
    /// One day alone, or all.
    pub day: Option<u32>,
    /// How long a test may take that must pass.
    pub limit: Duration,
}

/// How long a test may take that must fail. Stubs fail at once; one that hangs has failed too.
const LIMIT_TO_FAIL: Duration = Duration::from_secs(10);

/// Writes the matrix, then what is wrong, one thing a line. Gives back whether all is as it must be; progress goes to
/// the standard error.
pub fn prove(settings: &Settings, out: &mut dyn Write) -> Result<bool> {
    let begun = Instant::now();
    let reference = Reference::read(&settings.root.join("mini-lsm"))?;
    let days = day_tests(&reference)?;
    let mut report = Report::default();
    check_the_whole(settings, &reference, &days, &mut report)?;
    let rows = plan::rows(&days, settings.day);
    let builder = Builder::new(settings, &reference)?;
    let pool = Pool::start(&settings.target.join("stages"))?;
    let mut laid_out: HashMap<Tree, String> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        let since = Instant::now();
        let tree = reference.stage(row.stage)?;
        let name = laid_out
            .entry(tree.clone())
            .or_insert_with(|| row.name())
            .clone();
        let binaries: Vec<&str> = row
            .days()
            .iter()
            .filter_map(|day| Some(days.get(day)?.binary.as_str()))
            .collect();
        let built = builder.build(&name, &tree, &binaries, row.stage.is_whole_day())?;
        report
            .cell(at, Column::Compiles)
            .problems
            .extend(built.problems.iter().cloned());
        report
            .cell(at, Column::Formatted)
            .problems
            .extend(unformatted(&reference, &tree)?);
        let sent = send_tests(&pool, at, row, &built, &days, settings.limit, &mut report)?;
        let took = since.elapsed().as_secs_f32();
        eprintln!(
            "[{}/{}] {}: built in {took:.1} s, tests to run: {sent}",
            at + 1,
            rows.len(),
            row.stage
        );
    }
    for (job, outcome) in pool.finish() {
        report.result(&rows, &job, &outcome);
    }
    report
        .write(&rows, begun.elapsed(), out)
        .context("cannot write the matrix")
}

/// What is true or false of the course as a whole, not of one stage.
fn check_the_whole(
    settings: &Settings,
    reference: &Reference,
    days: &BTreeMap<u32, DayTests>,
    report: &mut Report,
) -> Result<()> {
    let committed = starter::check_against(reference, &settings.root);
    let problems = committed
        .err()
        .map(|e| format!("{e:#}"))
        .into_iter()
        .collect();
    report.whole("the committed starter is stage 0", problems);
    let tasks = reference.tasks()?;
    report.whole(
        "every task has tests",
        plan::tasks_without_tests(&tasks, days, settings.day),
    );
    Ok(())
}

/// The day tests of the reference, by day.
fn day_tests(reference: &Reference) -> Result<BTreeMap<u32, DayTests>> {
    let mut days = BTreeMap::new();
    for (path, text) in reference.sources() {
        let Some((day, binary)) = day_binary(path) else {
            continue;
        };
        let tests = DayTests::read(path, binary, text)?;
        if let Some(other) = days.insert(day, tests) {
            bail!(
                "day {day} has two test files, {binary} and {}; a day has one",
                other.binary
            );
        }
    }
    Ok(days)
}

fn unformatted(reference: &Reference, tree: &Tree) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for (path, bytes) in tree.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let text = std::str::from_utf8(bytes).with_context(|| format!("{path} is no UTF-8"))?;
        if reference.format(path, text)? != text {
            problems.push(format!("{path} is not formatted; run `cargo fmt`"));
        }
    }
    Ok(problems)
}

/// Gives the pool every test that the row looks at, and tells the report what to wait for.
fn send_tests(
    pool: &Pool,
    at: usize,
    row: &Row,
    built: &Built,
    days: &BTreeMap<u32, DayTests>,
    limit: Duration,
    report: &mut Report,
) -> Result<usize> {
    let mut sent = 0;
    for (check_at, check) in row.checks.iter().enumerate() {
        let binary = days
            .get(&check.day)
            .and_then(|tests| built.tests.get(&tests.binary));
        let names: Vec<String> = match binary {
            Some(binary) => run::list(binary)?,
            None => Vec::new(),
        };
        let homeless = names
            .iter()
            .filter(|name| plan::task_of_test(name).is_none());
        let cell = report.cell(at, Column::Check(check_at));
        cell.problems.extend(
            homeless.map(|name| {
                format!("test {name} belongs to no task; move it into a module `task_K`")
            }),
        );
        let wanted: Vec<&String> = names
            .iter()
            .filter(|name| check.tasks.include(name))
            .collect();
        cell.total = wanted.len();
        if wanted.is_empty() {
            cell.problems.push(format!("no test of {check} can be run"));
        }
        for name in wanted {
            let limit = if check.expect == Expect::Pass {
                limit
            } else {
                LIMIT_TO_FAIL.min(limit)
            };
            let binary = binary
                .context("a test that is listed has a binary")?
                .clone();
            pool.send(Job {
                row: at,
                check: check_at,
                test: name.clone(),
                binary,
                dir: built.dir.clone(),
                limit,
            })?;
            sent += 1;
        }
    }
    Ok(sent)
}
