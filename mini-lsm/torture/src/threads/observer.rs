//! One who reads, and remembers: what he has seen he never sees undone.

use anyhow::{Context, Result, bail, ensure};
use mini_lsm::LsmIterator;

use super::board::{Board, Versions, View};
use super::script::{Key, Stamp, WRITERS};
use crate::history::show;

/// A reader.
#[derive(Debug)]
pub struct Observer<'a> {
    board: &'a Board,
    /// The batches that the store must show by now, since it has shown them before.
    floor: Versions,
}

impl<'a> Observer<'a> {
    /// One who has not seen anything yet.
    pub fn new(board: &'a Board) -> Self {
        Self {
            board,
            floor: [0; WRITERS],
        }
    }

    /// To be called before a read begins: what it must show at least.
    pub fn expect(&self) -> Versions {
        let returned = self.board.returned.get();
        std::array::from_fn(|writer| self.floor[writer].max(returned[writer]))
    }

    /// A get of `key` gave `value`; `least` was expected.
    pub fn got(&mut self, key: Key, value: Option<&[u8]>, least: Versions) -> Result<()> {
        self.check_got(key, value, least)
            .with_context(|| format!("get({})", show(&key.bytes())))
    }

    fn check_got(&mut self, key: Key, value: Option<&[u8]>, least: Versions) -> Result<()> {
        let begun = self.board.begun.get();
        let Some(value) = value else {
            return self.got_nothing(key, least, begun);
        };
        let stamp = key.stamp_of(value)?;
        let Stamp { writer, version } = stamp;
        ensure!(
            version <= begun[writer],
            "batch {version} of writer {writer} has not begun"
        );
        if let Key::Filler { .. } = key {
            return Ok(());
        }
        ensure!(
            version >= least[writer] && !key.is_deleted_by(version),
            "gave {stamp:?}, but batches up to {least:?} had returned or were seen before"
        );
        self.floor[writer] = self.floor[writer].max(version);
        Ok(())
    }

    /// Nothing is there: then the last version is one that deletes the key.
    fn got_nothing(&mut self, key: Key, least: Versions, begun: Versions) -> Result<()> {
        match key {
            Key::Filler { .. } => Ok(()),
            Key::Shared { .. } => {
                ensure!(
                    least == [0; WRITERS],
                    "gave nothing, and all batches from 1 on write it"
                );
                Ok(())
            }
            Key::Group { writer, .. } => match key.next_absence(least[writer]) {
                Some(version) if version <= begun[writer] => {
                    self.floor[writer] = self.floor[writer].max(version);
                    Ok(())
                }
                _ => bail!(
                    "gave nothing, but it is there from batch {} on, and {} is the last that has begun",
                    least[writer],
                    begun[writer]
                ),
            },
        }
    }

    /// A scan of everything gave `entries`; `least` was expected. `begun` is what had begun when
    /// the scan was made. What it shows is noted.
    pub fn scanned(&mut self, entries: &[Entry], least: Versions, begun: Versions) -> Result<View> {
        let view = view_of(entries)?;
        for writer in 0..WRITERS {
            let version = view.versions[writer];
            ensure!(
                (least[writer]..=begun[writer]).contains(&version),
                "a scan shows batch {version} of writer {writer}, expected one from {} (returned or seen before) to {} (begun)",
                least[writer],
                begun[writer]
            );
            self.floor[writer] = self.floor[writer].max(version);
        }
        self.board.note(view);
        Ok(view)
    }
}

/// A key and its value.
pub type Entry = (Key, Vec<u8>);

/// The next `most` entries of a scan. Keys must ascend, beyond `last` too.
pub fn read_on(scan: &mut LsmIterator, most: usize, entries: &mut Vec<Entry>) -> Result<()> {
    for _ in 0..most {
        if !scan.is_valid() {
            return Ok(());
        }
        let bytes = scan.key();
        let Some(key) = Key::parse(bytes) else {
            bail!("a scan gives {}, which nobody wrote", show(bytes));
        };
        if let Some((last, _)) = entries.last() {
            ensure!(
                last.bytes().as_slice() < bytes,
                "a scan gives {} out of order",
                show(bytes)
            );
        }
        entries.push((key, scan.value().to_vec()));
        scan.next().context("next() of a scan failed")?;
    }
    Ok(())
}

/// The state that `entries`, which are everything, belong to. An error if there is none: a batch is
/// there in part, or something is newer than the rest.
pub fn view_of(entries: &[Entry]) -> Result<View> {
    let mut versions = [0; WRITERS];
    let find = |wanted: Key| entries.iter().find(|(key, _)| *key == wanted);
    for (writer, version) in versions.iter_mut().enumerate() {
        let head = Key::Group { writer, place: 0 };
        if let Some((key, value)) = find(head) {
            *version = key.stamp_of(value)?.version;
        }
        for key in Key::group(writer) {
            let found = find(key)
                .map(|(key, value)| key.stamp_of(value))
                .transpose()?;
            let expected = (!key.is_deleted_by(*version)).then_some(Stamp {
                writer,
                version: *version,
            });
            ensure!(
                found == expected,
                "a scan shows half a batch: {} of writer {writer} by its head, but {} has {found:?}",
                *version,
                show(&key.bytes())
            );
        }
    }
    let shared = shared_stamp(entries, &versions)?;
    for (key, value) in entries {
        let stamp = key.stamp_of(value)?;
        ensure!(
            stamp.version <= versions[stamp.writer],
            "a scan shows {} from {stamp:?}, and otherwise nothing later than {versions:?}",
            show(&key.bytes())
        );
    }
    Ok(View { versions, shared })
}

/// Who wrote the shared keys last: the same for all, and the last batch of its writer.
fn shared_stamp(entries: &[Entry], versions: &Versions) -> Result<Option<Stamp>> {
    let mut stamps = Vec::new();
    for key in Key::shared() {
        let entry = entries.iter().find(|(found, _)| *found == key);
        stamps.push(entry.map(|(key, value)| key.stamp_of(value)).transpose()?);
    }
    let first = stamps[0];
    let is_last = match first {
        Some(stamp) => versions[stamp.writer] == stamp.version,
        None => *versions == [0; WRITERS],
    };
    ensure!(
        is_last && stamps.iter().all(|stamp| *stamp == first),
        "a scan shows batches {versions:?}, and the keys that all batches write are from {stamps:?}"
    );
    Ok(first)
}
