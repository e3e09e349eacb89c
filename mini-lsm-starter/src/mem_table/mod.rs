//! Day 3 · Task 1 · The memtable: what was written lately, sorted, in memory.
//!
//! A skip list (crossbeam-skiplist) from *versioned* keys to values. A versioned key is the user's
//! key and the sequence number of the write, ordered by key, and within one key newest first:
//!
//! ```text
//! (apple, 7) -> red     (apple, 3) -> green     (plum, 5) -> tombstone
//! ```
//!
//! A put *adds* a version and never replaces one, for two reasons. A scan reads at the sequence
//! number that was current when it began, and sees exactly what had been written by then. And
//! readers need no lock: `insert` over an existing key of a crossbeam skip list removes the old
//! entry before the new one is there, so that a concurrent reader may find neither.
//!
//! Threads: any number of readers beside one writer; writers are serialised by the store's commit
//! lock.

pub mod inline_bytes;
pub mod iterator;

pub use inline_bytes::InlineBytes;
pub use iterator::MemTableIterator;

use std::cmp::Reverse;
use std::sync::Arc;

use crossbeam_skiplist::SkipMap;

use crate::cursor::Lookup;
pub use crate::ids::Seq;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A key and the sequence number of its write. The order of the fields is the order of the
/// memtable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionedKey {
    /// The user's key, in the node itself if it is short: a search compares some twenty keys, and
    /// each that lies elsewhere is one more wait for memory.
    pub key: InlineKey,
    /// The number of the write, newest first.
    pub seq: Reverse<Seq>,
}

impl VersionedKey {
    /// The key of the version that was written as number `seq`.
    pub fn new(key: &[u8], seq: Seq) -> Self {
        Self {
            key: key.into(),
            seq: Reverse(seq),
        }
    }
}

/// A key as the memtable keeps it.
pub type InlineKey = InlineBytes<22>;
/// A value as the memtable keeps it.
pub type InlineValue = InlineBytes<102>;

/// What a node of the skip list takes, with a short key and a short value in it, in bytes: head,
/// versioned key, value, on average 1.3 pointers, and what the allocator adds.
const NODE_LEN: usize = 168;

/// A memtable.
#[derive(Debug)]
pub struct MemTable {
    id: u64,
    entries: SkipMap<VersionedKey, Option<InlineValue>>,
    size: AtomicUsize,
    last_seq: AtomicU64,
}

impl MemTable {
    /// An empty memtable. Its id is also that of its log, from day 6.
    pub fn new(id: u64) -> Self {
        unimplemented!("day 3, task 1: MemTable::new")
    }

    /// Adds a version of `key`; `None` is a tombstone. Versions that are there stay. Counts towards
    /// [`size`](Self::size) and [`last_seq`](Self::last_seq).
    ///
    /// Requires a `seq` that no entry of this memtable has.
    pub fn insert(&self, key: &[u8], seq: Seq, value: Option<&[u8]>) {
        unimplemented!("day 3, task 1: MemTable::insert")
    }

    /// The newest version of `key` whose sequence number is at most `seq`. `Unknown` if there is
    /// none.
    pub fn get(&self, key: &[u8], seq: Seq) -> Lookup {
        unimplemented!("day 3, task 1: MemTable::get")
    }

    /// About how much memory the entries take, in bytes: at least the keys and values of all
    /// versions.
    pub fn size(&self) -> usize {
        unimplemented!("day 3, task 1: MemTable::size")
    }

    /// The greatest sequence number in the memtable, 0 if it is empty.
    pub fn last_seq(&self) -> Seq {
        unimplemented!("day 3, task 1: MemTable::last_seq")
    }

    /// Whether nothing was inserted.
    pub fn is_empty(&self) -> bool {
        unimplemented!("day 3, task 1: MemTable::is_empty")
    }
}

impl MemTable {
    /// A cursor over the keys, each with its newest version at or below `seq`, before its first
    /// seek.
    pub fn iter(self: &Arc<Self>, seq: Seq) -> MemTableIterator {
        MemTableIterator::new(Arc::clone(self), seq)
    }

    /// The id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many versions there are.
    pub fn entry_count(&self) -> usize {
        self.entries.len()
    }
}
