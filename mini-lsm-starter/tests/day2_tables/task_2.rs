//! Day 2 · Task 2 · the footer.

use super::*;

fn golden_footer() -> Footer {
    Footer {
        filter_offset: 58,
        index_offset: 62,
        entry_count: 3,
    }
}

/// The footer of table 7 has exactly these 36 bytes.
///
/// The footer is the one thing that is found without being told where it is: the last 36 bytes.
/// Nothing in it may shift.
///
/// # Hints
/// - The table at the top of `table/footer.rs` has the fields in order. Which one does the
///   table in the report mark first?
/// - If only the checksum differs: it covers the 32 bytes before it and then the table's id as
///   8 bytes, which are not stored.
#[test]
fn the_footer_has_these_bytes() {
    check_fields("the footer", &golden_footer().encode(ID), &GOLDEN_FOOTER);
}

/// The bytes of a footer, written down by hand, decode to its fields.
///
/// The bytes come from the format's table, not from your `encode`.
///
/// # Hints
/// - Read the fields in the order of the table; three have 8 bytes, three have 4.
#[test]
fn handwritten_bytes_decode_to_their_fields() {
    let footer = try_decode_footer(&bytes_of(&GOLDEN_FOOTER), ID, 152)
        .unwrap_or_else(|error| panic!("decode refused a well-formed footer: {error}"));
    assert_eq!(footer.filter_offset, 58, "the filter's offset");
    assert_eq!(footer.index_offset, 62, "the index's offset");
    assert_eq!(footer.entry_count, 3, "the entry count");
}

/// A footer with any byte changed is refused.
///
/// It points at everything else: a footer that lies sends the reader anywhere in the file.
///
/// # Hints
/// - The checksum covers every byte before it, and is itself compared in full.
/// - Check before you believe an offset.
#[test]
fn a_footer_with_any_byte_changed_is_refused() {
    let good = bytes_of(&GOLDEN_FOOTER);
    for at in 0..good.len() {
        for change in 1..=255 {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            let what = format!(
                "a footer whose byte {at} is {:02x}, not {:02x},",
                bytes[at], good[at]
            );
            check_corruption(try_decode_footer(&bytes, ID, 152), &what);
        }
    }
}

/// The footer of one table is refused under another table's id.
///
/// A file that was copied or renamed by hand is sound in itself, and yet holds other data than
/// the store expects there.
///
/// # Hints
/// - The id is not stored, so it cannot be compared. But it can be part of what is checked.
/// - Feed the id to the checksum after the fields, when writing and when reading.
#[test]
fn a_footer_under_another_id_is_refused() {
    for id in [0, 6, 8, 7 << 8, 7 << 32, 7 + (1 << 32), u64::MAX] {
        let result = try_decode_footer(&bytes_of(&GOLDEN_FOOTER), TableId(id), 152);
        check_corruption(
            result,
            &format!("the footer of table 7 read as that of table {id}"),
        );
    }
}

/// Another magic number, or a version that never was, is refused even where the checksum fits.
///
/// A file that is no table may well end in 36 bytes with a sound checksum: that of somebody else.
///
/// # Hints
/// - A sound checksum proves only that the bytes are those that were written.
/// - Compare both fields with your constants. There was no version before the first.
#[test]
fn another_version_or_magic_is_refused() {
    for change in [1, 2, 3, 0x80] {
        let forged = with_right_checksum(|bytes| bytes[28] ^= change);
        let what = "a footer with another magic number and a checksum that fits";
        check_corruption(try_decode_footer(&forged, ID, 152), what);
    }
    let forged = with_right_checksum(|bytes| bytes[24] = 0);
    let what = "a footer with version 0 and a checksum that fits";
    check_corruption(try_decode_footer(&forged, ID, 152), what);
}

/// A table of a newer format is `NewerFormat`, not damage, if its checksum fits.
///
/// An engine of next year may write tables that this one would misread; it says so by the version.
/// Nothing is wrong with the file: whoever is told of damage looks for a copy, and needs a newer
/// engine.
///
/// # Hints
/// - `Error::newer_format` takes the file, the version that was found, and the one you know.
/// - Magic number and checksum come first: a flipped bit in the version is damage.
/// - Believe nothing else of such a footer: where its offsets lie may have changed, too.
#[test]
fn a_newer_version_is_no_damage() {
    for version in [2u32, 3, 256, 1 << 31, u32::MAX] {
        for offsets in ["as they were", "of another kind"] {
            let forged = with_right_checksum(|bytes| {
                bytes[24..28].copy_from_slice(&version.to_le_bytes());
                if offsets != "as they were" {
                    bytes[..24].fill(0xff);
                }
            });
            let what = format!("a footer of version {version}, its offsets {offsets},");
            check_newer(try_decode_footer(&forged, ID, 152), version, &what);
        }
        let no_table = with_right_checksum(|bytes| {
            bytes[24..28].copy_from_slice(&version.to_le_bytes());
            bytes[28] ^= 1;
        });
        let what = format!("a footer of version {version} with another magic number");
        check_corruption(try_decode_footer(&no_table, ID, 152), &what);
    }
}

/// The golden footer with some bytes changed, and the checksum that fits them.
fn with_right_checksum(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = bytes_of(&GOLDEN_FOOTER);
    change(&mut bytes);
    let checksum = crc32fast::hash(&[&bytes[..32], &ID.0.to_le_bytes()].concat());
    bytes[32..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[track_caller]
fn check_newer<T>(result: Result<T, Error>, version: u32, what: &str) {
    match result {
        Ok(_) => panic!("{what} was taken without an error, expected Error::NewerFormat"),
        Err(Error::NewerFormat { file, found, known }) => {
            assert!(
                file == table_file(),
                "{what}: the error names the file {}, expected {}",
                file.display(),
                table_file().display()
            );
            assert!(
                (found, known) == (version, 1),
                "{what}: the error says that {found} was found and {known} is known, expected {version} and 1"
            );
        }
        Err(other) => panic!("{what}: expected Error::NewerFormat, got: {other}"),
    }
}

/// The filter, the index and their checksums lie before the footer, in this order; an offset
/// that says otherwise is refused.
///
/// What is not refused here becomes a length by subtraction: an overflow, or an allocation of
/// 16 exabytes.
///
/// # Hints
/// - Two inequalities, in the doc of the module. Each leaves room for the 4 bytes of a
///   checksum.
/// - Where the footer begins is `origin.offset`.
/// - An offset may be `u64::MAX`: add with `checked_add`.
#[test]
fn offsets_out_of_order_are_refused() {
    // The footer begins at byte 116.
    let decode = |filter_offset, index_offset| {
        let footer = Footer {
            filter_offset,
            index_offset,
            entry_count: 3,
        };
        try_decode_footer(&footer.encode(ID), ID, 152)
    };
    for (filter, index) in [(58, 62), (58, 112), (108, 112), (0, 4), (0, 112)] {
        assert!(
            decode(filter, index).is_ok(),
            "a filter at {filter} and an index at {index}, before a footer at 116, are in order"
        );
    }
    let last = u64::MAX;
    for (filter, index) in [
        (59, 62),
        (62, 62),
        (63, 62),
        (58, 113),
        (58, 116),
        (58, 152),
        (109, 112),
        (58, last),
        (58, last - 3),
        (last, 62),
        (last - 3, 0),
        (last - 3, 62),
        (last, last),
        (last - 4, last),
    ] {
        let what = format!("a filter at {filter} and an index at {index}, before a footer at 116,");
        check_corruption(decode(filter, index), &what);
    }
}

/// What was encoded decodes to the same, whatever the numbers and the id.
///
/// Files of more than 4 GiB exist; a field that was cut to 32 bits is noticed late and dearly.
///
/// # Hints
/// - All three numbers and the id are `u64`.
#[test]
fn large_numbers_come_back_in_full() {
    for id in [TableId(1), TableId(1 << 40), TableId(u64::MAX)] {
        let footer = Footer {
            filter_offset: 0x0102_0304_0506_0708,
            index_offset: 0x1112_1314_1516_1718,
            entry_count: u64::MAX,
        };
        let decoded = try_decode_footer(&footer.encode(id), id, 1 << 62)
            .unwrap_or_else(|error| panic!("decode refused what encode wrote: {error}"));
        let fields = |footer: &Footer| {
            [
                footer.filter_offset,
                footer.index_offset,
                footer.entry_count,
            ]
        };
        assert_eq!(
            fields(&decoded),
            fields(&footer),
            "filter offset, index offset and entry count of table {}",
            id.0
        );
    }
}
