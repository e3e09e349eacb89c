//! What is wrong with an annotated file: where, what, and how to mend it. A run collects all of them before it stops.

use std::fmt;

/// One thing that cannot be staged as it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// What is there, and how to mend it, in one line.
    pub what: String,
}

/// All problems of a run, in the order of files and lines.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Sorted and without repetition; `Ok` if there are none.
    pub fn into_result(mut self) -> Result<(), Problems> {
        self.0.sort();
        self.0.dedup();
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl std::error::Error for Problems {}
