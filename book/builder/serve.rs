//! Shows the book in a browser on this machine and reloads it when its text changes. Nothing but `std`.
//!
//! The text folder is looked at twice a second: file events do not come on every file system (Windows drives under
//! WSL 2, network drives). Every page gets a few lines of script that ask for the book's version and reload on a new one.
//!
//! Lock: the version's `RwLock` is held for writing while the book is rendered, for reading while a file is answered, so
//! that no reader sees a half-rendered book.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};

pub const DEFAULT_PORT: u16 = 3000;

const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A browser that opens a connection and stays silent must not keep a thread for ever.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);
/// Far more than a browser's request line and headers take.
const REQUEST_LIMIT: u64 = 64 * 1024;
const VERSION_PATH: &str = "/__version";

/// Builds the book and serves it until the process is stopped.
pub fn run(root: &Path, port: u16) -> Result<ExitCode> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => anyhow!(
                "port {port} is taken: try `cargo x book serve --port {}`",
                port ^ 1
            ),
            _ => anyhow!("cannot listen on port {port}: {error}"),
        })?;
    let address = listener.local_addr().context("cannot ask for the port")?;
    let shelf = Arc::new(Shelf {
        folder: root.join("book"),
        version: RwLock::new(first_version()),
    });
    let before = fingerprint(root);
    rebuild(root, &shelf);
    let (watched, kept) = (root.to_path_buf(), Arc::clone(&shelf));
    thread::spawn(move || watch(&watched, &kept, before));
    println!("book: http://{address}/  (Ctrl-C ends it)");
    for stream in listener.incoming().flatten() {
        let shelf = Arc::clone(&shelf);
        thread::spawn(move || answer(stream, &shelf));
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves a rendered book as it is, on a port of its own, for as long as this process lives. Returns where.
pub fn still(folder: &Path) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    let address = listener.local_addr().context("cannot ask for the port")?;
    let shelf = Arc::new(Shelf {
        folder: folder.to_path_buf(),
        version: RwLock::new(first_version()),
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shelf = Arc::clone(&shelf);
            thread::spawn(move || answer(stream, &shelf));
        }
    });
    Ok(address)
}

/// The rendered book, and a number that grows with each rendering.
struct Shelf {
    folder: PathBuf,
    version: RwLock<u64>,
}

/// Above every version of a server that ran before, so that a page left open reloads when a new one starts.
fn first_version() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since_1970.map_or(0, |time| time.as_secs())
}

/// Renders the book and tells how that went. A mistake in the text must not end the server: its author is at work on it.
fn rebuild(root: &Path, shelf: &Shelf) {
    // A rendering that panicked leaves a number that is still right.
    let mut version = shelf
        .version
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    match crate::build(root) {
        Ok(problems) if problems.is_empty() => println!("book: rendered"),
        Ok(problems) => crate::tell(&problems),
        Err(error) => eprintln!("error: {error:#}"),
    }
    *version += 1;
}

fn watch(root: &Path, shelf: &Shelf, mut seen: Fingerprint) {
    loop {
        thread::sleep(LOOK_EVERY);
        let now = fingerprint(root);
        if now == seen {
            continue;
        }
        seen = now;
        rebuild(root, shelf);
    }
}

type Fingerprint = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Length and time of every file that makes the book. What cannot be read is left out: it will be there the next time.
fn fingerprint(root: &Path) -> Fingerprint {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.join("src")];
    let mut files = vec![root.join("book.toml")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let list = if entry.path().is_dir() {
                &mut folders
            } else {
                &mut files
            };
            list.push(entry.path());
        }
    }
    for file in files {
        if let Ok(metadata) = fs::metadata(&file) {
            found.insert(file, (metadata.len(), metadata.modified().ok()));
        }
    }
    found
}

/// One request, one answer, and the connection ends. A browser that went away is nobody's error.
fn answer(mut stream: TcpStream, shelf: &Shelf) {
    let _ = stream.set_read_timeout(Some(SILENCE_LIMIT));
    if let Ok(Some(target)) = read_target(&stream) {
        let reply = respond(&target, shelf);
        let _ = write_reply(&mut stream, &reply);
    }
}

/// The path of a GET request, without its query; `None` for anything else.
fn read_target(stream: impl Read) -> io::Result<Option<String>> {
    let mut reader = BufReader::new(stream.take(REQUEST_LIMIT));
    let mut first = String::new();
    reader.read_line(&mut first)?;
    // The headers are read to their end: closing a socket with unread bytes would cut off the answer.
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let target = first
        .strip_prefix("GET ")
        .and_then(|rest| rest.split([' ', '?', '#']).next());
    Ok(target.map(str::to_string))
}

struct Reply {
    status: &'static str,
    media_type: &'static str,
    body: Vec<u8>,
}

fn respond(target: &str, shelf: &Shelf) -> Reply {
    let version = shelf.version.read().unwrap_or_else(PoisonError::into_inner);
    if target == VERSION_PATH {
        return Reply {
            status: "200 OK",
            media_type: "text/plain",
            body: version.to_string().into_bytes(),
        };
    }
    match read_page(target, &shelf.folder) {
        Some((path, body)) => page(&path, body, *version),
        None => Reply {
            status: "404 Not Found",
            media_type: "text/plain",
            body: b"no such page".to_vec(),
        },
    }
}

fn read_page(target: &str, folder: &Path) -> Option<(PathBuf, Vec<u8>)> {
    let relative = Path::new(target.trim_start_matches('/'));
    // Only plain names: no `..`, no drive letter, nothing that leads out of the book.
    if !relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return None;
    }
    let mut path = folder.join(relative);
    if path.is_dir() {
        path.push("index.html");
    }
    let body = fs::read(&path).ok()?;
    Some((path, body))
}

fn page(path: &Path, mut body: Vec<u8>, version: u64) -> Reply {
    let media_type = media_type(path);
    if media_type.starts_with("text/html") {
        body.extend(
            RELOAD_SCRIPT
                .replace("VERSION", &version.to_string())
                .into_bytes(),
        );
    }
    Reply {
        status: "200 OK",
        media_type,
        body,
    }
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn write_reply(stream: &mut impl Write, reply: &Reply) -> io::Result<()> {
    let Reply {
        status,
        media_type,
        body,
    } = reply;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n"
    )?;
    write!(
        stream,
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)?;
    stream.flush()
}

/// A server that has been stopped is asked again, so that a page comes back to life with it.
const RELOAD_SCRIPT: &str = r#"
<script>
setInterval(async () => {
  try {
    const version = await (await fetch("/__version")).text();
    if (version !== "VERSION") location.reload();
  } catch { /* not there now */ }
}, 1000);
</script>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> (tempfile::TempDir, Shelf) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("book");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("index.html"), "<p>hello</p>").unwrap();
        fs::write(folder.join("style.css"), "p {}").unwrap();
        fs::write(root.path().join("secret"), "no").unwrap();
        (
            root,
            Shelf {
                folder,
                version: RwLock::new(7),
            },
        )
    }

    #[test]
    fn a_page_is_served_with_its_version() {
        let (_root, shelf) = shelf();
        for target in ["/", "/index.html"] {
            let reply = respond(target, &shelf);
            let body = String::from_utf8(reply.body).unwrap();
            assert_eq!(
                (reply.status, reply.media_type),
                ("200 OK", "text/html; charset=utf-8")
            );
            assert!(
                body.starts_with("<p>hello</p>") && body.contains("version !== \"7\""),
                "{body}"
            );
        }
        assert_eq!(respond(VERSION_PATH, &shelf).body, b"7");
    }

    #[test]
    fn other_files_are_served_as_they_are() {
        let (_root, shelf) = shelf();
        let reply = respond("/style.css", &shelf);
        assert_eq!(
            (reply.body.as_slice(), reply.media_type),
            (&b"p {}"[..], "text/css; charset=utf-8")
        );
    }

    #[test]
    fn nothing_outside_the_book_is_served() {
        let (_root, shelf) = shelf();
        for target in [
            "/../secret",
            "/x/../../secret",
            "/nothing.html",
            "//../secret",
            "/./../secret",
        ] {
            assert_eq!(respond(target, &shelf).status, "404 Not Found", "{target}");
        }
    }

    #[test]
    fn a_request_gives_its_path_without_query() {
        let request = b"GET /a.html?highlight=x HTTP/1.1\r\nHost: here\r\n\r\n";
        assert_eq!(
            read_target(&request[..]).unwrap().as_deref(),
            Some("/a.html")
        );
        assert_eq!(read_target(&b"POST / HTTP/1.1\r\n\r\n"[..]).unwrap(), None);
        assert_eq!(read_target(&b""[..]).unwrap(), None);
    }

    #[test]
    fn a_change_of_the_text_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("src/sub")).unwrap();
        fs::write(root.path().join("src/sub/a.md"), "one").unwrap();
        let before = fingerprint(root.path());
        assert_eq!(before, fingerprint(root.path()));
        fs::write(root.path().join("src/sub/a.md"), "three").unwrap();
        assert_ne!(before, fingerprint(root.path()));
    }
}
