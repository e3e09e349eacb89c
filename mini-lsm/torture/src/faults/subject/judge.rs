//! The judge of every call: by the faults that struck while it ran.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use mini_lsm::files::{MANIFEST, MANIFEST_TMP};
use mini_lsm::{Error, LsmStorage};

use super::{Outcome, Subject};
use crate::faults::injector::{Hit, PANIC_MARK, What};

impl Subject {
    /// A call on the store, judged, and what it says of the store's health.
    pub(super) fn call<T>(
        &mut self,
        what: &'static str,
        run: impl FnOnce(&LsmStorage) -> mini_lsm::Result<T>,
    ) -> Result<Outcome<T>> {
        let (outcome, own) = self.judged(what, |subject| {
            run(subject.store.as_ref().expect("only while it is open"))
        })?;
        self.check_health(what, &own)?;
        Ok(outcome)
    }

    /// Makes a call, and judges how it ends by the faults that struck in it. Gives those, too.
    pub(super) fn judged<T>(
        &mut self,
        what: &'static str,
        run: impl FnOnce(&Self) -> mini_lsm::Result<T>,
    ) -> Result<(Outcome<T>, Vec<Hit>)> {
        let first = self.injector.hit_count();
        let ended = catch_unwind(AssertUnwindSafe(|| run(self)));
        let mut own = self.injector.hits(first);
        for hit in &own {
            self.tally.count(hit.counted_as(), 1);
        }
        if let Some(op) = self.injector.retried() {
            bail!("{what} writes what has failed already: {op:?}");
        }
        own.retain(|hit| hit.thread == thread::current().id());
        let outcome = match ended {
            Ok(Ok(value)) => {
                if let Some(hit) = own.iter().find(|hit| !hit.may_be_silent()) {
                    bail!("{what} gives Ok, though this failed: {:?}", hit.op);
                }
                Outcome::Done(value)
            }
            Ok(Err(error)) => {
                self.explain(&error, &own)
                    .with_context(|| format!("{what} failed"))?;
                Outcome::Failed
            }
            Err(panic) => {
                ensure!(
                    own.iter().any(|hit| hit.what == What::Panic),
                    "{what} panicked: {}",
                    panic.downcast_ref::<String>().map_or("?", String::as_str)
                );
                Outcome::Panicked
            }
        };
        Ok((outcome, own))
    }

    /// An error names the operation that failed, its file, and what the system said.
    fn explain(&mut self, error: &Error, own: &[Hit]) -> Result<()> {
        self.tally.count("errors reported", 1);
        let since_open = self.injector.hits(self.hits_at_open);
        let (cause, hits) = match error {
            Error::Background(cause) => {
                self.tally.count("background errors reported", 1);
                (&**cause, since_open.as_slice())
            }
            // The first of two threads that need a log may have met the fault.
            error if self.settings.has_threads => (error, since_open.as_slice()),
            error => (error, own),
        };
        let is_explained = match cause {
            Error::Io { op, path, cause } => hits
                .iter()
                .any(|hit| is_of(hit, path) && hit.error_kind() == cause.kind() && !op.is_empty()),
            Error::Panicked { message, .. } => {
                message.contains(PANIC_MARK) && hits.iter().any(|hit| hit.what == What::Panic)
            }
            _ => false,
        };
        ensure!(
            is_explained,
            "no fault explains this error: {error}; there were {:?}",
            hits.iter().map(|hit| &hit.op).collect::<Vec<_>>()
        );
        Ok(())
    }

    /// Whether the store still takes writes is as it must be after the faults `own` of a call.
    fn check_health(&mut self, what: &str, own: &[Hit]) -> Result<()> {
        let store = self.store.as_ref().expect("only while it is open");
        let error = store.metrics().background_error;
        let text = error.map(|error| error.to_string());
        ensure!(
            self.ended.is_none() || text == self.ended,
            "the background error has changed from {:?} to {text:?}",
            self.ended
        );
        let must_end = |hit: &Hit| hit.ends_writing(self.settings.has_threads);
        if let Some(hit) = own.iter().find(|hit| must_end(hit) == Some(true)) {
            ensure!(
                text.is_some(),
                "the store takes more writes, though {what} met a failure of a log or the manifest: {:?}",
                hit.op
            );
        } else if !self.settings.has_threads && self.ended.is_none() {
            ensure!(
                text.is_none(),
                "{what} ended all writing, though no log and no manifest failed: {text:?}"
            );
        }
        if self.ended.is_none() && text.is_some() {
            self.tally.count("ends of writing", 1);
        }
        self.ended = text;
        Ok(())
    }

    /// After `close`: a fault in a background thread has become the background error.
    pub(super) fn check_threads_told(&mut self) -> Result<()> {
        let me = thread::current().id();
        let hits = self.injector.hits(self.hits_at_open);
        let untold = hits
            .iter()
            .find(|hit| hit.thread != me && !(hit.may_be_silent() && hit.what != What::Panic));
        if let Some(hit) = untold {
            ensure!(
                self.ended.is_some(),
                "a background thread met a failure, and nobody was told: {:?}",
                hit.op
            );
        }
        Ok(())
    }
}

/// Whether the operation was on the file that an error names. A manifest's handle keeps the name
/// under which it was made, and errors tell the name that it has.
fn is_of(hit: &Hit, named: &Path) -> bool {
    let has_name = |path: &Path, name| path.file_name().is_some_and(|file| file == name);
    let is_renamed = has_name(&hit.op.path, MANIFEST_TMP) && has_name(named, MANIFEST);
    hit.op.path == named || is_renamed && hit.op.path.parent() == named.parent()
}
