//! A process for one task: what it is asked goes in as an argument, what it answers comes out on its stdout, both as
//! JSON. What it says when it fails stands on its stderr.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::args::{Ask, CHILD};
use crate::calls;
use crate::work::{Answer, Task};

pub struct Children {
    program: PathBuf,
    /// A learner's engine may wait for ever.
    limit: Duration,
}

impl Children {
    pub fn new(ask: &Ask) -> Result<Self> {
        let program = std::env::current_exe().context("where is this program?")?;
        let limit = match ask.quick {
            true => Duration::from_secs(60),
            false => Duration::from_secs(900) + Duration::from_micros(300) * u32::try_from(ask.n)?,
        };
        Ok(Self { program, limit })
    }

    /// How many system calls the measured part of `task` makes.
    pub fn count_calls(&self, task: &Task) -> Result<Option<u64>> {
        Ok(calls::count(self.command(task)?, self.limit))
    }

    pub fn run(&self, task: &Task) -> Result<Answer> {
        let mut child = self
            .command(task)?
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start a process for the run")?;
        let stdout = listen(child.stdout.take());
        let stderr = listen(child.stderr.take());
        let Ok(answer) = stdout.recv_timeout(self.limit) else {
            return Err(stop(child, self.limit));
        };
        let status = child.wait()?;
        let said = stderr.recv().unwrap_or_default();
        if !status.success() {
            bail!("{}", reason(&said).unwrap_or(&status.to_string()));
        }
        serde_json::from_str(&answer).context("the run gave no answer")
    }

    fn command(&self, task: &Task) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command.arg(CHILD).arg(serde_json::to_string(task)?);
        Ok(command)
    }
}

/// All that comes out of a pipe, once its other end is closed.
fn listen(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

fn stop(mut child: Child, limit: Duration) -> anyhow::Error {
    let _ = child.kill();
    let _ = child.wait();
    anyhow::anyhow!("it did not end within {limit:?}, and was killed")
}

/// The line of what a child said that tells why: a stub if one was hit, else the last one.
fn reason(said: &str) -> Option<&str> {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let stub = said
        .lines()
        .find_map(|line| line.split_once("not implemented: "));
    match stub {
        Some((_, what)) => Some(what),
        None => lines.rfind(|line| !line.starts_with("note: ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_is_the_reason_wherever_it_is_said() {
        let said = "\nthread 'main' panicked at src/block/mod.rs:70:9:\nnot implemented: day 1, task 2: Block::decode\nnote: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(reason(said), Some("day 1, task 2: Block::decode"));
        let said = "error: background thread: not implemented: day 4, task 1: flush\nlast\n";
        assert_eq!(reason(said), Some("day 4, task 1: flush"));
    }

    #[test]
    fn else_the_last_word_counts() {
        let said = "thread panicked:\nkey 4 was put, and was not found\nnote: backtrace\n\n";
        assert_eq!(reason(said), Some("key 4 was put, and was not found"));
        assert_eq!(reason("\n"), None);
    }
}
