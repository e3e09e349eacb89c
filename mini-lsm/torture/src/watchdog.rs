//! Ends the process where something has no end: a thread that hangs cannot be ended, only told of.
//!
//! What counts is time in which this process runs. A machine that is paused, or a process that is
//! stopped, hangs nobody: the watching thread counts no more than it could have waited for.

use std::collections::BTreeMap;
use std::process;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(500);

/// All that is watched in this process.
static WATCHED: LazyLock<Registry> = LazyLock::new(|| {
    // As long as the process: where nothing is watched, nothing is overdue.
    thread::spawn(|| {
        let mut last = Instant::now();
        loop {
            thread::sleep(INTERVAL);
            let passed = last.elapsed();
            last = Instant::now();
            if let Some(told) = WATCHED.advance(passed.min(2 * INTERVAL)) {
                eprintln!("{told}");
                // What the threads do can be seen in what the system makes of that.
                process::abort();
            }
        }
    });
    Registry::default()
});

/// Watches what its thread does, until it is dropped.
#[derive(Debug)]
#[must_use = "it watches until it is dropped"]
pub struct Watch(u64);

/// Watches from now on: after `limit`, which should be ample on any machine, the process is ended,
/// having said what `tell` tells. Cheap enough for what takes microseconds.
pub fn watch(limit: Duration, tell: impl Fn() -> String + Send + 'static) -> Watch {
    Watch(WATCHED.begin(limit, Box::new(tell)))
}

impl Drop for Watch {
    fn drop(&mut self) {
        WATCHED.end(self.0);
    }
}

/// What is watched, by number.
#[derive(Default)]
struct Registry(Mutex<Works>);

#[derive(Default)]
struct Works {
    /// For how long there has been somebody to watch.
    now: Duration,
    next: u64,
    works: BTreeMap<u64, Work>,
}

struct Work {
    since: Duration,
    limit: Duration,
    tell: Box<dyn Fn() -> String + Send>,
}

impl Registry {
    fn begin(&self, limit: Duration, tell: Box<dyn Fn() -> String + Send>) -> u64 {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        let since = inner.now;
        inner.works.insert(number, Work { since, limit, tell });
        number
    }

    fn end(&self, number: u64) {
        self.lock().works.remove(&number);
    }

    /// Time has passed. Gives what is told of the oldest that is overdue.
    fn advance(&self, passed: Duration) -> Option<String> {
        let mut inner = self.lock();
        inner.now += passed;
        let mut works = inner.works.values();
        let late = works.find(|work| inner.now - work.since > work.limit)?;
        Some(format!("no end after {:?}: {}", late.limit, (late.tell)()))
    }

    fn lock(&self) -> MutexGuard<'_, Works> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_what_has_not_ended_in_time_is_overdue() {
        let registry = Registry::default();
        let begin = |limit, name: &'static str| registry.begin(limit, Box::new(|| name.to_owned()));
        let quick = begin(SECOND, "quick");
        let late = begin(SECOND, "late");
        begin(60 * SECOND, "slow");
        assert_eq!(registry.advance(SECOND), None);
        registry.end(quick);
        let told = registry.advance(SECOND).unwrap();
        assert_eq!(told, "no end after 1s: late");
        registry.end(late);
        let later = begin(SECOND, "later");
        assert_eq!(registry.advance(SECOND), None);
        registry.end(later);
        let told = registry.advance(58 * SECOND).unwrap();
        assert!(told.ends_with("slow"), "{told}");
    }

    /// In a process of its own, which is this test once more.
    #[test]
    fn a_hang_ends_the_process() {
        const IS_TO_HANG: &str = "MINI_LSM_TORTURE_TEST_HANGS";
        let name = "watchdog::tests::a_hang_ends_the_process";
        if env::var_os(IS_TO_HANG).is_some() {
            drop(watch(Duration::ZERO, || "what has ended".to_owned()));
            let _watch = watch(Duration::ZERO, || "what goes on".to_owned());
            thread::sleep(60 * SECOND);
            return;
        }
        let output = Command::new(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(IS_TO_HANG, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "it went on: {said}");
        assert!(said.contains("no end after 0ns: what goes on"), "{said}");
        assert!(!said.contains("what has ended"), "{said}");
    }
}
