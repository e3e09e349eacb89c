//! A store must not grow by being opened, nor its manifest by every edit; and the manifest's replacement is cut too.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use mini_lsm::LsmStorage;
use mini_lsm::files::MANIFEST;
use mini_lsm::fs::MemFs;

use super::DIR;
use super::verify::check_files;
use super::workload::Workload;
use crate::draw::small_options;
use crate::tally::Tally;

/// A manifest is replaced when it is larger than this, and several times larger than its snapshot,
/// which is small here.
const REPLACED_FROM: usize = 64 << 10;
/// Ids get longer as they rise: by so much a file may differ that says the same.
const DIGITS: u64 = 64;

/// Both parts.
pub fn round(seed: u64) -> Result<Tally> {
    let mut tally = reopenings(seed).context("a store that is opened again and again")?;
    let replacements = replacements(seed).context("a store whose manifest is replaced");
    tally.add(&replacements?);
    Ok(tally)
}

/// Opens a store many times, with a write or without.
fn reopenings(seed: u64) -> Result<Tally> {
    let mut rng = Rng::with_seed(seed);
    let fs = MemFs::new();
    let mut tally = Tally::new();
    let mut sizes = [0, 0];
    for index in 0..100_u64 {
        let options = small_options(&mut rng, Arc::new(fs.clone()), false);
        let writes = index < 50;
        let store = LsmStorage::open(DIR, options)?;
        check_files(&fs, Path::new(DIR), &store)
            .with_context(|| format!("opened {index} times"))?;
        if writes {
            // Flushed by the next recovery, to a table of its own, until they are compacted.
            store.put(b"key", &index.to_le_bytes())?;
        }
        if writes && index % 5 == 4 {
            store.compact()?;
        }
        if rng.bool() {
            store.close()?;
        }
        drop(store);
        tally.count("reopenings", 1);
        match index {
            4 => sizes[0] = fs.total_bytes(),
            49 => ensure_same(&fs, sizes[0], "after fifty overwrites of one key")?,
            51 => sizes[1] = fs.total_bytes(),
            52.. => ensure_same(&fs, sizes[1], "though nothing was written")?,
            _ => {}
        }
    }
    Ok(tally)
}

/// With a filter, without one, in blocks of one size or another: the same entry may take a few
/// bytes more.
fn ensure_same(fs: &MemFs, size: u64, when: &str) -> Result<()> {
    let now = fs.total_bytes();
    ensure!(
        now <= size + 2 * DIGITS,
        "the files took {size} bytes and now take {now}, {when}: {:?}",
        fs.file_names(DIR)
    );
    Ok(())
}

/// Flushes until the manifest has been replaced twice, while the store is open. Before it comes to
/// that, and until it is over, the power is cut at every operation.
fn replacements(seed: u64) -> Result<Tally> {
    let mut rng = Rng::with_seed(seed);
    let workload = Workload::new(seed, 1, false, 100)?;
    workload.watch().switch(false);
    let (mut last_len, mut replaced) = (0, 0);
    for step in 0..2_000 {
        let len = manifest_len(&workload);
        ensure!(
            len < REPLACED_FROM + 4096,
            "the manifest has grown to {len} bytes"
        );
        replaced += u64::from(len < last_len);
        last_len = len;
        if replaced == 2 {
            break;
        }
        workload.watch().switch(len > REPLACED_FROM - 300);
        workload.writer(0).write(&mut rng)?;
        match step % 20 {
            19 => workload.store().compact()?,
            _ => workload.store().flush()?,
        }
        workload.watch().outcome()?;
    }
    ensure!(
        replaced == 2,
        "the manifest has {last_len} bytes and was replaced {replaced} times"
    );
    workload.watch().switch(false);
    let mut tally = workload.finish()?;
    tally.count("manifests replaced", replaced);
    Ok(tally)
}

fn manifest_len(workload: &Workload) -> usize {
    workload
        .watch()
        .mem
        .read(Path::new(DIR).join(MANIFEST))
        .len()
}
