//! Real kills: a process writes to a store on disk and tells of each write that has returned; it is killed at a random moment; what it told of must be there.
//!
//! A round is a directory and a plan of batches (`plan`) that several processes, one after the
//! other, carry on with: each opens the store with options of its own, writes with one thread or
//! several, and is killed: after so many writes, after some time, or right at the start, in its
//! recovery. The small memtables see to it that flushes and compactions are hit. After most kills
//! the store is opened here and checked (`oracle`); after the others the next process has to do with
//! what it finds.
//!
//! While a process lives, nobody else may open its store; once it is killed, anybody may.
//!
//! The plan and the moments of the kills follow from the seed, but how far a process gets until
//! then does not: a seed repeats the conditions of a failure, not every time the failure.

mod oracle;
mod plan;
mod victim;
mod words;
mod writer;

pub use writer::writer_main;

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use mini_lsm::fs::DiskFs;
use mini_lsm::{Error, LsmStorage};

use self::oracle::Oracle;
use self::plan::Plan;
use self::victim::{Heard, Victim};
use self::words::Word;
use crate::crashes::verify::check_files;
use crate::draw::small_options;
use crate::history::read_all;
use crate::rounds::side_by_side;
use crate::scale::Scale;
use crate::tally::Tally;

/// So many rounds make the scale of CI.
const USUAL_ROUNDS: u64 = 12;
/// So many processes are killed in each.
const KILLS: u64 = 8;

/// A store that is open in this process must not be so while another process is started: the system
/// copies all that is open, the lock too, until the new program takes over.
static STARTS: RwLock<()> = RwLock::new(());

/// Runs the trial. Needs a main function that asks [`writer_main`] first.
pub fn run(scale: &Scale) -> Result<Tally> {
    let tally = side_by_side(scale, USUAL_ROUNDS, round)?;
    if tally.of("rounds") >= USUAL_ROUNDS {
        let least = [
            ("kills", 50),
            ("writes acknowledged", 1_000),
            ("kills in a recovery", 2),
            ("kills in a flush", 5),
            ("kills in a compaction", 5),
            ("second openers refused", 10),
            ("batches there before they were told of", 5),
        ];
        for (what, least) in least {
            tally.require(what, least)?;
        }
    }
    Ok(tally)
}

fn round(seed: u64) -> Result<Tally> {
    let dir = tempfile::tempdir().context("a directory for a store")?;
    let dir = &dir.path().join("store");
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::new(seed);
    let mut oracle = Oracle::new(plan);
    let mut tally = Tally::new();
    for kill in 0..KILLS {
        let mut life = || -> Result<()> {
            kill_one(dir, seed, &mut rng, &mut oracle, &mut tally)?;
            if kill + 1 == KILLS || rng.u8(..4) > 0 {
                check(dir, &mut rng, &mut oracle, &mut tally)?;
            }
            Ok(())
        };
        life().with_context(|| format!("kill {kill}, {} threads", plan.lanes))?;
    }
    Ok(tally)
}

/// When a process is killed: after what.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after it began to open the store: in its recovery, if that takes as long.
    Begun(Duration),
    /// So long after the store was open.
    Opened(Duration),
    /// After so many writes have returned, or after the longest time that the others get.
    Written(u64),
}

/// How long a process that has opened its store is given.
const LONGEST: Duration = Duration::from_millis(200);
/// A process that says nothing for so long hangs.
const HANGS: Duration = Duration::from_secs(60);

impl Moment {
    fn draw(rng: &mut Rng) -> Self {
        let longest = LONGEST.as_micros() as u64;
        match rng.u8(..8) {
            0..2 => Self::Begun(Duration::from_micros(rng.u64(..5_000))),
            2..5 => Self::Opened(Duration::from_micros(rng.u64(..longest))),
            _ => Self::Written(rng.u64(1..500)),
        }
    }

    /// How much longer the process may live after it has said `word`, if that changes it.
    fn time_after(self, word: &Word, writes: u64) -> Option<Duration> {
        match (word, self) {
            (Word::Begin, Self::Begun(time)) | (Word::Open(_), Self::Opened(time)) => Some(time),
            (Word::Open(_), Self::Written(_)) => Some(LONGEST),
            (Word::Done(..), Self::Written(count)) if writes >= count => Some(Duration::ZERO),
            _ => None,
        }
    }
}

/// Starts a process, listens to it, and kills it.
fn kill_one(
    dir: &Path,
    seed: u64,
    rng: &mut Rng,
    oracle: &mut Oracle,
    tally: &mut Tally,
) -> Result<()> {
    let moment = Moment::draw(rng);
    let asks_for_second = rng.bool();
    let mut victim = {
        let _nothing_is_open = STARTS.write().expect("no panic");
        Victim::start(dir, seed, rng.u64(..))?
    };
    let mut heard = Heard::default();
    let mut end = None;
    while let Some(word) = victim.listen(end.unwrap_or(Instant::now() + HANGS))? {
        heard.note(&word);
        oracle.hear(&word)?;
        if let Some(time) = moment.time_after(&word, heard.writes) {
            end = Some(Instant::now() + time);
        }
        if matches!(word, Word::Open(_)) && asks_for_second {
            refuse_second(dir, rng)?;
            tally.count("second openers refused", 1);
        }
    }
    ensure!(
        end.is_some(),
        "the writing process hangs: it has said {heard:?}"
    );
    for word in victim.kill()? {
        heard.note(&word);
        oracle.hear(&word)?;
    }
    heard.tell(tally);
    Ok(())
}

fn refuse_second(dir: &Path, rng: &mut Rng) -> Result<()> {
    let _open = STARTS.read().expect("no panic");
    match LsmStorage::open(dir, small_options(rng, Arc::new(DiskFs), true)) {
        Err(Error::AlreadyOpen(_)) => Ok(()),
        Err(error) => Err(error).context("a second opener, while the writing process lived"),
        Ok(_) => bail!("a second opener was let in while the writing process lived"),
    }
}

/// Opens the store after a kill: is everything there?
fn check(dir: &Path, rng: &mut Rng, oracle: &mut Oracle, tally: &mut Tally) -> Result<()> {
    let _open = STARTS.read().expect("no panic");
    let background = rng.bool();
    let options = small_options(rng, Arc::new(DiskFs), background);
    let store = LsmStorage::open(dir, options).context("the store does not open after a kill")?;
    let tails = store.metrics().recovery.lost_tails;
    ensure!(
        tails.len() <= 1,
        "a kill hits one write, but there are these lost tails: {tails:?}"
    );
    tally.count("lost tails", tails.len() as u64);
    oracle.check(&read_all(&store)?, tally)?;
    if !background {
        check_files(&DiskFs, dir, &store)?;
    }
    if rng.bool() {
        store.close()?;
    }
    tally.count("recoveries checked", 1);
    Ok(())
}
