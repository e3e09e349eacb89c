//! Filters: whether they are well-formed, and whether they let every key of the table pass.

use std::ops::Range;

use farmhash::fingerprint64;

use super::bytes::{Scribe, counted, quote};
use super::report::Section;

const CRC_LEN: usize = 4;
const BLOCK_LEN: usize = 64;
const MOST_PROBES: u8 = 30;
/// What the hash is multiplied by, once more for each probe.
const SPREAD: u32 = 0x9E37_79B9;
const BITS: &str = "filter blocks";

/// A filter that can be asked.
pub struct Filter<'a> {
    blocks: &'a [u8],
    probes: u8,
    denied_count: usize,
    denied: Option<Vec<u8>>,
}

/// Reads the filter and the checksum that fill `range`, which has room for at least the latter.
pub fn read(file: &[u8], range: Range<usize>) -> (Section, Option<Filter<'_>>) {
    let crc_at = range.end - CRC_LEN;
    let mut scribe = Scribe::new(file, range.start..crc_at);
    let filter = read_parts(&mut scribe);
    let mut fields = scribe.finish();
    let mut crc = Scribe::new(file, crc_at..range.end);
    crc.crc("CRC", crc32fast::hash(&file[range.start..crc_at]));
    fields.extend(crc.finish());
    let detail = if range.start == crc_at { "none" } else { "" };
    (Section::part("filter", detail, fields), filter)
}

fn read_parts<'a>(scribe: &mut Scribe<'a>) -> Option<Filter<'a>> {
    let blocks_len = scribe.left().len().checked_sub(1)?;
    let blocks = scribe.take(blocks_len, BITS)?;
    let set: u64 = blocks.iter().map(|byte| u64::from(byte.count_ones())).sum();
    let percent = (set * 100) / (8 * blocks.len() as u64).max(1);
    let count = counted(blocks.len() / BLOCK_LEN, "block", "blocks");
    scribe.say(format!("{count} of 64 bytes, {percent} % of the bits set"));
    let is_whole = !blocks.is_empty() && blocks.len() % BLOCK_LEN == 0;
    if !is_whole {
        scribe.wrong("not a whole number of 64-byte blocks, or none");
    }
    let probes = *scribe.take(1, "probe count")?.first()?;
    scribe.say(probes.to_string());
    let is_probed = (1..=MOST_PROBES).contains(&probes);
    if !is_probed {
        scribe.wrong(format!("not 1 to {MOST_PROBES}"));
    }
    (is_whole && is_probed).then_some(Filter {
        blocks,
        probes,
        denied_count: 0,
        denied: None,
    })
}

impl Filter<'_> {
    /// Asks for keys that are in the table.
    pub fn ask(&mut self, keys: &[Vec<u8>]) {
        for key in keys {
            if !self.lets_pass(key) {
                self.denied_count += 1;
                self.denied.get_or_insert_with(|| key.clone());
            }
        }
    }

    /// Says of the filter, in its section, what was found by asking.
    pub fn judge(&self, section: &mut Section) {
        if let Some(key) = &self.denied {
            let count = counted(self.denied_count, "key", "keys");
            let reason = format!("denies {count} of the table, the first is {}", quote(key));
            section.wrong(BITS, reason);
        }
    }

    fn lets_pass(&self, key: &[u8]) -> bool {
        let hash = fingerprint64(key) as u32;
        let block_count = (self.blocks.len() / BLOCK_LEN) as u64;
        let block = ((u64::from(hash) * block_count) >> 32) as usize;
        let block = &self.blocks[block * BLOCK_LEN..(block + 1) * BLOCK_LEN];
        let mut mixed = hash;
        (0..self.probes).all(|_| {
            mixed = mixed.wrapping_mul(SPREAD);
            // The top 9 bits name one of the block's 512.
            let bit = (mixed >> 23) as usize;
            block[bit / 8] >> (bit % 8) & 1 == 1
        })
    }
}
