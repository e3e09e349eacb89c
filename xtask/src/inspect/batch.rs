//! The payloads of write-ahead logs: write batches.

use super::block::{TOMBSTONE, TOMBSTONE_TEXT};
use super::bytes::{Scribe, counted, quote};
use super::log::Payload;
use super::manifest::NUMBERS_END;
use super::report::Section;

/// The batches of one log.
#[derive(Default)]
pub struct Batches {
    op_count: usize,
    /// The sequence number that comes next, where that is known.
    next_seq: Option<u64>,
}

impl Payload for Batches {
    fn read(&mut self, head: &mut Scribe<'_>) -> (String, Vec<Section>) {
        let mut ops = Vec::new();
        let detail = match self.read_head(head) {
            Some((first_seq, count)) => {
                ops = read_ops(head, first_seq, count);
                let words = counted(count as usize, "operation", "operations");
                format!("a batch of {words} from sequence number {first_seq} on")
            }
            None => "a batch that is cut".into(),
        };
        self.op_count += ops.len();
        (detail, ops)
    }

    fn gap(&mut self) {
        self.next_seq = None;
    }

    fn summary(&self) -> String {
        counted(self.op_count, "operation", "operations")
    }

    fn conclude(&self, _tail: &mut Scribe<'_>) -> Vec<String> {
        Vec::new()
    }
}

impl Batches {
    fn read_head(&mut self, head: &mut Scribe<'_>) -> Option<(u64, u32)> {
        let first_seq = head.u64("first sequence")?;
        if first_seq == 0 {
            head.wrong("sequence numbers begin at 1");
        }
        if first_seq >= NUMBERS_END {
            head.wrong("no sequence number is as great as that");
        }
        if let Some(expected) = self.next_seq.filter(|next| *next != first_seq) {
            head.wrong(format!("the batch before leads to {expected}"));
        }
        let count = head.u32("op count")?;
        self.next_seq = first_seq.checked_add(u64::from(count));
        Some((first_seq, count))
    }
}

/// Reads what `head` has left, one section an operation.
fn read_ops(head: &Scribe<'_>, first_seq: u64, count: u32) -> Vec<Section> {
    let mut ops = Vec::new();
    let left = head.left();
    let mut at = left.start;
    for index in 0..count {
        let mut scribe = Scribe::new(head.file(), at..left.end);
        let found = read_op(&mut scribe);
        at = scribe.at();
        let detail = match &found {
            Some((key, None)) => format!("delete {}", quote(key)),
            Some((key, Some(value))) => format!("put {} = {}", quote(key), quote(value)),
            None => "cut".into(),
        };
        let seq = first_seq.wrapping_add(u64::from(index));
        let name = format!("op {index}");
        let detail = format!("{detail}, sequence number {seq}");
        ops.push(Section::part(name, detail, scribe.finish()).item("operations"));
        if found.is_none() {
            return ops;
        }
    }
    let mut behind = Scribe::new(head.file(), at..left.end);
    behind.rest("unread", format!("more bytes than {count} operations have"));
    let fields = behind.finish();
    if !fields.is_empty() {
        ops.push(Section::part("behind the ops", "", fields).inner());
    }
    ops
}

type KeyAndValue<'a> = (&'a [u8], Option<&'a [u8]>);

fn read_op<'a>(scribe: &mut Scribe<'a>) -> Option<KeyAndValue<'a>> {
    let key_len = scribe.u16("key length")?;
    if key_len == 0 {
        scribe.wrong("a key has at least one byte");
    }
    let value_len = scribe.u32("value length")?;
    if value_len == TOMBSTONE {
        scribe.say(TOMBSTONE_TEXT);
    }
    let key = scribe.take(usize::from(key_len), "key")?;
    scribe.say(quote(key));
    if value_len == TOMBSTONE {
        return Some((key, None));
    }
    let value = scribe.take(value_len as usize, "value")?;
    scribe.say(quote(value));
    Some((key, Some(value)))
}
