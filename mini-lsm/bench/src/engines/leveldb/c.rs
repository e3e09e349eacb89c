//! What is used of LevelDB's `c.h`.

use std::ffi::{CStr, c_char, c_int, c_uchar, c_void};
use std::{ptr, slice};

macro_rules! opaque {
    ($($name:ident)*) => { $(#[repr(C)] pub struct $name { _opaque: [u8; 0] })* };
}

opaque!(Db Options ReadOptions WriteOptions Cache FilterPolicy Iterator);

pub const NO_COMPRESSION: c_int = 0;

#[rustfmt::skip]
#[link(name = "leveldb")]
unsafe extern "C" {
    pub fn leveldb_open(options: *const Options, name: *const c_char, error: *mut *mut c_char) -> *mut Db;
    pub fn leveldb_close(db: *mut Db);
    pub fn leveldb_put(
        db: *mut Db, options: *const WriteOptions, key: *const c_char, key_len: usize,
        value: *const c_char, value_len: usize, error: *mut *mut c_char,
    );
    pub fn leveldb_delete(
        db: *mut Db, options: *const WriteOptions, key: *const c_char, key_len: usize, error: *mut *mut c_char,
    );
    pub fn leveldb_get(
        db: *mut Db, options: *const ReadOptions, key: *const c_char, key_len: usize,
        value_len: *mut usize, error: *mut *mut c_char,
    ) -> *mut c_char;
    pub fn leveldb_compact_range(
        db: *mut Db, start: *const c_char, start_len: usize, limit: *const c_char, limit_len: usize,
    );
    pub fn leveldb_free(pointer: *mut c_void);
    pub fn leveldb_major_version() -> c_int;
    pub fn leveldb_minor_version() -> c_int;

    pub fn leveldb_create_iterator(db: *mut Db, options: *const ReadOptions) -> *mut Iterator;
    pub fn leveldb_iter_destroy(iterator: *mut Iterator);
    pub fn leveldb_iter_valid(iterator: *const Iterator) -> c_uchar;
    pub fn leveldb_iter_seek(iterator: *mut Iterator, key: *const c_char, key_len: usize);
    pub fn leveldb_iter_next(iterator: *mut Iterator);
    pub fn leveldb_iter_key(iterator: *const Iterator, len: *mut usize) -> *const c_char;
    pub fn leveldb_iter_value(iterator: *const Iterator, len: *mut usize) -> *const c_char;
    pub fn leveldb_iter_get_error(iterator: *const Iterator, error: *mut *mut c_char);

    pub fn leveldb_options_create() -> *mut Options;
    pub fn leveldb_options_destroy(options: *mut Options);
    pub fn leveldb_options_set_create_if_missing(options: *mut Options, yes: c_uchar);
    pub fn leveldb_options_set_paranoid_checks(options: *mut Options, yes: c_uchar);
    pub fn leveldb_options_set_write_buffer_size(options: *mut Options, bytes: usize);
    pub fn leveldb_options_set_cache(options: *mut Options, cache: *mut Cache);
    pub fn leveldb_options_set_filter_policy(options: *mut Options, filter: *mut FilterPolicy);
    pub fn leveldb_options_set_compression(options: *mut Options, kind: c_int);
    pub fn leveldb_cache_create_lru(bytes: usize) -> *mut Cache;
    pub fn leveldb_cache_destroy(cache: *mut Cache);
    pub fn leveldb_filterpolicy_create_bloom(bits_a_key: c_int) -> *mut FilterPolicy;
    pub fn leveldb_filterpolicy_destroy(filter: *mut FilterPolicy);

    pub fn leveldb_readoptions_create() -> *mut ReadOptions;
    pub fn leveldb_readoptions_destroy(options: *mut ReadOptions);
    pub fn leveldb_readoptions_set_verify_checksums(options: *mut ReadOptions, yes: c_uchar);
    pub fn leveldb_writeoptions_create() -> *mut WriteOptions;
    pub fn leveldb_writeoptions_destroy(options: *mut WriteOptions);
    pub fn leveldb_writeoptions_set_sync(options: *mut WriteOptions, yes: c_uchar);
}

/// The bytes that LevelDB shows at `pointer`.
///
/// # Safety
///
/// There are `len` of them, and they stay as they are while the slice is used.
pub unsafe fn bytes<'a>(pointer: *const c_char, len: usize) -> &'a [u8] {
    // SAFETY: as the caller promised.
    unsafe { slice::from_raw_parts(pointer.cast(), len) }
}

/// Where a call leaves the message of its failure.
pub struct Failure(*mut c_char);

impl Failure {
    pub fn new() -> Self {
        Self(ptr::null_mut())
    }

    pub fn slot(&mut self) -> *mut *mut c_char {
        &mut self.0
    }

    /// `None` if there was no failure.
    pub fn into_message(self) -> Option<String> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: LevelDB left a C string of its own allocation there, for us to free.
        unsafe {
            let message = CStr::from_ptr(self.0).to_string_lossy().into_owned();
            leveldb_free(self.0.cast());
            Some(message)
        }
    }
}
