//! The progress file as text: JSON with a line for each test.

use serde_json::{Map, Value};

use super::{Known, Progress};

const ABOUT: &str = "What `cargo x scheck` saw last, and the hints that are out. Yours to read; \
    if you remove it, nothing is lost but that.";
const OURS: [&str; 3] = ["about", "explained", "tests"];

/// Reads the file into `empty`. The error is one line.
pub fn parse(bytes: &[u8], empty: Progress) -> Result<Progress, String> {
    let mut all: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let tests = match all.remove("tests") {
        Some(Value::Object(tests)) => tests,
        None => Map::new(),
        Some(_) => return Err("`tests` is no list of tests".into()),
    };
    let explained = all.remove("explained");
    all.remove("about");
    Ok(Progress {
        tests: tests
            .into_iter()
            .map(|(name, value)| (name, known(&value)))
            .collect(),
        explained: explained.and_then(|name| Some(name.as_str()?.to_string())),
        others: all,
        ..empty
    })
}

/// What of an entry makes sense.
fn known(value: &Value) -> Known {
    let hints = value["hints"].as_u64().unwrap_or(0);
    Known {
        last: value["last"].as_str().map(str::to_string),
        hints: usize::try_from(hints).unwrap_or(0),
    }
}

pub fn render(progress: &Progress) -> String {
    let mut parts = vec![entry("about", &Value::from(ABOUT))];
    if let Some(explained) = &progress.explained {
        parts.push(entry("explained", &Value::from(explained.as_str())));
    }
    let others = progress.others.iter();
    parts.extend(
        others
            .filter(|(name, _)| !OURS.contains(&name.as_str()))
            .map(|(name, value)| entry(name, value)),
    );
    let known = progress.tests.iter().map(|(name, known)| {
        let mut fields = Vec::new();
        if let Some(last) = &known.last {
            fields.push(format!("\"last\": {}", Value::from(last.as_str())));
        }
        if known.hints > 0 {
            fields.push(format!("\"hints\": {}", known.hints));
        }
        format!(
            "    {}: {{ {} }}",
            Value::from(name.as_str()),
            fields.join(", ")
        )
    });
    let lines: Vec<String> = known.collect();
    parts.push(match lines.is_empty() {
        true => "  \"tests\": {}".to_string(),
        false => format!("  \"tests\": {{\n{}\n  }}", lines.join(",\n")),
    });
    format!("{{\n{}\n}}\n", parts.join(",\n"))
}

fn entry(name: &str, value: &Value) -> String {
    format!("  {}: {value}", Value::from(name))
}
