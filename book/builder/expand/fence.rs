//! Fences in the Markdown.

/// A fence whose content is ours to replace.
pub struct Fence {
    pub line: usize,
    /// What it was opened with: three backticks or more.
    pub mark: String,
    pub indent: String,
    pub info: String,
    pub content: Vec<String>,
}

impl Fence {
    /// A line that opens a fence.
    pub fn opened(line: &str, number: usize) -> Option<Fence> {
        let indent = line.len() - line.trim_start().len();
        let trimmed = line.trim();
        let letter = trimmed
            .chars()
            .next()
            .filter(|letter| "`~".contains(*letter))?;
        let len = trimmed.chars().take_while(|c| *c == letter).count();
        let (mark, info) = trimmed.split_at(len);
        if len < 3 || info.contains('`') {
            return None;
        }
        Some(Fence {
            line: number,
            mark: mark.to_string(),
            indent: line[..indent].to_string(),
            info: info.trim().to_string(),
            content: Vec::new(),
        })
    }
}
