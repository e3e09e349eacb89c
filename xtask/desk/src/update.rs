//! `update`: brings a newer edition of the course over an edited starter, item by item.
//!
//! Three versions of each item decide: as handed out when the learner began (by its digest in `edition.txt`), the learner's, and
//! the one that this checkout hands out. What only the course changed becomes the course's, what only the learner changed stays,
//! and what both changed stays and is named. Tests belong to the course and are replaced; own test files stay.
//!
//! In the middle of a `git merge` that brought the edition, files with conflicts are taken as the learner's side has them, so
//! that this settles the conflicts in `mini-lsm-starter`.

mod items;
mod merge;

use anyhow::{Result, bail};
use staging::edition::{self, Edition, WHOLE, digest};
use staging::names::PACKAGE;
use staging::stage::Reference;
use staging::starter;
use staging::tree::Tree;

use crate::changes::Changes;
use crate::compile::{self, Verdict};
use crate::course::Course;
use crate::keep;
use crate::mine::{Mine, text};
use items::three_way;
use merge::Merge;

/// What is told about, by file.
#[derive(Debug, Default)]
pub struct Report {
    /// Both changed these: the learner's stay.
    pub both: Vec<String>,
    pub remarks: Vec<String>,
}

pub fn run(course: &Course) -> Result<()> {
    let disk = Mine::read(&course.root)?;
    let merge = Merge::under_way(&course.root);
    // Here every byte counts, so rustfmt must be there.
    let new = starter::stage_0(&Reference::read(&course.root.join("mini-lsm"))?)?;
    let mine = merge.ours(&disk, &new);
    let base = base(&mine)?;
    let mut report = Report::default();
    let changes = changes(&disk, &mine, &base, &new, &mut report);
    if changes.is_empty() {
        println!("{PACKAGE} is of this edition already; nothing was changed");
        return Ok(());
    }
    changes.check(&disk)?;
    let kept = keep::keep(&course.root, &disk, "update")?;
    let count = changes.paths().count();
    changes.apply(&disk)?;
    println!("{PACKAGE} is of this checkout's edition now ({count} files changed)");
    tell(course, &report)?;
    println!("{kept}");
    if merge.has_conflicts() {
        println!(
            "git still waits for the end of the merge: look at the result, then `git add {PACKAGE}` and `git commit`"
        );
    }
    println!("next: cargo x scheck");
    Ok(())
}

fn tell(course: &Course, report: &Report) -> Result<()> {
    for both in &report.both {
        println!("  you and the course both changed this; yours stays: {both}");
    }
    if !report.both.is_empty() {
        println!("  (`cargo x diff` shows functions beside the reference's)");
    }
    for remark in &report.remarks {
        println!("  {remark}");
    }
    if let Verdict::Fails(troubles) = compile::check(course, &Mine::read(&course.root)?.files)? {
        println!("  it does not compile as it is: {}", troubles[0]);
    }
    Ok(())
}

fn base(mine: &Mine) -> Result<Edition> {
    let Some(text) = mine.text(edition::PATH) else {
        bail!(
            "{PACKAGE}/{} is missing: without it nobody knows which edition you began with. Bring it back from git or from the copy of the course that you began with",
            edition::PATH
        );
    };
    Edition::parse(&text).map_err(|line| {
        anyhow::anyhow!("{PACKAGE}/{}:{line}: this line says nothing; bring the file back as the course handed it out", edition::PATH)
    })
}

/// What to write over `disk` so that the edition `new` is in it. `mine` is the same, but for conflicts of a merge.
pub fn changes(
    disk: &Mine,
    mine: &Mine,
    base: &Edition,
    new: &Tree,
    report: &mut Report,
) -> Changes {
    let mut changes = Changes::default();
    for (path, bytes) in new.iter() {
        let handed_out = text(bytes).unwrap_or_default();
        let own = mine
            .text(path)
            .filter(|_| !path.starts_with("tests/") && path != edition::PATH);
        match own {
            Some(own) if path.ends_with(".rs") => {
                let merged = three_way(path, base, &own, &handed_out, report);
                changes.write(disk, path, &merged);
            }
            Some(own) => {
                let whole = whole(path, base, own, &handed_out, report);
                changes.write(disk, path, &whole);
            }
            None => {
                if path.ends_with(".rs") && path.starts_with("src/") && base.0.contains_key(path) {
                    let what = format!("you had removed {PACKAGE}/{path}; it is there again");
                    report.remarks.push(what);
                }
                changes.write_bytes(disk, path, bytes);
            }
        }
    }
    for path in base.0.keys().filter(|path| !new.contains_key(*path)) {
        let untouched = mine
            .text(path)
            .is_some_and(|own| items::is_untouched(path, base, &own));
        if path.starts_with("tests/") || untouched {
            changes.remove(disk, path);
        } else if mine.files.contains_key(path) {
            report.remarks.push(format!(
                "the course has no {PACKAGE}/{path} any more; yours stays"
            ));
        }
    }
    changes
}

/// A file that is not cut into items: the manifest.
fn whole(path: &str, base: &Edition, own: String, new: &str, report: &mut Report) -> String {
    let handed_out = base.digest(path, WHOLE);
    let (own_digest, new_digest) = (digest(own.as_bytes()), digest(new.as_bytes()));
    if own_digest == new_digest || Some(own_digest) == handed_out {
        return new.to_string();
    }
    if Some(new_digest) != handed_out {
        let missing: Vec<&str> = new
            .lines()
            .filter(|line| !own.lines().any(|there| there == *line))
            .collect();
        report.both.push(format!(
            "{PACKAGE}/{path}; the course's has these lines that yours has not: {}",
            missing.join(" | ")
        ));
    }
    own
}
