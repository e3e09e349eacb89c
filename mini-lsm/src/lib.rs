//! Mini-LSM: a small LSM-tree key-value store that survives a power cut.
//!
//! Writes go to a log and to a sorted table in memory; full memtables become sorted files, which
//! are merged, level by level, in the background. The modules below stand as the floors of the
//! house do, lowest first: a module uses only what stands above it in this list. It is also the
//! order to read them in.
//!
//! ```no_run
//! use mini_lsm::{LsmOptions, LsmStorage};
//!
//! # fn main() -> mini_lsm::Result<()> {
//! let store = LsmStorage::open("fruit", LsmOptions::default())?;
//! store.put(b"apple", b"red")?;
//! assert_eq!(store.get(b"apple")?.as_deref(), Some(&b"red"[..]));
//! store.close()?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod byte_reader;
pub mod cursor;
pub mod error;
pub mod files;
pub mod fs;
pub mod ids;
pub mod listener;
pub mod options;
pub mod sync;
pub mod write_batch;

pub mod block;
pub mod log;

pub mod block_cache;
pub mod bloom;
pub mod table;
pub mod table_store;

pub mod iterators;
pub mod mem_table;
pub mod wal;

pub mod compact;
pub mod manifest;

pub mod lsm_iterator;
pub mod lsm_storage;

pub mod check;

pub use check::{CheckReport, check};
pub use cursor::StorageIterator;
pub use error::{Error, Result};
pub use listener::{Event, EventListener};
pub use lsm_iterator::LsmIterator;
pub use lsm_storage::{LsmStorage, Metrics};
pub use options::{Durability, LsmOptions};
pub use write_batch::WriteBatch;
