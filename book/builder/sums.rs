//! Sums in the text are computed again: `46 − 3 × 2 = 40`, `5 × 64 MiB = 320 MiB`, `300 = 44 + 1 × 256`.
//!
//! A sum is numbers with `+ − × ·  /` between them, and an equals sign with a number or a sum on its other side. A number may
//! have thousands parted by commas, decimals, a power (`2<sup>32</sup>`), and a unit behind it: those of sizes count, other
//! words do not. What stands right of `=` is exact as far as it is written, `≈` is within a twentieth. Products and quotients
//! come before sums. Everything else is prose.

use crate::problem::Problem;
use crate::text::Document;

const SIZES: [(&str, f64); 6] = [
    ("KiB", 1024.0),
    ("MiB", 1024.0 * 1024.0),
    ("GiB", 1024.0 * 1024.0 * 1024.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
];
/// How far the two sides of `≈` may be apart, as a part of the greater.
const NEARLY: f64 = 0.05;

/// Sums of `document` that are wrong.
pub fn problems(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut fence: Option<&str> = None;
    for (line, number) in document.text.lines().zip(&document.lines) {
        let trimmed = line.trim();
        match fence {
            Some(mark) if trimmed == mark => fence = None,
            Some(_) => {}
            None if trimmed.starts_with("```") => {
                let len = trimmed.len() - trimmed.trim_start_matches('`').len();
                fence = Some(&trimmed[..len]);
            }
            None => problems.extend(
                wrong(line)
                    .into_iter()
                    .map(|what| Problem::new(&document.name, *number, what)),
            ),
        }
    }
    problems
}

/// What is wrong with the sums of a line.
fn wrong(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = line;
    let mut before = ' ';
    while let Some(letter) = rest.chars().next() {
        let begins =
            letter.is_ascii_digit() && !before.is_alphanumeric() && !"._-#".contains(before);
        if begins && let Some((equation, behind)) = equation(rest) {
            found.extend(equation.complaint(rest[..rest.len() - behind.len()].trim()));
            rest = behind;
            before = ' ';
            continue;
        }
        before = letter;
        rest = &rest[letter.len_utf8()..];
    }
    found
}

/// One side of an equation.
#[derive(Clone, Copy)]
struct Side {
    value: f64,
    /// How far the value may be off, by the decimals it is written with.
    slack: f64,
    is_sum: bool,
}

struct Equation {
    left: Side,
    right: Side,
    is_nearly: bool,
}

impl Equation {
    fn complaint(&self, text: &str) -> Option<String> {
        let Equation {
            left,
            right,
            is_nearly,
        } = self;
        let slack = match is_nearly {
            true => NEARLY * left.value.abs().max(right.value.abs()),
            false => left.slack.max(right.slack) + 1e-9 * left.value.abs(),
        };
        let gives = if left.is_sum { left.value } else { right.value };
        let apart = (left.value - right.value).abs();
        (apart > slack).then(|| format!("this does not add up: `{text}` (it gives {gives})"))
    }
}

/// `3 × 2 = 6` at the beginning of `text`, and what stands behind it; the last two sides of several.
fn equation(text: &str) -> Option<(Equation, &str)> {
    let (mut left, mut rest) = side(text)?;
    let mut last = None;
    loop {
        let trimmed = rest.trim_start();
        let is_nearly = trimmed.starts_with('≈');
        let Some(behind) = trimmed.strip_prefix(['=', '≈']) else {
            break;
        };
        let Some((right, behind)) = side(behind.trim_start()) else {
            break;
        };
        if left.is_sum || right.is_sum {
            let equation = Equation {
                left,
                right,
                is_nearly,
            };
            let is_wrong = equation.complaint("").is_some();
            last = Some((equation, behind));
            if is_wrong {
                break;
            }
        }
        (left, rest) = (right, behind);
    }
    last
}

fn side(text: &str) -> Option<(Side, &str)> {
    let (mut product, mut slack, mut rest) = number(text)?;
    let (mut sum, mut is_sum) = (0.0, false);
    while let Some((operator, behind)) = operator(rest) {
        let Some((value, other_slack, behind)) = number(behind) else {
            break;
        };
        match operator {
            '+' | '−' => {
                sum += product;
                product = if operator == '+' { value } else { -value };
                slack += other_slack;
            }
            '/' => (product, slack) = (product / value, slack / value),
            _ => (product, slack) = (product * value, slack * value + other_slack * product),
        }
        (rest, is_sum) = (behind, true);
    }
    let value = sum + product;
    Some((
        Side {
            value,
            slack,
            is_sum,
        },
        rest,
    ))
}

/// An operator between blanks; a hyphen without them joins words.
fn operator(text: &str) -> Option<(char, &str)> {
    let trimmed = text.trim_start();
    let operator = trimmed.chars().next()?;
    let behind = &trimmed[operator.len_utf8()..];
    let is_apart = trimmed.len() < text.len() && behind.starts_with(' ');
    let operator = match operator {
        '+' | '−' | '/' => operator,
        '×' | '·' | '*' => '×',
        '-' => '−',
        _ => return None,
    };
    is_apart.then(|| (operator, behind.trim_start()))
}

/// A number with its power and its unit, how exact it is, and what stands behind.
fn number(text: &str) -> Option<(f64, f64, &str)> {
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut len = digits(text);
    if len == 0 {
        return None;
    }
    // Thousands: a comma or a thin space, and three digits.
    while let Some(behind) = text[len..].strip_prefix([',', '\u{2009}', '\u{202f}']) {
        if digits(behind) != 3 {
            break;
        }
        len = text.len() - behind.len() + 3;
    }
    let mut decimals = 0;
    if let Some(behind) = text[len..].strip_prefix('.') {
        decimals = digits(behind);
        len += if decimals > 0 { 1 + decimals } else { 0 };
    }
    let plain: String = text[..len]
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let mut value: f64 = plain.parse().ok()?;
    let mut slack = if decimals > 0 {
        0.5 * 0.1_f64.powi(decimals as i32)
    } else {
        0.0
    };
    let mut rest = &text[len..];
    if let Some((power, behind)) = rest
        .strip_prefix("<sup>")
        .and_then(|rest| rest.split_once("</sup>"))
    {
        value = value.powi(power.parse().ok()?);
        rest = behind;
    }
    if let Some((factor, behind)) = unit(rest) {
        value *= factor;
        slack *= factor;
        rest = behind;
    }
    Some((value, slack, rest))
}

/// A unit behind a number: of sizes its factor; of other words, as in `3 keys × 8 bytes`, 1.
fn unit(text: &str) -> Option<(f64, &str)> {
    let word = text.strip_prefix([' ', '\u{a0}'])?;
    let len = word.len()
        - word
            .trim_start_matches(|c: char| c.is_alphabetic() || c == '%')
            .len();
    let (word, behind) = word.split_at(len);
    let size = SIZES.iter().find(|(name, _)| *name == word);
    let factor = size.map_or(1.0, |(_, factor)| *factor);
    (len > 0).then_some((factor, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_that_hold_are_left_alone() {
        for line in [
            "So the offsets begin at 46 − 3 × 2 = 40.",
            "since 300 = 44 + 1 × 256, and",
            "5 × 64 MiB = 320 MiB of memtables",
            "3 keys × 8 bytes = 24 bytes",
            "100,000 / 3 = 33,333.3",
            "2<sup>10</sup> × 4 = 4,096 = 2<sup>12</sup>",
            "1,000 / 3 ≈ 330",
            "apple = red, 15-445/645, L0 = 3, a page of 4, 2 + 2 of them",
            "5 and 3 + 3 = 6",
            "the factor 1.5 × 2 = 3",
        ] {
            assert_eq!(wrong(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn sums_that_do_not_are_told_with_their_line() {
        for line in [
            "46 − 3 × 2 = 41",
            "300 = 44 + 2 × 256",
            "5 × 64 MiB = 300 MiB",
            "3 + 4 = 7 = 2 × 4",
            "1,000 / 3 ≈ 300",
            "1,000 / 3 = 333.4",
        ] {
            assert_eq!(wrong(line).len(), 1, "{line}");
        }
        let text = "one\n\n```text\n1 + 1 = 3\n```\n\n| a | 2 + 2 = 5 |\n";
        let problems = problems(&Document::plain("a.md", text));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].line, 7);
        assert!(
            problems[0].what.contains("`2 + 2 = 5` (it gives 4)"),
            "{problems:?}"
        );
    }
}
