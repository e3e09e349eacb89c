//! What the writers write: every value follows from who wrote it, with which version, under which key.
//!
//! Batch n of writer w gives version n to
//! - the keys of its *group*, which are spread over all keys. Every fifth version deletes them, but
//!   for the first, the *head*, by which the version is known all the same;
//! - the *shared* keys, to which the other writer gives its own versions;
//! - a few of the *fillers*, so that there is something to merge.

use anyhow::{Result, ensure};
use mini_lsm::WriteBatch;

use crate::history::show;

/// How many writers there are.
pub const WRITERS: usize = 2;
/// So many keys has a group.
pub const GROUP_LEN: usize = 8;
const SHARED: [usize; 2] = [2, 6];
const FILLERS: u64 = 150;
const FILLERS_A_BATCH: u64 = 4;
/// Of so many versions the last deletes the group.
const DELETING: u64 = 5;

/// A batch: its writer, and its number, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// The writer.
    pub writer: usize,
    /// The number of the batch.
    pub version: u64,
}

/// A key of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Key `place` of the group of a writer; place 0 is the head.
    Group { writer: usize, place: usize },
    /// One of the keys that all batches write.
    Shared { place: usize },
    /// One of the others.
    Filler { number: u64 },
}

impl Key {
    /// All keys of a group.
    pub fn group(writer: usize) -> impl Iterator<Item = Self> {
        (0..GROUP_LEN).map(move |place| Self::Group { writer, place })
    }

    /// All shared keys.
    pub fn shared() -> impl Iterator<Item = Self> {
        SHARED.into_iter().map(|place| Self::Shared { place })
    }

    /// Any key.
    pub fn random(rng: &mut fastrand::Rng) -> Self {
        match rng.u8(..8) {
            0 => Self::Shared {
                place: SHARED[rng.usize(..SHARED.len())],
            },
            1 => Self::Filler {
                number: rng.u64(..FILLERS),
            },
            _ => Self::Group {
                writer: rng.usize(..WRITERS),
                place: rng.usize(..GROUP_LEN),
            },
        }
    }

    /// As the store knows it. The place comes first, so that groups lie across each other.
    pub fn bytes(self) -> Vec<u8> {
        let text = match self {
            Self::Group { writer, place } => format!("{place}.w{writer}"),
            Self::Shared { place } => format!("{place}.s"),
            Self::Filler { number } => {
                format!("{}.f{number:03}", number % GROUP_LEN as u64)
            }
        };
        text.into_bytes()
    }

    /// The key that is spelt so.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (place, rest) = std::str::from_utf8(bytes).ok()?.split_once('.')?;
        let place = place.parse().ok()?;
        let key = match rest.split_at_checked(1)? {
            ("w", writer) => Self::Group {
                writer: writer.parse().ok()?,
                place,
            },
            ("s", "") => Self::Shared { place },
            ("f", number) => Self::Filler {
                number: number.parse().ok()?,
            },
            _ => return None,
        };
        (key.bytes() == bytes).then_some(key)
    }

    /// Whether a batch with this version deletes the key, which is in the group of its writer.
    pub fn is_deleted_by(self, version: u64) -> bool {
        match self {
            Self::Group { place, .. } => {
                version == 0 || (place > 0 && version.is_multiple_of(DELETING))
            }
            _ => false,
        }
    }

    /// The first version from `version` on at which this key of a group is not there.
    pub fn next_absence(self, version: u64) -> Option<u64> {
        match self {
            _ if version == 0 => Some(0),
            Self::Group { place: 1.., .. } => Some(version.next_multiple_of(DELETING)),
            _ => None,
        }
    }

    /// What the batch gives to this key, if that is one of its keys. Up to some 200 bytes.
    fn value(self, stamp: Stamp) -> Vec<u8> {
        let Stamp { writer, version } = stamp;
        let key = self.bytes();
        let mut value = format!("{writer}:{version}:").into_bytes();
        let seed = key.iter().fold(version, |seed, &byte| {
            seed.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let mut rng = fastrand::Rng::with_seed(seed);
        value.resize_with(value.len() + rng.usize(..180), || rng.alphanumeric() as u8);
        value
    }

    /// The batch that `value` comes from. An error if this key never had such a value.
    pub fn stamp_of(self, value: &[u8]) -> Result<Stamp> {
        let stamp = parse_stamp(value);
        let is_ours = stamp.is_some_and(|stamp| self.value(stamp) == value);
        ensure!(
            is_ours,
            "{} has the value {}, which nobody gave it",
            show(&self.bytes()),
            show(value)
        );
        Ok(stamp.expect("checked above"))
    }
}

fn parse_stamp(value: &[u8]) -> Option<Stamp> {
    let mut fields = value.splitn(3, |&byte| byte == b':');
    let mut number = || {
        std::str::from_utf8(fields.next()?)
            .ok()?
            .parse::<u64>()
            .ok()
    };
    let (writer, version) = (number()?, number()?);
    Some(Stamp {
        writer: usize::try_from(writer).ok()?,
        version,
    })
}

/// The batch with this stamp.
pub fn batch(stamp: Stamp) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for key in Key::group(stamp.writer) {
        match key.is_deleted_by(stamp.version) {
            true => batch.delete(&key.bytes()),
            false => batch.put(&key.bytes(), &key.value(stamp)),
        };
    }
    for key in Key::shared() {
        batch.put(&key.bytes(), &key.value(stamp));
    }
    for at in 0..FILLERS_A_BATCH {
        let number = (stamp.version * 7 + stamp.writer as u64 * 3 + at * 37) % FILLERS;
        let key = Key::Filler { number };
        match at {
            0 => batch.delete(&key.bytes()),
            _ => batch.put(&key.bytes(), &key.value(stamp)),
        };
    }
    batch
}
