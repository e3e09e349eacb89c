//! The fenced blocks of a Markdown file, the commands in them, and the code in its sentences.

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
    parts(text).0
}

/// The code within sentences, with its lines.
pub fn sentences(text: &str) -> Vec<(usize, String)> {
    let mut codes = Vec::new();
    for (number, line) in parts(text).1 {
        let pieces = line.split('`').skip(1).step_by(2);
        codes.extend(pieces.map(|code| (number, code.to_string())));
    }
    codes
}

/// The commands that a `console` of the book runs while it is built, and `inspect`, which makes a `dump`.
pub fn consoles(text: &str) -> Vec<String> {
    let (fences, around) = parts(text);
    let is_console = |fence: &&Fence| fence.language.split(' ').next() == Some("console");
    let lines = fences
        .iter()
        .filter(is_console)
        .flat_map(|fence| &fence.lines);
    let typed = lines.filter_map(|line| line.strip_prefix("$ ").map(str::to_string));
    let dumps = around.iter().filter_map(|(_, line)| {
        let file = line.strip_prefix("{{dump ")?.split([' ', '}']).next()?;
        Some(format!("cargo x inspect {file}"))
    });
    typed.chain(dumps).collect()
}

/// The fenced blocks, and the lines around them with their numbers.
fn parts(text: &str) -> (Vec<Fence>, Vec<(usize, &str)>) {
    let (mut fences, mut around) = (Vec::new(), Vec::new());
    // A block ends with what it has begun with: one of four backticks holds blocks of three.
    let mut open: Option<(&str, Fence)> = None;
    for (line, number) in text.lines().zip(1..) {
        let trimmed = line.trim();
        match &mut open {
            Some((mark, _)) if trimmed == *mark => {
                fences.extend(open.take().map(|(_, fence)| fence))
            }
            Some((_, fence)) => fence.lines.push(line.to_string()),
            None if trimmed.starts_with("```") => {
                let language = trimmed.trim_start_matches('`');
                let fence = Fence {
                    language: language.trim().to_string(),
                    line: number,
                    lines: Vec::new(),
                };
                open = Some((&trimmed[..trimmed.len() - language.len()], fence));
            }
            None => around.push((number, line)),
        }
    }
    (fences, around)
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
    fn a_longer_fence_holds_shorter_ones_and_sentences_stand_around() {
        let text = "see `a b`\n````text\n```console\n$ no\n```\n````\n```console folded\n$ x y\n> z\n```\nand `c` `d`\n{{dump a.bin \"x\"}}\n";
        assert_eq!(fences(text).len(), 2);
        assert_eq!(consoles(text), ["x y", "cargo x inspect a.bin"]);
        let codes: Vec<String> = sentences(text).into_iter().map(|(_, code)| code).collect();
        assert_eq!(codes, ["a b", "c", "d"]);
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(
            words("printf 'put k v\\n' | cargo run -- \"\" a"),
            ["printf", "put k v\\n", "|", "cargo", "run", "--", "", "a"]
        );
    }
}
