//! What a command is about to write: first everything that could refuse is asked, then every file is replaced in one step.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use staging::names::PACKAGE;

use crate::mine::Mine;

/// Files to write, and files to remove, by path.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<String, Option<Vec<u8>>>);

impl Changes {
    /// Puts `text` into the file, with the line ends that the file has now. What is there already is no change.
    pub fn write(&mut self, mine: &Mine, path: &str, text: &str) {
        let old = mine.files.get(path);
        if mine.text(path).is_some_and(|old| old == text) {
            return;
        }
        let crlf = old.is_some_and(|old| old.windows(2).any(|two| two == b"\r\n"));
        let text = match crlf {
            true => text.replace('\n', "\r\n"),
            false => text.to_string(),
        };
        self.0.insert(path.to_string(), Some(text.into_bytes()));
    }

    /// The same for a file that need not be text.
    pub fn write_bytes(&mut self, mine: &Mine, path: &str, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.write(mine, path, text),
            Err(_) => self.write_exactly(mine, path, bytes),
        }
    }

    /// The bytes as they are, line ends too.
    pub fn write_exactly(&mut self, mine: &Mine, path: &str, bytes: &[u8]) {
        if mine.files.get(path).is_none_or(|old| old != bytes) {
            self.0.insert(path.to_string(), Some(bytes.to_vec()));
        }
    }

    pub fn remove(&mut self, mine: &Mine, path: &str) {
        if mine.files.contains_key(path) {
            self.0.insert(path.to_string(), None);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Written or removed.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Refuses what cannot be written, before anything is.
    pub fn check(&self, mine: &Mine) -> Result<()> {
        for path in self.paths() {
            if let Some(link) = mine.link_on(path) {
                bail!(
                    "{PACKAGE}/{link} is a link to a place outside the crate, and nothing is written through it; nothing was changed"
                );
            }
            let about = fs::metadata(mine.dir.join(path));
            if about.is_ok_and(|about| about.permissions().readonly()) {
                bail!(
                    "{PACKAGE}/{path} is read-only; make it writable and run this again. Nothing was changed"
                );
            }
        }
        Ok(())
    }

    /// Writes everything. All new contents lie beside their files before the first one is replaced, so that a full disk or a
    /// folder that takes no files stops it while nothing has changed. So does a file that is no longer as `mine` has it.
    pub fn apply(self, mine: &Mine) -> Result<()> {
        let mut laid = Laid(Vec::new());
        for (path, bytes) in &self.0 {
            if let Some(bytes) = bytes {
                laid.lay(&mine.dir.join(path), bytes).with_context(|| {
                    format!("cannot write {PACKAGE}/{path}; nothing was changed")
                })?;
            }
        }
        for path in self.0.keys() {
            let now = match fs::read(mine.dir.join(path)) {
                Ok(bytes) => Some(bytes),
                Err(e) if e.kind() == ErrorKind::NotFound => None,
                Err(e) => {
                    return Err(e).with_context(|| {
                        format!("cannot read {PACKAGE}/{path}; nothing was changed")
                    });
                }
            };
            if now.as_ref() != mine.files.get(path) {
                bail!(
                    "{PACKAGE}/{path} was changed while this ran; nothing was written, run it again"
                );
            }
        }
        let count = self.0.len();
        for (done, (path, bytes)) in self.0.iter().enumerate() {
            let target = mine.dir.join(path);
            let changed = match bytes {
                Some(_) => laid.put(&target),
                None => remove(&mine.dir, &target),
            };
            changed.with_context(|| {
                format!("cannot replace {PACKAGE}/{path}, after {done} of {count} files; close what holds it open and run this again")
            })?;
        }
        Ok(())
    }
}

fn remove(dir: &Path, path: &Path) -> std::io::Result<()> {
    fs::remove_file(path)?;
    // A folder left empty goes too; one that is not empty refuses, and that is right.
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != dir) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// New contents beside the files they are for; those never put are removed again.
struct Laid(Vec<(PathBuf, PathBuf)>);

impl Laid {
    fn lay(&mut self, target: &Path, bytes: &[u8]) -> Result<()> {
        let folder = target.parent().context("a file stands in a folder")?;
        fs::create_dir_all(folder)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let beside = folder.join(format!(".{name}.{}", std::process::id()));
        self.0.push((target.to_path_buf(), beside.clone()));
        fs::write(&beside, bytes)?;
        if let Ok(about) = fs::metadata(target) {
            fs::set_permissions(&beside, about.permissions())?;
        }
        Ok(())
    }

    fn put(&mut self, target: &Path) -> std::io::Result<()> {
        let at = self.0.iter().position(|(known, _)| known == target);
        let (_, beside) = &self.0[at.expect("every file to write was laid")];
        fs::rename(beside, target)?;
        self.0.retain(|(known, _)| known != target);
        Ok(())
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        for (_, beside) in &self.0 {
            fs::remove_file(beside).ok();
        }
    }
}
