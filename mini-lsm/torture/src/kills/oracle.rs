//! What must be there after a kill, and what may be.

use anyhow::{Context, Result, ensure};

use super::plan::{LAST, Plan, decode, encode, head_key, lane_of};
use super::words::Word;
use crate::history::{Map, difference};
use crate::tally::Tally;

/// Follows a store from kill to kill.
pub struct Oracle {
    plan: Plan,
    lanes: Vec<Lane>,
}

/// Of one thread's batches.
#[derive(Debug, Default)]
struct Lane {
    /// So many must be there: they returned.
    floor: usize,
    /// One more may be, while a process writes: a thread begins a batch when the last one has
    /// returned and this was told.
    ceiling: usize,
    /// The state after the first `applied`, those that were there at the last check.
    map: Map,
    applied: usize,
}

impl Oracle {
    /// Nothing written yet.
    pub fn new(plan: Plan) -> Self {
        let lanes = (0..plan.lanes).map(|_| Lane::default()).collect();
        Self { plan, lanes }
    }

    /// Takes in what a process has said.
    pub fn hear(&mut self, word: &Word) -> Result<()> {
        match word {
            Word::Open(counts) => {
                for (lane, &count) in counts.iter().enumerate() {
                    self.settle(lane, count).context("the writing process")?;
                    self.lanes[lane].ceiling = count + 1;
                }
            }
            Word::Done(lane, number) => {
                let lane = &mut self.lanes[*lane];
                ensure!(*number == lane.floor + 1, "{word:?} comes after {lane:?}");
                (lane.floor, lane.ceiling) = (*number, number + 1);
            }
            _ => {}
        }
        Ok(())
    }

    /// `map` is what the store holds after a kill.
    pub fn check(&mut self, map: &Map, tally: &mut Tally) -> Result<()> {
        let mut parts = vec![Map::new(); self.lanes.len()];
        for (key, value) in map.iter().filter(|(key, _)| *key != LAST) {
            let part = lane_of(key).and_then(|lane| parts.get_mut(lane));
            part.context("the store holds a key that nobody wrote")?
                .insert(key.clone(), value.clone());
        }
        let mut heads = Vec::new();
        for (lane, part) in parts.iter_mut().enumerate() {
            let head = match part.remove(&head_key(lane)) {
                Some(value) => decode(&value).context("a head that is none")?,
                None => vec![0; self.lanes.len() + 1],
            };
            let untold = head[0].saturating_sub(self.lanes[lane].floor);
            tally.count("batches there before they were told of", untold as u64);
            self.settle(lane, head[0])?;
            self.check_part(lane, part)?;
            heads.push(head);
        }
        let counts: Vec<usize> = heads.iter().map(|head| head[0]).collect();
        check_order(&heads, &counts)?;
        check_last(map, &counts)
    }

    /// There are `count` batches of a thread: from now on there are no fewer and no more.
    fn settle(&mut self, lane: usize, count: usize) -> Result<()> {
        let Lane { floor, ceiling, .. } = self.lanes[lane];
        ensure!(
            (floor..=ceiling).contains(&count),
            "of thread {lane} the store holds {count} batches, but {floor} had returned before the kill, and {ceiling} been begun"
        );
        (self.lanes[lane].floor, self.lanes[lane].ceiling) = (count, count);
        Ok(())
    }

    /// What is there is those batches, whole.
    fn check_part(&mut self, lane: usize, part: &Map) -> Result<()> {
        let state = &mut self.lanes[lane];
        for number in state.applied + 1..=state.floor {
            for (key, value) in self.plan.ops(lane, number) {
                match value {
                    Some(value) => state.map.insert(key, value),
                    None => state.map.remove(&key),
                };
            }
        }
        state.applied = state.floor;
        ensure!(
            state.map == *part,
            "of thread {lane} the store should hold {} batches: {}",
            state.floor,
            difference(&state.map, part)
        );
        Ok(())
    }
}

/// A batch is there: then so are those that had returned when it was begun.
fn check_order(heads: &[Vec<usize>], counts: &[usize]) -> Result<()> {
    for head in heads {
        let is_kept = head[1..]
            .iter()
            .zip(counts)
            .all(|(least, count)| least <= count);
        ensure!(
            is_kept,
            "a batch is there that was begun when {:?} had returned, but the store holds {counts:?}",
            &head[1..]
        );
    }
    Ok(())
}

/// The key that all threads set was set last by the last batch of one of them.
fn check_last(map: &Map, counts: &[usize]) -> Result<()> {
    let mut lasts = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let is_right = match map.get(LAST) {
        None => lasts.next().is_none(),
        Some(found) => lasts.any(|(lane, &count)| *found == encode(lane, &[count])),
    };
    let found = map.get(LAST).map(|value| value.escape_ascii().to_string());
    ensure!(
        is_right,
        "the store holds {counts:?} batches, but the key that all of them set is {found:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use mini_lsm::fs::MemFs;
    use mini_lsm::{LsmOptions, LsmStorage};

    use super::*;
    use crate::history::read_all;

    /// The state after so many batches of the only thread.
    fn state(plan: Plan, count: usize) -> Map {
        let fs = std::sync::Arc::new(MemFs::new());
        let store = LsmStorage::open("/store", LsmOptions::for_test(fs)).unwrap();
        for number in 1..=count {
            let batch = plan.batch(0, number, &[number - 1]);
            store.write(batch).unwrap();
        }
        read_all(&store).unwrap()
    }

    #[test]
    fn what_was_told_must_be_there_and_no_more_than_one_besides() {
        let plan = (0..).map(Plan::new).find(|plan| plan.lanes == 1).unwrap();
        let after_three = || {
            let mut oracle = Oracle::new(plan);
            oracle.hear(&Word::Open(vec![0])).unwrap();
            for number in 1..=3 {
                oracle.hear(&Word::Done(0, number)).unwrap();
            }
            oracle
        };
        let check = |map: &Map| after_three().check(map, &mut Tally::new());
        assert!(check(&state(plan, 2)).is_err());
        assert!(check(&state(plan, 3)).is_ok());
        assert!(check(&state(plan, 4)).is_ok());
        assert!(check(&state(plan, 5)).is_err());
        let mut damaged = state(plan, 3);
        damaged.insert(b"a-key00000".to_vec(), b"something else".to_vec());
        assert!(check(&damaged).is_err());
        let mut damaged = state(plan, 3);
        damaged.remove(LAST);
        assert!(check(&damaged).is_err());
    }
}
