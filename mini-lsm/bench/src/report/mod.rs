//! From runs to what a reader sees.
//!
//! | module     | what is in it                                       |
//! |------------|-----------------------------------------------------|
//! | `summary`  | medians, the best peer, ratios                      |
//! | `table`    | on the screen                                       |
//! | `notes`    | what has to be said beside the figures, everywhere  |
//! | `markdown` | as a part of a page                                 |
//! | `svg`      | as a picture                                        |

pub mod markdown;
pub mod notes;
pub mod summary;
pub mod svg;
pub mod table;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::engines::Name;
use crate::machine::Machine;
use crate::work::Outcome;

/// All that a run of the benchmark found, as it was found. The JSON file is this, and the summary drawn from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub machine: Machine,
    pub n: u64,
    pub rounds: u32,
    pub quick: bool,
    pub engines: Vec<Entry>,
    pub left_out: Vec<LeftOut>,
    pub runs: Vec<Run>,
    pub calls: Vec<Calls>,
    /// Runs that a quick benchmark had no time for.
    pub not_run: u32,
}

/// An engine that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub engine: Name,
    pub facts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    pub engine: Name,
    pub why: String,
    /// Whether it should have been there.
    pub is_failure: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub engine: Name,
    pub workload: String,
    pub round: u32,
    pub result: Result<Outcome, String>,
}

/// How many system calls a put takes, counted in a run of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    pub engine: Name,
    pub workload: String,
    pub per_put: f64,
}

impl Record {
    /// Whether all that was to be run did, and every read was right.
    pub fn is_good(&self) -> bool {
        let runs_well = |run: &Run| run.result.is_ok() || run.engine == Name::Starter;
        self.not_run == 0
            && self.left_out.iter().all(|left| !left.is_failure)
            && self.runs.iter().all(runs_well)
    }

    pub fn to_json(&self) -> Result<String> {
        let mut json = serde_json::to_value(self)?;
        let fields = json.as_object_mut().context("a record is an object")?;
        fields.insert("summary".into(), serde_json::to_value(summary::of(self))?);
        Ok(serde_json::to_string_pretty(&json)? + "\n")
    }

    pub fn from_json(text: &str) -> Result<Self> {
        Ok(serde_json::from_str(text)?)
    }
}

#[cfg(test)]
pub mod canned;
