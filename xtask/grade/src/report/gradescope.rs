//! The report of one submission as Gradescope reads it: `results.json`.
//!
//! Each test has points: its share of the weight of its day, so that all of them are 100. The score is told apart from them too, for
//! a sum of so many fractions misses by a hair.

use std::io::Write;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Graded, Report, Test};

pub fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    let [graded] = &report.submissions[..] else {
        bail!("--gradescope takes one submission: Gradescope runs the grader once for each");
    };
    let tests: Vec<Value> = graded.tests.iter().map(|test| case(graded, test)).collect();
    let results = json!({
        "score": graded.score,
        "output": head(graded),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    });
    serde_json::to_writer_pretty(&mut *out, &results).context("cannot write JSON")?;
    writeln!(out).context("cannot write JSON")
}

fn head(graded: &Graded) -> String {
    let mut lines = vec![match &graded.reason {
        Some(reason) => reason.clone(),
        None => "all tests passed".to_string(),
    }];
    let replaced = graded.replaced.iter();
    lines.extend(replaced.map(|(file, why)| format!("{file} was replaced by its stub: {why}")));
    lines.extend(graded.tampering.iter().cloned());
    lines.join("\n")
}

fn case(graded: &Graded, test: &Test) -> Value {
    let day = graded.days.iter().find(|day| day.day == test.day);
    let whole: f64 = graded.days.iter().map(|day| day.weight).sum();
    let points = day.filter(|_| whole > 0.0).map_or(0.0, |day| {
        100.0 * day.weight / whole / day.total.max(1) as f64
    });
    let output = match &test.reason {
        Some(reason) => format!("{reason}\n{}", test.output).trim_end().to_string(),
        None => String::new(),
    };
    json!({
        "name": test.name,
        "number": test.day.to_string(),
        "score": if test.passed { points } else { 0.0 },
        "max_score": points,
        "status": if test.passed { "passed" } else { "failed" },
        "output": output,
        "output_format": "text",
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{class, text};
    use super::*;

    #[test]
    fn points_add_up_to_100_and_the_reason_comes_first() {
        let mut report = class();
        assert!(text(write, &report).is_err());
        report.submissions.remove(0);
        let results: Value = serde_json::from_str(&text(write, &report).unwrap()).unwrap();
        let sum = |field: &str| -> f64 {
            let tests = results["tests"].as_array().unwrap().iter();
            tests.map(|test| test[field].as_f64().unwrap()).sum()
        };
        assert_eq!((sum("score"), sum("max_score")), (50.0, 100.0));
        assert_eq!(results["score"], 50.0);
        let output = results["output"].as_str().unwrap();
        assert_eq!(output.lines().next(), Some("day1_x::b: panicked"));
        assert_eq!(results["tests"][1]["output"], "panicked");
    }
}
