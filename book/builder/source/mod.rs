//! What the text may quote: the annotated reference, its day tests, and the values of its constants.
//!
//! The parser is that of `staging`, so a name here is what `cargo x borrow` and the stubs call it. Nothing is taken from
//! `mini-lsm-starter`: a learner is at work there.

mod docs;
mod items;
mod known;
mod numbers;
mod options;
mod values;

pub use docs::{Part, part, prose};
pub use known::Known;
pub use values::Values;

use std::path::{Path, PathBuf};

use anyhow::Result;
use staging::outline::Outline;
use staging::stage::{Reference, Stage, stage_source};
use xtask::catalogue::{self, Day};
use xtask::stubs::{self, Stub};

/// The engine as the book sees it.
pub struct Source {
    root: PathBuf,
    reference: Reference,
    files: Vec<File>,
    pub values: Values,
    pub days: Vec<Day>,
}

/// One annotated source file.
struct File {
    /// Relative to the crate: `src/block/mod.rs`.
    path: String,
    outline: Outline,
    stubs: Vec<Stub>,
}

impl Source {
    /// Reads the reference of the course whose workspace is `root`.
    pub fn read(root: &Path) -> Result<Source> {
        let crate_dir = root.join("mini-lsm");
        let reference = Reference::read(&crate_dir)?.without_rustfmt_too();
        let mut files = Vec::new();
        for (path, text) in reference.sources() {
            if !path.starts_with("src/") {
                continue;
            }
            let outline = Outline::parse(path, text)?;
            let staged = stage_source(path, text, Stage::day(0));
            let stubs = staged.map_or_else(|_| Vec::new(), |(text, _)| stubs::in_text(&text));
            files.push(File {
                path: path.to_string(),
                outline,
                stubs,
            });
        }
        let values = Values::read(files.iter().map(|f| (f.path.as_str(), &f.outline)));
        Ok(Source {
            root: root.to_path_buf(),
            values,
            days: catalogue::read(&crate_dir)?,
            reference,
            files,
        })
    }

    /// The folder of the workspace.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The docs of a module: of `block`, `lsm_storage`, `table::footer`.
    pub fn module_docs(&self, module: &str) -> Result<String, String> {
        let file = self
            .files
            .iter()
            .find(|file| module_path(&file.path) == module);
        let Some(file) = file else {
            let all = self.files.iter().map(|file| module_path(&file.path));
            return Err(unknown("module", module, all));
        };
        let docs = file.outline.piece("the file's docs");
        let lines = docs.iter().flat_map(|piece| piece.text.lines());
        let lines = lines.filter_map(|line| line.trim().strip_prefix("//!"));
        let lines = lines.map(|line| line.strip_prefix(' ').unwrap_or(line));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    /// The test days, or why there is none of that number.
    pub fn day(&self, number: u32) -> Result<&Day, String> {
        let day = self.days.iter().find(|day| day.number == number);
        day.ok_or_else(|| format!("there is no day {number}"))
    }
}

/// `block::builder` for `src/block/builder.rs`.
fn module_path(path: &str) -> String {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.replace('/', "::")
}

/// An unknown name, with those that are near it: a few letters off, in all or in what stands behind the last `::`.
fn unknown(kind: &str, name: &str, all: impl IntoIterator<Item = impl Into<String>>) -> String {
    let mut near: Vec<(usize, String)> = all
        .into_iter()
        .map(Into::into)
        .filter_map(|known: String| Some((distance(name, &known)?, known)))
        .collect();
    near.sort();
    near.dedup();
    let near = near.iter().take(3).map(|(_, known)| format!("`{known}`"));
    let near: Vec<String> = near.collect();
    match near[..] {
        [] => format!("there is no {kind} `{name}`"),
        _ => format!("there is no {kind} `{name}`; near it: {}", near.join(", ")),
    }
}

/// How many letters must change, if that is few.
fn distance(a: &str, b: &str) -> Option<usize> {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let whole = Some(edits(&a, &b)).filter(|edits| *edits <= 1 + a.len() / 4);
    let last = |name: &str| name.rsplit("::").next().unwrap_or_default().to_string();
    let (a, b) = (last(&a), last(&b));
    let tail = Some(edits(&a, &b)).filter(|edits| *edits <= 1.max(a.len() / 4));
    whole.or(tail.map(|edits| edits + 3))
}

fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
pub fn of_this_repository() -> &'static Source {
    static SOURCE: std::sync::OnceLock<Source> = std::sync::OnceLock::new();
    SOURCE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        Source::read(root.expect("the book lies in the workspace")).expect("the course is sound")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_with_what_is_near() {
        let all = ["Block::entry", "BlockBuilder::add", "Block::decode"];
        assert_eq!(
            unknown("item", "BlockBuilder::ad", all),
            "there is no item `BlockBuilder::ad`; near it: `BlockBuilder::add`"
        );
        assert_eq!(unknown("item", "zzz", all), "there is no item `zzz`");
    }

    #[test]
    fn docs_of_a_module_are_found_by_its_path() {
        let source = of_this_repository();
        assert!(
            source
                .module_docs("cursor")
                .unwrap()
                .contains("# The contract")
        );
        assert!(source.module_docs("block::builder").is_ok());
        let missing = source.module_docs("cursors").unwrap_err();
        assert_eq!(missing, "there is no module `cursors`; near it: `cursor`");
    }
}
