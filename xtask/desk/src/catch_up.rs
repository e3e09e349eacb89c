//! `catch-up --day N`: the days up to N become the reference's as it stands on the evening of day N.
//!
//! A file that the course has not written by then stays as the learner has it. In a file that it has, functions of later days
//! that the learner wrote stay too, with the helpers that they call. Of all this only what compiles with the reference stays;
//! the rest becomes the course's of that evening, and is named.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use staging::names::PACKAGE;
use staging::outline::Outline;
use staging::stage::Stage;
use xtask::screen::Screen;

use crate::changes::Changes;
use crate::compile::{self, Trouble, Verdict};
use crate::course::{self, Course};
use crate::graft;
use crate::keep;
use crate::mine::Mine;
use crate::needs::needs;

/// What becomes of one file.
struct Plan {
    /// The course's, on the evening that is caught up with.
    stage: String,
    /// With later work of the learner's, and what that is; none where there is none, or where it does not fit.
    own: Option<(String, Own)>,
}

enum Own {
    File,
    /// Functions by name.
    Functions(Vec<String>),
}

/// What did not stay.
#[derive(Default)]
struct Report {
    dropped: Vec<(String, String)>,
    remarks: Vec<String>,
}

pub fn run(course: &Course, day: u32) -> Result<()> {
    course::require_day(day)?;
    let mine = Mine::read(&course.root)?;
    let mut report = Report::default();
    let mut plans = BTreeMap::new();
    for path in course.sources() {
        plans.insert(
            path.to_string(),
            plan(course, &mine, path, day, &mut report)?,
        );
    }
    settle(course, &mine, &mut plans, &mut report)?;
    let mut changes = Changes::default();
    for (path, plan) in &plans {
        changes.write(&mine, path, plan.text());
    }
    if changes.is_empty() {
        println!("days 1 to {day} are the reference's already; nothing was changed");
        return Ok(());
    }
    changes.check(&mine)?;
    let kept = keep::keep(&course.root, &mine, &format!("catch-up --day {day}"))?;
    let count = changes.paths().count();
    changes.apply(&mine)?;
    println!("{} now the reference's ({count} files changed)", days(day));
    tell(&plans, &report);
    println!("{kept}");
    println!("next: cargo x scheck");
    Ok(())
}

fn days(day: u32) -> String {
    match day {
        1 => "day 1 is".to_string(),
        day => format!("days 1 to {day} are"),
    }
}

impl Plan {
    fn text(&self) -> &str {
        self.own.as_ref().map_or(&self.stage, |(text, _)| text)
    }
}

fn plan(course: &Course, mine: &Mine, path: &str, day: u32, report: &mut Report) -> Result<Plan> {
    let stage = course.file(path, Stage::day(day))?;
    let Some(text) = mine.text(path) else {
        return Ok(Plan { stage, own: None });
    };
    if stage == course.file(path, Stage::day(0))? {
        let own = (text != stage).then_some((text, Own::File));
        return Ok(Plan { stage, own });
    }
    let parsed = Outline::parse(path, &text);
    let Ok(outline) = parsed else {
        let problem = parsed.expect_err("it is no outline");
        report
            .remarks
            .push(format!("{PACKAGE}/{problem}; so nothing of it could stay"));
        return Ok(Plan { stage, own: None });
    };
    let own = later_work(path, &stage, &outline)?;
    Ok(Plan { stage, own })
}

/// The stage's file with the functions that are stubs in it and none in `mine`.
fn later_work(path: &str, stage: &str, mine: &Outline) -> Result<Option<(String, Own)>> {
    let mut file = Outline::parse(path, stage)?;
    let is_stub = |key: &str| {
        let there = file.piece(key).and_then(|piece| piece.function());
        there.is_some_and(|function| function.stub)
    };
    let written: Vec<_> = mine
        .pieces()
        .filter(|piece| {
            piece.function().is_some_and(|function| !function.stub) && is_stub(&piece.key)
        })
        .cloned()
        .collect();
    if written.is_empty() {
        return Ok(None);
    }
    for piece in &written {
        graft::replace(&mut file, piece);
    }
    let codes: Vec<&str> = written.iter().map(|piece| piece.code()).collect();
    let needs = needs(&codes, mine, &file);
    graft::bring(&mut file, mine, &needs);
    let names = written.iter().filter_map(|piece| piece.function());
    let names = names.map(|function| function.name.clone()).collect();
    Ok(Some((file.text(), Own::Functions(names))))
}

/// Takes own work out, file by file, until what is left compiles.
fn settle(
    course: &Course,
    mine: &Mine,
    plans: &mut BTreeMap<String, Plan>,
    report: &mut Report,
) -> Result<()> {
    while plans.values().any(|plan| plan.own.is_some()) {
        let mut files = mine.files.clone();
        for (path, plan) in plans.iter() {
            files.insert(path.clone(), plan.text().as_bytes().to_vec());
        }
        let troubles = match compile::check(course, &files)? {
            Verdict::Compiles => return Ok(()),
            Verdict::Unknown(why) => {
                report
                    .remarks
                    .push(format!("whether it compiles could not be asked: {why}"));
                return Ok(());
            }
            Verdict::Fails(troubles) => troubles,
        };
        drop_what_fails(plans, &troubles, report);
    }
    Ok(())
}

fn drop_what_fails(plans: &mut BTreeMap<String, Plan>, troubles: &[Trouble], report: &mut Report) {
    let named: BTreeSet<&str> = troubles
        .iter()
        .map(|trouble| trouble.path.as_str())
        .collect();
    let guilty: Vec<String> = plans
        .iter()
        .filter(|(path, plan)| plan.own.is_some() && named.contains(path.as_str()))
        .map(|(path, _)| path.clone())
        .collect();
    // An error in a file of the course comes from what another one defines: nobody can tell which.
    let all = guilty.is_empty();
    for (path, plan) in plans.iter_mut() {
        if plan.own.is_some() && (all || guilty.contains(path)) {
            plan.own = None;
            let own = troubles.iter().find(|trouble| trouble.path == *path);
            let why = own.or(troubles.first()).map(Trouble::to_string);
            report.dropped.push((path.clone(), why.unwrap_or_default()));
        }
    }
}

fn tell(plans: &BTreeMap<String, Plan>, report: &Report) {
    let screen = Screen::detect();
    for (path, plan) in plans {
        match &plan.own {
            Some((_, Own::File)) => println!("  as you have it: {PACKAGE}/{path}"),
            Some((_, Own::Functions(names))) => {
                println!("  as you have it: {} in {PACKAGE}/{path}", names.join(", "))
            }
            None => {}
        }
    }
    for (path, why) in &report.dropped {
        println!("  not as you had it, for it does not compile with the rest: {PACKAGE}/{path}");
        println!("    {}", screen.fit(why));
    }
    for remark in &report.remarks {
        println!("  {}", screen.fit(remark));
    }
}
