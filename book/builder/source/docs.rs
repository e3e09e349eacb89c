//! Parts of a module's docs: its tables and its drawings.

/// What is wanted of a module's docs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Table,
    /// The content of a code fence.
    Drawing,
    /// A list under the paragraph that begins with `Invariants:` is prose; this is that paragraph.
    Paragraph,
}

/// The `nth` (from 1) table, drawing or paragraph of `docs`.
pub fn part(docs: &str, part: Part, nth: usize) -> Result<String, String> {
    let parts = all(docs, part);
    let count = parts.len();
    let index = nth.checked_sub(1);
    index
        .and_then(|index| parts.into_iter().nth(index))
        .ok_or_else(|| {
            let what = match part {
                Part::Table => "tables",
                Part::Drawing => "drawings",
                Part::Paragraph => "paragraphs",
            };
            format!("its docs have {count} {what}, so there is no number {nth}")
        })
}

fn all(docs: &str, part: Part) -> Vec<String> {
    let mut parts: Vec<Vec<&str>> = Vec::new();
    let (mut is_fenced, mut is_open) = (false, false);
    for line in docs.lines() {
        let is_fence = line.trim_start().starts_with("```");
        if is_fence {
            is_fenced = !is_fenced;
            is_open = false;
            continue;
        }
        let is_wanted = match part {
            Part::Drawing => is_fenced,
            Part::Table => !is_fenced && line.starts_with('|'),
            Part::Paragraph => {
                !is_fenced && !line.trim().is_empty() && !line.starts_with(['|', '#'])
            }
        };
        if is_wanted && !is_open {
            parts.push(Vec::new());
        }
        is_open = is_wanted;
        if let Some(open) = parts.last_mut().filter(|_| is_wanted) {
            open.push(line);
        }
    }
    let join = |lines: Vec<&str>| lines.join("\n");
    let text = parts.into_iter().map(join);
    text.map(|text| {
        if part == Part::Drawing {
            text
        } else {
            prose(&text)
        }
    })
    .collect()
}

/// Docs as Markdown for the book: links from item to item become plain code, since nothing here answers to them.
pub fn prose(docs: &str) -> String {
    let mut out = String::with_capacity(docs.len());
    let mut rest = docs;
    while let Some(at) = rest.find('[') {
        out.push_str(&rest[..at]);
        let link = &rest[at..];
        match link_text(link) {
            Some((text, len)) => {
                out.push_str(text);
                rest = &link[len..];
            }
            None => {
                out.push('[');
                rest = &link[1..];
            }
        }
    }
    out + rest
}

/// The text of a link to an item, and how long the link is. A link to a page on the web is left alone.
fn link_text(link: &str) -> Option<(&str, usize)> {
    let (text, behind) = link[1..].split_once(']')?;
    if text.contains('[') {
        return None;
    }
    let len = text.len() + 2;
    match behind.strip_prefix('(') {
        Some(target) => {
            let (target, _) = target.split_once(')')?;
            (!target.contains('/')).then_some((text, len + target.len() + 2))
        }
        None => text.starts_with('`').then_some((text, len)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCS: &str = "\
A module about [`Block`](super).

```text
+--+
|  |
+--+
```

| a | [`b`] |
|---|-------|
| 1 | 2     |

See [here](https://example.org/).

| c |
|---|
";

    #[test]
    fn parts_are_told_apart_and_counted() {
        assert_eq!(part(DOCS, Part::Drawing, 1).unwrap(), "+--+\n|  |\n+--+");
        let table = part(DOCS, Part::Table, 1).unwrap();
        assert_eq!(table, "| a | `b` |\n|---|-------|\n| 1 | 2     |");
        assert_eq!(part(DOCS, Part::Table, 2).unwrap(), "| c |\n|---|");
        assert_eq!(
            part(DOCS, Part::Paragraph, 1).unwrap(),
            "A module about `Block`."
        );
        let error = part(DOCS, Part::Table, 3).unwrap_err();
        assert_eq!(error, "its docs have 2 tables, so there is no number 3");
        assert!(part(DOCS, Part::Table, 0).is_err());
    }

    #[test]
    fn links_to_items_become_code_and_others_stay() {
        assert_eq!(prose("[`a`](Self::a) [`B::c`] x[i]"), "`a` `B::c` x[i]");
        let web = "see [here](https://example.org/)";
        assert_eq!(prose(web), web);
    }
}
