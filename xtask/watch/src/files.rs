//! Which files were saved. Events of the system wake us early; a look once a second finds what they miss, so that it works on a
//! Windows drive under WSL, on network drives and in containers too.
//!
//! What changed is read from the files themselves, their times and lengths, and only once they stand still: an editor may write
//! a file in several steps, or beside it and rename.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, SystemTime};

use notify::{RecursiveMode, Watcher};
use xtask::stubs::rust_files;

/// How often we look without an event.
const LOOK: Duration = Duration::from_secs(1);
/// Files that change no more for so long have been saved.
const STILL: Duration = Duration::from_millis(80);

/// The sources of a crate as they stand: all below `src` and `tests`, and the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Snapshot {
    pub fn take(dir: &Path) -> Snapshot {
        let mut files = vec![dir.join("Cargo.toml")];
        files.extend(
            ["src", "tests"]
                .iter()
                .flat_map(|folder| rust_files(&dir.join(folder))),
        );
        let stamp = |file: PathBuf| {
            let found = fs::metadata(&file).ok()?;
            Some((file, (found.modified().ok(), found.len())))
        };
        Snapshot(files.into_iter().filter_map(stamp).collect())
    }

    /// The files that are new, gone or different in `now`.
    pub fn changed(&self, now: &Snapshot) -> Vec<PathBuf> {
        let all = self.0.keys().chain(now.0.keys());
        let mut changed: Vec<PathBuf> = all
            .filter(|file| self.0.get(*file) != now.0.get(*file))
            .cloned()
            .collect();
        changed.sort();
        changed.dedup();
        changed
    }
}

/// Calls `saved` with the files of each save, from a thread of its own, until that says `false`.
/// True if the system tells of changes; otherwise they are found within a second.
pub fn watch(dir: PathBuf, saved: impl Fn(Vec<PathBuf>) -> bool + Send + 'static) -> bool {
    let (wake, woken) = mpsc::channel();
    let watcher = events(&dir, wake.clone());
    let told = watcher.is_ok();
    let mut last = Snapshot::take(&dir);
    thread::spawn(move || {
        // Held for as long as we look: they are the events, and what keeps the channel open without any.
        let _held = (watcher, wake);
        loop {
            wait(&woken);
            let now = settled(&dir, &last);
            let changed = last.changed(&now);
            last = now;
            if !changed.is_empty() && !saved(changed) {
                return;
            }
        }
    });
    told
}

fn events(dir: &Path, wake: Sender<()>) -> notify::Result<notify::RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |_| {
        // Nobody listens any more when the program ends.
        wake.send(()).ok();
    })?;
    watcher.watch(dir, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// Until an event comes, or it is time to look; further events are the same news.
fn wait(woken: &Receiver<()>) {
    woken.recv_timeout(LOOK).ok();
    while woken.try_recv().is_ok() {}
}

/// The files once they stand still. Where nothing differs from `last` there is nothing to wait for.
fn settled(dir: &Path, last: &Snapshot) -> Snapshot {
    let mut now = Snapshot::take(dir);
    while now != *last {
        thread::sleep(STILL);
        let later = Snapshot::take(dir);
        if later == now {
            break;
        }
        now = later;
    }
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_changed_and_removed_files_are_seen_and_others_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("src/deep")).expect("a folder");
        for name in ["Cargo.toml", "src/a.rs", "src/deep/b.rs", "src/same.rs"] {
            fs::write(path(name), "1").expect("a file");
        }
        let before = Snapshot::take(dir.path());
        assert_eq!(before.changed(&before), [""; 0].map(PathBuf::from));
        fs::write(path("src/a.rs"), "22").expect("a file");
        fs::write(path("src/new.rs"), "1").expect("a file");
        fs::write(path("src/notes.txt"), "1").expect("a file");
        fs::remove_file(path("src/deep/b.rs")).expect("it is there");
        let changed = before.changed(&Snapshot::take(dir.path()));
        assert_eq!(
            changed,
            ["src/a.rs", "src/deep/b.rs", "src/new.rs"].map(path)
        );
    }

    #[test]
    fn a_save_is_told_once() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("src/a.rs");
        fs::create_dir_all(dir.path().join("src")).expect("a folder");
        fs::write(&file, "1").expect("a file");
        let (tell, told) = mpsc::channel();
        watch(dir.path().to_path_buf(), move |files| {
            tell.send(files).is_ok()
        });
        fs::write(&file, "two words").expect("a file");
        let patience = Duration::from_secs(60);
        assert_eq!(told.recv_timeout(patience).expect("it is told"), [file]);
        assert!(told.recv_timeout(3 * LOOK).is_err(), "it is told again");
    }
}
