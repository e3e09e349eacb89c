//! A repository like the real one, with one day of one test.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

pub struct Repository(TempDir);

impl Repository {
    /// In the reference `one()` is 1, in the starter it is what `body` says.
    pub fn new(body: &str) -> Repository {
        let root = tempfile::tempdir().expect("a temporary directory");
        let members =
            "[workspace]\nresolver = \"3\"\nmembers = [\"mini-lsm\", \"mini-lsm-starter\"]\n";
        write(root.path(), "Cargo.toml", members);
        write(root.path(), "xtask/Cargo.toml", "");
        for (name, body) in [("mini-lsm", "1"), ("mini-lsm-starter", body)] {
            let crate_name = name.replace('-', "_");
            let manifest =
                format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
            write(root.path(), &format!("{name}/Cargo.toml"), &manifest);
            let lib = LIB.replace("BODY", body);
            write(root.path(), &format!("{name}/src/lib.rs"), &lib);
            let test = TEST.replace("CRATE", &crate_name);
            write(root.path(), &format!("{name}/tests/day1_one.rs"), &test);
        }
        Repository(root)
    }

    /// `cargo x ARGS` in this repository.
    pub fn x(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(args)
            .env("CARGO_MANIFEST_DIR", self.0.path().join("xtask"))
            .env("CARGO_TARGET_DIR", self.0.path().join("target"));
        command
    }

    /// Waits for the starter's test to say who it is.
    #[cfg(unix)]
    pub fn pid_of_hanging_test(&self) -> String {
        let path = self.0.path().join("mini-lsm-starter").join("pid");
        for _ in 0..6000 {
            std::thread::sleep(std::time::Duration::from_millis(10));
            let text = fs::read_to_string(&path).unwrap_or_default();
            if let Some(pid) = text.strip_suffix('\n') {
                return pid.to_string();
            }
        }
        panic!("the test has not begun to hang");
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

const LIB: &str = r#"pub fn one() -> u32 {
    BODY
}

pub fn hang() {
    std::fs::write("pid", format!("{}\n", std::process::id())).unwrap();
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
"#;

const TEST: &str = "//! Day 1 · One
mod task_1 {
    /// One is one.
    ///
    /// # Hints
    /// - It is a number.
    /// - It is 1.
    #[test]
    fn one_is_one() {
        assert_eq!(CRATE::one(), 1);
    }
}
";
