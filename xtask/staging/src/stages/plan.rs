//! Which stages are looked at, and what each must show.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result, bail};

use crate::marker::{LAST_DAY, Task};
use crate::stage::Stage;

/// The tests of one day.
#[derive(Clone, Debug)]
pub struct DayTests {
    /// The name of the test binary.
    pub binary: String,
    /// The tasks are 1 to this.
    pub tasks: u32,
}

/// A stage and what it must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub stage: Stage,
    pub checks: Vec<Check>,
}

/// Some tests of one day, and what they must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub day: u32,
    pub tasks: Tasks,
    pub expect: Expect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tasks {
    All,
    UpTo(u32),
    Only(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Pass,
    Fail,
}

impl DayTests {
    /// Reads the modules `task_K` of a day's file.
    pub fn read(path: &str, binary: &str, text: &str) -> Result<DayTests> {
        let file = syn::parse_file(text).with_context(|| format!("mini-lsm/{path} is no Rust"))?;
        let modules = file.items.iter().filter_map(|item| match item {
            syn::Item::Mod(module) => task_of_module(&module.ident.to_string()),
            _ => None,
        });
        let tasks: BTreeSet<u32> = modules.collect();
        let last = tasks.last().copied().unwrap_or(0);
        if last == 0 || tasks.len() != last as usize {
            bail!(
                "mini-lsm/{path}: the tests of a day stand in modules task_1, task_2 and so on without a gap, not in {tasks:?}; mend the names"
            );
        }
        Ok(DayTests {
            binary: binary.to_string(),
            tasks: last,
        })
    }
}

impl Row {
    /// The folder of the stage.
    pub fn name(&self) -> String {
        self.stage.to_string().replace(' ', "-")
    }

    /// The days whose tests are run here.
    pub fn days(&self) -> BTreeSet<u32> {
        self.checks.iter().map(|check| check.day).collect()
    }
}

impl Tasks {
    pub fn include(self, test: &str) -> bool {
        task_of_test(test).is_some_and(|task| match self {
            Tasks::All => true,
            Tasks::UpTo(last) => task <= last,
            Tasks::Only(only) => task == only,
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tasks {
            Tasks::All => write!(f, "day {}", self.day),
            Tasks::UpTo(1) => write!(f, "day {} task 1", self.day),
            Tasks::UpTo(last) => write!(f, "day {} tasks 1 to {last}", self.day),
            Tasks::Only(only) => write!(f, "day {} task {only}", self.day),
        }
    }
}

/// The task of a test by its full name, `task_2::a_claim`.
pub fn task_of_test(name: &str) -> Option<u32> {
    task_of_module(name.split_once("::")?.0)
}

fn task_of_module(module: &str) -> Option<u32> {
    module
        .strip_prefix("task_")?
        .parse()
        .ok()
        .filter(|task| *task > 0)
}

/// The stages in the order of the course: each day's tasks, then its evening. The last task is the evening itself.
pub fn rows(days: &BTreeMap<u32, DayTests>, only: Option<u32>) -> Vec<Row> {
    let mut rows = Vec::new();
    for day in 0..=LAST_DAY {
        let tasks = days
            .get(&day)
            .filter(|_| only.is_none_or(|only| only == day))
            .map_or(0, |tests| tests.tasks);
        for task in 1..tasks {
            let pass = Check {
                day,
                tasks: Tasks::UpTo(task),
                expect: Expect::Pass,
            };
            let fail = Check {
                day,
                tasks: Tasks::Only(task + 1),
                expect: Expect::Fail,
            };
            rows.push(Row {
                stage: Stage::task(day, task),
                checks: vec![pass, fail],
            });
        }
        let checks = match only {
            Some(only) if day + 1 == only => fail_at(only).collect(),
            Some(only) if day == only => pass_up_to(day).collect(),
            Some(_) => continue,
            None => pass_up_to(day).chain(fail_at(day + 1)).collect(),
        };
        rows.push(Row {
            stage: Stage::day(day),
            checks,
        });
    }
    rows
}

fn pass_up_to(day: u32) -> impl Iterator<Item = Check> {
    (1..=day).map(|day| Check {
        day,
        tasks: Tasks::All,
        expect: Expect::Pass,
    })
}

fn fail_at(day: u32) -> impl Iterator<Item = Check> {
    (day <= LAST_DAY)
        .then_some(Check {
            day,
            tasks: Tasks::All,
            expect: Expect::Fail,
        })
        .into_iter()
}

/// Tasks that the sources name and no test belongs to, and days without tests.
pub fn tasks_without_tests(
    tasks: &BTreeSet<Task>,
    days: &BTreeMap<u32, DayTests>,
    only: Option<u32>,
) -> Vec<String> {
    let asked = |day: u32| only.is_none_or(|only| only == day);
    let missing_days = (1..=LAST_DAY).filter(|day| asked(*day) && !days.contains_key(day));
    let missing_days =
        missing_days.map(|day| format!("day {day} has no test file tests/day{day}_*.rs; write it"));
    let tested = |task: &&Task| {
        days.get(&task.day)
            .is_none_or(|tests| task.task <= tests.tasks)
    };
    let missing_tasks = tasks.iter().filter(|task| asked(task.day) && !tested(task));
    let missing_tasks = missing_tasks.map(|task| {
        format!(
            "{task} is named in mini-lsm/src, but its day has no tests in a module task_{}",
            task.task
        )
    });
    missing_days.chain(missing_tasks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(tasks: &[u32]) -> BTreeMap<u32, DayTests> {
        let day = |(day, &tasks): (u32, &u32)| {
            (
                day,
                DayTests {
                    binary: format!("day{day}_x"),
                    tasks,
                },
            )
        };
        (1..).zip(tasks).map(day).collect()
    }

    #[test]
    fn the_plan_of_a_course_holds_every_invariant() {
        let rows = rows(&days(&[2, 1, 3, 1, 1, 1, 1]), None);
        let shown: Vec<String> = rows
            .iter()
            .map(|row| {
                let checks: Vec<String> = row
                    .checks
                    .iter()
                    .map(|c| format!("{:?} {c}", c.expect))
                    .collect();
                format!("{}: {}", row.stage, checks.join(", "))
            })
            .collect();
        assert_eq!(
            shown[..7],
            [
                "stage 0: Fail day 1",
                "day 1 task 1: Pass day 1 task 1, Fail day 1 task 2",
                "stage 1: Pass day 1, Fail day 2",
                "stage 2: Pass day 1, Pass day 2, Fail day 3",
                "day 3 task 1: Pass day 3 task 1, Fail day 3 task 2",
                "day 3 task 2: Pass day 3 tasks 1 to 2, Fail day 3 task 3",
                "stage 3: Pass day 1, Pass day 2, Pass day 3, Fail day 4",
            ]
        );
        assert_eq!(rows.len(), 11);
        assert!(
            rows.last()
                .unwrap()
                .checks
                .iter()
                .all(|check| check.expect == Expect::Pass)
        );
    }

    #[test]
    fn one_day_is_its_tasks_its_evening_and_the_evening_before() {
        let rows = rows(&days(&[2, 2]), Some(2));
        let stages: Vec<String> = rows.iter().map(|row| row.stage.to_string()).collect();
        assert_eq!(stages, ["stage 1", "day 2 task 1", "stage 2"]);
        assert_eq!(rows[0].checks, fail_at(2).collect::<Vec<_>>());
        assert_eq!(rows[2].checks, pass_up_to(2).collect::<Vec<_>>());
    }

    #[test]
    fn tests_stand_in_modules_of_tasks_without_a_gap() {
        let read = |text| DayTests::read("tests/day2_tables.rs", "day2_tables", text);
        let tests = read("mod common;\nmod task_1 {}\nmod task_2 {}\n").unwrap();
        assert_eq!((tests.binary.as_str(), tests.tasks), ("day2_tables", 2));
        assert!(read("mod task_1 {}\nmod task_3 {}\n").is_err());
        assert!(read("mod common;\n").is_err());
        assert_eq!(task_of_test("task_12::a::b"), Some(12));
        assert_eq!(task_of_test("a_claim"), None);
    }

    #[test]
    fn a_task_that_nothing_tests_is_told() {
        let tasks = BTreeSet::from([
            Task { day: 1, task: 2 },
            Task { day: 1, task: 3 },
            Task { day: 7, task: 1 },
        ]);
        let told = tasks_without_tests(&tasks, &days(&[2, 1, 1, 1, 1, 1]), None);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].contains("day 7") && told[1].contains("day 1 task 3"),
            "{told:?}"
        );
        assert!(tasks_without_tests(&tasks, &days(&[2, 1, 1, 1, 1, 1]), Some(2)).is_empty());
    }
}
