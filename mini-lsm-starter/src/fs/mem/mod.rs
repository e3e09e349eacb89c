//! A file system in memory that knows what has been synced, for tests of what a crash leaves behind.
//!
//! | what             | now                   | after a power cut                                                                       |
//! |------------------|-----------------------|-----------------------------------------------------------------------------------------|
//! | a file's bytes   | all that was appended | what was synced, and of the rest any choice of 4 KiB blocks; gaps read as zeros         |
//! | a file's length  | likewise              | anything from the synced length to the present one                                      |
//! | names            | as changed            | as synced, plus any choice of the changes since; changes of one name survive in order   |
//! | directories      | as created            | the same: [`create_dir_all`](FileSystem::create_dir_all) syncs them                     |
//! | locks            | held by their guards  | free                                                                                    |
//!
//! The order of changes to one name is what makes every outcome a possible one: a rename never
//! loses both names, and what a rename would replace is there in its old or in its new form.
//!
//! Locks are taken in this order: `tree`, a writer's `appended`, a file's `content`. Whatever
//! changes anything holds `tree` at least for reading, so that [`MemFs::crash_clone`], which holds
//! it for writing, sees one instant. A read takes only the lock of its file.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{FileLock, FileSystem, ReadableFile, WritableFile, parent_of};
use crate::error::{Error, Result};
use crate::sync::RwLock;
use crate::sync::atomic::{AtomicUsize, Ordering};

mod crash;
mod file;
mod tree;

pub use crash::CrashPlan;

use crash::PowerCut;
use file::{Content, HandleCount, Inode, MemReader, MemWriter};
use tree::Tree;

/// A file system in memory. Clones are the same file system. A relative path begins at the root,
/// which always exists.
#[derive(Clone, Default)]
pub struct MemFs {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    tree: RwLock<Tree>,
    handles: Arc<AtomicUsize>,
}

impl MemFs {
    /// An empty file system.
    pub fn new() -> Self {
        Self::default()
    }

    /// The file system that a crash at this instant leaves behind: a new one, which whoever still
    /// uses the old one cannot touch. All that is in it counts as synced, and no lock is held.
    pub fn crash_clone(&self, plan: &CrashPlan) -> MemFs {
        let tree = self.shared.tree.write();
        let mut cut = PowerCut::new(plan);
        let mut names = BTreeMap::new();
        for (path, inode) in tree.survivors(|| cut.keeps_change()) {
            let remains = cut.remains_of(&inode.content.read());
            names.insert(path, Arc::new(Inode::new(remains)));
        }
        let tree = RwLock::new(Tree::synced(tree.dirs(), names));
        MemFs {
            shared: Arc::new(Shared {
                tree,
                handles: Arc::default(),
            }),
        }
    }

    /// All bytes of a file, synced or not.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = path.as_ref();
        match self.shared.tree.read().get(&key(path)) {
            Ok(inode) => inode.content.read().to_vec(),
            Err(e) => panic!("cannot read {}: {e}", path.display()),
        }
    }

    /// Gives a file these bytes, name and bytes synced, also for those who have it open for
    /// reading: how a test damages a file. A file or a directory that is missing is created. Not
    /// for a file that somebody is writing.
    ///
    /// # Panics
    /// If the path is a directory, or one of its parents is a file.
    pub fn write_raw(&self, path: impl AsRef<Path>, bytes: &[u8]) {
        let path = path.as_ref();
        if let Err(e) = self
            .shared
            .tree
            .write()
            .put(&key(path), Content::synced(bytes.to_vec()))
        {
            panic!("cannot write {}: {e}", path.display());
        }
    }

    /// The names of the files in a directory (not of the directories), sorted; none if there is no
    /// such directory.
    pub fn file_names(&self, dir: impl AsRef<Path>) -> Vec<String> {
        let tree = self.shared.tree.read();
        tree.files_in(&key(dir.as_ref()))
            .map(|(path, _)| tree::name_of(path))
            .collect()
    }

    /// The lengths of all files that have a name, added up.
    pub fn total_bytes(&self) -> u64 {
        self.shared
            .tree
            .read()
            .files()
            .map(|inode| inode.content.read().len)
            .sum()
    }

    /// How many files are open, for reading or for writing; one that is open twice counts twice.
    pub fn open_handles(&self) -> usize {
        self.shared.handles.load(Ordering::SeqCst)
    }

    /// Runs `change` on the tree; its error gets the operation and the path.
    fn change<T>(
        &self,
        op: &'static str,
        path: &Path,
        change: impl FnOnce(&mut Tree, &Path) -> io::Result<T>,
    ) -> Result<T> {
        let mut tree = self.shared.tree.write();
        change(&mut tree, &key(path)).map_err(|e| Error::io(op, path, e))
    }

    /// The same for what only looks.
    fn look<T>(
        &self,
        op: &'static str,
        path: &Path,
        look: impl FnOnce(&Tree, &Path) -> io::Result<T>,
    ) -> Result<T> {
        let tree = self.shared.tree.read();
        look(&tree, &key(path)).map_err(|e| Error::io(op, path, e))
    }
}

impl fmt::Debug for MemFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemFs").finish_non_exhaustive()
    }
}

impl FileSystem for MemFs {
    fn create(&self, path: &Path) -> Result<Arc<dyn WritableFile>> {
        let inode = self.change("create", path, Tree::create)?;
        Ok(Arc::new(MemWriter::new(
            self.clone(),
            path.to_owned(),
            inode,
        )))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ReadableFile>> {
        let inode = self.look("open", path, Tree::get)?;
        let handle = HandleCount::new(&self.shared.handles);
        Ok(Arc::new(MemReader::new(path.to_owned(), inode, handle)))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>> {
        self.look("list", dir, Tree::list)
    }

    fn dir_exists(&self, path: &Path) -> Result<bool> {
        self.look("look up", path, Tree::dir_exists)
    }

    fn create_dir_all(&self, path: &Path) -> Result<()> {
        self.change("create the directory", path, Tree::create_dir_all)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.change("rename", from, |tree, from| tree.rename(from, &key(to)))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.change("remove", path, Tree::remove)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.change("sync the directory", dir, Tree::sync_dir)
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn FileLock>> {
        if !self.change("lock", path, Tree::lock)? {
            return Err(Error::AlreadyOpen(parent_of(path).to_owned()));
        }
        Ok(Box::new(MemLock {
            fs: self.clone(),
            key: key(path),
        }))
    }
}

/// Gives the lock back when dropped.
#[derive(Debug)]
struct MemLock {
    fs: MemFs,
    key: PathBuf,
}

impl FileLock for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.fs.shared.tree.write().unlock(&self.key);
    }
}

/// The one spelling of a path under which the tree knows it: the names from the root on, without
/// the root; the root itself is empty.
fn key(path: &Path) -> PathBuf {
    let mut key = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => key.push(name),
            Component::ParentDir => drop(key.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The removal is synced, so that no crash can bring the file back; from then on only the
    /// handle holds the bytes.
    #[test]
    fn the_last_handle_frees_a_removed_file() {
        let (fs, path) = (MemFs::new(), Path::new("a"));
        fs.create(path).unwrap().append(b"bytes").unwrap();
        let bytes = Arc::downgrade(
            &fs.shared
                .tree
                .read()
                .get(path)
                .unwrap()
                .content
                .read()
                .bytes,
        );
        let reader = fs.open(path).unwrap();
        fs.remove(path).unwrap();
        fs.sync_dir(Path::new("/")).unwrap();
        assert_eq!(bytes.strong_count(), 1);
        drop(reader);
        assert_eq!(bytes.strong_count(), 0);
    }
}
