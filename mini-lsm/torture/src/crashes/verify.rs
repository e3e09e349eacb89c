//! What must hold of a file system that a crash left: checked by opening it, writing to it, and crashing it again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use fastrand::Rng;
use mini_lsm::files::{FileKind, MANIFEST};
use mini_lsm::fs::{CrashPlan, FaultFs, FileSystem, MemFs, OpKind, Operation, Verdict};
use mini_lsm::lsm_storage::RecoveryReport;
use mini_lsm::manifest::{Manifest, Version};
use mini_lsm::{LsmStorage, WriteBatch};

use super::DIR;
use super::model::{Counts, KEY_COUNT, Model, Replay, own_key};
use crate::draw::{pick, small_options};
use crate::history::{Map, difference, random_ops, read_all, show};
use crate::tally::Tally;

/// Of the recoveries from a cut recovery, one in so many is cut too.
const CUT_AGAIN_ONE_IN: u32 = 200;

/// What a crash left, and what a store in it must hold.
pub struct Image {
    /// The file system.
    pub fs: MemFs,
    /// Just before which operation the crash was.
    pub op: Operation,
    /// What became of what had not been synced.
    pub plan: CrashPlan,
    /// Whether a log may end in the middle of a record.
    pub is_torn: bool,
    /// So many writes must be there.
    pub floor: Counts,
    /// No more than these may be there.
    pub ceiling: Counts,
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a crash before {}, {:?} of what was not synced",
            told(&self.op),
            self.plan
        )
    }
}

/// Checks images of one round.
pub struct Checker<'a> {
    /// What was written.
    pub model: &'a Mutex<Model>,
    /// Whether the store is to have threads of its own when it is opened again.
    pub background: bool,
    /// The recovery of one image in so many is cut too.
    pub cut_one_in: u32,
    /// Decides the rest.
    pub rng: Rng,
    /// What was seen.
    pub tally: Tally,
}

impl Checker<'_> {
    /// Opens the store in `image`, and more than once: which writes it holds, or what is wrong.
    pub fn check(&mut self, image: &Image) -> Result<Counts> {
        let untouched = image.fs.crash_clone(&CrashPlan::Keep);
        let before = Before::of(&image.fs)?;
        let store = self.open(&image.fs, false)?;
        let map = read_all(&store)?;
        let report = store.metrics().recovery;
        before.check_report(&report, image.is_torn)?;
        let counts = self.locate(image, &map, before.replay(&report))?;
        self.check_absent(&store, &map)?;
        check_files(&image.fs, Path::new(DIR), &store)?;
        self.count(&before, &report, image);

        let cut = image.fs.crash_clone(&CrashPlan::Lose);
        self.reopen(&cut, &map, false)
            .context("a power cut right after the recovery")?;
        self.write_on(store, &image.fs, map.clone())?;
        if self.rng.u32(..self.cut_one_in) == 0 {
            self.cut_recovery(&untouched, &map, true)?;
        }
        Ok(counts)
    }

    fn open(&mut self, fs: &MemFs, background: bool) -> Result<LsmStorage> {
        let options = small_options(&mut self.rng, Arc::new(fs.clone()), background);
        LsmStorage::open(DIR, options).context("the store does not open")
    }

    fn locate(&self, image: &Image, map: &Map, replay: Replay) -> Result<Counts> {
        let model = self.model.lock().expect("no panic");
        model.locate(map, &image.floor, &image.ceiling, replay)
    }

    /// What a scan does not show, get must not show either.
    fn check_absent(&self, store: &LsmStorage, map: &Map) -> Result<()> {
        let keys = self.model.lock().expect("no panic").keys();
        for key in keys.filter(|key| !map.contains_key(key)) {
            ensure!(
                store.get(&key)?.is_none(),
                "get finds {}, and scan(..) does not show it",
                show(&key)
            );
        }
        Ok(())
    }

    /// Opens once more what held `map`.
    fn reopen(&mut self, fs: &MemFs, map: &Map, background: bool) -> Result<()> {
        let store = self.open(fs, background)?;
        let found = read_all(&store)?;
        ensure!(
            found == *map,
            "opened again, the store holds something else: {}",
            difference(map, &found)
        );
        if !background {
            check_files(fs, Path::new(DIR), &store)?;
        }
        Ok(())
    }

    /// The store goes on: what is written now is there after the next crash.
    fn write_on(&mut self, store: LsmStorage, fs: &MemFs, mut map: Map) -> Result<()> {
        for _ in 0..self.rng.usize(1..4) {
            let mut batch = WriteBatch::new();
            for (key, value) in random_ops(&mut self.rng, KEY_COUNT, 40) {
                let key = own_key(0, &key);
                match value {
                    Some(value) => {
                        batch.put(&key, &value);
                        map.insert(key, value);
                    }
                    None => {
                        batch.delete(&key);
                        map.remove(&key);
                    }
                }
            }
            store.write(batch).context("a write after the recovery")?;
        }
        let (what, done) = match self.rng.u8(..5) {
            0 => ("sync", store.sync()),
            1 => ("flush", store.flush()),
            2 => ("compact", store.compact()),
            3 => ("close", store.close()),
            _ => ("nothing", Ok(())),
        };
        done.with_context(|| format!("{what} after the recovery"))?;
        let plan = match what {
            "nothing" => CrashPlan::Keep,
            _ => random_plan(&mut self.rng),
        };
        let cut = fs.crash_clone(&plan);
        drop(store);
        self.reopen(&cut, &map, self.background).with_context(|| {
            format!("writes after the recovery, {what}, and a crash that does {plan:?}")
        })
    }

    /// A recovery that is cut leaves what recovers to the same; with `deep`, so do some of the
    /// recoveries from that.
    fn cut_recovery(&mut self, fs: &MemFs, map: &Map, deep: bool) -> Result<()> {
        self.tally.count("recoveries cut", 1);
        let mut seen = BTreeSet::new();
        for (op, plan, cut) in self.cuts_of_recovery(fs)? {
            if !seen.insert(hash_of(&cut)) {
                continue;
            }
            self.tally.count("images of cut recoveries", 1);
            let again = deep && self.rng.u32(..CUT_AGAIN_ONE_IN) == 0;
            let untouched = again.then(|| cut.crash_clone(&CrashPlan::Keep));
            let mut outcome = self.reopen(&cut, map, false);
            if let (Ok(()), Some(untouched)) = (&outcome, untouched) {
                outcome = self.cut_recovery(&untouched, map, false);
            }
            outcome
                .with_context(|| format!("the recovery crashed before {}, {plan:?}", told(&op)))?;
        }
        Ok(())
    }

    /// What crashes at every operation of a recovery leave.
    fn cuts_of_recovery(&mut self, fs: &MemFs) -> Result<Vec<(Operation, CrashPlan, MemFs)>> {
        let cuts = Arc::new(Mutex::new(Vec::new()));
        let (mem, found) = (fs.clone(), Arc::clone(&cuts));
        let rng = Mutex::new(self.rng.fork());
        let hook = move |op: &Operation| {
            if op.kind.is_change() {
                let rng = &mut *rng.lock().expect("no panic");
                let plans = [CrashPlan::Lose, CrashPlan::Keep, CrashPlan::Zero];
                let more = [random_plan(rng), random_plan(rng), torn_plan(rng)];
                for plan in plans.into_iter().chain(more) {
                    let cut = (op.clone(), plan, mem.crash_clone(&plan));
                    found.lock().expect("no panic").push(cut);
                }
            }
            Verdict::Proceed
        };
        let watched: Arc<dyn FileSystem> = Arc::new(FaultFs::new(Arc::new(fs.clone()), hook));
        let options = small_options(&mut self.rng, watched, false);
        drop(LsmStorage::open(DIR, options).context("the store does not open")?);
        Ok(std::mem::take(&mut *cuts.lock().expect("no panic")))
    }

    fn count(&mut self, before: &Before, report: &RecoveryReport, image: &Image) {
        let tally = &mut self.tally;
        tally.count("lost tails", report.lost_tails.len() as u64);
        tally.count("replayed batches", report.batch_count);
        tally.count("logs not named yet", before.unnamed_logs as u64);
        tally.count("zero-filled tails", before.zeroed_logs as u64);
        tally.count("replays of several logs", u64::from(report.log_count > 1));
        let lost = image.floor != image.ceiling;
        tally.count("images with a choice", u64::from(lost));
    }
}

/// What is in a file system before the store in it is opened.
struct Before {
    /// What the manifest names; nothing where there is none.
    version: Version,
    /// By id, of those that are named.
    log_lens: BTreeMap<u64, u64>,
    unnamed_logs: usize,
    zeroed_logs: usize,
}

impl Before {
    fn of(fs: &MemFs) -> Result<Self> {
        let names = fs.file_names(DIR);
        let version = match names.iter().any(|name| name == MANIFEST) {
            true => Manifest::load(fs, Path::new(DIR)).context("the manifest is unreadable")?,
            false => Version::default(),
        };
        let mut before = Self {
            version,
            log_lens: BTreeMap::new(),
            unnamed_logs: 0,
            zeroed_logs: 0,
        };
        for name in &names {
            if let Some(FileKind::Log(id)) = FileKind::parse(name) {
                let bytes = fs.read(Path::new(DIR).join(name));
                before.zeroed_logs += usize::from(bytes.ends_with(&[0; 20]));
                match before.version.logs.contains(&id) {
                    true => drop(before.log_lens.insert(id, bytes.len() as u64)),
                    false => before.unnamed_logs += 1,
                }
            }
        }
        Ok(before)
    }

    fn replay(&self, report: &RecoveryReport) -> Replay {
        Replay {
            last_flushed_seq: self.version.last_flushed_seq,
            batch_count: report.batch_count,
        }
    }

    /// Every log that the manifest names was read, and a tail was lost only where one was torn: in
    /// such a log, and within it.
    fn check_report(&self, report: &RecoveryReport, is_torn: bool) -> Result<()> {
        ensure!(
            report.log_count == self.version.logs.len(),
            "recovery read {} logs, but the manifest names {:?}",
            report.log_count,
            self.version.logs
        );
        let mut files = BTreeSet::new();
        for tail in &report.lost_tails {
            ensure!(is_torn, "nothing was torn, but recovery tells of {tail:?}");
            let name = tail.file.file_name().and_then(|name| name.to_str());
            let len = match name.and_then(FileKind::parse) {
                Some(FileKind::Log(id)) => self.log_lens.get(&id).copied().unwrap_or(0),
                _ => 0,
            };
            let is_within = tail.len > 0 && tail.offset + tail.len <= len;
            ensure!(
                is_within && files.insert(&tail.file),
                "a lost tail that cannot be: {tail:?}"
            );
        }
        Ok(())
    }
}

/// In the directory is what the manifest names, and nothing else; the store, which has just been
/// opened and does nothing by itself, agrees with it.
pub fn check_files(fs: &dyn FileSystem, dir: &Path, store: &LsmStorage) -> Result<()> {
    let version = Manifest::load(fs, dir).context("the manifest is unreadable")?;
    let tables = version.tables.keys().map(|id| format!("{:06}.sst", id.0));
    let logs = version.logs.iter().map(|id| format!("{id:06}.wal"));
    let fixed = ["LOCK".to_owned(), MANIFEST.to_owned()];
    let expected: BTreeSet<String> = tables.chain(logs).chain(fixed).collect();
    let found: BTreeSet<String> = fs.list(dir)?.into_iter().collect();
    ensure!(
        found == expected,
        "the directory holds {found:?}, the manifest and the lock make {expected:?}"
    );
    ensure!(
        version.logs.len() == 1,
        "logs {:?} after open",
        version.logs
    );
    let metrics = store.metrics();
    ensure!(metrics.failed_removals == 0, "removals failed");
    for (level, tables) in metrics.levels.iter().enumerate() {
        for table in tables {
            ensure!(
                version.tables.get(&table.id) == Some(&level),
                "table {} is on level {level}, the manifest says {:?}",
                table.id.0,
                version.tables.get(&table.id)
            );
        }
    }
    let count: usize = metrics.levels.iter().map(Vec::len).sum();
    ensure!(count == version.tables.len(), "{count} tables in the store");
    Ok(())
}

/// Each file torn somewhere else.
pub fn random_plan(rng: &mut Rng) -> CrashPlan {
    CrashPlan::Random {
        seed: rng.u64(..1 << 32),
    }
}

/// Each file torn after as many bytes, or in the same part of it.
pub fn torn_plan(rng: &mut Rng) -> CrashPlan {
    match rng.bool() {
        true => CrashPlan::TornAfter {
            bytes: pick(rng, &[1, 4, 16, 20, 21, 40, 100]),
        },
        false => CrashPlan::TornAt {
            percent: rng.u8(1..100),
        },
    }
}

/// Tells file systems apart.
pub fn hash_of(fs: &MemFs) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in fs.file_names(DIR) {
        name.hash(&mut hasher);
        fs.read(Path::new(DIR).join(name)).hash(&mut hasher);
    }
    hasher.finish()
}

fn told(op: &Operation) -> String {
    let to = op.to.as_ref().map(|to| format!(" to {}", to.display()));
    let len = match op.kind {
        OpKind::Append => format!(" of {} bytes at {}", op.len, op.offset),
        _ => String::new(),
    };
    format!(
        "operation {} ({:?} {}{}{len})",
        op.index,
        op.kind,
        op.path.display(),
        to.unwrap_or_default()
    )
}
