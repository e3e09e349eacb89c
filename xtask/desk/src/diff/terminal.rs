//! The comparison in a terminal: side by side where it is wide enough, one below the other where it is not.

use xtask::screen::{Screen, Style, wrap};

use super::pairs::{Compared, Pair};
use super::rows::{Line, Row, rows};

/// From here on two columns are readable.
const WIDE: usize = 130;
/// A pipe is as wide as a page.
const PAGE: usize = 100;

/// Columns of the terminal.
pub fn width() -> usize {
    terminal_size::terminal_size().map_or(PAGE, |(width, _)| usize::from(width.0))
}

pub fn render(screen: &Screen, width: usize, files: &[Compared]) -> String {
    let mut text = String::new();
    for file in files {
        let head = format!("{} · beside the reference of {}", file.path, file.moment);
        text += &format!("{}\n", screen.paint(Style::Strong, &head));
        if let Some(remark) = &file.remark {
            text += &format!("  {remark}\n");
        }
        if !file.same.is_empty() {
            for line in wrap(
                &format!("the same: {}", file.same.join(", ")),
                width.clamp(40, PAGE) - 2,
            ) {
                text += &format!("  {line}\n");
            }
        }
        for pair in &file.pairs {
            text += &format!("\n  {}\n", screen.paint(Style::Strong, &pair.title));
            text += &match width >= WIDE && !pair.mine.is_empty() && !pair.theirs.is_empty() {
                true => columns(screen, width, pair),
                false => unified(screen, pair),
            };
        }
        text.push('\n');
    }
    let pairs = files.iter().flat_map(|file| &file.pairs);
    if pairs.count() > 0 {
        text += "- yours   + the reference's\n";
    }
    text
}

fn unified(screen: &Screen, pair: &Pair) -> String {
    let mut text = String::new();
    let (mut minus, mut plus) = (String::new(), String::new());
    for row in rows(&pair.mine, &pair.theirs) {
        match row {
            Row::Differs(mine, theirs) => {
                minus.extend(mine.map(|line| one(screen, '-', Style::Bad, &line)));
                plus.extend(theirs.map(|line| one(screen, '+', Style::Good, &line)));
                continue;
            }
            Row::Same(line) => {
                text += &std::mem::take(&mut minus);
                text += &std::mem::take(&mut plus);
                text += &format!("    {line}\n");
            }
            Row::Gap => {
                text += &std::mem::take(&mut minus);
                text += &std::mem::take(&mut plus);
                text += "  …\n";
            }
        }
    }
    text + &minus + &plus
}

fn one(screen: &Screen, sign: char, style: Style, line: &Line) -> String {
    let text: String = line.iter().map(|(_, text)| text.as_str()).collect();
    format!("  {}\n", screen.paint(style, &format!("{sign} {text}")))
}

fn columns(screen: &Screen, width: usize, pair: &Pair) -> String {
    // Margin, two signs of two, and a bar between.
    let half = (width - 2 - 2 - 3 - 2) / 2;
    let mut text = String::new();
    for row in rows(&pair.mine, &pair.theirs) {
        let (left, right, differs) = match row {
            Row::Same(line) => (Some(line.clone()), Some(line), false),
            Row::Differs(mine, theirs) => (mine.map(plain), theirs.map(plain), true),
            Row::Gap => (Some("…".to_string()), Some("…".to_string()), false),
        };
        let (left, right) = (cut(left.as_deref(), half), cut(right.as_deref(), half));
        for at in 0..left.len().max(right.len()) {
            let cell = |lines: &[String], sign: char, style: Style| {
                let line = lines.get(at).map_or("", String::as_str);
                let sign = if differs && at < lines.len() {
                    sign
                } else {
                    ' '
                };
                let padded = format!(
                    "{sign} {line}{}",
                    " ".repeat(half.saturating_sub(line.chars().count()))
                );
                match sign {
                    ' ' => padded,
                    _ => screen.paint(style, &padded),
                }
            };
            let row = format!(
                "  {} | {}",
                cell(&left, '-', Style::Bad),
                cell(&right, '+', Style::Good)
            );
            text += row.trim_end();
            text.push('\n');
        }
    }
    text
}

fn plain(line: Line) -> String {
    line.into_iter().map(|(_, text)| text).collect()
}

/// A line in pieces that fit; nothing is left out.
fn cut(line: Option<&str>, width: usize) -> Vec<String> {
    let Some(line) = line else { return Vec::new() };
    let letters: Vec<char> = line.chars().collect();
    match letters.is_empty() {
        true => vec![String::new()],
        false => letters
            .chunks(width)
            .map(|piece| piece.iter().collect())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Compared {
        Compared {
            path: "p/src/a.rs".to_string(),
            moment: "the evening of day 1".to_string(),
            same: vec!["A::same".to_string()],
            pairs: vec![Pair {
                title: "A::f".to_string(),
                mine: "fn f() {\n    1\n}\n".to_string(),
                theirs: "fn f() {\n    2\n}\n".to_string(),
            }],
            remark: None,
        }
    }

    #[test]
    fn a_narrow_terminal_gets_one_line_below_the_other() {
        let text = render(&Screen::PLAIN, 80, &[file()]);
        assert_eq!(
            text,
            "p/src/a.rs · beside the reference of the evening of day 1\n  the same: A::same\n\n  A::f\n    fn f() {\n  -     1\n  +     2\n    }\n\n- yours   + the reference's\n"
        );
    }

    #[test]
    fn a_wide_terminal_gets_two_columns_and_no_line_past_its_edge() {
        let mut file = file();
        file.pairs[0].theirs = format!("fn f() {{\n    {}\n}}\n", "z".repeat(200));
        let text = render(&Screen::PLAIN, 140, &[file]);
        assert!(
            text.lines().all(|line| line.chars().count() <= 140),
            "{text}"
        );
        assert!(
            text.contains("-     1 ") && text.contains("| +     zzz"),
            "{text}"
        );
        assert_eq!(text.matches('z').count(), 200);
    }
}
