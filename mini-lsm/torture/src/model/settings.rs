//! Options of a store, made from the numbers that proptest draws: all zeros are the dullest ones.

use std::fmt;
use std::sync::Arc;

use mini_lsm::fs::MemFs;
use mini_lsm::listener::Silent;
use mini_lsm::{Durability, EventListener, LsmOptions};

/// How many sets of options a script has.
pub const SETS: usize = 4;
/// How many numbers a set takes.
pub const NUMBERS: usize = 14;

/// Options, but for the file system and the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings(pub [u8; NUMBERS]);

const DULLEST: Settings = Settings([0; NUMBERS]);

/// Which options a store has, each time it is opened.
#[derive(Clone, Copy, Debug)]
pub enum Choice {
    /// All at their defaults.
    Defaults,
    /// Those of a script.
    Drawn([Settings; SETS]),
}

impl Choice {
    /// Set number `index`, counted in a circle.
    pub fn options(self, index: usize, fs: &MemFs, listener: Arc<dyn EventListener>) -> LsmOptions {
        match self {
            Self::Drawn(sets) => sets[index % SETS].options(fs, listener),
            Self::Defaults => LsmOptions {
                fs: Arc::new(fs.clone()),
                listener,
                ..LsmOptions::default()
            },
        }
    }
}

/// One of `choices`, the first of which is the dullest.
fn one_of<T: Copy>(number: u8, choices: &[T]) -> T {
    choices[usize::from(number) % choices.len()]
}

impl Settings {
    /// As options.
    pub fn options(self, fs: &MemFs, listener: Arc<dyn EventListener>) -> LsmOptions {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = self.0;
        let l0_compaction_trigger = one_of(i, &[4, 1, 2, 3, 8]);
        let l0_stop_trigger = l0_compaction_trigger + one_of(j, &[16, 0, 1, 4]);
        // Each slowed write costs a millisecond: seldom.
        let l0_slowdown_trigger = if j >= 250 {
            l0_compaction_trigger
        } else {
            l0_stop_trigger
        };
        LsmOptions {
            fs: Arc::new(fs.clone()),
            block_size: one_of(a, &[4096, 1, 40, 100, 400, 1000, 1 << 20]),
            table_size: one_of(b, &[64 << 10, 1, 200, 1000, 4000]),
            memtable_size: one_of(c, &[64 << 10, 1, 500, 2000, 5000, 5000, 20_000]),
            max_frozen_memtables: one_of(d, &[2, 1, 3]),
            block_cache_size: one_of(e, &[1 << 20, 0, 1, 1000, 10_000]),
            background_flush: one_of(f, &[false, true]),
            background_compaction: one_of(g, &[false, true]),
            level_count: one_of(h, &[6, 1, 2, 3, 4, 5, 7]),
            l0_compaction_trigger,
            l0_slowdown_trigger,
            l0_stop_trigger,
            level_base_size: one_of(k, &[256 << 10, 1, 500, 2000, 5000]),
            level_size_multiplier: one_of(l, &[4, 1, 2, 10]),
            durability: one_of(m, &[Durability::Buffered, Durability::Sync]),
            filter_bits_per_key: one_of(n, &[0, 1, 5, 10, 40]),
            listener,
        }
    }

    /// Whether they are the dullest.
    pub fn is_dull(self) -> bool {
        facts(self) == facts(DULLEST)
    }

    /// Whether threads of the store make each run a little different.
    pub fn has_threads(self) -> bool {
        let options = self.options(&MemFs::new(), Arc::new(Silent));
        options.background_flush || options.background_compaction
    }
}

/// What is not as in the dullest options; nothing, if all is.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = facts(*self).into_iter().zip(facts(DULLEST));
        let interesting = facts.filter(|(fact, dull)| fact != dull);
        for (index, ((name, value), _)) in interesting.enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name} {value}")?;
        }
        Ok(())
    }
}

fn facts(settings: Settings) -> [(&'static str, String); 15] {
    let options = settings.options(&MemFs::new(), Arc::new(Silent));
    [
        ("block_size", options.block_size.to_string()),
        ("table_size", options.table_size.to_string()),
        ("memtable_size", options.memtable_size.to_string()),
        (
            "max_frozen_memtables",
            options.max_frozen_memtables.to_string(),
        ),
        ("block_cache_size", options.block_cache_size.to_string()),
        ("background_flush", options.background_flush.to_string()),
        (
            "background_compaction",
            options.background_compaction.to_string(),
        ),
        ("level_count", options.level_count.to_string()),
        (
            "l0_compaction_trigger",
            options.l0_compaction_trigger.to_string(),
        ),
        (
            "l0_slowdown_trigger",
            options.l0_slowdown_trigger.to_string(),
        ),
        ("l0_stop_trigger", options.l0_stop_trigger.to_string()),
        ("level_base_size", options.level_base_size.to_string()),
        (
            "level_size_multiplier",
            options.level_size_multiplier.to_string(),
        ),
        ("durability", format!("{:?}", options.durability)),
        (
            "filter_bits_per_key",
            options.filter_bits_per_key.to_string(),
        ),
    ]
}
