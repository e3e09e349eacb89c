//! What a crash leaves of the changes that were not synced.

use std::sync::Arc;

use super::file::Content;

/// A file loses or keeps its unsynced bytes in pieces of this size, cut at multiples of it.
const BLOCK_LEN: usize = 4096;

/// What becomes of all that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPlan {
    /// All of it is lost.
    Lose,
    /// All of it is kept, as after a kill of the process.
    Keep,
    /// Names and lengths are kept, but all bytes read as zeros.
    Zero,
    /// Names are kept, and of each file's unsynced bytes the first so many.
    TornAfter {
        /// Unsynced bytes that are kept.
        bytes: usize,
    },
    /// Names are kept, and of each file's unsynced bytes the first so many in a hundred, rounded
    /// down.
    TornAt {
        /// 0 to 100.
        percent: u8,
    },
    /// Each change of a name, each file's length and each unsynced 4 KiB block is left to chance; a
    /// block may also be cut at any byte.
    Random {
        /// The same seed on the same file system makes the same choice.
        seed: u64,
    },
}

/// A crash plan at work.
pub(super) struct PowerCut<'a> {
    plan: &'a CrashPlan,
    chance: Chance,
}

impl<'a> PowerCut<'a> {
    pub(super) fn new(plan: &'a CrashPlan) -> Self {
        let seed = if let CrashPlan::Random { seed } = plan {
            *seed
        } else {
            0
        };
        Self {
            plan,
            chance: Chance(seed),
        }
    }

    /// Whether the next change of a name survives.
    pub(super) fn keeps_change(&mut self) -> bool {
        match self.plan {
            CrashPlan::Lose => false,
            CrashPlan::Random { .. } => self.chance.below(2) == 0,
            _ => true,
        }
    }

    /// What the next file holds afterwards.
    pub(super) fn remains_of(&mut self, file: &Content) -> Content {
        let unsynced = file.bytes.len() - file.synced_bytes;
        match *self.plan {
            CrashPlan::Lose => cut(file, file.synced_bytes, file.synced_len),
            CrashPlan::Keep => cut(file, file.bytes.len(), file.len),
            CrashPlan::Zero => cut(file, file.synced_bytes, file.len),
            CrashPlan::TornAfter { bytes } => tear(file, bytes.min(unsynced)),
            CrashPlan::TornAt { percent } => tear(file, unsynced * percent.min(100) as usize / 100),
            CrashPlan::Random { .. } => self.random_remains_of(file),
        }
    }

    fn random_remains_of(&mut self, file: &Content) -> Content {
        let len = match self.chance.below(3) {
            0 => file.synced_len,
            1 => file.len,
            _ => file.synced_len + self.chance.below(file.len - file.synced_len + 1),
        };
        let end = file.bytes.len().min(len as usize);
        if file.synced_bytes == end {
            return cut(file, end, len);
        }
        let mut bytes = file.bytes[..end].to_vec();
        let mut start = file.synced_bytes;
        while start < end {
            let block_end = end.min((start / BLOCK_LEN + 1) * BLOCK_LEN);
            let block = &mut bytes[start..block_end];
            let kept = match self.chance.below(4) {
                0 | 1 => block.len(),
                2 => 0,
                _ => self.chance.below(block.len() as u64) as usize,
            };
            block[kept..].fill(0);
            start = block_end;
        }
        Content::new(Arc::new(bytes), len)
    }
}

/// The first `count` bytes that were appended, in a file of length `len`.
fn cut(file: &Content, count: usize, len: u64) -> Content {
    let whole = count == file.bytes.len();
    let bytes = if whole {
        Arc::clone(&file.bytes)
    } else {
        Arc::new(file.bytes[..count].to_vec())
    };
    Content::new(bytes, len)
}

/// A file that ends after `kept` unsynced bytes, unless a longer length was synced.
fn tear(file: &Content, kept: usize) -> Content {
    let end = file.synced_bytes + kept;
    let len = if end == file.bytes.len() {
        file.len
    } else {
        file.synced_len.max(end as u64)
    };
    cut(file, end, len)
}

/// A small generator of numbers: SplitMix64 (Steele, Lea, Flood 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound` - 1; the bias is too small to matter here.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
