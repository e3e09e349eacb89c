//! How many of a day's mutants were caught, and which were not.

use std::fmt::Write;

use xtask::screen::{Screen, Style};

use super::outcomes::Fate;
use super::tool::Mutant;

/// So many of a hundred viable mutants have to be caught, on every day.
pub const AT_LEAST_PERCENT: usize = 90;

/// What became of the mutants of one day.
#[derive(Debug, Default)]
pub struct Tally {
    /// That no run has come to.
    pub not_run: usize,
    pub caught: usize,
    /// Of those caught, the ones that hang.
    pub timed_out: usize,
    pub unviable: usize,
    pub missed: Vec<Mutant>,
}

impl Tally {
    /// What was found of the mutants of a day that has so many.
    pub fn of(all: usize, found: Vec<(Mutant, Fate)>) -> Tally {
        let mut tally = Tally {
            not_run: all - found.len(),
            ..Tally::default()
        };
        for (mutant, fate) in found {
            match fate {
                Fate::Unviable => tally.unviable += 1,
                Fate::Missed => tally.missed.push(mutant),
                Fate::Caught => tally.caught += 1,
                Fate::TimedOut => {
                    tally.caught += 1;
                    tally.timed_out += 1;
                }
            }
        }
        tally
    }

    pub fn viable(&self) -> usize {
        self.caught + self.missed.len()
    }

    /// Rounded down; a day without mutants is caught in full.
    pub fn percent(&self) -> usize {
        (self.caught * 100)
            .checked_div(self.viable())
            .unwrap_or(100)
    }

    /// A day of which nothing has been run is not.
    pub fn is_enough(&self) -> bool {
        let has_run = self.not_run == 0 || self.viable() > 0;
        has_run && self.caught * 100 >= self.viable() * AT_LEAST_PERCENT
    }

    /// The sum of a day in a line, and a line for each that was missed.
    pub fn lines(&self, day: u32, screen: &Screen) -> String {
        let (word, style) = match self.is_enough() {
            true => ("ok", Style::Good),
            false => ("NO", Style::Bad),
        };
        let mut text = format!(
            "{}  day {day}: {} of {} viable mutants caught, {} %",
            screen.paint(style, word),
            self.caught,
            self.viable(),
            self.percent()
        );
        if self.timed_out > 0 {
            let _ = write!(text, "; {} of them hang", self.timed_out);
        }
        if self.unviable > 0 {
            let _ = write!(text, "; {} more do not compile", self.unviable);
        }
        if self.not_run > 0 {
            let _ = write!(text, "; {} have not been run", self.not_run);
        }
        text.push('\n');
        for mutant in &self.missed {
            let _ = writeln!(text, "      missed: {}", mutant.name);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::tool::{Place, Span};

    fn tally(caught: usize, hanging: usize, missed: usize, unviable: usize) -> Tally {
        let mutant = Mutant {
            name: "mini-lsm/src/a.rs:3:5: replace + with - in f".into(),
            file: "mini-lsm/src/a.rs".into(),
            span: Span {
                start: Place { line: 3, column: 5 },
            },
        };
        let fates = [
            (caught, Fate::Caught),
            (hanging, Fate::TimedOut),
            (missed, Fate::Missed),
            (unviable, Fate::Unviable),
        ];
        let found = fates
            .into_iter()
            .flat_map(|(count, fate)| vec![(mutant.clone(), fate); count]);
        let found: Vec<(Mutant, Fate)> = found.collect();
        Tally::of(found.len(), found)
    }

    #[test]
    fn nine_of_ten_viable_mutants_are_enough_and_less_is_not() {
        assert!(tally(9, 0, 1, 50).is_enough());
        assert!(tally(0, 9, 1, 0).is_enough());
        assert!(!tally(89, 0, 10, 0).is_enough());
        assert!(tally(0, 0, 0, 0).is_enough());
        assert_eq!(tally(899, 0, 101, 0).percent(), 89, "rounded down");
    }

    #[test]
    fn the_sum_names_what_was_missed() {
        let text = tally(17, 2, 1, 3).lines(4, &Screen::PLAIN);
        assert_eq!(
            text,
            "ok  day 4: 19 of 20 viable mutants caught, 95 %; 2 of them hang; 3 more do not compile\n      \
             missed: mini-lsm/src/a.rs:3:5: replace + with - in f\n"
        );
        let text = tally(1, 0, 1, 0).lines(4, &Screen::PLAIN);
        assert!(text.starts_with("NO  day 4: 1 of 2 "), "{text}");
        let text = Tally::of(7, Vec::new()).lines(4, &Screen::PLAIN);
        assert!(text.starts_with("NO  day 4: 0 of 0 "), "{text}");
        assert!(text.contains("; 7 have not been run"), "{text}");
    }
}
