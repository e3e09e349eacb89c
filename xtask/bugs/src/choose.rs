//! Which bugs a run takes when nobody says which: those that a change may have touched, and a tenth of the others.
//!
//! Touched is what git shows as changed since the main branch, or, on it, since the commit before: the file of an edit, the
//! tests of its task, or the entry itself. Without git nothing is. The tenth is drawn by the names and by the bytes of the
//! reference: always the same for one tree, others for the next.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use staging::tree::Tree;
use xtask::catalogue::Day;

use crate::zoo::{self, Bug};

/// More of the touched ones than this are left to `--all`: the run has to stay short.
pub const MOST_TOUCHED: usize = 8;
/// One in so many of the others is taken.
const SHARE: usize = 10;

/// What a run takes.
#[derive(Debug, Default)]
pub struct Choice<'a> {
    /// In the order of the zoo.
    pub bugs: Vec<&'a Bug>,
    pub touched: usize,
    /// Touched, but not taken.
    pub left_out: usize,
    pub drawn: usize,
}

/// What differs from the main branch or from the commit before.
#[derive(Debug, Default)]
pub struct Change {
    /// From the root of the repository, with forward slashes.
    files: BTreeSet<String>,
    /// The zoo as it was.
    bugs: Vec<Bug>,
}

impl Change {
    /// What git knows; nothing where there is no git, or nothing to compare with.
    pub fn of(root: &Path, days: &[Day]) -> Change {
        let Some(base) = base(root) else {
            return Change::default();
        };
        let names = git(root, &["diff", "--name-only", &base]).unwrap_or_default();
        let old = days.iter().filter_map(|day| {
            let place = format!("{base}:{}", zoo::file(day.number));
            zoo::parse(day.number, &git(root, &["show", &place])?).ok()
        });
        Change {
            files: names.lines().map(str::to_string).collect(),
            bugs: old.flatten().collect(),
        }
    }

    fn touches(&self, bug: &Bug, days: &[Day]) -> bool {
        let has = |file: String| self.files.contains(&file);
        let day = days.iter().find(|day| day.number == bug.day);
        let tests = day.map_or(String::new(), |day| {
            format!("mini-lsm/tests/{}/task_{}.rs", day.binary(), bug.task)
        });
        let mut edits = bug.edits.iter();
        let is_new = has(zoo::file(bug.day)) && !self.bugs.contains(bug);
        is_new || has(tests) || edits.any(|edit| has(format!("mini-lsm/{}", edit.file)))
    }
}

/// Draws from the zoo.
pub fn choose<'a>(zoo: &'a [Bug], change: &Change, days: &[Day], tree: &Tree) -> Choice<'a> {
    let seed = seed_of(tree);
    let mut all: Vec<&Bug> = zoo.iter().collect();
    all.sort_by_key(|bug| hash(seed, bug.name.as_bytes()));
    let (mut touched, mut others): (Vec<&Bug>, Vec<&Bug>) =
        all.into_iter().partition(|bug| change.touches(bug, days));
    let mut choice = Choice {
        touched: touched.len(),
        left_out: touched.len().saturating_sub(MOST_TOUCHED),
        drawn: others.len().div_ceil(SHARE),
        bugs: Vec::new(),
    };
    touched.truncate(MOST_TOUCHED);
    others.truncate(choice.drawn);
    let taken = |bug: &&Bug| touched.contains(bug) || others.contains(bug);
    choice.bugs = zoo.iter().filter(taken).collect();
    choice
}

/// The commit to compare with.
fn base(root: &Path) -> Option<String> {
    let head = git(root, &["rev-parse", "HEAD"])?;
    let fork = ["main", "origin/main"]
        .iter()
        .find_map(|main| git(root, &["merge-base", "HEAD", main]));
    match fork {
        Some(fork) if fork != head => Some(fork),
        _ => git(root, &["rev-parse", "--verify", "--quiet", "HEAD~1"]),
    }
}

/// What git prints, without the newline at the end; `None` if it is not there or has no answer.
fn git(root: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(args).output();
    let output = output.ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim_end().to_string())
}

fn seed_of(tree: &Tree) -> u64 {
    let files = tree.iter();
    files.fold(FNV_START, |seed, (path, bytes)| {
        hash(hash(seed, path.as_bytes()), bytes)
    })
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a: the same on every machine and with every compiler.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(seed, step)
}
