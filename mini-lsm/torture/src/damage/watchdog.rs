//! Ends the process when a case gives no answer: a thread that hangs cannot be ended.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A case takes a millisecond.
const LIMIT: Duration = Duration::from_secs(60);

/// What each round is doing, by its seed, and since when.
type Cases = Arc<Mutex<BTreeMap<u64, (Instant, String)>>>;

/// Watches while it is there.
pub struct Watchdog {
    cases: Cases,
    /// The thread that watches ends when this goes.
    _end: Sender<()>,
}

impl Watchdog {
    /// Begins to watch.
    pub fn start() -> Self {
        let cases = Cases::default();
        let (end, has_ended) = channel();
        let watched = Arc::clone(&cases);
        thread::spawn(move || watch(&watched, &has_ended));
        Self { cases, _end: end }
    }

    /// The round begins something.
    pub fn begin(&self, seed: u64, told: String) {
        let mut cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        cases.insert(seed, (Instant::now(), told));
    }

    /// The round is over.
    pub fn end(&self, seed: u64) {
        let mut cases = self.cases.lock().unwrap_or_else(PoisonError::into_inner);
        cases.remove(&seed);
    }
}

fn watch(cases: &Cases, has_ended: &Receiver<()>) {
    while has_ended.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
        let cases = cases.lock().unwrap_or_else(PoisonError::into_inner);
        for (seed, (since, told)) in &*cases {
            if since.elapsed() > LIMIT {
                eprintln!("seed {seed}: {told}: no answer in {LIMIT:?}");
                std::process::exit(1);
            }
        }
    }
}
