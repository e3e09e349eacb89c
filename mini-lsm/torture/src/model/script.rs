//! What proptest draws and shrinks, and the actions that it stands for.
//!
//! A script is numbers: four for each step, some for each set of options, some for the whole. So it
//! is drawn quickly (a strategy for each kind of step would cost more than the step itself), and
//! each number shrinks towards 0, which stands for the dullest choice. Steps come in passages, so
//! that many go at once when a script shrinks.

use std::fmt::Write;

use bytes::Bytes;
use mini_lsm::fs::CrashPlan;
use proptest::array::{uniform4, uniform14};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};

use super::action::{Action, End, Op, SLOTS};
use super::settings::{Choice, SETS, Settings};
use super::words::{Keys, LONGEST_KEY, Range, Values, bound, sequential_key, value};

/// A passage has at most so many steps.
const PASSAGE_LEN: usize = 16;

/// How many steps of a thousand are of each kind. Those come first that are to be left when a
/// script has shrunk.
const KINDS: &[(Kind, u16)] = &[
    (Kind::Get, 240),
    (Kind::Put, 300),
    (Kind::Delete, 90),
    (Kind::Advance, 80),
    (Kind::Sync, 20),
    (Kind::Scan, 75),
    (Kind::Hold, 40),
    (Kind::Flush, 20),
    (Kind::Batch, 70),
    (Kind::Metrics, 13),
    (Kind::Settle, 14),
    (Kind::Compact, 8),
    (Kind::Wipe, 3),
    (Kind::Reopen, 17),
    (Kind::Refused, 10),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Get,
    Put,
    Delete,
    Batch,
    Refused,
    Scan,
    Hold,
    Advance,
    Sync,
    Flush,
    Compact,
    Settle,
    Metrics,
    Wipe,
    Reopen,
}

/// One step: its kind from 0 to 999, and numbers whose meaning depends on that. The last is for
/// what is done besides on one store of several.
type Step = (u16, u16, u16, u8);

/// A script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    steps: Vec<Step>,
    keys: Keys,
    values: Values,
    /// Each bit set turns one kind of steps into puts: a store to which a thing never happens meets
    /// others that much longer.
    muted: u8,
    settings: [Settings; SETS],
    has_extras: bool,
}

/// What proptest draws: scripts of up to so many passages, for twins with
/// [extras](Script::extras).
pub fn scripts(passages: usize, has_extras: bool) -> impl Strategy<Value = Script> {
    let step = (0..1000_u16, any::<u16>(), any::<u16>(), any::<u8>());
    let passage = vec(step, 1..=PASSAGE_LEN);
    let traits = uniform4(any::<u8>());
    let settings = uniform4(uniform14(any::<u8>()));
    (vec(passage, 1..=passages), traits, settings).prop_map(
        move |(passages, [keys, values, mute, more_mute], settings)| Script {
            steps: passages.concat(),
            keys: Keys::new(keys),
            values: Values::new(values),
            muted: mute & more_mute,
            settings: settings.map(Settings),
            has_extras,
        },
    )
}

impl Script {
    /// Its options, in a circle that begins with number `first`.
    pub fn choice(&self, first: usize) -> Choice {
        let mut settings = self.settings;
        settings.rotate_left(first);
        Choice::Drawn(settings)
    }

    /// Whether each run is a little different. Twins have a store with the default options, which
    /// has threads.
    pub fn has_threads(&self) -> bool {
        self.has_extras || self.settings.iter().any(|settings| settings.has_threads())
    }

    /// What it does, in order; at the end the store is closed and opened once more.
    pub fn actions(&self) -> impl Iterator<Item = Action> {
        let mut writer = Writer {
            script: self,
            writes: 0,
        };
        let last = Action::Reopen {
            how: End::Close,
            settings: 0,
        };
        let steps = self.steps.iter();
        steps.map(move |step| writer.action(*step)).chain([last])
    }

    /// What is done besides before each action, to one store of several.
    pub fn extras(&self) -> impl Iterator<Item = Option<Action>> {
        let extras = self.steps.iter().map(|&(_, number, _, extra)| match extra {
            0..240 => None,
            240..246 => Some(Action::Flush),
            246..249 => Some(Action::Compact),
            249..252 => Some(Action::Settle),
            252.. => Some(Action::Reopen {
                how: [End::Close, End::Drop][usize::from(extra % 2)],
                settings: usize::from(number) % SETS,
            }),
        });
        let has_extras = self.has_extras;
        extras
            .map(move |extra| extra.filter(|_| has_extras))
            .chain([None])
    }

    /// The first `count` actions, a line each, and the options that they need.
    pub fn tell(&self, count: usize) -> String {
        let mut text = String::new();
        for (index, settings) in self.settings.iter().enumerate() {
            if settings.is_dull() {
                continue;
            }
            let _ = writeln!(text, "  options {index}: {settings}");
        }
        for (action, extra) in self.actions().zip(self.extras()).take(count) {
            if let Some(extra) = extra {
                let _ = writeln!(text, "  (one store alone: {extra})");
            }
            let _ = writeln!(text, "  {action}");
        }
        text
    }

    fn kind(&self, number: u16) -> Kind {
        let mut rest = number;
        let mut kinds = KINDS.iter();
        let kind = loop {
            let (kind, count) = kinds.next().expect("they make up a thousand");
            match rest.checked_sub(*count) {
                Some(less) => rest = less,
                None => break *kind,
            }
        };
        let mute = match kind {
            Kind::Delete => 0,
            Kind::Sync => 1,
            Kind::Flush => 2,
            Kind::Compact => 3,
            Kind::Reopen => 4,
            Kind::Settle => 5,
            Kind::Hold => 6,
            Kind::Wipe => 7,
            _ => return kind,
        };
        match self.muted >> mute & 1 {
            0 => kind,
            _ => Kind::Put,
        }
    }
}

/// Turns steps into actions, one after the other.
struct Writer<'a> {
    script: &'a Script,
    /// How many keys were written: each value is another one, and so is each sequential key.
    writes: u32,
}

impl Writer<'_> {
    fn action(&mut self, (kind, a, b, _): Step) -> Action {
        let slot = usize::from(b >> 12) % SLOTS;
        match self.script.kind(kind) {
            Kind::Get => Action::Get(self.key(a)),
            Kind::Put => {
                let (key, value) = self.put(a, self.script.values.len(b));
                Action::Put(key, value)
            }
            Kind::Delete => Action::Delete(self.key(a)),
            Kind::Batch => Action::Batch(self.batch(a, b)),
            Kind::Refused => Action::Refused(self.refused(a, b)),
            Kind::Scan => Action::Scan(self.range(a, b)),
            Kind::Hold => Action::Hold(slot, self.range(a, b)),
            Kind::Advance => {
                let count = if b % 8 == 7 {
                    usize::MAX
                } else {
                    usize::from(b % 16)
                };
                Action::Advance(usize::from(a) % SLOTS, count)
            }
            Kind::Sync => Action::Sync,
            Kind::Flush => Action::Flush,
            Kind::Compact => Action::Compact,
            Kind::Settle => Action::Settle,
            Kind::Metrics => Action::Metrics,
            Kind::Wipe => Action::Wipe,
            Kind::Reopen => Action::Reopen {
                how: end(a, b),
                settings: usize::from(a) % SETS,
            },
        }
    }

    fn key(&self, number: u16) -> Bytes {
        self.script.keys.key(number, self.writes)
    }

    fn put(&mut self, number: u16, len: usize) -> (Bytes, Bytes) {
        let key = match self.script.keys {
            // Now and then an old one, too.
            Keys::Sequential if !number.is_multiple_of(8) => sequential_key(self.writes),
            _ => self.key(number),
        };
        self.writes += 1;
        (key, value(self.writes, len))
    }

    /// Up to seven operations on keys at equal distances, which may be none.
    fn batch(&mut self, a: u16, b: u16) -> Vec<Op> {
        let distance = b >> 3 & 7;
        let op = |i: u16| {
            let number = a.wrapping_add(i * distance);
            if b >> (6 + i) & 1 == 1 {
                return (self.key(number), None);
            }
            let (key, value) = self.put(number, usize::from(b >> i) % 50);
            (key, Some(value))
        };
        (0..b & 7).map(op).collect()
    }

    /// One key is too short or too long.
    fn refused(&mut self, a: u16, b: u16) -> Vec<Op> {
        let mut ops = if b & 1 == 0 {
            Vec::new()
        } else {
            self.batch(a, b)
        };
        let key = match b >> 1 & 1 {
            0 => Bytes::new(),
            _ => Bytes::from(vec![b'k'; LONGEST_KEY + 1]),
        };
        let value = (b >> 2 & 1 == 0).then(|| Bytes::from_static(b"value"));
        ops.push((key, value));
        ops
    }

    fn range(&self, a: u16, b: u16) -> Range {
        let distance = (b >> 6 & 63).wrapping_sub(8);
        Range {
            start: bound(b & 7, self.key(a)),
            end: bound(b >> 3 & 7, self.key(a.wrapping_add(distance))),
        }
    }
}

fn end(a: u16, b: u16) -> End {
    let plan = match b >> 3 & 7 {
        0 => CrashPlan::Lose,
        1 => CrashPlan::Keep,
        2 => CrashPlan::Zero,
        3 => CrashPlan::TornAfter {
            bytes: usize::from(a % 400),
        },
        4 => CrashPlan::TornAt {
            percent: (a % 101) as u8,
        },
        _ => CrashPlan::Random { seed: u64::from(a) },
    };
    match b & 7 {
        0 | 1 => End::Close,
        2 | 3 => End::Drop,
        _ => End::Cut(plan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_make_up_a_thousand() {
        assert_eq!(KINDS.iter().map(|(_, count)| count).sum::<u16>(), 1000);
    }
}
