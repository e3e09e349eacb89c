//! The Markdown of the book: its files, each with what the checks ask about.
//!
//! Files are compared by the names found in the folder, not by asking the file system for one: `Day1.md` would exist on
//! macOS and Windows and be missing on Linux.

mod html;
mod items;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::expand::Expanded;
use crate::problem::Problem;
pub use items::{Item, Kind};

/// All that lies in the text folder. Names are relative to it, with `/` on every platform.
pub struct Pages {
    pub documents: Vec<Document>,
    pub files: BTreeSet<String>,
}

/// One Markdown file.
pub struct Document {
    pub name: String,
    /// As it is written.
    pub raw: String,
    /// As it is rendered: directives are expanded.
    pub text: String,
    /// For each line of `text`, the line of `raw` that it comes from.
    pub lines: Vec<usize>,
    /// Of `text`, with the lines of `raw`.
    pub items: Vec<Item>,
}

impl Document {
    pub fn new(name: &str, raw: &str, expanded: Expanded) -> Document {
        let mut items = items::read(&expanded.text);
        for item in &mut items {
            let line = expanded.lines.get(item.line.saturating_sub(1));
            item.line = line.copied().unwrap_or(item.line);
        }
        items.extend(expanded.hidden.into_iter().map(|(line, code)| {
            let info = "rust,hidden".to_string();
            let kind = Kind::Rust { info, code };
            Item { line, kind }
        }));
        Document {
            name: name.to_string(),
            raw: raw.to_string(),
            text: expanded.text,
            lines: expanded.lines,
            items,
        }
    }

    /// A text without directives.
    #[cfg(test)]
    pub fn plain(name: &str, text: &str) -> Document {
        Document {
            name: name.to_string(),
            raw: text.to_string(),
            text: text.to_string(),
            lines: (1..=text.lines().count()).collect(),
            items: items::read(text),
        }
    }
}

/// Reads every file under `folder`, in the order of names, and lets `expand` replace the directives of each page.
pub fn read_pages(
    folder: &Path,
    mut expand: impl FnMut(&str, &str) -> Expanded,
) -> Result<(Pages, Vec<Problem>)> {
    let mut problems = Vec::new();
    let mut files = BTreeSet::new();
    list_files(folder, "", &mut files)?;
    let mut documents = Vec::new();
    for name in files.iter().filter(|name| name.ends_with(".md")) {
        let path = folder.join(name);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut expanded = expand(name, &text);
        problems.append(&mut expanded.problems);
        documents.push(Document::new(name, &text, expanded));
    }
    Ok((Pages { documents, files }, problems))
}

fn list_files(folder: &Path, prefix: &str, files: &mut BTreeSet<String>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            list_files(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name);
        }
    }
    Ok(())
}
