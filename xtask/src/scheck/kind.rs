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

    /// What a test that failed says, without what differs from engine to engine: the plain words of its message, which are the same
    /// wherever the same assertion fails.
    pub fn words(trial: &Trial) -> String {
        const WORDS: usize = 12;
        let message = trial.main_panic().map_or("", |panic| &panic.message);
        let words = message
            .split_whitespace()
            .map(|word| word.trim_end_matches([',', '.', ':', ';']));
        let is_plain =
            |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let words: Vec<&str> = words.filter(is_plain).take(WORDS).collect();
        words.join(" ")
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
