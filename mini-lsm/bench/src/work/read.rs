//! Workloads that only read a loaded store, and check what they read.

use std::time::Instant;

use anyhow::{Result, bail};

use super::{Side, Task, Work, verify};
use crate::data::{self, WrongRead};
use crate::engine::Engine;
use crate::measure::Laps;
use crate::script::LOADED;

/// One scan of a million entries takes a tenth of a second: too short to time.
const PASSES: u64 = 4;
const ENTRIES_A_SEEK: u64 = 11;

/// Gets every key once, in order, so that every block is in the cache if it fits. Not part of any figure.
pub fn warm<E: Engine>(engine: &E, n: u64) -> Result<()> {
    for index in 0..n {
        get_loaded(engine, index)?;
    }
    Ok(())
}

pub fn sequential<E: Engine>(engine: &E, task: &Task) -> Result<Work> {
    let begin = Instant::now();
    for _ in 0..PASSES {
        verify::loaded(engine, 0, task.n)?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    // Once more, and every byte of it.
    verify::contents(engine, verify::Contents::Loaded { n: task.n })?;
    Ok(Work::reading(Side::new("", PASSES * task.n, seconds, None)))
}

pub fn random<E: Engine>(engine: &E, task: &Task) -> Result<Work> {
    timed(task.n, |turn| {
        get_loaded(engine, data::random_below(task.seed, turn, task.n))
    })
}

pub fn missing<E: Engine>(engine: &E, task: &Task) -> Result<Work> {
    timed(task.n, |turn| {
        let number = data::missing(data::random_below(task.seed, turn, task.n));
        if engine.get(&data::key(number), |_| ())?.is_some() {
            bail!("key {number} was never put, and was found");
        }
        Ok(())
    })
}

pub fn seek<E: Engine>(engine: &E, task: &Task) -> Result<Work> {
    timed(task.n, |turn| {
        let index = data::random_below(task.seed, turn, task.n);
        verify::loaded(engine, index, ENTRIES_A_SEEK.min(task.n - index))
    })
}

/// The version of key `number`, which has to be there, its value whole.
pub fn get<E: Engine>(engine: &E, number: u64) -> Result<u64> {
    let version = engine
        .get(&data::key(number), |value| data::check(number, value))?
        .ok_or_else(|| WrongRead::new(format!("key {number} was put, and was not found")))??;
    Ok(version)
}

fn get_loaded<E: Engine>(engine: &E, index: u64) -> Result<()> {
    let number = data::present(index);
    Ok(verify::expect_version(
        number,
        get(engine, number)?,
        LOADED,
    )?)
}

fn timed(ops: u64, call: impl Fn(u64) -> Result<()>) -> Result<Work> {
    let begin = Instant::now();
    let mut laps = Laps::start();
    for turn in 0..ops {
        laps.sample(turn, || call(turn))?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Work::reading(Side::new("", ops, seconds, Some(&laps))))
}
