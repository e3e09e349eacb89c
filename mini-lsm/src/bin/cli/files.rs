//! One block or one table from arguments: something to look at on the first days, when there is no store yet.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use mini_lsm::LsmOptions;
use mini_lsm::block::BlockBuilder;
use mini_lsm::files::FileKind;
use mini_lsm::fs::{DiskFs, FileSystem};
use mini_lsm::table::SsTableBuilder;
use mini_lsm::write_batch::{MAX_KEY_LEN, MAX_VALUE_LEN};

use crate::trouble::Trouble;
use crate::words::{EntryWord, quoted};

/// How files are built.
#[derive(Args)]
pub struct FileOptions {
    /// The size that a block aims at, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    block_size: usize,
}

/// Keys and values, sorted.
type Sorted<'a> = BTreeMap<&'a [u8], Option<&'a [u8]>>;

/// Builds a block and tells what it has become.
pub fn build_block(
    entries: &[EntryWord],
    out: &Path,
    options: &FileOptions,
) -> Result<String, Trouble> {
    let entries = sorted(entries)?;
    let mut builder = BlockBuilder::new(options.block_size);
    for (&key, &value) in &entries {
        if !builder.has_room(key, value) {
            let (size, key) = (options.block_size, quoted(key));
            return Err(Trouble::Error(format!(
                "a block of {size} bytes has no room for {key}: `table` makes as many blocks as are needed"
            )));
        }
        builder.add(key, value);
    }
    let block = builder.finish();
    replace(out, |new| {
        fs::write(new, &block).map_err(|error| cannot_write(out, &error))
    })?;
    Ok(told(out, entries.len(), block.len() as u64))
}

/// Builds a table and tells what it has become.
pub fn build_table(
    entries: &[EntryWord],
    out: &Path,
    filter_bits_per_key: usize,
    options: &FileOptions,
) -> Result<String, Trouble> {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let Some(FileKind::Table(id)) = FileKind::parse(&name) else {
        return Err(Trouble::Error(format!(
            "a table's file is named after its id, as in 000001.sst, not {name}: the checksum at its end covers the id"
        )));
    };
    let entries = sorted(entries)?;
    let options = LsmOptions {
        block_size: options.block_size,
        filter_bits_per_key,
        ..LsmOptions::default()
    };
    options.validate()?;
    let mut len = 0;
    replace(out, |new| {
        let file = DiskFs.create(new)?;
        let mut builder = SsTableBuilder::new(id, Arc::clone(&file), &options);
        for (&key, &value) in &entries {
            builder.add(key, value)?;
        }
        len = builder.finish()?;
        Ok(())
    })?;
    Ok(told(out, entries.len(), len))
}

fn sorted(entries: &[EntryWord]) -> Result<Sorted<'_>, Trouble> {
    let mut sorted = Sorted::new();
    for EntryWord { key, value } in entries {
        if !(1..=MAX_KEY_LEN).contains(&key.0.len()) {
            let len = key.0.len();
            return Err(Trouble::Error(format!(
                "a key has 1 to {MAX_KEY_LEN} bytes, not {len}"
            )));
        }
        let value = value.as_ref().map(|value| value.0.as_slice());
        if value.is_some_and(|value| value.len() > MAX_VALUE_LEN) {
            return Err(Trouble::Error(format!(
                "a value has at most {MAX_VALUE_LEN} bytes"
            )));
        }
        if sorted.insert(&key.0, value).is_some() {
            let key = quoted(&key.0);
            return Err(Trouble::Error(format!(
                "{key} is given twice: a file holds each key once"
            )));
        }
    }
    Ok(sorted)
}

/// Lets `build` make a new file, which takes the place of `out` only when it is whole: a panic half-way leaves what was there.
fn replace(out: &Path, build: impl FnOnce(&Path) -> Result<(), Trouble>) -> Result<(), Trouble> {
    let dir = match out.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    // In the same directory, so that the rename stays on one disk.
    let scratch = tempfile::Builder::new()
        .prefix(".mini-lsm-")
        .tempdir_in(dir);
    let scratch = scratch.map_err(|error| cannot_write(out, &error))?;
    let new = scratch
        .path()
        .join(out.file_name().unwrap_or("new".as_ref()));
    build(&new)?;
    // The file's handle is closed by now: Windows would not rename it otherwise.
    fs::rename(&new, out).map_err(|error| cannot_write(out, &error))
}

fn cannot_write(out: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Error(format!("cannot write {}: {error}", out.display()))
}

fn told(out: &Path, entry_count: usize, len: u64) -> String {
    let entries = if entry_count == 1 { "entry" } else { "entries" };
    format!("{}: {entry_count} {entries}, {len} bytes", out.display())
}
