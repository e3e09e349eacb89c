//! A small seeded generator (SplitMix64, Steele, Lea and Flood 2014): the same numbers on every machine.

/// The variable that a run with other random numbers than usual sets: `cargo x scheck --repeat`.
const SEED: &str = "MINI_LSM_SEED";

/// The generator. Its seed is printed when a test fails through it.
#[derive(Debug)]
pub struct Rng {
    seed: u64,
    state: u64,
}

impl Rng {
    /// Starts from `seed`, and from that of the run where it has one.
    pub fn new(seed: u64) -> Self {
        let mut rng = Self { seed, state: seed };
        if let Some(of_run) = seed_of_run() {
            rng.state = rng.next() ^ of_run;
            rng.state = rng.next();
        }
        rng
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// True `percent` times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// `len` bytes that do not compress.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// One of `items`.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// The items in another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

impl Drop for Rng {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let of_run = seed_of_run().map(|seed| format!(" and {SEED}={seed}"));
            eprintln!(
                "the random numbers of this test came from seed {}{}",
                self.seed,
                of_run.unwrap_or_default()
            );
        }
    }
}

fn seed_of_run() -> Option<u64> {
    std::env::var(SEED).ok()?.parse().ok()
}
