//! The report as a picture: one self-contained file, as wide as a page, readable on a light and on a dark one.
//!
//! A group of bars a workload, in two columns. The length of a bar is the engine's median over that of the best peer
//! that promises as much as ours; a line across the group marks that peer's. The thin line at a bar's end is the range
//! of the rounds. Bars of engines that promise less are hollow and dashed.

use std::fmt::Write as _;

use super::summary::{self, Row, Section};
use super::table::{count, verdict_word};
use super::{Record, notes};
use crate::engines::Name;

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 20.0;
const GUTTER: f64 = 30.0;
const COLUMN: f64 = (WIDTH - 2.0 * MARGIN - GUTTER) / 2.0;
/// Where bars begin and end within a column; what is left of them names the engine, right of them is its figure.
const BAR_LEFT: f64 = 84.0;
const BAR_WIDTH: f64 = COLUMN - BAR_LEFT - 64.0;
const BAR_HEIGHT: f64 = 10.0;
const ROW: f64 = 14.0;
const GROUP_HEAD: f64 = 34.0;
const GROUP_GAP: f64 = 16.0;
const LINE: f64 = 15.0;
/// A longer bar is cut here: it belongs to an engine that promises less, or to ours.
const LONGEST: f64 = 1.5;
/// About how many letters of a note fit into a line.
const NOTE_LETTERS: usize = 150;

pub fn of(record: &Record) -> String {
    let sections = summary::of(record);
    let heads: Vec<String> = notes::setting(record)
        .iter()
        .flat_map(|line| wrap(line))
        .collect();
    let top = MARGIN + 28.0 + heads.len() as f64 * LINE + 26.0;
    let (left, right) = columns(&sections);
    let body_height = height(left).max(height(right));
    let feet = foot_lines(record);
    let total = top + body_height + feet.len() as f64 * LINE + MARGIN;

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {total}\" role=\"img\" aria-label=\"Mini-LSM beside its peers\">\n{STYLE}\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{total}\"/>\n"
    );
    text(
        &mut out,
        MARGIN,
        MARGIN + 14.0,
        "title",
        "Mini-LSM beside its peers",
    );
    lines(&mut out, MARGIN + 34.0, &heads);
    let legend = "bars: operations a second, the best peer = 1 · thin line: range of the rounds · hollow: promises less, never the best";
    text(&mut out, MARGIN, top - 16.0, "note", legend);
    column(&mut out, MARGIN, top, left);
    column(&mut out, MARGIN + COLUMN + GUTTER, top, right);
    lines(&mut out, top + body_height + LINE, &feet);
    out += "</svg>\n";
    out
}

const STYLE: &str = "<style>
text { font-family: system-ui, sans-serif; font-size: 11px; fill: #1c2128; }
.title { font-size: 18px; font-weight: 600; }
.name { font-size: 13px; font-weight: 600; }
.note { fill: #57606a; }
.engine, .figure, .verdict { text-anchor: end; }
.page { fill: #ffffff; }
.ours { fill: #d9480f; }
.starter { fill: #e8a33d; }
.peer { fill: #8c98a5; }
.lesser { fill: none; stroke: #8c98a5; stroke-dasharray: 3 2; }
.range { stroke: #1c2128; }
.best { stroke: #1c2128; stroke-dasharray: 2 2; }
@media (prefers-color-scheme: dark) {
text { fill: #e6e8eb; }
.note { fill: #9aa4af; }
.page { fill: #16191d; }
.ours { fill: #ff8a4c; }
.starter { fill: #ffd08a; }
.peer { fill: #6b7682; }
.lesser { stroke: #9aa4af; }
.range, .best { stroke: #e6e8eb; }
}
</style>
";

/// Cut so that the taller column is as short as it can be.
fn columns(sections: &[Section]) -> (&[Section], &[Section]) {
    let taller = |cut: &usize| {
        let (left, right) = sections.split_at(*cut);
        height(left).max(height(right)) as u64
    };
    let cut = (0..=sections.len()).min_by_key(taller).unwrap_or(0);
    sections.split_at(cut)
}

fn height(sections: &[Section]) -> f64 {
    sections.iter().map(group_height).sum()
}

fn group_height(section: &Section) -> f64 {
    GROUP_HEAD + section.rows.len() as f64 * ROW + GROUP_GAP
}

fn column(out: &mut String, x: f64, top: f64, sections: &[Section]) {
    let mut y = top;
    for section in sections {
        group(out, x, y, section);
        y += group_height(section);
    }
}

fn group(out: &mut String, x: f64, y: f64, section: &Section) {
    let name = match section.side.as_str() {
        "" => section.workload.to_owned(),
        side => format!("{}, the {side}", section.workload),
    };
    text(out, x, y + 12.0, "name", &name);
    text(out, x, y + 26.0, "note", section.what);
    if let Some(verdict) = verdict(section) {
        text(out, x + COLUMN, y + 12.0, "verdict", &verdict);
    }
    let Some(unit) = unit(section) else {
        return;
    };
    let first = y + GROUP_HEAD;
    for (place, row) in section.rows.iter().enumerate() {
        bar(out, x, first + place as f64 * ROW, row, unit);
    }
    let one = x + BAR_LEFT + BAR_WIDTH / LONGEST;
    let last = first + section.rows.len() as f64 * ROW;
    line(out, "best", (one, first - 3.0), (one, last));
}

/// Ours against the best peer: `0.97 × RocksDB, a draw (goal 1.0)`.
fn verdict(section: &Section) -> Option<String> {
    let (peer, ratio) = (section.best_peer?, section.ratio?);
    let goal = section.goal.map(|goal| format!(" (goal {goal:.1})"));
    let word = verdict_word(section.verdict?);
    Some(format!(
        "{ratio:.2} × {peer}, {word}{}",
        goal.unwrap_or_default()
    ))
}

/// What a bar of length 1 stands for: the best peer, or where there is none, ours, or the first.
fn unit(section: &Section) -> Option<f64> {
    let wanted = section.best_peer.unwrap_or(Name::Ours);
    let row = section.rows.iter().find(|row| row.engine == wanted);
    Some(row.or(section.rows.first())?.speed.median)
}

fn bar(out: &mut String, x: f64, y: f64, row: &Row, unit: f64) {
    let length = |speed: f64| (speed / unit).min(LONGEST) * BAR_WIDTH / LONGEST;
    let left = x + BAR_LEFT;
    let (width, middle) = (length(row.speed.median), y + BAR_HEIGHT / 2.0);
    let class = match row.engine {
        _ if row.lesser.is_some() => "lesser",
        Name::Ours => "ours",
        Name::Starter => "starter",
        _ => "peer",
    };
    text(out, left - 6.0, y + 9.0, "engine", &row.engine.to_string());
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\"/>"
    );
    let (from, to) = (left + length(row.speed.min), left + length(row.speed.max));
    line(out, "range", (from, middle), (to, middle));
    let cut = if row.speed.median / unit > LONGEST {
        "› "
    } else {
        ""
    };
    let figure = format!("{cut}{}/s", count(row.speed.median));
    text(out, x + COLUMN, y + 9.0, "figure", &figure);
}

fn foot_lines(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    for (title, notes) in notes::groups(record) {
        lines.push(String::new());
        lines.push(format!("{title}:"));
        lines.extend(notes.iter().flat_map(|note| wrap(&format!("· {note}"))));
    }
    lines
}

fn lines(out: &mut String, top: f64, lines: &[String]) {
    for (place, line) in lines.iter().enumerate() {
        text(out, MARGIN, top + place as f64 * LINE, "note", line);
    }
}

fn line(out: &mut String, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(
        out,
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

fn text(out: &mut String, x: f64, y: f64, class: &str, text: &str) {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
    );
}

/// Into lines that fit, at spaces; those after the first are indented.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        if last.chars().count() + word.chars().count() < NOTE_LETTERS {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        } else {
            lines.push(format!("\u{2003}{word}"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::canned;

    #[test]
    fn bars_are_as_long_as_the_ratios() {
        let svg = of(&canned::record());
        let one = BAR_WIDTH / LONGEST;
        for (class, ratio) in [("ours", 0.5), ("peer", 1.0), ("lesser", LONGEST)] {
            let width = format!("width=\"{:.1}\" height=\"{BAR_HEIGHT}\"", ratio * one);
            let is_there =
                |line: &str| line.contains(&format!("\"{class}\"")) && line.contains(&width);
            assert!(
                svg.lines().any(is_there),
                "no {class} bar of {ratio}\n{svg}"
            );
        }
    }

    #[test]
    fn what_would_end_the_text_is_escaped() {
        let svg = of(&canned::record());
        assert!(svg.contains("A &lt;fast&gt; processor"));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }

    #[test]
    fn notes_are_in_the_picture_too() {
        let svg = of(&canned::record());
        assert!(svg.contains("a put is still in the process"));
        assert!(svg.contains("day 3, task 1: MemTable::get"));
    }

    #[test]
    fn long_lines_are_wrapped_at_spaces() {
        let lines = wrap(&"word ".repeat(70));
        assert_eq!(lines.len(), 3);
        assert!(
            lines
                .iter()
                .all(|line| line.chars().count() <= NOTE_LETTERS)
        );
    }
}
