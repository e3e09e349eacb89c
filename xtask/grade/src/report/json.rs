//! The report as JSON: the fields are those of [`Report`], in that order, and a newline at the end.

use anyhow::{Context, Result};

use super::Report;

pub fn text(report: &Report) -> Result<String> {
    let mut text = serde_json::to_string_pretty(report).context("a report is no JSON")?;
    text.push('\n');
    Ok(text)
}
