//! The process that is killed: opens the store and writes until then, and says on its standard output how far it is.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use mini_lsm::fs::DiskFs;
use mini_lsm::{Durability, Event, EventListener, LsmStorage};

use super::plan::{Plan, decode, head_key};
use super::words::Word;
use crate::child::end_with_parent;
use crate::draw::small_options;

/// The first argument of a process that is to write: after it come the directory, the seed of the
/// round, and that of this process. Not meant for people.
pub const WRITER: &str = "--write-until-killed";

/// Runs the writing process, if this is one.
pub fn writer_main() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != WRITER {
        return None;
    }
    end_with_parent();
    let args: Vec<OsString> = args.collect();
    let Err(error) = run(&args);
    eprintln!("the writing process: {error:#}");
    Some(ExitCode::FAILURE)
}

/// Never comes to an end by itself, unless something is wrong.
enum Never {}

fn run(args: &[OsString]) -> Result<Never> {
    let [dir, seed, own_seed] = args else {
        bail!("{WRITER} DIR SEED SEED, and not {args:?}");
    };
    let number = |text: &OsString| text.to_str().and_then(|text| text.parse().ok());
    let plan = Plan::new(number(seed).context("no seed")?);
    let mut rng = Rng::with_seed(number(own_seed).context("no seed")?);
    let mut options = small_options(&mut rng, Arc::new(DiskFs), true);
    options.listener = Arc::new(Sayer);
    // Some do nothing but write, without a wait for the disk: their kills fall into writes.
    let only_writes = rng.u8(..4) == 0;
    if only_writes {
        options.memtable_size = 16 << 20;
        options.durability = Durability::Buffered;
    }
    Word::Begin.say()?;
    let store = LsmStorage::open(Path::new(dir), options).context("open")?;
    let heads: Vec<usize> = (0..plan.lanes)
        .map(|lane| head_of(&store, lane))
        .collect::<Result<_>>()?;
    Word::Open(heads.clone()).say()?;
    let returned: Vec<AtomicUsize> = heads.into_iter().map(AtomicUsize::new).collect();
    let (store, returned) = (&store, &returned);
    thread::scope(|scope| {
        for lane in 0..plan.lanes {
            let rng = (!only_writes).then(|| rng.fork());
            scope.spawn(move || {
                // The other threads would go on, and nobody would notice.
                let Err(error) = write(store, plan, lane, returned, rng);
                eprintln!("the writing process: {error:#}");
                std::process::exit(1);
            });
        }
    });
    bail!("all threads have ended");
}

/// Without numbers to draw it does nearly nothing else.
fn write(
    store: &LsmStorage,
    plan: Plan,
    lane: usize,
    returned: &[AtomicUsize],
    mut rng: Option<Rng>,
) -> Result<Never> {
    loop {
        let before: Vec<usize> = returned.iter().map(|n| n.load(Ordering::SeqCst)).collect();
        let number = before[lane] + 1;
        store
            .write(plan.batch(lane, number, &before))
            .context("write")?;
        returned[lane].store(number, Ordering::SeqCst);
        Word::Done(lane, number).say()?;
        let Some(rng) = &mut rng else {
            // The next one may put each batch of the log into a table of its own: not too many.
            if number.is_multiple_of(200) {
                store.flush().context("flush")?;
            }
            continue;
        };
        match rng.u8(..200) {
            0..6 => store.sync().context("sync")?,
            6..10 => store.flush().context("flush")?,
            10..12 => store.compact().context("compact")?,
            _ => {}
        }
    }
}

fn head_of(store: &LsmStorage, lane: usize) -> Result<usize> {
    let Some(value) = store.get(&head_key(lane)).context("get")? else {
        return Ok(0);
    };
    let numbers = decode(&value).unwrap_or_default();
    numbers.first().copied().context("a head without a number")
}

/// Says what happens inside.
#[derive(Debug)]
struct Sayer;

impl EventListener for Sayer {
    fn on_event(&self, event: &Event) {
        let word = match event {
            Event::FlushBegun { .. } => Word::FlushBegun,
            Event::FlushInstalled { .. } => Word::FlushEnded,
            Event::CompactionBegun { .. } => Word::CompactionBegun,
            Event::CompactionInstalled { .. } => Word::CompactionEnded,
            _ => return,
        };
        // If nobody listens any more, the next write's word ends the process.
        let _ = word.say();
    }
}
