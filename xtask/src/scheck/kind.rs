//! The kind of a failure: what is the same wherever and whenever a test fails in the same way.

use super::report::{Trial, Verdict};

/// How a test failed, in one word. What was printed and where differs from engine to engine; this does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The test itself found something wrong.
    Assertion,
    /// The engine panicked.
    Panic,
    /// It did not end in time.
    Timeout,
    /// The process went down, left early, printed without end, or never ran.
    Crash,
}

impl Kind {
    /// `None` for a test that passed.
    pub fn of(trial: &Trial) -> Option<Kind> {
        match trial.verdict {
            Verdict::Passed => None,
            Verdict::TimedOut(_) => Some(Kind::Timeout),
            Verdict::Failed => Some(match trial.main_panic() {
                Some(panic) if !panic.place.contains("tests/") => Kind::Panic,
                _ => Kind::Assertion,
            }),
            _ => Some(Kind::Crash),
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Kind::Assertion => "assertion",
            Kind::Panic => "panic",
            Kind::Timeout => "timeout",
            Kind::Crash => "crash",
        }
    }

    /// The inverse of [`word`](Self::word).
    pub fn from_word(word: &str) -> Option<Kind> {
        [Kind::Assertion, Kind::Panic, Kind::Timeout, Kind::Crash]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}
