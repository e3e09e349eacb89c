//! Rounds side by side: one on each processor at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, anyhow};

use crate::scale::Scale;
use crate::tally::Tally;

/// Runs `round` for every seed of `scale`, `usual` of them by default, on as many threads as there
/// are processors, and adds up what was seen; `rounds` are counted too. After a failure no new round
/// begins; of several failures the one with the smallest seed is told, with its seed.
pub fn side_by_side(
    scale: &Scale,
    usual: u64,
    round: impl Fn(u64) -> Result<Tally> + Sync,
) -> Result<Tally> {
    let seeds = Mutex::new(scale.seeds(usual).fuse());
    let total = Mutex::new(Tally::new());
    let failures = Mutex::new(Vec::new());
    let work = || {
        while failures.lock().expect("no panic").is_empty()
            && let Some(seed) = next(&seeds)
        {
            match caught(|| round(seed)) {
                Ok(tally) => {
                    let mut total = total.lock().expect("no panic");
                    total.add(&tally);
                    total.count("rounds", 1);
                }
                Err(error) => failures.lock().expect("no panic").push((seed, error)),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |count| count.get()) {
            scope.spawn(work);
        }
    });
    let mut failures = failures.into_inner().expect("no panic");
    failures.sort_by_key(|(seed, _)| *seed);
    match failures.into_iter().next() {
        Some((seed, error)) => {
            Err(error).context(format!("seed {seed} (--seed {seed} --rounds 1)"))
        }
        None => Ok(total.into_inner().expect("no panic")),
    }
}

/// What `work` returns, or its panic as an error.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(anyhow!("panic: {}", text.unwrap_or_default()))
    })
}

fn next(seeds: &Mutex<impl Iterator<Item = u64>>) -> Option<u64> {
    seeds.lock().expect("no panic").next()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn scale(rounds: u64) -> Scale {
        Scale {
            seed: 10,
            rounds: Some(rounds),
            time: None,
        }
    }

    #[test]
    fn every_seed_has_its_round() {
        let round = |seed| {
            let mut tally = Tally::new();
            tally.count("seeds", seed);
            Ok(tally)
        };
        let tally = side_by_side(&scale(3), 1, round).unwrap();
        assert_eq!((tally.of("rounds"), tally.of("seeds")), (3, 33));
    }

    #[test]
    fn a_failure_and_a_panic_name_their_seed() {
        for panics in [false, true] {
            let round = |seed| match seed {
                12 if panics => panic!("broken"),
                12 => bail!("broken"),
                _ => Ok(Tally::new()),
            };
            let error = side_by_side(&scale(9), 1, round).unwrap_err();
            let text = format!("{error:#}");
            assert!(
                text.contains("seed 12") && text.contains("broken"),
                "{text}"
            );
        }
    }
}
