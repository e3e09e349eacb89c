//! A whole class: submissions side by side, on as many cores as are free.
//!
//! Every compilation and every test takes one of `jobs` slots for as long as it runs; submissions are begun one after the other, a
//! few at a time, so that a hanging one holds up nobody but itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use staging::graded::Binary;

use crate::build::{self, Library};
use crate::compile::{self, Compiling};
use crate::contract::Pinned;
use crate::jail::{self, Jail, Limits, Walls};
use crate::pristine::{self, Course};
use crate::report::{Graded, Test};
use crate::resume::Kept;
use crate::run::{Watch, run};
use crate::submission::{self, Place, Submission};
use crate::tampering;
use crate::tools::Tools;
use crate::verdict::{self, Failure};

/// How a class is graded.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub jobs: usize,
    pub compiling: Compiling,
    /// Of one test.
    pub limits: Limits,
    pub watch: Watch,
    /// Of all tests of one submission together.
    pub whole: Duration,
    pub seed: Option<u64>,
    pub walls: Walls,
}

/// The class and all that it is graded with.
pub struct Class<'a> {
    pub course: &'a Course,
    pub tools: &'a Tools,
    pub settings: Settings,
    /// Day, title and weight.
    pub days: Vec<(u32, String, f64)>,
    /// Where everything is compiled and run.
    pub work: PathBuf,
    pub kept: Kept,
    pinned: Pinned,
    slots: Slots,
    filters: Vec<String>,
}

/// What is told while it runs: how many submissions are done, of how many, and which was done last.
pub type Progress<'a> = &'a (dyn Fn(usize, usize, &str) + Sync);

/// The variable in which tests find the seed of a run.
const SEED: &str = "MINI_LSM_SEED";

impl<'a> Class<'a> {
    pub fn new(
        course: &'a Course,
        tools: &'a Tools,
        settings: Settings,
        days: Vec<(u32, String, f64)>,
        work: PathBuf,
        kept: Kept,
    ) -> Result<Class<'a>> {
        let filters = match settings.walls.seccomp {
            true => jail::filters()?,
            false => Vec::new(),
        };
        // Tests of the course, with their `main`: the same for all.
        let tests = work.join("course");
        if tests.exists() {
            fs::remove_dir_all(&tests)
                .with_context(|| format!("cannot empty {}", tests.display()))?;
        }
        course.tests.write_to(&tests)?;
        let pinned = Pinned::prepare(tools, settings.compiling, course, &work)?;
        Ok(Class {
            pinned,
            course,
            tools,
            settings,
            days,
            work,
            kept,
            slots: Slots::new(settings.jobs),
            filters,
        })
    }

    /// Grades all of them, in the order in which they were named.
    pub fn grade(&self, places: &[Place], progress: Progress<'_>) -> Result<Vec<Graded>> {
        let next = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        let graded: Mutex<Vec<Option<Result<Graded>>>> =
            Mutex::new(places.iter().map(|_| None).collect());
        // One more than there are slots: while it reads and writes files, the others compute.
        let workers = (self.settings.jobs + 1).min(places.len());
        thread::scope(|scope| {
            for worker in 0..workers {
                let (next, done, graded) = (&next, &done, &graded);
                scope.spawn(move || {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(place) = places.get(number) else {
                            break;
                        };
                        let result = self.one(place, &self.work.join(format!("run{worker}")));
                        let failed = result.is_err();
                        lock(graded)[number] = Some(result);
                        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                        progress(done, places.len(), &place.name);
                        if failed {
                            // It is ours, and would meet the others too.
                            next.store(places.len(), Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let graded = graded.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::new();
        let mut failure = None;
        for (graded, place) in graded.into_iter().zip(places) {
            match graded {
                Some(Ok(graded)) => all.push(graded),
                Some(Err(error)) => {
                    failure.get_or_insert(error.context(format!("while grading {}", place.name)));
                }
                None => {}
            }
        }
        match failure {
            Some(failure) => Err(failure),
            None => Ok(all),
        }
    }

    fn one(&self, place: &Place, work: &Path) -> Result<Graded> {
        let submission = submission::read(place)?;
        let key = self.kept.key(&submission);
        if let Some(known) = self.kept.find(&key) {
            return Ok(known);
        }
        if work.exists() {
            fs::remove_dir_all(work).with_context(|| format!("cannot empty {}", work.display()))?;
        }
        let graded = self.fresh(&submission, work)?;
        // Gone before the next: three hundred of them would fill a disk.
        fs::remove_dir_all(work).ok();
        self.kept.keep(&key, &graded)?;
        Ok(graded)
    }

    fn fresh(&self, submission: &Submission, work: &Path) -> Result<Graded> {
        let laid = pristine::lay(self.course, submission);
        let tried = tampering::find(self.course, submission, &laid);
        let name = submission.name.clone();
        if let Some(problem) = &submission.problem {
            let tests = self.course.binaries.iter().flat_map(|binary| {
                let failure = Failure {
                    reason: problem.clone(),
                    output: String::new(),
                };
                all_failed(binary, &failure)
            });
            let mut graded =
                Graded::sum_up(name, &self.days, tests.collect(), Some(problem.clone()));
            graded.tampering = tried;
            return Ok(graded);
        }
        let library = {
            let _slot = self.slots.take();
            let with = (self.tools, self.settings.compiling, &self.pinned);
            build::library(with, self.course, submission, &laid, work)?
        };
        let tests = self.run_all(&library, work)?;
        let first = library.replaced.values().next().cloned();
        let mut graded = Graded::sum_up(name, &self.days, tests, None);
        if graded.reason.is_some() && first.is_some() {
            graded.reason = library.why(graded.reason.take().unwrap_or_default());
        }
        graded.tampering = tried;
        let used = library.given_used.iter();
        graded.tampering.extend(used.map(|file| {
            format!(
                "{file}: is given; used as submitted, since the rest does not compile with ours"
            )
        }));
        graded.replaced = library.replaced;
        Ok(graded)
    }

    /// Every test of every day, each file compiled as soon as there is room.
    fn run_all(&self, library: &Library, work: &Path) -> Result<Vec<Test>> {
        let budget = Budget::new(self.settings.whole);
        let results: Vec<Result<Vec<Test>>> = thread::scope(|scope| {
            let budget = &budget;
            let running: Vec<_> = self
                .course
                .binaries
                .iter()
                .map(|binary| scope.spawn(move || self.run_file(binary, library, work, budget)))
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, _>| {
                let gone = |_| Err(anyhow!("a thread of the grader panicked"));
                thread.join().unwrap_or_else(gone)
            };
            running.into_iter().map(join).collect()
        });
        let mut tests = Vec::new();
        for result in results {
            tests.extend(result?);
        }
        Ok(tests)
    }

    fn run_file(
        &self,
        binary: &Binary,
        library: &Library,
        work: &Path,
        budget: &Budget,
    ) -> Result<Vec<Test>> {
        let out = work.join(&binary.name);
        let compiled = {
            let _slot = self.slots.take();
            compile::program(
                self.tools,
                self.settings.compiling,
                &self.work.join("course"),
                binary,
                &library.file,
                &out,
            )?
        };
        let program = match compiled {
            Ok(program) => program,
            Err(complaint) => {
                let reason = format!(
                    "the tests of day {} do not compile with it: {}",
                    binary.day, complaint.reason
                );
                return Ok(all_failed(
                    binary,
                    &Failure {
                        reason: crate::text::reason(&reason),
                        output: String::new(),
                    },
                ));
            }
        };
        let mut tests = Vec::new();
        for test in &binary.tests {
            let _slot = self.slots.take();
            let failure = match budget.is_spent() {
                true => Some(budget.failure()),
                false => budget.spend(|| self.run_test(&program, test, &out))?,
            };
            tests.push(outcome(binary, test, failure));
        }
        Ok(tests)
    }

    fn run_test(&self, program: &Path, test: &str, out: &Path) -> Result<Option<Failure>> {
        let scratch = out.join("scratch");
        fs::create_dir_all(&scratch)
            .with_context(|| format!("cannot make {}", scratch.display()))?;
        let mut env = vec![
            ("RUST_BACKTRACE".to_string(), "0".to_string()),
            ("TMPDIR".to_string(), scratch.display().to_string()),
            ("TMP".to_string(), scratch.display().to_string()),
        ];
        env.extend(
            self.settings
                .seed
                .map(|seed| (SEED.to_string(), seed.to_string())),
        );
        let mut read: Vec<PathBuf> = compile::system_libraries().collect();
        read.push(program.to_path_buf());
        let jail = Jail {
            program: program.to_path_buf(),
            args: Vec::new(),
            env,
            dir: scratch.clone(),
            read,
            write: vec![scratch.clone()],
            hides_processes: true,
            limits: self.settings.limits,
            walls: self.settings.walls,
        };
        let token = token()?;
        let mut order = format!("{token}\n{test}\n{}\n", self.filters.len());
        for filter in &self.filters {
            order.push_str(filter);
            order.push('\n');
        }
        let finished = run(&jail, &order, self.settings.watch)?;
        fs::remove_dir_all(&scratch).ok();
        let (limits, watch) = (self.settings.limits, self.settings.watch);
        Ok(verdict::judge(&token, &finished, limits, watch))
    }
}

impl Library {
    /// The reason of a report in which files had to be replaced: that comes first.
    fn why(&self, first_failure: String) -> Option<String> {
        let mut reasons: Vec<&String> = self.replaced.values().collect();
        // An error of the compiler says more than that another file fell with it.
        reasons.sort_by_key(|reason| !reason.starts_with("src/"));
        let reason = reasons.first()?;
        let files = self.replaced.len();
        let count = match files {
            1 => "1 file was replaced by its stub".to_string(),
            files => format!("{files} files were replaced by their stubs"),
        };
        Some(format!("{count}: {reason}; then {first_failure}"))
    }
}

fn outcome(binary: &Binary, test: &str, failure: Option<Failure>) -> Test {
    let (reason, output) = match failure {
        None => (None, String::new()),
        Some(failure) => (Some(failure.reason), failure.output),
    };
    Test {
        day: binary.day,
        name: format!("{}::{test}", binary.name),
        passed: reason.is_none(),
        reason,
        output,
    }
}

fn all_failed(binary: &Binary, failure: &Failure) -> Vec<Test> {
    let tests = binary.tests.iter();
    tests
        .map(|test| outcome(binary, test, Some(failure.clone())))
        .collect()
}

/// What a test that ran to its end gives back: nobody can guess it.
fn token() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("the system has no random numbers: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The time that all tests of a submission may take together.
struct Budget {
    left: Mutex<Duration>,
    whole: Duration,
}

impl Budget {
    fn new(whole: Duration) -> Budget {
        Budget {
            left: Mutex::new(whole),
            whole,
        }
    }

    fn is_spent(&self) -> bool {
        lock(&self.left).is_zero()
    }

    fn spend<T>(&self, run: impl FnOnce() -> T) -> T {
        let begun = std::time::Instant::now();
        let done = run();
        let mut left = lock(&self.left);
        *left = left.saturating_sub(begun.elapsed());
        done
    }

    fn failure(&self) -> Failure {
        Failure {
            reason: format!(
                "was not run: the tests before it took the {} s that a submission has",
                self.whole.as_secs()
            ),
            output: String::new(),
        }
    }
}

/// So many things may run at a time.
struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

struct Slot<'a>(&'a Slots);

impl Slots {
    fn new(count: usize) -> Slots {
        Slots {
            free: Mutex::new(count.max(1)),
            freed: Condvar::new(),
        }
    }

    fn take(&self) -> Slot<'_> {
        let mut free = lock(&self.free);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}

/// A thread that panicked has left a count or a list as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
