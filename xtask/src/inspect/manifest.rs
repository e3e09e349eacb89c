//! The payloads of manifests: version edits, as JSON; and the version that they come to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::bytes::{Scribe, counted};
use super::log::Payload;
use super::report::{NEWER, Section};

/// Ids and sequence numbers are below this.
pub const NUMBERS_END: u64 = 1 << 56;
const DEEPEST_LEVEL: u64 = 64;
const FORMAT: u64 = 1;
/// How much of an edit's JSON is shown; what it says follows in words.
const SHOWN_JSON: usize = 120;

/// The edits of one manifest, and what they come to.
#[derive(Default)]
pub struct Edits {
    edit_count: usize,
    has_gap: bool,
    /// The first edit says a format that is not known: no edit is judged.
    is_newer: bool,
    /// The level of each table.
    tables: BTreeMap<u64, u64>,
    logs: BTreeSet<u64>,
    /// The length of each log that is finished.
    sealed: BTreeMap<u64, u64>,
    last_flushed_seq: u64,
    next_id: u64,
}

impl Payload for Edits {
    fn read(&mut self, head: &mut Scribe<'_>) -> (String, Vec<Section>) {
        let len = head.left().len();
        let payload = head.take(len, "edit").unwrap_or_default();
        let json = String::from_utf8_lossy(payload);
        let mut lines = vec![json.chars().take(SHOWN_JSON).collect::<String>()];
        if json.chars().count() > SHOWN_JSON {
            lines[0] += "...";
        }
        let edit: Result<Value, _> = serde_json::from_slice(payload);
        let outcome = match edit {
            _ if self.is_newer => Ok(()),
            Ok(Value::Object(edit)) => self.apply(&edit, &mut lines),
            Ok(_) => Err("not a version edit: no JSON object".into()),
            Err(error) => Err(format!("not a version edit: {error}")),
        };
        head.say(lines.join("\n"));
        if let Err(reason) = outcome {
            head.wrong(reason);
        }
        let number = self.edit_count;
        self.edit_count += 1;
        let detail = match number {
            0 => "a snapshot: edit 0".into(),
            _ => format!("edit {number}"),
        };
        (detail, Vec::new())
    }

    fn gap(&mut self) {
        self.has_gap = true;
    }

    fn summary(&self) -> String {
        let tables = counted(self.tables.len(), "table", "tables");
        let logs = counted(self.logs.len(), "log", "logs");
        format!("{tables} and {logs}")
    }

    fn conclude(&self, tail: &mut Scribe<'_>) -> Vec<String> {
        if self.edit_count == 0 {
            tail.take(0, "snapshot");
            tail.wrong("a manifest holds at least a snapshot, and this one none");
        }
        if self.is_newer {
            return vec!["the edits are of a newer format, and were not judged".to_string()];
        }
        let mut notes = vec!["the edits come to this version:".to_string()];
        let deepest = self.tables.values().max().copied();
        let levels: BTreeSet<u64> = self.tables.values().copied().collect();
        for level in levels {
            let tables = self.tables.iter().filter(|(_, of)| **of == level);
            let ids: Vec<u64> = tables.map(|(id, _)| *id).collect();
            notes.push(format!("  L{level}: {}", named("table", &ids)));
        }
        if deepest.is_none() {
            notes.push("  no tables".into());
        }
        let logs: Vec<u64> = self.logs.iter().copied().collect();
        notes.push(format!("  needed: {}", named("log", &logs)));
        for (id, len) in &self.sealed {
            notes.push(format!("  log {id} is finished, with {len} bytes"));
        }
        let (seq, next_id) = (self.last_flushed_seq, self.next_id);
        notes.push(format!("  in tables up to sequence number {seq}"));
        notes.push(format!("  ids are free from {next_id} on"));
        notes
    }
}

impl Edits {
    /// Takes one step, and tells in `lines` what it is. An error where the edit is malformed or
    /// does not fit.
    fn apply(&mut self, edit: &Map<String, Value>, lines: &mut Vec<String>) -> Result<(), String> {
        const KEYS: [&str; 8] = [
            "format",
            "added",
            "removed",
            "new_logs",
            "sealed_logs",
            "oldest_log",
            "last_flushed_seq",
            "next_id",
        ];
        let is_first = self.edit_count == 0 && !self.has_gap;
        let format = number(edit, "format")?;
        if is_first && format > Some(FORMAT) {
            self.is_newer = true;
            let format = format.unwrap_or_default();
            return Err(format!("format {format}, only {FORMAT} is known: {NEWER}"));
        }
        if let Some(key) = edit.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("an edit has no `{key}`"));
        }
        lines.extend(format.map(|format| format!("format {format}")));
        let expected = is_first.then_some(FORMAT);
        if format != expected && !(self.has_gap && format.is_none()) {
            return Err(match expected {
                Some(format) => format!("the first edit must have format {format}"),
                None => "only the first edit has a format".into(),
            });
        }
        self.apply_tables(edit, lines)?;
        let logs = numbers(edit, "new_logs")?;
        if !logs.is_empty() {
            lines.push(format!("adds {}", named("log", &logs)));
        }
        self.logs.extend(logs);
        for (id, len) in sealed(edit)? {
            lines.push(format!("log {id} is finished, with {len} bytes"));
            if !self.logs.contains(&id) && !self.has_gap {
                return Err(format!("log {id} is sealed, but was never added"));
            }
            self.sealed.insert(id, len);
        }
        if let Some(oldest) = number(edit, "oldest_log")? {
            lines.push(format!("logs below {oldest} are not needed any more"));
            self.logs.retain(|&log| log >= oldest);
            self.sealed.retain(|&log, _| log >= oldest);
        }
        if let Some(seq) = number(edit, "last_flushed_seq")? {
            lines.push(format!("in tables up to sequence number {seq}"));
            self.last_flushed_seq = seq;
        }
        if let Some(next_id) = number(edit, "next_id")? {
            lines.push(format!("ids are free from {next_id} on"));
            self.next_id = self.next_id.max(next_id);
        }
        Ok(())
    }

    fn apply_tables(
        &mut self,
        edit: &Map<String, Value>,
        lines: &mut Vec<String>,
    ) -> Result<(), String> {
        let removed = numbers(edit, "removed")?;
        if !removed.is_empty() {
            lines.push(format!("removes {}", named("table", &removed)));
        }
        let added = tables(edit)?;
        let levels: BTreeSet<u64> = added.iter().map(|(_, level)| *level).collect();
        for level in levels {
            let of_level = added.iter().filter(|(_, of)| *of == level);
            let ids: Vec<u64> = of_level.map(|(id, _)| *id).collect();
            lines.push(format!("adds {} to L{level}", named("table", &ids)));
        }
        let mut outcome = Ok(());
        for id in removed {
            // After a gap nobody knows what had been added in it.
            if self.tables.remove(&id).is_none() && !self.has_gap {
                outcome = Err(format!("table {id} is removed, but was never added"));
            }
        }
        for (id, level) in added {
            if id >= NUMBERS_END || level > DEEPEST_LEVEL {
                outcome = Err(format!("table {id} on level {level} cannot be"));
            }
            if self.tables.insert(id, level).is_some() && !self.has_gap {
                outcome = Err(format!("table {id} is added twice"));
            }
        }
        outcome
    }
}

fn number(edit: &Map<String, Value>, key: &str) -> Result<Option<u64>, String> {
    match edit.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) if number < NUMBERS_END => Ok(Some(number)),
            Some(number) => Err(format!("`{key}` is never as great as {number}")),
            None => Err(format!("`{key}` is no number")),
        },
    }
}

fn numbers(edit: &Map<String, Value>, key: &str) -> Result<Vec<u64>, String> {
    let values = list(edit, key)?.iter();
    let numbers: Option<Vec<u64>> = values.map(Value::as_u64).collect();
    numbers
        .filter(|numbers| numbers.iter().all(|&number| number < NUMBERS_END))
        .ok_or_else(|| format!("`{key}` is no list of ids"))
}

/// The tables that an edit adds: ids and levels.
fn tables(edit: &Map<String, Value>) -> Result<Vec<(u64, u64)>, String> {
    pairs(edit, "added", "level")
        .ok_or_else(|| "`added` is no list of tables with `id` and `level`".into())
}

/// The logs that an edit seals: ids and lengths.
fn sealed(edit: &Map<String, Value>) -> Result<Vec<(u64, u64)>, String> {
    pairs(edit, "sealed_logs", "len")
        .filter(|logs| logs.iter().all(|(_, len)| *len < NUMBERS_END))
        .ok_or_else(|| "`sealed_logs` is no list of logs with `id` and `len`".into())
}

/// The `id` and the `other` of every object in a list.
fn pairs(edit: &Map<String, Value>, key: &str, other: &str) -> Option<Vec<(u64, u64)>> {
    let pair = |value: &Value| Some((value.get("id")?.as_u64()?, value.get(other)?.as_u64()?));
    list(edit, key).ok()?.iter().map(pair).collect()
}

fn list<'a>(edit: &'a Map<String, Value>, key: &str) -> Result<&'a [Value], String> {
    match edit.get(key) {
        None => Ok(&[]),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(format!("`{key}` is no list")),
    }
}

/// As in `tables 3, 4`.
fn named(one: &str, ids: &[u64]) -> String {
    let list: Vec<String> = ids.iter().map(u64::to_string).collect();
    match ids.len() {
        0 => format!("no {one}s"),
        1 => format!("{one} {}", list[0]),
        _ => format!("{one}s {}", list.join(", ")),
    }
}
