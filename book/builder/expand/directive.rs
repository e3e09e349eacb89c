//! Directives in the Markdown: `{{name argument "quoted argument"}}`. `\{{` is no directive, and shows as `{{`.

/// What stands between the braces.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    pub name: &'a str,
    /// All behind the name, as it stands.
    pub rest: &'a str,
}

/// What stands between the braces of a line that is one directive and nothing else; `None` for a value.
pub fn alone(line: &str) -> Option<&str> {
    let inner = line.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    // In `{{a}} {{b}}` the first closes before the second opens.
    let closes = inner.find("}}").unwrap_or(usize::MAX);
    let opens = inner.find("{{").unwrap_or(usize::MAX);
    (opens <= closes && !inner.trim().starts_with('=')).then_some(inner)
}

impl<'a> Directive<'a> {
    pub fn of(inner: &'a str) -> Directive<'a> {
        let inner = inner.trim();
        if let Some(rest) = inner.strip_prefix('=') {
            return Directive {
                name: "=",
                rest: rest.trim(),
            };
        }
        let (name, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        Directive {
            name,
            rest: rest.trim(),
        }
    }

    /// The words behind the name; quotes keep spaces together, and a backslash the quote.
    pub fn words(&self) -> Result<Vec<String>, String> {
        words(self.rest)
    }
}

/// Splits at blanks outside of double quotes.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'"') => {
                letters.next();
                word.get_or_insert_default().push('"');
            }
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            blank if blank.is_whitespace() && !is_quoted => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    if is_quoted {
        return Err("a quote is opened and not closed".into());
    }
    words.extend(word);
    Ok(words)
}

/// Replaces every directive within a line by what `expand` makes of it.
pub fn inline(
    line: &str,
    mut expand: impl FnMut(&Directive) -> Result<String, String>,
) -> Result<String, String> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("{{") {
        if let Some(before) = rest[..at].strip_suffix('\\') {
            out += before;
            out += "{{";
            rest = &rest[at + 2..];
            continue;
        }
        out += &rest[..at];
        let Some((inner, behind)) = rest[at + 2..].split_once("}}") else {
            return Err("a directive begins with {{ and does not end in }} on its line".into());
        };
        out += &expand(&Directive::of(inner))?;
        rest = behind;
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_has_a_name_and_words() {
        let line = "  {{figure day1-page \"A {{= 1}} page\" \"Say \\\"x\\\".\"}}";
        let directive = Directive::of(alone(line).unwrap());
        assert_eq!(directive.name, "figure");
        let expected = ["day1-page", "A {{= 1}} page", "Say \"x\"."];
        assert_eq!(directive.words().unwrap(), expected);
        for line in ["{{= 1 + 2}}", "{{a}} {{b}}", "see {{a}}"] {
            assert_eq!(alone(line), None, "{line}");
        }
        assert!(words("\"open").is_err());
    }

    #[test]
    fn directives_within_a_line_are_replaced_and_escapes_kept() {
        let name = |directive: &Directive| Ok(format!("<{}>", directive.name));
        assert_eq!(
            inline(r"a {{b}} `\{{c}}` {{d e}}.", name).unwrap(),
            "a <b> `{{c}}` <d>."
        );
        assert!(inline("a {{b", name).is_err());
    }
}
