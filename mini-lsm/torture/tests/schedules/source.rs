//! What shuttle does not see it cannot order: everything that threads share comes from `mini_lsm::sync`.

use std::fs;
use std::path::Path;

/// What stands in the way of a schedule, wherever it is taken from.
const ELSEWHERE: [&str; 6] = [
    "parking_lot",
    "std::thread",
    "std::sync::atomic",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::Condvar",
];

fn check(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).expect("the engine's sources") {
        let path = entry.expect("a name").path();
        if path.is_dir() && !path.ends_with("sync") && !path.ends_with("bin") {
            check(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let lines = (1..).zip(text.lines());
            found.extend(
                lines
                    .filter(|(_, line)| ELSEWHERE.iter().any(|name| line.contains(name)))
                    .map(|(number, line)| format!("{}:{number}: {line}", path.display())),
            );
        }
    }
}

#[test]
fn the_engine_takes_locks_and_threads_from_one_module() {
    let mut found = Vec::new();
    check(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"),
        &mut found,
    );
    assert!(
        found.is_empty(),
        "use crate::sync here:\n{}",
        found.join("\n")
    );
}
