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
        Self {
            id,
            file,
            block: BlockBuilder::new(options.block_size),
            pending: Vec::new(),
            written: 0,
            index: Vec::new(),
            entry_count: 0,
            filter_bits_per_key: options.filter_bits_per_key,
            key_hashes: Vec::new(),
        }
    }

    /// Adds an entry; `None` is a tombstone. An entry that the current block has no room for begins
    /// a new one.
    ///
    /// Requires a key of 1 to 65,535 bytes that is greater than the last one: the caller merges
    /// sorted sources. Otherwise it panics or, where the key begins a block, makes a table that
    /// [`SsTable::open`](super::SsTable::open) refuses.
    pub fn add(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        if !self.block.has_room(key, value) {
            self.finish_block()?;
        }
        self.block.add(key, value);
        self.entry_count += 1;
        self.key_hashes.push(key_hash(key)); // day 7 task 2
        Ok(())
    }

    /// How many entries have been added.
    // given
    pub fn entry_count(&self) -> u64 {
        self.entry_count
    }

    /// About how many bytes the file would have if it were finished now: the blocks, without
    /// filter, index and footer.
    pub fn estimated_size(&self) -> u64 {
        let open_block = if self.block.is_empty() {
            0
        } else {
            self.block.encoded_len() + CHECKSUM_LEN
        };
        self.position() + open_block as u64
    }

    /// Writes what is left, then filter, index and footer, and makes file and name survive a power
    /// cut. Returns the length of the file.
    ///
    /// Requires at least one entry: there is no empty table.
    pub fn finish(mut self) -> Result<u64> {
        assert!(self.entry_count > 0, "a table has at least one entry");
        self.finish_block()?;
        let filter_offset = self.position();
        // until day 7 task 2: let filter: Vec<u8> = Vec::new();
        let filter = BloomFilter::build(&self.key_hashes, self.filter_bits_per_key).encode(); // day 7 task 2
        self.append_checked(&filter);
        let index_offset = self.position();
        let index = std::mem::take(&mut self.index);
        self.append_checked(&index);
        let footer = Footer {
            filter_offset,
            index_offset,
            entry_count: self.entry_count,
        };
        self.pending.extend_from_slice(&footer.encode(self.id));
        self.write_pending()?;
        self.file.finish()?;
        Ok(self.written)
    }

    /// Where the next byte will lie in the file.
    fn position(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    fn finish_block(&mut self) -> Result<()> {
        let offset = self.position();
        let [first_key, last_key] = [
            self.block.first_key().to_vec(),
            self.block.last_key().to_vec(),
        ];
        let block = self.block.finish();
        let meta = BlockMeta {
            first_key: &first_key,
            last_key: &last_key,
            offset,
            len: block.len() as u32,
        };
        meta.encode(&mut self.index);
        self.append_checked(&block);
        if self.pending.len() >= WRITE_SIZE {
            self.write_pending()?;
        }
        Ok(())
    }

    /// Appends a part of the table and its checksum.
    fn append_checked(&mut self, part: &[u8]) {
        self.pending.extend_from_slice(part);
        self.pending
            .extend_from_slice(&crc32fast::hash(part).to_le_bytes());
    }

    fn write_pending(&mut self) -> Result<()> {
        self.file.append(&self.pending)?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}
