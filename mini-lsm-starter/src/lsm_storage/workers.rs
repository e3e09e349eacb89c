//! The background threads of a store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use super::core::Core;
use crate::error::{Error, Result};
use crate::sync::Mutex;
use crate::sync::thread::{self, JoinHandle};

/// The threads that have been started. They are told to end, and waited for, when this is dropped
/// at the latest.
#[derive(Debug, Default)]
pub struct Workers {
    core: Mutex<Weak<Core>>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a thread that does `work`. An error that it returns, or a panic, becomes the
    /// background error of the store.
    pub fn start(
        &self,
        core: &Arc<Core>,
        name: &'static str,
        work: impl FnOnce(&Core) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        *self.core.lock() = Arc::downgrade(core);
        let shared = Arc::clone(core);
        let run = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&shared)));
            let failure = match outcome {
                Ok(Ok(()) | Err(Error::Closed)) => return,
                Ok(Err(error)) => error,
                Err(panic) => Error::panicked(name, &*panic),
            };
            shared.health.fail(failure);
            shared.progress.notify();
        };
        let builder = thread::Builder::new().name(format!("mini-lsm {name}"));
        let handle = builder
            .spawn(run)
            .map_err(|error| Error::io("start a thread for", &core.dir, error))?;
        self.handles.lock().push(handle);
        Ok(())
    }

    /// Tells the threads to end and waits until they have.
    pub fn stop(&self) {
        if let Some(core) = self.core.lock().upgrade() {
            core.health.stop();
            core.progress.notify();
        }
        for handle in std::mem::take(&mut *self.handles.lock()) {
            // The last reference may go in one of the threads themselves, through a listener.
            if handle.thread().id() != thread::current().id() {
                handle.join().expect("a worker catches its panics");
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}
