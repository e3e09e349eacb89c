//! Figures whose numbers mean something: marks that are places in bytes, and places in a file that a console has made.

use std::collections::BTreeSet;

use super::{Cell, Row};

/// What is asked of a figure, behind its caption.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// `bytes`: widths are bytes, each number under a left edge is what stands before it, and all rows are as long.
    is_in_bytes: bool,
    /// `of FILE`: at each such number something begins in the file, or the file ends.
    pub file: Option<String>,
}

impl Wish {
    pub fn read(words: &[String]) -> Result<Wish, String> {
        let mut wish = Wish::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match (word, word == "of") {
                ("bytes", _) => wish.is_in_bytes = true,
                (_, true) => {
                    let file = words.next().ok_or("`of` wants the name of a file")?;
                    wish.file = Some(file.to_string());
                }
                _ => {
                    return Err(format!(
                        "`{word}` is nothing that a strip can be: bytes, of FILE"
                    ));
                }
            }
        }
        Ok(wish)
    }
}

/// Whether the marks are right, where `places` are those at which something begins in the file.
pub fn check(
    rows: &[(usize, Row)],
    wish: &Wish,
    places: Option<&BTreeSet<usize>>,
) -> Result<(), (usize, String)> {
    let mut length = None;
    for (line, row) in rows {
        let Row::Cells(cells) = row else { continue };
        let mut at = 0.0;
        for cell in cells {
            if let Some(mark) = place(cell) {
                if wish.is_in_bytes && mark as f64 != at {
                    let what = format!("the mark {mark} stands where {at} bytes are before it");
                    return Err((*line, what));
                }
                if places.is_some_and(|places| !places.contains(&mark)) {
                    let file = wish.file.as_deref().unwrap_or_default();
                    return Err((*line, format!("nothing begins at byte {mark} of {file}")));
                }
            }
            at += cell.width;
        }
        if wish.is_in_bytes && *length.get_or_insert(at) != at {
            let what = format!("this row has {at} bytes, and the first one another number");
            return Err((*line, what));
        }
    }
    Ok(())
}

/// The number under a cell's left edge.
fn place(cell: &Cell) -> Option<usize> {
    let digits: String = cell.left.as_ref()?.chars().filter(|c| *c != ',').collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expand::strip::row;

    fn checked(words: &str, text: &str) -> Result<(), (usize, String)> {
        let words: Vec<String> = words.split_whitespace().map(str::to_string).collect();
        let rows = text
            .lines()
            .zip(1..)
            .map(|(line, number)| (number, row(line).unwrap()));
        let rows: Vec<(usize, Row)> = rows.collect();
        let wish = Wish::read(&words).unwrap();
        let places = wish.file.is_some().then(|| BTreeSet::from([0, 16, 48]));
        check(&rows, &wish, places.as_ref())
    }

    #[test]
    fn marks_that_are_wrong_are_told_with_their_line() {
        let good = "= one\na {value 16} ^0 | b {free 32} ^16\nc {free 48} ^^16\n";
        for words in ["", "bytes", "of a.bin", "bytes of a.bin"] {
            assert_eq!(checked(words, good), Ok(()), "{words}");
        }
        let elsewhere = "a {value 12} ^0 | b {free 36} ^12\n";
        assert_eq!(checked("bytes", elsewhere), Ok(()));
        assert_eq!(checked("of a.bin", elsewhere).unwrap_err().0, 1);
        let not_there = "a {value 16}\na {value 12} ^0 | b {free 4} ^16\n";
        assert_eq!(checked("of a.bin", not_there), Ok(()));
        assert_eq!(checked("bytes", not_there).unwrap_err().0, 2);
        let longer = "a {value 16}\na {value 17}\n";
        assert_eq!(checked("bytes", longer).unwrap_err().0, 2);
        assert!(Wish::read(&["of".into()]).is_err());
        assert!(Wish::read(&["bites".into()]).is_err());
    }
}
