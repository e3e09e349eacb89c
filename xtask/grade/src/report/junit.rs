//! The report as JUnit XML: a suite for each submission, a case for each test.
//!
//! It is written as it is walked: a tree of three hundred submissions would take more memory than the grader may.

use std::io::{self, Write};

use anyhow::{Context, Result};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Graded, Report, Test};

pub fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    whole(report, &mut Writer::new_with_indent(out, b' ', 2)).context("cannot write XML")
}

fn whole<W: Write>(report: &Report, writer: &mut Writer<W>) -> io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let graded = || report.submissions.iter();
    let total = graded().map(|graded| graded.total).sum();
    let passed: usize = graded().map(|graded| graded.passed).sum();
    let element = writer.create_element("testsuites");
    element
        .with_attribute(("name", "cargo x grade"))
        .with_attributes(counts(total, passed).each())
        .write_inner_content(|writer| graded().try_for_each(|graded| suite(graded, writer)))?;
    writeln!(writer.get_mut())
}

fn suite<W: Write>(graded: &Graded, writer: &mut Writer<W>) -> io::Result<()> {
    let element = writer.create_element("testsuite");
    element
        .with_attribute(("name", graded.name.as_str()))
        .with_attributes(counts(graded.total, graded.passed).each())
        .write_inner_content(|writer| {
            for test in &graded.tests {
                case(graded, test, writer)?;
            }
            if graded.tampering.is_empty() {
                return Ok(());
            }
            let tried = graded.tampering.join("\n");
            let element = writer.create_element("system-out");
            element.write_text_content(BytesText::new(&tried))?;
            Ok(())
        })?;
    Ok(())
}

fn case<W: Write>(graded: &Graded, test: &Test, writer: &mut Writer<W>) -> io::Result<()> {
    let class = format!("{}.day{}", graded.name, test.day);
    let element = writer.create_element("testcase");
    let element = element
        .with_attribute(("name", test.name.as_str()))
        .with_attribute(("classname", class.as_str()));
    let Some(reason) = &test.reason else {
        element.write_empty()?;
        return Ok(());
    };
    element.write_inner_content(|writer| {
        let said = format!("{reason}\n{}", test.output);
        let element = writer.create_element("failure");
        let element = element.with_attribute(("message", reason.as_str()));
        element.write_text_content(BytesText::new(&said))?;
        Ok(())
    })?;
    Ok(())
}

/// The attributes that a suite and all suites together have.
struct Counts([(&'static str, String); 3]);

fn counts(total: usize, passed: usize) -> Counts {
    Counts([
        ("tests", total.to_string()),
        ("failures", (total - passed).to_string()),
        ("errors", "0".to_string()),
    ])
}

impl Counts {
    fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, count)| (*name, count.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use quick_junit::TestCaseStatus;

    use super::super::tests::{class, text};
    use super::*;

    #[test]
    fn another_reader_finds_every_case_and_the_reason_first() {
        let mut report = class();
        report.submissions[1].tests[1].output = "a < b && \"c\" \u{1f980}".into();
        let text = text(write, &report).unwrap();
        let read = quick_junit::Report::deserialize_from_str(&text).unwrap();
        assert_eq!((read.tests, read.failures), (4, 1), "{text}");
        let bob = &read.test_suites[1];
        assert_eq!((bob.name.as_str(), bob.failures), ("bob", 1));
        let TestCaseStatus::NonSuccess {
            message,
            description,
            ..
        } = &bob.test_cases[1].status
        else {
            panic!("{text}");
        };
        assert_eq!(message.as_deref(), Some("panicked"));
        let said = description.as_deref();
        assert_eq!(said, Some("panicked\na < b && \"c\" \u{1f980}"));
        assert_eq!(bob.system_out.as_deref(), Some("build.rs: not used"));
    }
}
