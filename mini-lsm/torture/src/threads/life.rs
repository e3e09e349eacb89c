//! One life of a store: from `open` to its end, with eight threads at work.

use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mini_lsm::fs::MemFs;
use mini_lsm::{Error, LsmIterator, LsmOptions, LsmStorage};

use super::board::{Board, Versions, View, ensure_not_below};
use super::observer::{Entry, read_on, view_of};
use super::workers::{self, Worker};
use crate::rounds::caught;
use crate::tally::Tally;

/// What the threads of a life have in common.
pub struct Life<'a> {
    pub board: &'a Board,
    pub dir: &'a Path,
    pub options: &'a LsmOptions,
    /// The file system, where it is one on which power cuts can be tried.
    pub mem: Option<&'a MemFs>,
    /// Scans that are not finished, of this life and of earlier ones.
    pub held: &'a Mutex<Vec<HeldScan>>,
    pub seed: u64,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By `close`, in the middle of everything.
    Close,
    /// Whoever is the last to let go of it drops it, while scans are held.
    Drop,
}

/// What a thread does until the end.
type Work = fn(&mut Worker<'_>) -> Result<()>;

/// All but the closer, which is the thread that waits for them.
const CREW: [(&str, Work); 7] = [
    ("the first writer", |worker| workers::write(worker, 0)),
    ("the second writer", |worker| workers::write(worker, 1)),
    ("the first reader", workers::read),
    ("the second reader", workers::read),
    ("the scanner", workers::scan),
    ("the flusher", workers::flush),
    ("the compactor", workers::compact),
];

impl Life<'_> {
    /// Lets the threads work on `store` for `time`, and ends it. Gives what was seen to happen;
    /// what was read is on the board.
    pub fn run(&self, store: LsmStorage, end: End, time: Duration) -> Result<Tally> {
        let store = Arc::new(store);
        thread::scope(|scope| {
            let threads = (self.seed..).zip(CREW).map(|(seed, (name, work))| {
                let store = Arc::clone(&store);
                scope.spawn(move || self.do_work(name, work, store, seed))
            });
            let threads: Vec<_> = threads.collect();
            let mut outcome = caught(|| self.end(store, end, time)).context("the closer");
            let mut tally = Tally::new();
            for thread in threads {
                match thread.join().expect("panics are caught") {
                    Ok(more) => tally.add(&more),
                    Err(error) => outcome = outcome.and(Err(error)),
                }
            }
            outcome.map(|()| tally)
        })
    }

    fn do_work(
        &self,
        name: &'static str,
        work: Work,
        store: Arc<LsmStorage>,
        seed: u64,
    ) -> Result<Tally> {
        let mut worker = Worker::new(self, store, seed);
        let outcome = caught(|| work(&mut worker)).context(name);
        if outcome.is_err() {
            self.board.must_leave.store(true, SeqCst);
        }
        outcome.map(|()| worker.tally)
    }

    /// The eighth thread: waits, and ends the life.
    fn end(&self, store: Arc<LsmStorage>, end: End, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.board.must_leave.load(SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        if end == End::Drop {
            self.board.must_leave.store(true, SeqCst);
            return Ok(());
        }
        self.board.is_closing.store(true, SeqCst);
        let closed = store.close();
        self.board.is_closed.store(true, SeqCst);
        let refused = assert_refuses_all(&store);
        self.board.must_leave.store(true, SeqCst);
        closed.context("close")?;
        refused
    }
}

/// A store that is closed says so, whatever it is asked.
fn assert_refuses_all(store: &LsmStorage) -> Result<()> {
    let answers = [
        ("get", store.get(b"0.s").map(drop)),
        ("scan", store.scan(..).map(drop)),
        ("put", store.put(b"0.s", b"")),
        ("delete", store.delete(b"0.s")),
        ("sync", store.sync()),
        ("flush", store.flush()),
        ("compact", store.compact()),
    ];
    for (call, answer) in answers {
        ensure!(
            matches!(answer, Err(Error::Closed)),
            "the store is closed, and {call} gives {answer:?}"
        );
    }
    store.metrics();
    store.close().context("the second close")
}

/// A scan that has begun and is held for a while. It shows one state, that of its beginning,
/// whatever happens to the store meanwhile.
pub struct HeldScan {
    scan: LsmIterator,
    entries: Vec<Entry>,
    least: Versions,
    begun: Versions,
}

impl HeldScan {
    /// Holds `scan` after some of its entries have been read. `least` had returned or been seen
    /// before it was made, and `begun` had begun when it was made.
    pub fn new(scan: LsmIterator, entries: Vec<Entry>, least: Versions, begun: Versions) -> Self {
        Self {
            scan,
            entries,
            least,
            begun,
        }
    }

    /// Reads the rest.
    pub fn finish(mut self) -> Result<View> {
        self.check().context("a scan that was held")
    }

    fn check(&mut self) -> Result<View> {
        read_on(&mut self.scan, usize::MAX, &mut self.entries)?;
        let view = view_of(&self.entries)?;
        ensure_not_below(
            &view.versions,
            &self.least,
            "which had returned or been seen",
        )?;
        ensure_not_below(
            &self.begun,
            &view.versions,
            "since the scan shows that, though it was made before",
        )?;
        Ok(view)
    }
}
