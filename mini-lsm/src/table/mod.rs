//! Day 2 · Task 4 · Sorted string tables: files of sorted entries that are written once and never changed.
//!
//! ```text
//! +---------+-----+---------+-----+-----+--------+-----+-------+-----+--------+
//! | block 0 | CRC | block 1 | CRC | ... | filter | CRC | index | CRC | footer |
//! +---------+-----+---------+-----+-----+--------+-----+-------+-----+--------+
//! ```
//!
//! Blocks are those of [`block`](crate::block), the index is drawn in [`index`], the footer in
//! [`footer`], the filter (empty until day 7) in [`bloom`](crate::bloom). A CRC is the CRC-32
//! (IEEE) of the bytes of the part before it, as a little-endian `u32`; the footer ends with its
//! own. The layout is LevelDB's, with the whole index in memory.
//!
//! An open table keeps its file's handle, index and filter; blocks are read when asked for, and
//! every read is checked.

pub mod builder;
pub mod footer;
pub mod index;
pub mod iterator;
mod key_heads;
mod obsolete;

pub use builder::SsTableBuilder;
pub use footer::{FOOTER_LEN, Footer};
pub use index::{BlockIndex, BlockMeta};
pub use iterator::SsTableIterator;
pub use obsolete::Removals;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::block::{Block, BlockIterator};
use crate::block_cache::BlockCache;
pub use crate::block_cache::CacheFill;
use crate::bloom::{BloomFilter, key_hash};
use crate::byte_reader::Origin;
use crate::cursor::{Lookup, StorageIterator};
use crate::error::{Error, Result};
use crate::fs::{FileSystem, ReadableFile};
pub use crate::ids::TableId;
use obsolete::FileGuard;

/// The length of a checksum.
pub const CHECKSUM_LEN: usize = size_of::<u32>();

/// An open table. Shared between all who read it; its file may be removed when the last of them is
/// gone.
#[derive(Debug)]
pub struct SsTable {
    id: TableId,
    file: FileGuard,
    size: u64,
    entry_count: u64,
    index: BlockIndex,
    /// None where the table has none (before day 7, or by choice).
    filter: Option<BloomFilter>,
    /// None where blocks are not cached (before day 4, or by choice).
    cache: Option<Arc<BlockCache>>,
}

impl SsTable {
    /// Opens the table in the file `path` and reads its footer, filter and index, but no block.
    ///
    /// Blocks will go through `cache` if there is one (from day 4). `Corruption` if a checksum does
    /// not fit or the parts do not fit together, `NewerFormat` if a newer engine wrote it, `Io` if
    /// the file is missing or cannot be read.
    pub fn open(
        fs: Arc<dyn FileSystem>,
        path: &Path,
        id: TableId,
        cache: Option<Arc<BlockCache>>,
    ) -> Result<Self> {
        let file = fs.open(path)?;
        let size = file.len()?;
        let footer = read_footer(&*file, path, id, size)?;
        // Lengths with the checksums behind the parts, as `read_checked` wants them.
        let filter_len = footer.index_offset - footer.filter_offset;
        let index_len = size - FOOTER_LEN as u64 - footer.index_offset;
        let filter_bytes = read_checked(&*file, path, footer.filter_offset, filter_len)?;
        let index_bytes = read_checked(&*file, path, footer.index_offset, index_len)?;
        let index_origin = Origin::new(path, footer.index_offset);
        let index = BlockIndex::decode(index_bytes, footer.filter_offset, index_origin)?;
        let filter_origin = Origin::new(path, footer.filter_offset);
        // until day 7 task 2: let (filter, _) = (None, (filter_bytes, filter_origin));
        let filter = BloomFilter::decode(filter_bytes, filter_origin)?; // day 7 task 2
        let entry_count = footer.entry_count;
        let file = FileGuard::new(fs, path, file);
        Ok(Self {
            id,
            file,
            size,
            entry_count,
            index,
            filter,
            cache,
        })
    }

    /// Reads block `index`, which must be below [`block_count`](Self::block_count), from the file:
    /// one read.
    ///
    /// `Corruption` if its checksum does not fit or it is malformed.
    pub fn read_block(&self, index: usize) -> Result<Block> {
        let BlockMeta { offset, len, .. } = self.index.get(index);
        let len_with_checksum = u64::from(len) + CHECKSUM_LEN as u64;
        let data = read_checked(self.file.handle(), self.path(), offset, len_with_checksum)?;
        Block::decode(data, Origin::new(self.path(), offset))
    }

    /// Block `index`, from the cache if there is one (day 4), otherwise from the file.
    pub fn block(&self, index: usize, fill: CacheFill) -> Result<Arc<Block>> {
        // day 4 task 1 {
        if let Some(cache) = &self.cache {
            return cache.get_or_read((self.id, index), fill, || self.read_block(index));
        }
        // } day 4 task 1
        self.read_block(index).map(Arc::new)
    }

    /// What the table knows of `key`. Reads at most one block, and none if the filter excludes the
    /// key (day 7).
    // day 4 task 3
    pub fn get(&self, key: &[u8]) -> Result<Lookup> {
        // day 7 task 2 {
        if !self.may_contain(key) {
            return Ok(Lookup::Unknown);
        }
        // } day 7 task 2
        let index = self.index.find(key);
        if index == self.index.block_count() || self.index.get(index).first_key > key {
            return Ok(Lookup::Unknown);
        }
        let block = self.block(index, CacheFill::Yes)?;
        Ok(match block.search(key) {
            Ok(entry) => Lookup::found(block.entry(entry).value),
            Err(_) => Lookup::Unknown,
        })
    }

    /// Whether the table may hold `key`, asked of the filter alone. Never `false` for a key that is
    /// there. `true` without a filter.
    // day 7 task 2
    pub fn may_contain(&self, key: &[u8]) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.may_contain(key_hash(key)))
    }
}

// given
impl SsTable {
    /// Reads the whole table and checks everything that can be checked: checksums, the order of
    /// keys, the index, the filter, the count.
    pub fn verify(&self) -> Result<()> {
        let mut entry_count = 0;
        for index in 0..self.block_count() {
            entry_count += self.verify_block(index)? as u64;
        }
        self.verify_count(entry_count)
    }

    /// Reads block `index`, which must be below [`block_count`](Self::block_count), and checks it
    /// by itself and against index and filter. Returns how many entries it has.
    pub fn verify_block(&self, index: usize) -> Result<usize> {
        let meta = self.index.get(index);
        let wrong = |reason: &str| Err(Error::corruption(self.path(), meta.offset, reason));
        let block = Arc::new(self.read_block(index)?);
        let entry_count = block.entry_count();
        let mut cursor = BlockIterator::new(block);
        cursor.seek_to_first()?;
        if cursor.key() != meta.first_key {
            return wrong("the block's first key is not the one in the index");
        }
        let mut previous = Vec::new();
        while cursor.is_valid() {
            if cursor.key() <= previous.as_slice() {
                return wrong("the keys of the block do not ascend");
            }
            if self
                .filter
                .as_ref()
                .is_some_and(|filter| !filter.may_contain(key_hash(cursor.key())))
            {
                return wrong("the filter denies a key of the block");
            }
            previous = cursor.key().to_vec();
            cursor.next()?;
        }
        match previous == meta.last_key {
            true => Ok(entry_count),
            false => wrong("the block's last key is not the one in the index"),
        }
    }

    /// `Corruption` unless the footer says that there are `entry_count` entries.
    pub fn verify_count(&self, entry_count: u64) -> Result<()> {
        match entry_count == self.entry_count {
            true => Ok(()),
            false => Err(Error::corruption(
                self.path(),
                self.size,
                "the footer's entry count is wrong",
            )),
        }
    }

    /// The table's id.
    pub fn id(&self) -> TableId {
        self.id
    }

    /// The path of its file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The length of its file, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many entries it has, tombstones among them.
    pub fn entry_count(&self) -> u64 {
        self.entry_count
    }

    /// How many blocks it has; at least one.
    pub fn block_count(&self) -> usize {
        self.index.block_count()
    }

    /// Its block index.
    pub fn index(&self) -> &BlockIndex {
        &self.index
    }

    /// Its smallest key.
    pub fn first_key(&self) -> &[u8] {
        self.index.get(0).first_key
    }

    /// Its greatest key.
    pub fn last_key(&self) -> &[u8] {
        self.index.get(self.block_count() - 1).last_key
    }

    /// The file will be removed when the last reader of this table is gone.
    pub fn remove_when_unused(&self, removals: Arc<Removals>) {
        self.file.remove_on_drop(removals);
    }
}

fn read_footer(file: &dyn ReadableFile, path: &Path, id: TableId, size: u64) -> Result<Footer> {
    let Some(offset) = size.checked_sub(FOOTER_LEN as u64) else {
        return Err(Error::corruption(
            path,
            0,
            format!("{size} bytes are too few for a table"),
        ));
    };
    let mut bytes = [0; FOOTER_LEN];
    file.read_at(&mut bytes, offset)?;
    Footer::decode(&bytes, id, Origin::new(path, offset))
}

/// Reads `len` bytes from `offset` on, of which the last four are the checksum of the others, and
/// returns those others.
fn read_checked(file: &dyn ReadableFile, path: &Path, offset: u64, len: u64) -> Result<Bytes> {
    let mut bytes = vec![0; len as usize];
    file.read_at(&mut bytes, offset)?;
    let (part, checksum) = bytes
        .split_last_chunk::<CHECKSUM_LEN>()
        .expect("the checksum is part of the length");
    let (stored, computed) = (u32::from_le_bytes(*checksum), crc32fast::hash(part));
    if stored != computed {
        let reason = format!("the checksum is {stored:08x}, the bytes give {computed:08x}");
        return Err(Error::corruption(path, offset, reason));
    }
    bytes.truncate(part.len());
    Ok(bytes.into())
}
