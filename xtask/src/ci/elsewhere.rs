//! Commands that the README or the book shows and no step runs as they stand, each with what holds it instead.

/// The command, and why it holds all the same.
pub const ELSEWHERE: &[(&str, &str)] = &[
    // Of this repository, or of cargo itself.
    ("cargo x ci", "this is the run itself"),
    (
        "cargo x ci --list",
        "xtask/tests/program lists the steps with their commands",
    ),
    ("cd mini-lsm", "the folder that the clone makes"),
    ("rustc --version", "it comes with Rust"),
    (
        "cargo fetch",
        "cargo's own; the step `grade` begins with it, and goes on without a network",
    ),
    ("cargo fetch --manifest-path book/Cargo.toml", "cargo's own"),
    (
        "cargo fmt --package mini-lsm-starter",
        "cargo's own; with --check it is a step",
    ),
    (
        "cargo doc --no-deps --package mini-lsm --open",
        "it opens a browser; the step `doc` makes the same pages",
    ),
    // For learners.
    ("cargo x hint", "xtask/tests/program runs it"),
    ("cargo x hint --all", "xtask/tests/program runs it"),
    ("cargo x scheck --repeat 20", REPEAT),
    ("cargo x scheck --day 3 --repeat 20", REPEAT),
    (
        "cargo x watch",
        "it runs until it is stopped; xtask/watch tests it",
    ),
    (
        "cargo x diff --day 1",
        "with --yes it is in the step `fresh`",
    ),
    ("cargo x catch-up --day 2", DESK),
    ("cargo x reset --day 2", DESK),
    ("cargo x borrow Block::decode", DESK),
    ("cargo x repay", DESK),
    ("cargo x repay Block::decode", DESK),
    ("cargo x update", DESK),
    (
        r#"gdb -p "$(pgrep -n day3_engine)" -batch -ex "thread apply all bt""#,
        "a debugger, which the course does not bring",
    ),
    (
        r#"lldb -p "$(pgrep -n day3_engine)" --batch -o "thread backtrace all""#,
        "a debugger, which the course does not bring",
    ),
    (
        "cargo x scheck --tests-of-tests",
        "with a day it is in the step `bugs`",
    ),
    // For instructors.
    (
        "cargo x grade mini-lsm",
        "all days are the step `days`; with one day it is in the step `grade`",
    ),
    (
        "cargo x grade class --csv marks.csv --json report.json",
        "one submission with both is in the step `grade`; xtask/grade/tests has many",
    ),
    (
        "cargo x grade .",
        "xtask/grade/tests/submissions/fairness.rs runs it",
    ),
    // For maintainers.
    (
        "cargo x starter",
        "with --check it is a step, and xtask/staging tests the writing",
    ),
    ("cargo x stages --day 1", "without a day it is a step"),
    ("cargo x bugs --day 3", BUGS),
    ("cargo x bugs --all", BUGS),
    ("cargo x bugs --all --record", BUGS),
    ("cargo install cargo-mutants --locked", "cargo's own"),
    ("cargo x mutants --day 3", MUTANTS),
    ("cargo x mutants --day 3 --list", MUTANTS),
    ("cargo x mutants --day 3 --survivors", MUTANTS),
    (
        "cargo x torture crashes --hours 8",
        "without a limit of its own each trial is in the step `torture`",
    ),
    (
        "cargo x torture kills --rounds 1000",
        "without a limit of its own each trial is in the step `torture`",
    ),
    (
        "RUSTFLAGS=-Zsanitizer=thread cargo +nightly run -Zbuild-std --target x86_64-unknown-linux-gnu --profile torture \
         --package mini-lsm-torture -- threads --rounds 200",
        "it needs a nightly compiler and its sources; without them the trial is in the step `torture`",
    ),
    ("cargo x bench", BENCH),
    (
        "cargo x bench --n 10M --rounds 1 --workloads fillrandom,readrandom-cached,readmissing",
        BENCH,
    ),
    (
        "cargo x book serve",
        "it runs until it is stopped; book/builder tests the server",
    ),
    (
        "cargo x book shots FOLDER day1",
        "it makes pictures for people; book/builder tests what it shares with `check`",
    ),
];

const DESK: &str = "it changes the learner's files; xtask/desk/tests runs it in a small course";
const REPEAT: &str = "xtask/tests/grading repeats races; the days' own take minutes";
const BUGS: &str = "bugs whose files have changed, and a tenth of the others, are a step";
const MUTANTS: &str = "it takes an hour; the maintainers' page says what came of it";
const BENCH: &str = "with --quick, and LevelDB alone beside the engine, it is a step";
