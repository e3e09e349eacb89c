//! The command-line tool from outside: processes that are talked to, killed and started again.

#![cfg(feature = "cli")]

#[path = "cli/check.rs"]
mod check;
#[path = "cli/doors.rs"]
mod doors;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use mini_lsm::block::{Block, BlockIterator};
use mini_lsm::byte_reader::Origin;
use mini_lsm::files::{FileKind, log_path};
use mini_lsm::fs::{DiskFs, FileSystem};
use mini_lsm::table::{CacheFill, SsTable, SsTableIterator, TableId};
use mini_lsm::wal::Wal;
use mini_lsm::{LsmOptions, LsmStorage, StorageIterator};
use tempfile::TempDir;

/// What a process left behind.
struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Told {
    /// Fails unless the process answered exactly this, and ended well.
    #[track_caller]
    fn is(&self, out: &str) {
        assert_eq!(
            (self.out.as_str(), self.code),
            (out, Some(0)),
            "stderr: {}",
            self.err
        );
    }

    /// Fails unless the process printed no answer, one line on stderr that has these words in it, and ended with this code.
    #[track_caller]
    fn is_trouble(&self, code: i32, words: &[&str]) {
        assert_eq!(
            (self.out.as_str(), self.code),
            ("", Some(code)),
            "stderr: {}",
            self.err
        );
        assert_eq!(self.err.lines().count(), 1, "not one line:\n{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {}", self.err);
        }
    }
}

/// A folder of a test, with the store in it.
struct World {
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self { dir }
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// The tool, in this folder, with its own place for temporary files.
    fn tool(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mini-lsm-cli-ref"));
        command.current_dir(self.dir.path());
        command.env_remove("RUST_BACKTRACE");
        for name in ["TMPDIR", "TMP", "TEMP"] {
            command.env(name, self.dir.path());
        }
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        command
    }

    /// The tool on the store.
    fn on_store(&self) -> Command {
        let mut command = self.tool();
        command.arg("--path").arg(self.store());
        command
    }

    /// One verb on the store.
    fn verb(&self, args: &[&str]) -> Told {
        feed(self.on_store().args(args), "")
    }

    /// A session on the store.
    fn session(&self, lines: &str) -> Told {
        feed(&mut self.on_store(), lines)
    }

    fn names(&self) -> Vec<String> {
        let list = DiskFs.list(self.dir.path());
        list.expect("the folder of the test can be listed")
    }
}

/// Runs to the end with this input.
fn feed(command: &mut Command, input: &str) -> Told {
    let mut child = command.spawn().expect("the tool can be started");
    let mut stdin = child.stdin.take().expect("piped");
    // A tool that ends before it has read all says why in another way.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("the tool ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    Told {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// A process that is running, killed when the test ends.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the tool can be started");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, out }
    }

    /// Sends a line, and gives the next line of its answers.
    fn ask(&mut self, line: &str) -> String {
        let stdin = self.child.stdin.as_mut().expect("piped");
        writeln!(stdin, "{line}").expect("the tool reads on");
        self.next_line()
    }

    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("the tool prints text");
        line.trim_end().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The session of the README: values alone on stdout, no prompt, no noise.
#[test]
fn a_piped_session_answers_with_values_alone() {
    let world = World::new();
    let told = world.session("put k v\nget k\nquit\n");
    told.is("v\n");
    assert_eq!(told.err, "");
}

#[test]
fn a_second_process_reads_what_the_first_wrote() {
    let world = World::new();
    world
        .session("put k v\nput gone 1\ndel gone\nput empty \"\"")
        .is("");
    world
        .session("get k\nscan\nquit\n")
        .is("v\nempty = \"\"\nk = v\n");
    world.verb(&["get", "k"]).is("v\n");
}

/// The store is closed, not dropped: its log shows that it was synced.
#[test]
fn quit_and_the_end_of_input_close_the_store() {
    for lines in ["put k v\nquit\n", "put k v\nexit\n", "put k v\n", "put k v"] {
        let world = World::new();
        world.session(lines).is("");
        assert!(
            was_closed(&world.store()),
            "after {lines:?} the store was not closed"
        );
    }
    let world = World::new();
    world.verb(&["put", "k", "v"]).is("");
    assert!(
        was_closed(&world.store()),
        "a verb alone did not close the store"
    );

    let world = World::new();
    let mut running = Running::start(&mut world.on_store());
    assert_eq!(running.ask("put k v\nget k"), "v");
    drop(running);
    assert!(
        !was_closed(&world.store()),
        "a killed process cannot have closed the store"
    );
    world.verb(&["get", "k"]).is("v\n");
}

/// Whether the newest log shows a sync, as `close` leaves it.
fn was_closed(store: &Path) -> bool {
    let names = DiskFs.list(store).expect("the store can be listed");
    let kinds = names.iter().filter_map(|name| FileKind::parse(name));
    let logs = kinds.filter_map(|kind| match kind {
        FileKind::Log(id) => Some(id),
        _ => None,
    });
    let newest = logs.max().expect("a store has a log");
    let contents = Wal::read(&DiskFs, store, newest);
    let contents = contents.unwrap_or_else(|error| {
        panic!(
            "{} cannot be read: {error}",
            log_path(store, newest).display()
        )
    });
    contents.log.shows_sync
}

/// Killed in the middle of `fill`, while memtables are flushed and tables merged: what was acknowledged is there, and nothing but a beginning of the rest.
#[test]
fn a_kill_in_the_middle_of_fill_loses_nothing_acknowledged() {
    for (is_small, enough) in [(true, 2_000), (true, 10_000), (false, 10_000)] {
        let world = World::new();
        let mut command = world.on_store();
        if is_small {
            command.arg("--small");
        }
        let mut running = Running::start(command.args(["fill", "100000000", "60"]));
        let mut acknowledged = 0;
        while acknowledged < enough {
            acknowledged = acknowledged_by(&running.next_line());
        }
        running.child.kill().expect("the tool can be killed");
        running.child.wait().expect("a killed process ends");
        // What it had printed until then counts, too.
        let mut rest = String::new();
        running
            .out
            .read_to_string(&mut rest)
            .expect("the tool prints text");
        let last_whole = rest
            .rsplit_once('\n')
            .and_then(|(lines, _)| lines.lines().last());
        acknowledged = last_whole.map_or(acknowledged, acknowledged_by);

        let told = world.verb(&["scan"]);
        assert_eq!(told.code, Some(0), "after the kill: {}", told.err);
        let found = told.out.lines().count();
        assert!(
            found >= acknowledged,
            "{acknowledged} puts were acknowledged, {found} entries are left"
        );
        for (index, line) in told.out.lines().enumerate() {
            let number = index + 1;
            let start = format!("key{number:08} = \"value{number:08} value");
            assert!(
                line.starts_with(&start),
                "entry {number} of {found} is {line}"
            );
        }
        world.verb(&["put", "on", "and on"]).is("");
    }
}

fn acknowledged_by(line: &str) -> usize {
    let number = line.strip_prefix("acknowledged ").map(str::parse);
    match number {
        Some(Ok(number)) => number,
        _ => panic!("fill printed {line:?}"),
    }
}

#[test]
fn fill_tells_how_many_puts_were_acknowledged() {
    let world = World::new();
    world
        .verb(&["fill", "2500", "3"])
        .is("acknowledged 1000\nacknowledged 2000\nacknowledged 2500\n");
    world
        .session("get key00000001\nget key00002500\nfill 2 0\nget key00000002\nfill 0\n")
        .is("val\nval\nacknowledged 2\n\n");
    world
        .verb(&["get", "key00002501"])
        .is_trouble(1, &["key00002501"]);
}

#[test]
fn exit_codes_tell_a_missing_key_from_an_error() {
    let world = World::new();
    world.verb(&["get", "k"]).is_trouble(1, &["k has no value"]);
    world.verb(&["put", "k", "v"]).is("");
    world.verb(&["get", "k"]).is("v\n");
    world.verb(&["del", "k"]).is("");
    world.verb(&["get", "k"]).is_trouble(1, &["k"]);
    world.verb(&["del", "k"]).is("");
    world.verb(&["flush"]).is("");
    world.verb(&["compact"]).is("");
    world.verb(&["sync"]).is("");
    world.verb(&["put", "", "v"]).is_trouble(2, &["error"]);

    let no_store = world.dir.path().join("file");
    std::fs::write(&no_store, "text").expect("a file can be written");
    let told = feed(world.tool().arg("--path").arg(&no_store).arg("stats"), "");
    told.is_trouble(2, &["error", "file"]);
    let told = feed(
        world
            .tool()
            .arg("--path")
            .arg(world.dir.path())
            .arg("stats"),
        "",
    );
    told.is_trouble(2, &["error"]);

    for wrong in [
        &["put", "k"][..],
        &["fly"],
        &["put", "\\q", "v"],
        &["fill", "-1"],
        &["get", "a", "b"],
    ] {
        let told = world.verb(wrong);
        assert_eq!(
            (told.out.as_str(), told.code),
            ("", Some(2)),
            "{wrong:?}: {}",
            told.err
        );
        assert!(told.err.starts_with("error: "), "{wrong:?}: {}", told.err);
    }
}

/// It goes on after an error, says in which line it was, and ends with the worst of its codes.
#[test]
fn a_piped_session_goes_on_after_an_error() {
    let world = World::new();
    let told = world.session("get a\nput a 1\nget a\n");
    assert_eq!((told.out.as_str(), told.code), ("1\n", Some(1)));
    assert_eq!(told.err, "line 1: a has no value\n");

    let told = world.session("# a remark\n\nfly\nget b\nput \"a\nput a\nget a\n");
    assert_eq!((told.out.as_str(), told.code), ("1\n", Some(2)));
    let places: Vec<&str> = told.err.lines().map(|line| &line[..6]).collect();
    assert_eq!(
        places,
        ["line 3", "line 4", "line 5", "line 6"],
        "{}",
        told.err
    );

    world.session("get a\nquit\nget nothing\n").is("1\n");
}

#[test]
fn a_second_opener_is_refused_while_the_first_runs() {
    let world = World::new();
    let mut first = Running::start(&mut world.on_store());
    assert_eq!(first.ask("put k v\nget k"), "v");
    world.verb(&["get", "k"]).is_trouble(2, &["open already"]);
    world
        .session("put k stolen\n")
        .is_trouble(2, &["open already"]);
    assert_eq!(first.ask("get k"), "v");
    drop(first.child.stdin.take());
    let status = first.child.wait().expect("the tool ends with its input");
    assert_eq!(status.code(), Some(0));
    world.verb(&["get", "k"]).is("v\n");
}

/// Any bytes go in as escapes, and what a scan shows can be typed again.
#[test]
fn words_have_quotes_and_escapes() {
    let world = World::new();
    let lines = r#"put "a b" "1 2"
put \x00\xff "\x00 \"\\ \n"
put "" nothing
put größe größe
put - -5
put "say \"hi\"" x=y
"#;
    let told = world.session(lines);
    assert_eq!((told.out.as_str(), told.code), ("", Some(2)));
    assert!(told.err.starts_with("line 3: "), "{}", told.err);
    world
        .session("get \"a b\"\nget \\x00\\xff\nget größe\nget -\nget \"say \\\"hi\\\"\"\n")
        .is("1 2\n\\x00 \\\"\\\\ \\n\ngröße\n-5\nx=y\n");
    world.verb(&["get", "a b"]).is("1 2\n");
    world.verb(&["get", r"\x00\xff"]).is("\\x00 \\\"\\\\ \\n\n");
    world.verb(&["get", "--", "-"]).is("-5\n");

    let shown = world.verb(&["scan"]).out;
    let again = World::new();
    let puts: String = shown
        .lines()
        .map(|line| format!("put {}\n", line.replacen(" = ", " ", 1)))
        .collect();
    again.session(&puts).is("");
    again.verb(&["scan"]).is(&shown);
}

#[test]
fn a_scan_includes_both_ends() {
    let world = World::new();
    world.session("put a 1\nput b 2\nput c 3\nput d 4\n").is("");
    world.verb(&["scan", "b", "c"]).is("b = 2\nc = 3\n");
    world
        .session("scan c\nscan bb bc\nscan c b\nscan d d")
        .is("c = 3\nd = 4\nd = 4\n");
}

#[test]
fn stats_draw_memtables_and_levels() {
    let world = World::new();
    let lines = "put apple 1\nput plum 2\nflush\nput pear 3\nget apple\nstats\ncompact\nstats\n";
    let told = world.session(lines);
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    let drawings: Vec<&str> = told.out.split("memtable ").collect();
    let [before, after] = [drawings[1], drawings[2]];
    let line_of = |drawing: &str, head: &str| -> String {
        let line = drawing.lines().find(|line| line.starts_with(head));
        line.unwrap_or_else(|| panic!("no {head} in:\n{drawing}"))
            .to_owned()
    };
    assert!(
        before
            .lines()
            .next()
            .is_some_and(|line| line.contains("1 entry")),
        "{before}"
    );
    assert!(line_of(before, "L0 ").contains("apple .. plum"), "{before}");
    assert!(line_of(before, "L1 to ").contains("empty"), "{before}");
    assert!(line_of(before, "cache ").contains("1 misses"), "{before}");
    assert!(
        line_of(before, "background ").contains("no error"),
        "{before}"
    );
    assert!(line_of(after, "L0 ").contains("empty"), "{after}");
    assert!(line_of(after, "L1 ").contains("apple .. plum"), "{after}");
}

#[test]
fn without_a_path_the_store_is_temporary() {
    let world = World::new();
    let told = feed(&mut world.tool(), "put k v\nget k\n");
    told.is("v\n");
    assert!(told.err.starts_with("note: no --path"), "{}", told.err);
    assert_eq!(told.err.lines().count(), 1, "{}", told.err);
    assert!(world.names().is_empty(), "left behind: {:?}", world.names());
}

#[test]
fn help_names_every_verb() {
    let world = World::new();
    let told = feed(world.tool().arg("--help"), "");
    assert_eq!((told.code, told.err.as_str()), (Some(0), ""));
    assert!(told.out.contains("Exit codes"), "{}", told.out);
    let in_session = world.session("help\n");
    assert_eq!((in_session.code, in_session.err.as_str()), (Some(0), ""));
    let verbs = "put get del scan fill flush compact sync stats check block table help";
    for verb in verbs.split(' ') {
        let is_there = |text: &str| text.lines().any(|line| line.trim_start().starts_with(verb));
        assert!(
            is_there(&told.out),
            "--help does not name {verb}:\n{}",
            told.out
        );
        assert!(
            is_there(&in_session.out),
            "help does not name {verb}:\n{}",
            in_session.out
        );
    }
    assert!(in_session.out.contains("quit"), "{}", in_session.out);
    assert!(world.session("help put\n").out.contains("<KEY> <VALUE>"));
}

/// Whoever reads our answers may have read enough: no panic, no complaint.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::new();
    world.verb(&["fill", "20000"]);
    for verb in ["scan", "stats"] {
        let mut child = world
            .on_store()
            .arg(verb)
            .spawn()
            .expect("the tool can be started");
        // For `scan` more than a pipe holds, for `stats` nobody there from the first byte on.
        drop(child.stdout.take());
        let mut err = String::new();
        let stderr = child.stderr.as_mut().expect("piped");
        stderr
            .read_to_string(&mut err)
            .expect("the tool prints text");
        let status = child.wait().expect("the tool ends");
        assert_eq!((status.code(), err.as_str()), (Some(0), ""), "{verb}");
    }
}

#[test]
fn block_builds_the_block_of_its_arguments() {
    let world = World::new();
    let told = feed(
        world
            .tool()
            .args(["block", "plum=2", "apple=1", "pear", r"x\x00=a=b"]),
        "",
    );
    assert!(
        told.out.starts_with("block.bin: 4 entries, "),
        "{} {}",
        told.out,
        told.err
    );
    let bytes = std::fs::read(world.dir.path().join("block.bin")).expect("block.bin");
    let block = Block::decode(Bytes::from(bytes), Origin::memory("block.bin"));
    let mut cursor = BlockIterator::new(Arc::new(block.expect("a sound block")));
    let expected: [(&[u8], Option<&[u8]>); 4] = [
        (b"apple", Some(b"1")),
        (b"pear", None),
        (b"plum", Some(b"2")),
        (b"x\0", Some(b"a=b")),
    ];
    assert_entries(&mut cursor, &expected);
    assert_eq!(world.names(), ["block.bin"]);

    feed(world.tool().args(["block", "a=1", "a=2"]), "").is_trouble(2, &["a", "twice"]);
    feed(world.tool().args(["block", "=1"]), "").is_trouble(2, &["1 to 65535"]);
    let too_small = ["block", "a=1", "b=2", "--block-size", "20"];
    feed(world.tool().args(too_small), "").is_trouble(2, &["b", "20"]);
    assert_eq!(world.names(), ["block.bin"], "a failure left a file behind");
}

#[test]
fn table_builds_the_table_of_its_arguments() {
    let world = World::new();
    let told = feed(
        world
            .tool()
            .args(["table", "b=2", "a=1", "c", "--block-size", "1"]),
        "",
    );
    assert!(
        told.out.starts_with("000001.sst: 3 entries, "),
        "{} {}",
        told.out,
        told.err
    );
    let expected: [(&[u8], Option<&[u8]>); 3] =
        [(b"a", Some(b"1")), (b"b", Some(b"2")), (b"c", None)];
    let table = open_table(&world.dir.path().join("000001.sst"), TableId(1));
    assert_eq!(table.block_count(), 3);
    assert_entries(&mut SsTableIterator::new(table, CacheFill::No), &expected);

    // Its name is its id, and an old file is replaced.
    let out = world.dir.path().join("000042.sst");
    for value in ["old", "new"] {
        let entry = format!("k={value}");
        let told = feed(world.tool().args(["table", &entry, "--out"]).arg(&out), "");
        assert_eq!(told.code, Some(0), "{}", told.err);
    }
    let table = open_table(&out, TableId(42));
    assert_entries(
        &mut SsTableIterator::new(table, CacheFill::No),
        &[(b"k", Some(b"new"))],
    );

    feed(world.tool().args(["table", "a=1", "--out", "a.sst"]), "").is_trouble(2, &["000001.sst"]);
    feed(
        world
            .tool()
            .args(["table", "a=1", "--out", "no/such/000001.sst"]),
        "",
    )
    .is_trouble(2, &["no"]);
    assert_eq!(world.names(), ["000001.sst", "000042.sst"]);

    // Without a filter it is the table of day 2, to the byte.
    let golden = "table apple=red kiwi plum= --block-size 30 --filter-bits 0 --out 000007.sst";
    let told = feed(world.tool().args(golden.split(' ')), "");
    assert_eq!(
        told.out, "000007.sst: 3 entries, 152 bytes\n",
        "{}",
        told.err
    );
}

fn open_table(path: &Path, id: TableId) -> Arc<SsTable> {
    let table = SsTable::open(Arc::new(DiskFs), path, id, None).expect("a sound table");
    table.verify().expect("a sound table");
    Arc::new(table)
}

#[track_caller]
fn assert_entries(cursor: &mut dyn StorageIterator, expected: &[(&[u8], Option<&[u8]>)]) {
    cursor.seek_to_first().expect("the first entry can be read");
    for (key, value) in expected {
        assert!(
            cursor.is_valid(),
            "the file ends before {}",
            key.escape_ascii()
        );
        assert_eq!((cursor.key(), cursor.value()), (*key, *value));
        cursor.next().expect("the next entry can be read");
    }
    assert!(
        !cursor.is_valid(),
        "the file has more entries than it was given"
    );
}

/// The store that the tool leaves is one that the library opens, and the other way round.
#[test]
fn the_tool_and_the_library_share_their_stores() {
    let world = World::new();
    world.session("put k v\nflush\nput l w\n").is("");
    let store = LsmStorage::open(world.store(), LsmOptions::default()).expect("the store opens");
    assert_eq!(store.get(b"k").expect("get").as_deref(), Some(&b"v"[..]));
    store.put(b"m", b"x").expect("put");
    drop(store);
    world.verb(&["scan"]).is("k = v\nl = w\nm = x\n");
}
