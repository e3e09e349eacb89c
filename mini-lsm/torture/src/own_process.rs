//! What the system says of this process: its threads, and the files that it has open.
//!
//! Linux tells it under `/proc`; elsewhere nobody does, and the answer is `None`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The names of the files below `dir` that this process has open, one for each handle, sorted. A
/// file that was removed has ` (deleted)` behind its name.
pub fn open_files(dir: &Path) -> Option<Vec<String>> {
    let dir = dir.canonicalize().ok()?;
    let links = fs::read_dir("/proc/self/fd").ok()?;
    // A handle may be closed while the list is read: that of the list itself is.
    let targets = links.filter_map(|link| fs::read_link(link.ok()?.path()).ok());
    let below = |target: PathBuf| {
        let name = target.strip_prefix(&dir).ok()?;
        Some(name.to_string_lossy().into_owned())
    };
    let mut names: Vec<_> = targets.filter_map(below).collect();
    names.sort();
    Some(names)
}

/// How many handles this process has, of whatever.
pub fn handle_count() -> Option<usize> {
    // Without that of the list itself.
    Some(fs::read_dir("/proc/self/fd").ok()?.count() - 1)
}

/// The names of the threads of this process, of which the system keeps 15 bytes.
pub fn threads() -> Option<Vec<String>> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    let names = tasks.filter_map(|task| Some(name(task.ok()?)?.trim_end().to_owned()));
    Some(names.collect())
}

/// How many threads of the engine there are.
pub fn engine_threads() -> Option<usize> {
    let threads = threads()?;
    let ours = threads.iter().filter(|name| name.starts_with("mini-lsm "));
    Some(ours.count())
}

/// Waits until there are so many threads of the engine; whether that came to pass. A new thread has
/// no name in its first moments, and one that was joined is in the system's list for some more.
pub fn engine_threads_become(count: usize) -> bool {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        match engine_threads() {
            None => return true,
            Some(found) if found == count => return true,
            Some(_) if Instant::now() > end => return false,
            Some(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}
