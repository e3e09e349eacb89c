//! Tables from arbitrary bytes.

use std::path::Path;
use std::sync::Arc;

use mini_lsm::cursor::Lookup;
use mini_lsm::fs::{FileSystem, MemFs};
use mini_lsm::table::footer::{FORMAT_VERSION, MAGIC};
use mini_lsm::table::{
    CHECKSUM_LEN, CacheFill, FOOTER_LEN, SsTable, SsTableBuilder, SsTableIterator, TableId,
};
use mini_lsm::{Error, LsmOptions, StorageIterator};

use super::is_refusal;
use crate::history::show;

/// The table that the bytes are.
pub const TABLE_ID: TableId = TableId(7);
const PATH: &str = "000007.sst";

/// A table file behind one byte. With bit 0 of that, all checksums are mended first; with bit 1,
/// magic and version too.
///
/// It is refused, or else every way to read it is without a panic; and if the engine's own check
/// finds nothing wrong, all ways agree, and a new table of the same entries reads the same.
pub fn sst(data: &[u8]) -> bool {
    let mut file = data.get(1..).unwrap_or_default().to_vec();
    let flags = data.first().copied().unwrap_or_default();
    if flags & 1 != 0 {
        mend(&mut file, flags & 2 != 0);
    }
    let fs = Arc::new(MemFs::new());
    fs.write_raw(PATH, &file);
    let table = match open(&fs) {
        Ok(table) => table,
        Err(error) => {
            assert!(is_refusal(&error), "not what may be: {error:?}");
            return false;
        }
    };
    let is_sound = corruption_or(table.verify()).is_some();
    let read = corruption_or(read_all(&table));
    if !is_sound {
        // Nobody promises anything now, but that it ends, and not by a panic.
        for (key, _) in read.unwrap_or_default() {
            corruption_or(table.get(&key));
            corruption_or(SsTableIterator::new(Arc::clone(&table), CacheFill::No).seek(&key));
        }
        return false;
    }
    let entries = read.expect("a table without damage cannot be read");
    check_sound(&table, &entries);

    fs.remove(Path::new(PATH)).expect("it is there");
    let again = rebuild(&fs, &entries);
    let read = read_all(&again).expect("it was just built");
    assert!(read == entries, "a new table reads otherwise");
    true
}

type Entry = (Vec<u8>, Option<Vec<u8>>);

/// What went well; the only error that may be is `Corruption`.
fn corruption_or<T>(result: Result<T, Error>) -> Option<T> {
    result
        .inspect_err(|error| assert!(error.is_corruption(), "not a Corruption: {error:?}"))
        .ok()
}

fn open(fs: &Arc<MemFs>) -> Result<Arc<SsTable>, Error> {
    let fs = Arc::clone(fs) as Arc<dyn FileSystem>;
    SsTable::open(fs, Path::new(PATH), TABLE_ID, None).map(Arc::new)
}

fn read_all(table: &Arc<SsTable>) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    let mut cursor = SsTableIterator::new(Arc::clone(table), CacheFill::No);
    cursor.seek_to_first()?;
    while cursor.is_valid() {
        entries.push((cursor.key().to_vec(), cursor.value().map(<[u8]>::to_vec)));
        cursor.next()?;
    }
    Ok(entries)
}

fn check_sound(table: &Arc<SsTable>, entries: &[Entry]) {
    assert!(entries.is_sorted_by(|(a, _), (b, _)| a < b), "out of order");
    assert_eq!(table.entry_count(), entries.len() as u64, "the entry count");
    let ends = entries.first().zip(entries.last());
    let (first, last) = ends.expect("a table is not empty");
    assert_eq!(
        (table.first_key(), table.last_key()),
        (&first.0[..], &last.0[..])
    );
    let mut cursor = SsTableIterator::new(Arc::clone(table), CacheFill::No);
    for (number, (key, value)) in entries.iter().enumerate() {
        let got = table.get(key).expect("all of it was read before");
        let expected = Lookup::found(value.as_deref());
        assert_eq!(got, expected, "get({})", show(key));
        // The least key that is greater.
        let beyond = [key, &[0][..]].concat();
        let next = entries.get(number + 1);
        cursor.seek(&beyond).expect("all of it was read before");
        let found = cursor.is_valid().then(|| cursor.key());
        assert_eq!(
            found,
            next.map(|(key, _)| &key[..]),
            "seek({})",
            show(&beyond)
        );
        if next.is_none_or(|(key, _)| *key != beyond) {
            let got = table.get(&beyond).expect("all of it was read before");
            assert_eq!(got, Lookup::Unknown, "get({})", show(&beyond));
        }
    }
}

fn rebuild(fs: &Arc<MemFs>, entries: &[Entry]) -> Arc<SsTable> {
    let options = LsmOptions {
        block_size: 100,
        filter_bits_per_key: 10,
        ..LsmOptions::for_test(Arc::clone(fs) as Arc<dyn FileSystem>)
    };
    let file = fs.create(Path::new(PATH)).expect("a file in memory");
    let mut builder = SsTableBuilder::new(TABLE_ID, file, &options);
    for (key, value) in entries {
        builder.add(key, value.as_deref()).expect("memory");
    }
    builder.finish().expect("a file in memory");
    open(fs).expect("it was just built")
}

/// Gives every part that the footer and the index lead to the right checksum.
fn mend(file: &mut [u8], with_magic: bool) {
    let Some(footer_at) = file.len().checked_sub(FOOTER_LEN) else {
        return;
    };
    if with_magic {
        file[footer_at + 24..footer_at + 28].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        file[footer_at + 28..footer_at + 32].copy_from_slice(&MAGIC.to_le_bytes());
    }
    let mut footer = crc32fast::Hasher::new();
    footer.update(&file[footer_at..footer_at + 32]);
    footer.update(&TABLE_ID.0.to_le_bytes());
    file[footer_at + 32..].copy_from_slice(&footer.finalize().to_le_bytes());
    let filter_at = number_at(file, footer_at, 8);
    let index_at = number_at(file, footer_at + 8, 8);
    for (offset, len) in blocks(file, index_at, footer_at) {
        seal(
            file,
            offset,
            offset.saturating_add(len).saturating_add(CHECKSUM_LEN),
        );
    }
    seal(file, filter_at, index_at);
    seal(file, index_at, footer_at);
}

/// The places of the blocks, as far as the index can be read.
fn blocks(file: &[u8], index_at: usize, footer_at: usize) -> Vec<(usize, usize)> {
    let end = footer_at.saturating_sub(CHECKSUM_LEN);
    let mut blocks = Vec::new();
    let mut at = index_at;
    while at < end && at + 16 <= end {
        let key_lens = number_at(file, at, 2) + number_at(file, at + 2, 2);
        blocks.push((number_at(file, at + 4, 8), number_at(file, at + 12, 4)));
        at += 16 + key_lens;
    }
    blocks
}

/// Writes the checksum of the part from `start` to `end`, in its last four bytes, if there is such a
/// part.
fn seal(file: &mut [u8], start: usize, end: usize) {
    if let Some(part) = file.get_mut(start..end)
        && let Some(len) = part.len().checked_sub(CHECKSUM_LEN)
    {
        let checksum = crc32fast::hash(&part[..len]);
        part[len..].copy_from_slice(&checksum.to_le_bytes());
    }
}

fn number_at(bytes: &[u8], at: usize, width: usize) -> usize {
    let mut number = [0; 8];
    number[..width].copy_from_slice(&bytes[at..at + width]);
    u64::from_le_bytes(number) as usize
}
