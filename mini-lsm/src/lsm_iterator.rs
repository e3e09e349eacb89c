//! Day 3 · Task 5 · The iterator that users see: the keys of a range in order, without tombstones.

use std::ops::Bound;

use bytes::Bytes;

use crate::cursor::StorageIterator;
use crate::error::Result;
use crate::iterators::{MergeIterator, Source};

/// A cursor over a range of a store as it was when the scan began; it stands on the first entry
/// from the start.
///
/// It follows the table in [`cursor`](crate::cursor), but for two things: it has no seek, and its
/// values are never tombstones. It keeps alive what it reads: memtables, and the files of tables
/// that a compaction has replaced. So drop it when you are done.
///
/// ```no_run
/// # fn example(store: &mini_lsm::LsmStorage) -> mini_lsm::Result<()> {
/// for entry in store.scan(..)? {
///     let (key, value) = entry?;
///     println!("{key:?} = {value:?}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LsmIterator {
    cursor: MergeIterator<Source>,
    end: Bound<Bytes>,
    /// Whether `cursor` stands on a value within the range.
    is_valid: bool,
}

impl LsmIterator {
    /// Moves `cursor` to the first entry from `start` on. A range that holds nothing (bounds that
    /// cross, too) gives a cursor past its end.
    pub fn new(
        mut cursor: MergeIterator<Source>,
        start: Bound<&[u8]>,
        end: Bound<&[u8]>,
    ) -> Result<Self> {
        match start {
            Bound::Unbounded => cursor.seek_to_first()?,
            Bound::Included(start) => cursor.seek(start)?,
            Bound::Excluded(start) => {
                cursor.seek(start)?;
                if cursor.is_valid() && cursor.key() == start {
                    cursor.next()?;
                }
            }
        }
        let mut iterator = Self {
            cursor,
            end: end.map(Bytes::copy_from_slice),
            is_valid: false,
        };
        iterator.skip_tombstones()?;
        Ok(iterator)
    }

    /// Whether the cursor stands on an entry.
    #[inline]
    pub fn is_valid(&self) -> bool {
        self.is_valid
    }

    /// The key of the current entry. Only while [`is_valid`](Self::is_valid).
    #[inline]
    pub fn key(&self) -> &[u8] {
        self.cursor.key()
    }

    /// The value of the current entry. Only while [`is_valid`](Self::is_valid).
    #[inline]
    pub fn value(&self) -> &[u8] {
        self.cursor.value().expect("tombstones are skipped")
    }

    /// Moves to the next entry of the range. Past the end it stays there.
    ///
    /// After an error the cursor is invalid, and every further call gives the error again.
    #[expect(
        clippy::should_implement_trait,
        reason = "a cursor, which lends what it shows"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<()> {
        if self.cursor.is_valid() && !self.is_valid {
            return Ok(());
        }
        self.step()?;
        self.skip_tombstones()
    }

    /// Within the range only: a million tombstones beyond its end are nobody's business.
    fn skip_tombstones(&mut self) -> Result<()> {
        while self.is_in_range() {
            if self.cursor.value().is_some() {
                self.is_valid = true;
                break;
            }
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        self.is_valid = false;
        self.cursor.next()
    }

    fn is_in_range(&self) -> bool {
        self.cursor.is_valid()
            && match &self.end {
                Bound::Unbounded => true,
                Bound::Included(end) => self.cursor.key() <= end.as_ref(),
                Bound::Excluded(end) => self.cursor.key() < end.as_ref(),
            }
    }
}

// given
impl IntoIterator for LsmIterator {
    type Item = Result<(Bytes, Bytes)>;
    type IntoIter = Entries;

    fn into_iter(self) -> Entries {
        Entries {
            cursor: self,
            has_failed: false,
            is_first: true,
        }
    }
}

/// The entries that are left of a scan, copied. Ends after an error.
#[derive(Debug)]
pub struct Entries {
    cursor: LsmIterator,
    is_first: bool,
    has_failed: bool,
}

// given
impl Iterator for Entries {
    type Item = Result<(Bytes, Bytes)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        if !std::mem::take(&mut self.is_first)
            && let Err(error) = self.cursor.next()
        {
            self.has_failed = true;
            return Some(Err(error));
        }
        let cursor = &self.cursor;
        let copy = Bytes::copy_from_slice;
        cursor
            .is_valid()
            .then(|| Ok((copy(cursor.key()), copy(cursor.value()))))
    }
}
