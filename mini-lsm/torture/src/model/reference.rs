//! What a store must answer: a `BTreeMap`, the scans that are held, and what a power cut may take.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use anyhow::{Result, bail};
use bytes::Bytes;
use mini_lsm::fs::CrashPlan;

use super::action::{Action, Answer, Entry, Op, SLOTS};
use super::words::{Range, show};

type Map = BTreeMap<Bytes, Bytes>;

/// The model of a store.
#[derive(Debug, Default)]
pub struct Reference {
    map: Map,
    /// The state that must survive a power cut at least.
    durable: Map,
    /// The writes since then, each of them whole.
    pending: VecDeque<Vec<Op>>,
    /// What the held scans are still to show.
    scans: [VecDeque<Entry>; SLOTS],
}

impl Reference {
    /// Performs anything but a reopening after a power cut.
    pub fn perform(&mut self, action: &Action) -> Answer {
        match action {
            Action::Get(key) => return Answer::Value(self.map.get(key).cloned()),
            Action::Put(key, value) => self.write(vec![(key.clone(), Some(value.clone()))]),
            Action::Delete(key) => self.write(vec![(key.clone(), None)]),
            Action::Batch(ops) => self.write(ops.clone()),
            Action::Scan(range) => return Answer::Entries(self.range(range).collect()),
            Action::Hold(slot, range) => self.scans[*slot] = self.range(range).collect(),
            Action::Advance(slot, count) => {
                let scan = &mut self.scans[*slot];
                let count = scan.len().min(*count);
                return Answer::Entries(scan.drain(..count).collect());
            }
            Action::Sync => self.now_durable(),
            Action::Compact => return Answer::EntryCount(self.map.len() as u64),
            Action::Wipe => {
                self.write(self.map.keys().map(|key| (key.clone(), None)).collect());
                self.scans = Default::default();
                return Answer::EntryCount(0);
            }
            Action::Reopen { .. } => {
                self.now_durable();
                return Answer::Entries(self.entries());
            }
            Action::Refused(_) | Action::Flush | Action::Settle | Action::Metrics => {}
        }
        Answer::Done
    }

    /// All writes so far must survive from now on.
    pub fn now_durable(&mut self) {
        for ops in self.pending.drain(..) {
            apply(&mut self.durable, &ops);
        }
    }

    /// What `answer` shows must be the state after some of the writes, none that had to survive
    /// missing; it is the state from now on. Returns how many writes were lost.
    pub fn after_power_cut(&mut self, plan: CrashPlan, answer: &Answer) -> Result<u64> {
        let Answer::Entries(found) = answer else {
            bail!("a reopening shows all entries");
        };
        let found: Map = found.iter().cloned().collect();
        if plan == CrashPlan::Keep {
            self.now_durable();
        }
        let floor = self.durable.clone();
        while self.durable != found {
            match self.pending.pop_front() {
                Some(ops) => apply(&mut self.durable, &ops),
                None => bail!(
                    "the store holds what no number of whole writes leads to: beside what had to survive, {}; beside all that was written, {}",
                    difference(&floor, &found),
                    difference(&self.map, &found)
                ),
            }
        }
        let lost = self.pending.len() as u64;
        self.pending.clear();
        self.map = found;
        Ok(lost)
    }

    fn write(&mut self, ops: Vec<Op>) {
        apply(&mut self.map, &ops);
        self.pending.push_back(ops);
    }

    fn entries(&self) -> Vec<Entry> {
        self.range(&Range::all()).collect()
    }

    fn range(&self, range: &Range) -> impl Iterator<Item = Entry> {
        let bounds = match range.is_crossed() {
            false => range.bounds(),
            true => (Bound::Included(&b""[..]), Bound::Excluded(&b""[..])),
        };
        let entries = self.map.range::<[u8], _>(bounds);
        entries.map(|(key, value)| (key.clone(), value.clone()))
    }
}

fn apply(map: &mut Map, ops: &[Op]) {
    for (key, value) in ops {
        match value {
            Some(value) => map.insert(key.clone(), value.clone()),
            None => map.remove(key),
        };
    }
}

/// The first key on which two states differ.
fn difference(expected: &Map, got: &Map) -> String {
    let tell = |value: Option<&Bytes>| value.map_or_else(|| "nothing".to_owned(), |v| show(v));
    let mut keys = expected.keys().chain(got.keys());
    match keys.find(|&key| expected.get(key) != got.get(key)) {
        Some(key) => format!(
            "{} is {} instead of {}",
            show(key),
            tell(got.get(key)),
            tell(expected.get(key))
        ),
        None => "no difference".to_owned(),
    }
}
