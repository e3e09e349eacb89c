//! What is done to a store in one round: steps and settings, drawn from the seed.

use std::fmt;
use std::sync::Arc;

use fastrand::Rng;
use mini_lsm::fs::{FileSystem, OpKind, Operation};
use mini_lsm::{Durability, LsmOptions};

use crate::history::{Op, key, random_ops, show};

/// So few keys that writes overwrite each other, and so many that tables have several blocks.
const KEY_COUNT: usize = 24;
/// The longest value.
const VALUE_LEN: usize = 40;

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    /// A batch.
    Write(Vec<Op>),
    /// A look at one key.
    Get(Vec<u8>),
    /// A look at everything.
    Scan,
    /// A scan is begun, and read to its end at the next `Hold` or `Reopen`.
    Hold,
    /// `sync`.
    Sync,
    /// `flush`.
    Flush,
    /// `compact`.
    Compact,
    /// The store is dropped, after `close` or without, and opened again.
    Reopen {
        /// Whether it is closed first.
        close: bool,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(ops) => {
                let keys: Vec<String> = ops.iter().map(|(key, _)| show(key)).collect();
                write!(f, "write to {}", keys.join(" "))
            }
            Self::Get(key) => write!(f, "get {}", show(key)),
            Self::Scan => write!(f, "scan"),
            Self::Hold => write!(f, "begin of a scan"),
            Self::Sync => write!(f, "sync"),
            Self::Flush => write!(f, "flush"),
            Self::Compact => write!(f, "compact"),
            Self::Reopen { close: true } => write!(f, "close and open"),
            Self::Reopen { close: false } => write!(f, "drop and open"),
        }
    }
}

/// The settings of a round.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether flushes and compactions run in threads of their own.
    pub has_threads: bool,
    /// What a write survives.
    pub durability: Durability,
    memtable_size: usize,
    block_cache_size: u64,
    filter_bits_per_key: usize,
    l0_compaction_trigger: usize,
}

/// A round, as drawn from its seed.
#[derive(Clone, Debug)]
pub struct Script {
    /// In this order, after a first `open`.
    pub steps: Vec<Step>,
    /// The same for every `open`.
    pub settings: Settings,
}

impl Script {
    /// The script of a seed.
    pub fn of(seed: u64) -> Self {
        if seed % 8 == 5 {
            return Self::with_a_manifest_that_is_replaced(seed);
        }
        let mut rng = Rng::with_seed(seed);
        let settings = Settings {
            has_threads: seed.is_multiple_of(4),
            durability: if rng.bool() {
                Durability::Sync
            } else {
                Durability::Buffered
            },
            memtable_size: rng.usize(60..600),
            block_cache_size: if rng.bool() { 0 } else { 1 << 20 },
            filter_bits_per_key: if rng.bool() { 0 } else { 10 },
            l0_compaction_trigger: rng.usize(2..4),
        };
        // Each of the rare things at least once, in an order of its own.
        let mut steps = vec![
            Step::Sync,
            Step::Flush,
            Step::Compact,
            Step::Reopen { close: true },
            Step::Reopen { close: false },
        ];
        // Threads do operations of their own: with fewer steps there are as many.
        let step_count = if settings.has_threads { 15..25 } else { 20..45 };
        steps.extend((0..rng.usize(step_count)).map(|_| random_step(&mut rng)));
        rng.shuffle(&mut steps);
        Self { steps, settings }
    }

    /// So many edits that the manifest outgrows its size and is replaced in the middle.
    fn with_a_manifest_that_is_replaced(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let settings = Settings {
            has_threads: false,
            durability: Durability::Buffered,
            memtable_size: 1,
            block_cache_size: 0,
            filter_bits_per_key: 0,
            l0_compaction_trigger: 4,
        };
        let mut steps = vec![Step::Reopen { close: true }];
        for index in 1..420 {
            steps.push(Step::Write(random_ops(&mut rng, KEY_COUNT, VALUE_LEN)));
            match index {
                _ if index % 20 == 0 => steps.push(Step::Compact),
                _ if index % 5 == 0 => steps.push(Step::Flush),
                _ => {}
            }
        }
        Self { steps, settings }
    }

    /// The operations that are to fail: of a long script only those around the replacement of a
    /// manifest.
    pub fn targets(&self, operations: &[Operation]) -> Vec<Operation> {
        let is_near = |index: usize| {
            let neighbours = &operations[index.saturating_sub(4)..operations.len().min(index + 9)];
            neighbours.iter().any(|op| op.kind == OpKind::Rename)
        };
        (0..operations.len())
            .filter(|&index| self.steps.len() < 100 || is_near(index))
            .map(|index| operations[index].clone())
            .collect()
    }
}

impl Settings {
    /// As the engine takes them, on this file system.
    pub fn options(&self, fs: Arc<dyn FileSystem>) -> LsmOptions {
        LsmOptions {
            block_size: 100,
            table_size: 400,
            memtable_size: self.memtable_size,
            block_cache_size: self.block_cache_size,
            background_flush: self.has_threads,
            background_compaction: self.has_threads,
            l0_compaction_trigger: self.l0_compaction_trigger,
            l0_slowdown_trigger: 6,
            l0_stop_trigger: 6,
            level_count: 3,
            level_base_size: 800,
            durability: self.durability,
            filter_bits_per_key: self.filter_bits_per_key,
            ..LsmOptions::for_test(fs)
        }
    }
}

fn random_step(rng: &mut Rng) -> Step {
    match rng.u8(..100) {
        0..10 => Step::Get(key(rng.usize(..KEY_COUNT))),
        10..14 => Step::Scan,
        14..20 => Step::Hold,
        20..26 => Step::Sync,
        26..33 => Step::Flush,
        33..37 => Step::Compact,
        37..40 => Step::Reopen { close: rng.bool() },
        _ => Step::Write(random_ops(rng, KEY_COUNT, VALUE_LEN)),
    }
}
