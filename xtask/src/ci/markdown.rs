//! The fenced blocks of a Markdown file, and the commands in them.

/// What stands between two fences.
#[derive(Debug, PartialEq, Eq)]
pub struct Fence {
    pub language: String,
    /// Of the opening fence, counted from 1.
    pub line: usize,
    pub lines: Vec<String>,
}

/// Every fenced block, in order.
pub fn fences(text: &str) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<Fence> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Fence {
                    language: language.trim().to_string(),
                    line: index + 1,
                    lines: Vec::new(),
                });
            }
            (Some(_), Some(_)) => fences.extend(open.take()),
            (None, Some(fence)) => fence.lines.push(line.to_string()),
            (None, None) => {}
        }
    }
    fences
}

/// The commands of a `sh` block with their line numbers: no prompt, no comment, continued lines joined.
pub fn commands(fence: &Fence) -> Vec<(usize, String)> {
    let mut commands = Vec::new();
    let mut command = String::new();
    for (line, number) in fence.lines.iter().zip(fence.line + 1..) {
        let line = line.trim().trim_start_matches("$ ");
        let line = line.split(" # ").next().unwrap_or(line).trim();
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            command += begun;
            continue;
        }
        commands.push((number, std::mem::take(&mut command) + line));
    }
    commands
}

/// The words of a command, quotes removed. A pipe is a word of its own.
pub fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in command.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_sh_blocks() {
        let text = "a\n```sh\n# remark\n$ cargo x ci   # all of it\ncargo a \\\n  b\n```\n```text\nout\n```\n";
        let fences = fences(text);
        let places: Vec<_> = fences
            .iter()
            .map(|fence| (fence.language.as_str(), fence.line))
            .collect();
        assert_eq!(places, [("sh", 2), ("text", 8)]);
        assert_eq!(
            commands(&fences[0]),
            [(4, "cargo x ci".to_string()), (6, "cargo a b".to_string())]
        );
        assert_eq!(fences[1].lines, ["out"]);
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(
            words("printf 'put k v\\n' | cargo run -- \"\" a"),
            ["printf", "put k v\\n", "|", "cargo", "run", "--", "", "a"]
        );
    }
}
