//! redb, a copy-on-write B-tree in one file: no log, no memtable, no filters. Every put is a transaction.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use redb::{Database, Durability, ReadableDatabase, TableDefinition, TableError};

use crate::data::ENTRY_LEN;
use crate::engine::{Engine, Settings};

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("bench");

pub struct Redb {
    database: Database,
    sync: bool,
    /// How many transactions there have been, and after how many one of them is made durable.
    commits: AtomicU64,
    commits_a_sync: u64,
}

impl Engine for Redb {
    fn open(dir: &Path, settings: &Settings) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let database = Database::builder()
            .set_cache_size(usize::try_from(settings.cache_bytes)?)
            .create(dir.join("bench.redb"))?;
        Ok(Self {
            database,
            sync: settings.sync,
            commits: AtomicU64::new(0),
            // Once a write buffer is full, the others write it to a table and sync that.
            commits_a_sync: settings.write_buffer_bytes as u64 / ENTRY_LEN,
        })
    }

    fn facts(&self, _dir: &Path) -> Vec<String> {
        vec![format!("redb {}", crate::machine::locked("redb"))]
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.change(|table| table.insert(key, value).map(drop))
    }

    fn delete(&self, key: &[u8]) -> Result<()> {
        self.change(|table| table.remove(key).map(drop))
    }

    fn get<R>(&self, key: &[u8], see: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let table = match self.database.begin_read()?.open_table(TABLE) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            table => table?,
        };
        Ok(table.get(key)?.map(|value| see(value.value())))
    }

    fn scan(&self, from: &[u8], mut see: impl FnMut(&[u8], &[u8]) -> bool) -> Result<()> {
        let table = match self.database.begin_read()?.open_table(TABLE) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            table => table?,
        };
        for entry in table.range(from..)? {
            let (key, value) = entry?;
            if !see(key.value(), value.value()) {
                break;
            }
        }
        Ok(())
    }

    fn compact(&mut self) -> Result<()> {
        self.commit(Durability::Immediate, |_| Ok(()))?;
        self.database.compact()?;
        Ok(())
    }

    fn close(self) -> Result<()> {
        self.commit(Durability::Immediate, |_| Ok(()))
    }
}

type Table<'t> = redb::Table<'t, &'static [u8], &'static [u8]>;

impl Redb {
    fn change(
        &self,
        edit: impl FnOnce(&mut Table<'_>) -> Result<(), redb::StorageError>,
    ) -> Result<()> {
        let turn = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        let durability = match self.sync || turn.is_multiple_of(self.commits_a_sync) {
            true => Durability::Immediate,
            false => Durability::None,
        };
        self.commit(durability, edit)
    }

    fn commit(
        &self,
        durability: Durability,
        edit: impl FnOnce(&mut Table<'_>) -> Result<(), redb::StorageError>,
    ) -> Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(durability)?;
        edit(&mut transaction.open_table(TABLE)?)?;
        Ok(transaction.commit()?)
    }
}
