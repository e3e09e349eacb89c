//! What a store may hold: the states that its writes led through, and how much of them was promised.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use mini_lsm::{LsmStorage, WriteBatch};

/// Keys and values.
pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// One operation: a put, or a delete where there is no value.
pub type Op = (Vec<u8>, Option<Vec<u8>>);

/// The states after 0, 1, 2, … writes.
#[derive(Clone, Debug)]
pub struct History {
    /// The states after fewer writes are forgotten.
    first: usize,
    /// Never empty.
    states: Vec<Map>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            first: 0,
            states: vec![Map::new()],
        }
    }
}

impl History {
    /// A store that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a write, which is applied as a whole, and gives the batch that does it.
    pub fn write(&mut self, ops: &[Op]) -> WriteBatch {
        let mut state = self.last().clone();
        let mut batch = WriteBatch::new();
        for (key, value) in ops {
            match value {
                Some(value) => {
                    batch.put(key, value);
                    state.insert(key.clone(), value.clone());
                }
                None => {
                    batch.delete(key);
                    state.remove(key);
                }
            }
        }
        self.states.push(state);
        batch
    }

    /// How many writes there have been.
    pub fn len(&self) -> usize {
        self.first + self.states.len() - 1
    }

    /// Whether there has been none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The state after all writes.
    pub fn last(&self) -> &Map {
        self.states.last().expect("never empty")
    }

    /// The state after `count` writes.
    pub fn state(&self, count: usize) -> &Map {
        &self.states[count - self.first]
    }

    /// The states after fewer than `count` writes will not be asked for any more: each takes as much
    /// memory as the store holds.
    pub fn forget_before(&mut self, count: usize) {
        let forgotten = count.min(self.len()).saturating_sub(self.first);
        self.states.drain(..forgotten);
        self.first += forgotten;
    }

    /// The number of writes that lead to `map`, which must be one from `floor` to `ceiling`.
    pub fn locate(&self, map: &Map, floor: usize, ceiling: usize) -> Result<usize> {
        if let Some(found) = (floor..=ceiling).rev().find(|&n| self.state(n) == map) {
            return Ok(found);
        }
        let beside = difference(self.state(floor), map);
        match (self.first..=self.len()).find(|&n| self.state(n) == map) {
            Some(n) => bail!(
                "the store holds the state after write {n}, expected one from write {floor} (which had to survive) to {ceiling} (the last that was begun): {beside}"
            ),
            None => bail!(
                "the store holds a state that no number of whole writes leads to; beside that after write {floor}: {beside}"
            ),
        }
    }
}

/// Everything that `store` holds, by a scan; gets must agree.
pub fn read_all(store: &LsmStorage) -> Result<Map> {
    let mut map = Map::new();
    let mut scan = store.scan(..).context("scan(..) failed")?;
    while scan.is_valid() {
        let (key, value) = (scan.key().to_vec(), scan.value().to_vec());
        if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
            bail!("scan(..) gives {} out of order", show(&key));
        }
        map.insert(key, value);
        scan.next().context("next() of scan(..) failed")?;
    }
    for (key, value) in &map {
        let got = store.get(key).context("get failed")?;
        if got.as_deref() != Some(value.as_slice()) {
            bail!("scan(..) shows {}, and get does not agree", show(key));
        }
    }
    Ok(map)
}

/// One to five operations on `key_count` keys, so that they overwrite each other.
pub fn random_ops(rng: &mut Rng, key_count: usize, value_len: usize) -> Vec<Op> {
    let count = if rng.u8(..4) == 0 { rng.usize(2..6) } else { 1 };
    let op = |_| {
        let key = key(rng.usize(..key_count));
        let value = match rng.u8(..10) {
            0..3 => None,
            3 => Some(Vec::new()),
            _ => Some((0..rng.usize(..=value_len)).map(|_| rng.u8(..)).collect()),
        };
        (key, value)
    };
    (0..count).map(op).collect()
}

/// Key number `index`.
pub fn key(index: usize) -> Vec<u8> {
    format!("key{index:05}").into_bytes()
}

/// The first key on which two states differ.
pub fn difference(expected: &Map, got: &Map) -> String {
    let tell = |value: Option<&Vec<u8>>| value.map_or_else(|| "nothing".to_owned(), |v| show(v));
    let mut keys = expected.keys().chain(got.keys());
    match keys.find(|key| expected.get(*key) != got.get(*key)) {
        Some(key) => format!(
            "{} is {}, beside {}",
            show(key),
            tell(got.get(key)),
            tell(expected.get(key))
        ),
        None => "no difference".to_owned(),
    }
}

/// Bytes as text, the beginning of them.
pub fn show(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(40)];
    let dots = if shown.len() < bytes.len() { "..." } else { "" };
    format!("\"{}{dots}\"", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_changes_no_number() {
        let mut history = History::new();
        for index in 0..5 {
            history.write(&[(key(index), Some(Vec::new()))]);
        }
        let maps: Vec<Map> = (0..=5).map(|count| history.state(count).clone()).collect();
        for (forgotten, least) in [(1, 1), (3, 3), (2, 3), (9, 5)] {
            history.forget_before(forgotten);
            assert_eq!(history.len(), 5);
            for (count, map) in maps.iter().enumerate().skip(least) {
                assert_eq!(history.state(count), map);
                assert_eq!(history.locate(map, count, 5).unwrap(), count);
            }
        }
        assert!(history.locate(&maps[0], 5, 5).is_err());
    }
}
