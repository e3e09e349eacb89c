//! What is measured: time a call, bytes and calls of writing, disk, memory, and when an engine rests.
//!
//! | figure              | from                                                                           |
//! |---------------------|--------------------------------------------------------------------------------|
//! | throughput          | operations over the time between the first and the last, checks of reads included |
//! | latency             | the time from one write's return to the next one's; one read of eight          |
//! | bytes written       | `wchar` of `/proc/self/io`: what the process handed to the operating system    |
//! | write calls         | `syscw` of the same (writes of every kind); all calls are counted by `calls` |
//! | bytes on disk       | of each file its length, or the blocks allocated to it if they are fewer       |
//! | peak memory         | `VmHWM` of `/proc/self/status`; elsewhere on Unix, `getrusage`. Mapped files count |
//!
//! Where the operating system does not tell, a figure is left out.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// One in so many reads is timed: reading the clock twice takes about as long as a filter probe.
pub const SAMPLE: u64 = 8;

/// Ten minutes; what takes longer is counted as that.
const LONGEST_NANOS: u64 = 600_000_000_000;

/// Nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub worst: u64,
}

/// Times calls that follow each other without a pause.
pub struct Laps {
    histogram: Histogram<u64>,
    last: Instant,
}

impl Laps {
    pub fn start() -> Self {
        Self {
            histogram: Histogram::new_with_bounds(1, LONGEST_NANOS, 3)
                .expect("the bounds and three digits are allowed"),
            last: Instant::now(),
        }
    }

    /// Something took from the last call of this, or of `start`, until now.
    pub fn lap(&mut self) {
        let now = Instant::now();
        self.record(now - self.last);
        self.last = now;
    }

    /// Times `call` if its turn has come.
    pub fn sample<R>(&mut self, turn: u64, call: impl FnOnce() -> R) -> R {
        if !turn.is_multiple_of(SAMPLE) {
            return call();
        }
        let before = Instant::now();
        let result = call();
        self.record(before.elapsed());
        result
    }

    pub fn add(&mut self, other: &Laps) -> Result<()> {
        Ok(self.histogram.add(&other.histogram)?)
    }

    pub fn latency(&self) -> Latency {
        Latency {
            p50: self.histogram.value_at_quantile(0.5),
            p99: self.histogram.value_at_quantile(0.99),
            p999: self.histogram.value_at_quantile(0.999),
            worst: self.histogram.max(),
        }
    }

    fn record(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(nanos);
    }
}

/// What this process has written so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub bytes: u64,
    pub calls: u64,
}

impl Written {
    pub fn so_far() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/io").ok()?)
    }

    pub fn since(earlier: Option<Self>) -> Option<Self> {
        let (earlier, now) = (earlier?, Self::so_far()?);
        Some(Self {
            bytes: now.bytes - earlier.bytes,
            calls: now.calls - earlier.calls,
        })
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self {
            bytes: field(text, "wchar")?,
            calls: field(text, "syscw")?,
        })
    }
}

/// The most memory that this process has had so far, in bytes.
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    match field(&status, "VmHWM") {
        Some(kib) => Some(kib << 10),
        None => usage().map(|usage| usage.peak_memory),
    }
}

/// The bytes that the files below `dir` hold on their disk.
pub fn disk_bytes(dir: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let entry = entry?;
        // A file may be removed by the engine between the list and the question.
        let Ok(about) = entry.metadata() else {
            continue;
        };
        sum += match about.is_dir() {
            true => disk_bytes(&entry.path())?,
            false => allocated(&about),
        };
    }
    Ok(sum)
}

#[cfg(unix)]
fn allocated(about: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    // A log may be longer than what is in it (a hole), or own more than its length (space kept for what comes).
    // The unit of `st_blocks` is 512 bytes, whatever the file system's is.
    about.len().min(about.blocks() * 512)
}

#[cfg(not(unix))]
fn allocated(about: &fs::Metadata) -> u64 {
    about.len()
}

const WINDOW: Duration = Duration::from_millis(50);
const QUIET_WINDOWS: u32 = 6;
/// How much of a window the process may compute and still be called quiet: engines have timers.
const QUIET_SHARE: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(600);

/// Waits until the engine in this process has done what it owes: for 0.3 s it writes nothing and hardly computes.
///
/// The same question for all engines, since few can be asked. Returns how long that took, those 0.3 s left out.
pub fn wait_for_rest() -> Result<Duration> {
    let begin = Instant::now();
    let mut quiet = 0;
    let mut before = activity();
    while quiet < QUIET_WINDOWS {
        if begin.elapsed() > PATIENCE {
            bail!("the engine did not come to rest within {PATIENCE:?}");
        }
        std::thread::sleep(WINDOW);
        let now = activity();
        quiet = match is_quiet(&before, &now) {
            true => quiet + 1,
            false => 0,
        };
        before = now;
    }
    Ok(begin.elapsed().saturating_sub(WINDOW * QUIET_WINDOWS))
}

type Activity = (Option<u64>, Duration);

fn activity() -> Activity {
    let bytes = Written::so_far().map(|written| written.bytes);
    (bytes, usage().map(|usage| usage.cpu).unwrap_or_default())
}

fn is_quiet(before: &Activity, now: &Activity) -> bool {
    before.0 == now.0 && now.1.saturating_sub(before.1) <= WINDOW / QUIET_SHARE
}

struct Usage {
    cpu: Duration,
    peak_memory: u64,
}

#[cfg(unix)]
fn usage() -> Option<Usage> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the call fills the struct if it returns zero, and it is read only then.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) != 0 {
            return None;
        }
        usage.assume_init()
    };
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    // Bytes on Apple's systems, kibibytes on all others.
    let unit = if cfg!(target_vendor = "apple") {
        1
    } else {
        1024
    };
    Some(Usage {
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        peak_memory: usage.ru_maxrss as u64 * unit,
    })
}

#[cfg(not(unix))]
fn usage() -> Option<Usage> {
    None
}

/// The number after `name:` in a file of `/proc`.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix(':')?;
        rest.split_whitespace().next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_accounts_are_read() {
        let text = "rchar: 5\nwchar: 170\nsyscr: 3\nsyscw: 2\nwrite_bytes: 4096\n";
        let written = Written {
            bytes: 170,
            calls: 2,
        };
        assert_eq!(Written::parse(text), Some(written));
        assert_eq!(Written::parse("rchar: 5\n"), None);
        assert_eq!(
            field("VmPeak: 9 kB\nVmHWM:\t  120 kB\n", "VmHWM"),
            Some(120)
        );
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut laps = Laps::start();
        for micros in 1..=1_000 {
            laps.record(Duration::from_micros(micros));
        }
        let latency = laps.latency();
        let near = |nanos: u64, micros: u64| nanos.abs_diff(micros * 1_000) < micros * 2;
        assert!(near(latency.p50, 500), "{latency:?}");
        assert!(near(latency.p99, 990), "{latency:?}");
        assert!(near(latency.p999, 999), "{latency:?}");
        assert!(near(latency.worst, 1_000), "{latency:?}");
    }

    #[test]
    fn one_call_of_eight_is_timed() {
        let mut laps = Laps::start();
        let sum: u64 = (0..80).map(|turn| laps.sample(turn, || turn)).sum();
        assert_eq!(sum, 79 * 80 / 2);
        assert_eq!(laps.histogram.len(), 10);
    }

    #[test]
    fn writing_or_computing_is_no_rest() {
        let at = |bytes, millis| (Some(bytes), Duration::from_millis(millis));
        assert!(is_quiet(&at(7, 10), &at(7, 12)));
        assert!(!is_quiet(&at(7, 10), &at(8, 10)));
        assert!(!is_quiet(&at(7, 10), &at(7, 40)));
    }

    #[test]
    fn files_in_folders_count_too() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let before = disk_bytes(dir.path()).unwrap();
        let file = fs::File::create(inner.join("file")).unwrap();
        std::io::Write::write_all(&mut &file, &[7; 100_000]).unwrap();
        file.sync_all().unwrap();
        assert!(disk_bytes(dir.path()).unwrap() >= before + 100_000);
    }
}
