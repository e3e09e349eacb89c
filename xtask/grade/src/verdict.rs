//! One test of one submission, and what its end means.
//!
//! Passed is what left its token, and nothing else. All the rest is about telling why not, in one line.

use crate::jail::Limits;
use crate::run::{End, Finished, Watch};
use crate::text;

/// None if it passed; otherwise why it did not.
pub fn judge(token: &str, finished: &Finished, limits: Limits, watch: Watch) -> Option<Failure> {
    if finished.record.starts_with(token.as_bytes()) {
        return None;
    }
    let output = text::of_bytes(&finished.output);
    let reason = match finished.end {
        End::TimedOut => format!("was not done after {} s", watch.time.as_secs()),
        End::Flooded => format!("printed more than {} MiB", watch.output >> 20),
        End::Swarming => format!("had more than {} threads", watch.tasks),
        End::Signal(SIGXCPU | SIGKILL) => {
            format!("used more than {} s of processor time", limits.cpu)
        }
        End::Signal(number) => crash(number, &output, limits),
        End::Code(code) => panic(&output).unwrap_or_else(|| left_early(code)),
    };
    Some(Failure {
        reason: text::reason(&without_machine(&reason)),
        output: text::detail(&without_machine(&last_words(&output))),
    })
}

/// Why a test did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One line.
    pub reason: String,
    /// What was printed, shortened.
    pub output: String,
}

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;

fn crash(number: i32, output: &str, limits: Limits) -> String {
    let said = panic(output).map_or(String::new(), |panic| format!("; before that it {panic}"));
    match number {
        SIGABRT if output.contains("memory allocation of") => {
            format!("asked for more than {} MiB of memory", limits.memory >> 20)
        }
        SIGABRT if output.contains("has overflowed its stack") => {
            "overflowed its stack (endless recursion?)".to_string()
        }
        SIGABRT => format!("aborted{said}"),
        SIGSEGV => format!("crashed: a stack that overflowed, or memory that is not its own{said}"),
        SIGXFSZ => format!("wrote a file of more than {} MiB", limits.file >> 20),
        number => format!("was ended by signal {number}{said}"),
    }
}

fn left_early(code: i32) -> String {
    format!("ended the whole process with exit code {code} before the test was done")
}

/// What the first panic of the test's own thread says, or of any thread: `panicked at PLACE: MESSAGE`.
fn panic(output: &str) -> Option<String> {
    const SAYS: &str = " panicked at ";
    let lines = || output.lines().enumerate();
    let of_test = |line: &str| line.contains("thread 'test'") && line.contains(SAYS);
    let (number, line) = lines()
        .find(|(_, line)| of_test(line))
        .or_else(|| lines().find(|(_, line)| line.contains(SAYS)))?;
    let place = &line[line.find(SAYS)? + 1..];
    let message: Vec<&str> = output
        .lines()
        .skip(number + 1)
        .take_while(|line| !line.starts_with("note: ") && !line.starts_with("thread '"))
        .take(6)
        .map(|line| beginning(line.trim()))
        .collect();
    let place = beginning(place.trim().trim_end_matches(':'));
    Some(format!("{place}: {}", message.join(" ")))
}

/// A line may be as long as all that was kept.
fn beginning(line: &str) -> &str {
    const CHARS: usize = 1000;
    let end = line.char_indices().nth(CHARS);
    &line[..end.map_or(line.len(), |(at, _)| at)]
}

fn last_words(output: &str) -> String {
    const LINES: usize = 30;
    let lines: Vec<&str> = output
        .lines()
        .filter(|line| !line.starts_with("note: run with"))
        .map(beginning)
        .collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Numbers of threads and the folders of this machine are in no report: it is the same wherever it is made.
fn without_machine(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    // `thread 'name' (123) panicked`
    while let Some(at) = rest.find("' (") {
        let after = &rest[at + 3..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let is_thread = digits > 0 && after[digits..].starts_with(") panicked");
        out.push_str(&rest[..at + 1]);
        rest = match is_thread {
            true => &after[digits + 1..],
            false => &rest[at + 1..],
        };
    }
    out.push_str(rest);
    // `/home/…/registry/src/index.crates.io-…/crate-1.0.0/src/lib.rs`
    const REGISTRY: &str = "registry/src/";
    while let Some(at) = out.find(REGISTRY) {
        let start = out[..at]
            .rfind(char::is_whitespace)
            .map_or(0, |space| space + 1);
        let after = at + REGISTRY.len();
        let end = out[after..]
            .find(['/', '\\'])
            .map_or(after, |slash| after + slash + 1);
        out.replace_range(start..end, "");
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: Limits = Limits {
        cpu: 9,
        memory: 1 << 30,
        file: 1 << 20,
    };
    const WATCH: Watch = Watch {
        time: Duration::from_secs(7),
        output: 2 << 20,
        tasks: 5,
    };

    fn failure(end: End, record: &str, output: &str) -> Option<String> {
        let finished = Finished {
            end,
            record: record.as_bytes().to_vec(),
            output: output.as_bytes().to_vec(),
        };
        judge("secret", &finished, LIMITS, WATCH).map(|failure| failure.reason)
    }

    #[test]
    fn only_the_token_passes_whatever_else_happened() {
        assert_eq!(failure(End::Code(0), "secret", ""), None);
        // What happens after the body has returned is not the test's.
        assert_eq!(failure(End::Signal(6), "secret", "panicked"), None);
        for record in ["", "sec", "passed", "xsecret", "ok\nsecret"] {
            let all_well = "test result: ok. 1 passed; 0 failed";
            let reason = failure(End::Code(0), record, all_well).expect("a failure");
            assert!(
                reason.contains("exit code 0 before the test was done"),
                "{reason}"
            );
        }
    }

    #[test]
    fn every_end_has_its_reason_in_one_line() {
        let reason = |end, output| failure(end, "", output).expect("a failure");
        assert_eq!(reason(End::TimedOut, ""), "was not done after 7 s");
        assert_eq!(reason(End::Flooded, ""), "printed more than 2 MiB");
        assert_eq!(reason(End::Swarming, ""), "had more than 5 threads");
        assert!(reason(End::Signal(24), "").contains("9 s of processor time"));
        assert!(reason(End::Signal(6), "memory allocation of 9 bytes failed").contains("1024 MiB"));
        assert!(reason(End::Signal(11), "").contains("overflowed"));
        assert_eq!(
            reason(
                End::Code(0),
                "thread 'flush' (3) panicked at src/a.rs:1:2:\nboom\n\
                 thread 'test' (12) panicked at /home/x/.cargo/registry/src/index-1/bytes-1.0/src/b.rs:3:4:\nleft: 1\nright: 2\nnote: run with x\n"
            ),
            "panicked at bytes-1.0/src/b.rs:3:4: left: 1 right: 2"
        );
    }

    #[test]
    fn what_was_printed_is_the_same_on_every_machine() {
        let text = without_machine("thread 'a (1)' (77) panicked at x\n'b' (5) said");
        assert_eq!(text, "thread 'a (1)' panicked at x\n'b' (5) said");
    }
}
