//! The command line of the trials: `cargo x torture`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use mini_lsm_torture::alloc::Counting;
use mini_lsm_torture::scale::Scale;
use mini_lsm_torture::tally::Tally;

/// A trial: its name, what it shows, and the trial itself.
struct Trial {
    name: &'static str,
    what: &'static str,
    run: fn(&Scale) -> Result<Tally>,
}

/// Counts, for the trials that measure memory.
#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// In the order in which they are run.
const TRIALS: &[Trial] = &[
    Trial {
        name: "crashes",
        what: "the power is cut at every file-system operation, in every way",
        run: mini_lsm_torture::crashes::run,
    },
    Trial {
        name: "kills",
        what: "a process that writes to disk is killed, again and again",
        run: mini_lsm_torture::kills::run,
    },
    Trial {
        name: "damage",
        what: "every byte of every file of a store is damaged in several ways",
        run: mini_lsm_torture::damage::run,
    },
    Trial {
        name: "faults",
        what: "every file-system operation in turn fails, and pairs of them",
        run: mini_lsm_torture::faults::run,
    },
    Trial {
        name: "full-disk",
        what: "a disk that is really full: the store says so, reads on, and has lost nothing",
        run: mini_lsm_torture::full_disk::run,
    },
    Trial {
        name: "resources",
        what: "handles, files, threads and memory are bounded, and given back",
        run: mini_lsm_torture::resources::run,
    },
    Trial {
        name: "doors",
        what: "whoever may not open a store is told why, and changes nothing",
        run: mini_lsm_torture::doors::run,
    },
    Trial {
        name: "model",
        what: "random scripts on a store and on a map give the same answers",
        run: mini_lsm_torture::model::run,
    },
    Trial {
        name: "twins",
        what: "the same script on stores with different options gives the same answers",
        run: mini_lsm_torture::twins::run,
    },
    Trial {
        name: "fuzz",
        what: "decoders, and a store by a script, get bytes that are changed at random",
        run: mini_lsm_torture::fuzz::run,
    },
    Trial {
        name: "threads",
        what: "eight threads at once, and the store is closed or dropped in the middle of it",
        run: mini_lsm_torture::threads::run,
    },
];

/// Crashes, kills, faults, bad bytes, many threads: does the store keep its promises?
///
/// Without a name all trials are run, at the scale of CI.
#[derive(Parser)]
#[command(name = "cargo x torture")]
struct Ask {
    /// The trials to run
    #[arg(value_name = "TRIAL")]
    names: Vec<String>,
    /// List the trials
    #[arg(long)]
    list: bool,
    /// The seed of the first round
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many rounds of each trial
    #[arg(long, conflicts_with = "hours")]
    rounds: Option<u64>,
    /// So many hours of each trial; 0.5 is half an hour
    #[arg(long)]
    hours: Option<f64>,
}

fn main() -> ExitCode {
    // Another process of a trial.
    if let Some(code) = mini_lsm_torture::kills::writer_main() {
        return code;
    }
    if let Some(code) = mini_lsm_torture::doors::as_child() {
        return code;
    }
    match run(&Ask::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(ask: &Ask) -> Result<bool> {
    if ask.list {
        for trial in TRIALS {
            println!("{:<12} {}", trial.name, trial.what);
        }
        return Ok(true);
    }
    let scale = Scale {
        seed: ask.seed,
        rounds: ask.rounds,
        time: ask.hours.map(time_of).transpose()?,
    };
    let mut failed = 0;
    let chosen = choose(&ask.names)?;
    for trial in &chosen {
        let begun = Instant::now();
        let outcome = (trial.run)(&scale);
        let seconds = begun.elapsed().as_secs_f64();
        match outcome {
            Ok(tally) => println!("{:<12} ok      {seconds:6.1} s  {tally}", trial.name),
            Err(error) => {
                failed += 1;
                println!("{:<12} FAILED  {seconds:6.1} s  {error:#}", trial.name);
            }
        }
    }
    println!("{} passed, {failed} failed", chosen.len() - failed);
    Ok(failed == 0)
}

fn choose(names: &[String]) -> Result<Vec<&'static Trial>> {
    if names.is_empty() {
        return Ok(TRIALS.iter().collect());
    }
    let find = |name: &String| match TRIALS.iter().find(|trial| trial.name == name) {
        Some(trial) => Ok(trial),
        None => bail!("there is no trial `{name}`: --list shows them"),
    };
    names.iter().map(find).collect()
}

fn time_of(hours: f64) -> Result<Duration> {
    match Duration::try_from_secs_f64(hours * 3600.0) {
        Ok(time) => Ok(time),
        Err(_) => bail!("--hours {hours} is no time"),
    }
}
