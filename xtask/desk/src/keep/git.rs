//! A commit on a branch of its own, made with `git fast-import`: the bytes go in as they are, past the index, the working tree,
//! line-end conversion and ignore rules, and `HEAD` does not move.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use staging::names::PACKAGE;

use super::Kept;
use crate::mine::{FILES, FOLDERS, Mine};

/// Where a commit stands until it is known to be needed.
const PENDING: &str = "refs/mini-lsm/pending";

/// A repository that the learner's crate belongs to.
pub struct Repository {
    root: PathBuf,
    /// The crate's folder within the repository.
    place: String,
}

impl Repository {
    /// `Err` says in a few words why git cannot keep anything here.
    pub fn of(root: &Path) -> Result<Repository, String> {
        let mut repository = Repository {
            root: root.to_path_buf(),
            place: PACKAGE.to_string(),
        };
        let prefix = match repository.command(&["rev-parse", "--show-prefix"]).output() {
            Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
                .trim_end_matches(['\n', '\r'])
                .to_string(),
            Ok(_) => return Err("this is no git repository".to_string()),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Err("git is not installed".to_string());
            }
            Err(e) => return Err(format!("git could not be started: {e}")),
        };
        repository.place = format!("{prefix}{PACKAGE}");
        // A copy of the course in some folder of another project, or of a home under git, is not that repository's business.
        let manifest = format!("{PACKAGE}/Cargo.toml");
        if !prefix.is_empty()
            && repository
                .git(&["ls-files", "--error-unmatch", "--", &manifest])
                .is_err()
        {
            return Err("the git repository around it does not track it".to_string());
        }
        Ok(repository)
    }

    /// A commit with the bytes of `mine`: a new one on a branch called `name`, or one that has them already.
    pub fn keep(&self, mine: &Mine, name: &str, what: &str) -> Result<Kept> {
        let head = self
            .git(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
            .ok();
        self.import(mine, head.as_deref(), what)?;
        let made = self.git(&["rev-parse", PENDING])?;
        let same = self.same_as(&made, head.as_deref());
        let kept = match same {
            Some(name) => name,
            None => self.branch(&made, name)?,
        };
        self.git(&["update-ref", "-d", PENDING])?;
        Ok(Kept::Commit {
            name: kept,
            place: self.place.clone(),
        })
    }

    fn import(&self, mine: &Mine, head: Option<&str>, what: &str) -> Result<()> {
        let mut stream = Vec::new();
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seconds = seconds.map_or(0, |time| time.as_secs());
        let message = format!("Before {what}: {PACKAGE} as it was\n");
        write!(
            stream,
            "feature done\nreset {PENDING}\n\ncommit {PENDING}\n"
        )?;
        writeln!(
            stream,
            "committer cargo x <cargo-x@localhost> {seconds} +0000"
        )?;
        write!(stream, "data {}\n{message}", message.len())?;
        if let Some(head) = head {
            writeln!(stream, "from {head}")?;
        }
        for gone in FILES.into_iter().chain(FOLDERS) {
            writeln!(stream, "D {}/{gone}", self.place)?;
        }
        for (path, bytes) in &mine.files {
            let mode = if is_executable(&mine.dir.join(path)) {
                "100755"
            } else {
                "100644"
            };
            let path = quoted(&format!("{}/{path}", self.place));
            write!(stream, "M {mode} inline {path}\ndata {}\n", bytes.len())?;
            stream.extend_from_slice(bytes);
            stream.push(b'\n');
        }
        stream.extend_from_slice(b"\ndone\n");
        let mut command = self.command(&["fast-import", "--quiet", "--force"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("git fast-import")?;
        let mut input = child.stdin.take().expect("the child's input is a pipe");
        let written = input.write_all(&stream);
        drop(input);
        let output = child.wait_with_output().context("git fast-import")?;
        if !output.status.success() {
            bail!("{}", first_line(&output.stderr));
        }
        written.context("git fast-import")
    }

    /// A name for a commit that has the same files in the crate as `made`: `HEAD`'s, or that of the newest branch of ours.
    fn same_as(&self, made: &str, head: Option<&str>) -> Option<String> {
        let tree = |commit: &str| {
            self.git(&["rev-parse", &format!("{commit}:{}", self.place)])
                .ok()
        };
        let wanted = tree(made)?;
        if let Some(head) = head
            && tree(head).as_ref() == Some(&wanted)
        {
            return Some(head[..head.len().min(12)].to_string());
        }
        let format = "--format=%(refname:short)";
        let ours = [
            "for-each-ref",
            "--sort=-creatordate",
            "--count=8",
            format,
            "refs/heads/saved-*",
        ];
        let ours = self.git(&ours).unwrap_or_default();
        let mut same = ours
            .lines()
            .filter(|name| tree(name).as_ref() == Some(&wanted));
        same.next().map(str::to_string)
    }

    /// Makes a branch, with a number behind its name where that is taken. Never moves one that is there.
    fn branch(&self, commit: &str, name: &str) -> Result<String> {
        for number in 1..100 {
            let name = match number {
                1 => name.to_string(),
                many => format!("{name}-{many}"),
            };
            let full = format!("refs/heads/{name}");
            if self
                .git(&["rev-parse", "--verify", "--quiet", &full])
                .is_ok()
            {
                continue;
            }
            self.git(&["update-ref", &full, commit, ""])?;
            return Ok(name);
        }
        bail!("no name is left for a branch like {name}")
    }

    pub fn git(&self, args: &[&str]) -> Result<String> {
        let output = self
            .command(args)
            .output()
            .with_context(|| format!("git {}", args[0]))?;
        if !output.status.success() {
            bail!("{}", first_line(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_string())
    }

    /// Without what a hook or an alias around us may have set, and without refreshing the learner's index on the way.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(args)
            .current_dir(&self.root)
            .stdin(Stdio::null());
        for variable in [
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_PREFIX",
        ] {
            command.env_remove(variable);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0");
        command
    }
}

fn first_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.next().unwrap_or("it did not say why").to_string()
}

/// As `git fast-import` reads paths that hold a quote or a line break.
fn quoted(path: &str) -> String {
    match path.starts_with('"') || path.contains('\n') {
        true => format!(
            "\"{}\"",
            path.replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n")
        ),
        false => path.to_string(),
    }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    false
}
