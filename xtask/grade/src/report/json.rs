//! The report as JSON: the fields are those of [`Report`], in that order, and a newline at the end.

use std::io::Write;

use anyhow::{Context, Result};

use super::Report;

pub fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    serde_json::to_writer_pretty(&mut *out, report).context("cannot write JSON")?;
    writeln!(out).context("cannot write JSON")
}
