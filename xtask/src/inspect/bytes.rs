//! Reading bytes and naming them in one step: whatever is read becomes a [`Field`], so that no byte
//! goes without a name.
//!
//! Nothing trusts a length. A field that does not fit takes what is left and is wrong, and reading
//! ends there.

use std::ops::Range;

use super::report::{Field, Verdict};

/// How many bytes of a key or a value are shown.
const SHOWN_BYTES: usize = 48;

/// Reads fields off a stretch of the file, from its front.
pub struct Scribe<'a> {
    file: &'a [u8],
    at: usize,
    end: usize,
    fields: Vec<Field>,
}

impl<'a> Scribe<'a> {
    /// A reader of `range`, or of as much of it as the file has.
    pub fn new(file: &'a [u8], range: Range<usize>) -> Self {
        let end = range.end.min(file.len());
        Self {
            file,
            at: range.start.min(end),
            end,
            fields: Vec::new(),
        }
    }

    /// The offset of the next byte.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The stretch that has not been read.
    pub fn left(&self) -> Range<usize> {
        self.at..self.end
    }

    pub fn file(&self) -> &'a [u8] {
        self.file
    }

    /// The next `len` bytes. `None`, and a wrong field that takes all that is left, if there are
    /// not so many.
    pub fn take(&mut self, len: usize, name: &'static str) -> Option<&'a [u8]> {
        let left = self.end - self.at;
        if len > left {
            self.push(left, name);
            self.wrong(format!("{len} bytes are needed, {left} are left"));
            return None;
        }
        self.push(len, name);
        self.file.get(self.at - len..self.at)
    }

    pub fn u16(&mut self, name: &'static str) -> Option<u16> {
        self.integer::<2>(name).map(|value| value as u16)
    }

    pub fn u32(&mut self, name: &'static str) -> Option<u32> {
        self.integer::<4>(name).map(|value| value as u32)
    }

    pub fn u64(&mut self, name: &'static str) -> Option<u64> {
        self.integer::<8>(name)
    }

    fn integer<const N: usize>(&mut self, name: &'static str) -> Option<u64> {
        let bytes = self.take(N, name)?;
        let value = little_endian(bytes);
        self.say(value.to_string());
        Some(value)
    }

    /// A checksum, which must be `computed`. Whether it is.
    pub fn crc(&mut self, name: &'static str, computed: u32) -> bool {
        let Some(stored) = self.u32(name) else {
            return false;
        };
        if stored == computed {
            self.say(format!("{stored:08x}"));
            self.verdict(Verdict::Ok);
        } else {
            self.say(String::new());
            self.wrong(mismatch(stored, computed));
        }
        stored == computed
    }

    /// All that is left, if there is anything; `reason` tells why nobody knows what it is.
    pub fn rest(&mut self, name: &'static str, reason: impl Into<String>) {
        if self.at < self.end {
            self.push(self.end - self.at, name);
            self.wrong(reason);
        }
    }

    /// The value of the last field, as it is to be read.
    pub fn say(&mut self, value: impl Into<String>) {
        if let Some(field) = self.fields.last_mut() {
            field.value = value.into();
        }
    }

    /// Something is wrong with the last field.
    pub fn wrong(&mut self, reason: impl Into<String>) {
        if let Some(field) = self.fields.last_mut() {
            field.wrong(reason);
        }
    }

    /// What is known of the last field.
    pub fn verdict(&mut self, verdict: Verdict) {
        if let Some(field) = self.fields.last_mut() {
            field.verdict = verdict;
        }
    }

    /// The fields that were read.
    pub fn finish(self) -> Vec<Field> {
        self.fields
    }

    fn push(&mut self, len: usize, name: &'static str) {
        self.fields.push(Field {
            offset: self.at,
            len,
            name,
            value: String::new(),
            verdict: Verdict::Plain,
        });
        self.at += len;
    }
}

/// The integer that at most eight bytes make.
pub fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// A key or a value, readable: quoted, escaped beyond ASCII, cut if it is long.
pub fn quote(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let mut text = String::from("\"");
    for &byte in shown {
        match byte {
            b'\'' => text.push('\''),
            _ => text.extend(byte.escape_ascii().map(char::from)),
        }
    }
    text.push('"');
    if shown.len() < bytes.len() {
        text += &format!("... ({} bytes)", bytes.len());
    }
    text
}

/// A count with its noun, in the singular where it is one.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What to say of a checksum that does not fit.
pub fn mismatch(stored: u32, computed: u32) -> String {
    format!("stored {stored:08x}, computed {computed:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_escaped_and_cut() {
        assert_eq!(quote(b"it's"), "\"it's\"");
        assert_eq!(quote(b"a\"\x00\xff"), r#""a\"\x00\xff""#);
        assert_eq!(
            quote(&[b'x'; 50]),
            format!("\"{}\"... (50 bytes)", "x".repeat(48))
        );
    }

    #[test]
    fn a_field_that_does_not_fit_takes_the_rest_and_is_wrong() {
        let mut scribe = Scribe::new(&[1, 2, 3], 0..9);
        assert_eq!(scribe.u16("first"), Some(0x0201));
        assert_eq!(scribe.u32("second"), None);
        assert_eq!(scribe.left(), 3..3);
        let fields = scribe.finish();
        assert_eq!((fields[1].offset, fields[1].len), (2, 1));
        let reason = "4 bytes are needed, 1 are left".to_string();
        assert_eq!(fields[1].verdict, Verdict::Wrong(reason));
    }
}
