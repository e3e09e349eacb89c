//! A learner's copy of a small course of two days, and the program run in it as `cargo x` would.

#![allow(dead_code)]

#[path = "../../../staging/tests/support/course.rs"]
mod course;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use staging::starter;

pub struct Learner {
    course: course::Course,
}

/// What a run of the program said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Learner {
    /// A fresh clone, without git so far.
    pub fn new() -> Learner {
        let course = course::Course::new();
        starter::write(course.root(), &course.target(), true).unwrap();
        Learner { course }
    }

    /// The same with git, and all of it committed. `None` where there is no git.
    pub fn with_git() -> Option<Learner> {
        let learner = Learner::new();
        learner.write(".gitignore", "/target\n/saved\n*.tmp\n");
        learner.write(".gitattributes", "* text=auto eol=lf\n");
        let made = Command::new("git")
            .args(["init", "-q", "-b", "main"])
            .current_dir(learner.root())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return None;
        }
        learner.git(&["add", "."]);
        learner.git(&["commit", "-q", "-m", "the course"]);
        Some(learner)
    }

    pub fn root(&self) -> &Path {
        self.course.root()
    }

    pub fn read(&self, path: &str) -> String {
        self.course.read(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        self.course.write(path, text);
    }

    #[track_caller]
    pub fn change(&self, path: &str, from: &str, to: &str) {
        self.course.change(path, from, to);
    }

    /// Makes the starter of the course's present edition, as a clone of it would have it.
    pub fn edition(&self) {
        starter::write(self.root(), &self.course.target(), true).unwrap();
    }

    pub fn starter(&self, path: &str) -> PathBuf {
        self.root().join("mini-lsm-starter").join(path)
    }

    #[track_caller]
    pub fn git(&self, args: &[&str]) -> String {
        let output = self.try_git(args);
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_string()
    }

    pub fn try_git(&self, args: &[&str]) -> Output {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
        let mut git = Command::new("git");
        git.args(identity).args(args).current_dir(self.root());
        git.output().expect("git starts")
    }

    pub fn x(&self, args: &[&str]) -> Said {
        self.x_with(args, &[])
    }

    /// The same with more in the environment.
    pub fn x_with(&self, args: &[&str], env: &[(&str, &str)]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
        command
            .envs(env.iter().copied())
            .args(args)
            .current_dir(self.root())
            .env("CARGO_MANIFEST_DIR", self.root().join("xtask").join("desk"))
            .env("CARGO_TARGET_DIR", self.root().join("target"))
            .stdin(Stdio::null());
        let output = command.output().expect("the program starts");
        Said {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// As [`x`](Learner::x); it must succeed.
    #[track_caller]
    pub fn done(&self, args: &[&str]) -> String {
        let said = self.x(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        said.out
    }

    /// It must refuse, with one line and without a change.
    #[track_caller]
    pub fn refused(&self, args: &[&str]) -> String {
        let before = self.files();
        let said = self.x(args);
        assert_eq!(
            (said.code, said.out.as_str()),
            (Some(2), ""),
            "{args:?}: {said:?}"
        );
        assert_eq!(said.err.trim_end().lines().count(), 1, "{said:?}");
        assert_eq!(self.files(), before, "{args:?}");
        said.err
    }

    /// Every byte in the learner's crate.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut open = vec![self.starter("")];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    files.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    /// Runs the way back that was printed.
    #[track_caller]
    pub fn go_back(&self, out: &str) {
        let mut lines = out
            .lines()
            .skip_while(|line| !line.ends_with("this brings it back:"));
        let way = lines
            .nth(1)
            .unwrap_or_else(|| panic!("no way back in {out}"))
            .trim();
        let words: Vec<&str> = way.split(' ').collect();
        match words.as_slice() {
            ["git", args @ ..] => {
                self.git(args);
            }
            ["cargo", "x", args @ ..] => {
                self.done(args);
            }
            _ => panic!("{way}"),
        }
    }
}
