//! What can be typed after `cargo x grade`.

use std::path::{Path, PathBuf};

use crate::pristine::Course;
use anyhow::{Context, Result, bail};
use clap::Parser;

/// Grades submissions with pristine tests, each test isolated. A submission is a folder, or a checkout of the course; only
/// `src/**/*.rs` of it is used. A folder of submissions stands for all of them.
#[derive(Debug, Parser)]
#[command(name = "cargo x grade", bin_name = "cargo x grade")]
pub struct Args {
    /// Folders of submissions
    #[arg(required = true, value_name = "DIR")]
    pub dirs: Vec<PathBuf>,
    /// Only the tests of this day
    #[arg(long, value_name = "N")]
    pub day: Option<u32>,
    /// Only the tests of this task of the day
    #[arg(long, value_name = "K", requires = "day")]
    pub task: Option<u32>,
    /// So many compilations and tests at a time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub jobs: Option<usize>,
    /// Write the report as JSON; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a line for each submission as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write the report as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the report of one submission as Gradescope's results.json
    #[arg(long, value_name = "FILE")]
    pub gradescope: Option<PathBuf>,
    /// Add a line for each test: who passed it
    #[arg(long)]
    pub by_test: bool,
    /// Draw new random numbers for all model tests
    #[arg(long)]
    pub fresh_seeds: bool,
    /// The random numbers of this seed, which a report with fresh seeds names
    #[arg(long, value_name = "S", conflicts_with = "fresh_seeds")]
    pub seed: Option<u64>,
    /// Tests of your own: Rust files whose first line is `//! Day N · Title`
    #[arg(long, value_name = "DIR")]
    pub extra_tests: Option<PathBuf>,
    /// Keep the results of an earlier run for submissions, tests and settings that have not changed
    #[arg(long)]
    pub resume: bool,
    /// What the days weigh in the score, as in `1=10,2=20`; the others weigh 1
    #[arg(long, value_name = "DAY=WEIGHT,…")]
    pub weights: Option<String>,
    /// Seconds that one test may take, of the clock and of processor time
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub time: u64,
    /// Seconds that all tests of one submission may take together
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..))]
    pub submission_time: u64,
    /// Seconds of processor time that one compilation may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub compile_time: u64,
    /// MiB of memory that one compilation may use
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(256..))]
    pub compile_memory: u64,
    /// MiB of memory that one test may use
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..))]
    pub memory: u64,
    /// Compile submissions that use `unsafe`; they could then forge what they like
    #[arg(long)]
    pub allow_unsafe: bool,
    /// How much the compiler is to optimise: less is compiled sooner, and runs longer. The tests of the grader itself ask for none.
    #[arg(long, value_name = "N", hide = true, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    pub opt_level: u8,
}

/// Writes the course as an autograder for Gradescope: upload the archive, and every submission is graded by `cargo x grade`
#[derive(Debug, Parser)]
#[command(name = "cargo x gradescope-zip", bin_name = "cargo x gradescope-zip")]
pub struct Bundle {
    /// The archive
    #[arg(long, value_name = "FILE", default_value = "autograder.zip")]
    pub out: PathBuf,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number from 1 on is needed".into()),
        Ok(number) => Ok(number),
    }
}

impl Args {
    /// The table has to go elsewhere.
    pub fn takes_stdout(&self) -> bool {
        let files = [&self.json, &self.csv, &self.junit, &self.gradescope];
        files
            .iter()
            .any(|file| file.as_deref() == Some(Path::new("-")))
    }

    /// The seed of all random numbers; none for the usual ones.
    pub fn seed(&self) -> Result<Option<u64>> {
        if !self.fresh_seeds {
            return Ok(self.seed);
        }
        let number = getrandom::u64();
        let number =
            number.map_err(|e| anyhow::anyhow!("the system has no random numbers: {e}"))?;
        // Small, so that a person can type it.
        Ok(Some(number % 1_000_000))
    }

    /// Day, title and weight of each day.
    pub fn weigh(&self, course: &Course) -> Result<Vec<(u32, String, f64)>> {
        let mut days: Vec<(u32, String, f64)> = course
            .days
            .iter()
            .map(|day| (day.number, day.title.clone(), 1.0))
            .collect();
        let parts = self.weights.iter().flat_map(|text| text.split(','));
        for part in parts {
            let (day, weight) = part
                .split_once('=')
                .with_context(|| format!("`{part}` is no weight; write --weights 1=10,2=20"))?;
            let weight: f64 = weight.trim().parse().unwrap_or(-1.0);
            let known = days
                .iter_mut()
                .find(|(number, ..)| day.trim().parse() == Ok(*number));
            match known {
                Some(known) if weight >= 0.0 && weight.is_finite() => known.2 = weight,
                Some(_) => bail!("`{part}`: a weight is a number that is not negative"),
                None => bail!("`{part}`: there is no day {}", day.trim()),
            }
        }
        Ok(days)
    }
}
