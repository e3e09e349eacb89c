//! Day 2 · Task 3 · The table builder: cuts sorted entries into blocks and writes them, with filter, index and footer, to a new file.

use std::sync::Arc;

use super::footer::Footer;
use super::index::BlockMeta;
use super::{CHECKSUM_LEN, TableId};
use crate::block::BlockBuilder;
use crate::bloom::{BloomFilter, key_hash};
use crate::error::Result;
use crate::fs::WritableFile;
use crate::options::LsmOptions;

/// How many bytes are collected before they are handed to the file: a system call costs as much as
/// copying some kilobytes.
const WRITE_SIZE: usize = 256 << 10;

/// Builds one table from entries in ascending order of their keys.
///
/// After an error the file is of no use; the caller removes it.
#[derive(Debug)]
pub struct SsTableBuilder {
    id: TableId,
    file: Arc<dyn WritableFile>,
    block: BlockBuilder,
    /// Encoded blocks that have not been handed to the file yet.
    pending: Vec<u8>,
    /// How many bytes have been handed to the file.
    written: u64,
    /// The encoded index of the blocks that are finished.
    index: Vec<u8>,
    entry_count: u64,
    filter_bits_per_key: usize,
    /// The hashes of all keys, where there is to be a filter.
    key_hashes: Vec<u32>,
}

impl SsTableBuilder {
    /// A builder of table `id` that writes to `file`, which is empty, with the block size and
    /// filter size of `options`.
    pub fn new(id: TableId, file: Arc<dyn WritableFile>, options: &LsmOptions) -> Self {
        unimplemented!("day 2, task 3: SsTableBuilder::new")
    }

    /// Adds an entry; `None` is a tombstone. An entry that the current block has no room for begins
    /// a new one.
    ///
    /// Requires a key of 1 to 65,535 bytes that is greater than the last one: the caller merges
    /// sorted sources. Otherwise it panics or, where the key begins a block, makes a table that
    /// [`SsTable::open`](super::SsTable::open) refuses.
    pub fn add(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        unimplemented!("day 2, task 3: SsTableBuilder::add")
    }

    /// How many entries have been added.
    pub fn entry_count(&self) -> u64 {
        self.entry_count
    }

    /// About how many bytes the file would have if it were finished now: the blocks, without
    /// filter, index and footer.
    pub fn estimated_size(&self) -> u64 {
        unimplemented!("day 2, task 3: SsTableBuilder::estimated_size")
    }

    /// Writes what is left, then filter, index and footer, and makes file and name survive a power
    /// cut. Returns the length of the file.
    ///
    /// Requires at least one entry: there is no empty table.
    pub fn finish(mut self) -> Result<u64> {
        unimplemented!("day 2, task 3: SsTableBuilder::finish")
    }
}
