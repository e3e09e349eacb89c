//! Builds the book: `mini-lsm-book build` renders `src/` into `book/`, `serve` shows it and reloads it.
//!
//! Three steps, each of which can fail the build: the text is read and checked (`check`), mdBook renders it
//! (`render`), and links that name a heading are checked against the pages that came out.

mod check;
mod render;
mod serve;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

use check::Problem;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = book_root();
    match words[..] {
        [] | ["build"] => Ok(build_and_tell(&root)?),
        ["serve"] => serve::run(&root, serve::DEFAULT_PORT),
        ["serve", "--port", port] => serve::run(&root, parse_port(port)?),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("no such command: {}\n\n{USAGE}", words.join(" ")),
    }
}

fn build_and_tell(root: &Path) -> Result<ExitCode> {
    let problems = build(root)?;
    if problems.is_empty() {
        println!("book: {}", root.join("book").join("index.html").display());
        return Ok(ExitCode::SUCCESS);
    }
    tell(&problems);
    Ok(ExitCode::FAILURE)
}

/// Renders the book under `root`. What is wrong with the text comes back as a list; an error is anything else.
fn build(root: &Path) -> Result<Vec<Problem>> {
    let pages = text::read_pages(&root.join("src"))?;
    let problems = check::sources(&pages);
    if !problems.is_empty() {
        // The last good book stays where it is.
        return Ok(problems);
    }
    let rendered = render::render(root)?;
    let mut problems = rendered.warnings;
    problems.extend(check::anchors(&pages, &rendered.folder)?);
    Ok(problems)
}

fn tell(problems: &[Problem]) {
    for problem in problems {
        eprintln!("{problem}");
    }
    let noun = if problems.len() == 1 {
        "problem"
    } else {
        "problems"
    };
    eprintln!("book: {} {noun} in the text", problems.len());
}

/// The folder with `book.toml`. Cargo tells it at run time; a binary that was started by hand knows where it was built.
fn book_root() -> PathBuf {
    match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")),
    }
}

fn parse_port(word: &str) -> Result<u16> {
    match word.parse() {
        Ok(port) => Ok(port),
        Err(_) => bail!("{word} is no port: give a number from 0 to 65535 (0 takes any free one)"),
    }
}

const USAGE: &str = "\
usage: cargo x book [build]
       cargo x book serve [--port N]

build   render the book into book/book and check its text
serve   build, show the book on this machine, and reload it when its text changes
";

#[cfg(test)]
mod tests {
    use super::*;

    /// The book of this repository is sound: what `build` would refuse fails the tests too.
    #[test]
    fn the_text_of_this_book_passes_the_source_checks() {
        let pages = text::read_pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
        let problems: Vec<String> = check::sources(&pages)
            .iter()
            .map(Problem::to_string)
            .collect();
        assert_eq!(problems, Vec::<String>::new());
        assert!(
            pages.documents.len() > 7,
            "the seven days and what is around them"
        );
    }

    #[test]
    fn a_port_is_a_number() {
        assert_eq!(parse_port("8080").unwrap(), 8080);
        assert!(parse_port("http").is_err());
        assert!(parse_port("70000").is_err());
    }
}
