//! Processes that a trial starts. None outlives it: the trial holds the other end of its child's standard input, which the system closes when the trial ends, in whatever way.

use std::io::{self, Read};
use std::process::{self, Command, Output, Stdio};
use std::thread;

/// In a child: from now on this process ends when its standard input does, whatever it is doing.
pub fn end_with_parent() {
    thread::spawn(|| {
        let mut input = io::stdin().lock();
        let mut buffer = [0; 64];
        while !matches!(input.read(&mut buffer), Ok(0) | Err(_)) {}
        process::exit(1);
    });
}

/// Starts `command`, waits for its end, and gives what it has said, as [`Command::output`] does. Its
/// standard input lasts as long as this process waits.
pub fn output(command: &mut Command) -> io::Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // Left to the child, it would be closed before the wait.
    let input = child.stdin.take();
    let output = child.wait_with_output();
    drop(input);
    output
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::time::Duration;

    use super::*;

    const DOES: &str = "MINI_LSM_TORTURE_TEST_CHILD";
    const NAME: &str = "child::tests::a_child_ends_with_its_parent";

    /// This test once more, as a process that does what it is told.
    fn me(does: &str) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args([NAME, "--exact", "--nocapture"]);
        command.env(DOES, does);
        command
    }

    /// Of three processes the middle one is killed. The last one holds the standard output of the
    /// first: when that ends, so has it.
    #[test]
    fn a_child_ends_with_its_parent() {
        match env::var(DOES).as_deref() {
            Ok("wait") => {
                end_with_parent();
                println!("here");
                thread::sleep(Duration::from_secs(60));
                println!("still here");
            }
            Ok("start") => {
                let mut child = me("wait").stdin(Stdio::piped()).spawn().unwrap();
                // Otherwise closed before the wait.
                let _input = child.stdin.take();
                child.wait().unwrap();
            }
            _ => {
                let mut command = me("start");
                command.stdin(Stdio::piped()).stdout(Stdio::piped());
                let mut parent = command.spawn().unwrap();
                let mut said = String::new();
                let mut out = parent.stdout.take().unwrap();
                while !said.contains("here") {
                    let mut buffer = [0; 1];
                    assert_eq!(out.read(&mut buffer).unwrap(), 1, "the child ends: {said}");
                    said.push(char::from(buffer[0]));
                }
                parent.kill().unwrap();
                parent.wait().unwrap();
                out.read_to_string(&mut said).unwrap();
                assert!(!said.contains("still here"), "{said}");
            }
        }
    }

    #[test]
    fn a_child_is_waited_for_with_its_input_open() {
        if env::var_os(DOES).is_some() {
            end_with_parent();
            thread::sleep(Duration::from_millis(300));
            println!("to the end");
            return;
        }
        let mut command = Command::new(env::current_exe().unwrap());
        let name = "child::tests::a_child_is_waited_for_with_its_input_open";
        command.args([name, "--exact", "--nocapture"]).env(DOES, "");
        let output = output(&mut command).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("to the end"),
            "{said}"
        );
    }
}
