//! A record that tests of the reports share: round figures, so that a reader can check them in the head.

use super::{Calls, Entry, LeftOut, Record, Run};
use crate::engines::Name;
use crate::machine::Machine;
use crate::measure::Latency;
use crate::work::{Compacted, Outcome, Side, Writing};

pub fn record() -> Record {
    let mut runs = Vec::new();
    for (round, ops) in [(0, 100_000), (1, 90_000), (2, 110_000)] {
        runs.push(run(Name::Ours, "fillrandom", round, Ok(filling(ops))));
    }
    for (round, ops) in [(0, 190_000), (1, 210_000)] {
        runs.push(run(Name::RocksDb, "fillrandom", round, Ok(filling(ops))));
    }
    let failure = "key 4 was put, and was not found".to_owned();
    runs.push(run(Name::RocksDb, "fillrandom", 2, Err(failure)));
    runs.push(run(Name::Redb, "fillrandom", 0, Ok(filling(400_000))));
    runs.push(run(Name::Ours, "readwhilewriting", 0, Ok(both(200, 100))));
    runs.push(run(
        Name::RocksDb,
        "readwhilewriting",
        0,
        Ok(both(100, 200)),
    ));
    Record {
        machine: Machine {
            system: "linux x86_64 6.1".into(),
            processor: "A <fast> processor".into(),
            cores: 2,
            memory_bytes: Some(8 << 30),
            file_system: Some("ext4".into()),
            load_at_start: Some(0.1),
        },
        n: 1_000_000,
        rounds: 3,
        quick: false,
        engines: [Name::Ours, Name::RocksDb, Name::Redb].map(entry).to_vec(),
        left_out: vec![LeftOut {
            engine: Name::Starter,
            why: "day 3, task 1: MemTable::get".into(),
            is_failure: false,
        }],
        runs,
        calls: vec![Calls {
            engine: Name::RocksDb,
            workload: "fillrandom".into(),
            per_put: 1.25,
        }],
        not_run: 0,
    }
}

fn entry(engine: Name) -> Entry {
    let facts = match engine {
        Name::RocksDb => vec!["Fast CRC32 supported: Supported on x86".into()],
        _ => Vec::new(),
    };
    Entry { engine, facts }
}

fn run(engine: Name, workload: &str, round: u32, result: Result<Outcome, String>) -> Run {
    Run {
        engine,
        workload: workload.to_owned(),
        round,
        result,
    }
}

fn side(name: &str, ops: u64) -> Side {
    Side {
        name: name.to_owned(),
        ops,
        seconds: 1.0,
        latency: Some(Latency {
            p50: 1_500,
            p99: 9_000,
            p999: 20_000,
            worst: 36_000_000,
        }),
    }
}

fn filling(ops: u64) -> Outcome {
    Outcome {
        sides: vec![side("", ops)],
        open_seconds: 0.25,
        disk_bytes: 200 << 20,
        peak_memory: Some(150 << 20),
        writing: Some(Writing {
            bytes_put: 116_000_000,
            amplification: Some(2.5),
            writes_per_put: Some(1.0),
            rest_seconds: 0.5,
            compacted: Some(Compacted {
                amplification: Some(3.8),
                disk_bytes: 120 << 20,
            }),
        }),
    }
}

fn both(reads: u64, writes: u64) -> Outcome {
    Outcome {
        sides: vec![side("reader", reads), side("writer", writes)],
        ..filling(1)
    }
}
