//! The report as JUnit XML: a suite for each submission, a case for each test.

use anyhow::{Context, Result};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{Graded, Report};

pub fn text(report: &Report) -> Result<String> {
    let mut whole = quick_junit::Report::new("cargo x grade");
    whole.add_test_suites(report.submissions.iter().map(suite));
    let mut text = whole.to_string().context("cannot write XML")?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

fn suite(graded: &Graded) -> TestSuite {
    let mut suite = TestSuite::new(graded.name.as_str());
    for test in &graded.tests {
        let status = match &test.reason {
            None => TestCaseStatus::success(),
            Some(reason) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(reason.as_str());
                status.set_description(format!("{reason}\n{}", test.output));
                status
            }
        };
        let mut case = TestCase::new(test.name.as_str(), status);
        case.set_classname(format!("{}.day{}", graded.name, test.day));
        suite.add_test_case(case);
    }
    if !graded.tampering.is_empty() {
        suite.set_system_out(graded.tampering.join("\n"));
    }
    suite
}

#[cfg(test)]
mod tests {
    use super::super::tests::class;
    use super::*;

    #[test]
    fn the_reason_is_the_first_line_of_a_failure() {
        let text = text(&class()).unwrap();
        assert!(
            text.contains("tests=\"4\"") && text.contains("failures=\"1\""),
            "{text}"
        );
        assert!(
            text.contains("<failure message=\"panicked\">panicked\n"),
            "{text}"
        );
        assert!(text.contains("build.rs: not used"), "{text}");
    }
}
