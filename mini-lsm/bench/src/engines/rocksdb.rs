//! RocksDB, through the crate `rocksdb`, which builds it from source.
//!
//! Hardware CRC32C is a matter of how the C++ is compiled: the crate's build script passes `-msse4.2 -mpclmul` on when
//! Rust's target has these features, which `.cargo/config.toml` of this package sees to. Whether it worked is read
//! from RocksDB's own log, into the facts of the report.

use std::fs;
use std::path::Path;

use anyhow::Result;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, Options, ReadOptions, WriteOptions,
};

use crate::engine::{Engine, Settings};

pub struct RocksDb {
    db: DB,
    read: ReadOptions,
    write: WriteOptions,
}

impl Engine for RocksDb {
    fn open(dir: &Path, settings: &Settings) -> Result<Self> {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&Cache::new_lru_cache(usize::try_from(
            settings.cache_bytes,
        )?));
        table.set_bloom_filter(f64::from(settings.filter_bits), false);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_block_based_table_factory(&table);
        options.set_write_buffer_size(settings.write_buffer_bytes);
        // One active, and two that wait for their flush, as in ours.
        options.set_max_write_buffer_number(3);
        options.set_compression_type(DBCompressionType::None);
        let mut write = WriteOptions::default();
        write.set_sync(settings.sync);
        let db = DB::open(&options, dir)?;
        let read = ReadOptions::default();
        Ok(Self { db, read, write })
    }

    fn facts(&self, dir: &Path) -> Vec<String> {
        let log = fs::read_to_string(dir.join("LOG")).unwrap_or_default();
        ["RocksDB version", "Fast CRC32"]
            .iter()
            .filter_map(|what| {
                log.lines()
                    .find_map(|line| line.find(what).map(|at| &line[at..]))
            })
            .map(str::to_owned)
            .collect()
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        Ok(self.db.put_opt(key, value, &self.write)?)
    }

    fn delete(&self, key: &[u8]) -> Result<()> {
        Ok(self.db.delete_opt(key, &self.write)?)
    }

    fn get<R>(&self, key: &[u8], see: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let value = self.db.get_pinned_opt(key, &self.read)?;
        Ok(value.map(|value| see(&value)))
    }

    fn scan(&self, from: &[u8], mut see: impl FnMut(&[u8], &[u8]) -> bool) -> Result<()> {
        let mut cursor = self.db.raw_iterator_opt(ReadOptions::default());
        cursor.seek(from);
        while let Some((key, value)) = cursor.item() {
            if !see(key, value) {
                return Ok(());
            }
            cursor.next();
        }
        Ok(cursor.status()?)
    }

    fn compact(&mut self) -> Result<()> {
        self.db.flush()?;
        self.db.compact_range(None::<&[u8]>, None::<&[u8]>);
        Ok(())
    }

    fn close(self) -> Result<()> {
        self.db.flush_wal(true)?;
        Ok(())
    }
}
