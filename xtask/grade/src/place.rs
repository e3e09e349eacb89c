//! Where submissions lie: folders, checkouts of the course, archives, and folders that hold them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::archive;

/// Where a submission lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name of its folder or archive.
    pub name: String,
    /// The folder of its crate: the parent of `src`. None if there is no such folder, or if it is an archive.
    pub dir: Option<PathBuf>,
    /// The folder or archive that was named, which may be a whole checkout of the course.
    pub root: PathBuf,
}

impl Place {
    fn is_something(&self) -> bool {
        self.dir.is_some() || archive::is_archive(&self.root)
    }
}

/// The links in a folder of submissions: whoever put one there may have meant the work of another, so that none is followed, but its
/// name must not be missing without a word.
pub fn links(paths: &[PathBuf]) -> Vec<PathBuf> {
    let is_class = |path: &&PathBuf| path.is_dir() && !place(path).is_something();
    let entries = paths
        .iter()
        .filter(is_class)
        .filter_map(|path| fs::read_dir(path).ok());
    let mut links: Vec<PathBuf> = entries
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_symlink() && !is_hidden(path))
        .collect();
    links.sort();
    links
}

/// The submissions that these paths mean. A folder without `src` that holds submissions stands for all of them, except for [`links`].
pub fn find(paths: &[PathBuf]) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for path in paths {
        let root = path
            .canonicalize()
            .with_context(|| format!("there is no {}", path.display()))?;
        let own = place(&root);
        if !root.is_dir() && !own.is_something() {
            bail!(
                "{} is no folder and no archive (zip, tar, tar.gz)",
                path.display()
            );
        }
        let below = match own.is_something() {
            true => Vec::new(),
            false => places_below(&root)?,
        };
        match below.is_empty() {
            true => places.push(own),
            false => places.extend(below),
        }
    }
    distinguish(&mut places);
    Ok(places)
}

fn places_below(root: &Path) -> Result<Vec<Place>> {
    let mut folders: Vec<PathBuf> = fs::read_dir(root)
        .with_context(|| format!("cannot list {}", root.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            (path.is_dir() || archive::is_archive(path)) && !is_hidden(path) && !path.is_symlink()
        })
        .collect();
    folders.sort();
    let mut places: Vec<Place> = folders.iter().map(|folder| place(folder)).collect();
    // One that holds nothing is told of, unless none holds anything.
    if !places.iter().any(Place::is_something) {
        places.clear();
    }
    Ok(places)
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().starts_with('.')
}

/// The crate is the folder itself, or `mini-lsm-starter` in a checkout of the course. A link there could lead to anybody's work.
fn place(root: &Path) -> Place {
    let name = match root.is_dir() {
        true => root
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        false => archive::stem(root),
    };
    let name = match name.is_empty() {
        true => "submission".to_string(),
        false => crate::text::reason(&name),
    };
    let dirs = [root.join("mini-lsm-starter"), root.to_path_buf()];
    let is_folder = |dir: &Path| fs::symlink_metadata(dir).is_ok_and(|dir| dir.is_dir());
    let holds_src = |dir: &PathBuf| is_folder(dir) && is_folder(&dir.join("src"));
    Place {
        name,
        dir: dirs.into_iter().find(holds_src),
        root: root.to_path_buf(),
    }
}

/// Two folders of the same name are told apart by the folders they lie in, and then by numbers.
fn distinguish(places: &mut [Place]) {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for place in places.iter() {
        *names.entry(place.name.clone()).or_default() += 1;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for place in places.iter_mut().filter(|place| names[&place.name] > 1) {
        let parent = place.root.parent().and_then(Path::file_name);
        let parent = parent.unwrap_or_default().to_string_lossy();
        let name = format!("{parent}/{}", place.name);
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        place.name = match *count {
            1 => name,
            count => format!("{name} ({count})"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submission::read;

    fn write(dir: &Path, name: &str, text: &str) {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_checkout_a_crate_and_a_folder_of_both_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        write(&dir, "class/ann/mini-lsm-starter/src/lib.rs", "");
        write(&dir, "class/bob/src/lib.rs", "");
        write(&dir, "class/eve/notes.txt", "");
        write(&dir, "late/bob/src/lib.rs", "");
        let found = find(&[dir.join("class"), dir.join("late/bob")]).unwrap();
        let names: Vec<&str> = found.iter().map(|place| place.name.as_str()).collect();
        assert_eq!(names, ["ann", "class/bob", "eve", "late/bob"]);
        assert_eq!(found[0].dir, Some(dir.join("class/ann/mini-lsm-starter")));
        assert!(read(&found[2]).unwrap().problem.is_some());
        assert!(find(&[dir.join("none")]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_work_of_another_is_no_submission() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        write(&dir, "ann/src/lib.rs", "");
        for eve in ["class/eve", "class/mal"] {
            fs::create_dir_all(dir.join(eve)).unwrap();
        }
        symlink(dir.join("ann"), dir.join("class/eve/mini-lsm-starter")).unwrap();
        symlink(dir.join("ann/src"), dir.join("class/mal/src")).unwrap();
        symlink(dir.join("ann"), dir.join("class/bob")).unwrap();
        write(&dir, "class/kim/src/lib.rs", "");
        let found = find(&[dir.join("class")]).unwrap();
        let names: Vec<(&str, bool)> = found
            .iter()
            .map(|p| (p.name.as_str(), p.dir.is_some()))
            .collect();
        assert_eq!(names, [("eve", false), ("kim", true), ("mal", false)]);
        assert_eq!(links(&[dir.join("class")]), [dir.join("class/bob")]);
        assert_eq!(
            links(&[dir.join("class/kim"), dir.join("none")]),
            [""; 0].map(PathBuf::from)
        );
    }
}
