//! What was typed and makes no command: one line, with the nearest word that would.

use std::fmt;

/// What was typed makes no command: one line, and where to look.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake(pub(super) String);

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<lexopt::Error> for Mistake {
    fn from(error: lexopt::Error) -> Self {
        Mistake(format!("{error} (see `cargo x help`)"))
    }
}

/// `no such <what>: <typed>; did you mean …?`, or where the list stands when nothing is near.
pub fn unknown(what: &str, typed: &str, known: &[&str], list: &str) -> Mistake {
    let near = known
        .iter()
        .map(|word| (distance(typed, word), word))
        .min()
        .filter(|(steps, word)| *steps <= word.len().div_ceil(3));
    Mistake(match near {
        Some((_, word)) => format!("no such {what}: `{typed}`; did you mean `{word}`?"),
        None => format!("no such {what}: `{typed}`; `{list}` lists them"),
    })
}

/// How many letters have to be typed, dropped or changed to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let changed = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
