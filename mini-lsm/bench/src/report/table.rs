//! The report on the screen.

use std::fmt::Write as _;

use super::summary::{self, Row, Section, Verdict};
use super::{Record, notes};

pub fn of(record: &Record) -> String {
    let sections = summary::of(record);
    let mut out = String::new();
    for line in notes::setting(record) {
        let _ = writeln!(out, "{line}");
    }
    for section in &sections {
        out += &section_table(section);
        let is_last_side = section.side == "writer";
        if is_last_side && let Some(line) = notes::all_sides(&sections, section.workload) {
            let _ = writeln!(out, "  {line}");
        }
    }
    let _ = writeln!(out, "\n{COLUMNS}");
    for (title, lines) in notes::groups(record) {
        let _ = writeln!(out, "\n{title}");
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

const COLUMNS: &str = "\
ops/s: median of the rounds, and their range · ours ÷: ours over that engine's · latencies in µs: medians, of the worst the worst
disk, memory: MiB at rest, and at the peak · written ×: bytes written until the engine rests over bytes put, then after a full compaction
writes: calls of write a put · calls: all system calls a put, counted in a run of its own where that is permitted
rest, open: seconds of work left after the last put, and to open the store · *: promises less here, and is never the best";

fn section_table(section: &Section) -> String {
    let mut out = String::new();
    let side = match section.side.as_str() {
        "" => String::new(),
        side => format!(", the {side}"),
    };
    let _ = writeln!(out, "\n{}{side} · {}", section.workload, section.what);
    let _ = writeln!(
        out,
        "  {:<12} {:>9} {:>19} {:>6}  {:>8} {:>8} {:>8} {:>9} {:>7} {:>7} {:>11} {:>6} {:>6} {:>6} {:>6}",
        "",
        "ops/s",
        "min – max",
        "ours ÷",
        "p50",
        "p99",
        "p99.9",
        "worst",
        "disk",
        "memory",
        "written ×",
        "writes",
        "calls",
        "rest",
        "open"
    );
    for row in &section.rows {
        let _ = writeln!(out, "{}", row_line(row).trim_end());
    }
    if let Some(line) = verdict(section) {
        let _ = writeln!(out, "  {line}");
    }
    out
}

fn row_line(row: &Row) -> String {
    let name = match row.lesser {
        Some(_) => format!("{} *", row.engine),
        None => row.engine.to_string(),
    };
    let range = format!("{} – {}", count(row.speed.min), count(row.speed.max));
    let micros = |nanos: Option<u64>| or_dash(nanos.map(|nanos| three_digits(nanos as f64 / 1e3)));
    let mib = |bytes: f64| format!("{:.1}", bytes / f64::from(1 << 20));
    let written = match (row.amplification, row.compacted_amplification) {
        (Some(rest), Some(compacted)) => format!("{rest:.2} {compacted:.2}"),
        (rest, _) => or_dash(rest.map(|rest| format!("{rest:.2}"))),
    };
    format!(
        "  {name:<12} {:>9} {range:>19} {:>6}  {:>8} {:>8} {:>8} {:>9} {:>7} {:>7} {written:>11} {:>6} {:>6} {:>6} {:>6.2}",
        count(row.speed.median),
        or_dash(row.ours_over.map(|ratio| format!("{ratio:.2}"))),
        micros(row.latency.map(|latency| latency.p50)),
        micros(row.latency.map(|latency| latency.p99)),
        micros(row.latency.map(|latency| latency.p999)),
        micros(row.latency.map(|latency| latency.worst)),
        mib(row.disk_bytes),
        or_dash(row.peak_memory.map(mib)),
        or_dash(row.writes_per_put.map(|writes| format!("{writes:.2}"))),
        or_dash(row.calls_per_put.map(|calls| format!("{calls:.2}"))),
        or_dash(row.rest_seconds.map(|seconds| format!("{seconds:.1}"))),
        row.open_seconds,
    )
}

/// Ours against the best peer, in words.
fn verdict(section: &Section) -> Option<String> {
    let (peer, ratio) = (section.best_peer?, section.ratio?);
    let word = verdict_word(section.verdict?);
    let goal = match section.goal {
        Some(goal) => format!(" (goal {goal:.1})"),
        None => String::new(),
    };
    Some(format!(
        "ours ÷ the best peer, {peer}: {ratio:.2}, {word}{goal}"
    ))
}

pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ahead => "ahead",
        Verdict::Draw => "a draw",
        Verdict::Behind => "behind",
    }
}

/// Three digits and a unit: 1.23 M.
pub fn count(figure: f64) -> String {
    let (scaled, unit) = match figure {
        _ if figure >= 999.5e3 => (figure / 1e6, " M"),
        _ if figure >= 999.5 => (figure / 1e3, " k"),
        _ => (figure, ""),
    };
    format!("{}{unit}", three_digits(scaled))
}

pub fn three_digits(figure: f64) -> String {
    if figure >= 99.95 {
        format!("{figure:.0}")
    } else if figure >= 9.995 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.2}")
    }
}

fn or_dash(figure: Option<String>) -> String {
    figure.unwrap_or_else(|| "–".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canned;

    #[test]
    fn figures_have_three_digits() {
        let figures = [
            0.5, 999.4, 999.6, 1_234.0, 45_678.0, 999_499.0, 999_600.0, 7.5e6,
        ];
        let texts = figures.map(count);
        let expected = [
            "0.50", "999", "1.00 k", "1.23 k", "45.7 k", "999 k", "1.00 M", "7.50 M",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn the_table_says_what_the_runs_found() {
        let table = of(&canned::record());
        for line in [
            "  Mini-LSM         100 k      90.0 k – 110 k   1.00      1.50     9.00     20.0     36000   200.0   150.0   2.50 3.80   1.00      –    0.5   0.25",
            "  redb *           400 k       400 k – 400 k   0.25      1.50     9.00     20.0     36000   200.0   150.0   2.50 3.80   1.00      –    0.5   0.25",
            "  ours ÷ the best peer, RocksDB: 0.50, behind (goal 1.0)",
            "readwhilewriting, the writer · random gets beside one random writer",
            "  on both sides at least a draw with: no peer",
            "  RocksDB, fillrandom, round 3: key 4 was put, and was not found",
            "  your engine: day 3, task 1: MemTable::get",
            "  RocksDB: Fast CRC32 supported: Supported on x86",
        ] {
            assert!(
                table.lines().any(|found| found == line),
                "no line\n{line}\nin\n{table}"
            );
        }
    }

    #[test]
    fn a_promise_that_is_less_is_said_where_the_engine_took_part() {
        let table = of(&canned::record());
        assert!(
            table.contains("redb, fillrandom: a put is still in the process"),
            "{table}"
        );
        assert!(!table.contains("LevelDB"), "it took no part\n{table}");
    }
}
