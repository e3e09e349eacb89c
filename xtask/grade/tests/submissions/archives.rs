//! Submissions that come as archives: honest ones get what is in them, and what leads elsewhere is left out and named.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use staging::tree::Tree;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support;

/// Names that lead outside, or that no module has, with a part of what is told of each.
const ASTRAY: &[(&str, &str)] = &[
    ("../../mini-lsm-was-here/src/x.rs", "leads outside"),
    ("/tmp/mini-lsm-was-here/src/x.rs", "leads outside"),
    ("course/mini-lsm-starter/src/a.rs/b.rs", "no module"),
];

fn path_of(name: &str) -> String {
    format!("course/mini-lsm-starter/{name}")
}

fn sources(tree: &Tree) -> impl Iterator<Item = (String, &Vec<u8>)> {
    let sources = tree.iter().filter(|(name, _)| name.starts_with("src/"));
    sources.map(|(name, text)| (path_of(name), text))
}

fn write_zip(tree: &Tree, to: &Path) {
    let mut zip = ZipWriter::new(File::create(to).expect("a file"));
    let options = SimpleFileOptions::default();
    let mut add = |name: &str, text: &[u8]| {
        zip.start_file(name, options).expect("an entry");
        zip.write_all(text).expect("an entry");
    };
    for (name, text) in sources(tree) {
        add(&name, text);
    }
    for (name, _) in ASTRAY {
        add(name, b"");
    }
    let link = path_of("src/link.rs");
    zip.add_symlink(link, "/etc/passwd", options)
        .expect("a link");
    zip.finish().expect("an archive");
}

fn write_tar(tree: &Tree, to: &Path) {
    let gzip = GzEncoder::new(File::create(to).expect("a file"), Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let header = |name: &str, len: usize| {
        let mut header = tar::Header::new_gnu();
        // `set_path` refuses what an attacker would write.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(len as u64);
        header.set_mode(0o644);
        header.set_cksum();
        header
    };
    for (name, text) in sources(tree) {
        tar.append(&header(&name, text.len()), &text[..])
            .expect("an entry");
    }
    for (name, _) in ASTRAY {
        tar.append(&header(name, 0), &b""[..]).expect("an entry");
    }
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    tar.append_link(&mut link, path_of("src/link.rs"), "/etc/passwd")
        .expect("a link");
    let gzip = tar.into_inner().expect("an archive");
    gzip.finish().expect("an archive");
}

fn write_bomb(to: &Path) {
    let mut zip = ZipWriter::new(File::create(to).expect("a file"));
    let spaces = vec![b' '; 200 << 10];
    for number in 0..500 {
        let name = format!("src/f{number}.rs");
        zip.start_file(name, SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(&spaces).expect("an entry");
    }
    zip.finish().expect("an archive");
}

#[test]
fn archives_are_graded_and_cannot_lead_anywhere() {
    let dir = tempfile::tempdir().expect("a folder");
    let class = dir.path().join("class");
    fs::create_dir(&class).expect("a folder");
    let tree = support::stage(1);
    write_zip(&tree, &class.join("ann.zip"));
    write_tar(&tree, &class.join("bob.tar.gz"));
    write_bomb(&class.join("bomb.zip"));
    fs::write(class.join("eve.zip"), "no archive").expect("a file");
    let report = support::grade(&["--day", "1", "--task", "1"], &[&class]);
    for name in ["ann", "bob"] {
        let graded = support::of(&report, name);
        assert_eq!(graded.reason, None, "{name}");
        let wanted = ASTRAY.iter().map(|(_, told)| *told).chain(["a link"]);
        for told in wanted {
            let found = graded.tampering.iter().any(|line| line.contains(told));
            assert!(found, "{name}: `{told}` is not in {:?}", graded.tampering);
        }
    }
    for (name, why) in [("bomb", "unpacks to more than"), ("eve", "cannot be read")] {
        let graded = support::of(&report, name);
        let reason = graded.reason.as_deref().unwrap_or_default();
        assert!(reason.contains(why), "{name}: {reason}");
        assert_eq!(graded.passed, 0, "{name}");
    }
    let names: Vec<_> = fs::read_dir(dir.path()).expect("a folder").collect();
    assert_eq!(names.len(), 1, "something was unpacked: {names:?}");
    assert!(!Path::new("/tmp/mini-lsm-was-here").exists());
}
