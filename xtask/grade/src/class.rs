//! A whole class: submissions side by side, on as many cores as are free.
//!
//! Every compilation and every test takes one of `jobs` slots for as long as it runs; submissions are begun one after the other, a
//! few at a time, so that a hanging one holds up nobody but itself.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use staging::graded::Binary;

use crate::build::{self, Library};
use crate::compile::{self, Compiling};
use crate::contract::Pinned;
use crate::jail::{self, Jail, Limits, Walls};
use crate::place::Place;
use crate::pristine::{self, Course};
use crate::report::{Graded, Test};
use crate::resume::Kept;
use crate::run::{Watch, run};
use crate::slots::{Budget, Slots, lock};
use crate::submission::{self, Submission};
use crate::tampering;
use crate::text;
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

/// All compilations of a submission may take the time of so many, by the clock.
const COMPILATIONS: u64 = 8;
/// Bytes of the folder in which a test may write.
const SCRATCH: u64 = 256 << 20;
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

    /// Grades all of them, in the order in which they were named. Where the grader itself failed, that is the reason, and stands in
    /// the second list too: one submission, whatever it did, does not keep the others from being graded.
    pub fn grade(&self, places: &[Place], progress: Progress<'_>) -> (Vec<Graded>, Vec<String>) {
        let next = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        let results: Vec<Mutex<Option<Result<Graded>>>> =
            places.iter().map(|_| Mutex::new(None)).collect();
        // One more than there are slots: while it reads and writes files, the others compute.
        let workers = (self.settings.jobs + 1).min(places.len());
        thread::scope(|scope| {
            for worker in 0..workers {
                let (next, done, results) = (&next, &done, &results);
                scope.spawn(move || {
                    let work = self.work.join(format!("run{worker}"));
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(place) = places.get(number) else {
                            break;
                        };
                        *lock(&results[number]) = Some(self.one_safely(place, &work));
                        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                        progress(done, places.len(), &place.name);
                    }
                });
            }
        });
        let mut failures = Vec::new();
        let mut graded = Vec::new();
        for (place, result) in places.iter().zip(results) {
            let result = result.into_inner().unwrap_or_else(PoisonError::into_inner);
            graded.push(match result {
                Some(Ok(result)) => result,
                Some(Err(error)) => self.failed(place, &error, &mut failures),
                None => self.failed(place, &anyhow!("it was not reached"), &mut failures),
            });
        }
        (graded, failures)
    }

    fn failed(&self, place: &Place, error: &anyhow::Error, all: &mut Vec<String>) -> Graded {
        all.push(format!("{}: {error:#}", place.name));
        let problem = format!("the grader itself failed: {error:#}");
        self.none_passed(place.name.clone(), text::reason(&problem))
    }

    fn one_safely(&self, place: &Place, work: &Path) -> Result<Graded> {
        let one = AssertUnwindSafe(|| self.one(place, work));
        catch_unwind(one).unwrap_or_else(|_| Err(anyhow!("a thread of it panicked")))
    }

    fn one(&self, place: &Place, work: &Path) -> Result<Graded> {
        let submission = submission::read(place)?;
        let key = self.kept.key(&submission);
        if let Some(known) = self.kept.find(&key) {
            return Ok(known);
        }
        put_away(work)?;
        let graded = self.fresh(&submission, work)?;
        // Gone before the next: three hundred of them would fill a disk.
        put_away(work)?;
        self.kept.keep(&key, &graded)?;
        Ok(graded)
    }

    fn fresh(&self, submission: &Submission, work: &Path) -> Result<Graded> {
        let laid = pristine::lay(self.course, submission);
        let tried = tampering::find(self.course, submission, &laid);
        let name = submission.name.clone();
        if let Some(problem) = &submission.problem {
            let mut graded = self.none_passed(name, problem.clone());
            graded.tampering = tried;
            return Ok(graded);
        }
        let compiling = Duration::from_secs(self.settings.compiling.seconds * COMPILATIONS);
        let compiling = Budget::new(compiling, "compiling it");
        let library = {
            let _slot = self.slots.take();
            let with = (
                self.tools,
                self.settings.compiling,
                &self.pinned,
                &compiling,
            );
            build::library(with, self.course, submission, &laid, work)?
        };
        let library = match library {
            Ok(library) => library,
            Err(complaint) => {
                let mut graded = self.none_passed(name, complaint.reason);
                graded.tampering = tried;
                return Ok(graded);
            }
        };
        let tests = self.run_all(&library, work, &compiling)?;
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

    fn none_passed(&self, name: String, reason: String) -> Graded {
        let failure = Failure {
            reason: reason.clone(),
            output: String::new(),
        };
        let binaries = self.course.binaries.iter();
        let tests = binaries.flat_map(|binary| all_failed(binary, &failure));
        Graded::sum_up(name, &self.days, tests.collect(), Some(reason))
    }

    /// Every test of every day, each file compiled as soon as there is room.
    fn run_all(&self, library: &Library, work: &Path, compiling: &Budget) -> Result<Vec<Test>> {
        let budget = Budget::new(self.settings.whole, "the tests before it");
        let results: Vec<Result<Vec<Test>>> = thread::scope(|scope| {
            let budget = &budget;
            let running: Vec<_> = self
                .course
                .binaries
                .iter()
                .map(|binary| {
                    scope.spawn(move || self.run_file(binary, library, work, [compiling, budget]))
                })
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
        [compiling, budget]: [&Budget; 2],
    ) -> Result<Vec<Test>> {
        let out = work.join(&binary.name);
        let compiled = {
            let _slot = self.slots.take();
            if compiling.is_spent() {
                return Ok(all_failed(binary, &compiling.failure()));
            }
            let course = self.work.join("course");
            let (tools, how) = (self.tools, self.settings.compiling);
            compiling
                .spend(|| compile::program(tools, how, &course, binary, &library.file, &out))?
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
                        reason: text::reason(&reason),
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
            scratch: Some(SCRATCH),
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

/// Removes a folder, or, where something in it cannot be removed, gives it another name.
fn put_away(dir: &Path) -> Result<()> {
    if !dir.exists() || fs::remove_dir_all(dir).is_ok() {
        return Ok(());
    }
    let aside = (1..).map(|number| dir.with_extension(format!("left{number}")));
    let free = aside.take(10_000).find(|aside| !aside.exists());
    let aside = free.context("too much is left of earlier runs; remove `target/grade`")?;
    fs::rename(dir, &aside).with_context(|| format!("cannot empty {}", dir.display()))
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
