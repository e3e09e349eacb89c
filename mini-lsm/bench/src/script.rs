//! The writes of a workload as a function of their number: they can be done by several threads, and replayed to learn
//! what the store has to hold afterwards.

use crate::data::{self, ENTRY_LEN, KEY_LEN, Shuffle};
use crate::workloads::{Kind, Order};

/// The version of every value in a loaded store; writes after that count up from it.
pub const LOADED: u64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Put { number: u64, version: u64 },
    Delete { number: u64 },
}

pub struct Script {
    /// How many writes there are.
    pub ops: u64,
    seed: u64,
    keys: Keys,
    deletes: bool,
}

enum Keys {
    InOrder,
    Once(Shuffle),
    Drawn { bound: u64 },
}

impl Script {
    /// All `n` keys, each once, in random order, with the version [`LOADED`].
    pub fn load(n: u64, seed: u64) -> Self {
        Self::new(n, seed, Keys::Once(Shuffle::new(n, seed)))
    }

    /// The writes of a workload that only writes; `None` for the others.
    pub fn of(kind: Kind, n: u64, seed: u64) -> Option<Self> {
        let drawn = || Keys::Drawn { bound: n };
        match kind {
            Kind::Write(Order::Sequential) => Some(Self::new(n, seed, Keys::InOrder)),
            Kind::Write(Order::Random | Order::Overwrite) => Some(Self::new(n, seed, drawn())),
            Kind::Write(Order::Delete) => Some(Self {
                deletes: true,
                ..Self::new(n, seed, drawn())
            }),
            // Each key once: which of two concurrent writes comes last cannot be known.
            Kind::Sync { writers } => Some(Self::load(synced_ops(n, writers), seed)),
            _ => None,
        }
    }

    /// Endless random puts over a loaded store.
    pub fn overwrites(n: u64, seed: u64) -> Self {
        Self::new(u64::MAX, seed, Keys::Drawn { bound: n })
    }

    /// Of its writes only the first `ops`.
    pub fn first(self, ops: u64) -> Self {
        Self { ops, ..self }
    }

    fn new(ops: u64, seed: u64, keys: Keys) -> Self {
        Self {
            ops,
            seed,
            keys,
            deletes: false,
        }
    }

    /// The `turn`-th write, `turn < ops`.
    pub fn op(&self, turn: u64) -> Op {
        let (index, version) = match &self.keys {
            Keys::InOrder => (turn, LOADED),
            Keys::Once(shuffle) => (shuffle.at(turn), LOADED),
            Keys::Drawn { bound } => (
                data::random_below(self.seed, turn, *bound),
                LOADED + 1 + turn,
            ),
        };
        let number = data::present(index);
        match self.deletes {
            true => Op::Delete { number },
            false => Op::Put { number, version },
        }
    }

    /// The bytes that a user has put by so many writes.
    pub fn bytes(&self, ops: u64) -> u64 {
        ops * if self.deletes {
            KEY_LEN as u64
        } else {
            ENTRY_LEN
        }
    }
}

/// A disk syncs some thousand times a second: N of them would take all day.
fn synced_ops(n: u64, writers: u64) -> u64 {
    let share = match writers {
        1 => 100,
        2..=4 => 50,
        _ => 25,
    };
    (n / share).max(writers * 10)
}

/// The version of every key that a store has to hold, by its number; 0 for none.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected(Vec<u32>);

impl Expected {
    /// Room for `n` keys and the missing ones between them.
    pub fn empty(n: u64) -> Self {
        Self(vec![0; data::present(n) as usize])
    }

    pub fn loaded(n: u64) -> Self {
        Self::empty(n).replay(&Script::load(n, 0), n)
    }

    pub fn apply(&mut self, op: Op) {
        match op {
            Op::Put { number, version } => {
                let version = u32::try_from(version).expect("fewer than 2^32 writes");
                self.0[number as usize] = version;
            }
            Op::Delete { number } => self.0[number as usize] = 0,
        }
    }

    pub fn replay(mut self, script: &Script, ops: u64) -> Self {
        for turn in 0..ops {
            self.apply(script.op(turn));
        }
        self
    }

    pub fn version(&self, number: u64) -> u64 {
        self.0[number as usize].into()
    }

    /// The keys that have to be there from `number` on, in order: number and version.
    pub fn entries(&self, number: u64) -> impl Iterator<Item = (u64, u64)> {
        let numbered = (number..).zip(self.0[number as usize..].iter().copied());
        numbered.filter_map(|(number, version)| (version != 0).then_some((number, version.into())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_replay_leaves_what_the_last_write_of_each_key_left() {
        let script = Script::of(Kind::Write(Order::Overwrite), 50, 9).unwrap();
        let expected = Expected::loaded(50).replay(&script, script.ops);
        let mut by_hand: BTreeMap<u64, u64> = (0..50).map(|index| (2 * index, LOADED)).collect();
        for turn in 0..script.ops {
            if let Op::Put { number, version } = script.op(turn) {
                by_hand.insert(number, version);
            }
        }
        assert!(by_hand.values().any(|version| *version > LOADED));
        assert!(expected.entries(0).eq(by_hand.clone()));
        assert!(expected.entries(40).eq(by_hand.split_off(&40)));
    }

    #[test]
    fn deletions_leave_holes_and_count_only_their_keys() {
        let script = Script::of(Kind::Write(Order::Delete), 50, 9).unwrap();
        let left = Expected::loaded(50).replay(&script, script.ops);
        assert!(left.entries(0).count() < 50);
        assert_eq!(script.bytes(3), 48);
    }

    #[test]
    fn synced_writers_never_share_a_key() {
        let script = Script::of(Kind::Sync { writers: 16 }, 10_000, 9).unwrap();
        let expected = Expected::empty(10_000).replay(&script, script.ops);
        assert_eq!(expected.entries(0).count() as u64, script.ops);
        assert_eq!(script.ops, 400);
        assert_eq!(synced_ops(1_000, 16), 160);
    }
}
