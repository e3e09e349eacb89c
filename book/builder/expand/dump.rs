//! An annotated hex dump of a file that a console of the page has made, narrow enough for a book.
//!
//! The names come from `cargo x inspect`, the second reader of the formats, so that what is shown here is what the engine wrote.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use xtask::inspect::{Field, Kind, inspect};

/// How many bytes a line shows.
const BYTES: usize = 8;

/// `{{dump FILE}}`, or only the sections whose names begin with one of the further words.
pub fn dump(folder: Option<&Path>, words: &[&str]) -> Result<String, String> {
    let [name, wanted @ ..] = words else {
        return Err("write {{dump FILE}} below the console that makes the file".into());
    };
    let (file, kind) = read(folder, name)?;
    let mut out = String::from("```text\n");
    writeln!(
        out,
        "{:>6}  {:<23}  {:<13}  value",
        "offset", "bytes", "field"
    )
    .expect("a String takes everything");
    let mut count = 0;
    for section in inspect(&file, kind, usize::MAX).sections {
        let is_wanted =
            wanted.is_empty() || wanted.iter().any(|word| section.name.starts_with(word));
        if !is_wanted || section.fields.is_empty() {
            continue;
        }
        count += 1;
        let what = [section.name.as_str(), section.detail.as_str()];
        let what = what.iter().filter(|word| !word.is_empty());
        let what = what.copied().collect::<Vec<_>>().join(" · ");
        writeln!(out, "{what}").expect("a String takes everything");
        for field in &section.fields {
            lines(&mut out, field, &file);
        }
    }
    if count == 0 {
        return Err(format!("{name} has no part {}", wanted.join(", ")));
    }
    Ok(out + "```")
}

/// Where something begins in a file, and where the file ends.
pub fn places(folder: Option<&Path>, name: &str) -> Result<BTreeSet<usize>, String> {
    let (file, kind) = read(folder, name)?;
    let fields = xtask::inspect::fields(&file, kind);
    let begins = fields.iter().map(|field| field.offset);
    Ok(begins.chain([file.len()]).collect())
}

fn read(folder: Option<&Path>, name: &str) -> Result<(Vec<u8>, Kind), String> {
    let path = folder.map(|folder| folder.join(name)).unwrap_or_default();
    let file = fs::read(&path).map_err(|_| format!("no console above has made {name}"))?;
    let base = name.rsplit('/').next().unwrap_or(name);
    let kind = Kind::of(base, &file)
        .ok_or_else(|| format!("{name}: its name does not tell what it is"))?;
    Ok((file, kind))
}

fn lines(out: &mut String, field: &Field, file: &[u8]) {
    let bytes = file
        .get(field.offset..field.offset + field.len)
        .unwrap_or_default();
    let rows = bytes.chunks(BYTES).take(2);
    let rows: Vec<&[u8]> = if bytes.is_empty() {
        vec![&[]]
    } else {
        rows.collect()
    };
    for (row, index) in rows.iter().zip(0..) {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let offset = field.offset + index * BYTES;
        let line = match index {
            0 => format!(
                "{offset:>6}  {:<23}  {:<13}  {}",
                hex.join(" "),
                field.name,
                field.value.replace('\n', " ")
            ),
            _ => format!("{offset:>6}  {}", hex.join(" ")),
        };
        writeln!(out, "{}", line.trim_end()).expect("a String takes everything");
    }
    if bytes.len() > 2 * BYTES {
        writeln!(out, "{:>6}  .. {} bytes more", "", bytes.len() - 2 * BYTES)
            .expect("a String takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_name() {
        let dir = tempfile::tempdir().unwrap();
        let block = b"\0\0\x05\0\x03\0\0\0applered\0\0\x01\0";
        fs::write(dir.path().join("a.block"), block).unwrap_or_default();
        fs::write(dir.path().join("a.bin"), block).unwrap();
        let dump = dump(Some(dir.path()), &["a.bin"]).unwrap();
        assert!(
            dump.contains("     8  61 70 70 6c 65           key suffix     \"apple\""),
            "{dump}"
        );
        assert!(dump.contains("entry count"), "{dump}");
        let part = super::dump(Some(dir.path()), &["a.bin", "entry 0"]).unwrap();
        assert!(!part.contains("entry count"), "{part}");
        assert!(super::dump(Some(dir.path()), &["a.bin", "footer"]).is_err());
        assert!(super::dump(None, &["a.bin"]).is_err());
        let places = places(Some(dir.path()), "a.bin").unwrap();
        assert!(
            [0, 8, 13, 16, 18, 20]
                .iter()
                .all(|place| places.contains(place))
        );
        assert!(!places.contains(&9));
    }
}
