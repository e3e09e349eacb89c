//! What belongs to a store, and how that changes: the types that the manifest writes as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::{Seq, TableId};

/// The version of the directory's format.
pub const FORMAT_VERSION: u32 = 1;

/// A table and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRecord {
    /// The table.
    pub id: TableId,
    /// Its level, 0 for L0.
    pub level: usize,
}

/// A log that is finished: the store was closed in order, and nothing is appended to it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedLog {
    /// The log.
    pub id: u64,
    /// How many bytes of it are on disk.
    pub len: u64,
}

/// One step from a version to the next, applied as a whole. What is absent stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionEdit {
    /// The directory's format; in the first edit of a manifest, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
    /// Tables that belong to the store from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<TableRecord>,
    /// Tables that do not any more. A table that is moved is in both lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<TableId>,
    /// Logs that belong to the store from now on, named before anything is written to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new_logs: Vec<u64>,
    /// Logs of a store that is being closed. One that is shorter when it is read again was cut off:
    /// nothing in the log itself could tell that from its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed_logs: Vec<SealedLog>,
    /// Logs with smaller ids are not needed any more: their batches are in tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_log: Option<u64>,
    /// The greatest sequence number that is in tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_flushed_seq: Option<Seq>,
    /// All ids from here on are free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_id: Option<u64>,
}

/// An edit of which only the format is read, whatever else is in it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct FormatOnly {
    /// [`VersionEdit::format`]
    #[serde(default)]
    pub format: Option<u32>,
}

/// The sum of all edits: which files belong to the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The tables, each with its level.
    pub tables: BTreeMap<TableId, usize>,
    /// The logs that are still needed.
    pub logs: BTreeSet<u64>,
    /// Those of them that are sealed, each with its length in bytes.
    pub sealed_logs: BTreeMap<u64, u64>,
    /// The greatest sequence number that is in tables.
    pub last_flushed_seq: Seq,
    /// All ids from here on are free.
    pub next_id: u64,
}
