//! Runs each test in a process of its own and judges how that ended.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::Subject;
use super::repeat::{Rounds, SEED, Several};
use super::report::{Panic, Trial, Verdict};
use crate::catalogue::Test;
use crate::process::{self, End, Finished};

/// After so many tests that hung, the others are waited for only so long: a lock that nobody gives back hangs a dozen tests, and a
/// minute for each would cost an evening.
const HUNG: usize = 2;
const HASTE: Duration = Duration::from_secs(10);

/// Runs the tests on all cores. The outcomes are in the order of `tests`; `progress` is told how many runs are done, of how many.
pub fn run_all(
    subject: &Subject,
    binary: &Path,
    tests: Vec<Test>,
    rounds: &Rounds,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Trial> {
    let several: Vec<Several> = tests
        .into_iter()
        .map(|test| Several::new(test, rounds))
        .collect();
    let jobs: Vec<(&Several, Option<u64>)> = several
        .iter()
        .flat_map(|several| several.seeds.iter().map(move |seed| (several, *seed)))
        .collect();
    let mut hasty = subject.clone();
    hasty.limits.time = hasty.limits.time.min(HASTE);
    let next = AtomicUsize::new(0);
    let (done, hung) = (AtomicUsize::new(0), AtomicUsize::new(0));
    progress(0, jobs.len());
    thread::scope(|scope| {
        for _ in 0..workers().min(jobs.len()) {
            scope.spawn(|| {
                while let Some((several, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if subject.stop.is_set() {
                        break;
                    }
                    let is_late = hung.load(Ordering::Relaxed) >= HUNG;
                    let subject = if is_late { &hasty } else { subject };
                    if several.run(subject, binary, *seed) {
                        hung.fetch_add(1, Ordering::Relaxed);
                    }
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1, jobs.len());
                }
            });
        }
    });
    several.into_iter().filter_map(Several::end).collect()
}

fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs one test once. With a seed, its random numbers are others than usual.
pub fn run(subject: &Subject, binary: &Path, test: &Test, seed: Option<u64>) -> Trial {
    let mut command = command(subject, binary, &test.path());
    command.env("RUST_BACKTRACE", "0");
    if let Some(seed) = seed {
        command.env(SEED, seed.to_string());
    }
    let finished = process::run_until(&mut command, subject.limits, &subject.stop);
    let (verdict, stderr) = match finished {
        Ok(finished) => (judge(test, subject, &finished), finished.stderr),
        Err(error) => (Verdict::NotStartable(error.to_string()), String::new()),
    };
    let panics = panics(&stderr);
    let last_words = match panics.is_empty() {
        true => last_lines(&stderr),
        false => Vec::new(),
    };
    Trial {
        test: test.clone(),
        verdict,
        panics,
        last_words,
    }
}

/// Runs one test again and gives what it says on stderr, with backtraces.
pub fn backtrace(subject: &Subject, binary: &Path, test: &Test) -> Option<String> {
    let mut command = command(subject, binary, &test.path());
    command.env("RUST_BACKTRACE", "1");
    let finished = process::run_until(&mut command, subject.limits, &subject.stop);
    finished.ok().map(|finished| finished.stderr)
}

/// The names of all tests in a binary. None if it does not say.
pub fn list(subject: &Subject, binary: &Path) -> Vec<String> {
    let mut command = Command::new(binary);
    command
        .args(["--list", "--format", "terse"])
        .current_dir(&subject.dir);
    let finished = process::run_until(&mut command, subject.limits, &subject.stop);
    let stdout = finished.map_or(String::new(), |finished| finished.stdout);
    stdout
        .lines()
        .filter_map(|line| Some(line.strip_suffix(": test")?.to_string()))
        .collect()
}

fn command(subject: &Subject, binary: &Path, path: &str) -> Command {
    let mut command = Command::new(binary);
    // Not captured: what a test says before an abort would be lost with its process.
    command.args([path, "--exact", "--nocapture", "--color=never"]);
    command
        .current_dir(&subject.dir)
        .env("CARGO_MANIFEST_DIR", &subject.dir);
    command
}

fn judge(test: &Test, subject: &Subject, finished: &Finished) -> Verdict {
    let status = match finished.end {
        End::TimedOut => return Verdict::TimedOut(subject.limits.time),
        End::Flooded => return Verdict::Flooded,
        End::Stopped => return Verdict::NotStartable("it was stopped".into()),
        End::Exited(status) => status,
    };
    // What a test prints itself may share a line with the words of libtest, so lines are not compared as wholes.
    let stdout = &finished.stdout;
    let said_ok = stdout.contains(&format!("test {} ... ", test.path()))
        && stdout.contains("test result: ok. 1 passed;");
    match status.code() {
        Some(0) if said_ok => Verdict::Passed,
        Some(0) if stdout.contains("running 0 tests") => Verdict::Vanished,
        Some(LIBTEST_FAILED) if stdout.contains("test result: FAILED.") => Verdict::Failed,
        Some(code) if !is_exception(code) => Verdict::LeftEarly(code),
        _ => Verdict::Crashed(crash(status)),
    }
}

/// The exit code of a test binary in which a test has failed.
const LIBTEST_FAILED: i32 = 101;

/// On Windows a process that goes down leaves an NTSTATUS of severity "error" as its exit code.
fn is_exception(code: i32) -> bool {
    cfg!(windows) && code.cast_unsigned() >= 0xC000_0000
}

#[cfg(unix)]
fn crash(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    let Some(number) = status.signal() else {
        return status.to_string();
    };
    match nix::sys::signal::Signal::try_from(number) {
        Ok(signal) => format!("signal {number}, {signal}"),
        Err(_) => format!("signal {number}"),
    }
}

#[cfg(not(unix))]
fn crash(status: ExitStatus) -> String {
    status.to_string()
}

/// Finds `thread 'NAME' (ID) panicked at PLACE:` and the message below each.
fn panics(stderr: &str) -> Vec<Panic> {
    let mut panics: Vec<Panic> = Vec::new();
    let mut reading = false;
    for line in stderr.lines() {
        if let Some(panic) = headline(line) {
            panics.push(panic);
            reading = true;
        } else if line.starts_with("note: run with `RUST_BACKTRACE") {
            reading = false;
        } else if let Some(panic) = panics.last_mut().filter(|_| reading) {
            panic.message.push_str(line);
            panic.message.push('\n');
        }
    }
    for panic in &mut panics {
        panic.message.truncate(panic.message.trim_end().len());
    }
    panics
}

fn headline(line: &str) -> Option<Panic> {
    // What the test printed without a newline may stand before it.
    let (_, rest) = line.split_once("thread '")?;
    let (thread, rest) = rest.split_once('\'')?;
    let (_, place) = rest.split_once("panicked at ")?;
    Some(Panic {
        thread: thread.to_string(),
        place: place.trim_end_matches(':').replace('\\', "/"),
        message: String::new(),
    })
}

fn last_lines(stderr: &str) -> Vec<String> {
    const LINES: usize = 4;
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.is_empty()).collect();
    let skipped = lines.len().saturating_sub(LINES);
    lines[skipped..]
        .iter()
        .map(|line| line.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_read_with_thread_place_and_message() {
        let found = panics(
            "noise\n\
             thread 'flush' (12) panicked at mini-lsm/src/a.rs:1:2:\n\
             not implemented: day 4, task 1: Flush::run\n\
             note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\
             unrelated\n\n\
             thread 'task_1::t' (13) panicked at mini-lsm/tests/day1.rs:3:4:\n\
             assertion `left == right` failed: get(k)\n  left: 1\n right: 2\n",
        );
        let [flush, test] = &found[..] else {
            panic!("two panics expected: {found:?}");
        };
        assert_eq!(flush.thread, "flush");
        assert_eq!(flush.message, "not implemented: day 4, task 1: Flush::run");
        assert_eq!(test.place, "mini-lsm/tests/day1.rs:3:4");
        assert_eq!(
            test.message,
            "assertion `left == right` failed: get(k)\n  left: 1\n right: 2"
        );
    }
}
