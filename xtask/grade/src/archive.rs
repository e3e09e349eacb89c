//! Submissions that come as zip or tar archives, read without unpacking anything onto the disk.
//!
//! Sizes in an archive are claims: what counts is what was read. A name that leads outside (`..`, absolute), a link, a device are left
//! out; too many entries or too many bytes end the reading.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path};

use anyhow::{Context, Result};
use flate2::read::GzDecoder;

use crate::submission::{FILE_BYTES, Files};

/// A checkout of the whole course has some hundred files.
const ENTRIES: usize = 5000;
/// What each entry of the list in a zip begins with.
const LISTED: &[u8] = b"PK\x01\x02";
/// Bytes of the archive itself, and of all that is read out of it.
const PACKED: u64 = 32 << 20;
const BYTES: u64 = 16 << 20;

/// What was in an archive, as far as it may matter: Rust files and settings.
#[derive(Debug, Default)]
pub struct Contents {
    pub files: Files,
    pub left_out: Vec<String>,
    pub problem: Option<String>,
}

/// Whether a file is an archive, by its name.
pub fn is_archive(path: &Path) -> bool {
    kind(path).is_some()
}

/// The name without what makes it an archive.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let known = ENDINGS
        .iter()
        .find_map(|(ending, _)| name.strip_suffix(ending));
    known.unwrap_or(&name).to_string()
}

#[derive(Clone, Copy)]
enum Kind {
    Zip,
    Tar,
    TarGz,
}

const ENDINGS: &[(&str, Kind)] = &[
    (".zip", Kind::Zip),
    (".tar.gz", Kind::TarGz),
    (".tgz", Kind::TarGz),
    (".tar", Kind::Tar),
];

fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_string_lossy();
    let known = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
    known.map(|(_, kind)| *kind)
}

/// Reads an archive. What is wrong with it stands in the contents; an error is not its fault.
pub fn read(path: &Path) -> Result<Contents> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let len = file
        .metadata()
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    let mut contents = Contents::default();
    if len > PACKED {
        contents.problem = Some(format!("the archive is larger than {} MiB", PACKED >> 20));
        return Ok(contents);
    }
    let file = BufReader::new(file);
    let read = match kind(path) {
        Some(Kind::Zip) if lists_too_much(path)? => {
            contents.problem = Some(too_many());
            return Ok(contents);
        }
        Some(Kind::Zip) => contents.zip(file),
        Some(Kind::TarGz) => contents.tar(GzDecoder::new(file)),
        _ => contents.tar(file),
    };
    if let Err(damage) = read {
        let damage = crate::text::reason(&format!("{damage:#}"));
        contents
            .problem
            .get_or_insert(format!("the archive cannot be read: {damage}"));
    }
    Ok(contents)
}

fn too_many() -> String {
    format!("the archive has more than {ENTRIES} entries")
}

/// Whether the list of a zip, which is read whole, has more entries than we want in memory. Counted by what they begin with, for
/// what the archive says of itself is a claim.
fn lists_too_much(path: &Path) -> Result<bool> {
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut buffer = vec![0; 64 << 10];
    let (mut kept, mut count) = (0, 0);
    loop {
        let read = file
            .read(&mut buffer[kept..])
            .with_context(|| format!("cannot read {}", path.display()))?;
        let filled = kept + read;
        let windows = buffer[..filled].windows(LISTED.len());
        count += windows.filter(|window| *window == LISTED).count();
        if read == 0 || count > ENTRIES {
            return Ok(count > ENTRIES);
        }
        // One may lie across the border, none is counted twice.
        kept = filled.min(LISTED.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

impl Contents {
    fn zip(&mut self, file: BufReader<File>) -> Result<()> {
        let mut archive = zip::ZipArchive::new(file)?;
        let mut left = BYTES;
        for number in 0..archive.len() {
            if self.is_too_much(number, left) {
                break;
            }
            let entry = archive.by_index(number)?;
            let name = entry.name()?.into_owned();
            let plain = entry.is_file() && !entry.is_symlink();
            if entry.is_dir() {
                continue;
            }
            left = self.entry(&name, plain, entry, left)?;
        }
        Ok(())
    }

    fn tar(&mut self, file: impl Read) -> Result<()> {
        // Names and headers count too.
        let mut archive = tar::Archive::new(file.take(BYTES + PACKED));
        let mut left = BYTES;
        for (number, entry) in archive.entries()?.enumerate() {
            if self.is_too_much(number, left) {
                break;
            }
            let entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let kind = entry.header().entry_type();
            if kind.is_dir() || kind.is_pax_global_extensions() {
                continue;
            }
            left = self.entry(&name, kind.is_file(), entry, left)?;
        }
        Ok(())
    }

    fn is_too_much(&mut self, entries: usize, left: u64) -> bool {
        let problem = match (entries < ENTRIES, left > 0) {
            (true, true) => return false,
            (false, _) => too_many(),
            (_, false) => format!("the archive unpacks to more than {} MiB", BYTES >> 20),
        };
        self.problem = Some(problem);
        true
    }

    /// Takes one entry; gives how many bytes may still be read.
    fn entry(&mut self, name: &str, plain: bool, entry: impl Read, left: u64) -> Result<u64> {
        let Some(path) = harmless(name) else {
            self.leave_out(format!("{name}: its name leads outside the archive"));
            return Ok(left);
        };
        if !may_matter(&path) {
            return Ok(left);
        }
        if !plain {
            self.leave_out(format!("{name}: it is a link or no plain file"));
            return Ok(left);
        }
        let mut bytes = Vec::new();
        let limit = left.min(FILE_BYTES + 1);
        entry.take(limit).read_to_end(&mut bytes)?;
        let read = bytes.len() as u64;
        if read > FILE_BYTES {
            self.leave_out(format!(
                "{name}: it is larger than {} KiB",
                FILE_BYTES >> 10
            ));
        } else {
            self.files.insert(path, bytes);
        }
        Ok(left.saturating_sub(read))
    }

    fn leave_out(&mut self, what: String) {
        const TOLD: usize = 20;
        if self.left_out.len() < TOLD {
            self.left_out
                .push(format!("{}: left out", crate::text::reason(&what)));
        }
    }
}

/// A path of plain names, with `/` between them.
fn harmless(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    let mut parts = Vec::new();
    for part in Path::new(&name).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?.to_string()),
            Component::CurDir => {}
            _ => return None,
        }
    }
    // A drive of Windows is a plain name elsewhere.
    let is_drive = parts.first().is_some_and(|part| part.ends_with(':'));
    (!is_drive && !parts.is_empty()).then(|| parts.join("/"))
}

/// Rust files and settings; build results, pictures and the like are passed over.
fn may_matter(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let hidden = path
        .split('/')
        .any(|part| part == ".git" || part == "target" || part == "__MACOSX");
    !hidden
        && (name.ends_with(".rs")
            || crate::submission::SETTINGS
                .iter()
                .any(|known| path == *known || path.ends_with(&format!("/{known}"))))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in entries {
            let mut header = tar::Header::new_gnu();
            // `set_path` refuses what an attacker would write.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn read_as(name: &str, bytes: &[u8]) -> Contents {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read(&path).unwrap()
    }

    #[test]
    fn names_that_lead_outside_and_links_are_left_out() {
        let mut bytes = tar(&[
            ("a/src/lib.rs", b"x"),
            ("../src/evil.rs", b"x"),
            ("/etc/src/evil.rs", b"x"),
            ("a/src/../../../evil.rs", b"x"),
            ("a/picture.png", b"x"),
        ]);
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder
            .append_link(&mut header, "a/src/link.rs", "/etc/passwd")
            .unwrap();
        // The end of the first archive is two empty blocks.
        bytes.truncate(bytes.len() - 1024);
        bytes.extend(builder.into_inner().unwrap());
        let contents = read_as("x.tar", &bytes);
        assert_eq!(contents.files.keys().collect::<Vec<_>>(), ["a/src/lib.rs"]);
        assert_eq!(contents.left_out.len(), 4, "{:?}", contents.left_out);
        assert_eq!(contents.problem, None);
    }

    #[test]
    fn bombs_are_a_problem_of_their_own() {
        // Seventy files of this size pack into almost nothing.
        let zeros = vec![b' '; FILE_BYTES as usize];
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for number in 0..70 {
            zip.start_file(format!("src/f{number}.rs"), options)
                .unwrap();
            zip.write_all(&zeros).unwrap();
        }
        let contents = read_as("x.zip", zip.finish().unwrap().get_ref());
        assert!(contents.problem.unwrap().contains("16 MiB"));
        let many: Vec<(String, &[u8])> = (0..ENTRIES + 1)
            .map(|number| (format!("src/f{number}.rs"), &b""[..]))
            .collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|(n, b)| (n.as_str(), *b)).collect();
        assert!(
            read_as("x.tar", &tar(&many))
                .problem
                .unwrap()
                .contains("5000 entries")
        );
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for number in 0..=ENTRIES {
            zip.start_file(format!("f{number}"), options).unwrap();
        }
        let contents = read_as("x.zip", zip.finish().unwrap().get_ref());
        assert!(contents.problem.unwrap().contains("5000 entries"));
        assert!(read_as("x.zip", b"no zip").problem.is_some());
        assert!(read_as("x.tgz", b"no gzip").problem.is_some());
    }

    #[test]
    fn an_archive_is_called_by_what_is_in_it() {
        assert_eq!(stem(Path::new("/x/ann.tar.gz")), "ann");
        assert!(is_archive(Path::new("ann.zip")) && !is_archive(Path::new("ann.rs")));
    }
}
