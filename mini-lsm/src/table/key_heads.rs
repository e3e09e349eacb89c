//! Day 2 · Task 1 · Key heads: numbers that stand for the keys of an index in a search.
//!
//! A binary search over keys jumps to a key at every step, and each lies in another place of the
//! memory. Numbers that lie side by side are found in the processor's caches, and one comparison
//! decides between two of them. So an index keeps eight bytes of each key as a number: the first
//! eight in which the keys can differ at all.
//!
//! ```text
//! keys    user:0001:a   user:0007   user:1200:b      all begin with "user:"
//! heads   "0001:a"      "0007"      "1200:b"         as big-endian numbers, padded with zeros
//! ```
//!
//! A smaller head means a smaller key. Equal heads mean nothing, and the keys have to be compared.

use std::cmp::Ordering;
use std::ops::Range;

/// The heads of ascending keys.
// given
#[derive(Clone, Debug, Default)]
pub struct KeyHeads {
    /// What all the keys begin with.
    prefix: Vec<u8>,
    heads: Vec<u64>,
}

// given
impl KeyHeads {
    /// Those of `keys`, which ascend. 8 bytes of memory a key.
    pub fn new<'a>(keys: impl DoubleEndedIterator<Item = &'a [u8]> + Clone) -> Self {
        let mut ends = keys.clone();
        let first = ends.next().unwrap_or_default();
        let last = ends.next_back().unwrap_or(first);
        // All between the first and the last begin as these two do.
        let shared = first.iter().zip(last).take_while(|(a, b)| a == b).count();
        Self {
            prefix: first[..shared].to_vec(),
            heads: keys.map(|key| head(&key[shared..])).collect(),
        }
    }

    /// The numbers of the keys that have to be compared with `target`: those before them are
    /// smaller, those behind them greater. Mostly there are none.
    pub fn undecided(&self, target: &[u8]) -> Range<usize> {
        let count = self.heads.len();
        let (start, tail) = target.split_at(self.prefix.len().min(target.len()));
        match start.cmp(&self.prefix) {
            Ordering::Less => 0..0,
            Ordering::Greater => count..count,
            Ordering::Equal => {
                let head = head(tail);
                let from = self.heads.partition_point(|&other| other < head);
                let equal = &self.heads[from..];
                match equal.first() {
                    Some(&other) if other == head => {
                        from..from + equal.partition_point(|&other| other == head)
                    }
                    _ => from..from,
                }
            }
        }
    }
}

/// The first eight bytes as a number that is ordered as they are.
// given
fn head(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(head) => u64::from_be_bytes(*head),
        None => {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            u64::from_be_bytes(padded)
        }
    }
}
