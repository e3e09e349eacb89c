//! Faults: every file-system operation in turn fails, once and for good, and then pairs of them.
//!
//! A round is a script of calls (`script`), run once without a fault to see its operations, and
//! then once for each operation and each fault that may befall it (`injector`). Every call is
//! judged (`subject`):
//!
//! - a call in which an operation failed returns an error that names operation and file; only a
//!   file that nobody needs may fail to go away in silence. A background error carries its cause;
//! - reads go on, and give what was published: never a write that failed;
//! - after a failure of a log or the manifest nothing is written until the store is reopened; after
//!   any other it goes on, and has lost nothing;
//! - no call hangs and none panics, unless the fault was a panic in its own thread;
//! - a store that is reopened, after a drop, a close, a power cut or a kill in whichever moment,
//!   holds what durability promises, and another reopening gives the same;
//! - an `open` that fails loses nothing, and the next one without a fault succeeds.
//!
//! In every fourth round flushes and compactions run in threads. What operation has which number
//! then depends on the scheduler, so that one seed stands for many runs.

mod injector;
mod script;
mod subject;

use std::panic;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use mini_lsm::fs::{MemFs, Operation};

use self::injector::{Fault, Injector, PANIC_MARK};
use self::script::Script;
use self::subject::Subject;
use crate::rounds::side_by_side;
use crate::scale::Scale;
use crate::tally::Tally;
use crate::watchdog::watch;

/// How many rounds there are in the usual scale.
const ROUNDS: u64 = 6;
/// How many steps are done after the first fault: a long script need not be done to its end.
const STEPS_AFTER_A_FAULT: usize = 40;
/// A run takes milliseconds.
const LIMIT: Duration = Duration::from_secs(90);

/// Runs the trial.
pub fn run(scale: &Scale) -> Result<Tally> {
    let quiet = QuietPanics::new();
    let tally = side_by_side(scale, ROUNDS, round);
    drop(quiet);
    let tally = tally?;
    let rounds = tally.of("rounds");
    tally.require("runs", 250 * rounds)?;
    tally.require("ends of writing", 50 * rounds)?;
    tally.require("reopenings", 500 * rounds)?;
    for what in [
        "panics hit",
        "failed fsyncs hit",
        "failed reads hit",
        "short writes hit",
    ] {
        tally.require(what, 15 * rounds)?;
    }
    for what in [
        "failed renames hit",
        "failed directory syncs hit",
        "failed opens",
    ] {
        tally.require(what, 10 * rounds)?;
    }
    Ok(tally)
}

/// All runs of one seed.
fn round(seed: u64) -> Result<Tally> {
    let script = Script::of(seed);
    let mut rng = Rng::with_seed(seed);
    let (mut tally, operations) = run_once(&script, &[])
        .map_err(|(error, step)| error.context(format!("without a fault, {step}")))?;
    tally.count("operations", operations.len() as u64);
    let mut try_faults = |faults: &[Fault]| -> Result<()> {
        let told = tell(faults, &operations);
        let watched = format!("faults, seed {seed}, {told}");
        let _watch = watch(LIMIT, move || watched.clone());
        let (seen, _) = run_once(&script, faults)
            .map_err(|(error, step)| error.context(format!("{told}: {step}")))?;
        tally.add(&seen);
        tally.count("runs", 1);
        Ok(())
    };
    let targets = script.targets(&operations);
    for op in &targets {
        for fault in Fault::all_for(op, &mut rng) {
            try_faults(&[fault])?;
        }
    }
    for _ in 0..targets.len() {
        let pair =
            [(); 2].map(|()| Fault::random_for(&targets[rng.usize(..targets.len())], &mut rng));
        try_faults(&pair)?;
    }
    Ok(tally)
}

/// One run of a script. Gives what was seen, and the operations if there were no faults. An error
/// comes with the step.
fn run_once(
    script: &Script,
    faults: &[Fault],
) -> std::result::Result<(Tally, Vec<Operation>), (anyhow::Error, String)> {
    let mem = MemFs::new();
    let injector = Arc::new(Injector::new(&mem, faults));
    let mut subject = Subject::new(&script.settings, &mem, Arc::clone(&injector));
    // Where threads run, another operation than planned may have been the one.
    let struck = || {
        // The store is dropped now, and not in the judge's sight.
        injector.disarm();
        match injector.hits(0).first() {
            Some(hit) => format!(
                "after {:?} at {:?} {}",
                hit.what,
                hit.op.kind,
                hit.op.path.display()
            ),
            None => "before any fault".to_owned(),
        }
    };
    subject
        .open()
        .map_err(|error| (error, format!("open, {}", struck())))?;
    let mut steps_left = STEPS_AFTER_A_FAULT;
    for (index, step) in script.steps.iter().enumerate() {
        subject
            .step(step)
            .map_err(|error| (error, format!("step {index}, {step}, {}", struck())))?;
        steps_left -= usize::from(injector.hit_count() > 0);
        if steps_left == 0 {
            break;
        }
    }
    let operations = injector.operations();
    let tally = subject
        .finish()
        .map_err(|error| (error, format!("the end, {}", struck())))?;
    Ok((tally, operations))
}

fn tell(faults: &[Fault], operations: &[Operation]) -> String {
    let tell = |fault: &Fault| match operations.get(fault.at as usize) {
        Some(op) => format!("{fault} ({:?} {})", op.kind, op.path.display()),
        None => fault.to_string(),
    };
    faults.iter().map(tell).collect::<Vec<_>>().join(" and ")
}

/// While it lives, panics that were asked for are not printed.
struct QuietPanics;

impl QuietPanics {
    fn new() -> Self {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let message = info.payload().downcast_ref::<String>();
            if !message.is_some_and(|message| message.contains(PANIC_MARK)) {
                usual(info);
            }
        }));
        Self
    }
}

impl Drop for QuietPanics {
    fn drop(&mut self) {
        drop(panic::take_hook());
    }
}
