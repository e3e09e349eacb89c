//! The command behind `cargo x grade`, and the door of its jails.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use grade::args::{Args, Bundle};
use grade::class::{Class, Settings};
use grade::compile::Compiling;
use grade::jail::{self, DOOR, Jail, Limits, NO_JAIL, NOTHING};
use grade::pristine::Course;
use grade::report::{Form, Report, csv, gradescope, json, junit, table};
use grade::resume::Kept;
use grade::run::Watch;
use grade::{place, tools};
use xtask::process::group;
use xtask::screen::Screen;
use xtask::workspace::Workspace;

/// A mistake in what was typed, or a broken environment.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(first) if first == DOOR => enter(args.next()),
        Some(first) if first == NOTHING => ExitCode::SUCCESS,
        Some(first) if first == BUNDLE => told(bundle(Bundle::parse_from(args_after_verb()))),
        _ => told(run(Args::parse())),
    }
}

/// The verb that makes an archive for Gradescope.
const BUNDLE: &str = "gradescope-zip";

fn args_after_verb() -> impl Iterator<Item = OsString> {
    std::env::args_os().skip(1)
}

fn told(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::from(EXIT_USAGE)
    })
}

fn bundle(args: Bundle) -> Result<ExitCode> {
    let files = grade::bundle::write(Workspace::find()?.root(), &args.out)?;
    println!(
        "{}: {files} files. Upload it as the autograder of a programming assignment on Gradescope.",
        args.out.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// This process is to become a jailed program.
fn enter(order: Option<OsString>) -> ExitCode {
    let order = order.unwrap_or_default().to_string_lossy().into_owned();
    let jail = serde_json::from_str::<Jail>(&order).context("this is no order for a jail");
    match jail.and_then(|jail| jail::enter(&jail)) {
        Ok(code) => std::process::exit(code),
        Err(error) => {
            eprintln!("{error:#}");
            std::process::exit(NO_JAIL)
        }
    }
}

fn run(args: Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let places = place::find(&args.dirs)?;
    for link in place::links(&args.dirs) {
        eprintln!(
            "not graded: {} is a link; name what it leads to if it is a submission",
            link.display()
        );
    }
    let screen = Screen::detect();
    group::kill_all_when_interrupted();
    let work = work_dir(&workspace)?;
    let _lock = lock(&work)?;
    screen.begin("preparing the course");
    let mut course = Course::read(workspace.root(), args.extra_tests.as_deref())?;
    if let Some(day) = args.day {
        course.only(day, args.task)?;
    }
    let days = args.weigh(&course)?;
    let tools = tools::prepare(&course, workspace.root(), &work)?;
    let settings = settings(&args)?;
    let kept = Kept::new(
        work.join("results"),
        &common(&course, &tools, &args, settings),
        args.resume,
    )?;
    let class = Class::new(&course, &tools, settings, days, work, kept)?;
    screen.begin("grading");
    let (submissions, failures) = class.grade(&places, &|done, all, name| {
        screen.status(&format!("graded {done} of {all}: {name}"));
    });
    screen.clear_status();
    let report = Report {
        format: 1,
        rustc: tools.version.clone(),
        seed: settings.seed,
        isolation: settings.walls.told(),
        submissions,
    };
    tell(&args, &report)?;
    match failures.is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => bail!("the grader itself failed on:\n  {}", failures.join("\n  ")),
    }
}

fn tell(args: &Args, report: &Report) -> Result<()> {
    let shown = table::text(report, args.by_test);
    match args.takes_stdout() {
        true => eprint!("{shown}"),
        false => print!("{shown}"),
    }
    let forms: [(&Option<PathBuf>, Form); 4] = [
        (&args.json, json::write),
        (&args.csv, csv::write),
        (&args.junit, junit::write),
        (&args.gradescope, gradescope::write),
    ];
    for (file, form) in forms {
        if let Some(file) = file {
            write(file, form, report)?;
        }
    }
    Ok(())
}

/// Writes a report; `-` is standard output.
fn write(file: &Path, form: Form, report: &Report) -> Result<()> {
    if file == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        form(report, &mut out)?;
        return out.flush().context("cannot write to standard output");
    }
    let cannot = || format!("cannot write {}", file.display());
    let mut out = BufWriter::new(File::create(file).with_context(cannot)?);
    form(report, &mut out)
        .and_then(|()| Ok(out.flush()?))
        .with_context(cannot)
}

fn settings(args: &Args) -> Result<Settings> {
    let walls = jail::walls();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Settings {
        jobs: args.jobs.unwrap_or(cores),
        compiling: Compiling {
            seconds: args.compile_time,
            memory: args.compile_memory << 20,
            opt_level: args.opt_level,
            allow_unsafe: args.allow_unsafe,
            walls,
        },
        limits: Limits {
            cpu: args.time,
            memory: args.memory << 20,
            file: 64 << 20,
        },
        watch: Watch {
            time: Duration::from_secs(args.time),
            output: 64 << 20,
            tasks: 1000,
        },
        whole: Duration::from_secs(args.submission_time),
        seed: args.seed()?,
        walls,
    })
}

/// All that a result depends on beside the submission.
fn common(course: &Course, tools: &tools::Tools, args: &Args, settings: Settings) -> String {
    let sources: Vec<_> = course.sources().collect();
    format!(
        "{:?} {sources:?} {} {:?} {:?} {:?} {:?} {:?} {:?}",
        course.tests.0,
        tools.version,
        args.weights,
        settings.limits,
        settings.watch,
        settings.compiling,
        settings.seed,
        settings.whole,
    )
}

/// Where everything is compiled and run: `grade` in cargo's target folder.
fn work_dir(workspace: &Workspace) -> Result<PathBuf> {
    let dir = workspace.target_dir().join("grade");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    // Landlock knows real paths only.
    dir.canonicalize()
        .with_context(|| format!("cannot find {}", dir.display()))
}

/// Two runs in one folder would compile over each other.
fn lock(work: &Path) -> Result<File> {
    let path = work.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        bail!(
            "another `cargo x grade` is at work in {}; wait for it, or set CARGO_TARGET_DIR to another folder",
            work.display()
        );
    }
    Ok(file)
}
