//! What the threads know of each other: how far each writer is, and what has been seen.

use std::cmp::Ordering;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use anyhow::{Result, ensure};

use super::script::{Stamp, WRITERS};

/// A version of each writer.
pub type Versions = [u64; WRITERS];

/// The state of the store that a scan of everything showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct View {
    /// The last batch of each writer.
    pub versions: Versions,
    /// The batch that wrote last.
    pub shared: Option<Stamp>,
}

/// By writer: numbers that only grow.
#[derive(Debug, Default)]
pub struct Marks([AtomicU64; WRITERS]);

impl Marks {
    /// The numbers, now.
    pub fn get(&self) -> Versions {
        std::array::from_fn(|writer| self.0[writer].load(SeqCst))
    }

    /// Raises the numbers to these.
    pub fn raise(&self, versions: Versions) {
        for (mark, version) in self.0.iter().zip(versions) {
            mark.fetch_max(version, SeqCst);
        }
    }

    /// Raises the number of one writer.
    pub fn raise_one(&self, stamp: Stamp) {
        self.0[stamp.writer].fetch_max(stamp.version, SeqCst);
    }
}

/// From one power cut to the next.
#[derive(Debug, Default)]
pub struct Board {
    /// The batches whose write has begun.
    pub begun: Marks,
    /// The batches whose write has returned.
    pub returned: Marks,
    /// The batches that must survive a power cut.
    pub durable: Marks,
    /// The store is about to be closed.
    pub is_closing: AtomicBool,
    /// The store has been closed.
    pub is_closed: AtomicBool,
    /// The threads are to let go of the store, because it will be dropped, or because one of them
    /// has failed.
    pub must_leave: AtomicBool,
    views: Mutex<Vec<View>>,
}

impl Board {
    /// The store that was recovered holds this, synced.
    pub fn starting_with(view: View) -> Self {
        let board = Self::default();
        for marks in [&board.begun, &board.returned, &board.durable] {
            marks.raise(view.versions);
        }
        board.note(view);
        board
    }

    /// Somebody saw this.
    pub fn note(&self, view: View) {
        self.views.lock().expect("no panic").push(view);
    }

    /// How many different states were seen. They must be states of one history: of any two, one
    /// came before the other.
    pub fn check_history(&self) -> Result<u64> {
        let mut views = std::mem::take(&mut *self.views.lock().expect("no panic"));
        views.sort_unstable();
        views.dedup();
        for pair in views.windows(2) {
            ensure!(
                order(&pair[0].versions, &pair[1].versions) == Some(Ordering::Less),
                "one scan showed {:?}, another {:?}: no history has both",
                pair[0],
                pair[1]
            );
        }
        Ok(views.len() as u64)
    }
}

/// How two states stand to each other; `None` if each has something that the other has not.
pub fn order(one: &Versions, other: &Versions) -> Option<Ordering> {
    let is_within = |a: &Versions, b: &Versions| a.iter().zip(b).all(|(a, b)| a <= b);
    match (is_within(one, other), is_within(other, one)) {
        (true, true) => Some(Ordering::Equal),
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        (false, false) => None,
    }
}

/// `Ok` if no number of `versions` is below that of `floor`.
pub fn ensure_not_below(versions: &Versions, floor: &Versions, why: &str) -> Result<()> {
    ensure!(
        matches!(
            order(floor, versions),
            Some(Ordering::Less | Ordering::Equal)
        ),
        "the last batches are {versions:?}, expected at least {floor:?}, {why}"
    );
    Ok(())
}
