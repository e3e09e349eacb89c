//! Day 5 · Task 1 · The concat iterator: the tables of one level, one after the other.
//!
//! From L1 on the tables of a level are sorted and do not overlap, so that a level is one long
//! sorted run cut into files. It needs no merge, and only one of its tables is open for reading at
//! a time.

use std::sync::Arc;

use crate::cursor::StorageIterator;
use crate::error::{Error, Result};
use crate::table::{CacheFill, SsTable, SsTableIterator};

/// A cursor over tables that ascend and do not overlap; it follows the table in
/// [`cursor`](crate::cursor).
///
/// Reads one block for a seek, none for tables it only passes by.
#[derive(Debug)]
pub struct ConcatIterator {
    /// In key order: the last key of each is below the first key of the next. The caller (a level)
    /// guarantees it.
    tables: Arc<[Arc<SsTable>]>,
    fill: CacheFill,
    /// The number of the table that `cursor` walks.
    table_index: usize,
    /// `None` before the first seek and past the end.
    cursor: Option<SsTableIterator>,
    error: Option<Error>,
}

impl ConcatIterator {
    /// A cursor over `tables`, which ascend and do not overlap, before its first seek. There may be
    /// none.
    pub fn new(tables: Arc<[Arc<SsTable>]>, fill: CacheFill) -> Self {
        Self {
            tables,
            fill,
            table_index: 0,
            cursor: None,
            error: None,
        }
    }

    /// Moves to table `index` and there by `seek`; past the end if there is no such table.
    fn enter(
        &mut self,
        index: usize,
        seek: impl FnOnce(&mut SsTableIterator) -> Result<()>,
    ) -> Result<()> {
        self.cursor = None;
        self.error = None;
        self.table_index = index;
        let Some(table) = self.tables.get(index) else {
            return Ok(());
        };
        let mut cursor = SsTableIterator::new(Arc::clone(table), self.fill);
        let sought = seek(&mut cursor);
        self.cursor = Some(cursor);
        self.remember(sought)
    }

    fn remember(&mut self, step: Result<()>) -> Result<()> {
        if let Err(error) = &step {
            self.cursor = None;
            self.error = Some(error.clone());
        }
        step
    }

    fn current(&self) -> &SsTableIterator {
        self.cursor.as_ref().expect("allowed only on an entry")
    }
}

impl StorageIterator for ConcatIterator {
    #[inline]
    fn is_valid(&self) -> bool {
        self.cursor.as_ref().is_some_and(SsTableIterator::is_valid)
    }

    #[inline]
    fn key(&self) -> &[u8] {
        self.current().key()
    }

    #[inline]
    fn value(&self) -> Option<&[u8]> {
        self.current().value()
    }

    #[inline]
    fn next(&mut self) -> Result<()> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let Some(cursor) = &mut self.cursor else {
            return Ok(());
        };
        let step = cursor.next();
        let is_valid = cursor.is_valid();
        self.remember(step)?;
        match is_valid {
            true => Ok(()),
            false => self.enter(self.table_index + 1, SsTableIterator::seek_to_first),
        }
    }

    fn seek_to_first(&mut self) -> Result<()> {
        self.enter(0, SsTableIterator::seek_to_first)
    }

    /// The first table whose last key is at or past `target` holds the entry, if there is one: no
    /// other is opened.
    fn seek(&mut self, target: &[u8]) -> Result<()> {
        let index = self
            .tables
            .partition_point(|table| table.last_key() < target);
        self.enter(index, |cursor| cursor.seek(target))
    }
}
