//! The edition of the course: `edition.txt` in the learners' crate, with a digest of every item as the course handed it out.
//!
//! It answers, years later and without git, whether an item was touched by the learner: by its digest, not by its date.
//!
//! ```text
//! # remarks
//! src/block/mod.rs
//!   0123456789abcdef impl Block: fn encode
//! Cargo.toml
//!   0123456789abcdef
//! tests/day1_blocks/main.rs
//! ```
//!
//! A digest is FNV-1a of 64 bits over the lines of a piece without blanks at their ends: the layout of other systems, or an
//! editor's last newline, is no edit. A line without a key is of a whole file. Tests are only
//! named: they belong to the course, and a newer edition replaces them as they are.

use std::collections::BTreeMap;

use crate::outline::{Entry, Outline};
use crate::tree::Tree;

/// Where it stands in the learners' crate.
pub const PATH: &str = "edition.txt";

/// The key of a file as a whole.
pub const WHOLE: &str = "";

const REMARKS: &str = "\
# Which edition of the course this starter is: a digest of every item as it was handed out. Do not edit it: `cargo x update`
# tells by it what you have changed, and keeps that when it brings a newer edition. Made by `cargo x starter`.
";

/// The digests of an edition: of every file by path, and in it of every piece by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edition(pub BTreeMap<String, BTreeMap<String, u64>>);

impl Edition {
    /// Of a starter as generated.
    pub fn of(stage: &Tree) -> Edition {
        let mut files = BTreeMap::new();
        for (path, bytes) in stage.iter().filter(|(path, _)| *path != PATH) {
            let text = std::str::from_utf8(bytes).ok();
            let outline = text
                .filter(|_| path.starts_with("src/") && path.ends_with(".rs"))
                .and_then(|text| Outline::parse(path, text).ok());
            let pieces = match outline {
                Some(outline) => digests(&outline),
                None if path.starts_with("tests/") => BTreeMap::new(),
                None => BTreeMap::from([(WHOLE.to_string(), digest(bytes))]),
            };
            files.insert(path.clone(), pieces);
        }
        Edition(files)
    }

    pub fn text(&self) -> String {
        let mut text = REMARKS.to_string();
        for (path, pieces) in &self.0 {
            text += &format!("{path}\n");
            for (key, digest) in pieces {
                let line = format!("  {digest:016x} {key}");
                text += &format!("{}\n", line.trim_end());
            }
        }
        text
    }

    /// Fails with the number of the line that says nothing.
    pub fn parse(text: &str) -> Result<Edition, usize> {
        let mut files: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        let mut path = None;
        for (at, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let Some(piece) = line.strip_prefix("  ") else {
                files.insert(line.trim_end().to_string(), BTreeMap::new());
                path = Some(line.trim_end().to_string());
                continue;
            };
            let (digest, key) = piece.split_once(' ').unwrap_or((piece, WHOLE));
            let digest = u64::from_str_radix(digest.trim_end(), 16).map_err(|_| at + 1)?;
            let pieces = path.as_ref().and_then(|path| files.get_mut(path));
            pieces
                .ok_or(at + 1)?
                .insert(key.trim_end().to_string(), digest);
        }
        Ok(Edition(files))
    }

    /// The digest of a piece of a file; of a file as a whole with [`WHOLE`].
    pub fn digest(&self, path: &str, key: &str) -> Option<u64> {
        self.0.get(path)?.get(key).copied()
    }
}

/// Of every piece, and of the lines that open a block under the block's own key.
pub fn digests(outline: &Outline) -> BTreeMap<String, u64> {
    let pieces = outline.pieces().map(|piece| (&piece.key, &piece.text));
    let blocks = outline.entries.iter().filter_map(|entry| match entry {
        Entry::Block(block) => Some((&block.key, &block.open)),
        Entry::Piece(_) => None,
    });
    let all = pieces.chain(blocks);
    all.map(|(key, text)| (key.clone(), digest(text.as_bytes())))
        .collect()
}

/// See the module's docs.
pub fn digest(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for line in bytes.trim_ascii().split(|&byte| byte == b'\n') {
        for byte in line.trim_ascii_end().iter().chain(b"\n") {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edition_reads_back_and_names_the_line_that_says_nothing() {
        let files = [
            ("Cargo.toml", "[package]\n"),
            (
                "src/a.rs",
                "//! A.\n\nuse b::C;\n\nimpl A {\n    fn f() {}\n}\n",
            ),
        ];
        let files = files.map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()));
        let edition = Edition::of(&Tree(files.into_iter().collect()));
        assert_eq!(Edition::parse(&edition.text()), Ok(edition.clone()));
        let keys: Vec<_> = edition.0["src/a.rs"].keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            ["impl A", "impl A: fn f", "the file's docs", "use b::C"]
        );
        assert_eq!(Edition::parse("a\n  xyz k\n"), Err(2));
        assert_eq!(Edition::parse("  00 k\n"), Err(1));
    }

    #[test]
    fn line_ends_and_blanks_at_ends_are_no_edit() {
        assert_eq!(digest(b"\n\nfn f() {\n}\n"), digest(b"fn f() {  \r\n}"));
        assert_ne!(digest(b"fn f() {\n}\n"), digest(b"fn f() {\n\n}\n"));
    }
}
