//! The rendered book in a real browser: what a reader would see go wrong. Runs where a Chromium is, and says so where none is.
//!
//! Every page is opened wide in a light and in a dark theme, and as narrow as a phone. What is looked at there stands in
//! `checks.js`; besides, folded answers are opened by the keyboard, and the search is asked for a word.

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

/// A way to look at a page.
struct View {
    name: &'static str,
    theme: &'static str,
    width: u32,
    is_phone: bool,
}

const VIEWS: [View; 3] = [
    View {
        name: "light",
        theme: "light",
        width: 1200,
        is_phone: false,
    },
    View {
        name: "dark",
        theme: "navy",
        width: 1200,
        is_phone: false,
    },
    View {
        name: "phone",
        theme: "light",
        width: 360,
        is_phone: true,
    },
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
        for page in pages {
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
    }
}
