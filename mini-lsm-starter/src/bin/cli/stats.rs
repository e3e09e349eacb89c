//! The drawing of a store: what `metrics` tells, a line for each memtable and each level.

use std::io::{self, Write};

use mini_lsm_starter::Metrics;
use mini_lsm_starter::lsm_storage::{MemTableMetrics, TableMetrics};

use crate::words::short;

/// How many tables of a level are drawn (of more, the first ones and the last), and how many frozen memtables.
const MOST_DRAWN: usize = 6;

/// Draws.
pub fn draw(metrics: &Metrics, out: &mut dyn Write) -> io::Result<()> {
    line(out, "memtable", &memtable(&metrics.memtable))?;
    for frozen in metrics.frozen.iter().take(MOST_DRAWN) {
        line(out, "frozen", &memtable(frozen))?;
    }
    // Until day 4 nothing flushes them.
    if let Some(hidden @ 1..) = metrics.frozen.len().checked_sub(MOST_DRAWN) {
        line(out, "frozen", &format!("... {hidden} more, older ..."))?;
    }
    let filled = metrics.levels.iter().rposition(|level| !level.is_empty());
    let filled = filled.map_or(0, |deepest| deepest + 1);
    for (number, level) in metrics.levels[..filled].iter().enumerate() {
        line(out, &format!("L{number}"), &tables(level))?;
    }
    match metrics.levels.len() - filled {
        0 => {}
        1 => line(out, &format!("L{filled}"), "empty")?,
        more => line(
            out,
            &format!("L{filled} to L{}", filled + more - 1),
            "empty",
        )?,
    }
    let (hits, misses) = (metrics.cache_hits, metrics.cache_misses);
    let cached = bytes(metrics.cache_size);
    line(
        out,
        "cache",
        &format!("{hits} hits, {misses} misses, {cached}"),
    )?;
    let (logs, batches) = (metrics.recovery.log_count, metrics.recovery.batch_count);
    if logs > 0 {
        let told = format!(
            "{} from {} when the store was opened",
            counted(batches, "write", "writes"),
            counted(logs as u64, "log", "logs")
        );
        line(out, "recovered", &told)?;
    }
    if metrics.failed_removals > 0 {
        let told = format!("{} files could not be removed", metrics.failed_removals);
        line(out, "strays", &told)?;
    }
    let error = metrics.background_error.as_ref();
    let told = error.map_or_else(|| "no error".to_owned(), |error| format!("ERROR: {error}"));
    line(out, "background", &told)
}

fn line(out: &mut dyn Write, head: &str, text: &str) -> io::Result<()> {
    writeln!(out, "{head:<11} {text}")
}

fn memtable(memtable: &MemTableMetrics) -> String {
    let entries = counted(memtable.entry_count as u64, "entry", "entries");
    let size = bytes(memtable.size as u64);
    format!("#{}: {entries}, {size}", memtable.id)
}

fn tables(level: &[TableMetrics]) -> String {
    if level.is_empty() {
        return "empty".to_owned();
    }
    let size = level.iter().map(|table| table.size).sum();
    let mut text = format!(
        "{}, {}:",
        counted(level.len() as u64, "table", "tables"),
        bytes(size)
    );
    let hidden = level.len().saturating_sub(MOST_DRAWN);
    for (index, table) in level.iter().enumerate() {
        let first_hidden = MOST_DRAWN - 1;
        if hidden > 0 && index == first_hidden {
            text += &format!(" ... {hidden} more ...");
        }
        if hidden == 0 || index < first_hidden || index + 1 == level.len() {
            let [first, last] = [&table.first_key, &table.last_key].map(|key| short(key));
            text += &format!(
                " [#{} {first} .. {last}, {}]",
                table.id.0,
                bytes(table.size)
            );
        }
    }
    text
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut size = count as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}
