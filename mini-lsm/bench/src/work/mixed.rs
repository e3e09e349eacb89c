//! Workloads that read and write: a reader beside a writer, and the mixes of YCSB.
//!
//! The client of YCSB remembers what it has put: eight bytes a key, which count in the peak memory of these workloads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use super::verify::Contents;
use super::zipf::Zipf;
use super::{Side, Task, Work, read, verify, write};
use crate::data::{self, Shuffle};
use crate::engine::Engine;
use crate::measure::Laps;
use crate::script::{Expected, LOADED, Op, Script};
use crate::workloads::{Base, Mix};

/// One thread gets N random keys, another one puts as many as it can meanwhile.
pub fn read_while_writing<E: Engine>(engine: &E, task: &Task) -> Result<Work> {
    let script = Script::overwrites(task.n, task.seed);
    let is_over = AtomicBool::new(false);
    let (reader, writer) = thread::scope(|scope| {
        let writer = scope.spawn(|| write_until(engine, &script, &is_over));
        let reader = read_some(engine, task);
        is_over.store(true, Ordering::Relaxed);
        let writer = writer.join().ok().context("the writer panicked")?;
        anyhow::Ok((reader?, writer?))
    })?;
    let writes = writer.ops;
    Ok(Work {
        sides: vec![reader, writer],
        writes,
        bytes_put: script.bytes(writes),
        expected: Some(Contents::Replay {
            base: Base::Copy,
            n: task.n,
            script: script.first(writes),
        }),
    })
}

fn read_some<E: Engine>(engine: &E, task: &Task) -> Result<Side> {
    let seed = !task.seed;
    let begin = Instant::now();
    let mut laps = Laps::start();
    for turn in 0..task.n {
        let index = data::random_below(seed, turn, task.n);
        // Which version it is cannot be known; that it is one of this key's, whole, can.
        laps.sample(turn, || read::get(engine, data::present(index)))?;
    }
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Side::new("reader", task.n, seconds, Some(&laps)))
}

fn write_until<E: Engine>(engine: &E, script: &Script, is_over: &AtomicBool) -> Result<Side> {
    let begin = Instant::now();
    let mut laps = Laps::start();
    let mut turn = 0;
    // At least one, so that there is something to divide by.
    while turn == 0 || !is_over.load(Ordering::Relaxed) {
        write::apply(engine, script.op(turn))?;
        laps.lap();
        turn += 1;
    }
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Side::new("writer", turn, seconds, Some(&laps)))
}

/// One client. It knows what it has put, so every read is checked for its version too.
pub fn ycsb<E: Engine>(engine: &E, mix: Mix, task: &Task) -> Result<Work> {
    let mut client = Client {
        engine,
        zipf: Zipf::new(task.n, task.seed),
        coin: !task.seed,
        expected: Expected::loaded(task.n),
        gaps: Shuffle::new(task.n, task.seed),
        inserted: 0,
        writes: 0,
    };
    let begin = Instant::now();
    let mut laps = Laps::start();
    for turn in 0..task.n {
        client.step(mix, turn)?;
        laps.lap();
    }
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Work {
        sides: vec![Side::new("", task.n, seconds, Some(&laps))],
        writes: client.writes,
        bytes_put: client.writes * data::ENTRY_LEN,
        expected: Some(Contents::Known(client.expected)),
    })
}

struct Client<'e, E> {
    engine: &'e E,
    zipf: Zipf,
    /// The seed of the choice between reading and writing.
    coin: u64,
    expected: Expected,
    /// Where mix E puts its new keys: between the loaded ones, each place once.
    gaps: Shuffle,
    inserted: u64,
    writes: u64,
}

impl<E: Engine> Client<'_, E> {
    fn step(&mut self, mix: Mix, turn: u64) -> Result<()> {
        let number = data::present(self.zipf.index(turn));
        let writes_of_100 = match mix {
            Mix::A => 50,
            Mix::B | Mix::E => 5,
            Mix::C => 0,
        };
        let writes = data::random_below(self.coin, turn, 100) < writes_of_100;
        match mix {
            Mix::E if writes => {
                let gap = data::missing(self.gaps.at(self.inserted));
                self.inserted += 1;
                self.put(gap, turn)
            }
            Mix::E => self.scan(number, 1 + data::random_below(self.coin, !turn, 100)),
            _ if writes => self.put(number, turn),
            _ => self.get(number),
        }
    }

    fn put(&mut self, number: u64, turn: u64) -> Result<()> {
        let op = Op::Put {
            number,
            version: LOADED + 1 + turn,
        };
        write::apply(self.engine, op)?;
        self.expected.apply(op);
        self.writes += 1;
        Ok(())
    }

    fn get(&self, number: u64) -> Result<()> {
        let version = read::get(self.engine, number)?;
        let expected = self.expected.version(number);
        Ok(verify::expect_version(number, version, expected)?)
    }

    fn scan(&self, number: u64, count: u64) -> Result<()> {
        let expected = self.expected.entries(number).take(count as usize);
        verify::part(self.engine, number, expected)
    }
}
