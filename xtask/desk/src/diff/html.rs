//! The comparison as one page that needs nothing else: styles within it, no script, dark and light.

use super::pairs::{Compared, Pair};
use super::rows::{Line, Row, rows};

pub fn render(files: &[Compared]) -> String {
    let mut page = format!("{HEAD}<h1>Your code beside the reference</h1>\n<nav><ul>\n");
    for (at, file) in files.iter().enumerate() {
        let path = escaped(&file.path);
        page += &format!(
            "<li><a href=\"#f{at}\">{path}</a>: {} differ, {} the same</li>\n",
            file.pairs.len(),
            file.same.len()
        );
    }
    page += "</ul></nav>\n";
    for (at, file) in files.iter().enumerate() {
        page += &format!(
            "<h2 id=\"f{at}\">{} <small>beside the reference of {}</small></h2>\n",
            escaped(&file.path),
            escaped(&file.moment)
        );
        if let Some(remark) = &file.remark {
            page += &format!("<p>{}</p>\n", escaped(remark));
        }
        if !file.same.is_empty() {
            page += &format!("<p>The same: {}</p>\n", escaped(&file.same.join(", ")));
        }
        file.pairs.iter().for_each(|pair| page += &table(pair));
    }
    page + "</body>\n</html>\n"
}

fn table(pair: &Pair) -> String {
    let mut html = format!(
        "<h3>{}</h3>\n<table><thead><tr><th scope=\"col\">yours</th><th scope=\"col\">the reference's</th></tr></thead><tbody>\n",
        escaped(&pair.title)
    );
    for row in rows(&pair.mine, &pair.theirs) {
        let (left, right) = match row {
            Row::Same(line) => {
                let cell = format!("<td><pre>  {}</pre></td>", escaped(&line));
                (cell.clone(), cell)
            }
            Row::Differs(mine, theirs) => (cell("mine", '-', mine), cell("theirs", '+', theirs)),
            Row::Gap => ("<td>…</td>".to_string(), "<td>…</td>".to_string()),
        };
        html += &format!("<tr>{left}{right}</tr>\n");
    }
    html + "</tbody></table>\n"
}

fn cell(class: &str, sign: char, line: Option<Line>) -> String {
    let Some(line) = line else {
        return "<td class=\"none\"></td>".to_string();
    };
    let parts = line.iter().map(|(marked, text)| match marked {
        true => format!("<mark>{}</mark>", escaped(text)),
        false => escaped(text),
    });
    format!(
        "<td class=\"{class}\"><pre>{sign} {}</pre></td>",
        parts.collect::<String>()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const HEAD: &str = "\
<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Your code beside the reference</title>
<style>
:root { color-scheme: light dark; --line: #8884; --mine: #f8514922; --theirs: #2ea04322; --mine-word: #f8514966; --theirs-word: #2ea04366; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 110rem; padding: 0 1rem; }
h2 { border-bottom: 1px solid var(--line); margin-top: 3rem; }
small { font-weight: normal; }
table { border-collapse: collapse; table-layout: fixed; width: 100%; border: 1px solid var(--line); }
th { text-align: left; padding: 0 .5rem; border-bottom: 1px solid var(--line); }
td { width: 50%; vertical-align: top; padding: 0 .5rem; }
td + td { border-left: 1px solid var(--line); }
pre { margin: 0; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.mine { background: var(--mine); } .theirs { background: var(--theirs); }
mark { color: inherit; } .mine mark { background: var(--mine-word); } .theirs mark { background: var(--theirs-word); }
</style>
</head>
<body>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_complete_in_itself_and_code_is_no_markup() {
        let file = Compared {
            path: "p/src/a.rs".to_string(),
            pairs: vec![Pair {
                title: "A::f: only in yours".to_string(),
                mine: "fn f() -> Vec<u8> {}\n".to_string(),
                theirs: String::new(),
            }],
            ..Compared::default()
        };
        let page = render(&[file]);
        assert!(
            page.contains("Vec&lt;u8&gt;") && !page.contains("Vec<u8>"),
            "{page}"
        );
        for outside in ["http", "src=", "@import", "url(", "<script", "<link"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("light dark") && page.ends_with("</html>\n"));
    }
}
