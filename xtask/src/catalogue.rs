//! The day tests as a course: days, their tasks, and what each test claims.
//!
//! Read from `tests/dayN_*/main.rs` (or `tests/dayN_*.rs`) line by line; the files are formatted and follow a few rules, so no
//! parser is needed:
//!
//! - the first line is `//! Day N · Title`, the title ending at a colon or the end of the line;
//! - a task is a file `task_K.rs` beside `main.rs`, or `mod task_K {` in the first column, ended by `}` in the first column;
//! - a test is a `#[test] fn name()` within a task. The first paragraph of its doc comment is the claim, the further ones say
//!   why it matters, and the list below `# Hints` leads to the answer. A line `# Concurrent` says that threads race in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The tests of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    pub number: u32,
    pub title: String,
    /// The root of its test binary.
    pub file: PathBuf,
    pub tests: Vec<Test>,
    /// Tests that stand in no task, as `name, line`: nobody grades them.
    pub strays: Vec<(String, usize)>,
}

/// One claim about the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub day: u32,
    pub task: u32,
    /// The test binary that it stands in.
    pub binary: String,
    pub name: String,
    pub claim: String,
    pub why: Vec<String>,
    pub hints: Vec<String>,
    /// Threads race in it, so that one run proves little.
    pub concurrent: bool,
    /// The name of the file that it stands in, beside the root of the day or the root itself.
    pub file: String,
    /// Where its `fn` stands, counted from 1.
    pub line: usize,
}

impl Day {
    /// The name of the test binary.
    pub fn binary(&self) -> String {
        binary_of(&self.file).unwrap_or_default()
    }

    /// The numbers of the tasks, ascending.
    pub fn tasks(&self) -> Vec<u32> {
        let mut tasks: Vec<u32> = self.tests.iter().map(|test| test.task).collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    }
}

impl Test {
    /// The name by which its binary knows it. One that stands in no task, 0, is named by the whole of it.
    pub fn path(&self) -> String {
        match self.task {
            0 => self.name.clone(),
            task => format!("task_{task}::{}", self.name),
        }
    }

    /// The name that it keeps from one edition of the course to the next: `day1_blocks::task_1::name`.
    pub fn id(&self) -> String {
        format!("{}::{}", self.binary, self.path())
    }
}

/// The days of a crate, in order.
pub fn read(crate_dir: &Path) -> Result<Vec<Day>> {
    let dir = crate_dir.join("tests");
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut days = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let file = if path.is_dir() { path.join(MAIN) } else { path };
        if let Some(number) = day_number(&file).filter(|_| file.is_file()) {
            days.push(read_day(number, file)?);
        }
    }
    days.sort_by_key(|day| day.number);
    Ok(days)
}

const MAIN: &str = "main.rs";

/// The name of the test binary whose root is `file`.
fn binary_of(file: &Path) -> Option<String> {
    let named = match file.file_name()?.to_str()? {
        MAIN => file.parent()?.file_name()?,
        _ => file.file_stem()?,
    };
    Some(named.to_str()?.to_string())
}

/// `N` of `dayN_anything.rs` or `dayN_anything/main.rs`.
fn day_number(file: &Path) -> Option<u32> {
    if file.extension()? != "rs" {
        return None;
    }
    let name = binary_of(file)?;
    let (number, _) = name.strip_prefix("day")?.split_once('_')?;
    number.parse().ok()
}

fn read_day(number: u32, file: PathBuf) -> Result<Day> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let text = read(&file)?;
    let mut day = Day {
        number,
        title: title(text.lines().next().unwrap_or_default()),
        file: file.clone(),
        tests: Vec::new(),
        strays: Vec::new(),
    };
    day.scan(&name_of(&file), &text, None);
    for task in text.lines().filter_map(task_elsewhere) {
        let part = file.with_file_name(format!("task_{task}.rs"));
        day.scan(&name_of(&part), &read(&part)?, Some(task));
    }
    Ok(day)
}

fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

impl Day {
    /// Adds the tests of one file, all of which belong to `whole`, if that is a task.
    fn scan(&mut self, file: &str, text: &str, whole: Option<u32>) {
        let mut task = whole;
        let mut doc: Vec<&str> = Vec::new();
        let mut is_test = false;
        for (index, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            if line == "}" {
                task = whole;
            } else if let Some(opened) = opened_task(line) {
                task = Some(opened);
            }
            if let Some(words) = trimmed.strip_prefix("///") {
                doc.push(words.strip_prefix(' ').unwrap_or(words));
            } else if trimmed == "#[test]" {
                is_test = true;
            } else if !trimmed.starts_with("#[") {
                if let Some(name) = function_name(trimmed).filter(|_| is_test) {
                    let line = index + 1;
                    match task {
                        Some(task) => {
                            let test = test(self.number, task, name, &doc);
                            let (file, binary) = (file.to_string(), self.binary());
                            self.tests.push(Test {
                                file,
                                line,
                                binary,
                                ..test
                            });
                        }
                        None => self.strays.push((name.to_string(), line)),
                    }
                }
                doc.clear();
                is_test = false;
            }
        }
    }
}

/// `//! Day N · Title: more` gives `Title`.
fn title(first_line: &str) -> String {
    let words = first_line.trim_start_matches("//!").trim();
    let words = words.split_once('·').map_or(words, |(_, title)| title);
    let words = words.split(':').next().unwrap_or_default();
    words.trim().trim_end_matches('.').to_string()
}

/// `K` of `mod task_K {`.
fn opened_task(line: &str) -> Option<u32> {
    task_module(line)?.strip_suffix('{')?.trim().parse().ok()
}

/// `K` of `mod task_K;`.
fn task_elsewhere(line: &str) -> Option<u32> {
    task_module(line)?.strip_suffix(';')?.parse().ok()
}

fn task_module(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    line.strip_prefix("mod task_")
}

fn function_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let (name, _) = line.strip_prefix("fn ")?.split_once('(')?;
    Some(name)
}

fn test(day: u32, task: u32, name: &str, doc: &[&str]) -> Test {
    let mut sections = sections(doc);
    let mut paragraphs = paragraphs(sections.remove("").unwrap_or_default()).into_iter();
    Test {
        day,
        task,
        binary: String::new(),
        name: name.to_string(),
        claim: paragraphs.next().unwrap_or_default(),
        why: paragraphs.collect(),
        hints: list(sections.get("Hints").copied().unwrap_or_default()),
        concurrent: sections.contains_key("Concurrent"),
        file: String::new(),
        line: 0,
    }
}

/// The lines below each `# Heading`, and under "" those before the first.
fn sections<'a>(doc: &'a [&'a str]) -> BTreeMap<&'a str, &'a [&'a str]> {
    let heading = |line: &&'a str| line.trim().strip_prefix("# ");
    let mut sections = BTreeMap::new();
    let (mut name, mut rest) = ("", doc);
    loop {
        let end = rest.iter().position(|line| heading(line).is_some());
        let (lines, more) = rest.split_at(end.unwrap_or(rest.len()));
        sections.insert(name, lines);
        let Some((line, below)) = more.split_first() else {
            return sections;
        };
        name = heading(line).unwrap_or_default();
        rest = below;
    }
}

fn paragraphs(lines: &[&str]) -> Vec<String> {
    lines
        .split(|line| line.trim().is_empty())
        .map(|lines| {
            let words: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
            words.join(" ")
        })
        .filter(|paragraph| !paragraph.is_empty())
        .collect()
}

/// The items of a `- ` list, each joined to one line.
fn list(lines: &[&str]) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in lines.iter().map(|line| line.trim()) {
        if let Some(item) = line.strip_prefix("- ") {
            items.push(item.to_string());
        } else if let Some(last) = items.last_mut().filter(|_| !line.is_empty()) {
            last.push(' ');
            last.push_str(line);
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
//! Day 1 · Blocks: what a disk gives.
//!
//! More words.

use std::fmt;

fn helper() {}

#[test]
fn in_no_task() {}

mod task_1 {
    use super::*;

    /// A claim over
    /// two lines.
    ///
    /// Why it matters.
    ///
    /// And a second reason.
    ///
    /// # Hints
    /// - A nudge
    ///   that goes on.
    /// - Nearly the answer.
    ///
    /// # Concurrent
    #[test]
    fn first() {
        let text = \"mod task_7 {\";
    }

    /// A helper's doc is nobody's claim.
    fn helper() {}
}

mod task_2 {
    #[test]
    #[allow(dead_code)]
    fn without_doc() {}
}
";

    #[test]
    fn tests_are_read_with_task_claim_reasons_and_hints() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("day1_blocks.rs");
        fs::write(&file, FILE).expect("a file");
        let day = read_day(1, file).expect("it can be read");
        assert_eq!(day.title, "Blocks");
        assert_eq!(day.binary(), "day1_blocks");
        assert_eq!(day.tasks(), [1, 2]);
        assert_eq!(day.strays, [("in_no_task".to_string(), 10)]);
        let [first, second] = &day.tests[..] else {
            panic!("two tests expected: {:?}", day.tests);
        };
        assert_eq!(first.path(), "task_1::first");
        assert_eq!(first.id(), "day1_blocks::task_1::first");
        assert_eq!(first.claim, "A claim over two lines.");
        assert_eq!(first.why, ["Why it matters.", "And a second reason."]);
        assert_eq!(first.hints, ["A nudge that goes on.", "Nearly the answer."]);
        assert_eq!((first.file.as_str(), first.line), ("day1_blocks.rs", 29));
        assert_eq!(second.path(), "task_2::without_doc");
        assert_eq!(second.claim, "");
        assert!(first.concurrent && !second.concurrent);
    }

    #[test]
    fn a_task_may_have_a_file_of_its_own() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("tests/day2_tables");
        fs::create_dir_all(&folder).expect("a folder");
        let main = "//! Day 2 · Tables\n\nmod task_1;\nmod task_2;\n";
        let claim = "\nfn helper() {\n}\n\n/// A claim.\n#[test]\nfn holds() {\n}\n";
        for (name, text) in [("main.rs", main), ("task_1.rs", ""), ("task_2.rs", claim)] {
            fs::write(folder.join(name), text).expect("a file");
        }
        fs::create_dir(dir.path().join("tests/common")).expect("a folder");
        let days = read(dir.path()).expect("they can be read");
        let [day] = &days[..] else {
            panic!("one day expected: {days:?}");
        };
        assert_eq!((day.number, day.binary().as_str()), (2, "day2_tables"));
        let test = &day.tests[0];
        assert_eq!(test.path(), "task_2::holds");
        assert_eq!((test.file.as_str(), test.line), ("task_2.rs", 7));
        assert!(day.strays.is_empty());
    }

    #[test]
    fn only_day_files_are_days() {
        for file in ["tests/day12_x.rs", "tests/day12_x/main.rs"] {
            assert_eq!(day_number(Path::new(file)), Some(12), "{file}");
        }
        for other in [
            "tests/days.rs",
            "tests/day1.rs",
            "tests/cli.rs",
            "tests/day1_x.txt",
            "tests/common/main.rs",
        ] {
            assert_eq!(day_number(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_title_ends_at_a_colon_or_at_the_line() {
        assert_eq!(
            title("//! Day 2 · Sorted string tables"),
            "Sorted string tables"
        );
        assert_eq!(
            title("//! Day 2 · Sorted string tables."),
            "Sorted string tables"
        );
    }
}
