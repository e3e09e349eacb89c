//! A course of two days without dependencies: small enough to be staged, compiled and run in a test.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub struct Course {
    dir: TempDir,
}

const FILES: [(&str, &str); 9] = [
    (
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"mini-lsm\"]\n\n[workspace.package]\nedition = \"2024\"\n",
    ),
    (
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"mini-lsm\"\nversion = \"0.0.0\"\n",
    ),
    (
        "mini-lsm/Cargo.toml",
        "[package]\nname = \"mini-lsm\"\nversion = \"0.0.0\"\nedition.workspace = true\n",
    ),
    (
        "mini-lsm/src/lib.rs",
        "//! A stack and a queue.\n\npub mod queue;\npub mod stack;\n",
    ),
    (
        "mini-lsm/src/stack.rs",
        "\
//! Day 1 · Task 1 · A stack.

#[derive(Default)]
pub struct Stack {
    items: Vec<u8>,
}

impl Stack {
    pub fn push(&mut self, item: u8) {
        self.items.push(item);
    }

    pub fn len(&self) -> usize {
        self.count()
    }

    // day 1 task 2
    pub fn pop(&mut self) -> Option<u8> {
        self.items.pop()
    }

    /// What a queue takes: the oldest item.
    // day 2 task 1
    pub fn shift(&mut self) -> Option<u8> {
        take_first(&mut self.items)
    }

    fn count(&self) -> usize {
        self.items.len()
    }
}

// day 2 task 1
fn take_first(items: &mut Vec<u8>) -> Option<u8> {
    (!items.is_empty()).then(|| items.remove(0))
}
",
    ),
    (
        "mini-lsm/src/queue.rs",
        "\
//! Day 2 · Task 1 · A queue.

use crate::stack::Stack;

#[derive(Default)]
pub struct Queue {
    stack: Stack,
}

impl Queue {
    pub fn put(&mut self, item: u8) {
        self.stack.push(item);
    }

    pub fn take(&mut self) -> Option<u8> {
        self.stack.shift()
    }
}
",
    ),
    (
        "mini-lsm/tests/common/mod.rs",
        "pub const ITEMS: [u8; 2] = [1, 2];\n",
    ),
    (
        "mini-lsm/tests/day1_stack.rs",
        "\
mod common;

mod task_1 {
    use mini_lsm::stack::Stack;

    #[test]
    fn push_adds_one() {
        let mut stack = Stack::default();
        stack.push(super::common::ITEMS[0]);
        assert_eq!(stack.len(), 1);
    }
}

mod task_2 {
    use mini_lsm::stack::Stack;

    #[test]
    fn the_last_comes_first() {
        let mut stack = Stack::default();
        for item in super::common::ITEMS {
            stack.push(item);
        }
        assert_eq!(stack.pop(), Some(2));
    }
}
",
    ),
    (
        "mini-lsm/tests/day2_queue.rs",
        "\
mod task_1 {
    use mini_lsm::queue::Queue;

    #[test]
    fn the_first_comes_first() {
        let mut queue = Queue::default();
        queue.put(1);
        queue.put(2);
        assert_eq!(queue.take(), Some(1));
    }
}
",
    ),
];

impl Course {
    pub fn new() -> Course {
        let course = Course {
            dir: tempfile::tempdir().unwrap(),
        };
        for (path, text) in FILES {
            course.write(path, text);
        }
        course
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn target(&self) -> PathBuf {
        self.root().join("target")
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `from` must stand in the file.
    #[track_caller]
    pub fn change(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, &text.replace(from, to));
    }
}
