//! The writing process as it is seen from outside.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::words::Word;
use super::writer::WRITER;
use crate::tally::Tally;

/// A process that writes until it is killed: by [`kill`](Self::kill), or when this is dropped.
pub struct Victim {
    child: Child,
    /// What it says. Ends with its life.
    words: Receiver<Word>,
}

impl Victim {
    /// Starts it: this program once more, as [`writer_main`](super::writer_main).
    pub fn start(dir: &Path, seed: u64, own_seed: u64) -> Result<Self> {
        let program = std::env::current_exe().context("which program is this?")?;
        let mut child = Command::new(program)
            .arg(WRITER)
            .arg(dir)
            .args([seed.to_string(), own_seed.to_string()])
            // It ends when this does, with `child` or with the whole process.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the writing process does not start")?;
        let out = child.stdout.take().expect("it is a pipe");
        let (sender, words) = channel();
        thread::spawn(move || {
            // The last line may be half there.
            let lines = BufReader::new(out).lines().map_while(Result::ok);
            for word in lines.filter_map(|line| Word::parse(&line)) {
                if sender.send(word).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, words })
    }

    /// The next word, or `None` at `end`. An error if the process has ended by itself.
    pub fn listen(&mut self, end: Instant) -> Result<Option<Word>> {
        // Asked first: it may talk faster than anybody listens.
        let Some(time) = end.checked_duration_since(Instant::now()) else {
            return Ok(None);
        };
        match self.words.recv_timeout(time) {
            Ok(word) => Ok(Some(word)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait().context("wait")?;
                bail!("the writing process has ended by itself: {status}")
            }
        }
    }

    /// Kills it, and returns what it had said until then and nobody had listened to.
    pub fn kill(mut self) -> Result<Vec<Word>> {
        self.child.kill().context("kill")?;
        self.child.wait().context("wait")?;
        Ok(self.words.iter().collect())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Both do nothing after `kill`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How far a process came.
#[derive(Debug, Default)]
pub struct Heard {
    /// So many writes were acknowledged.
    pub writes: u64,
    has_begun: bool,
    is_open: bool,
    open_flushes: u64,
    open_compactions: u64,
    flushes: u64,
    compactions: u64,
}

impl Heard {
    /// Takes in what the process has said.
    pub fn note(&mut self, word: &Word) {
        match word {
            Word::Begin => self.has_begun = true,
            Word::Open(_) => self.is_open = true,
            Word::Done(..) => self.writes += 1,
            Word::FlushBegun => self.open_flushes += 1,
            Word::FlushEnded => {
                self.open_flushes -= 1;
                self.flushes += 1;
            }
            Word::CompactionBegun => self.open_compactions += 1,
            Word::CompactionEnded => {
                self.open_compactions -= 1;
                self.compactions += 1;
            }
        }
    }

    /// Counts it, now that the process is dead.
    pub fn tell(&self, tally: &mut Tally) {
        tally.count("kills", 1);
        tally.count("writes acknowledged", self.writes);
        tally.count("flushes", self.flushes);
        tally.count("compactions", self.compactions);
        let in_recovery = self.has_begun && !self.is_open;
        tally.count("kills in a recovery", u64::from(in_recovery));
        tally.count("kills in a flush", self.open_flushes.min(1));
        tally.count("kills in a compaction", self.open_compactions.min(1));
    }
}
