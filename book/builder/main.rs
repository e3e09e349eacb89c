//! Builds the book: `mini-lsm-book build` renders `src/` into `book/`, `serve` shows it and reloads it, `check` tries it.
//!
//! | step of a build                                          | modules                       |
//! |----------------------------------------------------------|-------------------------------|
//! | the engine is read: its items, docs, constants, tests    | `source`                      |
//! | directives in the text become what the engine says       | `expand`                      |
//! | the text is checked                                      | `text`, `check`, `chapter`, `names`, `messages`, `sums`, `commands` |
//! | mdBook renders it                                        | `render`                      |
//! | links that name a heading are checked against the pages  | `check`                       |
//!
//! Each can fail the build, and then the last good book stays. `check` builds, then compiles and runs the Rust of the text
//! (`programs`) and looks at every page in a browser (`browser`); `words` writes what translators need.

mod browser;
mod chapter;
mod check;
mod commands;
mod expand;
mod messages;
mod names;
mod problem;
mod programs;
mod render;
mod serve;
mod source;
mod sums;
mod text;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use expand::Press;
use messages::Said;
use problem::Problem;
use source::{Known, Source};
use text::Pages;

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
        ["check"] => check_and_tell(&root),
        ["links"] => list_links(&root),
        ["words", out] => write_words(&root, Path::new(out)),
        ["shots", out, ref pages @ ..] => shots(&root, Path::new(out), pages),
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

/// All that can be tried on this machine.
fn check_and_tell(root: &Path) -> Result<ExitCode> {
    let mut problems = build(root)?;
    if problems.is_empty() {
        let source = Source::read(&workspace(root))?;
        let (pages, _) = read(root, &source)?;
        problems =
            programs::problems(&pages, source.root(), &root.join("target").join("programs"))?;
        let names = pages.documents.iter().map(|page| page.name.as_str());
        let names: Vec<&str> = names.filter(|name| *name != check::SUMMARY).collect();
        match browser::problems(&root.join("book"), &names)? {
            Some(found) => problems.extend(found),
            None => println!(
                "book: skipped: no Chromium here to look at the pages (CHROMIUM=/path/to/it names one)"
            ),
        }
    }
    if problems.is_empty() {
        println!("book: all that was tried holds");
        return Ok(ExitCode::SUCCESS);
    }
    tell(&problems);
    Ok(ExitCode::FAILURE)
}

/// What a translator needs.
fn write_words(root: &Path, out: &Path) -> Result<ExitCode> {
    let template = words::template(&root.join("src"))?;
    fs::write(out, &template).with_context(|| format!("cannot write {}", out.display()))?;
    let count = template.matches("\nmsgid ").count();
    println!("book: {count} texts in {}", out.display());
    Ok(ExitCode::SUCCESS)
}

/// Pictures of the pages named, or of all.
fn shots(root: &Path, out: &Path, pages: &[&str]) -> Result<ExitCode> {
    let problems = build(root)?;
    if !problems.is_empty() {
        tell(&problems);
        return Ok(ExitCode::FAILURE);
    }
    let (all, _) = text::read_pages(&root.join("src"), |_, raw| expand::as_it_is(raw))?;
    let names = all.documents.iter().map(|page| page.name.as_str());
    let names: Vec<&str> = names
        .filter(|name| *name != check::SUMMARY)
        .filter(|name| pages.is_empty() || pages.iter().any(|page| name.starts_with(page)))
        .collect();
    match browser::shots(&root.join("book"), &names, out)? {
        Some(count) => println!("book: {count} pictures in {}", out.display()),
        None => bail!("no Chromium here (CHROMIUM=/path/to/it names one)"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Links to other sites, which no build follows.
fn list_links(root: &Path) -> Result<ExitCode> {
    let (pages, _) = text::read_pages(&root.join("src"), |_, raw| expand::as_it_is(raw))?;
    for page in &pages.documents {
        for item in &page.items {
            if let text::Kind::Link(url) = &item.kind
                && url.starts_with("http")
            {
                println!("{}:{}: {url}", page.name, item.line);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(root: &Path, source: &Source) -> Result<(Pages, Vec<Problem>)> {
    let press = Press::new(source, root.join("src").join("figures"));
    text::read_pages(&root.join("src"), |name, raw| press.expand(name, raw))
}

/// Renders the book under `root`. What is wrong with the text comes back as a list; an error is anything else.
fn build(root: &Path) -> Result<Vec<Problem>> {
    let source = Source::read(&workspace(root))?;
    let (pages, mut problems) = read(root, &source)?;
    problems.extend(check::sources(&pages));
    problems.extend(course(&source, &pages, &root.join("words.txt"))?);
    if !problems.is_empty() {
        problems.sort();
        // The last good book stays where it is.
        return Ok(problems);
    }
    let rendered = render::render(root, &pages)?;
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

/// What is wrong with the text as a text about this course.
fn course(source: &Source, pages: &Pages, words: &Path) -> Result<Vec<Problem>> {
    let known = Known::read(source, words)?;
    let said = Said::read(source.root())?;
    let mut problems = Vec::new();
    for page in &pages.documents {
        let day = chapter::day(&page.name).and_then(|day| source.day(day).ok());
        let tasks = day.map_or_else(Vec::new, |day| day.tasks());
        problems.extend(chapter::problems(&page.name, &page.raw, &tasks));
        problems.extend(names::problems(page, &known));
        problems.extend(messages::problems(page, &said));
        problems.extend(sums::problems(page));
        problems.extend(commands::problems(page));
    }
    Ok(problems)
}

/// The course around the book. A book in a test lies elsewhere, and is about this course all the same.
fn workspace(root: &Path) -> PathBuf {
    let around = root
        .parent()
        .filter(|around| around.join("mini-lsm").is_dir());
    around.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
        Path::to_path_buf,
    )
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
       cargo x book check
       cargo x book shots FOLDER [PAGE…]
       cargo x book links
       cargo x book words FILE

build   render the book into book/book and check its text
serve   build, show the book on this machine, and reload it when its text changes
check   build, run the Rust of the text, and look at every page in Chromium, where there is one
shots   write pictures of the pages, in two themes and at the width of a phone, for you to look at
links   list the links to other sites
words   write every sentence and every text of a figure as a template for translators (gettext)
";

#[cfg(test)]
mod tests {
    use super::*;

    /// The book of this repository is sound: what `build` would refuse fails the tests too.
    #[test]
    fn the_text_of_this_book_passes_the_source_checks() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let source = source::of_this_repository();
        let (pages, mut problems) = read(root, source).unwrap();
        problems.extend(check::sources(&pages));
        problems.extend(course(source, &pages, &root.join("words.txt")).unwrap());
        let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
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
