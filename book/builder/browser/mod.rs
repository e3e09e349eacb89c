//! The rendered book in a real browser: what a reader would see go wrong. Runs where a Chromium is, and says so where none is.
//!
//! Every page is opened wide in a light and in a dark theme, and as narrow as a phone; in mdBook's other themes those pages
//! that show every colour. What is looked at there stands in `checks.js`; besides, folded answers are opened by the
//! keyboard, and the search is asked for a word.

mod devtools;
mod shots;

pub use shots::take as shots;

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::serve;
use devtools::{Browser, Tab};

const CHECKS: &str = include_str!("checks.js");
const SEARCH: &str = include_str!("search.js");
/// Every book about such a store has it.
const SEARCHED: &str = "tombstone";

/// The first page, under its own name; a chapter with code, tables, figures and answers; a plot; and each colour of figures.
const COLOURS: [&str; 6] = [
    "index.md",
    "day1-blocks.md",
    "day7-filters.md",
    "debugging.md",
    "walkthrough-day6.md",
    "maintainers-book.md",
];

/// A way to look at a page.
struct View {
    name: &'static str,
    theme: &'static str,
    width: u32,
    is_phone: bool,
    /// Or only those of [`COLOURS`].
    is_for_all_pages: bool,
}

impl View {
    const fn wide(name: &'static str, theme: &'static str) -> View {
        View {
            name,
            theme,
            width: 1200,
            is_phone: false,
            is_for_all_pages: true,
        }
    }

    /// A theme that differs from another one in colours alone.
    const fn theme(theme: &'static str) -> View {
        View {
            is_for_all_pages: false,
            ..View::wide(theme, theme)
        }
    }

    fn pages<'p>(&self, all: &[&'p str]) -> Vec<&'p str> {
        match self.is_for_all_pages {
            true => all.to_vec(),
            false => {
                // The first page has two names.
                let known = |page: &&&str| **page == "index.md" || all.contains(page);
                COLOURS.iter().filter(known).copied().collect()
            }
        }
    }
}

/// Every theme that a reader can choose.
const VIEWS: [View; 6] = [
    View::wide("light", "light"),
    View::wide("dark", "navy"),
    View {
        name: "phone",
        theme: "light",
        width: 360,
        is_phone: true,
        is_for_all_pages: true,
    },
    View::theme("rust"),
    View::theme("coal"),
    View::theme("ayu"),
];

/// What is wrong with the rendered pages in `folder`; `None` where there is no browser to tell.
/// `pages` are named as in the text folder.
pub fn problems(folder: &Path, pages: &[&str]) -> Result<Option<Vec<Problem>>> {
    let Some(program) = devtools::find() else {
        return Ok(None);
    };
    let address = serve::still(folder)?;
    let mut browser = Browser::start(&program)?;
    let mut tab = browser.tab()?;
    let mut problems = Vec::new();
    for view in &VIEWS {
        look(&mut tab, view).context("the browser refuses a view")?;
        for page in view.pages(pages) {
            let url = format!("http://{address}/{}", page.replace(".md", ".html"));
            let found = page_problems(&mut tab, view, &url)
                .with_context(|| format!("{page} in the browser"))?;
            let what = |what: String| {
                Problem::new(page, 0, format!("in the browser ({}): {what}", view.name))
            };
            problems.extend(found.into_iter().map(what));
        }
    }
    Ok(Some(problems))
}

fn look(tab: &mut Tab, view: &View) -> Result<()> {
    tab.call(
        "Emulation.setDeviceMetricsOverride",
        json!({ "width": view.width, "height": 800, "deviceScaleFactor": 1, "mobile": view.is_phone }),
    )?;
    // Before any script of a page runs: mdBook reads its theme from here.
    let script = format!("localStorage.setItem('mdbook-theme', '{}')", view.theme);
    tab.before_every_page(&script)
}

fn page_problems(tab: &mut Tab, view: &View, url: &str) -> Result<Vec<String>> {
    tab.open(url)?;
    let mut problems = texts(&tab.evaluate(CHECKS)?);
    problems.extend(by_keyboard(tab)?);
    if view.name == "light" && url.ends_with("/preface.html") {
        let found = tab.evaluate(&SEARCH.replace("WORD", SEARCHED))?;
        if found.as_u64().unwrap_or(0) == 0 {
            problems.push(format!("the search does not find \"{SEARCHED}\""));
        }
    }
    problems.extend(tab.complaints());
    Ok(problems)
}

/// Opens the first folded answer as somebody without a mouse does.
fn by_keyboard(tab: &mut Tab) -> Result<Vec<String>> {
    let focus = "(() => { const s = document.querySelector('main details:not([open]) > summary'); s?.focus(); return !!s && document.activeElement === s; })()";
    let has_any = tab.evaluate("!!document.querySelector('main details')")? == json!(true);
    if !has_any {
        return Ok(Vec::new());
    }
    if tab.evaluate(focus)? != json!(true) {
        return Ok(vec![
            "a folded answer cannot be reached by the keyboard".into(),
        ]);
    }
    tab.press_enter()?;
    let is_open = tab.evaluate("document.activeElement.parentElement.open")? == json!(true);
    Ok(match is_open {
        true => Vec::new(),
        false => vec!["a folded answer does not open on Enter".into()],
    })
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_string))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page with one thing wrong of each kind; skipped where no browser is.
    #[test]
    fn what_a_reader_would_see_go_wrong_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let page = "<!doctype html><html class=\"light\"><head><title>x</title></head><body style=\"background:#fff;margin:0\"><main>\
            <p style=\"color:#ccc\">faint</p>\
            <div style=\"width:2000px\">wide</div>\
            <figure><svg viewBox=\"0 0 480 9\" style=\"width:9px;height:1px\"><text>x</text></svg></figure>\
            <details><summary tabindex=\"-1\" style=\"display:none\">q</summary>a</details>\
            <script>console.error('oops')</script></main></body></html>";
        std::fs::write(dir.path().join("bad.html"), page).unwrap();
        let good = "<!doctype html><html><body style=\"background:#fff\"><main><p style=\"color:#000\">fine</p></main></body></html>";
        std::fs::write(dir.path().join("good.html"), good).unwrap();
        let first = "<!doctype html><html><body style=\"background:#fff\"><main><p style=\"color:#000\">fine but for one theme</p></main>\
            <script>if (localStorage.getItem('mdbook-theme') === 'coal') document.querySelector('p').style.color = '#eee'</script></body></html>";
        std::fs::write(dir.path().join("index.html"), first).unwrap();
        let Some(problems) = problems(dir.path(), &["bad.md", "good.md"]).unwrap() else {
            eprintln!("skipped: no Chromium here");
            return;
        };
        for what in ["contrast", "sideways", "figure", "keyboard", "oops"] {
            assert!(
                problems
                    .iter()
                    .any(|p| p.file.ends_with("bad.md") && p.what.contains(what)),
                "{what}: {problems:?}"
            );
        }
        assert!(
            !problems.iter().any(|p| p.file.ends_with("good.md")),
            "{problems:?}"
        );
        let first: Vec<&str> = problems
            .iter()
            .filter(|p| p.file.ends_with("index.md"))
            .map(|p| p.what.as_str())
            .collect();
        assert_eq!(first.len(), 1, "{first:?}");
        assert!(first[0].contains("(coal): contrast"), "{first:?}");
    }
}
