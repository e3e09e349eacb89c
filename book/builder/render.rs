//! Renders the book with mdBook as a library, and keeps what mdBook would only have logged.
//!
//! mdBook warns of unclosed HTML, unused footnotes and the like through `tracing`, and goes on. Here such a warning is a
//! problem like any other, so a small subscriber of ours listens while it renders.

use std::fmt::{Debug, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::problem::Problem;
use crate::text::Pages;

/// A rendered book: where it lies, and what mdBook said against it.
pub struct Rendered {
    pub folder: PathBuf,
    pub warnings: Vec<Problem>,
}

/// Renders the book whose `book.toml` is in `root` with the expanded text of `pages`, over the one that was there before.
pub fn render(root: &Path, pages: &Pages) -> Result<Rendered> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = Listener {
        heard: Arc::clone(&heard),
    };
    let folder = tracing::subscriber::with_default(listener, || -> Result<PathBuf> {
        let mut book = MDBook::load(root)
            .with_context(|| format!("cannot load the book in {}", root.display()))?;
        book.book.for_each_chapter_mut(|chapter| {
            let name = chapter.source_path.as_ref().map(|path| slashed(path));
            let page = pages
                .documents
                .iter()
                .find(|page| Some(&page.name) == name.as_ref());
            if let Some(page) = page {
                chapter.content.clone_from(&page.text);
            }
        });
        book.build().context("mdBook cannot render the book")?;
        Ok(book.build_dir_for("html"))
    })?;
    let messages = std::mem::take(&mut *heard.lock().expect("no listener panics"));
    let warning = |what| Problem {
        file: "book/src".into(),
        line: 0,
        what,
    };
    Ok(Rendered {
        folder,
        warnings: messages.into_iter().map(warning).collect(),
    })
}

/// A relative path as it is named in the text, on every system.
fn slashed(path: &Path) -> String {
    let parts = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// Keeps the text of warnings and errors; takes no interest in spans.
struct Listener {
    heard: Arc<Mutex<Vec<String>>>,
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.is_event()
            && *metadata.level() <= Level::WARN
            && metadata.target().starts_with("mdbook")
    }

    fn event(&self, event: &Event) {
        let mut message = Message(String::new());
        event.record(&mut message);
        self.heard
            .lock()
            .expect("no listener panics")
            .push(message.0);
    }

    fn new_span(&self, _: &Attributes) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            write!(self.0, "{value:?}").expect("a String takes everything");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use crate::problem::Problem;

    /// A book of one chapter with this text, and with the configuration of the real book.
    fn one_chapter(text: &str) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("src")).unwrap();
        fs::write(root.path().join("book.toml"), include_str!("../book.toml")).unwrap();
        fs::create_dir(root.path().join("theme")).unwrap();
        fs::write(root.path().join("words.txt"), "").unwrap();
        fs::write(root.path().join("theme/course.css"), "").unwrap();
        fs::write(
            root.path().join("src/SUMMARY.md"),
            "# Summary\n\n- [A](a.md)\n",
        )
        .unwrap();
        fs::write(root.path().join("src/a.md"), text).unwrap();
        root
    }

    fn build(root: &TempDir) -> Vec<Problem> {
        crate::build(root.path()).unwrap()
    }

    #[test]
    fn a_sound_book_is_rendered_with_a_search_index() {
        let root = one_chapter("# A\n\n## The way down\n\nSee [above](#the-way-down).\n");
        assert_eq!(build(&root), []);
        let page = fs::read_to_string(root.path().join("book/a.html")).unwrap();
        assert!(page.contains("The way down"));
        let names = fs::read_dir(root.path().join("book"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        assert!(
            names
                .map(|name| name.into_string().unwrap())
                .any(|name| name.starts_with("searchindex"))
        );
    }

    #[test]
    fn a_link_to_a_heading_that_is_not_there_fails_with_its_line() {
        let root = one_chapter(
            "# A\n\n## The way down\n\nSee [above](#the-way-up)\nand [it](a.md#the-way-down).\n",
        );
        let problems = build(&root);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(
            (problems[0].file.as_str(), problems[0].line),
            ("book/src/a.md", 5)
        );
    }

    #[test]
    fn what_mdbook_only_warns_of_fails() {
        let root = one_chapter("# A\n\n<details>\n\nfolded\n");
        let problems = build(&root);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].what.contains("details"), "{problems:?}");
    }

    #[test]
    fn a_broken_source_leaves_the_last_good_book() {
        let root = one_chapter("# A\n\ngood\n");
        assert_eq!(build(&root), []);
        fs::write(root.path().join("src/a.md"), "# A\n\n[x](x.md)\n").unwrap();
        assert_eq!(build(&root).len(), 1);
        assert!(
            fs::read_to_string(root.path().join("book/a.html"))
                .unwrap()
                .contains("good")
        );
    }
}
