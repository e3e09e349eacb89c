//! Lists that the source makes: what a day asks for, and what its tests claim.

use std::fmt::Write;

use crate::source::Source;

pub fn functions(source: &Source, words: &[&str]) -> Result<String, String> {
    let day = day(words, "{{functions 1}}")?;
    let functions = source.functions(day);
    if functions.is_empty() {
        return Err(format!("there is no day {day} with functions to write"));
    }
    let mut out = String::from("\n| task | function | file |\n|---|---|---|\n");
    for function in functions {
        let (task, name, path) = (function.task, function.name, function.path);
        writeln!(out, "| {task} | `{name}` | `{path}` |").expect("a String takes everything");
    }
    Ok(out)
}

pub fn tests(source: &Source, words: &[&str]) -> Result<String, String> {
    let day = source.day(day(words, "{{tests 1}}")?)?;
    let mut out = String::new();
    for task in day.tasks() {
        let tests: Vec<_> = day.tests.iter().filter(|test| test.task == task).collect();
        write!(out, "\n**Task {task}**, {} tests\n\n", tests.len())
            .expect("a String takes everything");
        for test in tests {
            let claim = claim(&test.claim);
            write!(out, "`{}`\n: {claim}\n\n", test.name).expect("a String takes everything");
        }
    }
    Ok(out)
}

/// A claim is one paragraph of a doc comment, whose lines end where the source wraps.
fn claim(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    crate::source::prose(&text)
}

fn day(words: &[&str], usage: &str) -> Result<u32, String> {
    let [day] = words else {
        return Err(format!("write {usage}"));
    };
    day.parse()
        .map_err(|_| format!("{day} is no day: write {usage}"))
}
