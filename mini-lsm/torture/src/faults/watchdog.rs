//! Ends the process when a run takes so long that something in it must hang.

use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A run takes milliseconds: so long takes none, on no machine.
const LIMIT: Duration = Duration::from_secs(90);

/// Watches the runs of one thread.
#[derive(Debug)]
pub struct Watchdog {
    begun: Option<Sender<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// One that watches nothing yet.
    pub fn new() -> Self {
        let (begun, runs) = mpsc::channel::<String>();
        let watch = move || {
            let mut current = None;
            loop {
                match runs.recv_timeout(LIMIT) {
                    Ok(run) => current = Some(run),
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let Some(run) = &current else { continue };
                        eprintln!("{run}: hangs, nothing has happened for {LIMIT:?}");
                        process::abort();
                    }
                }
            }
        };
        Self {
            begun: Some(begun),
            thread: Some(thread::spawn(watch)),
        }
    }

    /// The run before is over, and this one begins. The text is told if it hangs.
    pub fn watch(&self, run: String) {
        let begun = self.begun.as_ref().expect("until it is dropped");
        begun.send(run).expect("it listens until it is dropped");
    }
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.begun = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it does not panic");
        }
    }
}
