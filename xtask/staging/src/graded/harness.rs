//! Runs one test of this program for the grader of submissions, and leaves evidence that its body ran to its end.
//!
//! Exit codes and what is printed prove nothing: the code under test can write both. So the grader hands over a token, new for every
//! run, through the private pipe that stands in the place of standard input; it is read to its end here, before any other code runs.
//! Only when the body has returned is the token written to the second private pipe, which came in the place of standard
//! output and is moved away before the body runs: what the code under test prints goes to standard error. Nothing else makes a pass.
//!
//! What is read: a line with the token, one with the name of the test, one with a count of seccomp filters, and a line for each
//! filter: its instructions in hexadecimal.

use std::fs::File;
use std::io::{Read, Write};

type Test = (&'static str, fn());

/// The exit code when the grader did not ask as it should: never the fault of the code under test.
const NOT_ASKED: i32 = 97;

pub fn main(tests: &[Test]) {
    let Some(order) = Order::read() else {
        eprintln!("this program is run by `cargo x grade`; `cargo x scheck` runs the same tests");
        std::process::exit(NOT_ASKED);
    };
    let Some((_, body)) = tests.iter().find(|(name, _)| *name == order.test) else {
        eprintln!("there is no test {}", order.test);
        std::process::exit(NOT_ASKED);
    };
    let mut evidence = system::take_stdout();
    system::lock_down(&order.filters);
    // A thread as libtest gives a test one: the same stack. Its name says nothing about the test.
    let thread = std::thread::Builder::new().name("test".to_string());
    let running = thread.spawn(*body).expect("a thread can be started");
    if running.join().is_ok() {
        let _ = evidence.write_all(order.token.as_bytes());
        let _ = evidence.flush();
    }
    // Threads that were left behind end here, as with libtest.
    std::process::exit(0);
}

struct Order {
    token: String,
    test: String,
    filters: Vec<Vec<u64>>,
}

impl Order {
    fn read() -> Option<Order> {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).ok()?;
        let mut lines = text.lines();
        let (token, test) = (lines.next()?.to_string(), lines.next()?.to_string());
        let count: usize = lines.next()?.parse().ok()?;
        let instructions = |line: &str| {
            let parts = line.split(' ');
            parts
                .map(|part| u64::from_str_radix(part, 16).ok())
                .collect::<Option<Vec<u64>>>()
        };
        let filters: Vec<_> = lines.map(instructions).collect::<Option<_>>()?;
        (filters.len() == count && !token.is_empty()).then_some(Order {
            token,
            test,
            filters,
        })
    }
}

#[cfg(unix)]
mod system {
    use super::{File, NOT_ASKED};
    use std::os::fd::AsFd;

    unsafe extern "C" {
        fn dup2(old: i32, new: i32) -> i32;
        #[cfg(target_os = "linux")]
        fn prctl(option: i32, ...) -> i32;
    }

    /// Moves standard output away, and lets what is printed go to standard error.
    pub fn take_stdout() -> File {
        let evidence = std::io::stdout().as_fd().try_clone_to_owned();
        // SAFETY: two descriptors that every process has; nothing of ours holds on to the old one.
        if unsafe { dup2(2, 1) } != 1 {
            std::process::exit(NOT_ASKED);
        }
        evidence.expect("a descriptor can be duplicated").into()
    }

    /// No new programs, no network: from here on the system refuses them. An instruction is a `struct sock_filter`, whose eight
    /// bytes came as one number.
    #[cfg(target_os = "linux")]
    pub fn lock_down(filters: &[Vec<u64>]) {
        const PR_SET_SECCOMP: i32 = 22;
        const PR_SET_NO_NEW_PRIVS: i32 = 38;
        const SECCOMP_MODE_FILTER: usize = 2;
        #[repr(C)]
        struct Program {
            len: u16,
            instructions: *const u64,
        }
        for filter in filters {
            let program = Program {
                len: filter.len() as u16,
                instructions: filter.as_ptr(),
            };
            // SAFETY: the kernel copies the program before the call returns.
            let done = unsafe {
                prctl(PR_SET_NO_NEW_PRIVS, 1usize, 0usize, 0usize, 0usize) == 0
                    && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &raw const program) == 0
            };
            if !done {
                eprintln!("the system refused a filter");
                std::process::exit(NOT_ASKED);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn lock_down(_: &[Vec<u64>]) {}
}

#[cfg(windows)]
mod system {
    use super::{File, NOT_ASKED};
    use std::os::windows::io::{AsHandle, AsRawHandle, RawHandle};

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn SetStdHandle(which: u32, handle: RawHandle) -> i32;
    }

    /// Moves standard output away, and lets what is printed go to standard error.
    pub fn take_stdout() -> File {
        const STD_OUTPUT_HANDLE: u32 = -11i32 as u32;
        let evidence = std::io::stdout().as_handle().try_clone_to_owned();
        let stderr = std::io::stderr().as_raw_handle();
        // SAFETY: a handle of this process, which stays open as long as it lives.
        if unsafe { SetStdHandle(STD_OUTPUT_HANDLE, stderr) } == 0 {
            std::process::exit(NOT_ASKED);
        }
        evidence.expect("a handle can be duplicated").into()
    }

    pub fn lock_down(_: &[Vec<u64>]) {}
}
