//! The files of a crate in memory: what a stage is made of, before it is written or compared.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use anyhow::{Context, Result};

use crate::edition;

/// Relative paths, with `/` between their parts on every system, and the bytes of each file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tree(pub BTreeMap<String, Vec<u8>>);

/// Where two trees first part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only the tree that was asked has it.
    Missing(String),
    /// Only the other tree has it.
    Extra(String),
    /// The first line that differs, counted from 1.
    Line(String, usize),
}

impl Tree {
    /// The carried part of a crate's folder: the manifest, the edition and all below `src` and `tests`. Hidden files are left out.
    /// Line ends become `\n`, whatever the checkout made of them. A folder that is not there is an empty tree.
    pub fn read(dir: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        for file in ["Cargo.toml", edition::PATH] {
            tree.read_file(dir, file)?;
        }
        for folder in ["src", "tests"] {
            tree.read_folder(dir, folder)?;
        }
        Ok(tree)
    }

    fn read_folder(&mut self, dir: &Path, folder: &str) -> Result<()> {
        let path = dir.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e).with_context(|| format!("cannot list {}", path.display())),
        };
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", path.display()))?;
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.is_empty() || name.starts_with('.') {
                continue;
            }
            let relative = format!("{folder}/{name}");
            if entry.path().is_dir() {
                self.read_folder(dir, &relative)?;
            } else {
                self.read_file(dir, &relative)?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, dir: &Path, relative: &str) -> Result<()> {
        let path = dir.join(relative);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.display())),
        };
        let bytes = match String::from_utf8(bytes) {
            Ok(text) if text.contains("\r\n") => text.replace("\r\n", "\n").into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(no_text) => no_text.into_bytes(),
        };
        self.0.insert(relative.to_string(), bytes);
        Ok(())
    }

    /// Makes the carried part of `dir` this tree: files that differ are written, files that are not in it are removed.
    /// A file that is right already keeps its time stamp, so that cargo has nothing to compile. Other files of `dir`
    /// are left alone. Gives back how many files changed.
    pub fn write_to(&self, dir: &Path) -> Result<usize> {
        let there = Tree::read(dir)?;
        let mut changed = 0;
        for (relative, bytes) in &self.0 {
            let path = dir.join(relative);
            if fs::read(&path).is_ok_and(|old| old == *bytes) {
                continue;
            }
            let parent = path.parent().context("a file in a folder has a parent")?;
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot make {}", parent.display()))?;
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            changed += 1;
        }
        for relative in there
            .0
            .keys()
            .filter(|relative| !self.0.contains_key(*relative))
        {
            let path = dir.join(relative);
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            changed += 1;
            // A folder left empty goes too; one that is not empty refuses, and that is right.
            for folder in path.ancestors().skip(1).take_while(|folder| *folder != dir) {
                if fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
        Ok(changed)
    }

    /// Where `other` first parts from this tree, in the order of the paths.
    pub fn first_difference(&self, other: &Tree) -> Option<Difference> {
        let paths: std::collections::BTreeSet<&String> =
            self.0.keys().chain(other.0.keys()).collect();
        paths
            .into_iter()
            .find_map(|path| match (self.0.get(path), other.0.get(path)) {
                (Some(_), None) => Some(Difference::Missing(path.clone())),
                (None, _) => Some(Difference::Extra(path.clone())),
                (Some(mine), Some(theirs)) if mine != theirs => {
                    Some(Difference::Line(path.clone(), first_line(mine, theirs)))
                }
                _ => None,
            })
    }
}

fn first_line(a: &[u8], b: &[u8]) -> usize {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    1 + a[..same].iter().filter(|&&byte| byte == b'\n').count()
}

impl Deref for Tree {
    type Target = BTreeMap<String, Vec<u8>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Tree {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        Tree(
            files
                .iter()
                .map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()))
                .collect(),
        )
    }

    #[test]
    fn writing_removes_what_is_no_longer_carried_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let old = tree(&[
            ("Cargo.toml", "a"),
            ("src/lib.rs", "b"),
            ("src/deep/er/x.rs", "c"),
        ]);
        assert_eq!(old.write_to(dir.path()).unwrap(), 3);
        fs::write(dir.path().join("notes.md"), "mine").unwrap();
        let new = tree(&[("Cargo.toml", "a"), ("src/lib.rs", "new")]);
        assert_eq!(new.write_to(dir.path()).unwrap(), 2);
        assert_eq!(Tree::read(dir.path()).unwrap(), new);
        assert!(!dir.path().join("src/deep").exists());
        assert_eq!(
            fs::read_to_string(dir.path().join("notes.md")).unwrap(),
            "mine"
        );
        assert_eq!(new.write_to(dir.path()).unwrap(), 0);
    }

    #[test]
    fn line_ends_of_a_checkout_do_not_matter_but_bytes_of_other_files_do() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("tests/common")).unwrap();
        fs::write(dir.path().join("tests/common/a.rs"), "a\r\nb\r\n").unwrap();
        fs::write(dir.path().join("tests/common/b.bin"), b"\xff\r\n").unwrap();
        let read = Tree::read(dir.path()).unwrap();
        assert_eq!(read["tests/common/a.rs"], b"a\nb\n");
        assert_eq!(read["tests/common/b.bin"], b"\xff\r\n");
    }

    #[test]
    fn the_first_difference_names_file_and_line() {
        let one = tree(&[("a", "1\n2\n3\n"), ("b", "")]);
        assert_eq!(one.first_difference(&one.clone()), None);
        let other = tree(&[("a", "1\n2\nx\n"), ("b", "")]);
        assert_eq!(
            one.first_difference(&other),
            Some(Difference::Line("a".to_string(), 3))
        );
        assert_eq!(
            one.first_difference(&tree(&[("a", "1\n2\n3\n")])),
            Some(Difference::Missing("b".to_string()))
        );
        let more = tree(&[("a", "1\n2\n3\n"), ("a2", ""), ("b", "")]);
        assert_eq!(
            one.first_difference(&more),
            Some(Difference::Extra("a2".to_string()))
        );
    }
}
