//! A jailed program, from its start to the moment when nothing of it is left.
//!
//! The grader never waits for a descriptor, only for time: whoever holds a pipe open, daemonised or not, is killed with its tree, and
//! a reader that still finds no end is left behind. Of what is printed only the beginning and the end are kept.

use std::io::{self, Read, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use xtask::process::group;

use crate::jail::{self, ENDED_BY, Jail, NOT_STARTED, READY};

/// What the grader itself watches.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    pub time: Duration,
    /// Bytes printed, after which the program is ended.
    pub output: u64,
    /// Threads of it and its children, where they can be counted, after which it is ended.
    pub tasks: usize,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Code(i32),
    Signal(i32),
    TimedOut,
    Flooded,
    /// Too many threads.
    Swarming,
}

#[derive(Debug)]
pub struct Finished {
    pub end: End,
    /// What came on the private pipe after the jail stood, with what the jail says of the end cut off.
    pub record: Vec<u8>,
    /// What was printed; when it was much, its beginning and its end.
    pub output: Vec<u8>,
}

/// Bytes of the beginning and of the end of what is printed; together one mebibyte.
const KEPT: usize = 512 << 10;
/// A record is a token of some dozen bytes.
const RECORD: usize = 4 << 10;
/// How long a pipe without an end is waited for once everything was killed.
const PATIENCE: Duration = Duration::from_secs(1);
/// A step of the clock counts no more than this: whoever suspends the machine, or us, takes no time from a test.
const STEP: Duration = Duration::from_millis(200);

/// Before that, threads are not counted: most tests have ended by then.
const SWARMS_FROM: Duration = Duration::from_millis(20);
/// How often a jail is begun that was not ready before its time was over: a crowded machine is no fault of the program's.
const ATTEMPTS: usize = 3;

/// Runs the program. An `Err` means that it could not be started, which is never its own fault.
pub fn run(jail: &Jail, order: &str, watch: Watch) -> Result<Finished> {
    for _ in 0..ATTEMPTS {
        let ran = attempt(jail, order, watch)?;
        if ran.end != End::TimedOut || ran.record.starts_with(READY.as_bytes()) {
            return finish(ran);
        }
    }
    bail!("a jail did not stand in time; is the machine overloaded? try fewer --jobs")
}

/// One run; the record is as it came.
fn attempt(jail: &Jail, order: &str, watch: Watch) -> Result<Finished> {
    let mut command = jail.command()?;
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut group = group::spawn(&mut command).context("cannot start a jail")?;
    let record = Pipe::read(group.child().stdout.take(), RECORD, 0);
    let output = Pipe::read(group.child().stderr.take(), KEPT, KEPT);
    let mut stdin = group.child().stdin.take();
    let order = order.as_bytes().to_vec();
    // A program that does not read must not hold us up; it has a thread of its own to ignore.
    thread::spawn(move || stdin.as_mut().map(|stdin| stdin.write_all(&order)));
    let end = wait(&mut group, &output, watch)?;
    group.kill();
    group.child().wait().context("cannot wait for a jail")?;
    Ok(Finished {
        end,
        record: record.finish(),
        output: output.finish(),
    })
}

fn wait(group: &mut group::Group, output: &Pipe, watch: Watch) -> Result<End> {
    let mut passed = Duration::ZERO;
    let mut last = Instant::now();
    loop {
        if let Some(status) = group.child().try_wait()? {
            return Ok(ended(status));
        }
        if output.len() > watch.output {
            return Ok(End::Flooded);
        }
        if passed >= SWARMS_FROM && jail::tasks(group.child().id()) > watch.tasks {
            return Ok(End::Swarming);
        }
        let now = Instant::now();
        passed += (now - last).min(STEP);
        last = now;
        if passed >= watch.time {
            return Ok(End::TimedOut);
        }
        // Most tests end within milliseconds: look often at first, rarely later.
        let pause = (passed / 10).clamp(Duration::from_micros(500), Duration::from_millis(20));
        thread::sleep(pause);
    }
}

#[cfg(unix)]
fn ended(status: std::process::ExitStatus) -> End {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, signal) => End::Signal(signal.unwrap_or_default()),
    }
}

#[cfg(not(unix))]
fn ended(status: std::process::ExitStatus) -> End {
    End::Code(status.code().unwrap_or(1))
}

fn finish(mut finished: Finished) -> Result<Finished> {
    let said = String::from_utf8_lossy(&finished.output);
    let Some(rest) = finished.record.strip_prefix(READY.as_bytes()) else {
        let end = finished.end;
        bail!("a jail could not be built ({end:?}): {}", said.trim_end());
    };
    if rest.starts_with(NOT_STARTED.as_bytes()) {
        bail!("a program could not be started: {}", said.trim_end());
    }
    finished.record = rest.to_vec();
    let said = finished
        .record
        .windows(ENDED_BY.len())
        .rposition(|window| window == ENDED_BY.as_bytes());
    if let Some(at) = said {
        let number = String::from_utf8_lossy(&finished.record[at + ENDED_BY.len()..]);
        if let (Ok(number), End::Code(_)) = (number.trim_end().parse(), finished.end) {
            finished.end = End::Signal(number);
            finished.record.truncate(at);
        }
    }
    Ok(finished)
}

/// A pipe that is read to its end by a thread of its own, whoever holds it.
struct Pipe {
    kept: Arc<Mutex<Kept>>,
    ended: mpsc::Receiver<()>,
}

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    len: u64,
}

impl Pipe {
    fn read(pipe: Option<impl Read + Send + 'static>, head: usize, tail: usize) -> Pipe {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (end, ended) = mpsc::channel();
        if let Some(mut pipe) = pipe {
            let kept = Arc::clone(&kept);
            thread::spawn(move || {
                let mut buffer = [0; 64 << 10];
                loop {
                    match pipe.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(count) => lock(&kept).push(&buffer[..count], head, tail),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(_) => break,
                    }
                }
                end.send(()).ok();
            });
        }
        Pipe { kept, ended }
    }

    fn len(&self) -> u64 {
        lock(&self.kept).len
    }

    fn finish(self) -> Vec<u8> {
        self.ended.recv_timeout(PATIENCE).ok();
        lock(&self.kept).bytes()
    }
}

impl Kept {
    fn push(&mut self, bytes: &[u8], head: usize, tail: usize) {
        self.len += bytes.len() as u64;
        let (first, rest) = bytes.split_at(bytes.len().min(head - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend_from_slice(rest);
        if self.tail.len() > 2 * tail {
            self.tail.drain(..self.tail.len() - tail);
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let missing = self.len - self.head.len() as u64 - self.tail.len() as u64;
        let mut bytes = self.head.clone();
        if missing > 0 {
            bytes.extend(format!("\n[{missing} bytes left out]\n").into_bytes());
        }
        bytes.extend_from_slice(&self.tail);
        bytes
    }
}

/// A reader that panicked has lost nothing that was kept before.
fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_the_beginning_and_the_end_are_kept() {
        let mut kept = Kept::default();
        for number in 0..100_000 {
            kept.push(format!("{number}\n").as_bytes(), 1000, 1000);
        }
        let text = String::from_utf8(kept.bytes()).unwrap();
        assert!(text.starts_with("0\n1\n2\n") && text.ends_with("99998\n99999\n"));
        assert!(
            text.contains("bytes left out]") && text.len() < 3100,
            "{}",
            text.len()
        );
    }

    #[test]
    fn a_record_without_a_jail_is_an_error_and_a_signal_is_read_off_it() {
        let finish = |end, record: &str| {
            finish(Finished {
                end,
                record: record.into(),
                output: Vec::new(),
            })
        };
        assert!(finish(End::Code(0), "token").is_err());
        assert!(finish(End::Code(96), "ready\nnot started\n").is_err());
        let finished = finish(End::Code(134), "ready\ntokenended by signal 6\n").unwrap();
        assert_eq!(finished.end, End::Signal(6));
        assert_eq!(finished.record, b"token");
        // The exit code of a jail that failed is a test's like any other.
        for end in [End::TimedOut, End::Code(96)] {
            let finished = finish(end, "ready\n").unwrap();
            assert_eq!((finished.end, finished.record.len()), (end, 0));
        }
    }
}
