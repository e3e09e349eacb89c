//! Blocks, alone or in a table: entries, one offset each, their count.

use std::ops::Range;

use super::bytes::{Scribe, counted, little_endian, quote};
use super::report::{Field, Inspection, Section, Shortener};

/// The `value_len` of an entry, or of an operation in a log, that deletes its key.
pub const TOMBSTONE: u32 = u32::MAX;
/// What such a length is shown as.
pub const TOMBSTONE_TEXT: &str = "4294967295: a tombstone";

const COUNT_LEN: usize = 2;
const OFFSET_LEN: usize = 2;
const LONGEST_KEY: usize = 65_535;
/// How many offsets are written out.
const SHOWN_OFFSETS: usize = 12;

/// A block that was read.
pub struct Block {
    /// The entries, what belongs to none, and the offsets with the count.
    pub sections: Vec<Section>,
    /// The keys that could be read, whole.
    pub keys: Vec<Vec<u8>>,
}

/// A file that is one block, as the builder gives it.
pub fn inspect(file: &[u8], budget: usize) -> Inspection {
    let block = read(file, 0..file.len());
    let summary = format!(
        "a block, {}, {}",
        counted(file.len(), "byte", "bytes"),
        counted(block.keys.len(), "entry", "entries")
    );
    let mut shortener = Shortener::new(budget);
    shortener.add(vec![Section::part(
        "block",
        "no checksum: only a table has those",
        Vec::new(),
    )]);
    shortener.add(block.sections);
    Inspection {
        summary,
        sections: shortener.finish(),
        notes: Vec::new(),
        drawn_in: "mini-lsm-starter/src/block/mod.rs",
    }
}

/// Reads the block in `range`, whatever is there.
pub fn read(file: &[u8], range: Range<usize>) -> Block {
    let mut block = Block {
        sections: Vec::new(),
        keys: Vec::new(),
    };
    let mut frame = Scribe::new(file, range.clone());
    let count_at = frame.left().len().checked_sub(COUNT_LEN);
    let Some(count_at) = count_at.map(|len| range.start + len) else {
        frame.u16("entry count");
        block.push_frame(frame.finish());
        return block;
    };
    let count = little_endian(&file[count_at..count_at + COUNT_LEN]) as usize;
    let offsets_at = count_at.checked_sub(OFFSET_LEN * count);
    match offsets_at.filter(|&at| at >= range.start && count > 0) {
        Some(offsets_at) => {
            let offsets: Vec<usize> = file[offsets_at..count_at]
                .chunks_exact(OFFSET_LEN)
                .map(|offset| little_endian(offset) as usize)
                .collect();
            let places = block.read_entries(file, range.start..offsets_at, &offsets);
            let mut frame = Scribe::new(file, offsets_at..range.end);
            read_offsets(&mut frame, &offsets, &places);
            frame.u16("entry count");
            block.push_frame(frame.finish());
        }
        None => {
            let mut unread = Scribe::new(file, range.start..count_at);
            unread.rest("unread", "the entry count does not tell where entries end");
            let mut fields = unread.finish();
            let mut frame = Scribe::new(file, count_at..range.end);
            frame.u16("entry count");
            frame.wrong(match count {
                0 => "a block has at least one entry".to_string(),
                _ => format!("there is no room for {count} offsets"),
            });
            fields.extend(frame.finish());
            block.push_frame(fields);
        }
    }
    block
}

impl Block {
    fn push_frame(&mut self, fields: Vec<Field>) {
        self.sections
            .push(Section::part("offsets", "", fields).inner());
    }

    /// Walks the entries from the first on, each from where the last one ended. Returns where they
    /// begin, counted from the block.
    fn read_entries(&mut self, file: &[u8], range: Range<usize>, offsets: &[usize]) -> Vec<usize> {
        let mut places = Vec::new();
        let mut at = range.start;
        let mut first = None;
        for index in 0..offsets.len() {
            places.push(at - range.start);
            let before = Before {
                index,
                first: first.as_deref(),
                previous: self.keys.last().map(Vec::as_slice),
            };
            let mut entry = read_entry(file, at..range.end, before);
            // One that cannot be read ends where the next begins, if its offset makes sense.
            let next = offsets.get(index + 1).map(|offset| range.start + offset);
            let next = next.filter(|&next| at < next && next < range.end);
            if let (None, Some(next)) = (&entry.key, next) {
                entry = read_entry(file, at..next, before);
            }
            if index == 0 {
                first.clone_from(&entry.key);
            }
            at = entry.end;
            self.sections.push(entry.section.item("entries"));
            match entry.key {
                Some(key) => self.keys.push(key),
                None if next.is_none() => break,
                None => {}
            }
        }
        let mut unread = Scribe::new(file, at..range.end);
        unread.rest("unread", "these bytes belong to no entry");
        let fields = unread.finish();
        if !fields.is_empty() {
            let section = Section::part("behind the entries", "", fields);
            self.sections.push(section.inner());
        }
        places
    }
}

struct Entry {
    section: Section,
    end: usize,
    /// None if it could not be read to its end.
    key: Option<Vec<u8>>,
}

/// What an entry is read against.
#[derive(Clone, Copy)]
struct Before<'a> {
    index: usize,
    /// The first key, if it could be read and this is another entry.
    first: Option<&'a [u8]>,
    previous: Option<&'a [u8]>,
}

fn read_entry(file: &[u8], range: Range<usize>, before: Before<'_>) -> Entry {
    let mut scribe = Scribe::new(file, range);
    let found = read_entry_fields(&mut scribe, before);
    let end = scribe.at();
    let detail = match &found {
        Some((key, None)) => format!("{}, a tombstone", quote(key)),
        Some((key, Some(value))) => format!("{} = {}", quote(key), quote(value)),
        None => "unreadable".into(),
    };
    let name = format!("entry {}", before.index);
    Entry {
        section: Section::part(name, detail, scribe.finish()),
        end,
        key: found.map(|(key, _)| key),
    }
}

type KeyAndValue<'a> = (Vec<u8>, Option<&'a [u8]>);

fn read_entry_fields<'a>(scribe: &mut Scribe<'a>, before: Before<'_>) -> Option<KeyAndValue<'a>> {
    let first_key = before.first.unwrap_or_default();
    let shared = scribe.u16("shared")? as usize;
    let prefix = &first_key[..shared.min(first_key.len())];
    if shared > 0 {
        scribe.say(format!("{shared}: {} of the first key", quote(prefix)));
    }
    if shared > first_key.len() {
        scribe.say(shared.to_string());
        scribe.wrong(match before {
            Before { index: 0, .. } => "the first entry has nothing to share".to_string(),
            Before { first: None, .. } => "the first key could not be read".to_string(),
            _ => format!(
                "the first key has {}",
                counted(first_key.len(), "byte", "bytes")
            ),
        });
    }
    let unshared = scribe.u16("unshared")? as usize;
    if !(1..=LONGEST_KEY).contains(&(shared + unshared)) {
        let len = shared + unshared;
        scribe.wrong(format!("the key would have {len} bytes, not 1 to 65535"));
    }
    let value_len = scribe.u32("value length")?;
    if value_len == TOMBSTONE {
        scribe.say(TOMBSTONE_TEXT);
    }
    let suffix = scribe.take(unshared, "key suffix")?;
    let key = [prefix, suffix].concat();
    scribe.say(match prefix {
        [] => quote(suffix),
        _ => format!("{} (key {})", quote(suffix), quote(&key)),
    });
    if let Some(previous) = before.previous.filter(|previous| *previous >= &key[..]) {
        scribe.wrong(format!(
            "not greater than the key before, {}",
            quote(previous)
        ));
    }
    let value = match value_len {
        TOMBSTONE => None,
        len => {
            let value = scribe.take(len as usize, "value")?;
            scribe.say(quote(value));
            Some(value)
        }
    };
    Some((key, value))
}

/// Names the offsets: those that are right together, each wrong one alone.
fn read_offsets(frame: &mut Scribe<'_>, offsets: &[usize], places: &[usize]) {
    let is_wrong = |index: usize| {
        places
            .get(index)
            .is_some_and(|place| *place != offsets[index])
    };
    let mut index = 0;
    while index < offsets.len() {
        if is_wrong(index) {
            frame.u16("offset");
            frame.wrong(format!("entry {index} is at {}", places[index]));
            index += 1;
            continue;
        }
        let end = (index..offsets.len())
            .find(|&index| is_wrong(index))
            .unwrap_or(offsets.len());
        frame.take(OFFSET_LEN * (end - index), "offsets");
        frame.say(list(&offsets[index..end]));
        index = end;
    }
}

fn list(offsets: &[usize]) -> String {
    let shown: Vec<String> = offsets
        .iter()
        .take(SHOWN_OFFSETS)
        .map(usize::to_string)
        .collect();
    let more = if offsets.len() > SHOWN_OFFSETS {
        " ..."
    } else {
        ""
    };
    format!("{}{more}", shown.join(" "))
}
