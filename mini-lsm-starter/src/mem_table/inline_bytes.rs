//! Bytes that lie in place when they are short.
//!
//! A memtable of small entries would otherwise be three allocations an entry, and two of them a wait
//! for memory at each step of a search. And small allocations are not free when they are freed, all
//! at once, by the thread that has flushed them: with the system's allocator of Linux a writer then
//! stood still for a tenth of a second (measured; its list of small free pieces is tidied up under a
//! lock).

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Immutable bytes: up to `N` of them, at most 255, in place; more on the heap, shared by all clones.
/// A clone is cheap either way.
#[derive(Clone)]
pub struct InlineBytes<const N: usize>(Place<N>);

#[derive(Clone)]
enum Place<const N: usize> {
    Here { len: u8, bytes: [u8; N] },
    Heap(Arc<[u8]>),
}

impl<const N: usize> InlineBytes<N> {
    /// How many bytes of the heap so many bytes take.
    pub fn heap_len(len: usize) -> usize {
        if len > N { len } else { 0 }
    }
}

impl<const N: usize> From<&[u8]> for InlineBytes<N> {
    fn from(source: &[u8]) -> Self {
        const { assert!(N <= u8::MAX as usize, "the length must fit into a byte") };
        let mut bytes = [0; N];
        Self(match bytes.get_mut(..source.len()) {
            Some(place) => {
                place.copy_from_slice(source);
                let len = source.len() as u8;
                Place::Here { len, bytes }
            }
            None => Place::Heap(source.into()),
        })
    }
}

impl<const N: usize> Deref for InlineBytes<N> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Place::Here { len, bytes } => &bytes[..usize::from(*len)],
            Place::Heap(bytes) => bytes,
        }
    }
}

impl<const N: usize> Ord for InlineBytes<N> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl<const N: usize> PartialOrd for InlineBytes<N> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Eq for InlineBytes<N> {}

impl<const N: usize> PartialEq for InlineBytes<N> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<const N: usize> fmt::Debug for InlineBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_whatever_their_length() {
        let all: Vec<u8> = (0..=255).collect();
        for len in [0, 1, 21, 22, 23, 255, 256] {
            let bytes = InlineBytes::<22>::from(&all[..len]);
            assert_eq!((&*bytes, &*bytes.clone()), (&all[..len], &all[..len]));
            assert_eq!(InlineBytes::<22>::heap_len(len) > 0, len > 22);
        }
    }

    #[test]
    fn the_order_is_that_of_the_bytes() {
        let words = [&b""[..], b"a", b"a\0", b"ab", &[b'b'; 40], &[b'b'; 41]];
        for (i, a) in words.iter().enumerate() {
            for (j, b) in words.iter().enumerate() {
                let [left, right] = [a, b].map(|word| InlineBytes::<8>::from(*word));
                assert_eq!(left.cmp(&right), i.cmp(&j));
                assert_eq!(left == right, i == j);
            }
        }
    }
}
