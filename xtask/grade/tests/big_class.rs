//! A class of three hundred that says as much as it may: the grader must stay within its memory.
//!
//! A test file of its own, since the memory of a process is that of all its tests.

use std::fs;
use std::io::{self, Write};

use grade::report::{Graded, Report, Test, csv, json, junit, table};

const SUBMISSIONS: usize = 300;
/// More than the course has.
const TESTS: usize = 400;
/// What the grader itself may take.
const MEMORY_KIB: u64 = 200 << 10;

/// Every test fails and says as much as can be kept of it.
fn loudest(number: usize) -> Graded {
    let tests = (0..TESTS).map(|test| Test {
        day: test as u32 % 7 + 1,
        name: format!("day7_filters_and_key_compression::task_3::a_claim_that_takes_a_line_{test}"),
        passed: false,
        reason: Some(format!("panicked at src/a.rs:1:1: {}", "\"<".repeat(150))),
        output: "\u{1F980}<&\n".repeat(4 << 10),
    });
    let days: Vec<_> = (1..=7)
        .map(|day| (day, format!("Day {day}"), 1.0))
        .collect();
    let mut graded = Graded::sum_up(format!("student {number}"), &days, tests.collect(), None);
    graded.tampering = vec!["t".repeat(300); 50];
    graded
}

/// A file whose bytes nobody keeps.
struct Counted(usize);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn three_hundred_loud_failures_are_told_in_200_mib() {
    let report = Report {
        format: 1,
        rustc: "rustc".into(),
        seed: None,
        isolation: Vec::new(),
        submissions: (0..SUBMISSIONS).map(loudest).collect(),
    };
    for form in [json::write, csv::write, junit::write] {
        let mut file = Counted(0);
        form(&report, &mut file).expect("a report");
        assert!(file.0 > SUBMISSIONS * 1000);
    }
    assert!(table::text(&report, true).contains("student 299"));
    let Ok(status) = fs::read_to_string("/proc/self/status") else {
        return;
    };
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most: u64 = most.map_or(0, |kib| {
        let kib = kib.trim().trim_end_matches(" kB");
        kib.parse().expect("a number of KiB")
    });
    assert!(most < MEMORY_KIB, "the report took {most} KiB of memory");
    eprintln!("{most} KiB");
}
