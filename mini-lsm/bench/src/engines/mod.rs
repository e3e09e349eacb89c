//! The engines, one file each. To add one: a file with an `impl Engine`, a line in [`Name`], one in [`run`], and its
//! rows in [`promises`](crate::promises).

mod ours;

#[cfg(feature = "fjall")]
mod fjall;
#[cfg(feature = "leveldb")]
mod leveldb;
#[cfg(feature = "redb")]
mod redb;
#[cfg(feature = "rocksdb")]
mod rocksdb;
#[cfg(feature = "starter")]
mod starter;

use std::fmt;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Name {
    Ours,
    Starter,
    RocksDb,
    LevelDb,
    Fjall,
    Redb,
}

impl Name {
    pub const ALL: [Name; 6] = [
        Name::Ours,
        Name::Starter,
        Name::RocksDb,
        Name::LevelDb,
        Name::Fjall,
        Name::Redb,
    ];

    /// As `--engines` takes it.
    pub fn word(self) -> &'static str {
        match self {
            Name::Ours => "ours",
            Name::Starter => "starter",
            Name::RocksDb => "rocksdb",
            Name::LevelDb => "leveldb",
            Name::Fjall => "fjall",
            Name::Redb => "redb",
        }
    }

    pub fn parse(word: &str) -> Option<Name> {
        Name::ALL.into_iter().find(|name| name.word() == word)
    }

    /// Whether it is one of those that ours is measured against.
    pub fn is_peer(self) -> bool {
        !matches!(self, Name::Ours | Name::Starter)
    }

    /// Whether this program was built with it.
    pub fn is_built_in(self) -> bool {
        match self {
            Name::Ours => true,
            Name::Starter => cfg!(feature = "starter"),
            Name::RocksDb => cfg!(feature = "rocksdb"),
            Name::LevelDb => cfg!(feature = "leveldb"),
            Name::Fjall => cfg!(feature = "fjall"),
            Name::Redb => cfg!(feature = "redb"),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Name::Ours => "Mini-LSM",
            Name::Starter => "your engine",
            Name::RocksDb => "RocksDB",
            Name::LevelDb => "LevelDB",
            Name::Fjall => "fjall",
            Name::Redb => "redb",
        })
    }
}

/// Something to be done with an engine, whichever it is.
pub trait Job {
    type Output;
    fn run<E: Engine>(self) -> Result<Self::Output>;
}

/// Does `job` with the engine called `name`, compiled for it: no call of the engine is dynamic.
pub fn run<J: Job>(name: Name, job: J) -> Result<J::Output> {
    match name {
        Name::Ours => job.run::<ours::Ours>(),
        #[cfg(feature = "starter")]
        Name::Starter => job.run::<starter::Starter>(),
        #[cfg(feature = "rocksdb")]
        Name::RocksDb => job.run::<rocksdb::RocksDb>(),
        #[cfg(feature = "leveldb")]
        Name::LevelDb => job.run::<leveldb::LevelDb>(),
        #[cfg(feature = "fjall")]
        Name::Fjall => job.run::<fjall::Fjall>(),
        #[cfg(feature = "redb")]
        Name::Redb => job.run::<redb::Redb>(),
        #[allow(
            unreachable_patterns,
            reason = "reached where an engine is left out of the build"
        )]
        name => bail!("{name} is not built in"),
    }
}
