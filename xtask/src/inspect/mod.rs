//! `cargo x inspect`: names on the bytes of a block, a table, a log or a manifest.
//!
//! A second reader of the formats. It shares no line with the engine's, so that an error in one of
//! them shows as a difference between the two; and where the engine stops at the first damage, it
//! tells what is left. Nothing that a file holds makes it panic.
//!
//! | module              | what it reads                               |
//! |---------------------|---------------------------------------------|
//! | `block`             | blocks                                      |
//! | `table`             | tables                                      |
//! | `filter`, `hash`    | the filters in them, and the hash of keys   |
//! | `log`               | the records of write-ahead log and manifest |
//! | `batch`, `manifest` | what is in those records                    |
//! | `bytes`             | reads bytes and names them                  |
//! | `report`, `show`    | what was found, and how it looks            |

mod batch;
mod block;
mod bytes;
mod filter;
mod log;
mod manifest;
mod report;
mod show;
mod table;

use std::fs;
use std::io::{self, BufWriter};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

pub use report::{Field, Inspection, Problem, Section, Verdict};
pub use show::WIDTH;

use crate::flags::Inspect;
use crate::screen::Screen;

/// How many entries, records and the like are shown unless all are asked for.
pub const SHOWN_ITEMS: usize = 200;
/// The file is damaged.
const EXIT_DAMAGED: u8 = 1;
const MANIFEST_LOG_ID: u64 = 0;

/// What a file is. The ids are those in its name; checksums cover them, though the file does not
/// hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Block,
    Table(Option<u64>),
    Log(Option<u64>),
    Manifest,
}

impl Kind {
    /// What the file `name` is, by its name, or else by a table's magic number at its end.
    pub fn of(name: &str, file: &[u8]) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        match extension {
            "sst" => return Some(Self::Table(id(stem))),
            "wal" => return Some(Self::Log(id(stem))),
            _ => {}
        }
        match name {
            "MANIFEST" | "MANIFEST.tmp" => Some(Self::Manifest),
            _ if extension == "bin" || name.starts_with("block") => Some(Self::Block),
            _ => table::has_magic(file).then_some(Self::Table(None)),
        }
    }
}

/// An id as the engine writes it: at least six digits, and no more zeros than that takes.
fn id(stem: &str) -> Option<u64> {
    let id: u64 = stem.parse().ok()?;
    (format!("{id:06}") == stem).then_some(id)
}

/// Names the bytes of a file. Of lists of entries, records and the like the first `budget` items
/// are kept, and all that are wrong.
pub fn inspect(file: &[u8], kind: Kind, budget: usize) -> Inspection {
    match kind {
        Kind::Block => block::inspect(file, budget),
        Kind::Table(id) => table::inspect(file, id, budget),
        Kind::Log(id) => {
            let what = id.map_or("a log".to_string(), |id| format!("log {id}"));
            log::inspect(file, what, id, &mut batch::Batches::default(), budget)
        }
        Kind::Manifest => {
            let mut edits = manifest::Edits::default();
            let what = "a manifest".to_string();
            log::inspect(file, what, Some(MANIFEST_LOG_ID), &mut edits, budget)
        }
    }
}

/// All fields of a file, in its order: they cover every byte once.
pub fn fields(file: &[u8], kind: Kind) -> Vec<Field> {
    let inspection = inspect(file, kind, usize::MAX);
    let sections = inspection.sections.into_iter();
    sections.flat_map(|section| section.fields).collect()
}

/// Inspects a file on the screen. Fails with 1 if it is damaged.
pub fn run(ask: &Inspect) -> Result<ExitCode> {
    let path = &ask.file;
    let file = read(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(kind) = Kind::of(&name, &file) else {
        bail!("{}: {UNKNOWN}", path.display());
    };
    let budget = if ask.all { usize::MAX } else { SHOWN_ITEMS };
    let inspection = inspect(&file, kind, budget);
    let mut out = BufWriter::new(io::stdout().lock());
    match show::write(&name, &file, &inspection, Screen::detect(), &mut out) {
        // The reader has seen enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is in the buffer must not be tried again.
            drop(out.into_parts());
        }
        outcome => outcome.context("cannot write")?,
    }
    Ok(match inspection.is_sound() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(EXIT_DAMAGED),
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        bail!(
            "{} is a directory; inspect takes one file of it",
            path.display()
        );
    }
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

const UNKNOWN: &str = "\
its name does not tell what it is. These are known:
  000007.sst               a table; other *.sst and files with a table's magic number too
  000008.wal               a log; other *.wal too
  MANIFEST, MANIFEST.tmp   a manifest
  *.bin, block*            a single block";
