//! What the store may hold: the writes of each writer, how many of them must be there, and how many may.
//!
//! A round has one writer or several. Each has keys of its own, so that what is there of its writes
//! can be told from the others'. The commit order of several writers is not known from outside, but
//! a part of it is: what had returned when a write began comes before it. Two more keys show that it
//! was kept:
//!
//! | key          | value                                    | written by             |
//! |--------------|------------------------------------------|------------------------|
//! | `b-head`     | the number of the write                  | every write of `b`     |
//! | `~last`      | the writer and the number of its write   | every write of anybody |
//!
//! `~last` must be the last write of the one who wrote it: otherwise log and memory disagree.

use anyhow::{Context, Result, bail, ensure};
use mini_lsm::WriteBatch;

use crate::history::{History, Map, Op, key, show};

/// For each writer: so many of its writes.
pub type Counts = Vec<usize>;

/// How many keys each writer has.
pub const KEY_COUNT: usize = 14;

const LAST: &[u8] = b"~last";

/// All writes of a round.
#[derive(Debug)]
pub struct Model {
    lanes: Vec<Lane>,
}

/// The writes of one writer.
#[derive(Debug, Default)]
struct Lane {
    /// Of all that were begun.
    history: History,
    writes: Vec<Write>,
    returned: usize,
    durable: usize,
}

#[derive(Clone, Debug)]
struct Write {
    ops: Vec<Op>,
    /// What had returned when it began.
    after: Counts,
}

/// What recovery tells of itself.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// The sequence number up to which everything was in tables.
    pub last_flushed_seq: u64,
    /// So many batches came from logs.
    pub batch_count: u64,
}

impl Model {
    /// Nothing written yet.
    pub fn new(lane_count: usize) -> Self {
        Self {
            lanes: (0..lane_count).map(|_| Lane::default()).collect(),
        }
    }

    /// Notes that a writer begins a write with `ops`, on its own keys, and gives the batch.
    pub fn begin(&mut self, lane: usize, ops: &[Op]) -> WriteBatch {
        let own = |(key, value): &Op| (own_key(lane, key), value.clone());
        let mut ops: Vec<Op> = ops.iter().map(own).collect();
        let number = self.lanes[lane].writes.len() + 1;
        let is_alone = self.lanes.len() == 1;
        if !is_alone {
            let head = number.to_string().into_bytes();
            ops.push((own_key(lane, b"head"), Some(head)));
        }
        let after = self.returned();
        let mut batch = self.lanes[lane].history.write(&ops);
        if !is_alone {
            batch.put(LAST, &last_value(lane, number));
        }
        self.lanes[lane].writes.push(Write { ops, after });
        batch
    }

    /// Notes that the last write of `lane` has returned, and whether it survives a power cut.
    pub fn end(&mut self, lane: usize, is_durable: bool) {
        let lane = &mut self.lanes[lane];
        lane.returned = lane.writes.len();
        if is_durable {
            lane.durable = lane.returned;
        }
    }

    /// How many writes have returned.
    pub fn returned(&self) -> Counts {
        self.lanes.iter().map(|lane| lane.returned).collect()
    }

    /// How many must survive a power cut.
    pub fn durable(&self) -> Counts {
        self.lanes.iter().map(|lane| lane.durable).collect()
    }

    /// How many have been begun.
    pub fn begun(&self) -> Counts {
        self.lanes.iter().map(|lane| lane.history.len()).collect()
    }

    /// From now on these must survive a power cut.
    pub fn now_durable(&mut self, counts: &[usize]) {
        for (lane, &count) in self.lanes.iter_mut().zip(counts) {
            lane.durable = lane.durable.max(count);
        }
    }

    /// A crash has left these: there are no others, and recovery has made them durable.
    pub fn go_on_from(&mut self, counts: &[usize]) {
        for (lane, &count) in self.lanes.iter_mut().zip(counts) {
            lane.writes.truncate(count);
            lane.history = History::new();
            for write in &lane.writes {
                lane.history.write(&write.ops);
            }
            (lane.returned, lane.durable) = (count, count);
        }
    }

    /// Which writes lead to `map`, the state of a store after a recovery. There must be at least
    /// `floor` of them and at most `ceiling`, whole, and in an order in which they can have been
    /// committed.
    pub fn locate(
        &self,
        map: &Map,
        floor: &[usize],
        ceiling: &[usize],
        replay: Replay,
    ) -> Result<Counts> {
        if let [lane] = &self.lanes[..] {
            return Ok(vec![
                lane.locate_by_report(map, floor[0], ceiling[0], replay)?,
            ]);
        }
        let mut parts = vec![Map::new(); self.lanes.len()];
        for (key, value) in map.iter().filter(|(key, _)| *key != LAST) {
            let lane = usize::from(key[0]).wrapping_sub(usize::from(b'a'));
            let Some(part) = parts.get_mut(lane) else {
                bail!("the store holds {}, which nobody wrote", show(key));
            };
            part.insert(key.clone(), value.clone());
        }
        let mut counts = Counts::new();
        for (index, (lane, part)) in self.lanes.iter().zip(&parts).enumerate() {
            let count = lane.history.locate(part, floor[index], ceiling[index]);
            counts.push(count.with_context(|| format!("of writer {index}"))?);
        }
        self.check_order(&counts)?;
        self.check_last(&counts, map.get(LAST))?;
        Ok(counts)
    }

    /// Every key that may be there.
    pub fn keys(&self) -> impl Iterator<Item = Vec<u8>> + use<> {
        let of_lane = |lane| (0..KEY_COUNT).map(move |index| own_key(lane, &key(index)));
        (0..self.lanes.len()).flat_map(of_lane)
    }

    /// A write is there: then so is all that had returned when it began.
    fn check_order(&self, counts: &[usize]) -> Result<()> {
        for (lane, &count) in self.lanes.iter().zip(counts) {
            let Some(last) = lane.writes[..count].last() else {
                continue;
            };
            for (other, (&least, &found)) in last.after.iter().zip(counts).enumerate() {
                ensure!(
                    found >= least,
                    "of writer {other} there are {found} writes, but a later one of another writer, which began when {least} had returned, is there: no prefix of the commit order"
                );
            }
        }
        Ok(())
    }

    fn check_last(&self, counts: &[usize], found: Option<&Vec<u8>>) -> Result<()> {
        let mut allowed = (0..).zip(counts).filter(|(_, count)| **count > 0);
        let is_right = match found {
            None => allowed.next().is_none(),
            Some(found) => allowed.any(|(lane, &count)| *found == last_value(lane, count)),
        };
        ensure!(
            is_right,
            "of the writers {counts:?} writes are there, but the key that each of these set was set last by {}",
            found.map_or_else(|| "nobody".to_owned(), |value| show(value))
        );
        Ok(())
    }
}

impl Lane {
    /// With one writer the order of all writes is known, and recovery says how many it found.
    fn locate_by_report(
        &self,
        map: &Map,
        floor: usize,
        ceiling: usize,
        replay: Replay,
    ) -> Result<usize> {
        let found = self.history.locate(map, floor, ceiling)?;
        let mut seq = 0;
        let in_tables = self.writes.iter().take_while(|write| {
            seq += write.ops.len() as u64;
            seq <= replay.last_flushed_seq
        });
        let told = in_tables.count() + replay.batch_count as usize;
        ensure!(
            (floor..=ceiling).contains(&told) && self.history.state(told) == map,
            "the store holds the state after write {found}, but what recovery says of itself ({replay:?}) adds up to {told}"
        );
        Ok(told)
    }
}

/// What `key` is called among the keys of `lane`.
pub fn own_key(lane: usize, key: &[u8]) -> Vec<u8> {
    [&[b'a' + lane as u8, b'-'], key].concat()
}

fn last_value(lane: usize, number: usize) -> Vec<u8> {
    format!("{number} of {lane}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_REPLAY: Replay = Replay {
        last_flushed_seq: 0,
        batch_count: 0,
    };

    fn map(entries: &[(&str, &str)]) -> Map {
        let own = |text: &str| text.as_bytes().to_vec();
        entries.iter().map(|(k, v)| (own(k), own(v))).collect()
    }

    fn put(index: usize) -> [Op; 1] {
        [(key(index), Some(b"v".to_vec()))]
    }

    #[test]
    fn a_write_without_one_that_had_returned_before_is_found_out() {
        let mut model = Model::new(2);
        model.begin(0, &put(1));
        model.end(0, false);
        model.begin(1, &put(1));
        let both = [
            ("a-key00001", "v"),
            ("a-head", "1"),
            ("b-key00001", "v"),
            ("b-head", "1"),
            ("~last", "1 of 1"),
        ];
        let locate = |map: &Map| model.locate(map, &[0, 0], &[1, 1], NO_REPLAY);
        assert_eq!(locate(&map(&both)).unwrap(), [1, 1]);
        assert!(locate(&map(&both[2..])).is_err());
        assert!(locate(&map(&both[..4])).is_err());
        assert!(locate(&map(&both[1..])).is_err());
    }

    #[test]
    fn of_one_writer_recovery_must_count_right() {
        let mut model = Model::new(1);
        model.begin(0, &put(1));
        model.begin(0, &[(key(2), None)]);
        let state = map(&[("a-key00001", "v")]);
        let locate = |last_flushed_seq, batch_count| {
            let replay = Replay {
                last_flushed_seq,
                batch_count,
            };
            model.locate(&state, &[0], &[2], replay)
        };
        assert_eq!(locate(0, 1).unwrap(), [1]);
        assert_eq!(locate(1, 1).unwrap(), [2]);
        assert!(locate(0, 0).is_err());
        assert!(locate(2, 1).is_err());
    }
}
