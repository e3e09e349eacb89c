//! What has to be said beside the figures, on the screen as in the picture.

use super::Record;
use super::summary::{self, Section};
use crate::data::{KEY_LEN, VALUE_LEN};
use crate::engine::{CACHE_BYTES, FILTER_BITS, LARGE_CACHE_BYTES, WRITE_BUFFER_BYTES};
use crate::promises;
use crate::workloads::Workload;

/// What was run, on what, and with which settings.
pub fn setting(record: &Record) -> Vec<String> {
    let machine = &record.machine;
    let memory = machine
        .memory_bytes
        .map(|bytes| format!(" · {} GiB", bytes.div_ceil(1 << 30)));
    let disk = machine
        .file_system
        .as_ref()
        .map(|kind| format!(" · {kind}"));
    let kind = if record.quick {
        "quick run: it proves that everything runs, and no figure · "
    } else {
        ""
    };
    let mut lines = vec![
        format!(
            "{kind}N = {} · {} round{} · {} · {} · {} cores{}{}",
            thousands(record.n),
            record.rounds,
            if record.rounds == 1 { "" } else { "s" },
            machine.system,
            machine.processor,
            machine.cores,
            memory.unwrap_or_default(),
            disk.unwrap_or_default(),
        ),
        format!(
            "{KEY_LEN}-byte keys, {VALUE_LEN}-byte incompressible values · {} MiB write buffer · {} MiB block cache ({} MiB or all of the data where warm) · {FILTER_BITS} bits a key · no compression · log on · checksums verified",
            WRITE_BUFFER_BYTES >> 20,
            CACHE_BYTES >> 20,
            LARGE_CACHE_BYTES >> 20,
        ),
    ];
    lines.extend(
        machine
            .doubts()
            .into_iter()
            .map(|doubt| format!("warning: {doubt}")),
    );
    lines
}

/// Titles, and what stands under them; none is empty.
pub fn groups(record: &Record) -> Vec<(&'static str, Vec<String>)> {
    let mut groups = vec![
        ("what the engines say of themselves", facts(record)),
        ("promises less, and is never the best", lesser(record)),
        ("could not be set like the others", unmatched(record)),
        ("left out", left_out(record)),
        ("failed", failed(record)),
    ];
    groups.retain(|(_, lines)| !lines.is_empty());
    groups
}

/// For workloads with several sides: the peers that ours holds against on all of them.
pub fn all_sides(sections: &[Section], workload: &str) -> Option<String> {
    let peers = summary::matched_on_all_sides(sections, workload)?;
    let names: Vec<String> = peers.iter().map(ToString::to_string).collect();
    let names = match names.is_empty() {
        true => "no peer".to_owned(),
        false => names.join(", "),
    };
    Some(format!("on both sides at least a draw with: {names}"))
}

/// Digits in groups of three.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits"))
        .collect();
    groups.join(",")
}

fn facts(record: &Record) -> Vec<String> {
    let facts = record.engines.iter().flat_map(|entry| {
        let say = move |fact: &String| format!("{}: {fact}", entry.engine);
        entry.facts.iter().map(say)
    });
    facts.collect()
}

/// One line for all workloads on which an engine lacks the same.
fn lesser(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    for lesser in promises::LESSER {
        let mut on: Vec<&str> = Vec::new();
        for run in record.runs.iter().filter(|run| run.engine == lesser.engine) {
            let Some(workload) = Workload::find(&run.workload) else {
                continue;
            };
            if (lesser.on)(workload.kind) && !on.contains(&workload.name) {
                on.push(workload.name);
            }
        }
        if !on.is_empty() {
            lines.push(format!(
                "{}, {}: {}",
                lesser.engine,
                on.join(", "),
                lesser.what
            ));
        }
    }
    lines
}

fn unmatched(record: &Record) -> Vec<String> {
    let took_part = |engine| record.engines.iter().any(|entry| entry.engine == engine);
    let rows = promises::UNMATCHED
        .iter()
        .filter(|row| took_part(row.engine));
    rows.map(|row| format!("{}, {}: {}", row.engine, row.setting, row.what))
        .collect()
}

fn left_out(record: &Record) -> Vec<String> {
    let lines = record.left_out.iter();
    lines
        .map(|left| format!("{}: {}", left.engine, left.why))
        .collect()
}

fn failed(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    for run in &record.runs {
        if let Err(why) = &run.result {
            let round = run.round + 1;
            lines.push(format!(
                "{}, {}, round {round}: {why}",
                run.engine, run.workload
            ));
        }
    }
    if record.not_run > 0 {
        lines.push(format!("{} runs had no time left", record.not_run));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        let texts = [0, 999, 1_000, 20_000, 1_000_000].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "20,000", "1,000,000"]);
    }
}
