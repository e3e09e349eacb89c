//! As much HTML as stands in Markdown: attributes, and tags that say nothing.

use super::Kind;

/// Images without alt text and answers without a question in a piece of HTML.
pub fn complaints(html: &str) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for tag in html.split("<img").skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let alt = attribute_values(tag, "alt").next();
        if alt.is_none_or(|(_, alt)| alt.trim().is_empty()) {
            let url = attribute_values(tag, "src").next();
            kinds.push(Kind::ImageWithoutAlt(
                url.map_or_else(String::new, |(_, url)| url),
            ));
        }
    }
    // A block of HTML comes line by line: a summary on a line of its own is told by its own line.
    let summaries = html.split("<summary>").skip(1);
    let is_empty = |summary: &str| {
        summary
            .split("</summary>")
            .next()
            .is_none_or(|text| text.trim().is_empty())
    };
    kinds.extend(
        summaries
            .filter(|summary| is_empty(summary))
            .map(|_| Kind::AnswerWithoutQuestion),
    );
    kinds
}

/// The values of `name="…"` in a piece of HTML, with the offset of each. Either kind of quotes.
pub fn attribute_values<'a>(
    html: &'a str,
    name: &'a str,
) -> impl Iterator<Item = (usize, String)> + 'a {
    html.match_indices(name).filter_map(move |(at, _)| {
        let starts_a_word = html[..at].ends_with(|before: char| before.is_ascii_whitespace());
        let value = html[at + name.len()..]
            .trim_start()
            .strip_prefix('=')?
            .trim_start();
        let quote = value
            .chars()
            .next()
            .filter(|first| matches!(first, '"' | '\''))?;
        let (value, _) = value[1..].split_once(quote)?;
        starts_a_word.then(|| (at, value.to_string()))
    })
}
