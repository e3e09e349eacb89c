//! Keys and values as they are typed and shown.
//!
//! Two steps, because arguments come split already, by a shell: [`split`] cuts a line into words at spaces outside of quotes, and a [`Word`] resolves the
//! escapes in one word.

use std::str::FromStr;

/// A key or a value, from a word in which escapes stand for bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(pub Vec<u8>);

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((plain, escape)) = rest.split_once('\\') {
            bytes.extend_from_slice(plain.as_bytes());
            let kind = escape.chars().next();
            rest = &escape[kind.map_or(0, char::len_utf8)..];
            match kind {
                Some('n') => bytes.push(b'\n'),
                Some('r') => bytes.push(b'\r'),
                Some('t') => bytes.push(b'\t'),
                Some(c @ ('\\' | '"' | '\'')) => bytes.push(c as u8),
                Some('x') => {
                    let digits = rest.get(..2).filter(|digits| is_hex(digits));
                    let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                    bytes.push(byte.ok_or("\\x is followed by two hexadecimal digits")?);
                    rest = &rest[2..];
                }
                Some(c) => return Err(format!("there is no escape \\{c}; a backslash is \\\\")),
                None => return Err("a backslash at the end; a backslash is \\\\".to_owned()),
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        Ok(Self(bytes))
    }
}

/// An entry of a file: `KEY=VALUE`, or `KEY` for a tombstone.
#[derive(Clone, Debug)]
pub struct EntryWord {
    /// The key.
    pub key: Word,
    /// The value, `None` for a tombstone.
    pub value: Option<Word>,
}

impl FromStr for EntryWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.split_once('=') {
            Some((key, value)) => Self {
                key: key.parse()?,
                value: Some(value.parse()?),
            },
            None => Self {
                key: text.parse()?,
                value: None,
            },
        })
    }
}

/// Cuts a line into words. Quotes keep spaces within a word and go; escapes stay, for [`Word`].
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            '\\' => word
                .get_or_insert_default()
                .extend([c].into_iter().chain(chars.next())),
            c if c.is_whitespace() && !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if is_quoted {
        return Err("a quote is not closed; a quote in a word is \\\"".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// Bytes on a line of their own: as they are if they are printable, otherwise escaped.
pub fn plain(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

/// Bytes among others on a line: as [`split`] and [`Word`] would read them again.
pub fn quoted(bytes: &[u8]) -> String {
    let text = plain(bytes);
    let is_escaped = text.as_bytes() != bytes;
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\\' | '=' | '#');
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text,
        false if is_escaped => format!("\"{text}\""),
        false => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// [`quoted`], but long ones are cut: for drawings.
pub fn short(bytes: &[u8]) -> String {
    const LONGEST: usize = 24;
    let text = quoted(bytes);
    match text.chars().count() {
        0..=LONGEST => text,
        _ => text.chars().take(LONGEST - 2).chain("..".chars()).collect(),
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Vec<u8> {
        text.parse::<Word>().unwrap().0
    }

    #[test]
    fn a_line_is_cut_at_spaces_outside_of_quotes() {
        for (line, words) in [
            ("put k v", vec!["put", "k", "v"]),
            ("  put\tk  v\r\n", vec!["put", "k", "v"]),
            (r#"put "a b" """#, vec!["put", "a b", ""]),
            (r#"a" "b "c"d"#, vec!["a b", "cd"]),
            (r#""a \" b" \"c"#, vec![r#"a \" b"#, r#"\"c"#]),
            (r"a\ b \", vec![r"a\ b", r"\"]),
            ("", vec![]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        assert!(split(r#"put "k v"#).is_err());
    }

    #[test]
    fn escapes_stand_for_bytes() {
        assert_eq!(word(r#"a\x00\xfF\n\r\t\\\"\'b"#), b"a\x00\xff\n\r\t\\\"'b");
        assert_eq!(word("größe"), "größe".as_bytes());
        for wrong in [r"\", r"\q", r"\x", r"\x1", r"\xg1", r"\x+1", r"\xä", r"\ä"] {
            assert!(wrong.parse::<Word>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_among_others_can_be_typed_again() {
        let samples: [&[u8]; 13] = [
            b"plain",
            b"",
            b"a b",
            b"\"",
            b"\\",
            b"\\x41",
            b"a=b",
            b"#1",
            b"tab\t",
            b"\x00\xff",
            b"\xff \" ' \\",
            "größe".as_bytes(),
            "\u{85} \u{2028}".as_bytes(),
        ];
        for bytes in samples {
            let shown = quoted(bytes);
            let words = split(&shown).unwrap();
            assert_eq!(words.len(), 1, "{shown}");
            assert_eq!(word(&words[0]), bytes, "{shown}");
        }
    }

    #[test]
    fn a_value_of_its_own_line_is_escaped_only_if_it_must_be() {
        assert_eq!(plain(b"a \"b\" \\"), r#"a "b" \"#);
        assert_eq!(plain(b"a\nb"), r"a\nb");
        assert_eq!(plain(b"\xff"), r"\xff");
    }
}
