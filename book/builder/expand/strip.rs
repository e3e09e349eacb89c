//! Figures of rows of boxes, written as text: bytes on a page, entries in a block, tables in a level.
//!
//! ````text
//! ```strip "alt text" "caption"
//! = after the first entry
//! apple = red {value 16} ^0 | free {free 48}
//! ^low | ^^middle {8}
//! ```
//! ````
//!
//! A line is a row, and `|` parts its cells. In braces stand the classes of a cell and its width; all rows of a figure have one
//! scale, so that a width may be a number of bytes. `/` breaks the text of a cell. `^mark` puts a mark under a cell's left
//! edge, `^^mark` under its middle. A line with `=` is a heading, `-` alone a gap. A cell of class `none` has no box.
//! Words behind the caption ask that numbers be true: see [`scale`].

mod scale;

use std::path::Path;

use super::boxes::{alt_and_caption, escape};
use super::figure::{WIDTH, framed};
use super::{directive, dump};
use crate::source::Source;
use scale::Wish;

/// What a cell may be; the colours are in `theme/figures.css`.
pub const CLASSES: [&str; 16] = [
    "mem", "l0", "level", "log", "cache", "filter", "key", "value", "head", "offset", "free",
    "bad", "new", "later", "none", "dead",
];

const LETTER: f64 = 16.0;
/// The mean width of a letter, generously.
const LETTER_WIDTH: f64 = 0.56 * LETTER;
const LINE: f64 = 20.0;
const CELL: f64 = 34.0;
const MARK: f64 = 22.0;
const GAP: f64 = 10.0;

enum Row {
    Heading(String),
    Gap,
    Cells(Vec<Cell>),
}

struct Cell {
    lines: Vec<String>,
    classes: Vec<String>,
    width: f64,
    left: Option<String>,
    middle: Option<String>,
}

/// The figure, or the line of the fence's content (0 for its head) and what is wrong there.
/// `folder` has the files of the page.
pub fn strip(
    source: &Source,
    folder: Option<&Path>,
    head: &str,
    content: &[String],
) -> Result<String, (usize, String)> {
    let at_head = |what| (0, what);
    let (alt, caption, more) = alt_and_caption(head).map_err(at_head)?;
    let wish = Wish::read(&more).map_err(at_head)?;
    let mut rows = Vec::new();
    for (line, number) in content.iter().zip(1..) {
        let value = |directive: &directive::Directive| match directive.name {
            "=" => source.values.show(directive.rest),
            name => Err(format!("{{{{{name}}}}} has no place in a figure")),
        };
        let line = directive::inline(line, value).map_err(|what| (number, what))?;
        if !line.trim().is_empty() {
            rows.push((number, row(line.trim()).map_err(|what| (number, what))?));
        }
    }
    let places = wish.file.as_ref().map(|file| dump::places(folder, file));
    let places = places.transpose().map_err(at_head)?;
    scale::check(&rows, &wish, places.as_ref())?;
    let widths = rows.iter().map(|(_, row)| width(row));
    let widest = widths.fold(0.0, f64::max);
    if widest == 0.0 {
        return Err((0, "a figure has at least one row of cells".into()));
    }
    let mut drawing = Drawing {
        scale: (WIDTH - 4.0) / widest,
        y: 2.0,
        svg: String::new(),
    };
    for (number, row) in &rows {
        drawing.row(row).map_err(|what| (*number, what))?;
    }
    let svg = format!(
        "<svg class=\"strip\" viewBox=\"0 0 {WIDTH} {:.0}\">\n{}</svg>",
        drawing.y + 2.0,
        drawing.svg
    );
    framed(&svg, &alt, &caption).map_err(at_head)
}

fn row(line: &str) -> Result<Row, String> {
    if line == "-" {
        return Ok(Row::Gap);
    }
    if let Some(heading) = line.strip_prefix("= ") {
        return Ok(Row::Heading(heading.to_string()));
    }
    let cells: Result<Vec<Cell>, String> = line.split('|').map(cell).collect();
    Ok(Row::Cells(cells?))
}

fn cell(text: &str) -> Result<Cell, String> {
    let (text, mark) = text.split_once('^').unwrap_or((text, ""));
    let (left, middle) = match mark.trim().strip_prefix('^') {
        Some(middle) => (None, Some(middle.trim().to_string())),
        None => (
            Some(mark.trim().to_string()).filter(|mark| !mark.is_empty()),
            None,
        ),
    };
    let (label, braces) = match text.split_once('{') {
        Some((label, rest)) => {
            let (braces, _) = rest
                .split_once('}')
                .ok_or("a brace is opened and not closed")?;
            (label.trim(), braces)
        }
        None => (text.trim(), ""),
    };
    let lines: Vec<String> = label
        .split('/')
        .map(|line| line.trim().to_string())
        .collect();
    let mut width = None;
    let mut classes = Vec::new();
    for word in braces.split_whitespace() {
        match word.parse::<f64>() {
            Ok(number) if number > 0.0 => width = Some(number),
            _ if CLASSES.contains(&word) => classes.push(word.to_string()),
            _ => {
                return Err(format!(
                    "`{word}` is no class of a cell: {}",
                    CLASSES.join(", ")
                ));
            }
        }
    }
    if classes.is_empty() && label.is_empty() {
        classes.push("none".into());
    }
    let longest = lines
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    Ok(Cell {
        width: width.unwrap_or(longest as f64 + 2.0),
        lines,
        classes,
        left,
        middle,
    })
}

fn width(row: &Row) -> f64 {
    match row {
        Row::Cells(cells) => cells.iter().map(|cell| cell.width).sum(),
        Row::Heading(_) | Row::Gap => 0.0,
    }
}

struct Drawing {
    scale: f64,
    y: f64,
    svg: String,
}

impl Drawing {
    fn row(&mut self, row: &Row) -> Result<(), String> {
        match row {
            Row::Gap => self.y += GAP,
            Row::Heading(text) => {
                self.fits(text, WIDTH, "heading")?;
                self.text(2.0, self.y + LETTER, "start heading", text);
                self.y += LINE + 4.0;
            }
            Row::Cells(cells) => self.cells(cells)?,
        }
        Ok(())
    }

    fn cells(&mut self, cells: &[Cell]) -> Result<(), String> {
        let lines = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(1);
        let is_empty = cells
            .iter()
            .all(|cell| cell.lines.iter().all(String::is_empty) && cell.classes == ["none"]);
        let height = if is_empty {
            0.0
        } else {
            CELL + LINE * (lines - 1) as f64
        };
        let (mut x, mut marked) = (2.0, 0.0);
        for cell in cells {
            let width = cell.width * self.scale;
            self.cell(cell, x, width, height)?;
            let bottom = self.y + height;
            marked = self.mark(cell, (x, width, bottom), marked)?;
            x += width;
        }
        let has_marks = cells
            .iter()
            .any(|cell| cell.left.is_some() || cell.middle.is_some());
        self.y += height + if has_marks { MARK } else { 0.0 } + 6.0;
        Ok(())
    }

    fn cell(&mut self, cell: &Cell, x: f64, width: f64, height: f64) -> Result<(), String> {
        let (y, classes) = (self.y, cell.classes.join(" "));
        if !cell.classes.iter().any(|class| class == "none") {
            self.svg += &format!(
                "<rect class=\"cell {classes}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>\n"
            );
        }
        let middle = x + width / 2.0;
        let first = y + height / 2.0 - LINE * (cell.lines.len() - 1) as f64 / 2.0 + LETTER * 0.36;
        for (line, index) in cell.lines.iter().zip(0..) {
            self.fits(line, width, "cell")?;
            self.text(middle, first + LINE * f64::from(index), &classes, line);
        }
        Ok(())
    }

    /// A mark under a cell, which must not run into the one before; where both end.
    fn mark(&mut self, cell: &Cell, place: (f64, f64, f64), marked: f64) -> Result<f64, String> {
        let (x, width, bottom) = place;
        let (mark, at) = match (&cell.left, &cell.middle) {
            (Some(mark), _) => (mark, x),
            (None, Some(mark)) => (mark, x + width / 2.0),
            (None, None) => return Ok(marked),
        };
        let len = mark.chars().count() as f64 * LETTER_WIDTH;
        let start = if cell.left.is_some() {
            at
        } else {
            at - len / 2.0
        };
        let start = start.min(WIDTH - len).max(0.0);
        if start < marked {
            return Err(format!(
                "the mark `{mark}` runs into the one before: shorten it, or say it in a heading"
            ));
        }
        self.svg += &format!("<path class=\"tick\" d=\"M{at:.1} {bottom:.1}v5\"/>\n");
        self.text(start, bottom + LETTER + 2.0, "mark start", mark);
        Ok(start + len)
    }

    fn text(&mut self, x: f64, y: f64, classes: &str, text: &str) {
        if !text.is_empty() {
            let text = escape(text);
            self.svg +=
                &format!("<text class=\"{classes}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n");
        }
    }

    fn fits(&self, text: &str, width: f64, what: &str) -> Result<(), String> {
        let letters = text.chars().count();
        let room = (width / LETTER_WIDTH).floor() as usize;
        if letters <= room {
            return Ok(());
        }
        Err(format!(
            "`{text}` has {letters} letters, and this {what} has room for {room}: widen it, shorten the text, or break it with /"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::of_this_repository;

    fn draw(text: &str) -> Result<String, (usize, String)> {
        let lines: Vec<String> = text.lines().map(str::to_string).collect();
        strip(of_this_repository(), None, "\"alt\" \"caption\"", &lines)
    }

    #[test]
    fn rows_have_one_scale_and_words_stay_words() {
        let svg = draw("= one\nhead {head {{= ENTRY_HEADER_LEN}}} ^0 | apple {key 8} | {free 16}\n= two\n | free {free 16} ^^b\n").unwrap();
        assert!(
            svg.contains(">head</text>") && svg.contains(">one</text>"),
            "{svg}"
        );
        let widths: Vec<&str> = svg
            .split("width=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(widths, ["119.0", "119.0", "238.0", "238.0"]);
        assert!(
            svg.contains("aria-label=\"alt\"") && svg.contains("<figcaption>caption"),
            "{svg}"
        );
    }

    #[test]
    fn what_cannot_be_drawn_is_told_with_its_line() {
        for (text, line, why) in [
            ("", 0, "at least one row"),
            ("a {blue}", 1, "no class"),
            ("a\na very long text {1} | b {99}", 2, "has room for"),
            ("a\nb {{= NOTHING_AT_ALL}}", 2, "constant"),
            ("a {2", 1, "not closed"),
            (
                "a {9} ^a long mark that goes on and on | b {9} ^b",
                1,
                "runs into",
            ),
        ] {
            let (at, what) = draw(text).unwrap_err();
            assert!(at == line && what.contains(why), "{text}: {at}: {what}");
        }
        assert!(strip(of_this_repository(), None, "\"alt\"", &["a".into()]).is_err());
    }
}
