//! Figures drawn by hand: an SVG of ours goes into the page as it is, so that its colours follow the reader's theme.
//!
//! What a figure must keep to is checked here: colours by class, text that a phone can show, nothing loaded from elsewhere.

use std::fs;
use std::path::Path;

use super::boxes::{escape, inline_code};
use super::directive;
use crate::source::Source;

/// The widest drawing: at 320 pixels of a phone, its letters still have two thirds of their size.
pub const WIDTH: f64 = 480.0;
/// The smallest letters, in units of the drawing.
pub const SMALLEST: f64 = 15.0;

/// `{{figure name "alt" "caption"}}`
pub fn drawn(folder: &Path, source: &Source, words: &[&str]) -> Result<String, String> {
    let [name, alt, caption] = words else {
        return Err("write {{figure name \"alt text\" \"caption\"}}".into());
    };
    let svg = read(folder, name, source)?;
    framed(&svg, alt, caption)
}

/// `{{overview 1 "alt" "caption"}}`: parts of class `d1` are new today, those of later days are dimmed.
pub fn overview(folder: &Path, source: &Source, words: &[&str]) -> Result<String, String> {
    let [day, alt, caption] = words else {
        return Err("write {{overview 1 \"alt text\" \"caption\"}}".into());
    };
    let today: u32 = day.parse().map_err(|_| format!("{day} is no day"))?;
    let mut svg = read(folder, "overview", source)?;
    for day in 1..=7 {
        let mark = match day.cmp(&today) {
            std::cmp::Ordering::Less => "",
            std::cmp::Ordering::Equal => " new",
            std::cmp::Ordering::Greater => " later",
        };
        svg = svg.replace(&format!(" d{day}\""), &format!("{mark}\""));
    }
    framed(&svg, alt, caption)
}

/// A figure around an SVG, in one piece without blank lines, which would end it for Markdown.
pub fn framed(svg: &str, alt: &str, caption: &str) -> Result<String, String> {
    if alt.trim().is_empty() || caption.trim().is_empty() {
        return Err("a figure has an alt text and a caption".into());
    }
    let alt = escape(alt).replace('"', "&quot;");
    let svg = svg.replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{alt}\" "),
        1,
    );
    let lines = svg.lines().map(str::trim).filter(|line| !line.is_empty());
    let svg = lines.collect::<Vec<_>>().join("\n");
    let caption = inline_code(caption);
    Ok(format!(
        "\n<figure>\n{svg}\n<figcaption>{caption}</figcaption>\n</figure>\n"
    ))
}

fn read(folder: &Path, name: &str, source: &Source) -> Result<String, String> {
    let path = folder.join(format!("{name}.svg"));
    let text = fs::read_to_string(&path)
        .map_err(|_| format!("there is no figure book/src/figures/{name}.svg"))?;
    let mut svg = String::new();
    for (line, number) in text.lines().zip(1..) {
        let value = |directive: &directive::Directive| match directive.name {
            "=" => source.values.show(directive.rest),
            name => Err(format!("{{{{{name}}}}} has no place in a figure")),
        };
        let at = |what: String| format!("figures/{name}.svg:{number}: {what}");
        svg += &directive::inline(line, value).map_err(at)?;
        svg.push('\n');
    }
    match complaint(&svg) {
        None => Ok(svg),
        Some(what) => Err(format!("figures/{name}.svg: {what}")),
    }
}

/// What is wrong with a drawing.
fn complaint(svg: &str) -> Option<String> {
    let forbidden = [
        ("<style", "styles stand in theme/figures.css"),
        ("style=", "styles stand in theme/figures.css"),
        ("fill=", "colours come from classes"),
        ("stroke=", "colours come from classes"),
        (" id=", "an id may be given twice on a page"),
        ("<script", "a figure has no script"),
        ("href=", "a figure loads nothing"),
        ("<!--", "remarks stand in the text"),
    ];
    if let Some((word, why)) = forbidden.iter().find(|(word, _)| svg.contains(word)) {
        return Some(format!("`{word}`: {why}"));
    }
    let Some(view) = attribute(svg, "viewBox") else {
        return Some("the drawing has no viewBox".into());
    };
    let numbers: Vec<f64> = view
        .split_whitespace()
        .filter_map(|n| n.parse().ok())
        .collect();
    let [_, _, width, _] = numbers[..] else {
        return Some("a viewBox has four numbers".into());
    };
    if width > WIDTH {
        return Some(format!(
            "the drawing is {width} wide: no phone can show more than {WIDTH}"
        ));
    }
    let sizes = svg
        .split("font-size=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let too_small = sizes
        .filter_map(|size| size.parse::<f64>().ok())
        .find(|size| *size < SMALLEST);
    too_small.map(|size| format!("letters of {size} are too small: {SMALLEST} is the least"))
}

fn attribute<'a>(svg: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = svg.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::of_this_repository;

    const SVG: &str = "<svg viewBox=\"0 0 400 100\">\n\n<rect class=\"mem d1\"/><rect class=\"log d2\"/>\n<text x=\"1\">{{= OFFSET_LEN}} bytes</text>\n</svg>\n";

    fn folder(svg: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("overview.svg"), svg).unwrap();
        dir
    }

    #[test]
    fn a_drawing_goes_into_the_page_with_alt_text_caption_and_values() {
        let dir = folder(SVG);
        let words = ["overview", "A \"page\"", "Of `u16` & more"];
        let figure = drawn(dir.path(), of_this_repository(), &words).unwrap();
        assert!(
            figure.contains("aria-label=\"A &quot;page&quot;\""),
            "{figure}"
        );
        assert!(figure.contains("<text x=\"1\">2 bytes</text>"), "{figure}");
        assert!(
            figure.contains("<figcaption>Of <code>u16</code> &amp; more</figcaption>"),
            "{figure}"
        );
        assert!(
            !figure.trim().contains("\n\n"),
            "a blank line would end the figure: {figure}"
        );
    }

    #[test]
    fn the_days_part_of_the_overview_is_highlighted_and_later_parts_dimmed() {
        let dir = folder(SVG);
        let figure = overview(dir.path(), of_this_repository(), &["1", "a", "c"]).unwrap();
        assert!(
            figure.contains("mem new\"") && figure.contains("log later\""),
            "{figure}"
        );
        let figure = overview(dir.path(), of_this_repository(), &["2", "a", "c"]).unwrap();
        assert!(
            figure.contains("\"mem\"") && figure.contains("log new\""),
            "{figure}"
        );
    }

    #[test]
    fn a_drawing_keeps_to_the_rules() {
        for (from, to, why) in [
            (
                "class=\"mem d1\"",
                "fill=\"red\"",
                "colours come from classes",
            ),
            ("400 100", "900 100", "no phone"),
            ("<text x=\"1\">", "<text font-size=\"9\">", "too small"),
            (" viewBox=\"0 0 400 100\"", "", "no viewBox"),
            (
                "OFFSET_LEN",
                "OFSET_LEN",
                "figures/overview.svg:4: there is no constant",
            ),
        ] {
            let dir = folder(&SVG.replace(from, to));
            let error =
                drawn(dir.path(), of_this_repository(), &["overview", "a", "c"]).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let dir = folder(SVG);
        assert!(drawn(dir.path(), of_this_repository(), &["overview", "", "c"]).is_err());
    }
}
