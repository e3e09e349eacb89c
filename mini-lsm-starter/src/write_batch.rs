//! A write batch: puts and deletes that become visible together, survive together, or not at all.

use bytes::Bytes;

use crate::error::{Error, Result};

/// The longest key, in bytes: lengths of keys are stored as `u16`. The shortest is 1.
pub const MAX_KEY_LEN: usize = u16::MAX as usize;
/// The longest value, in bytes.
pub const MAX_VALUE_LEN: usize = 1 << 28;
/// The longest encoded batch, in bytes, as a write-ahead log would hold it.
pub const MAX_BATCH_LEN: usize = 1 << 30;

/// What an operation costs in an encoded batch beside its key and value: `key_len: u16 · value_len:
/// u32`.
const OP_OVERHEAD: usize = size_of::<u16>() + size_of::<u32>();
/// `first sequence: u64 · count: u32`, the head of an encoded batch.
const BATCH_OVERHEAD: usize = size_of::<u64>() + size_of::<u32>();

/// One operation of a batch: a key and its new value, or `None` to delete it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOp<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

/// A list of operations, applied in order: of two on one key the later wins.
///
/// Limits are checked when the batch is written, so that building one cannot fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteBatch {
    ops: Vec<(Bytes, Option<Bytes>)>,
}

impl WriteBatch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds "set `key` to `value`".
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> &mut Self {
        self.push(
            Bytes::copy_from_slice(key),
            Some(Bytes::copy_from_slice(value)),
        )
    }

    /// Adds "delete `key`".
    pub fn delete(&mut self, key: &[u8]) -> &mut Self {
        self.push(Bytes::copy_from_slice(key), None)
    }

    /// Adds an operation without copying its bytes.
    pub fn push(&mut self, key: Bytes, value: Option<Bytes>) -> &mut Self {
        self.ops.push((key, value));
        self
    }

    /// The operations, in order.
    pub fn ops(&self) -> Vec<WriteOp<'_>> {
        let ops = self.ops.iter().map(|(key, value)| WriteOp {
            key,
            value: value.as_deref(),
        });
        ops.collect()
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

/// The length of the encoded batch of these operations, in bytes.
pub fn encoded_len(ops: &[WriteOp<'_>]) -> usize {
    let len = |op: &WriteOp<'_>| OP_OVERHEAD + op.key.len() + op.value.map_or(0, <[u8]>::len);
    BATCH_OVERHEAD + ops.iter().map(len).sum::<usize>()
}

/// `InvalidArgument`, naming the limit, if a key, a value or the whole batch is out of bounds.
pub fn check_limits(ops: &[WriteOp<'_>]) -> Result<()> {
    for op in ops {
        check_key(op.key)?;
        let value_len = op.value.map_or(0, <[u8]>::len);
        if value_len > MAX_VALUE_LEN {
            return invalid(format!(
                "a value of {value_len} bytes: at most {MAX_VALUE_LEN} are allowed"
            ));
        }
    }
    match encoded_len(ops) {
        len if len > MAX_BATCH_LEN => invalid(format!(
            "a batch of {len} bytes: at most {MAX_BATCH_LEN} are allowed"
        )),
        _ => Ok(()),
    }
}

/// `InvalidArgument` unless the key has 1 to [`MAX_KEY_LEN`] bytes.
pub fn check_key(key: &[u8]) -> Result<()> {
    match key.len() {
        1..=MAX_KEY_LEN => Ok(()),
        len => invalid(format!(
            "a key of {len} bytes: 1 to {MAX_KEY_LEN} are allowed"
        )),
    }
}

fn invalid(message: String) -> Result<()> {
    Err(Error::InvalidArgument(message))
}
