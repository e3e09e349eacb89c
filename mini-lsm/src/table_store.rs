//! Where tables come from: creates and opens the table files of one store. Flush, compaction and recovery share it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::block_cache::BlockCache;
use crate::error::Result;
use crate::files::table_path;
use crate::options::LsmOptions;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::table::{Removals, SsTable, SsTableBuilder, TableId};

/// Creates and opens the tables of one directory.
#[derive(Debug)]
pub struct TableStore {
    dir: PathBuf,
    options: LsmOptions,
    cache: Option<Arc<BlockCache>>,
    /// The next id that is free, for tables, memtables and logs.
    next_id: AtomicU64,
    removals: Arc<Removals>,
}

impl TableStore {
    /// The tables of `dir`; ids from `next_id` on are free. Blocks go through `cache`, if there is
    /// one.
    pub fn new(
        dir: &Path,
        options: &LsmOptions,
        cache: Option<Arc<BlockCache>>,
        next_id: u64,
    ) -> Self {
        Self {
            dir: dir.to_owned(),
            options: options.clone(),
            cache,
            next_id: AtomicU64::new(next_id),
            removals: Arc::default(),
        }
    }

    /// An id that nothing has had before.
    pub fn allocate_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// All ids from here on are free.
    pub fn next_id(&self) -> u64 {
        self.next_id.load(Ordering::Relaxed)
    }

    /// Begins a table with a new id, in a new file.
    pub fn begin(self: &Arc<Self>) -> Result<NewTable> {
        let id = TableId(self.allocate_id());
        let file = self.options.fs.create(&table_path(&self.dir, id))?;
        let builder = Some(SsTableBuilder::new(id, file, &self.options));
        Ok(NewTable {
            id,
            builder,
            store: Arc::clone(self),
            is_finished: false,
        })
    }

    /// Opens table `id`.
    pub fn open(&self, id: TableId) -> Result<Arc<SsTable>> {
        let path = table_path(&self.dir, id);
        let table = SsTable::open(Arc::clone(&self.options.fs), &path, id, self.cache.clone())?;
        Ok(Arc::new(table))
    }

    /// The file of `table` is removed when its last reader is gone.
    pub fn retire(&self, table: &SsTable) {
        table.remove_when_unused(Arc::clone(&self.removals));
    }

    /// Removes a file that nothing needs. A failure is counted, not reported.
    pub fn remove(&self, path: &Path) {
        self.removals.remove(&*self.options.fs, path);
    }

    /// How many files could not be removed.
    pub fn failed_removals(&self) -> u64 {
        self.removals.failed()
    }

    /// The block cache, if there is one.
    pub fn cache(&self) -> Option<&BlockCache> {
        self.cache.as_deref()
    }
}

/// A table that is being built. If it is dropped before it is finished, its file is removed.
#[derive(Debug)]
pub struct NewTable {
    id: TableId,
    /// `None` once it is finished.
    builder: Option<SsTableBuilder>,
    store: Arc<TableStore>,
    is_finished: bool,
}

impl NewTable {
    /// The builder, to add entries to.
    pub fn builder(&mut self) -> &mut SsTableBuilder {
        self.builder
            .as_mut()
            .expect("the builder is there until finish")
    }

    /// Finishes the file, makes it survive a power cut, and opens it. Requires at least one entry.
    pub fn finish(mut self) -> Result<Arc<SsTable>> {
        let builder = self.builder.take().expect("finish is called once");
        builder.finish()?;
        let table = self.store.open(self.id)?;
        self.is_finished = true;
        Ok(table)
    }
}

impl Drop for NewTable {
    fn drop(&mut self) {
        if !self.is_finished {
            self.builder = None;
            self.store.remove(&table_path(&self.store.dir, self.id));
        }
    }
}
