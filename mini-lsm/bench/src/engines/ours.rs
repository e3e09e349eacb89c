//! Our engine; the macro is there because the learner's has the same surface under another crate's name.

use std::ops::Bound;
use std::path::Path;

use anyhow::Result;

use crate::engine::{Engine, Settings};

macro_rules! lsm_storage {
    ($engine:ident, $library:ident) => {
        pub struct $engine($library::LsmStorage);

        impl Engine for $engine {
            fn open(dir: &Path, settings: &Settings) -> Result<Self> {
                let options = $library::LsmOptions {
                    memtable_size: settings.write_buffer_bytes,
                    block_cache_size: settings.cache_bytes,
                    filter_bits_per_key: settings.filter_bits as usize,
                    durability: match settings.sync {
                        true => $library::Durability::Sync,
                        false => $library::Durability::Buffered,
                    },
                    ..$library::LsmOptions::default()
                };
                Ok(Self($library::LsmStorage::open(dir, options)?))
            }

            fn facts(&self, _dir: &Path) -> Vec<String> {
                Vec::new()
            }

            fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
                Ok(self.0.put(key, value)?)
            }

            fn delete(&self, key: &[u8]) -> Result<()> {
                Ok(self.0.delete(key)?)
            }

            fn get<R>(&self, key: &[u8], see: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
                Ok(self.0.get(key)?.map(|value| see(&value)))
            }

            fn scan(&self, from: &[u8], mut see: impl FnMut(&[u8], &[u8]) -> bool) -> Result<()> {
                let mut cursor = self.0.scan((Bound::Included(from), Bound::Unbounded))?;
                while cursor.is_valid() && see(cursor.key(), cursor.value()) {
                    cursor.next()?;
                }
                Ok(())
            }

            fn compact(&mut self) -> Result<()> {
                Ok(self.0.compact()?)
            }

            fn close(self) -> Result<()> {
                Ok(self.0.close()?)
            }
        }
    };
}

#[cfg(feature = "starter")]
pub(super) use lsm_storage;

lsm_storage!(Ours, mini_lsm);
