//! What was handed in, as a folder or an archive, read with suspicion.
//!
//! Of a submission only `src/**/*.rs` counts: plain files, no links, not too many, not too large. What stands around it (manifest,
//! tests, settings) is read to be named in the report, and is never used.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::archive;
use crate::place::Place;

/// The whole of the reference is 75 files and half a megabyte, its largest file 15 KB. Cut into tokens, a text of nothing but
/// brackets takes hundreds of times its size, and that is ours to pay.
const FILES: usize = 500;
pub const FILE_BYTES: u64 = 256 << 10;
const BYTES: u64 = 4 << 20;
const DEPTH: usize = 8;

/// Files by their path from the crate's folder, with `/` between the parts.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The contents of a submission.
#[derive(Debug, Default)]
pub struct Submission {
    pub name: String,
    /// `src/**/*.rs`.
    pub files: Files,
    /// What was left out of `src` and why, one line each.
    pub left_out: Vec<String>,
    /// What stands around `src` and is never used: the manifest, settings, tests.
    pub around: Files,
    /// Why nothing of it can be graded.
    pub problem: Option<String>,
}

/// Reads a submission. What is wrong with it stands in it; an error is never the fault of the submission.
pub fn read(place: &Place) -> Result<Submission> {
    let mut submission = Submission {
        name: place.name.clone(),
        ..Submission::default()
    };
    if place.root.is_file() {
        return from_archive(submission, archive::read(&place.root)?);
    }
    let Some(dir) = &place.dir else {
        submission.problem =
            Some("there is no folder `src` in it, nor in a folder `mini-lsm-starter`".into());
        return Ok(submission);
    };
    let mut reader = Reader::default();
    reader.folder(&dir.join("src"), "src", 1)?;
    submission.problem = reader.problem.or_else(|| {
        let empty = reader.files.is_empty();
        empty.then(|| "there is no Rust file in its `src`".to_string())
    });
    submission.files = reader.files;
    submission.left_out = reader.left_out;
    submission.around = around(place, dir)?;
    Ok(submission)
}

/// The crate in an archive is where the uppermost `src` with Rust files is; of two, that of a folder `mini-lsm-starter`.
fn from_archive(mut submission: Submission, contents: archive::Contents) -> Result<Submission> {
    submission.problem = contents.problem;
    submission.left_out = contents.left_out;
    let prefixes = contents.files.keys().filter_map(|path| {
        let at = if path.starts_with("src/") {
            0
        } else {
            path.find("/src/")? + 1
        };
        path.ends_with(".rs").then(|| path[..at].to_string())
    });
    let Some(prefix) = prefixes.min_by_key(|prefix| {
        let other = !prefix.ends_with("mini-lsm-starter/");
        (other, prefix.matches('/').count(), prefix.clone())
    }) else {
        let problem = "there is no folder `src` with Rust files in it".to_string();
        submission.problem.get_or_insert(problem);
        return Ok(submission);
    };
    let above = prefix.strip_suffix("mini-lsm-starter/");
    let mut bytes = 0;
    for (path, text) in contents.files {
        let text = plain_line_ends(text);
        if let Some(name) = path.strip_prefix(&prefix) {
            if name.starts_with("src/") && name.ends_with(".rs") {
                if name.starts_with("src/bin/") {
                    continue;
                }
                if !is_module(name) {
                    let what = format!("{name} has a name that no module has");
                    submission.left_out.push(left_out(&what));
                    continue;
                }
                bytes += text.len() as u64;
                submission.files.insert(name.to_string(), text);
            } else if SETTINGS.contains(&name) || name.starts_with("tests/") {
                submission.around.insert(name.to_string(), text);
            }
        } else if let Some(name) = above.and_then(|above| path.strip_prefix(above))
            && SETTINGS.contains(&name)
        {
            submission.around.insert(format!("../{name}"), text);
        }
    }
    if submission.files.len() > FILES || bytes > BYTES {
        submission.problem.get_or_insert_with(too_much);
    }
    Ok(submission)
}

fn too_much() -> String {
    format!(
        "its `src` holds more than {FILES} files or {} MiB",
        BYTES >> 20
    )
}

#[derive(Default)]
struct Reader {
    files: Files,
    bytes: u64,
    left_out: Vec<String>,
    problem: Option<String>,
}

impl Reader {
    fn folder(&mut self, dir: &Path, name: &str, depth: usize) -> Result<()> {
        if depth > DEPTH {
            self.leave_out(format!("{name} lies deeper than {DEPTH} folders"));
            return Ok(());
        }
        let entries =
            fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
        let mut entries: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        entries.sort();
        for path in entries {
            let part = path.file_name().unwrap_or_default();
            let Some(part) = part.to_str().filter(|part| !part.starts_with('.')) else {
                continue;
            };
            let name = format!("{name}/{part}");
            let kind = fs::symlink_metadata(&path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .file_type();
            if kind.is_symlink() {
                self.leave_out(format!("{name} is a link"));
            } else if name.starts_with("src/") && part.ends_with(".rs") && !is_module(&name) {
                self.leave_out(format!("{name} has a name that no module has"));
            } else if kind.is_dir() {
                self.folder(&path, &name, depth + 1)?;
            } else if part.ends_with(".rs") {
                match kind.is_file() {
                    true => self.file(&path, name)?,
                    false => self.leave_out(format!("{name} is no plain file")),
                }
            }
            if self.problem.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: String) -> Result<()> {
        // The command-line tool is not part of what is tested.
        if name.starts_with("src/bin/") {
            return Ok(());
        }
        let Some(bytes) = capped(path)? else {
            self.leave_out(format!("{name} is larger than {} KiB", FILE_BYTES >> 10));
            return Ok(());
        };
        self.bytes += bytes.len() as u64;
        self.files.insert(name, plain_line_ends(bytes));
        if self.files.len() > FILES || self.bytes > BYTES {
            self.problem = Some(too_much());
        }
        Ok(())
    }

    fn leave_out(&mut self, what: String) {
        self.left_out.push(left_out(&what));
    }
}

fn left_out(what: &str) -> String {
    format!("{}: left out", crate::text::reason(what))
}

/// Whether a path is that of a module below `src`: folders and a file with plain names. Any other could not be written everywhere,
/// and then it would be we who fail.
fn is_module(path: &str) -> bool {
    const LONGEST: usize = 60;
    let plain = |name: &str| {
        (1..=LONGEST).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let Some(stem) = path.strip_suffix(".rs") else {
        return false;
    };
    stem.split('/').all(plain) && stem.split('/').count() <= DEPTH + 1
}

/// The bytes of a file, or none if it is too large.
fn capped(path: &Path) -> Result<Option<Vec<u8>>> {
    let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok((bytes.len() as u64 <= FILE_BYTES).then_some(bytes))
}

/// As the generator has them, whatever a checkout made of them.
fn plain_line_ends(bytes: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) if text.contains("\r\n") => text.replace("\r\n", "\n").into_bytes(),
        Ok(text) => text.into_bytes(),
        Err(no_text) => no_text.into_bytes(),
    }
}

/// Settings of cargo and rustc, beside the crate and above it.
pub const SETTINGS: &[&str] = &[
    "Cargo.toml",
    "build.rs",
    ".cargo/config.toml",
    ".cargo/config",
    "rust-toolchain.toml",
    "rust-toolchain",
    "clippy.toml",
    "rustfmt.toml",
];

/// What stands around `src`; that of the whole checkout with `../` before it.
fn around(place: &Place, dir: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut add = |base: &Path, prefix: &str| {
        for name in SETTINGS {
            let path = base.join(name);
            if fs::symlink_metadata(&path).is_ok_and(|file| file.is_file())
                && let Ok(Some(bytes)) = capped(&path)
            {
                files.insert(format!("{prefix}{name}"), plain_line_ends(bytes));
            }
        }
    };
    add(dir, "");
    if dir != place.root {
        add(&place.root, "../");
    }
    let tests = dir.join("tests");
    if fs::symlink_metadata(&tests).is_ok_and(|tests| tests.is_dir()) {
        let mut reader = Reader::default();
        reader.folder(&tests, "tests", 1)?;
        files.extend(reader.files);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::find;

    fn write(dir: &Path, name: &str, text: &str) {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn an_archive_is_read_like_the_folder_in_it() {
        use std::io::Write;
        let dir = tempfile::tempdir().unwrap();
        let file = fs::File::create(dir.path().join("ann.zip")).unwrap();
        let mut zip = zip::ZipWriter::new(file);
        for (name, text) in [
            ("lsm-1/Cargo.toml", "top"),
            ("lsm-1/mini-lsm/src/lib.rs", "not mine"),
            ("lsm-1/mini-lsm-starter/src/lib.rs", "mine\r\n"),
            ("lsm-1/mini-lsm-starter/src/block/mod.rs", ""),
            ("lsm-1/mini-lsm-starter/build.rs", ""),
        ] {
            zip.start_file(name, zip::write::SimpleFileOptions::default())
                .unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let found = find(&[dir.path().to_path_buf()]).unwrap();
        assert_eq!(found[0].name, "ann");
        let read = read(&found[0]).unwrap();
        assert_eq!(read.problem, None);
        assert_eq!(
            read.files.keys().collect::<Vec<_>>(),
            ["src/block/mod.rs", "src/lib.rs"]
        );
        assert_eq!(read.files["src/lib.rs"], b"mine\n");
        assert_eq!(
            read.around.keys().collect::<Vec<_>>(),
            ["../Cargo.toml", "build.rs"]
        );
    }

    #[test]
    fn only_plain_rust_files_of_moderate_size_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "src/lib.rs", "a\r\nb");
        write(dir.path(), "src/deep/er.rs", "");
        write(dir.path(), "src/notes.txt", "");
        write(dir.path(), "src/huge.rs", &"x".repeat(2 << 20));
        write(dir.path(), "src/1/2/3/4/5/6/7/8/9.rs", "");
        write(dir.path(), "build.rs", "fn main() {}");
        write(dir.path(), "tests/day1_blocks.rs", "");
        #[cfg(unix)]
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join("src/link.rs")).unwrap();
        let found = find(&[dir.path().to_path_buf()]).unwrap();
        let read = read(&found[0]).unwrap();
        let names: Vec<&String> = read.files.keys().collect();
        assert_eq!(names, ["src/deep/er.rs", "src/lib.rs"]);
        assert_eq!(read.files["src/lib.rs"], b"a\nb");
        let expected = if cfg!(unix) { 3 } else { 2 };
        assert_eq!(read.left_out.len(), expected, "{:?}", read.left_out);
        let around: Vec<&String> = read.around.keys().collect();
        assert_eq!(around, ["build.rs", "tests/day1_blocks.rs"]);
    }

    #[test]
    fn too_many_files_are_a_problem_and_not_a_long_wait() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..FILES + 10 {
            write(dir.path(), &format!("src/f{number}.rs"), "");
        }
        let found = find(&[dir.path().to_path_buf()]).unwrap();
        assert!(
            read(&found[0])
                .unwrap()
                .problem
                .unwrap()
                .contains("500 files")
        );
    }
}
