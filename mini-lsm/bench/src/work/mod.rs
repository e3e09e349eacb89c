//! What a child process does: one task on one engine, then it ends, so that no run inherits memory, threads or caches
//! from another one.

mod mixed;
mod probe;
mod read;
mod verify;
mod write;
mod zipf;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Settings};
use crate::engines::{self, Job, Name};
use crate::measure::{self, Laps, Latency, Written};
use crate::script::Script;
use crate::workloads::{Cache, Kind, Workload};

/// What the parent asks of a child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub engine: Name,
    pub what: What,
    /// The store: as the workload wants to find it.
    pub dir: PathBuf,
    pub n: u64,
    pub seed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// A small store through all calls: does the engine work at all?
    Probe,
    /// A store of `n` keys, loaded in random order and compacted.
    Load,
    Workload(String),
}

/// What a child answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// The engine passed; what it says of itself.
    Facts(Vec<String>),
    Done,
    Outcome(Outcome),
}

/// The figures of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// One, or two where threads did different work.
    pub sides: Vec<Side>,
    /// How long it took to open the store.
    pub open_seconds: f64,
    pub disk_bytes: u64,
    pub peak_memory: Option<u64>,
    /// For workloads that write.
    pub writing: Option<Writing>,
}

/// What some threads did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Empty where there is only one.
    pub name: String,
    pub ops: u64,
    pub seconds: f64,
    pub latency: Option<Latency>,
}

/// What became of the bytes that were put.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Writing {
    pub bytes_put: u64,
    /// Writes of the process until the engine rests, over `bytes_put`.
    pub amplification: Option<f64>,
    /// Calls of `write` and its kin during the measured part, over the puts and deletions in it.
    pub writes_per_put: Option<f64>,
    /// How long the engine worked on after the last put.
    pub rest_seconds: f64,
    /// The same two after a full compaction, for workloads that only write.
    pub compacted: Option<Compacted>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compacted {
    pub amplification: Option<f64>,
    pub disk_bytes: u64,
}

pub fn run(task: &Task) -> Result<Answer> {
    engines::run(task.engine, task)
}

impl Job for &Task {
    type Output = Answer;

    fn run<E: Engine>(self) -> Result<Answer> {
        match &self.what {
            What::Probe => Ok(Answer::Facts(probe::run::<E>(&self.dir)?)),
            What::Load => {
                load::<E>(self)?;
                Ok(Answer::Done)
            }
            What::Workload(name) => {
                let workload =
                    Workload::find(name).with_context(|| format!("no workload {name}"))?;
                Ok(Answer::Outcome(measure_workload::<E>(self, workload)?))
            }
        }
    }
}

fn load<E: Engine>(task: &Task) -> Result<()> {
    let mut engine = E::open(&task.dir, &Settings::default())?;
    let script = Script::load(task.n, task.seed);
    for turn in 0..script.ops {
        write::apply(&engine, script.op(turn))?;
    }
    engine.compact()?;
    measure::wait_for_rest()?;
    engine.close()
}

/// What the measured part of a workload leaves.
struct Work {
    sides: Vec<Side>,
    /// How many puts and deletions were in it, and their bytes.
    writes: u64,
    bytes_put: u64,
    /// What the store has to hold now.
    expected: Option<verify::Contents>,
}

fn measure_workload<E: Engine>(task: &Task, workload: &Workload) -> Result<Outcome> {
    let begin = Instant::now();
    let mut engine = E::open(&task.dir, &workload.settings(task.n))?;
    let open_seconds = begin.elapsed().as_secs_f64();
    if workload.cache == Cache::Warm {
        read::warm(&engine, task.n)?;
    }
    let before = Written::so_far();
    let work = work(&engine, workload.kind, task)?;
    let during = Written::since(before);
    let mut outcome = Outcome {
        sides: work.sides,
        open_seconds,
        disk_bytes: 0,
        peak_memory: None,
        writing: None,
    };
    if workload.kind.writes() {
        let rest = measure::wait_for_rest()?;
        let per = |count: u64, over: u64| count as f64 / over as f64;
        outcome.writing = Some(Writing {
            bytes_put: work.bytes_put,
            amplification: Written::since(before).map(|all| per(all.bytes, work.bytes_put)),
            writes_per_put: during.map(|during| per(during.calls, work.writes)),
            rest_seconds: rest.as_secs_f64(),
            compacted: None,
        });
    }
    outcome.disk_bytes = measure::disk_bytes(&task.dir)?;
    outcome.peak_memory = measure::peak_memory();
    if let (Kind::Write(_), Some(writing)) = (workload.kind, &mut outcome.writing) {
        writing.compacted = Some(compact(&mut engine, &task.dir, before, work.bytes_put)?);
    }
    // The figures are taken: from here on only the contents matter.
    if let Some(expected) = work.expected {
        verify::contents(&engine, expected)?;
    }
    engine.close()?;
    Ok(outcome)
}

fn work<E: Engine>(engine: &E, kind: Kind, task: &Task) -> Result<Work> {
    match kind {
        Kind::Write(_) | Kind::Sync { .. } => write::run(engine, kind, task),
        Kind::ReadSeq => read::sequential(engine, task),
        Kind::ReadRandom => read::random(engine, task),
        Kind::ReadMissing => read::missing(engine, task),
        Kind::Seek => read::seek(engine, task),
        Kind::ReadWhileWriting => mixed::read_while_writing(engine, task),
        Kind::Mixed(mix) => mixed::ycsb(engine, mix, task),
    }
}

fn compact<E: Engine>(
    engine: &mut E,
    dir: &Path,
    before: Option<Written>,
    bytes_put: u64,
) -> Result<Compacted> {
    engine.compact()?;
    measure::wait_for_rest()?;
    Ok(Compacted {
        amplification: Written::since(before).map(|all| all.bytes as f64 / bytes_put as f64),
        disk_bytes: measure::disk_bytes(dir)?,
    })
}

impl Side {
    fn new(name: &str, ops: u64, seconds: f64, laps: Option<&Laps>) -> Self {
        Self {
            name: name.to_owned(),
            ops,
            seconds,
            latency: laps.map(Laps::latency),
        }
    }
}

impl Work {
    /// Of threads that only read.
    fn reading(side: Side) -> Self {
        Self {
            sides: vec![side],
            writes: 0,
            bytes_put: 0,
            expected: None,
        }
    }
}
