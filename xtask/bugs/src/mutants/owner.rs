//! Whose a mutant is: the task that brings the code it changes, by the generator's own markers.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use staging::marker::Task;
use staging::problem::Problems;
use staging::stage::first_tasks;
use staging::tree::Tree;

use super::tool::{Mutant, Place};

/// Each mutant of the days with its task, in the order of the course. What is given is nobody's, and left out.
pub fn owners(reference: &Tree, mutants: Vec<Mutant>) -> Result<Vec<(Task, Mutant)>> {
    let mut files: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    for mutant in mutants {
        let of_file = files.entry(mutant.path().to_string()).or_default();
        of_file.push(mutant);
    }
    let mut owned = Vec::new();
    for (path, mutants) in files {
        let bytes = reference
            .get(&path)
            .with_context(|| format!("there is no {path} in the reference"))?;
        let text = std::str::from_utf8(bytes).with_context(|| format!("{path} is no text"))?;
        let offsets = mutants.iter().map(|mutant| offset(text, mutant.span.start));
        let offsets: Option<Vec<usize>> = offsets.collect();
        let offsets =
            offsets.with_context(|| format!("a mutant lies beyond the end of a line of {path}"))?;
        let tasks = first_tasks(&path, text, &offsets)
            .map_err(|problems| anyhow::Error::new(Problems(problems)))?;
        let pairs = tasks.into_iter().zip(mutants);
        owned.extend(pairs.filter_map(|(task, mutant)| Some((task?, mutant))));
    }
    owned.sort_by_key(|(task, _)| *task);
    Ok(owned)
}

fn offset(text: &str, place: Place) -> Option<usize> {
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines
        .by_ref()
        .take(place.line.checked_sub(1)?)
        .map(str::len)
        .sum();
    let line = lines.next()?;
    let mut columns = line.char_indices().map(|(at, _)| at);
    Some(before + columns.nth(place.column.checked_sub(1)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::tool::Span;

    #[test]
    fn a_mutant_is_of_the_task_that_brings_its_line() {
        let text = "\
//! Day 1 · Task 2 · Things.

pub fn ü() -> bool {
    let ä = 1 < 2;
    ä && later() // day 3 task 1
}
";
        let reference = Tree([("src/a.rs".to_string(), text.into())].into());
        let mutant = |line, column| Mutant {
            name: format!("mini-lsm/src/a.rs:{line}:{column}: replace"),
            file: "mini-lsm/src/a.rs".into(),
            span: Span {
                start: Place { line, column },
            },
        };
        let given = Mutant {
            file: "mini-lsm/src/b.rs".into(),
            ..mutant(1, 1)
        };
        let mut reference_too = reference;
        reference_too.insert("src/b.rs".to_string(), b"pub fn b() {}\n".to_vec());
        let found = owners(&reference_too, vec![mutant(5, 7), given, mutant(4, 15)]);
        let found = found.expect("all lie in the files");
        let found: Vec<(u32, u32, usize)> = found
            .iter()
            .map(|(task, mutant)| (task.day, task.task, mutant.span.start.line))
            .collect();
        assert_eq!(found, [(1, 2, 4), (3, 1, 5)]);
    }

    #[test]
    fn columns_are_characters_and_offsets_bytes() {
        let place = |line, column| Place { line, column };
        assert_eq!(offset("ü = 1\nb\n", place(1, 3)), Some(3));
        assert_eq!(offset("ü = 1\nb\n", place(2, 1)), Some(7));
        assert_eq!(offset("ü = 1\nb\n", place(3, 1)), None);
        assert_eq!(offset("ü\n", place(1, 9)), None);
    }
}
