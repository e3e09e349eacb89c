//! fjall, an LSM engine in Rust.

use std::path::Path;

use anyhow::Result;
use fjall::config::{
    BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry,
    PartitioningPolicy, PinningPolicy,
};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::engine::{Engine, Settings};

pub struct Fjall {
    keyspace: Keyspace,
    database: Database,
    sync: bool,
}

impl Engine for Fjall {
    fn open(dir: &Path, settings: &Settings) -> Result<Self> {
        let database = Database::builder(dir)
            .cache_size(settings.cache_bytes)
            .journal_compression(CompressionType::None)
            .open()?;
        let bits = BloomConstructionPolicy::BitsPerKey(settings.filter_bits as f32);
        // Indexes and filters whole and in memory, as the others have them.
        let keyspace = database.keyspace("bench", || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(settings.write_buffer_bytes as u64)
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
                .filter_policy(FilterPolicy::all(FilterPolicyEntry::Bloom(bits)))
                .filter_block_partitioning_policy(PartitioningPolicy::all(false))
                .index_block_partitioning_policy(PartitioningPolicy::all(false))
                .filter_block_pinning_policy(PinningPolicy::all(true))
                .index_block_pinning_policy(PinningPolicy::all(true))
        })?;
        let sync = settings.sync;
        Ok(Self {
            keyspace,
            database,
            sync,
        })
    }

    fn facts(&self, _dir: &Path) -> Vec<String> {
        vec![format!("fjall {}", crate::machine::locked("fjall"))]
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.keyspace.insert(key, value)?;
        self.persist()
    }

    fn delete(&self, key: &[u8]) -> Result<()> {
        self.keyspace.remove(key)?;
        self.persist()
    }

    fn get<R>(&self, key: &[u8], see: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.keyspace.get(key)?.map(|value| see(&value)))
    }

    fn scan(&self, from: &[u8], mut see: impl FnMut(&[u8], &[u8]) -> bool) -> Result<()> {
        for entry in self.keyspace.range(from..) {
            let (key, value) = entry.into_inner()?;
            if !see(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn compact(&mut self) -> Result<()> {
        self.keyspace.rotate_memtable_and_wait()?;
        Ok(self.keyspace.major_compact()?)
    }

    fn close(self) -> Result<()> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
}

impl Fjall {
    fn persist(&self) -> Result<()> {
        if self.sync {
            self.database.persist(PersistMode::SyncData)?;
        }
        Ok(())
    }
}
