//! Day 2 · Task 4 · opening a table and reading its blocks.

use super::*;

/// Opens table 7 and reads all its blocks.
fn read_all(fs: &Arc<impl FileSystem + 'static>) -> Result<Vec<Entry>, Error> {
    let table = try_open(fs)?;
    let mut all = Vec::new();
    for index in 0..table.block_count() {
        all.extend(entries_of(&table.read_block(index)?));
    }
    Ok(all)
}

/// A table of a few hundred bytes with blocks of all kinds.
fn small_table() -> (Arc<MemFs>, Vec<Entry>) {
    let entries = entries("apple=red banana=yellow cherry fig= kiwi=green plum quince=gold");
    (build(45, &entries), entries)
}

/// A table written down by hand, byte by byte, opens and gives its entries.
///
/// Reading is the mirror of writing; the bytes come from the drawings, not from your builder.
///
/// # Hints
/// - Footer first: it is the last 36 bytes. It says where filter and index are, the index where
///   the blocks are.
/// - `BlockIndex::decode` wants to know where the blocks end: where the filter begins.
#[test]
fn a_handwritten_table_opens() {
    let bytes = bytes_of(&golden_table());
    let table = open(&fs_with(&bytes));
    assert_eq!(table.id(), ID, "the table's id");
    assert_eq!(table.path(), table_file(), "the table's path");
    assert_eq!(table.size(), bytes.len() as u64, "the length of the file");
    assert_eq!(table.entry_count(), 3, "the entry count");
    assert_eq!(table.block_count(), 2, "the block count");
    assert_eq!(show(table.first_key()), show(b"apple"), "the first key");
    assert_eq!(show(table.last_key()), show(b"plum"), "the last key");
    for (index, expected) in [(0, "apple=red"), (1, "kiwi plum=")] {
        let block = table
            .read_block(index)
            .unwrap_or_else(|error| panic!("reading block {index} failed: {error}"));
        check_entries(
            &format!("block {index}"),
            &entries_of(&block),
            &entries(expected),
        );
    }
}

/// What was built is read back, block by block, at every block size.
///
/// From one block of everything to a block for each entry: the reader knows only what the index
/// says.
///
/// # Hints
/// - `verify` (given) looks closer than this test; its error says what is wrong where.
/// - Without a cache `block` gives what `read_block` gives.
#[test]
fn what_was_built_is_read_back() {
    let mut rng = Rng::new(6);
    for block_size in (1..=60).chain([200, 4096]) {
        let entries = random_entries(&mut rng, 50);
        let table = open(&build(block_size, &entries));
        table
            .verify()
            .unwrap_or_else(|error| panic!("verify() of a sound table failed: {error}"));
        for fill in [CacheFill::Yes, CacheFill::No] {
            let mut all = Vec::new();
            for index in 0..table.block_count() {
                let block = table
                    .block(index, fill)
                    .unwrap_or_else(|error| panic!("block({index}) failed: {error}"));
                all.extend(entries_of(&block));
            }
            check_entries("all blocks", &all, &entries);
        }
        assert_eq!(table.entry_count(), entries.len() as u64, "the entry count");
        let [first, last] = [&entries[0], &entries[entries.len() - 1]];
        assert_eq!(show(table.first_key()), show(&first.0), "the first key");
        assert_eq!(show(table.last_key()), show(&last.0), "the last key");
    }
}

/// Opening a table reads no block, and `read_block` reads its block alone, at one go.
///
/// A store of a thousand tables must open in a moment. A read is the dearest thing that the
/// engine does.
///
/// # Hints
/// - Footer, filter and index are all at the end of the file.
/// - The block's checksum lies right behind it: ask for both in one read.
#[test]
fn opening_reads_no_block_and_a_block_is_one_read() {
    let (fs, log) = watched(&build(128, &numbered_entries(100)));
    let table = open(&fs);
    let blocks = blocks_of(&table);
    let early = log.count(|op| is_table_read(op) && op.offset < blocks.end);
    assert_eq!(early, 0, "reads of blocks while the table was opened");
    for index in [0, table.block_count() / 2, table.block_count() - 1] {
        log.clear();
        table
            .read_block(index)
            .unwrap_or_else(|error| panic!("read_block({index}) failed: {error}"));
        let reads: Vec<_> = log.operations().into_iter().filter(is_table_read).collect();
        assert_eq!(reads.len(), 1, "reads of the file for block {index}");
        let (start, end) = (
            reads[0].offset as usize,
            (reads[0].offset + reads[0].len) as usize,
        );
        let block = range_of(&table, index);
        assert!(
            block.start <= start && end <= block.end,
            "read_block({index}) read bytes {start}..{end}, its block and checksum are {block:?}"
        );
    }
}

/// Any changed bit of a table is found: by opening it or by reading its blocks.
///
/// Disks change bits. Every byte of the file is covered by a checksum, so none may change
/// unnoticed, and none may bring the engine down.
///
/// # Hints
/// - The message names the byte: which part is it in? Is that part's checksum compared?
/// - Also the filter has one, though it has no bytes yet.
/// - If it panics: was something believed before its checksum was compared?
#[test]
fn every_changed_bit_is_found() {
    let (fs, expected) = small_table();
    let good = fs.read(table_file());
    let blocks_end = blocks_of(&open(&fs)).end as usize;
    for at in 0..good.len() {
        for change in [1, 2, 4, 8, 16, 32, 64, 128, 0xff] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            fs.write_raw(table_file(), &bytes);
            let what = format!(
                "a table of {} bytes, {blocks_end} of them blocks, with byte {at} changed by {change:02x},",
                good.len()
            );
            check_corruption(read_all(&fs), &what);
        }
    }
    fs.write_raw(table_file(), &good);
    let all = read_all(&fs).unwrap_or_else(|error| panic!("the table repaired: {error}"));
    check_entries("the table repaired", &all, &expected);
}

/// A table that was cut short or got longer is no table.
///
/// A copy that was interrupted, a disk that was full: the file's end is not the footer.
///
/// # Hints
/// - A file of fewer than 36 bytes has no footer: look at the length before you subtract.
/// - The rest the footer's magic number and checksum find.
#[test]
fn every_truncation_is_refused() {
    let good = bytes_of(&golden_table());
    for len in 0..good.len() {
        let what = format!("the first {len} of {} bytes of a table", good.len());
        check_corruption(try_open(&fs_with(&good[..len])), &what);
    }
    for extra in [1, 4, FOOTER_LEN, 100] {
        let bytes = [&good[..], &vec![0; extra]].concat();
        let what = format!("a table with {extra} bytes behind its footer");
        check_corruption(try_open(&fs_with(&bytes)), &what);
    }
}

/// A table under another table's name is refused.
///
/// A file restored under the wrong name has sound checksums. It would answer, from other data.
///
/// # Hints
/// - `open` is told the id: hand it to `Footer::decode`.
#[test]
fn a_table_under_another_id_is_refused() {
    let fs = fs_with(&bytes_of(&golden_table()));
    let opened = SsTable::open(fs, &table_file(), TableId(8), None);
    check_corruption(opened, "the file of table 7 opened as table 8");
}

/// Files of random bytes are refused.
///
/// Whatever lies under a table's name, the engine says "damaged" and lives on.
///
/// # Hints
/// - Nothing of the file is believed before the footer's checksum fits.
#[test]
fn random_bytes_are_refused() {
    let mut rng = Rng::new(7);
    for len in (0..300).chain([4096]) {
        let bytes = rng.bytes(len);
        check_corruption(
            try_open(&fs_with(&bytes)),
            &format!("a file of {len} random bytes"),
        );
        let bytes = vec![0; len];
        check_corruption(
            try_open(&fs_with(&bytes)),
            &format!("a file of {len} zeros"),
        );
    }
}

/// Parts with sound checksums that do not fit together are refused.
///
/// A checksum proves that bytes are as they were written, not that the writer was right.
///
/// # Hints
/// - `BlockIndex::decode` checks the index against the place where the blocks end.
/// - A block is decoded, with all its checks, after its checksum was compared.
#[test]
fn parts_that_do_not_fit_together_are_refused() {
    let [apple, kiwi] = [golden_block(0), golden_block(1)];
    let both = [("apple", "apple", &apple[..]), ("kiwi", "plum", &kiwi[..])];
    let forged = |bytes: Vec<u8>| read_all(&fs_with(&bytes));
    let all = forged(forge(&both, |_| ())).expect("two sound blocks make a table");
    check_entries("two sound blocks", &all, &golden_entries());

    check_corruption(forged(forge(&[], |_| ())), "a table of no blocks");
    check_corruption(forged(forge(&both, Vec::clear)), "an index of no bytes");
    check_corruption(
        forged(forge(&both, |index| index.truncate(26))),
        "an index without block 1",
    );
    check_corruption(
        forged(forge(&both, |index| index[4] = 1)),
        "an index with block 0 at offset 1",
    );
    check_corruption(
        forged(forge(&both, |index| index[12] += 1)),
        "an index with a longer block 0",
    );
    check_corruption(
        forged(forge(&[both[1], both[0]], |_| ())),
        "blocks in the wrong order",
    );
    for (block, what) in [
        (&b""[..], "a block of no bytes"),
        (&[0, 0], "a block of no entries"),
        (&apple[1..], "a block without its first byte"),
        (&apple[..19], "a block without its last byte"),
    ] {
        check_corruption(forged(forge(&[("apple", "apple", block)], |_| ())), what);
    }
}

/// Random damage under sound checksums never makes the reader panic.
///
/// Such files come from bugs, and from people. An error is right; so is an answer; a crash of
/// the whole store is neither.
///
/// # Hints
/// - A panic's message has the line in your code. Which number from the file was believed
///   there?
/// - Lengths from the file are compared with the file before they become a buffer.
#[test]
fn random_damage_under_sound_checksums_never_panics() {
    let mut rng = Rng::new(8);
    for _ in 0..3000 {
        let mut blocks = [golden_block(0), golden_block(1)];
        for _ in 0..rng.below(3) {
            let block = &mut blocks[rng.below(2)];
            let at = rng.below(block.len());
            block[at] = *rng.pick(&[0, 1, 5, 0x80, 0xff]);
        }
        let both = [
            ("apple", "apple", &blocks[0][..]),
            ("kiwi", "plum", &blocks[1][..]),
        ];
        let mut file = forge(&both, |index| {
            for _ in 0..rng.below(2) {
                let at = rng.below(index.len());
                index[at] = *rng.pick(&[0, 1, 5, 0x80, 0xff]);
            }
        });
        if rng.chance(30) {
            let footer_at = file.len() - FOOTER_LEN;
            file.truncate(footer_at);
            let offsets = [0, 1, 4, 58, 62, 112, 116, 152, u64::MAX - 4, u64::MAX];
            let footer = Footer {
                filter_offset: *rng.pick(&offsets),
                index_offset: *rng.pick(&offsets),
                entry_count: 3,
            };
            file.extend(footer.encode(ID));
        }
        match read_all(&fs_with(&file)) {
            Ok(_) | Err(Error::Corruption { .. }) => {}
            Err(other) => {
                panic!("a forged table: expected Error::Corruption or an answer, got: {other}")
            }
        }
    }
}

/// Every read of a block is checked anew, and a damaged block does not keep its neighbours from
/// being read.
///
/// A disk goes bad while the store is open. What can still be read must still be read.
///
/// # Hints
/// - The checksum is compared in `read_block`, not when the table is opened.
/// - Remember nothing of a failed read.
#[test]
fn a_block_is_checked_whenever_it_is_read() {
    let (fs, _) = small_table();
    let table = open(&fs);
    assert!(
        table.block_count() > 2,
        "blocks of 45 bytes make more than two"
    );
    let good = fs.read(table_file());
    for damaged in 0..table.block_count() {
        let mut bytes = good.clone();
        bytes[range_of(&table, damaged).start + 9] ^= 1;
        for (bytes, is_damaged) in [(&bytes, true), (&good, false)] {
            fs.write_raw(table_file(), bytes);
            for index in 0..table.block_count() {
                let reads = [
                    table.read_block(index).map(drop),
                    table.block(index, CacheFill::Yes).map(drop),
                ];
                for read in reads {
                    if is_damaged && index == damaged {
                        check_corruption(read, &format!("block {index}, damaged after open,"));
                    } else {
                        read.unwrap_or_else(|error| {
                            panic!("block {index} is sound and was not read: {error}")
                        });
                    }
                }
            }
        }
    }
}

/// A file that is missing or cannot be read is `Error::Io`, not damage, wherever reading fails.
///
/// "Damaged" makes people restore backups. A cable that came loose does not.
///
/// # Hints
/// - Hand on the error of the file system as it is.
/// - There are failures at open, at the length, and at every read.
#[test]
fn a_file_that_cannot_be_read_is_an_io_error() {
    let nowhere = mem_fs();
    check_io(try_open(&nowhere), "opening a table that is not there");

    let (fs, _) = small_table();
    let mut failures = 0;
    loop {
        let strike_at = failures;
        let hook = move |op: &Operation| match op.index == strike_at {
            true => Verdict::Fail(ErrorKind::Other),
            false => Verdict::Proceed,
        };
        let fault = FaultFs::new(Arc::clone(&fs) as Arc<dyn FileSystem>, hook);
        let log = OpLog::default();
        let fault = Arc::new(FaultFs::logged(Arc::new(fault), &log));
        let result = read_all(&fault);
        let operations = log.operations();
        let Some(op) = operations.get(strike_at as usize) else {
            break;
        };
        let what = format!(
            "reading a table whose operation {strike_at}, {:?}, fails",
            op.kind
        );
        check_io(result, &what);
        failures += 1;
    }
    assert!(
        failures > 5,
        "opening and reading a table of several blocks takes more than {failures} operations"
    );
}

/// A table holds its file open until it is dropped, and no longer; one that did not open holds
/// nothing.
///
/// A file that is still open cannot be removed on Windows, and its space is not free anywhere.
///
/// # Hints
/// - One handle a table, kept for its blocks.
/// - Handles in fields close themselves; nothing else may keep one.
#[test]
fn a_table_closes_its_file() {
    let (fs, _) = small_table();
    let table = open(&fs);
    table
        .read_block(0)
        .unwrap_or_else(|error| panic!("read_block(0) failed: {error}"));
    assert_eq!(fs.open_handles(), 1, "open files while the table is open");
    drop(table);
    assert_eq!(
        fs.open_handles(),
        0,
        "open files after the table was dropped"
    );
    fs.write_raw(table_file(), b"damaged");
    check_corruption(try_open(&fs), "a file of seven bytes");
    assert_eq!(fs.open_handles(), 0, "open files after open() failed");
}
