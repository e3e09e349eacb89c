//! A disk that is really full, under [`DiskFs`](mini_lsm::fs::DiskFs): the system's own errors, not ours.
//!
//! A round runs in a process of its own, which the trial starts by its own executable, in a
//! directory that has little room:
//!
//! | way           | where                                   | what is full                                |
//! |---------------|-----------------------------------------|---------------------------------------------|
//! | `tmpfs`       | Linux, where `unshare` may mount        | a file system of a few megabytes: ENOSPC    |
//! | `ulimit -f`   | any Unix                                | each file, with SIGXFSZ ignored: EFBIG      |
//! | skipped       | elsewhere                               |                                             |
//!
//! The mount is seen by the child alone, and gone with it, whatever becomes of it.
//!
//! What must hold: the error names file and operation and says that there is no room; reads go on;
//! a store that is reopened, with or without room, has lost nothing that it acknowledged, and with
//! room it takes writes again.

use anyhow::Result;

use crate::scale::Scale;
use crate::tally::Tally;

/// Runs the trial.
#[cfg(not(unix))]
pub fn run(_scale: &Scale) -> Result<Tally> {
    let mut tally = Tally::new();
    tally.count("rounds (skipped: not on this system)", 0);
    Ok(tally)
}

/// Runs the trial, or is the child that does one round.
#[cfg(unix)]
pub fn run(scale: &Scale) -> Result<Tally> {
    match child::Room::from_env()? {
        Some(room) => child::round(scale.seed, &room),
        None => parent::run(scale),
    }
}

/// Names under which the child counts, and the parent knows them.
#[cfg(unix)]
const COUNTED: [&str; 8] = [
    "writes",
    "refused writes",
    "refused flushes",
    "refused compactions",
    "background errors",
    "opens refused for want of room",
    "reopenings without room",
    "reopenings with room",
];

#[cfg(unix)]
mod parent {
    use std::path::Path;
    use std::process::{Command, Output};

    use anyhow::{Context, Result, bail, ensure};

    use super::{COUNTED, child};
    use crate::faults::on_two_threads;
    use crate::scale::Scale;
    use crate::tally::Tally;

    const ROUNDS: u64 = 40;

    /// In the child's shell: `$1` is the directory, `$2` the executable, `$3` the seed.
    const TRIAL: &str = r#"exec "$2" full-disk --seed "$3" --rounds 1"#;
    const MOUNT: &str = r#"mount -t tmpfs -o size=4m tmpfs "$1" || exit 77; "#;
    /// In blocks of 512 bytes. A signal that is ignored stays so through `exec`.
    const LIMIT: &str = r#"trap "" XFSZ; ulimit -f 512 || exit 77; "#;

    /// Ways to have little room, best first.
    const WAYS: [(&str, &[&str], &str); 3] = [
        ("rounds on a full tmpfs", &["unshare", "--mount"], MOUNT),
        (
            "rounds on a full tmpfs",
            &["unshare", "--map-root-user", "--mount"],
            MOUNT,
        ),
        ("rounds under a limit on file size", &[], LIMIT),
    ];

    pub fn run(scale: &Scale) -> Result<Tally> {
        let works = |way: &usize| {
            let dir = tempfile::tempdir().ok();
            dir.and_then(|dir| shell(*way, "exit 0", dir.path(), 0).ok())
                .is_some_and(|output| output.status.success())
        };
        let Some(best) = (0..WAYS.len()).find(works) else {
            bail!("neither a mount nor ulimit works here");
        };
        // The limit on file size everywhere, now and then: it fails at other places.
        let way_of = |seed: u64| if seed.is_multiple_of(4) { WAYS.len() - 1 } else { best };
        let tally = on_two_threads(scale.seeds(ROUNDS), |seed, watchdog| {
            watchdog.watch(format!("full-disk, seed {seed}"));
            round(seed, way_of(seed)).with_context(|| format!("full-disk, seed {seed}"))
        })?;
        let rounds: u64 = WAYS[1..].iter().map(|way| tally.of(way.0)).sum();
        if rounds >= ROUNDS {
            for what in COUNTED {
                tally.require(what, rounds / 10)?;
            }
        }
        tally.require("refused writes", rounds / 4)?;
        Ok(tally)
    }

    fn round(seed: u64, way: usize) -> Result<Tally> {
        let dir = tempfile::tempdir()?;
        let output = shell(way, TRIAL, dir.path(), seed)?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "{}: {}{said}{}",
            WAYS[way].0,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let mut tally = Tally::new();
        tally.count(WAYS[way].0, 1);
        for line in said.lines() {
            if let Some((count, what)) = line.strip_prefix("count ").and_then(|l| l.split_once(' '))
                && let Some(known) = COUNTED.iter().find(|known| **known == what)
            {
                tally.count(known, count.parse()?);
            }
        }
        Ok(tally)
    }

    fn shell(way: usize, script: &str, dir: &Path, seed: u64) -> Result<Output> {
        let (_, wrapper, prepare) = WAYS[way];
        let kind = if way + 1 == WAYS.len() { "file" } else { "disk" };
        let script = format!("{prepare}{script}");
        let mut words = wrapper.iter().copied().chain(["sh", "-c"]);
        let program = words.next().expect("sh at least");
        Command::new(program)
            .args(words)
            .args([&script, "sh"])
            .arg(dir)
            .arg(std::env::current_exe()?)
            .arg(seed.to_string())
            .env(child::DIR_VARIABLE, dir)
            .env(child::KIND_VARIABLE, kind)
            .output()
            .with_context(|| format!("cannot start {program}"))
    }
}

#[cfg(unix)]
mod child {
    use std::fs;
    use std::io::ErrorKind;
    use std::path::PathBuf;

    use anyhow::{Context, Result, bail, ensure};
    use fastrand::Rng;
    use mini_lsm::{Durability, Error, LsmOptions, LsmStorage};

    use super::COUNTED;
    use crate::history::{History, key, read_all};
    use crate::tally::Tally;

    pub const DIR_VARIABLE: &str = "MINI_LSM_FULL_DISK_DIR";
    pub const KIND_VARIABLE: &str = "MINI_LSM_FULL_DISK_KIND";

    /// More than recovery and the writes after it need.
    const BALLAST_LEN: usize = 2 << 20;
    /// No disk of ours takes so many writes.
    const MOST_WRITES: usize = 20_000;
    /// What `ulimit` is asked for, in bytes.
    const FILE_LIMIT: usize = 256 << 10;

    /// Where there is little room.
    pub struct Room {
        dir: PathBuf,
        /// The disk is small, not each file.
        is_disk: bool,
    }

    impl Room {
        /// `None` in a process that is not the child.
        pub fn from_env() -> Result<Option<Self>> {
            let Some(dir) = std::env::var_os(DIR_VARIABLE) else {
                return Ok(None);
            };
            let is_disk = std::env::var(KIND_VARIABLE)? == "disk";
            let dir = dir.into();
            Ok(Some(Self { dir, is_disk }))
        }

        fn store(&self) -> PathBuf {
            self.dir.join("db")
        }

        fn ballast(&self) -> PathBuf {
            self.dir.join("ballast")
        }

        /// A full disk's error of an operation on a file of the store.
        fn check(&self, error: &Error) -> Result<()> {
            let cause = match error {
                Error::Background(cause) => cause,
                error => error,
            };
            let Error::Io { op, path, source } = cause else {
                bail!("not an error of a file: {error}");
            };
            let expected = match self.is_disk {
                true => ErrorKind::StorageFull,
                false => ErrorKind::FileTooLarge,
            };
            ensure!(
                source.kind() == expected,
                "expected {expected:?}, the error is {:?}: {error}",
                source.kind()
            );
            let text = error.to_string();
            ensure!(
                path.starts_with(&self.dir)
                    && text.contains(&path.display().to_string())
                    && text.contains(op),
                "the error does not name operation and file: {text}"
            );
            Ok(())
        }
    }

    /// A store that fills its disk.
    struct Filled<'a> {
        room: &'a Room,
        rng: Rng,
        history: History,
        acked: usize,
        tally: Tally,
    }

    /// One round: fills the disk, looks, reopens without room, makes room, reopens.
    pub fn round(seed: u64, room: &Room) -> Result<Tally> {
        let mut filled = Filled {
            room,
            rng: Rng::with_seed(seed),
            history: History::new(),
            acked: 0,
            tally: Tally::new(),
        };
        if room.is_disk {
            fs::write(room.ballast(), vec![7; BALLAST_LEN]).context("the ballast")?;
        }
        filled.fill(seed)?;
        filled.reopen_without_room(seed)?;
        filled.reopen_with_room(seed)?;
        for what in COUNTED {
            println!("count {} {what}", filled.tally.of(what));
        }
        Ok(filled.tally)
    }

    impl Filled<'_> {
        /// The settings of a round; `is_small` are those that also do with small files.
        fn options(&self, seed: u64, is_small: bool) -> LsmOptions {
            // In threads of its own a compaction that fails would end the writing, too.
            let has_threads = seed % 3 == 1 && !seed.is_multiple_of(8);
            let file_size = if is_small { 32 << 10 } else { 1 << 20 };
            let memtable_size = match self.room.is_disk || is_small {
                true => 64 << 10,
                // A log meets the limit, or only a table does.
                false if seed.is_multiple_of(8) => 100 << 10,
                false => 4 * FILE_LIMIT,
            };
            LsmOptions {
                memtable_size,
                table_size: file_size,
                background_flush: has_threads,
                background_compaction: has_threads,
                durability: match seed % 2 {
                    0 => Durability::Sync,
                    _ => Durability::Buffered,
                },
                ..LsmOptions::default()
            }
        }

        /// Writes, flushes and compacts until a write is refused, and then looks. Where logs stay
        /// below the limit, until a compaction is refused.
        fn fill(&mut self, seed: u64) -> Result<()> {
            let options = self.options(seed, false);
            let has_small_logs = !self.room.is_disk && options.memtable_size < FILE_LIMIT;
            let store = LsmStorage::open(self.room.store(), options)?;
            for _ in 0..MOST_WRITES {
                match self.rng.u8(..200) {
                    0..3 => self.count_refusal("refused flushes", store.flush())?,
                    3..6 => self.count_refusal("refused compactions", store.compact())?,
                    _ => {}
                }
                if has_small_logs && self.tally.of("refused compactions") > 0 {
                    return self.goes_on(&store);
                }
                if let Err(error) = self.write(&store) {
                    self.room.check(&error).context("a write")?;
                    self.tally.count("refused writes", 1);
                    return self.refuses_all_but_reads(&store);
                }
            }
            bail!("the disk does not get full");
        }

        fn write(&mut self, store: &LsmStorage) -> mini_lsm::Result<()> {
            let ops: Vec<_> = (0..self.rng.usize(1..4))
                .map(|_| {
                    let value: Vec<u8> = (0..self.rng.usize(100..3000))
                        .map(|_| self.rng.u8(..))
                        .collect();
                    (key(self.rng.usize(..1200)), Some(value))
                })
                .collect();
            store.write(self.history.write(&ops))?;
            self.acked = self.history.len();
            self.tally.count("writes", 1);
            Ok(())
        }

        fn count_refusal(&mut self, what: &'static str, done: mini_lsm::Result<()>) -> Result<()> {
            if let Err(error) = done {
                self.room.check(&error).context(what)?;
                self.tally.count(what, 1);
            }
            Ok(())
        }

        /// A compaction that found no room has changed nothing, and writes go on.
        fn goes_on(&mut self, store: &LsmStorage) -> Result<()> {
            self.write(store).context("after a refused compaction")?;
            let map = read_all(store).context("after a refused compaction")?;
            self.history.locate(&map, self.acked, self.acked)?;
            Ok(())
        }

        fn refuses_all_but_reads(&mut self, store: &LsmStorage) -> Result<()> {
            let kept = store.metrics().background_error;
            let kept = kept.context("a write was refused, and the store takes more")?;
            self.room.check(&kept).context("the background error")?;
            self.tally.count("background errors", 1);
            for refused in [store.put(b"more", b""), store.flush(), store.sync()] {
                let error = refused.err().context("a call gives Ok after a refused write")?;
                self.room.check(&error)?;
            }
            let map = read_all(store).context("after a refused write")?;
            self.history.locate(&map, self.acked, self.acked)?;
            Ok(())
        }

        /// It may open, or say that there is no room: nothing is lost by that.
        fn reopen_without_room(&mut self, seed: u64) -> Result<()> {
            for _ in 0..2 {
                match LsmStorage::open(self.room.store(), self.options(seed, false)) {
                    Ok(store) => {
                        self.tally.count("reopenings without room", 1);
                        self.settle(&store).context("reopened without room")?;
                    }
                    Err(error) => {
                        self.room.check(&error).context("open")?;
                        self.tally.count("opens refused for want of room", 1);
                    }
                }
            }
            Ok(())
        }

        fn reopen_with_room(&mut self, seed: u64) -> Result<()> {
            if self.room.is_disk {
                fs::remove_file(self.room.ballast())?;
            }
            let options = || self.options(seed, true);
            let store = LsmStorage::open(self.room.store(), options()).context("with room")?;
            let options = options();
            self.settle(&store).context("reopened with room")?;
            for _ in 0..50 {
                self.write(&store).context("a write, with room")?;
            }
            store.flush().context("flush, with room")?;
            store.close().context("close, with room")?;
            drop(store);
            let store = LsmStorage::open(self.room.store(), options)?;
            self.settle(&store).context("reopened after that")?;
            self.tally.count("reopenings with room", 1);
            Ok(())
        }

        /// All that was acknowledged is there, and what is there stays.
        fn settle(&mut self, store: &LsmStorage) -> Result<()> {
            let map = read_all(store)?;
            let found = self.history.locate(&map, self.acked, self.history.len())?;
            if found < self.history.len() {
                // The write that failed is not there, and never will be.
                let put = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), Some(value.clone()));
                let ops: Vec<_> = map.iter().map(put).collect();
                self.history = History::new();
                self.history.write(&ops);
            }
            self.acked = self.history.len();
            Ok(())
        }
    }
}
