//! Bytes written out by hand, field by field: what a format test compares with, and how it tells
//! the difference.

use std::fmt::Write as _;

/// A field of a format: its name and its bytes.
pub type Field<'a> = (&'a str, &'a [u8]);

/// How many fields a message shows before the first that differs, and in all.
const FIELDS_BEFORE: usize = 2;
const FIELDS_SHOWN: usize = 9;

/// The fields, end to end.
pub fn bytes_of(fields: &[Field<'_>]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|(_, bytes)| *bytes)
        .copied()
        .collect()
}

/// `got` must be exactly these fields, end to end; otherwise the message names the first that
/// differs, and shows it and its neighbours.
#[track_caller]
pub fn check_fields(what: &str, got: &[u8], fields: &[Field<'_>]) {
    let expected_len = bytes_of(fields).len();
    let mut at = 0;
    for (i, (name, expected)) in fields.iter().enumerate() {
        if found(got, at, expected.len()) != *expected {
            panic!(
                "{what}: the field \"{name}\" at byte {at} is wrong; expected {expected_len} bytes in all, got {}\n{}",
                got.len(),
                side_by_side(got, fields, i)
            );
        }
        at += expected.len();
    }
    assert!(
        got.len() == at,
        "{what}: expected {at} bytes, got {}: after the last field there are {} too many",
        got.len(),
        got.len() - at
    );
}

/// The bytes that stand in the place of a field, as far as there are any.
fn found(got: &[u8], at: usize, len: usize) -> &[u8] {
    &got[at.min(got.len())..(at + len).min(got.len())]
}

/// The field that differs first, and its neighbours: no wider than they need.
fn side_by_side(got: &[u8], fields: &[Field<'_>], first_wrong: usize) -> String {
    let heading = ["byte", "field", "expected", "got"].map(str::to_owned);
    let mut rows = vec![(' ', heading)];
    let shown_from = first_wrong.saturating_sub(FIELDS_BEFORE);
    let mut at = 0;
    for (i, (name, expected)) in fields.iter().enumerate() {
        if (shown_from..shown_from + FIELDS_SHOWN).contains(&i) {
            let found = found(got, at, expected.len());
            let mark = if found == *expected { ' ' } else { '!' };
            let cells = [
                at.to_string(),
                (*name).to_owned(),
                hex(expected),
                hex(found),
            ];
            rows.push((mark, cells));
        }
        at += expected.len();
    }
    let width = |column: usize| rows.iter().map(|(_, cells)| cells[column].len()).max();
    let [byte, field, expected] = [0, 1, 2].map(|column| width(column).unwrap_or(0));
    let mut table = String::new();
    for (mark, cells) in &rows {
        let [at, name, wanted, found] = cells;
        writeln!(
            table,
            "{mark} {at:>byte$}  {name:<field$}  {wanted:<expected$}  {found}"
        )
        .expect("a String takes everything");
    }
    table
}

/// At most eight bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    let mut text: Vec<_> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
    if bytes.len() > 8 {
        text.push("..".to_owned());
    }
    text.join(" ")
}
