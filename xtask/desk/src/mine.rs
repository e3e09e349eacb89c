//! The learner's crate as it stands: the bytes of every file that a command here could change, whatever git thinks of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use staging::edition;
use staging::names::PACKAGE;

/// What commands change, and so what they keep first. Nothing else in the crate's folder is touched.
pub const FILES: [&str; 2] = ["Cargo.toml", edition::PATH];
pub const FOLDERS: [&str; 2] = ["src", "tests"];

/// A snapshot. Paths are relative to the crate, with `/`.
#[derive(Debug, Clone, Default)]
pub struct Mine {
    pub dir: PathBuf,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Files and folders that lie elsewhere: nothing is written through them.
    links: BTreeSet<String>,
}

impl Mine {
    /// Ignored and hidden files are read too. Fails if one cannot be read: what cannot be kept must not be changed.
    pub fn read(root: &Path) -> Result<Mine> {
        Mine::read_folder(&root.join(PACKAGE))
    }

    /// The same for a kept copy.
    pub fn read_folder(dir: &Path) -> Result<Mine> {
        let mut mine = Mine {
            dir: dir.to_path_buf(),
            ..Mine::default()
        };
        if !dir.is_dir() {
            bail!("{} is not there", dir.display());
        }
        for name in FILES.into_iter().chain(FOLDERS) {
            mine.take(name.to_string())?;
        }
        Ok(mine)
    }

    fn take(&mut self, relative: String) -> Result<()> {
        let path = self.dir.join(&relative);
        let said = || format!("cannot read {}; nothing was changed", path.display());
        let about = match fs::symlink_metadata(&path) {
            Ok(about) => about,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e).with_context(said),
        };
        if about.is_dir() {
            for entry in fs::read_dir(&path).with_context(said)? {
                let name = entry.with_context(said)?.file_name();
                let Some(name) = name.to_str() else {
                    bail!(
                        "{}: the name {name:?} is no text; rename it. Nothing was changed",
                        path.display()
                    );
                };
                if name != ".git" {
                    self.take(format!("{relative}/{name}"))?;
                }
            }
            return Ok(());
        }
        if about.is_symlink() {
            self.links.insert(relative.clone());
            if !path.is_file() {
                return Ok(());
            }
        }
        let bytes = fs::read(&path).with_context(said)?;
        self.files.insert(relative, bytes);
        Ok(())
    }

    /// A file as text with `\n` at the ends of its lines; `None` if it is not there or no text.
    pub fn text(&self, path: &str) -> Option<String> {
        text(self.files.get(path)?)
    }

    /// The Rust files below `src`.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let paths = self.files.keys().map(String::as_str);
        paths.filter(|path| path.starts_with("src/") && path.ends_with(".rs"))
    }

    /// The link that `path` is, or lies behind.
    pub fn link_on(&self, path: &str) -> Option<&str> {
        let on = |link: &&String| {
            let rest = path.strip_prefix(link.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.links.iter().find(on).map(String::as_str)
    }
}

/// Bytes as text with `\n` at the ends of its lines, without a byte order mark, which the parser does not count.
pub fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}
