//! The cursor: how everything sorted in this engine is walked, from one block to the whole store.
//!
//! Why not [`Iterator`]? Its items must outlive the next call, so every key and value would be
//! copied out of the block it lies in. A cursor lends them: `key()` and `value()` borrow from the
//! cursor until it moves.
//!
//! # The contract
//!
//! | state                 | `is_valid` | `key`, `value` | `next`                | `seek_to_first`, `seek` |
//! |-----------------------|------------|----------------|-----------------------|-------------------------|
//! | before the first seek | `false`    | not allowed    | `Ok`, stays           | move                    |
//! | on an entry           | `true`     | the entry      | moves to the next one | move                    |
//! | past the end          | `false`    | not allowed    | `Ok`, stays           | move                    |
//! | after an error        | `false`    | not allowed    | the same error again  | try again               |
//!
//! Entries come in strictly ascending order of their keys (bytewise), each key once. "Not allowed"
//! is a bug of the caller: a cursor may panic or answer anything.

use bytes::Bytes;

use crate::error::Result;

/// A cursor over entries sorted by key. The module's documentation has its contract as a table.
pub trait StorageIterator {
    /// Whether the cursor stands on an entry.
    fn is_valid(&self) -> bool;

    /// The key of the current entry. Only while [`is_valid`](Self::is_valid).
    fn key(&self) -> &[u8];

    /// The value of the current entry, `None` for a tombstone. Only while
    /// [`is_valid`](Self::is_valid).
    fn value(&self) -> Option<&[u8]>;

    /// Moves to the next entry, or past the end after the last one.
    fn next(&mut self) -> Result<()>;

    /// Moves to the first entry; afterwards `is_valid()` holds iff there is one.
    fn seek_to_first(&mut self) -> Result<()>;

    /// Moves to the first entry whose key is at or past `target`; afterwards `is_valid()` holds iff
    /// there is one. Allowed at any time, backwards too.
    fn seek(&mut self, target: &[u8]) -> Result<()>;
}

/// What one source (a memtable, a table) knows of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Its value.
    Value(Bytes),
    /// That it was deleted: the search ends here, whatever older sources hold.
    Deleted,
    /// Nothing: the next older source must be asked.
    Unknown,
}

impl Lookup {
    /// From an entry that was found: `None` is a tombstone.
    pub fn found(value: Option<&[u8]>) -> Self {
        match value {
            Some(value) => Self::Value(Bytes::copy_from_slice(value)),
            None => Self::Deleted,
        }
    }
}
