//! Medians over the rounds, the best peer of each workload, and ours as a ratio to it.

use serde::Serialize;

use super::{Record, Run};
use crate::engines::Name;
use crate::measure::Latency;
use crate::promises;
use crate::work::{Outcome, Side, Writing};
use crate::workloads::{self, Workload};

/// Within so much of each other, two figures are a draw.
const DRAW: f64 = 0.05;

/// One workload, or one side of it.
#[derive(Debug, Serialize)]
pub struct Section {
    pub workload: &'static str,
    pub what: &'static str,
    /// Empty where a workload has one only.
    pub side: String,
    pub rows: Vec<Row>,
    /// The fastest peer of those that promise as much as ours.
    pub best_peer: Option<Name>,
    /// Ours over the best peer.
    pub ratio: Option<f64>,
    pub verdict: Option<Verdict>,
    pub goal: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ahead,
    Draw,
    Behind,
}

/// An engine on a workload. Figures are medians of the rounds.
#[derive(Debug, PartialEq, Serialize)]
pub struct Row {
    pub engine: Name,
    pub rounds: usize,
    /// Operations a second.
    pub speed: Spread,
    /// Ours over this one.
    pub ours_over: Option<f64>,
    /// Of the percentiles the medians; of the worst calls the worst.
    pub latency: Option<Latency>,
    pub open_seconds: f64,
    pub disk_bytes: f64,
    pub peak_memory: Option<f64>,
    pub amplification: Option<f64>,
    pub compacted_amplification: Option<f64>,
    pub compacted_disk_bytes: Option<f64>,
    /// Calls of `write` and its kin only.
    pub writes_per_put: Option<f64>,
    /// All system calls.
    pub calls_per_put: Option<f64>,
    pub rest_seconds: Option<f64>,
    /// What it does not promise here.
    pub lesser: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

pub fn of(record: &Record) -> Vec<Section> {
    let mut sections = Vec::new();
    for workload in workloads::ALL {
        for side in sides(record, workload) {
            sections.push(section(record, workload, side));
        }
    }
    sections
}

/// The peers that ours is not behind of on any side of `workload`; `None` if there is only one side.
pub fn matched_on_all_sides(sections: &[Section], workload: &str) -> Option<Vec<Name>> {
    let sides: Vec<_> = sections
        .iter()
        .filter(|section| section.workload == workload)
        .collect();
    let (first, rest) = sides.split_first()?;
    if rest.is_empty() {
        return None;
    }
    let matches = |section: &Section, engine: Name| {
        let row = section.rows.iter().find(|row| row.engine == engine);
        row.and_then(|row| row.ours_over)
            .is_some_and(|ratio| ratio >= 1.0 - DRAW)
    };
    let peers = first
        .rows
        .iter()
        .filter(|row| row.engine.is_peer() && row.lesser.is_none());
    let engines = peers.map(|row| row.engine);
    Some(
        engines
            .filter(|engine| sides.iter().all(|side| matches(side, *engine)))
            .collect(),
    )
}

impl Spread {
    pub fn of(figures: &[f64]) -> Option<Self> {
        Some(Self {
            median: median(figures)?,
            min: figures.iter().copied().reduce(f64::min)?,
            max: figures.iter().copied().reduce(f64::max)?,
        })
    }
}

impl Verdict {
    pub fn of(ratio: f64) -> Self {
        if ratio > 1.0 + DRAW {
            Verdict::Ahead
        } else if ratio < 1.0 - DRAW {
            Verdict::Behind
        } else {
            Verdict::Draw
        }
    }
}

/// The middle one; of an even number, the middle between the two.
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(match sorted.len() % 2 {
        1 => upper,
        _ => f64::midpoint(sorted[sorted.len() / 2 - 1], upper),
    })
}

fn good_runs<'r>(
    record: &'r Record,
    workload: &Workload,
) -> impl Iterator<Item = (&'r Run, &'r Outcome)> {
    let runs = record
        .runs
        .iter()
        .filter(|run| run.workload == workload.name);
    runs.filter_map(|run| Some((run, run.result.as_ref().ok()?)))
}

fn sides(record: &Record, workload: &Workload) -> Vec<String> {
    match good_runs(record, workload).next() {
        Some((_, outcome)) => outcome.sides.iter().map(|side| side.name.clone()).collect(),
        None => Vec::new(),
    }
}

fn section(record: &Record, workload: &'static Workload, side: String) -> Section {
    let engines = record.engines.iter().map(|entry| entry.engine);
    let mut rows: Vec<Row> = engines
        .filter_map(|engine| row(record, workload, &side, engine))
        .collect();
    let ours = rows.iter().find(|row| row.engine == Name::Ours);
    let ours = ours.map(|row| row.speed.median);
    for row in &mut rows {
        row.ours_over = ours.map(|ours| ours / row.speed.median);
    }
    let best = rows
        .iter()
        .filter(|row| row.engine.is_peer() && row.lesser.is_none())
        .max_by(|a, b| a.speed.median.total_cmp(&b.speed.median));
    let (best_peer, ratio) = (
        best.map(|row| row.engine),
        best.and_then(|row| row.ours_over),
    );
    Section {
        workload: workload.name,
        what: workload.what,
        side,
        best_peer,
        ratio,
        verdict: ratio.map(Verdict::of),
        goal: workload.goal,
        rows,
    }
}

fn row(record: &Record, workload: &Workload, side: &str, engine: Name) -> Option<Row> {
    let runs: Vec<(&Outcome, &Side)> = good_runs(record, workload)
        .filter(|(run, _)| run.engine == engine)
        .filter_map(|(_, outcome)| {
            let side = outcome.sides.iter().find(|found| found.name == side)?;
            Some((outcome, side))
        })
        .collect();
    let middle = |figure: &dyn Fn(&Outcome) -> Option<f64>| {
        let figures: Vec<f64> = runs
            .iter()
            .filter_map(|(outcome, _)| figure(outcome))
            .collect();
        median(&figures)
    };
    let writing = |figure: fn(&Writing) -> Option<f64>| {
        middle(&|outcome| outcome.writing.as_ref().and_then(figure))
    };
    let mut counted = record.calls.iter();
    let calls = counted.find(|calls| calls.engine == engine && calls.workload == workload.name);
    let speeds: Vec<f64> = runs
        .iter()
        .map(|(_, side)| side.ops as f64 / side.seconds)
        .collect();
    Some(Row {
        engine,
        rounds: runs.len(),
        speed: Spread::of(&speeds)?,
        ours_over: None,
        latency: latency(runs.iter().filter_map(|(_, side)| side.latency)),
        open_seconds: middle(&|outcome| Some(outcome.open_seconds))?,
        disk_bytes: middle(&|outcome| Some(outcome.disk_bytes as f64))?,
        peak_memory: middle(&|outcome| outcome.peak_memory.map(|bytes| bytes as f64)),
        amplification: writing(|writing| writing.amplification),
        compacted_amplification: writing(|writing| writing.compacted.as_ref()?.amplification),
        compacted_disk_bytes: writing(|writing| {
            Some(writing.compacted.as_ref()?.disk_bytes as f64)
        }),
        writes_per_put: writing(|writing| writing.writes_per_put),
        calls_per_put: calls.map(|calls| calls.per_put),
        rest_seconds: writing(|writing| Some(writing.rest_seconds)),
        lesser: promises::lesser(engine, workload.kind),
    })
}

fn latency(rounds: impl Iterator<Item = Latency>) -> Option<Latency> {
    let rounds: Vec<Latency> = rounds.collect();
    let middle = |figure: fn(&Latency) -> u64| {
        let figures: Vec<f64> = rounds.iter().map(|round| figure(round) as f64).collect();
        median(&figures).map(|median| median as u64)
    };
    Some(Latency {
        p50: middle(|round| round.p50)?,
        p99: middle(|round| round.p99)?,
        p999: middle(|round| round.p999)?,
        worst: rounds.iter().map(|round| round.worst).max()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canned;

    fn section_of<'s>(sections: &'s [Section], workload: &str, side: &str) -> &'s Section {
        sections
            .iter()
            .find(|s| s.workload == workload && s.side == side)
            .unwrap()
    }

    #[test]
    fn the_median_is_the_middle_and_no_outlier_moves_it() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[900.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        let spread = Spread::of(&[5.0, 1.0, 2.0]).unwrap();
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 2.0, 5.0));
    }

    #[test]
    fn five_percent_are_a_draw() {
        let verdicts = [0.94, 0.951, 1.0, 1.049, 1.06].map(Verdict::of);
        use Verdict::{Ahead, Behind, Draw};
        assert_eq!(verdicts, [Behind, Draw, Draw, Draw, Ahead]);
    }

    #[test]
    fn the_ratio_is_to_the_best_peer_that_promises_as_much() {
        let sections = of(&canned::record());
        let fill = section_of(&sections, "fillrandom", "");
        assert_eq!(
            fill.best_peer,
            Some(Name::RocksDb),
            "redb is faster, and promises less"
        );
        assert_eq!(fill.ratio, Some(0.5));
        assert_eq!(fill.verdict, Some(Verdict::Behind));
        let redb = fill
            .rows
            .iter()
            .find(|row| row.engine == Name::Redb)
            .unwrap();
        assert!(redb.lesser.is_some());
        assert_eq!(redb.ours_over, Some(0.25));
    }

    #[test]
    fn the_learners_engine_is_nobodys_peer() {
        let mut record = canned::record();
        for run in &mut record.runs {
            if run.engine == Name::RocksDb {
                run.engine = Name::Starter;
            }
        }
        record.engines[1].engine = Name::Starter;
        let sections = of(&record);
        assert_eq!(section_of(&sections, "fillrandom", "").best_peer, None);
    }

    #[test]
    fn failed_runs_count_for_nothing() {
        let sections = of(&canned::record());
        let fill = section_of(&sections, "fillrandom", "");
        let rounds: Vec<usize> = fill.rows.iter().map(|row| row.rounds).collect();
        assert_eq!(rounds, [3, 2, 1], "one of RocksDB's failed");
    }

    #[test]
    fn both_sides_are_held_against_one_peer() {
        let sections = of(&canned::record());
        let reader = section_of(&sections, "readwhilewriting", "reader");
        let writer = section_of(&sections, "readwhilewriting", "writer");
        assert_eq!((reader.ratio, writer.ratio), (Some(2.0), Some(0.5)));
        let matched = |workload| matched_on_all_sides(&sections, workload);
        assert_eq!(matched("readwhilewriting"), Some(vec![]));
        assert_eq!(matched("fillrandom"), None);
    }

    #[test]
    fn the_worst_call_of_all_rounds_is_the_worst() {
        let latency = |p50, worst| Latency {
            p50,
            p99: 2,
            p999: 3,
            worst,
        };
        let all = [latency(1, 10), latency(7, 90), latency(2, 20)];
        let merged = super::latency(all.into_iter()).unwrap();
        assert_eq!((merged.p50, merged.worst), (2, 90));
    }
}
