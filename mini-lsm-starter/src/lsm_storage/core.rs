//! What a store is made of. The order in which its locks are taken is a table in [`lsm_storage`](super).

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::health::Health;
use super::logs::Logs;
use super::metrics::{MemTableMetrics, Metrics, RecoveryReport, TableMetrics};
use super::progress::Progress;
use super::state::{Level, State};
use crate::fs::FileLock;
use crate::listener::Event;
use crate::manifest::Manifest;
use crate::mem_table::Seq;
use crate::options::LsmOptions;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, RwLock};
use crate::table_store::TableStore;

/// The parts that the threads of a store share.
#[derive(Debug)]
pub struct Core {
    pub dir: PathBuf,
    pub options: LsmOptions,
    pub tables: Arc<TableStore>,
    /// What readers read. Replaced, never changed.
    pub state: RwLock<Arc<State>>,
    pub commit: Mutex<Commit>,
    /// The sequence number up to which batches are visible.
    pub published: AtomicU64,
    pub flush_lock: Mutex<()>,
    pub compaction_lock: Mutex<CompactionCursors>,
    pub health: Health,
    pub progress: Progress,
    /// `None` before day 6.
    pub logs: Option<Logs>,
    /// `None` before day 6.
    pub manifest: Mutex<Option<Manifest>>,
    /// `None` before day 6, and once the store is closed.
    pub lock: Mutex<Option<Box<dyn FileLock>>>,
    pub recovery: RecoveryReport,
}

/// What the commit lock guards.
#[derive(Debug)]
pub struct Commit {
    /// The sequence number of the last operation that was written.
    pub last_seq: Seq,
}

/// By level: the greatest key that the last compaction of the level took.
#[derive(Debug, Default)]
pub struct CompactionCursors(pub Vec<Bytes>);

/// What `open` puts together: an empty store, or what recovery found.
#[derive(Debug)]
pub struct Parts {
    pub tables: Arc<TableStore>,
    pub state: State,
    pub last_seq: Seq,
    pub logs: Option<Logs>,
    pub manifest: Option<Manifest>,
    pub lock: Option<Box<dyn FileLock>>,
    pub recovery: RecoveryReport,
}

impl Core {
    /// A store from its parts.
    pub fn new(dir: PathBuf, options: LsmOptions, parts: Parts) -> Self {
        Self {
            dir,
            options,
            tables: parts.tables,
            state: RwLock::new(Arc::new(parts.state)),
            commit: Mutex::new(Commit {
                last_seq: parts.last_seq,
            }),
            published: AtomicU64::new(parts.last_seq),
            flush_lock: Mutex::new(()),
            compaction_lock: Mutex::default(),
            health: Health::default(),
            progress: Progress::default(),
            logs: parts.logs,
            manifest: Mutex::new(parts.manifest),
            lock: Mutex::new(parts.lock),
            recovery: parts.recovery,
        }
    }

    /// The current state.
    pub fn snapshot(&self) -> Arc<State> {
        Arc::clone(&self.state.read())
    }

    /// The sequence number up to which batches are visible. Taken *after* the state, so that a reader
    /// sees just what the number says: the other way round, a flush in between may have put newer
    /// versions into the place of those that it asks for.
    pub fn visible_seq(&self) -> Seq {
        self.published.load(Ordering::Acquire)
    }

    /// Makes the batches up to `seq` visible.
    pub fn publish(&self, seq: Seq) {
        self.published.fetch_max(seq, Ordering::AcqRel);
    }

    /// Replaces the state by its successor, and wakes those who wait for a change. Returns the new
    /// one.
    pub fn replace_state(&self, successor: impl FnOnce(&State) -> State) -> Arc<State> {
        let mut state = self.state.write();
        let new = Arc::new(successor(&state));
        let old = std::mem::replace(&mut *state, Arc::clone(&new));
        drop(state);
        // Outside the lock: this may be the last reader of tables, whose files are then removed.
        drop(old);
        self.progress.notify();
        new
    }

    /// Tells the listener.
    pub fn tell(&self, event: Event) {
        self.options.listener.on_event(&event);
    }

    /// What is inside, now.
    pub fn metrics(&self) -> Metrics {
        let state = self.snapshot();
        let cache = self.tables.cache();
        let describe_level =
            |level: &Level| level.iter().map(|table| TableMetrics::of(table)).collect();
        Metrics {
            memtable: MemTableMetrics::of(&state.memtable),
            frozen: state
                .frozen
                .iter()
                .map(|memtable| MemTableMetrics::of(memtable))
                .collect(),
            levels: state.levels.iter().map(describe_level).collect(),
            cache_hits: cache.map_or(0, |cache| cache.hits()),
            cache_misses: cache.map_or(0, |cache| cache.misses()),
            cache_size: cache.map_or(0, |cache| cache.size()),
            background_error: self.health.error(),
            failed_removals: self.tables.failed_removals(),
            recovery: self.recovery.clone(),
        }
    }
}
