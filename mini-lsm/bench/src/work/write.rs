//! Workloads that only write: one writer, or several that wait for a sync each.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use super::verify::Contents;
use super::{Side, Task, Work};
use crate::calls::{self, Mark};
use crate::data;
use crate::engine::Engine;
use crate::measure::Laps;
use crate::script::{Op, Script};
use crate::workloads::Kind;

pub fn apply<E: Engine>(engine: &E, op: Op) -> Result<()> {
    match op {
        Op::Put { number, version } => {
            engine.put(&data::key(number), &data::value(number, version))
        }
        Op::Delete { number } => engine.delete(&data::key(number)),
    }
}

pub fn run<E: Engine>(engine: &E, kind: Kind, task: &Task) -> Result<Work> {
    let script =
        Script::of(kind, task.n, task.seed).context("this workload does not only write")?;
    let side = match kind {
        Kind::Sync { writers } => many(engine, &script, writers)?,
        _ => one(engine, &script)?,
    };
    Ok(Work {
        sides: vec![side],
        writes: script.ops,
        bytes_put: script.bytes(script.ops),
        expected: Some(Contents::Replay {
            base: kind.base(),
            n: task.n,
            script,
        }),
    })
}

fn one<E: Engine>(engine: &E, script: &Script) -> Result<Side> {
    calls::mark(Mark::Begin);
    let begin = Instant::now();
    let mut laps = Laps::start();
    for turn in 0..script.ops {
        apply(engine, script.op(turn))?;
        laps.lap();
    }
    let seconds = begin.elapsed().as_secs_f64();
    calls::mark(Mark::End);
    Ok(Side::new("", script.ops, seconds, Some(&laps)))
}

/// Writer `w` of `writers` takes every `writers`-th write, from the `w`-th on.
fn many<E: Engine>(engine: &E, script: &Script, writers: u64) -> Result<Side> {
    let ready = Barrier::new(writers as usize + 1);
    let writer = |first: u64| {
        ready.wait();
        let mut laps = Laps::start();
        for turn in (first..script.ops).step_by(writers as usize) {
            apply(engine, script.op(turn))?;
            laps.lap();
        }
        anyhow::Ok(laps)
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..writers)
            .map(|first| scope.spawn(move || writer(first)))
            .collect();
        // The writers wait for this thread, so all of them have been started.
        calls::mark(Mark::Begin);
        ready.wait();
        let begin = Instant::now();
        let mut all = Laps::start();
        for writer in writers {
            let laps = writer.join().ok().context("a writer panicked")??;
            all.add(&laps)?;
        }
        let seconds = begin.elapsed().as_secs_f64();
        calls::mark(Mark::End);
        Ok(Side::new("", script.ops, seconds, Some(&all)))
    })
}
