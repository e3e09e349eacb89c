//! Does the engine work at all? A small store through every call that the workloads make, and a second time after it
//! was closed. An engine that stumbles here is left out, with the reason.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::verify::{self, Contents};
use super::{read, write};
use crate::data;
use crate::engine::{Engine, Settings};
use crate::measure;
use crate::script::{Expected, Script};
use crate::workloads::{Kind, Order};

const N: u64 = 2_000;
const SEED: u64 = 7;

/// What the engine says of itself.
pub fn run<E: Engine>(dir: &Path) -> Result<Vec<String>> {
    let settings = Settings {
        sync: true,
        ..Settings::default()
    };
    put_synced::<E>(dir, &settings).context("with synced puts")?;
    let settings = Settings::default();
    let mut engine = E::open(dir, &settings)?;
    let expected = change(&engine)?;
    engine.compact()?;
    look(&engine, &expected)?;
    let facts = engine.facts(dir);
    engine.close()?;
    let engine = E::open(dir, &settings).context("when it is opened again")?;
    verify::contents(&engine, Contents::Known(expected)).context("after it was opened again")?;
    engine.close()?;
    Ok(facts)
}

fn put_synced<E: Engine>(dir: &Path, settings: &Settings) -> Result<()> {
    let engine = E::open(dir, settings)?;
    let script = Script::load(N, SEED);
    for turn in 0..10 {
        write::apply(&engine, script.op(turn))?;
    }
    engine.close()
}

/// A load, overwrites and deletions.
fn change<E: Engine>(engine: &E) -> Result<Expected> {
    let mut expected = Expected::empty(N);
    let changes = [Order::Overwrite, Order::Delete];
    let changes = changes.map(|order| Script::of(Kind::Write(order), N, SEED));
    let load = Some(Script::load(N, SEED));
    for script in [load].into_iter().chain(changes).flatten() {
        for turn in 0..script.ops {
            write::apply(engine, script.op(turn))?;
        }
        let ops = script.ops;
        expected = expected.replay(&script, ops);
    }
    Ok(expected)
}

fn look<E: Engine>(engine: &E, expected: &Expected) -> Result<()> {
    for number in 0..2 * N {
        match expected.version(number) {
            0 => {
                let found = engine.get(&data::key(number), |_| ())?;
                ensure!(found.is_none(), "key {number} is not there, and was found");
            }
            version => verify::expect_version(number, read::get(engine, number)?, version)?,
        }
    }
    verify::part(engine, N, expected.entries(N).take(11))?;
    measure::wait_for_rest()?;
    Ok(())
}
