//! Bad bytes: every byte of every file of a small store is damaged in several ways, and whole files are.
//!
//! What must hold: `open`, a scan, a get of every key and a compaction give the right answer, or
//! [`Error::Corruption`](mini_lsm::Error) or "not found" of the damaged file. There is no panic, no
//! hang, no allocation that outgrows the file, and an `open` that fails leaves everything on disk as
//! it is. Of a log, what nothing says was synced may be lost, all of it from the damage on, if that
//! is reported.
//!
//! `CHUNKS` rounds are a *pass* over all bytes, each over its share of them. The first pass flips
//! one bit of each byte, zeroes it, and ends the file there; nine more flip the bits one by one, and
//! all eight; then follow ten passes over another store.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;

mod fixture;
mod kinds;
mod oracle;

use crate::alloc::{self, Usage};
use crate::rounds::{caught, side_by_side};
use crate::scale::Scale;
use crate::tally::Tally;
use crate::watchdog::watch;
use fixture::Fixture;
use kinds::{Case, Damage};
use oracle::{Outcome, judge};

/// Rounds that go once over all bytes.
const CHUNKS: u64 = 64;
/// Passes over one store.
const PASSES: u64 = 10;
/// How many bytes a pass damages at least.
const LEAST_LEN: u64 = 64 << 10;
/// How much greater a request may be than the damaged file, and than those an undamaged store makes.
const EXTRA_REQUEST: usize = 4 << 10;
/// How much more memory a damaged store may use than an undamaged one, beside twice the file. Ample:
/// memtables are given back by whatever thread comes by later (crossbeam's epochs).
const EXTRA: usize = 1 << 20;
/// A case takes less than a millisecond.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the trial.
pub fn run(scale: &Scale) -> Result<Tally> {
    ensure!(
        alloc::is_installed(),
        "the allocator of this binary does not count"
    );
    let stores = Stores::default();
    let tally = side_by_side(scale, CHUNKS, |seed| run_round(seed, &stores))?;
    require(scale, &tally)?;
    Ok(tally)
}

fn require(scale: &Scale, tally: &Tally) -> Result<()> {
    tally.require("damaged stores", 1)?;
    if scale.time.is_some() || scale.rounds.is_some_and(|rounds| rounds < CHUNKS) {
        return Ok(());
    }
    tally.require("bytes", LEAST_LEN)?;
    tally.require("damaged stores", 200_000)?;
    tally.require("refused", 10_000)?;
    tally.require("reads failed", 10_000)?;
    tally.require("read in full", 300)?;
    tally.require("lost tails reported", 1_000)
}

/// The stores of the last seed, and what each takes undamaged.
#[derive(Default)]
struct Stores(Mutex<Option<(u64, Arc<[Subject; 3]>)>>);

/// A store to be damaged.
struct Subject {
    fixture: Fixture,
    undamaged: Usage,
}

impl Stores {
    fn of(&self, seed: u64) -> Result<Arc<[Subject; 3]>> {
        let mut last = self.0.lock().expect("no panic");
        if let Some((_, stores)) = last.as_ref().filter(|(last_seed, _)| *last_seed == seed) {
            return Ok(Arc::clone(stores));
        }
        let [a, b, c] = fixture::make(seed)?.map(measure);
        let stores = Arc::new([a?, b?, c?]);
        *last = Some((seed, Arc::clone(&stores)));
        Ok(stores)
    }
}

fn run_round(seed: u64, stores: &Stores) -> Result<Tally> {
    let (pass, chunk) = (seed.wrapping_sub(1) / CHUNKS, seed.wrapping_sub(1) % CHUNKS);
    let subjects = stores.of(pass / PASSES)?;
    let mut tally = Tally::new();
    let mut rng = Rng::with_seed(seed);
    let len: usize = targets(&subjects).iter().map(|target| target.len).sum();
    tally.count("bytes", (len / CHUNKS as usize) as u64);
    for (subject, case) in cases(&subjects, pass % PASSES, chunk, &mut rng) {
        let told = format!("damage, seed {seed}: {case}");
        let _watch = watch(LIMIT, move || told.clone());
        let outcome = try_case(&case, &subject.undamaged).with_context(|| case.to_string())?;
        if let Some(outcome) = outcome {
            tally.count("damaged stores", 1);
            tally.count(name_of(outcome), 1);
        }
    }
    Ok(tally)
}

/// `None` if the damage changes nothing.
fn try_case(case: &Case<'_>, undamaged: &Usage) -> Result<Option<Outcome>> {
    let damaged = case.damage.apply(case.fixture, case.file);
    if damaged.as_deref() == Some(case.original()) {
        return Ok(None);
    }
    let len = case.original().len();
    let len = damaged.as_ref().map_or(len, |bytes| bytes.len().max(len));
    let (outcome, usage) = alloc::of_thread(|| caught(|| judge(case, damaged)));
    let outcome = outcome?;
    let most_at_once = undamaged.greatest.max(len) + EXTRA_REQUEST;
    let most = undamaged.peak as usize + 2 * len + EXTRA;
    if usage.greatest > most_at_once || usage.peak as usize > most {
        bail!(
            "{} bytes were asked for at once and {} used in all, expected no more than {most_at_once} and {most}",
            usage.greatest,
            usage.peak
        );
    }
    Ok(Some(outcome))
}

/// What the store takes undamaged. It must be read right, of course.
fn measure(fixture: Fixture) -> Result<Subject> {
    let case = Case {
        fixture: &fixture,
        file: 0,
        damage: Damage::Zeros { len: 0 },
    };
    let bytes = Some(case.original().to_vec());
    let (outcome, undamaged) = alloc::of_thread(|| judge(&case, bytes));
    let outcome = outcome.with_context(|| format!("the undamaged {} store", fixture.name))?;
    ensure!(outcome == Outcome::Right, "an undamaged store: {outcome:?}");
    Ok(Subject { fixture, undamaged })
}

fn name_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Refused => "refused",
        Outcome::ReadFailed => "reads failed",
        Outcome::Right => "read in full",
        Outcome::LostTail => "lost tails reported",
        Outcome::LostUnseen => "lost tails without a trace",
    }
}

/// The cases of a chunk, each with its store.
fn cases<'a>(
    subjects: &'a [Subject; 3],
    pass: u64,
    chunk: u64,
    rng: &mut Rng,
) -> Vec<(&'a Subject, Case<'a>)> {
    let targets = targets(subjects);
    let total: usize = targets.iter().map(|target| target.len).sum();
    let bound = |chunk: u64| total * chunk as usize / CHUNKS as usize;
    let chunk_bounds = bound(chunk)..bound(chunk + 1);
    let mut cases = Vec::new();
    let mut start = 0;
    for (number, target) in targets.iter().enumerate() {
        let mut damages = Vec::new();
        if pass == 0 && number as u64 % CHUNKS == chunk {
            damages = kinds::of_a_file(&target.subject.fixture, target.file);
        }
        let end = start + target.len;
        let share = chunk_bounds.start.clamp(start, end)..chunk_bounds.end.clamp(start, end);
        for at in share {
            damages.extend(kinds::of_a_byte(at - start, pass, rng));
        }
        start = end;
        cases.extend(damages.into_iter().map(|damage| target.case(damage)));
    }
    cases
}

/// A file that is damaged.
struct Target<'a> {
    subject: &'a Subject,
    file: usize,
    len: usize,
}

impl<'a> Target<'a> {
    fn case(&self, damage: Damage) -> (&'a Subject, Case<'a>) {
        let case = Case {
            fixture: &self.subject.fixture,
            file: self.file,
            damage,
        };
        (self.subject, case)
    }
}

/// All files of one store, and of the other two, which have the same tables, what tells them apart.
fn targets(subjects: &[Subject; 3]) -> Vec<Target<'_>> {
    let mut targets = Vec::new();
    for (number, subject) in subjects.iter().enumerate() {
        for (file, (name, bytes)) in subject.fixture.files.iter().enumerate() {
            if number == 0 || !name.ends_with(".sst") {
                let len = bytes.len();
                targets.push(Target { subject, file, len });
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first seeds are those of the usual runs.
    #[test]
    fn every_pass_is_long_enough() {
        for seed in 0..20 {
            let stores = Stores::default().of(seed).unwrap();
            let len: usize = targets(&stores).iter().map(|target| target.len).sum();
            assert!(len as u64 >= LEAST_LEN + CHUNKS, "seed {seed}: {len} bytes");
        }
    }
}
