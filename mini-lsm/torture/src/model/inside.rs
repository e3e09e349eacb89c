//! What must hold of the inside of a store that one thread writes to, as `metrics` shows it.

use anyhow::{Context, Result, ensure};
use mini_lsm::compact::pick::score;
use mini_lsm::compact::{LevelsDesc, TableDesc};
use mini_lsm::lsm_storage::TableMetrics;
use mini_lsm::{LsmOptions, Metrics};

use super::words::show;

/// An error if something is not as it must be. `l0_at_open` tables were in L0 when the store was
/// opened.
pub fn check(metrics: &Metrics, options: &LsmOptions, l0_at_open: usize) -> Result<()> {
    if let Some(error) = &metrics.background_error {
        return Err(error.clone()).context("the background failed");
    }
    ensure!(
        metrics.levels.len() > options.level_count,
        "{} levels, where the options ask for {} beside L0",
        metrics.levels.len(),
        options.level_count
    );
    for tables in &metrics.levels {
        tables.iter().try_for_each(check_table)?;
    }
    for (level, tables) in metrics.levels.iter().enumerate().skip(1) {
        check_run(level, tables)?;
    }
    let frozen = metrics.frozen.iter().map(|memtable| memtable.id);
    let newest_first = std::iter::once(metrics.memtable.id).chain(frozen);
    ensure!(
        newest_first.is_sorted_by(|a, b| a > b),
        "memtables are not newest first: {:?}",
        metrics.frozen
    );
    let l0: Vec<_> = metrics.levels[0].iter().map(|table| table.id).collect();
    ensure!(
        l0.is_sorted_by(|a, b| a > b),
        "L0 is not newest first: {l0:?}"
    );
    check_bounds(metrics, options, l0_at_open)
}

/// Writers wait when too much piles up. One writer alone overshoots by what was in memory when it
/// began its last write: frozen memtables, the full one, and the one it writes to.
fn check_bounds(metrics: &Metrics, options: &LsmOptions, l0_at_open: usize) -> Result<()> {
    if !options.background_flush {
        return Ok(());
    }
    let (frozen, max) = (metrics.frozen.len(), options.max_frozen_memtables);
    ensure!(
        frozen <= max,
        "{frozen} frozen memtables wait, at most {max} may"
    );
    if options.background_compaction {
        let l0_len = metrics.levels[0].len();
        let most = l0_at_open.max(options.l0_stop_trigger + max + 1);
        ensure!(
            l0_len <= most,
            "{l0_len} tables in L0, where writes stop at {}",
            options.l0_stop_trigger
        );
    }
    Ok(())
}

fn check_table(table: &TableMetrics) -> Result<()> {
    let is_whole = table.first_key <= table.last_key && table.entry_count > 0 && table.size > 0;
    ensure!(is_whole, "a table makes no sense: {table:?}");
    Ok(())
}

/// From L1 on tables ascend and do not overlap.
fn check_run(level: usize, tables: &[TableMetrics]) -> Result<()> {
    for pair in tables.windows(2) {
        ensure!(
            pair[0].last_key < pair[1].first_key,
            "L{level} is not sorted: table {} ends with {}, and {} begins with {}",
            pair[0].id.0,
            show(&pair[0].last_key),
            pair[1].id.0,
            show(&pair[1].first_key)
        );
    }
    Ok(())
}

/// Whether the background threads have nothing to do.
pub fn is_settled(metrics: &Metrics, options: &LsmOptions) -> bool {
    if options.background_flush && !metrics.frozen.is_empty() {
        return false;
    }
    if !options.background_compaction {
        return true;
    }
    let describe = |table: &TableMetrics| TableDesc {
        id: table.id,
        first_key: table.first_key.clone(),
        last_key: table.last_key.clone(),
        size: table.size,
    };
    let levels = metrics.levels.iter();
    let levels = LevelsDesc {
        levels: levels
            .map(|tables| tables.iter().map(describe).collect())
            .collect(),
    };
    (0..levels.levels.len()).all(|level| score(&levels, level, options) < 1.0)
}

/// How many entries all tables have, tombstones among them.
pub fn entry_count(metrics: &Metrics) -> u64 {
    let tables = metrics.levels.iter().flatten();
    tables.map(|table| table.entry_count).sum()
}
