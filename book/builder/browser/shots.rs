//! Pictures of the pages, for the eyes of whoever wrote them: what no check can say.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::devtools::{self, Browser, Tab};
use super::{VIEWS, look};
use crate::serve;

/// The height of a picture, in pixels: a long page becomes several.
const HEIGHT: f64 = 1600.0;

/// Writes pictures of `pages`, in every view that is for all, into `out`. Returns how many; `None` where there is no browser.
pub fn take(folder: &Path, pages: &[&str], out: &Path) -> Result<Option<usize>> {
    let Some(program) = devtools::find() else {
        return Ok(None);
    };
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let address = serve::still(folder)?;
    let mut browser = Browser::start(&program)?;
    let mut tab = browser.tab()?;
    let mut count = 0;
    for view in VIEWS.iter().filter(|view| view.is_for_all_pages) {
        look(&mut tab, view)?;
        for page in pages {
            let stem = page.trim_end_matches(".md");
            tab.open(&format!("http://{address}/{stem}.html"))?;
            // What is folded away has to be looked at too.
            tab.evaluate(
                "document.querySelectorAll('main details').forEach((d) => { d.open = true; })",
            )?;
            let name = format!("{}-{}", stem.replace('/', "-"), view.name);
            count += page_shots(&mut tab, f64::from(view.width), &out.join(name))?;
        }
    }
    Ok(Some(count))
}

fn page_shots(tab: &mut Tab, width: f64, stem: &Path) -> Result<usize> {
    let metrics = tab.call("Page.getLayoutMetrics", json!({}))?;
    let height = metrics["cssContentSize"]["height"]
        .as_f64()
        .context("a page has a height")?;
    let mut count = 0;
    while (count as f64) * HEIGHT < height {
        let y = count as f64 * HEIGHT;
        let clip =
            json!({ "x": 0, "y": y, "width": width, "height": HEIGHT.min(height - y), "scale": 1 });
        let ask = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let shot = tab.call("Page.captureScreenshot", ask)?;
        let png = decode(shot["data"].as_str().context("a picture has data")?);
        count += 1;
        let path = format!("{}-{count:02}.png", stem.display());
        fs::write(&path, png).with_context(|| format!("cannot write {path}"))?;
    }
    Ok(count)
}

/// Base64, as the browser writes it.
fn decode(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for six in text.bytes().filter_map(value) {
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn base64_is_read() {
        assert_eq!(decode("YXBwbGU="), b"apple");
        assert_eq!(decode("/+8="), [0xff, 0xef]);
    }
}
