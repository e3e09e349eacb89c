//! Three versions of one source file, item by item.

use std::collections::{BTreeMap, BTreeSet};

use staging::edition::{self, Edition, digest};
use staging::names::PACKAGE;
use staging::outline::{Entry, Import, Kind, Outline};

use super::Report;
use crate::graft;
use crate::needs::words;

/// The file as handed out when the learner began.
type Base = BTreeMap<String, u64>;

/// Is the file as the edition handed it out?
pub fn is_untouched(path: &str, base: &Edition, own: &str) -> bool {
    match (base.0.get(path), Outline::parse(path, own)) {
        (Some(base), Ok(own)) => edition::digests(&own) == *base,
        _ => false,
    }
}

/// The new edition's file with the learner's work in it.
pub fn three_way(path: &str, base: &Edition, own: &str, new: &str, report: &mut Report) -> String {
    let unknown = Base::new();
    let base = base.0.get(path).unwrap_or(&unknown);
    let Ok(handed_out) = Outline::parse(path, new) else {
        return own.to_string();
    };
    if edition::digests(&handed_out) == *base || own == new {
        return own.to_string();
    }
    let own_outline = match Outline::parse(path, own) {
        Ok(outline) => outline,
        Err(problem) => {
            report.both.push(format!("{PACKAGE}/{problem}; mend that and run this again to get what the course changed in the file"));
            return own.to_string();
        }
    };
    if edition::digests(&own_outline) == *base {
        return new.to_string();
    }
    let mut merge = Merge {
        path,
        base,
        own: &own_outline,
        new: &handed_out,
        report,
    };
    merge.run().text()
}

struct Merge<'a> {
    path: &'a str,
    base: &'a Base,
    own: &'a Outline,
    new: &'a Outline,
    report: &'a mut Report,
}

impl Merge<'_> {
    fn run(&mut self) -> Outline {
        let mut merged = self.new.clone();
        let pieces: Vec<_> = self
            .new
            .pieces()
            .filter(|piece| !is_import(&piece.kind))
            .collect();
        for piece in pieces {
            match self.own.piece(&piece.key) {
                Some(own) if self.stays(&piece.key, &own.text, &piece.text) => {
                    graft::replace(&mut merged, own)
                }
                Some(_) => {}
                None => self.deleted(&piece.key, &piece.text, &mut merged),
            }
        }
        self.headers(&mut merged);
        let (from, keys) = self.own_items();
        graft::insert(&mut merged, &from, &keys);
        let imports = self.own_imports(&merged);
        graft::import(&mut merged, &imports);
        merged
    }

    /// Whether the learner's version of an item stays; tells where the course changed it too.
    fn stays(&mut self, key: &str, own: &str, new: &str) -> bool {
        let handed_out = self.base.get(key).copied();
        let (own, new) = (digest(own.as_bytes()), digest(new.as_bytes()));
        if own == new || Some(own) == handed_out {
            return false;
        }
        if Some(new) != handed_out {
            self.report
                .both
                .push(format!("{key} in {PACKAGE}/{}", self.path));
        }
        true
    }

    /// The learner has not what the course hands out: it is new, or was taken out on purpose.
    fn deleted(&mut self, key: &str, new: &str, merged: &mut Outline) {
        match self.base.get(key) {
            None => {}
            Some(handed_out) if *handed_out == digest(new.as_bytes()) => graft::remove(merged, key),
            Some(_) => {
                let what = format!(
                    "you had taken this out, the course has changed it, and it is there again: {key} in {PACKAGE}/{}",
                    self.path
                );
                self.report.remarks.push(what);
            }
        }
    }

    /// The lines that open blocks, with the remarks and attributes above them.
    fn headers(&mut self, merged: &mut Outline) {
        let own: BTreeMap<&str, &str> = blocks(self.own)
            .map(|block| (block.key.as_str(), block.open.as_str()))
            .collect();
        for entry in &mut merged.entries {
            let Entry::Block(block) = entry else { continue };
            if let Some(own) = own.get(block.key.as_str())
                && self.stays(&block.key, own, &block.open)
            {
                block.open = (*own).to_string();
            }
        }
    }

    /// What only the learner's file has and must stay: the file without the rest, and the keys.
    fn own_items(&mut self) -> (Outline, BTreeSet<String>) {
        let mut from = self.own.clone();
        let mut keys = BTreeSet::new();
        for entry in &mut from.entries {
            match entry {
                Entry::Piece(piece) if is_import(&piece.kind) => {}
                Entry::Piece(piece) => {
                    if self.new.piece(&piece.key).is_none() && self.is_own(&piece.key, &piece.text)
                    {
                        keys.insert(piece.key.clone());
                    }
                }
                Entry::Block(block) => {
                    let stay = |merge: &mut Self, key: &str, text: &str| {
                        merge.new.piece(key).is_none() && merge.is_own(key, text)
                    };
                    let staying: BTreeSet<String> = block
                        .members
                        .iter()
                        .filter(|member| stay(self, &member.key, &member.text))
                        .map(|member| member.key.clone())
                        .collect();
                    let there = blocks(self.new).any(|new| new.scope == block.scope);
                    if there {
                        keys.extend(staying);
                    } else if !staying.is_empty() {
                        block.members.retain(|member| staying.contains(&member.key));
                        keys.insert(block.key.clone());
                    }
                }
            }
        }
        (from, keys)
    }

    /// Of an item that the new edition has not.
    fn is_own(&mut self, key: &str, own: &str) -> bool {
        match self.base.get(key) {
            None => true,
            Some(handed_out) if *handed_out == digest(own.as_bytes()) => false,
            Some(_) => {
                let what = format!(
                    "the course has this no more; as you changed it, it stays: {key} in {PACKAGE}/{}",
                    self.path
                );
                self.report.remarks.push(what);
                true
            }
        }
    }

    /// Imports of the learner's that are own, or that code which stays still needs.
    fn own_imports(&self, merged: &Outline) -> Vec<Import> {
        let uses = self.base.keys().filter(|key| key.starts_with("use "));
        let uses: String = uses
            .map(|key| format!("{};\n", key.split(" #").next().unwrap_or(key)))
            .collect();
        let before = Outline::parse(self.path, &uses);
        let before: BTreeSet<String> = before
            .iter()
            .flat_map(|outline| outline.imports())
            .map(|import| import.path.clone())
            .collect();
        let used = words(&merged.text());
        crate::needs::missing_imports(self.own, merged, |import| {
            !before.contains(import.path.trim_start_matches("pub ")) || used.contains(&import.name)
        })
    }
}

fn blocks(outline: &Outline) -> impl Iterator<Item = &staging::outline::Block> {
    outline.entries.iter().filter_map(|entry| match entry {
        Entry::Block(block) => Some(block),
        Entry::Piece(_) => None,
    })
}

fn is_import(kind: &Kind) -> bool {
    matches!(kind, Kind::Imports(_))
}
