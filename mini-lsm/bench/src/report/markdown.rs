//! The report as a part of a page: tables with a row a workload and a column an engine, and the notes.

use std::fmt::Write as _;

use super::summary::{self, Row, Section};
use super::table::{count, three_digits, verdict_word};
use super::{Record, notes};
use crate::engines::Name;

pub fn of(record: &Record) -> String {
    let sections = summary::of(record);
    let engines: Vec<Name> = record.engines.iter().map(|entry| entry.engine).collect();
    let mut out = String::from("<!-- Written by `cargo x bench --from`: edit nothing here. -->\n");
    for line in notes::setting(record) {
        let _ = writeln!(out, "\n{}", escaped(&line));
    }
    for table in TABLES {
        out += &table.of(&sections, &engines);
    }
    for (title, lines) in notes::groups(record) {
        let _ = writeln!(out, "\n**{}**\n", escaped(title));
        for line in lines {
            let _ = writeln!(out, "- {}", escaped(&line));
        }
    }
    out
}

struct Table {
    title: &'static str,
    what: &'static str,
    cell: fn(&Row) -> Option<String>,
    /// The last column: its head, and what stands in it.
    last: Option<(&'static str, fn(&Section) -> String)>,
}

const TABLES: [Table; 5] = [
    Table {
        title: "Operations a second",
        what: "Medians of the rounds. \\* promises less here, and is never the best.",
        // A figure stays on the line of its unit.
        cell: |row| Some(count(row.speed.median).replace(' ', "\u{a0}")),
        last: Some(("ours ÷ the best peer", verdict)),
    },
    Table {
        title: "How long a call takes",
        what: "Microseconds: p50 / p99 / p99.9 / worst. Percentiles are medians of the rounds, the worst is the worst of all.",
        cell: |row| {
            let latency = row.latency?;
            let all = [latency.p50, latency.p99, latency.p999, latency.worst];
            Some(
                all.map(|nanos| three_digits(nanos as f64 / 1e3))
                    .join(" / "),
            )
        },
        last: None,
    },
    Table {
        title: "Write amplification",
        what: "Bytes written over bytes put, until the engine rests, and then after a full compaction.",
        cell: |row| {
            let [rest, compacted] = [row.amplification?, row.compacted_amplification?];
            Some(format!("{rest:.2} / {compacted:.2}"))
        },
        last: None,
    },
    Table {
        title: "System calls a put",
        what: "All of them, counted in a run of its own.",
        cell: |row| Some(format!("{:.2}", row.calls_per_put?)),
        last: None,
    },
    Table {
        title: "Disk and memory",
        what: "MiB: on disk at rest / in memory at the peak, mapped pages included / seconds to open the store.",
        cell: |row| {
            let mib = |bytes: f64| format!("{:.0}", bytes / f64::from(1 << 20));
            let (disk, memory) = (mib(row.disk_bytes), mib(row.peak_memory?));
            Some(format!("{disk} / {memory} / {:.2}", row.open_seconds))
        },
        last: None,
    },
];

impl Table {
    /// Empty if no workload has a figure for it.
    fn of(&self, sections: &[Section], engines: &[Name]) -> String {
        let rows: String = sections
            .iter()
            .filter_map(|section| self.row(section, engines))
            .collect();
        if rows.is_empty() {
            return String::new();
        }
        let mut heads: Vec<String> = engines.iter().map(ToString::to_string).collect();
        heads.extend(self.last.map(|(head, _)| head.to_owned()));
        let rule = "---:|".repeat(heads.len());
        format!(
            "\n### {}\n\n{}\n\n| | {} |\n|---|{rule}\n{rows}",
            self.title,
            self.what,
            heads.join(" | ")
        )
    }

    fn row(&self, section: &Section, engines: &[Name]) -> Option<String> {
        // What a workload does is said once.
        let name = match self.last {
            Some(_) => format!("{}: {}", name(section), section.what),
            None => name(section),
        };
        let mut out = format!("| {name} |");
        let mut has_figure = false;
        for engine in engines {
            let row = section.rows.iter().find(|row| row.engine == *engine);
            let cell = row.and_then(|row| Some((row, (self.cell)(row)?)));
            has_figure |= cell.is_some();
            let _ = match cell {
                Some((row, text)) if row.lesser.is_some() => write!(out, " {text}\u{a0}\\* |"),
                Some((_, text)) => write!(out, " {text} |"),
                None => write!(out, " – |"),
            };
        }
        if let Some((_, last)) = self.last {
            let _ = write!(out, " {} |", last(section));
        }
        has_figure.then(|| out + "\n")
    }
}

fn name(section: &Section) -> String {
    match section.side.as_str() {
        "" => section.workload.to_owned(),
        side => format!("{}, the {side}", section.workload),
    }
}

/// `0.97 × RocksDB, a draw (goal 1.0)`
fn verdict(section: &Section) -> String {
    let (Some(peer), Some(ratio), Some(verdict)) =
        (section.best_peer, section.ratio, section.verdict)
    else {
        return "–".into();
    };
    let goal = section.goal.map(|goal| format!(" (goal {goal:.1})"));
    format!(
        "{ratio:.2} × {peer}, {}{}",
        verdict_word(verdict),
        goal.unwrap_or_default()
    )
}

/// Text that Markdown takes as it is.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if matches!(letter, '*' | '_' | '<' | '>' | '|' | '`' | '[' | ']' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canned;

    #[test]
    fn a_row_a_workload_and_a_column_an_engine() {
        let text = of(&canned::record());
        for line in [
            "| | Mini-LSM | RocksDB | redb | ours ÷ the best peer |",
            "| fillrandom: puts in random order | 100\u{a0}k | 200\u{a0}k | 400\u{a0}k\u{a0}\\* | 0.50 × RocksDB, behind (goal 1.0) |",
            "| readwhilewriting, the reader: random gets beside one random writer | 200 | 100 | – | 2.00 × RocksDB, ahead (goal 1.0) |",
            "| fillrandom | 2.50 / 3.80 | 2.50 / 3.80 | 2.50 / 3.80\u{a0}\\* |",
            "| fillrandom | – | 1.25 | – |",
            "- RocksDB, fillrandom, round 3: key 4 was put, and was not found",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "no line\n{line}\nin\n{text}"
            );
        }
    }

    #[test]
    fn a_table_without_a_figure_is_left_out() {
        let mut record = canned::record();
        record.calls.clear();
        assert!(!of(&record).contains("System calls"));
    }

    #[test]
    fn what_markdown_would_read_is_escaped() {
        assert!(of(&canned::record()).contains("A \\<fast\\> processor"));
    }
}
