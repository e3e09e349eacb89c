//! Whether the store still takes calls: errors that last, and the end.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// The health of a store. It only gets worse: what failed in the background stays until the store
/// is reopened.
#[derive(Debug, Default)]
pub struct Health {
    is_stopping: AtomicBool,
    is_failed: AtomicBool,
    error: Mutex<Option<Arc<Error>>>,
}

impl Health {
    /// Keeps `error`, if it is the first; from now on [`check`](Self::check) returns it.
    pub fn fail(&self, error: Error) {
        self.error.lock().get_or_insert_with(|| Arc::new(error));
        self.is_failed.store(true, Ordering::Release);
    }

    /// `Background` if something failed, `Closed` if the store was closed. To be asked before
    /// anything is written.
    pub fn check(&self) -> Result<()> {
        self.check_open()?;
        self.check_failure()
    }

    /// `Background` if something failed.
    pub fn check_failure(&self) -> Result<()> {
        match self.is_failed.load(Ordering::Acquire) {
            true => Err(Error::Background(
                self.error
                    .lock()
                    .clone()
                    .expect("kept before the flag is set"),
            )),
            false => Ok(()),
        }
    }

    /// `Closed` if the store was closed. To be asked before anything is read.
    pub fn check_open(&self) -> Result<()> {
        match self.is_stopping() {
            true => Err(Error::Closed),
            false => Ok(()),
        }
    }

    /// The error that is kept.
    pub fn error(&self) -> Option<Error> {
        self.error.lock().as_deref().cloned()
    }

    /// The store is being closed, or dropped: threads end, waiting writers give up. Returns whether
    /// it was so before.
    pub fn stop(&self) -> bool {
        self.is_stopping.swap(true, Ordering::AcqRel)
    }

    /// Whether [`stop`](Self::stop) was called.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// Whether there is no point in waiting for the background any more.
    pub fn is_over(&self) -> bool {
        self.is_stopping() || self.is_failed.load(Ordering::Acquire)
    }
}
