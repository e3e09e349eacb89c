//! What an engine has to offer to take part, and the settings that all of them get.
//!
//! The calls are generic, not dynamic, and lend what they found to a closure: no engine pays for a copy or an
//! indirect call that another one is spared.

use std::path::Path;

use anyhow::Result;

/// What all engines are set to; the rest is each one's own default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Memory for what has been written and is not in tables yet.
    pub write_buffer_bytes: usize,
    /// Memory for blocks read from tables.
    pub cache_bytes: u64,
    /// Bits a key of a table's filter.
    pub filter_bits: u32,
    /// Whether a put that returned survives a power cut. If not, it must survive a kill of the process.
    pub sync: bool,
}

pub const WRITE_BUFFER_BYTES: usize = 64 << 20;
pub const CACHE_BYTES: u64 = 64 << 20;
pub const LARGE_CACHE_BYTES: u64 = 512 << 20;
pub const FILTER_BITS: u32 = 10;

impl Default for Settings {
    fn default() -> Self {
        Self {
            write_buffer_bytes: WRITE_BUFFER_BYTES,
            cache_bytes: CACHE_BYTES,
            filter_bits: FILTER_BITS,
            sync: false,
        }
    }
}

/// A store of one engine: no compression, a log, checksums verified on every read from disk.
pub trait Engine: Sized + Send + Sync {
    /// Opens the store in `dir`, which may be missing or empty.
    fn open(dir: &Path, settings: &Settings) -> Result<Self>;

    /// What the engine says of itself: its version, and what a reader of figures has to know about this build.
    fn facts(&self, dir: &Path) -> Vec<String>;

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()>;

    fn delete(&self, key: &[u8]) -> Result<()>;

    /// Lends the value of `key` to `see`; `None` if there is none.
    fn get<R>(&self, key: &[u8], see: impl FnOnce(&[u8]) -> R) -> Result<Option<R>>;

    /// Lends the entries from `from` on to `see`, in order, as they were when the scan began, until it says no.
    fn scan(&self, from: &[u8], see: impl FnMut(&[u8], &[u8]) -> bool) -> Result<()>;

    /// Writes all that is in memory to tables and merges them into one level.
    fn compact(&mut self) -> Result<()>;

    /// Makes all of it durable, and gives the directory free.
    fn close(self) -> Result<()>;
}
