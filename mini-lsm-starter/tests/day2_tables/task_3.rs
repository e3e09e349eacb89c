//! Day 2 · Task 3 · building a table.

use super::*;

/// A table, taken apart by what the format says, without the engine's reader.
struct Parts {
    metas: Vec<Meta>,
    /// The entries of each block.
    blocks: Vec<Vec<Entry>>,
    footer: Footer,
}

/// Takes the file of table 7 apart and checks that every part has its checksum.
#[track_caller]
fn parts(fs: &MemFs) -> Parts {
    let file = fs.read(table_file());
    assert!(
        file.len() > FOOTER_LEN,
        "the file has {} bytes, fewer than a footer",
        file.len()
    );
    let footer_at = file.len() - FOOTER_LEN;
    let footer = try_decode_footer(&file[footer_at..], ID, file.len() as u64)
        .unwrap_or_else(|error| panic!("the table does not end with a sound footer: {error}"));
    let [filter_at, index_at] = [footer.filter_offset, footer.index_offset].map(|at| at as usize);
    checked(&file, filter_at..index_at, "the filter");
    let index = checked(&file, index_at..footer_at, "the index");
    let index = try_decode_index(index, footer.filter_offset)
        .unwrap_or_else(|error| panic!("the index is not well-formed: {error}"));
    let metas = metas_of(&index);
    let block = |(i, meta): (usize, &Meta)| {
        let start = meta.2 as usize;
        let range = start..start + meta.3 as usize + CHECKSUM_LEN;
        let bytes = checked(&file, range, &format!("block {i}"));
        let path = table_file();
        let block = Block::decode(Bytes::copy_from_slice(bytes), Origin::new(&path, meta.2))
            .unwrap_or_else(|error| panic!("block {i} is not well-formed: {error}"));
        entries_of(&block)
    };
    let blocks = metas.iter().enumerate().map(block).collect();
    Parts {
        metas,
        blocks,
        footer,
    }
}

/// The bytes of a part, after the checksum behind them was compared.
#[track_caller]
fn checked<'a>(file: &'a [u8], range: Range<usize>, what: &str) -> &'a [u8] {
    let (part, checksum) = file[range.clone()].split_at(range.len() - CHECKSUM_LEN);
    assert!(
        crc32fast::hash(part).to_le_bytes() == checksum,
        "{what}, bytes {range:?} of the file, does not end with the CRC-32 of what it holds"
    );
    part
}

/// A table of three entries and two blocks has exactly these 152 bytes.
///
/// Everything of this day and the last is in them: blocks, checksums, the empty filter, the
/// index, the footer.
///
/// # Hints
/// - The drawing at the top of `table/mod.rs` has the parts in order. Which field does the
///   table in the report mark first?
/// - Every part but the footer is followed by its CRC-32, also the filter that has no bytes.
/// - If block 1 begins with plum, or block 0 holds kiwi: ask the block builder for room first,
///   then cut, then add.
#[test]
fn a_table_of_three_entries_has_these_bytes() {
    let fs = build(30, &golden_entries());
    check_fields("the table", &fs.read(table_file()), &golden_table());
}

/// All entries are in the table, in order, at every block size.
///
/// The entry that opens a new block is the one that gets lost, or written twice.
///
/// # Hints
/// - When a block is cut, the entry that had no room still has to be added.
/// - `finish` writes the last block too, however little is in it.
#[test]
fn every_entry_is_written_once_at_every_block_size() {
    let mut rng = Rng::new(2);
    for block_size in (1..=90).chain([4096]) {
        let entries = random_entries(&mut rng, 40);
        let parts = parts(&build(block_size, &entries));
        let what = format!("the blocks of a table with a block size of {block_size}");
        check_entries(&what, &parts.blocks.concat(), &entries);
        assert_eq!(
            parts.footer.entry_count,
            entries.len() as u64,
            "the entry count in the footer, tombstones among them"
        );
    }
}

/// A block is cut exactly where the next entry has no room.
///
/// Blocks too large cost a second page at every read; blocks too small make the index larger
/// than memory allows for.
///
/// # Hints
/// - `BlockBuilder::has_room` knows the rule; the table builder only has to ask.
/// - `options.block_size` is the target. It is given to every block, not to the first only.
#[test]
fn blocks_are_cut_where_the_next_entry_has_no_room() {
    // No two keys begin with the same byte, so that no prefix can be shared.
    let entries: Vec<Entry> = (1..=60)
        .map(|i: u8| (vec![i * 4, b'k'], Some(vec![b'v'; i as usize % 17])))
        .collect();
    let len_of = |(key, value): &Entry| 8 + key.len() + value.as_ref().map_or(0, Vec::len) + 2;
    for block_size in [1, 20, 33, 64, 100, 101, 102, 300, 4096] {
        let parts = parts(&build(block_size, &entries));
        let starts = parts.blocks.iter().scan(0, |next, block| {
            *next += block.len();
            Some(*next)
        });
        for (i, (block, next)) in parts.blocks.iter().zip(starts).enumerate() {
            let size = 2 + block.iter().map(len_of).sum::<usize>();
            assert!(
                size <= block_size || block.len() == 1,
                "block {i} has {size} bytes and {} entries, the block size is {block_size}",
                block.len()
            );
            let Some(next) = entries.get(next) else {
                continue;
            };
            assert!(
                size + len_of(next) > block_size,
                "block {i} was cut at {size} bytes though the next entry, with {} bytes, still had room in {block_size}",
                len_of(next)
            );
        }
    }
}

/// The index holds the first and the last key of each block, and of no other.
///
/// With the keys of a neighbour the index sends a search into the wrong block, and a key that
/// is there is not found.
///
/// # Hints
/// - Take both keys from the block builder before its `finish`, which forgets them.
/// - The last key of a block is the last that was added, not the one that had no room.
/// - If every first key is the table's: what resets it when a block is cut?
#[test]
fn the_index_holds_the_first_and_last_key_of_each_block() {
    let mut rng = Rng::new(3);
    for block_size in [1, 25, 40, 80, 200] {
        let parts = parts(&build(block_size, &random_entries(&mut rng, 60)));
        for (i, (meta, block)) in parts.metas.iter().zip(&parts.blocks).enumerate() {
            let [first, last] = [&block[0], &block[block.len() - 1]];
            assert_eq!(
                show(&meta.0),
                show(&first.0),
                "the first key of block {i} in the index"
            );
            assert_eq!(
                show(&meta.1),
                show(&last.0),
                "the last key of block {i} in the index"
            );
        }
    }
}

/// In a table of more than a megabyte every part is where index and footer say.
///
/// A builder hands its bytes to the file in portions. Offsets must count what was handed over
/// and what still waits.
///
/// # Hints
/// - An offset is a place in the file, not in your buffer.
/// - `append` writes at the end: add up what it was given.
#[test]
fn offsets_hold_in_a_table_of_a_megabyte() {
    let mut rng = Rng::new(4);
    let entries: Vec<Entry> = (0..1200).map(|i| (key(i), Some(rng.bytes(1000)))).collect();
    let fs = build(4096, &entries);
    let parts = parts(&fs);
    assert!(
        parts.metas.len() >= 300,
        "four entries of 1,000 bytes a block make 300 blocks, not {}",
        parts.metas.len()
    );
    check_entries(
        "the blocks of a large table",
        &parts.blocks.concat(),
        &entries,
    );
}

/// An entry larger than the block size gets a block of its own, also as the first or the last
/// of a table.
///
/// A value of a megabyte is legal. A builder that cuts an empty block before it makes a table
/// that no reader opens.
///
/// # Hints
/// - An empty block always has room, so nothing is cut before the first entry.
/// - After the large entry nothing has room, so it is cut right behind it.
#[test]
fn an_oversized_entry_gets_a_block_of_its_own() {
    let large = Some(vec![b'v'; 100_000]);
    let small = |key: &[u8]| (key.to_vec(), Some(b"small".to_vec()));
    let entries = [
        (b"a".to_vec(), large.clone()),
        small(b"b"),
        small(b"c"),
        (b"d".to_vec(), large.clone()),
        (b"e".to_vec(), large),
    ];
    let parts = parts(&build(4096, &entries));
    let counts: Vec<_> = parts.blocks.iter().map(Vec::len).collect();
    assert_eq!(
        counts,
        [1, 2, 1, 1],
        "the entries a block of: large a, b, c, large d, large e"
    );
    check_entries("the blocks", &parts.blocks.concat(), &entries);
}

/// `entry_count` counts every entry, tombstones among them, and `finish` gives the length of
/// the file.
///
/// Flush and compaction steer by these numbers.
///
/// # Hints
/// - A tombstone is an entry like any other until a compaction finds that nobody needs it.
/// - The length includes what `finish` itself writes.
#[test]
fn the_builder_counts_entries_and_bytes() {
    let fs = mem_fs();
    fs.create_dir_all(Path::new(DIR))
        .expect("a directory in memory");
    let file = fs.create(&table_file()).expect("a file in memory");
    let mut builder = SsTableBuilder::new(ID, file, &options(&fs));
    assert_eq!(builder.entry_count(), 0, "the entry count of a new builder");
    for (i, (key, value)) in golden_entries().iter().enumerate() {
        builder
            .add(key, value.as_deref())
            .expect("add() to a sound file failed");
        let count = i as u64 + 1;
        assert_eq!(
            builder.entry_count(),
            count,
            "the entry count after {}",
            show(key)
        );
    }
    let len = builder.finish().expect("finish() on a sound file failed");
    assert_eq!(
        len,
        fs.read(table_file()).len() as u64,
        "what finish() gives, compared with the length of the file"
    );
}

/// `estimated_size` grows with what is added, from the first entry on, and comes close to the
/// truth.
///
/// A compaction cuts its output by it. An estimate that waits for full blocks lets a table of
/// huge blocks grow without end.
///
/// # Hints
/// - Three kinds of bytes: in the file, waiting to be handed to it, in the open block.
/// - `BlockBuilder::encoded_len` knows the last.
#[test]
fn estimated_size_is_close_to_the_bytes_of_the_blocks() {
    let mut rng = Rng::new(5);
    let entries: Vec<Entry> = (0..700).map(|i| (key(i), Some(rng.bytes(1000)))).collect();
    for block_size in [1, 4096, 1 << 20] {
        for count in [1, 2, 63, 700] {
            let entries = &entries[..count];
            let fs = build(block_size, entries);
            let blocks_len = parts(&fs).footer.filter_offset;

            fs.remove(&table_file()).expect("removing a file in memory");
            let file = fs.create(&table_file()).expect("a file in memory");
            let options = LsmOptions {
                block_size,
                ..options(&fs)
            };
            let mut builder = SsTableBuilder::new(ID, file, &options);
            for (key, value) in entries {
                builder
                    .add(key, value.as_deref())
                    .expect("add() to a sound file failed");
            }
            let estimate = builder.estimated_size();
            assert!(
                estimate.abs_diff(blocks_len) <= blocks_len / 20,
                "estimated_size() is {estimate} after {count} entries with a block size of {block_size}; the blocks of the finished table have {blocks_len} bytes"
            );
        }
    }
}

/// A finished table survives a power cut: its bytes and its name.
///
/// The log is deleted once its entries are in a table. If the table then is lost, so are they.
///
/// # Hints
/// - A file's bytes and its name in the directory are two things to sync.
/// - `WritableFile::finish` does both, if it is called, and called last.
#[test]
fn a_finished_table_survives_a_power_cut() {
    let entries = numbered_entries(200);
    let fs = build(256, &entries);
    let after = fs.crash_clone(&CrashPlan::Lose);
    assert_eq!(
        after.file_names(DIR),
        fs.file_names(DIR),
        "the files after a power cut that lost all that was not synced"
    );
    check_entries(
        "the table after the power cut",
        &parts(&after).blocks.concat(),
        &entries,
    );
}

/// When writing fails, at whichever step, the builder says so.
///
/// A table that is believed to be whole and is not loses everything in it, and the log that
/// could replace it is gone.
///
/// # Hints
/// - Every call on the file returns a `Result`: `?` it.
/// - A failed sync is a failure too, also the very last, that of the directory.
#[test]
fn a_failed_write_or_sync_is_reported() {
    let entries: Vec<Entry> = (0..700).map(|i| (key(i), Some(vec![b'v'; 1000]))).collect();
    let struck = |verdict: Verdict, strike_at: usize| {
        let fs = mem_fs();
        fs.create_dir_all(Path::new(DIR))
            .expect("a directory in memory");
        let log = OpLog::default();
        let fault = FaultFs::new(Arc::clone(&fs) as Arc<dyn FileSystem>, {
            let log = log.clone();
            move |op| {
                if !op.kind.is_change() || op.kind == OpKind::Create {
                    return Verdict::Proceed;
                }
                log.record(op);
                match log.count(|_| true) - 1 == strike_at {
                    true => verdict,
                    false => Verdict::Proceed,
                }
            }
        });
        let result = try_build(&fault, &options(&fs), &entries);
        (log.operations().get(strike_at).cloned(), result)
    };
    for verdict in [Verdict::Fail(ErrorKind::Other), Verdict::Short(100)] {
        for strike_at in 0.. {
            let (Some(op), result) = struck(verdict, strike_at) else {
                assert!(
                    strike_at >= 3,
                    "a table takes an append, a sync of the file and one of the directory; there were {strike_at} operations"
                );
                break;
            };
            let what = format!(
                "building a table whose {:?} number {strike_at} fails",
                op.kind
            );
            check_io(result, &what);
        }
    }
}
