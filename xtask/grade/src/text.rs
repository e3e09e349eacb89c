//! What a submission says, made fit for a report: short, valid UTF-8, without escapes and control characters, and without what
//! differs from one run or machine to the next.

/// Bytes of a reason, which is one line.
const REASON: usize = 300;
/// Bytes of anything longer.
const DETAIL: usize = 1000;

/// One line.
pub fn reason(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    shortened(&clean(&words.join(" ")), REASON)
}

/// Some lines.
pub fn detail(text: &str) -> String {
    shortened(clean(text).trim_end(), DETAIL)
}

/// As text, whatever the bytes are.
pub fn of_bytes(bytes: &[u8]) -> String {
    clean(&String::from_utf8_lossy(bytes))
}

/// Without escape sequences and control characters, except for newlines.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            // What turns the direction of writing would show a report as something else than it says.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            // No characters at all, and XML has no way to say them.
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// What follows an escape character: `[ … letter`, `] … bell`, or one character.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => {
            for c in chars.by_ref() {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        }
        Some(']') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// The beginning of a text, of so many bytes or fewer.
pub fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_string();
    }
    let end = (0..=limit).rev().find(|at| text.is_char_boundary(*at));
    format!("{}… [shortened]", &text[..end.unwrap_or_default()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_control_characters_go_and_long_texts_are_shortened() {
        assert_eq!(
            reason("\u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://x\u{7}link\u{8} a\n\tb\u{202e}c"),
            "red link a bc"
        );
        assert_eq!(of_bytes(b"a\xffb\0\r\n"), "a\u{fffd}b\n");
        assert!(reason(&"x".repeat(10 << 20)).len() < 400);
        assert_eq!(detail("a\nb\n\n"), "a\nb");
    }
}
