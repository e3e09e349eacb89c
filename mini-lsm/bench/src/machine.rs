//! What the figures were taken on. They mean little without it.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub system: String,
    pub processor: String,
    pub cores: usize,
    pub memory_bytes: Option<u64>,
    /// Of the directory where the stores were.
    pub file_system: Option<String>,
    /// How many threads wanted to run, on average over a minute, when the run began.
    pub load_at_start: Option<f64>,
}

impl Machine {
    pub fn look(dir: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            system: format!(
                "{} {} {}",
                std::env::consts::OS,
                std::env::consts::ARCH,
                release.trim()
            )
            .trim()
            .to_owned(),
            processor: processor(&read("/proc/cpuinfo")),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory(&read("/proc/meminfo")),
            file_system: dir
                .canonicalize()
                .ok()
                .and_then(|dir| file_system(&read("/proc/self/mounts"), &dir)),
            load_at_start: load(&read("/proc/loadavg")),
        }
    }

    /// What a reader has to be warned of.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if let Some(load) = self.load_at_start
            && load > self.cores as f64 / 4.0
        {
            doubts.push(format!(
                "other work was running on this machine when it began (load {load}): do not trust these figures"
            ));
        }
        if let Some("tmpfs" | "ramfs") = self.file_system.as_deref() {
            doubts.push(
                "the stores were in memory, not on a disk: synced writes mean nothing (see --dir)"
                    .into(),
            );
        }
        doubts
    }
}

/// The version of a crate in this package's lock file.
pub fn locked(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    version_in(lock, name).unwrap_or("of unknown version")
}

fn version_in<'l>(lock: &'l str, name: &str) -> Option<&'l str> {
    let rest = lock.split(&format!("name = \"{name}\"\n")).nth(1)?;
    rest.strip_prefix("version = \"")?.split('"').next()
}

fn processor(cpuinfo: &str) -> String {
    cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or_else(
            || "processor unknown".into(),
            |rest| rest.trim_start_matches([' ', '\t', ':']).to_owned(),
        )
}

fn memory(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// The type of the file system whose mount point is the longest prefix of `dir`; of several at one point, the last.
fn file_system(mounts: &str, dir: &Path) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            Some((Path::new(words.next()?), words.next()?))
        })
        .filter(|(point, _)| dir.starts_with(point))
        .max_by_key(|(point, _)| point.as_os_str().len())
        .map(|(_, kind)| kind.to_owned())
}

fn load(loadavg: &str) -> Option<f64> {
    loadavg.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmpfoo xfs rw 0 0\n";
        let kind = |dir| file_system(mounts, Path::new(dir));
        assert_eq!(kind("/tmp/x").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/tmpfo/x").as_deref(), Some("ext4"));
        assert_eq!(kind("/tmpfoo/x").as_deref(), Some("xfs"));
    }

    #[test]
    fn a_busy_machine_and_a_disk_in_memory_are_said() {
        let mut machine = Machine {
            system: "linux".into(),
            processor: "x".into(),
            cores: 2,
            memory_bytes: memory("MemTotal:  1024 kB\n"),
            file_system: Some("ext4".into()),
            load_at_start: load("0.10 1.2 3.4 1/2 3\n"),
        };
        assert_eq!(machine.memory_bytes, Some(1 << 20));
        assert_eq!(machine.doubts(), Vec::<String>::new());
        machine.load_at_start = Some(3.0);
        machine.file_system = Some("tmpfs".into());
        assert_eq!(machine.doubts().len(), 2);
    }

    #[test]
    fn versions_are_those_that_were_built() {
        let lock = "[[package]]\nname = \"a-b\"\nversion = \"9\"\n\n[[package]]\nname = \"a\"\nversion = \"1.2\"\n";
        assert_eq!(version_in(lock, "a"), Some("1.2"));
        assert_eq!(version_in(lock, "c"), None);
    }
}
