//! A program run under limits: wall time, output, and an end for all that it started.
//!
//! A test of a learner may hang, abort, print without end or leave children behind. So every one runs in a process group of its own
//! (on Windows in a job), its output is kept only up to a cap and read on without being kept, and when it ends or a limit passes,
//! the whole group is killed. If we are interrupted ourselves, so are the groups: see [`kill_all_when_interrupted`].

mod capture;
#[cfg_attr(unix, path = "process/group_unix.rs")]
#[cfg_attr(windows, path = "process/group_windows.rs")]
pub mod group;
mod stop;

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use capture::Capture;
pub use group::kill_all_when_interrupted;
pub use stop::{Stop, Stopped};

/// What a program may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub time: Duration,
    /// Bytes on stdout and stderr each, after which the program is stopped.
    pub output: u64,
}

/// How a program ended and what it printed.
#[derive(Debug)]
pub struct Finished {
    pub end: End,
    /// Invalid UTF-8 replaced; when it was long, the beginning and the end with a remark in between.
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Exited(ExitStatus),
    /// The time limit passed and the group was killed.
    TimedOut,
    /// The output limit passed and the group was killed.
    Flooded,
    /// Nobody waits for it any more, and the group was killed.
    Stopped,
}

/// Runs the command to its end or to a limit.
pub fn run(command: &mut Command, limits: Limits) -> io::Result<Finished> {
    run_until(command, limits, &Stop::default())
}

/// As [`run`], or until `stop` is set.
pub fn run_until(command: &mut Command, limits: Limits, stop: &Stop) -> io::Result<Finished> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let started = Instant::now();
    let mut group = group::spawn(command)?;
    let stdout = Capture::start(group.child().stdout.take());
    let stderr = Capture::start(group.child().stderr.take());
    let end = loop {
        if let Some(status) = group.child().try_wait()? {
            break End::Exited(status);
        }
        if stdout.len().max(stderr.len()) > limits.output {
            break End::Flooded;
        }
        let passed = started.elapsed();
        if passed >= limits.time {
            break End::TimedOut;
        }
        if stop.is_set() {
            break End::Stopped;
        }
        thread::sleep(pause(passed));
    };
    let took = started.elapsed();
    group.kill();
    group.child().wait()?;
    Ok(Finished {
        end,
        stdout: stdout.finish(),
        stderr: stderr.finish(),
        took,
    })
}

/// Most tests end within milliseconds: look often at first, rarely later.
fn pause(passed: Duration) -> Duration {
    (passed / 10).clamp(Duration::from_millis(1), Duration::from_millis(20))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, limits: Limits) -> Finished {
        run(Command::new("sh").args(["-c", script]), limits).expect("sh starts")
    }

    const LIMITS: Limits = Limits {
        time: Duration::from_secs(20),
        output: 1 << 20,
    };

    #[test]
    fn output_and_exit_code_arrive() {
        let finished = shell("echo out; echo err >&2; exit 3", LIMITS);
        assert!(matches!(finished.end, End::Exited(status) if status.code() == Some(3)));
        assert_eq!(finished.stdout, "out\n");
        assert_eq!(finished.stderr, "err\n");
    }

    #[test]
    fn a_hanging_program_is_killed_with_its_children() {
        let time = Duration::from_millis(300);
        // The child holds our pipes: without the kill of the group, reading would last as long as it does.
        let finished = shell("sleep 100 & echo $!; wait", Limits { time, ..LIMITS });
        assert_eq!(finished.end, End::TimedOut);
        assert!(
            finished.took < Duration::from_secs(10),
            "{:?}",
            finished.took
        );
        let child = finished.stdout.trim();
        let gone = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(10));
            let alive = Command::new("kill")
                .args(["-0", child])
                .stderr(Stdio::null())
                .status();
            !alive.expect("kill starts").success()
        });
        assert!(gone, "the child {child} is still there");
    }

    #[test]
    fn a_child_left_behind_ends_with_its_program() {
        let finished = shell("sleep 100 & exit 0", LIMITS);
        assert!(matches!(finished.end, End::Exited(status) if status.success()));
        assert!(
            finished.took < Duration::from_secs(10),
            "{:?}",
            finished.took
        );
    }

    #[test]
    fn what_is_stopped_ends_at_once() {
        let stop = Stop::default();
        let setter = stop.clone();
        thread::spawn(move || setter.set());
        let mut sleep = Command::new("sh");
        let finished = run_until(sleep.args(["-c", "sleep 100"]), LIMITS, &stop);
        assert_eq!(finished.expect("sh starts").end, End::Stopped);
    }

    #[test]
    fn a_flood_is_stopped_and_little_of_it_kept() {
        let finished = shell(
            "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done",
            LIMITS,
        );
        assert_eq!(finished.end, End::Flooded);
        assert!(finished.stdout.len() < 100_000, "{}", finished.stdout.len());
    }
}
