//! Day 3 · Task 3 · The merge iterator: many sorted sources as one, in which the newest source wins.
//!
//! The sources that stand on an entry form a binary heap of their numbers, ordered by (key,
//! number): at its root is the smallest key, and of equal keys the one from the newest source. The
//! heap holds numbers and not cursors, so that mending it moves a few bytes.

use crate::cursor::StorageIterator;
use crate::error::{Error, Result};

/// A cursor over the union of its sources; it follows the table in [`cursor`](crate::cursor).
///
/// Sources are given newest first. Of a key that several of them hold, the entry of the newest is
/// shown, be it a value or a tombstone, and the others are skipped. When a source fails, the error
/// is returned, and the cursor is invalid until the next seek.
#[derive(Debug)]
pub struct MergeIterator<I> {
    sources: Vec<I>,
    /// Numbers of the sources that are valid, as a heap. Empty after an error.
    heap: Vec<usize>,
    error: Option<Error>,
}

impl<I: StorageIterator> MergeIterator<I> {
    /// A cursor over `sources`, newest first, before its first seek. There may be none.
    pub fn new(sources: Vec<I>) -> Self {
        Self {
            sources,
            heap: Vec::new(),
            error: None,
        }
    }

    /// Moves every source by `seek`, then orders them.
    fn seek_all(&mut self, seek: impl Fn(&mut I) -> Result<()>) -> Result<()> {
        self.heap.clear();
        self.error = None;
        for source in &mut self.sources {
            if let Err(error) = seek(source) {
                return self.fail(error);
            }
        }
        self.heap = (0..self.sources.len())
            .filter(|&source| self.sources[source].is_valid())
            .collect();
        for position in (0..self.heap.len() / 2).rev() {
            self.sift_down(position);
        }
        Ok(())
    }

    /// Moves the source at `position` of the heap to its next entry and mends the heap below it.
    fn advance(&mut self, position: usize) -> Result<()> {
        let source = self.heap[position];
        if let Err(error) = self.sources[source].next() {
            return self.fail(error);
        }
        if !self.sources[source].is_valid() {
            // The last of the heap takes its place. That one is no smaller than the root, and
            // `position` is the root or a child of it: it cannot have to rise.
            self.heap.swap_remove(position);
        }
        if self.heap.len() > 1 {
            self.sift_down(position);
        }
        Ok(())
    }

    /// The child of the root that comes first, if the root has children.
    fn second(&self) -> Option<usize> {
        match self.heap.len() {
            0 | 1 => None,
            2 => Some(1),
            _ => Some(if self.comes_before(self.heap[1], self.heap[2]) {
                1
            } else {
                2
            }),
        }
    }

    /// Lets the entry at `position` sink until neither of its children comes before it.
    fn sift_down(&mut self, mut position: usize) {
        loop {
            let children = [2 * position + 1, 2 * position + 2];
            let mut first = position;
            for child in children {
                if child < self.heap.len() && self.comes_before(self.heap[child], self.heap[first])
                {
                    first = child;
                }
            }
            if first == position {
                break;
            }
            self.heap.swap(position, first);
            position = first;
        }
    }

    fn comes_before(&self, a: usize, b: usize) -> bool {
        (self.sources[a].key(), a) < (self.sources[b].key(), b)
    }

    fn fail(&mut self, error: Error) -> Result<()> {
        self.heap.clear();
        self.error = Some(error.clone());
        Err(error)
    }
}

impl<I: StorageIterator> StorageIterator for MergeIterator<I> {
    fn is_valid(&self) -> bool {
        !self.heap.is_empty()
    }

    fn key(&self) -> &[u8] {
        self.sources[self.heap[0]].key()
    }

    fn value(&self) -> Option<&[u8]> {
        self.sources[self.heap[0]].value()
    }

    /// Older entries of the same key are skipped first, while the root still lends its key: they
    /// are always next to the root.
    fn next(&mut self) -> Result<()> {
        let Some(&newest) = self.heap.first() else {
            return self.error.clone().map_or(Ok(()), Err);
        };
        while let Some(second) = self.second()
            && self.sources[self.heap[second]].key() == self.sources[newest].key()
        {
            self.advance(second)?;
        }
        self.advance(0)
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.seek_all(I::seek_to_first)
    }

    fn seek(&mut self, target: &[u8]) -> Result<()> {
        self.seek_all(|source| source.seek(target))
    }
}
