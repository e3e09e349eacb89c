//! Each rule of a format is told by its own words, at its own field.

use xtask::inspect::{Field, Kind, fields};

use crate::samples::{self, TABLE, entries, inspected, seal};

/// That among the problems is one at `field` with these words.
#[track_caller]
fn assert_tells(file: &[u8], kind: Kind, field: &str, words: &str) {
    let problems = inspected(file, kind).problems();
    let place = format!(", {field}: ");
    let is_told = |text: &str| text.contains(&place) && text.contains(words);
    assert!(
        problems.iter().any(|problem| is_told(&problem.text)),
        "no `{field} … {words}` in {problems:?}"
    );
}

#[test]
fn the_rules_of_a_block() {
    let head = |shared: u8, unshared: u8| [shared, 0, unshared, 0, 255, 255, 255, 255];
    let one = |entry: &[u8], offset: u8| [entry, &[offset, 0, 1, 0]].concat();
    let two = |second: &[u8]| [&head(0, 1)[..], b"m", second, &[0, 0, 9, 0, 2, 0]].concat();
    let with_key = |head: [u8; 8], key: &[u8]| [&head, key].concat();
    for (block, field, words) in [
        (vec![1], "entry count", "2 bytes are needed, 1 are left"),
        (vec![0, 0], "entry count", "at least one entry"),
        (vec![0, 0, 9, 0], "entry count", "no room for 9 offsets"),
        (
            one(&head(0, 0), 0),
            "unshared",
            "the key would have 0 bytes",
        ),
        (
            one(&with_key(head(1, 1), b"a"), 0),
            "shared",
            "the first entry has nothing to share",
        ),
        (
            one(&with_key(head(0, 1), b"a"), 3),
            "offset",
            "entry 0 is at 0",
        ),
        (
            one(&with_key(head(0, 1), b"ab"), 0),
            "unread",
            "belong to no entry",
        ),
        (
            one(&head(0, 9), 0),
            "key suffix",
            "9 bytes are needed, 0 are left",
        ),
        (
            two(&with_key(head(0, 1), b"m")),
            "key suffix",
            "not greater than the key before, \"m\"",
        ),
        (
            two(&with_key(head(2, 1), b"n")),
            "shared",
            "the first key has 1 byte",
        ),
    ] {
        assert_tells(&block, Kind::Block, field, words);
    }
}

#[test]
fn the_rules_of_an_index_and_a_footer() {
    let fs = samples::table(&entries(30), 256, 10);
    let sound = fs.read(samples::table_file());
    let kind = Kind::Table(Some(TABLE.0));
    let named = |name: &str| -> Vec<Field> {
        let fields = fields(&sound, kind).into_iter();
        fields.filter(|field| field.name == name).collect()
    };
    let block_count = named("block offset").len();
    // The byte of the field that is changed, counted from its end, and what it becomes.
    for (field, index, from_end, byte, words) in [
        (
            "first key",
            0,
            1,
            b'!',
            "in the block it is \"fruit 00000\"",
        ),
        (
            "first key",
            1,
            1,
            b'!',
            "not greater than the last key before",
        ),
        ("last key", 0, 11, b'!', "less than the first key"),
        ("block offset", 0, 1, 1, "the block before ends at 0"),
        ("block length", 0, 1, 1, "must lie in 0.."),
        ("probe count", 0, 1, 31, "not 1 to 30"),
        ("filter offset", 0, 1, 1, "no room for a filter"),
        ("index offset", 0, 1, 1, "no room for an index"),
        ("entry count", 0, 8, 31, "the blocks have 30 entries"),
        ("version", 0, 4, 2, "only 1 is known: a newer engine"),
        ("version", 0, 4, 0, "only 1 is known"),
        ("magic", 0, 4, b'M', "a table has \"mLSM\" here"),
    ] {
        // Blocks have entry counts too: the footer's comes last.
        let place = match field {
            "entry count" => named(field).pop(),
            _ => named(field).into_iter().nth(index),
        };
        let mut table = sound.clone();
        table[place.expect("a field").end() - from_end] = byte;
        seal(&mut table, &named("CRC"));
        assert_tells(&table, kind, field, words);
    }
    // A key at the end of one block and at the front of the next.
    let mut table = sound.clone();
    let (last, first) = (&named("last key")[0], &named("first key")[1]);
    table.copy_within(last.offset..last.end(), first.offset);
    seal(&mut table, &named("CRC"));
    assert_tells(
        &table,
        kind,
        "first key",
        "not greater than the last key before",
    );

    let mut table = sound.clone();
    let last_len = &named("block length")[block_count - 1];
    table[last_len.offset] -= 1;
    seal(&mut table, &named("CRC"));
    assert_tells(&table, kind, "CRC", "the blocks it names end at");
}

/// What stands behind an edit of a newer format is not judged: only the format is told.
#[test]
fn a_newer_manifest_is_told_by_its_format_alone() {
    use std::path::Path;

    use mini_lsm::fs::{FileSystem, MemFs};
    use mini_lsm::log::LogWriter;

    let fs = MemFs::new();
    let path = Path::new("MANIFEST");
    let log = LogWriter::new(0, fs.create(path).expect("a new file"));
    for edit in [r#"{"format":2,"surprise":1}"#, "surprise"] {
        log.append(|payload| payload.extend_from_slice(edit.as_bytes()))
            .expect("an append");
    }
    let file = fs.read(path);
    assert_tells(&file, Kind::Manifest, "edit", "format 2, only 1 is known");
    let inspection = inspected(&file, Kind::Manifest);
    assert_eq!(inspection.problems().len(), 1, "{inspection:?}");
}
