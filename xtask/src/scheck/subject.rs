//! What is graded, how, and which part of it is asked for.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::catalogue::Day;
use crate::process::{Limits, Stop};
use crate::workspace::{Workspace, shown};

/// What is graded, and how.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Paths are shown from here.
    pub root: PathBuf,
    /// The crate.
    pub dir: PathBuf,
    /// The crate whose day tests say which tests there have to be, where that is another one.
    pub pristine: Option<PathBuf>,
    /// The command that grades this subject.
    pub command: &'static str,
    /// Stop after the first day that is not full: what comes later has not been started.
    pub day_by_day: bool,
    /// Where cargo builds, if not where it always does.
    pub target_dir: Option<PathBuf>,
    pub limits: Limits,
    /// Where the progress file stands, if what is seen is to be remembered.
    pub progress: Option<PathBuf>,
    /// Ask the formatter and the linter too.
    pub tidy: bool,
    /// Ends the run early.
    pub stop: Stop,
}

/// The part that is asked for; all of it by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ask {
    pub day: Option<u32>,
    pub task: Option<u32>,
    /// How often tests in which threads race are run.
    pub repeat: Option<u32>,
    /// The seed of the first of these runs.
    pub seed: Option<u64>,
}

/// A test has this long. The slowest of the reference needs a fraction of it on a slow machine.
const TIME_LIMIT: Duration = Duration::from_secs(60);
const OUTPUT_LIMIT: u64 = 16 << 20;

impl Subject {
    pub fn starter(workspace: &Workspace) -> Subject {
        Subject {
            pristine: Some(workspace.reference()),
            command: "cargo x scheck",
            day_by_day: true,
            progress: Some(workspace.root().to_path_buf()),
            ..Subject::reference(workspace).at(workspace.starter())
        }
    }

    pub fn reference(workspace: &Workspace) -> Subject {
        Subject {
            root: workspace.root().to_path_buf(),
            dir: workspace.reference(),
            pristine: None,
            command: "cargo x scheck --solution",
            day_by_day: false,
            target_dir: None,
            limits: Limits {
                time: TIME_LIMIT,
                output: OUTPUT_LIMIT,
            },
            progress: None,
            tidy: true,
            stop: Stop::default(),
        }
    }

    fn at(self, dir: PathBuf) -> Subject {
        Subject { dir, ..self }
    }

    pub fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    pub fn manifest(&self) -> PathBuf {
        self.dir.join("Cargo.toml")
    }
}

impl Ask {
    /// The command that asks for this, where `command` asks for all.
    pub fn command(&self, command: &str) -> String {
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        let flags = [
            ("--day", number(self.day)),
            ("--task", number(self.task)),
            ("--repeat", number(self.repeat)),
            ("--seed", self.seed.map(|seed| seed.to_string())),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(flag, value)| Some(format!(" {flag} {}", value?)));
        given.fold(command.to_string(), |command, flag| command + &flag)
    }
}

/// A day that does not exist gets a message that names those that do; a task likewise.
pub fn check_ask(ask: &Ask, days: &[Day], subject: &Subject) -> Result<()> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        bail!(
            "{} has no day tests",
            shown(&subject.root, &subject.dir.join("tests"))
        );
    };
    let Some(number) = ask.day else {
        return Ok(());
    };
    let Some(day) = days.iter().find(|day| day.number == number) else {
        bail!(
            "there is no day {number}: the days are {} to {}",
            first.number,
            last.number
        );
    };
    let tasks = day.tasks();
    match (ask.task, tasks.last()) {
        (Some(task), Some(last)) if !tasks.contains(&task) => {
            bail!("day {number} has no task {task}: its tasks are 1 to {last}")
        }
        _ => Ok(()),
    }
}
