//! An inspection as text: plain, aligned, at most [`WIDTH`] columns.

use std::io::{self, Write};

use super::report::{Field, Inspection, Problem, Section, Verdict};
use crate::screen::Screen;

/// What a line has at most.
pub const WIDTH: usize = 100;
/// What a line of a field begins with.
const INDENT: usize = 4;
/// How many bytes of a field are shown.
const HEX_BYTES: usize = 8;
const HEX_WIDTH: usize = 3 * HEX_BYTES - 1;
const NAME_WIDTH: usize = 15;
/// The least width of an offset.
const OFFSET_WIDTH: usize = 5;

/// Writes all of it: what the file is, its sections, and once more what is wrong first.
pub fn write(
    name: &str,
    file: &[u8],
    inspection: &Inspection,
    screen: Screen,
    out: &mut dyn Write,
) -> io::Result<()> {
    let problems = inspection.problems();
    let mut print = |line: &str| writeln!(out, "{}", clip(&screen.fit(line), WIDTH));
    for line in fold(
        &format!(
            "{name}: {}: {}",
            inspection.summary,
            verdict(inspection, &problems)
        ),
        WIDTH,
    ) {
        print(&line)?;
    }
    let offset_width = file.len().to_string().len().max(OFFSET_WIDTH);
    for section in &inspection.sections {
        if section.depth == 0 {
            print("")?;
        }
        print(&heading(section))?;
        for field in &section.fields {
            for line in field_lines(field, file, offset_width) {
                print(&line)?;
            }
        }
    }
    if !inspection.notes.is_empty() {
        print("")?;
    }
    for note in &inspection.notes {
        fold(note, WIDTH).iter().try_for_each(|line| print(line))?;
    }
    let conclusion = conclusion(name, inspection, &problems);
    if !conclusion.is_empty() {
        print("")?;
    }
    for paragraph in conclusion {
        fold(&paragraph, WIDTH)
            .iter()
            .try_for_each(|line| print(line))?;
    }
    out.flush()
}

/// The verdict on the whole file, in a few words.
fn verdict(inspection: &Inspection, problems: &[Problem]) -> String {
    match (problems, inspection.unchecked().len()) {
        ([], 0) => "sound".into(),
        ([], _) => "nothing wrong is found, but not all could be checked".into(),
        ([first], _) => format!("DAMAGED at byte {}", first.offset),
        ([first, ..], _) => {
            let count = problems.len();
            format!(
                "DAMAGED, {count} problems, the first at byte {}",
                first.offset
            )
        }
    }
}

fn conclusion(name: &str, inspection: &Inspection, problems: &[Problem]) -> Vec<String> {
    let mut paragraphs = Vec::new();
    for Problem { offset, text } in inspection.unchecked() {
        paragraphs.push(format!("not verified at byte {offset}: {text}"));
    }
    if let Some(Problem { offset, text }) = problems.first() {
        paragraphs.push(format!("{name} is damaged at byte {offset}: {text}"));
        paragraphs.push(format!("the format is drawn in {}", inspection.drawn_in));
    }
    paragraphs
}

fn heading(section: &Section) -> String {
    let indent = " ".repeat(2 * section.depth);
    let separator = match (section.name.as_str(), section.detail.is_empty()) {
        (_, true) => "",
        ("…", _) => " ",
        _ => " · ",
    };
    format!("{indent}{}{separator}{}", section.name, section.detail)
}

fn field_lines(field: &Field, file: &[u8], offset_width: usize) -> Vec<String> {
    let text = match &field.verdict {
        Verdict::Plain => field.value.clone(),
        Verdict::Ok => join(&field.value, "ok"),
        Verdict::Unchecked(reason) => join(&field.value, &format!("NOT VERIFIED ({reason})")),
        Verdict::Wrong(reason) => join(&field.value, &format!("WRONG ({reason})")),
    };
    let head = format!(
        "{:INDENT$}{:>offset_width$}  {:HEX_WIDTH$}  {:NAME_WIDTH$}  ",
        "",
        field.offset,
        hex(field, file),
        field.name
    );
    let width = WIDTH.saturating_sub(head.len());
    let mut lines: Vec<String> = text.lines().flat_map(|line| fold(line, width)).collect();
    if lines.is_empty() {
        lines.push(String::new());
    }
    let indent = " ".repeat(head.len());
    let heads = std::iter::once(&head).chain(std::iter::repeat(&indent));
    heads
        .zip(&lines)
        .map(|(head, line)| format!("{head}{line}").trim_end().to_string())
        .collect()
}

fn join(value: &str, verdict: &str) -> String {
    match value {
        "" => verdict.to_string(),
        _ => format!("{value}  {verdict}"),
    }
}

/// The first bytes of a field.
fn hex(field: &Field, file: &[u8]) -> String {
    let bytes = file.get(field.offset..field.end()).unwrap_or_default();
    let is_cut = bytes.len() > HEX_BYTES;
    let shown = bytes.iter().take(HEX_BYTES - usize::from(is_cut));
    let mut text: Vec<String> = shown.map(|byte| format!("{byte:02x}")).collect();
    if is_cut {
        text.push("..".into());
    }
    text.join(" ")
}

/// Breaks a line into lines of at most `width` characters: at a space if there is one in the second
/// half, otherwise anywhere. No character but that space is lost.
fn fold(text: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut lines = Vec::new();
    let mut rest = &letters[..];
    while rest.len() > width {
        let space = rest[..=width].iter().rposition(|&letter| letter == ' ');
        let (end, skipped) = match space {
            Some(space) if space >= width / 2 => (space, 1),
            _ => (width, 0),
        };
        lines.push(rest[..end].iter().collect());
        rest = &rest[end + skipped..];
    }
    lines.push(rest.iter().collect());
    lines
}

fn clip(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_string();
    }
    let kept: String = line.chars().take(width - 3).collect();
    kept + "..."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_folded_at_spaces_or_where_it_must() {
        assert_eq!(
            fold("stored 1, computed 2", 12),
            ["stored 1,", "computed 2"]
        );
        assert_eq!(fold("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(fold("", 3), [""]);
        assert_eq!(clip("abcdefgh", 6), "abc...");
    }

    #[test]
    fn a_field_has_offset_bytes_name_value_and_verdict() {
        let file: Vec<u8> = (0..20).collect();
        let mut field = Field {
            offset: 2,
            len: 4,
            name: "CRC",
            value: String::new(),
            verdict: Verdict::Plain,
        };
        field.wrong("stored 05040302, computed 00000000");
        let lines = field_lines(&field, &file, 5);
        let columns = [
            "        2  02 03 04 05              CRC              ",
            "WRONG (stored 05040302, computed 00000000)",
        ];
        assert_eq!(lines, [columns.concat()]);
        field.len = 12;
        assert_eq!(hex(&field, &file), "02 03 04 05 06 07 08 ..");
    }
}
