//! What a save can affect first: the task that the saved file belongs to, or else the task at hand.

use std::path::{Path, PathBuf};

use xtask::catalogue::Day;
use xtask::progress::Progress;
use xtask::scheck::Ask;
use xtask::scheck::evidence::task_of;

/// The task to grade before everything else; `None` where everything should be graded at once.
pub fn first(
    saved: &[PathBuf],
    crate_dir: &Path,
    days: &[Day],
    progress: &Progress,
) -> Option<Ask> {
    let at_hand = progress
        .first_failing(days)
        .map(|test| (test.day, test.task));
    let mut tasks = Vec::new();
    for file in saved {
        match belongs_to(file, crate_dir, days) {
            Belongs::Task(day, task) => tasks.push((day, task)),
            Belongs::Everything => tasks.extend(at_hand),
            Belongs::Learner => return None,
        }
    }
    tasks.sort_unstable();
    let first = tasks.iter().find(|task| Some(**task) == at_hand);
    let (day, task) = *first.or(tasks.first())?;
    let known = days
        .iter()
        .any(|known| known.number == day && known.tasks().contains(&task));
    known.then(|| Ask {
        day: Some(day),
        task: Some(task),
        ..Ask::default()
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Belongs {
    Task(u32, u32),
    /// A file that all tasks stand on.
    Everything,
    /// A test of the learner's own.
    Learner,
}

fn belongs_to(file: &Path, crate_dir: &Path, days: &[Day]) -> Belongs {
    let Ok(in_tests) = file.strip_prefix(crate_dir.join("tests")) else {
        let task = task_of(file);
        return task.map_or(Belongs::Everything, |(day, task)| Belongs::Task(day, task));
    };
    let names: Vec<String> = in_tests
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let binary = names
        .first()
        .map_or("", |name| name.trim_end_matches(".rs"));
    let Some(day) = days.iter().find(|day| day.binary() == binary) else {
        return match names.len() {
            // A folder without a `main.rs` is no test: the days share what is in it.
            2.. if !crate_dir
                .join("tests")
                .join(binary)
                .join("main.rs")
                .is_file() =>
            {
                Belongs::Everything
            }
            _ => Belongs::Learner,
        };
    };
    let task = names.get(1).and_then(|name| {
        name.strip_prefix("task_")?
            .strip_suffix(".rs")?
            .parse()
            .ok()
    });
    task.map_or(Belongs::Everything, |task| Belongs::Task(day.number, task))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use xtask::catalogue;
    use xtask::progress::{FAILED, PASSED};

    use super::*;

    const DAY: &str = "//! Day N · Title\n\nmod task_1 {\n    #[test]\n    fn a() {\n    }\n}\n\nmod task_2 {\n    #[test]\n    fn b() {\n    }\n}\n";

    #[test]
    fn a_saved_file_says_which_task_comes_first() {
        let root = tempfile::tempdir().expect("a folder");
        let dir = root.path().join("engine");
        let write = |name: &str, text: &str| {
            let file = dir.join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(&file, text).expect("a file");
            file
        };
        write("tests/day1_x.rs", &DAY.replace('N', "1"));
        let main = write("tests/day2_y/main.rs", &DAY.replace('N', "2"));
        let task = write("tests/day2_y/task_2.rs", "");
        let builder = write("src/builder.rs", "//! Day 1 · Task 2 · The builder\n");
        let later = write("src/later.rs", "//! Day 2 · Task 1 · Later\n");
        let given = write("src/given.rs", "//! Given.\n");
        let common = write("tests/common/mod.rs", "");
        let mine = write("tests/mine.rs", "");
        let unknown = write("src/unknown.rs", "//! Day 9 · Task 1 · From elsewhere\n");

        let days = catalogue::read(&dir).expect("the days");
        let (mut progress, _) = Progress::load(root.path());
        progress.record(&days[0].tests[0], PASSED);
        progress.record(&days[0].tests[1], FAILED);
        let part = |files: &[&PathBuf]| {
            let files: Vec<PathBuf> = files.iter().map(|file| file.to_path_buf()).collect();
            first(&files, &dir, &days, &progress)
                .map(|ask| (ask.day.unwrap_or(0), ask.task.unwrap_or(0)))
        };
        assert_eq!(part(&[&builder]), Some((1, 2)));
        assert_eq!(part(&[&later]), Some((2, 1)));
        assert_eq!(part(&[&later, &builder]), Some((1, 2)), "the task at hand");
        assert_eq!(part(&[&task]), Some((2, 2)));
        for shared in [&given, &common, &main] {
            assert_eq!(part(&[shared]), Some((1, 2)), "{}", shared.display());
        }
        assert_eq!(part(&[&mine]), None);
        assert_eq!(part(&[&unknown]), None);
    }
}
