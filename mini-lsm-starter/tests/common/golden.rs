//! Bytes written out by hand, field by field: what a format test compares with, and how it tells the difference.

use std::fmt::Write as _;

/// A field of a format: its name and its bytes.
pub type Field<'a> = (&'a str, &'a [u8]);

/// The fields, end to end.
pub fn bytes_of(fields: &[Field<'_>]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|(_, bytes)| *bytes)
        .copied()
        .collect()
}

/// `got` must be exactly these fields, end to end; otherwise the message names the first that differs and shows all.
#[track_caller]
pub fn check_fields(what: &str, got: &[u8], fields: &[Field<'_>]) {
    let (mut at, mut table) = (0, String::new());
    let mut first_wrong = None;
    for (name, expected) in fields {
        let end = (at + expected.len()).min(got.len());
        let found = &got[at.min(got.len())..end];
        let mark = if found == *expected { ' ' } else { '!' };
        if mark == '!' && first_wrong.is_none() {
            first_wrong = Some(format!("the field \"{name}\" at byte {at}"));
        }
        let (expected_hex, found_hex) = (hex(expected), hex(found));
        writeln!(
            table,
            "{mark} {at:>6}  {name:<28} {expected_hex:<38} {found_hex}"
        )
        .expect("a String takes everything");
        at += expected.len();
    }
    if got.len() > at && first_wrong.is_none() {
        first_wrong = Some(format!(
            "the end: there are {} bytes too many",
            got.len() - at
        ));
    }
    if let Some(first_wrong) = first_wrong {
        panic!(
            "{what}: expected {at} bytes, got {}. They differ first in {first_wrong}.\n  byte    field                        expected                               got\n{table}",
            got.len()
        );
    }
}

/// At most twelve bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    let mut text: Vec<_> = bytes.iter().take(12).map(|b| format!("{b:02x}")).collect();
    if bytes.len() > 12 {
        text.push("..".to_owned());
    }
    text.join(" ")
}
