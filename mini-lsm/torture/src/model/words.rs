//! Keys, values and ranges, made from the numbers that proptest draws.

use std::ops::Bound;

use bytes::Bytes;

/// The longest key that a store takes.
pub const LONGEST_KEY: usize = 65_535;
const MIB: usize = 1 << 20;

/// How a script chooses its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Eight, which are overwritten all the time.
    Hot,
    /// 256.
    Few,
    /// Short ones of any bytes, hardly ever the same twice.
    Many,
    /// Each new one is greater than all before it.
    Sequential,
    /// Long common beginnings; some keys begin with others.
    SharedPrefix,
    /// As long as a key may be.
    Longest,
}

/// How a script chooses the lengths of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Up to 39 bytes.
    Short,
    /// Some are larger than the usual block.
    Mixed,
    /// One in 64 has some MiB.
    Large,
}

impl Keys {
    /// From any number.
    pub fn new(number: u8) -> Self {
        match number {
            0..48 => Self::Hot,
            48..120 => Self::Few,
            120..160 => Self::Many,
            160..206 => Self::Sequential,
            206..254 => Self::SharedPrefix,
            254.. => Self::Longest,
        }
    }

    /// The key that `number` stands for. Of sequential keys those below `next` were written, and
    /// that is the next one.
    pub fn key(self, number: u16, next: u32) -> Bytes {
        let number = usize::from(number);
        match self {
            Self::Hot => numbered("key", number % 8),
            Self::Few => numbered("key", number % 256),
            Self::Sequential => sequential_key(number as u32 % (next + 1)),
            Self::Many => {
                let [high, low] = (number as u16).to_be_bytes();
                match number % 3 {
                    0 => Bytes::from(vec![high]),
                    1 => Bytes::from(vec![high, low]),
                    _ => Bytes::from(vec![high, 0, low, 0xff]),
                }
            }
            Self::SharedPrefix => {
                let prefix = "fruit/apple/".repeat(1 + number % 4);
                match number / 4 % 16 {
                    0 => Bytes::from(prefix),
                    _ => numbered(&prefix, number / 4 % 128),
                }
            }
            Self::Longest => longest(number % 16),
        }
    }
}

/// Sequential key number `index`.
pub fn sequential_key(index: u32) -> Bytes {
    numbered("key", index as usize)
}

fn numbered(prefix: &str, number: usize) -> Bytes {
    Bytes::from(format!("{prefix}{number:05}"))
}

/// Differing at the end, at the beginning, in length, or short.
fn longest(number: usize) -> Bytes {
    let text = format!("{number:02}");
    let filling = LONGEST_KEY - text.len();
    match number % 4 {
        0 => Bytes::from("k".repeat(filling) + &text),
        1 => Bytes::from(text + &"k".repeat(filling)),
        // Short enough that another entry begins in the same block.
        2 => Bytes::from("k".repeat(LONGEST_KEY - 8 * number)),
        _ => numbered("key", number),
    }
}

impl Values {
    /// From any number.
    pub fn new(number: u8) -> Self {
        match number {
            0..128 => Self::Short,
            128..250 => Self::Mixed,
            250.. => Self::Large,
        }
    }

    /// The length that `number` stands for.
    pub fn len(self, number: u16) -> usize {
        let size = usize::from(number / 16);
        match (self, number % 16) {
            (Self::Large, 15) if size.is_multiple_of(4) => MIB + size * 701,
            (_, 0) => 0,
            (Self::Short, _) | (_, 1..12) => size % 40,
            (_, 12..15) => size % 1200,
            _ => size + 3000,
        }
    }
}

/// A value that tells from which write it is, if it is long enough.
pub fn value(write: u32, len: usize) -> Bytes {
    const FILLING: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
    let mut value = write.to_string().into_bytes();
    value.reserve(len);
    while value.len() < len {
        value.extend_from_slice(&FILLING[write as usize % 20..]);
    }
    value.truncate(len);
    Bytes::from(value)
}

/// The start and the end of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub start: Bound<Bytes>,
    /// Where it ends.
    pub end: Bound<Bytes>,
}

impl Range {
    /// Everything.
    pub fn all() -> Self {
        Self {
            start: Bound::Unbounded,
            end: Bound::Unbounded,
        }
    }

    /// The bounds as a store wants them.
    pub fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let slice = |bound| Bound::map(bound, |key: &Bytes| &key[..]);
        (slice(self.start.as_ref()), slice(self.end.as_ref()))
    }

    /// Whether no key can be in it, so that a `BTreeMap` would refuse it.
    pub fn is_crossed(&self) -> bool {
        use Bound::{Excluded, Included, Unbounded};
        match (&self.start, &self.end) {
            (Unbounded, _) | (_, Unbounded) => false,
            (Included(start), Included(end)) => start > end,
            (Included(start) | Excluded(start), Included(end) | Excluded(end)) => start >= end,
        }
    }
}

/// The bound of a kind, from 0 to 7, at `key`.
pub fn bound(kind: u16, key: Bytes) -> Bound<Bytes> {
    match kind {
        0 | 1 => Bound::Unbounded,
        2 | 3 => Bound::Included(key),
        4 | 5 => Bound::Excluded(key),
        // Right behind the key.
        6 => Bound::Included([&key[..], &[0]].concat().into()),
        _ => Bound::Included(Bytes::new()),
    }
}

/// A key or a value as text; of a long one the ends.
pub fn show(bytes: &[u8]) -> String {
    let len = bytes.len();
    if len <= 60 {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let (head, tail) = (&bytes[..12], &bytes[len - 12..]);
    let (head, tail) = (head.escape_ascii(), tail.escape_ascii());
    format!("\"{head}...{tail}\" ({len} bytes)")
}
