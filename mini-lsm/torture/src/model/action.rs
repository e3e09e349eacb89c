//! What a script does to a store, in concrete keys and values, and how it reads.

use std::fmt;
use std::ops::Bound;

use anyhow::{Result, bail, ensure};
use bytes::Bytes;
use mini_lsm::fs::CrashPlan;

use super::words::{Range, show};

/// How many cursors may be held at the same time.
pub const SLOTS: usize = 4;

/// A key and a value.
pub type Entry = (Bytes, Bytes);

/// A key and its new value; none to delete it.
pub type Op = (Bytes, Option<Bytes>);

/// One step of a script.
#[derive(Clone, Debug)]
pub enum Action {
    /// `get`
    Get(Bytes),
    /// `put`
    Put(Bytes, Bytes),
    /// `delete`
    Delete(Bytes),
    /// `write`
    Batch(Vec<Op>),
    /// A write that must be refused, and change nothing.
    Refused(Vec<Op>),
    /// A scan from its beginning to its end.
    Scan(Range),
    /// A scan, which is held in a slot.
    Hold(usize, Range),
    /// The next entries of the scan in a slot.
    Advance(usize, usize),
    /// `sync`
    Sync,
    /// `flush`
    Flush,
    /// `compact`
    Compact,
    /// Waits until the background threads have nothing to do.
    Settle,
    /// `metrics`
    Metrics,
    /// Deletes everything, and compacts.
    Wipe,
    /// Ends the store and opens it again.
    Reopen {
        /// How it ends.
        how: End,
        /// Which of the script's settings it opens with.
        settings: usize,
    },
}

/// How a store ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `close`
    Close,
    /// It is dropped without being closed.
    Drop,
    /// The power is cut.
    Cut(CrashPlan),
}

impl Action {
    /// Whether something may be lost.
    pub fn is_power_cut(&self) -> bool {
        matches!(
            self,
            Self::Reopen {
                how: End::Cut(_),
                ..
            }
        )
    }
}

/// What a store said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// That it is done.
    Done,
    /// To a get.
    Value(Option<Bytes>),
    /// To a scan; of a reopening, all there is.
    Entries(Vec<Entry>),
    /// After a compaction: how many entries its tables have.
    EntryCount(u64),
}

impl Answer {
    /// An error unless `got` is the same as this.
    pub fn check(&self, got: &Self) -> Result<()> {
        match (self, got) {
            (Self::Value(expected), Self::Value(got)) => ensure!(
                expected == got,
                "expected {}, got {}",
                show_value(expected.as_ref()),
                show_value(got.as_ref())
            ),
            (Self::Entries(expected), Self::Entries(got)) => check_entries(expected, got)?,
            (Self::EntryCount(expected), Self::EntryCount(got)) => ensure!(
                expected == got,
                "the store holds {expected} entries, and its tables have {got} after a compaction"
            ),
            (Self::Done, Self::Done) => {}
            _ => bail!("an answer of another kind"),
        }
        Ok(())
    }
}

/// An error at the first difference.
fn check_entries(expected: &[Entry], got: &[Entry]) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    let show_at = |entries: &[Entry], index: usize| {
        entries.get(index).map_or_else(
            || "the end".to_owned(),
            |(key, value)| format!("{} = {}", show(key), show(value)),
        )
    };
    let count = expected.len().max(got.len());
    let index = (0..count).find(|&index| expected.get(index) != got.get(index));
    let index = index.expect("they differ");
    bail!(
        "entry {index}: expected {}, got {}",
        show_at(expected, index),
        show_at(got, index)
    )
}

fn show_value(value: Option<&Bytes>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| show(value))
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get(key) => write!(f, "get {}", show(key)),
            Self::Put(key, value) => write!(f, "put {} = {} bytes", show(key), value.len()),
            Self::Delete(key) => write!(f, "delete {}", show(key)),
            Self::Batch(ops) => write!(f, "write({})", show_ops(ops)),
            Self::Refused(ops) => write!(f, "write({}), which must be refused", show_ops(ops)),
            Self::Scan(range) => write!(f, "scan {range}"),
            Self::Hold(slot, range) => write!(f, "scan {slot} begins: {range}"),
            Self::Advance(slot, usize::MAX) => write!(f, "the rest of scan {slot}"),
            Self::Advance(slot, count) => write!(f, "the next {count} entries of scan {slot}"),
            Self::Sync => write!(f, "sync"),
            Self::Flush => write!(f, "flush"),
            Self::Compact => write!(f, "compact"),
            Self::Settle => write!(f, "wait for the background"),
            Self::Metrics => write!(f, "metrics"),
            Self::Wipe => write!(f, "delete all keys, compact"),
            Self::Reopen { how, settings } => write!(f, "reopen({how}) with options {settings}"),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close => write!(f, "close"),
            Self::Drop => write!(f, "drop"),
            Self::Cut(plan) => write!(f, "power cut, {plan:?}"),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.start {
            Bound::Unbounded => write!(f, "from the first")?,
            Bound::Included(key) => write!(f, "from {}", show(key))?,
            Bound::Excluded(key) => write!(f, "from behind {}", show(key))?,
        }
        match &self.end {
            Bound::Unbounded => write!(f, " to the last"),
            Bound::Included(key) => write!(f, " to {}", show(key)),
            Bound::Excluded(key) => write!(f, " to before {}", show(key)),
        }
    }
}

fn show_ops(ops: &[Op]) -> String {
    let show_op = |(key, value): &Op| match value {
        Some(value) => format!("put {} = {} bytes", show(key), value.len()),
        None => format!("delete {}", show(key)),
    };
    ops.iter().map(show_op).collect::<Vec<_>>().join(", ")
}
