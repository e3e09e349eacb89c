//! Day 3 · Task 4 · The read path: what a key is worth, and what a range holds.
//!
//! A reader takes the state first and the visible sequence number second, so that it sees just what
//! the number says. The other way round, a flush in between may have put newer versions into the
//! place of those that it asks for.

use std::ops::Bound;

use bytes::Bytes;

use super::core::Core;
use crate::cursor::Lookup;
use crate::error::Result;
use crate::iterators::{MergeIterator, Source};
use crate::lsm_iterator::LsmIterator;

impl Core {
    /// The newest visible value of `key`, looked for from the newest source to the oldest until one
    /// knows it.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>> {
        unimplemented!("day 3, task 4: Core::get")
    }

    /// A cursor over the entries between two bounds, as they are now.
    pub fn scan(&self, start: Bound<&[u8]>, end: Bound<&[u8]>) -> Result<LsmIterator> {
        unimplemented!("day 3, task 5: Core::scan")
    }
}
