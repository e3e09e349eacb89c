//! Writing files: all of it or, as far as one can tell before, nothing.

use std::fs;
use std::path::Path;

use desk::changes::Changes;
use desk::mine::Mine;

/// A crate's folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_that_changed_meanwhile_stops_everything() {
    let dir = folder(&[("src/a.rs", "a"), ("src/b.rs", "b")]);
    let mine = Mine::read_folder(dir.path()).unwrap();
    let mut changes = Changes::default();
    for path in ["src/a.rs", "src/b.rs", "src/c.rs"] {
        changes.write(&mine, path, "new");
    }
    fs::write(dir.path().join("src/b.rs"), "an editor was quicker").unwrap();
    let said = changes.apply(&mine).unwrap_err().to_string();
    assert!(
        said.contains("src/b.rs was changed while this ran; nothing was written"),
        "{said}"
    );
    let read = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
    assert_eq!(
        (read("src/a.rs").as_str(), read("src/b.rs").as_str()),
        ("a", "an editor was quicker")
    );
    assert_eq!(
        names(&dir.path().join("src")),
        ["a.rs", "b.rs"],
        "nothing is left lying about"
    );
}

#[test]
fn a_folder_in_the_place_of_a_file_stops_everything() {
    let dir = folder(&[
        ("src/a.rs", "a"),
        ("src/b", "a file where a folder has to be"),
    ]);
    let mine = Mine::read_folder(dir.path()).unwrap();
    let mut changes = Changes::default();
    changes.write(&mine, "src/a.rs", "new");
    changes.write(&mine, "src/b/mod.rs", "new");
    let said = format!("{:#}", changes.apply(&mine).unwrap_err());
    assert!(
        said.contains("cannot write mini-lsm-starter/src/b/mod.rs; nothing was changed"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("src/a.rs")).unwrap(),
        "a"
    );
    assert_eq!(names(&dir.path().join("src")), ["a.rs", "b"]);
}

#[test]
fn line_ends_and_permissions_stay_and_empty_folders_go() {
    let dir = folder(&[("src/a.rs", "a\r\nb\r\n"), ("src/deep/er/x.rs", "x")]);
    let mine = Mine::read_folder(dir.path()).unwrap();
    let mut changes = Changes::default();
    changes.write(&mine, "src/a.rs", "a\nc\n");
    changes.remove(&mine, "src/deep/er/x.rs");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(
            dir.path().join("src/a.rs"),
            fs::Permissions::from_mode(0o640),
        )
        .unwrap();
    }
    changes.apply(&mine).unwrap();
    let path = dir.path().join("src/a.rs");
    assert_eq!(fs::read(&path).unwrap(), b"a\r\nc\r\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
    }
    assert_eq!(names(&dir.path().join("src")), ["a.rs"]);
}

#[test]
fn what_is_there_already_is_no_change() {
    let dir = folder(&[("src/a.rs", "a\r\n"), ("src/b.bin", "b\r\n")]);
    let mine = Mine::read_folder(dir.path()).unwrap();
    let mut changes = Changes::default();
    changes.write(&mine, "src/a.rs", "a\n");
    assert!(changes.is_empty());
    changes.write_exactly(&mine, "src/b.bin", b"b\n");
    assert!(!changes.is_empty(), "kept bytes come back as they were");
}
