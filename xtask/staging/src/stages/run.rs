//! Runs tests, each in a process of its own with a time limit, several at a time. A stub that hangs or aborts is one
//! failed test and nothing to the others.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// One test to run, and whose cell its outcome goes to.
#[derive(Clone, Debug)]
pub struct Job {
    pub row: usize,
    pub check: usize,
    /// Its full name in the binary.
    pub test: String,
    pub binary: PathBuf,
    /// The crate it belongs to, where it runs.
    pub dir: PathBuf,
    pub limit: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// With the first words of the failure.
    Failed(String),
    TimedOut,
}

/// The names of a binary's tests.
pub fn list(binary: &Path) -> Result<Vec<String>> {
    let output = Command::new(binary)
        .args(["--list", "--format", "terse"])
        .stdin(Stdio::null())
        .output();
    let output = output.with_context(|| format!("cannot start {}", binary.display()))?;
    if !output.status.success() {
        bail!("{} does not list its tests", binary.display());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_string)
        .collect())
}

/// Threads that run what they are sent, one for each core.
pub struct Pool {
    jobs: Sender<Job>,
    results: Receiver<(Job, Outcome)>,
    threads: Vec<JoinHandle<()>>,
    /// What tests print and what they leave behind in the temporary directory.
    scratch: PathBuf,
}

impl Pool {
    /// `dir` is where it may put its own files.
    pub fn start(dir: &Path) -> Result<Pool> {
        let scratch = dir.join("scratch");
        if scratch.exists() {
            fs::remove_dir_all(&scratch)
                .with_context(|| format!("cannot empty {}", scratch.display()))?;
        }
        let (jobs, to_run) = mpsc::channel::<Job>();
        let (done, results) = mpsc::channel();
        let to_run = Arc::new(Mutex::new(to_run));
        let mut threads = Vec::new();
        for number in 0..thread::available_parallelism().map_or(2, usize::from) {
            let mine = scratch.join(number.to_string());
            fs::create_dir_all(&mine).with_context(|| format!("cannot make {}", mine.display()))?;
            let (to_run, done) = (Arc::clone(&to_run), done.clone());
            threads.push(thread::spawn(move || work(&to_run, &done, &mine)));
        }
        Ok(Pool {
            jobs,
            results,
            threads,
            scratch,
        })
    }

    pub fn send(&self, job: Job) -> Result<()> {
        self.jobs
            .send(job)
            .ok()
            .context("no thread is left to run tests")
    }

    /// Waits for the tests that were sent, and gives back what became of each.
    pub fn finish(self) -> Vec<(Job, Outcome)> {
        drop(self.jobs);
        let results = self.results.iter().collect();
        for thread in self.threads {
            thread
                .join()
                .expect("a thread that runs tests does not panic");
        }
        // A test that was killed may have left files; that they are gone is nice, not needed.
        let _ = fs::remove_dir_all(&self.scratch);
        results
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, done: &Sender<(Job, Outcome)>, scratch: &Path) {
    loop {
        let next = jobs
            .lock()
            .expect("no thread panics while it holds this lock")
            .recv();
        let Ok(job) = next else { return };
        let outcome =
            run(&job, scratch).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        if done.send((job, outcome)).is_err() {
            return;
        }
    }
}

/// Runs one test. Its output goes to a file, so that a flood of it blocks nobody.
pub fn run(job: &Job, scratch: &Path) -> Result<Outcome> {
    let log = scratch.join("output.txt");
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = output.try_clone().context("cannot share the output file")?;
    let mut command = Command::new(&job.binary);
    command.args(["--exact", &job.test, "--test-threads=1", "--color=never"]);
    command
        .current_dir(&job.dir)
        .env("CARGO_MANIFEST_DIR", &job.dir);
    command
        .env("RUST_BACKTRACE", "0")
        .env("TMPDIR", scratch)
        .env("TMP", scratch)
        .env("TEMP", scratch);
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", job.binary.display()))?;
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot wait for a test")? {
            break status;
        }
        if begun.elapsed() >= job.limit {
            child
                .kill()
                .context("cannot end a test that takes too long")?;
            child.wait().context("cannot wait for a test")?;
            return Ok(Outcome::TimedOut);
        }
        // Often at first, since most tests take no time; rarely for the long ones.
        thread::sleep(
            (begun.elapsed() / 10).clamp(Duration::from_millis(1), Duration::from_millis(50)),
        );
    };
    let text = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let text = String::from_utf8_lossy(&text);
    // A test that ends the process itself does so before libtest counts it.
    Ok(
        match status.success() && text.contains("test result: ok. 1 passed") {
            true => Outcome::Passed,
            false => Outcome::Failed(
                reason(&text)
                    .unwrap_or_else(|| format!("it ended with {status} and passed nothing")),
            ),
        },
    )
}

/// What the panic said: the line below `panicked at`.
fn reason(output: &str) -> Option<String> {
    let mut lines = output
        .lines()
        .skip_while(|line| !line.contains("panicked at"));
    lines.next()?;
    lines
        .next()
        .map(|line| line.trim().to_string())
        .filter(|line| !line.is_empty())
}
