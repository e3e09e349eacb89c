//! Waiting for the state to change.

use crate::sync::{Condvar, Mutex};

/// Lets threads wait until a condition holds that depends on the state. Whoever changes the state
/// calls `notify` afterwards.
#[derive(Debug, Default)]
pub struct Progress {
    lock: Mutex<()>,
    changed: Condvar,
}

impl Progress {
    /// Returns when `condition` holds. It is looked at now, and after every
    /// [`notify`](Self::notify).
    pub fn wait_until(&self, condition: impl Fn() -> bool) {
        let mut guard = self.lock.lock();
        while !condition() {
            self.changed.wait(&mut guard);
        }
    }

    /// Something has changed.
    pub fn notify(&self) {
        // With the lock, so that it cannot happen between a look at the condition and the wait.
        let _guard = self.lock.lock();
        self.changed.notify_all();
    }
}
