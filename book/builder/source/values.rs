//! The values of the engine's constants and of the options' defaults, and arithmetic over them: the numbers of the text.
//!
//! | written                               | gives      |
//! |---------------------------------------|------------|
//! | `ENTRY_HEADER_LEN + 5 + 3`            | `16`       |
//! | `table::footer::FOOTER_LEN`           | `36`       |
//! | `memtable_size in MiB`                | `64 MiB`   |
//! | `for_test::table_size in KiB`         | `64 KiB`   |
//! | `TOMBSTONE_LEN in hex`                | `0xffffffff` |
//! | `(1.0 - (-1.0).exp()) * 100 to 1`     | `63.2`     |
//!
//! Numbers are whole and exact unless `to N` asks for N decimals. Lower-case names are
//! fields of `LsmOptions::default()`; those of other options have the function before them that makes these.

use std::collections::BTreeMap;

use staging::outline::Outline;
use syn::spanned::Spanned;
use syn::{BinOp, Expr, UnOp};

use super::numbers::{Number, arithmetic, limit, literal_number, method, path_words, size_of};
use super::{options, unknown};

/// By name, the module of each and its code.
pub struct Values {
    known: BTreeMap<String, Vec<(String, String)>>,
}

/// How a number is to be shown.
#[derive(Clone, Copy)]
enum Form {
    Plain,
    Hex,
    Unit(&'static str, i128),
    Decimals(usize),
}

const UNITS: [(&str, i128); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl Values {
    pub fn read<'a>(files: impl Iterator<Item = (&'a str, &'a Outline)>) -> Values {
        let mut known: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for (path, outline) in files {
            let Ok(file) = syn::parse_file(&outline.text()) else {
                continue;
            };
            let mut add = |name: String, expr: &Expr| {
                let code = expr.span().source_text().unwrap_or_default();
                let place = (super::module_path(path), code);
                known.entry(name).or_default().push(place);
            };
            for item in &file.items {
                if let syn::Item::Const(item) = item {
                    add(item.ident.to_string(), &item.expr);
                }
            }
            for (name, expr) in options::read(&file) {
                add(name, expr);
            }
        }
        Values { known }
    }

    /// The value of `text`, as the text shows it.
    pub fn show(&self, text: &str) -> Result<String, String> {
        let (text, form) = form(text)?;
        let expr: Expr =
            syn::parse_str(text).map_err(|error| format!("`{text}` is no expression ({error})"))?;
        if matches!(expr, Expr::Lit(_)) {
            return Err(format!(
                "`{text}` is no computation: write the number as it is, or what it comes from"
            ));
        }
        let number = self.number(&expr, matches!(form, Form::Decimals(_)))?;
        shown(number, form)
            .ok_or_else(|| format!("`{text}` is {number:?}, not whole: write `to 1`"))
    }

    /// Whether a comparison holds, as in `table_size < memtable_size`.
    pub fn holds(&self, text: &str) -> Result<(), String> {
        let expr: Expr =
            syn::parse_str(text).map_err(|error| format!("`{text}` is no expression ({error})"))?;
        let Expr::Binary(comparison) = &expr else {
            return Err(format!("`{text}` compares nothing"));
        };
        let side = |expr| Ok::<f64, String>(self.number(expr, true)?.real());
        let (left, right) = (side(&comparison.left)?, side(&comparison.right)?);
        let holds = match comparison.op {
            BinOp::Lt(_) => left < right,
            BinOp::Le(_) => left <= right,
            BinOp::Gt(_) => left > right,
            BinOp::Ge(_) => left >= right,
            BinOp::Eq(_) => left == right,
            _ => return Err(format!("`{text}` compares nothing")),
        };
        match holds {
            true => Ok(()),
            false => Err(format!(
                "this is not so any more: `{text}` is {left} and {right}"
            )),
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    fn number(&self, expr: &Expr, real: bool) -> Result<Number, String> {
        match expr {
            Expr::Paren(inner) => self.number(&inner.expr, real),
            Expr::Group(inner) => self.number(&inner.expr, real),
            Expr::Cast(inner) => self.number(&inner.expr, real),
            Expr::Lit(literal) => literal_number(&literal.lit),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
                let zero = Number::Whole(0);
                arithmetic(&BinOp::Sub(Default::default()), zero, self.number(&unary.expr, real)?, real)
            }
            Expr::Binary(binary) => {
                let left = self.number(&binary.left, real)?;
                let right = self.number(&binary.right, real)?;
                arithmetic(&binary.op, left, right, real)
            }
            Expr::Path(path) => self.named(&path_words(&path.path), real),
            Expr::Call(call) => size_of(call),
            Expr::MethodCall(call) => {
                let of = self.number(&call.receiver, real)?;
                let argument = call.args.first().map(|arg| self.number(arg, real)).transpose()?;
                method(&call.method.to_string(), of, argument)
            }
            _ => Err("only numbers, constants, + - * / % << >>, size_of and a few methods are known here".into()),
        }
    }

    fn named(&self, words: &[String], real: bool) -> Result<Number, String> {
        let name = words.join("::");
        let (last, module) = words.split_last().ok_or("an empty name")?;
        if let [integer] = module
            && let Some(limit) = limit(integer, last)
        {
            return Ok(Number::Whole(limit));
        }
        // An option that a function sets has a name with two words.
        let (places, module) = match self.known.get(&name) {
            Some(places) => (places.as_slice(), String::new()),
            None => (
                self.known.get(last).map_or(&[][..], Vec::as_slice),
                module.join("::"),
            ),
        };
        let fits = |place: &str| place == module || place.ends_with(&format!("::{module}"));
        let mut found = Vec::new();
        for (place, code) in places {
            if module.is_empty() || fits(place) {
                let expr: Expr = syn::parse_str(code).map_err(|error| error.to_string())?;
                found.push((place, self.number(&expr, real)?));
            }
        }
        match found.split_first() {
            None => Err(unknown("constant or option", &name, self.names())),
            Some((first, rest)) if rest.iter().all(|(_, value)| *value == first.1) => Ok(first.1),
            Some(_) => {
                let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
                let places = places.join(" and ");
                Err(format!(
                    "`{name}` stands in {places}; write the module before it"
                ))
            }
        }
    }
}

fn form(text: &str) -> Result<(&str, Form), String> {
    if let Some((text, decimals)) = text.rsplit_once(" to ") {
        let decimals = decimals.trim().parse();
        let decimals = decimals.map_err(|_| "after `to` stands how many decimals are shown")?;
        return Ok((text, Form::Decimals(decimals)));
    }
    let Some((expression, unit)) = text.rsplit_once(" in ") else {
        return Ok((text, Form::Plain));
    };
    let unit = unit.trim();
    if unit == "hex" {
        return Ok((expression, Form::Hex));
    }
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    let (name, size) = known.ok_or("after `in` stands hex, KiB, MiB or GiB")?;
    Ok((expression, Form::Unit(name, *size)))
}

fn shown(number: Number, form: Form) -> Option<String> {
    let real = number.real();
    let whole = match number {
        Number::Whole(whole) => Some(whole),
        Number::Real(_) => None,
    };
    Some(match form {
        Form::Decimals(decimals) => {
            let text = format!("{real:.decimals$}");
            let (head, tail) = text.split_once('.').unwrap_or((&text, ""));
            let dot = if tail.is_empty() { "" } else { "." };
            format!("{}{dot}{tail}", grouped(head))
        }
        Form::Plain => grouped(&whole?.to_string()),
        Form::Hex => format!("{:#x}", whole?),
        Form::Unit(name, size) if whole? % size == 0 => {
            format!("{} {name}", grouped(&(whole? / size).to_string()))
        }
        Form::Unit(..) => return None,
    })
}

/// `65535` as `65,535`.
fn grouped(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("\u{2212}", digits),
        None => ("", digits),
    };
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{sign}{out}")
}

#[cfg(test)]
mod tests {
    use super::super::of_this_repository;

    fn show(text: &str) -> Result<String, String> {
        of_this_repository().values.show(text)
    }

    #[test]
    fn constants_options_and_arithmetic_have_values() {
        for (text, value) in [
            ("ENTRY_HEADER_LEN", "8"),
            ("ENTRY_HEADER_LEN + 5 + 3", "16"),
            ("block::TOMBSTONE_LEN in hex", "0xffffffff"),
            ("MAX_KEY_LEN", "65,535"),
            ("block_size", "4,096"),
            ("memtable_size in MiB", "64 MiB"),
            ("for_test::memtable_size in KiB", "64 KiB"),
            ("open::level_size_multiplier", "4"),
            (
                "level_base_size * level_size_multiplier in MiB",
                "2,560 MiB",
            ),
            ("table::footer::FORMAT_VERSION", "1"),
            ("FORMAT_VERSION", "1"),
            ("7 .div_ceil(2)", "4"),
            ("1 / 3 to 2", "0.33"),
            ("(1.0 - (-1.0).exp()) * 100 to 1", "63.2"),
            ("2 - 3", "\u{2212}1"),
        ] {
            assert_eq!(show(text).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn comparisons_hold_or_say_what_they_compare() {
        let values = &of_this_repository().values;
        assert_eq!(values.holds("ENTRY_HEADER_LEN * 100 < block_size"), Ok(()));
        assert_eq!(values.holds("1.0 / 3.0 >= 0.33"), Ok(()));
        let error = values.holds("ENTRY_HEADER_LEN > 8").unwrap_err();
        assert!(
            error.contains("`ENTRY_HEADER_LEN > 8` is 8 and 8"),
            "{error}"
        );
        assert!(values.holds("1 + 1").is_err());
    }

    #[test]
    fn what_cannot_be_computed_says_why() {
        for (text, why) in [
            ("ENTRY_HEADER_LENGTH", "near it: `ENTRY_HEADER_LEN`"),
            ("1 / 3", "not whole"),
            ("1 +", "no expression"),
            ("for_test::block_size", "no constant or option"),
            ("7", "no computation"),
            ("f(3)", "size_of"),
            ("block_size in miles", "hex, KiB"),
        ] {
            let error = show(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
