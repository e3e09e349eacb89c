//! Logs: records, where they end, and whether a crash or a damage ended them.
//!
//! The rule is the reader's (drawn in the engine's `log` module): at a bad record the rest is
//! searched for a *witness*, a sound header which says that the bad record had been on disk. With
//! one the log is damaged, without one it ends there. Behind a damage, the engine gives up; here
//! reading goes on at the next sound header.

use std::ops::Range;

use super::bytes::{Scribe, counted, little_endian, mismatch};
use super::report::{Inspection, Section, Shortener, Verdict};
use super::table::TRIED_IDS;

const HEADER_LEN: usize = 20;
/// What the header's checksum covers of it.
const CHECKED_LEN: usize = 16;

/// What records carry.
pub trait Payload {
    /// Names the bytes of a payload, which `head` stands in front of and which fills the rest of
    /// it: some in `head`, and others in sections of their own. Returns what the payload is, too.
    fn read(&mut self, head: &mut Scribe<'_>) -> (String, Vec<Section>);

    /// A part of the log could not be read.
    fn gap(&mut self);

    /// What the records hold, for the first line.
    fn summary(&self) -> String;

    /// What all of it comes to, when the last record has been read; `tail` stands at the end of the
    /// log.
    fn conclude(&self, tail: &mut Scribe<'_>) -> Vec<String>;
}

/// Reads log `id`, or one whose id is not known. `what` it is stands in the first line. Shows
/// `budget` records and parts of records.
pub fn inspect(
    file: &[u8],
    what: String,
    id: Option<u64>,
    payload: &mut dyn Payload,
    budget: usize,
) -> Inspection {
    let true_id = find_id(file, id);
    let mut log = Log {
        file,
        id: true_id.or(id).unwrap_or(0),
        is_unnamed: true_id.is_none() && id.is_none(),
        shortener: Shortener::new(budget),
        record_count: 0,
        mark_count: 0,
        synced: 0,
    };
    let end = log.walk(id, payload);
    let written = written_len(file).max(end);
    let mut notes = log.read_tail(end, written, payload);
    let mut summary = format!(
        "{what}, {}, {} and {}, {}, ends at byte {end}",
        counted(file.len(), "byte", "bytes"),
        counted(log.record_count, "record", "records"),
        counted(log.mark_count, "mark", "marks"),
        payload.summary()
    );
    if written > end {
        let torn = counted(written - end, "torn byte", "torn bytes");
        summary += &format!(" with {torn} behind");
    }
    let known = match log.synced {
        0 => "no record tells that any of it was synced".to_string(),
        synced => format!("its records tell that {synced} bytes of it were synced"),
    };
    notes.insert(0, format!("the log ends at byte {end}; {known}"));
    Inspection {
        summary,
        sections: log.shortener.finish(),
        notes,
        drawn_in: "mini-lsm-starter/src/log/mod.rs, its payloads in wal.rs and manifest/mod.rs",
    }
}

struct Log<'a> {
    file: &'a [u8],
    id: u64,
    /// Nothing tells the id, so no header can be checked.
    is_unnamed: bool,
    shortener: Shortener,
    record_count: usize,
    mark_count: usize,
    /// The most that a header said.
    synced: u64,
}

impl Log<'_> {
    /// Reads records up to where the log ends, and returns that offset.
    fn walk(&mut self, named: Option<u64>, payload: &mut dyn Payload) -> usize {
        let mut at = 0;
        loop {
            match check_record(self.file, at, self.id) {
                Ok(end) => {
                    self.read_record(at..end, named, payload);
                    at = end;
                }
                Err(reason) => {
                    let Some(witness) = find_witness(self.file, at, self.id) else {
                        return at;
                    };
                    let is_header = |&next: &usize| check_header(self.file, next, self.id).is_ok();
                    let next = (at + 1..witness).find(is_header).unwrap_or(witness);
                    let mut scribe = Scribe::new(self.file, at..next);
                    let reason = format!("{reason}; the record at {witness} tells it was synced");
                    scribe.rest("unreadable", reason);
                    let section = Section::part(format!("record at {at}"), "", scribe.finish());
                    self.shortener.add(vec![section]);
                    payload.gap();
                    at = next;
                }
            }
        }
    }

    /// Names the bytes of a record that is known to be sound.
    fn read_record(
        &mut self,
        range: Range<usize>,
        named: Option<u64>,
        payload: &mut dyn Payload,
    ) -> Option<()> {
        let at = range.start;
        let mut scribe = Scribe::new(self.file, range.clone());
        scribe.u32("length")?;
        let synced = scribe.u64("synced")?;
        let payload_at = at + HEADER_LEN;
        scribe.crc(
            "payload CRC",
            crc32fast::hash(&self.file[payload_at..range.end]),
        );
        let fields = &self.file[at..at + CHECKED_LEN];
        scribe.crc("header CRC", header_crc(fields, self.id, at));
        match named {
            Some(named) if named != self.id && at == 0 => {
                scribe.wrong(format!("that of log {}, not of log {named}", self.id));
            }
            None if at == 0 => scribe.say(format!("that of log {}", self.id)),
            _ => {}
        }
        self.synced = self.synced.max(synced);
        let (name, detail, sections) = if payload_at == range.end {
            self.mark_count += 1;
            (
                "mark",
                format!("{synced} bytes had been synced"),
                Vec::new(),
            )
        } else {
            self.record_count += 1;
            let (detail, sections) = payload.read(&mut scribe);
            ("record", detail, sections)
        };
        let mut group = vec![Section::part(
            format!("{name} at {at}"),
            detail,
            scribe.finish(),
        )];
        group.extend(sections);
        self.shortener.add_item(group, "records");
        Some(())
    }

    /// Names what lies behind the end: torn bytes, then space that was never written.
    fn read_tail(&mut self, end: usize, written: usize, payload: &dyn Payload) -> Vec<String> {
        let mut torn = Scribe::new(self.file, end..written);
        let notes = payload.conclude(&mut torn);
        let left = torn.left().len();
        if left > 0 {
            torn.take(left, "torn bytes");
            torn.say(match check_record(self.file, end, self.id) {
                Err(reason) => format!("not a whole record: {reason}"),
                Ok(_) => String::new(),
            });
            if self.is_unnamed {
                torn.verdict(Verdict::Unchecked(
                    "headers' CRCs cover the log's id, which stands only in a name like 000008.wal"
                        .into(),
                ));
            }
        }
        let mut fields = torn.finish();
        let mut zeros = Scribe::new(self.file, written..self.file.len());
        let left = zeros.left().len();
        if left > 0 {
            zeros.take(left, "zeros");
            zeros.say("space that was never written");
        }
        fields.extend(zeros.finish());
        if !fields.is_empty() {
            let detail = "behind the end: no record vouches for it, so a crash may have left it";
            self.shortener
                .add(vec![Section::part("tail", detail, fields)]);
        }
        notes
    }
}

/// The id that the first record was written with, where a record tells: the one of the name if it
/// fits, otherwise one that was tried.
fn find_id(file: &[u8], named: Option<u64>) -> Option<u64> {
    let fields = file.get(..CHECKED_LEN)?;
    let stored = field(file, CHECKED_LEN..HEADER_LEN)? as u32;
    let fits = |id: &u64| header_crc(fields, *id, 0) == stored;
    let id = named
        .filter(fits)
        .or_else(|| (0..TRIED_IDS).find(|id| fits(id)))?;
    // An id that fits by accident comes with a bad payload.
    (named == Some(id) || check_record(file, 0, id).is_ok()).then_some(id)
}

/// Where the record at `at` ends, or why it is none.
fn check_record(file: &[u8], at: usize, id: u64) -> Result<usize, String> {
    let len = check_header(file, at, id)?;
    let payload_at = at + HEADER_LEN;
    let left = file.len() - payload_at;
    let Some(payload) = file[payload_at..].get(..len) else {
        return Err(format!("its payload has {len} bytes, and {left} are there"));
    };
    let stored = field(file, at + 12..at + 16).unwrap_or_default() as u32;
    let computed = crc32fast::hash(payload);
    match stored == computed {
        true => Ok(payload_at + len),
        false => Err(format!("payload CRC: {}", mismatch(stored, computed))),
    }
}

/// The length of the payload behind a sound header, or why it is none.
fn check_header(file: &[u8], at: usize, id: u64) -> Result<usize, String> {
    let Some(header) = file.get(at..).and_then(|rest| rest.get(..HEADER_LEN)) else {
        let left = counted(file.len().saturating_sub(at), "byte", "bytes");
        return Err(format!("{left} are too few for a header"));
    };
    let synced = little_endian(&header[4..12]);
    if synced > at as u64 {
        return Err(format!(
            "its header tells of {synced} synced bytes before byte {at}"
        ));
    }
    let stored = little_endian(&header[CHECKED_LEN..]) as u32;
    let computed = header_crc(&header[..CHECKED_LEN], id, at);
    match stored == computed {
        true => Ok(little_endian(&header[..4]) as usize),
        false => Err(format!("header CRC: {}", mismatch(stored, computed))),
    }
}

/// A sound header behind `bad` which says that byte `bad` was on disk.
fn find_witness(file: &[u8], bad: usize, id: u64) -> Option<usize> {
    (bad + 1..file.len()).find(|&at| {
        let synced = field(file, at + 4..at + 12);
        synced.is_some_and(|synced| synced > bad as u64) && check_header(file, at, id).is_ok()
    })
}

fn header_crc(fields: &[u8], id: u64, at: usize) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for part in [fields, &id.to_le_bytes(), &(at as u64).to_le_bytes()] {
        crc.update(part);
    }
    crc.finalize()
}

fn field(file: &[u8], range: Range<usize>) -> Option<u64> {
    file.get(range).map(little_endian)
}

/// The length without the zeros at the end.
fn written_len(file: &[u8]) -> usize {
    let last = file.iter().rposition(|&byte| byte != 0);
    last.map_or(0, |last| last + 1)
}
