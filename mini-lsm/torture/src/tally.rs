//! What was seen to happen in a trial: a trial in which nothing happened proves nothing.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};

/// Counters by name.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts `more` of `what`, a plural.
    pub fn count(&mut self, what: &'static str, more: u64) {
        *self.0.entry(what).or_default() += more;
    }

    /// How many there were.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Adds those of `other`.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            self.count(what, *count);
        }
    }

    /// An error if there were fewer than `least`.
    pub fn require(&self, what: &'static str, least: u64) -> Result<()> {
        let count = self.of(what);
        ensure!(
            count >= least,
            "the trial proves nothing: {count} {what}, where there should be {least} at least ({self})"
        );
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (what, count)) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{} {what}", grouped(*count))?;
        }
        Ok(())
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_reads_as_a_sentence() {
        let mut tally = Tally::new();
        tally.count("images", 1_234_567);
        tally.count("crashes", 12);
        assert_eq!(tally.to_string(), "12 crashes, 1,234,567 images");
        assert!(tally.require("crashes", 12).is_ok());
        assert!(tally.require("crashes", 13).is_err());
        assert!(tally.require("kills", 1).is_err());
    }
}
