//! Quotations: signatures, whole items, parts of docs.

use staging::marker::LAST_DAY;
use staging::names;

use crate::source::{Part, Source, part};

pub fn signature(source: &Source, words: &[&str]) -> Result<String, String> {
    if words.is_empty() {
        return Err("write {{signature Type::function}}, several names if you like".into());
    }
    let mut code = Vec::new();
    for name in words {
        code.push(source.item(name)?.signature());
    }
    Ok(rust(&code.join("\n")))
}

pub fn source(source: &Source, words: &[&str], spoils: bool) -> Result<String, String> {
    let (name, day) = match words {
        [name] => (name, LAST_DAY),
        [name, "at", day] => (name, day.parse().map_err(|_| format!("{day} is no day"))?),
        _ => return Err("write {{source Name}} or {{source Name at 3}}".into()),
    };
    let item = source.item(name)?;
    if item.is_work && !spoils {
        return Err(format!(
            "`{name}` is work of the learners: only walkthroughs show its body; {{{{signature {name}}}}} shows the rest"
        ));
    }
    Ok(rust(&source.at_stage(&item, day)?))
}

pub fn docs(source: &Source, words: &[&str]) -> Result<String, String> {
    const USAGE: &str =
        "write {{docs MODULE table}}, {{docs MODULE drawing 2}} or {{docs MODULE paragraph 3}}";
    let (module, kind, nth) = match words {
        [module, kind] => (module, kind, 1),
        [module, kind, nth] => (module, kind, nth.parse().map_err(|_| USAGE)?),
        _ => return Err(USAGE.into()),
    };
    let kind = match *kind {
        "table" => Part::Table,
        "drawing" => Part::Drawing,
        "paragraph" => Part::Paragraph,
        _ => return Err(USAGE.into()),
    };
    let text = part(&source.module_docs(module)?, kind, nth);
    let text = text.map_err(|what| format!("{module}: {what}"))?;
    Ok(match kind {
        Part::Drawing => format!("```text\n{text}\n```"),
        Part::Table | Part::Paragraph => format!("\n{text}\n"),
    })
}

/// A quotation is no program: it is not compiled again.
fn rust(code: &str) -> String {
    format!("```rust,ignore\n{}\n```", names::change(code))
}
