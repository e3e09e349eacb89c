//! A thousand reopenings: what a store leaves behind at each end must not pile up.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use mini_lsm::LsmOptions;
use mini_lsm::fs::DiskFs;

use super::place::{Names, Place, strays};
use crate::history::{Map, read_all};
use crate::tally::Tally;

/// In memory: a thousand on disk wait for the disk only.
const COUNT: usize = 1000;

/// What a manifest of up to `tables` tables may come to: a snapshot names each of them in some 25
/// bytes, and a session adds an edit or two.
fn most_manifest(tables: usize) -> u64 {
    600 + 60 * tables as u64
}

/// What happens between two reopenings.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    /// Nothing at all.
    Idle,
    /// A write, and now and then a compaction.
    Write,
    /// A write, and compactions in the background, which a drop interrupts.
    Background,
}

/// All kinds of lives.
pub fn run(seed: u64, tally: &mut Tally) -> Result<()> {
    for life in [Life::Idle, Life::Write, Life::Background] {
        many(seed, life, tally).with_context(|| format!("{life:?}"))?;
    }
    Ok(())
}

fn many(seed: u64, life: Life, tally: &mut Tally) -> Result<()> {
    let mut rng = Rng::with_seed(seed);
    let place = Place::mem();
    let options = LsmOptions {
        background_compaction: life == Life::Background,
        background_flush: life == Life::Background,
        ..LsmOptions::for_test(Arc::new(DiskFs))
    };
    let mut map = Map::new();
    let mut left = Names::new();
    for count in 0..COUNT {
        let store = place.open(&options)?;
        let still = place.files()?.intersection(&left).next().cloned();
        ensure!(still.is_none(), "nobody removes {still:?}");
        ensure!(read_all(&store)? == map, "after reopening {count}");
        if life != Life::Idle {
            let (key, value) = (format!("key{}", rng.u8(..4)), format!("value{count}"));
            store.put(key.as_bytes(), value.as_bytes())?;
            map.insert(key.into_bytes(), value.into_bytes());
        }
        if life == Life::Write && count % 8 == 0 {
            store.compact()?;
        }
        let tables = store.metrics().levels.iter().map(Vec::len).sum();
        if rng.bool() {
            store.close()?;
        }
        drop(store);
        bounded(&place, tables, options.l0_stop_trigger)
            .with_context(|| format!("after reopening {count}"))?;
        left = strays(&*place.fs(), &place.dir())?;
        // A compaction that was interrupted may leave a table, until the next opening.
        ensure!(
            left.is_empty() || life == Life::Background,
            "after reopening {count} nobody needs {left:?}"
        );
        tally.count("reopenings", 1);
    }
    Ok(())
}

/// Some bytes a table, one log with one write, one manifest.
fn bounded(place: &Place, tables: usize, l0_stop: usize) -> Result<()> {
    ensure!(tables <= l0_stop + 4, "{tables} tables, of four keys");
    let logs = place.size_of(".wal")?;
    ensure!(logs <= 200, "{logs} bytes of logs, for one write");
    let manifest = place.size_of("MANIFEST")?;
    let most = most_manifest(tables);
    ensure!(
        manifest <= most,
        "a manifest of {manifest} bytes for {tables} tables, expected {most} at most"
    );
    Ok(())
}
