//! LevelDB, through its C interface and the system's library (Debian: `libleveldb-dev`).

mod c;

use std::path::Path;
use std::ptr;

use anyhow::{Context, Result, anyhow};

use self::c::Failure;
use crate::engine::{Engine, Settings};

pub struct LevelDb {
    db: *mut c::Db,
    read: *mut c::ReadOptions,
    write: *mut c::WriteOptions,
    options: *mut c::Options,
    cache: *mut c::Cache,
    filter: *mut c::FilterPolicy,
}

// SAFETY: LevelDB's documentation lets threads share a database, and nothing changes the options once it is open.
unsafe impl Send for LevelDb {}
// SAFETY: the same.
unsafe impl Sync for LevelDb {}

impl Engine for LevelDb {
    fn open(dir: &Path, settings: &Settings) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let path = dir.to_str().context("LevelDB wants a path in UTF-8")?;
        let path = std::ffi::CString::new(path)?;
        // SAFETY: each pointer comes from the call that makes it, and lives until `drop`.
        unsafe {
            let mut store = Self {
                db: ptr::null_mut(),
                read: c::leveldb_readoptions_create(),
                write: c::leveldb_writeoptions_create(),
                options: c::leveldb_options_create(),
                cache: c::leveldb_cache_create_lru(usize::try_from(settings.cache_bytes)?),
                filter: c::leveldb_filterpolicy_create_bloom(settings.filter_bits.try_into()?),
            };
            c::leveldb_readoptions_set_verify_checksums(store.read, 1);
            c::leveldb_writeoptions_set_sync(store.write, settings.sync.into());
            c::leveldb_options_set_create_if_missing(store.options, 1);
            c::leveldb_options_set_write_buffer_size(store.options, settings.write_buffer_bytes);
            c::leveldb_options_set_cache(store.options, store.cache);
            c::leveldb_options_set_filter_policy(store.options, store.filter);
            // Without it compactions read their inputs unverified.
            c::leveldb_options_set_paranoid_checks(store.options, 1);
            c::leveldb_options_set_compression(store.options, c::NO_COMPRESSION);
            let mut failure = Failure::new();
            store.db = c::leveldb_open(store.options, path.as_ptr(), failure.slot());
            failure.check()?;
            Ok(store)
        }
    }

    fn facts(&self, _dir: &Path) -> Vec<String> {
        // SAFETY: these take nothing.
        let (major, minor) = unsafe { (c::leveldb_major_version(), c::leveldb_minor_version()) };
        vec![format!("LevelDB {major}.{minor}, the system's library")]
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let (k, v) = (key.as_ptr().cast(), value.as_ptr().cast());
        let mut failure = Failure::new();
        // SAFETY: the slices outlive the call, which copies them.
        unsafe {
            let slot = failure.slot();
            c::leveldb_put(self.db, self.write, k, key.len(), v, value.len(), slot);
        }
        failure.check()
    }

    fn delete(&self, key: &[u8]) -> Result<()> {
        let mut failure = Failure::new();
        // SAFETY: the slice outlives the call, which copies it.
        unsafe {
            let slot = failure.slot();
            c::leveldb_delete(self.db, self.write, key.as_ptr().cast(), key.len(), slot);
        }
        failure.check()
    }

    fn get<R>(&self, key: &[u8], see: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let (k, mut len) = (key.as_ptr().cast(), 0);
        let mut failure = Failure::new();
        // SAFETY: the value is LevelDB's copy for us, `len` bytes long, and nobody uses it after it is freed.
        unsafe {
            let slot = failure.slot();
            let value = c::leveldb_get(self.db, self.read, k, key.len(), &mut len, slot);
            failure.check()?;
            if value.is_null() {
                return Ok(None);
            }
            let seen = see(c::bytes(value, len));
            c::leveldb_free(value.cast());
            Ok(Some(seen))
        }
    }

    fn scan(&self, from: &[u8], mut see: impl FnMut(&[u8], &[u8]) -> bool) -> Result<()> {
        let mut failure = Failure::new();
        let (mut key_len, mut value_len) = (0, 0);
        // SAFETY: key and value are used only while the iterator stands on them.
        unsafe {
            let cursor = c::leveldb_create_iterator(self.db, self.read);
            c::leveldb_iter_seek(cursor, from.as_ptr().cast(), from.len());
            while c::leveldb_iter_valid(cursor) != 0 {
                let key = c::bytes(c::leveldb_iter_key(cursor, &mut key_len), key_len);
                let value = c::bytes(c::leveldb_iter_value(cursor, &mut value_len), value_len);
                if !see(key, value) {
                    break;
                }
                c::leveldb_iter_next(cursor);
            }
            c::leveldb_iter_get_error(cursor, failure.slot());
            c::leveldb_iter_destroy(cursor);
        }
        failure.check()
    }

    fn compact(&mut self) -> Result<()> {
        // SAFETY: null stands for "from the first key" and "to the last".
        unsafe { c::leveldb_compact_range(self.db, ptr::null(), 0, ptr::null(), 0) };
        Ok(())
    }

    fn close(self) -> Result<()> {
        Ok(())
    }
}

impl Drop for LevelDb {
    fn drop(&mut self) {
        // SAFETY: made by `open` and freed once; the database goes first, since it uses the rest.
        unsafe {
            if !self.db.is_null() {
                c::leveldb_close(self.db);
            }
            c::leveldb_readoptions_destroy(self.read);
            c::leveldb_writeoptions_destroy(self.write);
            c::leveldb_options_destroy(self.options);
            c::leveldb_cache_destroy(self.cache);
            c::leveldb_filterpolicy_destroy(self.filter);
        }
    }
}

impl Failure {
    fn check(self) -> Result<()> {
        match self.into_message() {
            None => Ok(()),
            Some(message) => Err(anyhow!("LevelDB: {message}")),
        }
    }
}
