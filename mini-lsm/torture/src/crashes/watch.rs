//! The hook before every operation of a workload: cuts the power there, in every way, and has each image checked at once.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Error, Result, anyhow, bail};
use fastrand::Rng;
use mini_lsm::fs::{CrashPlan, FaultFs, FileSystem, MemFs, OpKind, Operation, Verdict};

use super::DIR;
use super::model::{Counts, Model};
use super::verify::{Checker, Image, hash_of, random_plan, torn_plan};
use crate::rounds::caught;
use crate::tally::Tally;

/// An image is kept to go on from, one in so many.
const KEPT_ONE_IN: u32 = 40;

/// Watches a file system from its first operation to the crash that ends it.
pub struct Watch {
    /// The file system below the hook.
    pub mem: MemFs,
    model: Arc<Mutex<Model>>,
    seed: u64,
    background: bool,
    cut_one_in: u32,
    is_on: AtomicBool,
    /// Whether `mem` came out of a crash and no recovery has been over it yet.
    is_torn: AtomicBool,
    op_count: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Hashes of the images that were checked, with their floors. A ceiling only rises: what passed
    /// below a lower one passes again.
    checked: HashSet<(u64, Counts)>,
    images: HashSet<u64>,
    /// Tables and logs that were created, or there from the start.
    created: HashSet<PathBuf>,
    kept: Option<(MemFs, Counts)>,
    tally: Tally,
    failure: Option<Error>,
}

impl Watch {
    /// Watches `mem`, in which there is no store open.
    pub fn new(
        mem: MemFs,
        model: &Arc<Mutex<Model>>,
        seed: u64,
        background: bool,
        cut_one_in: u32,
    ) -> Arc<Self> {
        let dir = std::path::Path::new(DIR);
        let created = mem.file_names(DIR).iter().map(|n| dir.join(n)).collect();
        Arc::new(Self {
            mem,
            model: Arc::clone(model),
            seed,
            background,
            cut_one_in,
            is_on: AtomicBool::new(true),
            is_torn: AtomicBool::new(true),
            op_count: AtomicU64::new(0),
            seen: Mutex::new(Seen {
                created,
                ..Seen::default()
            }),
        })
    }

    /// The file system for a store that is to be watched.
    pub fn fs(self: &Arc<Self>) -> Arc<dyn FileSystem> {
        let watch = Arc::clone(self);
        Arc::new(FaultFs::new(Arc::new(self.mem.clone()), move |op| {
            if op.kind.is_change() {
                watch.before(op);
            }
            Verdict::Proceed
        }))
    }

    /// Whether the power is cut, or operations are only let through.
    pub fn switch(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::SeqCst);
    }

    /// The store has been opened: what an earlier crash had torn is gone.
    pub fn is_recovered(&self) {
        self.is_torn.store(false, Ordering::SeqCst);
    }

    /// The first thing that was wrong.
    pub fn outcome(&self) -> Result<()> {
        match self.seen.lock().expect("no panic").failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// One of the images, unopened, and what it holds: for the workload to go on from.
    pub fn kept(&self) -> Option<(MemFs, Counts)> {
        self.seen.lock().expect("no panic").kept.take()
    }

    /// What was seen so far.
    pub fn tally(&self) -> Tally {
        let seen = self.seen.lock().expect("no panic");
        let mut tally = seen.tally.clone();
        tally.count("images", seen.images.len() as u64);
        tally
    }

    fn before(&self, op: &Operation) {
        let number = self.op_count.fetch_add(1, Ordering::SeqCst);
        // The engine's own threads run this: a panic would be taken for one of the engine's.
        let outcome = caught(|| {
            self.note_creation(op)?;
            match self.is_on.load(Ordering::SeqCst) {
                true => self.cut(op, Rng::with_seed(self.seed ^ (number << 32))),
                false => Ok(()),
            }
        });
        if let Err(error) = outcome {
            let mut seen = self.seen.lock().expect("no panic");
            seen.failure.get_or_insert(error);
        }
    }

    /// File ids are never used again.
    fn note_creation(&self, op: &Operation) -> Result<()> {
        let has_id = op.has_extension("sst") || op.has_extension("wal");
        if op.kind == OpKind::Create && has_id {
            let mut seen = self.seen.lock().expect("no panic");
            if !seen.created.insert(op.path.clone()) {
                bail!("{} is created a second time", op.path.display());
            }
        }
        Ok(())
    }

    fn cut(&self, op: &Operation, mut rng: Rng) -> Result<()> {
        {
            let mut seen = self.seen.lock().expect("no panic");
            if seen.failure.is_some() {
                return Ok(());
            }
            seen.tally.count("operations cut", 1);
        }
        for plan in plans(&mut rng) {
            // Floors before the clone, the ceiling after it, so that neither is too strict when
            // another thread is at work.
            let floor = self.floor(plan);
            let fs = self.mem.crash_clone(&plan);
            let ceiling = self.model.lock().expect("no panic").begun();
            let tears = !matches!(plan, CrashPlan::Lose | CrashPlan::Keep | CrashPlan::Zero);
            let image = Image {
                fs,
                op: op.clone(),
                plan,
                is_torn: tears || self.is_torn.load(Ordering::SeqCst),
                floor,
                ceiling,
            };
            if self.is_new(&image) {
                let rng = rng.fork();
                self.check(&image, rng).with_context(|| image.to_string())?;
            }
        }
        Ok(())
    }

    fn floor(&self, plan: CrashPlan) -> Counts {
        let model = self.model.lock().expect("no panic");
        match plan {
            CrashPlan::Keep => model.returned(),
            _ => model.durable(),
        }
    }

    fn is_new(&self, image: &Image) -> bool {
        let hash = hash_of(&image.fs);
        let mut seen = self.seen.lock().expect("no panic");
        seen.images.insert(hash);
        seen.checked.insert((hash, image.floor.clone()))
    }

    fn check(&self, image: &Image, mut rng: Rng) -> Result<()> {
        let is_kept = rng.u32(..KEPT_ONE_IN) == 0;
        let kept = is_kept.then(|| image.fs.crash_clone(&CrashPlan::Keep));
        let mut checker = Checker {
            model: &self.model,
            background: self.background,
            cut_one_in: self.cut_one_in,
            rng,
            tally: Tally::new(),
        };
        let counts = caught(|| checker.check(image))?;
        let mut seen = self.seen.lock().map_err(|_| anyhow!("a check panicked"))?;
        seen.tally.add(&checker.tally);
        if let Some(kept) = kept {
            seen.kept = Some((kept, counts));
        }
        Ok(())
    }
}

fn plans(rng: &mut Rng) -> [CrashPlan; 10] {
    [
        CrashPlan::Lose,
        CrashPlan::Keep,
        CrashPlan::Zero,
        CrashPlan::TornAfter { bytes: 11 },
        CrashPlan::TornAt { percent: 60 },
        torn_plan(rng),
        torn_plan(rng),
        random_plan(rng),
        random_plan(rng),
        random_plan(rng),
    ]
}
