//! The process that looks for a way to have little room, and starts a child there for each round.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{COUNTED, child};
use crate::child::output;
use crate::rounds::side_by_side;
use crate::scale::Scale;
use crate::tally::Tally;
use crate::watchdog::watch;

const ROUNDS: u64 = 40;
/// A round takes a second.
const LONGEST: Duration = Duration::from_secs(120);

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
    let way_of = |seed: u64| {
        if seed.is_multiple_of(4) {
            WAYS.len() - 1
        } else {
            best
        }
    };
    let tally = side_by_side(scale, ROUNDS, |seed| {
        let _watch = watch(LONGEST, move || format!("full-disk, seed {seed}"));
        round(seed, way_of(seed))
    })?;
    let rounds = tally.of("rounds");
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
    let kind = if way + 1 == WAYS.len() {
        "file"
    } else {
        "disk"
    };
    let script = format!("{prepare}{script}");
    let mut words = wrapper.iter().copied().chain(["sh", "-c"]);
    let program = words.next().expect("sh at least");
    let mut command = Command::new(program);
    command
        .args(words)
        .args([&script, "sh"])
        .arg(dir)
        .arg(std::env::current_exe()?)
        .arg(seed.to_string())
        .env(child::DIR_VARIABLE, dir)
        .env(child::KIND_VARIABLE, kind);
    output(&mut command).with_context(|| format!("cannot start {program}"))
}
