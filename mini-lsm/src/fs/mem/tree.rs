//! The names: as they are, as they were synced, and the changes in between.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::iter;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{Content, Inode};

/// All paths are keys (see `key`).
pub(super) struct Tree {
    /// The root is always among them.
    dirs: BTreeSet<PathBuf>,
    names: Names,
    synced: Names,
    /// What leads from `synced` to `names`, oldest first. Holds on to removed files, because their
    /// removal may be undone.
    changes: Vec<Change>,
    locks: HashSet<PathBuf>,
}

/// Files by path. No file has two names.
type Names = BTreeMap<PathBuf, Arc<Inode>>;

enum Change {
    Create { path: PathBuf, inode: Arc<Inode> },
    Rename { from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
}

impl Default for Tree {
    fn default() -> Self {
        Self::synced(BTreeSet::from([PathBuf::new()]), Names::new())
    }
}

impl Tree {
    /// A tree in which everything is synced.
    pub(super) fn synced(dirs: BTreeSet<PathBuf>, names: Names) -> Self {
        let (synced, changes, locks) = (names.clone(), Vec::new(), HashSet::new());
        Self {
            dirs,
            names,
            synced,
            changes,
            locks,
        }
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<Arc<Inode>> {
        self.check_parent(path)?;
        if self.dirs.contains(path) || self.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = Arc::new(Inode::default());
        self.change(Change::Create {
            path: path.to_owned(),
            inode: Arc::clone(&inode),
        });
        Ok(inode)
    }

    pub(super) fn get(&self, path: &Path) -> io::Result<Arc<Inode>> {
        if self.dirs.contains(path) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.names
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.get(from)?;
        self.check_parent(to)?;
        if self.dirs.contains(to) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.change(Change::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
        });
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.get(path)?;
        self.change(Change::Remove {
            path: path.to_owned(),
        });
        Ok(())
    }

    pub(super) fn dir_exists(&self, path: &Path) -> io::Result<bool> {
        if path.ancestors().any(|p| self.names.contains_key(p)) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(self.dirs.contains(path))
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        self.dir_exists(path)?;
        self.dirs.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.check_dir(dir)?;
        let dirs = self.dirs.iter().filter(|p| p.parent() == Some(dir));
        let files = self.files_in(dir).map(|(path, _)| path);
        let mut names: Vec<_> = files.chain(dirs).map(|path| name_of(path)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Makes the changes in `dir` durable, and the earlier ones elsewhere without which they would
    /// make no sense.
    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.check_dir(dir)?;
        self.sync_names(|path| path.parent() == Some(dir));
        Ok(())
    }

    /// Takes the lock; false if it is held. The file is created if it is missing.
    pub(super) fn lock(&mut self, path: &Path) -> io::Result<bool> {
        if let Err(e) = self.get(path) {
            if e.kind() != io::ErrorKind::NotFound {
                return Err(e);
            }
            self.create(path)?;
        }
        Ok(self.locks.insert(path.to_owned()))
    }

    pub(super) fn unlock(&mut self, path: &Path) {
        self.locks.remove(path);
    }

    /// Gives the file this content, and makes its name durable.
    pub(super) fn put(&mut self, path: &Path, content: Content) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            self.create_dir_all(parent)?;
        }
        let inode = match self.get(path) {
            Ok(inode) => inode,
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.create(path)?,
            Err(e) => return Err(e),
        };
        *inode.content.write() = content;
        self.sync_names(|name| name == path);
        Ok(())
    }

    pub(super) fn dirs(&self) -> BTreeSet<PathBuf> {
        self.dirs.clone()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Arc<Inode>> {
        self.names.values()
    }

    /// The files of a directory, in order: paths sort component by component, so all below a
    /// directory follow it at once.
    pub(super) fn files_in(&self, dir: &Path) -> impl Iterator<Item = (&PathBuf, &Arc<Inode>)> {
        let below = self
            .names
            .range::<Path, _>((Bound::Excluded(dir), Bound::Unbounded));
        below
            .take_while(move |(path, _)| path.starts_with(dir))
            .filter(move |(path, _)| path.parent() == Some(dir))
    }

    /// The names after a power cut: those synced, and of the changes since then those that `chosen`
    /// picks (asked once for each).
    pub(super) fn survivors(&self, mut chosen: impl FnMut() -> bool) -> Names {
        let mut names = self.synced.clone();
        let survives = self.with_what_they_rest_on(|_| chosen());
        for (change, survives) in iter::zip(&self.changes, survives) {
            if survives {
                change.apply(&mut names);
            }
        }
        names
    }

    /// Which changes are chosen, or come before a chosen one and touch one of its names, or come
    /// before one of those, and so on.
    ///
    /// So the others can be left out, or be done later, without a change that finds its names in a
    /// state it never met.
    fn with_what_they_rest_on(&self, mut chosen: impl FnMut(&Change) -> bool) -> Vec<bool> {
        let mut touched: HashSet<&Path> = HashSet::new();
        let mut marks = vec![false; self.changes.len()];
        for (change, mark) in iter::zip(&self.changes, &mut marks).rev() {
            *mark = chosen(change) || change.paths().any(|p| touched.contains(p));
            if *mark {
                touched.extend(change.paths());
            }
        }
        marks
    }

    fn sync_names(&mut self, wanted: impl Fn(&Path) -> bool) {
        let durable = self.with_what_they_rest_on(|change| change.paths().any(&wanted));
        let changes = std::mem::take(&mut self.changes);
        for (change, durable) in iter::zip(changes, durable) {
            if durable {
                change.apply(&mut self.synced);
            } else {
                self.changes.push(change);
            }
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    fn check_parent(&self, path: &Path) -> io::Result<()> {
        path.parent()
            .map_or(Ok(()), |parent| self.check_dir(parent))
    }

    fn check_dir(&self, dir: &Path) -> io::Result<()> {
        if self.dir_exists(dir)? {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

impl Change {
    /// The names it touches.
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let (first, second) = match self {
            Self::Create { path, .. } | Self::Remove { path } => (path, None),
            Self::Rename { from, to } => (from, Some(to)),
        };
        iter::once(first).chain(second).map(PathBuf::as_path)
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Self::Create { path, inode } => {
                names.insert(path.clone(), Arc::clone(inode));
            }
            Self::Rename { from, to } => {
                let inode = names
                    .remove(from)
                    .expect("whoever renames a file has found it");
                names.insert(to.clone(), inode);
            }
            Self::Remove { path } => {
                names.remove(path);
            }
        }
    }
}

/// The last component of a key.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
