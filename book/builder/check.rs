//! What fails the build: links and images that lead nowhere, chapters that no reader can reach, code that does not say its language.
//!
//! Links to other sites are not followed: the build works without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::problem::Problem;
use crate::text::{Document, Kind, Pages};

pub const SUMMARY: &str = "SUMMARY.md";

/// What can be said from the sources alone.
pub fn sources(pages: &Pages) -> Vec<Problem> {
    let mut problems = Vec::new();
    for document in &pages.documents {
        for item in &document.items {
            if let Some(what) = complaint(&item.kind, document, pages) {
                problems.push(problem(document, item.line, what));
            }
        }
    }
    problems.extend(unlisted(pages));
    problems
}

/// Checks every `page.md#heading` against the ids of the rendered pages in `folder`, which are mdBook's own choice.
pub fn anchors(pages: &Pages, folder: &Path) -> Result<Vec<Problem>> {
    let mut ids_of = BTreeMap::new();
    let mut problems = Vec::new();
    for document in pages
        .documents
        .iter()
        .filter(|document| document.name != SUMMARY)
    {
        for item in &document.items {
            let Kind::Link(url) = &item.kind else {
                continue;
            };
            let Some((target, Some(anchor))) = internal(url, &document.name) else {
                continue;
            };
            let Some(page) = target.strip_suffix(".md") else {
                continue;
            };
            if !ids_of.contains_key(page) {
                ids_of.insert(
                    page.to_string(),
                    read_ids(&folder.join(format!("{page}.html")))?,
                );
            }
            if !ids_of[page].contains(anchor) {
                let what = format!("the link {url} leads to no heading: {target} has no #{anchor}");
                problems.push(problem(document, item.line, what));
            }
        }
    }
    Ok(problems)
}

fn complaint(kind: &Kind, document: &Document, pages: &Pages) -> Option<String> {
    match kind {
        Kind::Link(url) => {
            dead_end(url, document, pages).map(|why| format!("the link {url} is broken: {why}"))
        }
        Kind::Image(url) => {
            dead_end(url, document, pages).map(|why| format!("the image {url} is missing: {why}"))
        }
        Kind::UndefinedLabel(label) => Some(format!(
            "the link [{label}] is broken: no line `[{label}]: …` in this file says where it leads"
        )),
        Kind::ImageWithoutAlt(url) => Some(format!(
            "the image {url} has no alt text: say in words what it shows"
        )),
        Kind::AnswerWithoutQuestion => {
            Some("an answer without a question: its <summary> is empty".into())
        }
        Kind::Code(_) | Kind::Rust { .. } | Kind::Shell(_) => None,
        Kind::FenceWithoutLanguage => {
            Some("this code fence has no language: write ```rust, ```sh or ```text".into())
        }
        Kind::IndentedCode => Some(
            "this is code by indentation: put it in a fence with a language, or indent it less"
                .into(),
        ),
    }
}

/// Why `url` leads nowhere, if so.
fn dead_end(url: &str, document: &Document, pages: &Pages) -> Option<String> {
    if url.is_empty() {
        return Some("it is empty".into());
    }
    if url.starts_with('/') && !url.starts_with("//") {
        return Some("it begins with /, which is another place on every server; write it relative to this file".into());
    }
    let (target, _) = internal(url, &document.name)?;
    if target.starts_with("..") {
        return Some("it leads out of book/src".into());
    }
    (!pages.files.contains(&target)).then(|| format!("there is no book/src/{target}"))
}

/// The file (relative to the text folder) and the heading that a link inside the book names; `None` for other sites.
fn internal<'a>(url: &'a str, from: &str) -> Option<(String, Option<&'a str>)> {
    if url.starts_with('/') || has_scheme(url) {
        return None;
    }
    let (path, anchor) = match url.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (url, None),
    };
    let target = if path.is_empty() {
        from.to_string()
    } else {
        resolve(path, from)
    };
    Some((target, anchor))
}

/// `https:` and the like: letters, then a colon, before any slash.
fn has_scheme(url: &str) -> bool {
    let is_scheme = |word: &str| {
        word.len() > 1
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    };
    url.split_once(':')
        .is_some_and(|(before, _)| is_scheme(before))
}

/// `path` as seen from the file `from`, without `.` and `..`. One that leaves the text folder begins with `..`.
fn resolve(path: &str, from: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Chapters that SUMMARY.md does not name: mdBook passes over them in silence.
fn unlisted(pages: &Pages) -> Vec<Problem> {
    let mut listed = BTreeSet::from([SUMMARY.to_string()]);
    for document in pages
        .documents
        .iter()
        .filter(|document| document.name == SUMMARY)
    {
        for item in &document.items {
            if let Kind::Link(url) = &item.kind
                && let Some((target, _)) = internal(url, SUMMARY)
            {
                listed.insert(target);
            }
        }
    }
    let lost = pages
        .documents
        .iter()
        .filter(|document| !listed.contains(&document.name));
    lost.map(|document| {
        problem(
            document,
            1,
            format!("no reader can reach this chapter: list it in {SUMMARY}"),
        )
    })
    .collect()
}

fn read_ids(page: &Path) -> Result<BTreeSet<String>> {
    let html =
        fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let values = html.split(" id=\"").skip(1);
    Ok(values
        .filter_map(|rest| rest.split_once('"'))
        .map(|(id, _)| id.to_string())
        .collect())
}

fn problem(document: &Document, line: usize, what: String) -> Problem {
    Problem::new(&document.name, line, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A book whose SUMMARY.md lists every page given; `files` are there besides.
    fn book(pages: &[(&str, &str)], files: &[&str]) -> Pages {
        let summary: String = pages
            .iter()
            .map(|(name, _)| format!("- [{name}]({name})\n"))
            .collect();
        let mut documents = vec![Document::plain(SUMMARY, &summary)];
        for (name, text) in pages {
            documents.push(Document::plain(name, text));
        }
        let files = documents
            .iter()
            .map(|document| document.name.clone())
            .chain(files.iter().map(|f| f.to_string()));
        Pages {
            files: files.collect(),
            documents,
        }
    }

    fn places(problems: &[Problem]) -> Vec<(&str, usize)> {
        problems
            .iter()
            .map(|problem| (problem.file.as_str(), problem.line))
            .collect()
    }

    #[test]
    fn sound_links_and_images_pass() {
        let text = "[b](sub/b.md) [self](#top) [out](https://example.org/x) [mail](mailto:a@example.org)\n![p](p.svg)\n";
        let pages = book(
            &[
                ("a.md", text),
                ("sub/b.md", "[a](../a.md#top) [c](./c.md)\n"),
                ("sub/c.md", ""),
            ],
            &["p.svg"],
        );
        assert_eq!(sources(&pages), []);
    }

    #[test]
    fn a_broken_link_is_told_with_file_and_line() {
        let pages = book(&[("sub/a.md", "one\n\n[b](b.md)\n")], &["b.md"]);
        let problems = sources(&pages);
        assert_eq!(places(&problems), [("book/src/sub/a.md", 3)]);
        let message = "book/src/sub/a.md:3: the link b.md is broken: there is no book/src/sub/b.md";
        assert_eq!(problems[0].to_string(), message);
    }

    #[test]
    fn a_missing_image_is_told_with_file_and_line() {
        let pages = book(
            &[(
                "a.md",
                "one\n![p](p.svg)\n\n<img src=\"q.svg\" alt=\"q\">\n",
            )],
            &["p.png"],
        );
        assert_eq!(
            places(&sources(&pages)),
            [("book/src/a.md", 2), ("book/src/a.md", 4)]
        );
    }

    #[test]
    fn names_differ_by_case_on_every_system() {
        let pages = book(&[("a.md", "[b](B.md)\n"), ("b.md", "")], &[]);
        assert_eq!(places(&sources(&pages)), [("book/src/a.md", 1)]);
    }

    #[test]
    fn a_link_must_stay_in_the_book_and_lead_somewhere() {
        let pages = book(
            &[(
                "a.md",
                "[x](../README.md)\n[y](/a.md)\n[z]()\n[b](a.html)\n",
            )],
            &[],
        );
        let lines: Vec<usize> = sources(&pages).iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
    }

    #[test]
    fn code_without_a_language_and_undefined_labels_fail() {
        let pages = book(&[("a.md", "```\nx\n```\n\n[a][b]\n\n    code\n")], &[]);
        let lines: Vec<usize> = sources(&pages).iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 5, 7]);
    }

    #[test]
    fn a_chapter_that_the_summary_forgets_fails() {
        let mut pages = book(&[("a.md", "")], &["b.md"]);
        pages.documents.push(Document::plain("b.md", ""));
        assert_eq!(places(&sources(&pages)), [("book/src/b.md", 1)]);
    }

    #[test]
    fn a_summary_that_names_a_missing_chapter_fails_with_its_line() {
        let mut pages = book(&[("a.md", ""), ("b.md", "")], &[]);
        pages.documents.retain(|document| document.name != "b.md");
        pages.files.remove("b.md");
        assert_eq!(places(&sources(&pages)), [("book/src/SUMMARY.md", 2)]);
    }
}
