//! What a submission tried, or may have tried: named in the report, one line each.
//!
//! Nothing here decides a verdict. That none of it helps is the work of the pristine crate, of the compiler's flags, of the harness
//! and of the jail; an innocent use, told by name, is for the instructor to judge.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};

use crate::pristine::{Course, Laid};
use crate::submission::Submission;

/// Lines of one kind that are told one by one.
const TOLD: usize = 5;

/// All that was seen, in the order: what was left out, settings, tests, given files, words in sources.
pub fn find(course: &Course, submission: &Submission, laid: &Laid) -> Vec<String> {
    let mut told = submission.left_out.clone();
    settings(course, submission, &mut told);
    let tests = submission.around.iter().filter(|(path, text)| {
        path.starts_with("tests/")
            && [&course.starter, &course.reference]
                .iter()
                .any(|ours| ours.contains_key(*path))
            && [&course.starter, &course.reference]
                .iter()
                .all(|ours| ours.get(*path) != Some(text))
    });
    let tests: Vec<&str> = tests.map(|(path, _)| path.as_str()).collect();
    some(&tests, "differs from the course's: ours was run", &mut told);
    let given: Vec<&str> = laid.given_changed.iter().map(String::as_str).collect();
    some(&given, "is given and was changed: ours was used", &mut told);
    for (path, text) in &submission.files {
        words(course, path, text, &mut told);
        // The texts of a whole class would be kept otherwise.
        proc_macro2::extra::invalidate_current_thread_spans();
    }
    told
}

fn some(paths: &[&str], what: &str, told: &mut Vec<String>) {
    for path in paths.iter().take(TOLD) {
        told.push(format!("{}: {what}", crate::text::reason(path)));
    }
    if paths.len() > TOLD {
        told.push(format!("and {} more files: {what}", paths.len() - TOLD));
    }
}

/// Words of a manifest or of cargo's settings that change what is built or run.
const SETS: &[&str] = &[
    "[patch",
    "[replace",
    "[profile",
    "[lints",
    "[build-dependencies",
    "autotests",
    "autolib",
    "build =",
    "harness",
    "proc-macro",
    "runner",
    "rustflags",
    "rustc-wrapper",
    "[env",
    "[source",
    "linker",
];

fn settings(course: &Course, submission: &Submission, told: &mut Vec<String>) {
    for (path, text) in &submission.around {
        if path.starts_with("tests/") {
            continue;
        }
        let ours: Vec<&[u8]> = match path.as_str() {
            "Cargo.toml" => [&course.starter, &course.reference]
                .iter()
                .filter_map(|tree| tree.get("Cargo.toml").map(Vec::as_slice))
                .collect(),
            path => course
                .settings
                .get(path)
                .map(Vec::as_slice)
                .into_iter()
                .collect(),
        };
        if ours.contains(&text.as_slice()) {
            continue;
        }
        let theirs = String::from_utf8_lossy(text);
        let count = |text: &str, word: &str| text.matches(word).count();
        let sets = SETS.iter().filter(|word| {
            ours.iter()
                .all(|ours| count(&String::from_utf8_lossy(ours), word) < count(&theirs, word))
        });
        let sets: Vec<String> = sets.map(|word| format!("`{word}`")).collect();
        let sets = match sets.is_empty() {
            true => String::new(),
            false => format!(" (it sets {})", sets.join(", ")),
        };
        let not_ours = match ours.is_empty() {
            true => "is not part of the course and was not used",
            false => "differs from the course's: ours was used",
        };
        told.push(format!("{path}: {not_ours}{sets}"));
    }
}

/// What is looked for in sources: a name with what must follow it, and why it is told.
const WORDS: &[(&str, &str, &str)] = &[
    ("unsafe", "", "`unsafe` is not compiled"),
    ("exit", "(", "calls `exit`"),
    ("abort", "(", "calls `abort`"),
    ("include", "!", "`include!`"),
    ("include_str", "!", "`include_str!`"),
    ("include_bytes", "!", "`include_bytes!`"),
    ("env", "!", "`env!`"),
    ("option_env", "!", "`option_env!`"),
    ("macro_export", "", "exports a macro"),
    ("macro_use", "", "`macro_use`"),
    ("global_asm", "", "assembler"),
    ("global_allocator", "", "an allocator of its own"),
    ("set_hook", "(", "sets a panic hook"),
    ("link_section", "", "`link_section`"),
    ("no_mangle", "", "`no_mangle`"),
    ("export_name", "", "`export_name`"),
    ("ignore", "", "`ignore`"),
    ("cfg", "", "`cfg`"),
    ("cfg_attr", "", "`cfg_attr`"),
    ("Command", "", "starts programs"),
    ("TcpStream", "", "the network"),
    ("TcpListener", "", "the network"),
    ("UdpSocket", "", "the network"),
    ("UnixStream", "", "sockets"),
    ("current_exe", "", "asks which program it runs in"),
    ("args", "(", "reads the command line"),
    ("args_os", "(", "reads the command line"),
    ("remove_dir_all", "", "removes whole folders"),
    ("path", "=", "a module from another place (`path`)"),
    ("PartialEq", "for", "an equality of its own"),
    ("PartialEq", "<", "an equality of its own"),
    ("PartialOrd", "for", "an order of its own"),
    ("PartialOrd", "<", "an order of its own"),
];

/// Beginnings of string literals that lead outside.
const PLACES: &[&str] = &[
    "/proc", "/dev/", "/sys", "/etc", "../", "/home", "/tmp", "/root",
];

fn words(course: &Course, path: &str, text: &[u8], told: &mut Vec<String>) {
    let Ok(text) = std::str::from_utf8(text) else {
        told.push(format!("{path}: no UTF-8"));
        return;
    };
    let mut known = BTreeMap::new();
    for ours in [&course.starter, &course.reference] {
        let ours = ours
            .get(path)
            .and_then(|text| std::str::from_utf8(text).ok());
        for (what, lines) in seen(ours.unwrap_or_default()) {
            let most: &mut usize = known.entry(what).or_default();
            *most = lines.len().max(*most);
        }
    }
    for (what, lines) in seen(text) {
        if lines.len() > known.get(&what).copied().unwrap_or_default() {
            told.push(format!("{path}:{}: {what}", lines[0]));
        }
    }
}

/// Brackets within brackets; nobody writes half as many.
const DEPTH: usize = 200;

/// What is found in a text, with the lines. A text that cannot be cut into tokens is not compiled either.
fn seen(text: &str) -> BTreeMap<String, Vec<usize>> {
    let mut seen = BTreeMap::new();
    if let Ok(stream) = text.parse::<TokenStream>() {
        look(stream, &mut seen);
    }
    seen.values_mut()
        .for_each(|lines: &mut Vec<usize>| lines.sort_unstable());
    seen
}

/// With a list of what is still to be looked at in the place of recursion: the depth is theirs to choose.
fn look(stream: TokenStream, seen: &mut BTreeMap<String, Vec<usize>>) {
    let mut open = vec![(stream, 0)];
    while let Some((stream, depth)) = open.pop() {
        let mut tokens = stream.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let line = token.span().start().line;
            let mut add = |what: String| seen.entry(what).or_default().push(line);
            match token {
                TokenTree::Ident(ident) => {
                    let next = tokens.peek().map(next_word).unwrap_or_default();
                    let name = ident.to_string();
                    let found = WORDS.iter().filter(|(word, after, _)| {
                        *word == name && (after.is_empty() || *after == next)
                    });
                    found.for_each(|(_, _, what)| add(what.to_string()));
                }
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let text = text.trim_start_matches(['b', 'r', 'c', '#']);
                    let place = PLACES
                        .iter()
                        .find(|place| text.starts_with(&format!("\"{place}")));
                    place
                        .into_iter()
                        .for_each(|place| add(format!("speaks of `{place}`")));
                }
                TokenTree::Group(_) if depth > DEPTH => add("nested too deeply to look at".into()),
                TokenTree::Group(group) => open.push((group.stream(), depth + 1)),
                TokenTree::Punct(_) => {}
            }
        }
    }
}

fn next_word(token: &TokenTree) -> String {
    match token {
        TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Parenthesis => {
            "(".to_string()
        }
        TokenTree::Punct(punct) => punct.as_char().to_string(),
        TokenTree::Ident(ident) => ident.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_code_and_not_in_comments() {
        let text = "\
// unsafe exit(0)
/// process::exit(0)
fn f() { std::process::exit(0) }
macro_rules! m { () => { include_str!(\"../x\") } }
impl PartialEq for X {}
#[derive(PartialEq)] struct Y;
";
        let seen = seen(text);
        let found: Vec<(&str, usize)> = seen.iter().map(|(w, l)| (w.as_str(), l[0])).collect();
        assert_eq!(
            found,
            [
                ("`include_str!`", 4),
                ("an equality of its own", 5),
                ("calls `exit`", 3),
                ("speaks of `../`", 4)
            ]
        );
    }
}
