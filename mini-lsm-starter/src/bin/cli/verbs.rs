//! The verbs: the same as arguments of the tool and as lines of a session.

use std::io::{BufWriter, Write};
use std::ops::Bound;
use std::path::PathBuf;

use clap::Subcommand;
use mini_lsm_starter::LsmStorage;

use crate::check;
use crate::files::{self, FileOptions};
use crate::stats;
use crate::trouble::Trouble;
use crate::words::{EntryWord, Word, plain, quoted};

/// After how many puts `fill` tells how far it has come.
const FILL_STEP: u64 = 1000;

/// What can be asked for.
#[derive(Subcommand)]
pub enum Verb {
    /// Set KEY to VALUE
    Put {
        /// 1 to 65,535 bytes
        key: Word,
        /// Any bytes, or none: ""
        value: Word,
    },
    /// Print the value of KEY; exit code 1 if it has none
    Get {
        /// The key
        key: Word,
    },
    /// Remove KEY
    Del {
        /// The key
        key: Word,
    },
    /// Print the entries between FROM and TO, both included, as KEY = VALUE
    Scan {
        from: Option<Word>,
        to: Option<Word>,
    },
    /// Put COUNT keys, from key00000001 on, with values of SIZE bytes, and tell how many have been acknowledged
    Fill {
        /// How many
        count: u64,
        /// Bytes a value
        #[arg(default_value_t = 100)]
        size: usize,
    },
    /// Write what is in memory to tables
    Flush,
    /// Merge all tables into one level
    Compact,
    /// Make every write so far survive a power cut
    Sync,
    /// Draw the memtables and the levels
    Stats,
    /// Check the whole store in DIR, which nobody may have open, and change nothing; exit code 2 if something is wrong
    Check {
        /// The directory of the store
        dir: PathBuf,
    },
    /// Build one block from KEY=VALUE arguments (KEY alone: a tombstone), for `cargo x inspect`
    Block {
        #[arg(required = true, value_name = "KEY=VALUE")]
        entries: Vec<EntryWord>,
        /// The file
        #[arg(long, default_value = "block.bin")]
        out: PathBuf,
        #[command(flatten)]
        options: FileOptions,
    },
    /// Build one table from KEY=VALUE arguments (KEY alone: a tombstone), for `cargo x inspect`
    Table {
        #[arg(required = true, value_name = "KEY=VALUE")]
        entries: Vec<EntryWord>,
        /// The file; its name is the id of the table
        #[arg(long, default_value = "000001.sst")]
        out: PathBuf,
        /// Bits a key in the filter, which tables have from day 7 on; 0 for none
        #[arg(long, value_name = "BITS", default_value_t = 10)]
        filter_bits: usize,
        #[command(flatten)]
        options: FileOptions,
    },
}

impl Verb {
    /// Whether it works on the open store; otherwise it works on other files.
    pub fn needs_store(&self) -> bool {
        !matches!(
            self,
            Self::Check { .. } | Self::Block { .. } | Self::Table { .. }
        )
    }

    /// Does it, and prints the answer, all of it, to `out`.
    pub fn run(&self, store: &LsmStorage, out: &mut dyn Write) -> Result<(), Trouble> {
        match self {
            Self::Put { key, value } => store.put(&key.0, &value.0)?,
            Self::Get { key } => get(store, key, out)?,
            Self::Del { key } => store.delete(&key.0)?,
            Self::Scan { from, to } => scan(store, from.as_ref(), to.as_ref(), out)?,
            Self::Fill { count, size } => fill(store, *count, *size, out)?,
            Self::Flush => store.flush()?,
            Self::Compact => store.compact()?,
            Self::Sync => store.sync()?,
            Self::Stats => stats::draw(&store.metrics(), out)?,
            Self::Check { .. } | Self::Block { .. } | Self::Table { .. } => {
                self.run_without_store(out)?;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// Does what needs no open store.
    pub fn run_without_store(&self, out: &mut dyn Write) -> Result<(), Trouble> {
        let told = match self {
            Self::Check { dir } => return check::run(dir, out),
            Self::Block {
                entries,
                out,
                options,
            } => files::build_block(entries, out, options)?,
            Self::Table {
                entries,
                out,
                filter_bits,
                options,
            } => files::build_table(entries, out, *filter_bits, options)?,
            _ => return Ok(()),
        };
        Ok(writeln!(out, "{told}")?)
    }
}

fn get(store: &LsmStorage, key: &Word, out: &mut dyn Write) -> Result<(), Trouble> {
    match store.get(&key.0)? {
        Some(value) => Ok(writeln!(out, "{}", plain(&value))?),
        None => Err(Trouble::Missing(format!("{} has no value", quoted(&key.0)))),
    }
}

fn scan(
    store: &LsmStorage,
    from: Option<&Word>,
    to: Option<&Word>,
    out: &mut dyn Write,
) -> Result<(), Trouble> {
    let bound = |word: Option<&Word>| -> Bound<Vec<u8>> {
        word.map_or(Bound::Unbounded, |word| Bound::Included(word.0.clone()))
    };
    let (from, to) = (bound(from), bound(to));
    let mut out = BufWriter::new(out);
    let mut cursor = store.scan((
        from.as_ref().map(Vec::as_slice),
        to.as_ref().map(Vec::as_slice),
    ))?;
    while cursor.is_valid() {
        writeln!(out, "{} = {}", quoted(cursor.key()), quoted(cursor.value()))?;
        cursor.next()?;
    }
    Ok(out.flush()?)
}

/// A line on stdout means that so many puts have returned: whatever happens to this process from then on, they are in the store.
fn fill(store: &LsmStorage, count: u64, size: usize, out: &mut dyn Write) -> Result<(), Trouble> {
    for number in 1..=count {
        let text = format!("value{number:08} ");
        let value: Vec<u8> = text.bytes().cycle().take(size).collect();
        store.put(format!("key{number:08}").as_bytes(), &value)?;
        if number % FILL_STEP == 0 || number == count {
            writeln!(out, "acknowledged {number}")?;
            out.flush()?;
        }
    }
    Ok(())
}
