//! Where the stores stand: one loaded store an engine, and one place for the run of the moment.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::engines::Name;

pub struct Stores {
    place: PathBuf,
}

impl Stores {
    pub fn new(place: &Path) -> Self {
        Self {
            place: place.to_owned(),
        }
    }

    /// The loaded store of `engine`; loading it and leaving it as it is are the caller's business.
    pub fn loaded(&self, engine: Name) -> PathBuf {
        self.place.join(engine.word())
    }

    /// A place where nothing is yet.
    pub fn empty(&self) -> Result<PathBuf> {
        self.clear()?;
        Ok(self.run())
    }

    /// A copy of the loaded store, on disk before the run begins: none of its writing is charged to the run.
    pub fn copy(&self, engine: Name) -> Result<PathBuf> {
        self.clear()?;
        copy_dir(&self.loaded(engine), &self.run())?;
        sync_dir(&self.run())?;
        Ok(self.run())
    }

    /// The same for the loaded store.
    pub fn settle(&self, engine: Name) -> Result<()> {
        sync_dir(&self.loaded(engine))
    }

    /// Removes what the last run left.
    pub fn clear(&self) -> Result<()> {
        let run = self.run();
        if run.exists() {
            fs::remove_dir_all(&run).with_context(|| format!("cannot remove {}", run.display()))?;
        }
        Ok(())
    }

    fn run(&self) -> PathBuf {
        self.place.join("run")
    }
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let from = entry?.path();
        let to = to.join(from.file_name().context("an entry has a name")?);
        match from.is_dir() {
            true => copy_dir(&from, &to)?,
            false => {
                fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
            }
        }
    }
    Ok(())
}

fn sync_dir(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        match path.is_dir() {
            true => sync_dir(&path)?,
            // Some systems sync only what is open for writing. Then the run begins a little less quietly.
            false => drop(File::open(&path).and_then(|file| file.sync_all())),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_changes_its_copy_and_not_the_loaded_store() {
        let place = tempfile::tempdir().unwrap();
        let stores = Stores::new(place.path());
        let loaded = stores.loaded(Name::Fjall);
        fs::create_dir_all(loaded.join("inner")).unwrap();
        fs::write(loaded.join("inner/file"), b"loaded").unwrap();

        let copy = stores.copy(Name::Fjall).unwrap();
        fs::write(copy.join("inner/file"), b"changed").unwrap();
        assert_eq!(fs::read(loaded.join("inner/file")).unwrap(), b"loaded");
        let copy = stores.copy(Name::Fjall).unwrap();
        assert_eq!(fs::read(copy.join("inner/file")).unwrap(), b"loaded");
        assert!(!stores.empty().unwrap().exists());
    }
}
