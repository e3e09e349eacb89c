//! One thing wrong with the text, and where.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// From the root of the repository.
    pub file: String,
    /// 0 where only the file is known.
    pub line: usize,
    pub what: String,
}

impl Problem {
    /// On the page `name` of the text folder.
    pub fn new(name: &str, line: usize, what: impl Into<String>) -> Problem {
        Problem {
            file: format!("book/src/{name}"),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { file, line, what } = self;
        match line {
            0 => write!(f, "{file}: {what}"),
            _ => write!(f, "{file}:{line}: {what}"),
        }
    }
}
