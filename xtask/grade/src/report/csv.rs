//! The report as CSV: a line for each submission, and in it passed and total for each day.

use std::io::Write;

use anyhow::{Context, Result};

use super::Report;

pub fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let mut head: Vec<String> = ["name", "passed", "total", "score"]
        .map(String::from)
        .to_vec();
    let first = report.submissions.first();
    for day in first.into_iter().flat_map(|graded| &graded.days) {
        head.push(format!("day {} passed", day.day));
        head.push(format!("day {} total", day.day));
    }
    head.extend(["reason", "tampering"].map(String::from));
    writer.write_record(&head).context("cannot write CSV")?;
    for graded in &report.submissions {
        let mut line = vec![
            formula_free(&graded.name),
            graded.passed.to_string(),
            graded.total.to_string(),
            graded.score.to_string(),
        ];
        for day in &graded.days {
            line.extend([day.passed.to_string(), day.total.to_string()]);
        }
        line.push(formula_free(graded.reason.as_deref().unwrap_or_default()));
        line.push(formula_free(&graded.tampering.join("; ")));
        writer.write_record(&line).context("cannot write CSV")?;
    }
    writer.flush().context("cannot write CSV")
}

/// A spreadsheet would take a text that begins so for a formula, and compute what a submission says.
fn formula_free(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{class, text};
    use super::*;

    #[test]
    fn a_line_for_each_submission() {
        let mut report = class();
        report.submissions[1].name = "=1+1,\"x\"".into();
        assert_eq!(
            text(write, &report).unwrap(),
            "name,passed,total,score,day 1 passed,day 1 total,reason,tampering\n\
             ann,2,2,100,2,2,,\n\
             \"'=1+1,\"\"x\"\"\",1,2,50,1,2,day1_x::b: panicked,build.rs: not used\n"
        );
    }
}
