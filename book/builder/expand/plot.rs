//! Plots of a table of numbers that a program has written: `figures/NAME.txt`, a Markdown table, which the page may include as well.
//!
//! The first column is the horizontal axis. Columns whose names begin with `measured` are drawn as squares, those that begin with
//! `formula` as lines, the second of them dashed; others are left out. The vertical axis is logarithmic, in percent.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::boxes::escape;
use super::figure::framed;

const LEFT: f64 = 74.0;
const RIGHT: f64 = 468.0;
const TOP: f64 = 12.0;
/// The height of a tenfold.
const DECADE: f64 = 48.0;
const SQUARE: f64 = 8.0;

struct Column {
    name: String,
    values: Vec<f64>,
}

/// `{{plot NAME "alt" "caption"}}`
pub fn plot(folder: &Path, words: &[&str]) -> Result<String, String> {
    let [name, alt, caption] = words else {
        return Err("write {{plot NAME \"alt text\" \"caption\"}}".into());
    };
    let text = fs::read_to_string(folder.join(format!("{name}.txt")))
        .map_err(|_| format!("there are no numbers in book/src/figures/{name}.txt"))?;
    let columns = columns(&text).map_err(|what| format!("figures/{name}.txt: {what}"))?;
    framed(&drawing(&columns), alt, caption)
}

fn columns(text: &str) -> Result<Vec<Column>, String> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim().trim_matches('|');
        line.split('|')
            .map(|cell| cell.trim().to_string())
            .collect()
    };
    let mut lines = text.lines().filter(|line| line.starts_with('|'));
    let head = lines.next().ok_or("there is no table")?;
    let column = |name| Column {
        name,
        values: Vec::new(),
    };
    let mut columns: Vec<Column> = cells(head).into_iter().map(column).collect();
    for line in lines.skip(1) {
        for (column, cell) in columns.iter_mut().zip(cells(line)) {
            let value: f64 = cell.parse().map_err(|_| format!("`{cell}` is no number"))?;
            column.values.push(value);
        }
    }
    let count = columns[0].values.len();
    let is_whole = columns.iter().all(|column| column.values.len() == count);
    let is_drawable = columns
        .iter()
        .skip(1)
        .all(|c| c.values.iter().all(|y| *y > 0.0));
    match count > 1 && is_whole && is_drawable {
        true => Ok(columns),
        false => Err("a plot needs two rows or more, of as many cells, all above 0".into()),
    }
}

fn drawing(columns: &[Column]) -> String {
    let (x, ys) = (&columns[0], &columns[1..]);
    let most = x.values.iter().copied().fold(0.0, f64::max);
    let shown = |column: &&Column| is_measured(column) || is_formula(column);
    let least = ys.iter().filter(shown).flat_map(|column| &column.values);
    let least = least.copied().fold(f64::MAX, f64::min);
    let decades = 2.0 - least.log10().floor();
    let bottom = TOP + decades * DECADE;
    let at = |x: f64, y: f64| {
        let right = LEFT + (RIGHT - LEFT) * x / most;
        (right, TOP + (2.0 - y.log10()) * DECADE)
    };
    let mut svg = String::new();
    for decade in 0..=decades as i32 {
        let (percent, y) = (10f64.powi(2 - decade), TOP + f64::from(decade) * DECADE);
        line(
            &mut svg,
            format_args!(
                "<path class=\"tick\" d=\"M{LEFT} {y:.1}h{:.1}\"/>",
                RIGHT - LEFT
            ),
        );
        text(
            &mut svg,
            "end small",
            LEFT - 8.0,
            y + 5.0,
            &format!("{percent} %"),
        );
    }
    for number in (0..=most as i32).step_by((most / 4.0).ceil() as usize) {
        let (right, _) = at(f64::from(number), 1.0);
        text(&mut svg, "small", right, bottom + 20.0, &number.to_string());
    }
    text(
        &mut svg,
        "small",
        (LEFT + RIGHT) / 2.0,
        bottom + 42.0,
        &x.name,
    );
    let mut key = bottom - 12.0;
    for (index, column) in ys.iter().filter(|column| is_formula(column)).enumerate() {
        let class = if index == 0 { "wire" } else { "wire later" };
        let points = x.values.iter().zip(&column.values).map(|(x, y)| at(*x, *y));
        let points: Vec<String> = points.map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        line(
            &mut svg,
            format_args!("<path class=\"{class}\" d=\"M{}\"/>", points.join("L")),
        );
        line(
            &mut svg,
            format_args!(
                "<path class=\"{class}\" d=\"M{:.1} {:.1}h28\"/>",
                LEFT + 10.0,
                key - 5.0
            ),
        );
        text(&mut svg, "start small", LEFT + 46.0, key, &column.name);
        key -= 22.0;
    }
    for column in ys.iter().filter(|column| is_measured(column)) {
        let mut square = |x: f64, y: f64| {
            let (x, y) = (x - SQUARE / 2.0, y - SQUARE / 2.0);
            line(
                &mut svg,
                format_args!(
                    "<rect class=\"filter\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{SQUARE}\" height=\"{SQUARE}\"/>"
                ),
            );
        };
        for (x, y) in x.values.iter().zip(&column.values).map(|(x, y)| at(*x, *y)) {
            square(x, y);
        }
        square(LEFT + 24.0, key - 5.0);
        text(&mut svg, "start small", LEFT + 46.0, key, &column.name);
        key -= 22.0;
    }
    format!(
        "<svg viewBox=\"0 0 480 {:.0}\">\n{svg}</svg>",
        bottom + 52.0
    )
}

fn is_measured(column: &Column) -> bool {
    column.name.starts_with("measured")
}

fn is_formula(column: &Column) -> bool {
    column.name.starts_with("formula")
}

fn line(svg: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(svg, "{what}").expect("a String takes everything");
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, text: &str) {
    let text = escape(text);
    line(
        svg,
        format_args!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| n | other | measured, % | formula, % |\n|---:|---:|---:|---:|\n| 1 | 7 | 50.0 | 40.0 |\n| 4 | 0.1 | 0.2 | 0.5 |\n";

    #[test]
    fn squares_are_measured_and_lines_are_formulas() {
        let svg = drawing(&columns(TABLE).unwrap());
        assert_eq!(svg.matches("<rect class=\"filter\"").count(), 2 + 1);
        assert_eq!(svg.matches("class=\"wire\"").count(), 1 + 1);
        assert!(svg.contains("0.1 %") && !svg.contains("0.01 %"), "{svg}");
        assert!(!svg.contains("other"), "{svg}");
    }

    #[test]
    fn what_is_no_table_of_numbers_is_refused() {
        for text in [
            "",
            "| a | b |\n|---|---|\n| 1 | x |\n| 2 | 3 |\n",
            "| a | b |\n|---|---|\n| 1 | 2 |\n",
            "| a | b |\n|---|---|\n| 1 | 2 |\n| 2 | 0 |\n",
        ] {
            assert!(columns(text).is_err(), "{text}");
        }
    }
}
