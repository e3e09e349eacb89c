//! How much of a trial is run.

use std::time::{Duration, Instant};

/// How often a trial is repeated, and from which seed on.
///
/// A trial is made of rounds, each of which follows from its seed alone, so that a failure is
/// repeated by `--seed S --rounds 1`.
#[derive(Clone, Debug)]
pub struct Scale {
    /// The seed of the first round; the next one has the next.
    pub seed: u64,
    /// So many rounds, instead of what the trial runs by itself.
    pub rounds: Option<u64>,
    /// Rounds until this time has passed.
    pub time: Option<Duration>,
}

impl Scale {
    /// The seeds of the rounds: `usual` of them, unless something else was asked for.
    pub fn seeds(&self, usual: u64) -> impl Iterator<Item = u64> + use<> {
        let end = self.time.map(|time| Instant::now() + time);
        let count = match (self.rounds, end) {
            (Some(rounds), _) => rounds,
            (None, Some(_)) => u64::MAX,
            (None, None) => usual,
        };
        (self.seed..)
            .zip(0..count)
            .map(|(seed, _)| seed)
            .take_while(move |_| end.is_none_or(|end| Instant::now() < end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(rounds: Option<u64>, time: Option<Duration>) -> Scale {
        let seed = 7;
        Scale { seed, rounds, time }
    }

    #[test]
    fn rounds_are_as_many_as_was_asked_for() {
        assert!(scale(None, None).seeds(3).eq(7..10));
        assert!(scale(Some(2), None).seeds(3).eq(7..9));
        assert_eq!(scale(None, Some(Duration::ZERO)).seeds(3).count(), 0);
    }
}
