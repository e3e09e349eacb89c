//! System calls a put, counted as a debugger would: the child is traced, in a run of its own that nobody times, and every
//! call of every thread between two marks counts. A mark is a call that does nothing: closing a file that cannot be.
//!
//! Only on Linux, and only where tracing is permitted; elsewhere there is no such figure.

use std::process::Command;
use std::time::Duration;

/// What the measured part of a workload begins and ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Begin,
    End,
}

/// Tells whoever traces this process.
pub fn mark(mark: Mark) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    linux::mark(mark);
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = mark;
}

/// Runs `command` to its end and counts the calls between the marks. `None` if that is not possible here, if the
/// command fails, or if it takes longer than `limit`.
pub fn count(command: Command, limit: Duration) -> Option<u64> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    return linux::count(command, limit);
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        let _ = (command, limit);
        None
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod linux {
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use libc::{c_int, pid_t};

    use super::Mark;

    const BEGIN: c_int = -7_001;
    const END: c_int = -7_002;
    /// What a stop at a call is told apart by, once `PTRACE_O_TRACESYSGOOD` is set.
    const AT_CALL: c_int = libc::SIGTRAP | 0x80;

    pub fn mark(mark: Mark) {
        let number = match mark {
            Mark::Begin => BEGIN,
            Mark::End => END,
        };
        // SAFETY: no file has such a number, so none is closed.
        unsafe { libc::close(number) };
    }

    pub fn count(mut command: Command, limit: Duration) -> Option<u64> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // SAFETY: between fork and exec only one call is made, of the kernel.
        unsafe {
            command.pre_exec(|| check(libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0)).map(drop));
        }
        let child = pid_t::try_from(command.spawn().ok()?.id()).ok()?;
        let (is_over, timer) = mpsc::channel::<()>();
        let watchdog = thread::spawn(move || {
            if timer.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                // SAFETY: the child has not been waited for, so the number is still its own.
                unsafe { libc::kill(child, libc::SIGKILL) };
            }
        });
        let count = follow(child);
        drop(is_over);
        let _ = watchdog.join();
        count.ok().flatten()
    }

    /// Lets the child and its threads go from stop to stop. `None` if it fails.
    fn follow(child: pid_t) -> io::Result<Option<u64>> {
        wait(child)?;
        let options =
            libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
        // SAFETY: the child is stopped, and this thread is its tracer.
        check(unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, child, 0, options) })?;
        go_on(child, 0);
        let mut tally = Tally::default();
        loop {
            let (pid, status) = wait(-1)?;
            if libc::WIFSTOPPED(status) {
                let signal = libc::WSTOPSIG(status);
                if signal == AT_CALL {
                    tally.see(pid);
                }
                // The tracer's own stops are not signals that the child should get.
                let is_ours = matches!(signal, AT_CALL | libc::SIGTRAP | libc::SIGSTOP);
                go_on(pid, if is_ours { 0 } else { signal });
            } else if pid == child {
                let is_good = libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
                return Ok(is_good.then_some(tally.count));
            }
        }
    }

    #[derive(Default)]
    struct Tally {
        is_counting: bool,
        count: u64,
    }

    impl Tally {
        /// Thread `pid` stands at the beginning or the end of a call.
        fn see(&mut self, pid: pid_t) {
            let Some((call, first)) = call_of(pid) else {
                return;
            };
            match first as c_int {
                BEGIN if call == libc::SYS_close as u64 => self.is_counting = true,
                END if call == libc::SYS_close as u64 => self.is_counting = false,
                _ if self.is_counting => self.count += 1,
                _ => {}
            }
        }
    }

    /// The number of the call that begins, and its first argument.
    fn call_of(pid: pid_t) -> Option<(u64, u64)> {
        // SAFETY: all zeros is a value of this struct of integers; the kernel writes at most its size; and which of
        // its variants is filled stands in `op`.
        unsafe {
            let mut info: libc::ptrace_syscall_info = std::mem::zeroed();
            let size = size_of::<libc::ptrace_syscall_info>();
            let pointer = &raw mut info;
            check(libc::ptrace(
                libc::PTRACE_GET_SYSCALL_INFO,
                pid,
                size,
                pointer,
            ))
            .ok()?;
            let is_entry = info.op == libc::PTRACE_SYSCALL_INFO_ENTRY;
            is_entry.then(|| (info.u.entry.nr, info.u.entry.args[0]))
        }
    }

    fn wait(pid: pid_t) -> io::Result<(pid_t, c_int)> {
        let mut status = 0;
        // Threads of the child too, but no child of another thread of ours.
        let options = libc::__WALL | libc::__WNOTHREAD;
        // SAFETY: the kernel writes the status, which outlives the call.
        let pid = check(unsafe { libc::waitpid(pid, &mut status, options) }.into())?;
        Ok((pid as pid_t, status))
    }

    /// A thread that was killed meanwhile cannot go on; its end is reported by the next wait.
    fn go_on(pid: pid_t, signal: c_int) {
        // SAFETY: no memory is passed.
        unsafe { libc::ptrace(libc::PTRACE_SYSCALL, pid, 0, signal) };
    }

    fn check(result: libc::c_long) -> io::Result<libc::c_long> {
        match result {
            -1 => Err(io::Error::last_os_error()),
            result => Ok(result),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn shell(script: &str) -> Command {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        }

        #[test]
        fn without_marks_nothing_is_counted_and_a_failure_has_no_figure() {
            let limit = Duration::from_secs(60);
            // Where tracing is not permitted, neither has a figure.
            assert!(matches!(count(shell("true"), limit), Some(0) | None));
            assert_eq!(count(shell("exit 3"), limit), None);
        }

        #[test]
        fn what_does_not_end_is_killed() {
            assert_eq!(count(shell("sleep 600"), Duration::from_millis(300)), None);
        }
    }
}
