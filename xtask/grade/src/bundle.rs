//! `cargo x gradescope-zip`: the course as an autograder of Gradescope's.
//!
//! In the archive stand the two scripts that Gradescope calls, and below `course` the repository as it is on the disk, without build
//! results, history and what is a learner's own. The dependencies are compiled into the image when Gradescope builds it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const SCRIPTS: &[(&str, &str)] = &[
    ("setup.sh", include_str!("../templates/setup.sh")),
    (
        "run_autograder",
        include_str!("../templates/run_autograder"),
    ),
];

/// Paths from the root that no grading needs.
const LEFT_OUT: &[&str] = &[
    "book",
    "mini-lsm/bench",
    "mini-lsm/fuzz",
    "progress.json",
    "saved",
    "target",
];

/// Writes the archive; gives how many files are in it.
pub fn write(root: &Path, out: &Path) -> Result<usize> {
    let file = File::create(out).with_context(|| format!("cannot write {}", out.display()))?;
    let mut zip = ZipWriter::new(file);
    for (name, text) in SCRIPTS {
        let options = SimpleFileOptions::default().unix_permissions(0o755);
        zip.start_file(*name, options)?;
        zip.write_all(text.as_bytes())?;
    }
    let files = files(root)?;
    for (name, path) in &files {
        let options = SimpleFileOptions::default().unix_permissions(0o644);
        zip.start_file(format!("course/{name}"), options)?;
        let mut file =
            File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        io::copy(&mut file, &mut zip).with_context(|| format!("cannot read {}", path.display()))?;
    }
    zip.finish()
        .with_context(|| format!("cannot write {}", out.display()))?;
    Ok(files.len() + SCRIPTS.len())
}

/// The files of the repository, by their names from its root.
fn files(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    let mut open = vec![(String::new(), root.to_path_buf())];
    while let Some((prefix, dir)) = open.pop() {
        let entries =
            fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let path = entry
                .with_context(|| format!("cannot list {}", dir.display()))?
                .path();
            let part = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("{prefix}{part}");
            let hidden = part.starts_with('.') && part != ".cargo";
            let kind = fs::symlink_metadata(&path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .file_type();
            if hidden || part == "target" || LEFT_OUT.contains(&name.as_str()) || kind.is_symlink()
            {
                continue;
            }
            match kind.is_dir() {
                true => open.push((format!("{name}/"), path)),
                false => files.push((name, path)),
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_holds_the_course_and_nothing_of_a_learners() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("course");
        for name in [
            "Cargo.toml",
            ".cargo/config.toml",
            ".git/HEAD",
            "mini-lsm/src/lib.rs",
            "mini-lsm/fuzz/Cargo.toml",
            "xtask/target/x",
            "progress.json",
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let out = dir.path().join("autograder.zip");
        assert_eq!(write(&root, &out).unwrap(), 5);
        let mut zip = zip::ZipArchive::new(File::open(&out).unwrap()).unwrap();
        let mut names = Vec::new();
        for number in 0..zip.len() {
            let file = zip.by_index(number).unwrap();
            names.push((
                file.name().unwrap().into_owned(),
                file.unix_mode().unwrap() & 0o777,
            ));
        }
        let expected = [
            ("setup.sh", 0o755),
            ("run_autograder", 0o755),
            ("course/.cargo/config.toml", 0o644),
            ("course/Cargo.toml", 0o644),
            ("course/mini-lsm/src/lib.rs", 0o644),
        ];
        let expected = expected.map(|(name, mode)| (name.to_string(), mode));
        assert_eq!(names, expected);
    }

    #[test]
    fn the_scripts_and_the_workflow_use_options_that_exist() {
        use clap::CommandFactory;
        let command = crate::args::Args::command();
        let known: Vec<&str> = command
            .get_arguments()
            .filter_map(|arg| arg.get_long())
            .collect();
        let workflow = include_str!("../templates/github.yml");
        let scripts = SCRIPTS.iter().map(|(_, text)| *text);
        let mut seen = 0;
        for text in scripts.chain([workflow]) {
            let calls = text
                .lines()
                .filter_map(|line| line.split_once("cargo x grade "));
            for (_, call) in calls {
                let options = call
                    .split_whitespace()
                    .filter_map(|word| word.strip_prefix("--"));
                for option in options {
                    assert!(known.contains(&option), "there is no --{option}");
                    seen += 1;
                }
            }
        }
        assert!(seen >= 7, "{seen}");
    }
}
