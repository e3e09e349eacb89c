//! Numbers, whole and exact as long as nothing else is asked for, and what can be done with them.

use syn::{BinOp, Expr, Lit};

/// A whole number as long as nothing else is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    pub fn real(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Real(real) => real,
        }
    }
}

pub fn literal_number(literal: &Lit) -> Result<Number, String> {
    let number = match literal {
        Lit::Int(int) => int.base10_parse().map(Number::Whole),
        Lit::Float(float) => float.base10_parse().map(Number::Real),
        Lit::Byte(byte) => Ok(Number::Whole(byte.value().into())),
        _ => return Err("only numbers can be computed with".into()),
    };
    number.map_err(|error| error.to_string())
}

pub fn arithmetic(op: &BinOp, left: Number, right: Number, real: bool) -> Result<Number, String> {
    use Number::{Real, Whole};
    let (Whole(a), Whole(b), false) = (left, right, real && matches!(op, BinOp::Div(_))) else {
        let (a, b) = (left.real(), right.real());
        return Ok(Real(match op {
            BinOp::Add(_) => a + b,
            BinOp::Sub(_) => a - b,
            BinOp::Mul(_) => a * b,
            BinOp::Div(_) => a / b,
            _ => return Err("this operator is for whole numbers".into()),
        }));
    };
    let shift = |b: i128| u32::try_from(b).ok();
    let whole = match op {
        BinOp::Add(_) => a.checked_add(b),
        BinOp::Sub(_) => a.checked_sub(b),
        BinOp::Mul(_) => a.checked_mul(b),
        BinOp::Div(_) if b != 0 && a % b != 0 => {
            return Err(format!(
                "{a} / {b} is not whole: write `to 1`, or use `.div_ceil()`"
            ));
        }
        BinOp::Div(_) => a.checked_div(b),
        BinOp::Rem(_) => a.checked_rem(b),
        BinOp::Shl(_) => shift(b).and_then(|b| a.checked_shl(b)),
        BinOp::Shr(_) => shift(b).and_then(|b| a.checked_shr(b)),
        _ => return Err("of operators only + - * / % << >> are known here".into()),
    };
    whole
        .map(Whole)
        .ok_or_else(|| "this does not fit a number".into())
}

pub fn method(name: &str, of: Number, argument: Option<Number>) -> Result<Number, String> {
    use Number::{Real, Whole};
    match (name, of, argument) {
        ("div_ceil", Whole(a), Some(Whole(b))) if b > 0 => Ok(Whole((a + b - 1).div_euclid(b))),
        ("div_floor", Whole(a), Some(Whole(b))) if b > 0 => Ok(Whole(a.div_euclid(b))),
        ("pow", Whole(a), Some(Whole(b))) => u32::try_from(b)
            .ok()
            .and_then(|b| a.checked_pow(b))
            .map(Whole)
            .ok_or_else(|| "this does not fit a number".into()),
        ("powf", a, Some(b)) => Ok(Real(a.real().powf(b.real()))),
        ("exp", a, None) => Ok(Real(a.real().exp())),
        ("ln", a, None) => Ok(Real(a.real().ln())),
        ("log2", a, None) => Ok(Real(a.real().log2())),
        ("ceil", a, None) => Ok(Whole(a.real().ceil() as i128)),
        ("round", a, None) => Ok(Whole(a.real().round() as i128)),
        _ => Err(format!(
            "the method {name} is not known here: div_ceil, div_floor, pow, powf, exp, ln, log2, ceil, round are"
        )),
    }
}

/// `u16::MAX` and its like.
pub fn limit(integer: &str, name: &str) -> Option<i128> {
    let limits = match integer {
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "u64" => (0, u64::MAX.into()),
        _ => return None,
    };
    match name {
        "MIN" => Some(limits.0),
        "MAX" => Some(limits.1),
        _ => None,
    }
}

pub fn size_of(call: &syn::ExprCall) -> Result<Number, String> {
    let unknown = "of functions only size_of::<u8> to size_of::<u64> is known here";
    let Expr::Path(function) = &*call.func else {
        return Err(unknown.into());
    };
    let last = function.path.segments.last().ok_or(unknown)?;
    let syn::PathArguments::AngleBracketed(of) = &last.arguments else {
        return Err(unknown.into());
    };
    let Some(syn::GenericArgument::Type(syn::Type::Path(ty))) = of.args.first() else {
        return Err(unknown.into());
    };
    let size = match path_words(&ty.path).join("::").as_str() {
        "u8" => 1,
        "u16" => 2,
        "u32" => 4,
        "u64" => 8,
        _ => return Err(unknown.into()),
    };
    Ok(Number::Whole(size))
}

pub fn path_words(path: &syn::Path) -> Vec<String> {
    path.segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect()
}
