//! Which bugs a run takes when nobody says which: those whose files have changed since they were recorded, and a tenth of
//! the others.
//!
//! A bug's files are those it edits and the tests of its task; the record keeps a fingerprint of them and of the entry itself.
//! The tenth is drawn by the names and by the bytes of the reference: always the same for one tree, others for the next.

use staging::tree::Tree;
use xtask::catalogue::Day;

use crate::record::Record;
use crate::zoo::Bug;

/// More of the changed ones than this are left to `--all`: the run has to stay short, even when a file has changed that
/// half of the zoo edits.
pub const MOST_CHANGED: usize = 8;
/// One in so many of the others is taken.
const SHARE: usize = 10;

/// What a run takes.
#[derive(Debug, Default)]
pub struct Choice<'a> {
    /// In the order of the zoo.
    pub bugs: Vec<&'a Bug>,
    /// Those whose files have changed.
    pub changed: usize,
    /// Changed, but not taken.
    pub left_out: usize,
    pub drawn: usize,
}

/// Draws from the zoo.
pub fn choose<'a>(zoo: &'a [Bug], record: &Record, days: &[Day], tree: &Tree) -> Choice<'a> {
    let seed = seed_of(tree);
    let mut all: Vec<&Bug> = zoo.iter().collect();
    all.sort_by_key(|bug| hash(seed, bug.name.as_bytes()));
    let has_changed = |bug: &&Bug| {
        let known = record.of(bug).map(|entry| entry.files.as_str());
        known != Some(&fingerprint(bug, days, tree))
    };
    let (mut changed, mut others): (Vec<&Bug>, Vec<&Bug>) = all.into_iter().partition(has_changed);
    let mut choice = Choice {
        changed: changed.len(),
        left_out: changed.len().saturating_sub(MOST_CHANGED),
        drawn: others.len().div_ceil(SHARE),
        bugs: Vec::new(),
    };
    changed.truncate(MOST_CHANGED);
    others.truncate(choice.drawn);
    let taken = |bug: &&Bug| changed.contains(bug) || others.contains(bug);
    choice.bugs = zoo.iter().filter(taken).collect();
    choice
}

/// Of the files that the bug edits, the tests of its task, and its edits: 16 hexadecimal digits. Words that change nothing
/// of what fails (claim, question) are no part of it.
pub fn fingerprint(bug: &Bug, days: &[Day], tree: &Tree) -> String {
    let day = days.iter().find(|day| day.number == bug.day);
    let tests = day.map(|day| format!("tests/{}/task_{}.rs", day.binary(), bug.task));
    let edited = bug.edits.iter().map(|edit| edit.file.clone());
    let mut sum = FNV_START;
    for path in edited.chain(tests) {
        sum = hash(sum, path.as_bytes());
        sum = hash(sum, tree.get(&path).map_or(&[], Vec::as_slice));
    }
    for edit in &bug.edits {
        sum = hash(hash(sum, edit.find.as_bytes()), edit.put.as_bytes());
    }
    format!("{sum:016x}")
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
