//! Submissions that fight back: each gets the verdict that it deserves, nothing of it is left alive, and nothing outside is touched.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::{self, Hostile};
use grade::report::Graded;

/// The files of the canary folder, with their texts.
fn canary(dir: &Path) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(dir)
        .expect("the canary is still there")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (
                name.into_owned(),
                fs::read_to_string(&path).unwrap_or_default(),
            )
        })
        .collect();
    files.sort();
    files
}

fn check(hostile: &Hostile, graded: &Graded, problems: &mut Vec<String>) {
    let mut wrong = |what: String| problems.push(format!("{}: {what}", hostile.name));
    if graded.passed != 0 {
        wrong(format!("{} tests passed", graded.passed));
    }
    let reasons: Vec<&str> = graded
        .tests
        .iter()
        .filter_map(|t| t.reason.as_deref())
        .collect();
    for text in &hostile.fails {
        if !reasons.iter().any(|reason| reason.contains(text)) {
            wrong(format!("no reason says `{text}`: {:?}", reasons.first()));
        }
    }
    for text in &hostile.expect.tampering {
        if !graded.tampering.iter().any(|told| told.contains(text)) {
            wrong(format!("`{text}` is not told of: {:?}", graded.tampering));
        }
    }
    let replaced: Vec<&String> = graded.replaced.keys().collect();
    if replaced != hostile.expect.replaced.iter().collect::<Vec<_>>() {
        wrong(format!("replaced: {:?}", graded.replaced));
    }
    for text in reasons {
        if text.len() > 1300 || text.chars().any(char::is_control) {
            wrong(format!(
                "a reason of {} bytes, or with control characters",
                text.len()
            ));
        }
    }
}

/// Programs that run from below this folder.
#[cfg(target_os = "linux")]
fn left_alive(work: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("the processes");
    let programs = processes.filter_map(|entry| fs::read_link(entry.ok()?.path().join("exe")).ok());
    programs
        .filter(|program| program.starts_with(work))
        .map(|program| program.display().to_string())
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn hostile_submissions_get_what_they_deserve_and_leave_nothing_behind() {
    let dir = tempfile::tempdir().expect("a folder");
    let (class, bird) = (dir.path().join("class"), dir.path().join("canary"));
    fs::create_dir(&bird).expect("a folder");
    fs::write(bird.join("kept"), "unchanged").expect("a file");
    let before = canary(&bird);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let work = support::target().join("grade");
    let names = BTreeMap::from([
        ("@CANARY@", bird.display().to_string()),
        ("@ROOT@", support::root().display().to_string()),
        ("@WORK@", work.display().to_string()),
        (
            "@PORT@",
            listener
                .local_addr()
                .expect("an address")
                .port()
                .to_string(),
        ),
    ]);
    let starter = support::stage(0);
    let mut zoo = support::read("at_run_time.toml");
    zoo.extend(support::read("at_compile_time.toml"));
    if let Ok(only) = std::env::var("HOSTILE") {
        zoo.retain(|hostile| hostile.name.contains(&only));
    }
    for hostile in &zoo {
        support::write_hostile(hostile, &starter, &names, &class.join(&hostile.name));
    }
    // A hanging test costs its limit; that of the whole submission keeps all of them from doing so.
    let args = [
        ["--day", "1"],
        ["--task", "1"],
        ["--time", "4"],
        ["--submission-time", "6"],
        ["--compile-time", "8"],
        ["--memory", "256"],
    ];
    let args = args.as_flattened();
    let report = support::grade(args, &[&class]);
    let mut problems = Vec::new();
    for hostile in &zoo {
        check(hostile, support::of(&report, &hostile.name), &mut problems);
    }
    assert_eq!(canary(&bird), before, "the canary folder was changed");
    assert!(!Path::new("/tmp/mini-lsm-was-here").exists());
    assert_eq!(left_alive(&work), Vec::<String>::new());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
