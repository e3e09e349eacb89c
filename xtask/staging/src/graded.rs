//! The day tests as the grader of submissions runs them: each file with a `main` of our own in the place of libtest.
//!
//! `#[test]` goes, the function becomes visible to the root, and the root gets a table from names to functions, so that the
//! pristine bodies stay as they are, line for line. What runs them, and what counts as evidence, is told in `graded/harness.rs`.

use syn::spanned::Spanned;
use syn::{Attribute, Item, ItemFn, ItemMod, Visibility};

use crate::edit::{self, Edit};
use crate::problem::{Problem, Problems};
use crate::source::Source;
use crate::stage::day_binary;
use crate::tree::Tree;

/// The program around the tests. It is given to every test file as a module.
pub const HARNESS: &str = include_str!("graded/harness.rs");
/// Where the harness stands in the tree.
pub const HARNESS_PATH: &str = "tests/graded_harness.rs";

/// The tests of a crate with a `main` for each file.
pub struct Graded {
    /// All below `tests`, and nothing else.
    pub tree: Tree,
    /// In the order of their days, then of their names.
    pub binaries: Vec<Binary>,
}

/// One test file that becomes a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    pub day: u32,
    pub name: String,
    /// The root of its crate, in the tree.
    pub root: String,
    /// The names by which its table knows its tests, in the order of the files: `task_1::a_claim`.
    pub tests: Vec<String>,
}

/// Makes the programs of all `tests/dayN_*` in a tree. Fails with all that cannot be put into a table.
pub fn emit(tree: &Tree) -> Result<Graded, Problems> {
    let mut graded = Graded {
        tree: Tree::default(),
        binaries: Vec::new(),
    };
    let tests = tree.iter().filter(|(path, _)| path.starts_with("tests/"));
    for (path, bytes) in tests.clone() {
        graded.tree.insert(path.clone(), bytes.clone());
    }
    let mut problems = Vec::new();
    for (path, _) in tests {
        if let Some((day, name)) = day_binary(path) {
            match graded.add(day, name, path) {
                Ok(binary) => graded.binaries.push(binary),
                Err(found) => problems.extend(found),
            }
        }
    }
    Problems(problems).into_result()?;
    graded.binaries.sort_by_key(|b| (b.day, b.name.clone()));
    let harness = HARNESS.as_bytes().to_vec();
    graded.tree.insert(HARNESS_PATH.to_string(), harness);
    Ok(graded)
}

impl Graded {
    /// Turns the file at `root` and its modules into a program.
    pub fn add(&mut self, day: u32, name: &str, root: &str) -> Result<Binary, Vec<Problem>> {
        let mut tests = Vec::new();
        self.change(root, "", &mut tests)?;
        let depth = root.matches('/').count() - 1;
        let harness = HARNESS_PATH.trim_start_matches("tests/");
        let mut main = format!(
            "\n#[path = \"{}{harness}\"]\nmod graded_harness;\n\nfn main() {{\n    graded_harness::main(&[\n",
            "../".repeat(depth)
        );
        for test in &tests {
            main.push_str(&format!("        (\"{test}\", {test} as fn()),\n"));
        }
        main.push_str("    ]);\n}\n");
        if let Some(text) = self.tree.get_mut(root) {
            text.extend(main.into_bytes());
        }
        Ok(Binary {
            day,
            name: name.to_string(),
            root: root.to_string(),
            tests,
        })
    }

    /// One file, whose items stand in the module `within`, and the files of its modules.
    fn change(
        &mut self,
        path: &str,
        within: &str,
        tests: &mut Vec<String>,
    ) -> Result<(), Vec<Problem>> {
        let bytes = self.tree.get(path).cloned().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let source = Source::parse(path, &text).map_err(|problem| vec![problem])?;
        let mut found = Found {
            source: &source,
            edits: Vec::new(),
            problems: Vec::new(),
            tests,
            files: Vec::new(),
        };
        found.items(&source.file.items, within);
        let (edits, problems, files) = (found.edits, found.problems, found.files);
        if !problems.is_empty() {
            return Err(problems);
        }
        let changed = edit::apply(&text, edits).into_bytes();
        self.tree.insert(path.to_string(), changed);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for module in files {
            let file = format!("{folder}/{}.rs", module.replace("::", "/"));
            if self.tree.contains_key(&file) {
                self.change(&file, &format!("{module}::"), tests)?;
            }
        }
        Ok(())
    }
}

/// What is to be changed in one file.
struct Found<'a> {
    source: &'a Source<'a>,
    edits: Vec<Edit>,
    problems: Vec<Problem>,
    tests: &'a mut Vec<String>,
    /// Modules that stand in files of their own.
    files: Vec<String>,
}

impl Found<'_> {
    fn items(&mut self, items: &[Item], within: &str) {
        for item in items {
            match item {
                Item::Fn(function) => self.function(function, within),
                Item::Mod(module) => self.module(module, within),
                _ => {}
            }
        }
    }

    fn module(&mut self, module: &ItemMod, within: &str) {
        let name = format!("{within}{}", module.ident);
        match &module.content {
            Some((_, items)) => self.items(items, &format!("{name}::")),
            // A module with a path of its own is shared by several files, and holds no tests.
            None if module.attrs.iter().any(|attr| attr.path().is_ident("path")) => {}
            None => self.files.push(name),
        }
    }

    fn function(&mut self, function: &ItemFn, within: &str) {
        let is_test = |attr: &&Attribute| attr.path().is_ident("test");
        let Some(test) = function.attrs.iter().find(is_test) else {
            return;
        };
        let at = self.source.range(&function.sig.fn_token).start;
        let sig = &function.sig;
        if !sig.inputs.is_empty() || !matches!(sig.output, syn::ReturnType::Default) {
            self.refuse(at, "a test takes nothing and gives nothing back");
        }
        if sig.asyncness.is_some()
            || matches!(sig.safety, syn::Safety::Unsafe(_))
            || !sig.generics.params.is_empty()
        {
            self.refuse(at, "a test is a plain function");
        }
        for attr in &function.attrs {
            if ["ignore", "should_panic", "cfg", "cfg_attr"]
                .iter()
                .any(|name| attr.path().is_ident(name))
            {
                let at = self.source.range(attr).start;
                self.refuse(at, "a test has no attribute but `#[test]` and lints");
            }
        }
        self.edits.push(Edit::remove(test.span().byte_range()));
        if matches!(function.vis, Visibility::Inherited) {
            self.edits.push(Edit {
                range: at..at,
                with: "pub(crate) ".to_string(),
            });
        }
        self.tests.push(format!("{within}{}", sig.ident));
    }

    fn refuse(&mut self, at: usize, what: &str) {
        let what = format!("{what}: the grader of submissions calls it from a table");
        self.problems.push(self.source.problem(at, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let files = files.iter();
        Tree(
            files
                .map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()))
                .collect(),
        )
    }

    fn text<'a>(graded: &'a Graded, path: &str) -> &'a str {
        std::str::from_utf8(&graded.tree[path]).unwrap()
    }

    #[test]
    fn every_test_is_in_the_table_and_bodies_keep_their_lines() {
        let graded = emit(&tree(&[
            ("src/lib.rs", ""),
            ("tests/common/mod.rs", "pub fn help() {}\n"),
            (
                "tests/day2_x/main.rs",
                "#[path = \"../common/mod.rs\"]\nmod common;\nmod task_1;\nmod task_2 {\n    #[test]\n    fn b() {\n        body();\n    }\n}\n",
            ),
            (
                "tests/day2_x/task_1.rs",
                "/// A claim.\n#[test]\nfn a() {}\n\nfn helper() {}\n",
            ),
            ("tests/day1_y.rs", "#[test]\npub fn c() {}\n"),
        ]))
        .unwrap();
        let [first, second] = &graded.binaries[..] else {
            panic!("two programs expected: {:?}", graded.binaries);
        };
        assert_eq!((first.day, first.name.as_str()), (1, "day1_y"));
        assert_eq!(first.tests, ["c"]);
        assert_eq!(second.root, "tests/day2_x/main.rs");
        assert_eq!(second.tests, ["task_2::b", "task_1::a"]);
        assert_eq!(
            text(&graded, "tests/day2_x/task_1.rs"),
            "/// A claim.\n\npub(crate) fn a() {}\n\nfn helper() {}\n"
        );
        let main = text(&graded, "tests/day2_x/main.rs");
        assert_eq!(main.lines().nth(6), Some("        body();"));
        assert!(
            main.contains("#[path = \"../graded_harness.rs\"]"),
            "{main}"
        );
        assert!(
            main.contains("(\"task_1::a\", task_1::a as fn()),"),
            "{main}"
        );
        assert!(text(&graded, "tests/day1_y.rs").contains("\"graded_harness.rs\""));
        assert!(!graded.tree.contains_key("src/lib.rs"));
    }

    #[test]
    fn what_no_table_can_call_is_refused() {
        for (test, what) in [
            ("#[test]\n#[should_panic]\nfn a() {}", "no attribute"),
            ("#[test]\n#[ignore]\nfn a() {}", "no attribute"),
            ("#[test]\nfn a(x: u32) {}", "takes nothing"),
            (
                "#[test]\nfn a() -> Result<(), ()> { Ok(()) }",
                "gives nothing",
            ),
            ("#[test]\nasync fn a() {}", "plain function"),
        ] {
            let refused = emit(&tree(&[("tests/day1_x.rs", test)])).err().unwrap();
            assert!(refused.to_string().contains(what), "{test}: {refused}");
        }
    }
}
