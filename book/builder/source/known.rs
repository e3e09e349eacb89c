//! Which words of the prose are names of the course: identifiers, tests, files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};

use super::{Source, unknown};

/// Every identifier of the engine and its tests, every path of the repository, and the foreign words that the book allows.
pub struct Known {
    identifiers: BTreeSet<String>,
    items: BTreeSet<String>,
    foreign: BTreeSet<String>,
    root: std::path::PathBuf,
}

impl Known {
    /// `words` lists foreign words, one or more a line; `#` begins a remark.
    pub fn read(source: &Source, words: &Path) -> Result<Known> {
        let mut identifiers = BTreeSet::new();
        for (_, text) in source.reference.sources() {
            if let Ok(tokens) = text.parse() {
                collect(tokens, &mut identifiers);
            }
        }
        let list = fs::read_to_string(words)
            .with_context(|| format!("cannot read {}", words.display()))?;
        let lines = list
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default());
        Ok(Known {
            identifiers,
            items: source.item_names(),
            foreign: lines
                .flat_map(str::split_whitespace)
                .map(str::to_string)
                .collect(),
            root: source.root.clone(),
        })
    }

    /// Why `code`, which stands in the prose as code, is no name of the course. Numbers, operators and bytes are no names.
    pub fn complaint(&self, code: &str) -> Option<String> {
        // Options, commands, and the words of the book's own directives and fences.
        let is_other = ["--", "cargo ", "git ", "{{", "```", "<"]
            .iter()
            .any(|start| code.starts_with(start));
        if self.foreign.contains(code) || is_other {
            return None;
        }
        if self.is_file(code) {
            return None;
        }
        if is_path(code) {
            return Some(format!("there is no file `{code}` in the repository"));
        }
        let words = code.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
        words
            .filter_map(|word| self.unknown_word(word.trim_matches(':')))
            .next()
    }

    fn unknown_word(&self, word: &str) -> Option<String> {
        let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if !is_name || self.foreign.contains(word) || self.items.contains(word) {
            return None;
        }
        let (owner, last) = word.rsplit_once("::").unwrap_or(("", word));
        // A member of a type of ours must be its member; of modules and foreign types each word by itself must be known.
        let is_own_type = self.items.contains(owner) && owner.starts_with(char::is_uppercase);
        if is_own_type && !self.items.contains(word) && !self.variant(last) {
            return Some(unknown("name", word, self.items.iter()));
        }
        let parts = word.split("::").filter(|part| !part.is_empty());
        let strange =
            parts.filter(|part| !self.identifiers.contains(*part) && !self.foreign.contains(*part));
        strange
            .map(|part| unknown("name", part, self.identifiers.iter()))
            .next()
    }

    /// Variants of enums and fields of structs are no items of their own.
    fn variant(&self, name: &str) -> bool {
        name.starts_with(char::is_uppercase) && self.identifiers.contains(name)
    }

    /// A file or a folder, from the root or from where its readers are.
    fn is_file(&self, path: &str) -> bool {
        let froms = [
            "",
            "mini-lsm/",
            "mini-lsm/src/",
            "mini-lsm/tests/",
            "mini-lsm-starter/",
            "book/",
        ];
        let is_plain = !path.contains(char::is_whitespace) && path.contains(['/', '.']);
        is_plain
            && froms
                .iter()
                .any(|from| self.root.join(format!("{from}{path}")).exists())
    }
}

impl Source {
    /// The names of all items, with and without their modules.
    fn item_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for item in self.items() {
            let module = super::module_path(item.path);
            names.extend([format!("{module}::{}", item.name), item.name, module]);
        }
        names
    }
}

fn is_path(code: &str) -> bool {
    let is_plain = code
        .chars()
        .all(|c| c.is_alphanumeric() || "_-./".contains(c));
    let has_extension = [".rs", ".md", ".toml", ".svg"]
        .iter()
        .any(|end| code.ends_with(end));
    is_plain && (has_extension || code.ends_with('/') || code.contains("/src/"))
}

fn collect(tokens: TokenStream, into: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect(group.stream(), into),
            TokenTree::Ident(ident) => {
                into.insert(ident.to_string());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::of_this_repository;
    use super::*;

    fn known() -> Known {
        let dir = tempfile::tempdir().unwrap();
        let words = dir.path().join("words.txt");
        fs::write(&words, "MergeTree # RocksDB's\nfsync\n").unwrap();
        Known::read(of_this_repository(), &words).unwrap()
    }

    #[test]
    fn names_of_the_course_and_listed_words_pass() {
        let known = known();
        for code in [
            "BlockBuilder::add",
            "has_room",
            "Error::Corruption",
            "block/mod.rs",
            "mini-lsm-starter/src/block/builder.rs",
            "seek_past_the_last_key_is_invalid",
            "u16::from_le_bytes",
            "value_len: u32",
            "0x10",
            "--day 1",
            "cargo x scheck",
            "fsync",
        ] {
            assert_eq!(known.complaint(code), None, "{code}");
        }
    }

    #[test]
    fn names_that_are_not_there_are_told_with_what_is_near() {
        let known = known();
        for (code, near) in [
            ("BlockBuilder::has_rom", "`BlockBuilder::has_room`"),
            ("has_rooom", "`has_room`"),
            ("BlockBilder", "`BlockBuilder`"),
        ] {
            let complaint = known.complaint(code).unwrap_or_default();
            assert!(complaint.contains(near), "{code}: {complaint}");
        }
        assert!(
            known
                .complaint("block/buildr.rs")
                .unwrap()
                .contains("no file")
        );
    }
}
