//! A block and a table of 100,000 entries in memory, so that no disk is measured.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use mini_lsm::block::{Block, BlockBuilder};
use mini_lsm::block_cache::BlockCache;
use mini_lsm::byte_reader::Origin;
use mini_lsm::fs::{FileSystem, MemFs};
use mini_lsm::ids::TableId;
use mini_lsm::table::{SsTable, SsTableBuilder};
use mini_lsm::{LsmOptions, Result};
use mini_lsm_bench::data;

/// How many entries the table has.
pub const ENTRIES: u64 = 100_000;

/// As many entries as fit into a block of the default size.
pub fn block() -> Arc<Block> {
    let mut builder = BlockBuilder::new(LsmOptions::default().block_size);
    for index in 0.. {
        let number = data::present(index);
        let (key, value) = (data::key(number), data::value(number, 1));
        if !builder.has_room(&key, Some(&value)) {
            break;
        }
        builder.add(&key, Some(&value));
    }
    let bytes = Bytes::from(builder.finish());
    let origin = Origin::new(Path::new("block"), 0);
    Arc::new(Block::decode(bytes, origin).expect("the builder's own bytes"))
}

/// A table in memory; `first` is the index of its first key, `step` the distance to the next.
pub fn table(first: u64, step: u64, cache_bytes: Option<u64>) -> Arc<SsTable> {
    build(first, step, cache_bytes).expect("memory does not fail")
}

fn build(first: u64, step: u64, cache_bytes: Option<u64>) -> Result<Arc<SsTable>> {
    let fs: Arc<dyn FileSystem> = Arc::new(MemFs::new());
    let path = Path::new("dir").join("table");
    fs.create_dir_all(Path::new("dir"))?;
    let mut builder = SsTableBuilder::new(TableId(1), fs.create(&path)?, &LsmOptions::default());
    for place in 0..ENTRIES {
        let number = data::present(first + place * step);
        builder.add(&data::key(number), Some(&data::value(number, 1)))?;
    }
    builder.finish()?;
    let cache = cache_bytes.map(|bytes| Arc::new(BlockCache::new(bytes)));
    Ok(Arc::new(SsTable::open(fs, &path, TableId(1), cache)?))
}
