//! The parent: whose turn it is. One process a run; the engines take turns within a round, and each round begins with
//! another one, so that what drifts on the machine drifts for all.

mod child;
mod stores;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use self::child::Children;
use self::stores::Stores;
use crate::args::Ask;
use crate::engines::Name;
use crate::machine::Machine;
use crate::report::table::count;
use crate::report::{Calls, Entry, LeftOut, Record, Run};
use crate::script::Script;
use crate::work::{Answer, Outcome, Task, What};
use crate::workloads::{Base, Workload};

/// How long a quick run may take in all.
const QUICK_BUDGET: Duration = Duration::from_secs(120);
const SEED: u64 = 0x5eed;
const CALLS_N: u64 = 20_000;

/// Does what was asked for, telling on stderr how far it is.
pub fn run(ask: &Ask) -> Result<Record> {
    std::fs::create_dir_all(&ask.dir)
        .with_context(|| format!("cannot create {}", ask.dir.display()))?;
    let place = tempfile::tempdir_in(&ask.dir)
        .with_context(|| format!("cannot create a directory in {}", ask.dir.display()))?;
    let mut bench = Bench {
        ask,
        begin: Instant::now(),
        children: Children::new(ask)?,
        stores: Stores::new(place.path()),
        record: Record {
            machine: Machine::look(place.path()),
            n: ask.n,
            rounds: ask.rounds,
            quick: ask.quick,
            engines: Vec::new(),
            left_out: Vec::new(),
            runs: Vec::new(),
            calls: Vec::new(),
            not_run: 0,
        },
    };
    for doubt in bench.record.machine.doubts() {
        eprintln!("warning: {doubt}");
    }
    for engine in &ask.engines {
        bench.admit(*engine);
    }
    bench.load();
    bench.count_calls()?;
    bench.rounds();
    Ok(bench.record)
}

struct Bench<'a> {
    ask: &'a Ask,
    begin: Instant,
    children: Children,
    stores: Stores,
    record: Record,
}

impl Bench<'_> {
    /// Tries the engine on a small store; one that does not work is left out, with the reason.
    fn admit(&mut self, engine: Name) {
        if !engine.is_built_in() {
            let why = "not in this build".to_owned();
            return self.leave_out(engine, why, false);
        }
        match self.probe(engine) {
            Ok(facts) => self.record.engines.push(Entry { engine, facts }),
            Err(why) => self.leave_out(engine, format!("{why:#}"), true),
        }
    }

    fn probe(&self, engine: Name) -> Result<Vec<String>> {
        let dir = self.stores.empty()?;
        let task = self.task(engine, What::Probe, dir, 0);
        let answer = self.children.run(&task);
        self.stores.clear()?;
        match answer? {
            Answer::Facts(facts) => Ok(facts),
            other => anyhow::bail!("a probe answered {other:?}"),
        }
    }

    /// The stores that workloads start from.
    fn load(&mut self) {
        if self
            .ask
            .workloads
            .iter()
            .all(|workload| workload.kind.base() == Base::Empty)
        {
            return;
        }
        for engine in self.engines() {
            eprintln!("loading {engine}");
            if let Err(why) = self.load_one(engine) {
                self.record.engines.retain(|entry| entry.engine != engine);
                self.leave_out(engine, format!("when it was loaded: {why:#}"), true);
            }
        }
    }

    fn load_one(&self, engine: Name) -> Result<()> {
        let task = self.task(engine, What::Load, self.stores.loaded(engine), 0);
        self.children.run(&task)?;
        self.stores.settle(engine)
    }

    /// Once for each engine and workload, with few operations: tracing makes each of them slow, and what a put needs
    /// does not change with their number.
    fn count_calls(&mut self) -> Result<()> {
        let fills = |workload: &&&Workload| workload.kind.base() == Base::Empty;
        for workload in self.ask.workloads.iter().filter(fills) {
            for engine in self.engines() {
                let what = What::Workload(workload.name.to_owned());
                let mut task = self.task(engine, what, self.stores.empty()?, 0);
                task.n = task.n.min(CALLS_N);
                let counted = self.children.count_calls(&task);
                self.stores.clear()?;
                let Some(script) = Script::of(workload.kind, task.n, task.seed) else {
                    continue;
                };
                if let Some(count) = counted? {
                    self.record.calls.push(Calls {
                        engine,
                        workload: workload.name.to_owned(),
                        per_put: count as f64 / script.ops as f64,
                    });
                }
            }
        }
        Ok(())
    }

    fn rounds(&mut self) {
        let engines = self.engines();
        let all = self.ask.rounds as usize * self.ask.workloads.len() * engines.len();
        let mut turn = 0;
        for round in 0..self.ask.rounds {
            for workload in &self.ask.workloads {
                for place in 0..engines.len() {
                    let engine = engines[(place + round as usize) % engines.len()];
                    turn += 1;
                    if self.ask.quick && self.begin.elapsed() > QUICK_BUDGET {
                        self.record.not_run += 1;
                        continue;
                    }
                    self.turn(engine, workload, round, &format!("{turn}/{all}"));
                }
            }
        }
        if self.record.not_run > 0 {
            eprintln!("the two minutes of a quick run are over");
        }
    }

    fn turn(&mut self, engine: Name, workload: &'static Workload, round: u32, place: &str) {
        let result = self.measure(engine, workload, round);
        let result = result.map_err(|why| format!("{why:#}"));
        eprintln!("{place} · {} · {engine}: {}", workload.name, told(&result));
        self.record.runs.push(Run {
            engine,
            workload: workload.name.to_owned(),
            round,
            result,
        });
    }

    fn measure(&self, engine: Name, workload: &Workload, round: u32) -> Result<Outcome> {
        let dir = match workload.kind.base() {
            Base::Empty => self.stores.empty()?,
            Base::Copy => self.stores.copy(engine)?,
            Base::Shared => self.stores.loaded(engine),
        };
        let what = What::Workload(workload.name.to_owned());
        let answer = self.children.run(&self.task(engine, what, dir, round));
        self.stores.clear()?;
        match answer? {
            Answer::Outcome(outcome) => Ok(outcome),
            other => anyhow::bail!("a workload answered {other:?}"),
        }
    }

    fn task(&self, engine: Name, what: What, dir: std::path::PathBuf, round: u32) -> Task {
        Task {
            engine,
            what,
            dir,
            n: self.ask.n,
            seed: SEED + u64::from(round),
        }
    }

    fn leave_out(&mut self, engine: Name, why: String, is_failure: bool) {
        eprintln!("{engine} is left out: {why}");
        // A learner's engine is allowed to be unfinished.
        let is_failure = is_failure && engine != Name::Starter;
        self.record.left_out.push(LeftOut {
            engine,
            why,
            is_failure,
        });
    }

    fn engines(&self) -> Vec<Name> {
        self.record
            .engines
            .iter()
            .map(|entry| entry.engine)
            .collect()
    }
}

fn told(result: &Result<Outcome, String>) -> String {
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(why) => return format!("FAILED: {why}"),
    };
    let mut line = String::new();
    for side in &outcome.sides {
        let speed = count(side.ops as f64 / side.seconds);
        let _ = match side.name.as_str() {
            "" => write!(line, "{speed}/s "),
            name => write!(line, "{name} {speed}/s "),
        };
    }
    line.trim_end().to_owned()
}
