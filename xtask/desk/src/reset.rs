//! `reset`: the untouched starter again; `reset --day N`: the stubs of one day; `reset --to FOLDER`: what was kept in it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use staging::names::PACKAGE;
use staging::outline::{Outline, Piece};
use staging::stage::Stage;
use staging::starter;

use crate::changes::Changes;
use crate::course::{self, Course, Function};
use crate::graft;
use crate::keep;
use crate::mine::Mine;

/// Everything, but own tests: they are no part of the engine.
pub fn all(course: &Course) -> Result<()> {
    let mine = Mine::read(&course.root)?;
    let stage = starter::stage_0(&course.reference)?;
    let mut changes = Changes::default();
    for (path, bytes) in stage.iter() {
        changes.write_bytes(&mine, path, bytes);
    }
    // A source that the starter does not have may break it: a second program in src/bin, say.
    let extra = mine
        .files
        .keys()
        .filter(|path| path.starts_with("src/") && !stage.contains_key(*path));
    for path in extra {
        changes.remove(&mine, path);
    }
    let done = format!("{PACKAGE} is the untouched starter again");
    finish(course, &mine, changes, "reset", &done, &[])
}

/// The functions of one day, and what that day brought into earlier ones where that is the reference's. What the learner
/// added beside them stays.
pub fn day(course: &Course, day: u32) -> Result<()> {
    course::require_day(day)?;
    let mine = Mine::read(&course.root)?;
    let mut changes = Changes::default();
    let mut report = Report::default();
    let up_to = course.functions.iter().filter(|f| f.task.day <= day);
    for (path, functions) in course::by_file(up_to) {
        if let Some(text) = without_day(course, &mine, path, &functions, day, &mut report)? {
            changes.write(&mine, path, &text);
        }
    }
    let mut remarks = report.remarks;
    if !report.own.is_empty() {
        remarks.push(format!(
            "these of earlier days get a part on day {day}; yours stay, and may call what is a stub now: {}",
            report.own.join(", ")
        ));
    }
    let done = format!("the functions of day {day} are stubs again");
    let what = format!("reset --day {day}");
    finish(course, &mine, changes, &what, &done, &remarks)
}

#[derive(Default)]
struct Report {
    /// Earlier functions with a part of the day, in the learner's own words.
    own: Vec<String>,
    remarks: Vec<String>,
}

/// The learner's file as it was before the day; `None` if the day is not in it.
fn without_day(
    course: &Course,
    mine: &Mine,
    path: &str,
    functions: &[&Function],
    day: u32,
    report: &mut Report,
) -> Result<Option<String>> {
    let in_file = course.functions.iter().filter(|f| f.path == path);
    let stubs = course.file(path, Stage::day(0))?;
    if in_file.into_iter().all(|f| f.task.day == day) {
        return Ok(Some(stubs));
    }
    let before = course.outline(path, Stage::day(day - 1))?;
    let after = course.outline(path, Stage::day(day))?;
    let touched = functions
        .iter()
        .filter(|f| before.piece(&f.key) != after.piece(&f.key));
    let touched: Vec<&&Function> = touched.collect();
    if touched.is_empty() {
        return Ok(None);
    }
    let Some(text) = mine.text(path) else {
        return Ok(Some(stubs));
    };
    let mut outline = match Outline::parse(path, &text) {
        Ok(outline) => outline,
        Err(problem) => {
            report
                .remarks
                .push(format!("not reset: {PACKAGE}/{problem}"));
            return Ok(None);
        }
    };
    for function in touched {
        let Some(piece) = before.piece(&function.key) else {
            continue;
        };
        let Some(own) = outline.piece(&function.key).cloned() else {
            graft::insert(&mut outline, &before, &[piece.key.clone()].into());
            continue;
        };
        if function.task.day == day {
            graft::replace(&mut outline, piece);
        } else if Some(own.code()) == after.piece(&function.key).map(Piece::code) {
            // What stands above it stays: it may be borrowed.
            graft::replace(&mut outline, &graft::with_code(&own, piece.code()));
        } else if own.code() != piece.code() {
            report.own.push(function.name.clone());
        }
    }
    Ok(Some(outline.text()))
}

/// What a folder made by one of these commands has: files that it does not have go.
pub fn to(course: &Course, folder: &Path) -> Result<()> {
    // As it was printed, or as it is seen from here.
    let printed = course.root.join(folder);
    let dir = match printed.is_dir() {
        true => printed,
        false => std::path::absolute(folder)?,
    };
    let kept = Mine::read_folder(&dir).with_context(|| {
        format!("`--to` takes a folder with kept work, as in `cargo x reset --to saved/2026-11-21-2245`; {}", folder.display())
    })?;
    if !kept.files.contains_key("Cargo.toml") {
        bail!("{} holds no kept work: it has no Cargo.toml", dir.display());
    }
    let mine = Mine::read(&course.root)?;
    let mut changes = Changes::default();
    for (path, bytes) in &kept.files {
        changes.write_exactly(&mine, path, bytes);
    }
    for path in mine
        .files
        .keys()
        .filter(|path| !kept.files.contains_key(*path))
    {
        changes.remove(&mine, path);
    }
    let done = format!("{PACKAGE} is what {} has", folder.display());
    finish(
        course,
        &mine,
        changes,
        &format!("reset --to {}", folder.display()),
        &done,
        &[],
    )
}

fn finish(
    course: &Course,
    mine: &Mine,
    changes: Changes,
    what: &str,
    done: &str,
    remarks: &[String],
) -> Result<()> {
    if changes.is_empty() {
        println!("{done}; there was nothing to change");
        remarks.iter().for_each(|remark| println!("  {remark}"));
        return Ok(());
    }
    changes.check(mine)?;
    let kept = keep::keep(&course.root, mine, what)?;
    let paths: Vec<String> = changes.paths().map(str::to_string).collect();
    changes.apply(mine)?;
    println!("{done} ({} files changed)", paths.len());
    remarks.iter().for_each(|remark| println!("  {remark}"));
    println!("{kept}");
    println!("next: cargo x scheck");
    Ok(())
}
