//! What can happen to a file.

use std::fmt;

use fastrand::Rng;

use super::fixture::Fixture;

/// One way to damage one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// These bits of a byte are inverted.
    Flip { at: usize, mask: u8 },
    /// A byte becomes zero.
    Zero { at: usize },
    /// The file ends here.
    Truncate { at: usize },
    /// Everything from here on reads as zeros.
    ZeroFrom { at: usize },
    /// So many bytes of garbage follow the last.
    Garbage { len: usize },
    /// So many zeros follow the last.
    Zeros { len: usize },
    /// The file's own bytes follow once more.
    Doubled,
    /// The file holds what another one does.
    Replaced { by: usize },
    /// The file holds nothing.
    Empty,
    /// The file is gone.
    Deleted,
}

impl Damage {
    /// What the file number `file` of `fixture` holds then; `None` if it is gone.
    pub fn apply(self, fixture: &Fixture, file: usize) -> Option<Vec<u8>> {
        let mut bytes = fixture.files[file].1.clone();
        match self {
            Self::Flip { at, mask } => bytes[at] ^= mask,
            Self::Zero { at } => bytes[at] = 0,
            Self::Truncate { at } => bytes.truncate(at),
            Self::ZeroFrom { at } => bytes[at..].fill(0),
            Self::Garbage { len } => {
                let mut rng = Rng::with_seed(len as u64);
                bytes.extend((0..len).map(|_| rng.u8(..)));
            }
            Self::Zeros { len } => bytes.resize(bytes.len() + len, 0),
            Self::Doubled => bytes.extend_from_within(..),
            Self::Replaced { by } => bytes.clone_from(&fixture.files[by].1),
            Self::Empty => bytes.clear(),
            Self::Deleted => return None,
        }
        Some(bytes)
    }
}

/// What happens to the byte `at` in a pass: first one of its bits is flipped, and what else there is;
/// then all of its bits, one a pass; then all at once.
pub fn of_a_byte(at: usize, pass: u64, rng: &mut Rng) -> Vec<Damage> {
    match pass {
        0 => vec![
            Damage::Flip {
                at,
                mask: 1 << rng.u8(..8),
            },
            Damage::Zero { at },
            Damage::Truncate { at },
            Damage::ZeroFrom { at },
        ],
        1..=8 => vec![Damage::Flip {
            at,
            mask: 1 << (pass - 1),
        }],
        _ => vec![Damage::Flip { at, mask: 0xff }],
    }
}

/// What can happen to a whole file.
pub fn of_a_file(fixture: &Fixture, file: usize) -> Vec<Damage> {
    let lens = [1, 4, 19, 20, 36, 300, 4096, 70_000];
    let mut damages = vec![Damage::Empty, Damage::Deleted, Damage::Doubled];
    damages.extend(lens.map(|len| Damage::Garbage { len }));
    damages.extend(lens.map(|len| Damage::Zeros { len }));
    let others = (0..fixture.files.len()).filter(|&other| other != file);
    damages.extend(others.map(|by| Damage::Replaced { by }));
    damages
}

/// A file of a store and its damage.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The store.
    pub fixture: &'a Fixture,
    /// The number of the file.
    pub file: usize,
    /// What happens to it.
    pub damage: Damage,
}

impl<'a> Case<'a> {
    /// The name of the file.
    pub fn name(&self) -> &'a str {
        &self.fixture.files[self.file].0
    }

    /// What the file holds without the damage.
    pub fn original(&self) -> &'a [u8] {
        &self.fixture.files[self.file].1
    }
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (store, name, damage) = (self.fixture.name, self.name(), self.damage);
        let len = self.original().len();
        write!(f, "{store} store, {name} of {len} bytes, {damage:?}")
    }
}
