//! What the writing process says on its standard output, a line at a time.

use std::io::{self, Write};

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The store is about to be opened.
    Begin,
    /// It is open, and holds so many batches of each thread.
    Open(Vec<usize>),
    /// A batch of a thread has returned.
    Done(usize, usize),
    /// A flush has begun.
    FlushBegun,
    /// It is over.
    FlushEnded,
    /// A compaction has begun.
    CompactionBegun,
    /// It is over.
    CompactionEnded,
}

impl Word {
    /// Says it, in one write: it is in the pipe when this returns, also if the process is killed.
    pub fn say(&self) -> io::Result<()> {
        let line = self.line();
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.flush()
    }

    fn line(&self) -> String {
        match self {
            Self::Begin => "begin\n".to_owned(),
            Self::Open(counts) => {
                let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
                format!("open {}\n", counts.join(" "))
            }
            Self::Done(lane, number) => format!("done {lane} {number}\n"),
            Self::FlushBegun => "flush begun\n".to_owned(),
            Self::FlushEnded => "flush ended\n".to_owned(),
            Self::CompactionBegun => "compaction begun\n".to_owned(),
            Self::CompactionEnded => "compaction ended\n".to_owned(),
        }
    }

    /// What a line says; `None` if it is not one of ours.
    pub fn parse(line: &str) -> Option<Self> {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let numbers =
            || -> Option<Vec<usize>> { rest.split(' ').map(|word| word.parse().ok()).collect() };
        match (first, rest) {
            ("begin", "") => Some(Self::Begin),
            ("open", _) => Some(Self::Open(numbers()?)),
            ("done", _) => match numbers()?[..] {
                [lane, number] => Some(Self::Done(lane, number)),
                _ => None,
            },
            ("flush", "begun") => Some(Self::FlushBegun),
            ("flush", "ended") => Some(Self::FlushEnded),
            ("compaction", "begun") => Some(Self::CompactionBegun),
            ("compaction", "ended") => Some(Self::CompactionEnded),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_understood() {
        let words = [
            Word::Begin,
            Word::Open(vec![3, 0]),
            Word::Done(1, 17),
            Word::FlushBegun,
            Word::FlushEnded,
            Word::CompactionBegun,
            Word::CompactionEnded,
        ];
        for word in words {
            assert_eq!(Word::parse(word.line().trim_end()), Some(word));
        }
        assert_eq!(Word::parse("done 1"), None);
    }
}
