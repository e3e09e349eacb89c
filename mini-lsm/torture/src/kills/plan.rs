//! What is written, known to both sides: it follows from the seed of the round.
//!
//! Each thread of the writing process has keys of its own and writes batch 1, 2, 3, … to them. Two
//! keys in each batch do not follow from the seed:
//!
//! | key      | value                                                                    |
//! |----------|--------------------------------------------------------------------------|
//! | `b-head` | the number of the batch, then for each thread how many had returned when it was begun |
//! | `~last`  | the thread and the number of its batch; written by all                    |

use fastrand::Rng;
use mini_lsm::WriteBatch;

use crate::draw::pick;
use crate::history::{Op, random_ops};

/// How many keys each thread has.
const KEY_COUNT: usize = 40;
/// Set by every batch of every thread.
pub const LAST: &[u8] = b"~last";

/// The writes of a round.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    seed: u64,
    /// How many threads write.
    pub lanes: usize,
}

impl Plan {
    /// That of a round.
    pub fn new(seed: u64) -> Self {
        let lanes = pick(&mut Rng::with_seed(seed), &[1, 1, 2, 3, 4]);
        Self { seed, lanes }
    }

    /// Batch `number` of a thread, without head and last.
    pub fn ops(&self, lane: usize, number: usize) -> Vec<Op> {
        let mut seeds = Rng::with_seed(self.seed);
        let seed = seeds.u64(..) ^ ((lane as u64) << 48) ^ number as u64;
        let mut rng = Rng::with_seed(seed);
        // Now and then more than a page, which a kill may tear.
        let value_len = pick(&mut rng, &[8, 40, 40, 200, 20_000]);
        // Now and then a batch that takes a while, so that a kill falls into it.
        let parts = if rng.u8(..8) == 0 { 100 } else { 1 };
        (0..parts)
            .flat_map(|_| random_ops(&mut rng, KEY_COUNT, value_len / parts))
            .map(|(key, value)| (own_key(lane, &key), value))
            .collect()
    }

    /// The whole batch; `returned` is how many batches of each thread had returned before.
    pub fn batch(&self, lane: usize, number: usize, returned: &[usize]) -> WriteBatch {
        let mut batch = WriteBatch::new();
        batch.put(&head_key(lane), &encode(number, returned));
        for (key, value) in self.ops(lane, number) {
            match value {
                Some(value) => batch.put(&key, &value),
                None => batch.delete(&key),
            };
        }
        batch.put(LAST, &encode(lane, &[number]));
        batch
    }
}

/// The key that counts the batches of a thread.
pub fn head_key(lane: usize) -> Vec<u8> {
    own_key(lane, b"head")
}

/// Whose key it is.
pub fn lane_of(key: &[u8]) -> Option<usize> {
    usize::from(*key.first()?).checked_sub(usize::from(b'a'))
}

/// Numbers as the value of a key.
pub fn encode(first: usize, rest: &[usize]) -> Vec<u8> {
    let mut text = first.to_string();
    for number in rest {
        text += &format!(" {number}");
    }
    text.into_bytes()
}

/// The numbers in a value; `None` if it holds anything else.
pub fn decode(value: &[u8]) -> Option<Vec<usize>> {
    let text = std::str::from_utf8(value).ok()?;
    text.split(' ').map(|number| number.parse().ok()).collect()
}

fn own_key(lane: usize, name: &[u8]) -> Vec<u8> {
    [&[b'a' + lane as u8, b'-'], name].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::key;

    #[test]
    fn a_plan_follows_from_its_seed() {
        assert_eq!(Plan::new(3).ops(1, 7), Plan::new(3).ops(1, 7));
        assert_ne!(Plan::new(3).ops(1, 7), Plan::new(3).ops(0, 7));
        let key = key(0);
        assert_eq!(lane_of(&own_key(2, &key)), Some(2));
        assert_eq!(decode(&encode(3, &[1, 2])), Some(vec![3, 1, 2]));
        assert_eq!(decode(b"3 x"), None);
    }
}
