//! Numbers that must not be mistaken for each other.

use serde::{Deserialize, Serialize};

/// The number of a table, which is also its file's name. Ids are never used twice, so a larger id
/// is a newer file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableId(pub u64);

/// The number of a write: every operation of every batch gets the next one, in commit order, from 1
/// on.
pub type Seq = u64;

/// Ids and sequence numbers are below this. No store comes near it (at a million writes a second it
/// takes two thousand years), so one that is not is damage; below it, counting on cannot overflow.
/// RocksDB ends its sequence numbers here, too.
pub const NUMBERS_END: u64 = 1 << 56;
