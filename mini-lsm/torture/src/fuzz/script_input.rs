//! A script as bytes: options, and operations on a store.
//!
//! Every byte string is a script: what is missing at its end is zero, and the script ends where the
//! bytes do.

use std::sync::Arc;

use mini_lsm::fs::{CrashPlan, FileSystem, MemFs};
use mini_lsm::{Durability, LsmOptions};

use crate::history::Op;

/// Reads a script from the front.
pub struct Script<'a> {
    bytes: &'a [u8],
    /// How many values were made, so that no two are the same.
    value_count: u32,
}

/// One step of a script.
#[derive(Debug)]
pub enum Step {
    /// A put, a delete, or several in one batch.
    Write(Vec<Op>),
    /// A write with an empty key.
    WriteEmptyKey,
    /// A get.
    Get(Vec<u8>),
    /// A scan between two keys, of which the first is included.
    Scan(Vec<u8>, Vec<u8>),
    /// A scan of everything begins, and is read later.
    BeginScan,
    /// It is read now.
    EndScan,
    /// `flush`
    Flush,
    /// `compact`
    Compact,
    /// `sync`
    Sync,
    /// The store is closed and opened.
    Close,
    /// The store is dropped and opened.
    Drop,
    /// The power is cut, and the store opened.
    PowerCut(CrashPlan),
}

impl<'a> Script<'a> {
    /// The script that the bytes are.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            value_count: 0,
        }
    }

    /// Options, anew for each opening: six bytes.
    pub fn options(&mut self, fs: &MemFs) -> LsmOptions {
        let pick = |byte: u8, items: &[usize]| items[usize::from(byte) % items.len()];
        let sizes = self.byte();
        let levels = self.byte();
        LsmOptions {
            block_size: pick(sizes, &[64, 1, 200, 4096]),
            memtable_size: pick(sizes >> 2, &[400, 1, 2000, 16 << 10]),
            table_size: pick(sizes >> 4, &[500, 1, 2000, 16 << 10]),
            block_cache_size: pick(sizes >> 6, &[0, 100, 1000, 16 << 10]) as u64,
            level_count: 1 + usize::from(levels % 4),
            level_base_size: pick(levels >> 2, &[1, 300, 1000, 16 << 10]) as u64,
            level_size_multiplier: 1 + u64::from(levels >> 4) % 4,
            durability: match levels >> 6 {
                0 => Durability::Sync,
                _ => Durability::Buffered,
            },
            filter_bits_per_key: pick(self.byte(), &[10, 0, 1, 50]),
            ..LsmOptions::for_test(Arc::new(fs.clone()) as Arc<dyn FileSystem>)
        }
    }

    fn byte(&mut self) -> u8 {
        self.bytes.split_off_first().copied().unwrap_or_default()
    }

    fn op(&mut self) -> Op {
        let key = self.key();
        (key, Some(self.value()))
    }

    /// One of some sixty keys: of one byte, with a long common beginning, and with a common end.
    fn key(&mut self) -> Vec<u8> {
        let byte = self.byte();
        match byte >> 6 {
            0 => vec![byte],
            1 => [&[b'k'; 40][..], &[byte % 16]].concat(),
            2 => format!("key{:03}", byte % 32).into_bytes(),
            _ => [&[byte % 16][..], &[0; 3]].concat(),
        }
    }

    /// A value that is told from all others, unless it is empty.
    fn value(&mut self) -> Vec<u8> {
        let len = match self.byte() {
            255 => 3000,
            len => usize::from(len % 64),
        };
        self.value_count += 1;
        let mut value = self.value_count.to_string().into_bytes();
        value.resize(len, b'.');
        value
    }
}

impl Iterator for Script<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (&kind, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(match kind % 32 {
            0..10 => Step::Write(vec![self.op()]),
            10..13 => Step::Write(vec![(self.key(), None)]),
            13..16 => {
                let op = |_| match self.op() {
                    // Known by its odd length.
                    (key, Some(value)) if value.len() % 2 == 1 => (key, None),
                    op => op,
                };
                Step::Write((0..kind >> 5).map(op).collect())
            }
            16 => Step::WriteEmptyKey,
            17 | 18 => Step::Get(self.key()),
            19 => Step::Scan(self.key(), self.key()),
            20 => Step::BeginScan,
            21 => Step::EndScan,
            22 | 23 => Step::Flush,
            24 => Step::Compact,
            25 | 26 => Step::Sync,
            27 => Step::Close,
            28 => Step::Drop,
            _ => Step::PowerCut(self.plan()),
        })
    }
}

impl Script<'_> {
    fn plan(&mut self) -> CrashPlan {
        let byte = self.byte();
        match byte % 8 {
            0 => CrashPlan::Lose,
            1 => CrashPlan::Keep,
            2 => CrashPlan::Zero,
            3 => CrashPlan::TornAfter {
                bytes: usize::from(byte >> 3),
            },
            4 => CrashPlan::TornAt {
                percent: 3 * (byte >> 3),
            },
            _ => CrashPlan::Random {
                seed: u64::from(byte) << 8 | u64::from(self.byte()),
            },
        }
    }
}
