//! The one way to decode bytes that came from a file: every read is checked, and every failure names file and offset.
//!
//! Nothing here trusts a length: a field that does not fit into what is left is
//! [`Error::Corruption`], never a panic and never an allocation.

use std::path::Path;

use crate::error::{Error, Result};

/// Where a run of bytes came from, for messages.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The file.
    pub file: &'a Path,
    /// The offset of the first byte in the file.
    pub offset: u64,
}

impl<'a> Origin<'a> {
    /// Bytes at `offset` of `file`.
    pub fn new(file: &'a Path, offset: u64) -> Self {
        Self { file, offset }
    }

    /// Bytes that never were in a file; `name` stands in its place in messages.
    pub fn memory(name: &'a str) -> Self {
        Self {
            file: Path::new(name),
            offset: 0,
        }
    }

    /// Corruption at byte `at` of the run.
    pub fn corruption(&self, at: usize, reason: impl Into<String>) -> Error {
        Error::corruption(self.file, self.offset + at as u64, reason)
    }
}

/// Reads little-endian fields off the front of a slice.
#[derive(Clone, Debug)]
pub struct ByteReader<'a> {
    bytes: &'a [u8],
    position: usize,
    origin: Origin<'a>,
}

impl<'a> ByteReader<'a> {
    /// Reads `bytes`, which came from `origin`.
    pub fn new(bytes: &'a [u8], origin: Origin<'a>) -> Self {
        Self {
            bytes,
            position: 0,
            origin,
        }
    }

    /// How many bytes have been read.
    #[inline]
    pub fn position(&self) -> usize {
        self.position
    }

    /// How many bytes are left.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// The next `len` bytes; `what` names the field in the error.
    #[inline]
    pub fn bytes(&mut self, len: usize, what: &str) -> Result<&'a [u8]> {
        let field = self.bytes[self.position..].get(..len);
        let field = field.ok_or_else(|| self.too_short(len, what))?;
        self.position += len;
        Ok(field)
    }

    /// The next 2 bytes as an integer.
    #[inline]
    pub fn u16(&mut self, what: &str) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array(what)?))
    }

    /// The next 4 bytes as an integer.
    #[inline]
    pub fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    /// The next 8 bytes as an integer.
    #[inline]
    pub fn u64(&mut self, what: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// Corruption at the current position.
    pub fn corruption(&self, reason: impl Into<String>) -> Error {
        self.origin.corruption(self.position, reason)
    }

    /// An error unless every byte has been read.
    pub fn expect_end(&self, what: &str) -> Result<()> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(self.corruption(format!("{left} bytes too many after {what}"))),
        }
    }

    #[cold]
    fn too_short(&self, len: usize, what: &str) -> Error {
        let left = self.remaining();
        self.corruption(format!("{what} needs {len} bytes, {left} are left"))
    }

    #[inline]
    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let field = self.bytes(N, what)?;
        Ok(field.try_into().expect("bytes(N) gives N bytes"))
    }
}
