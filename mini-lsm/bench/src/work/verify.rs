//! Does a store hold what it has to? By scans, since they miss nothing.

use anyhow::Result;

use crate::data::{self, KeyWalk, WrongRead};
use crate::engine::Engine;
use crate::script::{Expected, LOADED, Script};
use crate::workloads::Base;

/// What a store has to hold.
pub enum Contents {
    /// The `n` keys of a load.
    Loaded { n: u64 },
    /// What a script makes of its base; computed only when it is asked for, since it takes time and memory.
    Replay { base: Base, n: u64, script: Script },
    /// What was kept track of.
    Known(Expected),
}

/// The whole store: every entry, every byte, and nothing else.
pub fn contents<E: Engine>(engine: &E, contents: Contents) -> Result<()> {
    match contents {
        Contents::Loaded { n } => {
            let expected = (0..n).map(|index| (data::present(index), LOADED));
            whole(engine, expected)
        }
        Contents::Replay { base, n, script } => {
            let start = match base {
                Base::Empty => Expected::empty(n),
                Base::Copy | Base::Shared => Expected::loaded(n),
            };
            let expected = start.replay(&script, script.ops);
            whole(engine, expected.entries(0))
        }
        Contents::Known(expected) => whole(engine, expected.entries(0)),
    }
}

/// Scans `count` entries of a loaded store from the `first`-th key on, `first + count` being no more than it has.
///
/// This is what the workloads that scan measure: keys are compared in full, values by two of their words.
pub fn loaded<E: Engine>(engine: &E, first: u64, count: u64) -> Result<()> {
    let mut walk = KeyWalk::from(first);
    let start = *walk.key();
    let mut left = count;
    let mut wrong = None;
    engine.scan(&start, |key, value| {
        wrong = check_step(&walk, key, value).err();
        walk.step();
        left -= 1;
        left > 0 && wrong.is_none()
    })?;
    match wrong {
        Some(wrong) => Err(wrong.into()),
        None if left > 0 => Err(ended_before(walk.number()).into()),
        None => Ok(()),
    }
}

/// Scans from key `from` on over `expected`, numbers and versions in order, and no further than it has to.
pub fn part<E: Engine>(
    engine: &E,
    from: u64,
    expected: impl Iterator<Item = (u64, u64)>,
) -> Result<()> {
    let mut expected = expected.peekable();
    let mut wrong = None;
    engine.scan(&data::key(from), |key, value| {
        if let Some((number, version)) = expected.next() {
            wrong = check_entry(number, version, key, value, data::check_quickly).err();
        }
        wrong.is_none() && expected.peek().is_some()
    })?;
    match (wrong, expected.next()) {
        (Some(wrong), _) => Err(wrong.into()),
        (None, Some((number, _))) => Err(ended_before(number).into()),
        (None, None) => Ok(()),
    }
}

pub fn expect_version(number: u64, found: u64, expected: u64) -> Result<(), WrongRead> {
    if found == expected {
        Ok(())
    } else {
        Err(WrongRead::new(format!(
            "key {number} has version {found}, expected {expected}"
        )))
    }
}

fn whole<E: Engine>(engine: &E, mut expected: impl Iterator<Item = (u64, u64)>) -> Result<()> {
    let mut wrong = None;
    engine.scan(&data::key(0), |key, value| {
        wrong = match expected.next() {
            Some((number, version)) => check_entry(number, version, key, value, data::check).err(),
            None => Some(WrongRead::new(format!(
                "a scan found {} past the last key",
                String::from_utf8_lossy(key)
            ))),
        };
        wrong.is_none()
    })?;
    match (wrong, expected.next()) {
        (Some(wrong), _) => Err(wrong.into()),
        (None, Some((number, _))) => Err(ended_before(number).into()),
        (None, None) => Ok(()),
    }
}

fn check_step(walk: &KeyWalk, key: &[u8], value: &[u8]) -> Result<(), WrongRead> {
    if key != walk.key() {
        return Err(out_of_place(key, walk.number()));
    }
    let version = data::check_quickly(walk.number(), value)?;
    expect_version(walk.number(), version, LOADED)
}

fn check_entry(
    number: u64,
    version: u64,
    key: &[u8],
    value: &[u8],
    check: fn(u64, &[u8]) -> Result<u64, WrongRead>,
) -> Result<(), WrongRead> {
    if key != data::key(number) {
        return Err(out_of_place(key, number));
    }
    expect_version(number, check(number, value)?, version)
}

fn ended_before(number: u64) -> WrongRead {
    WrongRead::new(format!("a scan ended before key {number}"))
}

fn out_of_place(key: &[u8], number: u64) -> WrongRead {
    let found = String::from_utf8_lossy(key);
    WrongRead::new(format!("a scan found key {found}, expected {number}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::engine::Settings;

    /// An engine that says what the test wants it to say.
    struct Puppet(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Puppet {
        fn loaded(n: u64) -> Self {
            let entry = |index| {
                let number = data::present(index);
                let value = data::value(number, LOADED);
                (data::key(number).to_vec(), value.to_vec())
            };
            Self((0..n).map(entry).collect())
        }

        fn verdicts(&self, n: u64) -> [bool; 3] {
            let entries = (0..n).map(|index| (data::present(index), LOADED));
            [
                contents(self, Contents::Loaded { n }).is_ok(),
                loaded(self, 0, n).is_ok(),
                part(self, 0, entries).is_ok(),
            ]
        }
    }

    impl Engine for Puppet {
        fn open(_: &Path, _: &Settings) -> Result<Self> {
            Ok(Self(BTreeMap::new()))
        }
        fn facts(&self, _: &Path) -> Vec<String> {
            Vec::new()
        }
        fn put(&self, _: &[u8], _: &[u8]) -> Result<()> {
            Ok(())
        }
        fn delete(&self, _: &[u8]) -> Result<()> {
            Ok(())
        }
        fn get<R>(&self, key: &[u8], see: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
            Ok(self.0.get(key).map(|value| see(value)))
        }
        fn scan(&self, from: &[u8], mut see: impl FnMut(&[u8], &[u8]) -> bool) -> Result<()> {
            let _ = self
                .0
                .range(from.to_vec()..)
                .all(|(key, value)| see(key, value));
            Ok(())
        }
        fn compact(&mut self) -> Result<()> {
            Ok(())
        }
        fn close(self) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_store_as_loaded_passes() {
        assert_eq!(Puppet::loaded(20).verdicts(20), [true; 3]);
    }

    #[test]
    fn a_lost_key_is_noticed_first_in_the_middle_and_last() {
        for index in [0, 7, 19] {
            let mut store = Puppet::loaded(20);
            store.0.remove(data::key(data::present(index)).as_slice());
            assert_eq!(store.verdicts(20), [false; 3], "without key {index}");
        }
    }

    #[test]
    fn an_old_version_and_another_keys_value_are_noticed() {
        let key = data::key(data::present(7)).to_vec();
        for value in [data::value(14, LOADED + 1), data::value(16, LOADED)] {
            let mut store = Puppet::loaded(20);
            store.0.insert(key.clone(), value.to_vec());
            assert_eq!(store.verdicts(20), [false; 3]);
        }
    }

    #[test]
    fn a_key_too_many_is_noticed() {
        let mut store = Puppet::loaded(20);
        store
            .0
            .insert(data::key(15).to_vec(), data::value(15, 1).to_vec());
        assert_eq!(store.verdicts(20), [false; 3], "in the middle");
        let store = Puppet::loaded(21);
        assert_eq!(
            store.verdicts(20),
            [false, true, true],
            "past the end of a part"
        );
    }
}
