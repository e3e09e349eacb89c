//! The skew of YCSB: few keys are wanted often. After Gray and others, "Quickly generating billion-record synthetic
//! databases" (1994), with the exponent that YCSB has; the ranks are scattered, so that hot keys are not neighbours.

use crate::data;

const THETA: f64 = 0.99;

pub struct Zipf {
    n: u64,
    seed: u64,
    zeta: f64,
    alpha: f64,
    eta: f64,
}

impl Zipf {
    pub fn new(n: u64, seed: u64) -> Self {
        let zeta = |n: u64| (1..=n).map(|rank| (rank as f64).powf(-THETA)).sum::<f64>();
        let whole = zeta(n);
        let eta = (1.0 - (2.0 / n as f64).powf(1.0 - THETA)) / (1.0 - zeta(2) / whole);
        Self {
            n,
            seed,
            zeta: whole,
            alpha: 1.0 / (1.0 - THETA),
            eta,
        }
    }

    /// The index that the `turn`-th operation wants.
    pub fn index(&self, turn: u64) -> u64 {
        data::random_below(self.rank(turn), 0, self.n)
    }

    /// Rank 0 is the most wanted.
    fn rank(&self, turn: u64) -> u64 {
        let u = data::random(self.seed, turn) as f64 / u64::MAX as f64;
        let uz = u * self.zeta;
        if uz < 1.0 {
            return 0;
        }
        if uz < 1.0 + 0.5_f64.powf(THETA) {
            return 1;
        }
        let rank = self.n as f64 * (self.eta * u - self.eta + 1.0).powf(self.alpha);
        (rank as u64).min(self.n - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the exponent of YCSB and 10,000 keys, the first takes about a tenth of all, the second half of that.
    #[test]
    fn few_keys_are_wanted_often() {
        let zipf = Zipf::new(10_000, 5);
        let mut counts = vec![0_u32; 10_000];
        for turn in 0..100_000 {
            counts[zipf.rank(turn) as usize] += 1;
        }
        assert!((9_000..11_500).contains(&counts[0]), "{}", counts[0]);
        assert!((4_500..6_000).contains(&counts[1]), "{}", counts[1]);
        assert!(counts[5_000..].iter().sum::<u32>() > 2_000);
        assert!((0..1_000).all(|turn| zipf.index(turn) < 10_000));
    }
}
