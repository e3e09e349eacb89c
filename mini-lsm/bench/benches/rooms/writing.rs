//! The log, on a real file: its append is one call of the operating system, and that is most of it.

use std::sync::Arc;

use divan::Bencher;
use mini_lsm::WriteBatch;
use mini_lsm::fs::{DiskFs, FileSystem, MemFs};
use mini_lsm::wal::Wal;
use mini_lsm_bench::data;

/// A batch of one put.
fn batch() -> WriteBatch {
    let mut batch = WriteBatch::new();
    batch.put(&data::key(42), &data::value(42, 1));
    batch
}

/// Appends to a log in a temporary directory, where the system keeps those.
#[divan::bench]
fn log_append_to_disk(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    append(bencher, Arc::new(DiskFs), dir.path());
}

/// The same without the operating system: what is left is ours.
#[divan::bench(sample_count = 100, sample_size = 1_000)]
fn log_append_to_memory(bencher: Bencher<'_, '_>) {
    append(bencher, Arc::new(MemFs::new()), std::path::Path::new("dir"));
}

fn append(bencher: Bencher<'_, '_>, fs: Arc<dyn FileSystem>, dir: &std::path::Path) {
    fs.create_dir_all(dir).expect("a directory");
    let wal = Wal::create(&*fs, dir, 1).expect("a log");
    let (batch, mut seq) = (batch(), 0);
    let ops = batch.ops();
    bencher.bench_local(|| {
        seq += 1;
        wal.append(seq, &ops).expect("an append");
    });
}
