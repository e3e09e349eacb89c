//! Tables: blocks, filter, index, footer.

use std::ops::Range;

use crc32fast::Hasher;

use super::block;
use super::bytes::{Scribe, counted, little_endian, quote};
use super::filter::{self, Filter};
use super::report::{Inspection, NEWER, Section, Shortener, Verdict};

const FOOTER_LEN: usize = 36;
/// What of the footer its checksum covers, beside the table's id.
const CHECKED_LEN: usize = 32;
const CRC_LEN: usize = 4;
const VERSION: u32 = 1;
const MAGIC: &[u8; 4] = b"mLSM";
/// Ids below this are tried where the name of a file tells none.
pub const TRIED_IDS: u64 = 100_000;

/// Whether the file ends in a table's magic number.
pub fn has_magic(file: &[u8]) -> bool {
    let magic_at = file.len().checked_sub(2 * CRC_LEN);
    magic_at.is_some_and(|at| file.len() >= FOOTER_LEN && file[at..].starts_with(MAGIC))
}

/// Where the parts of a table are, as far as the footer says so and it makes sense.
struct Layout {
    section: Section,
    /// None if even the index cannot be found.
    index: Option<Range<usize>>,
    filter: Option<Range<usize>>,
    entry_count: u64,
}

/// What the index says of a block.
struct BlockMeta {
    first_key: Vec<u8>,
    last_key: Vec<u8>,
    /// Without the checksum behind it; None where it cannot be.
    range: Option<Range<usize>>,
}

/// Where the index has come to.
struct Blocks {
    /// Behind the last block that was named.
    next: usize,
    /// Whether the next one must begin just there: the last could be placed.
    is_sure: bool,
    end: usize,
}

/// Reads table `id`, or one whose id is not known. Shows `budget` entries.
pub fn inspect(file: &[u8], id: Option<u64>, budget: usize) -> Inspection {
    let mut table = Table {
        file,
        shortener: Shortener::new(budget),
        at: 0,
        entry_count: 0,
        block_count: 0,
        filter: None,
    };
    let footer_at = file.len().saturating_sub(FOOTER_LEN);
    let mut layout = read_footer(file, footer_at, id);
    let (mut index, metas) = match layout.index.clone() {
        Some(range) => read_index(file, range, layout.filter.as_ref()),
        None => (Vec::new(), Vec::new()),
    };
    let mut filter_section = layout.filter.clone().map(|range| {
        let (section, filter) = filter::read(file, range);
        table.filter = filter;
        section
    });
    for (block, meta) in metas.iter().enumerate() {
        if let Some(range) = meta.range.clone() {
            // The first section of the index is its heading.
            table.read_block(block, range, meta, &mut index[block + 1]);
        }
    }
    if let (Some(section), Some(filter)) = (&mut filter_section, &table.filter) {
        filter.judge(section);
    }
    if let Some(range) = &layout.filter {
        table.fill_up_to(range.start);
        table.shortener.add(filter_section.into_iter().collect());
        table.at = range.end;
    }
    table.fill_up_to(layout.index.as_ref().map_or(footer_at, |range| range.start));
    if layout.index.is_some() && layout.entry_count != table.entry_count as u64 {
        let found = counted(table.entry_count, "entry", "entries");
        let reason = format!("the blocks have {found}");
        layout.section.wrong("entry count", reason);
    }
    table.finish(id, index, layout.section, budget)
}

struct Table<'a> {
    file: &'a [u8],
    shortener: Shortener,
    /// Up to where the file has been read.
    at: usize,
    entry_count: usize,
    block_count: usize,
    filter: Option<Filter<'a>>,
}

impl Table<'_> {
    /// Reads a block and its checksum, and compares it with what the index says of it, in
    /// `index_entry`.
    fn read_block(
        &mut self,
        number: usize,
        range: Range<usize>,
        meta: &BlockMeta,
        index_entry: &mut Section,
    ) {
        self.fill_up_to(range.start);
        let Range { start, end } = range;
        let mut block = block::read(self.file, range);
        let mut crc = Scribe::new(self.file, end..end + CRC_LEN);
        crc.crc("CRC", crc32fast::hash(&self.file[start..end]));
        self.at = crc.at();
        if let Some(frame) = block.sections.last_mut() {
            frame.fields.extend(crc.finish());
        }
        for (field, key, indexed) in [
            ("first key", block.keys.first(), &meta.first_key),
            ("last key", block.keys.last(), &meta.last_key),
        ] {
            if let Some(key) = key.filter(|key| *key != indexed) {
                index_entry.wrong(field, format!("in the block it is {}", quote(key)));
            }
        }
        if let Some(filter) = &mut self.filter {
            filter.ask(&block.keys);
        }
        self.entry_count += block.keys.len();
        self.block_count += 1;
        let entries = counted(block.keys.len(), "entry", "entries");
        let detail = format!("bytes {start}..{end}, {entries}");
        let mut group = vec![Section::part(format!("block {number}"), detail, Vec::new())];
        group.append(&mut block.sections);
        self.shortener.add_item(group, "blocks");
    }

    /// Shows what nothing points to.
    fn fill_up_to(&mut self, end: usize) {
        let mut unread = Scribe::new(self.file, self.at..end);
        unread.rest("unread", "nothing tells what these bytes are");
        let fields = unread.finish();
        if !fields.is_empty() {
            let section = Section::part(format!("bytes from {}", self.at), "", fields);
            self.shortener.add(vec![section]);
            self.at = end;
        }
    }

    fn finish(
        self,
        id: Option<u64>,
        index: Vec<Section>,
        footer: Section,
        budget: usize,
    ) -> Inspection {
        let table = id.map_or("a table".to_string(), |id| format!("table {id}"));
        let summary = format!(
            "{table}, {}, {}, {}",
            counted(self.file.len(), "byte", "bytes"),
            counted(self.block_count, "block", "blocks"),
            counted(self.entry_count, "entry", "entries")
        );
        let mut sections = self.shortener.finish();
        // The index has a budget of its own: its entries are worth seeing even where those of the
        // blocks are too many.
        let mut shortener = Shortener::new(budget);
        shortener.add(index);
        sections.append(&mut shortener.finish());
        sections.push(footer);
        Inspection {
            summary,
            sections,
            notes: Vec::new(),
            drawn_in: "mini-lsm-starter/src/table/mod.rs, with index.rs and footer.rs beside it",
        }
    }
}

fn read_footer(file: &[u8], footer_at: usize, id: Option<u64>) -> Layout {
    let mut scribe = Scribe::new(file, footer_at..file.len());
    let mut layout = Layout {
        section: Section::part("footer", "", Vec::new()),
        index: None,
        filter: None,
        entry_count: 0,
    };
    if file.len() < FOOTER_LEN {
        scribe.take(FOOTER_LEN, "too short");
    } else {
        read_footer_fields(&mut scribe, &mut layout, footer_at, id);
    }
    layout.section.fields = scribe.finish();
    layout
}

fn read_footer_fields(
    scribe: &mut Scribe<'_>,
    layout: &mut Layout,
    footer_at: usize,
    id: Option<u64>,
) -> Option<()> {
    let checked = scribe.file().get(footer_at..footer_at + CHECKED_LEN)?;
    let [filter_at, index_at] = [0, 8].map(|at| little_endian(&checked[at..at + 8]));
    scribe.u64("filter offset")?;
    let fits = |start: u64, end: u64| {
        start
            .checked_add(CRC_LEN as u64)
            .is_some_and(|last| last <= end)
    };
    let index_fits = fits(index_at, footer_at as u64);
    if fits(filter_at, index_at) && index_fits {
        layout.filter = Some(filter_at as usize..index_at as usize);
    } else if index_fits {
        scribe.wrong(format!("no room for a filter up to the index, {index_at}"));
    }
    scribe.u64("index offset")?;
    if index_fits {
        layout.index = Some(index_at as usize..footer_at);
    } else {
        scribe.wrong(format!(
            "no room for an index up to the footer, {footer_at}"
        ));
    }
    layout.entry_count = scribe.u64("entry count")?;
    let version = scribe.u32("version")?;
    if version > VERSION {
        scribe.wrong(format!("only {VERSION} is known: {NEWER}"));
    } else if version != VERSION {
        scribe.wrong(format!("only {VERSION} is known"));
    }
    let magic = scribe.take(MAGIC.len(), "magic")?;
    scribe.say(quote(magic));
    if magic != MAGIC {
        scribe.wrong(format!("a table has {} here", quote(MAGIC)));
    }
    check_footer_crc(scribe, checked, id);
    Some(())
}

/// The checksum covers an id that the file's name tells, if anything does.
fn check_footer_crc(scribe: &mut Scribe<'_>, checked: &[u8], id: Option<u64>) {
    let mut fields = Hasher::new();
    fields.update(checked);
    let as_table = |id: u64| {
        let mut with_id = fields.clone();
        with_id.update(&id.to_le_bytes());
        with_id.finalize()
    };
    let Some(stored) = scribe.u32("CRC") else {
        return;
    };
    if id.is_some_and(|id| as_table(id) == stored) {
        scribe.say(format!("{stored:08x}"));
        return scribe.verdict(Verdict::Ok);
    }
    let other = (0..TRIED_IDS).find(|&other| as_table(other) == stored);
    scribe.say(format!("{stored:08x}"));
    match (id, other) {
        (None, Some(other)) => {
            scribe.say(format!("{stored:08x}, that of table {other}"));
            scribe.verdict(Verdict::Ok);
        }
        (None, None) => scribe.verdict(Verdict::Unchecked(
            "it covers the table's id, which stands only in a name like 000007.sst".into(),
        )),
        (Some(id), Some(other)) => {
            scribe.wrong(format!("that of table {other}, the name says table {id}"));
        }
        (Some(id), None) => {
            let computed = as_table(id);
            scribe.wrong(format!("as table {id} it must be {computed:08x}"));
        }
    }
}

/// Reads the index. As many sections as metas, behind a heading and before the checksum.
fn read_index(
    file: &[u8],
    range: Range<usize>,
    filter: Option<&Range<usize>>,
) -> (Vec<Section>, Vec<BlockMeta>) {
    let crc_at = range.end - CRC_LEN;
    // Without a filter nobody knows where the blocks end, but that it is before the index.
    let blocks_end = filter.map_or(range.start, |filter| filter.start);
    let mut sections = vec![Section::part("index", "", Vec::new())];
    let mut metas: Vec<BlockMeta> = Vec::new();
    let mut at = range.start;
    let mut last_key = Vec::new();
    let mut blocks = Blocks {
        next: 0,
        is_sure: true,
        end: blocks_end,
    };
    while at < crc_at {
        let mut scribe = Scribe::new(file, at..crc_at);
        let meta = read_index_entry(&mut scribe, &last_key, &blocks);
        at = scribe.at();
        let name = format!("index entry {}", metas.len());
        let section = |detail| Section::part(name, detail, scribe.finish()).item("index entries");
        let Some(meta) = meta else {
            sections.push(section("unreadable".to_string()));
            break;
        };
        let keys = format!("{} to {}", quote(&meta.first_key), quote(&meta.last_key));
        sections.push(section(keys));
        blocks.is_sure = meta.range.is_some();
        if let Some(range) = &meta.range {
            blocks.next = range.end + CRC_LEN;
        }
        last_key.clone_from(&meta.last_key);
        metas.push(meta);
    }
    let mut scribe = Scribe::new(file, at..crc_at);
    scribe.rest("unread", "behind an entry that could not be read");
    let mut fields = scribe.finish();
    let mut scribe = Scribe::new(file, crc_at..range.end);
    scribe.crc("CRC", crc32fast::hash(&file[range.start..crc_at]));
    if metas.is_empty() && range.start == crc_at {
        scribe.wrong("the index names no block");
    } else if filter.is_some() && blocks.is_sure && blocks.next != blocks_end {
        let reason = format!(
            "the blocks it names end at {}, not at {blocks_end}",
            blocks.next
        );
        scribe.wrong(reason);
    }
    fields.extend(scribe.finish());
    sections.push(Section::part("end of the index", "", fields).inner());
    sections[0].detail = counted(metas.len(), "block", "blocks");
    (sections, metas)
}

/// None if the entry is cut.
fn read_index_entry(
    scribe: &mut Scribe<'_>,
    last_key: &[u8],
    blocks: &Blocks,
) -> Option<BlockMeta> {
    let first_len = scribe.u16("first length")? as usize;
    let last_len = scribe.u16("last length")? as usize;
    let offset = scribe.u64("block offset")?;
    if blocks.is_sure && offset != blocks.next as u64 {
        scribe.wrong(format!("the block before ends at {}", blocks.next));
    }
    let len = scribe.u32("block length")?;
    let end = offset.saturating_add(u64::from(len));
    let fits =
        offset >= blocks.next as u64 && end.saturating_add(CRC_LEN as u64) <= blocks.end as u64;
    if !fits {
        let Blocks { next, end, .. } = blocks;
        scribe.wrong(format!("the block and its CRC must lie in {next}..{end}"));
    }
    let first_key = scribe.take(first_len, "first key")?;
    scribe.say(quote(first_key));
    if first_key <= last_key {
        scribe.wrong(match last_key {
            [] => "a key has at least one byte".to_string(),
            _ => format!("not greater than the last key before, {}", quote(last_key)),
        });
    }
    let last_key = scribe.take(last_len, "last key")?;
    scribe.say(quote(last_key));
    if last_key < first_key {
        scribe.wrong(format!("less than the first key, {}", quote(first_key)));
    }
    Some(BlockMeta {
        first_key: first_key.to_vec(),
        last_key: last_key.to_vec(),
        range: fits.then_some(offset as usize..end as usize),
    })
}
