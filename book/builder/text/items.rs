//! What the checks ask about in one text: links, images and code, each with its line.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{
    BrokenLink, CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd,
};

use super::html;

/// Something in a Markdown file that a check looks at.
pub struct Item {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    Link(String),
    Image(String),
    /// An image that says nothing to those who do not see it.
    ImageWithoutAlt(String),
    /// Code within a sentence.
    Code(String),
    /// A fence of Rust.
    Rust {
        info: String,
        code: String,
    },
    /// A fence of commands.
    Shell(String),
    /// A folded answer whose question is missing.
    AnswerWithoutQuestion,
    /// `[text][label]` whose label is defined nowhere in the file: Markdown prints it as it stands.
    UndefinedLabel(String),
    /// A fenced block that does not say what it holds.
    FenceWithoutLanguage,
    /// A block by indentation, which has no place for a language and is mostly an accident.
    IndentedCode,
}

/// The items of one text, in its order.
pub fn read(text: &str) -> Vec<Item> {
    let lines = LineNumbers::new(text);
    let mut undefined = Vec::new();
    let on_broken_link = |link: BrokenLink| {
        // A lone `[word]` is just brackets in prose; two pairs in a row are meant as a link.
        if matches!(link.link_type, LinkType::Reference | LinkType::Collapsed) {
            let kind = Kind::UndefinedLabel(link.reference.to_string());
            undefined.push(Item {
                line: lines.of(link.span.start),
                kind,
            });
        }
        None::<(CowStr, CowStr)>
    };
    let mut items = Vec::new();
    let parser =
        Parser::new_with_broken_link_callback(text, markdown_options(), Some(on_broken_link));
    let mut image: Option<(usize, String, bool)> = None;
    let mut fence: Option<(usize, String, String)> = None;
    for (event, range) in parser.into_offset_iter() {
        match (&event, &mut image) {
            (Event::Start(Tag::Image { dest_url, .. }), _) => {
                image = Some((lines.of(range.start), dest_url.to_string(), false));
            }
            (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))), _) => {
                fence = Some((lines.of(range.start), info.to_string(), String::new()));
            }
            (Event::Text(text), _) if fence.is_some() => {
                fence
                    .iter_mut()
                    .for_each(|(_, _, code)| code.push_str(text));
            }
            (Event::End(TagEnd::CodeBlock), _) => {
                items.extend(fence.take().and_then(|(line, info, code)| {
                    let kind = match info.split(',').next()? {
                        "rust" => Kind::Rust { info, code },
                        "sh" => Kind::Shell(code),
                        _ => return None,
                    };
                    Some(Item { line, kind })
                }));
            }
            (Event::Text(text) | Event::Code(text), Some(image)) => {
                image.2 |= !text.trim().is_empty();
            }
            (Event::End(TagEnd::Image), _) => {
                let silent = image.take().filter(|(_, _, has_alt)| !has_alt);
                items.extend(silent.map(|(line, url, _)| Item {
                    line,
                    kind: Kind::ImageWithoutAlt(url),
                }));
            }
            _ => {}
        }
        collect(event, range, &lines, &mut items);
    }
    items.append(&mut undefined);
    items.sort_by_key(|item| item.line);
    items
}

fn collect(event: Event, range: Range<usize>, lines: &LineNumbers, items: &mut Vec<Item>) {
    let line = lines.of(range.start);
    let kind = match event {
        Event::Start(Tag::Link {
            dest_url,
            link_type,
            ..
        }) if link_type != LinkType::Email => Kind::Link(dest_url.to_string()),
        Event::Start(Tag::Image { dest_url, .. }) => Kind::Image(dest_url.to_string()),
        Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => Kind::IndentedCode,
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if !has_language(&info) => {
            Kind::FenceWithoutLanguage
        }
        Event::Code(code) => Kind::Code(code.to_string()),
        Event::Html(text) | Event::InlineHtml(text) => {
            items.extend(
                html::complaints(&text)
                    .into_iter()
                    .map(|kind| Item { line, kind }),
            );
            let urls = html::attribute_values(&text, "href").map(|(at, url)| (at, Kind::Link(url)));
            let sources =
                html::attribute_values(&text, "src").map(|(at, url)| (at, Kind::Image(url)));
            items.extend(urls.chain(sources).map(|(at, kind)| Item {
                line: lines.of(range.start + at),
                kind,
            }));
            return;
        }
        _ => return,
    };
    items.push(Item { line, kind });
}

/// ```` ```rust,ignore ```` has a language, ```` ```,ignore ```` has none.
fn has_language(info: &str) -> bool {
    let first = info.split([',', ' ', '\t']).next().unwrap_or_default();
    !first.is_empty()
}

/// What mdBook switches on by default, as far as it bears on links and code.
fn markdown_options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_GFM
}

/// Turns byte offsets of a text into line numbers, the first line being 1.
struct LineNumbers {
    starts: Vec<usize>,
}

impl LineNumbers {
    fn new(text: &str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            starts: std::iter::once(0).chain(after_newlines).collect(),
        }
    }

    fn of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(usize, Kind)> {
        let items = read(text).into_iter();
        let items = items.filter(|item| {
            !matches!(
                item.kind,
                Kind::Code(_) | Kind::Rust { .. } | Kind::Shell(_)
            )
        });
        items.map(|item| (item.line, item.kind)).collect()
    }

    #[test]
    fn links_and_images_carry_their_line() {
        let text = "# A\n\nsee [b](b.md#x) and\n![a plum](plum.svg)\n";
        assert_eq!(
            kinds(text),
            [
                (3, Kind::Link("b.md#x".into())),
                (4, Kind::Image("plum.svg".into()))
            ]
        );
    }

    #[test]
    fn links_in_html_are_links_too() {
        let text = "text\n\n<p>\n<img alt='x'\n src='a.svg'>\n<a  href=\"b.md\">b</a></p>\n\n<i data-src=\"no\">n</i>\n";
        assert_eq!(
            kinds(text),
            [
                (5, Kind::Image("a.svg".into())),
                (6, Kind::Link("b.md".into()))
            ]
        );
    }

    #[test]
    fn a_label_that_is_defined_nowhere_is_found() {
        let text = "[b][there] [c][]\n[d][here]\n\n[here]: d.md\n";
        let expected = [
            (1, Kind::UndefinedLabel("there".into())),
            (1, Kind::UndefinedLabel("c".into())),
            (2, Kind::Link("d.md".into())),
        ];
        assert_eq!(kinds(text), expected);
    }

    #[test]
    fn brackets_in_prose_and_links_in_code_are_left_alone() {
        assert_eq!(
            kinds("an array a[i], `[x](y.md)`\n\n```text\n[x](y.md)\n```\n"),
            []
        );
    }

    #[test]
    fn images_speak_and_answers_have_questions() {
        let text = "![](a.svg) ![a plum](b.svg)\n\n<img src=\"c.svg\">\n\n<details>\n<summary> </summary>\nx\n</details>\n";
        let silent: Vec<(usize, Kind)> = kinds(text)
            .into_iter()
            .filter(|(_, kind)| {
                matches!(kind, Kind::ImageWithoutAlt(_) | Kind::AnswerWithoutQuestion)
            })
            .collect();
        let expected = [
            (1, Kind::ImageWithoutAlt("a.svg".into())),
            (3, Kind::ImageWithoutAlt("c.svg".into())),
            (6, Kind::AnswerWithoutQuestion),
        ];
        assert_eq!(silent, expected);
    }

    #[test]
    fn a_fence_needs_a_language() {
        let text = "```rust,ignore\n```\n\n```\nx\n```\n\n~~~,ignore\n~~~\n\n- item\n\n  ```\n  y\n  ```\n";
        let bare: Vec<usize> = kinds(text).iter().map(|(line, _)| *line).collect();
        assert_eq!(bare, [4, 8, 13]);
        assert!(
            kinds(text)
                .iter()
                .all(|(_, kind)| *kind == Kind::FenceWithoutLanguage)
        );
    }

    #[test]
    fn code_by_indentation_is_found() {
        assert_eq!(kinds("text\n\n    let x = 1;\n"), [(3, Kind::IndentedCode)]);
    }

    #[test]
    fn lines_end_alike_on_windows() {
        assert_eq!(
            kinds("a\r\n\r\n[b](b.md)\r\n"),
            [(3, Kind::Link("b.md".into()))]
        );
    }
}
