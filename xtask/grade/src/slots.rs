//! What is shared out among the threads of the grader: turns to compute, and the time of a submission.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::verdict::Failure;

/// The time that all tests of a submission may take together, or all compilations of it.
pub struct Budget {
    left: Mutex<Duration>,
    whole: Duration,
    /// What took it.
    spent_by: &'static str,
}

impl Budget {
    pub fn new(whole: Duration, spent_by: &'static str) -> Budget {
        Budget {
            left: Mutex::new(whole),
            whole,
            spent_by,
        }
    }

    pub fn is_spent(&self) -> bool {
        lock(&self.left).is_zero()
    }

    pub fn spend<T>(&self, run: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = run();
        let mut left = lock(&self.left);
        *left = left.saturating_sub(begun.elapsed());
        done
    }

    /// Why something is not done any more.
    pub fn reason(&self) -> String {
        let (by, seconds) = (self.spent_by, self.whole.as_secs());
        format!("was not run: {by} took the {seconds} s that a submission has")
    }

    pub fn failure(&self) -> Failure {
        Failure {
            reason: self.reason(),
            output: String::new(),
        }
    }
}

/// So many things may run at a time.
pub struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

pub struct Slot<'a>(&'a Slots);

impl Slots {
    pub fn new(count: usize) -> Slots {
        Slots {
            free: Mutex::new(count.max(1)),
            freed: Condvar::new(),
        }
    }

    pub fn take(&self) -> Slot<'_> {
        let mut free = lock(&self.free);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}

/// A thread that panicked has left a count or a list as it was.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
