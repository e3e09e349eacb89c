//! The day tests keep the rules that the grader, the hints and the book live by.

use anyhow::Result;

use crate::catalogue::{self, Day, Test};
use crate::workspace::{Workspace, shown};

/// Fewer tests leave a day's functions unjudged.
const FEWEST_TESTS: usize = 12;
/// A task is an hour or less, a day three to five of them.
const TASKS: std::ops::RangeInclusive<usize> = 3..=5;
const DAYS: u32 = 7;

/// Prints what is wrong. True if nothing is.
pub fn check(workspace: &Workspace) -> Result<bool> {
    let days = catalogue::read(&workspace.reference())?;
    let mut problems = Vec::new();
    let numbers: Vec<u32> = days.iter().map(|day| day.number).collect();
    if numbers != (1..=DAYS).collect::<Vec<_>>() {
        problems.push(format!(
            "the days are {numbers:?}, and should be 1 to {DAYS}"
        ));
    }
    for day in &days {
        let root = shown(workspace.root(), &day.file);
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        let found = of_day(day).into_iter();
        problems.extend(found.map(|problem| format!("{folder}/{problem}")));
    }
    problems.iter().for_each(|problem| println!("{problem}"));
    Ok(problems.is_empty())
}

/// Each begins with the name of a file.
fn of_day(day: &Day) -> Vec<String> {
    let root = day.file.file_name().unwrap_or_default().display();
    let mut problems = Vec::new();
    if day.title.is_empty() {
        problems.push(format!("{root}: the first line gives the day no title"));
    }
    if day.tests.len() < FEWEST_TESTS {
        problems.push(format!(
            "{root}: {} tests, at least {FEWEST_TESTS} are wanted",
            day.tests.len()
        ));
    }
    let tasks = day.tasks();
    let in_a_row = tasks.iter().zip(1..).all(|(task, number)| *task == number);
    if !TASKS.contains(&tasks.len()) || !in_a_row {
        problems.push(format!(
            "{root}: the tasks are {tasks:?}, three to five in a row are wanted"
        ));
    }
    let strays = day.strays.iter();
    problems.extend(strays.map(|(name, line)| format!("{root}:{line}: {name} stands in no task")));
    problems.extend(day.tests.iter().filter_map(of_test));
    problems
}

fn of_test(test: &Test) -> Option<String> {
    let missing = match test {
        Test { claim, .. } if claim.is_empty() => "claim",
        Test { why, .. } if why.is_empty() => "reason why it matters",
        Test { hints, .. } if hints.is_empty() => "hints",
        _ => return None,
    };
    Some(format!(
        "{}:{}: {} has no {missing}",
        test.file, test.line, test.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(task: u32, name: &str) -> Test {
        Test {
            day: 1,
            task,
            binary: "day1_blocks".into(),
            name: name.into(),
            claim: "It holds.".into(),
            why: vec!["It matters.".into()],
            hints: vec!["Look.".into()],
            concurrent: false,
            file: "task_1.rs".into(),
            line: 9,
        }
    }

    #[test]
    fn a_good_day_has_no_problems_and_a_bad_one_names_each() {
        let mut day = Day {
            number: 1,
            title: "Blocks".into(),
            file: "day1_blocks.rs".into(),
            tests: (0..12).map(|index| test(index % 3 + 1, "a")).collect(),
            strays: Vec::new(),
        };
        assert_eq!(of_day(&day), [""; 0]);
        day.title.clear();
        day.tests = vec![test(1, "mute"), test(3, "secret")];
        day.tests[0].claim.clear();
        day.tests[1].hints.clear();
        day.strays.push(("stray".into(), 3));
        assert_eq!(
            of_day(&day),
            [
                "day1_blocks.rs: the first line gives the day no title",
                "day1_blocks.rs: 2 tests, at least 12 are wanted",
                "day1_blocks.rs: the tasks are [1, 3], three to five in a row are wanted",
                "day1_blocks.rs:3: stray stands in no task",
                "task_1.rs:9: mute has no claim",
                "task_1.rs:9: secret has no hints",
            ]
        );
    }
}
