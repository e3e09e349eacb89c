//! The report of a check: a line for each finding, and one for the whole.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use mini_lsm::CheckReport;
use mini_lsm::fs::DiskFs;

use crate::trouble::Trouble;

/// Checks the store in `dir` and tells what was found. [`Trouble::Told`] if something is wrong.
pub fn run(dir: &Path, out: &mut dyn Write) -> Result<(), Trouble> {
    let report = mini_lsm::check(Arc::new(DiskFs), dir)?;
    tell(&report, out)?;
    out.flush()?;
    match report.is_sound() {
        true => Ok(()),
        false => Err(Trouble::Told),
    }
}

fn tell(report: &CheckReport, out: &mut dyn Write) -> std::io::Result<()> {
    for problem in &report.problems {
        writeln!(out, "{problem}")?;
    }
    for tail in &report.lost_tails {
        let (file, offset, len) = (tail.file.display(), tail.offset, tail.len);
        writeln!(
            out,
            "note: {file} ends at byte {offset}; {len} bytes behind that were never synced, and are lost"
        )?;
    }
    for stray in &report.strays {
        let file = stray.display();
        writeln!(
            out,
            "note: {file} is needed by nobody; the next opening removes it"
        )?;
    }
    let tables = counted(report.table_count as u64, "table", "tables");
    let logs = counted(report.log_count as u64, "log", "logs");
    let entries = counted(report.entry_count, "entry", "entries");
    let verdict = match report.problems.len() {
        0 => "no problem".to_owned(),
        count => counted(count as u64, "problem", "problems"),
    };
    writeln!(out, "{tables}, {logs}, {entries}: {verdict}")
}

/// As in `1 table` and `48,211 entries`.
fn counted(count: u64, one: &str, many: &str) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn great_numbers_are_cut_into_threes() {
        assert_eq!(counted(1, "log", "logs"), "1 log");
        assert_eq!(counted(0, "log", "logs"), "0 logs");
        assert_eq!(counted(48_211, "log", "logs"), "48,211 logs");
        assert_eq!(counted(1_000_000, "log", "logs"), "1,000,000 logs");
    }
}
